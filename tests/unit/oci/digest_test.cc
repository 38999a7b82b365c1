#include "oci/digest.h"

#include <string>

#include "oci_digest.h"
#include "support.h"

namespace tairitsu::oci {
namespace {

constexpr const char* kEmpty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(Digest, HashesContent) {
  EXPECT_EQ(test::oci_digest_of("").to_string(), kEmpty);
  EXPECT_EQ(test::oci_digest_of("abc").hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(test::oci_digest_of(std::string(1000, 'a')).hex(),
            "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

TEST(Digest, ParsesItsOwnText) {
  const auto digest = Digest::parse(kEmpty);
  ASSERT_OK(digest);
  EXPECT_EQ(digest->to_string(), kEmpty);
  EXPECT_EQ(*digest, test::oci_digest_of(""));
}

TEST(Digest, RejectsOtherAlgorithmsAndInvalidText) {
  const std::string digits(64, 'a');
  for (const std::string& text :
       {std::string(), std::string("sha256"), std::string("sha256:"), digits, "sha256:" + digits + "a",
        "sha256:" + digits.substr(1), "sha256:" + digits.substr(1) + "A", "sha256:" + digits.substr(1) + "g",
        "SHA256:" + digits, "sha512:" + digits + digits, "sha256:" + digits.substr(1) + '\0',
        " sha256:" + digits, "sha256:../../" + digits.substr(6)}) {
    EXPECT_ERROR(Digest::parse(text), invalid_argument) << text;
  }
}

TEST(Digest, MessagesContainNoControlCharacters) {
  EXPECT_EQ(test::message_of(Digest::parse("\x1b[2Jmd5:1")),
            "unsupported digest '\xEF\xBF\xBD[2Jmd5:1': only sha256 is supported");
}

}  // namespace
}  // namespace tairitsu::oci

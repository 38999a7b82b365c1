#include "oci/text.h"

#include <string>

#include "support.h"

namespace tairitsu::oci {
namespace {

TEST(OciText, PrintableReplacesControlCharacters) {
  EXPECT_EQ(printable("größe 日本", 100), "größe 日本");
  EXPECT_EQ(printable("a\x1b[31m\r\nb", 100), "a\uFFFD[31m\uFFFD\uFFFDb");
  EXPECT_EQ(printable("\xff\xc3", 100), "\uFFFD\uFFFD");
  EXPECT_EQ(printable("\u009b1m\u202e", 100), "\uFFFD1m\uFFFD");
  EXPECT_EQ(printable(std::string("a\0b", 3), 100), "a\uFFFDb");
}

TEST(OciText, PrintableIsBounded) {
  EXPECT_EQ(printable("abcdef", 3), "abc…");
  EXPECT_EQ(printable("aäb", 2), "a…");
  EXPECT_EQ(printable(std::string(1000, '\x80'), 3), "…");
}

TEST(OciText, NumbersHaveOnlyDigits) {
  EXPECT_EQ(to_number("0"), 0U);
  EXPECT_EQ(to_number("18446744073709551615"), 18446744073709551615U);
  for (const char* text : {"", "-1", "+1", "1 ", " 1", "0x1", "18446744073709551616"}) {
    EXPECT_EQ(to_number(text), std::nullopt) << text;
  }
}

TEST(OciText, PercentEncodesReservedCharacters) {
  EXPECT_EQ(percent_encoded("repository:a/b:pull,push"), "repository%3Aa%2Fb%3Apull%2Cpush");
  EXPECT_EQ(percent_encoded("a b&c=ä-._~"), "a%20b%26c%3D%C3%A4-._~");
}

TEST(OciText, TrimsSpacesAndTabs) {
  EXPECT_EQ(trimmed(" \ta b \t"), "a b");
  EXPECT_EQ(trimmed(" "), "");
}

}  // namespace
}  // namespace tairitsu::oci

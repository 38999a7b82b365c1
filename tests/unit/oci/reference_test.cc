#include "oci/reference.h"

#include <string>
#include <string_view>
#include <utility>

#include "support.h"

namespace tairitsu::oci {
namespace {

using testing::HasSubstr;

const std::string kDigest = "sha256:" + std::string(64, 'a');

/// Formats the parts as `registry|repository|tag|digest`.
std::string parts(std::string_view text, const ReferenceOptions& options = {}) {
  const auto reference = parse_reference(text, options);
  if (!reference) return std::string(to_string(reference.error().code()));
  return reference->registry + "|" + reference->repository + "|" + reference->tag + "|" +
         (reference->digest ? reference->digest->to_string() : "");
}

std::string why_not(std::string_view text) { return test::message_of(parse_reference(text)); }

TEST(Reference, ParsesAllParts) {
  EXPECT_EQ(parts("ghcr.io/foo/bar:1.2"), "ghcr.io|foo/bar|1.2|");
  EXPECT_EQ(parts("ghcr.io/foo/bar:1.2@" + kDigest), "ghcr.io|foo/bar|1.2|" + kDigest);
  EXPECT_EQ(parts("ghcr.io/bar@" + kDigest), "ghcr.io|bar||" + kDigest);
  EXPECT_EQ(parts("ghcr.io:443/bar"), "ghcr.io:443|bar|latest|");
}

TEST(Reference, RecognizesRegistries) {
  EXPECT_EQ(parts("localhost/a"), "localhost|a|latest|");
  EXPECT_EQ(parts("localhost:5000/a:1"), "localhost:5000|a|1|");
  EXPECT_EQ(parts("127.0.0.1:5000/a"), "127.0.0.1:5000|a|latest|");
  EXPECT_EQ(parts("[::1]:5000/a"), "[::1]:5000|a|latest|");
  EXPECT_EQ(parts("[2001:DB8::1]/a/b"), "[2001:db8::1]|a/b|latest|");
  EXPECT_EQ(parts("box:5000/a"), "box:5000|a|latest|");
}

TEST(Reference, WithoutARegistryIsLocal) {
  EXPECT_EQ(parts("hello"), "|hello|latest|");
  EXPECT_EQ(parts("hello:1"), "|hello|1|");
  EXPECT_EQ(parts("me/hello:1"), "|me/hello|1|");
  EXPECT_EQ(parts("hello@" + kDigest), "|hello||" + kDigest);
  // As in Docker, a name with a single part has no registry.
  EXPECT_EQ(parts("ghcr.io"), "|ghcr.io|latest|");
  EXPECT_EQ(parts("localhost:5000"), "|localhost|5000|");
}

TEST(Reference, UsesAGivenDefaultRegistry) {
  EXPECT_EQ(parts("hello:1", {.default_registry = "ghcr.io"}), "ghcr.io|hello|1|");
  EXPECT_EQ(parts("hello:1", {.default_registry = "docker.io"}), "docker.io|library/hello|1|");
  EXPECT_EQ(parts("me/hello", {.default_registry = "docker.io"}), "docker.io|me/hello|latest|");
  EXPECT_EQ(parts("quay.io/hello", {.default_registry = "ghcr.io"}), "quay.io|hello|latest|");
  EXPECT_EQ(parts("hello", {.default_registry = "no host"}), "invalid_argument");
}

TEST(Reference, IsNormalized) {
  EXPECT_EQ(parts("GHCR.io/foo"), "ghcr.io|foo|latest|");
  EXPECT_EQ(parts("docker.io/hello"), "docker.io|library/hello|latest|");
  EXPECT_EQ(parts("index.docker.io/hello"), "docker.io|library/hello|latest|");
  EXPECT_EQ(parts("docker.io/me/hello"), "docker.io|me/hello|latest|");
  EXPECT_EQ(parts("library/hello"), "|library/hello|latest|");
}

TEST(Reference, PrintsTextThatParsesToTheSame) {
  for (const std::string& text :
       {std::string("hello:1"), std::string("me/hello:latest"), "ghcr.io/a/b@" + kDigest,
        "ghcr.io/a:1@" + kDigest, std::string("[::1]:5000/a:b"), std::string("docker.io/library/a:b")}) {
    const auto reference = parse_reference(text);
    ASSERT_OK(reference);
    EXPECT_EQ(reference->to_string(), text);
    EXPECT_EQ(*parse_reference(reference->to_string()), *reference);
  }
}

TEST(Reference, PrefersTheDigestToTheTag) {
  EXPECT_EQ(parse_reference("ghcr.io/a:1@" + kDigest)->target(), kDigest);
  EXPECT_EQ(parse_reference("ghcr.io/a:1")->target(), "1");
  EXPECT_EQ(parse_reference("ghcr.io/a:1")->name(), "ghcr.io/a");
}

TEST(Reference, AcceptsEverySeparatorOfAPath) {
  for (const char* name : {"a.b", "a_b", "a__b", "a-b", "a---b", "a/b/c/d", "0", "a--b__c.d"}) {
    EXPECT_OK(parse_reference(name)) << name;
  }
}

TEST(Reference, RejectsHostileText) {
  const std::string long_tag(129, 'a');
  const std::string long_name(256, 'a');
  const std::vector<std::string> texts = {"",
                                          " ",
                                          "/",
                                          ":",
                                          "@",
                                          ":1",
                                          "@" + kDigest,
                                          "a:",
                                          "a@",
                                          "a:@" + kDigest,
                                          "a:1:2",
                                          "a//b",
                                          "/a",
                                          "a/",
                                          "a b",
                                          " a",
                                          "a\n",
                                          std::string("a\0b", 3),
                                          "a/../b",
                                          "..",
                                          "../../etc/passwd",
                                          "./a",
                                          "a..b",
                                          "a.",
                                          ".a",
                                          "-a",
                                          "a-",
                                          "a___b",
                                          "a_.b",
                                          "a%2fb",
                                          "ä",
                                          "Hello",
                                          "MyOrg/hello",
                                          "a:.1",
                                          "a:-1",
                                          "a:b/c",
                                          "a:b c",
                                          "a:" + long_tag,
                                          long_name,
                                          std::string(64, 'a'),
                                          "ghcr.io/" + std::string(248, 'a'),
                                          "ghcr.io/",
                                          "ghcr.io//a",
                                          "ghcr.io/a?x=1",
                                          "ghcr.io/a#b",
                                          "ghcr.io/A",
                                          "user@ghcr.io/a",
                                          "user:pass@ghcr.io/a",
                                          "https://ghcr.io/a",
                                          "ghcr..io/a",
                                          "-ghcr.io/a",
                                          "ghcr.io:/a",
                                          "ghcr.io:0/a",
                                          "ghcr.io:65536/a",
                                          "ghcr.io:0443/a",
                                          "ghcr.io:99999999999999999999/a",
                                          "ghcr.io:80:80/a",
                                          "gh_cr.io/a",
                                          "[::1/a",
                                          "::1/a",
                                          "[::1]x/a",
                                          "[1]/a",
                                          "[::g]/a",
                                          "[fe80::1%25eth0]/a",
                                          "a@sha512:" + std::string(128, 'a'),
                                          "a@" + kDigest + "@" + kDigest,
                                          "a@" + kDigest + ":1",
                                          std::string(100000, '/'),
                                          std::string(100000, 'a') + ":1"};
  for (const std::string& text : texts) {
    EXPECT_ERROR(parse_reference(text), invalid_argument) << text.substr(0, 200);
    EXPECT_LT(why_not(text).size(), 400U) << text.substr(0, 200);
  }
}

TEST(Reference, ReportsTheReason) {
  EXPECT_EQ(why_not("Hello:1"), "invalid image name 'Hello:1': the repository has upper-case letters");
  EXPECT_EQ(why_not("https://ghcr.io/a"), "invalid image name 'https://ghcr.io/a': a URL; remove the scheme");
  EXPECT_THAT(why_not(std::string(64, '1')), HasSubstr("an image ID"));
  EXPECT_THAT(why_not("gh_cr.io/a"), HasSubstr("'gh_cr.io' is not HOST or HOST:PORT"));
  EXPECT_THAT(why_not("\x1b[2J"), HasSubstr("'\uFFFD[2J'"));
}

TEST(Reference, RequiresARegistry) {
  EXPECT_OK(require_registry(*parse_reference("ghcr.io/me/hello:1"), "push"));
  const auto refused = require_registry(*parse_reference("hello:1"), "push");
  EXPECT_ERROR(refused, invalid_argument);
  EXPECT_EQ(test::message_of(refused),
            "cannot push 'hello:1': the name has no registry; add the registry's host, as in "
            "ghcr.io/you/hello:1");
}

TEST(Reference, ParsesARegistry) {
  EXPECT_EQ(*parse_registry("GHCR.io"), "ghcr.io");
  EXPECT_EQ(*parse_registry("https://localhost:5000/"), "localhost:5000");
  EXPECT_EQ(*parse_registry("index.docker.io"), "docker.io");
  for (const char* text : {"", "https://", "a/b", "a b", "a:b", "user@host", "https://https://a"}) {
    EXPECT_ERROR(parse_registry(text), invalid_argument) << text;
  }
}

}  // namespace
}  // namespace tairitsu::oci

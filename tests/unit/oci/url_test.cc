#include "oci/url.h"

#include <string>
#include <string_view>

#include "support.h"

namespace tairitsu::oci {
namespace {

std::string normal(std::string_view text) {
  const auto url = Url::parse(text);
  return url ? url->to_string() : std::string(to_string(url.error().code()));
}

std::string resolved(std::string_view base, std::string_view reference) {
  const auto url = test::unwrap(Url::parse(base)).resolve(reference);
  return url ? url->to_string() : std::string(to_string(url.error().code()));
}

TEST(Url, IsNormalized) {
  EXPECT_EQ(normal("https://ghcr.io"), "https://ghcr.io/");
  EXPECT_EQ(normal("HTTPS://GHCR.io:443/v2/?a=B"), "https://ghcr.io/v2/?a=B");
  EXPECT_EQ(normal("http://localhost:80/a"), "http://localhost/a");
  EXPECT_EQ(normal("http://localhost:443/a"), "http://localhost:443/a");
  EXPECT_EQ(normal("https://[::1]:5000/a#b"), "https://[::1]:5000/a");
  EXPECT_EQ(normal("https://[::1]"), "https://[::1]/");
  EXPECT_EQ(normal("https://a?x=1"), "https://a/?x=1");
}

TEST(Url, RejectsOtherText) {
  for (const std::string& text : {std::string(),
                                  std::string("ghcr.io"),
                                  std::string("ftp://a/"),
                                  std::string("file:///etc/passwd"),
                                  std::string("https://"),
                                  std::string("https:///a"),
                                  std::string("https://user:pass@a/"),
                                  std::string("https://a:0/"),
                                  std::string("https://a:65536/"),
                                  std::string("https://a:x/"),
                                  std::string("https://a b/"),
                                  std::string("https://a/b c"),
                                  std::string("https://a/\r\nX: y"),
                                  std::string("https://a/\0", 11),
                                  std::string("https://ä/"),
                                  std::string("https://a\\b/"),
                                  std::string("https://[::1/"),
                                  std::string("https://[]/"),
                                  std::string("https://[g]/"),
                                  "https://a/" + std::string(20000, 'a')}) {
    EXPECT_EQ(normal(text), "invalid_argument") << text.substr(0, 100);
  }
}

TEST(Url, ResolvesReferences) {
  const std::string base = "https://ghcr.io/v2/a/uploads/?x=1";
  EXPECT_EQ(resolved(base, "https://cdn.io/b"), "https://cdn.io/b");
  EXPECT_EQ(resolved(base, "//cdn.io/b"), "https://cdn.io/b");
  EXPECT_EQ(resolved(base, "/v2/b?y=2"), "https://ghcr.io/v2/b?y=2");
  EXPECT_EQ(resolved(base, "id?y=https://b"), "https://ghcr.io/v2/a/uploads/id?y=https://b");
  EXPECT_EQ(resolved(base, "../id"), "https://ghcr.io/v2/a/id");
  EXPECT_EQ(resolved(base, "../../../../../id"), "https://ghcr.io/id");
  EXPECT_EQ(resolved(base, "./"), "https://ghcr.io/v2/a/uploads/");
  EXPECT_EQ(resolved(base, "?n=2"), "https://ghcr.io/v2/a/uploads/?n=2");
  EXPECT_EQ(resolved(base, ""), base);
  EXPECT_EQ(resolved(base, " /a "), "https://ghcr.io/a");
}

TEST(Url, RejectsInvalidReferences) {
  for (const char* text : {"ftp://a/b", "javascript:alert(1)", "https://user@a/", "/a b", "/a\r\nb", "//"}) {
    EXPECT_EQ(resolved("https://ghcr.io/", text), "invalid_argument") << text;
  }
}

TEST(Url, AppendsToTheQuery) {
  EXPECT_EQ(test::unwrap(Url::parse("https://a/b")).with_query("d", "x:y").to_string(),
            "https://a/b?d=x%3Ay");
  EXPECT_EQ(test::unwrap(Url::parse("https://a/b?c=1")).with_query("d", "").to_string(),
            "https://a/b?c=1&d=");
  EXPECT_EQ(test::unwrap(Url::parse("https://a/b?")).with_query("d", "1").to_string(), "https://a/b?d=1");
}

TEST(Url, RecognizesLoopbackHosts) {
  for (const char* host : {"localhost", "a.localhost", "127.0.0.1", "127.1.2.3", "[::1]"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host : {"", "ghcr.io", "127.evil.org", "127.0.0.1.evil.org", "localhost.evil.org",
                           "128.0.0.1", "notlocalhost", "127.1", "[::2]", "0.0.0.0"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

}  // namespace
}  // namespace tairitsu::oci

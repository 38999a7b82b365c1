#include "oci/credentials.h"

#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "environment.h"
#include "processes.h"
#include "support.h"

namespace tairitsu::oci {
namespace {

using test::EnvironmentVariable;
using testing::HasSubstr;
using testing::Not;

class CredentialFileTest : public testing::Test {
 protected:
  /// Adds a helper, `docker-credential-test`, that runs in the test's directory.
  void add_helper(const std::string& script) {
    const auto file = directory_.write("docker-credential-test",
                                       "#!/bin/sh\ncd " + directory_.path().string() + "\n" + script);
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }

  [[nodiscard]] CredentialFile file() const {
    return CredentialFile({.directory = directory_.path(), .helper_limit = std::chrono::seconds(10)});
  }

  void write(const std::string& text) const { directory_.write("config.json", text); }
  [[nodiscard]] nlohmann::json read() const { return nlohmann::json::parse(directory_.read("config.json")); }

  /// `user:password`, `token:…`, or `none`.
  [[nodiscard]] std::string find(std::string_view registry) const {
    const auto found = file().find(registry);
    if (!found) return std::string(to_string(found.error().code()));
    if (!*found) return "none";
    const Credentials& credentials = **found;
    if (!credentials.identity_token.empty()) return "token:" + credentials.identity_token;
    if (!credentials.registry_token.empty()) return "bearer:" + credentials.registry_token;
    return credentials.username + ":" + credentials.password;
  }

  test::TemporaryDirectory directory_;
  EnvironmentVariable path_{"PATH", directory_.path().string() + ":" + std::getenv("PATH")};
};

// user:pass
constexpr const char* kAuth = "dXNlcjpwYXNz";

TEST_F(CredentialFileTest, FindsNothingWithoutAFile) {
  EXPECT_EQ(find("ghcr.io"), "none");
  write("");
  EXPECT_EQ(find("ghcr.io"), "none");
  write("{}");
  EXPECT_EQ(find("ghcr.io"), "none");
}

TEST_F(CredentialFileTest, FindsCredentialsOfDocker) {
  write(R"({"auths": {"ghcr.io": {"auth": "dXNlcjpwYXNz"}, "localhost:5000": {"auth": "YTpiOmM="},
             "https://index.docker.io/v1/": {"auth": "aHViOmh1Yg=="}, "azure.io": {"auth": "bm9uZTo=",
             "identitytoken": "refresh"}, "plain.io": {"username": "u", "password": "p"},
             "bearer.io": {"registrytoken": "abc"}, "empty.io": {}}})");
  EXPECT_EQ(find("ghcr.io"), "user:pass");
  EXPECT_EQ(find("localhost:5000"), "a:b:c");
  EXPECT_EQ(find("localhost"), "none");
  EXPECT_EQ(find("docker.io"), "hub:hub");
  EXPECT_EQ(find("azure.io"), "token:refresh");
  EXPECT_EQ(find("plain.io"), "u:p");
  EXPECT_EQ(find("bearer.io"), "bearer:abc");
  EXPECT_EQ(find("empty.io"), "none");
  EXPECT_EQ(find("quay.io"), "none");
}

TEST_F(CredentialFileTest, AcceptsKeysThatAreUrls) {
  const std::string entry = R"(": {"auth": "dXNlcjpwYXNz"}}})";
  for (const char* key : {"https://ghcr.io", "https://ghcr.io/v1/", "http://ghcr.io/v2", "ghcr.io/"}) {
    write(R"({"auths": {")" + std::string(key) + entry);
    EXPECT_EQ(find("ghcr.io"), "user:pass") << key;
  }
  for (const char* key :
       {"https://ghcr.io/foo", "ghcr.io.evil.org", "evil.org/ghcr.io", "https://evil.org/https://ghcr.io"}) {
    write(R"({"auths": {")" + std::string(key) + entry);
    EXPECT_EQ(find("ghcr.io"), "none") << key;
  }
}

TEST_F(CredentialFileTest, ReportsAnInvalidFile) {
  write("{");
  EXPECT_THAT(test::message_of(file().find("ghcr.io")), HasSubstr("config.json': not a JSON object"));
  write("[1]");
  EXPECT_EQ(find("ghcr.io"), "io");
  write(R"({"auths": {"ghcr.io": {"auth": "secret!"}}})");
  const std::string message = test::message_of(file().find("ghcr.io"));
  EXPECT_THAT(message, HasSubstr("config.json': auths['ghcr.io']: 'auth' is not base64 of USER:PASSWORD"));
  EXPECT_THAT(message, Not(HasSubstr("secret!")));
  write(R"({"auths": [], "credHelpers": 1, "credsStore": {}})");
  EXPECT_EQ(find("ghcr.io"), "none");
  write(std::string(100000, '['));
  EXPECT_EQ(find("ghcr.io"), "io");
}

TEST_F(CredentialFileTest, RejectsADirectoryInPlaceOfTheFile) {
  std::filesystem::create_directory(directory_.path() / "config.json");
  EXPECT_EQ(find("ghcr.io"), "io");
  EXPECT_ERROR(file().store("ghcr.io", {.username = "user", .password = "pass"}), io);
}

TEST_F(CredentialFileTest, RunsHelpers) {
  add_helper(R"(read url; echo "$1 $url" >> asked
case "$url" in
  ghcr.io) echo '{"ServerURL":"ghcr.io","Username":"user","Secret":"pass"}' ;;
  https://index.docker.io/v1/) echo '{"Username":"<token>","Secret":"refresh"}' ;;
  *) echo 'credentials not found in native keychain'; exit 1 ;;
esac
)");
  write(
      R"({"credsStore": "test", "auths": {"quay.io": {"auth": "dXNlcjpwYXNz"}, "ghcr.io": {"auth": "YTpi"}}})");
  EXPECT_EQ(find("ghcr.io"), "user:pass");
  EXPECT_EQ(find("docker.io"), "token:refresh");
  EXPECT_EQ(find("gcr.io"), "none");
  EXPECT_EQ(find("quay.io"), "user:pass");
  EXPECT_EQ(directory_.read("asked"),
            "get ghcr.io\nget https://index.docker.io/v1/\nget gcr.io\nget quay.io\n");

  write(R"({"credsStore": "no-such-one", "credHelpers": {"ghcr.io": "test"}})");
  EXPECT_EQ(find("ghcr.io"), "user:pass");
  EXPECT_THAT(test::message_of(file().find("quay.io")),
              HasSubstr("cannot run 'docker-credential-no-such-one'"));
}

TEST_F(CredentialFileTest, ReportsErrorsOfHelpers) {
  write(R"({"credsStore": "test"})");
  add_helper("echo 'the keychain is \x1b[31mlocked'; exit 2");
  EXPECT_EQ(test::message_of(file().find("ghcr.io")),
            "docker-credential-test get failed with status 2: the keychain is \uFFFD[31mlocked");
  add_helper("echo 'no display' >&2; exit 1");
  EXPECT_EQ(test::message_of(file().find("ghcr.io")),
            "docker-credential-test get failed with status 1: no display");
  add_helper("echo not json");
  EXPECT_EQ(test::message_of(file().find("ghcr.io")),
            "docker-credential-test get: the output is not a JSON object");
  add_helper("exec sleep 20");
  const CredentialFile hasty(
      {.directory = directory_.path(), .helper_limit = std::chrono::milliseconds(100)});
  EXPECT_EQ(test::message_of(hasty.find("ghcr.io")), "'docker-credential-test' timed out after 100 ms");
  write(R"({"credsStore": "../../bin/sh"})");
  EXPECT_EQ(test::message_of(file().find("ghcr.io")), "invalid credential helper name '../../bin/sh'");
}

TEST_F(CredentialFileTest, StoresALogin) {
  ASSERT_OK(file().store("ghcr.io", {.username = "user", .password = "pass"}));
  EXPECT_EQ(find("ghcr.io"), "user:pass");
  EXPECT_EQ(read()["auths"]["ghcr.io"]["auth"], kAuth);
  ASSERT_OK(file().store("ghcr.io", {.username = "other", .password = "p:a:s"}));
  EXPECT_EQ(find("ghcr.io"), "other:p:a:s");
  ASSERT_OK(file().store("docker.io", {.identity_token = "refresh"}));
  EXPECT_EQ(find("docker.io"), "token:refresh");
  EXPECT_TRUE(read()["auths"].contains("https://index.docker.io/v1/"));
}

TEST_F(CredentialFileTest, IsReadableOnlyByItsOwner) {
  const auto path = directory_.path() / "config.json";
  write("{}");
  std::filesystem::permissions(path, static_cast<std::filesystem::perms>(0644));
  ASSERT_OK(file().store("ghcr.io", {.username = "user", .password = "pass"}));
  struct stat status{};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  // No temporary file is left.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_.path()), {}), 1);
}

TEST_F(CredentialFileTest, KeepsTheRestOfTheFile) {
  write(
      R"({"zebra": [1, {"deep": null}], "auths": {"quay.io": {"auth": "YTpi", "email": "a@b"}}, "HttpHeaders": {"X": "y"},
            "big": 12345678901234567890, "currentContext": "größe"})");
  const nlohmann::json before = read();
  ASSERT_OK(file().store("ghcr.io", {.username = "user", .password = "pass"}));
  EXPECT_TRUE(directory_.read("config.json").starts_with("{\n\t\"zebra\""));
  ASSERT_OK(file().erase("ghcr.io"));
  EXPECT_EQ(read(), before);
}

TEST_F(CredentialFileTest, ReplacesOtherSpellingsOfAKey) {
  write(R"({"auths": {"https://ghcr.io/v1/": {"auth": "YTpi"}}})");
  ASSERT_OK(file().store("ghcr.io", {.username = "user", .password = "pass"}));
  EXPECT_EQ(read()["auths"].size(), 1U);
  EXPECT_EQ(find("ghcr.io"), "user:pass");
}

TEST_F(CredentialFileTest, FollowsASymbolicLink) {
  std::filesystem::create_directory(directory_.path() / "real");
  directory_.write("real/config.json", R"({"keep": 1})");
  std::filesystem::create_symlink("real/config.json", directory_.path() / "config.json");
  ASSERT_OK(file().store("ghcr.io", {.username = "user", .password = "pass"}));
  EXPECT_TRUE(std::filesystem::is_symlink(directory_.path() / "config.json"));
  EXPECT_THAT(directory_.read("real/config.json"), HasSubstr(kAuth));
  EXPECT_EQ(read()["keep"], 1);
}

TEST_F(CredentialFileTest, DoesNotReplaceAFileThatItCannotRead) {
  write("{ half");
  EXPECT_ERROR(file().store("ghcr.io", {.username = "user", .password = "pass"}), io);
  EXPECT_ERROR(file().erase("ghcr.io"), io);
  EXPECT_EQ(directory_.read("config.json"), "{ half");
}

TEST_F(CredentialFileTest, CreatesItsDirectory) {
  const auto inner = directory_.path() / "a" / "b";
  const CredentialFile deep({.directory = inner});
  ASSERT_OK(deep.store("ghcr.io", {.username = "user", .password = "pass"}));
  EXPECT_TRUE(std::filesystem::exists(inner / "config.json"));
}

TEST_F(CredentialFileTest, RejectsCredentialsThatCannotBeStored) {
  EXPECT_ERROR(file().store("ghcr.io", {.username = "us:er", .password = "pass"}), invalid_argument);
  EXPECT_ERROR(file().store("ghcr.io", {.identity_token = "\xff"}), invalid_argument);
}

TEST_F(CredentialFileTest, StoresALoginWithItsHelper) {
  add_helper(R"(case $1 in
  store) cat > secret ;;
  get) test -e secret && cat secret || { echo 'credentials not found in native keychain'; exit 1; } ;;
  erase) rm secret ;;
esac
)");
  write(R"({"credsStore": "test"})");
  EXPECT_EQ(*file().helper("ghcr.io"), "test");
  ASSERT_OK(file().store("ghcr.io", {.username = "user", .password = "pass"}));
  EXPECT_THAT(directory_.read("secret"), HasSubstr(R"("Secret":"pass")"));
  EXPECT_THAT(directory_.read("config.json"), Not(HasSubstr("pass")));
  EXPECT_EQ(read()["auths"]["ghcr.io"], nlohmann::json::object());
  EXPECT_EQ(find("ghcr.io"), "user:pass");
  EXPECT_TRUE(test::unwrap(file().erase("ghcr.io")));
  EXPECT_FALSE(std::filesystem::exists(directory_.path() / "secret"));
  EXPECT_EQ(find("ghcr.io"), "none");
  EXPECT_FALSE(test::unwrap(file().erase("ghcr.io")));
}

TEST_F(CredentialFileTest, RemovesALogin) {
  write(
      R"({"auths": {"ghcr.io": {"auth": "YTpi"}, "https://ghcr.io/": {"auth": "YTpi"}, "quay.io": {"auth": "YTpi"}}})");
  EXPECT_TRUE(test::unwrap(file().erase("ghcr.io")));
  EXPECT_EQ(find("ghcr.io"), "none");
  EXPECT_EQ(find("quay.io"), "a:b");
  EXPECT_FALSE(test::unwrap(file().erase("ghcr.io")));
}

TEST_F(CredentialFileTest, UsesTheDirectoryOfDocker) {
  {
    const EnvironmentVariable directory("DOCKER_CONFIG", "/somewhere");
    EXPECT_EQ(CredentialFile().path(), "/somewhere/config.json");
  }
  const EnvironmentVariable directory("DOCKER_CONFIG", "");
  const EnvironmentVariable home("HOME", "/home/someone");
  EXPECT_EQ(CredentialFile().path(), "/home/someone/.docker/config.json");
  const EnvironmentVariable nowhere("HOME", "");
  EXPECT_EQ(CredentialFile().path(), "");
  EXPECT_EQ(test::unwrap(CredentialFile().find("ghcr.io")), std::nullopt);
  EXPECT_ERROR(CredentialFile().store("ghcr.io", {}), io);
}

}  // namespace
}  // namespace tairitsu::oci

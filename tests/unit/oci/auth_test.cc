#include "oci/auth.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "scripted_transport.h"
#include "support.h"

namespace tairitsu::oci {
namespace {

using std::chrono::seconds;
using test::Reply;
using test::SeenRequest;
using testing::HasSubstr;
using testing::Not;

/// Formats each challenge as `scheme{name=value;…}`.
std::string challenges(std::string_view header) {
  std::string text;
  for (const Challenge& challenge : parse_challenges(header)) {
    text += challenge.scheme + "{";
    for (const auto& [name, value] : challenge.parameters) text += name + "=" + value + ";";
    text += "}";
  }
  return text;
}

TEST(Challenges, AreParsed) {
  EXPECT_EQ(
      challenges(
          R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push")"),
      "bearer{realm=https://auth.docker.io/token;service=registry.docker.io;scope=repository:a/"
      "b:pull,push;}");
  EXPECT_EQ(challenges(R"(Basic realm="Registry Realm")"), "basic{realm=Registry Realm;}");
  EXPECT_EQ(challenges(R"(BASIC Realm = x)"), "basic{realm=x;}");
  EXPECT_EQ(challenges(R"(Bearer realm="a\"b\\c")"), "bearer{realm=a\"b\\c;}");
  EXPECT_EQ(challenges("Basic"), "basic{}");
}

TEST(Challenges, AreSeparated) {
  EXPECT_EQ(challenges(R"(Basic realm="a", Bearer realm="b",service=c, Digest x=y)"),
            "basic{realm=a;}bearer{realm=b;service=c;}digest{x=y;}");
  EXPECT_EQ(challenges(R"(Negotiate, Basic realm="a")"), "negotiate{}basic{realm=a;}");
  EXPECT_EQ(challenges(R"(Negotiate abc==, Basic realm="a")"), "negotiate{}basic{realm=a;}");
  EXPECT_EQ(challenges(R"(, ,Basic realm="a",,)"), "basic{realm=a;}");
}

TEST(Challenges, EndAtInvalidText) {
  EXPECT_EQ(challenges(""), "");
  EXPECT_EQ(challenges("=x"), "");
  EXPECT_EQ(challenges("\"\""), "");
  EXPECT_EQ(challenges(R"(Bearer realm="open)"), "bearer{}");
  EXPECT_EQ(challenges(R"(Bearer realm="open\)"), "bearer{}");
  EXPECT_EQ(challenges("Bearer realm="), "bearer{}");
  EXPECT_EQ(challenges("Bearer\x01realm=x"), "");
  EXPECT_LT(challenges(std::string(100000, 'a')).size(), 10000U);
  EXPECT_LT(challenges("Basic " + std::string(100000, ',')).size(), 10000U);
}

class AuthenticatorTest : public testing::Test {
 protected:
  static constexpr const char* kBearer =
      R"(Bearer realm="https://auth.io/token",service="reg",scope="repository:a:pull")";

  [[nodiscard]] Clock::TimePoint soon() { return clock_.now() + seconds(100); }

  static Response unauthorized(const std::string& challenge, std::string_view from = "https://reg.io/v2/") {
    Response response = {.status = 401, .headers = {{"WWW-Authenticate", challenge}}};
    response.url = test::unwrap(Url::parse(from));
    return response;
  }

  /// Returns the header after a challenge; empty if another attempt cannot help.
  Result<std::string> respond(const std::string& challenge, const Scopes& scopes = {"repository:a:pull"},
                              const std::string& sent = "") {
    TAIRITSU_TRY(const bool again,
                 authenticator_.challenged("reg.io", unauthorized(challenge), sent, scopes, soon()));
    if (!again) return std::string();
    return authenticator_.authorization("reg.io", scopes, soon());
  }

  std::optional<Credentials> credentials_;
  int lookups_ = 0;
  Reply token_{.body = R"({"token":"abc","expires_in":300})"};
  test::VirtualClock clock_;
  test::ScriptedTransport transport_{clock_, [this](const SeenRequest&) { return token_; }};
  Session session_{transport_, clock_, {.attempts = 1}};
  Authenticator authenticator_{session_, [this](std::string_view) -> Result<std::optional<Credentials>> {
                                 ++lookups_;
                                 return credentials_;
                               }};
};

TEST_F(AuthenticatorTest, SendsNothingBeforeAChallenge) {
  credentials_ = {.username = "user", .password = "pass"};
  EXPECT_EQ(test::unwrap(authenticator_.authorization("reg.io", {}, soon())), "");
  EXPECT_EQ(lookups_, 0);
  EXPECT_TRUE(transport_.requests.empty());
}

TEST_F(AuthenticatorTest, RequestsATokenAnonymously) {
  EXPECT_EQ(test::unwrap(respond(kBearer)), "Bearer abc");
  EXPECT_EQ(transport_.lines(), "GET https://auth.io/token?service=reg&scope=repository%3Aa%3Apull\n");
  EXPECT_EQ(transport_.requests[0].header("Authorization"), "");
}

TEST_F(AuthenticatorTest, RequestsATokenWithAPassword) {
  credentials_ = {.username = "us er", .password = "pass"};
  EXPECT_EQ(test::unwrap(respond(kBearer)), "Bearer abc");
  EXPECT_EQ(transport_.lines(),
            "GET https://auth.io/token?service=reg&scope=repository%3Aa%3Apull&account=us%20er\n");
  EXPECT_EQ(transport_.requests[0].header("Authorization"), "Basic dXMgZXI6cGFzcw==");
}

TEST_F(AuthenticatorTest, RequestsATokenWithAnIdentityToken) {
  credentials_ = {.identity_token = "refresh&x"};
  token_.body = R"({"access_token":"xyz"})";
  EXPECT_EQ(test::unwrap(respond(kBearer, {"repository:a:pull", "repository:b:pull"})), "Bearer xyz");
  const SeenRequest& request = transport_.requests[0];
  EXPECT_EQ(request.line(), "POST https://auth.io/token");
  EXPECT_EQ(request.header("Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(request.header("Authorization"), "");
  EXPECT_EQ(request.body,
            "grant_type=refresh_token&client_id=tairitsu&service=reg&scope=repository%3Aa%3Apull%"
            "20repository%3Ab%3Apull"
            "&refresh_token=refresh%26x");
}

TEST_F(AuthenticatorTest, UsesAStoredBearerToken) {
  credentials_ = {.registry_token = "given"};
  EXPECT_EQ(test::unwrap(respond(kBearer)), "Bearer given");
  EXPECT_TRUE(transport_.requests.empty());
  EXPECT_EQ(test::unwrap(respond(kBearer, {"repository:a:pull"}, "Bearer given")), "");
}

TEST_F(AuthenticatorTest, CachesATokenWhileItIsValid) {
  EXPECT_EQ(test::unwrap(respond(kBearer)), "Bearer abc");
  token_.body = R"({"token":"next"})";
  clock_.pass(seconds(290));
  EXPECT_EQ(test::unwrap(authenticator_.authorization("reg.io", {"repository:a:pull"}, soon())),
            "Bearer abc");
  clock_.pass(seconds(6));
  EXPECT_EQ(test::unwrap(authenticator_.authorization("reg.io", {"repository:a:pull"}, soon())),
            "Bearer next");
  EXPECT_EQ(transport_.requests.size(), 2U);
  EXPECT_EQ(lookups_, 1);
}

TEST_F(AuthenticatorTest, CachesATokenForItsScopesOnly) {
  EXPECT_EQ(test::unwrap(respond(kBearer)), "Bearer abc");
  token_.body = R"({"token":"push"})";
  EXPECT_EQ(test::unwrap(authenticator_.authorization("reg.io", {"repository:a:pull,push"}, soon())),
            "Bearer push");
  EXPECT_EQ(test::unwrap(authenticator_.authorization("reg.io", {"repository:a:pull"}, soon())),
            "Bearer abc");
  // Another registry does not get it either.
  EXPECT_EQ(test::unwrap(authenticator_.authorization("other.io", {"repository:a:pull"}, soon())), "");
}

TEST_F(AuthenticatorTest, RequestsANewTokenIfOneIsRefused) {
  EXPECT_EQ(test::unwrap(respond(kBearer)), "Bearer abc");
  token_.body = R"({"token":"next"})";
  EXPECT_EQ(test::unwrap(respond(kBearer, {"repository:a:pull"}, "Bearer abc")), "Bearer next");
  // The same again would be refused again.
  EXPECT_EQ(test::unwrap(respond(kBearer, {"repository:a:pull"}, "Bearer next")), "");
}

TEST_F(AuthenticatorTest, AddsTheScopesThatTheRegistryRequires) {
  const std::string more =
      R"(Bearer realm="https://auth.io/token",scope="repository:a:push,pull repository:mirror/a:pull")";
  EXPECT_EQ(test::unwrap(respond(more, {"repository:a:pull,push"})), "Bearer abc");
  EXPECT_EQ(
      transport_.lines(),
      "GET https://auth.io/token?scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Amirror%2Fa%3Apull\n");
}

TEST_F(AuthenticatorTest, ReportsErrorsOfTheTokenServer) {
  token_ = {.status = 401, .body = R"({"details":"incorrect username or password"})"};
  EXPECT_ERROR(respond(kBearer), unauthorized);
  EXPECT_EQ(
      test::message_of(respond(kBearer)),
      "token for reg.io: auth.io returned 401: incorrect username or password; no credentials: log in first");
  token_ = {.status = 500};
  EXPECT_ERROR(respond(kBearer), registry_refused);
  token_ = {.fault = TransportFault::connect};
  EXPECT_ERROR(respond(kBearer), network);
}

TEST_F(AuthenticatorTest, RejectsInvalidTokens) {
  for (const char* body : {"", "[]", "{}", "null", R"({"token":1})", R"({"token":""})",
                           R"({"token":"a\r\nX: y"})", R"({"token":"ä"})", "<html>"}) {
    token_.body = body;
    EXPECT_ERROR(respond(kBearer), registry_refused) << body;
  }
  token_.body = std::string(2 << 20, ' ');
  EXPECT_ERROR(respond(kBearer), size_limit);
}

TEST_F(AuthenticatorTest, ClampsTheLifetimeOfAToken) {
  token_.body = R"({"token":"short","expires_in":-5})";
  EXPECT_EQ(test::unwrap(respond(kBearer)), "Bearer short");
  clock_.pass(seconds(50));
  token_.body = R"({"token":"long","expires_in":18446744073709551615})";
  EXPECT_EQ(test::unwrap(authenticator_.authorization("reg.io", {"repository:a:pull"}, soon())),
            "Bearer short");
  clock_.pass(seconds(10));
  EXPECT_EQ(test::unwrap(authenticator_.authorization("reg.io", {"repository:a:pull"}, soon())),
            "Bearer long");
}

TEST_F(AuthenticatorTest, RespondsToBasicChallenges) {
  credentials_ = {.username = "user", .password = "pass"};
  EXPECT_EQ(test::unwrap(respond("Basic realm=x")), "Basic dXNlcjpwYXNz");
  EXPECT_TRUE(transport_.requests.empty());
  EXPECT_EQ(test::unwrap(respond("Basic realm=x", {}, "Basic dXNlcjpwYXNz")), "");
}

TEST_F(AuthenticatorTest, ReportsMissingCredentials) {
  EXPECT_ERROR(respond("Basic realm=x"), unauthorized);
  EXPECT_EQ(test::message_of(respond("Basic realm=x")),
            "reg.io requires a user name and password: log in first");
  EXPECT_THAT(test::message_of(respond("Negotiate")),
              HasSubstr("unsupported authentication scheme 'negotiate'"));
  EXPECT_EQ(test::unwrap(respond("")), "");
  EXPECT_EQ(test::unwrap(respond("Bearer service=x")), "");
}

TEST_F(AuthenticatorTest, PrefersBearerToBasic) {
  credentials_ = {.username = "user", .password = "pass"};
  EXPECT_EQ(test::unwrap(respond(std::string("Basic realm=x, ") + kBearer)), "Bearer abc");
}

TEST_F(AuthenticatorTest, SendsNoCredentialsOverPlainHttp) {
  credentials_ = {.username = "user", .password = "pass"};
  for (const char* realm :
       {"http://auth.io/token", "http://127.0.0.1/token", "ftp://auth.io", "https://a b/"}) {
    EXPECT_ERROR(respond("Bearer realm=\"" + std::string(realm) + "\""), registry_refused) << realm;
  }
  EXPECT_TRUE(transport_.requests.empty());
}

TEST_F(AuthenticatorTest, SendsNoCredentialsWhereATokenServerRedirects) {
  credentials_ = {.username = "user", .password = "pass"};
  token_ = {.status = 302, .headers = {{"Location", "https://evil.org/"}}};
  EXPECT_ERROR(respond(kBearer), registry_refused);
  ASSERT_EQ(transport_.requests.size(), 11U);
  for (std::size_t i = 1; i < transport_.requests.size(); ++i) {
    EXPECT_EQ(transport_.requests[i].header("Authorization"), "");
  }
  transport_.requests.clear();
  credentials_ = {.identity_token = "refresh"};
  Authenticator other(
      session_, [this](std::string_view) -> Result<std::optional<Credentials>> { return credentials_; });
  token_.status = 307;
  EXPECT_ERROR(other.challenged("reg.io", unauthorized(kBearer), "", {}, soon()), registry_refused);
  EXPECT_EQ(transport_.lines(), "POST https://auth.io/token\n");
}

TEST_F(AuthenticatorTest, ReportsAFailedLookup) {
  Authenticator broken(session_, [](std::string_view) -> Result<std::optional<Credentials>> {
    return fail(ErrorCode::io, "the keychain is locked");
  });
  const auto outcome = broken.challenged("reg.io", unauthorized(kBearer), "", {}, soon());
  EXPECT_ERROR(outcome, io);
  EXPECT_EQ(test::message_of(outcome), "credentials for reg.io: the keychain is locked");
}

TEST_F(AuthenticatorTest, MessagesContainNoSecrets) {
  credentials_ = {.username = "user", .password = "hunter2"};
  token_ = {.status = 403, .body = "denied"};
  EXPECT_THAT(test::message_of(respond(kBearer)), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace tairitsu::oci

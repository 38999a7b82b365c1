#include "oci/session.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include "scripted_transport.h"
#include "support.h"

namespace tairitsu::oci {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Reply;
using test::SeenRequest;
using testing::HasSubstr;

class SessionTest : public testing::Test {
 protected:
  /// Replies in order; repeats the last one.
  void replies(std::deque<Reply> list) { replies_ = std::move(list); }

  [[nodiscard]] Exchange get(std::string_view url) {
    return {.url = test::unwrap(Url::parse(url)), .deadline = clock_.now() + std::chrono::minutes(10)};
  }

  test::VirtualClock clock_;
  std::deque<Reply> replies_;
  test::ScriptedTransport transport_{clock_, [this](const SeenRequest&) {
                                       Reply reply = replies_.front();
                                       if (replies_.size() > 1) replies_.pop_front();
                                       return reply;
                                     }};
  Session session_{transport_, clock_, {}};
};

Reply fault(TransportFault kind) { return {.fault = kind}; }
Reply redirect(int status, const std::string& location) {
  return {.status = status, .headers = {{"Location", location}}};
}

TEST_F(SessionTest, RetriesIfTheConnectionFails) {
  replies({fault(TransportFault::connect),
           fault(TransportFault::cut_off),
           fault(TransportFault::timeout),
           {.body = "hello"}});
  const auto response = session_.send(get("https://ghcr.io/"));
  ASSERT_OK(response);
  EXPECT_EQ(response->text, "hello");
  EXPECT_EQ(response->attempts, 4);
  EXPECT_EQ(clock_.sleeps.size(), 3U);
}

TEST_F(SessionTest, WaitsLongerEachTimeWithJitter) {
  replies({{.status = 503}});
  std::vector<milliseconds> firsts;
  for (int round = 0; round < 20; ++round) {
    clock_.sleeps.clear();
    const auto response = session_.send(get("https://ghcr.io/"));
    ASSERT_OK(response);
    EXPECT_EQ(response->status, 503);
    EXPECT_EQ(response->attempts, 5);
    ASSERT_EQ(clock_.sleeps.size(), 4U);
    milliseconds most(250);
    for (const milliseconds sleep : clock_.sleeps) {
      EXPECT_GE(sleep, most / 2);
      EXPECT_LE(sleep, most);
      most *= 2;
    }
    firsts.push_back(clock_.sleeps[0]);
  }
  EXPECT_NE(std::ranges::min(firsts), std::ranges::max(firsts));
}

TEST_F(SessionTest, RetriesOnlyForBusyServers) {
  for (const int status : {429, 502, 503, 504}) {
    replies({{.status = status}, {.status = 200}});
    EXPECT_EQ(test::unwrap(session_.send(get("https://ghcr.io/"))).attempts, 2) << status;
  }
  for (const int status : {200, 201, 206, 400, 401, 403, 404, 405, 408, 413, 416, 418, 500, 501}) {
    replies({{.status = status}});
    const Response response = test::unwrap(session_.send(get("https://ghcr.io/")));
    EXPECT_EQ(response.attempts, 1) << status;
    EXPECT_EQ(response.status, status);
  }
}

TEST_F(SessionTest, DoesNotRetryPermanentErrors) {
  replies({fault(TransportFault::tls)});
  const auto response = session_.send(get("https://ghcr.io/"));
  EXPECT_ERROR(response, network);
  EXPECT_EQ(test::message_of(response), "cannot make a TLS connection to ghcr.io: scripted");
  EXPECT_EQ(transport_.requests.size(), 1U);
  replies({fault(TransportFault::request)});
  EXPECT_ERROR(session_.send(get("https://ghcr.io/")), invalid_argument);
}

TEST_F(SessionTest, ReportsTheNumberOfAttempts) {
  replies({fault(TransportFault::connect)});
  const auto response = session_.send(get("https://ghcr.io:444/"));
  EXPECT_ERROR(response, network);
  EXPECT_EQ(test::message_of(response), "cannot connect to ghcr.io:444: scripted (tried 5 times)");
  Exchange once = get("https://ghcr.io/");
  once.retry = false;
  EXPECT_EQ(test::message_of(session_.send(once)), "cannot connect to ghcr.io: scripted");
}

TEST_F(SessionTest, WaitsAsLongAsTheServerAsks) {
  replies({{.status = 429, .headers = {{"Retry-After", "7"}}}, {}});
  ASSERT_OK(session_.send(get("https://ghcr.io/")));
  EXPECT_EQ(clock_.sleeps, std::vector<milliseconds>{seconds(7)});
  clock_.sleeps.clear();
  replies({{.status = 503,
            .headers = {{"Date", "Sun, 06 Nov 1994 23:59:50 GMT"},
                        {"Retry-After", "Mon, 07 Nov 1994 00:00:05 GMT"}}},
           {}});
  ASSERT_OK(session_.send(get("https://ghcr.io/")));
  EXPECT_EQ(clock_.sleeps, std::vector<milliseconds>{seconds(15)});
}

TEST_F(SessionTest, DoesNotRetryIfTheServerAsksForALongDelay) {
  replies({{.status = 429, .headers = {{"Retry-After", "3600"}}}});
  EXPECT_EQ(test::unwrap(session_.send(get("https://ghcr.io/"))).attempts, 1);
  EXPECT_TRUE(clock_.sleeps.empty());
  replies({{.status = 429, .headers = {{"Retry-After", "99999999999999999999"}}}, {}});
  EXPECT_EQ(test::unwrap(session_.send(get("https://ghcr.io/"))).attempts, 2);
}

TEST(RetryAfter, ParsesSecondsAndDates) {
  EXPECT_EQ(retry_after({}), std::nullopt);
  EXPECT_EQ(retry_after({{"retry-after", " 12 "}}), seconds(12));
  EXPECT_EQ(retry_after({{"Retry-After", "-1"}}), std::nullopt);
  EXPECT_EQ(retry_after({{"Retry-After", "soon"}}), std::nullopt);
  EXPECT_EQ(retry_after({{"Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"}}), std::nullopt);
  EXPECT_EQ(retry_after({{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"},
                         {"Retry-After", "Sat, 05 Nov 1994 08:49:37 GMT"}}),
            seconds(0));
  EXPECT_EQ(retry_after({{"Date", "Sun, 31 Feb 1994 08:49:37 GMT"},
                         {"Retry-After", "Sat, 05 Nov 1994 08:49:37 GMT"}}),
            std::nullopt);
}

TEST_F(SessionTest, StopsAtTheDeadline) {
  replies({{.status = 503, .head_delay = seconds(30)}});
  Exchange exchange = get("https://ghcr.io/");
  exchange.deadline = clock_.now() + seconds(70);
  const auto start = clock_.now();
  const auto response = session_.send(exchange);
  EXPECT_ERROR(response, network);
  EXPECT_LE(clock_.now() - start, seconds(70));
  EXPECT_THAT(test::message_of(response), HasSubstr("timed out"));
}

TEST_F(SessionTest, AnIdleServerIsLeft) {
  replies({{.head_delay = std::chrono::hours(1)}});
  const auto start = clock_.now();
  EXPECT_ERROR(session_.send(get("https://ghcr.io/")), network);
  EXPECT_EQ(transport_.requests.size(), 5U);
  EXPECT_LE(clock_.now() - start, seconds(310));
}

TEST_F(SessionTest, StopsASlowBodyAtTheDeadline) {
  replies({{.body = std::string(1000, 'x'), .read_delay = seconds(50), .chunk = 1}});
  const auto start = clock_.now();
  EXPECT_ERROR(session_.send(get("https://ghcr.io/")), network);
  EXPECT_LE(clock_.now() - start, std::chrono::minutes(10));
}

TEST_F(SessionTest, RetriesAnInterruptedBody) {
  replies({{.body = "hello", .cut_after = 3}, {.body = "hello"}});
  EXPECT_EQ(test::unwrap(session_.send(get("https://ghcr.io/"))).text, "hello");
}

TEST_F(SessionTest, RejectsABodyThatIsTooLarge) {
  Exchange exchange = get("https://ghcr.io/");
  exchange.body_limit = 5000;
  replies({{.body = std::string(5000, 'x')}});
  EXPECT_EQ(test::unwrap(session_.send(exchange)).text.size(), 5000U);
  replies({{.body = std::string(5001, 'x')}});
  const auto response = session_.send(exchange);
  EXPECT_ERROR(response, size_limit);
  EXPECT_EQ(test::message_of(response), "ghcr.io returned more than 5000 bytes");
}

TEST_F(SessionTest, KeepsTheStartOfAnErrorsBody) {
  replies({{.status = 404, .body = std::string(1 << 20, 'x')}});
  EXPECT_EQ(test::unwrap(session_.send(get("https://ghcr.io/"))).text.size(), 64U << 10U);
  replies({{.status = 404, .body = "abcdef", .cut_after = 3}});
  EXPECT_EQ(test::unwrap(session_.send(get("https://ghcr.io/"))).text, "abc");
}

TEST_F(SessionTest, LeavesAStreamedBodyUnread) {
  Exchange exchange = get("https://ghcr.io/");
  exchange.stream = true;
  replies({{.body = "hello"}});
  const Response response = test::unwrap(session_.send(exchange));
  EXPECT_EQ(response.text, "");
  std::array<std::byte, 10> buffer{};
  EXPECT_EQ(response.body->read(buffer), 5U);
}

TEST_F(SessionTest, FollowsRedirects) {
  replies({redirect(307, "/b"), redirect(302, "https://cdn.io/c?sig=x"), {.body = "hello"}});
  Exchange exchange = get("https://ghcr.io/a");
  exchange.authorization = "Bearer secret";
  exchange.headers.add("Accept", "x");
  const Response response = test::unwrap(session_.send(exchange));
  EXPECT_EQ(response.text, "hello");
  EXPECT_EQ(response.url.to_string(), "https://cdn.io/c?sig=x");
  EXPECT_TRUE(response.left_origin);
  EXPECT_EQ(transport_.lines(), "GET https://ghcr.io/a\nGET https://ghcr.io/b\nGET https://cdn.io/c?sig=x\n");
  EXPECT_EQ(transport_.requests[1].header("Authorization"), "Bearer secret");
  EXPECT_EQ(transport_.requests[2].header("Authorization"), "");
  EXPECT_EQ(transport_.requests[2].header("Accept"), "x");
}

TEST_F(SessionTest, SendsNoCredentialsAfterARedirectBack) {
  Exchange exchange = get("https://ghcr.io/a");
  exchange.authorization = "Bearer secret";
  for (const char* elsewhere : {"https://evil.org/", "https://ghcr.io:444/", "https://ghcr.io.evil.org/"}) {
    transport_.requests.clear();
    replies({redirect(302, elsewhere), redirect(302, "https://ghcr.io/b"), {}});
    const Response response = test::unwrap(session_.send(exchange));
    EXPECT_TRUE(response.left_origin);
    EXPECT_EQ(transport_.requests[1].header("Authorization"), "") << elsewhere;
    EXPECT_EQ(transport_.requests[2].header("Authorization"), "") << elsewhere;
  }
}

TEST_F(SessionTest, RejectsTooManyRedirects) {
  replies({redirect(302, "/again")});
  const auto response = session_.send(get("https://ghcr.io/"));
  EXPECT_ERROR(response, registry_refused);
  EXPECT_EQ(test::message_of(response), "ghcr.io redirects more than 10 times");
  EXPECT_EQ(transport_.requests.size(), 11U);
}

TEST_F(SessionTest, FollowsNoRedirectFromTlsToPlainHttp) {
  for (const char* place :
       {"http://ghcr.io/", "http://cdn.io/", "http://127.0.0.1/", "http://localhost:5000/"}) {
    replies({redirect(302, place)});
    EXPECT_ERROR(session_.send(get("https://ghcr.io/")), registry_refused) << place;
  }
  EXPECT_EQ(transport_.requests.size(), 4U);
  for (const char* place : {"", "ftp://a/", "https://user@a/", "https://a b/", "/\r\nX: y"}) {
    replies({redirect(302, place)});
    EXPECT_ERROR(session_.send(get("https://ghcr.io/")), registry_refused) << place;
  }
  replies({{.status = 302}});
  EXPECT_ERROR(session_.send(get("https://ghcr.io/")), registry_refused);
}

TEST_F(SessionTest, AllowsPlainHttpForLoopbackAndListedHosts) {
  replies({{}});
  EXPECT_OK(session_.send(get("http://127.0.0.1:5000/")));
  EXPECT_OK(session_.send(get("http://localhost/")));
  EXPECT_OK(session_.send(get("http://[::1]:5000/")));
  transport_.requests.clear();
  const auto response = session_.send(get("http://ghcr.io/"));
  EXPECT_ERROR(response, network);
  EXPECT_EQ(test::message_of(response), "refusing plain HTTP to ghcr.io");
  EXPECT_TRUE(transport_.requests.empty());

  Session plain(transport_, clock_, {.plain_http = {"box:5000"}});
  EXPECT_OK(plain.send(get("http://box:5000/")));
  EXPECT_ERROR(plain.send(get("http://box:5001/")), network);
  replies({redirect(302, "http://box:5000/"), {}});
  EXPECT_OK(plain.send(get("http://localhost/")));
  replies({redirect(302, "http://other/"), {}});
  EXPECT_ERROR(plain.send(get("http://box:5000/")), registry_refused);
}

TEST_F(SessionTest, FollowsNoRedirectThatChangesTheMethod) {
  Exchange exchange = get("https://ghcr.io/");
  exchange.method = HttpMethod::post;
  exchange.body = "body";
  replies({redirect(307, "https://cdn.io/"), {}});
  ASSERT_OK(session_.send(exchange));
  EXPECT_EQ(transport_.requests[1].line(), "POST https://cdn.io/");
  EXPECT_EQ(transport_.requests[1].body, "body");
  replies({redirect(302, "https://cdn.io/"), {}});
  EXPECT_ERROR(session_.send(exchange), registry_refused);
}

TEST_F(SessionTest, SendsASecretBodyToItsOwnHostOnly) {
  Exchange exchange = get("https://ghcr.io/");
  exchange.method = HttpMethod::post;
  exchange.body = "refresh_token=x";
  exchange.secret_body = true;
  replies({redirect(307, "/other"), {}});
  EXPECT_OK(session_.send(exchange));
  transport_.requests.clear();
  replies({redirect(307, "https://evil.org/"), {}});
  EXPECT_ERROR(session_.send(exchange), registry_refused);
  EXPECT_EQ(transport_.lines(), "POST https://ghcr.io/\n");
}

TEST_F(SessionTest, RestartsASourceForEachAttempt) {
  Exchange exchange = get("https://ghcr.io/");
  exchange.method = HttpMethod::put;
  const std::string content(5000, 'x');
  MemorySource source(content);
  exchange.source = &source;
  exchange.offset = 1000;
  exchange.size = 3000;
  replies({fault(TransportFault::cut_off), {.status = 503}, {}});
  ASSERT_OK(session_.send(exchange));
  for (const SeenRequest& request : transport_.requests) EXPECT_EQ(request.body.size(), 3000U);
  EXPECT_EQ(transport_.requests.size(), 3U);
}

TEST_F(SessionTest, DoesNotRetryIfTheSourceFails) {
  struct Broken final : BlobSource {
    Result<std::size_t> read(std::span<std::byte>) override {
      return fail(ErrorCode::io, "the disk is gone");
    }
    Result<void> seek(std::uint64_t) override { return {}; }
  } broken;
  Exchange exchange = get("https://ghcr.io/");
  exchange.method = HttpMethod::put;
  exchange.source = &broken;
  exchange.size = 10;
  replies({{}});
  const auto response = session_.send(exchange);
  EXPECT_ERROR(response, io);
  EXPECT_EQ(test::message_of(response), "the disk is gone");
  EXPECT_TRUE(transport_.requests.empty());
  MemorySource shorter("abc");
  exchange.source = &shorter;
  EXPECT_EQ(test::message_of(session_.send(exchange)), "the content to send is shorter than its size");
}

TEST_F(SessionTest, DetectsAHostWithoutTls) {
  const Url url = test::unwrap(Url::parse("https://localhost:5000/v2/"));
  const auto end = clock_.now() + seconds(60);
  replies({{.status = 401}});
  EXPECT_FALSE(session_.speaks_plain_http(url, end));
  replies({fault(TransportFault::tls), {.status = 200}});
  EXPECT_TRUE(session_.speaks_plain_http(url, end));
  // TLS with an untrusted certificate.
  replies({fault(TransportFault::tls), {.status = 400}});
  EXPECT_FALSE(session_.speaks_plain_http(url, end));
  replies({fault(TransportFault::connect), {.status = 200}});
  EXPECT_FALSE(session_.speaks_plain_http(url, end));
}

std::string described(int status, std::string body) {
  return describe_status({.status = status, .text = std::move(body)});
}

TEST(DescribeStatus, ContainsTheErrorsOfTheRegistry) {
  EXPECT_EQ(
      described(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{}}]})"),
      "404: MANIFEST_UNKNOWN manifest unknown");
  EXPECT_EQ(described(403, R"({"errors":[{"code":"DENIED"},{"message":"no"},1]})"), "403: DENIED; no");
  EXPECT_EQ(described(400, R"({"errors":[{"code":"A"},{"code":"B"},{"code":"C"},{"code":"D"}]})"),
            "400: A; B; C");
  EXPECT_EQ(described(401, R"({"details":"incorrect username or password"})"),
            "401: incorrect username or password");
  EXPECT_EQ(described(500, "out of cheese\nat line 1"), "500: out of cheese");
  EXPECT_EQ(described(502, "<html><body>Bad gateway</body></html>"), "502");
  for (const char* body : {"", "{}", "[]", "null", "{\"errors\":{}}", "{\"errors\":[]}", "{\"message\":1}"}) {
    EXPECT_THAT(described(404, body), HasSubstr("404")) << body;
  }
}

TEST(DescribeStatus, HidesControlCharacters) {
  EXPECT_EQ(described(404, R"({"errors":[{"code":"A","message":"\u001b[2J\u0007"}]})"),
            "404: A \uFFFD[2J\uFFFD");
  EXPECT_EQ(described(404, "\x1b]0;x\x07"), "404: \uFFFD]0;x\uFFFD");
  EXPECT_LT(described(404, std::string(60000, 'x')).size(), 250U);
}

}  // namespace
}  // namespace tairitsu::oci

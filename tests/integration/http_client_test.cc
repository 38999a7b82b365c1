// The transport for registries, against a server that breaks HTTP.
#include "engine/http_client.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include "loopback_server.h"
#include "oci/blob.h"
#include "oci_digest.h"
#include "processes.h"
#include "support.h"
#include "wait_until.h"

namespace tairitsu::test {
namespace {

using namespace std::chrono_literals;
using oci::HttpMethod;
using oci::HttpRequest;
using oci::HttpTransport;
using oci::TransportFault;
using testing::HasSubstr;

std::unique_ptr<HttpTransport> transport() { return unwrap(detail::make_http_client()); }

/// Returns the fault, or the status and the body, followed by `then FAULT` if reading the body failed.
std::string outcome(HttpTransport& transport, const HttpRequest& request) {
  constexpr std::array<const char*, 6> kFaults = {"request", "source",  "connect",
                                                  "tls",     "timeout", "cut_off"};
  const auto fault = [&](const oci::TransportError& error) {
    EXPECT_FALSE(error.message.empty());
    return std::string(kFaults.at(static_cast<std::size_t>(error.fault)));
  };
  auto response = transport.send(request);
  if (!response) return fault(response.error());
  std::string text = std::to_string(response->status) + " ";
  std::array<std::byte, 100> buffer{};
  while (true) {
    const auto count = response->body->read(buffer);
    if (!count) return text + "then " + fault(count.error());
    if (*count == 0) return text;
    text.append(reinterpret_cast<const char*>(buffer.data()), *count);
  }
}

std::string outcome_of_get(const LoopbackServer& server, std::chrono::milliseconds idle = 10s) {
  const auto client = transport();
  return outcome(*client, {.url = server.url(), .idle_limit = idle});
}

LoopbackServer responding(std::string response) {
  return LoopbackServer([response = std::move(response)](Connection& connection) {
    connection.read_head();
    connection.write(response);
  });
}

TEST(HttpClient, SendsARequestAndReadsTheResponse) {
  std::string head;
  const LoopbackServer server([&](Connection& connection) {
    head = connection.read_until("\r\n\r\nhello");
    connection.write("HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX-Two: a\r\nX-Two: b\r\n\r\nworld");
  });
  const auto client = transport();
  HttpRequest request = {.method = HttpMethod::post, .url = server.url("/a?b=c%2Fd"), .body = "hello"};
  request.headers.add("X-One", "1");
  request.headers.add("Accept", "a, b");
  auto response = client->send(request);
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->headers.find("content-length"), "5");
  EXPECT_EQ(response->headers.find_all("x-two"), (std::vector<std::string_view>{"a", "b"}));
  EXPECT_THAT(head, HasSubstr("POST /a?b=c%2Fd HTTP/1.1\r\n"));
  EXPECT_THAT(head, HasSubstr("x-one: 1\r\n"));
  EXPECT_THAT(head, HasSubstr("accept: a, b\r\n"));
  EXPECT_THAT(head, HasSubstr("content-length: 5\r\n"));
}

TEST(HttpClient, ReadsChunks) {
  EXPECT_EQ(outcome_of_get(responding(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")),
            "200 abcde");
}

TEST(HttpClient, DoesNotFollowRedirects) {
  EXPECT_EQ(outcome_of_get(responding("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n")),
            "302 ");
}

TEST(HttpClient, DistinguishesTruncationFromTheEnd) {
  EXPECT_EQ(outcome_of_get(responding("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")),
            "200 abcthen cut_off");
  EXPECT_EQ(outcome_of_get(responding("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")),
            "200 abcthen cut_off");
  EXPECT_EQ(outcome_of_get(responding("HTTP/1.1 200 OK\r\n\r\nabc")), "200 abc");
  EXPECT_EQ(outcome_of_get(responding("HTTP/1.1 200 OK\r\nConte")), "cut_off");
  EXPECT_EQ(outcome_of_get(responding("")), "cut_off");
  EXPECT_EQ(outcome_of_get(responding("220 smtp.example.org ESMTP\r\n")), "cut_off");
}

TEST(HttpClient, ReportsAConnectFailure) {
  const auto client = transport();
  EXPECT_EQ(outcome(*client, {.url = "http://127.0.0.1:" + std::to_string(free_port()) + "/"}), "connect");
  EXPECT_EQ(outcome(*client, {.url = "http://no-such-host.invalid/"}), "connect");
}

TEST(HttpClient, ReportsAServerWithoutTls) {
  const LoopbackServer server([](Connection& connection) {
    connection.read_until("\x01");
    connection.write("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
  });
  const auto client = transport();
  EXPECT_EQ(outcome(*client, {.url = "https://127.0.0.1:" + std::to_string(server.port()) + "/"}), "tls");
}

TEST(HttpClient, ReportsAServerThatClosesDuringTheTlsHandshake) {
  const LoopbackServer server([](Connection& connection) { connection.read_until("\x01"); });
  const auto client = transport();
  EXPECT_EQ(outcome(*client, {.url = "https://127.0.0.1:" + std::to_string(server.port()) + "/"}), "tls");
}

TEST(HttpClient, TimesOutIfTheServerIsSilent) {
  const LoopbackServer silent([](Connection& connection) { connection.wait(); });
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(outcome_of_get(silent, 100ms), "timeout");
  const LoopbackServer stuck([](Connection& connection) {
    connection.read_head();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    connection.wait();
  });
  EXPECT_EQ(outcome_of_get(stuck, 100ms), "200 abcthen timeout");
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
}

TEST(HttpClient, AppliesTheTotalLimitToASlowBody) {
  const LoopbackServer server([](Connection& connection) {
    connection.read_head();
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (connection.write("x")) std::this_thread::sleep_for(10ms);
  });
  const auto client = transport();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(outcome(*client, {.url = server.url(), .idle_limit = 5s, .total_limit = 100ms}),
              HasSubstr("then timeout"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
}

TEST(HttpClient, RejectsInvalidRequests) {
  const auto client = transport();
  for (const char* url : {"", "no url", "ftp://127.0.0.1/", "http://"}) {
    EXPECT_EQ(outcome(*client, {.url = url}), "request") << url;
  }
  const std::string url = "http://127.0.0.1:" + std::to_string(free_port()) + "/";
  for (const std::string& value : {std::string("a\r\nX: y"), std::string("a\0b", 3)}) {
    HttpRequest request = {.url = url};
    request.headers.add("X-One", value);
    EXPECT_EQ(outcome(*client, request), "request");
  }
}

TEST(HttpClient, StreamsASource) {
  const std::string content(3 << 20, 'x');
  std::size_t received = 0;
  const LoopbackServer server([&](Connection& connection) {
    const std::string all = connection.read_until("xEND");
    received = all.size() - all.find("\r\n\r\n") - 4;
    EXPECT_THAT(all.substr(0, 1000), HasSubstr("content-length: " + std::to_string((3 << 20) + 3)));
    connection.write("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  });
  const auto client = transport();
  const std::string all = content + "END";
  oci::MemorySource source(all);
  EXPECT_EQ(
      outcome(*client,
              {.method = HttpMethod::put, .url = server.url(), .source = &source, .source_size = all.size()}),
      "201 ");
  EXPECT_EQ(received, all.size());
}

TEST(HttpClient, ReportsAFailingSource) {
  const LoopbackServer server([](Connection& connection) { connection.wait(); });
  struct Broken final : oci::ByteSource {
    int reads = 0;
    Result<std::size_t> read(std::span<std::byte> into) override {
      if (++reads == 3) return fail(ErrorCode::io, "the disk is gone");
      return into.size();
    }
  } source;
  const auto client = transport();
  EXPECT_EQ(
      outcome(*client,
              {.method = HttpMethod::put, .url = server.url(), .source = &source, .source_size = 1 << 20}),
      "source");
  struct Throwing final : oci::ByteSource {
    Result<std::size_t> read(std::span<std::byte>) override { throw std::runtime_error("oh"); }
  } throwing;
  EXPECT_EQ(outcome(*client,
                    {.method = HttpMethod::put, .url = server.url(), .source = &throwing, .source_size = 1}),
            "source");
}

TEST(HttpClient, DoesNotReadASourceAfterTheCall) {
  // The response arrives before the body has been sent.
  const LoopbackServer server([](Connection& connection) {
    connection.read_head();
    connection.write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!");
    connection.wait();
  });
  struct Watched final : oci::ByteSource {
    bool returned = false;
    Result<std::size_t> read(std::span<std::byte> into) override {
      EXPECT_FALSE(returned);
      return into.size();
    }
  } source;
  const auto client = transport();
  auto response = client->send({.method = HttpMethod::put,
                                .url = server.url(),
                                .source = &source,
                                .source_size = std::uint64_t{1} << 40U});
  source.returned = true;
  ASSERT_TRUE(response.has_value()) << response.error().message;
  EXPECT_EQ(response->status, 413);
  std::array<std::byte, 10> buffer{};
  std::ignore = response->body->read(buffer);
  std::ignore = outcome(*client, {.url = "http://127.0.0.1:" + std::to_string(free_port()) + "/"});
}

TEST(HttpClient, ReusesAConnectionUntilItIsClosed) {
  const LoopbackServer server([](Connection& connection) {
    for (int i = 0; i < 2; ++i) {
      if (connection.read_head().empty()) return;
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  const auto client = transport();
  EXPECT_EQ(outcome(*client, {.url = server.url()}), "200 ok");
  EXPECT_EQ(outcome(*client, {.url = server.url()}), "200 ok");
  EXPECT_EQ(server.connections(), 1);
  // The server handles one connection at a time, so once it accepts another it has closed the first.
  ASSERT_TRUE(is_listening(server.port()));
  ASSERT_TRUE(wait_until([&] { return server.connections() == 2; }));
  EXPECT_EQ(outcome(*client, {.url = server.url()}), "200 ok");
  EXPECT_EQ(server.connections(), 3);
}

TEST(HttpClient, ReturnsResponsesThatOutliveTheClient) {
  const LoopbackServer server = responding("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  auto client = transport();
  auto response = client->send({.url = server.url()});
  ASSERT_TRUE(response.has_value());
  client.reset();
  std::array<std::byte, 10> buffer{};
  EXPECT_EQ(response->body->read(buffer), 5U);
}

TEST(HttpClient, CanBeSharedByThreads) {
  const std::string body(100'000, 'x');
  const LoopbackServer server =
      responding("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
                 "\r\n\r\n" + body);
  const auto client = transport();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) {
        EXPECT_EQ(outcome(*client, {.url = server.url(), .idle_limit = 10s}).size(), body.size() + 4);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(HttpClient, DoesNotSendLoopbackThroughAProxy) {
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  const auto client = transport();
  unsetenv("http_proxy");
  const LoopbackServer server = responding("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(outcome(*client, {.url = server.url()}), "200 ");
  EXPECT_EQ(outcome(*client, {.url = "http://example.invalid/"}), "connect");
}

TEST(HttpClient, ReportsAnInvalidCaFile) {
  const TemporaryDirectory directory;
  EXPECT_ERROR(detail::make_http_client({.ca_file = directory.path() / "none.pem"}), io);
  const auto empty = detail::make_http_client({.ca_file = directory.write("empty.pem", "")});
  EXPECT_ERROR(empty, io);
  EXPECT_THAT(message_of(empty), HasSubstr("empty.pem': no certificate found"));
  EXPECT_ERROR(detail::make_http_client(
                   {.ca_file = directory.write(
                        "bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}),
               io);
}

TEST(BridgeSha256, ComputesSha256) {
  for (const std::size_t size : {0U, 1U, 55U, 56U, 64U, 1000U, 100'000U}) {
    const std::string content(size, 'x');
    EXPECT_EQ(oci::Digest::of(std::as_bytes(std::span(content)), detail::make_sha256), oci_digest_of(content))
        << size;
  }
}

}  // namespace
}  // namespace tairitsu::test

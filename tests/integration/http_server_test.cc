// The parts of the server library that `tairitsu serve` does not use. The CLI tests cover the rest.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <csignal>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support.h"
#include "wait_until.h"

namespace tairitsu::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

const Image& image() {
  static const Engine engine = unwrap(Engine::create({.pool = PoolOptions{}, .epochs = true}));
  static const Image loaded = load(engine, "http_server.wasm");
  return loaded;
}

ContainerBuilder builder() {
  ContainerBuilder result = Container::builder(image());
  result.with_limits({.deadline = 5s});
  return result;
}

/// Returns the whole response to one GET request, or an empty text if the connection failed.
std::string get(const std::string& address, const std::string& path) {
  const auto colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  std::string response;
  if (connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
    const std::string request = "GET " + path + " HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    EXPECT_EQ(send(client, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    char buffer[4096];
    for (ssize_t size = 0; (size = recv(client, buffer, sizeof buffer, 0)) > 0;) {
      response.append(buffer, static_cast<std::size_t>(size));
    }
  }
  close(client);
  return response;
}

TEST(HttpServer, ReportsEachRequest) {
  struct Seen {
    std::string line;
    std::string error;
    std::chrono::nanoseconds took;
  };
  std::mutex mutex;
  std::vector<Seen> seen;
  auto server = unwrap(HttpServer::start(
      unwrap(builder().build_template()), {.on_access = [&](const HttpAccess& access) {
        const std::scoped_lock lock(mutex);
        seen.push_back({std::string(access.method) + " " + std::string(access.target) + " " +
                            std::to_string(access.status) + " " + std::to_string(access.body_bytes),
                        access.error != nullptr ? std::string(to_string(access.error->code())) : "",
                        access.took});
      }}));
  EXPECT_THAT(get(server.address(), "/"), HasSubstr("Hello, world!\n"));
  EXPECT_THAT(get(server.address(), "/sleep/50"), HasSubstr("slept\n"));
  EXPECT_THAT(get(server.address(), "/trap"), StartsWith("HTTP/1.1 500 "));
  EXPECT_TRUE(server.drain(5s));
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].line, "GET / 200 14");
  EXPECT_EQ(seen[0].error, "");
  EXPECT_EQ(seen[1].line, "GET /sleep/50 200 6");
  EXPECT_GE(seen[1].took, 50ms);
  EXPECT_EQ(seen[2].error, "trap");
  const auto numbers = server.statistics();
  EXPECT_EQ(numbers.served, 3U);
  EXPECT_EQ(numbers.failed, 1U);
  EXPECT_EQ(numbers.instances, 3U);
  EXPECT_EQ(numbers.running, 0U);
  EXPECT_EQ(numbers.connections, 0U);
  EXPECT_EQ(server.admin_address(), "");
}

TEST(HttpServer, ReportsTheLastStandardErrorOfAGuestThatTraps) {
  std::mutex mutex;
  std::vector<std::string> errors;
  auto server = unwrap(
      HttpServer::start(unwrap(builder().build_template()), {.on_access = [&](const HttpAccess& access) {
                          const std::scoped_lock lock(mutex);
                          errors.emplace_back(access.error ? access.error->message() : "");
                        }}));
  EXPECT_THAT(get(server.address(), "/explained-trap"), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(get(server.address(), "/trap"), StartsWith("HTTP/1.1 500 "));
  EXPECT_TRUE(server.drain(5s));
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_THAT(errors[0], HasSubstr("\n  the disk is on fire"));
  EXPECT_THAT(errors[1], ::testing::Not(HasSubstr("on fire")));
}

TEST(HttpServer, StopsAComputingGuestAtOnce) {
  std::optional<HttpServer> server(unwrap(HttpServer::start(unwrap(builder().build_template()))));
  std::thread client([address = server->address()] { get(address, "/loop"); });
  EXPECT_TRUE(wait_until([&] { return server->statistics().running > 0; }));
  EXPECT_FALSE(server->drain(100ms));
  const auto begin = std::chrono::steady_clock::now();
  server.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  client.join();
}

TEST(HttpServer, ReportsErrorsOfHostFunctions) {
  static const Image asking = load(image().engine(), "http_asking.wasm");
  std::mutex mutex;
  std::vector<std::string> errors;
  const auto status_of = [](std::string_view path) -> Result<std::uint16_t> {
    if (path == "/refused") return fail(ErrorCode::invalid_argument, "not this one");
    if (path == "/thrown") throw std::runtime_error("too much");
    return 418;
  };
  const auto host =
      unwrap(Container::builder(asking)
                 .with_limits({.deadline = 5s})
                 .with_imports([&](Linker& linker) { return linker.define("status-of", status_of); })
                 .build_template());
  auto server = unwrap(HttpServer::start(host, {.on_access = [&](const HttpAccess& access) {
                                           const std::scoped_lock lock(mutex);
                                           errors.emplace_back(access.error ? access.error->message() : "");
                                         }}));
  EXPECT_THAT(get(server.address(), "/refused"), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(get(server.address(), "/thrown"), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(get(server.address(), "/"), StartsWith("HTTP/1.1 418 "));
  EXPECT_TRUE(server.drain(5s));
  EXPECT_THAT(errors, ElementsAre("host function 'status-of': not this one",
                                  "host function 'status-of' threw: too much", ""));
}

TEST(HttpServer, IgnoresExceptionsOfTheListener) {
  auto server = unwrap(HttpServer::start(unwrap(builder().build_template()),
                                         {.on_access = [](const HttpAccess&) { throw 1; }}));
  for (int i = 0; i < 3; ++i) EXPECT_THAT(get(server.address(), "/"), HasSubstr("Hello, world!\n"));
}

/// Sends several requests at once, then resets the connection.
void hang_up(const std::string& address, bool after_the_first_byte) {
  const auto colon = address.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  std::string requests;
  for (int i = 0; i < 3; ++i) requests += "GET /big/100000 HTTP/1.1\r\nhost: a\r\n\r\n";
  EXPECT_GT(send(client, requests.data(), requests.size(), MSG_NOSIGNAL), 0);
  char byte = 0;
  if (after_the_first_byte) {
    EXPECT_EQ(recv(client, &byte, 1, 0), 1);
  }
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(client);
}

TEST(HttpServer, RaisesNoSignalIfClientsDisconnect) {
  struct sigaction handling{};
  ASSERT_EQ(sigaction(SIGPIPE, nullptr, &handling), 0);
  ASSERT_EQ(handling.sa_handler, SIG_DFL) << "the signal would end this process";
  auto server = unwrap(HttpServer::start(unwrap(builder().build_template())));
  for (int i = 0; i < 400; ++i) hang_up(server.address(), i % 2 != 0);
  EXPECT_THAT(get(server.address(), "/"), HasSubstr("Hello, world!\n"));
  // No signal is pending for this thread either.
  sigset_t pending;
  ASSERT_EQ(sigpending(&pending), 0);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

TEST(HttpServer, StopsRunningRequestsAtItsEnd) {
  std::thread client;
  {
    auto server = unwrap(HttpServer::start(unwrap(builder().build_template())));
    client = std::thread([address = server.address()] { EXPECT_EQ(get(address, "/sleep/60000"), ""); });
    EXPECT_TRUE(wait_until([&] { return server.statistics().running > 0; }));
    EXPECT_FALSE(server.drain(50ms));
  }
  client.join();
}

TEST(HttpServer, OutlivesItsTemplate) {
  auto server = [] { return unwrap(HttpServer::start(unwrap(builder().build_template()))); }();
  EXPECT_THAT(get(server.address(), "/"), HasSubstr("Hello, world!\n"));
  HttpServer moved = std::move(server);
  EXPECT_THAT(get(moved.address(), "/"), HasSubstr("Hello, world!\n"));
}

TEST(HttpServer, RejectsATemplateThatCannotServe) {
  const auto start = [](ContainerBuilder from, const HttpServerOptions& options = {}) {
    return HttpServer::start(unwrap(std::move(from).build_template()), options);
  };
  const Engine& engine = image().engine();
  EXPECT_ERROR(start(Container::builder(load(engine, "echo.wat"))), unsupported_type);
  const auto direct = start(Container::builder(image()));
  ASSERT_ERROR(direct, invalid_argument);
  EXPECT_THAT(direct.error().message(), HasSubstr("interruptible()"));
  EXPECT_ERROR(start(builder(), {.max_connections = 0}), invalid_argument);
  EXPECT_ERROR(start(builder(), {.max_head_bytes = 0}), invalid_argument);
  EXPECT_ERROR(start(builder(), {.write_timeout = -1s}), invalid_argument);
  EXPECT_ERROR(start(builder(), {.address = "nowhere at all"}), io);
  EXPECT_ERROR(start(builder(), {.admin_address = "nowhere at all"}), io);
}

TEST(HttpServer, CountsFuelForEachRequest) {
  const auto engine = unwrap(Engine::create({.fuel = true, .epochs = true}));
  const auto own = load(engine, "http_server.wasm");
  for (const std::uint32_t reuse : {1U, 100U}) {
    auto server = unwrap(HttpServer::start(
        unwrap(Container::builder(own).with_limits({.fuel = 2'000'000, .deadline = 20s}).build_template()),
        {.requests_per_instance = reuse}));
    for (int i = 0; i < 50; ++i) EXPECT_THAT(get(server.address(), "/"), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(get(server.address(), "/loop"), StartsWith("HTTP/1.1 500 "));
    EXPECT_EQ(server.statistics().failed, 1U);
  }
}

}  // namespace
}  // namespace tairitsu::test

// Serves HTTP with a component. Each request gets its own guest; one that fails does not affect the others.

#include <atomic>
#include <chrono>
#include <cstdio>

#include <fmt/core.h>
#include <tairitsu/tairitsu.h>

#include "site.h"

namespace {

using namespace std::chrono_literals;
using tairitsu::Result;

/// The functions that the guests import. Requests run on several threads.
struct Host {
  std::atomic<std::uint64_t> visitors = 0;
  Result<std::uint64_t> count_visitor() { return ++visitors; }
};

Result<void> run() {
  TAIRITSU_TRY(const auto engine,
               tairitsu::Engine::create({.pool = tairitsu::PoolOptions{}, .epochs = true}));
  TAIRITSU_TRY(const auto image, tairitsu::Image::from_file(engine, GUEST_COMPONENT));

  static Host host;
  TAIRITSU_TRY(const auto site,
               tairitsu::Container::builder(image)
                   .with_state_factory([] { return &host; })
                   .with_bindings<example::site::Site, Host*>([](Host* state) -> Host& { return *state; })
                   .with_limits({.deadline = 5s, .memory_bytes = 64 << 20})
                   .build_template());

  tairitsu::HttpServerOptions options;
  options.on_access = [](const tairitsu::HttpAccess& access) {
    fmt::print("{} {} {}", access.method, access.target, access.status);
    if (access.error != nullptr) fmt::print(" {}", to_string(access.error->code()));
    fmt::print("\n");
  };
  TAIRITSU_TRY(auto server, tairitsu::HttpServer::start(site, options));
  fmt::print(stderr, "listening on http://{}; close standard input to stop\n", server.address());

  while (std::getchar() != EOF) {
  }
  server.drain(5s);
  fmt::print("{} visitors\n", host.visitors.load());
  return {};
}

}  // namespace

int main() {
  if (const auto done = run(); !done) {
    fmt::print(stderr, "{}\n", done.error().message());
    return 1;
  }
  return 0;
}

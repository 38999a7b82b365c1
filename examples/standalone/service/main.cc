// Serves HTTP with a component until standard input is closed. Each request has its own guest. If one traps, its
// response is 500, and the others are not affected.
#include <tairitsu/tairitsu.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <iostream>

#include "service.h"

using namespace std::chrono_literals;
using tairitsu::Result;

// The functions that the guests import. The guests run on several threads.
struct Host {
  std::atomic<std::uint64_t> requests = 0;
  Result<std::uint64_t> count_request() { return ++requests; }
};

Result<void> serve(const char* file, const char* address) {
  // The pool creates an instance in microseconds. Deadlines need epochs.
  TAIRITSU_TRY(auto engine, tairitsu::Engine::create({.pool = tairitsu::PoolOptions{}, .epochs = true}));
  TAIRITSU_TRY(auto image, tairitsu::Image::from_file(engine, file));

  Host host;
  TAIRITSU_TRY(auto guest, tairitsu::Container::builder(image)
                               .with_state_factory([&host] { return &host; })
                               .with_bindings<example::service::Service, Host*>(
                                   [](Host* state) -> Host& { return *state; })
                               .with_limits({.deadline = 5s, .memory_bytes = 64 << 20})
                               .build_template());

  tairitsu::HttpServerOptions options;
  options.address = address;
  options.on_access = [](const tairitsu::HttpAccess& access) {
    std::clog << access.method << ' ' << access.target << ' ' << access.status << '\n';
  };
  TAIRITSU_TRY(auto server, tairitsu::HttpServer::start(guest, options));
  std::cout << "listening on http://" << server.address() << std::endl;

  while (std::cin.get() != std::char_traits<char>::eof()) {
  }
  server.drain(5s);
  std::cout << host.requests << " requests" << std::endl;
  return {};
}

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: service COMPONENT [ADDRESS:PORT]\n";
    return 2;
  }
  if (auto served = serve(argv[1], argc > 2 ? argv[2] : "127.0.0.1:0"); !served) {
    std::cerr << served.error().message() << '\n';
    return 1;
  }
}

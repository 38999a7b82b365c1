// Uses guests from several threads, built with the thread sanitizer. With an argument after the component, the program
// itself has a data race.
#include <tairitsu/tairitsu.h>

#include <iostream>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "greeter.h"

namespace {

// Called by the guests of all threads.
struct Host {
  std::mutex mutex;
  int messages = 0;
  void log(std::string_view) {
    const std::lock_guard lock(mutex);
    ++messages;
  }
};

int unprotected = 0;

tairitsu::Result<void> work(const tairitsu::Image& image, Host& host, bool race) {
  for (int round = 0; round < 20; ++round) {
    TAIRITSU_TRY(auto container,
                 tairitsu::Container::builder(image).with_bindings<example::greeter::Greeter>(host).build());
    auto* greeter = container.guest<example::greeter::Greeter>();
    TAIRITSU_TRY(auto greeting, greeter->greet("thread"));
    if (race) ++unprotected;
    if (greeter->fail()) return tairitsu::fail(tairitsu::ErrorCode::internal, "the guest did not trap");
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  auto engine = tairitsu::Engine::create();
  if (!engine) return 1;
  auto image = tairitsu::Image::from_file(*engine, argv[1]);
  if (!image) return 1;
  Host host;
  std::vector<std::thread> threads;
  std::vector<tairitsu::Result<void>> done(2);
  for (int index = 0; index < 2; ++index) {
    threads.emplace_back([&, index] { done[index] = work(*image, host, argc > 2); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& one : done) {
    if (!one) {
      std::cerr << one.error().message() << '\n';
      return 1;
    }
  }
  std::cout << host.messages << " messages from two threads\n";
}

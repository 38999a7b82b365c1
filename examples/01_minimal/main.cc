// Loads a guest, gives it a host function, calls it, and shows what a failure looks like.
#include <fmt/core.h>
#include <tairitsu/tairitsu.h>

#include <string_view>

#include "greeter.h"  // Generated from greeter.wit.

using example::greeter::Greeter;

// The functions that the guest imports.
struct Host : example::greeter::host::Host {
  tairitsu::Result<void> log(std::string_view message) override {
    fmt::print("guest: {}\n", message);
    return {};
  }
};

tairitsu::Result<void> run(const char* file) {
  Host host;
  TAIRITSU_TRY(auto engine, tairitsu::Engine::create());
  TAIRITSU_TRY(auto image, tairitsu::Image::from_file(engine, file));
  TAIRITSU_TRY(auto container, tairitsu::Container::builder(image).with_bindings<Greeter>(host).build());
  Greeter& greeter = *container.guest<Greeter>();

  TAIRITSU_TRY(auto greeting, greeter.greet("world"));
  fmt::print("host:  {}\n", greeting);

  TAIRITSU_TRY(auto items, greeter.shop().cheapest({{{1, 4.5, 0.2}, {2, 1.25, 1.0}, {3, 2.0, 0.5}}}, 2));
  for (const auto& item : items) fmt::print("host:  item {} costs {:.2f}\n", item.id, item.price);

  if (auto failed = greeter.fail(); !failed) {
    fmt::print("host:  {}\n{}\n", failed.error().message(), failed.error().backtrace());
  }
  fmt::print("host:  the container's state is '{}'\n", to_string(container.state()));
  return {};
}

int main(int argc, char** argv) {
  if (auto result = run(argc > 1 ? argv[1] : GUEST_COMPONENT); !result) {
    fmt::print(stderr, "01_minimal: {}\n", result.error().message());
    return 1;
  }
}

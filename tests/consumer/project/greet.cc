// Calls in both directions through generated bindings, and a trap.
#include <iostream>
#include <string>
#include <string_view>

#include <tairitsu/tairitsu.h>

#include "greeter.h"

struct Host {
  int calls = 0;
  void log(std::string_view message) {
    ++calls;
    std::cout << "guest: " << message << '\n';
  }
};

tairitsu::Result<bool> run(const char* file) {
  TAIRITSU_TRY(auto engine, tairitsu::Engine::create());
  TAIRITSU_TRY(auto image, tairitsu::Image::from_file(engine, file));
  Host host;
  TAIRITSU_TRY(auto container,
               tairitsu::Container::builder(image).with_bindings<example::greeter::Greeter>(host).build());
  auto* greeter = container.guest<example::greeter::Greeter>();
  TAIRITSU_TRY(auto greeting, greeter->greet("world"));
  std::cout << "host:  " << greeting << '\n';
  const auto failed = greeter->fail();
  return greeting == "Hello, world!" && host.calls == 1 && !failed &&
         failed.error().code() == tairitsu::ErrorCode::trap &&
         container.state() == tairitsu::ContainerState::error;
}

int main(int, char** argv) {
  const auto result = run(argv[1]);
  if (!result) std::cerr << result.error().message() << '\n';
  return result.value_or(false) ? 0 : 1;
}

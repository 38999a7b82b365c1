// The same as main.cc, step for step: where a program wants a say in how its guest is linked.
#include <fmt/core.h>
#include <tairitsu/tairitsu.h>

#include <string_view>
#include <utility>

#include "greeter.h"

using example::greeter::Greeter;

struct Host : example::greeter::host::Host {
  int messages = 0;

  tairitsu::Result<void> log(std::string_view message) override {
    fmt::print("guest: message {}: {}\n", ++messages, message);
    return {};
  }
};

// The host state: made with a container, and gone with it.
struct State {
  Host host;
};

tairitsu::Result<void> run(const char* file) {
  // 1. The engine compiles, the image is a compiled component.
  TAIRITSU_TRY(auto engine, tairitsu::Engine::create());
  TAIRITSU_TRY(auto image, tairitsu::Image::from_file(engine, file));

  // 2. The builder is told of the host state, and how the guest is made.
  auto builder = tairitsu::Container::builder(image).with_host_state(State{}).with_guest_initializer(
      [](tairitsu::GuestContext& guest) -> tairitsu::Result<tairitsu::GuestInstance> {
        TAIRITSU_CHECK(
            Greeter::add_to_linker<State>(guest.linker, [](State& state) -> Host& { return state.host; }));
        return Greeter::instantiate(guest.store, guest.component, guest.linker);
      });

  // 3. A container that exists, whose guest does not live yet.
  TAIRITSU_TRY(auto container, std::move(builder).create());
  fmt::print("host:  the container's state is '{}'\n", to_string(container.state()));
  TAIRITSU_CHECK(container.start());
  fmt::print("host:  the container's state is '{}'\n", to_string(container.state()));

  // 4. What the initializer gave back, by its type.
  auto* greeter = container.guest().downcast<Greeter>();
  if (greeter == nullptr) return tairitsu::fail(tairitsu::ErrorCode::internal, "the guest is no greeter");
  TAIRITSU_TRY(auto greeting, greeter->greet("world"));
  fmt::print("host:  {}\n", greeting);

  // 5. The host state is in reach between calls.
  fmt::print("host:  the guest sent {} message(s)\n", container.host_state<State>()->host.messages);

  container.stop();
  fmt::print("host:  the container's state is '{}'\n", to_string(container.state()));
  if (auto refused = greeter->greet("world"); !refused) {
    fmt::print("host:  {}: {}\n", to_string(refused.error().code()), refused.error().message());
  }
  return {};
}

int main(int argc, char** argv) {
  if (auto result = run(argc > 1 ? argv[1] : GUEST_COMPONENT); !result) {
    fmt::print(stderr, "01_long_form: {}\n", result.error().message());
    return 1;
  }
}

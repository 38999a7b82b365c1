// The same as main.cc, step by step, for programs that customize how a guest is linked.
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

// The host state. It belongs to a container and is destroyed with it.
struct State {
  Host host;
};

tairitsu::Result<void> run(const char* file) {
  // 1. Create an engine and an image, which is a compiled component.
  TAIRITSU_TRY(auto engine, tairitsu::Engine::create());
  TAIRITSU_TRY(auto image, tairitsu::Image::from_file(engine, file));

  // 2. Give the builder the host state and the function that creates the guest.
  auto builder = tairitsu::Container::builder(image);
  builder.with_host_state(State{}).with_guest_initializer(
      [](tairitsu::GuestContext& guest) -> tairitsu::Result<tairitsu::GuestInstance> {
        TAIRITSU_RETURN_IF_ERROR(
            Greeter::add_to_linker<State>(guest.linker, [](State& state) -> Host& { return state.host; }));
        return Greeter::instantiate(guest.store, guest.component, guest.linker);
      });

  // 3. Create the container. start() instantiates the guest.
  TAIRITSU_TRY(auto container, builder.create());
  fmt::print("host:  the container's state is '{}'\n", to_string(container.state()));
  TAIRITSU_RETURN_IF_ERROR(container.start());
  fmt::print("host:  the container's state is '{}'\n", to_string(container.state()));

  // 4. Get the object that the initializer returned, by its type.
  auto* greeter = container.guest().downcast<Greeter>();
  if (greeter == nullptr) return tairitsu::fail(tairitsu::ErrorCode::internal, "not a greeter");
  TAIRITSU_TRY(auto greeting, greeter->greet("world"));
  fmt::print("host:  {}\n", greeting);

  // 5. The host state is accessible between calls.
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

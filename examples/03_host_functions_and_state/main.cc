// Host functions as a class and as lambdas, a host state for each container, and limits.
#include <fmt/core.h>
#include <tairitsu/tairitsu.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker.h"

using example::worker::Worker;
using namespace std::chrono_literals;

// One import is a class, with the functions of the interface and the data that they need.
class Journal : public example::worker::journal::Host {
 public:
  tairitsu::Result<void> note(std::string_view line) override {
    lines_.emplace_back(line);
    return {};
  }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

// The other import consists of lambdas.
using Settings = example::worker::settings::HostFunctions;

// The state of one container. Its host functions get this state and no other.
struct State {
  std::string name;
  Journal journal;
  Settings settings;
};

State make_state() {
  static std::atomic<int> count = 0;
  const int number = ++count;
  State state{.name = fmt::format("worker {}", number), .journal = {}, .settings = {}};
  state.settings.get = [number](std::string_view name) -> tairitsu::Result<std::optional<std::string>> {
    // An error of the host ends the guest's call. The guest does not see it.
    if (number == 3) return tairitsu::fail(tairitsu::ErrorCode::io, "cannot read the settings");
    if (name == "limit") return std::to_string(number * 1000);
    return std::nullopt;
  };
  return state;
}

tairitsu::Result<tairitsu::ContainerTemplate> make_template(const tairitsu::Image& image,
                                                            const tairitsu::Limits& limits) {
  return tairitsu::Container::builder(image)
      .with_state_factory(make_state)
      .with_bindings<Worker, State>([](State& state) -> Journal& { return state.journal; },
                                    [](State& state) -> Settings& { return state.settings; })
      .with_limits(limits)
      .build_template();
}

void print_journal(const tairitsu::Container& container) {
  const State& state = *container.host_state<State>();
  for (const std::string& line : state.journal.lines()) fmt::print("  journal of {}: {}\n", state.name, line);
}

// Calls `spin`, which runs until it reaches a limit.
void spin(tairitsu::Container& container) {
  const auto spun = container.guest<Worker>()->spin();
  if (spun) return fmt::print("  returned\n");
  fmt::print("  {}\n", spun.error().message());
  fmt::print("  code '{}', state '{}'\n", to_string(spun.error().code()), to_string(container.state()));
  print_journal(container);
}

tairitsu::Result<void> run(const char* file) {
  TAIRITSU_TRY(auto engine, tairitsu::Engine::create({.fuel = true, .epochs = true}));
  TAIRITSU_TRY(auto image, tairitsu::Image::from_file(engine, file));
  TAIRITSU_TRY(auto workers, make_template(image, {.fuel = 50'000'000, .deadline = 10s}));

  fmt::print("Three containers of one template, each with its own state:\n");
  std::vector<tairitsu::Container> containers;
  for (int i = 0; i < 3; ++i) {
    TAIRITSU_TRY(auto container, workers.instantiate());
    containers.push_back(std::move(container));
  }
  for (tairitsu::Container& container : containers) {
    fmt::print("  {}: ", container.host_state<State>()->name);
    if (auto count = container.guest<Worker>()->count_primes(); !count) {
      fmt::print("code '{}': {}\n", to_string(count.error().code()), count.error().message());
    } else if (!*count) {
      fmt::print("the guest returned an error: {}\n", count->error());
    } else {
      fmt::print("{} primes\n", **count);
    }
  }
  for (const tairitsu::Container& container : containers) print_journal(container);

  fmt::print("Out of fuel:\n");
  spin(containers[0]);

  fmt::print("Out of time:\n");
  TAIRITSU_TRY(auto hasty_workers, make_template(image, {.deadline = 50ms}));
  TAIRITSU_TRY(auto hasty, hasty_workers.instantiate());
  spin(hasty);

  fmt::print("The other containers still work:\n");
  TAIRITSU_TRY(auto count, containers[1].guest<Worker>()->count_primes());
  fmt::print("  {}: {} primes\n", containers[1].host_state<State>()->name, *count);
  return {};
}

int main(int argc, char** argv) {
  if (auto result = run(argc > 1 ? argv[1] : GUEST_COMPONENT); !result) {
    fmt::print(stderr, "03_host_functions_and_state: {}\n", result.error().message());
    return 1;
  }
}

// Concurrent use by many threads. The preset `tsan` runs these suites with the thread sanitizer.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "callback.h"
#include "run_together.h"
#include "support.h"

namespace tairitsu::test {
namespace {

using namespace std::chrono_literals;

constexpr int kEngineThreads = 6;

/// A container's host state, which its host function changes without a lock: each container has its own.
struct Sum {
  std::uint32_t total = 0;
};

Result<void> define_sum(Linker& linker) {
  TAIRITSU_RETURN_IF_ERROR(
      linker.define("call", [](Caller& caller, std::uint32_t n) { return caller.state<Sum>()->total += n; }));
  return linker.define("test:callback/host@1.2.0#note", [](std::uint32_t) {});
}

ContainerBuilder sum_builder(const Image& image) {
  ContainerBuilder builder = Container::builder(image);
  builder.with_imports(define_sum);
  return builder;
}

Image callback(const EngineOptions& options = {}) {
  return load(unwrap(Engine::create(options)), "callback.wat");
}

/// Calls the functions of a thread's own container and checks the results.
void use(Container& container, std::uint32_t seed) {
  auto run = function_of<Call>(container, "run");
  auto add = function_of<AddCall>(container, "add");
  for (std::uint32_t i = 1; i <= 50; ++i) {
    ASSERT_EQ(unwrap(add(seed, i)), seed + i);
    ASSERT_EQ(unwrap(run(1)), i);
  }
  ASSERT_EQ(container.host_state<Sum>()->total, 50U);
}

TEST(ThreadsAndImages, CreateContainersFromOne) {
  const Image image = callback();
  run_together(kEngineThreads, [&](int index) {
    for (int round = 0; round < 20; ++round) {
      auto container = unwrap(sum_builder(image).with_host_state(Sum{}).build());
      use(container, static_cast<std::uint32_t>(index * 1000 + round));
    }
  });
}

TEST(ThreadsAndImages, CompileOnOneEngine) {
  const Engine engine = unwrap(Engine::create());
  const std::string text = read_guest("callback.wat");
  run_together(kEngineThreads, [&](int index) {
    for (int round = 0; round < 3; ++round) {
      const Image image = unwrap(Image::from_text(engine, text));
      auto container = unwrap(sum_builder(image).with_host_state(Sum{}).build());
      use(container, static_cast<std::uint32_t>(index));
      const auto artifact = unwrap(image.precompile());
      EXPECT_EQ(unwrap(Image::from_trusted_artifact(engine, artifact)).digest(), image.digest());
    }
  });
}

TEST(ThreadsAndTemplates, CreateContainersFromOne) {
  const EngineOptions pooling{.pool =
                                  PoolOptions{.max_components = 100, .max_memories = 100, .max_tables = 100}};
  for (const EngineOptions& options : {EngineOptions{}, pooling, EngineOptions{.epochs = true}}) {
    std::atomic<int> made = 0;
    const auto shared = unwrap(sum_builder(callback(options))
                                   .with_state_factory([&] {
                                     ++made;
                                     return Sum{};
                                   })
                                   .build_template());
    run_together(kEngineThreads, [&](int index) {
      const ContainerTemplate copy = shared;
      for (int round = 0; round < 50; ++round) {
        auto container = unwrap(copy.instantiate());
        use(container, static_cast<std::uint32_t>(index * 1000 + round));
      }
    });
    EXPECT_EQ(made, kEngineThreads * 50);
  }
}

TEST(ThreadsAndTemplates, ShareOneThatIsReleased) {
  std::optional<ContainerTemplate> shared =
      unwrap(sum_builder(callback()).with_state_factory([] { return Sum{}; }).build_template());
  std::vector<ContainerTemplate> copies(kEngineThreads, *shared);
  shared.reset();
  run_together(kEngineThreads, [&](int index) {
    const auto own = std::move(copies[static_cast<std::size_t>(index)]);
    for (int round = 0; round < 10; ++round) {
      auto container = unwrap(own.instantiate());
      use(container, 1);
    }
  });
}

TEST(ThreadsAndTemplates, HaveSeparateDeadlines) {
  const Engine engine = unwrap(Engine::create({.epochs = true}));
  const auto shared = unwrap(
      Container::builder(load(engine, "hostile.wat")).with_limits({.deadline = 20ms}).build_template());
  run_together(4, [&](int index) {
    for (int round = 0; round < 3; ++round) {
      auto container = unwrap(shared.instantiate());
      if (index % 2 == 0) {
        EXPECT_ERROR(function_of<void()>(container, "loop-forever")(), deadline_exceeded);
      } else {
        EXPECT_OK(function_of<std::string()>(container, "hello")());
      }
    }
  });
}

TEST(ThreadsAndExports, ShareAnExportedFunction) {
  const Image image = callback();
  const auto add = unwrap(image.component().function<AddCall>("add"));
  const auto shared = unwrap(sum_builder(image).with_state_factory([] { return Sum{}; }).build_template());
  run_together(kEngineThreads, [&](int index) {
    for (std::uint32_t round = 0; round < 50; ++round) {
      const auto container = unwrap(shared.instantiate());
      const auto own = static_cast<std::uint32_t>(index);
      EXPECT_EQ(unwrap(unwrap(container.function(add))(own, round)), own + round);
      EXPECT_OK(image.component().function<Call>("run"));
    }
  });
}

TEST(ThreadsAndErrors, TrapInSeparateContainers) {
  const auto shared = unwrap(Container::builder(load("hostile.wat")).build_template());
  run_together(kEngineThreads, [&](int) {
    for (int round = 0; round < 30; ++round) {
      auto container = unwrap(shared.instantiate());
      if (round % 2 == 0) {
        EXPECT_EQ(unwrap(function_of<std::string()>(container, "hello")()), "hello");
      }
      const auto trapped = function_of<void()>(container, "trap")();
      EXPECT_ERROR(trapped, trap);
      EXPECT_FALSE(trapped.error().backtrace().empty());
      EXPECT_EQ(container.state(), ContainerState::error);
    }
  });
}

// ---- One container

TEST(ThreadsInOneContainer, EnterOneAtATime) {
  auto container = unwrap(sum_builder(callback()).with_host_state(Sum{}).build());
  std::atomic<std::uint32_t> succeeded = 0;
  std::atomic<std::uint32_t> refused = 0;
  run_together(2, [&](int) {
    // Each thread looks up its own function, because copies would share one.
    std::optional<Function<Call>> run;
    while (!run) {
      if (auto bound = container.function<Call>("run")) {
        run = *std::move(bound);
      } else {
        EXPECT_ERROR(bound, reentrant_call);
      }
    }
    for (int i = 0; i < 2000; ++i) {
      if (auto result = (*run)(1)) {
        ++succeeded;
      } else {
        EXPECT_ERROR(result, reentrant_call);
        ++refused;
      }
    }
  });
  EXPECT_EQ(succeeded + refused, 4000U);
  EXPECT_EQ(container.state(), ContainerState::running) << "a refused call has no effect";
  EXPECT_EQ(container.host_state<Sum>()->total, succeeded);
  EXPECT_EQ(unwrap(function_of<AddCall>(container, "add")(1, 2)), 3U);
}

TEST(ThreadsInOneContainer, AreRefusedDuringACall) {
  std::atomic<bool> entered = false;
  std::atomic<bool> leave = false;
  auto container = start(callback(), [&](Linker& linker) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(linker.define("call", [&](std::uint32_t n) {
      entered = true;
      while (!leave) std::this_thread::yield();
      return n;
    }));
    return linker.define("test:callback/host@1.2.0#note", [](std::uint32_t) {});
  });
  auto run = function_of<Call>(container, "run");
  auto add = function_of<AddCall>(container, "add");
  std::thread first([&] { EXPECT_EQ(unwrap(run(7)), 7U); });
  while (!entered) std::this_thread::yield();
  EXPECT_ERROR(add(1, 2), reentrant_call);
  EXPECT_ERROR(container.fuel(), reentrant_call);
  EXPECT_EQ(container.host_state(), nullptr);
  EXPECT_EQ(container.state(), ContainerState::running);
  leave = true;
  first.join();
  EXPECT_EQ(unwrap(add(1, 2)), 3U);
}

TEST(ThreadsInOneContainer, CanTakeTurnsWithALock) {
  auto container = unwrap(sum_builder(callback()).with_host_state(Sum{}).build());
  auto run = function_of<Call>(container, "run");
  std::mutex mutex;
  run_together(4, [&](int) {
    for (int i = 0; i < 100; ++i) {
      const std::scoped_lock lock(mutex);
      ASSERT_OK(run(1));
    }
  });
  EXPECT_EQ(container.host_state<Sum>()->total, 400U);
}

// ---- Stopping

TEST(ThreadsAndStop, RaceWithCallsInALoop) {
  const Engine engine = unwrap(Engine::create({.epochs = true}));
  const auto shared = unwrap(
      sum_builder(load(engine, "callback.wat")).with_state_factory([] { return Sum{}; }).build_template());
  for (int round = 0; round < 60; ++round) {
    auto container = unwrap(shared.instantiate());
    auto run = function_of<Call>(container, "run");
    std::atomic<int> calls = 0;
    run_together(2, [&](int index) {
      if (index == 0) {
        while (calls < round) std::this_thread::yield();
        container.stop();
        EXPECT_EQ(container.state(), ContainerState::stopped);
        return;
      }
      Result<std::uint32_t> result = 0;
      while ((result = run(1))) ++calls;
      EXPECT_THAT(result.error().code(),
                  ::testing::AnyOf(ErrorCode::interrupted, ErrorCode::container_stopped));
      EXPECT_ERROR(run(1), container_stopped);
    });
    EXPECT_EQ(container.memory_bytes(), 0U);
  }
}

TEST(ThreadsAndStop, RaceWithStart) {
  const Engine engine = unwrap(Engine::create({.epochs = true}));
  const Image image = load(engine, "callback.wat");
  for (int round = 0; round < 60; ++round) {
    auto container = unwrap(sum_builder(image).with_host_state(Sum{}).create());
    run_together(2, [&](int index) {
      if (index == 0) {
        container.stop();
      } else if (auto started = container.start(); !started) {
        EXPECT_THAT(started.error().code(),
                    ::testing::AnyOf(ErrorCode::interrupted, ErrorCode::container_stopped));
      }
    });
    EXPECT_EQ(container.state(), ContainerState::stopped);
    EXPECT_ERROR(container.function<AddCall>("add"), container_stopped);
  }
}

TEST(ThreadsAndStop, StopConcurrently) {
  const auto shared =
      unwrap(sum_builder(callback()).with_state_factory([] { return Sum{}; }).build_template());
  for (int round = 0; round < 40; ++round) {
    auto container = unwrap(shared.instantiate());
    auto add = function_of<AddCall>(container, "add");
    run_together(4, [&](int index) {
      if (index == 0) {
        for (int i = 0; i < 20; ++i) (void)add(1, 2);
      } else {
        container.stop();
      }
    });
    EXPECT_EQ(container.state(), ContainerState::stopped);
    EXPECT_ERROR(add(1, 2), container_stopped);
  }
}

TEST(ThreadsAndInterrupts, InterruptTheRunningCall) {
  const Engine engine = unwrap(Engine::create({.epochs = true}));
  auto container = start(load(engine, "hostile.wat"));
  const InterruptHandle handle = unwrap(container.interrupt_handle());
  auto loop = function_of<void()>(container, "loop-forever");
  std::atomic<bool> done = false;
  run_together(3, [&](int index) {
    if (index == 0) {
      EXPECT_ERROR(loop(), interrupted);
      done = true;
      return;
    }
    while (!done) {
      handle.interrupt();
      std::this_thread::yield();
    }
  });
}

// ---- Resources

TEST(ThreadsAndResources, DropThemDuringCalls) {
  std::uint32_t dropped = 0;  // Not atomic: the host functions of a container run one at a time.
  {
    auto container = start("destructor.wat", [&](Linker& linker) {
      return linker.define("dropped", [&](std::uint32_t number) { dropped += number; });
    });
    auto make = function_of<GuestResource(std::uint32_t)>(container, "[constructor]thing");
    auto call = function_of<void()>(container, "call");
    for (int round = 0; round < 30; ++round) {
      std::vector<std::vector<GuestResource>> things(3);
      for (auto& of_thread : things) {
        for (int i = 0; i < 20; ++i) of_thread.push_back(unwrap(make(1)));
      }
      run_together(4, [&](int index) {
        if (index == 3) {
          for (int i = 0; i < 50; ++i) {
            if (auto called = call(); !called) {
              EXPECT_ERROR(called, reentrant_call);
            }
          }
          return;
        }
        for (GuestResource& thing : things[static_cast<std::size_t>(index)]) EXPECT_OK(thing.drop());
      });
    }
    // All deferred drops have run, without another call.
    EXPECT_EQ(container.state(), ContainerState::running);
    EXPECT_EQ(dropped, 30U * 3U * 20U);
  }
}

TEST(ThreadsAndResources, DropThemWhileTheContainerIsDestroyed) {
  for (int round = 0; round < 40; ++round) {
    std::optional<Container> container = start(
        "destructor.wat", [](Linker& linker) { return linker.define("dropped", [](std::uint32_t) {}); });
    auto make = function_of<GuestResource(std::uint32_t)>(*container, "[constructor]thing");
    std::vector<GuestResource> things;
    for (std::uint32_t i = 1; i <= 20; ++i) things.push_back(unwrap(make(i)));
    run_together(2, [&](int index) {
      if (index == 0) {
        things.clear();
      } else {
        container.reset();
      }
    });
  }
}

// ---- WASI

TEST(ThreadsAndWasi, WaitConcurrently) {
  const Engine engine = unwrap(Engine::create({.epochs = true}));
  const Image image = load(engine, "wasi_guest.wasm");
  const auto builder = [&] {
    ContainerBuilder result = Container::builder(image);
    result.with_imports([](Linker& linker) {
      return linker.define("test:wasi/host@1.0.0#note", [](std::uint32_t n) { return n; });
    });
    return result;
  };
  const auto direct = unwrap(builder().with_wasi({.standard_output = Output::capture}).build_template());
  const auto interruptible =
      unwrap(builder().with_wasi({.standard_output = Output::capture}).interruptible().build_template());
  run_together(kEngineThreads, [&](int index) {
    const ContainerTemplate& made = index % 2 == 0 ? direct : interruptible;
    for (int round = 0; round < 5; ++round) {
      auto container = unwrap(made.instantiate());
      EXPECT_OK(function_of<void(std::uint32_t)>(container, "sleep")(2));
      EXPECT_OK(function_of<void(std::string_view)>(container, "print")(std::to_string(index)));
      EXPECT_EQ(container.standard_output(), std::to_string(index));
    }
  });
}

}  // namespace
}  // namespace tairitsu::test

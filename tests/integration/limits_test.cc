// Limits, each with a guest that hits it. Each has its own error code; the container is in the state error afterwards,
// and the process continues.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support.h"

namespace tairitsu::test {

struct LimitTicket {};

}  // namespace tairitsu::test

template <>
struct tairitsu::Describe<tairitsu::test::LimitTicket>
    : tairitsu::HostResource<tairitsu::test::LimitTicket, "ticket"> {};

namespace tairitsu::test {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// A deadline or an interrupt must take effect well before this, even with a sanitizer.
constexpr auto kLong = 5s;

/// An engine with fuel and epochs.
const Engine& limiting_engine() {
  static const Engine engine = unwrap(Engine::create({.fuel = true, .epochs = true}));
  return engine;
}

Image hostile() {
  static const Image image = load(limiting_engine(), "hostile.wat");
  return image;
}

/// Expects that the container failed, and that another container of the same image works.
void expect_contained(const Container& container) {
  EXPECT_EQ(container.state(), ContainerState::error);
  EXPECT_EQ(unwrap(function_of<std::string()>(start("hostile.wat"), "hello")()), "hello");
}

/// A thread that is joined on destruction.
class Thread {
 public:
  explicit Thread(std::function<void()> body) : thread_(std::move(body)) {}
  ~Thread() { thread_.join(); }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

 private:
  std::thread thread_;
};

// ---- Fuel

TEST(FuelLimit, StopsAComputingGuest) {
  auto container = unwrap(Container::builder(hostile()).with_limits({.fuel = 100'000}).build());
  EXPECT_ERROR(function_of<void()>(container, "loop-forever")(), fuel_exhausted);
  expect_contained(container);
  EXPECT_ERROR(function_of<std::string()>(container, "hello")(), container_failed);
}

TEST(FuelLimit, IsForTheContainersWholeLife) {
  auto container = unwrap(Container::builder(hostile()).with_limits({.fuel = 1000}).build());
  const std::uint64_t at_first = unwrap(container.fuel());
  EXPECT_LE(at_first, 1000U);
  auto hello = function_of<std::string()>(container, "hello");
  ASSERT_OK(hello());
  const std::uint64_t after_one = unwrap(container.fuel());
  EXPECT_LT(after_one, at_first);
  Result<std::string> last = hello();
  for (int i = 0; i < 1000 && last; ++i) last = hello();
  EXPECT_ERROR(last, fuel_exhausted);
  EXPECT_EQ(container.state(), ContainerState::error);
}

TEST(FuelLimit, CanBeRefilled) {
  auto container = unwrap(Container::builder(hostile()).with_limits({.fuel = 1000}).build());
  auto hello = function_of<std::string()>(container, "hello");
  for (int i = 0; i < 1000; ++i) {
    ASSERT_OK(container.set_fuel(1000));
    ASSERT_OK(hello());
  }
  ASSERT_OK(container.set_fuel(5));
  EXPECT_EQ(unwrap(container.fuel()), 5U);
  EXPECT_ERROR(hello(), fuel_exhausted);
}

TEST(FuelLimit, AppliesDuringStart) {
  const Image starting = unwrap(Image::from_text(limiting_engine(), R"((component
    (core module $m (func $f (loop $again (br $again))) (start $f))
    (core instance (instantiate $m))))"));
  EXPECT_ERROR(Container::builder(starting).with_limits({.fuel = 10'000}).build(), fuel_exhausted);
  EXPECT_ERROR(Container::builder(starting).with_limits({.deadline = 20ms}).build(), deadline_exceeded);
  auto container = unwrap(Container::builder(starting).with_limits({.fuel = 10'000}).create());
  EXPECT_ERROR(container.start(), fuel_exhausted);
  EXPECT_EQ(container.state(), ContainerState::error);
  EXPECT_ERROR(
      unwrap(Container::builder(starting).with_limits({.fuel = 10'000}).build_template()).instantiate(),
      fuel_exhausted);
}

TEST(FuelLimit, IsUnlimitedByDefault) {
  auto container = start(hostile());
  EXPECT_GT(unwrap(container.fuel()), std::uint64_t{1} << 60);
  EXPECT_OK(function_of<std::string()>(container, "hello")());
}

TEST(FuelLimit, OfZeroLetsNothingRun) {
  auto container = unwrap(Container::builder(hostile()).with_limits({.fuel = 0}).build());
  EXPECT_ERROR(function_of<std::string()>(container, "hello")(), fuel_exhausted);
}

// ---- Deadlines

TEST(Deadline, StopsAComputingGuest) {
  auto container = unwrap(Container::builder(hostile()).with_limits({.deadline = 50ms}).build());
  const auto begin = Clock::now();
  const auto late = function_of<void()>(container, "loop-forever")();
  const auto took = Clock::now() - begin;
  ASSERT_ERROR(late, deadline_exceeded);
  EXPECT_GE(took, 50ms);
  EXPECT_LT(took, kLong);
  expect_contained(container);
}

TEST(Deadline, StopsAnEndlessPostReturn) {
  auto container = unwrap(Container::builder(hostile()).with_limits({.deadline = 50ms}).build());
  EXPECT_ERROR(function_of<std::string()>(container, "loop-in-post-return")(), deadline_exceeded);
  expect_contained(container);
}

TEST(Deadline, AppliesToEachCall) {
  auto container = unwrap(Container::builder(hostile()).with_limits({.deadline = 100ms}).build());
  auto hello = function_of<std::string()>(container, "hello");
  for (int i = 0; i < 4; ++i) {
    ASSERT_OK(hello());
    std::this_thread::sleep_for(50ms);
  }
}

TEST(Deadline, StopsTheGuestAfterAHostFunctionReturns) {
  const Image image = load(limiting_engine(), "callback.wat");
  bool finished = false;
  auto container = unwrap(Container::builder(image)
                              .with_imports([&](Linker& linker) -> Result<void> {
                                TAIRITSU_RETURN_IF_ERROR(linker.define("call", [&](std::uint32_t n) {
                                  std::this_thread::sleep_for(100ms);
                                  finished = true;
                                  return n;
                                }));
                                return linker.define("test:callback/host@1.2.0#note", [](std::uint32_t) {});
                              })
                              .with_limits({.deadline = 30ms})
                              .build());
  EXPECT_ERROR(function_of<void(std::uint32_t)>(container, "run-then-spin")(1), deadline_exceeded);
  EXPECT_TRUE(finished);
}

TEST(Deadline, DoesNotAffectOtherContainers) {
  auto late = unwrap(Container::builder(hostile()).with_limits({.deadline = 20ms}).build());
  auto calm = start(hostile());
  auto deep = function_of<std::uint32_t(std::uint32_t)>(calm, "divide");
  EXPECT_ERROR(function_of<void()>(late, "loop-forever")(), deadline_exceeded);
  EXPECT_EQ(unwrap(deep(5)), 20U);
}

// A guest that waits in WASI does not compute: it can be interrupted only on a fiber.
TEST(Deadline, StopsASleepingGuest) {
  auto container =
      unwrap(Container::builder(load(limiting_engine(), "wasi_guest.wasm"))
                 .with_imports([](Linker& linker) {
                   return linker.define("test:wasi/host@1.0.0#note", [](std::uint32_t n) { return n; });
                 })
                 .with_limits({.deadline = 100ms})
                 .build_template());
  for (const std::string_view name : {"sleep", "poll"}) {
    Container guest = unwrap(container.instantiate());
    auto wait = function_of<void(std::uint32_t)>(guest, name);
    EXPECT_OK(wait(1));
    const auto begin = Clock::now();
    EXPECT_ERROR(wait(60'000), deadline_exceeded);
    EXPECT_LT(Clock::now() - begin, kLong) << name;
    expect_contained(guest);
  }
}

// ---- Interrupts

TEST(Interrupt, StopsAComputingGuest) {
  auto container = start(hostile());
  const InterruptHandle handle = unwrap(container.interrupt_handle());
  std::atomic<bool> done = false;
  const Thread other([&] {
    // An interrupt has no effect before the call has begun.
    while (!done) {
      handle.interrupt();
      std::this_thread::sleep_for(1ms);
    }
  });
  const auto interrupted = function_of<void()>(container, "loop-forever")();
  done = true;
  EXPECT_ERROR(interrupted, interrupted);
  expect_contained(container);
}

TEST(Interrupt, StopsASleepingGuest) {
  auto container =
      unwrap(Container::builder(load(limiting_engine(), "wasi_guest.wasm"))
                 .with_imports([](Linker& linker) {
                   return linker.define("test:wasi/host@1.0.0#note", [](std::uint32_t n) { return n; });
                 })
                 .interruptible()
                 .build());
  const InterruptHandle handle = unwrap(container.interrupt_handle());
  std::atomic<bool> done = false;
  const Thread other([&] {
    while (!done) {
      std::this_thread::sleep_for(10ms);
      handle.interrupt();
    }
  });
  const auto begin = Clock::now();
  const auto interrupted = function_of<void(std::uint32_t)>(container, "sleep")(60'000);
  done = true;
  EXPECT_ERROR(interrupted, interrupted);
  EXPECT_LT(Clock::now() - begin, kLong);
  expect_contained(container);
}

TEST(Interrupt, WithoutACallDoesNothing) {
  auto container = start(hostile());
  const InterruptHandle handle = unwrap(container.interrupt_handle());
  const InterruptHandle copy = handle;  // NOLINT(performance-unnecessary-copy-initialization)
  auto hello = function_of<std::string()>(container, "hello");
  for (int i = 0; i < 100; ++i) {
    copy.interrupt();
    ASSERT_OK(hello());
  }
}

TEST(Interrupt, NeedsAStartedContainer) {
  auto container = unwrap(Container::builder(hostile()).create());
  EXPECT_ERROR(container.interrupt_handle(), container_stopped);
}

// ---- Memory and tables

TEST(MemoryLimit, StopsAGuestThatGrowsPastIt) {
  auto container = start("hostile.wat", {}, {.memory_bytes = 10 * 65536});
  auto grow = function_of<std::int32_t(std::uint32_t)>(container, "grow-memory");
  EXPECT_EQ(unwrap(grow(9)), 1);
  EXPECT_EQ(container.memory_bytes(), 10U * 65536U);
  const auto grown = grow(1);
  ASSERT_ERROR(grown, memory_limit);
  EXPECT_THAT(message_of(grown), HasSubstr("720896 bytes"));
  EXPECT_THAT(message_of(grown), HasSubstr("limit is 655360"));
  EXPECT_EQ(container.memory_bytes(), 10U * 65536U);
  expect_contained(container);
}

TEST(MemoryLimit, EndsACallWhoseArgumentsNeedMore) {
  auto container = start("hostile.wat", {}, {.memory_bytes = 1 << 20});
  auto take = function_of<std::uint32_t(std::vector<std::uint8_t>)>(container, "take-bytes");
  EXPECT_EQ(unwrap(take(std::vector<std::uint8_t>(100'000))), 100'000U);
  EXPECT_ERROR(take(std::vector<std::uint8_t>(2 << 20)), memory_limit);
  expect_contained(container);
}

TEST(MemoryLimit, AppliesDuringStart) {
  const auto built = Container::builder(load("hostile.wat")).with_limits({.memory_bytes = 65535}).build();
  ASSERT_ERROR(built, memory_limit);
  EXPECT_THAT(message_of(built), HasSubstr("instantiating the component"));
  EXPECT_ERROR(Container::builder(load("hostile.wat")).with_limits({.memory_bytes = 0}).build(), memory_limit)
      << "0 is a valid limit";
}

// Wasmtime checks a memory's own maximum after it has called the limiter.
TEST(MemoryLimit, DoesNotCountFailedGrowth) {
  auto container = start("growing.wat", {}, {.memory_bytes = 8 * 65536});
  auto bounded = function_of<std::int32_t(std::uint32_t)>(container, "grow-bounded");
  EXPECT_EQ(container.memory_bytes(), 2U * 65536U);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(unwrap(bounded(5)), -1);
  EXPECT_EQ(container.memory_bytes(), 2U * 65536U);
  EXPECT_EQ(unwrap(bounded(2)), 1);
  EXPECT_EQ(container.memory_bytes(), 4U * 65536U);
  EXPECT_EQ(unwrap(function_of<std::int64_t(std::uint64_t)>(container, "grow-wide")(4)), 1);
  EXPECT_EQ(container.memory_bytes(), 8U * 65536U);
  EXPECT_EQ(unwrap(bounded(0)), 3);
}

TEST(MemoryLimit, AppliesToAllMemoriesTogether) {
  auto container = start("growing.wat", {}, {.memory_bytes = 8 * 65536});
  EXPECT_EQ(unwrap(function_of<std::int32_t(std::uint32_t)>(container, "grow-bounded")(2)), 1);
  EXPECT_ERROR(function_of<std::int64_t(std::uint64_t)>(container, "grow-wide")(5), memory_limit);
  EXPECT_EQ(container.state(), ContainerState::error);
}

// Regression test: such a request once overflowed the count and disabled the limit.
TEST(MemoryLimit, HoldsIfAGuestRequestsTheMaximum) {
  for (const std::uint64_t pages :
       {~std::uint64_t{0}, (std::uint64_t{1} << 48) - 1, std::uint64_t{1} << 47}) {
    auto limited = start("growing.wat", {}, {.memory_bytes = 8 * 65536});
    EXPECT_ERROR(function_of<std::int64_t(std::uint64_t)>(limited, "grow-wide")(pages), memory_limit);
  }
  // Without a limit the guest's request fails.
  auto container = start("growing.wat");
  auto wide = function_of<std::int64_t(std::uint64_t)>(container, "grow-wide");
  EXPECT_EQ(unwrap(wide(~std::uint64_t{0})), -1);
  EXPECT_EQ(unwrap(wide((std::uint64_t{1} << 48) - 1)), -1);
  EXPECT_EQ(container.memory_bytes(), 2U * 65536U);
  EXPECT_EQ(unwrap(wide(1)), 1);
  EXPECT_EQ(container.memory_bytes(), 3U * 65536U);
}

TEST(TableLimit, StopsAGuestThatGrowsPastIt) {
  auto container = start("hostile.wat", {}, {.table_elements = 100});
  auto grow = function_of<std::int32_t(std::uint32_t)>(container, "grow-table");
  EXPECT_EQ(unwrap(grow(99)), 1);
  const auto grown = grow(1);
  ASSERT_ERROR(grown, table_limit);
  EXPECT_THAT(message_of(grown), HasSubstr("101 table elements; its limit is 100"));
  expect_contained(container);
}

TEST(TableLimit, DoesNotCountFailedGrowth) {
  auto container = start("growing.wat", {}, {.table_elements = 20});
  auto grow = function_of<std::int32_t(std::uint32_t)>(container, "grow-table");
  for (int i = 0; i < 100; ++i) ASSERT_EQ(unwrap(grow(10)), -1);
  EXPECT_EQ(unwrap(grow(9)), 1);
  EXPECT_EQ(unwrap(grow(0xFFFFFFFF)), -1);
  EXPECT_EQ(unwrap(grow(0)), 10);
}

TEST(TableLimit, AppliesDuringStart) {
  EXPECT_ERROR(Container::builder(load("hostile.wat")).with_limits({.table_elements = 0}).build(),
               table_limit);
}

// ---- Instances, handles, copies

/// Defines the imports of resources.wat.
Result<void> define_tickets(Linker& linker) {
  using Ptr = std::unique_ptr<LimitTicket>;
  const std::string host = "test:shop/host@1.0.0#";
  TAIRITSU_RETURN_IF_ERROR(linker.define_resource<LimitTicket>(host + "ticket"));
  TAIRITSU_RETURN_IF_ERROR(linker.define(host + "[constructor]ticket",
                                         [](std::uint32_t) { return std::make_unique<LimitTicket>(); }));
  TAIRITSU_RETURN_IF_ERROR(
      linker.define(host + "[method]ticket.number", [](LimitTicket&) -> std::uint32_t { return 1; }));
  TAIRITSU_RETURN_IF_ERROR(linker.define(host + "take", [](Ptr) {}));
  TAIRITSU_RETURN_IF_ERROR(linker.define(host + "give", [] { return std::make_unique<LimitTicket>(); }));
  return linker.define(host + "list", [] { return std::vector<Ptr>(); });
}

TEST(InstanceLimit, RejectsAComponentThatNeedsMore) {
  const Image image = load("growing.wat");  // Two core instances, two memories, one table.
  EXPECT_OK(Container::builder(image).with_limits({.instances = 2}).build());
  for (const std::uint32_t limit : {1U, 0U}) {
    auto container = unwrap(Container::builder(image).with_limits({.instances = limit}).create());
    const auto started = container.start();
    ASSERT_ERROR(started, instance_limit);
    EXPECT_THAT(message_of(started), HasSubstr("its limit is " + std::to_string(limit)));
    expect_contained(container);
  }
  EXPECT_ERROR(unwrap(Container::builder(image).with_limits({.instances = 1}).build_template()).instantiate(),
               instance_limit);
}

TEST(HandleLimit, StopsAGuestThatHoardsHandles) {
  auto container = start("resources.wat", define_tickets, {.resource_handles = 100});
  EXPECT_OK(function_of<std::uint32_t(std::uint32_t)>(container, "use-tickets")(10'000)) << "one at a time";
  auto hoard = function_of<void(std::uint32_t)>(container, "hoard-tickets");
  EXPECT_OK(hoard(90));
  EXPECT_ERROR(hoard(20), handle_limit);
  expect_contained(container);
}

TEST(HandleLimit, MayBeZero) {
  auto container = start("resources.wat", define_tickets, {.resource_handles = 0});
  EXPECT_ERROR(function_of<void(std::uint32_t)>(container, "hoard-tickets")(1), handle_limit);
}

TEST(CopyLimit, EndsACallThatCopiesMoreOut) {
  auto container = start("hostile.wat", {}, {.copied_bytes_per_call = 100'000});
  auto bytes = function_of<std::vector<std::uint8_t>(std::uint32_t)>(container, "alloc-bytes");
  EXPECT_THAT(unwrap(bytes(100'000)), SizeIs(100'000));
  EXPECT_THAT(unwrap(bytes(90'000)), SizeIs(90'000)) << "the limit is per call";
  EXPECT_ERROR(bytes(100'001), copy_limit);
  expect_contained(container);
}

TEST(CopyLimit, CountsSharedMemoryForEachCopy) {
  auto container = start("hostile.wat", {}, {.copied_bytes_per_call = 1 << 20});
  auto strings = function_of<std::vector<std::string>(std::uint32_t)>(container, "alloc-strings");
  EXPECT_THAT(unwrap(strings(10)), SizeIs(10));
  EXPECT_ERROR(strings(20), copy_limit);
  expect_contained(container);
}

TEST(CopyLimit, HasADefault) {
  auto container = start("hostile.wat");
  auto strings = function_of<std::vector<std::string>(std::uint32_t)>(container, "alloc-strings");
  EXPECT_ERROR(strings(3000), copy_limit) << "187 MiB";
}

TEST(CopyLimit, AppliesToHostFunctions) {
  auto container =
      start("wasi_guest.wasm",
            [](Linker& linker) {
              return linker.define("test:wasi/host@1.0.0#note", [](std::uint32_t n) { return n; });
            },
            {.copied_bytes_per_call = 1000});
  auto print = function_of<void(std::string_view)>(container, "print");
  EXPECT_OK(print(std::string(500, '.'))) << "arguments do not count, and WASI copies 500 bytes";
  EXPECT_ERROR(print(std::string(5000, '.')), copy_limit) << "WASI copies them too";
}

// ---- The stack

TEST(StackLimit, TrapsARecursingGuest) {
  auto container = start("hostile.wat");
  const auto deep = function_of<void()>(container, "trap-deep")();
  ASSERT_ERROR(deep, trap);
  EXPECT_THAT(message_of(deep), HasSubstr("call stack exhausted"));
  EXPECT_FALSE(deep.error().backtrace().empty());
  expect_contained(container);
}

TEST(StackLimit, MayBeLarger) {
  const Engine engine = unwrap(Engine::create({.max_wasm_stack = 4 << 20}));
  auto container = start(load(engine, "hostile.wat"));
  EXPECT_ERROR(function_of<void()>(container, "trap-deep")(), trap);
}

// ---- The pool

TEST(Pool, OfTwoRejectsAThirdContainer) {
  const Engine engine = unwrap(Engine::create({.pool = PoolOptions{.max_components = 2,
                                                                   .max_core_instances = 2,
                                                                   .max_memories = 2,
                                                                   .max_tables = 2,
                                                                   .max_stacks = 2,
                                                                   .max_memory_bytes = 1 << 20}}));
  const Image image = load(engine, "hostile.wat");
  auto first = start(image);
  std::optional<Container> second = start(image);
  const auto third = Container::builder(image).build();
  ASSERT_ERROR(third, pool_exhausted);
  EXPECT_OK(function_of<std::string()>(first, "hello")());

  second.reset();
  auto fourth = start(image);
  EXPECT_EQ(unwrap(function_of<std::string()>(fourth, "hello")()), "hello") << "the slot is free again";
  EXPECT_ERROR(Container::builder(image).build(), pool_exhausted);
  fourth.stop();
  EXPECT_OK(Container::builder(image).build()) << "a stopped container needs no slot";
}

TEST(Pool, LimitsTheSizeOfMemories) {
  const Engine engine = unwrap(Engine::create(
      {.pool = PoolOptions{.max_components = 2, .max_memories = 2, .max_memory_bytes = 10 * 65536}}));
  const Image image = load(engine, "hostile.wat");
  auto container = start(image);
  auto grow = function_of<std::int32_t(std::uint32_t)>(container, "grow-memory");
  EXPECT_EQ(unwrap(grow(9)), 1);
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(unwrap(grow(1)), -1) << "growth fails as at the memory's own maximum";
  EXPECT_EQ(container.memory_bytes(), 10U * 65536U);
}

TEST(Pool, GivesEachContainerACleanSlot) {
  const Engine engine = unwrap(Engine::create(
      {.pool =
           PoolOptions{.max_components = 1, .max_core_instances = 1, .max_memories = 1, .max_tables = 1}}));
  const auto made = unwrap(Container::builder(load(engine, "hostile.wat")).build_template());
  for (int i = 0; i < 100; ++i) {
    auto container = unwrap(made.instantiate());
    EXPECT_EQ(container.memory_bytes(), 65536U);
    EXPECT_THAT(
        unwrap(function_of<std::vector<std::uint8_t>(std::uint32_t)>(container, "alloc-bytes")(100'000)),
        SizeIs(100'000));
    if (i % 2 == 0) {
      EXPECT_ERROR(function_of<void()>(container, "trap")(), trap);
    }
  }
}

// Wasmtime keeps a container's stack for its next call, so the limit counts containers, not calls.
TEST(Pool, LimitsTheNumberOfInterruptibleContainers) {
  const Engine engine = unwrap(Engine::create(
      {.pool = PoolOptions{.max_components = 3, .max_memories = 6, .max_stacks = 1}, .epochs = true}));
  const Image image = load(engine, "wasi_guest.wasm");
  const auto define_note = [](Linker& linker) {
    return linker.define("test:wasi/host@1.0.0#note", [](std::uint32_t n) { return n; });
  };
  const auto made =
      unwrap(Container::builder(image).with_imports(define_note).interruptible().build_template());
  std::optional<Container> first = unwrap(made.instantiate());
  EXPECT_ERROR(made.instantiate(), pool_exhausted);
  EXPECT_OK(Container::builder(image).with_imports(define_note).build())
      << "a direct container needs no stack";
  EXPECT_OK(function_of<void(std::uint32_t)>(*first, "sleep")(1));

  first.reset();
  auto second = unwrap(made.instantiate());
  EXPECT_OK(function_of<void(std::uint32_t)>(second, "sleep")(1)) << "the stack was freed";
}

constexpr std::string_view kManyMemories = R"((component
  (core module $m (memory 1) (memory 1) (memory 3) (table 1 funcref) (table 30 funcref)
    (func (export "f") (result i32) (memory.grow 2 (i32.const 1))))
  (core instance $a (instantiate $m))
  (core instance (instantiate $m))
  (func (export "f") (result u32) (canon lift (core func $a "f")))))";

TEST(Pool, AcceptsCoreModulesWithSeveralMemoriesAndTables) {
  const Engine engine = unwrap(Engine::create({.pool = PoolOptions{.max_components = 2}}));
  auto container = start(unwrap(Image::from_text(engine, kManyMemories)));
  EXPECT_EQ(unwrap(function_of<std::uint32_t()>(container, "f")()), 3U);
}

TEST(Pool, NamesTheOptionThatRejectsAComponent) {
  const Engine plain = unwrap(Engine::create());
  const auto artifact = unwrap(unwrap(Image::from_text(plain, kManyMemories)).precompile());
  const auto refused = [&](const PoolOptions& pool, ErrorCode code, std::string_view option) {
    const Engine engine = unwrap(Engine::create({.pool = pool}));
    for (const auto& image :
         {Image::from_text(engine, kManyMemories), Image::from_trusted_artifact(engine, artifact)}) {
      ASSERT_FALSE(image) << option;
      EXPECT_EQ(image.error().code(), code) << image.error().message();
      EXPECT_THAT(image.error().message(), HasSubstr("PoolOptions::" + std::string(option)));
    }
  };
  using enum ErrorCode;
  refused({.max_memories_per_module = 2}, instance_limit, "max_memories_per_module");
  refused({.max_tables_per_module = 1}, instance_limit, "max_tables_per_module");
  refused({.max_core_instances_per_component = 1}, instance_limit, "max_core_instances_per_component");
  refused({.max_memories_per_component = 5}, instance_limit, "max_memories_per_component");
  refused({.max_tables_per_component = 3}, instance_limit, "max_tables_per_component");
  refused({.max_memory_bytes = 2 * 65536}, memory_limit, "max_memory_bytes");
  refused({.max_table_elements = 29}, table_limit, "max_table_elements");
  refused({.max_core_instance_bytes = 16}, instance_limit, "max_core_instance_bytes");
  refused({.max_component_instance_bytes = 16}, instance_limit, "max_component_instance_bytes");
}

TEST(Pool, MayBeTooLargeForTheMachine) {
  const auto engine = Engine::create(
      {.pool = PoolOptions{.max_memories = 1'000'000, .max_memory_bytes = std::size_t{1} << 32}});
  ASSERT_ERROR(engine, invalid_argument);
}

// ---- Options of the engine

TEST(Limits, RequireTheirEngineOptions) {
  const Image image = load("hostile.wat");
  const auto fuel = Container::builder(image).with_limits({.fuel = 1000}).build();
  ASSERT_ERROR(fuel, invalid_argument);
  EXPECT_THAT(message_of(fuel), HasSubstr("EngineOptions::fuel"));
  const auto deadline = Container::builder(image).with_limits({.deadline = 1s}).build();
  ASSERT_ERROR(deadline, invalid_argument);
  EXPECT_THAT(message_of(deadline), HasSubstr("EngineOptions::epochs"));
  const auto interruptible = Container::builder(image).interruptible().build();
  ASSERT_ERROR(interruptible, invalid_argument);
  EXPECT_THAT(message_of(interruptible), HasSubstr("EngineOptions::epochs"));
  EXPECT_ERROR(Container::builder(image).with_limits({.fuel = 1}).create(), invalid_argument);
  EXPECT_ERROR(Container::builder(image).with_limits({.fuel = 1}).build_template(), invalid_argument);
  const auto handle = start(image).interrupt_handle();
  ASSERT_ERROR(handle, invalid_argument);
  EXPECT_THAT(message_of(handle), HasSubstr("EngineOptions::epochs"));
}

TEST(Limits, AreValidated) {
  EXPECT_ERROR(Container::builder(hostile()).with_limits({.deadline = 0s}).build(), invalid_argument);
  EXPECT_ERROR(Container::builder(hostile()).with_limits({.deadline = -1s}).build(), invalid_argument);
  EXPECT_OK(Container::builder(hostile()).with_limits({.deadline = std::chrono::nanoseconds::max()}).build());
  EXPECT_ERROR(Engine::create({.epochs = true, .epoch_tick = 0us}), invalid_argument);
}

TEST(Limits, OfATemplateApplyToItsContainers) {
  const auto made = unwrap(
      Container::builder(hostile()).with_limits({.fuel = 50'000, .memory_bytes = 1 << 20}).build_template());
  for (int i = 0; i < 3; ++i) {
    auto computing = unwrap(made.instantiate());
    EXPECT_ERROR(function_of<void()>(computing, "loop-forever")(), fuel_exhausted);
    auto growing = unwrap(made.instantiate());
    EXPECT_ERROR(function_of<std::int32_t(std::uint32_t)>(growing, "grow-memory")(16), memory_limit);
  }
}

}  // namespace
}  // namespace tairitsu::test

// Containers: states, host state, re-entry, lifetimes, and templates.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "callback.h"
#include "support.h"

namespace tairitsu::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

/// A running container of callback.wat.
Container start_callback(CallFunction call = same) {
  return start("callback.wat", callback_imports(std::move(call)));
}

ContainerBuilder callback_builder() {
  ContainerBuilder builder = Container::builder(load("callback.wat"));
  builder.with_imports(callback_imports(same));
  return builder;
}

std::uint32_t add(const Container& container, std::uint32_t a, std::uint32_t b) {
  return unwrap(function_of<AddCall>(container, "add")(a, b));
}

// ---- States

TEST(ContainerState, HasNames) {
  EXPECT_EQ(to_string(ContainerState::created), "created");
  EXPECT_EQ(to_string(ContainerState::running), "running");
  EXPECT_EQ(to_string(ContainerState::stopped), "stopped");
  EXPECT_EQ(to_string(ContainerState::error), "error");
}

TEST(ContainerState, IsCreatedUntilItIsStarted) {
  auto container = unwrap(callback_builder().create());
  EXPECT_EQ(container.state(), ContainerState::created);
  const auto early = container.function<AddCall>("add");
  ASSERT_ERROR(early, container_stopped);
  EXPECT_THAT(message_of(early), HasSubstr("not been started"));
  EXPECT_EQ(container.memory_bytes(), 0U);
  EXPECT_ERROR(container.fuel(), container_stopped);
  EXPECT_NE(container.host_state(), nullptr);

  ASSERT_OK(container.start());
  EXPECT_EQ(container.state(), ContainerState::running);
  EXPECT_EQ(add(container, 1, 2), 3U);
  EXPECT_ERROR(container.start(), invalid_argument) << "started twice";
  EXPECT_EQ(container.state(), ContainerState::running);
}

TEST(ContainerState, IsRunningAfterBuild) {
  auto container = start_callback();
  EXPECT_EQ(container.state(), ContainerState::running);
  EXPECT_ERROR(container.start(), invalid_argument);
  EXPECT_EQ(container.image().digest(), load("callback.wat").digest());
}

TEST(ContainerState, StaysStopped) {
  auto container = start_callback();
  auto function = function_of<AddCall>(container, "add");
  container.stop();
  EXPECT_EQ(container.state(), ContainerState::stopped);
  const auto stopped = function(1, 2);
  ASSERT_ERROR(stopped, container_stopped);
  EXPECT_EQ(message_of(stopped), "call 'add': the container was stopped");
  EXPECT_ERROR(container.function<AddCall>("add"), container_stopped);
  EXPECT_ERROR(container.fuel(), container_stopped);
  EXPECT_EQ(container.memory_bytes(), 0U);
  container.stop();
  EXPECT_EQ(container.state(), ContainerState::stopped);
}

TEST(ContainerState, IsStoppedIfItNeverRan) {
  auto container = unwrap(callback_builder().create());
  container.stop();
  EXPECT_EQ(container.state(), ContainerState::stopped);
  EXPECT_ERROR(container.start(), container_stopped);
  EXPECT_EQ(container.state(), ContainerState::stopped);
}

TEST(ContainerState, IsErrorAfterATrap) {
  auto container = start("hostile.wat");
  auto trap = function_of<void()>(container, "trap");
  const auto trapped = trap();
  ASSERT_ERROR(trapped, trap);
  EXPECT_THAT(message_of(trapped), StartsWith("call 'trap': "));
  EXPECT_THAT(message_of(trapped), HasSubstr("unreachable"));
  EXPECT_THAT(trapped.error().backtrace(), HasSubstr("wasm function"));
  EXPECT_EQ(container.state(), ContainerState::error);

  const auto again = function_of<std::string()>(container, "hello")();
  ASSERT_ERROR(again, container_failed);
  EXPECT_THAT(message_of(again), HasSubstr("unreachable")) << "why it failed";
  EXPECT_ERROR(trap(), container_failed);
  EXPECT_GT(container.memory_bytes(), 0U) << "it can still be inspected";
  EXPECT_NE(container.host_state(), nullptr);
  container.stop();
  EXPECT_EQ(container.state(), ContainerState::stopped);
  EXPECT_ERROR(trap(), container_stopped);
}

TEST(ContainerState, IsErrorAfterAValueThatBreaksTheAbi) {
  auto container = start("hostile.wat");
  EXPECT_ERROR(function_of<std::string()>(container, "bad-utf8")(), invalid_value);
  EXPECT_EQ(container.state(), ContainerState::error);
  EXPECT_ERROR(function_of<std::string()>(container, "hello")(), container_failed);
}

TEST(ContainerState, IsErrorIfTheGuestTrapsDuringStart) {
  const Image image = from_text(R"((component
    (core module $m (func $f unreachable) (start $f))
    (core instance (instantiate $m))))");
  auto container = unwrap(Container::builder(image).create());
  const auto started = container.start();
  ASSERT_ERROR(started, trap);
  EXPECT_THAT(message_of(started), StartsWith("instantiating the component: "));
  EXPECT_EQ(container.state(), ContainerState::error);
  EXPECT_ERROR(Container::builder(image).build(), trap);
  EXPECT_ERROR(unwrap(Container::builder(image).build_template()).instantiate(), trap);
}

TEST(ContainerState, DoesNotChangeIfArgumentsAreInvalid) {
  auto container = start("hostile.wat");
  EXPECT_ERROR(container.function<void()>("nothing-like-it"), not_found);
  EXPECT_ERROR(container.set_fuel(1), invalid_argument) << "the engine does not count fuel";
  EXPECT_ERROR(container.fuel(), invalid_argument);
  EXPECT_ERROR(container.interrupt_handle(), invalid_argument);
  EXPECT_EQ(container.state(), ContainerState::running);
}

// ---- Guest initializers

/// Typed functions of the guest, as a generator would write them.
struct CallbackGuest {
  Function<Call> run;
  Function<AddCall> add;

  static Result<CallbackGuest> instantiate(GuestContext& guest) {
    TAIRITSU_TRY(auto instance, guest.linker.instantiate(guest.store, guest.component));
    TAIRITSU_TRY(auto run, instance.function<Call>("run"));
    TAIRITSU_TRY(auto add, instance.function<AddCall>("add"));
    return CallbackGuest{std::move(run), std::move(add)};
  }
};

TEST(ContainerInitializer, ReturnsTheContainersGuest) {
  auto container = unwrap(Container::builder(load("callback.wat"))
                              .with_guest_initializer([](GuestContext& guest) -> Result<GuestInstance> {
                                TAIRITSU_RETURN_IF_ERROR(
                                    callback_imports([](std::uint32_t n) { return 10 * n; })(guest.linker));
                                return CallbackGuest::instantiate(guest);
                              })
                              .build());
  auto* guest = container.guest().downcast<CallbackGuest>();
  ASSERT_NE(guest, nullptr);
  EXPECT_EQ(unwrap(guest->run(4)), 40U);
  EXPECT_EQ(unwrap(guest->add(4, 5)), 9U);
  EXPECT_EQ(container.guest().downcast<int>(), nullptr);
  EXPECT_EQ(container.guest().downcast<Instance>(), nullptr);
}

// Regression test: a `Result<Bindings>` was once taken as bindings of that type, and its error was lost.
TEST(ContainerInitializer, FailsIfItsBindingsFail) {
  const auto built =
      Container::builder(load("callback.wat"))
          .with_guest_initializer([](GuestContext& guest) { return CallbackGuest::instantiate(guest); })
          .build();
  EXPECT_ERROR(built, missing_import);
}

TEST(ContainerInitializer, RunsWhenTheContainerStarts) {
  int calls = 0;
  auto container = unwrap(Container::builder(load("callback.wat"))
                              .with_imports(callback_imports(same))
                              .with_guest_initializer([&](GuestContext& guest) -> Result<GuestInstance> {
                                ++calls;
                                return CallbackGuest::instantiate(guest);
                              })
                              .create());
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(container.guest().downcast<CallbackGuest>(), nullptr);
  ASSERT_OK(container.start());
  EXPECT_EQ(calls, 1);
  EXPECT_NE(container.guest().downcast<CallbackGuest>(), nullptr);
}

TEST(ContainerInitializer, DefaultsToTheInstance) {
  const auto container = start_callback();
  auto* instance = container.guest().downcast<Instance>();
  ASSERT_NE(instance, nullptr);
  EXPECT_EQ(unwrap(unwrap(instance->function<AddCall>("add"))(2, 2)), 4U);
}

TEST(ContainerInitializer, MayReturnAnyMovableType) {
  auto container =
      unwrap(Container::builder(load("callback.wat"))
                 .with_imports(callback_imports(same))
                 .with_guest_initializer([](GuestContext& guest) -> Result<GuestInstance> {
                   TAIRITSU_RETURN_IF_ERROR(guest.linker.instantiate(guest.store, guest.component));
                   return std::make_unique<int>(7);
                 })
                 .build());
  auto* number = container.guest().downcast<std::unique_ptr<int>>();
  ASSERT_NE(number, nullptr);
  EXPECT_EQ(**number, 7);
}

Result<Container> build_with(GuestInitializer initializer) {
  return Container::builder(load("callback.wat"))
      .with_imports(callback_imports(same))
      .with_guest_initializer(std::move(initializer))
      .build();
}

TEST(ContainerInitializer, MustInstantiate) {
  const auto forgot = build_with([](GuestContext&) -> Result<GuestInstance> { return GuestInstance(1); });
  ASSERT_ERROR(forgot, invalid_argument);
  EXPECT_THAT(message_of(forgot), HasSubstr("guest.linker.instantiate"));
}

TEST(ContainerInitializer, InstantiatesOnce) {
  const auto twice = build_with([](GuestContext& guest) -> Result<GuestInstance> {
    TAIRITSU_RETURN_IF_ERROR(guest.linker.instantiate(guest.store, guest.component));
    TAIRITSU_RETURN_IF_ERROR(guest.linker.instantiate(guest.store, guest.component));
    return GuestInstance();
  });
  EXPECT_ERROR(twice, invalid_argument);
}

TEST(ContainerInitializer, InstantiatesTheContainersOwnComponent) {
  const Image other = load("hostile.wat");
  const auto built = build_with([&](GuestContext& guest) -> Result<GuestInstance> {
    TAIRITSU_TRY(auto instance, guest.linker.instantiate(guest.store, other.component()));
    return instance;
  });
  EXPECT_ERROR(built, invalid_argument);
}

TEST(ContainerInitializer, ReturnsItsError) {
  const auto built = build_with(
      [](GuestContext&) -> Result<GuestInstance> { return fail(ErrorCode::not_found, "no price list"); });
  ASSERT_ERROR(built, not_found);
  EXPECT_EQ(message_of(built), "no price list");
  EXPECT_ERROR(build_with([](GuestContext& guest) -> Result<GuestInstance> {
                 TAIRITSU_TRY(auto instance, guest.linker.instantiate(guest.store, guest.component));
                 TAIRITSU_RETURN_IF_ERROR(instance.function<void()>("nowhere"));
                 return GuestInstance();
               }),
               not_found);
}

// ---- Host state

struct Till {
  std::unique_ptr<std::uint32_t> total = std::make_unique<std::uint32_t>(0);  // Not copyable.
  std::shared_ptr<int> alive;
};

ContainerBuilder till_builder() {
  ContainerBuilder builder = Container::builder(load("callback.wat"));
  builder.with_imports([](Linker& linker) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(linker.define("call", [](Caller& caller, std::uint32_t n) {
      EXPECT_EQ(caller.state<int>(), nullptr);
      EXPECT_EQ(caller.state<HostState>(), nullptr);
      return *caller.state<Till>()->total += n;
    }));
    return linker.define("test:callback/host@1.2.0#note", [](std::uint32_t) {});
  });
  return builder;
}

TEST(ContainerHostState, CanHaveAnyType) {
  auto container = unwrap(till_builder().with_host_state(Till{}).build());
  auto run = function_of<Call>(container, "run");
  EXPECT_EQ(unwrap(run(5)), 5U);
  EXPECT_EQ(unwrap(run(6)), 11U);
  ASSERT_NE(container.host_state<Till>(), nullptr);
  EXPECT_EQ(*container.host_state<Till>()->total, 11U);
  *container.host_state<Till>()->total = 100;
  EXPECT_EQ(unwrap(run(1)), 101U);
  EXPECT_EQ(container.host_state<int>(), nullptr);
  EXPECT_EQ(container.host_state(), nullptr) << "it replaces HostState";
}

TEST(ContainerHostState, DefaultsToHostState) {
  auto container =
      unwrap(Container::builder(load("callback.wat"))
                 .with_imports([](Linker& linker) -> Result<void> {
                   TAIRITSU_RETURN_IF_ERROR(linker.define("call", [](Caller& caller, std::uint32_t) {
                     return caller.state<HostState>() != nullptr ? 1U : 0U;
                   }));
                   return linker.define("test:callback/host@1.2.0#note", [](std::uint32_t) {});
                 })
                 .with_wasi({.standard_output = Output::capture})
                 .build());
  ASSERT_NE(container.host_state(), nullptr);
  EXPECT_EQ(container.host_state()->wasi.standard_output, Output::capture);
  EXPECT_EQ(unwrap(function_of<Call>(container, "run")(0)), 1U);
}

TEST(ContainerHostState, IsNotAvailableDuringACall) {
  Container* self = nullptr;
  bool looked = false;
  auto container = start_callback([&](std::uint32_t n) {
    looked = true;
    EXPECT_EQ(self->host_state(), nullptr);
    return n;
  });
  self = &container;
  ASSERT_OK(function_of<Call>(container, "run")(1));
  EXPECT_TRUE(looked);
  EXPECT_NE(container.host_state(), nullptr);
}

TEST(ContainerHostState, MayComeFromAFactory) {
  auto container =
      unwrap(till_builder()
                 .with_state_factory([] { return Till{std::make_unique<std::uint32_t>(30), {}}; })
                 .build());
  EXPECT_EQ(unwrap(function_of<Call>(container, "run")(1)), 31U);
}

TEST(ContainerHostState, LivesAsLongAsTheContainer) {
  const auto alive = std::make_shared<int>(0);
  auto container =
      unwrap(till_builder().with_host_state(Till{std::make_unique<std::uint32_t>(), alive}).build());
  EXPECT_EQ(alive.use_count(), 2);
  container.stop();
  EXPECT_NE(container.host_state<Till>(), nullptr) << "a stopped container keeps its state";
  {
    const Container last = std::move(container);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

// ---- Re-entry

class ContainerReentry : public ::testing::TestWithParam<bool> {
 protected:
  /// The image on an engine with the async ABI off or on.
  Image image() { return load(unwrap(Engine::create({.async_abi = GetParam()})), "callback.wat"); }
};
INSTANTIATE_TEST_SUITE_P(AsyncAbi, ContainerReentry, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "On" : "Off"; });

TEST_P(ContainerReentry, IsRefusedFromAHostFunction) {
  std::optional<Function<AddCall>> inner;
  int refused = 0;
  auto container = start(image(), callback_imports([&](std::uint32_t n) {
                           const auto result = (*inner)(1, 2);
                           EXPECT_ERROR(result, reentrant_call);
                           EXPECT_THAT(message_of(result), StartsWith("call 'add': "));
                           ++refused;
                           return n + 1;
                         }));
  inner = function_of<AddCall>(container, "add");
  auto run = function_of<Call>(container, "run");
  // The refused call has no effect: the running call continues, and the container stays usable.
  EXPECT_EQ(unwrap(run(1)), 2U);
  EXPECT_EQ(unwrap(run(2)), 3U);
  EXPECT_EQ(refused, 2);
  EXPECT_EQ(container.state(), ContainerState::running);
  EXPECT_EQ(unwrap((*inner)(1, 2)), 3U);
}

TEST_P(ContainerReentry, EndsTheCallIfTheHostFunctionReturnsItsError) {
  std::optional<Function<AddCall>> inner;
  auto container = start(image(), callback_imports([&](std::uint32_t) { return (*inner)(1, 2); }));
  inner = function_of<AddCall>(container, "add");
  const auto result = function_of<Call>(container, "run")(1);
  ASSERT_ERROR(result, reentrant_call);
  EXPECT_THAT(message_of(result), StartsWith("call 'run': host function 'call': call 'add': "));
  EXPECT_EQ(container.state(), ContainerState::error);
}

TEST_P(ContainerReentry, IsRefusedThroughAnotherContainer) {
  const Image shared = image();
  std::optional<Function<Call>> first_run;
  auto second = start(shared, callback_imports([&](std::uint32_t n) -> Result<std::uint32_t> {
                        EXPECT_ERROR((*first_run)(n), reentrant_call);
                        return n + 1;
                      }));
  auto second_run = function_of<Call>(second, "run");
  auto first = start(shared, callback_imports([&](std::uint32_t n) { return second_run(n + 10); }));
  first_run = function_of<Call>(first, "run");
  EXPECT_EQ(unwrap((*first_run)(1)), 12U);
  EXPECT_EQ(first.state(), ContainerState::running);
  EXPECT_EQ(second.state(), ContainerState::running);
}

TEST_P(ContainerReentry, DoesNotIncludeCallsOfOtherContainers) {
  const Image shared = image();
  // Each container calls the next one and adds 1.
  std::vector<std::unique_ptr<Container>> containers;
  CallFunction next = same;
  for (int depth = 0; depth < 20; ++depth) {
    containers.push_back(std::make_unique<Container>(
        start(shared, callback_imports([next](std::uint32_t n) { return next(n + 1); }))));
    next = function_of<Call>(*containers.back(), "run");
  }
  EXPECT_EQ(unwrap(next(0)), 20U);
}

TEST_P(ContainerReentry, DoesNotSpreadATrapToTheCallingContainer) {
  const Image shared = image();
  auto second = start(shared, callback_imports(same));
  auto trap = function_of<void(std::uint32_t)>(second, "run-then-trap");
  auto first = start(shared, callback_imports([&](std::uint32_t n) -> Result<std::uint32_t> {
                       EXPECT_ERROR(trap(n), trap);
                       return n;
                     }));
  EXPECT_EQ(unwrap(function_of<Call>(first, "run")(5)), 5U);
  EXPECT_EQ(first.state(), ContainerState::running);
  EXPECT_EQ(second.state(), ContainerState::error);
}

TEST_P(ContainerReentry, IsRefusedAfterATrap) {
  auto container = start(image(), callback_imports(same));
  auto add = function_of<AddCall>(container, "add");
  EXPECT_ERROR(function_of<void(std::uint32_t)>(container, "run-then-trap")(1), trap);
  EXPECT_ERROR(add(1, 2), container_failed);
}

TEST_P(ContainerReentry, IsRefusedForOtherOperations) {
  Container* self = nullptr;
  auto container = start(image(), callback_imports([&](std::uint32_t n) {
                           EXPECT_ERROR(self->function<AddCall>("add"), reentrant_call);
                           EXPECT_ERROR(self->fuel(), reentrant_call);
                           EXPECT_ERROR(self->set_fuel(1), reentrant_call);
                           EXPECT_EQ(self->state(), ContainerState::running);
                           return n;
                         }));
  self = &container;
  EXPECT_OK(function_of<Call>(container, "run")(1));
}

// Host functions also run during instantiation.
TEST_P(ContainerReentry, IsRefusedDuringStart) {
  const Image starting = unwrap(Image::from_text(unwrap(Engine::create({.async_abi = GetParam()})),
                                                 R"((component
    (import "call" (func $call))
    (core func $lowered (canon lower (func $call)))
    (core module $m (import "" "call" (func $call)) (start $call))
    (core instance (instantiate $m (with "" (instance (export "call" (func $lowered))))))))"));
  Container* self = nullptr;
  int calls = 0;
  auto container = unwrap(Container::builder(starting)
                              .with_imports([&](Linker& linker) {
                                return linker.define("call", [&] {
                                  ++calls;
                                  EXPECT_ERROR(self->function<void()>("f"), not_found);
                                  EXPECT_ERROR(self->fuel(), reentrant_call);
                                });
                              })
                              .create());
  self = &container;
  EXPECT_OK(container.start());
  EXPECT_EQ(calls, 1);
}

// ---- Lifetimes

TEST(ContainerLifetime, FunctionsOutliveIt) {
  std::optional<Function<AddCall>> add;
  {
    const auto container = start_callback();
    add = function_of<AddCall>(container, "add");
    EXPECT_EQ(unwrap((*add)(1, 2)), 3U);
  }
  const auto copy = add;
  EXPECT_ERROR((*add)(1, 2), container_stopped);
}

TEST(ContainerLifetime, FunctionsFollowAMovedContainer) {
  auto first = start_callback();
  auto add = function_of<AddCall>(first, "add");
  Container second = std::move(first);
  EXPECT_EQ(unwrap(add(1, 2)), 3U);
  EXPECT_EQ(test::add(second, 3, 4), 7U);
  EXPECT_EQ(second.state(), ContainerState::running);
  std::vector<Container> many;
  many.push_back(std::move(second));
  for (int i = 0; i < 10; ++i) many.push_back(start_callback());
  EXPECT_EQ(unwrap(add(5, 6)), 11U);
  static_assert(!std::is_copy_constructible_v<Container> && std::is_nothrow_move_constructible_v<Container>);
}

TEST(ContainerLifetime, EndsIfAnotherContainerIsMovedIntoIt) {
  auto first = start_callback([](std::uint32_t) { return 1; });
  auto of_first = function_of<Call>(first, "run");
  first = start_callback([](std::uint32_t) { return 2; });
  EXPECT_ERROR(of_first(0), container_stopped);
  EXPECT_EQ(unwrap(function_of<Call>(first, "run")(0)), 2U);
  auto& itself = first;
  first = std::move(itself);
  EXPECT_EQ(first.state(), ContainerState::running);
}

TEST(ContainerLifetime, InterruptHandlesOutliveIt) {
  const Engine engine = unwrap(Engine::create({.epochs = true}));
  std::optional<InterruptHandle> handle;
  {
    auto container = start(load(engine, "hostile.wat"));
    handle = unwrap(container.interrupt_handle());
    handle->interrupt();
    EXPECT_EQ(unwrap(function_of<std::string()>(container, "hello")()), "hello") << "no call was running";
  }
  handle->interrupt();
}

TEST(ContainerLifetime, CopiesOfAFunctionShareIt) {
  const auto container = start_callback();
  auto first = function_of<AddCall>(container, "add");
  auto second = first;
  EXPECT_EQ(unwrap(first(1, 2)), 3U);
  EXPECT_EQ(unwrap(second(3, 4)), 7U);
}

/// Bindings that hold a resource of the guest.
struct HeldThing {
  GuestResource thing;
};

// No guest code runs: resources in the bindings are not dropped in the guest.
TEST(ContainerLifetime, EndsWithoutRunningTheGuest) {
  std::vector<std::uint32_t> dropped;
  {
    auto container = unwrap(
        Container::builder(load("destructor.wat"))
            .with_imports([&](Linker& linker) {
              return linker.define("dropped", [&](std::uint32_t number) { dropped.push_back(number); });
            })
            .with_guest_initializer([](GuestContext& guest) -> Result<GuestInstance> {
              TAIRITSU_TRY(auto instance, guest.linker.instantiate(guest.store, guest.component));
              TAIRITSU_TRY(auto make, instance.function<GuestResource(std::uint32_t)>("[constructor]thing"));
              TAIRITSU_TRY(auto thing, make(5));
              return HeldThing{std::move(thing)};
            })
            .build());
  }
  EXPECT_TRUE(dropped.empty());
}

// ---- Stopping a container during a call

TEST(ContainerStop, FromItsOwnHostFunctionEndsTheCall) {
  Container* self = nullptr;
  auto container = start_callback([&](std::uint32_t n) {
    self->stop();
    EXPECT_EQ(self->state(), ContainerState::stopped);
    return n;
  });
  self = &container;
  auto run = function_of<Call>(container, "run");
  EXPECT_ERROR(run(1), interrupted);
  EXPECT_EQ(container.state(), ContainerState::stopped);
  EXPECT_ERROR(run(1), container_stopped);
  EXPECT_EQ(container.memory_bytes(), 0U);
}

TEST(ContainerStop, FromAnotherThreadInterruptsAComputingCall) {
  const Engine engine = unwrap(Engine::create({.epochs = true}));
  std::atomic<bool> entered = false;
  auto container = start(load(engine, "callback.wat"), callback_imports([&](std::uint32_t n) {
                           entered = true;
                           return n;
                         }));
  auto spin = function_of<void(std::uint32_t)>(container, "run-then-spin");
  std::thread other([&] {
    while (!entered) std::this_thread::yield();
    container.stop();
  });
  EXPECT_ERROR(spin(1), interrupted);
  other.join();
  EXPECT_EQ(container.state(), ContainerState::stopped);
  EXPECT_ERROR(spin(1), container_stopped);
}

TEST(ContainerStop, InterruptsAGuestDuringStart) {
  const Engine engine = unwrap(Engine::create({.epochs = true}));
  const Image image = unwrap(Image::from_text(engine, R"((component
    (import "started" (func $started))
    (core func $lowered (canon lower (func $started)))
    (core module $m
      (import "" "started" (func $started))
      (func $main (call $started) (loop $again (br $again)))
      (start $main))
    (core instance (instantiate $m (with "" (instance (export "started" (func $lowered))))))))"));
  std::atomic<bool> started = false;
  auto container = unwrap(
      Container::builder(image)
          .with_imports([&](Linker& linker) { return linker.define("started", [&] { started = true; }); })
          .create());
  std::thread other([&] {
    while (!started) std::this_thread::yield();
    container.stop();
  });
  EXPECT_ERROR(container.start(), interrupted);
  other.join();
  EXPECT_EQ(container.state(), ContainerState::stopped);
}

// Without epochs a call cannot be interrupted.
TEST(ContainerStop, WaitsForTheCallIfTheEngineHasNoEpochs) {
  std::atomic<bool> entered = false;
  std::atomic<bool> leave = false;
  auto container = start_callback([&](std::uint32_t n) {
    entered = true;
    while (!leave) std::this_thread::yield();
    return n;
  });
  auto run = function_of<Call>(container, "run");
  std::thread other([&] { EXPECT_ERROR(run(1), interrupted); });
  while (!entered) std::this_thread::yield();
  container.stop();
  EXPECT_EQ(container.state(), ContainerState::stopped);
  leave = true;
  other.join();
  EXPECT_ERROR(run(1), container_stopped);
}

// ---- Templates

TEST(ContainerTemplate, CreatesContainersWithSeparateStates) {
  std::atomic<std::uint32_t> states = 0;
  const auto shop = unwrap(
      till_builder()
          .with_state_factory([&] { return Till{std::make_unique<std::uint32_t>(1000 * states++), {}}; })
          .build_template());
  EXPECT_EQ(states, 0U);
  std::vector<Container> containers;
  for (int i = 0; i < 50; ++i) containers.push_back(unwrap(shop.instantiate()));
  EXPECT_EQ(states, 50U);
  for (std::uint32_t i = 0; i < 50; ++i) {
    EXPECT_EQ(containers[i].state(), ContainerState::running);
    auto run = function_of<Call>(containers[i], "run");
    EXPECT_EQ(unwrap(run(i)), 1000 * i + i);
    EXPECT_EQ(unwrap(run(1)), 1000 * i + i + 1);
    EXPECT_EQ(*containers[i].host_state<Till>()->total, 1000 * i + i + 1);
  }
}

TEST(ContainerTemplate, CreatesContainersThatFailSeparately) {
  const auto hostile = unwrap(Container::builder(load("hostile.wat")).build_template());
  auto first = unwrap(hostile.instantiate());
  auto second = unwrap(hostile.instantiate());
  EXPECT_ERROR(function_of<void()>(first, "trap")(), trap);
  EXPECT_EQ(unwrap(function_of<std::string()>(second, "hello")()), "hello");
  EXPECT_EQ(unwrap(function_of<std::string()>(unwrap(hostile.instantiate()), "hello")()), "hello");
}

TEST(ContainerTemplate, UsesHostStateWithoutAFactory) {
  const auto made =
      unwrap(callback_builder().with_wasi({.standard_error = Output::capture}).build_template());
  const auto container = unwrap(made.instantiate());
  ASSERT_NE(container.host_state(), nullptr);
  EXPECT_EQ(container.host_state()->wasi.standard_error, Output::capture);
}

TEST(ContainerTemplate, RejectsAStateAndAnInitializer) {
  const auto state = till_builder().with_host_state(Till{}).build_template();
  ASSERT_ERROR(state, invalid_argument);
  EXPECT_THAT(message_of(state), HasSubstr("with_state_factory"));
  const auto initializer =
      callback_builder()
          .with_guest_initializer(GuestInitializer([](GuestContext& guest) -> Result<GuestInstance> {
            TAIRITSU_TRY(auto instance, guest.linker.instantiate(guest.store, guest.component));
            return instance;
          }))
          .build_template();
  ASSERT_ERROR(initializer, invalid_argument);
  EXPECT_THAT(message_of(initializer), HasSubstr("with_imports"));
}

TEST(ContainerTemplate, OutlivesImageAndEngine) {
  std::optional<ContainerTemplate> made;
  {
    const Engine engine = unwrap(Engine::create({.async_abi = true}));
    made = unwrap(Container::builder(load(engine, "callback.wat"))
                      .with_imports(callback_imports(same))
                      .build_template());
  }
  auto copy = *made;
  made.reset();
  EXPECT_EQ(add(unwrap(copy.instantiate()), 20, 22), 42U);
}

// ---- Exported functions

TEST(ExportedFunction, WorksInAllContainersOfItsComponent) {
  const Image image = load("callback.wat");
  const auto exported = image.component().function<AddCall>("add");
  ASSERT_OK(exported);
  const auto made = unwrap(callback_builder().build_template());
  for (std::uint32_t i = 0; i < 10; ++i) {
    const auto container = unwrap(made.instantiate());
    EXPECT_EQ(unwrap(unwrap(container.function(*exported))(i, 1)), i + 1);
  }
}

TEST(ExportedFunction, WorksOnlyForItsComponent) {
  const auto exported = load("callback.wat").component().function<AddCall>("add");
  ASSERT_OK(exported);
  const Container other = start("hostile.wat");
  const auto refused = other.function(*exported);
  ASSERT_ERROR(refused, invalid_argument);
  EXPECT_THAT(message_of(refused), HasSubstr("'add'"));
}

TEST(ExportedFunction, IsCheckedAtLookup) {
  const Component component = load("callback.wat").component();
  EXPECT_ERROR(component.function<void()>("add"), type_mismatch);
  EXPECT_ERROR(component.function<Call>("double"), ambiguous_name);
  EXPECT_ERROR(component.function<Call>("nowhere"), not_found);
}

}  // namespace
}  // namespace tairitsu::test

// The registry: images and containers by name, for many threads at a time.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support.h"

namespace tairitsu::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;

using Call = std::uint32_t(std::uint32_t);
using CallFunction = std::function<Result<std::uint32_t>(std::uint32_t)>;

/// What `run(9)` answers; other threads may have stopped the container, or be calling it.
Result<std::uint32_t> run_if_possible(const Container& container) {
  TAIRITSU_TRY(auto run, container.function<Call>("run"));
  return run(9);
}

/// Gives a builder what callback.wat imports.
Registry::Configure calling(CallFunction call) {
  return [call = std::move(call)](ContainerBuilder builder) {
    return std::move(builder).with_imports([call](Linker& linker) -> Result<void> {
      TAIRITSU_CHECK(linker.define("call", call));
      return linker.define("test:callback/host@1.2.0#note", [](std::uint32_t) {});
    });
  };
}

Result<std::uint32_t> same(std::uint32_t n) { return n; }

std::vector<std::string> names(const std::vector<Registry::ImageEntry>& entries) {
  std::vector<std::string> found;
  for (const auto& entry : entries) found.push_back(entry.name);
  return found;
}

std::vector<std::string> names(const std::vector<Registry::ContainerEntry>& entries) {
  std::vector<std::string> found;
  for (const auto& entry : entries) found.push_back(entry.name);
  return found;
}

class RegistryTest : public ::testing::Test {
 protected:
  Registry registry_{test_engine()};
};

using RegistryImages = RegistryTest;
using RegistryContainers = RegistryTest;
using RegistryThreads = RegistryTest;

// ---- Images

TEST_F(RegistryImages, AreMadeOfBytesOrOfImages) {
  const std::string text = read_guest("callback.wat");
  const auto of_bytes = registry_.register_image("callback", std::as_bytes(std::span(text)));
  ASSERT_OK(of_bytes);
  const auto of_image = registry_.register_image("hostile", load("hostile.wat"));
  ASSERT_OK(of_image);
  EXPECT_EQ(unwrap(registry_.image("callback")).digest(), of_bytes->digest());
  EXPECT_EQ(unwrap(registry_.image("hostile")).digest(), load("hostile.wat").digest());
}

TEST_F(RegistryImages, AreListedByName) {
  EXPECT_THAT(registry_.images(), IsEmpty());
  for (const char* name : {"b", "c", "a"}) unwrap(registry_.register_image(name, load("callback.wat")));
  EXPECT_THAT(names(registry_.images()), ElementsAre("a", "b", "c"));
  EXPECT_EQ(registry_.images()[0].image.digest(), load("callback.wat").digest());
  EXPECT_EQ(registry_.images()[0].containers, 0U);
}

TEST_F(RegistryImages, HaveNamesOfTheirOwn) {
  ASSERT_OK(registry_.register_image("shop", load("callback.wat")));
  const auto again = registry_.register_image("shop", load("hostile.wat"));
  ASSERT_ERROR(again, already_exists);
  EXPECT_EQ(message_of(again), "the image 'shop' exists already");
  const std::string text = read_guest("hostile.wat");
  EXPECT_ERROR(registry_.register_image("shop", std::as_bytes(std::span(text))), already_exists);
  EXPECT_EQ(unwrap(registry_.image("shop")).digest(), load("callback.wat").digest()) << "it is as it was";
  const auto unnamed = registry_.register_image("", load("callback.wat"));
  ASSERT_ERROR(unnamed, invalid_argument);
  EXPECT_EQ(message_of(unnamed), "the name of the image is empty");
  EXPECT_OK(registry_.register_image("Ünï/çode: 1", load("callback.wat")));
}

TEST_F(RegistryImages, ThatDoNotCompileLeaveTheirNameFree) {
  const auto bad = registry_.register_image("shop", std::as_bytes(std::span(std::string_view("hello"))));
  ASSERT_ERROR(bad, not_wasm);
  EXPECT_THAT(message_of(bad), StartsWith("image 'shop': "));
  EXPECT_THAT(registry_.images(), IsEmpty());
  EXPECT_OK(registry_.register_image("shop", load("callback.wat")));
}

TEST_F(RegistryImages, ThatAreNotThereAreErrorsWithWhatThereIs) {
  const auto none = registry_.image("shop");
  ASSERT_ERROR(none, not_found);
  EXPECT_EQ(message_of(none), "no image 'shop': there are none");
  unwrap(registry_.register_image("till", load("callback.wat")));
  unwrap(registry_.register_image("stock", load("callback.wat")));
  EXPECT_EQ(message_of(registry_.image("shop")), "no image 'shop': there are stock, till");
  EXPECT_ERROR(registry_.remove_image("shop"), not_found);
  EXPECT_ERROR(registry_.create_container("a", "shop"), not_found);
}

TEST_F(RegistryImages, CanBeRemoved) {
  unwrap(registry_.register_image("shop", load("callback.wat")));
  ASSERT_OK(registry_.remove_image("shop"));
  EXPECT_ERROR(registry_.image("shop"), not_found);
  EXPECT_ERROR(registry_.remove_image("shop"), not_found);
  EXPECT_OK(registry_.register_image("shop", load("hostile.wat")));
}

TEST_F(RegistryImages, InUseStayUnlessForced) {
  unwrap(registry_.register_image("shop", load("callback.wat")));
  auto first = unwrap(registry_.create_container("first", "shop", calling(same)));
  unwrap(registry_.create_container("second", "shop", calling(same)));
  EXPECT_EQ(registry_.images()[0].containers, 2U);
  const auto in_use = registry_.remove_image("shop");
  ASSERT_ERROR(in_use, in_use);
  EXPECT_THAT(message_of(in_use), HasSubstr("'shop' has 2 containers"));
  ASSERT_OK(registry_.remove_container("first", true));
  ASSERT_OK(registry_.stop_container("second"));
  const auto still = registry_.remove_image("shop");
  ASSERT_ERROR(still, in_use);
  EXPECT_THAT(message_of(still), HasSubstr("'shop' has 1 container:")) << "a stopped one too";

  auto third = unwrap(registry_.create_container("third", "shop", calling(same)));
  ASSERT_OK(registry_.remove_image("shop", true));
  EXPECT_ERROR(registry_.image("shop"), not_found);
  EXPECT_EQ(unwrap(function_of<Call>(*third, "run")(5)), 5U) << "its containers live on";
  EXPECT_THAT(names(registry_.containers()), ElementsAre("second", "third"));
}

TEST_F(RegistryImages, AreInUseByContainersThatAreHeld) {
  unwrap(registry_.register_image("hostile", load("hostile.wat")));
  unwrap(registry_.hold("mine", start("hostile.wat")));
  EXPECT_EQ(registry_.images()[0].containers, 1U);
  EXPECT_ERROR(registry_.remove_image("hostile"), in_use);
}

// ---- Containers

TEST_F(RegistryContainers, AreMadeOfRegisteredImages) {
  unwrap(registry_.register_image("shop", load("callback.wat")));
  const auto made =
      registry_.create_container("till", "shop", calling([](std::uint32_t n) { return n + 1; }));
  ASSERT_OK(made);
  EXPECT_EQ((*made)->state(), ContainerState::running);
  EXPECT_EQ(unwrap(registry_.container("till")), *made);
  EXPECT_EQ(unwrap(function_of<Call>(**made, "run")(1)), 2U);
  ASSERT_EQ(registry_.containers().size(), 1U);
  EXPECT_EQ(registry_.containers()[0].image_name, "shop");
  EXPECT_EQ(registry_.containers()[0].state, ContainerState::running);
}

TEST_F(RegistryContainers, NeedNoConfigurationWhereTheyImportNothing) {
  unwrap(registry_.register_image("hostile", load("hostile.wat")));
  EXPECT_OK(registry_.create_container("a", "hostile"));
}

TEST_F(RegistryContainers, ThatAreNotBuiltLeaveTheirNameFree) {
  unwrap(registry_.register_image("shop", load("callback.wat")));
  const auto missing = registry_.create_container("till", "shop");
  ASSERT_ERROR(missing, missing_import);
  EXPECT_THAT(message_of(missing), StartsWith("container 'till': "));
  EXPECT_THAT(registry_.containers(), IsEmpty());
  EXPECT_EQ(registry_.images()[0].containers, 0U) << "and the image is not in use";
  EXPECT_OK(registry_.create_container("till", "shop", calling(same)));
}

TEST_F(RegistryContainers, HaveNamesOfTheirOwn) {
  unwrap(registry_.register_image("hostile", load("hostile.wat")));
  ASSERT_OK(registry_.create_container("a", "hostile"));
  EXPECT_ERROR(registry_.create_container("a", "hostile"), already_exists);
  EXPECT_ERROR(registry_.hold("a", start("hostile.wat")), already_exists);
  const auto unnamed = registry_.create_container("", "hostile");
  ASSERT_ERROR(unnamed, invalid_argument);
  EXPECT_EQ(message_of(unnamed), "the name of the container is empty");
  EXPECT_ERROR(registry_.hold("", start("hostile.wat")), invalid_argument);
  EXPECT_OK(registry_.create_container("hostile", "hostile")) << "images and containers have names apart";
}

TEST_F(RegistryContainers, AreListedByName) {
  unwrap(registry_.register_image("hostile", load("hostile.wat")));
  for (const char* name : {"b", "c", "a"}) unwrap(registry_.create_container(name, "hostile"));
  auto failing = unwrap(registry_.container("b"));
  EXPECT_ERROR(function_of<void()>(*failing, "trap")(), trap);
  ASSERT_OK(registry_.stop_container("c"));
  const auto entries = registry_.containers();
  EXPECT_THAT(names(entries), ElementsAre("a", "b", "c"));
  EXPECT_EQ(entries[0].state, ContainerState::running);
  EXPECT_EQ(entries[1].state, ContainerState::error);
  EXPECT_EQ(entries[2].state, ContainerState::stopped);
}

TEST_F(RegistryContainers, ThatAreNotThereAreErrorsWithWhatThereIs) {
  EXPECT_EQ(message_of(registry_.container("till")), "no container 'till': there are none");
  unwrap(registry_.hold("shop", start("hostile.wat")));
  const auto missing = registry_.container("till");
  ASSERT_ERROR(missing, not_found);
  EXPECT_EQ(message_of(missing), "no container 'till': there are shop");
  EXPECT_ERROR(registry_.stop_container("till"), not_found);
  EXPECT_ERROR(registry_.remove_container("till"), not_found);
  EXPECT_ERROR(registry_.remove_container("till", true), not_found);
}

TEST_F(RegistryContainers, MayBeMadeElsewhere) {
  const auto held = registry_.hold("mine", start("hostile.wat"));
  ASSERT_OK(held);
  EXPECT_EQ(unwrap(function_of<std::string()>(**held, "hello")()), "hello");
  EXPECT_EQ(registry_.containers()[0].image_name, "");
  EXPECT_EQ(unwrap(registry_.container("mine")), *held);
}

TEST_F(RegistryContainers, AreStoppedAndKept) {
  unwrap(registry_.hold("mine", start("hostile.wat")));
  ASSERT_OK(registry_.stop_container("mine"));
  EXPECT_EQ(unwrap(registry_.container("mine"))->state(), ContainerState::stopped);
  EXPECT_OK(registry_.stop_container("mine"));
  EXPECT_ERROR(registry_.hold("mine", start("hostile.wat")), already_exists) << "its name is still taken";
}

TEST_F(RegistryContainers, ThatRunStayUnlessForced) {
  auto running = unwrap(registry_.hold("running", start("hostile.wat")));
  const auto refused = registry_.remove_container("running");
  ASSERT_ERROR(refused, in_use);
  EXPECT_THAT(message_of(refused), HasSubstr("stop it first"));
  EXPECT_EQ(running->state(), ContainerState::running);

  ASSERT_OK(registry_.remove_container("running", true));
  EXPECT_EQ(running->state(), ContainerState::stopped) << "its last holder has it, stopped";
  EXPECT_ERROR(registry_.container("running"), not_found);
  EXPECT_OK(registry_.hold("running", start("hostile.wat")));

  ASSERT_OK(registry_.stop_container("running"));
  EXPECT_OK(registry_.remove_container("running"));
  auto failed = unwrap(registry_.hold("failed", start("hostile.wat")));
  EXPECT_ERROR(function_of<void()>(*failed, "trap")(), trap);
  EXPECT_OK(registry_.remove_container("failed")) << "one that failed does not run";
}

TEST_F(RegistryContainers, MayRemoveThemselves) {
  unwrap(registry_.register_image("shop", load("callback.wat")));
  auto run = function_of<Call>(
      *unwrap(registry_.create_container("till", "shop", calling([&](std::uint32_t n) {
                                           EXPECT_OK(registry_.remove_container("till", true));
                                           return n;
                                         }))),
      "run");
  EXPECT_ERROR(run(1), interrupted);
  EXPECT_THAT(registry_.containers(), IsEmpty());
  EXPECT_ERROR(run(1), container_stopped);
}

TEST_F(RegistryContainers, MayMakeOthersWhileTheyAreMade) {
  unwrap(registry_.register_image("hostile", load("hostile.wat")));
  const auto outer = registry_.create_container("outer", "hostile", [&](ContainerBuilder builder) {
    EXPECT_ERROR(registry_.create_container("outer", "hostile"), already_exists) << "its name is reserved";
    EXPECT_ERROR(registry_.container("outer"), not_found) << "it is not there yet";
    EXPECT_ERROR(registry_.remove_container("outer", true), not_found);
    EXPECT_THAT(registry_.containers(), IsEmpty());
    EXPECT_ERROR(registry_.remove_image("hostile"), in_use);
    EXPECT_OK(registry_.create_container("inner", "hostile"));
    return builder;
  });
  ASSERT_OK(outer);
  EXPECT_THAT(names(registry_.containers()), ElementsAre("inner", "outer"));
}

TEST_F(RegistryContainers, OfWhichNoneIsThereAreNotOffered) {
  unwrap(registry_.register_image("hostile", load("hostile.wat")));
  unwrap(registry_.create_container("outer", "hostile", [&](ContainerBuilder builder) {
    EXPECT_THAT(message_of(registry_.container("other")), Not(HasSubstr("outer")));
    return builder;
  }));
}

// ---- Threads

TEST_F(RegistryThreads, ReadWhileACallRuns) {
  unwrap(registry_.register_image("shop", load("callback.wat")));
  std::atomic<bool> entered = false;
  std::atomic<bool> leave = false;
  auto busy = unwrap(registry_.create_container("busy", "shop", calling([&](std::uint32_t n) {
                                                  entered = true;
                                                  while (!leave) std::this_thread::yield();
                                                  return n;
                                                })));
  auto run = function_of<Call>(*busy, "run");
  std::thread caller([&] { EXPECT_EQ(unwrap(run(1)), 1U); });
  while (!entered) std::this_thread::yield();

  EXPECT_EQ(names(registry_.containers()), std::vector<std::string>{"busy"});
  EXPECT_EQ(names(registry_.images()), std::vector<std::string>{"shop"});
  EXPECT_OK(registry_.container("busy"));
  EXPECT_OK(registry_.image("shop"));
  auto other = registry_.create_container("other", "shop", calling(same));
  ASSERT_OK(other);
  EXPECT_EQ(unwrap(function_of<Call>(**other, "run")(2)), 2U);
  EXPECT_OK(registry_.remove_container("other", true));
  EXPECT_ERROR(registry_.remove_image("shop"), in_use);
  EXPECT_ERROR(registry_.remove_container("busy"), in_use);
  leave = true;
  caller.join();
}

TEST_F(RegistryThreads, ReadWhileAContainerIsMade) {
  unwrap(registry_.register_image("hostile", load("hostile.wat")));
  std::atomic<bool> entered = false;
  std::atomic<bool> leave = false;
  std::thread maker([&] {
    EXPECT_OK(registry_.create_container("slow", "hostile", [&](ContainerBuilder builder) {
      entered = true;
      while (!leave) std::this_thread::yield();
      return builder;
    }));
  });
  while (!entered) std::this_thread::yield();
  EXPECT_THAT(registry_.containers(), IsEmpty());
  EXPECT_OK(registry_.create_container("quick", "hostile"));
  leave = true;
  maker.join();
  EXPECT_THAT(names(registry_.containers()), ElementsAre("quick", "slow"));
}

TEST_F(RegistryThreads, CutOffACallByStoppingOrRemoving) {
  const Engine engine = unwrap(Engine::create({.epochs = true}));
  Registry registry(engine);
  unwrap(registry.register_image("shop", load(engine, "callback.wat")));
  for (const bool remove : {false, true}) {
    std::atomic<bool> entered = false;
    auto container = unwrap(registry.create_container("busy", "shop", calling([&](std::uint32_t n) {
                                                        entered = true;
                                                        return n;
                                                      })));
    auto spin = function_of<void(std::uint32_t)>(*container, "run-then-spin");
    std::thread caller([&] { EXPECT_ERROR(spin(1), interrupted); });
    while (!entered) std::this_thread::yield();
    if (remove) {
      EXPECT_OK(registry.remove_container("busy", true));
    } else {
      EXPECT_OK(registry.stop_container("busy"));
      EXPECT_OK(registry.remove_container("busy"));
    }
    caller.join();
  }
}

TEST_F(RegistryThreads, MakeStopAndRemoveAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 60;
  unwrap(registry_.register_image("shop", load("callback.wat")));
  std::atomic<int> made = 0;
  std::atomic<int> removed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        // Names that the threads share, so that they meet.
        const std::string name = "c" + std::to_string((i + round) % 3);
        if (auto container = registry_.create_container(name, "shop", calling(same))) {
          ++made;
          const auto answer = run_if_possible(**container);
          if (answer) {
            EXPECT_EQ(*answer, 9U);
          }
        } else {
          EXPECT_ERROR(container, already_exists);
        }
        (void)registry_.containers();
        EXPECT_OK(registry_.image("shop"));
        if (auto stopped = registry_.stop_container(name); !stopped) {
          EXPECT_ERROR(stopped, not_found);
        }
        if (auto gone = registry_.remove_container(name, round % 2 == 0)) {
          ++removed;
        } else if (gone.error().code() != ErrorCode::in_use) {
          EXPECT_ERROR(gone, not_found);
        }
        EXPECT_FALSE(registry_.remove_image("no such image").has_value());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made - removed, static_cast<int>(registry_.containers().size()));
  EXPECT_GT(made, 0);
}

}  // namespace
}  // namespace tairitsu::test

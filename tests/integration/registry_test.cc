// The registry: images and containers by name, in memory and in a store, used by several threads.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <tairitsu/inspect.h>
#include <nlohmann/json.hpp>

#include "callback.h"
#include "processes.h"
#include "support.h"

namespace tairitsu::test {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;
using namespace std::chrono_literals;

/// Returns the result of `run(9)`; other threads may have stopped the container, or be calling it.
Result<std::uint32_t> run_if_possible(const Container& container) {
  TAIRITSU_TRY(auto run, container.function<Call>("run"));
  return run(9);
}

/// Returns a configuration that provides the imports of callback.wat.
Registry::Configure calling(CallFunction call) {
  return
      [call = std::move(call)](ContainerBuilder& builder) { builder.with_imports(callback_imports(call)); };
}

/// Returns all names of all images, sorted.
std::vector<std::string> image_names(const Result<std::vector<Registry::ImageEntry>>& entries) {
  std::vector<std::string> found;
  for (const auto& entry : unwrap(entries)) {
    found.insert(found.end(), entry.description.names.begin(), entry.description.names.end());
  }
  std::ranges::sort(found);
  return found;
}

Result<Image> put(Registry& registry, std::string_view name, std::string_view guest,
                  const ImageDescription& description = {}) {
  const std::string text = read_guest(guest);
  return registry.register_image(name, std::as_bytes(std::span(text)), description);
}

/// The compiled component in memory, to check that an image was loaded once.
const void* loaded(const Image& image) { return image.component().core().get(); }

enum class Backend : std::uint8_t { memory, store };

/// The common behaviour of registries in memory and over a store.
class RegistryTest : public ::testing::TestWithParam<Backend> {
 protected:
  Result<Image> put(std::string_view name, std::string_view guest, const ImageDescription& description = {}) {
    return test::put(registry_, name, guest, description);
  }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<Registry> made_ =
      GetParam() == Backend::memory
          ? std::make_unique<Registry>(test_engine())
          : std::make_unique<Registry>(test_engine(), unwrap(ImageStore::open(directory_.path())));

 protected:
  Registry& registry_ = *made_;
};

using RegistryImages = RegistryTest;
using RegistryContainers = RegistryTest;
using RegistryThreads = RegistryTest;

const auto kBackends = ::testing::Values(Backend::memory, Backend::store);
std::string backend_name(const ::testing::TestParamInfo<Backend>& info) {
  return info.param == Backend::memory ? "Memory" : "Store";
}
// Without a prefix, because the thread sanitizer's preset selects suites by the start of their names.
INSTANTIATE_TEST_SUITE_P(, RegistryImages, kBackends, backend_name);
INSTANTIATE_TEST_SUITE_P(, RegistryContainers, kBackends, backend_name);
INSTANTIATE_TEST_SUITE_P(, RegistryThreads, kBackends, backend_name);

// ---- Images

TEST_P(RegistryImages, AreRegisteredFromBytes) {
  const auto made = put("callback", "callback.wat");
  ASSERT_OK(made);
  ASSERT_OK(put("hostile", "hostile.wat"));
  EXPECT_EQ(made->digest(), load("callback.wat").digest());
  EXPECT_EQ(loaded(unwrap(registry_.image("callback"))), loaded(*made)) << "it is not loaded again";
  EXPECT_EQ(unwrap(registry_.image("hostile")).digest(), load("hostile.wat").digest());
}

TEST_P(RegistryImages, MayBeCoreModules) {
  const std::string_view text = "(module)";
  const auto made = registry_.register_image("module", std::as_bytes(std::span(text)));
  ASSERT_OK(made);
  EXPECT_EQ(unwrap(registry_.image("module")).digest(), made->digest());
  EXPECT_OK(registry_.run("module"));
  EXPECT_EQ(unwrap(registry_.images())[0].containers, 1U);
  EXPECT_ERROR(registry_.remove_image("module"), in_use);
}

TEST_P(RegistryImages, AreListedByName) {
  ASSERT_OK(put("c", "callback.wat"));
  ASSERT_OK(put("a", "echo.wat"));
  ASSERT_OK(put("b", "hostile.wat"));
  const auto entries = unwrap(registry_.images());
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_THAT(entries[0].description.names, ElementsAre("a"));
  EXPECT_THAT(entries[1].description.names, ElementsAre("b"));
  EXPECT_THAT(entries[2].description.names, ElementsAre("c"));
  EXPECT_EQ(entries[2].description.component_digest, load("callback.wat").digest());
  EXPECT_EQ(entries[2].containers, 0U);
}

TEST_P(RegistryImages, AreDescribed) {
  ASSERT_OK(put("shop", "callback.wat",
                {.created = "2026-01-02T03:04:05Z",
                 .author = "Somebody",
                 .target = "test:callback/guest",
                 .annotations = {{"org.opencontainers.image.title", "A shop"}}}));
  const StoredImage image = unwrap(registry_.images())[0].description;
  EXPECT_THAT(image.digest, StartsWith("sha256:"));
  EXPECT_EQ(image.component_digest, load("callback.wat").digest());
  EXPECT_EQ(image.component_size, load("callback.wat").size());
  EXPECT_GE(image.size, image.component_size);
  EXPECT_EQ(image.media_type, "application/wasm");
  EXPECT_EQ(image.created, "2026-01-02T03:04:05Z");
  EXPECT_EQ(image.author, "Somebody");
  EXPECT_EQ(image.os, "wasip2");
  EXPECT_EQ(image.target, "test:callback/guest");
  EXPECT_THAT(image.annotations, Contains(Pair("org.opencontainers.image.title", "A shop")));
  EXPECT_THAT(image.imports, ElementsAre("test:callback/host@1.2.0", "call"));
  EXPECT_THAT(image.exports, ElementsAre("test:callback/small@1.2.0", "test:callback/large@2.0.1", "run",
                                         "run-then-spin", "run-then-trap", "note", "add"));
  EXPECT_EQ(image.problem, "");

  ASSERT_OK(put("now", "hostile.wat", {.exports = {"what:they/say"}}));
  const StoredImage other = unwrap(registry_.images())[0].description;
  EXPECT_THAT(other.created, MatchesRegex("20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"));
  EXPECT_THAT(other.exports, ElementsAre("what:they/say"));
}

TEST_P(RegistryImages, HaveUniqueNames) {
  ASSERT_OK(put("shop", "callback.wat"));
  const auto again = put("shop", "hostile.wat");
  ASSERT_ERROR(again, already_exists);
  EXPECT_EQ(message_of(again), "image 'shop' already exists");
  EXPECT_ERROR(put("shop", "callback.wat"), already_exists) << "not even for the same component";
  EXPECT_EQ(unwrap(registry_.image("shop")).digest(), load("callback.wat").digest()) << "it is unchanged";
  const auto unnamed = put("", "callback.wat");
  ASSERT_ERROR(unnamed, invalid_argument);
  EXPECT_EQ(message_of(unnamed), "the name of the image is empty");
  EXPECT_OK(put("ghcr.io/me/shop:1", "callback.wat"));
}

TEST_P(RegistryImages, ThatDoNotCompileDoNotReserveTheirName) {
  const auto bad = registry_.register_image("shop", std::as_bytes(std::span(std::string_view("hello"))));
  ASSERT_ERROR(bad, not_wasm);
  EXPECT_THAT(message_of(bad), StartsWith("image 'shop': "));
  EXPECT_THAT(unwrap(registry_.images()), IsEmpty());
  EXPECT_OK(put("shop", "callback.wat"));
}

TEST_P(RegistryImages, ThatDoNotExistAreErrors) {
  const auto none = registry_.image("shop");
  ASSERT_ERROR(none, not_found);
  EXPECT_THAT(message_of(none), StartsWith("no image 'shop'"));
  EXPECT_ERROR(registry_.remove_image("shop"), not_found);
  EXPECT_ERROR(registry_.remove_image("shop", true), not_found);
  EXPECT_ERROR(registry_.tag("shop", "till"), not_found);
  EXPECT_ERROR(registry_.create_container("a", "shop"), not_found);
  EXPECT_ERROR(registry_.run("shop"), not_found);
}

TEST_P(RegistryImages, AreFoundByDigest) {
  ASSERT_OK(put("shop", "callback.wat"));
  ASSERT_OK(put("other", "hostile.wat"));
  const std::string digest = unwrap(registry_.images())[1].description.digest;
  const std::string digits = digest.substr(std::string_view("sha256:").size());
  for (const std::string& reference :
       {digest, digits, digits.substr(0, 8), "sha256:" + digits.substr(0, 8), "shop@" + digest}) {
    const auto found = registry_.image(reference);
    ASSERT_OK(found) << reference;
    EXPECT_EQ(found->digest(), load("callback.wat").digest());
  }
  EXPECT_EQ(loaded(unwrap(registry_.image(digest))), loaded(unwrap(registry_.image("shop"))));
  EXPECT_ERROR(registry_.image(digits.substr(0, 3)), not_found) << "too few digits";
  EXPECT_ERROR(registry_.image("shop@" + digits), not_found);
  EXPECT_ERROR(registry_.image("sha256:" + std::string(64, '0')), not_found);
  ASSERT_OK(put(digits.substr(0, 8), "hostile.wat")) << "a name may look like a digest";
  EXPECT_EQ(unwrap(registry_.image(digits.substr(0, 8))).digest(), load("hostile.wat").digest());
}

TEST_P(RegistryImages, CanBeTagged) {
  ASSERT_OK(put("shop:1", "callback.wat"));
  ASSERT_OK(registry_.tag("shop:1", "shop:latest"));
  ASSERT_OK(registry_.tag("shop:latest", "shop:latest")) << "it already has that name";
  const auto entries = unwrap(registry_.images());
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_THAT(entries[0].description.names, ElementsAre("shop:1", "shop:latest"));
  EXPECT_EQ(loaded(unwrap(registry_.image("shop:latest"))), loaded(unwrap(registry_.image("shop:1"))));

  ASSERT_OK(put("shop:2", "hostile.wat"));
  ASSERT_OK(registry_.tag("shop:2", "shop:latest"));
  EXPECT_EQ(unwrap(registry_.image("shop:latest")).digest(), load("hostile.wat").digest()) << "it moved";
  EXPECT_EQ(unwrap(registry_.image("shop:1")).digest(), load("callback.wat").digest());
  EXPECT_ERROR(registry_.tag("shop:1", ""), invalid_argument);
}

TEST_P(RegistryImages, AreRemovedWithTheirLastName) {
  ASSERT_OK(put("old", "callback.wat"));
  const std::string digest = unwrap(registry_.images())[0].description.digest;
  auto container = unwrap(registry_.create_container("till", "old", calling(same)));
  ASSERT_OK(put("new", "hostile.wat"));
  ASSERT_OK(registry_.tag("new", "old"));
  EXPECT_EQ(unwrap(registry_.images()).size(), 1U);
  EXPECT_ERROR(registry_.image(digest), not_found);
  EXPECT_EQ(unwrap(function_of<Call>(*container, "run")(5)), 5U) << "its containers keep running";
}

TEST_P(RegistryImages, CanBeRemoved) {
  ASSERT_OK(put("shop", "callback.wat"));
  ASSERT_OK(registry_.remove_image("shop"));
  EXPECT_ERROR(registry_.image("shop"), not_found);
  EXPECT_ERROR(registry_.remove_image("shop"), not_found);
  EXPECT_OK(put("shop", "hostile.wat"));
  EXPECT_EQ(unwrap(registry_.image("shop")).digest(), load("hostile.wat").digest());
}

TEST_P(RegistryImages, WithSeveralNamesAreRemovedByDigestOnlyIfForced) {
  ASSERT_OK(put("shop:1", "callback.wat"));
  ASSERT_OK(registry_.tag("shop:1", "shop:2"));
  ASSERT_OK(registry_.tag("shop:1", "shop:3"));
  const std::string digest = unwrap(registry_.images())[0].description.digest;
  ASSERT_OK(registry_.remove_image("shop:2"));
  EXPECT_THAT(image_names(registry_.images()), ElementsAre("shop:1", "shop:3"));
  const auto refused = registry_.remove_image(digest);
  ASSERT_ERROR(refused, in_use);
  EXPECT_THAT(message_of(refused), HasSubstr("2 names: shop:1, shop:3"));
  ASSERT_OK(registry_.remove_image(digest, true));
  EXPECT_THAT(unwrap(registry_.images()), IsEmpty());
}

TEST_P(RegistryImages, InUseAreRemovedOnlyIfForced) {
  unwrap(put("shop", "callback.wat"));
  auto first = unwrap(registry_.create_container("first", "shop", calling(same)));
  unwrap(registry_.create_container("second", "shop", calling(same)));
  EXPECT_EQ(unwrap(registry_.images())[0].containers, 2U);
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
  EXPECT_EQ(unwrap(function_of<Call>(*third, "run")(5)), 5U) << "its containers keep running";
  EXPECT_THAT(names_of(registry_.containers()), ElementsAre("second", "third"));
}

TEST_P(RegistryImages, AreInUseByHeldContainers) {
  unwrap(put("hostile", "hostile.wat"));
  unwrap(registry_.hold("mine", start("hostile.wat")));
  EXPECT_EQ(unwrap(registry_.images())[0].containers, 1U);
  EXPECT_ERROR(registry_.remove_image("hostile"), in_use);
}

// ---- Containers

TEST_P(RegistryContainers, AreCreatedFromImages) {
  unwrap(put("shop", "callback.wat"));
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

TEST_P(RegistryContainers, NeedNoConfigurationWithoutImports) {
  unwrap(put("hostile", "hostile.wat"));
  EXPECT_OK(registry_.create_container("a", "hostile"));
}

TEST_P(RegistryContainers, GetANameIfNoneIsGiven) {
  ASSERT_OK(put("ghcr.io/me/shop:1", "callback.wat"));
  const auto first = registry_.run("ghcr.io/me/shop:1", {.configure = calling(same)});
  ASSERT_OK(first);
  EXPECT_EQ(first->name, "shop-1");
  EXPECT_EQ(first->container->state(), ContainerState::running);
  EXPECT_EQ(unwrap(registry_.container("shop-1")), first->container);
  EXPECT_EQ(unwrap(function_of<Call>(*first->container, "run")(4)), 4U);
  EXPECT_EQ(registry_.containers()[0].image_name, "ghcr.io/me/shop:1");

  ASSERT_OK(registry_.hold("shop-2", start("hostile.wat")));
  EXPECT_EQ(unwrap(registry_.run("ghcr.io/me/shop:1", {.configure = calling(same)})).name, "shop-3");
  EXPECT_EQ(unwrap(registry_.run("ghcr.io/me/shop:1", {.name = "till", .configure = calling(same)})).name,
            "till");
  EXPECT_ERROR(registry_.run("ghcr.io/me/shop:1", {.name = "till", .configure = calling(same)}),
               already_exists);

  const std::string digest = unwrap(registry_.images())[0].description.digest;
  EXPECT_EQ(unwrap(registry_.run(digest, {.configure = calling(same)})).name, "shop-4");
  const auto missing = registry_.run("ghcr.io/me/shop:1");
  ASSERT_ERROR(missing, missing_import);
  EXPECT_THAT(message_of(missing), StartsWith("container 'shop-5': "));
  EXPECT_THAT(names_of(registry_.containers()), ElementsAre("shop-1", "shop-2", "shop-3", "shop-4", "till"));
}

TEST_P(RegistryContainers, ThatFailToBuildDoNotReserveTheirName) {
  unwrap(put("shop", "callback.wat"));
  const auto missing = registry_.create_container("till", "shop");
  ASSERT_ERROR(missing, missing_import);
  EXPECT_THAT(message_of(missing), StartsWith("container 'till': "));
  EXPECT_THAT(registry_.containers(), IsEmpty());
  EXPECT_EQ(unwrap(registry_.images())[0].containers, 0U) << "the image is not in use";
  EXPECT_OK(registry_.create_container("till", "shop", calling(same)));
}

TEST_P(RegistryContainers, HaveUniqueNames) {
  unwrap(put("hostile", "hostile.wat"));
  ASSERT_OK(registry_.create_container("a", "hostile"));
  EXPECT_ERROR(registry_.create_container("a", "hostile"), already_exists);
  EXPECT_ERROR(registry_.hold("a", start("hostile.wat")), already_exists);
  const auto unnamed = registry_.create_container("", "hostile");
  ASSERT_ERROR(unnamed, invalid_argument);
  EXPECT_EQ(message_of(unnamed), "the name of the container is empty");
  EXPECT_ERROR(registry_.hold("", start("hostile.wat")), invalid_argument);
  EXPECT_OK(registry_.create_container("hostile", "hostile")) << "images and containers have separate names";
}

TEST_P(RegistryContainers, AreListedByName) {
  unwrap(put("hostile", "hostile.wat"));
  for (const char* name : {"b", "c", "a"}) unwrap(registry_.create_container(name, "hostile"));
  auto failing = unwrap(registry_.container("b"));
  EXPECT_ERROR(function_of<void()>(*failing, "trap")(), trap);
  ASSERT_OK(registry_.stop_container("c"));
  const auto entries = registry_.containers();
  EXPECT_THAT(names_of(entries), ElementsAre("a", "b", "c"));
  EXPECT_EQ(entries[0].state, ContainerState::running);
  EXPECT_EQ(entries[1].state, ContainerState::error);
  EXPECT_EQ(entries[2].state, ContainerState::stopped);
}

TEST_P(RegistryContainers, ThatDoNotExistAreErrorsThatListTheOthers) {
  EXPECT_EQ(message_of(registry_.container("till")), "no container 'till'; there are no containers");
  unwrap(registry_.hold("shop", start("hostile.wat")));
  const auto missing = registry_.container("till");
  ASSERT_ERROR(missing, not_found);
  EXPECT_EQ(message_of(missing), "no container 'till'; available: shop");
  EXPECT_ERROR(registry_.stop_container("till"), not_found);
  EXPECT_ERROR(registry_.remove_container("till"), not_found);
  EXPECT_ERROR(registry_.remove_container("till", true), not_found);
}

TEST_P(RegistryContainers, CanBeHeld) {
  const auto held = registry_.hold("mine", start("hostile.wat"));
  ASSERT_OK(held);
  EXPECT_EQ(unwrap(function_of<std::string()>(**held, "hello")()), "hello");
  EXPECT_EQ(registry_.containers()[0].image_name, "");
  EXPECT_EQ(unwrap(registry_.container("mine")), *held);
}

TEST_P(RegistryContainers, StayRegisteredWhenStopped) {
  unwrap(registry_.hold("mine", start("hostile.wat")));
  ASSERT_OK(registry_.stop_container("mine"));
  EXPECT_EQ(unwrap(registry_.container("mine"))->state(), ContainerState::stopped);
  EXPECT_OK(registry_.stop_container("mine"));
  EXPECT_ERROR(registry_.hold("mine", start("hostile.wat")), already_exists) << "its name is still taken";
}

TEST_P(RegistryContainers, ThatRunAreRemovedOnlyIfForced) {
  auto running = unwrap(registry_.hold("running", start("hostile.wat")));
  const auto refused = registry_.remove_container("running");
  ASSERT_ERROR(refused, in_use);
  EXPECT_THAT(message_of(refused), HasSubstr("stop it first"));
  EXPECT_EQ(running->state(), ContainerState::running);

  ASSERT_OK(registry_.remove_container("running", true));
  EXPECT_EQ(running->state(), ContainerState::stopped) << "the last holder has a stopped container";
  EXPECT_ERROR(registry_.container("running"), not_found);
  EXPECT_OK(registry_.hold("running", start("hostile.wat")));

  ASSERT_OK(registry_.stop_container("running"));
  EXPECT_OK(registry_.remove_container("running"));
  auto failed = unwrap(registry_.hold("failed", start("hostile.wat")));
  EXPECT_ERROR(function_of<void()>(*failed, "trap")(), trap);
  EXPECT_OK(registry_.remove_container("failed")) << "a failed container is not running";
}

TEST_P(RegistryContainers, CanRemoveThemselves) {
  unwrap(put("shop", "callback.wat"));
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

TEST_P(RegistryContainers, CanCreateOthersDuringCreation) {
  unwrap(put("hostile", "hostile.wat"));
  const auto outer = registry_.create_container("outer", "hostile", [&](ContainerBuilder&) {
    EXPECT_ERROR(registry_.create_container("outer", "hostile"), already_exists) << "its name is reserved";
    EXPECT_ERROR(registry_.container("outer"), not_found) << "it is not built yet";
    EXPECT_ERROR(registry_.remove_container("outer", true), not_found);
    EXPECT_THAT(registry_.containers(), IsEmpty());
    EXPECT_ERROR(registry_.remove_image("hostile"), in_use);
    EXPECT_OK(registry_.create_container("inner", "hostile"));
  });
  ASSERT_OK(outer);
  EXPECT_THAT(names_of(registry_.containers()), ElementsAre("inner", "outer"));
}

TEST_P(RegistryContainers, AreNotListedBeforeTheyAreBuilt) {
  unwrap(put("hostile", "hostile.wat"));
  unwrap(registry_.create_container("outer", "hostile", [&](ContainerBuilder&) {
    EXPECT_THAT(message_of(registry_.container("other")), Not(HasSubstr("outer")));
  }));
}

// ---- Threads

TEST_P(RegistryThreads, ReadDuringACall) {
  unwrap(put("shop", "callback.wat"));
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

  EXPECT_EQ(names_of(registry_.containers()), std::vector<std::string>{"busy"});
  EXPECT_EQ(image_names(registry_.images()), std::vector<std::string>{"shop"});
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

TEST_P(RegistryThreads, ReadDuringAContainersCreation) {
  unwrap(put("hostile", "hostile.wat"));
  std::atomic<bool> entered = false;
  std::atomic<bool> leave = false;
  std::thread maker([&] {
    EXPECT_OK(registry_.create_container("slow", "hostile", [&](ContainerBuilder&) {
      entered = true;
      while (!leave) std::this_thread::yield();
    }));
  });
  while (!entered) std::this_thread::yield();
  EXPECT_THAT(registry_.containers(), IsEmpty());
  EXPECT_OK(registry_.create_container("quick", "hostile"));
  leave = true;
  maker.join();
  EXPECT_THAT(names_of(registry_.containers()), ElementsAre("quick", "slow"));
}

TEST_P(RegistryThreads, InterruptACallByStoppingOrRemoving) {
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

TEST_P(RegistryThreads, CreateStopAndRemoveConcurrently) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 60;
  unwrap(put("shop", "callback.wat"));
  std::atomic<int> made = 0;
  std::atomic<int> removed = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        // The threads share names, so that they conflict.
        const std::string name = "c" + std::to_string((i + round) % 3);
        if (auto container = registry_.create_container(name, "shop", calling(same))) {
          ++made;
          const auto result = run_if_possible(**container);
          if (result) {
            EXPECT_EQ(*result, 9U);
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

TEST_P(RegistryThreads, LoadAnImageOnce) {
  unwrap(put("shop", "callback.wat"));
  std::atomic<int> ready = 0;
  std::vector<const void*> found(20);
  std::vector<std::thread> threads;
  for (const void*& place : found) {
    threads.emplace_back([&] {
      ++ready;
      while (ready < static_cast<int>(found.size())) std::this_thread::yield();
      place = loaded(unwrap(registry_.image("shop")));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(found, Each(Eq(found.front())));
}

TEST_P(RegistryThreads, RegisterTagAndRemoveConcurrently) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 8;
  unwrap(put("kept", "callback.wat"));
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        const std::string name = "i" + std::to_string((i + round) % 2);
        if (auto made = put(name, "hostile.wat"); !made) {
          EXPECT_ERROR(made, already_exists);
        }
        if (auto tagged = registry_.tag("kept", name); !tagged) {
          EXPECT_ERROR(tagged, not_found);
        }
        EXPECT_OK(registry_.images());
        if (auto container = registry_.run(name, {.configure = calling(same)})) {
          EXPECT_OK(registry_.remove_container(container->name, true));
        } else {
          EXPECT_ERROR(container, not_found);
        }
        if (auto removed = registry_.remove_image(name); !removed) {
          EXPECT_TRUE(removed.error().code() == ErrorCode::not_found ||
                      removed.error().code() == ErrorCode::in_use)
              << describe(removed.error());
        }
        EXPECT_OK(registry_.image("kept"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(image_names(registry_.images()), Contains("kept"));
}

// ---- Only in memory

TEST(RegistryInMemory, AcceptsCompiledImages) {
  Registry registry(test_engine());
  ASSERT_OK(registry.register_image("hostile", load("hostile.wat"), {.author = "Somebody"}));
  EXPECT_EQ(loaded(unwrap(registry.image("hostile"))), loaded(load("hostile.wat")));
  EXPECT_EQ(unwrap(registry.images())[0].description.author, "Somebody");
  EXPECT_ERROR(registry.register_image("hostile", load("callback.wat")), already_exists);
  EXPECT_ERROR(registry.register_image("", load("callback.wat")), invalid_argument);
}

TEST(RegistryInMemory, AcceptsAnyName) {
  Registry registry(test_engine());
  ASSERT_OK(registry.register_image("Ünï/çode: 1", load("hostile.wat")));
  EXPECT_EQ(unwrap(registry.run("Ünï/çode: 1")).name, "çode-1");
  ASSERT_OK(registry.register_image("a/b/", load("hostile.wat")));
  EXPECT_EQ(unwrap(registry.run("a/b/")).name, "container-1");
}

TEST(RegistryInMemory, ListsTheImagesInErrors) {
  Registry registry(test_engine());
  EXPECT_EQ(message_of(registry.image("shop")), "no image 'shop'; there are no images");
  ASSERT_OK(registry.register_image("till", load("callback.wat")));
  ASSERT_OK(registry.register_image("stock", load("callback.wat")));
  EXPECT_EQ(message_of(registry.image("shop")), "no image 'shop'; available: stock, till");
}

// ---- Only in a store

class RegistryStore : public ::testing::Test {
 protected:
  [[nodiscard]] ImageStore store() const { return unwrap(ImageStore::open(directory_.path())); }
  [[nodiscard]] std::filesystem::path blob(std::string_view digest) const {
    return store().layout_directory() / "blobs" / "sha256" /
           digest.substr(std::string_view("sha256:").size());
  }
  [[nodiscard]] std::filesystem::path component(std::string_view name) const {
    return blob(unwrap(store().find(name)).component_digest);
  }
  /// Changes the last byte of a blob.
  static void damage(const std::filesystem::path& file) {
    std::filesystem::permissions(file, std::filesystem::perms::owner_write,
                                 std::filesystem::perm_options::add);
    std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
    stream.seekg(-1, std::ios::end);
    const char last = static_cast<char>(stream.peek() ^ 1);
    stream.seekp(-1, std::ios::end);
    stream.put(last);
  }
  void remove_artifacts() const { std::filesystem::remove_all(store().artifact_directory()); }

  TemporaryDirectory directory_;
  Registry registry_{test_engine(), store()};
};

using RegistryThreadsOverAStore = RegistryStore;

TEST_F(RegistryStore, OthersLoadAnImageWithoutCompiling) {
  unwrap(put(registry_, "shop", "callback.wat"));
  EXPECT_EQ(unwrap(store().usage()).artifacts, 1U);
  // Without the component, nothing can be compiled.
  std::filesystem::remove(component("shop"));
  Registry other(test_engine(), store());
  const auto container = other.run("shop", {.configure = calling(same)});
  ASSERT_OK(container);
  EXPECT_EQ(unwrap(function_of<Call>(*container->container, "run")(3)), 3U);
}

TEST_F(RegistryStore, CompilesImagesThatOthersAdded) {
  const std::string text = read_guest("callback.wat");
  ASSERT_OK(store().add_image("shop", unwrap(to_wasm_binary(std::as_bytes(std::span(text))))));
  EXPECT_EQ(unwrap(registry_.images()).size(), 1U);
  EXPECT_EQ(unwrap(store().usage()).artifacts, 0U) << "listing compiles nothing";
  const auto image = registry_.image("shop");
  ASSERT_OK(image);
  EXPECT_EQ(image->digest(), load("callback.wat").digest());
  EXPECT_EQ(unwrap(store().usage()).artifacts, 1U);
}

TEST_F(RegistryStore, ListsUnusableImages) {
  constexpr std::string_view kHeaderAlone("\0asm\x0d\0\1\0\7\7", 10);
  ASSERT_OK(store().add_image("bad", std::as_bytes(std::span(kHeaderAlone))));
  unwrap(put(registry_, "damaged", "callback.wat"));
  damage(blob(unwrap(store().find("damaged")).digest));
  EXPECT_THAT(image_names(registry_.images()), ElementsAre("bad", "damaged"));
  EXPECT_NE(unwrap(registry_.images())[1].description.problem, "");
  const auto bad = registry_.image("bad");
  ASSERT_ERROR(bad, invalid_component);
  EXPECT_THAT(message_of(bad), StartsWith("image 'bad': "));
  EXPECT_ERROR(registry_.image("bad"), invalid_component) << "and again";
  EXPECT_ERROR(registry_.image("damaged"), not_found) << "it was moved away";
  EXPECT_OK(registry_.remove_image("bad"));
  EXPECT_OK(registry_.remove_image("damaged"));
  EXPECT_THAT(unwrap(registry_.images()), IsEmpty());
}

TEST_F(RegistryStore, RunsNoDamagedImage) {
  unwrap(put(registry_, "shop", "callback.wat"));
  damage(component("shop"));
  remove_artifacts();
  Registry other(test_engine(), store());
  EXPECT_ERROR(other.image("shop"), digest_mismatch);
  // It was moved away.
  EXPECT_FALSE(other.run("shop", {.configure = calling(same)}).has_value());
  EXPECT_THAT(other.containers(), IsEmpty());
  EXPECT_EQ(unwrap(store().usage()).artifacts, 0U);

  ASSERT_OK(other.remove_image("shop"));
  ASSERT_OK(put(other, "shop", "callback.wat"));
  EXPECT_OK(other.run("shop", {.configure = calling(same)}));
}

TEST_F(RegistryStore, ReplacesAnImageWhoseManifestIsDamaged) {
  unwrap(put(registry_, "shop", "callback.wat"));
  damage(blob(unwrap(store().find("shop")).digest));
  ASSERT_OK(put(registry_, "shop", "hostile.wat"));
  EXPECT_EQ(unwrap(registry_.image("shop")).digest(), load("hostile.wat").digest());
}

TEST_F(RegistryStore, SeesTagsAndRemovalsOfOthers) {
  Registry other(test_engine(), store());
  unwrap(put(registry_, "shop", "callback.wat"));
  EXPECT_ERROR(put(other, "shop", "hostile.wat"), already_exists);
  EXPECT_EQ(unwrap(other.image("shop")).digest(), load("callback.wat").digest());
  unwrap(put(registry_, "next", "hostile.wat"));
  ASSERT_OK(registry_.tag("next", "shop"));
  EXPECT_EQ(unwrap(other.image("shop")).digest(), load("hostile.wat").digest());
  ASSERT_OK(registry_.remove_image("shop"));
  EXPECT_ERROR(other.image("shop"), not_found);
  EXPECT_OK(other.image("next"));
}

TEST_F(RegistryStore, FreesAnImageThatNoReferenceResolvesTo) {
  unwrap(put(registry_, "shop:1", "callback.wat"));
  ASSERT_OK(registry_.tag("shop:1", "shop"));
  const std::weak_ptr core = unwrap(registry_.image("shop")).component().core();
  unwrap(put(registry_, "shop:2", "hostile.wat"));
  ASSERT_OK(store().tag("shop:2", "shop"));
  EXPECT_OK(registry_.image("shop"));
  EXPECT_FALSE(core.expired()) << "the other name still resolves to it";
  ASSERT_OK(store().remove("shop:1"));
  EXPECT_ERROR(registry_.image("shop:1"), not_found);
  EXPECT_TRUE(core.expired());

  const std::weak_ptr removed = unwrap(registry_.image("shop")).component().core();
  ASSERT_OK(registry_.remove_image("shop"));
  ASSERT_OK(registry_.remove_image("shop:2"));
  EXPECT_TRUE(removed.expired());
}

TEST_F(RegistryStore, RunsAnUnnamedImage) {
  unwrap(put(registry_, "shop", "callback.wat"));
  const auto file = store().layout_directory() / "index.json";
  auto index = nlohmann::json::parse(std::ifstream(file));
  index["manifests"][0].erase("annotations");
  std::ofstream(file) << index;
  const StoredImage image = unwrap(registry_.images())[0].description;
  EXPECT_THAT(image.names, IsEmpty());
  const auto run = registry_.run(image.digest, {.configure = calling(same)});
  ASSERT_OK(run);
  EXPECT_EQ(run->name, image.digest.substr(std::string_view("sha256:").size(), 12) + "-1");
  EXPECT_EQ(unwrap(registry_.images())[0].containers, 1U);
}

TEST_F(RegistryStore, RejectsACompiledImage) {
  const auto refused = registry_.register_image("shop", load("callback.wat"));
  ASSERT_ERROR(refused, invalid_argument);
  EXPECT_THAT(message_of(refused), HasSubstr("register the component's bytes"));
  EXPECT_ERROR(put(registry_, "Ünï/çode: 1", "callback.wat"), invalid_argument);
  EXPECT_ERROR(put(registry_, "sha256:abcd", "callback.wat"), invalid_argument);
  EXPECT_THAT(unwrap(registry_.images()), IsEmpty());
}

TEST_F(RegistryStore, RunsNoMachineCodeThatOthersCanWrite) {
  unwrap(put(registry_, "shop", "callback.wat"));
  std::filesystem::permissions(store().artifact_directory(), std::filesystem::perms::others_write,
                               std::filesystem::perm_options::add);
  EXPECT_OK(registry_.image("shop")) << "it is in memory";
  Registry other(test_engine(), store());
  EXPECT_ERROR(other.image("shop"), untrusted_file);
  remove_artifacts();
  EXPECT_OK(other.image("shop"));
}

TEST_F(RegistryThreadsOverAStore, LoadAnImageOnceFromDisk) {
  unwrap(put(registry_, "shop", "callback.wat"));
  for (const bool compiled : {true, false}) {
    if (!compiled) remove_artifacts();
    Registry other(test_engine(), store());
    std::atomic<int> ready = 0;
    std::vector<Image> images(20, load("hostile.wat"));
    std::vector<std::thread> threads;
    for (Image& image : images) {
      threads.emplace_back([&] {
        ++ready;
        while (ready < static_cast<int>(images.size())) std::this_thread::yield();
        image = unwrap(other.image("shop"));
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(images.front().digest(), load("callback.wat").digest());
    for (const Image& image : images) EXPECT_EQ(loaded(image), loaded(images.front()));
  }
}

TEST_F(RegistryThreadsOverAStore, TagAndRunInTwoRegistries) {
  unwrap(put(registry_, "one", "callback.wat"));
  unwrap(put(registry_, "two", "hostile.wat"));
  ASSERT_OK(registry_.tag("one", "moving"));
  Registry other(test_engine(), store());
  std::atomic<bool> done = false;
  std::thread tagger([&] {
    for (int round = 0; round < 40; ++round)
      EXPECT_OK(registry_.tag(round % 2 == 0 ? "two" : "one", "moving"));
    done = true;
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!done) {
        const auto run = other.run("moving", {.configure = calling(same)});
        ASSERT_OK(run);
        EXPECT_OK(other.remove_container(run->name, true));
      }
    });
  }
  tagger.join();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(unwrap(other.image("moving")).digest(), load("callback.wat").digest());
}

}  // namespace
}  // namespace tairitsu::test

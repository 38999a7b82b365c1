// Resources on both sides: each thing of the guest wraps one of the host and forwards calls to it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resources.h"
#include "support/support.h"

namespace tairitsu::test {
namespace {

namespace imports = ::test::resources::things::imports;
namespace exports = ::test::resources::things::exports;
using exports::Choice;
using exports::Holder;
using exports::Thing;
using ::test::resources::Resources;
using testing::ElementsAre;
using testing::IsEmpty;

class HostThing final : public imports::Thing {
 public:
  HostThing(std::string_view name, int& alive) : name_(name), alive_(alive) { ++alive_; }
  ~HostThing() override { --alive_; }
  HostThing(const HostThing&) = delete;
  HostThing& operator=(const HostThing&) = delete;

  Result<std::string> name() override { return name_; }
  Result<void> rename(std::string_view name) override {
    if (name == "throw") throw std::runtime_error("a bad name");
    name_ = name;
    return {};
  }
  Result<std::string> longer(imports::Thing& other) override {
    TAIRITSU_TRY(const std::string theirs, other.name());
    return name_.size() >= theirs.size() ? name_ : theirs;
  }

 private:
  std::string name_;
  int& alive_;
};

class Things final : public imports::Host {
 public:
  using Owned = std::unique_ptr<imports::Thing>;

  Result<std::expected<Owned, std::string>> thing(std::string_view name) override {
    if (name.empty()) return guest_error(std::string("a thing needs a name"));
    return make(name);
  }
  Result<Owned> thing_join(Owned a, imports::Thing& b) override {
    TAIRITSU_TRY(const std::string first, a->name());
    TAIRITSU_TRY(const std::string second, b.name());
    return make(first + "+" + second);
  }
  Result<std::string> take(Owned thing) override { return thing->name(); }
  Result<std::string> look(imports::Thing& thing) override { return thing.name(); }
  Result<std::vector<std::string>> take_all(std::vector<Owned> things) override {
    std::vector<std::string> names;
    for (const Owned& thing : things) names.push_back(unwrap(thing->name()));
    return names;
  }
  Result<std::vector<std::string>> look_all(const std::vector<Borrow<imports::Thing>>& things) override {
    std::vector<std::string> names;
    for (const auto& thing : things) names.push_back(unwrap(thing->name()));
    return names;
  }
  Result<std::vector<Owned>> give_all(const std::vector<std::string_view>& names) override {
    std::vector<Owned> things;
    for (const std::string_view name : names) things.push_back(make(name));
    return things;
  }
  Result<imports::Holder> hold(imports::Holder holder) override {
    // The thing that was first becomes the last.
    std::swap(holder.thing, holder.more.front());
    std::ranges::reverse(holder.more);
    holder.label += "!";
    return holder;
  }
  Result<std::optional<Owned>> maybe(std::optional<Owned> thing) override { return thing; }
  Result<imports::Choice> choose(imports::Choice choice) override {
    if (auto* many = choice.if_many(); many != nullptr && many->size() == 1) {
      return imports::Choice::one(std::move(many->front()));
    }
    return choice;
  }

  Owned make(std::string_view name) { return std::make_unique<HostThing>(name, alive); }

  int alive = 0;
};

class ResourceBindings : public testing::Test {
 protected:
  exports::Guest& guest() { return container_->guest<Resources>()->things(); }
  Thing thing(std::string_view name) {
    auto created = unwrap(guest().thing(name));
    if (!created) throw std::runtime_error(created.error());
    return *std::move(created);
  }
  std::vector<Thing> things(const std::vector<std::string>& names) {
    std::vector<Thing> created;
    for (const std::string& name : names) created.push_back(thing(name));
    return created;
  }
  std::vector<std::string> names_of(std::vector<Thing>& things) {
    std::vector<std::string> names;
    for (Thing& one : things) names.push_back(unwrap(one.name()));
    return names;
  }
  void expect_no_resources() {
    EXPECT_EQ(host_.alive, 0);
    EXPECT_EQ(container_->resources()->size(), 0U);
  }

  Things host_;
  std::optional<Container> container_ =
      unwrap(Container::builder(load("bindgen_resources.wasm")).with_bindings<Resources>(host_).build());
};

TEST_F(ResourceBindings, CallConstructorsAndMethods) {
  {
    Thing one = thing("one");
    Thing other = thing("another");
    EXPECT_EQ(host_.alive, 2);
    EXPECT_EQ(unwrap(one.name()), "one");
    EXPECT_EQ(unwrap(one.longer(other)), "another");
    EXPECT_EQ(unwrap(other.longer(other)), "another");
    ASSERT_OK(one.rename("something longer"));
    EXPECT_EQ(unwrap(one.longer(other)), "something longer");
  }
  expect_no_resources();
}

TEST_F(ResourceBindings, ReportAFailedConstructor) {
  const auto made = guest().thing("");
  ASSERT_OK(made);
  ASSERT_FALSE(made->has_value());
  EXPECT_EQ(made->error(), "a thing needs a name");
  expect_no_resources();
}

TEST_F(ResourceBindings, PassOwnershipToStaticFunctions) {
  Thing a = thing("a");
  Thing b = thing("b");
  Thing both = unwrap(guest().thing_join(std::move(a), b));
  EXPECT_EQ(unwrap(both.name()), "a+b");
  EXPECT_EQ(unwrap(b.name()), "b");
  EXPECT_EQ(host_.alive, 2) << "the join consumes a";
}

TEST_F(ResourceBindings, PassOwnedAndBorrowedHandles) {
  Thing one = thing("one");
  EXPECT_EQ(unwrap(guest().look(one)), "one");
  EXPECT_EQ(unwrap(guest().look(one)), "one");
  EXPECT_EQ(unwrap(guest().take(std::move(one))), "one");
  expect_no_resources();
}

TEST_F(ResourceBindings, PassListsOfHandles) {
  auto some = things({"a", "b", "c"});
  const std::vector<Borrow<const Thing>> lent(some.begin(), some.end());
  EXPECT_THAT(unwrap(guest().look_all(lent)), ElementsAre("a", "b", "c"));
  EXPECT_THAT(unwrap(guest().look_all({})), IsEmpty());
  EXPECT_EQ(host_.alive, 3);
  EXPECT_THAT(unwrap(guest().take_all(std::move(some))), ElementsAre("a", "b", "c"));
  EXPECT_THAT(unwrap(guest().take_all({})), IsEmpty());
  expect_no_resources();
}

TEST_F(ResourceBindings, BorrowAResourceTwiceInOneCall) {
  Thing one = thing("one");
  const std::vector<Borrow<const Thing>> lent{one, one};
  EXPECT_THAT(unwrap(guest().look_all(lent)), ElementsAre("one", "one"));
}

TEST_F(ResourceBindings, ReturnListsOfHandles) {
  const std::vector<std::string> names{"x", "y", "z"};
  auto given = unwrap(guest().give_all(names));
  EXPECT_THAT(names_of(given), ElementsAre("x", "y", "z"));
  EXPECT_EQ(host_.alive, 3);
  given.erase(given.begin() + 1);
  EXPECT_EQ(host_.alive, 2);
  given.clear();
  expect_no_resources();
}

TEST_F(ResourceBindings, PassRecordsVariantsAndOptionsWithHandles) {
  Holder holder{.label = "label", .thing = thing("first"), .more = things({"a", "b"})};
  Holder held = unwrap(guest().hold(std::move(holder)));
  EXPECT_EQ(held.label, "label!");
  EXPECT_EQ(unwrap(held.thing.name()), "a");
  EXPECT_THAT(names_of(held.more), ElementsAre("b", "first"));

  EXPECT_FALSE(unwrap(guest().maybe(std::nullopt)).has_value());
  auto maybe = unwrap(guest().maybe(std::move(held.thing)));
  ASSERT_TRUE(maybe.has_value());
  EXPECT_EQ(unwrap(maybe->name()), "a");

  EXPECT_EQ(unwrap(guest().choose(Choice::none())).which(), Choice::Case::none);
  Choice one = unwrap(guest().choose(Choice::one(*std::move(maybe))));
  ASSERT_NE(one.if_one(), nullptr);
  EXPECT_EQ(unwrap(one.if_one()->name()), "a");
  Choice many = unwrap(guest().choose(Choice::many(std::move(held.more))));
  ASSERT_NE(many.if_many(), nullptr);
  EXPECT_THAT(names_of(*many.if_many()), ElementsAre("b", "first"));
  Choice single = unwrap(guest().choose(Choice::many(things({"single"}))));
  EXPECT_EQ(single.which(), Choice::Case::one);
  EXPECT_EQ(host_.alive, 4);
}

TEST_F(ResourceBindings, DestroyHostObjectsWhenTheGuestDropsThem) {
  auto& world = *container_->guest<Resources>();
  ASSERT_OK(world.keep(100));
  EXPECT_EQ(host_.alive, 100);
  EXPECT_EQ(container_->resources()->size(), 100U);
  ASSERT_OK(world.keep(3));
  EXPECT_EQ(host_.alive, 3);
  ASSERT_OK(world.keep(0));
  expect_no_resources();
}

TEST_F(ResourceBindings, DestroyHostObjectsWithTheContainer) {
  ASSERT_OK(container_->guest<Resources>()->keep(10));
  const Thing outlives = thing("one");
  EXPECT_EQ(host_.alive, 11);
  container_.reset();
  EXPECT_EQ(host_.alive, 0);
}

TEST_F(ResourceBindings, AreInertAfterTheContainerIsDestroyed) {
  Thing thing = this->thing("one");
  std::optional<Thing> dropped = this->thing("two");
  Resources world = *container_->guest<Resources>();
  container_.reset();
  EXPECT_EQ(host_.alive, 0);
  EXPECT_ERROR(thing.name(), container_stopped);
  EXPECT_ERROR(world.things().look(thing), container_stopped);
  dropped.reset();
  EXPECT_OK(thing.drop());
  EXPECT_FALSE(thing);
}

TEST_F(ResourceBindings, AreInertAfterATrap) {
  Thing thing = this->thing("one");
  EXPECT_ERROR(container_->guest<Resources>()->fail(), trap);
  EXPECT_EQ(container_->state(), ContainerState::error);
  EXPECT_ERROR(thing.name(), container_failed);
  EXPECT_OK(thing.drop());
}

TEST_F(ResourceBindings, DropHandlesExplicitly) {
  Thing thing = this->thing("one");
  EXPECT_TRUE(thing);
  EXPECT_OK(thing.drop());
  EXPECT_FALSE(thing);
  expect_no_resources();
  EXPECT_OK(thing.drop());
  EXPECT_ERROR(thing.name(), invalid_argument);
  EXPECT_ERROR(guest().look(thing), invalid_argument);
  EXPECT_ERROR(guest().take(std::move(thing)), invalid_argument);
  EXPECT_EQ(container_->state(), ContainerState::running);
}

TEST_F(ResourceBindings, MoveHandles) {
  Thing a = thing("a");
  Thing b = thing("b");
  a = std::move(b);
  EXPECT_EQ(host_.alive, 1) << "the old resource of a is dropped";
  EXPECT_EQ(unwrap(a.name()), "b");
  EXPECT_FALSE(b);  // NOLINT: tests a moved-from handle.
  Thing c(std::move(a));
  EXPECT_EQ(unwrap(c.name()), "b");
  b = thing("again");
  EXPECT_EQ(unwrap(b.name()), "again");
}

TEST_F(ResourceBindings, PropagateHostErrorsAndExceptions) {
  Thing thing = this->thing("one");
  const auto renamed = thing.rename("throw");
  EXPECT_ERROR(renamed, host_function);
  EXPECT_THAT(message_of(renamed), testing::HasSubstr("a bad name"));
}

TEST_F(ResourceBindings, RejectANullResourceFromTheHost) {
  imports::HostFunctions functions;
  functions.thing = [](std::string_view) -> Result<std::expected<Things::Owned, std::string>> {
    return nullptr;
  };
  auto container = unwrap(Container::builder(load("bindgen_resources.wasm"))
                              .with_bindings<Resources>(std::move(functions))
                              .build());
  const auto made = container.guest<Resources>()->things().thing("one");
  EXPECT_ERROR(made, invalid_argument);
  EXPECT_THAT(message_of(made), testing::HasSubstr("thing"));
}

// ---- Leaks

#ifdef __SANITIZE_ADDRESS__
constexpr bool kKeepsFreedMemory = true;
#elif defined(__has_feature)
constexpr bool kKeepsFreedMemory = __has_feature(address_sanitizer);
#else
constexpr bool kKeepsFreedMemory = false;
#endif
constexpr std::uint32_t kRounds = kKeepsFreedMemory ? 50'000 : 1'000'000;

/// Returns the resident memory of the process, in pages.
std::size_t resident_pages() {
  if (kKeepsFreedMemory) return 0;
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident;
}

TEST_F(ResourceBindings, DoNotLeakHostResources) {
  auto& world = *container_->guest<Resources>();
  ASSERT_OK(world.churn(1000));
  const std::uint64_t memory = container_->memory_bytes();
  const std::size_t resident = resident_pages();
  ASSERT_OK(world.churn(kRounds));
  expect_no_resources();
  EXPECT_EQ(container_->memory_bytes(), memory);
  // The table reuses keys, so the next one is small.
  EXPECT_LT(container_->resources()->insert(std::make_unique<HostThing>("one", host_.alive)), 10U);
  EXPECT_LT(resident_pages(), resident + 1024) << "pages of 4 KiB";
}

TEST_F(ResourceBindings, DoNotLeakGuestResources) {
  for (int i = 0; i < 1000; ++i) ASSERT_OK(thing("one").name());
  const std::uint64_t memory = container_->memory_bytes();
  const std::size_t resident = resident_pages();
  for (std::uint32_t i = 0; i < kRounds; ++i) {
    const auto made = guest().thing("one");
    if (!made || !*made) FAIL() << i << ": " << message_of(made);
  }
  expect_no_resources();
  EXPECT_EQ(container_->memory_bytes(), memory);
  EXPECT_LT(resident_pages(), resident + 1024) << "pages of 4 KiB";
}

}  // namespace
}  // namespace tairitsu::test

// Names that are special in C++ or to the library work like all others.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imports.h"
#include "support/support.h"

namespace tairitsu::test {
namespace {

namespace wit = std_::tairitsu_::interface;
using std_::tairitsu_::Imports;
using testing::ElementsAre;

class HostWorld final : public wit::imports::World {
 public:
  explicit HostWorld(std::vector<std::string>& calls, std::uint32_t get) : calls_(calls), get_(get) {}
  Result<std::uint32_t> drop() override { return get_ + 1; }
  Result<std::uint32_t> handle() override { return get_ + 2; }
  Result<void> release() override { return note("release"); }
  Result<std::string> core() override { return "core"; }
  Result<void> functions() override { return note("functions"); }
  Result<void> bind(std::uint32_t other) override { return note("bind " + std::to_string(other)); }
  [[nodiscard]] std::uint32_t get() const { return get_; }

 private:
  Result<void> note(std::string call) {
    calls_.push_back(std::move(call));
    return {};
  }
  std::vector<std::string>& calls_;
  std::uint32_t get_;
};

/// Implements both interfaces.
class Implementation {
 public:
  using OwnedWorld = std::unique_ptr<wit::imports::World>;

  OwnedWorld world(std::string_view linker, std::uint32_t get) {
    calls.push_back("world " + std::string(linker));
    return std::make_unique<HostWorld>(calls, get);
  }
  std::uint32_t world_look_up_(wit::imports::World& x) { return static_cast<HostWorld&>(x).get(); }
  void world_look_up() { calls.emplace_back("world-look-up"); }
  void add_to_linker(std::uint32_t linker, std::string_view caller, const wit::Host& host, std::uint8_t self,
                     const wit::Get& get, std::span<const std::uint8_t> functions) {
    calls.push_back(std::string(caller) + std::to_string(linker + host.x + self + get.z + functions.size()));
  }
  wit::Guest instantiate(std::string_view component, std::uint32_t instance, std::uint32_t found,
                         std::uint8_t exports) {
    return {.y = std::string(component) + std::to_string(instance + found + exports)};
  }
  wit::Class register_(std::uint32_t number, const wit::Union& united, const wit::Holds& holds) {
    const std::string text = united.if_variant() != nullptr ? *united.if_variant() : "none";
    return {.new_ = number,
            .delete_ = text,
            .this_ = united.which_() == wit::Union::Case_::variant,
            .int_ = -1,
            .operator_ = holds.if_base() != nullptr ? holds.if_base()->b.a : std::uint8_t{0}};
  }
  std::vector<wit::HostFunctions> get_state(const wit::State& s, const wit::Implementation&) {
    return {{.z = s.z}, {.z = 2}};
  }
  std::tuple<wit::GuestFunctions, wit::Handlers> use_template(wit::Template t, wit::Namespace n) {
    return {{.z = static_cast<std::uint8_t>(t)}, {.h = static_cast<std::uint8_t>(n)}};
  }
  std_::tairitsu_::names::Names std_(std::string_view text, std::uint32_t number) {
    return {{.x = number}, {.x = static_cast<std::uint32_t>(text.size())}};
  }
  OwnedWorld give(OwnedWorld world) { return world; }
  void look(wit::imports::World& world, const std::vector<Borrow<wit::imports::World>>& worlds) {
    calls.push_back("look " + std::to_string(world_look_up_(world) + worlds.size()));
  }

  std::vector<std::string> calls;
};

class NameBindings : public testing::Test {
 protected:
  Imports& world() { return *container_.guest<Imports>(); }
  wit::exports::World make(std::uint32_t get) { return unwrap(world().interface().world("linker", get)); }

  Implementation host_;
  Container container_ =
      unwrap(Container::builder(load("bindgen_names.wasm")).with_bindings<Imports>(host_).build());
};

TEST_F(NameBindings, CallMethodsThatShareNamesWithTheLibrary) {
  auto one = make(10);
  EXPECT_EQ(unwrap(one.drop()), 21U) << "the resource's method, not that of the handle";
  EXPECT_EQ(unwrap(one.handle()), 22U);
  EXPECT_EQ(unwrap(one.core()), "core");
  EXPECT_OK(one.release());
  EXPECT_OK(one.functions());
  EXPECT_OK(one.bind(7));
  EXPECT_EQ(unwrap(world().interface().world_look_up_(one)), 10U);
  EXPECT_THAT(host_.calls, ElementsAre("world linker", "release", "functions", "bind 7"));
  EXPECT_TRUE(one);
  EXPECT_OK(one.GuestResource::drop());
  EXPECT_FALSE(one);
}

TEST_F(NameBindings, CallFunctionsThatShareNamesWithTheLibrary) {
  auto& guest = world().interface();
  EXPECT_OK(guest.world_look_up());
  const std::vector<std::uint8_t> bytes{1, 2, 3};
  EXPECT_OK(guest.add_to_linker(1, "caller", {.x = 1}, 1, {.z = 1}, bytes));
  EXPECT_EQ(unwrap(guest.instantiate("component", 1, 2, 3)).y, "component6");
  EXPECT_EQ(unwrap(guest.register_(5, wit::Union::variant("text"), wit::Holds::base({.b = {.a = 9}}))),
            (wit::Class{.new_ = 5, .delete_ = "text", .this_ = true, .int_ = -1, .operator_ = 9}));
  EXPECT_EQ(unwrap(guest.get_state({.z = 1}, {})), (std::vector<wit::HostFunctions>{{.z = 1}, {.z = 2}}));
  EXPECT_EQ(
      unwrap(guest.use_template(wit::Template::public_ | wit::Template::protected_, wit::Namespace::errno_)),
      std::tuple(wit::GuestFunctions{.z = 5}, wit::Handlers{.h = 8}));
  EXPECT_THAT(host_.calls, ElementsAre("world-look-up", "caller7"));
}

TEST_F(NameBindings, UseResourcesOfAnotherInterface) {
  auto& names = world().names();
  EXPECT_EQ(unwrap(names.std_("four", 9)), (std_::tairitsu_::names::Names{{.x = 9}, {.x = 4}}));
  auto given = unwrap(names.give(make(3)));
  EXPECT_EQ(unwrap(given.drop()), 7U);
  const std::vector<Borrow<const wit::exports::World>> lent{given};
  EXPECT_OK(names.look(given, lent));
  EXPECT_EQ(host_.calls.back(), "look 4");
}

TEST_F(NameBindings, CallRootFunctionsThatShareNamesWithTheWorldsClass) {
  EXPECT_EQ(unwrap(world().instantiate(41)), 42U);
  EXPECT_OK(world().add_to_linker());
}

TEST_F(NameBindings, LinkExplicitlyUnderTheRenamedFunctions) {
  auto container =
      unwrap(Container::builder(load("bindgen_names.wasm"))
                 .with_guest_initializer([this](GuestContext& guest) -> Result<GuestInstance> {
                   const auto get = [this]() -> Implementation& { return host_; };
                   TAIRITSU_RETURN_IF_ERROR(Imports::add_to_linker_<void>(guest.linker, get, get));
                   return Imports::instantiate_(guest.store, guest.component, guest.linker);
                 })
                 .build());
  EXPECT_EQ(unwrap(container.guest<Imports>()->instantiate(1)), 2U);
}

}  // namespace
}  // namespace tairitsu::test

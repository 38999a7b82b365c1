// Worlds with functions, types and resources of their own, with interfaces of one name, and with shared interfaces.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.h"
#include "exporter_too.h"
#include "greeter.h"
#include "renamed.h"
#include "support/support.h"
#include "twofold.h"
#include "versions.h"

namespace tairitsu::test {
namespace {

using testing::ElementsAre;

// ---- Functions, types, resources and inline interfaces of a world

namespace items = ::test::world_items;
using items::greeter::Mood;

class TextFile final : public items::shared::imports::File {
 public:
  explicit TextFile(std::string_view text) : bytes_(text.begin(), text.end()) {}
  Result<std::vector<std::uint8_t>> read() override { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

class Clock final : public items::greeter::Clock {
 public:
  explicit Clock(std::uint64_t time) : time_(time) {}
  Result<std::uint64_t> now() override { return time_; }

 private:
  std::uint64_t time_;
};

/// The world's own functions.
class Root final : public items::greeter::Host {
 public:
  Result<void> log(std::string_view message, Mood mood) override {
    lines.push_back((mood == Mood::good ? "+" : "-") + std::string(message));
    return {};
  }
  Result<std::unique_ptr<items::greeter::File>> open(std::string_view name) override {
    return std::make_unique<TextFile>("contents of " + std::string(name));
  }
  Result<std::unique_ptr<items::greeter::Clock>> clock() override { return std::make_unique<Clock>(1000); }
  Result<std::uint64_t> clock_resolution() override { return 10; }

  std::vector<std::string> lines;
};

class Twice final : public items::greeter::inline_::Host {
 public:
  Result<items::greeter::inline_::Local> twice(const items::greeter::inline_::Local& l) override {
    return items::greeter::inline_::Local{.n = l.n * 2};
  }
};

struct State {
  Root root;
  Twice twice;
};

class WorldItemBindings : public testing::Test {
 protected:
  items::Greeter& world() { return *container_.guest<items::Greeter>(); }
  Root& root() { return container_.host_state<State>()->root; }

  // One for each import, in the order that the class documents.
  Container container_ =
      unwrap(Container::builder(load("bindgen_world_items.wasm"))
                 .with_host_state(State())
                 .with_bindings<items::Greeter, State>(
                     [](State& state) -> items::greeter::inline_::Host& { return state.twice; },
                     [](State& state) -> Root& { return state.root; })
                 .build());
};

TEST_F(WorldItemBindings, CallRootFunctionsInBothDirections) {
  EXPECT_EQ(unwrap(world().greet({.name = "Ada", .at = {.x = -1, .y = 2}})), "Hello, Ada at -1,2!");
  EXPECT_THAT(root().lines, ElementsAre("+Hello, Ada at -1,2!"));
}

TEST_F(WorldItemBindings, PassResourcesDefinedInTheWorld) {
  Clock late(11);
  const std::vector<Mood> moods{Mood::good, Mood::bad};
  auto given = unwrap(world().feelings(moods, late));
  ASSERT_TRUE(given.has_value());
  EXPECT_EQ(unwrap((*given)->now()), 1000U);
  Clock early(10);
  EXPECT_FALSE(unwrap(world().feelings(moods, early)).has_value());
  EXPECT_FALSE(unwrap(world().feelings({}, late)).has_value());
  EXPECT_EQ(container_.resources()->size(), 0U);
}

TEST_F(WorldItemBindings, CallInlineInterfacesInBothDirections) {
  EXPECT_EQ(unwrap(world().outline().thrice({.n = 7})).n, 21U);
}

TEST_F(WorldItemBindings, PassAnImportedResourceThroughAnExport) {
  auto copied = unwrap(world().tools().copy(std::make_unique<TextFile>("name")));
  const auto bytes = unwrap(copied->read());
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), "contents of name");
  EXPECT_EQ(container_.resources()->size(), 0U);
}

TEST_F(WorldItemBindings, AcceptAHostForEachImport) {
  Twice twice;
  Root root;
  // The interface `shared` has only methods, so it needs no host.
  auto container = unwrap(Container::builder(load("bindgen_world_items.wasm"))
                              .with_bindings<items::Greeter>(twice, root)
                              .build());
  EXPECT_EQ(unwrap(container.guest<items::Greeter>()->outline().thrice({.n = 7})).n, 21U);
  ASSERT_OK(container.guest<items::Greeter>()->greet({.name = "Ada", .at = {}}));
  EXPECT_THAT(root.lines, ElementsAre("+Hello, Ada at 0,0!"));
}

TEST_F(WorldItemBindings, AcceptHostFunctionsForEachImport) {
  items::greeter::inline_::HostFunctions twice;
  twice.twice = [](const items::greeter::inline_::Local& l) -> Result<items::greeter::inline_::Local> {
    return items::greeter::inline_::Local{.n = l.n * 2};
  };
  auto container = unwrap(Container::builder(load("bindgen_world_items.wasm"))
                              .with_bindings<items::Greeter>(twice, items::greeter::HostFunctions())
                              .build());
  EXPECT_EQ(unwrap(container.guest<items::Greeter>()->outline().thrice({.n = 7})).n, 21U);
  EXPECT_ERROR(container.guest<items::Greeter>()->greet({}), missing_import);
}

TEST_F(WorldItemBindings, RejectANullResource) {
  EXPECT_ERROR(world().tools().copy(nullptr), invalid_argument);
  EXPECT_EQ(container_.state(), ContainerState::running);
}

TEST(SameNameBindings, KeepAnImportAndAnExportOfOneNameApart) {
  items::twofold::inline_::HostFunctions host;
  host.twice = [](const items::twofold::inline_::Local& l) -> Result<items::twofold::inline_::Local> {
    return items::twofold::inline_::Local{.n = l.n * 2};
  };
  auto container = unwrap(
      Container::builder(load("bindgen_twofold.wat")).with_bindings<items::Twofold>(std::move(host)).build());
  const items::twofold::exports_of::inline_::Local seven{.n = 7};
  EXPECT_EQ(unwrap(container.guest<items::Twofold>()->inline_().thrice(seven)).n, 21U);
}

// ---- Two versions of a package

TEST(VersionBindings, KeepTwoVersionsOfAPackageApart) {
  namespace old_types = ::test::dep_1_0_0::types;
  namespace new_types = ::test::dep_2_0_0_rc_1::types;
  // One object serves all of the world's imports: overloads tell the versions apart.
  struct Host {
    std::uint32_t count(std::span<const old_types::Item>) { return 1; }
    std::uint32_t count(const std::vector<new_types::Item>&) { return 2; }
    new_types::Item convert(const old_types::Item& old) {
      return {.id = old.id, .name = std::string(old.id, 'x')};
    }
  };
  Host host;
  using ::test::versions::Versions;
  auto container =
      unwrap(Container::builder(load("bindgen_versions.wasm")).with_bindings<Versions>(host).build());
  auto& world = *container.guest<Versions>();
  const std::vector<old_types::Item> old_items{{.id = 3}, {.id = 4}};
  EXPECT_EQ(unwrap(world.dep_1_0_0_types().count(old_items)), 7U);
  const std::vector<new_types::Item> new_items{{.id = 3, .name = ""}, {.id = 4, .name = ""}};
  EXPECT_EQ(unwrap(world.dep_2_0_0_rc_1_types().count(new_items)), 7U);
}

// ---- Two worlds that share their exports

/// `World` is Exporter or ExporterToo, which share the classes of their interfaces.
template <typename World>
void use_shared_exports(World& world) {
  using Pair = ::test::share::plain::Pair;
  const Pair flipped = unwrap(world.plain().flip({.a = 1, .b = "text"}));
  EXPECT_EQ(flipped, (Pair{.a = static_cast<std::uint32_t>(-1), .b = "text"}));
  std::vector<::test::share::things::Thing> things;
  for (std::uint32_t i = 0; i < 3; ++i) things.push_back(unwrap(world.things().thing({.a = i, .b = "b"})));
  auto last = unwrap(world.things().pick(std::move(things)));
  EXPECT_EQ(unwrap(last.get()), (Pair{.a = 2, .b = "b"}));
}

TEST(SharedInterfaceBindings, WorkWithEachWorld) {
  auto one = unwrap(
      Container::builder(load("bindgen_exporter_too.wasm")).with_bindings<::test::share::Exporter>().build());
  use_shared_exports(*one.guest<::test::share::Exporter>());
  auto other = unwrap(Container::builder(load("bindgen_exporter_too.wasm"))
                          .with_bindings<::test::share::ExporterToo>()
                          .build());
  use_shared_exports(*other.guest<::test::share::ExporterToo>());
  EXPECT_EQ(unwrap(other.guest<::test::share::ExporterToo>()->name()), "exporter-too");
}

TEST(SharedInterfaceBindings, WorkInTemplatesWithoutImports) {
  const auto made = unwrap(Container::builder(load("bindgen_exporter_too.wasm"))
                               .with_bindings<::test::share::ExporterToo>()
                               .build_template());
  auto container = unwrap(made.instantiate());
  use_shared_exports(*container.guest<::test::share::ExporterToo>());
}

// ---- A resource under several names

namespace renamed = ::test::renamed;

class Number final : public renamed::things::Thing {
 public:
  explicit Number(std::uint32_t number) : number_(number) {}
  Result<std::uint32_t> number() override { return number_; }

 private:
  std::uint32_t number_;
};

/// Implements all imports of the world.
struct Numbers {
  Result<std::unique_ptr<renamed::things::Thing>> thing(std::uint32_t number) {
    return std::make_unique<Number>(number);
  }
  Result<std::uint32_t> sum(const std::vector<Borrow<renamed::things::Same>>& things) {
    std::uint32_t sum = 0;
    for (const auto& thing : things) {
      TAIRITSU_TRY(const std::uint32_t number, thing->number());
      sum += number;
    }
    return sum;
  }
  Result<std::uint32_t> twice(renamed::users::Article& article) {
    TAIRITSU_TRY(const std::uint32_t number, article.number());
    return 2 * number;
  }
  Result<std::unique_ptr<renamed::renamed::Item>> next(std::unique_ptr<renamed::renamed::Item> item) {
    TAIRITSU_TRY(const std::uint32_t number, item->number());
    return std::make_unique<Number>(number + 1);
  }
};

TEST(RenamedResourceBindings, LinkEveryNameOfAResource) {
  Numbers numbers;
  auto container = unwrap(
      Container::builder(load("bindgen_renamed.wasm")).with_bindings<renamed::Renamed>(numbers).build());
  EXPECT_EQ(unwrap(container.guest<renamed::Renamed>()->run(20)), 21U + 40U);
  EXPECT_EQ(container.resources()->size(), 0U);
}

}  // namespace
}  // namespace tairitsu::test

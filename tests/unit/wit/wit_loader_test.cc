// Loading WIT: worlds, interfaces and their types. tests/integration/world_text_test.cc compares them with components
// that were built from the same WIT.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support.h"
#include "tairitsu/wit.h"
#include "worlds.h"

namespace tairitsu {
namespace {

using test::find_interface;
using test::names_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

WitLoader parse(std::string_view text, std::string_view features = {}) {
  auto wit = WitLoader::parse(text, features);
  if (!wit) throw std::runtime_error(wit.error().message());
  return *std::move(wit);
}

World world_of(std::string_view text) {
  auto world = parse(text).world();
  if (!world) throw std::runtime_error(world.error().message());
  return std::move(world->world);
}

/// Returns `name: func(…)` of each, with types by name.
std::vector<std::string> signatures(const std::vector<FunctionItem>& functions) {
  std::vector<std::string> texts;
  for (const FunctionItem& item : functions) texts.push_back(item.name + ": " + item.type.to_string());
  return texts;
}

class WitFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "tairitsu-wit-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  std::filesystem::path write(const std::filesystem::path& name, std::string_view text) {
    const auto path = directory_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path;
  }

 private:
  std::filesystem::path directory_;
};

// ---- Sources of WIT

TEST_F(WitFiles, CanBeLoadedAlone) {
  const auto path = write("shop.wit", R"(
package example:shop@1.2.0;

/// Buys and sells.
/// All day.
world shop {
  /// Says something.
  import log: func(level: u8, message: string);
  export open: func() -> bool;
})");
  const auto wit = WitLoader::load(path);
  ASSERT_TRUE(wit) << wit.error().message();
  EXPECT_EQ(wit->package(), "example:shop@1.2.0");
  ASSERT_EQ(wit->worlds().size(), 1U);
  const WitWorld& shop = wit->worlds()[0];
  EXPECT_EQ(shop.name, "example:shop/shop@1.2.0");
  EXPECT_EQ(shop.docs, "Buys and sells.\nAll day.");
  EXPECT_THAT(signatures(shop.world.imports.functions), ElementsAre("log: func(level: u8, message: string)"));
  EXPECT_THAT(signatures(shop.world.exports.functions), ElementsAre("open: func() -> bool"));
}

TEST_F(WitFiles, CanBeLoadedAsADirectoryWithDependencies) {
  write("project/wit/a.wit", "package a:b;\nworld w { import i; import dep:other/types@2.0.0; }\n");
  write("project/wit/b.wit", "interface i { use dep:other/types@2.0.0.{t}; f: func(t: t); }\n");
  write("project/wit/deps/other/types.wit",
        "package dep:other@2.0.0;\ninterface types { record t { x: u8 } }\nworld v { export types; }\n");
  for (const char* path : {"project", "project/wit"}) {
    const auto wit = WitLoader::load(directory() / path);
    ASSERT_TRUE(wit) << wit.error().message();
    EXPECT_EQ(wit->package(), "a:b");
    EXPECT_THAT(names_of(wit->worlds()), ElementsAre("a:b/w")) << "its own";
    ASSERT_EQ(wit->interfaces().size(), 1U);
    EXPECT_EQ(wit->interfaces()[0].interface.name, "a:b/i");
    EXPECT_THAT(names_of(wit->world()->world.imports.interfaces),
                ElementsAre("dep:other/types@2.0.0", "a:b/i"));
    EXPECT_EQ(wit->world("dep:other/v@2.0.0")->name, "dep:other/v@2.0.0");
    EXPECT_EQ(wit->interface("dep:other/types")->interface.types[0].name, "t");
  }
}

TEST_F(WitFiles, MustExist) {
  const auto missing = WitLoader::load(directory() / "nowhere.wit");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::io);
  EXPECT_THAT(missing.error().message(), HasSubstr("nowhere.wit"));
}

TEST_F(WitFiles, ReportErrorsWithTheirPosition) {
  const auto mistake =
      WitLoader::load(write("a.wit", "package a:b;\nworld w { export f: func(x: strin); }\n"));
  ASSERT_FALSE(mistake);
  EXPECT_EQ(mistake.error().code(), ErrorCode::invalid_argument);
  EXPECT_THAT(mistake.error().message(), HasSubstr("a.wit:2:29"));
  EXPECT_THAT(mistake.error().message(), HasSubstr("^---"));
}

TEST(WitText, ReportsErrorsWithTheirPosition) {
  const auto syntax = WitLoader::parse("package a:b;\nworld w {\n  import x func();\n}");
  ASSERT_FALSE(syntax);
  EXPECT_EQ(syntax.error().code(), ErrorCode::invalid_argument);
  EXPECT_THAT(syntax.error().message(), HasSubstr("wit:3:12"));
  const auto missing = WitLoader::parse("package a:b;\ninterface i { use c:d/e.{f}; }");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::invalid_argument);
  EXPECT_THAT(missing.error().message(), HasSubstr("c:d"));
  const auto bytes = WitLoader::parse("package a:b;\n// \xff");
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code(), ErrorCode::invalid_argument);
  EXPECT_THAT(bytes.error().message(), HasSubstr("UTF-8"));
  EXPECT_FALSE(WitLoader::parse(""));
}

TEST(WitText, MayContainSeveralPackages) {
  const WitLoader wit = parse(R"(
package root:component;
world root { import a:b/c@1.0.0; }
package a:b@1.0.0 { interface c { f: func(); } })");
  EXPECT_EQ(wit.package(), "root:component");
  EXPECT_THAT(names_of(wit.world()->world.imports.interfaces), ElementsAre("a:b/c@1.0.0"));
}

TEST(WitText, EnablesFeatures) {
  constexpr std::string_view kText = R"(
package a:b;
world w {
  import f: func();
  @unstable(feature = fancy)
  import g: func();
  @unstable(feature = other)
  import h: func();
})";
  const auto imports = [&](std::string_view features) {
    return names_of(parse(kText, features).world()->world.imports.functions);
  };
  EXPECT_THAT(imports(""), ElementsAre("f"));
  EXPECT_THAT(imports("fancy"), ElementsAre("f", "g"));
  EXPECT_THAT(imports("other, fancy"), ElementsAre("f", "g", "h"));
  EXPECT_THAT(imports("*"), ElementsAre("f", "g", "h"));
}

// ---- Choosing

constexpr std::string_view kSeveral = R"(
package a:b@1.0.0;
interface i {}
world one { export f: func(); }
world two {}
package c:d@1.0.0 { world one {} world three {} interface j {} }
package c:d@2.0.0 { world one {} })";

TEST(WitWorlds, AreFoundByName) {
  const WitLoader wit = parse(kSeveral);
  EXPECT_THAT(names_of(wit.worlds()), ElementsAre("a:b/one@1.0.0", "a:b/two@1.0.0"));
  EXPECT_EQ(wit.world("one")->name, "a:b/one@1.0.0");
  EXPECT_EQ(wit.world("a:b/one@1.0.0")->name, "a:b/one@1.0.0");
  EXPECT_EQ(wit.world("a:b/two")->name, "a:b/two@1.0.0");
  EXPECT_EQ(wit.world("c:d/three")->name, "c:d/three@1.0.0");
  EXPECT_EQ(wit.world("c:d/one@2.0.0")->name, "c:d/one@2.0.0");
  EXPECT_EQ(wit.interface("i")->interface.name, "a:b/i@1.0.0");
  EXPECT_EQ(wit.interface("c:d/j@1.0.0")->interface.name, "c:d/j@1.0.0");
}

TEST(WitWorlds, AreListedIfTheNameMatchesNoneOrSeveral) {
  const WitLoader wit = parse(kSeveral);
  const auto message = [&](std::string_view name) {
    const auto world = wit.world(name);
    if (world) return "found " + world->name;
    EXPECT_EQ(world.error().code(), ErrorCode::not_found);
    return world.error().message();
  };
  EXPECT_EQ(message(""), "there are several worlds; choose one:\n  one\n  two");
  EXPECT_EQ(message("three"),
            "no world 'three'; available worlds:\n  a:b/one@1.0.0\n  a:b/two@1.0.0\n  c:d/one@1.0.0\n"
            "  c:d/three@1.0.0\n  c:d/one@2.0.0");
  EXPECT_EQ(message("c:d/one"),
            "there are several worlds 'c:d/one'; choose one:\n  c:d/one@1.0.0\n  c:d/one@2.0.0");
  EXPECT_EQ(parse("package a:b;\ninterface i {}").world().error().message(), "the WIT has no world");
  EXPECT_EQ(parse("package a:b;\npackage c:d { world w {} }").world().error().message(),
            "the package defines no world; choose one of its dependencies:\n  c:d/w");
  const auto interface = wit.interface("x");
  ASSERT_FALSE(interface);
  EXPECT_EQ(interface.error().message(),
            "no interface 'x'; available interfaces:\n  a:b/i@1.0.0\n  c:d/j@1.0.0");
}

// ---- Types

TEST(WitTypes, AreOfEveryKind) {
  const WitLoader wit = parse(R"(
package a:b;
/// All of them.
interface types {
  record item { id: u32, %type: string }
  variant query { all, under(f32) }
  enum level { info, warning }
  flags rights { read, write }
  type id = u16;
  type ids = list<id>;
  resource session;
  type owned = own<session>;
  type lent = borrow<session>;
  scalars: func(a: bool, b: s8, c: u8, d: s16, e: id, f: s32, g: u32, h: s64, i: u64, j: f32, k: f64, l: char, m: string);
  named: func(a: item, b: query, c: level, d: rights);
  made: func(a: ids, b: option<item>, c: tuple<u8, item>, d: result, e: result<u8>, f: result<_, string>, g: result<u8, level>);
  handles: func(a: session, b: borrow<session>, c: owned, d: lent, e: list<session>) -> session;
  later: async func(a: future, b: future<u8>, c: stream, d: stream<item>, e: error-context, f: map<string, u8>, g: list<u8, 4>);
})");
  const DocumentedInterface found = *wit.interface("types");
  EXPECT_EQ(found.docs, "All of them.");
  const Interface& types = found.interface;
  EXPECT_THAT(names_of(types.types),
              ElementsAre("item", "query", "level", "rights", "id", "ids", "owned", "lent"));
  EXPECT_THAT(types.resources, ElementsAre("session"));
  EXPECT_EQ(types.types[0].type.definition(), "record { id: u32, type: string }");
  EXPECT_EQ(types.types[1].type.definition(), "variant { all, under(f32) }");
  EXPECT_EQ(types.types[2].type.definition(), "enum { info, warning }");
  EXPECT_EQ(types.types[3].type.definition(), "flags { read, write }");
  EXPECT_EQ(types.types[4].type.kind(), TypeKind::u16);
  EXPECT_EQ(types.types[6].type.kind(), TypeKind::own);
  EXPECT_EQ(types.types[7].type.kind(), TypeKind::borrow);
  EXPECT_THAT(
      signatures(types.functions),
      ElementsAre(
          "scalars: func(a: bool, b: s8, c: u8, d: s16, e: u16, f: s32, g: u32, h: s64, i: u64, j: f32, k: "
          "f64, l: char, m: string)",
          "named: func(a: item, b: query, c: level, d: rights)",
          "made: func(a: list<u16>, b: option<item>, c: tuple<u8, item>, d: result, e: result<u8>, f: "
          "result<_, "
          "string>, g: result<u8, level>)",
          "handles: func(a: session, b: borrow<session>, c: session, d: borrow<session>, e: list<session>) "
          "-> "
          "session",
          "later: async func(a: future, b: future<u8>, c: stream, d: stream<item>, e: error-context, f: "
          "map<string, u8>, g: list<u8, 4>)"));
  EXPECT_EQ(types.functions[3].type.parameters[0].type->interface_name(), "a:b/types");
}

TEST(WitTypes, HaveTheNamesOfTheirScope) {
  const World world = world_of(R"(
package a:b;
interface one { record item { x: u8 } record order { items: list<item> } type thing = item; }
interface two {
  use one.{item as mine, order};
  record twin { x: u8 }
  f: func(a: mine, b: order, c: twin) -> list<mine>;
}
interface three { use two.{mine}; type again = mine; f: func(a: mine, b: again); }
world w { import two; import three; use one.{thing}; export g: func(t: thing); })");
  EXPECT_THAT(names_of(world.imports.interfaces), ElementsAre("a:b/one", "a:b/two", "a:b/three"));
  EXPECT_EQ(find_interface(world.imports, "a:b/one").types[2].type.to_string(), "item");
  const Interface& two = find_interface(world.imports, "a:b/two");
  EXPECT_THAT(names_of(two.types), ElementsAre("mine", "order", "twin"));
  EXPECT_THAT(signatures(two.functions), ElementsAre("f: func(a: mine, b: order, c: twin) -> list<mine>"));
  EXPECT_EQ(two.types[1].type.definition(), "record { items: list<mine> }");
  EXPECT_EQ(two.types[0].type, two.types[2].type) << "names do not matter";
  EXPECT_THAT(signatures(find_interface(world.imports, "a:b/three").functions),
              ElementsAre("f: func(a: mine, b: mine)"));
  EXPECT_THAT(names_of(world.imports.types), ElementsAre("thing"));
  EXPECT_THAT(signatures(world.exports.functions), ElementsAre("g: func(t: thing)"));
}

TEST(WitTypes, AreRejectedIfTheyAreTooLarge) {
  const auto doubled = [](int times) {
    std::string text = "package a:b;\ninterface i {\ntype t0 = u8;\n";
    for (int i = 1; i <= times; ++i) {
      const std::string below = "t" + std::to_string(i - 1);
      text += "type t" + std::to_string(i) + " = tuple<" + below + ", " + below + ">;\n";
    }
    return text + "}";
  };
  const auto interface = parse(doubled(12)).interface("i");
  ASSERT_TRUE(interface);
  EXPECT_EQ(interface->interface.types.size(), 13U);
  for (const int times : {30, 90}) {
    const auto wit = WitLoader::parse(doubled(times));
    ASSERT_FALSE(wit);
    EXPECT_EQ(wit.error().code(), ErrorCode::invalid_argument);
    EXPECT_THAT(wit.error().message(), HasSubstr("too large"));
  }
}

TEST(WitTypes, AreRejectedIfTheyAreTooDeep) {
  const auto nested = [](int depth) {
    std::string text = "package a:b;\ninterface i {\nrecord r0 { x: u8 }\n";
    for (int i = 1; i < depth; ++i) {
      text += "record r" + std::to_string(i) + " { x: r" + std::to_string(i - 1) + " }\n";
    }
    return text + "}";
  };
  EXPECT_TRUE(WitLoader::parse(nested(100)));
  for (const int depth : {300, 20'000}) {
    const auto wit = WitLoader::parse(nested(depth));
    ASSERT_FALSE(wit);
    EXPECT_EQ(wit.error().code(), ErrorCode::invalid_argument);
    EXPECT_THAT(wit.error().message(), HasSubstr("nested more than 200 types deep"));
  }
}

TEST(WitTypes, MayHaveManyNames) {
  // All are names of the second to last type, because names of names nest.
  std::string text = "package a:b;\ninterface i {\nresource t0;\ntype t1 = t0;\n";
  for (int i = 2; i < 5000; ++i) text += "type t" + std::to_string(i) + " = t1;\n";
  const auto interface = parse(text + "f: func(t: t4999); }").interface("i");
  ASSERT_TRUE(interface);
  EXPECT_EQ(interface->interface.resources.size(), 5000U);
  EXPECT_EQ(interface->interface.functions[0].type.parameters[0].type->name(), "t0");
}

// ---- Resources

TEST(WitResources, BelongToTheirOwner) {
  const World world = world_of(R"(
package a:b@1.0.0;
interface shop {
  resource basket {
    constructor(owner: string);
    add: func(id: u32) -> result<_, string>;
    merge: static func(a: basket, b: borrow<basket>) -> basket;
    wait: async func();
  }
}
interface till { use shop.{basket as bag}; pay: func(b: bag); }
interface fallible { resource r { constructor() -> result<r, string>; } }
world w {
  import till;
  import fallible;
  resource clock { now: func() -> u64; }
  use shop.{basket};
  import start: func(c: clock, b: basket);
  export shop;
  export stop: func(c: borrow<clock>);
})");
  const Interface& shop = find_interface(world.exports, "a:b/shop@1.0.0");
  EXPECT_THAT(shop.resources, ElementsAre("basket"));
  EXPECT_THAT(signatures(shop.functions),
              ElementsAre("[constructor]basket: func(owner: string) -> basket",
                          "[method]basket.add: func(self: borrow<basket>, id: u32) -> result<_, string>",
                          "[static]basket.merge: func(a: basket, b: borrow<basket>) -> basket",
                          "[method]basket.wait: async func(self: borrow<basket>)"));
  const Interface& till = find_interface(world.imports, "a:b/till@1.0.0");
  EXPECT_THAT(till.resources, ElementsAre("bag"));
  EXPECT_EQ(till.functions[0].type.parameters[0].type,
            Type::make(TypeKind::own, "basket", {}, "a:b/shop@1.0.0"));
  EXPECT_THAT(signatures(find_interface(world.imports, "a:b/fallible@1.0.0").functions),
              ElementsAre("[constructor]r: func() -> result<r, string>"));
  EXPECT_THAT(world.imports.resources, ElementsAre("basket", "clock"));
  EXPECT_THAT(names_of(world.imports.functions), ElementsAre("start", "[method]clock.now"));
  EXPECT_EQ(world.exports.functions[0].type.parameters[0].type, Type::make(TypeKind::borrow, "clock"));
}

TEST(WitResources, BelongToEachNameOfTheirInterface) {
  const World world = world_of(R"(
package a:b;
interface store { resource r; open: func() -> r; }
world w { import primary: store; import backup: store; import store; })");
  EXPECT_THAT(names_of(world.imports.interfaces), ElementsAre("primary", "backup", "a:b/store"));
  for (const Interface& interface : world.imports.interfaces) {
    EXPECT_EQ(interface.functions[0].type.result, Type::make(TypeKind::own, "r", {}, interface.name));
  }
}

// ---- Worlds

TEST(WitWorlds, MayContainInlineInterfaces) {
  const World world = world_of(R"(
package a:b;
interface shared { resource file; }
world w {
  import console: interface {
    resource screen { clear: func(); }
    use shared.{file};
    print: func(to: borrow<screen>, what: file);
  }
  export console: interface { run: func(); }
})");
  EXPECT_THAT(names_of(world.imports.interfaces), ElementsAre("a:b/shared", "console"));
  const Interface& console = find_interface(world.imports, "console");
  EXPECT_THAT(console.resources, testing::UnorderedElementsAre("screen", "file"));
  const auto& print = *std::ranges::find(console.functions, "print", &FunctionItem::name);
  EXPECT_EQ(print.type.parameters[0].type->interface_name(), "console");
  EXPECT_EQ(print.type.parameters[1].type->interface_name(), "a:b/shared");
  EXPECT_THAT(names_of(find_interface(world.exports, "console").functions), ElementsAre("run"));
}

TEST(WitWorlds, IncludeOthers) {
  const WitLoader wit = parse(R"(
package a:b;
interface i { f: func(); }
world small { import i; import log: func(); export run: func(); }
world large { include small with { log as write } export stop: func(); })");
  const World world = wit.world("large")->world;
  EXPECT_THAT(names_of(world.imports.interfaces), ElementsAre("a:b/i"));
  EXPECT_THAT(names_of(world.imports.functions), ElementsAre("write"));
  EXPECT_THAT(names_of(world.exports.functions), testing::UnorderedElementsAre("run", "stop"));
}

TEST(WitWorlds, ImportWhatTheirInterfacesUse) {
  const WitLoader wit = parse(R"(
package a:b;
interface types { record t { x: u8 } }
interface api { use types.{t}; f: func(t: t); }
world used { export api; }
world whole { export types; export api; })");
  EXPECT_THAT(names_of(wit.world("used")->world.imports.interfaces), ElementsAre("a:b/types"));
  EXPECT_THAT(names_of(wit.world("whole")->world.imports.interfaces), IsEmpty());
  EXPECT_THAT(names_of(wit.world("whole")->world.exports.interfaces), ElementsAre("a:b/types", "a:b/api"));
}

TEST(WitWorlds, OutliveTheLoader) {
  const WitWorld world = *parse(kSeveral).world("one");
  EXPECT_EQ(world.world.exports.functions[0].name, "f");
}

TEST(WitOfWasi, IsBuiltIn) {
  for (const std::string world :
       {"wasi:cli/command@0.2.12", "wasi:http/proxy@0.2.12", "wasi:http/proxy@0.2.3",
        "wasi:cli/command@0.3.0", "wasi:http/service@0.3.0"}) {
    EXPECT_OK(WitLoader::parse("package a:b; world w { include " + world + "; }")) << world;
  }
  EXPECT_FALSE(WitLoader::parse("package a:b; world w { include wasi:nothing/proxy@0.2.12; }").has_value());
}

}  // namespace
}  // namespace tairitsu

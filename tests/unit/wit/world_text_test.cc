// Worlds as WIT text. What WIT can express is read back and compared.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tairitsu/type.h"
#include "tairitsu/wit.h"
#include "type_makers.h"
#include "worlds.h"

namespace tairitsu {
namespace {

using test::find_interface;
using test::find_signature;
using test::function;
using test::kString;
using test::kU32;
using test::kU8;
using test::list;
using test::tuple;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Type record(std::string name, std::vector<TypeField> fields) {
  return Type::make(TypeKind::record, std::move(name), std::move(fields));
}
Type own(std::string interface, std::string name) {
  return Type::make(TypeKind::own, std::move(name), {}, std::move(interface));
}
Type borrow(std::string interface, std::string name) {
  return Type::make(TypeKind::borrow, std::move(name), {}, std::move(interface));
}
FunctionItem function_item(std::string name, std::vector<TypeField> parameters,
                           std::optional<Type> result = {}) {
  return {.name = std::move(name), .type = function(std::move(parameters), std::move(result))};
}

const Type kBytePoint = record("point", {{"x", kU8}, {"y", kU8}});

/// Returns the only world of the text. Fails the test if it does not parse.
World read_back(const std::string& text) {
  const auto wit = WitLoader::parse(text);
  if (!wit) {
    ADD_FAILURE() << wit.error().message() << "\n" << text;
    return {};
  }
  EXPECT_EQ(wit->worlds().size(), 1U);
  return wit->worlds().at(0).world;
}

/// Returns the aliases as `s = a:b/host#r`.
std::string aliases_as_text(const std::vector<ResourceAlias>& aliases) {
  std::string text;
  for (const auto& [name, interface, resource] : aliases) {
    text.append(text.empty() ? "" : ", ").append(name).append(" = ");
    text.append(interface).append("#").append(resource);
  }
  return text;
}

TEST(WorldText, KeepsAllNamesOfAResource) {
  // Includes aliases that no function mentions.
  const World world = read_back(R"(package a:b;
    world w {
      use host.{r as top, r};
      import user;
      type more = top;
      resource base;
      type mine = base;
      import f: func(t: top, u: base);
      export out;
    }
    interface host { resource r { constructor(); } type s = r; pass: func(s: s) -> s; }
    interface user { use host.{s as q}; }
    interface out { resource w; type v = w; type u = v; use host.{r}; g: func(r: r) -> v; })");
  EXPECT_EQ(aliases_as_text(world.imports.aliases),
            "top = a:b/host#r, r = a:b/host#r, more = a:b/host#r, mine = #base");
  EXPECT_EQ(aliases_as_text(find_interface(world.imports, "a:b/host").aliases), "s = a:b/host#r");
  EXPECT_EQ(aliases_as_text(find_interface(world.imports, "a:b/user").aliases), "q = a:b/host#r");
  EXPECT_EQ(aliases_as_text(find_interface(world.exports, "a:b/out").aliases),
            "r = a:b/host#r, v = a:b/out#w, u = a:b/out#w");

  const std::string text = world.to_string();
  EXPECT_THAT(text, HasSubstr("type s = r;"));
  EXPECT_THAT(text, HasSubstr("type mine = base;"));
  EXPECT_THAT(text, HasSubstr("use host.{r as q};"));
  const World again = read_back(text);
  EXPECT_EQ(aliases_as_text(again.imports.aliases), aliases_as_text(world.imports.aliases)) << text;
  for (const char* name : {"a:b/host", "a:b/user"}) {
    const Interface& interface = find_interface(again.imports, name);
    EXPECT_EQ(aliases_as_text(interface.aliases),
              aliases_as_text(find_interface(world.imports, name).aliases))
        << text;
    EXPECT_EQ(interface.resources, find_interface(world.imports, name).resources) << text;
  }
  EXPECT_EQ(aliases_as_text(find_interface(again.exports, "a:b/out").aliases),
            aliases_as_text(find_interface(world.exports, "a:b/out").aliases))
      << text;
  EXPECT_EQ(find_signature(find_interface(again.imports, "a:b/host").functions, "pass").to_string(),
            "func(s: r) -> r");
}

TEST(WorldText, IsWit) {
  const Type item = record("item", {{"id", kU32}, {"tags", list(kString)}});
  const Type choice = Type::make(TypeKind::variant, "choice", {{"all", {}}, {"one", item}});
  const Type level = Type::make(TypeKind::enumeration, "level", {{"info", {}}, {"warning", {}}});
  const Type own_basket = own("example:shop/till", "basket");
  const Type borrow_basket = borrow("example:shop/till", "basket");
  World world;
  world.imports.interfaces = {{.name = "example:log/log@1.2.0",
                               .functions = {function_item("log", {{"level", level}, {"message", kString}})},
                               .types = {{"level", level}},
                               .resources = {}},
                              {.name = "clock",
                               .functions = {function_item("now", {}, Type::make(TypeKind::u64))},
                               .types = {},
                               .resources = {}}};
  world.imports.functions = {function_item("ask", {{"question", kString}}, kString)};
  world.imports.unsupported = {"module \"m\""};
  world.exports.interfaces = {
      {.name = "example:shop/till",
       .functions = {function_item("[constructor]basket", {{"owner", kString}}, own_basket),
                     function_item("[method]basket.add", {{"self", borrow_basket}, {"item", item}}),
                     function_item("[static]basket.merge", {{"a", own_basket}, {"b", own_basket}},
                                   own_basket),
                     function_item("choose", {{"choice", choice}}, item)},
       .types = {{"item", item}, {"id", kU32}, {"thing", item}, {"choice", choice}, {"lent", borrow_basket}},
       .resources = {"basket", "other"}}};
  world.exports.functions = {function_item("run", {})};
  world.exports.functions[0].type.async = true;
  const std::string text = world.to_string();
  EXPECT_EQ(text, R"(package root:component;

world root {
  import example:log/log@1.2.0;

  import clock: interface {
    now: func() -> u64;
  }

  // import module "m", which is not supported

  import ask: func(question: string) -> string;

  export example:shop/till;

  export run: async func();
}

package example:log@1.2.0 {
  interface log {
    enum level {
      info,
      warning,
    }

    log: func(level: level, message: string);
  }
}

package example:shop {
  interface till {
    record item {
      id: u32,
      tags: list<string>,
    }

    type id = u32;
    type thing = item;

    variant choice {
      all,
      one(item),
    }

    type lent = borrow<basket>;

    resource basket {
      constructor(owner: string);
      add: func(item: item);
      merge: static func(a: basket, b: basket) -> basket;
    }

    resource other;

    choose: func(choice: choice) -> item;
  }
}
)");
  const World again = read_back(text);
  const Interface& till = find_interface(again.exports, "example:shop/till");
  EXPECT_EQ(find_signature(till.functions, "[static]basket.merge").result, own_basket);
  EXPECT_EQ(find_signature(till.functions, "choose").result, item);
  EXPECT_TRUE(find_signature(again.exports.functions, "run").async);
}

TEST(WorldText, OfAnEmptyWorldIsValid) {
  EXPECT_EQ(World().to_string(), "package root:component;\n\nworld root {}\n");
  read_back(World().to_string());
}

TEST(WorldText, EscapesKeywordsEverywhere) {
  const Type flags = Type::make(TypeKind::flags, "flags", {{"use", {}}, {"from", {}}});
  const Type thing = own("world:interface/package@1.0.0", "resource");
  World world;
  world.imports.interfaces = {
      {.name = "world:interface/package@1.0.0",
       .functions = {function_item("[static]resource.static", {{"type", flags}}),
                     function_item("func", {{"async", record("record", {{"list", flags}})}})},
       .types = {{"flags", flags}, {"record", record("record", {{"list", flags}})}},
       .resources = {"resource"}},
      {.name = "import",
       .functions = {function_item("enum", {{"own", thing}})},
       .types = {},
       .resources = {"resource"}}};
  const World again = read_back(world.to_string());
  EXPECT_EQ(find_signature(find_interface(again.imports, "import").functions, "enum").parameters[0].type,
            thing);
  EXPECT_EQ(find_signature(find_interface(again.imports, "world:interface/package@1.0.0").functions, "func")
                .parameters[0]
                .type,
            record("", {{"list", flags}}));
}

// ---- Uses

TEST(WorldText, UsesATypeOfTheSameName) {
  World world;
  world.imports.interfaces = {
      {.name = "a:b/one", .functions = {}, .types = {{"point", kBytePoint}}, .resources = {}},
      {.name = "a:b/two",
       .functions = {function_item("f", {{"p", kBytePoint}})},
       .types = {{"point", kBytePoint}},
       .resources = {}},
      {.name = "a:c/three@2.0.0",
       .functions = {function_item("f", {{"p", list(kBytePoint)}})},
       .types = {{"point", kBytePoint}},
       .resources = {}}};
  world.exports.functions = {function_item("g", {{"p", kBytePoint}})};
  const std::string text = world.to_string();
  EXPECT_THAT(text, HasSubstr("  interface two {\n    use one.{point};\n"));
  EXPECT_THAT(text, HasSubstr("  interface three {\n    use a:b/one.{point};\n"));
  EXPECT_THAT(text, HasSubstr("  use a:b/one.{point};\n\n  export g: func(p: point);\n"));
  read_back(text);
}

TEST(WorldText, DefinesATypeWithAnotherNameAgain) {
  const Type mine = record("mine", {{"x", kU8}, {"y", kU8}});
  World world;
  world.imports.interfaces = {
      {.name = "a:b/one", .functions = {}, .types = {{"point", kBytePoint}}, .resources = {}},
      {.name = "a:b/two",
       .functions = {function_item("f", {{"p", mine}})},
       .types = {{"mine", mine}},
       .resources = {}}};
  const std::string text = world.to_string();
  EXPECT_THAT(text, HasSubstr("record mine {"));
  EXPECT_THAT(text, Not(HasSubstr("use ")));
}

TEST(WorldText, UsesATypeUnderAnotherNameIfItCannotBeDefinedThere) {
  const Type line = record("line", {{"from", kBytePoint}, {"to", kBytePoint}});
  const Type stroke = record("stroke", {{"from", kBytePoint}, {"to", kBytePoint}});
  World world;
  world.imports.interfaces = {
      {.name = "a:b/one", .functions = {}, .types = {{"point", kBytePoint}, {"line", line}}, .resources = {}},
      {.name = "a:b/two",
       .functions = {function_item("f", {{"s", stroke}})},
       .types = {{"stroke", stroke}},
       .resources = {}}};
  EXPECT_THAT(world.to_string(), HasSubstr("use one.{line as stroke};"));
  EXPECT_EQ(find_interface(read_back(world.to_string()).imports, "a:b/two").types.size(), 1U);
}

TEST(WorldText, UsesAResourceFromItsOwner) {
  const Type ticket = own("a:b/host@1.0.0", "ticket");
  World world;
  world.imports.interfaces = {
      {.name = "a:b/host@1.0.0", .functions = {}, .types = {}, .resources = {"ticket"}},
      {.name = "a:b/same@1.0.0",
       .functions = {function_item("f", {{"t", ticket}})},
       .types = {},
       .resources = {"ticket"}},
      {.name = "a:b/renamed@1.0.0",
       .functions = {function_item("f", {{"t", list(ticket)}})},
       .types = {},
       .resources = {"coin"}},
      {.name = "a:b/unnamed@1.0.0",
       .functions = {function_item("ticket", {{"t", borrow("a:b/host@1.0.0", "ticket")}})},
       .types = {},
       .resources = {}},
      {.name = "a:b/another@1.0.0",
       .functions = {function_item("f", {{"t", own("a:b/another@1.0.0", "ticket")}})},
       .types = {},
       .resources = {"ticket"}}};
  const std::string text = world.to_string();
  EXPECT_THAT(text, HasSubstr("interface same {\n    use host.{ticket};"));
  EXPECT_THAT(text, HasSubstr("interface renamed {\n    use host.{ticket as coin};"));
  EXPECT_THAT(text, HasSubstr("interface unnamed {\n    use host.{ticket as ticket2};"));
  EXPECT_THAT(text, HasSubstr("interface another {\n    resource ticket;")) << text;
  const World again = read_back(text);
  for (const Interface& interface : world.imports.interfaces) {
    for (const FunctionItem& item : interface.functions) {
      EXPECT_EQ(find_signature(find_interface(again.imports, interface.name).functions, item.name)
                    .parameters[0]
                    .type,
                item.type.parameters[0].type)
          << interface.name;
    }
  }
}

// An optional use must not prevent a required one, in whichever order they come.
TEST(WorldText, UsesResourcesBeforeEqualTypes) {
  World world;
  world.imports.interfaces = {
      {.name = "p:p/one", .functions = {}, .types = {{"point", kBytePoint}}, .resources = {}},
      {.name = "q:q/one", .functions = {}, .types = {{"point", kBytePoint}}, .resources = {"r"}},
      {.name = "p:p/two",
       .functions = {function_item("f", {{"r", own("q:q/one", "r")}})},
       .types = {},
       .resources = {"r"}}};
  const std::string text = world.to_string();
  EXPECT_THAT(text, HasSubstr("use q:q/one.{r};"));
  EXPECT_THAT(text, Not(HasSubstr("use p:p/one.{point};"))) << "packages would use each other";
  EXPECT_EQ(
      find_signature(find_interface(read_back(text).imports, "p:p/two").functions, "f").parameters[0].type,
      own("q:q/one", "r"));
}

TEST(WorldText, DoesNotMixImportsWithExports) {
  const Type other = record("other", {{"a", kString}});
  const Interface shared{
      .name = "a:b/shared", .functions = {}, .types = {{"point", kBytePoint}}, .resources = {}};
  World world;
  world.imports.interfaces = {shared,
                              {.name = "a:b/middle",
                               .functions = {},
                               .types = {{"point", kBytePoint}, {"other", other}},
                               .resources = {}}};
  world.exports.interfaces = {shared,
                              {.name = "a:b/last",
                               .functions = {function_item("f", {{"p", kBytePoint}, {"o", other}})},
                               .types = {{"point", kBytePoint}, {"other", other}},
                               .resources = {}}};
  const World again = read_back(world.to_string());
  EXPECT_EQ(again.imports.interfaces.size(), 2U);
  EXPECT_EQ(again.exports.interfaces.size(), 2U);
  EXPECT_EQ(find_signature(find_interface(again.exports, "a:b/last").functions, "f").parameters[1].type,
            other);
}

TEST(WorldText, CommentsOnAResourceThatCannotBeUsed) {
  World world;
  world.imports.functions = {function_item("f", {{"r", own("a:b/guest", "r")}, {"s", own("", "")}})};
  world.exports.interfaces = {{.name = "a:b/guest", .functions = {}, .types = {}, .resources = {"r"}}};
  const std::string text = world.to_string();
  EXPECT_THAT(text,
              HasSubstr("// Belongs to another interface, but WIT cannot use it from there.\n  resource r;"));
  EXPECT_THAT(text, HasSubstr("import f: func(r: r, s: unnamed);"));
  EXPECT_EQ(read_back(text).exports.interfaces.size(), 1U);
}

// ---- Both sides

TEST(WorldText, WritesAnInterfaceOfBothSidesOnce) {
  const Interface interface{.name = "a:b/c",
                            .functions = {function_item("f", {{"p", kBytePoint}})},
                            .types = {{"point", kBytePoint}},
                            .resources = {}};
  World world;
  world.imports.interfaces = {interface};
  world.exports.interfaces = {interface};
  EXPECT_EQ(world.to_string(), R"(package root:component;

world root {
  import a:b/c;

  export a:b/c;
}

package a:b {
  interface c {
    record point {
      x: u8,
      y: u8,
    }

    f: func(p: point);
  }
}
)");
}

TEST(WorldText, CommentsOnDifferencesBetweenBothSides) {
  World world;
  world.imports.interfaces = {
      {.name = "a:b/c",
       .functions = {function_item("f", {}), function_item("g", {{"a", kU8}}), function_item("i", {})},
       .types = {{"t", kU8}},
       .resources = {}}};
  world.exports.interfaces = {
      {.name = "a:b/c",
       .functions = {function_item("f", {}), function_item("g", {{"a", kU32}}), function_item("h", {})},
       .types = {{"t", kString}, {"u", kBytePoint}},
       .resources = {}}};
  const std::string text = world.to_string();
  EXPECT_THAT(text, HasSubstr(R"(  // Only exported: u, h.
  // Only imported: i.
  // Exported with another type: t, g.
  interface c {)"));
  const World again = read_back(text);
  EXPECT_EQ(find_interface(again.exports, "a:b/c").functions.size(), 4U);
}

TEST(WorldText, KeepsInterfacesWithPlainNamesSeparate) {
  World world;
  world.imports.interfaces = {
      {.name = "run", .functions = {function_item("f", {})}, .types = {}, .resources = {"r"}}};
  world.exports.interfaces = {
      {.name = "run", .functions = {function_item("g", {})}, .types = {}, .resources = {}}};
  const World again = read_back(world.to_string());
  EXPECT_EQ(find_interface(again.imports, "run").functions[0].name, "f");
  EXPECT_EQ(find_interface(again.imports, "run").resources, std::vector<std::string>{"r"});
  EXPECT_EQ(find_interface(again.exports, "run").functions[0].name, "g");
}

// ---- What a component leaves out, and what WIT cannot express

TEST(WorldText, InventsNamesForUnnamedTypes) {
  const Type nameless = record("", {{"x", kU8}});
  const Type flags = Type::make(TypeKind::flags, {}, {{"a", {}}});
  World world;
  world.imports.functions = {
      function_item("unnamed", {}),
      function_item("f", {{"a", nameless}, {"b", list(record("", {{"x", kU8}}))}, {"c", flags}})};
  const std::string text = world.to_string();
  EXPECT_THAT(text, HasSubstr("// The component has no name for this type.\n  record unnamed2 {"));
  EXPECT_THAT(text, HasSubstr("import f: func(a: unnamed2, b: list<unnamed2>, c: unnamed3);"));
  EXPECT_EQ(find_signature(read_back(text).imports.functions, "f").parameters[1].type, list(nameless));
}

TEST(WorldText, FindsNamesInOtherScopes) {
  // Like a component that exports no name for the type in the scope that uses it.
  World world;
  world.exports.interfaces = {
      {.name = "a:b/one", .functions = {}, .types = {{"point", kBytePoint}}, .resources = {}},
      {.name = "a:b/two",
       .functions = {function_item("point", {}), function_item("f", {{"p", kBytePoint}})},
       .types = {},
       .resources = {}}};
  world.exports.functions = {function_item("g", {{"p", kBytePoint}})};
  const std::string text = world.to_string();
  EXPECT_THAT(text, HasSubstr("use one.{point as point2};"));
  EXPECT_THAT(text, HasSubstr("// The component has no name for this type here.\n  record point {"))
      << "a world can only use imports";
  EXPECT_EQ(find_signature(read_back(text).exports.functions, "g").parameters[0].type, kBytePoint);
}

TEST(WorldText, KeepsTheExportsOfTheRoot) {
  const Type thing = own("", "thing");
  World world;
  world.exports = {.interfaces = {},
                   .functions = {function_item("[constructor]thing", {}, thing),
                                 function_item("f", {{"p", kBytePoint}}, thing)},
                   .types = {{"point", kBytePoint}},
                   .resources = {"thing"},
                   .unsupported = {}};
  const std::string text = world.to_string();
  EXPECT_THAT(text, HasSubstr("// The component exports this, which WIT cannot express.\n  record point {"));
  EXPECT_THAT(text, HasSubstr("// The component exports this, which WIT cannot express.\n  resource thing {\n"
                              "    constructor();\n  }"));
  EXPECT_EQ(find_signature(read_back(text).exports.functions, "f").result, thing);
}

TEST(WorldText, CommentsOnWhatWitCannotExpress) {
  World world;
  world.imports.interfaces = {
      {.name = "url=<https://a.b/c>", .functions = {}, .types = {}, .resources = {}},
      {.name = "a:b/c@1",
       .functions = {function_item("[method]missing.f", {}), function_item("bad\nname", {}),
                     function_item("f", {{"", kU8}}), function_item("[constructor]r", {}, kU8),
                     function_item("[method]r.f", {}),
                     function_item("[static]r.s", {{"r", own("a:b/c@1", "r")}})},
       .types = {{"not a name", kU8}},
       .resources = {"r", "no name"}}};
  world.imports.unsupported = {"instance \"in\x01ner\xff\"\nin \"a:b/c\""};
  const std::string text = world.to_string();
  EXPECT_THAT(text, HasSubstr("// import url=<https://a.b/c>, an interface that WIT cannot name\n"));
  EXPECT_THAT(text, HasSubstr("// import instance \"in?ner?\"?in \"a:b/c\", which is not supported\n"));
  EXPECT_THAT(text, HasSubstr("// In the component: a:b/c@1.\n  interface c {"));
  EXPECT_THAT(text, HasSubstr("// [method]missing.f: func(), which WIT cannot express\n"));
  EXPECT_THAT(text, HasSubstr("// bad?name: func(), which WIT cannot express\n"));
  EXPECT_THAT(text, HasSubstr("// type not a name, which WIT cannot express\n"));
  const World again = read_back(text);
  ASSERT_EQ(again.imports.interfaces.size(), 1U);
  EXPECT_EQ(again.imports.interfaces[0].name, "a:b/c@1.0.0");
  ASSERT_EQ(again.imports.interfaces[0].functions.size(), 1U);
  EXPECT_EQ(again.imports.interfaces[0].functions[0].name, "[static]r.s");
}

TEST(WorldText, AvoidsThePackagesOfTheComponent) {
  World world;
  world.imports.interfaces = {{.name = "root:component/root", .functions = {}, .types = {}, .resources = {}}};
  const std::string text = world.to_string();
  EXPECT_THAT(text, testing::StartsWith("package root:component-too;\n"));
  EXPECT_EQ(read_back(text).imports.interfaces[0].name, "root:component/root");
}

TEST(WorldText, ReadsBackEveryKindOfType) {
  const auto with = [](TypeKind kind, std::vector<TypeField> fields = {}) {
    return Type::make(kind, {}, std::move(fields));
  };
  std::vector<TypeField> parameters;
  const auto add = [&](const Type& type) {
    parameters.push_back({"p" + std::to_string(parameters.size()), type});
  };
  for (auto kind = TypeKind::boolean; kind <= TypeKind::string;
       kind = static_cast<TypeKind>(static_cast<int>(kind) + 1)) {
    add(with(kind));
  }
  add(with(TypeKind::error_context));
  add(list(kU8));
  add(with(TypeKind::option, {{"", kString}}));
  add(tuple({kU8, kString}));
  add(with(TypeKind::result));
  add(with(TypeKind::result, {{"", kU8}}));
  add(with(TypeKind::result, {{"", {}}, {"", kString}}));
  add(with(TypeKind::result, {{"", kU8}, {"", kString}}));
  add(with(TypeKind::future));
  add(with(TypeKind::future, {{"", kU8}}));
  add(with(TypeKind::stream));
  add(with(TypeKind::stream, {{"", list(kString)}}));
  add(with(TypeKind::map, {{"", kString}, {"", kU8}}));
  add(Type::make(TypeKind::fixed_length_list, {}, {{"", kU8}}, {}, 4));
  World world;
  world.imports.functions = {function_item("f", parameters)};
  const World again = read_back(world.to_string());
  const FunctionType& read = find_signature(again.imports.functions, "f");
  ASSERT_EQ(read.parameters.size(), parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_EQ(read.parameters[i].name, parameters[i].name);
    EXPECT_EQ(read.parameters[i].type, parameters[i].type) << parameters[i].type->to_string();
  }
}

// ---- Hostile worlds

TEST(WorldText, StaysSmallForTypesThatNestManyTimes) {
  Type type = kU8;
  for (int i = 0; i < 60; ++i) type = tuple({type, type});
  World world;
  world.imports.functions = {function_item("f", {{"a", type}}), function_item("g", {{"a", list(type)}})};
  world.imports.interfaces = {{.name = "a:b/c",
                               .functions = {function_item("f", {{"a", type}})},
                               .types = {{"t", type}},
                               .resources = {}}};
  const auto start = std::chrono::steady_clock::now();
  const std::string text = world.to_string();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_LT(text.size(), 200'000U);
  // Expanding it would take too much.
  const auto wit = WitLoader::parse(text);
  ASSERT_FALSE(wit);
  EXPECT_THAT(wit.error().message(), HasSubstr("too large"));
}

TEST(WorldText, IsTruncatedIfItIsTooLong) {
  const Type named = record(std::string(100'000, 'a'), {{"x", kU8}});
  std::vector<TypeField> parameters;
  for (int i = 0; i < 1000; ++i) parameters.push_back({"p" + std::to_string(i), named});
  World world;
  for (int i = 0; i < 1000; ++i) {
    world.imports.functions.push_back(function_item("f" + std::to_string(i), parameters));
  }
  const std::string text = world.to_string();
  EXPECT_LT(text.size(), std::size_t{20} << 20);
  EXPECT_THAT(text.substr(text.size() - 100), HasSubstr("// ... truncated"));
}

TEST(WorldText, PrintsManyInterfacesQuickly) {
  World world;
  std::string last;
  for (int i = 0; i < 3000; ++i) {
    const std::string number = std::to_string(i);
    // Each uses earlier ones, if WIT permits it.
    Interface interface{
        .name = "p" + number + ":p/i", .functions = {}, .types = {}, .resources = {"r" + number}};
    for (const int other : {0, i / 2, i - 1, i}) {
      const std::string name = std::to_string(std::max(other, 0));
      interface.functions.push_back(function_item("f" + std::to_string(interface.functions.size()),
                                                  {{"r", own("p" + name + ":p/i", "r" + name)}}));
    }
    (i % 2 == 0 ? world.imports : world.exports).interfaces.push_back(std::move(interface));
  }
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(world.to_string().empty());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

}  // namespace
}  // namespace tairitsu

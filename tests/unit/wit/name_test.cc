#include "wit/name.h"

#include <gtest/gtest.h>

namespace tairitsu::detail {
namespace {

WorldItems shop() {
  const auto functions = [](std::initializer_list<const char*> names) {
    std::vector<FunctionItem> items;
    for (const char* name : names) items.push_back({name, {}});
    return items;
  };
  WorldItems items;
  items.functions = functions({"greet", "count"});
  items.interfaces = {
      {"example:shop/catalogue@1.2.3", functions({"find", "count", "list-items"}), {}, {}},
      {"example:shop/till@0.2.1",
       functions({"[constructor]basket", "[method]basket.add", "[static]basket.merge", "find"}),
       {},
       {"basket"}},
      {"example:shop/till@0.2.4", functions({"total"}), {}, {}},
      {"other:shop/catalogue", functions({"weigh"}), {}, {}},
      {"plain", functions({"ping"}), {}, {}}};
  return items;
}

/// Returns the full name of the function that was found, or the error's code.
std::string find(std::string_view name) {
  const WorldItems items = shop();
  const auto found = find_function(items, name);
  return found ? found->full_name() : std::string(to_string(found.error().code()));
}

std::string message(const WorldItems& items, std::string_view name) {
  const auto found = find_function(items, name);
  return found ? "found" : found.error().message();
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(FunctionName, FindsFullNames) {
  EXPECT_EQ(find("greet"), "greet");
  EXPECT_EQ(find("example:shop/catalogue@1.2.3#find"), "example:shop/catalogue@1.2.3#find");
  EXPECT_EQ(find("other:shop/catalogue#weigh"), "other:shop/catalogue#weigh");
  EXPECT_EQ(find("plain#ping"), "plain#ping");
}

TEST(FunctionName, FindsShortForms) {
  EXPECT_EQ(find("plain.ping"), "plain#ping");
  EXPECT_EQ(find("catalogue.find"), "example:shop/catalogue@1.2.3#find");
  EXPECT_EQ(find("catalogue#find"), "example:shop/catalogue@1.2.3#find");
  EXPECT_EQ(find("catalogue@1.2.0#find"), "example:shop/catalogue@1.2.3#find");
  EXPECT_EQ(find("list-items"), "example:shop/catalogue@1.2.3#list-items");
}

TEST(FunctionName, FindsFunctionsOfResources) {
  const std::string add = "example:shop/till@0.2.1#[method]basket.add";
  EXPECT_EQ(find(add), add);
  EXPECT_EQ(find("till#[method]basket.add"), add);
  EXPECT_EQ(find("till.[method]basket.add"), add);
  EXPECT_EQ(find("[method]basket.add"), add);
  EXPECT_EQ(find("[constructor]basket"), "example:shop/till@0.2.1#[constructor]basket");
}

TEST(FunctionName, FindsFunctionsOfResourcesWithoutTheirBrackets) {
  const std::string till = "example:shop/till@0.2.1#";
  for (const std::string prefix : {"", "till.", "till#", "till@0.2.1#", "example:shop/till#"}) {
    EXPECT_EQ(find(prefix + "basket"), till + "[constructor]basket");
    EXPECT_EQ(find(prefix + "basket.add"), till + "[method]basket.add");
    EXPECT_EQ(find(prefix + "basket.merge"), till + "[static]basket.merge");
  }
  EXPECT_EQ(find("basket.total"), "not_found");
  EXPECT_EQ(find("catalogue.basket"), "not_found");
  EXPECT_EQ(find("basket#add"), "not_found") << "this is an interface";
}

TEST(FunctionName, PrefersAnExactNameToOneWithoutItsBracket) {
  WorldItems items = shop();
  items.interfaces.push_back({"a:b/basket", {{"add", {}}}, {}, {}});
  items.interfaces.push_back({"a:b/other", {{"[static]bag.add", {}}, {"basket", {}}}, {}, {}});
  items.functions.push_back({"[constructor]bag", {}});
  const auto name = [&](std::string_view wanted) {
    const auto found = find_function(items, wanted);
    return found ? found->full_name() : std::string(to_string(found.error().code()));
  };
  EXPECT_EQ(name("basket.add"), "a:b/basket#add");
  EXPECT_EQ(name("till.basket.add"), "example:shop/till@0.2.1#[method]basket.add");
  EXPECT_EQ(name("basket"), "a:b/other#basket");
  EXPECT_EQ(name("till.basket"), "example:shop/till@0.2.1#[constructor]basket");
  EXPECT_EQ(name("bag"), "[constructor]bag") << "at the world's root";
  items.interfaces.push_back({"a:b/more", {{"[method]bag.add", {}}}, {}, {}});
  EXPECT_EQ(name("bag.add"), "ambiguous_name");
}

TEST(FunctionName, PrefersTheWorldsRoot) { EXPECT_EQ(find("count"), "count"); }

TEST(FunctionName, FindsACompatibleVersion) {
  EXPECT_EQ(find("example:shop/catalogue@1.0.0#find"), "example:shop/catalogue@1.2.3#find");
  EXPECT_EQ(find("example:shop/catalogue@1.9.0#find"), "example:shop/catalogue@1.2.3#find");
  EXPECT_EQ(find("example:shop/catalogue@2.0.0#find"), "not_found");
  EXPECT_EQ(find("example:shop/till@0.2.0#total"), "example:shop/till@0.2.4#total");
  EXPECT_EQ(find("example:shop/till@0.2.1#total"), "not_found") << "an exact version is that one";
  EXPECT_EQ(find("example:shop/till@0.3.0#total"), "not_found");
}

TEST(FunctionName, NeedsNoVersionIfOneFunctionMatches) {
  EXPECT_EQ(find("example:shop/catalogue#find"), "example:shop/catalogue@1.2.3#find");
  EXPECT_EQ(find("example:shop/till#total"), "example:shop/till@0.2.4#total");
}

TEST(FunctionName, ListsTheCandidatesOfAnAmbiguousName) {
  const WorldItems items = shop();
  const auto found = find_function(items, "find");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), ErrorCode::ambiguous_name);
  EXPECT_EQ(found.error().message(),
            "ambiguous name 'find': 'example:shop/catalogue@1.2.3#find', 'example:shop/till@0.2.1#find'; use "
            "the full name");
}

TEST(FunctionName, SuggestsTheNearestNames) {
  const WorldItems items = shop();
  EXPECT_TRUE(contains(message(items, "gret"), "did you mean 'greet'?"));
  EXPECT_TRUE(
      contains(message(items, "list_items"), "did you mean 'example:shop/catalogue@1.2.3#list-items'?"));
  EXPECT_TRUE(contains(message(items, "basket.ad"), "'example:shop/till@0.2.1#[method]basket.add'"));
  EXPECT_TRUE(contains(message(items, "catalogue.fnd"), "'example:shop/catalogue@1.2.3#find'"));
  EXPECT_FALSE(contains(message(items, "something-else-entirely"), "did you mean"));
}

TEST(FunctionName, SuggestsAtMostFiveNames) {
  WorldItems items;
  for (const char* name :
       {"name-a", "name-b", "name-c", "name-d", "name-e", "name-f", "name-g", "name-h", "name-i"}) {
    items.functions.push_back({name, {}});
  }
  const std::string text = message(items, "name-x");
  EXPECT_EQ(text, "no function 'name-x'; did you mean 'name-a', 'name-b', 'name-c', 'name-d', 'name-e'?");
}

TEST(FunctionName, ListsAllFunctionsIfThereAreFew) {
  WorldItems items;
  EXPECT_EQ(message(items, "greet"), "no function 'greet'; there are no functions");
  items.functions = {{"add", {}}, {"multiply", {}}};
  EXPECT_EQ(message(items, "greet"), "no function 'greet'; available functions: 'add', 'multiply'");
  EXPECT_EQ(message(items, "ad"),
            "no function 'ad'; did you mean 'add'? Available functions: 'add', 'multiply'");
}

TEST(FunctionName, ListsTheVersionsOfAnInterface) {
  EXPECT_TRUE(contains(message(shop(), "example:shop/catalogue@2.0.0#find"),
                       "no interface 'example:shop/catalogue@2.0.0' (only 'example:shop/catalogue@1.2.3')"));
}

TEST(FunctionName, SurvivesLongAndOddNames) {
  const WorldItems items = shop();
  for (const std::string& name :
       {std::string(100'000, 'a'), std::string(300, '.'), std::string(1, '\0'), std::string("\xff\xfe"),
        std::string("[method]"), std::string("]["), std::string("@#"), std::string("/@x")}) {
    EXPECT_FALSE(find_function(items, name));
  }
}

TEST(FunctionName, RejectsInvalidNames) {
  for (const char* name : {"", "#", "a#", "#a", ".a", "a.", "a#b#c", "example:shop/catalogue@1.2.3.find",
                           "example:shop/catalogue", "example:shop/catalogue.find"}) {
    EXPECT_EQ(find(name), "invalid_argument") << name;
  }
}

TEST(FunctionName, IsSplitIntoInterfaceAndFunction) {
  const auto method = split_name("a:b/c@1.2.3#[method]r.m");
  ASSERT_TRUE(method);
  EXPECT_EQ(method->interface, "a:b/c@1.2.3");
  EXPECT_EQ(method->function, "[method]r.m");
  EXPECT_EQ(split_name("c.f")->interface, "c");
  EXPECT_EQ(split_name("[method]r.m")->interface, "");
}

TEST(InterfaceName, IsSplitIntoItsParts) {
  const InterfaceName full = parse_interface_name("ns:pkg/iface@1.2.3-rc.1+build");
  EXPECT_EQ(full.package, "ns:pkg");
  EXPECT_EQ(full.label, "iface");
  EXPECT_EQ(full.version, "1.2.3-rc.1+build");
  EXPECT_EQ(parse_interface_name("iface").label, "iface");
  EXPECT_EQ(parse_interface_name("").label, "");
}

std::string resolve(std::string_view wanted, std::vector<std::string> available) {
  const auto index = resolve_interface(wanted, available);
  return index ? available[*index] : "none";
}

TEST(InterfaceName, FindsTheFirstPreferredInterface) {
  WorldItems items;
  for (const char* name : {"wasi:cli/run@0.2.0", "wasi:cli/run@0.3.0", "wasi:cli/run@0.2.6"}) {
    items.interfaces.emplace_back().name = name;
  }
  const auto first = [&](std::initializer_list<std::string_view> names) -> std::string {
    const Interface* found = find_first_interface(items, names);
    return found != nullptr ? found->name : "none";
  };
  EXPECT_EQ(first({"wasi:cli/run@0.3", "wasi:cli/run@0.2"}), "wasi:cli/run@0.3.0");
  EXPECT_EQ(first({"wasi:cli/run@0.4", "wasi:cli/run@0.2"}), "wasi:cli/run@0.2.6");
  EXPECT_EQ(first({"wasi:cli/run@0.4", "wasi:http/handler@0.3"}), "none");
}

// The cases of Wasmtime's unit tests for NameMap.
TEST(InterfaceName, ResolvesVersionsAsWasmtimeDoes) {
  const std::vector<std::string> two = {"a:b/c@1.0.0", "a:b/c@1.0.1"};
  EXPECT_EQ(resolve("a:b/c@1.0.0", two), "a:b/c@1.0.0");
  EXPECT_EQ(resolve("a:b/c@1.0.2", two), "a:b/c@1.0.1");
  EXPECT_EQ(resolve("a:b/c@1.1.0", two), "a:b/c@1.0.1");
  EXPECT_EQ(resolve("a:b/c@1.1.0", {"a:b/c@1.10.0", "a:b/c@1.9.0"}), "a:b/c@1.10.0");
  EXPECT_EQ(resolve("a:b/c@2.0.0", two), "none");
  EXPECT_EQ(resolve("a:b/c@0.2.0", {"a:b/c@0.2.3+abc"}), "a:b/c@0.2.3+abc");
  EXPECT_EQ(resolve("a:b/c@0.2.0", {"a:b/c@0.3.0"}), "none");
  EXPECT_EQ(resolve("a:b/c@0.0.1", {"a:b/c@0.0.2"}), "none");
  EXPECT_EQ(resolve("a:b/c@0.0.1", {"a:b/c@0.0.1"}), "a:b/c@0.0.1");
  EXPECT_EQ(resolve("a:b/c@1.0.0", {"a:b/c@1.0.1-rc.1"}), "none");
  EXPECT_EQ(resolve("a:b/c@1.0.0-rc.1", {"a:b/c@1.0.0"}), "none");
  EXPECT_EQ(resolve("a:b/c@1.0.0", {"a:b/d@1.0.0", "a:x/c@1.0.0"}), "none");
}

TEST(InterfaceName, ResolvesTracksAndMissingVersions) {
  EXPECT_EQ(resolve("a:b/c@1", {"a:b/c@1.2.3"}), "a:b/c@1.2.3");
  EXPECT_EQ(resolve("a:b/c@0.2", {"a:b/c@0.2.3", "a:b/c@0.1.0"}), "a:b/c@0.2.3");
  EXPECT_EQ(resolve("a:b/c@0.2.6", {"a:b/c@0.2"}), "a:b/c@0.2");
  EXPECT_EQ(resolve("a:b/c", {"a:b/c@1.2.3"}), "a:b/c@1.2.3");
  EXPECT_EQ(resolve("a:b/c", {"a:b/c@1.2.3", "a:b/c@2.0.0"}), "none");
  EXPECT_EQ(resolve("a:b/c", {"a:b/c@1.2.3", "a:b/c"}), "a:b/c");
  EXPECT_EQ(resolve("a:b/c@1.2.3", {"a:b/c"}), "none");
  EXPECT_EQ(resolve("c", {"a:b/c"}), "none");
}

TEST(InterfaceName, ComparesInvalidVersionsLiterally) {
  for (const char* version :
       {"1.02.0", "1.2", "x", "1.2.3.4", "1.0.0+", "99999999999999999999.0.0", "0", "0.0", ""}) {
    const std::string name = std::string("a:b/c@") + version;
    EXPECT_EQ(resolve(name, {name}), name);
    if (*version == '\0') continue;
    EXPECT_EQ(resolve(name, {"a:b/c@1.0.0", "a:b/c@0.1.0"}), "none") << version;
  }
}

}  // namespace
}  // namespace tairitsu::detail

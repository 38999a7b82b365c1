// Worlds of components as WIT: printed and read back, and compared with the WIT that they were built from.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <tairitsu/wit.h>

#include "support.h"

namespace tairitsu::test {
namespace {

using ::testing::HasSubstr;

/// A test with a temporary directory.
class PrintedWorld : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "tairitsu-world-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  /// Writes the world's text to a file and loads it.
  World read_back(const World& world) {
    const auto path = directory_ / "world.wit";
    std::ofstream(path) << world.to_string();
    return unwrap(unwrap(WitLoader::load(path)).world()).world;
  }

 private:
  std::filesystem::path directory_;
};

/// Returns the paths of all test guests that this build has.
std::vector<std::filesystem::path> guests() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(TAIRITSU_TEST_GUESTS)) {
    const auto extension = entry.path().extension();
    if (extension == ".wat" || extension == ".wasm") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  return paths;
}

/// Compiles a guest. Returns nothing if it needs a feature that no engine enables.
std::optional<Image> image_of(const std::filesystem::path& path) {
  static const Engine engine = unwrap(Engine::create({.async_abi = true}));
  auto image = Image::from_file(engine, path);
  if (image) return *std::move(image);
  EXPECT_ERROR(image, invalid_component);
  EXPECT_THAT(message_of(image), HasSubstr("error-context"));
  return std::nullopt;
}

/// Whether one side must have all items of the other, or may have more.
enum class Extent { all, part };

std::set<std::string> name_set(const auto& items) {
  std::set<std::string> names;
  for (const auto& item : items) names.insert(item.name);
  return names;
}

void expect_names(const std::set<std::string>& some, const std::set<std::string>& more, Extent extent) {
  if (extent == Extent::all)
    EXPECT_EQ(some, more);
  else
    EXPECT_THAT(more, testing::IsSupersetOf(some));
}

/// Compares the items of an interface or of a world's root.
void expect_items(const auto& some, const auto& more, Extent extent) {
  expect_names(name_set(some.functions), name_set(more.functions), extent);
  expect_names(name_set(some.types), name_set(more.types), extent);
  expect_names({some.resources.begin(), some.resources.end()}, {more.resources.begin(), more.resources.end()},
               extent);
  for (const FunctionItem& function : some.functions) {
    SCOPED_TRACE(function.name);
    const auto other = std::ranges::find(more.functions, function.name, &FunctionItem::name);
    if (other == more.functions.end()) continue;
    EXPECT_EQ(function.type.definition(), other->type.definition());
    EXPECT_EQ(function.type.async, other->type.async);
    EXPECT_EQ(function.type.result, other->type.result);
    EXPECT_TRUE(std::ranges::equal(
        function.type.parameters, other->type.parameters,
        [](const TypeField& a, const TypeField& b) { return a.name == b.name && a.type == b.type; }));
  }
  for (const TypeItem& type : some.types) {
    SCOPED_TRACE(type.name);
    const auto other = std::ranges::find(more.types, type.name, &TypeItem::name);
    if (other == more.types.end()) continue;
    EXPECT_EQ(type.type, other->type);
  }
}

// ---- Printed and read back

/// Interfaces that are both imported and exported are printed once, with the items of both sides.
void expect_read_back(const WorldItems& items, const WorldItems& other_side, const WorldItems& read) {
  EXPECT_EQ(name_set(items.interfaces), name_set(read.interfaces));
  const auto shared = name_set(other_side.interfaces);
  for (const Interface& interface : items.interfaces) {
    SCOPED_TRACE(interface.name);
    const auto found = std::ranges::find(read.interfaces, interface.name, &Interface::name);
    if (found == read.interfaces.end()) continue;
    const bool is_shared = shared.contains(interface.name) && interface.name.contains(':');
    expect_items(interface, *found, is_shared ? Extent::part : Extent::all);
  }
}

TEST_F(PrintedWorld, OfEveryGuestRoundTrips) {
  std::size_t count = 0;
  for (const auto& path : guests()) {
    // Skip the interpreters of Python and JavaScript: they take a minute to compile, and their worlds are ordinary.
    if (std::filesystem::file_size(path) > std::size_t{8} << 20U) continue;
    const auto image = image_of(path);
    if (!image) continue;
    SCOPED_TRACE(path.filename().string() + "\n" + image->world().to_string());
    const World& world = image->world();
    const World read = read_back(world);
    expect_read_back(world.imports, world.exports, read.imports);
    expect_read_back(world.exports, world.imports, read.exports);
    // At its root, a world in WIT has all types and resources among its imports.
    WorldItems imports = world.imports;
    WorldItems exports = world.exports;
    for (WorldItems* items : {&imports, &exports}) {
      std::erase_if(items->functions, [](const FunctionItem& item) { return item.name.starts_with('['); });
    }
    imports.types.insert(imports.types.end(), exports.types.begin(), exports.types.end());
    imports.resources.insert(imports.resources.end(), exports.resources.begin(), exports.resources.end());
    exports.types.clear();
    exports.resources.clear();
    expect_items(imports, read.imports, Extent::part);
    expect_items(exports, read.exports, Extent::all);
    // A second round trip changes nothing except comments.
    EXPECT_EQ(read_back(read).to_string(), read.to_string());
    ++count;
  }
  EXPECT_GT(count, 10U);
}

// Types that Wasmtime does not keep, a resource of the world, interfaces with plain names.
TEST_F(PrintedWorld, WithItemsAtItsRootRoundTrips) {
  const Image image = from_text(R"((component
    (import "a:b/i@1.0.0" (instance $i (export "r" (type (sub resource)))))
    (alias export $i "r" (type $r))
    (import "r" (type $r2 (eq $r)))
    (import "clock" (type $clock (sub resource)))
    (import "[method]clock.now" (func (param "self" (borrow $clock)) (result u64)))
    (type $m0 (enum "good" "bad"))
    (import "mood" (type $mood (eq $m0)))
    (import "log" (func (param "mood" $mood) (param "r" (own $r2))))
    (import "tools" (instance
      (alias outer 1 $r (type $outer))
      (export "coin" (type $coin (eq $outer)))
      (export "toss" (func (param "coin" (borrow $coin)) (result bool)))))))");
  const std::string text = image.world().to_string();
  EXPECT_THAT(text, HasSubstr("  import tools: interface {\n    use a:b/i@1.0.0.{r as coin};\n"));
  EXPECT_THAT(text, HasSubstr("  use a:b/i@1.0.0.{r};\n"));
  EXPECT_THAT(text, HasSubstr("  resource clock {\n    now: func() -> u64;\n  }\n"));
  EXPECT_THAT(text, HasSubstr("  import log: func(mood: unnamed, r: r);\n"));
  const World read = read_back(image.world());
  expect_read_back(image.world().imports, image.world().exports, read.imports);
  WorldItems imports = image.world().imports;
  expect_items(imports, read.imports, Extent::part);
  EXPECT_EQ(name_set(imports.functions), name_set(read.imports.functions));
}

// ---- Compared with the WIT

struct Built {
  std::string_view guest;
  std::string_view wit;  ///< Relative to the root of the sources.
  std::string_view world;
};

void PrintTo(const Built& built, std::ostream* out) { *out << built.guest; }

class WorldOfWit : public ::testing::TestWithParam<Built> {};

/// Returns whether the interface comes from the language's library, so it is not in the author's WIT.
bool is_of_library(const Interface& interface) { return interface.name.starts_with("wasi:"); }

TEST_P(WorldOfWit, MatchesTheComponent) {
  const Built& built = GetParam();
  if (!std::filesystem::exists(guest_path(built.guest))) GTEST_SKIP() << built.guest << " is not built";
  const auto sources = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  const WitLoader wit = unwrap(WitLoader::load(sources / built.wit));
  const World declared = unwrap(wit.world(built.world)).world;
  const Image image = load(built.guest);
  const World& world = image.world();

  EXPECT_EQ(name_set(world.exports.interfaces), name_set(declared.exports.interfaces));
  for (const Interface& interface : world.exports.interfaces) {
    SCOPED_TRACE(interface.name);
    const auto& list = declared.exports.interfaces;
    const auto found = std::ranges::find(list, interface.name, &Interface::name);
    if (found != list.end()) expect_items(interface, *found, Extent::all);
  }
  expect_items(world.exports, declared.exports, Extent::all);

  // A guest does not import what it does not use.
  for (const Interface& interface : world.imports.interfaces) {
    SCOPED_TRACE(interface.name);
    const auto& list = declared.imports.interfaces;
    const auto found = std::ranges::find(list, interface.name, &Interface::name);
    if (found != list.end())
      expect_items(interface, *found, Extent::part);
    else
      EXPECT_TRUE(is_of_library(interface));
  }
  expect_items(world.imports, declared.imports, Extent::part);
}

INSTANTIATE_TEST_SUITE_P(
    Guests, WorldOfWit,
    ::testing::Values(Built{"greeter.wasm", "examples/01_minimal/greeter.wit", ""},
                      Built{"parcels.wasm", "examples/02_records_and_variants/parcels.wit", ""},
                      Built{"worker.wasm", "examples/03_host_functions_and_state/worker.wit", ""},
                      Built{"documents.wasm", "examples/04_resources/documents.wit", ""},
                      Built{"cpp_bindings.wasm", "tests/guests/bindings/bindings.wit", ""},
                      Built{"bindgen_types.wasm", "tests/bindgen/wit/types.wit", "types"},
                      Built{"bindgen_resources.wasm", "tests/bindgen/wit/resources.wit", "resources"},
                      Built{"bindgen_names.wasm", "tests/bindgen/wit/names.wit", "imports"},
                      Built{"bindgen_world_items.wasm", "tests/bindgen/wit/world-items.wit", "greeter"},
                      Built{"bindgen_twofold.wat", "tests/bindgen/wit/world-items.wit", "twofold"},
                      Built{"bindgen_versions.wasm", "tests/bindgen/wit/versions", "versions"},
                      Built{"bindgen_exporter_too.wasm", "tests/bindgen/wit/share.wit", "exporter-too"},
                      Built{"bindgen_shop.wasm", "tests/bindgen/wit/shop.wit", "shop"}),
    [](const auto& built) {
      std::string name(built.param.guest);
      std::ranges::replace_if(name, [](char c) { return c == '.' || c == '-'; }, '_');
      return name;
    });

}  // namespace
}  // namespace tairitsu::test

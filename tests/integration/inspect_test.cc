#include <tairitsu/guest_tools.h>
#include <tairitsu/inspect.h>
#include <tairitsu/wit.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "support.h"

namespace tairitsu::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

ComponentInfo inspect(std::string_view bytes) { return unwrap(inspect_component(bytes_of(bytes))); }

const ItemInfo* find_item(const std::vector<ItemInfo>& items, std::string_view name) {
  const auto found = std::ranges::find(items, name, &ItemInfo::name);
  return found == items.end() ? nullptr : &*found;
}

TEST(Inspect, ReportsTheSameForTextAsForItsBinary) {
  const Image image = load("resources.wat");
  const ComponentInfo info = inspect(read_guest("resources.wat"));
  EXPECT_EQ(info.root.kind, WasmKind::component);
  EXPECT_EQ(info.digest, image.digest());
  EXPECT_EQ(info.root.size, image.size());
  EXPECT_THAT(info.wasi_versions, IsEmpty());
  EXPECT_EQ(info.source_size, 0);
}

TEST(Inspect, ListsImportsAndExportsWithTypes) {
  const ComponentInfo info = inspect(read_guest("resources.wat"));
  ASSERT_THAT(names_of(info.imports), ElementsAre("test:shop/host@1.0.0"));
  const ItemInfo& host = info.imports[0];
  EXPECT_EQ(host.kind, ItemKind::interface);
  EXPECT_FALSE(host.provided);
  ASSERT_NE(find_item(host.items, "ticket"), nullptr);
  EXPECT_EQ(find_item(host.items, "ticket")->kind, ItemKind::resource);
  const ItemInfo* const number = find_item(host.items, "[method]ticket.number");
  ASSERT_NE(number, nullptr);
  EXPECT_EQ(number->kind, ItemKind::function);
  EXPECT_EQ(number->type, "func(self: borrow<ticket>) -> u32");
  const ItemInfo* const drops = find_item(info.exports, "drops");
  ASSERT_NE(drops, nullptr);
  EXPECT_EQ(drops->type, "func() -> u32");
}

TEST(Inspect, SpellsTypesAsTheWorldOfAnImageDoes) {
  const WorldItems& own = load("wasi_guest.wasm").world().exports;
  const ComponentInfo info = inspect(read_guest("wasi_guest.wasm"));
  EXPECT_EQ(info.exports.size(), own.functions.size() + own.interfaces.size());
  ASSERT_THAT(own.functions, Not(IsEmpty()));
  for (const FunctionItem& function : own.functions) {
    const ItemInfo* const item = find_item(info.exports, function.name);
    ASSERT_NE(item, nullptr) << function.name;
    EXPECT_EQ(item->type, function.type.to_string()) << function.name;
  }
}

TEST(Inspect, ReportsWasiVersionsAndProvidedImports) {
  const ComponentInfo info = inspect(read_guest("wasi_command.wasm"));
  ASSERT_EQ(info.wasi_versions.size(), 1);
  EXPECT_THAT(info.wasi_versions[0], StartsWith("0.2."));
  ASSERT_THAT(info.imports, Not(IsEmpty()));
  for (const ItemInfo& import : info.imports) {
    EXPECT_EQ(import.provided, runtime_provides(import.name)) << import.name;
    EXPECT_TRUE(import.provided) << import.name;
  }
}

TEST(Inspect, ReportsTheHighestVersionOfEachWasiRelease) {
  const ComponentInfo info = inspect(R"((component
    (import "wasi:io/streams@0.2.3" (instance))
    (import "wasi:clocks/types@0.3.0-rc-1" (instance))
    (import "wasi:io/poll@0.2.10" (instance))
    (import "wasi:io/error@0.2.9" (instance))
    (import "wasi:clocks/other@0.3.0" (instance))
    (import "wasi:random/random" (instance))
    (import "other:io/poll@0.4.0" (instance))))");
  EXPECT_THAT(info.wasi_versions, ElementsAre("0.2.10", "0.3.0"));
  EXPECT_TRUE(find_item(info.imports, "wasi:io/streams@0.2.3")->provided);
  EXPECT_FALSE(find_item(info.imports, "other:io/poll@0.4.0")->provided);
}

TEST(Inspect, ListsPartsAndProducers) {
  const ComponentInfo info = inspect(read_guest("wasi_guest.wasm"));
  ASSERT_THAT(info.root.parts, Not(IsEmpty()));
  std::uint64_t inner = 0;
  bool by_clang = false;
  for (const PartInfo& part : info.root.parts) {
    EXPECT_GT(part.size, 8);
    inner += part.size;
    by_clang |= std::ranges::any_of(part.producers, [](const Producer& producer) {
      return producer.field == "processed-by" && producer.name.find("clang") != std::string::npos;
    });
  }
  EXPECT_LT(inner, info.root.size);
  EXPECT_TRUE(by_clang);
  EXPECT_TRUE(std::ranges::any_of(info.root.producers, [](const Producer& producer) {
    return producer.name == "wit-component" && !producer.version.empty();
  }));
  EXPECT_TRUE(std::ranges::any_of(info.root.custom_sections, [](const CustomSection& section) {
    return section.name == "producers" && section.size > 0;
  }));
}

TEST(Inspect, ListsAnnotations) {
  const ComponentInfo info = inspect(R"((component
    (@custom "authors" "The Shop")
    (@custom "licenses" "Apache-2.0")
    (@custom "description" "\ff")))");
  ASSERT_EQ(info.root.annotations.size(), 2);
  EXPECT_EQ(info.root.annotations[0].name, "authors");
  EXPECT_EQ(info.root.annotations[0].text, "The Shop");
  EXPECT_EQ(info.root.annotations[1].text, "Apache-2.0");
  EXPECT_EQ(info.root.custom_sections.size(), 3);
}

TEST(Inspect, DescribesACoreModule) {
  const ComponentInfo info = inspect(R"((module $tool
    (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
    (import "env" "memory" (memory 1))
    (func (export "_start"))))");
  EXPECT_EQ(info.root.kind, WasmKind::core_module);
  EXPECT_EQ(info.root.name, "tool");
  EXPECT_THAT(info.wasi_versions, ElementsAre("0.1"));
  ASSERT_THAT(names_of(info.imports), ElementsAre("wasi_snapshot_preview1", "env"));
  EXPECT_TRUE(info.imports[0].provided);
  EXPECT_FALSE(info.imports[1].provided);
  EXPECT_EQ(info.imports[1].kind, ItemKind::module);
  ASSERT_EQ(info.imports[1].items.size(), 1);
  EXPECT_EQ(info.imports[1].items[0].kind, ItemKind::memory);
  EXPECT_THAT(names_of(info.exports), ElementsAre("_start"));
}

TEST(Inspect, DescribesTheSourceOfAnArtifact) {
  const Image image = load("growing.wat");
  auto artifact = unwrap(image.precompile());
  const ComponentInfo info = unwrap(inspect_component(artifact));
  EXPECT_EQ(info.root.kind, WasmKind::artifact);
  EXPECT_EQ(info.root.size, artifact.size());
  EXPECT_EQ(info.source_size, image.size());
  EXPECT_EQ(info.digest, image.digest());
  EXPECT_ERROR(component_wit(artifact), not_wasm);
  artifact.pop_back();
  EXPECT_ERROR(inspect_component(artifact), artifact_damaged);
  EXPECT_ERROR(component_wit(artifact), artifact_damaged);
}

TEST(Inspect, RejectsInvalidInput) {
  for (const char* const text : {"", "hello", "(component",
                                 "\x7f"
                                 "ELF"}) {
    EXPECT_ERROR(inspect_component(bytes_of(text)), not_wasm);
    EXPECT_ERROR(component_wit(bytes_of(text)), not_wasm);
  }
  const std::string component = read_guest("wasi_guest.wasm");
  for (const std::size_t size : {std::size_t{9}, component.size() / 2, component.size() - 1}) {
    const auto info = inspect_component(bytes_of(component).first(size));
    EXPECT_ERROR(info, invalid_component);
    EXPECT_THAT(message_of(info), HasSubstr("truncated"));
    EXPECT_ERROR(component_wit(bytes_of(component).first(size)), invalid_component);
  }
}

TEST(ComponentWit, KeepsTheTypesOfTheComponent) {
  const std::string text = unwrap(component_wit(bytes_of(read_guest("wasi_guest.wasm"))));
  EXPECT_THAT(text, StartsWith("package root:component;\n\nworld root {\n"));
  const WitWorld world = unwrap(unwrap(WitLoader::parse(text)).world());
  const std::vector<FunctionItem>& read = world.world.exports.functions;
  const World& own = load("wasi_guest.wasm").world();
  EXPECT_EQ(read.size(), own.exports.functions.size());
  for (const FunctionItem& function : own.exports.functions) {
    const auto found = std::ranges::find(read, function.name, &FunctionItem::name);
    ASSERT_NE(found, read.end()) << function.name;
    EXPECT_EQ(found->type.to_string(), function.type.to_string());
  }
}

TEST(ComponentWit, RejectsAModuleWithoutWit) {
  EXPECT_ERROR(component_wit(bytes_of("(module)")), is_core_module);
}

TEST(ComponentWit, RejectsComponentsThatWitCannotExpress) {
  constexpr std::string_view kText = R"((component (core module $m) (export "m" (core module $m))))";
  EXPECT_ERROR(component_wit(bytes_of(kText)), invalid_component);
  // Inspection still lists its names.
  const ComponentInfo info = inspect(kText);
  ASSERT_EQ(info.exports.size(), 1);
  EXPECT_EQ(info.exports[0].kind, ItemKind::module);
  EXPECT_EQ(info.exports[0].type, "");
}

class ResolvedWit : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(directory_ / "deps"); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void write(std::string_view name, std::string_view text) const { std::ofstream(directory_ / name) << text; }

  std::filesystem::path directory_ = std::filesystem::path(testing::TempDir()) / "tairitsu-resolved-wit";
};

TEST_F(ResolvedWit, NestsUsedPackages) {
  write("a.wit", "package a:b;\nworld w { import c:d/i; @unstable(feature = x) export f: func(); }\n");
  write("deps/c.wit", "package c:d;\ninterface i { g: func(s: string); }\n");
  const std::string text = unwrap(resolved_wit({.path = directory_}));
  EXPECT_THAT(text, StartsWith("package a:b;\n"));
  EXPECT_THAT(text, HasSubstr("package c:d {\n  interface i {\n    g: func(s: string);\n"));
  EXPECT_THAT(text, Not(HasSubstr("export f")));
  EXPECT_THAT(unwrap(resolved_wit({.path = directory_, .features = "x"})), HasSubstr("export f: func();"));
}

TEST_F(ResolvedWit, ReportsThePositionOfAnError) {
  write("a.wit", "package a:b;\nworld w { export f: fun(); }\n");
  const auto text = resolved_wit({.path = directory_ / "a.wit"});
  EXPECT_ERROR(text, invalid_argument);
  EXPECT_THAT(message_of(text), HasSubstr("a.wit:2:"));
  EXPECT_ERROR(resolved_wit({.path = directory_ / "none.wit"}), io);
}

}  // namespace
}  // namespace tairitsu::test

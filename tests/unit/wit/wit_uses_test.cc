#include "wit/wit_uses.h"

#include <gtest/gtest.h>

#include <vector>

namespace tairitsu::detail {
namespace {

using WitUsesInterface = WitUses::Interface;

WitUsesInterface imported(std::size_t package = 1) {
  return {.package = package, .imported = true, .usable = true};
}
WitUsesInterface exported(std::size_t package = 1) {
  return {.package = package, .exported = true, .usable = true};
}
WitUsesInterface both() { return {.package = 1, .imported = true, .exported = true, .usable = true}; }

/// Adds the world's root at the end.
WitUses uses(std::vector<WitUsesInterface> interfaces) {
  interfaces.push_back({.imported = true});
  const std::size_t root = interfaces.size() - 1;
  return WitUses(std::move(interfaces), root);
}

TEST(WitUses, CanOnlyNameEarlierInterfaces) {
  auto some = uses({imported(), imported()});
  EXPECT_TRUE(some.add(1, 0));
  EXPECT_TRUE(some.add(1, 0)) << "again";
  EXPECT_FALSE(some.add(0, 1));
  EXPECT_FALSE(some.add(0, 0));
}

TEST(WitUses, CannotNameInterfacesWithoutAPath) {
  auto some = uses({{.package = 0, .imported = true, .usable = false}, imported()});
  EXPECT_FALSE(some.add(1, 0));
}

TEST(WitUses, ByImportsAreOfImports) {
  auto some = uses({imported(), exported(), both()});
  EXPECT_TRUE(some.add(1, 0));
  EXPECT_FALSE(some.add(2, 1)) << "it would import an interface that is only exported";
  EXPECT_TRUE(some.add(2, 0));
  EXPECT_TRUE(some.add(3, 0)) << "the root";
  EXPECT_FALSE(some.add(3, 1));
}

TEST(WitUses, FormNoCyclesOfPackages) {
  auto some = uses({imported(1), imported(2), imported(3), imported(1)});
  EXPECT_TRUE(some.add(1, 0));   // 2 uses 1
  EXPECT_TRUE(some.add(2, 1));   // 3 uses 2
  EXPECT_FALSE(some.add(3, 2));  // 1 would use 3
  EXPECT_TRUE(some.add(3, 0));   // the same package
}

// Source: the rule is explained at `elaborate_world_exports` in the crate wit-parser.
TEST(WitUses, ByExportsDoNotReachAnImportThatIsExportedToo) {
  {
    auto some = uses({both(), imported(), exported()});
    EXPECT_TRUE(some.add(1, 0));
    EXPECT_FALSE(some.add(2, 1)) << "through an import";
    EXPECT_TRUE(some.add(2, 0));
  }
  {
    auto some = uses({both(), imported(), imported(), exported()});
    EXPECT_TRUE(some.add(2, 1));
    EXPECT_TRUE(some.add(3, 2));
    EXPECT_FALSE(some.add(1, 0)) << "an export already uses it";
    EXPECT_FALSE(some.add(2, 0));
  }
  {
    auto some = uses({both(), both(), exported()});
    EXPECT_TRUE(some.add(1, 0));
    EXPECT_TRUE(some.add(2, 1)) << "through an export";
    EXPECT_TRUE(some.add(2, 0));
  }
}

}  // namespace
}  // namespace tairitsu::detail

// Compares the generated text of each case with tests/bindgen/golden. BLESS=1 updates the files.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "bindgen/host.h"

namespace tairitsu::bindgen {
namespace {

namespace fs = std::filesystem;

struct Case {
  const char* name;  // The directory in golden/.
  const char* wit;   // The file or directory in wit/.
  const char* world = "";
  const char* features = "";
  bool header_only = false;
};

std::ostream& operator<<(std::ostream& out, const Case& one) { return out << one.name; }

constexpr Case kCases[] = {
    {.name = "shop", .wit = "shop.wit"},
    {.name = "shop-header-only", .wit = "shop.wit", .header_only = true},
    {.name = "types", .wit = "types.wit"},
    {.name = "names", .wit = "names.wit"},
    {.name = "names-header-only", .wit = "names.wit", .header_only = true},
    {.name = "world-items", .wit = "world-items.wit", .world = "greeter"},
    {.name = "world-items-twofold", .wit = "world-items.wit", .world = "twofold", .header_only = true},
    {.name = "async", .wit = "async.wit"},
    {.name = "versions", .wit = "versions"},
    {.name = "gates", .wit = "gates.wit", .world = "gates"},
    {.name = "gates-fancy", .wit = "gates.wit", .world = "gates", .features = "fancy"},
    {.name = "resources", .wit = "resources.wit"},
    {.name = "aliases", .wit = "aliases.wit"},
    {.name = "share-importer", .wit = "share.wit", .world = "importer"},
    {.name = "share-exporter", .wit = "share.wit", .world = "exporter"},
    {.name = "share-exporter-too", .wit = "share.wit", .world = "exporter-too"},
    {.name = "share-relay", .wit = "share.wit", .world = "relay"},
    {.name = "corners-importer", .wit = "corners.wit", .world = "importer"},
    {.name = "corners-exporter", .wit = "corners.wit", .world = "exporter"},
    {.name = "corners-mixed", .wit = "corners.wit", .world = "mixed"},
    {.name = "corners-both", .wit = "corners.wit", .world = "both"},
    {.name = "corners-including", .wit = "corners.wit", .world = "including"},
    {.name = "corners-empty", .wit = "corners.wit", .world = "empty"},
};

const fs::path kDirectory = TAIRITSU_BINDGEN_TESTS;

bool bless() {
  const char* value = std::getenv("BLESS");
  return value != nullptr && std::string_view(value) == "1";
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Replaces the version, which changes with every release.
std::string without_version(std::string text) {
  const std::size_t begin = kBanner.size() + 1;
  if (text.starts_with(kBanner)) text.replace(begin, text.find(' ', begin) - begin, "VERSION");
  return text;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    lines.push_back(text.substr(0, end + 1));
    text.remove_prefix(end + 1);
  }
  return lines;
}

/// Returns the first lines that differ, with context; empty if the texts are equal.
std::string difference(std::string_view golden, std::string_view generated) {
  constexpr std::size_t kContext = 3;
  constexpr std::size_t kShown = 8;
  const auto old_lines = lines_of(golden);
  const auto new_lines = lines_of(generated);
  const auto [old_at, new_at] = std::ranges::mismatch(old_lines, new_lines);
  if (old_at == old_lines.end() && new_at == new_lines.end()) return {};
  const auto at = static_cast<std::size_t>(old_at - old_lines.begin());
  // Equal lines at the end are not shown.
  std::size_t equal_at_end = 0;
  while (equal_at_end < old_lines.size() - at && equal_at_end < new_lines.size() - at &&
         old_lines[old_lines.size() - 1 - equal_at_end] == new_lines[new_lines.size() - 1 - equal_at_end]) {
    ++equal_at_end;
  }
  std::string text = "from line " + std::to_string(at + 1) + ":\n";
  const auto show = [&](const auto& lines, std::size_t from, std::size_t to, const char* mark) {
    for (std::size_t i = from; i < to; ++i) {
      text += mark + std::string(lines[i]);
      if (!text.ends_with('\n')) text += "\n(no newline at the end)\n";
    }
  };
  const auto show_changed = [&](const auto& lines, const char* mark) {
    const std::size_t end = lines.size() - equal_at_end;
    show(lines, at, std::min(end, at + kShown), mark);
    if (end > at + kShown) text += mark + ("… and " + std::to_string(end - at - kShown)) + " more\n";
  };
  show(old_lines, at - std::min(at, kContext), at, "  ");
  show_changed(old_lines, "- ");
  show_changed(new_lines, "+ ");
  const std::size_t after = old_lines.size() - equal_at_end;
  show(old_lines, after, std::min(old_lines.size(), after + kContext), "  ");
  return text;
}

std::set<std::string> names_in(const fs::path& directory) {
  std::set<std::string> names;
  if (!fs::exists(directory)) return names;
  for (const auto& entry : fs::directory_iterator(directory)) names.insert(entry.path().filename().string());
  return names;
}

class HostBindingsGolden : public testing::TestWithParam<Case> {
 protected:
  static Result<HostBindings> generate() {
    const Case& one = GetParam();
    return generate_host_bindings(
        {.wit = {.path = kDirectory / "wit" / one.wit, .world = one.world, .features = one.features},
         .header_only = one.header_only});
  }
};

TEST_P(HostBindingsGolden, MatchTheGoldenFiles) {
  const auto generated = generate();
  ASSERT_TRUE(generated) << generated.error().message();
  const fs::path directory = kDirectory / "golden" / GetParam().name;
  std::set<std::string> names;
  for (const HostFile& file : generated->files) names.insert(file.name);

  if (bless()) {
    fs::create_directories(directory);
    for (const std::string& name : names_in(directory)) {
      if (!names.contains(name)) fs::remove(directory / name);
    }
    for (const HostFile& file : generated->files) {
      const std::string text = without_version(file.contents);
      // Unchanged files are not written, so that they are not compiled again.
      if (read(directory / file.name) != text) std::ofstream(directory / file.name, std::ios::binary) << text;
    }
    return;
  }
  EXPECT_EQ(names_in(directory), names) << "run with BLESS=1 to update " << directory;
  for (const HostFile& file : generated->files) {
    const std::string changes = difference(read(directory / file.name), without_version(file.contents));
    EXPECT_TRUE(changes.empty()) << (directory / file.name).string() << ' ' << changes
                                 << "run with BLESS=1 to update the file";
  }
}

TEST_P(HostBindingsGolden, AreTheSameEveryTime) {
  const auto once = generate();
  const auto again = generate();
  ASSERT_TRUE(once && again);
  ASSERT_EQ(once->files.size(), again->files.size());
  for (std::size_t i = 0; i < once->files.size(); ++i) {
    EXPECT_EQ(once->files[i].name, again->files[i].name);
    EXPECT_EQ(difference(once->files[i].contents, again->files[i].contents), "");
  }
  EXPECT_EQ(once->warnings, again->warnings);
}

INSTANTIATE_TEST_SUITE_P(Cases, HostBindingsGolden, testing::ValuesIn(kCases), [](const auto& one) {
  std::string name = one.param.name;
  std::erase_if(name, [](char c) { return c == '-'; });
  return name;
});

TEST(Golden, EveryDirectoryBelongsToACase) {
  std::set<std::string> names;
  for (const Case& one : kCases) names.insert(one.name);
  for (const std::string& name : names_in(kDirectory / "golden")) {
    const bool directory = fs::is_directory(kDirectory / "golden" / name);
    EXPECT_TRUE(!directory || names.contains(name)) << name << " belongs to no case";
  }
}

TEST(Golden, DifferencesAreShownWithContext) {
  EXPECT_EQ(difference("a\nb\nc\nd\ne\nf\ng\nh\n", "a\nb\nc\nd\nX\nY\nf\ng\nh\n"),
            "from line 5:\n  b\n  c\n  d\n- e\n+ X\n+ Y\n  f\n  g\n  h\n");
  EXPECT_EQ(difference("a\n", "a\nb"), "from line 2:\n  a\n+ b\n(no newline at the end)\n");
  EXPECT_EQ(difference("same\n", "same\n"), "");
}

}  // namespace
}  // namespace tairitsu::bindgen

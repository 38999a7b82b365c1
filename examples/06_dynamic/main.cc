// Loads any component, lists its exports, and calls the functions that the user types.
//
//   06_dynamic COMPONENT [CALL]…        without CALL, reads calls from standard input, one per line
#include <fmt/format.h>
#include <tairitsu/tairitsu.h>

#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using tairitsu::Container;
using tairitsu::Result;

void list(const tairitsu::WorldItems& exports) {
  fmt::print("exports:\n");
  for (const auto& function : exports.functions) {
    fmt::print("  {}: {}\n", function.name, function.type.to_string());
  }
  for (const auto& interface : exports.interfaces) {
    for (const auto& function : interface.functions) {
      fmt::print("  {}#{}: {}\n", interface.name, function.name, function.type.to_string());
    }
  }
}

void call(const Container& container, std::string_view text) {
  // The arguments and the result are WAVE, the text form of component values.
  const auto result = container.call_wave(text);
  fmt::print("> {}\n{}\n", text, result ? *result : result.error().message());
}

Result<void> run(const std::string& file, const std::vector<std::string>& calls) {
  TAIRITSU_TRY(const auto engine, tairitsu::Engine::create());
  TAIRITSU_TRY(const auto image, tairitsu::Image::from_file(engine, file));
  list(image.component().world().exports);

  // The host does not know the component's imports. Calling one that is not defined fails.
  tairitsu::HostImports imports;
  imports.stub_missing_imports();
  TAIRITSU_TRY(const auto container, Container::builder(image).with_imports(imports).build());

  for (const auto& text : calls) call(container, text);
  std::string line;
  while (calls.empty() && std::getline(std::cin, line)) {
    if (!line.empty()) call(container, line);
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: 06_dynamic COMPONENT [CALL]...\n");
    return 2;
  }
  const auto done = run(argv[1], {argv + 2, argv + argc});
  if (!done) fmt::print(stderr, "06_dynamic: {}\n", done.error().message());
  return done ? 0 : 1;
}

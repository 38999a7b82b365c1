// One host, and plug-ins for it in three languages, which it cannot tell apart.
#include <fmt/core.h>
#include <tairitsu/tairitsu.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugin.h"

using example::plugins::Plugin;
using namespace std::chrono_literals;

class Host : public example::plugins::host::Host {
 public:
  tairitsu::Result<void> log(std::string_view message) override {
    message_ = message;
    return {};
  }
  std::string take_message() { return std::exchange(message_, {}); }

 private:
  std::string message_;
};

constexpr std::string_view kTexts[] = {"four small words here", ""};
constexpr const char* kRow = "{:<8} {:<10} {:<23} {:<9} {}\n";

// Loads a plug-in and applies it to each text. A failing plug-in does not affect the host.
tairitsu::Result<void> try_plugin(const tairitsu::Engine& engine, const std::filesystem::path& file) {
  Host host;
  TAIRITSU_TRY(auto image, tairitsu::Image::from_file(engine, file));
  TAIRITSU_TRY(
      auto container,
      tairitsu::Container::builder(image).with_bindings<Plugin>(host).with_limits({.deadline = 1s}).build());
  auto& filter = container.guest<Plugin>()->filter();

  TAIRITSU_TRY(auto about, filter.describe());
  for (std::string_view text : kTexts) {
    TAIRITSU_TRY(auto changed, filter.apply(text));
    const std::string result = changed ? fmt::format("'{}'", *changed) : "refused: " + changed.error();
    fmt::print(kRow, about.name, about.language, fmt::format("'{}'", text), host.take_message(), result);
  }
  return {};
}

tairitsu::Result<void> run(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".wasm") files.push_back(entry.path());
  }
  std::ranges::sort(files);

  // Plug-ins that contain an interpreter take seconds to compile. The cache makes that happen only once.
  TAIRITSU_TRY(auto engine,
               tairitsu::Engine::create({.epochs = true, .cache_directory = directory / "cache"}));
  fmt::print(kRow, "plug-in", "language", "text", "log", "result");
  for (const std::filesystem::path& file : files) {
    if (auto tried = try_plugin(engine, file); !tried) {
      fmt::print("{:<8} {}: {}\n", file.stem().string(), to_string(tried.error().code()),
                 tried.error().message());
    }
  }
  return {};
}

int main(int argc, char** argv) {
  if (auto result = run(argc > 1 ? argv[1] : PLUGINS_DIRECTORY); !result) {
    fmt::print(stderr, "05_plugins: {}\n", result.error().message());
    return 1;
  }
}

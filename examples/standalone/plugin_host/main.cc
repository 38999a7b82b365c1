// Loads every plug-in in a directory, and calls each to hide words in texts. The language of a plug-in does not matter.
#include <tairitsu/tairitsu.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "plugin.h"

using example::editor::Plugin;
using namespace std::chrono_literals;

struct Host : example::editor::host::Host {
  int messages = 0;

  tairitsu::Result<void> log(std::string_view message) override {
    ++messages;
    std::clog << "plug-in: " << message << '\n';
    return {};
  }
};

// Returns what a plug-in does with a text. If the plug-in traps, reaches a limit or never returns, the result is an
// error.
tairitsu::Result<std::string> try_plugin(const tairitsu::Engine& engine, const std::filesystem::path& file) {
  TAIRITSU_TRY(auto image, tairitsu::Image::from_file(engine, file));
  Host host;
  TAIRITSU_TRY(auto container, tairitsu::Container::builder(image)
                                   .with_bindings<Plugin>(host)
                                   .with_limits({.deadline = 10s, .memory_bytes = 256 << 20})
                                   .build());
  auto& filters = container.guest<Plugin>()->filters();
  TAIRITSU_TRY(auto language, filters.language());

  // Two resources of the same plug-in, each with its own state.
  TAIRITSU_TRY(auto secrets, filters.filter("secret"));
  TAIRITSU_TRY(auto names, filters.filter("Alice"));
  TAIRITSU_TRY(auto text, secrets.apply("Alice has a secret, a secret plan"));
  if (!text) return language + ": refused: " + text.error();
  TAIRITSU_TRY(auto hidden_text, names.apply(*text));
  TAIRITSU_TRY(auto refused, secrets.apply(""));
  TAIRITSU_TRY(auto secrets_hidden, secrets.hidden());
  TAIRITSU_TRY(auto names_hidden, names.hidden());
  return language + ": " + hidden_text.value_or("refused") + " (" + std::to_string(secrets_hidden) + " and " +
         std::to_string(names_hidden) + " hidden; " + (refused ? "took an empty text" : refused.error()) +
         "; " + std::to_string(host.messages) + " messages)";
}

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: plugin_host DIRECTORY\n";
    return 2;
  }
  const std::filesystem::path directory = argv[1];
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".wasm") files.push_back(entry.path());
  }
  std::ranges::sort(files);

  // Deadlines need epochs. With the cache, later runs skip the compilation, which takes seconds for Python.
  auto engine = tairitsu::Engine::create({.epochs = true, .cache_directory = directory / "cache"});
  if (!engine) {
    std::cerr << engine.error().message() << '\n';
    return 1;
  }
  int status = 0;
  for (const auto& file : files) {
    if (auto tried = try_plugin(*engine, file)) {
      std::cout << *tried << '\n';
    } else {
      std::cerr << file.filename().string() << ": " << to_string(tried.error().code()) << ": "
                << tried.error().message() << '\n';
      status = 1;
    }
  }
  return status;
}

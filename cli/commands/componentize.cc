#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "commands/command.h"
#include "tairitsu/guest_tools.h"

namespace tairitsu::cli {
namespace {

struct ComponentizeCommandOptions {
  std::filesystem::path module;
  std::filesystem::path output;
  WitSource wit;
  std::vector<std::string> adapters;
  bool command = false;
  bool reactor = false;
};

/// `FILE`, whose name without its ending is the module name that it implements, or `NAME=FILE`.
Result<ModuleAdapter> read_adapter(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::filesystem::path path = equals == std::string::npos ? text : text.substr(equals + 1);
  // As in `wasi_snapshot_preview1.reactor.wasm`.
  std::string name = equals == std::string::npos ? path.filename().string() : text.substr(0, equals);
  if (equals == std::string::npos) name.resize(std::min(name.size(), name.find('.')));
  TAIRITSU_TRY(auto module, read_file(path));
  return ModuleAdapter{.name = std::move(name), .module = std::move(module)};
}

Result<void> run(const ComponentizeCommandOptions& options) {
  ComponentizeOptions how{.kind = options.command   ? ModuleKind::command
                                  : options.reactor ? ModuleKind::reactor
                                                    : ModuleKind::detect,
                          .wit = options.wit};
  if (!options.wit.path.empty()) TAIRITSU_CHECK(require_file(options.wit.path));
  for (const std::string& text : options.adapters) {
    TAIRITSU_TRY(auto adapter, read_adapter(text));
    how.adapters.push_back(std::move(adapter));
  }
  TAIRITSU_TRY(const auto module, read_file(options.module));
  const auto component = componentize(module, how);
  if (!component) return std::unexpected(component.error().with_context(options.module.string()));
  return write_file(options.output, *component);
}

}  // namespace

void add_componentize(CLI::App& app) {
  auto* command = app.add_subcommand("componentize", "Make a component from a core module");
  command->footer(
      "What the module imports of WASI preview 1 is adapted to WASI 0.2.\n\n"
      "Example:\n  tairitsu componentize core.wasm -o greeter.wasm\n"
      "  tairitsu componentize core.wasm --wit greeter.wit -o greeter.wasm");
  auto options = std::make_shared<ComponentizeCommandOptions>();
  command->add_option("CORE", options->module, "The core module, e.g. core.wasm")->required();
  command->add_option("-o,--output", options->output, "The component to write")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--wit", options->wit.path,
                   "The WIT of the world that the module implements, where it carries none itself")
      ->type_name("PATH");
  add_world_options(*command, options->wit);
  command
      ->add_option("--adapter", options->adapters,
                   "A module that adapts imports: FILE, named after the module name that it implements, or "
                   "NAME=FILE")
      ->type_name("[NAME=]FILE");
  auto* as_command = command->add_flag("--command", options->command, "Its _start becomes wasi:cli/run");
  command->add_flag("--reactor", options->reactor, "A library, even where it exports _start")
      ->excludes(as_command);
  command->callback([options] { end_unless(run(*options)); });
}

}  // namespace tairitsu::cli

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

/// Parses `NAME=FILE`, or `FILE`, whose name up to the first dot is then NAME, the import module that it implements.
Result<ModuleAdapter> read_adapter(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::filesystem::path path = equals == std::string::npos ? text : text.substr(equals + 1);
  // For example `wasi_snapshot_preview1.reactor.wasm`.
  std::string name = equals == std::string::npos ? path.filename().string() : text.substr(0, equals);
  if (equals == std::string::npos) name.resize(std::min(name.size(), name.find('.')));
  TAIRITSU_TRY(auto module, read_file(path));
  return ModuleAdapter{.name = std::move(name), .module = std::move(module)};
}

Result<void> run(const ComponentizeCommandOptions& options) {
  ComponentizeOptions settings{.kind = options.command   ? ModuleKind::command
                                       : options.reactor ? ModuleKind::reactor
                                                         : ModuleKind::detect,
                               .wit = options.wit};
  if (!options.wit.path.empty()) TAIRITSU_RETURN_IF_ERROR(require_file(options.wit.path));
  for (const std::string& text : options.adapters) {
    TAIRITSU_TRY(auto adapter, read_adapter(text));
    settings.adapters.push_back(std::move(adapter));
  }
  TAIRITSU_TRY(const auto module, read_file(options.module));
  const auto component = componentize(module, settings);
  if (!component) return std::unexpected(component.error().with_context(options.module.string()));
  return write_file(options.output, *component);
}

}  // namespace

void add_componentize(CLI::App& app) {
  auto* command = app.add_subcommand("componentize", "Create a component from a core module");
  command->footer(
      "Adapts imports of WASI preview 1 to WASI 0.2.\n\n"
      "Examples:\n  tairitsu componentize core.wasm -o greeter.wasm\n"
      "  tairitsu componentize core.wasm --wit greeter.wit -o greeter.wasm");
  auto options = std::make_shared<ComponentizeCommandOptions>();
  command->add_option("CORE", options->module, "Core module, e.g. core.wasm")->required();
  command->add_option("-o,--output", options->output, "Write the component to this file")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--wit", options->wit.path,
                   "Use this WIT for the world that the module implements, if it does not embed its own")
      ->type_name("PATH");
  add_world_options(*command, options->wit);
  command
      ->add_option(
          "--adapter", options->adapters,
          "Adapt imports from the module NAME with FILE; by default NAME is the file's name up to the "
          "first dot")
      ->type_name("[NAME=]FILE");
  auto* as_command = command->add_flag("--command", options->command, "Export _start as wasi:cli/run");
  command->add_flag("--reactor", options->reactor, "Treat the module as a library, even if it exports _start")
      ->excludes(as_command);
  command->callback([options] { exit_on_error(run(*options)); });
}

}  // namespace tairitsu::cli

#include <filesystem>
#include <memory>

#include "commands/command.h"
#include "tairitsu/guest_tools.h"

namespace tairitsu::cli {
namespace {

struct Options {
  std::filesystem::path module;
  std::filesystem::path output;
  bool command = false;
  bool reactor = false;
};

Result<void> run(const Options& options) {
  const auto kind = options.command   ? ModuleKind::command
                    : options.reactor ? ModuleKind::reactor
                                      : ModuleKind::detect;
  TAIRITSU_TRY(const auto module, read_file(options.module));
  const auto component = componentize(module, kind);
  if (!component) return std::unexpected(component.error().with_context(options.module.string()));
  return write_file(options.output, *component);
}

}  // namespace

void add_componentize(CLI::App& app) {
  auto* command = app.add_subcommand("componentize", "Make a component from a core module");
  command->footer(
      "What the module imports of WASI preview 1 is adapted to WASI 0.2.\n\n"
      "Example:\n  tairitsu componentize core.wasm -o greeter.wasm");
  auto options = std::make_shared<Options>();
  command->add_option("CORE", options->module, "The core module, e.g. core.wasm")->required();
  command->add_option("-o,--output", options->output, "The component to write")
      ->required()
      ->type_name("FILE");
  auto* as_command = command->add_flag("--command", options->command, "Its _start becomes wasi:cli/run");
  command->add_flag("--reactor", options->reactor, "A library, even where it exports _start")
      ->excludes(as_command);
  command->callback([options] {
    if (const auto done = run(*options); !done) end_with(done.error());
  });
}

}  // namespace tairitsu::cli

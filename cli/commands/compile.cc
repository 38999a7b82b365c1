#include <filesystem>
#include <memory>

#include "commands/command.h"
#include "commands/load.h"
#include "tairitsu/engine.h"
#include "tairitsu/error.h"

namespace tairitsu::cli {
namespace {

struct CompileCommandOptions {
  LoadOptions load;
  std::filesystem::path output;
  EngineOptions engine;
};

Result<void> compile(const CompileCommandOptions& options) {
  TAIRITSU_TRY(const auto code, load_code(options.engine, options.load));
  return write_file(options.output, code);
}

}  // namespace

void add_compile(CLI::App& app) {
  auto* command = app.add_subcommand("compile", "Compile a component or program ahead of time");
  command->footer(
      "The output is machine code for this type of processor and this version of tairitsu. 'run', 'call' "
      "and\n"
      "'serve' cache compiled code; compile ahead of time if they cannot, for example because the data\n"
      "directory is read-only.\n\n"
      "Examples:\n  tairitsu compile hello.wasm -o hello.cwasm\n"
      "  tairitsu run --allow-precompiled hello.cwasm");
  auto options = std::make_shared<CompileCommandOptions>();
  add_load_options(*command, options->load);
  command->add_option("-o,--output", options->output, "Write the compiled code to this file")
      ->required()
      ->type_name("FILE");
  command->add_flag("--for-fuel", options->engine.fuel, "Compile for use with --fuel");
  command->add_flag("--for-timeout", options->engine.epochs,
                    "Compile for use with --timeout and with 'serve'");
  command->callback([options] { exit_on_error(compile(*options)); });
}

}  // namespace tairitsu::cli

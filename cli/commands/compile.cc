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
  auto* command = app.add_subcommand("compile", "Compile a component or a program ahead of time");
  command->footer(
      "The result is machine code for this kind of processor and this version. 'run', 'call' and 'serve' "
      "keep\n"
      "what they compile by themselves; this is for where they cannot, such as a folder that is "
      "read-only.\n\n"
      "Example:\n  tairitsu compile hello.wasm -o hello.cwasm\n"
      "  tairitsu run --allow-precompiled hello.cwasm");
  auto options = std::make_shared<CompileCommandOptions>();
  add_load_options(*command, options->load);
  command->add_option("-o,--output", options->output, "The file to write")->required()->type_name("FILE");
  command->add_flag("--for-fuel", options->engine.fuel, "For runs with --fuel");
  command->add_flag("--for-timeout", options->engine.epochs, "For runs with --timeout, and for 'serve'");
  command->callback([options] { end_unless(compile(*options)); });
}

}  // namespace tairitsu::cli

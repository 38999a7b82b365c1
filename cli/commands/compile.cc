#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "commands/command.h"
#include "commands/load.h"
#include "tairitsu/inspect.h"
#include "tairitsu/program.h"

namespace tairitsu::cli {
namespace {

struct Options {
  LoadOptions load;
  std::filesystem::path output;
  EngineOptions engine;
};

bool is_component(std::span<const std::byte> bytes) {
  const auto info = inspect_component(bytes);
  return info && info->root.kind == WasmKind::component;
}

Result<void> compile(const Options& options) {
  LoadOptions load = options.load;
  TAIRITSU_TRY(const auto bytes, load_bytes(load.source));
  // It is here now.
  if (load.source.pull == PullPolicy::always) load.source.pull = PullPolicy::missing;
  // A core module that is a program stays one; everything else is a component, or becomes one.
  if (!is_component(bytes)) {
    if (const auto program = load_program(options.engine, load)) {
      TAIRITSU_TRY(const auto artifact, program->precompile());
      return write_file(options.output, artifact);
    }
  }
  TAIRITSU_TRY(const auto image, load_image(options.engine, load));
  TAIRITSU_TRY(const auto artifact, image.precompile());
  return write_file(options.output, artifact);
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
  auto options = std::make_shared<Options>();
  add_load_options(*command, options->load);
  command->add_option("-o,--output", options->output, "The file to write")->required()->type_name("FILE");
  command->add_flag("--for-fuel", options->engine.fuel, "For runs with --fuel");
  command->add_flag("--for-timeout", options->engine.epochs, "For runs with --timeout, and for 'serve'");
  command->callback([options] { end_unless(compile(*options)); });
}

}  // namespace tairitsu::cli

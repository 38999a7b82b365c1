#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "commands/command.h"
#include "commands/sandbox.h"
#include "tairitsu/tairitsu.h"

namespace tairitsu::cli {
namespace {

struct Options {
  std::filesystem::path file;
  std::vector<std::string> arguments;
  SandboxOptions sandbox;
};

/// What a command component exports, in any 0.2 version.
constexpr std::string_view kRun = "wasi:cli/run@0.2#run";

Result<int> run(const Options& options) {
  TAIRITSU_TRY(auto wasi, to_wasi_options(options.sandbox));
  TAIRITSU_TRY(const auto limits, to_limits(options.sandbox));
  wasi.standard_input = Input::inherit;
  wasi.arguments = options.arguments;
  wasi.arguments.insert(wasi.arguments.begin(), options.file.filename().string());
  TAIRITSU_TRY(const auto engine, create_engine(limits));
  TAIRITSU_TRY(const auto image, load_image(engine, options.file));
  const auto command = image.component().function<std::expected<void, std::monostate>()>(kRun);
  if (!command) {
    return fail(ErrorCode::unsupported_type,
                options.file.string() +
                    ": it is no command, for it exports no wasi:cli/run; 'tairitsu call " +
                    options.file.string() + "' lists the functions that it has");
  }
  TAIRITSU_TRY(const auto container, Container::builder(image).with_wasi(wasi).with_limits(limits).build());
  TAIRITSU_TRY(auto function, container.function(*command));
  TAIRITSU_TRY(const auto ended, function());
  return ended ? 0 : 1;
}

}  // namespace

void add_run(CLI::App& app) {
  auto* command = app.add_subcommand("run", "Run a command component");
  command->footer(
      "What follows FILE is the guest's. Its exit code is ours; 134 stands for a trap or a limit, 124 for\n"
      "the timeout, 125 for a failure of ours, 126 for what cannot be run, 127 for a file that is "
      "missing.\n\n"
      "Example:\n  tairitsu run hello.wasm\n"
      "  tairitsu run -v ./data:/data:ro -e LEVEL=2 --timeout 5s report.wasm /data/in.csv");
  // Options after the file are the guest's.
  command->positionals_at_end();
  auto options = std::make_shared<Options>();
  command->add_option("FILE", options->file, "The component, or a core module")->required();
  command->add_option("ARGUMENTS", options->arguments, "What the guest gets as its arguments");
  add_sandbox_options(*command, options->sandbox);
  command->callback([options] {
    const auto code = run(*options);
    if (code && *code == 0) return;
    if (code) throw CLI::RuntimeError(*code);
    if (code.error().code() == ErrorCode::guest_exited) {
      if (code.error().exit_status() == 0) return;
      throw CLI::RuntimeError(code.error().exit_status());
    }
    end_with(with_flag(code.error()), exit_code(code.error().code()));
  });
}

}  // namespace tairitsu::cli

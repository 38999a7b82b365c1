#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "commands/call.h"
#include "commands/command.h"
#include "commands/load.h"
#include "commands/sandbox.h"
#include "commands/signals.h"
#include "tairitsu/program.h"

namespace tairitsu::cli {
namespace {

struct RunCommandOptions {
  LoadOptions load;
  std::vector<std::string> arguments;
  std::string invoke;
  SandboxOptions sandbox;
};

/// How long Ctrl-C waits for a guest that computes and does not check for interruption.
constexpr unsigned kGraceMilliseconds = 200;

/// The guest that a signal interrupts.
struct Interruption {
  std::mutex mutex;
  std::optional<InterruptHandle> guest;
  /// The signal that arrived, for the exit code; 0 if none.
  int signal = 0;
};

Result<int> run(const RunCommandOptions& options) {
  // Must come before any other thread starts, such as the one that watches deadlines: that thread would take the signal
  // and end the process. Until there is a guest, the signal ends the process at once.
  const auto interruption = std::make_shared<Interruption>();
  catch_signals(kGraceMilliseconds, [interruption](int signal) {
    const std::scoped_lock lock(interruption->mutex);
    if (!interruption->guest) ::_exit(128 + signal);
    interruption->signal = signal;
    interruption->guest->interrupt();
  });
  TAIRITSU_TRY(auto wasi, to_wasi_options(options.sandbox, options.load));
  TAIRITSU_TRY(auto limits, to_limits(options.sandbox));
  wasi.standard_input = Input::inherit;
  wasi.arguments = options.arguments;
  wasi.arguments.insert(wasi.arguments.begin(), program_name(options.load));
  auto program = load_within(limits, options.load, load_program);
  if (!program) {
    if (program.error().code() != ErrorCode::unsupported_type) return std::unexpected(program.error());
    return fail(ErrorCode::unsupported_type, program.error().message() + "\nRun 'tairitsu call " +
                                                 options.load.name() + "' to list its functions.");
  }
  TAIRITSU_TRY(auto process, program->create(wasi, limits));
  {
    const std::scoped_lock lock(interruption->mutex);
    interruption->guest = process.interrupt_handle();
  }
  auto status = process.run();
  const std::scoped_lock lock(interruption->mutex);
  if (!status && status.error().code() == ErrorCode::interrupted && interruption->signal != 0) {
    return 128 + interruption->signal;
  }
  return status;
}

}  // namespace

void add_run(CLI::App& app) {
  auto* command = app.add_subcommand("run", "Run a program: a command component or a WASI core module");
  command->footer(
      "All arguments after FILE are passed to the guest.\n\n"
      "Exit codes:\n"
      "  124   --timeout expired\n"
      "  125   tairitsu itself failed\n"
      "  126   FILE cannot be run\n"
      "  127   FILE was not found\n"
      "  130   Ctrl-C\n"
      "  134   the guest trapped or exceeded a limit\n"
      "Any other exit code is the guest's.\n\n"
      "Examples:\n  tairitsu run hello.wasm\n"
      "  tairitsu run -v ./data:/data:ro -e LEVEL=2 --timeout 5s report.wasm /data/in.csv\n"
      "  tairitsu run --invoke 'greet(\"world\")' greeter.wasm");
  // Options after the file are the guest's.
  command->positionals_at_end();
  auto options = std::make_shared<RunCommandOptions>();
  add_load_options(*command, options->load);
  command->add_option("ARGUMENTS", options->arguments, "Pass these arguments to the guest");
  command->add_option("--invoke", options->invoke, "Call a function instead, as 'tairitsu call' does")
      ->type_name("CALL");
  add_sandbox_options(*command, options->sandbox);
  command->callback([options] {
    if (!options->invoke.empty()) {
      run_call({.load = options->load,
                .call = options->invoke,
                .arguments = {},
                .can_stub_imports = false,
                .sandbox = options->sandbox});
      return;
    }
    const auto code = run(*options);
    if (!code) exit_with(with_flag(code.error()), exit_code(code.error().code()));
    // Skip cleanup: the kernel frees everything, and faster.
    std::fflush(nullptr);
    std::_Exit(*code);
  });
}

}  // namespace tairitsu::cli

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

/// How long a guest that computes, and so does not notice, holds up Ctrl-C.
constexpr unsigned kGraceMilliseconds = 200;

/// A signal, and whom it interrupts.
struct Interruption {
  std::mutex mutex;
  std::optional<InterruptHandle> guest;
  /// The signal, for the exit code.
  int signal = 0;
};

Result<int> run(const RunCommandOptions& options) {
  // Before there is any other thread, such as the one that watches a deadline: it would end the process by the signal
  // itself. As long as there is no guest, the signal ends the process at once.
  const auto interruption = std::make_shared<Interruption>();
  catch_signals(kGraceMilliseconds, [interruption](int signal) {
    const std::scoped_lock lock(interruption->mutex);
    if (!interruption->guest) ::_exit(128 + signal);
    interruption->signal = signal;
    interruption->guest->interrupt();
  });
  TAIRITSU_TRY(auto wasi, to_wasi_options(options.sandbox));
  TAIRITSU_TRY(auto limits, to_limits(options.sandbox));
  wasi.standard_input = Input::inherit;
  wasi.arguments = options.arguments;
  wasi.arguments.insert(wasi.arguments.begin(), program_name(options.load));
  auto program = load_within(limits, options.load, load_program);
  if (!program) {
    if (program.error().code() != ErrorCode::unsupported_type) return std::unexpected(program.error());
    return fail(ErrorCode::unsupported_type, program.error().message() + "\n'tairitsu call " +
                                                 options.load.what() + "' lists the functions that it has");
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
  auto* command = app.add_subcommand("run", "Run a program: a command component, or a core module of WASI");
  command->footer(
      "What follows FILE is the guest's. Its exit code is ours; 134 stands for a trap or a limit, 124 for\n"
      "the timeout, 125 for a failure of ours, 126 for what cannot be run, 127 for a file that is missing,\n"
      "130 for Ctrl-C.\n\n"
      "Example:\n  tairitsu run hello.wasm\n"
      "  tairitsu run -v ./data:/data:ro -e LEVEL=2 --timeout 5s report.wasm /data/in.csv\n"
      "  tairitsu run --invoke 'greet(\"world\")' greeter.wasm");
  // RunCommandOptions after the file are the guest's.
  command->positionals_at_end();
  auto options = std::make_shared<RunCommandOptions>();
  add_load_options(*command, options->load);
  command->add_option("ARGUMENTS", options->arguments, "What the guest gets as its arguments");
  command->add_option("--invoke", options->invoke, "Call this function instead, as 'tairitsu call' does")
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
    if (!code) end_with(with_flag(code.error()), exit_code(code.error().code()));
    // There is nothing to tidy up that the kernel does not, and that at once.
    std::fflush(nullptr);
    std::_Exit(*code);
  });
}

}  // namespace tairitsu::cli

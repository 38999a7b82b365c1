#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "commands/call.h"
#include "commands/command.h"
#include "commands/load.h"
#include "commands/sandbox.h"
#include "commands/signals.h"
#include "tairitsu/tairitsu.h"

namespace tairitsu::cli {
namespace {

/// Returns the name of each function, as a call has to spell it, with its signature.
std::string list_functions(const World& world) {
  std::string list;
  const auto add = [&](const std::string& before, const FunctionItem& function) {
    list += before + function.name + ": " + function.type.to_string() + "\n";
  };
  for (const FunctionItem& function : world.exports.functions) add("", function);
  for (const Interface& interface : world.exports.interfaces) {
    for (const FunctionItem& function : interface.functions) add(interface.name + "#", function);
  }
  return list;
}

std::string read_standard_input() { return {std::istreambuf_iterator<char>(std::cin), {}}; }

Result<Value> call(const Container& container, const CallOptions& options, const JsonOptions& json) {
  const auto parenthesis = options.call.find('(');
  if (options.arguments) {
    if (parenthesis != std::string::npos) {
      return fail(ErrorCode::invalid_argument,
                  "arguments given twice: pass them either in the call, as WAVE, or after the name, as JSON");
    }
    TAIRITSU_TRY(const auto function, container.dynamic_function(options.call));
    const std::string text = *options.arguments == "-" ? read_standard_input() : *options.arguments;
    TAIRITSU_TRY(const auto values, parse_json_arguments(text, function.type(), json));
    return function(values);
  }
  if (parenthesis == std::string::npos) {
    TAIRITSU_TRY(const auto function, container.dynamic_function(options.call));
    if (!function.type().parameters.empty()) {
      return fail(ErrorCode::invalid_argument, "missing arguments: '" + options.call + "' is " +
                                                   function.type().to_string() +
                                                   "; write them in parentheses after its name");
    }
    return function({});
  }
  return container.call_wave_value(options.call);
}

Result<int> run(const CallOptions& options) {
  // Must come before any other thread starts: that thread would take the signal and end the process.
  catch_signals(0, [](int signal) { ::_exit(128 + signal); });
  TAIRITSU_TRY(const auto wasi, to_wasi_options(options.sandbox, options.load));
  TAIRITSU_TRY(auto limits, to_limits(options.sandbox));
  TAIRITSU_TRY(const auto image, load_within(limits, options.load, load_image));
  if (options.call.empty()) {
    TAIRITSU_RETURN_IF_ERROR(write_stdout(list_functions(image.component().world())));
    return 0;
  }
  TAIRITSU_TRY(const auto container, Container::builder(image)
                                         .with_imports([&](Linker& linker) -> Result<void> {
                                           linker.stub_missing_imports(options.stub_imports);
                                           return {};
                                         })
                                         .with_wasi(wasi)
                                         .with_limits(limits)
                                         .build());
  const JsonOptions json{.bytes_as_base64 = options.base64};
  TAIRITSU_TRY(const Value result, call(container, options, json));
  if (options.json) {
    TAIRITSU_RETURN_IF_ERROR(write_json(to_json(result, json) + "\n"));
  } else if (!result.is_empty()) {
    TAIRITSU_RETURN_IF_ERROR(write_stdout(to_wave(result) + "\n"));
  }
  const bool failed = result.kind() == TypeKind::result && result.case_name() == "error";
  return failed ? kGuestReturnedError : 0;
}

}  // namespace

void run_call(const CallOptions& options) {
  const auto code = run(options);
  if (!code) {
    Error error = with_flag(code.error());
    if (error.code() == ErrorCode::missing_import && !options.stub_imports) {
      error = error.with_advice(
          options.can_stub_imports
              ? "Pass --stub-imports to let them fail only when they are called."
              : "Use 'tairitsu call --stub-imports' to let them fail only when they are called.");
    }
    exit_with(error, exit_code(error.code()));
  }
  if (*code != 0) throw CLI::RuntimeError(*code);
}

void add_call(CLI::App& app) {
  auto* command = app.add_subcommand("call", "Call a function of a component and print its result");
  command->footer(
      "Without CALL, lists the component's functions.\n\n"
      "Values are written in WAVE: numbers, \"text\", 'c', true, [1, 2], {x: 1, y: 2}, (1, \"a\"), some(1),\n"
      "none, ok(1), err(\"no\"), and the names of cases and flags.\n\n"
      "The exit code is 1 if the function returns err(…); otherwise see 'tairitsu run --help'.\n\n"
      "Examples:\n  tairitsu call greeter.wasm\n"
      "  tairitsu call greeter.wasm 'greet(\"world\")'\n"
      "  tairitsu call greeter.wasm greet '{\"name\": \"world\"}' --json\n"
      "  tairitsu call shop.wasm 'example:shop/catalogue@1.0.0#find(7)'");
  auto options = std::make_shared<CallOptions>();
  add_load_options(*command, options->load);
  command->add_option(
      "CALL", options->call,
      "Function to call and its arguments, e.g. greet(\"world\"); the name may be shortened as "
      "long as it is unambiguous");
  command->add_option(
      "JSON", options->arguments,
      "Arguments as JSON, if CALL is only a name: an array, or an object keyed by parameter name; "
      "- reads standard input");
  command->add_flag("--json", options->json, "Print the result as JSON");
  command->add_flag("--base64", options->base64, "Represent list<u8> as base64 text in JSON");
  command->add_flag("--stub-imports", options->stub_imports,
                    "Let missing imports fail when they are called, instead of at the start");
  add_sandbox_options(*command, options->sandbox);
  command->callback([options] { run_call(*options); });
}

}  // namespace tairitsu::cli

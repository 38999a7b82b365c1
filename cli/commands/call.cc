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

/// Each function with its signature, as the call has to name it.
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
                  "arguments are given twice: write them in the call as WAVE, or after its name as JSON");
    }
    TAIRITSU_TRY(const auto function, container.dynamic_function(options.call));
    const std::string text = *options.arguments == "-" ? read_standard_input() : *options.arguments;
    TAIRITSU_TRY(const auto values, parse_json_arguments(text, function.type(), json));
    return function(values);
  }
  if (parenthesis == std::string::npos) {
    TAIRITSU_TRY(const auto function, container.dynamic_function(options.call));
    if (!function.type().parameters.empty()) {
      return fail(ErrorCode::invalid_argument, "'" + options.call + "' is " + function.type().to_string() +
                                                   ": write its arguments in parentheses after its name");
    }
    return function({});
  }
  return container.evaluate(options.call);
}

Result<int> run(const CallOptions& options) {
  // Before there is any other thread, which would end the process by the signal itself.
  catch_signals(0, [](int signal) { ::_exit(128 + signal); });
  TAIRITSU_TRY(const auto wasi, to_wasi_options(options.sandbox));
  TAIRITSU_TRY(auto limits, to_limits(options.sandbox));
  TAIRITSU_TRY(const auto image, load_within(limits, options.load, load_image));
  if (options.call.empty()) {
    TAIRITSU_CHECK(write_stdout(list_functions(image.component().world())));
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
    TAIRITSU_CHECK(write_json(to_json(result, json) + "\n"));
  } else if (!result.is_empty()) {
    TAIRITSU_CHECK(write_stdout(to_wave(result) + "\n"));
  }
  const bool failed = result.kind() == TypeKind::result && result.case_name() == "error";
  return failed ? kGuestAnsweredError : 0;
}

}  // namespace

void run_call(const CallOptions& options) {
  const auto code = run(options);
  if (!code) {
    Error error = with_flag(code.error());
    if (error.code() == ErrorCode::missing_import && !options.stub_imports) {
      error = error.with_advice(
          options.can_stub_imports
              ? "With --stub-imports they fail when they are called, not before."
              : "'tairitsu call --stub-imports' lets them fail when they are called, not before.");
    }
    end_with(error, exit_code(error.code()));
  }
  if (*code != 0) throw CLI::RuntimeError(*code);
}

void add_call(CLI::App& app) {
  auto* command = app.add_subcommand("call", "Call a function of a component");
  command->footer(
      "Values are WAVE: numbers, \"text\", 'c', true, [1, 2], {x: 1, y: 2}, (1, \"a\"), some(1), none,\n"
      "ok(1), err(\"no\"), and the names of cases and flags. Without a call it prints the functions there\n"
      "are. The exit code is 1 where the function answers err(…).\n\n"
      "Example:\n  tairitsu call greeter.wasm 'greet(\"world\")'\n"
      "  tairitsu call greeter.wasm greet '{\"name\": \"world\"}' --json\n"
      "  tairitsu call shop.wasm 'example:shop/catalogue@1.0.0#find(7)'");
  auto options = std::make_shared<CallOptions>();
  add_load_options(*command, options->load);
  command->add_option("CALL", options->call,
                      "NAME(ARGUMENTS), e.g. greet(\"world\"); the name is in full, or as much of it as is "
                      "unambiguous");
  command->add_option(
      "JSON", options->arguments,
      "Instead of arguments in the call: a JSON array, or an object by the parameters' names; - "
      "reads standard input");
  command->add_flag("--json", options->json, "Print the result as JSON");
  command->add_flag("--base64", options->base64, "Lists of u8 are base64 text in JSON");
  command->add_flag("--stub-imports", options->stub_imports,
                    "Let imports that nothing provides fail when they are called, not before");
  add_sandbox_options(*command, options->sandbox);
  command->callback([options] { run_call(*options); });
}

}  // namespace tairitsu::cli

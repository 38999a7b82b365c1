#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <iterator>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command.h"
#include "commands/compile_process.h"
#include "commands/help.h"
#include "commands/text.h"

namespace {

struct Command {
  std::string_view name;
  void (*add)(CLI::App&);
  /// The heading that `tairitsu --help` lists it under.
  const char* group;
};

constexpr const char* kRunning = "Running components";
constexpr const char* kImages = "Images";
constexpr const char* kRegistries = "Registries";
constexpr const char* kDeveloping = "Developing components";

constexpr Command kCommands[] = {
    {.name = "run", .add = tairitsu::cli::add_run, .group = kRunning},
    {.name = "call", .add = tairitsu::cli::add_call, .group = kRunning},
    {.name = "serve", .add = tairitsu::cli::add_serve, .group = kRunning},
    {.name = "images", .add = tairitsu::cli::add_images, .group = kImages},
    {.name = "tag", .add = tairitsu::cli::add_tag, .group = kImages},
    {.name = "rmi", .add = tairitsu::cli::add_rmi, .group = kImages},
    {.name = "import", .add = tairitsu::cli::add_import, .group = kImages},
    {.name = "save", .add = tairitsu::cli::add_save, .group = kImages},
    {.name = "load", .add = tairitsu::cli::add_load, .group = kImages},
    {.name = "system", .add = tairitsu::cli::add_system, .group = kImages},
    {.name = "pull", .add = tairitsu::cli::add_pull, .group = kRegistries},
    {.name = "push", .add = tairitsu::cli::add_push, .group = kRegistries},
    {.name = "login", .add = tairitsu::cli::add_login, .group = kRegistries},
    {.name = "logout", .add = tairitsu::cli::add_logout, .group = kRegistries},
    {.name = "inspect", .add = tairitsu::cli::add_inspect, .group = kDeveloping},
    {.name = "wit", .add = tairitsu::cli::add_wit, .group = kDeveloping},
    {.name = "bindgen", .add = tairitsu::cli::add_bindgen, .group = kDeveloping},
    {.name = "componentize", .add = tairitsu::cli::add_componentize, .group = kDeveloping},
    {.name = "compile", .add = tairitsu::cli::add_compile, .group = kDeveloping},
};

/// Returns null if there is no such command.
const Command* find_command(std::string_view name) {
  const auto* const found = std::ranges::find(kCommands, name, &Command::name);
  return found != std::end(kCommands) ? found : nullptr;
}

/// Adds only the command that is named, if there is one, otherwise all of them: describing all commands takes a third
/// of a millisecond, which matters for a program that is started often.
void add_commands(CLI::App& app, std::string_view name) {
  if (const Command* const found = find_command(name)) {
    found->add(app);
    return;
  }
  for (const Command& command : kCommands) {
    command.add(app);
    app.get_subcommand(std::string(command.name))->group(command.group);
  }
}

std::string in_quotes(std::string_view text) { return "'" + tairitsu::cli::printable(text) + "'"; }

/// Returns `unknown KIND 'TYPED'`, with a suggestion if a name is similar.
std::string unknown(const std::string& kind, std::string_view typed,
                    const std::vector<std::string_view>& names) {
  std::string text = "unknown " + kind + " " + in_quotes(typed);
  const std::string_view near = tairitsu::cli::nearest(typed, names);
  return near.empty() ? text : text + "; did you mean " + in_quotes(near) + "?";
}

/// Prints the message and where to find help. Returns the exit code.
int report_usage_error(const std::string& message, const std::string& command) {
  const std::string hint =
      "\nRun '" + command + " --help' for " + (command == "tairitsu" ? "a list of commands." : "usage.");
  tairitsu::cli::print_error(tairitsu::Error(tairitsu::ErrorCode::invalid_argument, message + hint));
  return tairitsu::cli::kOurError;
}

/// Describes `first`, the first argument that `command` does not know.
std::string describe_unknown(CLI::App& command, const std::string& first) {
  std::vector<std::string_view> names;
  if (first.starts_with("-")) {
    const std::string typed = first.substr(0, first.find('='));
    const auto options = command.get_options();
    std::vector<std::string> spelled;
    for (const CLI::Option* const option : options) {
      for (const std::string& name : option->get_lnames()) spelled.push_back("--" + name);
    }
    names.assign(spelled.begin(), spelled.end());
    return unknown("option", typed, names);
  }
  const auto commands = command.get_subcommands([](const CLI::App*) { return true; });
  if (commands.empty()) return "unexpected argument " + in_quotes(first);
  std::vector<std::string> spelled;
  spelled.reserve(commands.size());
  for (const CLI::App* const inner : commands) spelled.push_back(inner->get_name());
  names.assign(spelled.begin(), spelled.end());
  return unknown("command", first, names);
}

int report_usage_error(CLI::App& app, const CLI::ParseError& error) {
  // CLI11's error does not say which command it is about: it is the innermost one that was recognised.
  CLI::App* command = &app;
  std::string name = app.get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += " " + command->get_name();
  }
  const bool has_rest = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
                        dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  std::vector<std::string> rest = has_rest ? app.remaining(true) : std::vector<std::string>();
  std::erase(rest, "--");
  return report_usage_error(
      rest.empty() ? std::string(error.what()) : describe_unknown(*command, rest.front()), name);
}

/// Prints the text of `--help` or `--version`. Fails if it cannot be written, as the commands do.
int print_help(const CLI::App& app, const CLI::Success& help) {
  std::ostringstream text;
  app.exit(help, text, text);
  const auto written = tairitsu::cli::write_stdout(text.str());
  if (written) return 0;
  tairitsu::cli::print_error(written.error());
  return tairitsu::cli::kOurError;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && argv[1] == tairitsu::cli::kCompileChild) {
    return tairitsu::cli::run_compile_child(std::span(argv, static_cast<std::size_t>(argc)).subspan(2));
  }
  CLI::App app("Run, serve, share and build WebAssembly components", "tairitsu");
  app.formatter(std::make_shared<tairitsu::cli::HelpFormatter>());
  app.set_help_flag("-h,--help", "Print this help");
  app.set_version_flag("--version", "tairitsu " TAIRITSU_VERSION, "Print the version");
  app.require_subcommand(1);
  app.footer(
      "Examples:\n  tairitsu run hello.wasm\n"
      "  tairitsu serve ghcr.io/me/site:1\n\n"
      "Run 'tairitsu COMMAND --help' for a command's options and examples.");
  add_commands(app, argc > 1 ? argv[1] : "");

  try {
    if (argc > 1 && argv[1][0] != '-' && !find_command(argv[1]))
      return report_usage_error(describe_unknown(app, argv[1]), "tairitsu");
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& ended) {
    return ended.get_exit_code();
  } catch (const CLI::Success& help) {
    return print_help(app, help);
  } catch (const CLI::ParseError& error) {
    return report_usage_error(app, error);
  } catch (const std::exception& unexpected) {
    tairitsu::cli::print_error(tairitsu::Error(tairitsu::ErrorCode::internal, unexpected.what()));
    return tairitsu::cli::kOurError;
  }
}

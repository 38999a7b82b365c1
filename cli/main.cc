#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <iterator>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command.h"
#include "commands/compile_process.h"
#include "commands/text.h"

namespace {

struct Command {
  std::string_view name;
  void (*add)(CLI::App&);
};

constexpr Command kCommands[] = {
    {.name = "run", .add = tairitsu::cli::add_run},
    {.name = "call", .add = tairitsu::cli::add_call},
    {.name = "serve", .add = tairitsu::cli::add_serve},
    {.name = "images", .add = tairitsu::cli::add_images},
    {.name = "pull", .add = tairitsu::cli::add_pull},
    {.name = "push", .add = tairitsu::cli::add_push},
    {.name = "tag", .add = tairitsu::cli::add_tag},
    {.name = "rmi", .add = tairitsu::cli::add_rmi},
    {.name = "import", .add = tairitsu::cli::add_import},
    {.name = "save", .add = tairitsu::cli::add_save},
    {.name = "load", .add = tairitsu::cli::add_load},
    {.name = "login", .add = tairitsu::cli::add_login},
    {.name = "logout", .add = tairitsu::cli::add_logout},
    {.name = "system", .add = tairitsu::cli::add_system},
    {.name = "inspect", .add = tairitsu::cli::add_inspect},
    {.name = "wit", .add = tairitsu::cli::add_wit},
    {.name = "bindgen", .add = tairitsu::cli::add_bindgen},
    {.name = "componentize", .add = tairitsu::cli::add_componentize},
    {.name = "compile", .add = tairitsu::cli::add_compile},
};

/// Null where there is none.
const Command* find_command(std::string_view name) {
  const auto* const found = std::ranges::find(kCommands, name, &Command::name);
  return found != std::end(kCommands) ? found : nullptr;
}

/// The one that is asked for, or all of them where none is: describing them takes a third of a millisecond,
/// which counts where a program is started often.
void add_commands(CLI::App& app, std::string_view wanted) {
  if (const Command* const found = find_command(wanted)) {
    found->add(app);
    return;
  }
  for (const Command& command : kCommands) command.add(app);
}

std::string in_quotes(std::string_view text) { return "'" + tairitsu::cli::printable(text) + "'"; }

/// `unknown KIND 'TYPED'`, with the name that is most like it.
std::string unknown(const std::string& kind, std::string_view typed,
                    const std::vector<std::string_view>& names) {
  std::string text = "unknown " + kind + " " + in_quotes(typed);
  const std::string_view near = tairitsu::cli::nearest(typed, names);
  return near.empty() ? text : text + "; did you mean " + in_quotes(near) + "?";
}

/// Prints the message and where to read on; the exit code.
int refuse(const std::string& message, const std::string& command) {
  const std::string hint = "\nRun '" + command + " --help' for " +
                           (command == "tairitsu" ? "the commands." : "its arguments and options.");
  tairitsu::cli::print_error(tairitsu::Error(tairitsu::ErrorCode::invalid_argument, message + hint));
  return tairitsu::cli::kOurError;
}

/// What was typed that `command` does not know, `first` of it.
std::string unknown_part(CLI::App& command, const std::string& first) {
  std::vector<std::string_view> names;
  if (first.starts_with("-")) {
    const std::string typed = first.substr(0, first.find('='));
    const auto options = command.get_options();
    std::vector<std::string> spelt;
    for (const CLI::Option* const option : options) {
      for (const std::string& name : option->get_lnames()) spelt.push_back("--" + name);
    }
    names.assign(spelt.begin(), spelt.end());
    return unknown("option", typed, names);
  }
  const auto commands = command.get_subcommands([](const CLI::App*) { return true; });
  if (commands.empty()) return "unexpected argument " + in_quotes(first);
  std::vector<std::string> spelt;
  spelt.reserve(commands.size());
  for (const CLI::App* const inner : commands) spelt.push_back(inner->get_name());
  names.assign(spelt.begin(), spelt.end());
  return unknown("command", first, names);
}

int refuse(CLI::App& app, const CLI::ParseError& wrong) {
  // CLI11's error does not say whose argument is wrong: it is the innermost command that was recognised.
  CLI::App* command = &app;
  std::string name = app.get_name();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    name += " " + command->get_name();
  }
  const bool leaves_some = dynamic_cast<const CLI::ExtrasError*>(&wrong) != nullptr ||
                           dynamic_cast<const CLI::RequiredError*>(&wrong) != nullptr;
  std::vector<std::string> rest = leaves_some ? app.remaining(true) : std::vector<std::string>();
  std::erase(rest, "--");
  return refuse(rest.empty() ? std::string(wrong.what()) : unknown_part(*command, rest.front()), name);
}

/// `--help` and `--version`. What cannot be written is a failure, as it is of the commands.
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
  CLI::App app("Runs WebAssembly components, and makes them.", "tairitsu");
  app.set_version_flag("--version", "tairitsu " TAIRITSU_VERSION);
  app.require_subcommand(1);
  app.footer("Run 'tairitsu COMMAND --help' for a command's options and an example.");
  add_commands(app, argc > 1 ? argv[1] : "");

  try {
    if (argc > 1 && argv[1][0] != '-' && !find_command(argv[1]))
      return refuse(unknown_part(app, argv[1]), "tairitsu");
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& ended) {
    return ended.get_exit_code();
  } catch (const CLI::Success& help) {
    return print_help(app, help);
  } catch (const CLI::ParseError& wrong) {
    return refuse(app, wrong);
  } catch (const std::exception& unexpected) {
    tairitsu::cli::print_error(tairitsu::Error(tairitsu::ErrorCode::internal, unexpected.what()));
    return tairitsu::cli::kOurError;
  }
}

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

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
    if (argc > 1 && argv[1][0] != '-' && !find_command(argv[1])) {
      tairitsu::cli::print_error(tairitsu::Error(tairitsu::ErrorCode::invalid_argument,
                                                 "there is no command '" + tairitsu::cli::printable(argv[1]) +
                                                     "'\nRun 'tairitsu --help' for those that there are."));
      return tairitsu::cli::kOurError;
    }
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& ended) {
    return ended.get_exit_code();
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& wrong) {
    const auto hint =
        std::string(wrong.what()) + "\nRun 'tairitsu --help' for the commands and their options.";
    tairitsu::cli::print_error(tairitsu::Error(tairitsu::ErrorCode::invalid_argument, hint));
    return tairitsu::cli::kOurError;
  } catch (const std::exception& unexpected) {
    tairitsu::cli::print_error(tairitsu::Error(tairitsu::ErrorCode::internal, unexpected.what()));
    return tairitsu::cli::kOurError;
  }
}

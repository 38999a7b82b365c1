#include <CLI/CLI.hpp>
#include <exception>
#include <string>

#include "commands/command.h"

int main(int argc, char** argv) {
  CLI::App app("Runs WebAssembly components, and makes them.", "tairitsu");
  app.set_version_flag("--version", "tairitsu " TAIRITSU_VERSION);
  app.require_subcommand(1);
  app.footer("Run 'tairitsu COMMAND --help' for a command's options and an example.");
  tairitsu::cli::add_bindgen(app);
  tairitsu::cli::add_call(app);
  tairitsu::cli::add_compile(app);
  tairitsu::cli::add_componentize(app);
  tairitsu::cli::add_inspect(app);
  tairitsu::cli::add_run(app);
  tairitsu::cli::add_serve(app);
  tairitsu::cli::add_wit(app);

  try {
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

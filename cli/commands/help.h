/// The layout of `--help`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace tairitsu::cli {

/// Lays help out in two columns, with lines of up to 100 characters. Appends an option's default to its description.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter();

  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_subcommands(const CLI::App* app, CLI::AppFormatMode mode) const override;
  std::string make_subcommand(const CLI::App* sub) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
};

}  // namespace tairitsu::cli

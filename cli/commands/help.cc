#include "commands/help.h"

#include <cstddef>
#include <sstream>
#include <string>
#include <utility>

namespace tairitsu::cli {
namespace {

constexpr std::size_t kLineWidth = 100;
constexpr std::size_t kOptionColumn = 30;
constexpr std::size_t kCommandColumn = 17;

/// A name, and from `column` on its description, broken at spaces.
std::string two_columns(std::string text, std::size_t column, const std::string& description) {
  if (text.size() + 2 > column) {
    text += '\n';
    text.append(column, ' ');
  } else {
    text.resize(column, ' ');
  }
  std::size_t end = column;
  std::istringstream words(description);
  for (std::string word; words >> word;) {
    if (end > column && end + 1 + word.size() > kLineWidth) {
      text += '\n';
      text.append(column, ' ');
      end = column;
    } else if (end > column) {
      text += ' ';
      ++end;
    }
    text += word;
    end += word.size();
  }
  return text + '\n';
}

/// `-o, --output FILE`; long names without a short one are indented so that all of them line up.
std::string option_names(const CLI::Option& option) {
  std::string text;
  for (const std::string& name : option.get_snames()) text += (text.empty() ? "-" : ", -") + name;
  if (text.empty()) text = "   ";
  for (const std::string& name : option.get_lnames()) text += (text == "   " ? " --" : ", --") + name;
  if (option.get_type_size() == 0) return text;
  text += " " + option.get_type_name();
  if (option.get_expected_max() == CLI::detail::expected_max_vector_size) text += "...";
  return text;
}

/// Replaces all occurrences.
std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return CLI::detail::find_and_replace(std::move(text), from, to);
}

}  // namespace

HelpFormatter::HelpFormatter() {
  label("Positionals", "Arguments");
  label("SUBCOMMAND", "COMMAND");
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const {
  // CLI11 separates groups of options by two empty lines.
  return replaced(Formatter::make_help(app, std::move(name), mode), "\n\n\n", "\n\n");
}

std::string HelpFormatter::make_usage(const CLI::App* app, std::string name) const {
  return "\n" + Formatter::make_usage(app, std::move(name));
}

std::string HelpFormatter::make_subcommands(const CLI::App* app, CLI::AppFormatMode mode) const {
  return replaced(Formatter::make_subcommands(app, mode), "\nSubcommands:\n", "\nCommands:\n");
}

std::string HelpFormatter::make_subcommand(const CLI::App* sub) const {
  return two_columns("  " + sub->get_name(), kCommandColumn, sub->get_description());
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  if (is_positional) {
    return two_columns("  " + make_option_usage(option), kOptionColumn, option->get_description());
  }
  std::string description = option->get_description();
  if (option->get_required()) description += " (required)";
  if (!option->get_default_str().empty()) description += " (default: " + option->get_default_str() + ")";
  return two_columns("  " + option_names(*option), kOptionColumn, description);
}

}  // namespace tairitsu::cli

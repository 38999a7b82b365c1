// Commands for the data directory: system df, system prune.
#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "commands/store.h"
#include "commands/text.h"
#include "tairitsu/compilation_cache.h"

namespace tairitsu::cli {
namespace {

Result<void> disk_use(const std::string& format) {
  TAIRITSU_TRY(const auto store, open_store());
  TAIRITSU_TRY(const auto usage, store.usage());
  if (format == "json") {
    const nlohmann::ordered_json json = {
        {"directory", store.layout_directory().parent_path().string()},
        {"images",
         {{"count", usage.images}, {"bytes", usage.bytes}, {"reclaimable_bytes", usage.unused_bytes}}},
        {"artifacts", {{"count", usage.artifacts}, {"bytes", usage.artifact_bytes}}},
        {"writing", {{"bytes", usage.writing_bytes}}}};
    return write_stdout(to_text(json));
  }
  Table table({"TYPE", "TOTAL", "SIZE", "RECLAIMABLE"});
  table.add(
      {"Images", std::to_string(usage.images), human_size(usage.bytes), human_size(usage.unused_bytes)});
  // Compiled code is compiled again when it is needed, so all of it can be reclaimed.
  table.add({"Compiled code", std::to_string(usage.artifacts), human_size(usage.artifact_bytes),
             human_size(usage.artifact_bytes)});
  if (usage.writing_bytes != 0) table.add({"Being written", "", human_size(usage.writing_bytes), "0 B"});
  return write_stdout(table.to_string());
}

struct PruneOptions {
  bool all = false;
  bool force = false;
};

Result<bool> confirm(const PruneOptions& options) {
  if (options.force) return true;
  if (::isatty(STDIN_FILENO) != 1) {
    return fail(ErrorCode::invalid_argument,
                "refusing to prune: not a terminal; pass --force to skip the confirmation");
  }
  print_note(std::string("This removes images without a name and content that no image needs") +
             (options.all ? ", and all compiled code" : "") + ".\nContinue? [y/N] ");
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

Result<void> prune(const PruneOptions& options) {
  TAIRITSU_TRY(const bool confirmed, confirm(options));
  if (!confirmed) return {};
  TAIRITSU_TRY(auto store, open_store());
  TAIRITSU_TRY(const auto before, store.usage());
  TAIRITSU_TRY(const auto pruned, store.prune({.unnamed = true}));
  if (options.all) {
    TAIRITSU_TRY(const auto cache, CompilationCache::open(store.artifact_directory()));
    TAIRITSU_RETURN_IF_ERROR(cache.clear());
  }
  TAIRITSU_TRY(const auto after, store.usage());
  std::string text;
  for (const std::string& digest : pruned.images) text += "Deleted: " + digest + "\n";
  const std::uint64_t artifacts =
      before.artifact_bytes > after.artifact_bytes ? before.artifact_bytes - after.artifact_bytes : 0;
  return write_stdout(text + "Total reclaimed space: " + human_size(pruned.bytes + artifacts) + "\n");
}

}  // namespace

void add_system(CLI::App& app) {
  auto* command = app.add_subcommand("system", "Show and free the disk space of images and compiled code");
  command->require_subcommand(1);
  command->footer("Examples:\n  tairitsu system df\n  tairitsu system prune");
  auto* df = command->add_subcommand("df", "Show the disk space of images and compiled code");
  df->footer("Examples:\n  tairitsu system df\n  tairitsu system df --format json");
  const auto format = std::make_shared<std::string>("table");
  df->add_option("--format", *format, "Print a table, or json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json"}).description(""))
      ->capture_default_str();
  df->callback([format] { exit_on_error(disk_use(*format)); });

  auto* prune_command = command->add_subcommand("prune", "Remove unused images and compiled code");
  prune_command->footer(
      "Removes images without a name, content that no image needs, and the compiled code of both. Keeps\n"
      "images that have a name. Pulls and guests that are running are not affected.\n\n"
      "Examples:\n  tairitsu system prune --force");
  const auto options = std::make_shared<PruneOptions>();
  prune_command->add_flag("-a,--all", options->all,
                          "Also remove all compiled code; it is compiled again when needed");
  prune_command->add_flag("-f,--force", options->force, "Do not ask for confirmation");
  prune_command->callback([options] { exit_on_error(prune(*options)); });
}

}  // namespace tairitsu::cli

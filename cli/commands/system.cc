// What the data folder holds, and how it is made smaller: system df, system prune.
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
        {"folder", store.layout_folder().parent_path().string()},
        {"images",
         {{"count", usage.images}, {"bytes", usage.bytes}, {"reclaimable_bytes", usage.unused_bytes}}},
        {"artifacts", {{"count", usage.artifacts}, {"bytes", usage.artifact_bytes}}},
        {"writing", {{"bytes", usage.writing_bytes}}}};
    return write_stdout(to_text(json));
  }
  Table table({"TYPE", "TOTAL", "SIZE", "RECLAIMABLE"});
  table.add(
      {"Images", std::to_string(usage.images), human_size(usage.bytes), human_size(usage.unused_bytes)});
  // They are made again when they are wanted.
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
                "there is no terminal to ask at whether you are sure: say --force");
  }
  print_note(std::string("This removes images that have no name") +
             (options.all ? ", and all compiled code" : ", and what no image needs") +
             ".\nAre you sure? [y/N] ");
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

Result<void> prune(const PruneOptions& options) {
  TAIRITSU_TRY(const bool sure, confirm(options));
  if (!sure) return {};
  TAIRITSU_TRY(auto store, open_store());
  TAIRITSU_TRY(const auto before, store.usage());
  TAIRITSU_TRY(const auto pruned, store.prune({.unnamed = true}));
  if (options.all) {
    TAIRITSU_TRY(const auto cache, CompilationCache::open(store.artifact_folder()));
    TAIRITSU_CHECK(cache.clear());
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
  auto* command = app.add_subcommand("system", "What images take of the disk, and freeing it");
  command->require_subcommand(1);
  auto* df = command->add_subcommand("df", "Tell what images and compiled code take of the disk");
  df->footer("Example:\n  tairitsu system df");
  const auto format = std::make_shared<std::string>("table");
  df->add_option("--format", *format, "A table, or JSON")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  df->callback([format] { end_unless(disk_use(*format)); });

  auto* prune_command = command->add_subcommand("prune", "Free what is not needed");
  prune_command->footer(
      "Images without a name go, with what no image needs, and the compiled code of both. Images with a "
      "name\n"
      "stay, and what is being pulled or run is not disturbed.\n\n"
      "Example:\n  tairitsu system prune --force");
  const auto options = std::make_shared<PruneOptions>();
  prune_command->add_flag("-a,--all", options->all,
                          "All compiled code too; it is made again when it is wanted");
  prune_command->add_flag("-f,--force", options->force, "Do not ask");
  prune_command->callback([options] { end_unless(prune(*options)); });
}

}  // namespace tairitsu::cli

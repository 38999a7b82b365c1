// Commands for the image store: images, tag, rmi, import.
#include <fnmatch.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "commands/command.h"
#include "commands/load.h"
#include "commands/store.h"
#include "commands/text.h"
#include "tairitsu/inspect.h"

namespace tairitsu::cli {
namespace {

// ---- images

struct ListOptions {
  std::string pattern;
  std::vector<std::string> filters;
  std::string format = "table";
  bool quiet = false;
  bool no_trunc = false;
};

/// Splits a name into repository and tag, as Docker shows them.
std::pair<std::string, std::string> split_name(const std::string& name) {
  if (name.empty()) return {"<none>", "<none>"};
  const auto at = name.find('@');
  const auto slash = name.rfind('/', at);
  const auto colon = name.find(':', slash == std::string::npos ? 0 : slash);
  if (at != std::string::npos && (colon == std::string::npos || colon > at))
    return {name.substr(0, at), "<none>"};
  if (colon == std::string::npos) return {name, "<none>"};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

/// Matches as Docker does: a pattern such as `web` or `web:1*` matches a repository or a name, and `*` stops at a `/`.
bool matches_pattern(const std::string& pattern, const std::string& name) {
  const auto matches = [&](const std::string& text) {
    return ::fnmatch(pattern.c_str(), text.c_str(), FNM_PATHNAME) == 0;
  };
  return matches(name) || matches(split_name(name).first);
}

/// One `--filter`, which selects images or the names that they are listed with.
class Filter {
 public:
  static Result<Filter> parse(const ImageStore& store, const std::string& text) {
    const auto equals = text.find('=');
    Filter filter;
    filter.key_ = text.substr(0, equals);
    filter.value_ = equals == std::string::npos ? "" : text.substr(equals + 1);
    if (filter.key_ == "before" || filter.key_ == "since") {
      TAIRITSU_TRY(const auto other, find_image(store, filter.value_));
      filter.time_ = unix_nanoseconds(other.created);
      if (!filter.time_) {
        return fail(ErrorCode::invalid_argument, "invalid filter '" + text + "': image '" + filter.value_ +
                                                     "' has no valid creation time");
      }
    } else if (filter.key_ == "dangling") {
      if (filter.value_ != "true" && filter.value_ != "false") {
        return fail(ErrorCode::invalid_argument, "invalid filter '" + text + "': expected 'true' or 'false'");
      }
    } else if ((filter.key_ != "reference" && filter.key_ != "label") || filter.value_.empty()) {
      return fail(ErrorCode::invalid_argument,
                  "invalid filter '" + text +
                      "': expected reference=PATTERN, label=KEY, label=KEY=VALUE, before=IMAGE, "
                      "since=IMAGE, dangling=true or dangling=false");
    }
    return filter;
  }

  [[nodiscard]] bool matches(const StoredImage& image, const std::string& name) const {
    if (key_ == "reference") return !name.empty() && matches_pattern(value_, name);
    if (key_ == "dangling") return name.empty() == (value_ == "true");
    if (key_ == "before" || key_ == "since") {
      const auto created = unix_nanoseconds(image.created);
      return created && (key_ == "before" ? *created < *time_ : *created > *time_);
    }
    const auto equals = value_.find('=');
    const auto found = image.annotations.find(value_.substr(0, equals));
    return found != image.annotations.end() &&
           (equals == std::string::npos || found->second == value_.substr(equals + 1));
  }

 private:
  std::string key_;
  std::string value_;
  std::optional<std::int64_t> time_;
};

Result<void> list(const ListOptions& options) {
  TAIRITSU_TRY(const auto store, open_store());
  std::vector<Filter> filters;
  for (const std::string& text : options.filters) {
    TAIRITSU_TRY(filters.emplace_back(), Filter::parse(store, text));
  }
  TAIRITSU_TRY(auto images, store.images());
  const std::time_t now = std::time(nullptr);
  Table table({"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"});
  std::string text;
  for (StoredImage& image : images) {
    std::vector<std::string> names = image.names.empty() ? std::vector<std::string>{""} : image.names;
    std::erase_if(names, [&](const std::string& name) {
      return (!options.pattern.empty() && (name.empty() || !matches_pattern(options.pattern, name))) ||
             !std::ranges::all_of(filters, [&](const Filter& filter) { return filter.matches(image, name); });
    });
    if (names.empty()) continue;
    const std::string id = options.no_trunc ? image.digest : short_digest(image.digest);
    if (options.quiet) {
      text += id + "\n";
    } else if (options.format == "json") {
      if (names.front().empty()) names.clear();
      image.names = names;
      text += to_text(image_as_json(image));
    } else {
      for (const std::string& name : names) {
        const auto [repository, tag] = split_name(name);
        const bool bad = !image.problem.empty();
        table.add({printable(repository), printable(tag), id, bad ? "" : age(image.created, now),
                   bad ? "unusable: " + printable(image.problem) : human_size(image.size)});
      }
    }
  }
  const bool as_table = !options.quiet && options.format == "table";
  return write_stdout(as_table ? table.to_string() : text);
}

// ---- tag, rmi

Result<void> tag(const std::string& source, const std::string& target) {
  TAIRITSU_TRY(auto store, open_store());
  TAIRITSU_TRY(const std::string name, normalize_image_name(target));
  TAIRITSU_TRY(const auto image, find_image(store, source));
  return store.tag(image.digest, name);
}

Result<void> remove_one(ImageStore& store, const std::string& reference, bool force) {
  TAIRITSU_TRY(const std::string stored, stored_reference(store, reference));
  TAIRITSU_TRY(const auto removal, store.remove(stored, force));
  std::string text;
  for (const std::string& name : removal.names) text += "Untagged: " + printable(name) + "\n";
  if (removal.last) text += "Deleted: " + removal.digest + "\n";
  return write_stdout(text);
}

Result<void> remove(const std::vector<std::string>& references, bool force) {
  TAIRITSU_TRY(auto store, open_store());
  std::optional<Error> first;
  for (const std::string& reference : references) {
    auto removed = remove_one(store, reference, force);
    if (removed || (force && removed.error().code() == ErrorCode::not_found)) continue;
    if (first) print_error(*first);
    first = removed.error();
  }
  TAIRITSU_RETURN_IF_ERROR(store.prune());
  if (first) return std::unexpected(*first);
  return {};
}

// ---- import

struct ImportOptions {
  std::string file;
  std::string name;
  std::string author;
  std::string created;
  std::vector<std::string> annotations;
};

std::vector<std::string> names_of(const std::vector<ItemInfo>& items) {
  std::vector<std::string> names;
  for (const ItemInfo& item : items) {
    if (item.kind == ItemKind::interface || item.kind == ItemKind::function) names.push_back(item.name);
  }
  return names;
}

Result<void> import(const ImportOptions& options) {
  TAIRITSU_TRY(const std::string name, normalize_image_name(options.name));
  ImageDescription description{.created = options.created, .author = options.author};
  if (!options.created.empty() && !unix_nanoseconds(options.created)) {
    return fail(ErrorCode::invalid_argument,
                "invalid time '" + options.created + "': expected RFC 3339, such as 2024-06-25T15:58:49Z");
  }
  for (const std::string& text : options.annotations) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorCode::invalid_argument, "invalid annotation '" + text + "': expected KEY=VALUE");
    }
    description.annotations[text.substr(0, equals)] = text.substr(equals + 1);
  }
  const std::string path = options.file == "-" ? "/dev/stdin" : options.file;
  const std::string shown = options.file == "-" ? "standard input" : options.file;
  const auto failure = [&](const Error& error) { return std::unexpected(error.with_context(shown)); };
  TAIRITSU_TRY(const auto bytes, read_file(path));
  const auto info = inspect_component(bytes);
  if (!info) return failure(info.error());
  if (info->root.kind != WasmKind::component && info->root.kind != WasmKind::core_module) {
    return failure(Error(
        ErrorCode::not_wasm,
        "an image must contain a component or a core module, not " +
            std::string(info->root.kind == WasmKind::artifact ? "precompiled code" : "WIT without code")));
  }
  if (info->root.kind == WasmKind::component) {
    description.exports = names_of(info->exports);
    description.imports = names_of(info->imports);
  }
  TAIRITSU_TRY(const auto binary, to_wasm_binary(bytes));
  TAIRITSU_TRY(auto store, open_store());
  TAIRITSU_TRY(const auto image, store.add_image(name, binary, description));
  return write_stdout(image.digest + "\n");
}

}  // namespace

void add_images(CLI::App& app) {
  auto* command = app.add_subcommand("images", "List local images");
  command->footer(
      "Filters:\n"
      "  reference=PATTERN             by name or repository\n"
      "  label=KEY, label=KEY=VALUE    by annotation\n"
      "  before=IMAGE, since=IMAGE     created before or after another image\n"
      "  dangling=true|false           without or with a name\n"
      "Lists the images that match all filters.\n\n"
      "Examples:\n  tairitsu images\n"
      "  tairitsu images 'ghcr.io/me/*' --format json | jq .digest\n"
      "  tairitsu rmi $(tairitsu images -q --filter dangling=true)");
  auto options = std::make_shared<ListOptions>();
  command->add_option("PATTERN", options->pattern,
                      "List only images whose name or repository matches, e.g. 'ghcr.io/me/*'");
  command->add_flag("-q,--quiet", options->quiet, "Print only image IDs");
  command->add_flag("--no-trunc", options->no_trunc, "Print full image IDs");
  command
      ->add_flag_callback(
          "-a,--all", [] {}, "Accepted for compatibility with Docker: all images are listed anyway")
      ->group("");
  command->add_option("--filter,-f", options->filters, "List only images that match, see below")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--format", options->format, "Print a table, or json: one object per image")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json"}).description(""))
      ->capture_default_str();
  command->callback([options] { exit_on_error(list(*options)); });
}

void add_tag(CLI::App& app) {
  auto* command = app.add_subcommand("tag", "Add a name to an image");
  command->footer(
      "If TARGET exists, it is moved to SOURCE.\n\n"
      "Examples:\n  tairitsu tag hello:1 ghcr.io/me/hello:1");
  const auto names = std::make_shared<std::pair<std::string, std::string>>();
  command
      ->add_option("SOURCE", names->first,
                   "Image, by name, digest or the first four or more digits of a digest")
      ->required();
  command->add_option("TARGET", names->second, "New name; the tag is latest by default")->required();
  command->callback([names] { exit_on_error(tag(names->first, names->second)); });
}

void add_rmi(CLI::App& app) {
  auto* command = app.add_subcommand("rmi", "Remove images");
  command->footer(
      "Given a name, removes that name, and the image if it was the last one. Given a digest, removes the\n"
      "image if it has at most one name or with --force. Content that no other image needs is deleted.\n"
      "Running guests are not affected.\n\n"
      "Examples:\n  tairitsu rmi hello:1 ghcr.io/me/hello:1\n"
      "  tairitsu rmi --force 3f1c8a");
  struct Options {
    std::vector<std::string> references;
    bool force = false;
  };
  auto options = std::make_shared<Options>();
  command
      ->add_option("IMAGE", options->references,
                   "Images, by name, digest or the first four or more digits of a digest")
      ->required();
  command->add_flag("-f,--force", options->force,
                    "Remove images with all of their names; ignore images that do not exist");
  command->callback([options] { exit_on_error(remove(options->references, options->force)); });
}

void add_import(CLI::App& app) {
  auto* command = app.add_subcommand("import", "Create an image from a component");
  command->footer(
      "The image contains the component, and a config that lists its imports and exports. Prints the "
      "image's\n"
      "digest, which is the same for the same component, description and creation time.\n\n"
      "Examples:\n  tairitsu import greeter.wasm greeter:1\n"
      "  tairitsu import greeter.wasm ghcr.io/me/greeter:1 --annotation "
      "org.opencontainers.image.licenses=MIT\n"
      "  tairitsu push ghcr.io/me/greeter:1");
  auto options = std::make_shared<ImportOptions>();
  command
      ->add_option("FILE", options->file, "Component or core module, binary or text; - reads standard input")
      ->required();
  command->add_option("NAME", options->name, "Name of the image; the tag is latest by default")->required();
  command->add_option("--author", options->author, "Set the author")->type_name("TEXT");
  command
      ->add_option("--created", options->created,
                   "Set the creation time, so that the same input has the same digest (default: now)")
      ->type_name("RFC3339");
  command->add_option("--annotation", options->annotations, "Add an annotation")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->callback([options] { exit_on_error(import(*options)); });
}

}  // namespace tairitsu::cli

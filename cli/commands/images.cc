// The image store at a terminal: images, tag, rmi, import.
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

/// A name in its parts, as Docker shows them.
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

/// Docker's: `web` and `web:1*` name a repository or an image, and `*` stops at a `/`.
bool fits(const std::string& pattern, const std::string& name) {
  const auto matches = [&](const std::string& text) {
    return ::fnmatch(pattern.c_str(), text.c_str(), FNM_PATHNAME) == 0;
  };
  return matches(name) || matches(split_name(name).first);
}

/// One `--filter`, of an image or of the names that it is listed with.
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
        return fail(ErrorCode::invalid_argument, "'" + filter.value_ + "' does not say when it was created");
      }
    } else if (filter.key_ == "dangling") {
      if (filter.value_ != "true" && filter.value_ != "false") {
        return fail(ErrorCode::invalid_argument, "--filter dangling=… wants 'true' or 'false'");
      }
    } else if ((filter.key_ != "reference" && filter.key_ != "label") || filter.value_.empty()) {
      return fail(ErrorCode::invalid_argument,
                  "'" + text +
                      "' is no filter: there are reference=PATTERN, label=KEY, label=KEY=VALUE, "
                      "before=IMAGE, since=IMAGE, dangling=true and dangling=false");
    }
    return filter;
  }

  [[nodiscard]] bool takes(const StoredImage& image, const std::string& name) const {
    if (key_ == "reference") return !name.empty() && fits(value_, name);
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
      return (!options.pattern.empty() && (name.empty() || !fits(options.pattern, name))) ||
             !std::ranges::all_of(filters, [&](const Filter& filter) { return filter.takes(image, name); });
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
                   bad ? "cannot be used: " + printable(image.problem) : human_size(image.size)});
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
  for (const std::string& gone : removal.names) text += "Untagged: " + printable(gone) + "\n";
  if (removal.last) text += "Deleted: " + removal.digest + "\n";
  return write_stdout(text);
}

Result<void> remove(const std::vector<std::string>& references, bool force) {
  TAIRITSU_TRY(auto store, open_store());
  std::optional<Error> first;
  for (const std::string& reference : references) {
    auto removed = remove_one(store, reference, force);
    // What is not there need not be removed.
    if (removed || (force && removed.error().code() == ErrorCode::not_found)) continue;
    if (first) print_error(*first);
    first = removed.error();
  }
  TAIRITSU_CHECK(store.prune());
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
                "'" + options.created + "' is no time of RFC 3339: write 2024-06-25T15:58:49Z");
  }
  for (const std::string& text : options.annotations) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(ErrorCode::invalid_argument, "'" + text + "' is no annotation: write KEY=VALUE");
    }
    description.annotations[text.substr(0, equals)] = text.substr(equals + 1);
  }
  const std::string path = options.file == "-" ? "/dev/stdin" : options.file;
  const std::string shown = options.file == "-" ? "standard input" : options.file;
  const auto about = [&](const Error& error) { return std::unexpected(error.with_context(shown)); };
  TAIRITSU_TRY(const auto bytes, read_file(path));
  const auto info = inspect_component(bytes);
  if (!info) return about(info.error());
  if (info->root.kind != WasmKind::component && info->root.kind != WasmKind::core_module) {
    return about(Error(
        ErrorCode::not_wasm,
        "an image is a component or a core module, and this is " +
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
  auto* command = app.add_subcommand("images", "List the images that are here");
  command->footer(
      "Filters: reference=PATTERN, label=KEY or label=KEY=VALUE (of annotations), before=IMAGE, "
      "since=IMAGE,\n"
      "dangling=true (those without a name). An image is in the list where all filters take it.\n\n"
      "Example:\n  tairitsu images\n"
      "  tairitsu images 'ghcr.io/me/*' --format json | jq .digest\n"
      "  tairitsu rmi $(tairitsu images -q --filter dangling=true)");
  auto options = std::make_shared<ListOptions>();
  command->add_option("PATTERN", options->pattern, "Only those whose repository or name is like this");
  command->add_flag("-q,--quiet", options->quiet, "Print ids alone");
  command->add_flag("--no-trunc", options->no_trunc, "Print ids in full");
  command->add_flag_callback(
             "-a,--all", [] {}, "All are listed anyway; for those used to Docker's flag")
      ->group("");
  command->add_option("--filter,-f", options->filters, "Only what this takes; may be given more than once")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--format", options->format, "A table, or a JSON object for each image")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->callback([options] { end_unless(list(*options)); });
}

void add_tag(CLI::App& app) {
  auto* command = app.add_subcommand("tag", "Give an image one more name");
  command->footer(
      "What had the name before loses it.\n\n"
      "Example:\n  tairitsu tag hello:1 ghcr.io/me/hello:1");
  const auto names = std::make_shared<std::pair<std::string, std::string>>();
  command->add_option("SOURCE", names->first, "An image: a name, a digest, or four or more digits of one")
      ->required();
  command->add_option("TARGET", names->second, "The new name")->required();
  command->callback([names] { end_unless(tag(names->first, names->second)); });
}

void add_rmi(CLI::App& app) {
  auto* command = app.add_subcommand("rmi", "Remove images");
  command->footer(
      "A name is taken away; with its last one the image goes, and what it alone needed. By a digest the "
      "image\n"
      "goes, where it has one name or --force is given. What runs is not disturbed.\n\n"
      "Example:\n  tairitsu rmi hello:1 ghcr.io/me/hello:1");
  struct Options {
    std::vector<std::string> references;
    bool force = false;
  };
  auto options = std::make_shared<Options>();
  command->add_option("IMAGE", options->references, "Names, digests, or four or more digits of one")
      ->required();
  command->add_flag("-f,--force", options->force,
                    "Remove an image with all of its names; and what is not there is no failure");
  command->callback([options] { end_unless(remove(options->references, options->force)); });
}

void add_import(CLI::App& app) {
  auto* command = app.add_subcommand("import", "Make an image of a component");
  command->footer(
      "The image has the component's imports and exports in its config, and no other content. Prints its "
      "digest,\n"
      "which is the same for the same component, description and time.\n\n"
      "Example:\n  tairitsu import greeter.wasm greeter:1\n"
      "  tairitsu import greeter.wasm ghcr.io/me/greeter:1 --annotation "
      "org.opencontainers.image.licenses=MIT\n"
      "  tairitsu push ghcr.io/me/greeter:1");
  auto options = std::make_shared<ImportOptions>();
  command
      ->add_option("FILE", options->file,
                   "A component or a core module, binary or text; '-' for standard input")
      ->required();
  command->add_option("NAME", options->name, "The image's name; without a tag it is :latest")->required();
  command->add_option("--author", options->author, "Who made it")->type_name("TEXT");
  command
      ->add_option("--created", options->created,
                   "When, instead of now, so that the same input gives the same digest")
      ->type_name("RFC3339");
  command
      ->add_option("--annotation", options->annotations,
                   "What else is to be said of it; may be given more than once")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->callback([options] { end_unless(import(*options)); });
}

}  // namespace tairitsu::cli

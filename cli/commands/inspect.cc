#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "commands/load.h"
#include "commands/text.h"
#include "tairitsu/inspect.h"

namespace tairitsu::cli {
namespace {

using Json = nlohmann::ordered_json;

struct InspectCommandOptions {
  ImageSource source;
  std::string format = "text";
};

/// What is inspected, and the image that contains it, if any.
struct Subject {
  ComponentInfo info;
  std::optional<StoredImage> image;
};

// ---- JSON

Json items_as_json(const std::vector<ItemInfo>& items, bool imported) {
  Json json = Json::array();
  for (const ItemInfo& item : items) {
    Json& entry = json.emplace_back();
    entry["name"] = item.name;
    entry["kind"] = to_string(item.kind);
    const bool has_items = item.kind == ItemKind::interface || !item.items.empty();
    if (imported && has_items) entry["provided"] = item.provided;
    if (!item.type.empty()) entry["type"] = item.type;
    if (has_items) entry["items"] = items_as_json(item.items, false);
  }
  return json;
}

Json part_as_json(const PartInfo& part) {
  Json json;
  json["kind"] = to_string(part.kind);
  json["name"] = part.name;
  json["size"] = part.size;
  Json& annotations = json["annotations"] = Json::object();
  for (const Annotation& annotation : part.annotations) annotations[annotation.name] = annotation.text;
  Json& producers = json["producers"] = Json::object();
  for (const Producer& producer : part.producers) producers[producer.field][producer.name] = producer.version;
  Json& sections = json["custom_sections"] = Json::array();
  for (const CustomSection& section : part.custom_sections) {
    sections.push_back({{"name", section.name}, {"size", section.size}});
  }
  Json& parts = json["parts"] = Json::array();
  for (const PartInfo& inner : part.parts) parts.push_back(part_as_json(inner));
  return json;
}

std::string as_json(const InspectCommandOptions& options, const Subject& subject) {
  const ComponentInfo& info = subject.info;
  const Json root = part_as_json(info.root);
  Json json;
  json[subject.image ? "reference" : "file"] = options.source.name;
  if (subject.image) json["image"] = image_as_json(*subject.image);
  for (const char* const first : {"kind", "name", "size"}) json[first] = root.at(first);
  if (info.root.kind == WasmKind::artifact) json["source_size"] = info.source_size;
  json["digest"] = info.digest;
  json["wasi_versions"] = info.wasi_versions;
  json["imports"] = items_as_json(info.imports, true);
  json["exports"] = items_as_json(info.exports, false);
  json.update(root);
  return to_text(json, 2);
}

// ---- text

std::string words(WasmKind kind) {
  std::string text(to_string(kind));
  std::ranges::replace(text, '-', ' ');
  return text == "wit package" ? "WIT package" : text;
}

/// Builds the text output.
class Report {
 public:
  /// `Name        value`
  void field(std::string name, const std::string& value) {
    name[0] = static_cast<char>(name[0] >= 'a' && name[0] <= 'z' ? name[0] - 'a' + 'A' : name[0]);
    text_ += pad(name, 12) + value + "\n";
  }
  void heading(const std::string& name) { text_ += "\n" + name + "\n"; }
  void line(std::size_t indent, const std::string& line) {
    text_ += std::string(2 * indent, ' ') + line + "\n";
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

  static std::string pad(std::string text, std::size_t width) {
    text.resize(std::max(text.size(), width), ' ');
    return text;
  }
  static std::string pad_left(const std::string& text, std::size_t width) {
    return std::string(width - std::min(width, text.size()), ' ') + text;
  }

 private:
  std::string text_;
};

void add_items(Report& report, const std::vector<ItemInfo>& items, std::size_t indent) {
  for (const ItemInfo& item : items) {
    if (item.kind == ItemKind::type) continue;
    const std::string name = printable(item.name);
    if (item.kind == ItemKind::function) {
      report.line(indent, name + (item.type.empty() ? "" : ": " + printable(item.type)));
    } else {
      report.line(indent, std::string(to_string(item.kind)) + " " + name);
    }
    add_items(report, item.items, indent + 1);
  }
}

void add_imports(Report& report, const std::vector<ItemInfo>& imports) {
  std::vector<ItemInfo> required = imports;
  const auto rest = std::ranges::stable_partition(required, std::logical_not(), &ItemInfo::provided);
  const std::vector<ItemInfo> provided(rest.begin(), rest.end());
  required.erase(rest.begin(), rest.end());
  if (!required.empty()) report.heading("Imports");
  add_items(report, required, 1);
  // Only their names: WASI's documentation describes their items.
  if (!provided.empty()) report.heading("Imports that the runtime provides");
  for (const ItemInfo& import : provided) report.line(1, printable(import.name));
}

void add_parts(Report& report, const PartInfo& part, std::size_t indent) {
  const std::string name = part.name.empty() ? "" : " " + printable(part.name);
  report.line(1, Report::pad_left(human_size(part.size), 10) + "  " + std::string(2 * indent, ' ') +
                     words(part.kind) + name);
  for (const PartInfo& inner : part.parts) add_parts(report, inner, indent + 1);
}

/// Producers and custom sections, added up over all parts.
struct Totals {
  std::vector<std::pair<std::string, std::vector<std::string>>> producers;
  std::map<std::string, std::uint64_t> custom_sections;

  void add(const PartInfo& part) {
    for (const Producer& producer : part.producers) {
      const std::string text = producer.name + (producer.version.empty() ? "" : " " + producer.version);
      auto field = std::ranges::find(producers, producer.field, &decltype(producers)::value_type::first);
      if (field == producers.end()) field = producers.insert(field, {producer.field, {}});
      if (std::ranges::find(field->second, text) == field->second.end()) field->second.push_back(text);
    }
    for (const CustomSection& section : part.custom_sections) custom_sections[section.name] += section.size;
    for (const PartInfo& inner : part.parts) add(inner);
  }
};

void add_totals(Report& report, const PartInfo& root) {
  Totals totals;
  totals.add(root);
  if (!totals.producers.empty()) report.heading("Producers");
  for (const auto& [field, tools] : totals.producers) {
    std::string list;
    for (const std::string& tool : tools) list += (list.empty() ? "" : ", ") + printable(tool);
    report.line(1, Report::pad(printable(field), 12) + "  " + list);
  }
  if (totals.custom_sections.empty()) return;
  report.heading("Custom sections");
  std::vector<std::pair<std::string, std::uint64_t>> sections(totals.custom_sections.begin(),
                                                              totals.custom_sections.end());
  std::ranges::stable_sort(sections, std::ranges::greater(), &decltype(sections)::value_type::second);
  for (const auto& [name, size] : sections) {
    report.line(1, Report::pad_left(human_size(size), 10) + "  " + printable(name));
  }
}

std::string wasi_text(const std::vector<std::string>& versions) {
  std::string text;
  for (const std::string& version : versions) {
    text += (text.empty() ? "" : ", ") + (version == "0.1" ? "0.1 (preview 1)" : version);
  }
  return text.empty() ? "none" : text;
}

bool embeds_world(const PartInfo& module) {
  return std::ranges::any_of(module.custom_sections, [](const CustomSection& section) {
    return section.name.starts_with("component-type");
  });
}

std::string as_text(const InspectCommandOptions& options, const Subject& subject) {
  const ComponentInfo& info = subject.info;
  const PartInfo& root = info.root;
  const std::string file = printable(options.source.name);
  Report report;
  report.field(subject.image ? "image" : "file", file);
  if (subject.image) {
    const StoredImage& image = *subject.image;
    for (const std::string& name : image.names) report.field("name", printable(name));
    report.field("manifest", image.digest);
    report.field("created", printable(image.created));
    if (!image.author.empty()) report.field("author", printable(image.author));
  }
  report.field("kind", words(root.kind));
  if (!root.name.empty()) report.field("name", printable(root.name));
  report.field("size", human_size(root.size) + " (" + std::to_string(root.size) + " bytes)");
  if (root.kind == WasmKind::artifact) {
    report.field("source size", human_size(info.source_size));
  }
  report.field("digest", info.digest);
  if (root.kind == WasmKind::component || root.kind == WasmKind::core_module) {
    report.field("WASI", wasi_text(info.wasi_versions));
  }
  if (root.kind == WasmKind::core_module) {
    report.field("WIT", embeds_world(root) ? "embedded, print it with 'tairitsu wit " + file + "'" : "none");
  }
  for (const Annotation& annotation : root.annotations) {
    report.field(annotation.name, printable(annotation.text));
  }
  if (root.kind == WasmKind::artifact) return report.take();

  if (subject.image) {
    report.heading("Image annotations");
    for (const auto& [key, text] : subject.image->annotations)
      report.line(1, printable(key) + ": " + printable(text));
  }
  add_imports(report, info.imports);
  if (!info.exports.empty()) {
    report.heading(root.kind == WasmKind::wit_package ? "Interfaces and worlds" : "Exports");
    add_items(report, info.exports, 1);
  }
  if (!root.parts.empty()) {
    report.heading("Parts");
    add_parts(report, root, 0);
  }
  add_totals(report, root);
  return report.take();
}

Result<Subject> read_subject(const ImageSource& source) {
  const std::string command = "'tairitsu wit " + source.name + "'";
  std::error_code failed;
  const bool file = is_file(source);
  if (file && std::filesystem::is_directory(source.name, failed)) {
    return fail(ErrorCode::io, source.name + ": is a directory; to print WIT in it, run " + command);
  }
  Subject subject;
  std::vector<std::byte> bytes;
  if (file) {
    TAIRITSU_TRY(bytes, read_file(source.name));
  } else {
    TAIRITSU_TRY(auto found, find_source(source));
    TAIRITSU_TRY(bytes, found.store.read_component(found.image));
    subject.image = std::move(found.image);
  }
  auto info = inspect_component(bytes);
  if (!info) {
    const bool wit = source.name.ends_with(".wit") && info.error().code() == ErrorCode::not_wasm;
    const Error error =
        wit ? Error(ErrorCode::not_wasm, "this is WIT, not a component; print it with " + command)
            : info.error();
    return std::unexpected(error.with_context(source.name));
  }
  subject.info = *std::move(info);
  return subject;
}

Result<void> run(const InspectCommandOptions& options) {
  TAIRITSU_TRY(const Subject subject, read_subject(options.source));
  return write_stdout(options.format == "json" ? as_json(options, subject) : as_text(options, subject));
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto* command = app.add_subcommand("inspect", "Show what a component contains");
  command->footer(
      "Shows the digest, imports and exports, the required WASI versions, the tools that produced it, and "
      "its\n"
      "parts. Nothing is compiled or run.\n\n"
      "Examples:\n  tairitsu inspect greeter.wasm\n"
      "  tairitsu inspect greeter.wasm --format json | jq .wasi_versions");
  auto options = std::make_shared<InspectCommandOptions>();
  command
      ->add_option("FILE", options->source.name,
                   "Component, core module, encoded WIT package or precompiled code, or the name of an image")
      ->required();
  command->add_option("--format", options->format, "Print text, or json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json"}).description(""))
      ->capture_default_str();
  add_pull_flags(*command, options->source);
  command->callback([options] { exit_on_error(run(*options)); });
}

}  // namespace tairitsu::cli

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "tairitsu/inspect.h"

namespace tairitsu::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::filesystem::path file;
  std::string format = "text";
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

std::string as_json(const Options& options, const ComponentInfo& info) {
  const Json root = part_as_json(info.root);
  Json json;
  json["file"] = options.file.string();
  for (const char* const first : {"kind", "name", "size"}) json[first] = root.at(first);
  if (info.root.kind == WasmKind::artifact) json["source_size"] = info.source_size;
  json["digest"] = info.digest;
  json["wasi_versions"] = info.wasi_versions;
  json["imports"] = items_as_json(info.imports, true);
  json["exports"] = items_as_json(info.exports, false);
  json.update(root);
  // Escaped where it is not ASCII: names of a file may be anything, and terminals obey some of it.
  return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

// ---- text

/// Without what a terminal would obey: control characters, and those that change the direction of text.
std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool c1 = byte(i) == 0xc2 && byte(i + 1) < 0xa0;
    const bool embeds = byte(i) == 0xe2 && byte(i + 1) == 0x80 && byte(i + 2) >= 0xaa && byte(i + 2) <= 0xae;
    const bool isolates =
        byte(i) == 0xe2 && byte(i + 1) == 0x81 && byte(i + 2) >= 0xa6 && byte(i + 2) <= 0xa9;
    if (byte(i) == '\n' || byte(i) == '\t') {
      result += ' ';
    } else if (byte(i) < ' ' || byte(i) == 0x7f || c1 || embeds || isolates) {
      result += '?';
      i += c1 ? 1 : embeds || isolates ? 2 : 0;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string words(WasmKind kind) {
  std::string text(to_string(kind));
  std::ranges::replace(text, '-', ' ');
  return text == "wit package" ? "WIT package" : text;
}

std::string human_size(std::uint64_t size) {
  constexpr std::array<const char*, 4> kUnits = {"B", "KiB", "MiB", "GiB"};
  auto number = static_cast<double>(size);
  std::size_t unit = 0;
  // What rounds to 1024.0 is one of the next unit.
  while (number >= 1023.95 && unit + 1 < kUnits.size()) {
    number /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", number, kUnits[unit]);
  return text.data();
}

/// Text that is built up from front to back.
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
  std::vector<ItemInfo> wanted = imports;
  const auto provided = std::ranges::stable_partition(wanted, std::logical_not(), &ItemInfo::provided);
  const std::vector<ItemInfo> rest(provided.begin(), provided.end());
  wanted.erase(provided.begin(), provided.end());
  if (!wanted.empty()) report.heading("Imports");
  add_items(report, wanted, 1);
  // What is in these is in WASI's documentation.
  if (!rest.empty()) report.heading("Imports that the runtime provides");
  for (const ItemInfo& import : rest) report.line(1, printable(import.name));
}

void add_parts(Report& report, const PartInfo& part, std::size_t indent) {
  const std::string name = part.name.empty() ? "" : " " + printable(part.name);
  report.line(1, Report::pad_left(human_size(part.size), 10) + "  " + std::string(2 * indent, ' ') +
                     words(part.kind) + name);
  for (const PartInfo& inner : part.parts) add_parts(report, inner, indent + 1);
}

/// Of the whole, and of all parts.
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

bool carries_world(const PartInfo& module) {
  return std::ranges::any_of(module.custom_sections, [](const CustomSection& section) {
    return section.name.starts_with("component-type");
  });
}

std::string as_text(const Options& options, const ComponentInfo& info) {
  const PartInfo& root = info.root;
  const std::string file = printable(options.file.string());
  Report report;
  report.field("file", file);
  report.field("kind", words(root.kind));
  if (!root.name.empty()) report.field("name", printable(root.name));
  report.field("size", human_size(root.size) + " (" + std::to_string(root.size) + " bytes)");
  if (root.kind == WasmKind::artifact) {
    report.field("made from", "a component of " + human_size(info.source_size));
  }
  report.field("digest", info.digest);
  if (root.kind == WasmKind::component || root.kind == WasmKind::core_module) {
    report.field("WASI", wasi_text(info.wasi_versions));
  }
  if (root.kind == WasmKind::core_module) {
    report.field("WIT", carries_world(root) ? "carried: 'tairitsu wit " + file + "' prints it" : "none");
  }
  for (const Annotation& annotation : root.annotations) {
    report.field(annotation.name, printable(annotation.text));
  }
  if (root.kind == WasmKind::artifact) return report.take();

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

Result<ComponentInfo> read_info(const std::filesystem::path& file) {
  const std::string command = "'tairitsu wit " + file.string() + "' prints it";
  std::error_code failed;
  if (std::filesystem::is_directory(file, failed)) {
    return fail(ErrorCode::io, file.string() + ": is a folder; if there is WIT in it, " + command);
  }
  TAIRITSU_TRY(const auto bytes, read_file(file));
  auto info = inspect_component(bytes);
  if (info) return info;
  const bool wit = file.extension() == ".wit" && info.error().code() == ErrorCode::not_wasm;
  const Error error =
      wit ? Error(ErrorCode::not_wasm, "this is WIT, not a component: " + command) : info.error();
  return std::unexpected(error.with_context(file.string()));
}

Result<void> run(const Options& options) {
  TAIRITSU_TRY(const ComponentInfo info, read_info(options.file));
  return write_stdout(options.format == "json" ? as_json(options, info) : as_text(options, info));
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto* command = app.add_subcommand("inspect", "Tell what is in a component");
  command->footer(
      "Its digest, what it imports and exports, the WASI that it needs, what made it, and its parts.\n"
      "Nothing is compiled or run.\n\n"
      "Example:\n  tairitsu inspect greeter.wasm\n"
      "  tairitsu inspect greeter.wasm --format json | jq .wasi_versions");
  auto options = std::make_shared<Options>();
  command
      ->add_option(
          "FILE", options->file,
          "A component or core module, binary or text (.wat), an encoded WIT package, or a precompiled "
          "artifact")
      ->required();
  command->add_option("--format", options->format, "How to print it")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->callback([options] {
    if (const auto done = run(*options); !done) end_with(done.error());
  });
}

}  // namespace tairitsu::cli

#include "tairitsu/inspect.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "engine/bridge.h"

namespace tairitsu {
namespace {

// In the order of the enumerators. The bridge writes the same names.
constexpr std::array<std::string_view, 4> kWasmKinds = {"component", "core-module", "wit-package",
                                                        "artifact"};
constexpr std::array<std::string_view, 12> kItemKinds = {"interface", "world", "function",  "resource",
                                                         "type",      "value", "component", "module",
                                                         "memory",    "table", "global",    "tag"};
constexpr std::string_view kPreview1 = "wasi_snapshot_preview1";

template <typename Kind, std::size_t N>
Kind read_kind(const nlohmann::json& json, const std::array<std::string_view, N>& names) {
  const auto* const found = std::ranges::find(names, json.get_ref<const std::string&>());
  if (found == names.end())
    throw nlohmann::json::other_error::create(501, "unknown kind " + json.dump(), &json);
  return static_cast<Kind>(found - names.begin());
}

std::vector<ItemInfo> read_items(const nlohmann::json& json) {
  std::vector<ItemInfo> items;
  items.reserve(json.size());
  for (const nlohmann::json& item : json) {
    items.push_back({.name = item.at("name").get<std::string>(),
                     .kind = read_kind<ItemKind>(item.at("kind"), kItemKinds),
                     .type = item.at("type").get<std::string>(),
                     .items = read_items(item.at("items"))});
  }
  return items;
}

PartInfo read_part(const nlohmann::json& json) {
  PartInfo part{.kind = read_kind<WasmKind>(json.at("kind"), kWasmKinds),
                .name = json.at("name").get<std::string>(),
                .size = json.at("size").get<std::uint64_t>()};
  for (const nlohmann::json& producer : json.at("producers")) {
    part.producers.push_back({.field = producer.at(0).get<std::string>(),
                              .name = producer.at(1).get<std::string>(),
                              .version = producer.at(2).get<std::string>()});
  }
  for (const nlohmann::json& annotation : json.at("annotations")) {
    part.annotations.push_back(
        {.name = annotation.at(0).get<std::string>(), .text = annotation.at(1).get<std::string>()});
  }
  for (const nlohmann::json& section : json.at("custom_sections")) {
    part.custom_sections.push_back(
        {.name = section.at(0).get<std::string>(), .size = section.at(1).get<std::uint64_t>()});
  }
  for (const nlohmann::json& inner : json.at("parts")) part.parts.push_back(read_part(inner));
  return part;
}

/// A version such as `1.2.3-rc-1`, ordered as in semantic versioning, except that pre-releases compare as text.
struct Version {
  std::array<std::uint32_t, 3> numbers{};
  std::string_view pre_release;
  std::string_view text;

  /// Returns the release it belongs to: 0.2.6 and 0.3.0 are different releases.
  [[nodiscard]] auto release() const { return std::tuple(numbers[0], numbers[1]); }
  friend bool operator<(const Version& a, const Version& b) {
    if (a.numbers != b.numbers) return a.numbers < b.numbers;
    if (a.pre_release.empty() || b.pre_release.empty())
      return !a.pre_release.empty() && b.pre_release.empty();
    return a.pre_release < b.pre_release;
  }
};

/// Returns whether `text` is a version.
bool read_version(std::string_view text, Version& version) {
  version.text = text;
  std::string_view rest = text;
  for (std::uint32_t& number : version.numbers) {
    if (&number != version.numbers.data()) {
      if (!rest.starts_with('.')) return false;
      rest.remove_prefix(1);
    }
    const auto read = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (read.ec != std::errc()) return false;
    rest.remove_prefix(static_cast<std::size_t>(read.ptr - rest.data()));
  }
  version.pre_release = rest;
  return true;
}

std::vector<std::string> find_wasi_versions(const ComponentInfo& info) {
  std::vector<Version> versions;
  for (const ItemInfo& import : info.imports) {
    Version version;
    const std::string_view name = import.name;
    const auto at = name.find('@');
    if (import.kind == ItemKind::module && name == kPreview1) {
      versions.push_back({.numbers = {0, 1, 0}, .pre_release = {}, .text = "0.1"});
    } else if (name.starts_with("wasi:") && at != name.npos && read_version(name.substr(at + 1), version)) {
      versions.push_back(version);
    }
  }
  std::ranges::sort(versions, [](const Version& a, const Version& b) { return b < a; });
  const auto rest = std::ranges::unique(versions, {}, &Version::release);
  versions.erase(rest.begin(), rest.end());
  std::vector<std::string> texts;
  texts.reserve(versions.size());
  for (const Version& version : versions) texts.emplace_back(version.text);
  std::ranges::reverse(texts);
  return texts;
}

ComponentInfo read_info(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text);
  ComponentInfo info{.root = read_part(json.at("root")),
                     .digest = json.at("digest").get<std::string>(),
                     .source_size = json.at("source_size").get<std::uint64_t>(),
                     .imports = read_items(json.at("imports")),
                     .exports = read_items(json.at("exports")),
                     .wasi_versions = {}};
  const bool core = info.root.kind == WasmKind::core_module;
  for (ItemInfo& import : info.imports) {
    import.provided = core ? import.name == kPreview1 : runtime_provides(import.name);
  }
  info.wasi_versions = find_wasi_versions(info);
  return info;
}

Result<std::string> text_of(Result<bridge::BufferPtr> buffer) {
  if (!buffer) return std::unexpected(std::move(buffer).error());
  return bridge::to_string(*buffer);
}

}  // namespace

std::string_view to_string(WasmKind kind) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  return index < kWasmKinds.size() ? kWasmKinds[index] : "unknown";
}

std::string_view to_string(ItemKind kind) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  return index < kItemKinds.size() ? kItemKinds[index] : "unknown";
}

Result<ComponentInfo> inspect_component(std::span<const std::byte> bytes) {
  TAIRITSU_TRY(const auto json,
               bridge::create<bridge::BufferPtr>(bridge::tairitsu_bridge_inspect, bridge::borrow(bytes)));
  try {
    return read_info(bridge::as_text(bridge::tairitsu_bridge_buffer_bytes(json.get())));
  } catch (const std::exception& unexpected) {
    return fail(ErrorCode::internal,
                std::string("reading the bridge's description of a component: ") + unexpected.what());
  }
}

Result<std::string> component_wit(std::span<const std::byte> bytes) {
  return text_of(
      bridge::create<bridge::BufferPtr>(bridge::tairitsu_bridge_inspect_wit, bridge::borrow(bytes)));
}

Result<std::vector<std::byte>> to_wasm_binary(std::span<const std::byte> bytes) {
  TAIRITSU_TRY(const auto binary,
               bridge::create<bridge::BufferPtr>(bridge::tairitsu_bridge_to_binary, bridge::borrow(bytes)));
  return bridge::to_vector(binary);
}

Result<std::string> resolved_wit(const WitSource& source) {
  const std::string path = source.path.string();
  return text_of(bridge::create<bridge::BufferPtr>(bridge::tairitsu_bridge_inspect_wit_source,
                                                   bridge::borrow(path), bridge::borrow(source.features)));
}

}  // namespace tairitsu

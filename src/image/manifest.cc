#include "image/manifest.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/text.h"
#include "image/descriptor_json.h"

namespace tairitsu::detail {

namespace {

constexpr std::array<std::string_view, 4> kWasmLayers = {
    kWasmLayerMediaType, "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
    "application/vnd.wasm.content.layer.v1+wasm", "application/vnd.module.wasm.content.layer.v1+wasm"};

Result<void> check_version(const Json& json, std::string_view what) {
  const Json* version = member(json, "schemaVersion");
  if (version == nullptr) return malformed(what, "'schemaVersion' is missing");
  if (!version->is_number_integer() || version->get<std::int64_t>() != 2) {
    return malformed(what, fmt::format("'schemaVersion' is {}, expected 2", printable(version->dump(), 40)));
  }
  return {};
}

/// Returns a string member; empty if it is missing or not a string.
std::string string_or_empty(const Json& json, std::string_view name) {
  const Json* found = member(json, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

std::string created_now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm time{};
  ::gmtime_r(&seconds, &time);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &time);
  return {text.data(), size};
}

bool is_wasm_layer(std::string_view media_type) noexcept {
  return std::ranges::find(kWasmLayers, media_type) != kWasmLayers.end();
}

Result<WasmManifest> parse_manifest(std::span<const std::byte> bytes, std::string_view what) {
  TAIRITSU_TRY(const Json json, parse_json_object(bytes, what));
  TAIRITSU_RETURN_IF_ERROR(check_version(json, what));
  TAIRITSU_TRY(const std::string media_type, string_member(json, "mediaType", what, false));
  if (is_index(media_type) || (media_type.empty() && member(json, "manifests") != nullptr)) {
    return malformed(what, "an image index, expected an image");
  }
  if (media_type == kDockerManifestMediaType) {
    return malformed(what, "a container image in Docker's own format, not WebAssembly");
  }
  if (!media_type.empty() && media_type != kManifestMediaType) {
    return malformed(what,
                     fmt::format("media type '{}' is not an OCI image manifest", printable(media_type, 100)));
  }

  WasmManifest manifest;
  const Json* config = member(json, "config");
  if (config == nullptr) return malformed(what, "'config' is missing");
  TAIRITSU_TRY(manifest.config, parse_descriptor(*config, fmt::format("{}: config", what)));
  const Json* layers = member(json, "layers");
  if (layers == nullptr || !layers->is_array()) return malformed(what, "'layers' is not a list");
  if (layers->size() != 1) {
    return malformed(what, fmt::format("{} layers: a WebAssembly image has exactly one", layers->size()));
  }
  TAIRITSU_TRY(manifest.layer, parse_descriptor(layers->front(), fmt::format("{}: layers[0]", what)));
  if (!is_wasm_layer(manifest.layer.media_type)) {
    return malformed(what, fmt::format("layer media type '{}' is not WebAssembly ({})",
                                       printable(manifest.layer.media_type, 100), kWasmLayerMediaType));
  }
  for (const Descriptor& descriptor : {manifest.config, manifest.layer}) {
    if (is_digest(descriptor.digest)) continue;
    return malformed(what, fmt::format("unsupported digest '{}': only sha256 is supported",
                                       printable(descriptor.digest, 80)));
  }
  if (manifest.layer.size == 0) return malformed(what, "the layer is empty");
  if (manifest.config.size > kMaxManifestSize) {
    return malformed(what, fmt::format("the config is too large: {} bytes; the limit is {}",
                                       manifest.config.size, kMaxManifestSize));
  }
  TAIRITSU_TRY(manifest.annotations, annotations_member(json, what));
  return manifest;
}

Result<WasmConfig> parse_config(std::string_view media_type, std::span<const std::byte> bytes,
                                std::string_view what) {
  WasmConfig config;
  config.architecture.clear();
  if (media_type != kWasmConfigMediaType) {
    // Empty, `{}`, an OCI image's config, or another tool's format.
    const auto json = parse_json_object(bytes, what);
    if (!json) return config;
    config.created = string_or_empty(*json, "created");
    config.author = string_or_empty(*json, "author");
    config.architecture = string_or_empty(*json, "architecture");
    config.os = string_or_empty(*json, "os");
    return config;
  }
  TAIRITSU_TRY(const Json json, parse_json_object(bytes, what));
  TAIRITSU_TRY(config.created, string_member(json, "created", what, false));
  TAIRITSU_TRY(config.author, string_member(json, "author", what, false));
  TAIRITSU_TRY(config.architecture, string_member(json, "architecture", what, false));
  if (!config.architecture.empty() && config.architecture != "wasm") {
    return malformed(what, fmt::format("architecture '{}' is not wasm", printable(config.architecture, 60)));
  }
  TAIRITSU_TRY(config.os, string_member(json, "os", what, false));
  TAIRITSU_TRY(config.layer_digests, strings_member(json, "layerDigests", what, false));
  if (const Json* component = member(json, "component")) {
    const std::string inner = fmt::format("{}: component", what);
    if (!component->is_object()) return malformed(inner, "not an object");
    config.component.emplace();
    TAIRITSU_TRY(config.component->exports, strings_member(*component, "exports", inner, false));
    TAIRITSU_TRY(config.component->imports, strings_member(*component, "imports", inner, false));
    TAIRITSU_TRY(config.component->target, string_member(*component, "target", inner, false));
  }
  return config;
}

Result<Descriptor> choose_from_index(std::span<const std::byte> bytes, std::string_view what) {
  TAIRITSU_TRY(const Json json, parse_json_object(bytes, what));
  TAIRITSU_RETURN_IF_ERROR(check_version(json, what));
  const Json* manifests = member(json, "manifests");
  if (manifests == nullptr || !manifests->is_array()) return malformed(what, "'manifests' is not a list");
  std::optional<Descriptor> chosen;
  std::size_t best = 0;
  std::string others;  // Other platforms, for the message.
  for (std::size_t i = 0; i < manifests->size(); ++i) {
    TAIRITSU_TRY(Descriptor descriptor,
                 parse_descriptor((*manifests)[i], fmt::format("{}: manifests[{}]", what, i)));
    const auto rank = wasm_rank(descriptor.platform, manifests->size() == 1);
    if (!rank && others.size() < 200) {
      others +=
          fmt::format("{}{}/{}", others.empty() ? ", only other platforms: " : ", ",
                      printable(descriptor.platform.os, 20), printable(descriptor.platform.architecture, 20));
    }
    if (!rank || (chosen && *rank >= best)) continue;
    best = *rank;
    chosen = std::move(descriptor);
  }
  if (!chosen) {
    return fail(ErrorCode::not_found, fmt::format("{}: no WebAssembly manifest{}", what, others));
  }
  return *std::move(chosen);
}

Result<std::string> manifest_text(const WasmManifest& manifest) {
  Json json = {{"schemaVersion", 2},
               {"mediaType", kManifestMediaType},
               {"config", to_json(manifest.config)},
               {"layers", Json::array({to_json(manifest.layer)})}};
  if (!manifest.annotations.empty()) json["annotations"] = manifest.annotations;
  return to_json_text(json, "the manifest");
}

Result<std::string> config_text(const WasmConfig& config) {
  Json json = {{"created", config.created},
               {"architecture", config.architecture},
               {"os", config.os},
               {"layerDigests", config.layer_digests}};
  if (!config.author.empty()) json["author"] = config.author;
  if (config.component) {
    Json& component = json["component"];
    component = {{"exports", config.component->exports}, {"imports", config.component->imports}};
    if (!config.component->target.empty()) component["target"] = config.component->target;
  }
  return to_json_text(json, "the config");
}

}  // namespace tairitsu::detail

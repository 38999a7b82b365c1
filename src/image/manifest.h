/// The CNCF Wasm OCI artifact: a manifest, a config that says what the component imports and exports, and the
/// component as the one layer. (CNCF TAG Runtime, "Wasm OCI Artifact layout"; image-spec, manifest.md.)
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "image/descriptor.h"
#include "tairitsu/error.h"

namespace tairitsu::detail {

struct WasmManifest {
  Descriptor config;
  Descriptor layer;
  std::map<std::string, std::string> annotations;
};

/// What the config says of a component's world.
struct ComponentNames {
  std::vector<std::string> exports;
  std::vector<std::string> imports;
  std::string target;  ///< A world that it is made for; often empty.
};

struct WasmConfig {
  std::string created;  ///< RFC 3339.
  std::string author;
  std::string architecture = "wasm";
  std::string os;  ///< `wasip2` for a component, `wasip1` for a core module.
  std::vector<std::string> layer_digests;
  std::optional<ComponentNames> component;
};

/// Now, as a config has it.
[[nodiscard]] std::string created_now();

/// Whether a layer of that type is a WebAssembly binary: `application/wasm`, and what was in use before it.
[[nodiscard]] bool is_wasm_layer(std::string_view media_type) noexcept;

/// Reads a manifest with exactly one layer, which is WebAssembly; its config may be of any type. Fails with
/// `invalid_manifest`, `WHAT: …`, also for an index and for an image of Linux programs.
[[nodiscard]] Result<WasmManifest> parse_manifest(std::span<const std::byte> bytes, std::string_view what);

/// Reads a config. Of another type than `application/vnd.wasm.config.v0+json` only what happens to be there in
/// the same form is taken, for these types say little or nothing. Fails with `invalid_manifest`.
[[nodiscard]] Result<WasmConfig> parse_config(std::string_view media_type, std::span<const std::byte> bytes,
                                              std::string_view what);

/// The manifest of an index that is WebAssembly: the one for the architecture `wasm`, or the only one there is.
/// Fails with `invalid_manifest`, and with `not_found` where none is. What it answers may be an index again.
[[nodiscard]] Result<Descriptor> choose_from_index(std::span<const std::byte> bytes, std::string_view what);

/// The bytes to keep, the same for the same content. Fails with `invalid_argument` where a text is not UTF-8.
[[nodiscard]] Result<std::string> manifest_text(const WasmManifest& manifest);
[[nodiscard]] Result<std::string> config_text(const WasmConfig& config);

}  // namespace tairitsu::detail

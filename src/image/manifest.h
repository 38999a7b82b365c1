/// The CNCF Wasm OCI artifact: a manifest, a config with the component's imports and exports, and the component as
/// the only layer. (CNCF TAG Runtime, "Wasm OCI Artifact layout"; image-spec, manifest.md.)
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

/// The component's world in the config.
struct ComponentNames {
  std::vector<std::string> exports;
  std::vector<std::string> imports;
  std::string target;  ///< The world that it targets; often empty.
};

struct WasmConfig {
  std::string created;  ///< RFC 3339.
  std::string author;
  std::string architecture = "wasm";
  std::string os;  ///< `wasip2` for a component, `wasip1` for a core module.
  std::vector<std::string> layer_digests;
  std::optional<ComponentNames> component;
};

/// Returns the current time in the format of `WasmConfig::created`.
[[nodiscard]] std::string created_now();

/// Whether a layer of that type is a WebAssembly binary: `application/wasm` or one of its predecessors.
[[nodiscard]] bool is_wasm_layer(std::string_view media_type) noexcept;

/// Parses a manifest with exactly one layer, which is WebAssembly; its config may have any type. Fails with
/// `invalid_manifest`, `WHAT: …`; also for an index and for a Linux container image.
[[nodiscard]] Result<WasmManifest> parse_manifest(std::span<const std::byte> bytes, std::string_view what);

/// Parses a config. For types other than `application/vnd.wasm.config.v0+json`, uses the members that have the same
/// form and ignores everything else. Fails with `invalid_manifest`.
[[nodiscard]] Result<WasmConfig> parse_config(std::string_view media_type, std::span<const std::byte> bytes,
                                              std::string_view what);

/// Returns the WebAssembly manifest of an index: the best for the architecture `wasm`, or the only one without a
/// platform. It may be an index itself. Fails with `invalid_manifest`, and with `not_found` if there is none.
[[nodiscard]] Result<Descriptor> choose_from_index(std::span<const std::byte> bytes, std::string_view what);

/// Return the bytes to store; equal content gives equal bytes. Fail with `invalid_argument` if a string is not UTF-8.
[[nodiscard]] Result<std::string> manifest_text(const WasmManifest& manifest);
[[nodiscard]] Result<std::string> config_text(const WasmConfig& config);

}  // namespace tairitsu::detail

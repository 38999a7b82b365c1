/// OCI content descriptors (image-spec, descriptor.md) and the media types that the store supports.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace tairitsu::detail {

inline constexpr std::string_view kManifestMediaType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kIndexMediaType = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kDockerManifestMediaType =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerIndexMediaType =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kWasmLayerMediaType = "application/wasm";
inline constexpr std::string_view kWasmConfigMediaType = "application/vnd.wasm.config.v0+json";

/// The annotation with a descriptor's name in `index.json`.
inline constexpr std::string_view kRefNameAnnotation = "org.opencontainers.image.ref.name";
/// Its counterpart for containerd, which takes only a tag from the annotation above.
inline constexpr std::string_view kContainerdNameAnnotation = "io.containerd.image.name";

/// The size limit of manifests, indexes and configs: that of registries.
inline constexpr std::uint64_t kMaxManifestSize = std::uint64_t{4} << 20U;

struct Platform {
  std::string architecture = {};
  std::string os = {};
};

/// Ranks a manifest of an index by its platform: choose the lowest rank, and the first of equals. Returns nothing
/// if it is not WebAssembly. Newer WASI versions come first. One without a platform qualifies only if it is the
/// `only` one.
[[nodiscard]] inline std::optional<std::size_t> wasm_rank(const Platform& platform, bool only) {
  constexpr std::array<std::string_view, 4> kSystems = {"wasip3", "wasip2", "wasi", "wasip1"};
  if (platform.architecture != "wasm" && !(only && platform.architecture.empty())) return std::nullopt;
  return static_cast<std::size_t>(std::ranges::find(kSystems, platform.os) - kSystems.begin());
}

struct Descriptor {
  std::string media_type = {};
  std::string digest = {};
  std::uint64_t size = 0;
  std::map<std::string, std::string> annotations = {};
  Platform platform = {};  ///< Empty if the descriptor has none.
};

[[nodiscard]] inline bool is_index(std::string_view media_type) noexcept {
  return media_type == kIndexMediaType || media_type == kDockerIndexMediaType;
}

/// Whether content of this type is JSON that refers to other content.
[[nodiscard]] inline bool has_children(std::string_view media_type) noexcept {
  return is_index(media_type) || media_type == kManifestMediaType || media_type == kDockerManifestMediaType;
}

}  // namespace tairitsu::detail

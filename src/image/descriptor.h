/// OCI content descriptors (image-spec, descriptor.md), and the media types that the store knows.
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

/// What names a descriptor in `index.json`.
inline constexpr std::string_view kRefNameAnnotation = "org.opencontainers.image.ref.name";
/// The same for containerd and what is built on it, which reads a tag alone from the one above.
inline constexpr std::string_view kContainerdNameAnnotation = "io.containerd.image.name";

/// What registries accept, and we read, of a manifest, an index or a config.
inline constexpr std::uint64_t kMaxManifestSize = std::uint64_t{4} << 20U;

struct Platform {
  std::string architecture = {};
  std::string os = {};
};

/// Which manifest of an index is for us: the one with the lowest rank, the first of several; none for another kind of
/// program. The newest system is first, for it says most; one that names no platform will do where it is `alone`.
[[nodiscard]] inline std::optional<std::size_t> wasm_rank(const Platform& platform, bool alone) {
  constexpr std::array<std::string_view, 4> kSystems = {"wasip3", "wasip2", "wasi", "wasip1"};
  if (platform.architecture != "wasm" && !(alone && platform.architecture.empty())) return std::nullopt;
  return static_cast<std::size_t>(std::ranges::find(kSystems, platform.os) - kSystems.begin());
}

struct Descriptor {
  std::string media_type = {};
  std::string digest = {};
  std::uint64_t size = 0;
  std::map<std::string, std::string> annotations = {};
  Platform platform = {};  ///< Empty where there is none.
};

[[nodiscard]] inline bool is_index(std::string_view media_type) noexcept {
  return media_type == kIndexMediaType || media_type == kDockerIndexMediaType;
}

/// Whether it is JSON that refers to other content.
[[nodiscard]] inline bool has_children(std::string_view media_type) noexcept {
  return is_index(media_type) || media_type == kManifestMediaType || media_type == kDockerManifestMediaType;
}

}  // namespace tairitsu::detail

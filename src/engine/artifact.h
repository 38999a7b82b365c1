/// The seal of a cached artifact: proves who wrote it, and under which name.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "tairitsu/error.h"

namespace tairitsu::detail {

/// The secret key of a cache's owner.
using ArtifactKey = std::array<std::byte, 32>;

/// An artifact's key and name; it loads only with the same ones.
struct ArtifactSeal {
  ArtifactKey key{};
  std::string name;
};

/// Seals the output of `precompile` in place. Fails with `artifact_damaged` if it is not such an artifact.
[[nodiscard]] Result<void> seal_artifact(std::span<std::byte> artifact, const ArtifactSeal& seal);

}  // namespace tairitsu::detail

/// The seal of a cached artifact: who put it there, and as what.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "tairitsu/error.h"

namespace tairitsu::detail {

/// A secret of whoever owns the cache.
using ArtifactKey = std::array<std::byte, 32>;

/// What an artifact is sealed with: it loads with the same key and name only.
struct ArtifactSeal {
  ArtifactKey key{};
  std::string name;
};

/// Seals what `precompile` wrote, in place. Fails with `artifact_damaged` if it is something else.
[[nodiscard]] Result<void> seal_artifact(std::span<std::byte> artifact, const ArtifactSeal& seal);

}  // namespace tairitsu::detail

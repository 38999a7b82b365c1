#include "engine/artifact.h"

#include <cstdint>

#include "engine/bridge.h"

namespace tairitsu::detail {

Result<void> seal_artifact(std::span<std::byte> artifact, const ArtifactSeal& seal) {
  return bridge::check(
      bridge::tairitsu_bridge_artifact_seal(reinterpret_cast<std::uint8_t*>(artifact.data()), artifact.size(),
                                            bridge::borrow(std::span(seal.key)), bridge::borrow(seal.name)));
}

}  // namespace tairitsu::detail

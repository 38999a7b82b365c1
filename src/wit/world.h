/// Reads a component's world from the bridge's description.
#pragma once

#include <cstddef>
#include <span>

#include "tairitsu/error.h"
#include "tairitsu/type.h"

namespace tairitsu::detail {

/// Decodes the buffer of `tairitsu_bridge_component_world`; `bridge/src/world.rs` documents the encoding. A type that
/// several items use is one shared node. Fails with `internal` if the buffer does not follow the documentation.
[[nodiscard]] Result<World> decode_world(std::span<const std::byte> bytes);

}  // namespace tairitsu::detail

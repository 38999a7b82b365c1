/// A component's world, read from what the bridge writes about it.
#pragma once

#include <cstddef>
#include <span>

#include "tairitsu/error.h"
#include "tairitsu/type.h"

namespace tairitsu::detail {

/// Reads the buffer of `tairitsu_bridge_component_world`; the encoding is documented in
/// `bridge/src/world.rs`. A type that several items use is one shared node in all of them.
/// Anything that the documentation does not allow is `ErrorCode::internal`.
[[nodiscard]] Result<World> decode_world(std::span<const std::byte> bytes);

}  // namespace tairitsu::detail

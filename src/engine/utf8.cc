#include <cstddef>

#include "engine/bridge.h"
#include "tairitsu/detail/context.h"

namespace tairitsu::detail {

bool is_utf8_slow(const char* text, std::size_t size) noexcept {
  return bridge::tairitsu_bridge_is_utf8(bridge::borrow(std::string_view(text, size)));
}

}  // namespace tairitsu::detail

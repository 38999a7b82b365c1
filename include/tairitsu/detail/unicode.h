/// Unicode characters. Users have no need of this header.
#pragma once

namespace tairitsu::detail {

[[nodiscard]] constexpr bool is_unicode_scalar(char32_t value) noexcept {
  return value < 0xD800 || (value > 0xDFFF && value <= 0x10FFFF);
}

}  // namespace tairitsu::detail

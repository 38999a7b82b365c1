/// WIT's number types as C++ types, for kinds that are known only at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "tairitsu/type.h"

namespace tairitsu::detail {

[[nodiscard]] constexpr bool is_number(TypeKind kind) noexcept {
  return kind >= TypeKind::s8 && kind <= TypeKind::f64;
}

/// Calls `body<T>()` with the C++ type of a number's kind: `with_number_type(kind, [&]<typename T>() { … })`.
template <typename Body>
decltype(auto) with_number_type(TypeKind kind, Body&& body) {
  switch (kind) {
    case TypeKind::s8:
      return body.template operator()<std::int8_t>();
    case TypeKind::u8:
      return body.template operator()<std::uint8_t>();
    case TypeKind::s16:
      return body.template operator()<std::int16_t>();
    case TypeKind::u16:
      return body.template operator()<std::uint16_t>();
    case TypeKind::s32:
      return body.template operator()<std::int32_t>();
    case TypeKind::u32:
      return body.template operator()<std::uint32_t>();
    case TypeKind::s64:
      return body.template operator()<std::int64_t>();
    case TypeKind::u64:
      return body.template operator()<std::uint64_t>();
    case TypeKind::f32:
      return body.template operator()<float>();
    default:
      return body.template operator()<double>();
  }
}

/// Reads a little-endian value of up to eight bytes, zero-extended.
[[nodiscard]] inline std::uint64_t read_bits(const std::byte* from, std::size_t size) noexcept {
  std::uint64_t bits = 0;
  std::memcpy(&bits, from, size);
  return bits;
}

/// Returns the number in the low bytes of `bits`.
template <typename T>
[[nodiscard]] T number_in(std::uint64_t bits) noexcept {
  T number;
  std::memcpy(&number, &bits, sizeof number);
  return number;
}

struct IntegerRange {
  std::uint64_t below_zero;  ///< The magnitude of the minimum.
  std::uint64_t most;

  [[nodiscard]] std::string least() const {
    return (below_zero == 0 ? "" : "-") + std::to_string(below_zero);
  }
  /// Returns `-128 to 127`.
  [[nodiscard]] std::string text() const { return least() + " to " + std::to_string(most); }
};

/// Returns the range of an integer's kind.
[[nodiscard]] inline IntegerRange integer_range(TypeKind kind) noexcept {
  return with_number_type(kind, []<typename T>() -> IntegerRange {
    if constexpr (std::is_integral_v<T>) {
      constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
      return {.below_zero = std::is_signed_v<T> ? kMost + 1 : 0, .most = kMost};
    } else {
      return {};
    }
  });
}

}  // namespace tairitsu::detail

/// A guest for one element type that exposes the bytes of values in its memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "support.h"

namespace tairitsu::test {

/// Returns the text of a component that exports, for the WIT element type `type` of `size` bytes,
///
///     echo: func(a: list<T>) -> list<T>
///     bytes: func(a: list<T>) -> list<u8>       the elements' bytes in memory
///     from-bytes: func(a: list<u8>) -> list<T>
///
/// `definitions` is component text that is inserted first. Every allocation is aligned to 8 and filled with 0xAA.
inline std::string list_guest_text(std::string_view definitions, std::string_view type, std::size_t size) {
  return fmt::format(R"((component
  {}
  (core module $module
    (memory (export "memory") 16)
    (global $top (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.set $top (i32.add (local.get $at) (local.get $size)))
      (memory.fill (local.get $at) (i32.const 0xAA) (local.get $size))
      (local.get $at))
    (func (export "reset") (param i32) (global.set $top (i32.const 1024)))
    (func $echo (export "echo") (param $at i32) (param $length i32) (result i32)
      (i32.store (i32.const 16) (local.get $at))
      (i32.store (i32.const 20) (local.get $length))
      (i32.const 16))
    (func (export "bytes") (param $at i32) (param $length i32) (result i32)
      (call $echo (local.get $at) (i32.mul (local.get $length) (i32.const {}))))
    (func (export "from-bytes") (param $at i32) (param $length i32) (result i32)
      (call $echo (local.get $at) (i32.div_u (local.get $length) (i32.const {})))))
  (core instance $guest (instantiate $module))
  (alias core export $guest "memory" (core memory $memory))
  (alias core export $guest "realloc" (core func $realloc))
  (alias core export $guest "reset" (core func $reset))
  (func (export "echo") (param "a" (list {})) (result (list {}))
    (canon lift (core func $guest "echo") (memory $memory) (realloc $realloc) (post-return $reset)))
  (func (export "bytes") (param "a" (list {})) (result (list u8))
    (canon lift (core func $guest "bytes") (memory $memory) (realloc $realloc) (post-return $reset)))
  (func (export "from-bytes") (param "a" (list u8)) (result (list {}))
    (canon lift (core func $guest "from-bytes") (memory $memory) (realloc $realloc) (post-return $reset))))
)",
                     definitions, size, size, type, type, type, type);
}

/// The value of unwritten bytes in the guest's memory, such as padding.
inline constexpr std::uint8_t kUnwritten = 0xAA;

/// A running guest for the element type `T`.
template <typename T>
class ListGuest {
 public:
  ListGuest(std::string_view definitions, std::string_view type, std::size_t size)
      : container_(start(from_text(list_guest_text(definitions, type, size)))) {}

  Result<std::vector<T>> echo(const std::vector<T>& values) {
    return function_of<std::vector<T>(const std::vector<T>&)>(container_, "echo")(values);
  }
  Result<std::vector<std::uint8_t>> bytes(const std::vector<T>& values) {
    return function_of<std::vector<std::uint8_t>(const std::vector<T>&)>(container_, "bytes")(values);
  }
  Result<std::vector<T>> from_bytes(const std::vector<std::uint8_t>& bytes) {
    return function_of<std::vector<T>(const std::vector<std::uint8_t>&)>(container_, "from-bytes")(bytes);
  }

  /// Expects that the values are stored as these bytes, and read from them.
  void expect_layout(const std::vector<T>& values, const std::vector<std::uint8_t>& expected) {
    const auto stored = bytes(values);
    ASSERT_TRUE(is_ok(stored));
    EXPECT_EQ(*stored, expected);
    const auto loaded = from_bytes(expected);
    ASSERT_TRUE(is_ok(loaded));
    EXPECT_TRUE(*loaded == values) << "read from bytes: " << testing::PrintToString(*loaded);
  }

 private:
  Container container_;
};

/// Filler for `joined_bytes(std::uint16_t{1}, Unwritten<6>{}, 2.5)`, which joins little-endian numbers and filler.
template <std::size_t N>
struct Unwritten {
  std::array<std::uint8_t, N> bytes = [] {
    std::array<std::uint8_t, N> filler;
    filler.fill(kUnwritten);
    return filler;
  }();
};

template <typename... Parts>
std::vector<std::uint8_t> joined_bytes(const Parts&... parts) {
  std::vector<std::uint8_t> out;
  const auto append = [&out](const auto& part) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(&part);
    out.insert(out.end(), data, data + sizeof part);
  };
  (append(parts), ...);
  return out;
}

}  // namespace tairitsu::test

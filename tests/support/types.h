/// The C++ side of the named types of echo.wat, relay.wat and forward.wat.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <tuple>
#include <variant>

#include <tairitsu/tairitsu.h>

namespace tairitsu::test {

// echo.wat and relay.wat

enum class Colour : std::uint8_t { red, green, blue };

enum class Flags3 : std::uint8_t { a = 1, b = 2, c = 4 };
enum class Flags9 : std::uint16_t { none = 0, l0 = 1, l8 = 1 << 8, all = 0x1FF };
enum class Flags32 : std::uint32_t { none = 0, l0 = 1, l31 = 0x80000000, all = 0xFFFFFFFF };

/// Flags as a class, which `Describe` supports too.
class Flags17 {
 public:
  constexpr Flags17() = default;
  static constexpr Flags17 from_bits(std::uint32_t bits) {
    Flags17 flags;
    flags.bits_ = bits;
    return flags;
  }
  [[nodiscard]] constexpr std::uint32_t bits() const { return bits_; }
  bool operator==(const Flags17&) const = default;

 private:
  std::uint32_t bits_ = 0;
};

struct Inner {
  std::int8_t x{};
  std::int64_t y{};
  float z{};
  bool operator==(const Inner&) const = default;
};

struct Mixed {
  std::uint8_t a{};
  std::uint32_t b{};
  bool c{};
  double d{};
  std::uint16_t e{};
  Inner nested;
  bool operator==(const Mixed&) const = default;
};

struct Choice : std::variant<std::uint8_t, double, std::string, std::monostate> {
  using variant::variant;
};

using ResultU32String = std::expected<std::uint32_t, std::string>;
using ResultF32U32 = std::expected<float, std::uint32_t>;
using ResultNoneU8 = std::expected<void, std::uint8_t>;
using ResultNoneNone = std::expected<void, std::monostate>;
using Tuple = std::tuple<std::uint8_t, std::uint64_t, std::string>;

// forward.wat

struct Point {
  double x{};
  double y{};
  double z{};
  bool operator==(const Point&) const = default;
};

struct Shape : std::variant<double, Point, std::string, std::monostate> {
  using variant::variant;
};

}  // namespace tairitsu::test

namespace tairitsu {

template <>
struct Describe<test::Colour> : Enum<test::Colour, "colour", "red", "green", "blue"> {};
template <>
struct Describe<test::Flags3> : Flags<test::Flags3, "flags3", "a", "b", "c"> {};
template <>
struct Describe<test::Flags9>
    : Flags<test::Flags9, "flags9", "l0", "l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8"> {};
template <>
struct Describe<test::Flags17> : Flags<test::Flags17, "flags17", "l0", "l1", "l2", "l3", "l4", "l5", "l6",
                                       "l7", "l8", "l9", "l10", "l11", "l12", "l13", "l14", "l15", "l16"> {};
template <>
struct Describe<test::Flags32>
    : Flags<test::Flags32, "flags32", "l0", "l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8", "l9", "l10",
            "l11", "l12", "l13", "l14", "l15", "l16", "l17", "l18", "l19", "l20", "l21", "l22", "l23", "l24",
            "l25", "l26", "l27", "l28", "l29", "l30", "l31"> {};
template <>
struct Describe<test::Inner> : Record<test::Inner, "inner", Field<"x", &test::Inner::x>,
                                      Field<"y", &test::Inner::y>, Field<"z", &test::Inner::z>> {};
template <>
struct Describe<test::Mixed>
    : Record<test::Mixed, "mixed", Field<"a", &test::Mixed::a>, Field<"b", &test::Mixed::b>,
             Field<"c", &test::Mixed::c>, Field<"d", &test::Mixed::d>, Field<"e", &test::Mixed::e>,
             Field<"nested", &test::Mixed::nested>> {};
template <>
struct Describe<test::Choice> : Variant<test::Choice, "choice", "small", "wide", "text", "none"> {};
template <>
struct Describe<test::Point> : Record<test::Point, "point", Field<"x", &test::Point::x>,
                                      Field<"y", &test::Point::y>, Field<"z", &test::Point::z>> {};
template <>
struct Describe<test::Shape> : Variant<test::Shape, "shape", "circle", "at", "label", "empty"> {};

}  // namespace tairitsu

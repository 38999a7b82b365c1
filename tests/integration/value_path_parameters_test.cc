// Parameters in slots and in memory, and functions of interfaces found by version.
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "echo_host.h"
#include "types.h"

namespace tairitsu::test {
namespace {

using U32 = std::uint32_t;

class ValuePathParameters : public EchoTest {};
INSTANTIATE_ECHO_TEST(ValuePathParameters);

TEST_P(ValuePathParameters, SixteenAreFlat) {
  auto sum =
      find<std::uint64_t(U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32)>(
          "sum16");
  // Powers of three: the sum changes if one is lost or read twice.
  EXPECT_EQ(unwrap(sum(1, 3, 9, 27, 81, 243, 729, 2187, 6561, 19683, 59049, 177147, 531441, 1594323, 4782969,
                       14348907)),
            21523360U);
  constexpr U32 kMost = 0xFFFFFFFF;
  EXPECT_EQ(unwrap(sum(kMost, kMost, kMost, kMost, kMost, kMost, kMost, kMost, kMost, kMost, kMost, kMost,
                       kMost, kMost, kMost, kMost)),
            16ULL * kMost);
}

TEST_P(ValuePathParameters, SeventeenAreInMemory) {
  auto sum = find<std::uint64_t(U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32,
                                U32, U32)>("sum17");
  EXPECT_EQ(unwrap(sum(1, 3, 9, 27, 81, 243, 729, 2187, 6561, 19683, 59049, 177147, 531441, 1594323, 4782969,
                       14348907, 43046721)),
            64570081U);
}

TEST_P(ValuePathParameters, ManyStringsAreInMemory) {
  using View = std::string_view;
  auto sum = find<U32(View, View, View, View, View, View, View, View, View)>("many-strings");
  EXPECT_EQ(unwrap(sum("1", "22", "", "4444", "55555", "666666", "7777777", "88888888", "999999999")), 42U);
  EXPECT_EQ(unwrap(sum("", "", "", "", "", "", "", "", "")), 0U);
  const std::string large(100'000, 'x');
  EXPECT_EQ(unwrap(sum(large, large, large, large, large, large, large, large, large)), 900'000U);
}

/// The arguments of a host function with mixed parameters, in the order of its signature.
using MixedParameters =
    std::tuple<std::uint8_t, std::int64_t, float, bool, double, char32_t, std::int16_t, std::uint64_t,
               std::int8_t, float, std::uint16_t, double, std::uint32_t, std::int32_t, bool, std::uint64_t>;
const MixedParameters kMixed = {200, -1,    0.5F, true,  -2.5,       U'\x1F600',  -300,  0xFFFFFFFFFFFFFFFF,
                                -7,  -0.0F, 500,  1e300, 0xFFFFFFFF, -2000000000, false, 1ULL << 63};

/// Starts a guest that exports the host's `mixed`, with the sixteen types above and then `more`, unchanged.
template <typename F>
Container mixed_guest(std::string_view more, F function) {
  const std::string parameters =
      fmt::format(R"((param "p0" u8) (param "p1" s64) (param "p2" f32) (param "p3" bool) (param "p4" f64)
         (param "p5" char) (param "p6" s16) (param "p7" u64) (param "p8" s8) (param "p9" f32) (param "p10" u16)
         (param "p11" f64) (param "p12" u32) (param "p13" s32) (param "p14" bool) (param "p15" u64) {})",
                  more);
  const Image image = from_text(fmt::format(R"((component
    (import "mixed" (func $f {0}))
    (core module $storage
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $s (instantiate $storage))
    (alias core export $s "memory" (core memory $memory))
    (alias core export $s "realloc" (core func $realloc))
    (core func $lowered (canon lower (func $f) (memory $memory) (realloc $realloc)))
    (func (export "mixed") {0} (canon lift (core func $lowered) (memory $memory) (realloc $realloc)))))",
                                            parameters));
  return start(image, [&](Linker& linker) { return linker.define("mixed", std::move(function)); });
}

template <typename... Ts>
auto as_signature(std::tuple<Ts...>) -> void (*)(Ts...);

template <typename Function>
Result<void> apply(Function& function, const auto& values) {
  return std::apply([&](const auto&... value) { return function(value...); }, values);
}

TEST(ValuePathMixedParameters, SixteenFlatOnesKeepTheirOrderAndTypes) {
  MixedParameters seen;
  Container container =
      mixed_guest("", [&](std::uint8_t p0, std::int64_t p1, float p2, bool p3, double p4, char32_t p5,
                          std::int16_t p6, std::uint64_t p7, std::int8_t p8, float p9, std::uint16_t p10,
                          double p11, std::uint32_t p12, std::int32_t p13, bool p14, std::uint64_t p15) {
        seen = {p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15};
      });
  using Signature = std::remove_pointer_t<decltype(as_signature(kMixed))>;
  auto mixed = function_of<Signature>(container, "mixed");
  ASSERT_OK(apply(mixed, kMixed));
  EXPECT_TRUE(seen == kMixed);
}

TEST(ValuePathMixedParameters, SeventeenInMemoryKeepTheirOrderAndTypes) {
  MixedParameters seen;
  std::optional<std::uint8_t> last;
  Container container = mixed_guest(
      "(param \"p16\" (option u8))",
      [&](std::uint8_t p0, std::int64_t p1, float p2, bool p3, double p4, char32_t p5, std::int16_t p6,
          std::uint64_t p7, std::int8_t p8, float p9, std::uint16_t p10, double p11, std::uint32_t p12,
          std::int32_t p13, bool p14, std::uint64_t p15, std::optional<std::uint8_t> p16) {
        seen = {p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15};
        last = p16;
      });
  const auto values = std::tuple_cat(kMixed, std::tuple(std::optional<std::uint8_t>(9)));
  using Signature = std::remove_pointer_t<decltype(as_signature(values))>;
  auto mixed = function_of<Signature>(container, "mixed");
  ASSERT_OK(apply(mixed, values));
  EXPECT_TRUE(seen == kMixed);
  EXPECT_EQ(last, 9);
}

// ---- forward.wat: the arguments of the host's functions

class ValuePathForward : public testing::Test {
 protected:
  static constexpr std::string_view kHost = "test:forward/host@1.2.3#";

  /// Defines all imports of forward.wat under an interface name that ends in '#'. Each changes its argument, so that
  /// both directions are tested.
  static Result<void> define(Linker& linker, std::string_view interface) {
    const auto name = [&](std::string_view function) { return std::string(interface).append(function); };
    TAIRITSU_RETURN_IF_ERROR(linker.define(name("scalar"), [](U32 a) { return a + 1; }));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define(name("text"), [](std::string_view a) { return std::string(a) + "!"; }));
    TAIRITSU_RETURN_IF_ERROR(linker.define(name("record"), [](Point a) { return Point{a.z, a.x, a.y}; }));
    TAIRITSU_RETURN_IF_ERROR(linker.define(
        name("list"), [](std::span<const Point> a) { return std::vector<Point>(a.rbegin(), a.rend()); }));
    TAIRITSU_RETURN_IF_ERROR(linker.define(name("variant"), [](const Shape& a) -> Shape {
      // Turns each case into the next.
      switch (a.index()) {
        case 0:
          return Point{std::get<0>(a), 2, 3};
        case 1:
          return "at " + std::to_string(std::get<1>(a).y);
        case 2:
          return std::monostate{};
        default:
          return 0.5;
      }
    }));
    TAIRITSU_RETURN_IF_ERROR(linker.define(
        name("many"), [](U32 p0, U32 p1, U32 p2, U32 p3, U32 p4, U32 p5, U32 p6, U32 p7, U32 p8, U32 p9,
                         U32 p10, U32 p11, U32 p12, U32 p13, U32 p14, U32 p15, U32 p16) {
          std::uint64_t digits = 0;
          for (const U32 p : {p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15, p16}) {
            digits = digits * 10 + p;
          }
          return digits;
        }));
    TAIRITSU_RETURN_IF_ERROR(linker.define(name("nothing"), [] {}));
    return linker.define(name("maybe"), [](std::optional<std::string> a) -> std::expected<std::string, U32> {
      if (!a) return std::unexpected<U32>(404);
      return *a + "?";
    });
  }

  static Container start_forward(std::string_view interface = kHost) {
    return start("forward.wat", [=](Linker& linker) { return define(linker, interface); });
  }
};

TEST_F(ValuePathForward, ScalarsTextsAndNothing) {
  Container container = start_forward();
  EXPECT_EQ(unwrap(function_of<U32(U32)>(container, "guest.scalar")(41)), 42U);
  EXPECT_EQ(unwrap(function_of<std::string(std::string_view)>(container, "guest.text")("hello")), "hello!");
  EXPECT_OK(function_of<void()>(container, "guest.nothing")());
}

TEST_F(ValuePathForward, RecordsInSlotsAndInBulk) {
  Container container = start_forward();
  EXPECT_EQ(unwrap(function_of<Point(const Point&)>(container, "guest.record")({1, 2, 3})), (Point{3, 1, 2}));
  auto list = function_of<std::vector<Point>(std::span<const Point>)>(container, "guest.list");
  EXPECT_EQ(unwrap(list({})), std::vector<Point>{});
  std::vector<Point> points;
  for (int i = 0; i < 10'000; ++i) points.push_back({i + 0.25, i + 0.5, i + 0.75});
  EXPECT_EQ(unwrap(list(points)), std::vector<Point>(points.rbegin(), points.rend()));
}

TEST_F(ValuePathForward, VariantsWithJoinedSlots) {
  Container container = start_forward();
  auto variant = function_of<Shape(const Shape&)>(container, "guest.variant");
  EXPECT_EQ(unwrap(variant(1.5)), Shape(Point{1.5, 2, 3}));
  EXPECT_EQ(unwrap(variant(Point{1, -2.5, 3})), Shape("at -2.500000"));
  EXPECT_EQ(unwrap(variant("label")), Shape(std::monostate{}));
  EXPECT_EQ(unwrap(variant(std::monostate{})), Shape(0.5));
}

TEST_F(ValuePathForward, ParametersInMemoryKeepTheirOrder) {
  Container container = start_forward();
  auto many = function_of<std::uint64_t(U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32,
                                        U32, U32, U32)>(container, "guest.many");
  EXPECT_EQ(unwrap(many(1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7)), 12345678901234567ULL);
}

TEST_F(ValuePathForward, OptionsInResultsOut) {
  Container container = start_forward();
  using Outcome = std::expected<std::string, U32>;
  auto maybe = function_of<Outcome(std::optional<std::string_view>)>(container, "guest.maybe");
  EXPECT_EQ(unwrap(maybe("well")), Outcome("well?"));
  EXPECT_EQ(unwrap(maybe(std::nullopt)), Outcome(std::unexpect, 404U));
}

// ---- Versions

/// Returns the result of `scalar(0)` for a guest that imports `test:forward/host@1.2.3`. The function of each given
/// version adds its number.
Result<U32> scalar_with(const std::vector<std::pair<std::string, U32>>& versions) {
  const Image image = from_text(R"((component
    (import "test:forward/host@1.2.3" (instance $host (export "scalar" (func (param "a" u32) (result u32)))))
    (core func $lowered (canon lower (func $host "scalar")))
    (func (export "scalar") (param "a" u32) (result u32) (canon lift (core func $lowered)))))");
  const auto define = [&](Linker& linker) -> Result<void> {
    for (const auto& [version, number] : versions) {
      TAIRITSU_RETURN_IF_ERROR(linker.define("test:forward/host" + version + "#scalar",
                                             [added = number](U32 a) { return a + added; }));
    }
    return {};
  };
  TAIRITSU_TRY(auto container, Container::builder(image).with_imports(define).build());
  TAIRITSU_TRY(auto scalar, container.function<U32(U32)>("scalar"));
  return scalar(0);
}

TEST_F(ValuePathForward, AnInterfaceMayHaveAnotherCompatibleVersion) {
  for (const std::string_view interface : {"test:forward/host@1.2.3#", "test:forward/host@1.2.5#",
                                           "test:forward/host@1.3.0#", "test:forward/host@1.2.0#"}) {
    Container container = start_forward(interface);
    EXPECT_EQ(unwrap(function_of<U32(U32)>(container, "guest.scalar")(41)), 42U) << interface;
    EXPECT_EQ(unwrap(function_of<std::string(std::string_view)>(container, "guest.text")("a")), "a!");
  }
}

TEST(ValuePathVersions, AnImportTakesTheExactVersionElseTheHighestOfItsMajor) {
  EXPECT_EQ(unwrap(scalar_with({{"@1.2.3", 1}, {"@1.2.5", 2}, {"@1.3.0", 3}})), 1U);
  EXPECT_EQ(unwrap(scalar_with({{"@1.2.5", 2}, {"@1.3.0", 3}, {"@1.2.0", 4}})), 3U);
  EXPECT_EQ(unwrap(scalar_with({{"@1.10.0", 5}, {"@1.9.0", 6}})), 5U);
  EXPECT_EQ(unwrap(scalar_with({{"@1.0.0", 7}, {"@2.0.0", 8}})), 7U);
}

TEST(ValuePathVersions, AnotherMajorOrAPreReleaseDoesNotMatch) {
  for (const std::string version : {"@2.0.0", "@0.2.3", "@1.3.0-rc.1"}) {
    const auto missing = scalar_with({{version, 1}});
    ASSERT_ERROR(missing, missing_import) << version;
    EXPECT_THAT(message_of(missing),
                testing::HasSubstr("test:forward/host@1.2.3#scalar: func(a: u32) -> u32"));
  }
}

TEST_F(ValuePathForward, AnExportIsFoundByCompatibleVersions) {
  Container container = start_forward();
  for (const std::string_view name : {"test:forward/guest@1.2.3#scalar", "test:forward/guest@1.2.0#scalar",
                                      "test:forward/guest@1.0.0#scalar", "test:forward/guest#scalar",
                                      "guest@1.2.3#scalar", "guest#scalar", "guest.scalar", "scalar"}) {
    auto scalar = container.function<U32(U32)>(name);
    ASSERT_OK(scalar) << name;
    EXPECT_EQ(unwrap((*scalar)(1)), 2U) << name;
  }
  for (const std::string_view name : {"test:forward/guest@2.0.0#scalar", "test:forward/guest@0.2.3#scalar",
                                      "test:other/guest@1.2.3#scalar", "guest.scala"}) {
    EXPECT_ERROR(container.function<U32(U32)>(name), not_found) << name;
  }
}

}  // namespace
}  // namespace tairitsu::test

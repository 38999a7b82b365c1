#include "tairitsu/fmt.h"

#include <gtest/gtest.h>

#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "types.h"

namespace tairitsu::test {

struct Everything {
  bool yes{};
  char32_t letter{};
  std::string text;
  std::vector<float> numbers;
  std::optional<std::optional<std::uint8_t>> maybe;
  std::expected<void, std::string> outcome;
  std::tuple<std::int8_t, bool> pair;
};

}  // namespace tairitsu::test

template <>
struct tairitsu::Describe<tairitsu::test::Everything>
    : tairitsu::Record<tairitsu::test::Everything, "everything",
                       tairitsu::Field<"yes", &tairitsu::test::Everything::yes>,
                       tairitsu::Field<"letter", &tairitsu::test::Everything::letter>,
                       tairitsu::Field<"text", &tairitsu::test::Everything::text>,
                       tairitsu::Field<"numbers", &tairitsu::test::Everything::numbers>,
                       tairitsu::Field<"maybe", &tairitsu::test::Everything::maybe>,
                       tairitsu::Field<"outcome", &tairitsu::test::Everything::outcome>,
                       tairitsu::Field<"pair", &tairitsu::test::Everything::pair>> {};

namespace tairitsu::test {
namespace {

TEST(Fmt, PrintsRecordsAsWave) {
  EXPECT_EQ(fmt::format("{}", Point{.x = 1, .y = -0.5, .z = 1e300}), "{x: 1, y: -0.5, z: 1e+300}");
  const Everything everything{
      .yes = true,
      .letter = U'ü',
      .text = "a\"\\\n\x01 ü",
      .numbers = {0.1F, std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()},
      .maybe = std::optional<std::uint8_t>(),
      .outcome = std::unexpected("no"),
      .pair = {-1, false}};
  EXPECT_EQ(fmt::format("{}", everything),
            "{yes: true, letter: 'ü', text: \"a\\\"\\\\\\n\\u{1} ü\", numbers: [0.1, nan, -inf], maybe: "
            "some(none), "
            "outcome: err(\"no\"), pair: (-1, false)}");
}

TEST(Fmt, PrintsNamesOfCasesAndLabels) {
  EXPECT_EQ(fmt::format("{}", Colour::green), "green");
  EXPECT_EQ(fmt::format("{}", static_cast<Colour>(9)), "<no value>");
  EXPECT_EQ(fmt::format("{}", Flags3{}), "{}");
  EXPECT_EQ(fmt::format("{}", static_cast<Flags3>(5)), "{a, c}");
  EXPECT_EQ(fmt::format("{}", Flags17::from_bits(0x10001)), "{l0, l16}");
  EXPECT_EQ(fmt::format("{}", Shape(2.5)), "circle(2.5)");
  EXPECT_EQ(fmt::format("{}", Shape(std::monostate())), "empty");
}

}  // namespace
}  // namespace tairitsu::test

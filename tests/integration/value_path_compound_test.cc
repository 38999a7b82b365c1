// Options, results, tuples, records, variants, enums and flags, in flat slots and in memory, in both
// directions.
#include <bit>
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "echo_host.h"
#include "list_guest.h"
#include "types.h"

namespace tairitsu::test {
namespace {

class ValuePathCompound : public EchoTest {
 protected:
  /// Expects that each value is echoed in slots, and all of them as a list.
  template <typename T>
  void expect_echoes(const std::string& type, const std::vector<T>& values) {
    for (const T& value : values) expect_echo<T>("flat-" + type, value);
    expect_echo("echo-" + type, values);
    expect_echo("echo-" + type, std::vector<T>{});
  }
};
INSTANTIATE_ECHO_TEST(ValuePathCompound);

TEST_P(ValuePathCompound, KeepOptions) {
  expect_echoes<std::optional<std::uint32_t>>("option-u32", {std::nullopt, 0, 1, 0xFFFFFFFF});
  expect_echoes<std::optional<std::string>>("option-string",
                                            {std::nullopt, "", "some", std::string(1000, 'x')});
  for (const std::optional<double> value :
       {std::optional<double>(), std::optional(0.5), std::optional(-1e300)}) {
    expect_echo("flat-option-f64", value);
  }
}

TEST_P(ValuePathCompound, KeepOptionsInOptions) {
  using Inner = std::optional<std::uint32_t>;
  expect_echoes<std::optional<Inner>>("option-option-u32", {std::nullopt, Inner(), Inner(0), Inner(7)});
}

TEST_P(ValuePathCompound, KeepBothCasesOfResults) {
  using Full = ResultU32String;
  expect_echoes<Full>("result-u32-string", {Full(0), Full(0xFFFFFFFF), Full(std::unexpect, ""),
                                            Full(std::unexpect, "out of stock")});
  using ErrorOnly = ResultNoneU8;
  expect_echoes<ErrorOnly>("result-none-u8",
                           {ErrorOnly(), ErrorOnly(std::unexpect, 0), ErrorOnly(std::unexpect, 255)});
  using Neither = ResultNoneNone;
  expect_echoes<Neither>("result-none-none", {Neither(), Neither(std::unexpect)});
}

TEST_P(ValuePathCompound, KeepBitsInAJoinedSlot) {
  // f32 and u32 share a slot.
  for (const ResultF32U32& value : {ResultF32U32(1.5F), ResultF32U32(-0.0F), ResultF32U32(std::unexpect, 0),
                                    ResultF32U32(std::unexpect, 0xFFFFFFFF)}) {
    expect_echo("flat-result-f32-u32", value);
  }
  auto echo = find<ResultF32U32(const ResultF32U32&)>("flat-result-f32-u32");
  for (const std::uint32_t bits : {0x7FC00001U, 0xFFA00123U, 0x80000000U}) {
    const auto result = echo(std::bit_cast<float>(bits));
    ASSERT_OK(result);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(result->value()), bits);
  }
}

TEST_P(ValuePathCompound, KeepTuples) {
  expect_echoes<Tuple>("tuple", {{0, 0, ""}, {255, std::numeric_limits<std::uint64_t>::max(), "three"}});
}

TEST_P(ValuePathCompound, KeepRecords) {
  expect_echoes<Mixed>(
      "record",
      {Mixed{}, Mixed{1, 2, true, 3.5, 4, {-5, -6, 7.5F}},
       Mixed{
           255, 0xFFFFFFFF, false, -0.0, 0xFFFF, {-128, std::numeric_limits<std::int64_t>::min(), -1e30F}}});
}

TEST_P(ValuePathCompound, KeepEveryCaseOfVariants) {
  expect_echoes<Choice>("variant", {Choice(std::uint8_t{255}), Choice(-0.5), Choice(std::string("text")),
                                    Choice(std::string()), Choice(std::monostate{})});
}

TEST_P(ValuePathCompound, KeepEnums) {
  expect_echoes<Colour>("enum", {Colour::red, Colour::green, Colour::blue});
}

TEST_P(ValuePathCompound, KeepFlagsOfEveryWidth) {
  std::vector<Flags3> three;
  for (std::uint8_t bits = 0; bits < 8; ++bits) three.push_back(Flags3{bits});
  expect_echoes<Flags3>("flags3", three);
  expect_echoes<Flags9>("flags9", {Flags9::none, Flags9::l0, Flags9::l8, Flags9::all});
  expect_echoes<Flags17>("flags17", {Flags17(), Flags17::from_bits(1), Flags17::from_bits(0x10000),
                                     Flags17::from_bits(0x1FFFF)});
  expect_echoes<Flags32>("flags32", {Flags32::none, Flags32::l0, Flags32::l31, Flags32::all});
}

TEST_P(ValuePathCompound, DropBitsThatNoLabelHas) {
  EXPECT_EQ(unwrap(find<Flags3(Flags3)>("flat-flags3")(Flags3{0xFF})), Flags3{7});
  EXPECT_EQ(unwrap(find<Flags9(Flags9)>("flat-flags9")(Flags9{0xFFFF})), Flags9::all);
  EXPECT_EQ(unwrap(find<Flags17(Flags17)>("flat-flags17")(Flags17::from_bits(0xFFFFFFFF))),
            Flags17::from_bits(0x1FFFF));
  EXPECT_EQ(unwrap(find<std::vector<Flags9>(const std::vector<Flags9>&)>("echo-flags9")({Flags9{0xFE00}})),
            std::vector<Flags9>{Flags9::none});
}

// ---- Types that echo.wat does not have

TEST(ValuePathResults, MayHaveNoErrorType) {
  using OkOnly = std::expected<std::uint32_t, std::monostate>;
  ListGuest<OkOnly> guest("", "(result u32)", 8);
  const std::vector<OkOnly> values = {OkOnly(7), OkOnly(std::unexpect), OkOnly(0)};
  EXPECT_EQ(unwrap(guest.echo(values)), values);
  // With std::monostate or void as the value type, the result has none.
  using Neither = std::expected<std::monostate, std::monostate>;
  ListGuest<Neither> neither("", "(result)", 1);
  const std::vector<Neither> both = {Neither(), Neither(std::unexpect)};
  EXPECT_EQ(unwrap(neither.echo(both)), both);
}

TEST(ValuePathTuples, PairsAreTuplesOfTwo) {
  using Pair = std::pair<std::string, std::int16_t>;
  ListGuest<Pair> guest("", "(tuple string s16)", 12);
  const std::vector<Pair> values = {{"one", 1}, {"", -1}};
  EXPECT_EQ(unwrap(guest.echo(values)), values);
}

TEST(ValuePathVariants, OfAStdVariantWithRepeatedTypes) {
  // Two cases of the same type are distinguished by their index.
  using Length = std::expected<std::uint32_t, std::uint32_t>;
  ListGuest<Length> guest("", "(result u32 (error u32))", 8);
  const std::vector<Length> values = {Length(7), Length(std::unexpect, 7U)};
  EXPECT_EQ(unwrap(guest.echo(values)), values);
}

TEST(ValuePathNesting, GoesDeep) {
  using Leaf = std::expected<std::vector<std::optional<std::string>>, std::tuple<bool, char32_t>>;
  using Deep = std::optional<std::pair<std::vector<Leaf>, std::vector<std::vector<std::uint8_t>>>>;
  ListGuest<Deep> guest(
      "",
      "(option (tuple (list (result (list (option string)) (error (tuple bool char)))) (list (list u8))))",
      20);
  const std::vector<Deep> values = {
      std::nullopt,
      Deep({{Leaf({"a", std::nullopt, ""}), Leaf(std::unexpect, true, U'\x1F600'), Leaf()}, {{1, 2}, {}}}),
      Deep({{}, {}}),
  };
  EXPECT_EQ(unwrap(guest.echo(values)), values);
}

}  // namespace
}  // namespace tairitsu::test

// The layout of values in linear memory by the canonical ABI: first compile-time checks, then the bytes in a guest,
// because two errors could cancel out in an echo.
#include <array>
#include <bit>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "list_guest.h"
#include "types.h"

namespace tairitsu::test {
namespace {

/// All numbers, no padding.
struct Flat {
  double x{};
  std::uint32_t y{};
  float z{};
  bool operator==(const Flat&) const = default;
};
/// Numbers with padding, inside and at the end.
struct Padded {
  std::uint8_t a{};
  std::uint32_t b{};
  std::uint16_t c{};
  bool operator==(const Padded&) const = default;
};
/// Described in an order that differs from its members'.
struct Reordered {
  std::uint32_t second{};
  std::uint32_t first{};
  bool operator==(const Reordered&) const = default;
};
/// Like `Reordered`, with members of different sizes.
struct ReorderedMixed {
  std::uint16_t last{};
  std::uint8_t middle{};
  std::uint8_t first{};
  bool operator==(const ReorderedMixed&) const = default;
};
/// Has a member that is not described.
struct WithExtra {
  std::uint32_t a{};
  std::uint32_t not_described{};
  bool operator==(const WithExtra&) const = default;
};
struct WithBool {
  bool flag{};
  bool operator==(const WithBool&) const = default;
};
struct WithChar {
  char32_t letter{};
};
struct WithEnum {
  Colour colour{};
};
struct WithFlags {
  Flags3 flags{};
};
struct WithString {
  std::uint32_t id{};
  std::string name;
};
/// Records in a record: copied in bulk if all parts are.
struct Nested {
  Flat flat;
  std::uint64_t more{};
  bool operator==(const Nested&) const = default;
};
struct NestedPadded {
  Padded padded;
  std::uint32_t more{};
  bool operator==(const NestedPadded&) const = default;
};
/// A class with defaults that are not zero.
class Encapsulated {
 public:
  std::uint32_t a = 7;
  std::uint32_t b = 8;
  bool operator==(const Encapsulated&) const = default;
};
/// The right layout, but not trivially copyable.
struct NotTrivial {
  NotTrivial() = default;
  NotTrivial(const NotTrivial& other) : a(other.a) {}
  NotTrivial& operator=(const NotTrivial&) = default;
  ~NotTrivial() = default;
  std::uint32_t a{};
};
/// A stricter alignment than the canonical ABI's.
struct alignas(16) OverAligned {
  std::uint64_t a{};
  std::uint64_t b{};
};

/// 300 cases, so the discriminant has two bytes. Described without the `Enum` template, as a generator may do.
enum class Wide : std::uint16_t { first = 0, last = 299 };
inline constexpr std::size_t kWideCases = 300;
inline constexpr auto kWideText = [] {
  std::array<std::array<char, 4>, kWideCases> text{};
  for (std::size_t i = 0; i < kWideCases; ++i) {
    text[i] = {'c', static_cast<char>('0' + i / 100), static_cast<char>('0' + i / 10 % 10),
               static_cast<char>('0' + i % 10)};
  }
  return text;
}();

}  // namespace
}  // namespace tairitsu::test

namespace tairitsu {

template <>
struct Describe<test::Flat> : Record<test::Flat, "flat", Field<"x", &test::Flat::x>,
                                     Field<"y", &test::Flat::y>, Field<"z", &test::Flat::z>> {};
template <>
struct Describe<test::Padded> : Record<test::Padded, "padded", Field<"a", &test::Padded::a>,
                                       Field<"b", &test::Padded::b>, Field<"c", &test::Padded::c>> {};
template <>
struct Describe<test::Reordered>
    : Record<test::Reordered, "reordered", Field<"first", &test::Reordered::first>,
             Field<"second", &test::Reordered::second>> {};
template <>
struct Describe<test::ReorderedMixed>
    : Record<test::ReorderedMixed, "reordered-mixed", Field<"first", &test::ReorderedMixed::first>,
             Field<"middle", &test::ReorderedMixed::middle>, Field<"last", &test::ReorderedMixed::last>> {};
template <>
struct Describe<test::WithExtra> : Record<test::WithExtra, "with-extra", Field<"a", &test::WithExtra::a>> {};
template <>
struct Describe<test::WithBool> : Record<test::WithBool, "with-bool", Field<"flag", &test::WithBool::flag>> {
};
template <>
struct Describe<test::WithChar>
    : Record<test::WithChar, "with-char", Field<"letter", &test::WithChar::letter>> {};
template <>
struct Describe<test::WithEnum>
    : Record<test::WithEnum, "with-enum", Field<"colour", &test::WithEnum::colour>> {};
template <>
struct Describe<test::WithFlags>
    : Record<test::WithFlags, "with-flags", Field<"flags", &test::WithFlags::flags>> {};
template <>
struct Describe<test::WithString>
    : Record<test::WithString, "with-string", Field<"id", &test::WithString::id>,
             Field<"name", &test::WithString::name>> {};
template <>
struct Describe<test::Nested>
    : Record<test::Nested, "nested", Field<"flat", &test::Nested::flat>, Field<"more", &test::Nested::more>> {
};
template <>
struct Describe<test::NestedPadded>
    : Record<test::NestedPadded, "nested-padded", Field<"padded", &test::NestedPadded::padded>,
             Field<"more", &test::NestedPadded::more>> {};
template <>
struct Describe<test::Encapsulated>
    : Record<test::Encapsulated, "encapsulated", Field<"a", &test::Encapsulated::a>,
             Field<"b", &test::Encapsulated::b>> {};
template <>
struct Describe<test::NotTrivial>
    : Record<test::NotTrivial, "not-trivial", Field<"a", &test::NotTrivial::a>> {};
template <>
struct Describe<test::OverAligned>
    : Record<test::OverAligned, "over-aligned", Field<"a", &test::OverAligned::a>,
             Field<"b", &test::OverAligned::b>> {};
template <>
struct Describe<test::Wide> {
  static constexpr auto kind = DescriptionKind::enumeration;
  static constexpr std::string_view name = "wide";
  static constexpr auto labels = [] {
    std::array<std::string_view, test::kWideCases> result;
    for (std::size_t i = 0; i < result.size(); ++i) {
      result[i] = {test::kWideText[i].data(), 4};
    }
    return result;
  }();
};

}  // namespace tairitsu

namespace tairitsu::test {
namespace {

using detail::Codec;
using detail::has_no_padding;
using detail::Layout;

// ---- Types that are copied in bulk

static_assert(Codec<std::uint8_t>::bulk && Codec<std::int64_t>::bulk && Codec<double>::bulk);
static_assert(!Codec<bool>::bulk && !Codec<char32_t>::bulk && !Codec<Colour>::bulk && !Codec<Flags3>::bulk);
static_assert(!Codec<std::string>::bulk && !Codec<std::optional<std::uint32_t>>::bulk &&
              !Codec<Choice>::bulk);
static_assert(Codec<Point>::bulk && has_no_padding<Point>());
static_assert(Codec<Flat>::bulk && has_no_padding<Flat>());
static_assert(Codec<Nested>::bulk && has_no_padding<Nested>());
static_assert(Codec<Encapsulated>::bulk && has_no_padding<Encapsulated>());
// Types with padding are lifted in bulk, but not lowered in bulk.
static_assert(Codec<Padded>::bulk && !has_no_padding<Padded>());
static_assert(Codec<Inner>::bulk && !has_no_padding<Inner>());
static_assert(Codec<NestedPadded>::bulk && !has_no_padding<NestedPadded>());
// The struct's layout is not that of the canonical ABI.
static_assert(!Codec<Reordered>::bulk);
static_assert(!Codec<ReorderedMixed>::bulk);
static_assert(!Codec<WithExtra>::bulk);
static_assert(!Codec<OverAligned>::bulk);
static_assert(!Codec<NotTrivial>::bulk);
// Not every byte pattern is a valid value.
static_assert(!Codec<WithBool>::bulk && !Codec<WithChar>::bulk && !Codec<WithEnum>::bulk &&
              !Codec<WithFlags>::bulk && !Codec<WithString>::bulk && !Codec<Mixed>::bulk);

// ---- Sizes, alignments and offsets

template <typename T>
constexpr bool has_layout(std::uint32_t size, std::uint32_t align, std::uint32_t flat_count) {
  return Codec<T>::size == size && Codec<T>::align == align && Codec<T>::flat_count == flat_count;
}

static_assert(has_layout<bool>(1, 1, 1) && has_layout<std::uint8_t>(1, 1, 1));
static_assert(has_layout<std::int16_t>(2, 2, 1) && has_layout<std::uint32_t>(4, 4, 1));
static_assert(has_layout<std::int64_t>(8, 8, 1) && has_layout<float>(4, 4, 1) && has_layout<double>(8, 8, 1));
static_assert(has_layout<char32_t>(4, 4, 1));
static_assert(has_layout<std::string>(8, 4, 2) && has_layout<std::string_view>(8, 4, 2));
static_assert(has_layout<std::vector<double>>(8, 4, 2) && has_layout<std::span<const double>>(8, 4, 2));
static_assert(has_layout<std::optional<std::uint8_t>>(2, 1, 2));
static_assert(has_layout<std::optional<std::uint64_t>>(16, 8, 2));
static_assert(has_layout<std::optional<std::string>>(12, 4, 3));
static_assert(has_layout<std::optional<std::optional<std::uint32_t>>>(12, 4, 3));
static_assert(has_layout<ResultU32String>(12, 4, 3) && has_layout<ResultNoneU8>(2, 1, 2));
static_assert(has_layout<ResultNoneNone>(1, 1, 1));
static_assert(has_layout<std::expected<std::uint32_t, std::monostate>>(8, 4, 2));
static_assert(has_layout<std::expected<std::uint64_t, std::uint8_t>>(16, 8, 2));
static_assert(has_layout<Tuple>(24, 8, 4));
static_assert(has_layout<std::pair<std::uint8_t, std::uint16_t>>(4, 2, 2));
static_assert(has_layout<Colour>(1, 1, 1) && has_layout<Wide>(2, 2, 1));
static_assert(has_layout<Flags3>(1, 1, 1) && has_layout<Flags9>(2, 2, 1));
static_assert(has_layout<Flags17>(4, 4, 1) && has_layout<Flags32>(4, 4, 1));
static_assert(has_layout<Inner>(24, 8, 3) && has_layout<Mixed>(56, 8, 8));
static_assert(has_layout<Choice>(16, 8, 3) && has_layout<Shape>(32, 8, 4));
static_assert(has_layout<Padded>(12, 4, 3) && has_layout<Flat>(16, 8, 3));

using Offsets = std::array<std::uint32_t, 7>;
static_assert(Layout<std::uint8_t, std::uint32_t, bool, double, std::uint16_t, Inner>::offsets ==
              Offsets{0, 4, 8, 16, 24, 32, 56});
static_assert(Layout<>::size == 0 && Layout<>::align == 1 && Layout<>::flat_count == 0);

// ---- Views cannot be results

static_assert(detail::IsView<std::string_view>::value && detail::IsView<std::span<const double>>::value);
static_assert(detail::IsView<std::optional<std::vector<std::string_view>>>::value);
static_assert(detail::IsView<std::tuple<std::uint32_t, std::string_view>>::value);
static_assert(!detail::IsView<std::string>::value && !detail::IsView<Mixed>::value &&
              !detail::IsView<Choice>::value);

// ---- The bytes in a guest

TEST(ValuePathLayout, FlatRecordsMatchTheirCppLayout) {
  ListGuest<Flat> guest(R"((type $t (record (field "x" f64) (field "y" u32) (field "z" f32)))
                            (export $flat "flat" (type $t)))",
                        "$flat", 16);
  guest.expect_layout({{1.5, 2, 3.5F}, {-1.5, 0xFFFFFFFF, -0.0F}},
                      joined_bytes(1.5, std::uint32_t{2}, 3.5F, -1.5, std::uint32_t{0xFFFFFFFF}, -0.0F));
  guest.expect_layout({}, {});
}

TEST(ValuePathLayout, HostPaddingDoesNotReachTheGuest) {
  ListGuest<Padded> guest(R"((type $t (record (field "a" u8) (field "b" u32) (field "c" u16)))
                              (export $padded "padded" (type $t)))",
                          "$padded", 12);
  // The values' padding has bytes that must not reach the guest.
  std::array<std::array<std::uint8_t, sizeof(Padded)>, 2> raw;
  for (auto& bytes : raw) bytes.fill(0x5E);
  std::vector<Padded> values(2);
  for (std::size_t i = 0; i < 2; ++i) {
    std::memcpy(static_cast<void*>(&values[i]), raw[i].data(), sizeof(Padded));
    values[i].a = static_cast<std::uint8_t>(i + 1);
    values[i].b = static_cast<std::uint32_t>(i + 2);
    values[i].c = static_cast<std::uint16_t>(i + 3);
  }
  guest.expect_layout(values,
                      joined_bytes(std::uint8_t{1}, Unwritten<3>{}, 2, std::uint16_t{3}, Unwritten<2>{},
                                   std::uint8_t{2}, Unwritten<3>{}, 3, std::uint16_t{4}, Unwritten<2>{}));
}

TEST(ValuePathLayout, NestedPaddingDoesNotReachTheGuest) {
  ListGuest<NestedPadded> guest(
      R"((type $t (record (field "a" u8) (field "b" u32) (field "c" u16)))
         (export $padded "padded" (type $t))
         (type $u (record (field "padded" $padded) (field "more" u32)))
         (export $nested "nested-padded" (type $u)))",
      "$nested", 16);
  guest.expect_layout({{{1, 2, 3}, 4}},
                      joined_bytes(std::uint8_t{1}, Unwritten<3>{}, 2, std::uint16_t{3}, Unwritten<2>{}, 4));
}

TEST(ValuePathLayout, TheDescribedOrderDecides) {
  ListGuest<Reordered> guest(R"((type $t (record (field "first" u32) (field "second" u32)))
                                 (export $reordered "reordered" (type $t)))",
                             "$reordered", 8);
  guest.expect_layout({{.second = 2, .first = 1}, {.second = 4, .first = 3}}, joined_bytes(1, 2, 3, 4));
  ListGuest<ReorderedMixed> mixed(
      R"((type $t (record (field "first" u8) (field "middle" u8) (field "last" u16)))
         (export $reordered "reordered-mixed" (type $t)))",
      "$reordered", 4);
  mixed.expect_layout({{.last = 3, .middle = 2, .first = 1}},
                      joined_bytes(std::uint8_t{1}, std::uint8_t{2}, std::uint16_t{3}));
}

TEST(ValuePathLayout, UndescribedMembersAreNotPassed) {
  ListGuest<WithExtra> guest(R"((type $t (record (field "a" u32))) (export $extra "with-extra" (type $t)))",
                             "$extra", 4);
  guest.expect_layout({{1, 0}, {2, 0}}, joined_bytes(1, 2));
  const auto stored = guest.bytes({{1, 0x5E5E5E5E}});
  ASSERT_OK(stored);
  EXPECT_EQ(*stored, joined_bytes(1));
}

TEST(ValuePathLayout, MixedRecordsFollowTheCanonicalOffsets) {
  ListGuest<Mixed> guest(
      R"((type $i (record (field "x" s8) (field "y" s64) (field "z" f32)))
         (export $inner "inner" (type $i))
         (type $m (record (field "a" u8) (field "b" u32) (field "c" bool) (field "d" f64) (field "e" u16)
           (field "nested" $inner)))
         (export $mixed "mixed" (type $m)))",
      "$mixed", 56);
  guest.expect_layout(
      {{1, 2, true, 3.5, 4, {-5, -6, 7.5F}}},
      joined_bytes(std::uint8_t{1}, Unwritten<3>{}, 2, std::uint8_t{1}, Unwritten<7>{}, 3.5, std::uint16_t{4},
                   Unwritten<6>{}, std::int8_t{-5}, Unwritten<7>{}, std::int64_t{-6}, 7.5F, Unwritten<4>{}));
}

TEST(ValuePathLayout, TuplesAndPairsAreLaidOutAsRecords) {
  ListGuest<std::tuple<std::uint8_t, std::uint64_t, std::int16_t>> tuples("", "(tuple u8 u64 s16)", 24);
  tuples.expect_layout({{1, 2, -3}}, joined_bytes(std::uint8_t{1}, Unwritten<7>{}, std::uint64_t{2},
                                                  std::int16_t{-3}, Unwritten<6>{}));
  ListGuest<std::pair<std::uint8_t, std::uint16_t>> pairs("", "(tuple u8 u16)", 4);
  pairs.expect_layout({{1, 2}, {3, 4}}, joined_bytes(std::uint8_t{1}, Unwritten<1>{}, std::uint16_t{2},
                                                     std::uint8_t{3}, Unwritten<1>{}, std::uint16_t{4}));
}

TEST(ValuePathLayout, OptionsHaveTheirPayloadAtItsAlignment) {
  ListGuest<std::optional<std::uint64_t>> guest("", "(option u64)", 16);
  guest.expect_layout({7, std::nullopt}, joined_bytes(std::uint8_t{1}, Unwritten<7>{}, std::uint64_t{7},
                                                      std::uint8_t{0}, Unwritten<15>{}));
  ListGuest<std::optional<std::optional<std::uint16_t>>> nested("", "(option (option u16))", 6);
  nested.expect_layout(
      {std::nullopt, std::optional<std::uint16_t>(), std::optional<std::uint16_t>(5)},
      joined_bytes(std::uint8_t{0}, Unwritten<5>{},                                   //
                   std::uint8_t{1}, Unwritten<1>{}, std::uint8_t{0}, Unwritten<3>{},  //
                   std::uint8_t{1}, Unwritten<1>{}, std::uint8_t{1}, Unwritten<1>{}, std::uint16_t{5}));
}

TEST(ValuePathLayout, ResultsTakeTheLargerPayload) {
  using Ok = std::expected<std::uint64_t, std::uint8_t>;
  ListGuest<Ok> guest("", "(result u64 (error u8))", 16);
  guest.expect_layout({Ok(7), Ok(std::unexpect, std::uint8_t{9})},
                      joined_bytes(std::uint8_t{0}, Unwritten<7>{}, std::uint64_t{7}, std::uint8_t{1},
                                   Unwritten<7>{}, std::uint8_t{9}, Unwritten<7>{}));
  using OkOnly = std::expected<std::uint32_t, std::monostate>;
  ListGuest<OkOnly> ok_only("", "(result u32)", 8);
  ok_only.expect_layout({OkOnly(7), OkOnly(std::unexpect)},
                        joined_bytes(std::uint8_t{0}, Unwritten<3>{}, 7, std::uint8_t{1}, Unwritten<7>{}));
  using ErrorOnly = std::expected<void, std::uint8_t>;
  ListGuest<ErrorOnly> error_only("", "(result (error u8))", 2);
  error_only.expect_layout({ErrorOnly(), ErrorOnly(std::unexpect, std::uint8_t{9})},
                           joined_bytes(std::uint8_t{0}, Unwritten<1>{}, std::uint8_t{1}, std::uint8_t{9}));
  ListGuest<ResultNoneNone> neither("", "(result)", 1);
  neither.expect_layout({ResultNoneNone(), ResultNoneNone(std::unexpect)},
                        joined_bytes(std::uint8_t{0}, std::uint8_t{1}));
}

TEST(ValuePathLayout, FlagsTakeOneTwoOrFourBytes) {
  ListGuest<Flags3> three(R"((type $t (flags "a" "b" "c")) (export $f "flags3" (type $t)))", "$f", 1);
  three.expect_layout({Flags3::a, Flags3{7}, Flags3{0}}, {1, 7, 0});
  ListGuest<Flags9> nine(
      R"((type $t (flags "l0" "l1" "l2" "l3" "l4" "l5" "l6" "l7" "l8")) (export $f "flags9" (type $t)))",
      "$f", 2);
  nine.expect_layout({Flags9::l0, Flags9::l8, Flags9::all}, {0x01, 0x00, 0x00, 0x01, 0xFF, 0x01});
  std::string labels;
  for (int i = 0; i < 17; ++i) labels += fmt::format(" \"l{}\"", i);
  ListGuest<Flags17> seventeen(fmt::format(R"((type $t (flags{})) (export $f "flags17" (type $t)))", labels),
                               "$f", 4);
  seventeen.expect_layout({Flags17::from_bits(0x1FFFF), Flags17::from_bits(0x10000)},
                          joined_bytes(0x1FFFF, 0x10000));
}

TEST(ValuePathLayout, EnumsWithMoreThan256CasesTakeTwoBytes) {
  std::string labels;
  for (std::size_t i = 0; i < kWideCases; ++i) labels += fmt::format(" \"c{:03}\"", i);
  ListGuest<Wide> guest(fmt::format(R"((type $t (enum{})) (export $e "wide" (type $t)))", labels), "$e", 2);
  guest.expect_layout({Wide::first, Wide::last, Wide{256}},
                      joined_bytes(std::uint16_t{0}, std::uint16_t{299}, std::uint16_t{256}));
  EXPECT_ERROR(guest.from_bytes(joined_bytes(std::uint16_t{300})), invalid_value);
}

TEST(ValuePathLayout, VariantsHaveTheirPayloadAfterTheDiscriminant) {
  ListGuest<Shape> guest(
      R"((type $p (record (field "x" f64) (field "y" f64) (field "z" f64)))
         (export $point "point" (type $p))
         (type $s (variant (case "circle" f64) (case "at" $point) (case "label" string) (case "empty")))
         (export $shape "shape" (type $s)))",
      "$shape", 32);
  guest.expect_layout({Shape(1.5), Shape(Point{1, 2, 3}), Shape(std::monostate{})},
                      joined_bytes(std::uint8_t{0}, Unwritten<7>{}, 1.5, Unwritten<16>{},  //
                                   std::uint8_t{1}, Unwritten<7>{}, 1.0, 2.0, 3.0,         //
                                   std::uint8_t{3}, Unwritten<31>{}));
  // The text's pointer: the arena starts at 1024, and the list of one shape takes 32 bytes.
  const auto label = guest.bytes({Shape(std::string("ab"))});
  ASSERT_OK(label);
  EXPECT_EQ(*label, joined_bytes(std::uint8_t{2}, Unwritten<7>{}, 1056, 2, Unwritten<16>{}));
}

TEST(ValuePathLayout, StringsAndListsArePointerAndLength) {
  ListGuest<std::string> strings("", "string", 8);
  const auto texts = strings.bytes({"abc", "", "de"});
  ASSERT_OK(texts);
  // 24 bytes at 1024, then 3 at 1048, 0 at 1056, 2 at 1056.
  EXPECT_EQ(*texts, joined_bytes(1048, 3, 1056, 0, 1056, 2));
  ListGuest<std::vector<std::uint16_t>> lists("", "(list u16)", 8);
  const auto numbers = lists.bytes({{1, 2, 3}, {}});
  ASSERT_OK(numbers);
  EXPECT_EQ(*numbers, joined_bytes(1040, 3, 1048, 0));
}

TEST(ValuePathLayout, BoolsAreWrittenAsZeroAndOne) {
  ListGuest<WithBool> guest(R"((type $t (record (field "flag" bool))) (export $b "with-bool" (type $t)))",
                            "$b", 1);
  guest.expect_layout({{true}, {false}}, {1, 0});
  const auto loaded = guest.from_bytes({0, 1, 2, 0xFF});
  ASSERT_OK(loaded);
  EXPECT_EQ(*loaded, (std::vector<WithBool>{{false}, {true}, {true}, {true}}));
}

}  // namespace
}  // namespace tairitsu::test

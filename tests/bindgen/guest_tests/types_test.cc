// Passes values of every type from the host to a guest, on to a host function, and all the way back.
#include <cstdint>
#include <expected>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "support/support.h"
#include "types.h"

namespace tairitsu::test {
namespace {

namespace wit = ::test::types::all_types;
using ::test::types::Types;
using wit::Mixed;
using wit::Numbers;
using wit::Padded;
using wit::Point;
using wit::Segment;
using wit::Shape;

// ---- Owned copies of views

template <typename T>
T own(const T& value) {
  return value;
}
std::string own(std::string_view text) { return std::string(text); }
template <typename T>
std::vector<T> own(std::span<const T> items) {
  return {items.begin(), items.end()};
}
template <typename... T>
auto own(const std::tuple<T...>& values);
template <typename T>
auto own(const std::vector<T>& items) {
  if constexpr (std::is_same_v<T, bool>) {
    return items;
  } else {
    std::vector<decltype(own(items.front()))> result;
    for (const T& item : items) result.push_back(own(item));
    return result;
  }
}
template <typename T>
auto own(const std::optional<T>& value) {
  using Owned = std::optional<decltype(own(*value))>;
  return value ? Owned(own(*value)) : Owned();
}
template <typename T, typename E>
auto own(const std::expected<T, E>& value) {
  using Owned = std::expected<decltype(own(*value)), decltype(own(value.error()))>;
  return value ? Owned(own(*value)) : Owned(std::unexpect, own(value.error()));
}
template <typename... T>
auto own(const std::tuple<T...>& values) {
  return std::apply([](const T&... each) { return std::tuple(own(each)...); }, values);
}

/// Returns its arguments.
class Echo final : public wit::Host {
 public:
  Result<std::uint64_t> scalars(bool a, std::uint8_t b, std::int8_t c, std::uint16_t d, std::int16_t e,
                                std::uint32_t f, std::int32_t g, std::uint64_t h, std::int64_t i, float j,
                                double k, char32_t l) override {
    scalars_ = {a, b, c, d, e, f, g, h, i, j, k, l};
    return h;
  }
  Result<std::uint64_t> seventeen(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d,
                                  std::uint32_t e, std::uint32_t f, std::uint32_t g, std::uint32_t h,
                                  std::uint32_t i, std::uint32_t j, std::uint32_t k, std::uint32_t l,
                                  std::uint32_t m, std::uint32_t n, std::uint32_t o, std::uint32_t p,
                                  std::uint32_t q) override {
    std::uint64_t digits = 0;
    for (const std::uint32_t one : {a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q})
      digits = digits * 10 + one;
    return digits;
  }
  Result<wit::Name> echo_name(std::string_view n) override { return own(n); }
  Result<wit::Names> echo_names(const std::vector<std::string_view>& n) override { return own(n); }
  Result<wit::Blob> echo_blob(std::span<const std::uint8_t> n) override { return own(n); }
  Result<wit::Pair> echo_pair(const std::tuple<std::uint32_t, std::string_view>& n) override {
    return own(n);
  }
  Result<wit::Maybe> echo_maybe(std::optional<std::string_view> n) override { return own(n); }
  Result<wit::Outcome> echo_outcome(const std::expected<std::uint32_t, std::string_view>& n) override {
    return own(n);
  }
  Result<Numbers> echo_numbers(const Numbers& n) override { return n; }
  Result<std::vector<Numbers>> echo_numbers_list(std::span<const Numbers> n) override { return own(n); }
  Result<std::vector<Segment>> echo_segments(std::span<const Segment> n) override { return own(n); }
  Result<std::vector<Padded>> echo_padded(std::span<const Padded> n) override { return own(n); }
  Result<Mixed> echo_mixed(const Mixed& n) override { return n; }
  Result<std::vector<Mixed>> echo_mixed_list(const std::vector<Mixed>& n) override { return n; }
  Result<wit::Error> echo_error(wit::Error n) override { return n; }
  Result<std::vector<wit::Error>> echo_errors(const std::vector<wit::Error>& n) override { return n; }
  Result<wit::Permissions> echo_permissions(wit::Permissions n) override { return n; }
  Result<wit::Many> echo_many(wit::Many n) override { return n; }
  Result<Shape> echo_shape(const Shape& n) override { return n; }
  Result<std::vector<Shape>> echo_shapes(const std::vector<Shape>& n) override { return n; }
  Result<std::vector<bool>> echo_bools(const std::vector<bool>& n) override { return n; }
  Result<std::vector<char32_t>> echo_chars(const std::vector<char32_t>& n) override { return n; }
  Result<std::vector<std::vector<std::string>>> echo_nested(
      const std::vector<std::vector<std::string_view>>& n) override {
    return own(n);
  }
  Result<std::vector<std::tuple<std::string, std::uint32_t>>> echo_tuples(
      const std::vector<std::tuple<std::string_view, std::uint32_t>>& n) override {
    return own(n);
  }
  Result<std::optional<Point>> echo_option_point(const std::optional<Point>& n) override { return n; }
  Result<std::optional<std::vector<std::string>>> echo_optional_names(
      const std::optional<std::vector<std::string_view>>& n) override {
    return own(n);
  }
  Result<std::expected<std::string, Shape>> fallible(
      const std::expected<std::string_view, Shape>& n) override {
    return own(n);
  }
  Result<void> nothing() override {
    ++nothings_;
    return {};
  }

  using Scalars = std::tuple<bool, std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t,
                             std::int32_t, std::uint64_t, std::int64_t, float, double, char32_t>;
  Scalars scalars_;
  int nothings_ = 0;
};

class TypeBindings : public testing::Test {
 protected:
  wit::exports::Guest& guest() { return container_.guest<Types>()->all_types(); }

  Echo host_;
  Container container_ =
      unwrap(Container::builder(load("bindgen_types.wasm")).with_bindings<Types>(host_).build());
};

/// Expects the call to return its argument.
#define EXPECT_ECHO(call, value)              \
  do {                                        \
    const auto result = (call);               \
    ASSERT_OK(result);                        \
    EXPECT_TRUE(*result == (value)) << #call; \
  } while (false)

Mixed some_mixed() {
  return {.ok = true,
          .letter = U'\U0001F600',
          .text = "grüße",
          .points = {{1, 2, 3}, {-0.5, 1e300, std::numeric_limits<double>::infinity()}},
          .bools = {true, false, true},
          .maybe = std::optional<std::string>("inner"),
          .outcome = std::vector<std::string>{"a", "", "c"},
          .nothing = {},
          .only_ok = std::uint8_t{255},
          .only_err = std::unexpected(std::uint8_t{7}),
          .pair = {1, 2.5F, "three"}};
}

Mixed other_mixed() {
  Mixed mixed;
  mixed.maybe = std::optional<std::optional<std::string>>(std::in_place, std::nullopt);
  mixed.outcome = std::unexpected(wit::Error::access_denied);
  mixed.nothing = std::unexpected(std::monostate{});
  mixed.only_ok = std::unexpected(std::monostate{});
  return mixed;
}

TEST_F(TypeBindings, PassScalars) {
  const auto result = guest().scalars(true, 255, -128, 65535, -32768, 4294967295U, -2147483647 - 1,
                                      std::numeric_limits<std::uint64_t>::max(),
                                      std::numeric_limits<std::int64_t>::min(), 1.5F, -1e300, U'\U0010FFFF');
  ASSERT_OK(result);
  EXPECT_EQ(*result, std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(host_.scalars_ == Echo::Scalars(true, 255, -128, 65535, -32768, 4294967295U, -2147483647 - 1,
                                              std::numeric_limits<std::uint64_t>::max(),
                                              std::numeric_limits<std::int64_t>::min(), 1.5F, -1e300,
                                              U'\U0010FFFF'));
}

TEST_F(TypeBindings, PassMoreThanSixteenParameters) {
  EXPECT_ECHO(guest().seventeen(1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7), 12345678901234567U);
}

TEST_F(TypeBindings, PassStringsAndBytes) {
  for (const std::string text : {"", "a", "grüße \U0001F600", "a\0b"})
    EXPECT_ECHO(guest().echo_name(text), text);
  const wit::Names names{"", "one", std::string(100000, 'x')};
  EXPECT_ECHO(guest().echo_names(names), names);
  EXPECT_ECHO(guest().echo_names({}), wit::Names());
  const wit::Blob blob(1000000, 0xA5);
  EXPECT_ECHO(guest().echo_blob(blob), blob);
  EXPECT_ECHO(guest().echo_blob({}), wit::Blob());
}

TEST_F(TypeBindings, PassNamedTuplesOptionsAndResults) {
  EXPECT_ECHO(guest().echo_pair({7, "seven"}), wit::Pair(7, "seven"));
  EXPECT_ECHO(guest().echo_maybe(std::nullopt), wit::Maybe());
  EXPECT_ECHO(guest().echo_maybe(""), wit::Maybe(""));
  EXPECT_ECHO(guest().echo_outcome(5), wit::Outcome(5));
  EXPECT_ECHO(guest().echo_outcome(std::unexpected("no")), wit::Outcome(std::unexpect, "no"));
}

TEST_F(TypeBindings, PassRecordsOfNumbersAndListsOfThem) {
  const Numbers numbers{.a = 255,
                        .b = -128,
                        .c = 65535,
                        .d = -32768,
                        .e = 1U << 31,
                        .f = -1,
                        .g = ~0ULL,
                        .h = -1,
                        .i = 0.1F,
                        .j = 0.1};
  EXPECT_ECHO(guest().echo_numbers(numbers), numbers);
  const std::vector<Numbers> list(1000, numbers);
  EXPECT_ECHO(guest().echo_numbers_list(list), list);
  EXPECT_ECHO(guest().echo_numbers_list({}), std::vector<Numbers>());
  const std::vector<Segment> segments(3, {.a = {1, 2, 3}, .b = {4, 5, 6}});
  EXPECT_ECHO(guest().echo_segments(segments), segments);
  const std::vector<Padded> padded{{.a = 1, .b = 2}, {.a = 255, .b = ~0U}};
  EXPECT_ECHO(guest().echo_padded(padded), padded);
}

TEST_F(TypeBindings, PassRecordsWithFieldsOfAllTypes) {
  EXPECT_ECHO(guest().echo_mixed(some_mixed()), some_mixed());
  EXPECT_ECHO(guest().echo_mixed(other_mixed()), other_mixed());
  EXPECT_ECHO(guest().echo_mixed({}), Mixed());
  std::vector<Mixed> list(20, some_mixed());
  list.push_back(other_mixed());
  EXPECT_ECHO(guest().echo_mixed_list(list), list);
}

TEST_F(TypeBindings, PassEnumsAndFlags) {
  using wit::Error;
  using wit::Many;
  using wit::Permissions;
  EXPECT_ECHO(guest().echo_error(Error::not_found), Error::not_found);
  EXPECT_ECHO(guest().echo_error(Error::access_denied), Error::access_denied);
  const std::vector<Error> errors{Error::access_denied, Error::not_found, Error::access_denied};
  EXPECT_ECHO(guest().echo_errors(errors), errors);
  EXPECT_ECHO(guest().echo_permissions({}), Permissions{});
  EXPECT_ECHO(guest().echo_permissions(Permissions::read | Permissions::execute),
              Permissions::read | Permissions::execute);
  EXPECT_ECHO(guest().echo_permissions(~Permissions::write), Permissions::read | Permissions::execute);
  EXPECT_ECHO(guest().echo_many(Many::f0 | Many::f31), Many::f0 | Many::f31);
  EXPECT_ECHO(guest().echo_many(~Many{}), ~Many{});
}

TEST_F(TypeBindings, SupportSetOperationsOnFlags) {
  using wit::Permissions;
  Permissions set = Permissions::read;
  set |= Permissions::write;
  EXPECT_TRUE(contains(set, Permissions::read | Permissions::write));
  EXPECT_FALSE(contains(set, Permissions::read | Permissions::execute));
  set &= ~Permissions::read;
  EXPECT_EQ(set, Permissions::write);
  EXPECT_EQ(set ^ Permissions::write, Permissions{});
  EXPECT_EQ(static_cast<unsigned>(~Permissions{}), 7U);
}

TEST_F(TypeBindings, PassVariants) {
  const std::vector<Shape> shapes{
      Shape::empty(),     Shape::circle(2.5),   Shape::polygon({{1, 2, 3}, {4, 5, 6}}),
      Shape::polygon({}), Shape::label("text"), Shape::both(some_mixed()),
      Shape::same_a(1),   Shape::same_b(1)};
  for (const Shape& shape : shapes) EXPECT_ECHO(guest().echo_shape(shape), shape);
  EXPECT_ECHO(guest().echo_shapes(shapes), shapes);
  EXPECT_FALSE(Shape::same_a(1) == Shape::same_b(1));
}

TEST_F(TypeBindings, NameTheCasesOfVariants) {
  Shape shape = Shape::label("text");
  EXPECT_EQ(shape.which(), Shape::Case::label);
  ASSERT_NE(shape.if_label(), nullptr);
  *shape.if_label() += "!";
  EXPECT_EQ(*std::as_const(shape).if_label(), "text!");
  EXPECT_EQ(shape.if_circle(), nullptr);
  EXPECT_EQ(Shape().which(), Shape::Case::empty);
  const auto name = [](const Shape& one) {
    return one.visit(
        [](std::monostate) { return std::string("empty"); },
        [](double radius) { return std::to_string(radius); },
        [](const std::vector<Point>& points) { return std::to_string(points.size()) + " points"; },
        [](const std::string& text) { return text; }, [](const Mixed&) { return std::string("mixed"); },
        [](std::uint32_t) { return std::string("a number"); });
  };
  EXPECT_EQ(name(shape), "text!");
  EXPECT_EQ(name(Shape::empty()), "empty");
  EXPECT_EQ(name(Shape::polygon({{}, {}})), "2 points");
  EXPECT_EQ(name(Shape::same_b(1)), "a number");
}

TEST_F(TypeBindings, PassLists) {
  const std::vector<bool> bools{true, false, false, true};
  EXPECT_ECHO(guest().echo_bools(bools), bools);
  const std::vector<char32_t> chars{U'a', U'ü', U'\U0001F600', U'\0'};
  EXPECT_ECHO(guest().echo_chars(chars), chars);
  const std::vector<std::vector<std::string>> nested{{}, {"a"}, {"b", "", "c"}};
  EXPECT_ECHO(guest().echo_nested(nested), nested);
  const std::vector<std::tuple<std::string, std::uint32_t>> tuples{{"one", 1}, {"", 2}};
  EXPECT_ECHO(guest().echo_tuples(tuples), tuples);
}

TEST_F(TypeBindings, PassOptionsAndResults) {
  EXPECT_ECHO(guest().echo_option_point(Point{1, 2, 3}), (std::optional<Point>({1, 2, 3})));
  EXPECT_ECHO(guest().echo_option_point(std::nullopt), std::optional<Point>());
  const std::vector<std::string> names{"a", "b"};
  EXPECT_ECHO(guest().echo_optional_names(names), std::optional(names));
  EXPECT_ECHO(guest().echo_optional_names(std::nullopt), std::optional<std::vector<std::string>>());
  using Fallible = std::expected<std::string, Shape>;
  EXPECT_ECHO(guest().fallible("fine"), Fallible("fine"));
  EXPECT_ECHO(guest().fallible(std::unexpected(Shape::both(some_mixed()))),
              Fallible(std::unexpect, Shape::both(some_mixed())));
}

TEST_F(TypeBindings, CallFunctionsWithoutParametersAndResult) {
  ASSERT_OK(guest().nothing());
  EXPECT_EQ(host_.nothings_, 1);
}

TEST_F(TypeBindings, DoNotLeakGuestMemory) {
  const std::vector<Mixed> mixed(20, some_mixed());
  const std::vector<Shape> shapes{Shape::polygon(std::vector<Point>(20)), Shape::label("text"),
                                  Shape::both(other_mixed())};
  const std::vector<std::string> names(20, "a name");
  const std::vector<std::vector<std::string>> nested(20, names);
  const auto call_all = [&] {
    ASSERT_OK(guest().echo_name("a name"));
    ASSERT_OK(guest().echo_names(names));
    ASSERT_OK(guest().echo_numbers_list(std::vector<Numbers>(20)));
    ASSERT_OK(guest().echo_mixed_list(mixed));
    ASSERT_OK(guest().echo_shapes(shapes));
    ASSERT_OK(guest().echo_nested(nested));
    ASSERT_OK(guest().echo_optional_names(names));
    ASSERT_OK(guest().fallible(std::unexpected(Shape::both(some_mixed()))));
  };
  for (int i = 0; i < 10; ++i) call_all();
  const std::uint64_t before = container_.memory_bytes();
  for (int i = 0; i < 1000; ++i) call_all();
  EXPECT_EQ(container_.memory_bytes(), before);
}

}  // namespace
}  // namespace tairitsu::test

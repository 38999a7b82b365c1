// Strings in UTF-8 and in the two other encodings of guests, as copies and as views.
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "echo_host.h"
#include "list_guest.h"
#include "types.h"

namespace tairitsu::test {

/// A described record with a view in it.
struct Tagged {
  std::uint32_t id{};
  std::string_view name;
  bool operator==(const Tagged&) const = default;
};
struct ViewChoice : std::variant<std::uint32_t, std::string_view> {
  using variant::variant;
};

}  // namespace tairitsu::test

namespace tairitsu {

template <>
struct Describe<test::Tagged>
    : Record<test::Tagged, "tagged", Field<"id", &test::Tagged::id>, Field<"name", &test::Tagged::name>> {};
template <>
struct Describe<test::ViewChoice> : Variant<test::ViewChoice, "view-choice", "number", "name"> {};

}  // namespace tairitsu

namespace tairitsu::test {
namespace {

// A type with a view in a record or a variant counts as a view: a call cannot return it.
static_assert(detail::IsView<Tagged>::value && detail::IsView<std::vector<Tagged>>::value);
static_assert(detail::IsView<ViewChoice>::value);

/// Texts at the limits of the encodings: U+007F/U+0080, U+00FF/U+0100, U+07FF/U+0800, around the surrogates,
/// U+FFFF/U+10000, U+10FFFF; with a NUL; and of lengths around which the checks change their algorithm.
const std::vector<std::string>& texts() {
  static const std::vector<std::string> list = [] {
    std::vector<std::string> result = {
        "",
        "a",
        "hello, world",
        std::string("a\0b", 3),
        "caf\u00E9",
        "\u007F\u0080",
        "\u00FF",
        "\u0100",
        "\u07FF\u0800",
        "\uD7FF\uE000",
        "\uFFFF\U00010000",
        "\U0010FFFF",
        "\u65E5\u672C\u8A9E",
        "\U0001F600\U0001F680",
        "a\u00E9\u65E5\U0001F600z",
    };
    for (const std::size_t size : {7U, 8U, 9U, 127U, 128U, 129U, 1000U}) {
      result.push_back(std::string(size, 'x'));
      result.push_back(std::string(size, 'x') + "\u00E9");
      result.push_back("\U0001F600" + std::string(size, 'x'));
    }
    return result;
  }();
  return list;
}

class ValuePathText : public EchoTest {};
INSTANTIATE_ECHO_TEST(ValuePathText);

TEST_P(ValuePathText, KeepsEveryText) {
  for (const std::string& text : texts()) expect_echo("flat-string", text);
  expect_echo("echo-string", texts());
  expect_echo("echo-string", std::vector<std::string>{});
}

TEST_P(ValuePathText, KeepsAMegabyte) {
  expect_echo("flat-string", std::string(std::size_t{1} << 20, 'a'));
  expect_echo("flat-string", repeat("a\u00E9\u65E5\U0001F600", 100'000));
  expect_echo("echo-string", std::vector<std::string>(10'000, "a hundred bytes of text, more or less"));
}

TEST_P(ValuePathText, AcceptsViewsLiteralsAndStrings) {
  auto echo = find<std::string(std::string_view)>("flat-string");
  const std::string text = "a \u00E9 string";
  EXPECT_EQ(unwrap(echo(text)), text);
  EXPECT_EQ(unwrap(echo(std::string_view(text).substr(2))), "\u00E9 string");
  EXPECT_EQ(unwrap(echo("literal")), "literal");
  EXPECT_EQ(unwrap(echo({})), "");

  auto list = find<std::vector<std::string>(const std::vector<std::string_view>&)>("echo-string");
  EXPECT_EQ(unwrap(list({"a", "", text})), (std::vector<std::string>{"a", "", text}));
  auto span = find<std::vector<std::string>(std::span<const std::string>)>("echo-string");
  const std::vector<std::string> strings = {"x", "yy"};
  EXPECT_EQ(unwrap(span(strings)), strings);
  auto views = find<std::vector<std::string>(std::span<const std::string_view>)>("echo-string");
  const std::string_view array[] = {"x", "yy", text};
  EXPECT_EQ(unwrap(views(array)), (std::vector<std::string>{"x", "yy", text}));
}

TEST_P(ValuePathText, ReadShowsAResultInPlace) {
  auto list = find<std::vector<std::string_view>(const std::vector<std::string>&)>("echo-string");
  std::vector<std::string> copies;
  bool in_place = false;
  const auto look = [&](const std::vector<std::string_view>& views) {
    copies.assign(views.begin(), views.end());
    // The arena allocates one string after the other, so these are views of the guest's memory.
    in_place = views[1].data() == views[0].data() + views[0].size() &&
               views[2].data() == views[1].data() + views[1].size();
  };
  ASSERT_OK(list.read(look, {"abc", "d\u00E9", "fgh"}));
  EXPECT_EQ(copies, (std::vector<std::string>{"abc", "d\u00E9", "fgh"}));
  EXPECT_TRUE(in_place);

  auto one = find<std::string_view(std::string_view)>("flat-string");
  std::string copy;
  ASSERT_OK(one.read([&](std::string_view view) { copy = view; }, "hello"));
  EXPECT_EQ(copy, "hello");
}

TEST_P(ValuePathText, ReadShowsViewsInsideOtherTypes) {
  auto option = find<std::optional<std::string_view>(std::optional<std::string_view>)>("flat-option-string");
  std::string copy;
  ASSERT_OK(option.read([&](std::optional<std::string_view> view) { copy = view.value_or("none"); }, "some"));
  EXPECT_EQ(copy, "some");
  ASSERT_OK(
      option.read([&](std::optional<std::string_view> view) { copy = view.value_or("none"); }, std::nullopt));
  EXPECT_EQ(copy, "none");

  using View = std::tuple<std::uint8_t, std::uint64_t, std::string_view>;
  auto tuple = find<View(const View&)>("flat-tuple");
  ASSERT_OK(tuple.read([&](View view) { copy = std::get<2>(view); }, View(1, 2, "three")));
  EXPECT_EQ(copy, "three");
}

TEST_P(ValuePathText, AnExceptionOfAVisitorIsAnError) {
  auto one = find<std::string_view(std::string_view)>("flat-string");
  const auto failed = one.read([](std::string_view) { throw std::runtime_error("enough"); }, "hello");
  ASSERT_ERROR(failed, invalid_value);
  EXPECT_THAT(message_of(failed), testing::HasSubstr("enough"));
  EXPECT_EQ(container_.state(), ContainerState::error);
}

// ---- Views of host functions

/// Starts a guest that exports the host function `name`, from `list<string>` to `u32`, unchanged.
template <typename F>
Container guest_of(std::string_view name, F function) {
  return start(from_text(fmt::format(R"((component
    (import "{0}" (func $f (param "a" (list string)) (result u32)))
    (core module $storage
      (memory (export "memory") 1)
      (global $top (mut i32) (i32.const 1024))
      (func (export "realloc") (param i32 i32) (param $align i32) (param $size i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $top) (i32.sub (local.get $align) (i32.const 1)))
                                (i32.sub (i32.const 0) (local.get $align))))
        (global.set $top (i32.add (local.get $at) (local.get $size)))
        (local.get $at)))
    (core instance $s (instantiate $storage))
    (alias core export $s "memory" (core memory $memory))
    (alias core export $s "realloc" (core func $realloc))
    (core func $lowered (canon lower (func $f) (memory $memory) (realloc $realloc)))
    (func (export "{0}") (param "a" (list string)) (result u32)
      (canon lift (core func $lowered) (memory $memory) (realloc $realloc)))))",
                                     name)),
               [&](Linker& linker) { return linker.define(name, std::move(function)); });
}

TEST(ValuePathViews, HostFunctionsSeeTheGuestsMemory) {
  std::vector<std::string> copies;
  bool in_place = false;
  Container container = guest_of("look", [&](const std::vector<std::string_view>& views) {
    copies.assign(views.begin(), views.end());
    in_place = views.size() == 3 && views[1].data() == views[0].data() + views[0].size() &&
               views[2].data() == views[1].data() + views[1].size();
    return static_cast<std::uint32_t>(views.size());
  });
  auto look = function_of<std::uint32_t(const std::vector<std::string>&)>(container, "look");
  EXPECT_EQ(unwrap(look({"abc", "d\u00E9", "fgh"})), 3U);
  EXPECT_EQ(copies, (std::vector<std::string>{"abc", "d\u00E9", "fgh"}));
  EXPECT_TRUE(in_place);
  EXPECT_EQ(unwrap(look({})), 0U);
}

TEST(ValuePathViews, RecordsAndVariantsMayHoldViews) {
  const std::string definitions =
      R"((type $t (record (field "id" u32) (field "name" string))) (export $tagged "tagged" (type $t)))";
  Container container = start(from_text(list_guest_text(definitions, "$tagged", 12)));
  auto echo = function_of<std::vector<Tagged>(const std::vector<Tagged>&)>(container, "echo");
  bool same = false;
  const std::vector<Tagged> values = {{1, "one"}, {2, "two"}};
  ASSERT_OK(echo.read([&](const std::vector<Tagged>& views) { same = views == values; }, values));
  EXPECT_TRUE(same);
}

// ---- Other encodings

class ValuePathEncodings : public testing::TestWithParam<std::string> {
 protected:
  Container container_ = start("echo_" + GetParam() + ".wat");
};
INSTANTIATE_TEST_SUITE_P(Guest, ValuePathEncodings, testing::Values("utf16", "latin1"),
                         [](const auto& test) { return test.param; });

TEST_P(ValuePathEncodings, KeepEveryText) {
  auto echo = function_of<std::string(std::string_view)>(container_, "echo-string");
  for (const std::string& text : texts()) {
    const auto result = echo(text);
    ASSERT_OK(result);
    EXPECT_EQ(*result, text);
  }
  auto list =
      function_of<std::vector<std::string>(const std::vector<std::string>&)>(container_, "echo-strings");
  EXPECT_EQ(unwrap(list(texts())), texts());
  EXPECT_EQ(unwrap(list({})), std::vector<std::string>{});
}

TEST_P(ValuePathEncodings, KeepAMegabyte) {
  auto echo = function_of<std::string(std::string_view)>(container_, "echo-string");
  for (const std::string& text : {std::string(std::size_t{1} << 20, 'a'), repeat("\u00E9", 500'000),
                                  repeat("a\u00E9\u65E5\U0001F600", 100'000)}) {
    const auto result = echo(text);
    ASSERT_OK(result);
    EXPECT_TRUE(*result == text);
  }
}

TEST_P(ValuePathEncodings, ViewsAreOfTranscodedText) {
  auto list =
      function_of<std::vector<std::string_view>(const std::vector<std::string>&)>(container_, "echo-strings");
  std::vector<std::string> copies;
  const auto look = [&](const std::vector<std::string_view>& views) {
    copies.assign(views.begin(), views.end());
  };
  ASSERT_OK(list.read(look, texts()));
  EXPECT_EQ(copies, texts());
}

TEST(ValuePathUtf16, SurrogatePairsAreOneCharacter) {
  Container container = start("echo_utf16.wat");
  EXPECT_EQ(unwrap(function_of<std::string()>(container, "pair")()), "\U0001F600");
}

TEST(ValuePathUtf16, InvalidStringsAreErrors) {
  const auto expect_failure = [](std::string_view name, std::string_view message) {
    Container container = start("echo_utf16.wat");
    auto function = function_of<std::string()>(container, name);
    const auto failed = function();
    ASSERT_ERROR(failed, invalid_value);
    EXPECT_THAT(message_of(failed), testing::HasSubstr(message)) << name;
    EXPECT_EQ(container.state(), ContainerState::error);
    EXPECT_ERROR(function(), container_failed);
  };
  expect_failure("lone-surrogate", "unpaired surrogate");
  expect_failure("misaligned", "0x49, is not aligned to 2 bytes");
  expect_failure("out-of-bounds", "4 bytes at guest address 0xfffe are out of bounds");
  expect_failure("huge", "4294967298 bytes at guest address 0x0 are out of bounds");
}

TEST(ValuePathLatin1, TextIsTaggedOnlyIfLatin1CannotHoldIt) {
  Container container = start("echo_latin1.wat");
  auto echo = function_of<std::string(std::string_view)>(container, "echo-string");
  auto tag = function_of<bool()>(container, "tag");
  for (const std::string_view text : {"", "ascii", "caf\u00E9 \u00FF"}) {
    EXPECT_EQ(unwrap(echo(text)), text);
    EXPECT_FALSE(unwrap(tag())) << text;
  }
  for (const std::string_view text : {"\u0100", "a\u65E5", "\U0001F600"}) {
    EXPECT_EQ(unwrap(echo(text)), text);
    EXPECT_TRUE(unwrap(tag())) << text;
  }
}

TEST(ValuePathLatin1, BothFormsAreRead) {
  Container container = start("echo_latin1.wat");
  EXPECT_EQ(unwrap(function_of<std::string()>(container, "latin1")()), "caf\u00E9");
  EXPECT_EQ(unwrap(function_of<std::string()>(container, "utf16")()), "\U0001F600");
}

TEST(ValuePathLatin1, InvalidStringsAreErrors) {
  {
    Container container = start("echo_latin1.wat");
    const auto failed = function_of<std::string()>(container, "lone-surrogate")();
    ASSERT_ERROR(failed, invalid_value);
    EXPECT_THAT(message_of(failed), testing::HasSubstr("unpaired surrogate"));
  }
  Container container = start("echo_latin1.wat");
  const auto failed = function_of<std::string()>(container, "misaligned")();
  ASSERT_ERROR(failed, invalid_value);
  EXPECT_THAT(message_of(failed), testing::HasSubstr("0x41, is not aligned to 2 bytes"));
}

}  // namespace
}  // namespace tairitsu::test

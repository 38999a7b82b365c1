// Invalid values of the host are rejected before the guest is entered: the call fails with `invalid_argument` and the
// container keeps running.
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "list_guest.h"
#include "support.h"
#include "types.h"

namespace tairitsu::test {

struct Named {
  Named() = default;
  explicit Named(std::string text) : name(std::move(text)) {
    if (name.empty()) throw std::runtime_error("no name");
  }
  std::string name;
  bool operator==(const Named&) const = default;
};
struct Pick : std::variant<std::uint32_t, Named> {
  using variant::variant;
};

}  // namespace tairitsu::test

namespace tairitsu {

template <>
struct Describe<test::Named> : Record<test::Named, "named", Field<"name", &test::Named::name>> {};
template <>
struct Describe<test::Pick> : Variant<test::Pick, "pick", "number", "named"> {};

}  // namespace tairitsu

namespace tairitsu::test {
namespace {

using testing::HasSubstr;

/// Returns a variant that lost its value because an assignment threw.
Pick valueless() {
  Pick pick;
  EXPECT_THROW(pick.emplace<1>(std::string()), std::runtime_error);
  EXPECT_TRUE(pick.valueless_by_exception());
  return pick;
}

class ValuePathChecks : public testing::Test {
 protected:
  /// Expects that the call is rejected and that the same function still works.
  template <typename T>
  void expect_refused(std::string_view name, const T& wrong, const T& right, std::string_view message) {
    SCOPED_TRACE(name);
    auto function = function_of<T(const T&)>(container_, name);
    const auto refused = function(wrong);
    ASSERT_ERROR(refused, invalid_argument);
    EXPECT_EQ(message_of(refused), fmt::format("call '{}': parameter 1: {}", name, message));
    EXPECT_EQ(container_.state(), ContainerState::running);
    const auto accepted = function(right);
    ASSERT_OK(accepted);
    EXPECT_TRUE(*accepted == right);
  }

  Container container_ = start("echo.wat");
};

TEST_F(ValuePathChecks, RejectStringsThatAreNotUtf8) {
  constexpr std::string_view kMessage = "a string is not valid UTF-8";
  for (const std::string wrong :
       {"\xFF", "a\x80", "caf\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x9F\x98"}) {
    expect_refused<std::string>("flat-string", wrong, "right", kMessage);
    // In longer valid text, on both sides of the length up to which the short check is used.
    for (const std::size_t size : {7U, 128U, 129U, 4096U}) {
      expect_refused<std::string>("flat-string", std::string(size, 'x') + wrong, "right", kMessage);
      expect_refused<std::string>("flat-string", wrong + std::string(size, 'x'), "right", kMessage);
    }
    expect_refused<std::vector<std::string>>("echo-string", {"right", wrong}, {"right"}, kMessage);
    expect_refused<std::optional<std::string>>("flat-option-string", wrong, "right", kMessage);
    expect_refused<ResultU32String>("flat-result-u32-string", std::unexpected(wrong), 1, kMessage);
    expect_refused<Tuple>("flat-tuple", {1, 2, wrong}, {1, 2, "right"}, kMessage);
    expect_refused<Choice>("flat-variant", wrong, "right", kMessage);
  }
}

TEST_F(ValuePathChecks, RejectInvalidChars) {
  constexpr std::string_view kMessage = "a char is not a Unicode scalar value";
  for (const std::uint32_t wrong : {0xD800U, 0xDFFFU, 0x110000U, 0xFFFFFFFFU}) {
    expect_refused<char32_t>("flat-char", wrong, U'a', kMessage);
    expect_refused<std::vector<char32_t>>("echo-char", {U'a', wrong}, {U'a'}, kMessage);
  }
}

TEST_F(ValuePathChecks, RejectEnumsOutOfRange) {
  constexpr std::string_view kMessage = "an enum has a value that is not one of its cases";
  expect_refused<Colour>("flat-enum", Colour{3}, Colour::blue, kMessage);
  expect_refused<Colour>("flat-enum", Colour{255}, Colour::blue, kMessage);
  expect_refused<std::vector<Colour>>("echo-enum", {Colour::red, Colour{3}}, {Colour::red}, kMessage);
}

TEST_F(ValuePathChecks, RejectValuelessVariants) {
  container_ = start(
      from_text(list_guest_text(R"((type $n (record (field "name" string))) (export $named "named" (type $n))
                         (type $p (variant (case "number" u32) (case "named" $named)))
                         (export $pick "pick" (type $p)))",
                                "$pick", 12)));
  expect_refused<std::vector<Pick>>("echo", {Pick(1U), valueless()}, {Pick(1U), Named("right")},
                                    "a variant has no value");
}

TEST_F(ValuePathChecks, RejectListsAndStringsThatAreTooLarge) {
  // The sizes are not real: nothing is read.
  constexpr std::string_view kMessage = "too large";
  const std::uint64_t number = 0;
  auto numbers =
      function_of<std::vector<std::uint64_t>(std::span<const std::uint64_t>)>(container_, "echo-u64");
  const auto list = numbers(std::span(&number, std::size_t{1} << 28));
  ASSERT_ERROR(list, invalid_argument);
  EXPECT_THAT(message_of(list), HasSubstr(kMessage));
  EXPECT_EQ(container_.state(), ContainerState::running);
  EXPECT_EQ(unwrap(numbers(std::span(&number, 1))), std::vector<std::uint64_t>{0});

  const char letter = 'x';
  auto text = function_of<std::string(std::string_view)>(container_, "flat-string");
  const auto string = text(std::string_view(&letter, std::size_t{1} << 31));
  ASSERT_ERROR(string, invalid_argument);
  EXPECT_THAT(message_of(string), HasSubstr(kMessage));
  EXPECT_EQ(container_.state(), ContainerState::running);

  // Also as one of several elements.
  auto lists = function_of<std::vector<std::vector<std::uint32_t>>(
      const std::vector<std::span<const std::uint32_t>>&)>(container_, "echo-list-u32");
  const std::uint32_t small[] = {1, 2};
  const auto nested = lists({small, std::span(small, std::size_t{1} << 29)});
  ASSERT_ERROR(nested, invalid_argument);
  EXPECT_EQ(container_.state(), ContainerState::running);
  EXPECT_OK(lists({small}));
}

TEST_F(ValuePathChecks, RejectAnyInvalidParameter) {
  using View = std::string_view;
  auto sum = function_of<std::uint32_t(View, View, View, View, View, View, View, View, View)>(container_,
                                                                                              "many-strings");
  const auto last = sum("", "", "", "", "", "", "", "", "\xFF");
  ASSERT_ERROR(last, invalid_argument);
  EXPECT_EQ(message_of(last), "call 'many-strings': parameter 9: a string is not valid UTF-8");
  EXPECT_ERROR(sum("\xFF", "", "", "", "", "", "", "", ""), invalid_argument);
  EXPECT_EQ(unwrap(sum("a", "", "", "", "", "", "", "", "b")), 2U);
}

// ---- Results of host functions, which are checked after the guest was entered

template <typename T>
void expect_result_refused(std::string_view type, const T& wrong, std::string_view message) {
  SCOPED_TRACE(type);
  const std::string text =
      fmt::format(R"((component
    (type $colour_type (enum "red" "green" "blue"))
    (import "colour" (type $colour (eq $colour_type)))
    (type $named_type (record (field "name" string)))
    (import "named" (type $named (eq $named_type)))
    (type $pick_type (variant (case "number" u32) (case "named" $named)))
    (import "pick" (type $pick (eq $pick_type)))
    (import "give" (func $f (result {0})))
    (core module $storage
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $s (instantiate $storage))
    (alias core export $s "memory" (core memory $memory))
    (alias core export $s "realloc" (core func $realloc))
    (core func $lowered (canon lower (func $f) (memory $memory) (realloc $realloc)))
    (func (export "call") {1} (canon lift (core func $lowered)))))",
                  type, detail::Codec<T>::flat_count > 1 ? "(param \"a\" u32)" : "(result u32)");
  Container container =
      start(from_text(text), [&](Linker& linker) { return linker.define("give", [&] { return wrong; }); });
  std::string failure;
  if constexpr (detail::Codec<T>::flat_count > 1) {
    const auto failed = function_of<void(std::uint32_t)>(container, "call")(16);
    ASSERT_ERROR(failed, invalid_argument);
    failure = message_of(failed);
  } else {
    const auto failed = function_of<std::uint32_t()>(container, "call")();
    ASSERT_ERROR(failed, invalid_argument);
    failure = message_of(failed);
  }
  EXPECT_THAT(failure, HasSubstr("call 'call': host function 'give': "));
  EXPECT_THAT(failure, HasSubstr(message));
  EXPECT_EQ(container.state(), ContainerState::error);
}

TEST(ValuePathHostResults, AreCheckedToo) {
  expect_result_refused<std::string>("string", "\xFF", "a string is not valid UTF-8");
  expect_result_refused<std::vector<std::string>>("(list string)", {"a", "\xFF"},
                                                  "a string is not valid UTF-8");
  expect_result_refused<char32_t>("char", 0xD800, "a char is not a Unicode scalar value");
  expect_result_refused<Colour>("$colour", Colour{3}, "an enum has a value that is not one of its cases");
  expect_result_refused<Pick>("$pick", valueless(), "a variant has no value");
}

}  // namespace
}  // namespace tairitsu::test

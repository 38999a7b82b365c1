// Guests that violate the canonical ABI: each result becomes a value or an error, the container cannot be used after an
// error, and the process keeps running.
#include <bit>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "support.h"
#include "types.h"

namespace tairitsu::test {

enum class Rights : std::uint8_t { read = 1, write = 2, run = 4 };

}  // namespace tairitsu::test

namespace tairitsu {

template <>
struct Describe<test::Rights> : Flags<test::Rights, "rights", "read", "write", "run"> {};

}  // namespace tairitsu

namespace tairitsu::test {
namespace {

using testing::HasSubstr;
using U32 = std::uint32_t;
using Bytes = std::vector<std::uint8_t>;

/// Expects that the container is in its error state, and that another one works.
void expect_out_of_service(Container& container, std::string_view message) {
  EXPECT_EQ(container.state(), ContainerState::error);
  Container fresh = start("hostile.wat");
  EXPECT_EQ(unwrap(function_of<std::string()>(fresh, "hello")()), "hello");
  EXPECT_FALSE(message.empty());
}

/// Expects that `name` fails with the code and the message, and that no function of the container can be called then.
template <typename R>
void expect_failure(std::string_view name, ErrorCode code, std::string_view message) {
  SCOPED_TRACE(name);
  Container container = start("hostile.wat");
  auto function = function_of<R()>(container, name);
  auto hello = function_of<std::string()>(container, "hello");
  const auto failed = function();
  ASSERT_TRUE(is_error(failed, code));
  EXPECT_THAT(message_of(failed), HasSubstr(message));
  EXPECT_THAT(message_of(failed), HasSubstr(fmt::format("call '{}': ", name)));
  EXPECT_ERROR(function(), container_failed);
  const auto other = hello();
  ASSERT_ERROR(other, container_failed);
  EXPECT_THAT(message_of(other), HasSubstr(message));
  expect_out_of_service(container, message_of(failed));
}

template <typename R>
void expect_value(std::string_view name, const R& value) {
  SCOPED_TRACE(name);
  Container container = start("hostile.wat");
  auto function = function_of<R()>(container, name);
  for (int i = 0; i < 2; ++i) {
    const auto result = function();
    ASSERT_TRUE(is_ok(result));
    EXPECT_EQ(*result, value);
  }
  EXPECT_EQ(container.state(), ContainerState::running);
}

constexpr auto kInvalid = ErrorCode::invalid_value;

// ---- Results

TEST(HostileResult, StringsThatAreNotUtf8) {
  for (const std::string_view name :
       {"bad-utf8", "bad-utf8-overlong", "bad-utf8-surrogate", "bad-utf8-cut"}) {
    expect_failure<std::string>(name, kInvalid, "a string of the guest is not valid UTF-8");
  }
}

TEST(HostileResult, PointersOutOfBounds) {
  expect_failure<std::string>(
      "string-out-of-bounds", kInvalid,
      "100 bytes at guest address 0xfffa are out of bounds of its memory (65536 bytes)");
  expect_failure<std::string>("string-far-out-of-bounds", kInvalid, "at guest address 0xfffffff0");
  expect_failure<std::string>("string-huge-length", kInvalid, "4294967295 bytes at guest address 0x0");
  expect_failure<Bytes>("list-out-of-bounds", kInvalid, "100 bytes at guest address 0xfffa");
  expect_failure<Bytes>("list-huge-length", kInvalid, "4294967295 bytes at guest address 0x0");
  expect_failure<std::string>("string-empty-out-of-bounds", kInvalid, "0 bytes at guest address 0xffffffff");
  expect_failure<Bytes>("list-empty-out-of-bounds", kInvalid, "0 bytes at guest address 0xffffffff");
}

TEST(HostileResult, ViewsOutOfBounds) {
  Container container = start("hostile.wat");
  auto view = function_of<std::string_view()>(container, "string-out-of-bounds");
  bool visited = false;
  EXPECT_ERROR(view.read([&](std::string_view) { visited = true; }), invalid_value);
  EXPECT_FALSE(visited);
  expect_out_of_service(container, "view");
}

TEST(HostileResult, ListsThatAreMisalignedOrOverflow) {
  expect_failure<std::vector<U32>>("list-misaligned", kInvalid, "0x401, is not aligned to 4 bytes");
  expect_failure<std::vector<U32>>("list-overflow", kInvalid, "4294967300 bytes at guest address 0x40");
  expect_failure<std::vector<std::uint64_t>>("list-overflow-u64", kInvalid, "4294967296 bytes");
  expect_failure<std::vector<std::string>>("list-overflow-strings", kInvalid, "4294967296 bytes");
}

TEST(HostileResult, ReturnAreasOutOfBoundsOrMisaligned) {
  expect_failure<std::string>("retptr-misaligned", kInvalid, "0x11, is not aligned to 4 bytes");
  expect_failure<std::string>("retptr-out-of-bounds", kInvalid, "8 bytes at guest address 0xfffc");
  expect_failure<std::string>("retptr-far-out-of-bounds", kInvalid, "8 bytes at guest address 0xfffffffc");
}

TEST(HostileResult, InvalidChars) {
  expect_failure<char32_t>("bad-char", kInvalid,
                           "a char of the guest, 0xd800, is not a Unicode scalar value");
  expect_failure<char32_t>("bad-char-high", kInvalid, "0x110000");
  expect_failure<char32_t>("bad-char-negative", kInvalid, "0xffffffff");
  expect_failure<std::vector<char32_t>>("bad-char-list", kInvalid, "0xd800");
  expect_failure<std::vector<char32_t>>("bad-char-list-high", kInvalid, "0x110000");
}

TEST(HostileResult, InvalidCases) {
  expect_failure<Colour>("bad-enum", kInvalid, "has case 3 of a type with 3 cases");
  expect_failure<std::vector<Colour>>("bad-enum-list", kInvalid, "has case 3 of a type with 3 cases");
  expect_failure<ResultNoneNone>("bad-result", kInvalid, "has case 7 of a type with 2 cases");
  expect_failure<std::optional<U32>>("bad-variant", kInvalid, "has case 7 of a type with 2 cases");
  expect_failure<std::vector<std::optional<std::uint8_t>>>("bad-variant-list", kInvalid,
                                                           "has case 7 of a type with 2 cases");
}

TEST(HostileResult, ValuesThatAreNormalized) {
  expect_value("bad-bool", true);
  expect_value("bad-bool-list", std::vector<bool>{false, true, true, true});
  expect_value("bad-flags", Rights{7});
  expect_value("bad-flags-list", std::vector<Rights>{Rights{5}, Rights{7}});
  expect_value("wide-u8", std::uint8_t{255});
  expect_value("wide-s8", std::int8_t{-128});
  expect_value("wide-u16", std::uint16_t{65535});
  expect_value("wide-s16", std::int16_t{-32768});
}

TEST(HostileResult, NansKeepTheirPayloads) {
  Container container = start("hostile.wat");
  EXPECT_EQ(std::bit_cast<std::uint64_t>(unwrap(function_of<double()>(container, "nan-payload")())),
            0x7FF4000000000123ULL);
  EXPECT_EQ(std::bit_cast<U32>(unwrap(function_of<float()>(container, "nan-payload-f32")())), 0x7FA00123U);
}

// ---- Traps

TEST(HostileTrap, EndsTheCallWithABacktrace) {
  expect_failure<void>("trap", ErrorCode::trap, "wasm `unreachable` instruction executed");
  Container container = start("hostile.wat");
  const auto failed = function_of<void()>(container, "trap")();
  ASSERT_FALSE(failed);
  EXPECT_FALSE(failed.error().backtrace().empty());
}

TEST(HostileTrap, OfAStackOverflow) {
  expect_failure<void>("trap-deep", ErrorCode::trap, "call stack exhausted");
}

TEST(HostileTrap, OfADivision) {
  Container container = start("hostile.wat");
  auto divide = function_of<U32(U32)>(container, "divide");
  EXPECT_EQ(unwrap(divide(7)), 14U);
  const auto failed = divide(0);
  ASSERT_ERROR(failed, trap);
  EXPECT_THAT(message_of(failed), HasSubstr("integer divide by zero"));
  EXPECT_ERROR(divide(7), container_failed);
  expect_out_of_service(container, message_of(failed));
}

TEST(HostileTrap, InPostReturnDiscardsTheResult) {
  expect_failure<std::string>("trap-in-post-return", ErrorCode::trap,
                              "wasm `unreachable` instruction executed");
}

// ---- realloc

struct Realloc {
  explicit Realloc(std::string_view guest)
      : container(start(guest)),
        take(function_of<U32(std::string_view)>(container, "take")),
        take_list(function_of<U32(const std::vector<std::string_view>&)>(container, "take-list")) {}
  Container container;
  Function<U32(std::string_view)> take;
  Function<U32(const std::vector<std::string_view>&)> take_list;
};

template <typename Call>
void expect_realloc_failure(std::string_view guest, ErrorCode code, std::string_view message, Call call) {
  SCOPED_TRACE(guest);
  Realloc realloc(guest);
  const Result<U32> failed = call(realloc);
  ASSERT_TRUE(is_error(failed, code));
  EXPECT_THAT(message_of(failed), HasSubstr(message));
  EXPECT_ERROR(realloc.take("again"), container_failed);
  expect_out_of_service(realloc.container, message_of(failed));
}

TEST(HostileRealloc, ReturnsAnAddressOutOfBounds) {
  const std::string large(100'000, 'x');
  expect_realloc_failure("realloc_garbage.wat", kInvalid, "realloc",
                         [&](Realloc& r) { return r.take(large); });
  expect_realloc_failure("realloc_garbage.wat", kInvalid, "realloc", [](Realloc& r) { return r.take("x"); });
  expect_realloc_failure("realloc_garbage.wat", kInvalid, "realloc", [](Realloc& r) { return r.take(""); });
  expect_realloc_failure("realloc_garbage.wat", kInvalid, "realloc",
                         [](Realloc& r) { return r.take_list({"a", "b"}); });
  expect_realloc_failure("realloc_garbage.wat", kInvalid, "realloc",
                         [](Realloc& r) { return r.take_list({}); });
}

TEST(HostileRealloc, ReturnsAMisalignedAddress) {
  Realloc realloc("realloc_misaligned.wat");
  EXPECT_EQ(unwrap(realloc.take("three")), 5U);
  expect_realloc_failure("realloc_misaligned.wat", kInvalid, "realloc",
                         [](Realloc& r) { return r.take_list({"a"}); });
}

TEST(HostileRealloc, Traps) {
  expect_realloc_failure("realloc_traps.wat", ErrorCode::trap, "unreachable",
                         [](Realloc& r) { return r.take("x"); });
  expect_realloc_failure("realloc_traps.wat", ErrorCode::trap, "unreachable",
                         [](Realloc& r) { return r.take_list({"x"}); });
}

TEST(HostileRealloc, GrowsTheMemoryEachTime) {
  Realloc realloc("realloc_grows.wat");
  EXPECT_EQ(unwrap(realloc.take(std::string(200'000, 'x'))), 200'000U);
  EXPECT_EQ(unwrap(realloc.take_list(std::vector<std::string_view>(100, "0123456789"))), 1000U);
  EXPECT_EQ(unwrap(realloc.take_list({})), 0U);
}

// ---- Calls of host functions

/// A guest that passes arbitrary core values to the host's functions: each `raw-…` is the lowered import itself, lifted
/// again with numbers for parameters. Its `realloc` returns the value that was passed to `set-realloc`, and traps until
/// that is called.
constexpr std::string_view kRawCaller = R"((component
  (type $colour_type (enum "red" "green" "blue"))
  (import "colour" (type $colour (eq $colour_type)))
  (type $choice_type (variant (case "small" u8) (case "wide" f64) (case "text" string) (case "none")))
  (import "choice" (type $choice (eq $choice_type)))
  (import "take-string" (func $take-string (param "a" string)))
  (import "take-numbers" (func $take-numbers (param "a" (list u32))))
  (import "take-strings" (func $take-strings (param "a" (list string))))
  (import "take-char" (func $take-char (param "a" char)))
  (import "take-enum" (func $take-enum (param "a" $colour)))
  (import "take-option" (func $take-option (param "a" (option u32))))
  (import "take-variant" (func $take-variant (param "a" $choice)))
  (import "take-bool" (func $take-bool (param "a" bool) (result bool)))
  (import "take-s8" (func $take-s8 (param "a" s8) (result s8)))
  (import "take-seventeen" (func $take-seventeen
    (param "p0" u32) (param "p1" u32) (param "p2" u32) (param "p3" u32) (param "p4" u32) (param "p5" u32)
    (param "p6" u32) (param "p7" u32) (param "p8" u32) (param "p9" u32) (param "p10" u32) (param "p11" u32)
    (param "p12" u32) (param "p13" u32) (param "p14" u32) (param "p15" u32) (param "p16" u32)))
  (import "give-string" (func $give-string (result string)))
  (import "give-numbers" (func $give-numbers (result (list u32))))
  (core module $storage
    (memory (export "memory") 1)
    (data (i32.const 64) "fine\ff")
    (data (i32.const 80) "\00\d8")
    (global $address (mut i32) (i32.const -1))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (if (i32.eq (global.get $address) (i32.const -1)) (then unreachable))
      (global.get $address))
    (func (export "set-realloc") (param i32) (global.set $address (local.get 0)))
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
  (core instance $s (instantiate $storage))
  (alias core export $s "memory" (core memory $memory))
  (alias core export $s "realloc" (core func $realloc))
  (core func $take-string-lowered (canon lower (func $take-string) (memory $memory)))
  (core func $take-string16-lowered (canon lower (func $take-string) string-encoding=utf16 (memory $memory)))
  (core func $take-numbers-lowered (canon lower (func $take-numbers) (memory $memory)))
  (core func $take-strings-lowered (canon lower (func $take-strings) (memory $memory)))
  (core func $take-char-lowered (canon lower (func $take-char)))
  (core func $take-enum-lowered (canon lower (func $take-enum)))
  (core func $take-option-lowered (canon lower (func $take-option)))
  (core func $take-variant-lowered (canon lower (func $take-variant) (memory $memory)))
  (core func $take-bool-lowered (canon lower (func $take-bool)))
  (core func $take-s8-lowered (canon lower (func $take-s8)))
  (core func $take-seventeen-lowered (canon lower (func $take-seventeen) (memory $memory)))
  (core func $give-string-lowered (canon lower (func $give-string) (memory $memory) (realloc $realloc)))
  (core func $give-numbers-lowered (canon lower (func $give-numbers) (memory $memory) (realloc $realloc)))
  (func (export "raw-string") (param "a" u32) (param "b" u32) (canon lift (core func $take-string-lowered)))
  (func (export "raw-string16") (param "a" u32) (param "b" u32) (canon lift (core func $take-string16-lowered)))
  (func (export "raw-numbers") (param "a" u32) (param "b" u32) (canon lift (core func $take-numbers-lowered)))
  (func (export "raw-strings") (param "a" u32) (param "b" u32) (canon lift (core func $take-strings-lowered)))
  (func (export "raw-char") (param "a" u32) (canon lift (core func $take-char-lowered)))
  (func (export "raw-enum") (param "a" u32) (canon lift (core func $take-enum-lowered)))
  (func (export "raw-option") (param "a" u32) (param "b" u32) (canon lift (core func $take-option-lowered)))
  (func (export "raw-variant") (param "a" u32) (param "b" u64) (param "c" u32)
    (canon lift (core func $take-variant-lowered)))
  (func (export "raw-bool") (param "a" u32) (result u32) (canon lift (core func $take-bool-lowered)))
  (func (export "raw-s8") (param "a" u32) (result s32) (canon lift (core func $take-s8-lowered)))
  (func (export "raw-seventeen") (param "a" u32) (canon lift (core func $take-seventeen-lowered)))
  (func (export "raw-give-string") (param "a" u32) (canon lift (core func $give-string-lowered)))
  (func (export "raw-give-numbers") (param "a" u32) (canon lift (core func $give-numbers-lowered)))
  (func (export "set-realloc") (param "a" u32) (canon lift (core func $s "set-realloc")))
  (func (export "load") (param "a" u32) (result u32) (canon lift (core func $s "load")))))";

/// The host of `kRawCaller`: its functions count their calls, and return a string or five numbers.
class RawCaller {
 public:
  RawCaller() : container_(start(image(), [this](Linker& linker) { return define(linker); })) {}

  template <typename... Args>
  Result<void> call(std::string_view name, Args... args) {
    return function_of<void(Args...)>(container_, name)(args...);
  }
  template <typename R, typename... Args>
  Result<R> get(std::string_view name, Args... args) {
    return function_of<R(Args...)>(container_, name)(args...);
  }
  [[nodiscard]] int calls() const { return calls_; }
  Container& container() { return container_; }

 private:
  static const Image& image() {
    static const Image image = from_text(kRawCaller);
    return image;
  }
  template <typename Arg>
  Result<void> define_sink(Linker& linker, std::string_view name) {
    return linker.define(name, [this](Arg) { ++calls_; });
  }
  Result<void> define(Linker& linker) {
    TAIRITSU_RETURN_IF_ERROR(define_sink<std::string_view>(linker, "take-string"));
    TAIRITSU_RETURN_IF_ERROR(define_sink<std::span<const U32>>(linker, "take-numbers"));
    TAIRITSU_RETURN_IF_ERROR(define_sink<std::vector<std::string>>(linker, "take-strings"));
    TAIRITSU_RETURN_IF_ERROR(define_sink<char32_t>(linker, "take-char"));
    TAIRITSU_RETURN_IF_ERROR(define_sink<Colour>(linker, "take-enum"));
    TAIRITSU_RETURN_IF_ERROR(define_sink<std::optional<U32>>(linker, "take-option"));
    TAIRITSU_RETURN_IF_ERROR(define_sink<Choice>(linker, "take-variant"));
    TAIRITSU_RETURN_IF_ERROR(linker.define("take-bool", [](bool a) { return a; }));
    TAIRITSU_RETURN_IF_ERROR(linker.define("take-s8", [](std::int8_t a) { return a; }));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define("take-seventeen", [this](U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32, U32,
                                               U32, U32, U32, U32, U32) { ++calls_; }));
    TAIRITSU_RETURN_IF_ERROR(linker.define("give-string", [this] {
      ++calls_;
      return std::string("from the host");
    }));
    return linker.define("give-numbers", [this] {
      ++calls_;
      return std::vector<U32>{1, 2, 3, 4, 5};
    });
  }

  int calls_ = 0;
  Container container_;
};

/// Expects this error, and that the host's function is not called.
template <ErrorCode kCode = ErrorCode::invalid_value, typename... Args>
void expect_refused(std::string_view message, std::string_view name, Args... args) {
  SCOPED_TRACE(name);
  RawCaller caller;
  const auto failed = caller.call(name, args...);
  ASSERT_TRUE(is_error(failed, kCode));
  EXPECT_THAT(message_of(failed), HasSubstr(message));
  EXPECT_EQ(caller.calls(), 0);
  EXPECT_ERROR(caller.call(name, args...), container_failed);
  expect_out_of_service(caller.container(), message_of(failed));
}

TEST(HostileCaller, PassesValidValues) {
  RawCaller caller;
  EXPECT_OK(caller.call("raw-string", 64U, 4U));
  EXPECT_OK(caller.call("raw-string", 65536U, 0U));
  EXPECT_OK(caller.call("raw-numbers", 64U, 2U));
  EXPECT_OK(caller.call("raw-enum", 2U));
  EXPECT_OK(caller.call("raw-seventeen", 65536U - 68U));
  EXPECT_EQ(caller.calls(), 5);
  EXPECT_OK(caller.call("set-realloc", 1024U));
  EXPECT_OK(caller.call("raw-give-numbers", 65528U));
  EXPECT_EQ(unwrap(caller.get<U32>("load", 65528U)), 1024U);
  EXPECT_EQ(unwrap(caller.get<U32>("load", 65532U)), 5U);
  EXPECT_EQ(unwrap(caller.get<U32>("load", 1040U)), 5U);
}

TEST(HostileCaller, PassesInvalidStringsAndLists) {
  expect_refused("host function 'take-string': a string of the guest is not valid UTF-8", "raw-string", 64U,
                 5U);
  expect_refused("out of bounds", "raw-string", 65530U, 100U);
  expect_refused("out of bounds", "raw-string", 0xFFFFFFFFU, 0U);
  expect_refused("out of bounds", "raw-string", 0U, 0xFFFFFFFFU);
  expect_refused("unpaired surrogate", "raw-string16", 80U, 1U);
  expect_refused("is not aligned to 2 bytes", "raw-string16", 81U, 1U);
  expect_refused("out of bounds", "raw-string16", 0U, 0x80000001U);
  expect_refused("is not aligned to 4 bytes", "raw-numbers", 66U, 1U);
  expect_refused("out of bounds", "raw-numbers", 64U, 0x40000001U);
  expect_refused("out of bounds", "raw-numbers", 65532U, 2U);
  // The first string of the list is at "fine", which is not a valid pointer.
  expect_refused("out of bounds", "raw-strings", 64U, 1U);
  expect_refused("out of bounds", "raw-strings", 0U, 0x20000000U);
}

TEST(HostileCaller, PassesInvalidCharsAndCases) {
  expect_refused("host function 'take-char': a char of the guest, 0xd800", "raw-char", 0xD800U);
  expect_refused("0x110000", "raw-char", 0x110000U);
  expect_refused("host function 'take-enum': a value of the guest has case 3 of a type with 3 cases",
                 "raw-enum", 3U);
  expect_refused("has case 2 of a type with 2 cases", "raw-option", 2U, 0U);
  expect_refused("has case 4294967295 of a type with 4 cases", "raw-variant", 0xFFFFFFFFU, std::uint64_t{0},
                 0U);
  // A string of a variant: its pointer is the low half of the joined slot.
  expect_refused("out of bounds", "raw-variant", 2U, std::uint64_t{65535}, 2U);
}

TEST(HostileCaller, PassesWideScalarsThatAreNormalized) {
  RawCaller caller;
  EXPECT_EQ(unwrap(caller.get<U32>("raw-bool", 2U)), 1U);
  EXPECT_EQ(unwrap(caller.get<U32>("raw-bool", 0x100U)), 1U);
  EXPECT_EQ(unwrap(caller.get<U32>("raw-bool", 0U)), 0U);
  EXPECT_EQ(unwrap(caller.get<std::int32_t>("raw-s8", 0x180U)), -128);
  EXPECT_EQ(unwrap(caller.get<std::int32_t>("raw-s8", 0xFFU)), -1);
}

// The engine checks the pointers to parameters and results, and traps.

TEST(HostileCaller, PassesInvalidPointersToParameters) {
  expect_refused<ErrorCode::trap>("pointer out of bounds", "raw-seventeen", 65536U - 64U);
  expect_refused<ErrorCode::trap>("pointer out of bounds", "raw-seventeen", 0xFFFFFFFCU);
  expect_refused<ErrorCode::trap>("pointer not aligned", "raw-seventeen", 66U);
}

TEST(HostileCaller, PassesAReturnAreaOutOfBounds) {
  for (const std::string_view name : {"raw-give-string", "raw-give-numbers"}) {
    for (const auto& [area, message] :
         {std::pair(65532U, "pointer out of bounds"), std::pair(0xFFFFFFFCU, "pointer out of bounds"),
          std::pair(66U, "pointer not aligned")}) {
      RawCaller caller;
      ASSERT_OK(caller.call("set-realloc", 1024U));
      const auto failed = caller.call(name, area);
      ASSERT_ERROR(failed, trap) << name;
      EXPECT_THAT(message_of(failed), HasSubstr(message)) << name;
      expect_out_of_service(caller.container(), message_of(failed));
    }
  }
}

TEST(HostileCaller, FailsToAllocateAResult) {
  {
    RawCaller caller;
    const auto failed = caller.call("raw-give-string", 16U);
    ASSERT_ERROR(failed, trap);
    EXPECT_THAT(message_of(failed), HasSubstr("unreachable"));
    EXPECT_EQ(caller.calls(), 1);
    expect_out_of_service(caller.container(), message_of(failed));
  }
  for (const auto& [address, message] : {std::pair(65535U, "realloc return: beyond end of memory"),
                                         std::pair(0xFFFFFF00U, "realloc return: beyond end of memory")}) {
    RawCaller caller;
    ASSERT_OK(caller.call("set-realloc", address));
    const auto failed = caller.call("raw-give-string", 16U);
    ASSERT_ERROR(failed, invalid_value);
    EXPECT_THAT(message_of(failed), HasSubstr(message));
  }
  RawCaller caller;
  ASSERT_OK(caller.call("set-realloc", 1025U));
  const auto failed = caller.call("raw-give-numbers", 16U);
  ASSERT_ERROR(failed, invalid_value);
  EXPECT_THAT(message_of(failed), HasSubstr("realloc return: result not aligned"));
}

TEST(HostileCaller, MayOverlapItsOwnReturnArea) {
  // The guest may do this to its own memory: the pointer is written over the text.
  RawCaller caller;
  ASSERT_OK(caller.call("set-realloc", 16U));
  EXPECT_OK(caller.call("raw-give-string", 16U));
  EXPECT_EQ(unwrap(caller.get<U32>("load", 16U)), 16U);
  EXPECT_EQ(unwrap(caller.get<U32>("load", 20U)), 13U);
}

TEST(HostileRealloc, GrowsTheMemoryUnderAResultOfTheHost) {
  std::vector<std::string> given;
  for (int i = 0; i < 100; ++i) given.push_back(fmt::format("string {} of a hundred", i));
  given.push_back(std::string(100'000, 'x'));
  Container container = start(from_text(R"((component
    (import "give" (func $f (result (list string))))
    (core module $storage
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
        (i32.shl
          (memory.grow (i32.add (i32.shr_u (local.get $size) (i32.const 16)) (i32.const 1)))
          (i32.const 16))))
    (core instance $s (instantiate $storage))
    (alias core export $s "memory" (core memory $memory))
    (alias core export $s "realloc" (core func $realloc))
    (core func $lowered (canon lower (func $f) (memory $memory) (realloc $realloc)))
    (core module $m
      (import "host" "give" (func $give (param i32)))
      (func (export "give") (result i32) (call $give (i32.const 16)) (i32.const 16)))
    (core instance $i (instantiate $m (with "host" (instance (export "give" (func $lowered))))))
    (func (export "give") (result (list string)) (canon lift (core func $i "give") (memory $memory)))))"),
                              [&](Linker& linker) { return linker.define("give", [&] { return given; }); });
  auto give = function_of<std::vector<std::string>()>(container, "give");
  EXPECT_EQ(unwrap(give()), given);
  EXPECT_EQ(unwrap(give()), given);
  EXPECT_GT(container.memory_bytes(), 200U << 16);
}

TEST(HostileRealloc, CallsTheHost) {
  int pings = 0;
  Container container = start(from_text(R"((component
    (import "ping" (func $ping))
    (core func $lowered (canon lower (func $ping)))
    (core module $m
      (import "host" "ping" (func $ping))
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (call $ping) (i32.const 1024))
      (func (export "take") (param i32 i32) (result i32) (local.get 1)))
    (core instance $i (instantiate $m (with "host" (instance (export "ping" (func $lowered))))))
    (alias core export $i "memory" (core memory $memory))
    (alias core export $i "realloc" (core func $realloc))
    (func (export "take") (param "a" string) (result u32)
      (canon lift (core func $i "take") (memory $memory) (realloc $realloc)))))"),
                              [&](Linker& linker) { return linker.define("ping", [&] { ++pings; }); });
  const auto failed = function_of<U32(std::string_view)>(container, "take")("hello");
  ASSERT_ERROR(failed, trap);
  EXPECT_THAT(message_of(failed), HasSubstr("cannot leave component instance"));
  EXPECT_EQ(pings, 0);
  EXPECT_EQ(container.state(), ContainerState::error);
}

}  // namespace
}  // namespace tairitsu::test

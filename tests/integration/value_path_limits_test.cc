// The limit on the bytes that one call may copy from a guest.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "echo_host.h"

namespace tairitsu::test {
namespace {

using testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

constexpr Limits kThousand = {.copied_bytes_per_call = 1000};

/// Expects that a call with `fitting` succeeds twice, and that one with `excessive` fails and ends the container.
template <typename R, typename Argument>
void expect_limit(std::string_view guest, std::string_view name, const Argument& fitting,
                  const Argument& excessive) {
  SCOPED_TRACE(name);
  Container container = start(guest, define_echo_host, kThousand);
  auto function = function_of<R(const Argument&)>(container, name);
  EXPECT_OK(function(fitting));
  EXPECT_OK(function(fitting));
  const auto failed = function(excessive);
  ASSERT_ERROR(failed, copy_limit);
  EXPECT_THAT(message_of(failed), HasSubstr("larger than one call may copy (Limits::copied_bytes_per_call)"));
  EXPECT_EQ(container.state(), ContainerState::error);
  EXPECT_ERROR(function(fitting), container_failed);
}

TEST(CopyLimit, CountsTheBytesOfAResult) {
  expect_limit<std::string>("echo.wat", "flat-string", std::string(1000, 'x'), std::string(1001, 'x'));
  expect_limit<Bytes>("echo.wat", "echo-u8", Bytes(1000), Bytes(1001));
  expect_limit<std::vector<double>>("echo.wat", "echo-f64", std::vector<double>(125),
                                    std::vector<double>(126));
  expect_limit<std::vector<bool>>("echo.wat", "echo-bool", std::vector<bool>(1000), std::vector<bool>(1001));
}

TEST(CopyLimit, CountsTheHostsMemoryForElements) {
  using Strings = std::vector<std::string>;
  constexpr std::size_t kFit = 1000 / (sizeof(std::string) + 10);
  expect_limit<Strings>("echo.wat", "echo-string", Strings(kFit, "ten bytes!"),
                        Strings(kFit + 1, "ten bytes!"));
  using Lists = std::vector<std::vector<std::uint32_t>>;
  constexpr std::size_t kLists = 1000 / (sizeof(std::vector<std::uint32_t>) + 8);
  expect_limit<Lists>("echo.wat", "echo-list-u32", Lists(kLists, {1, 2}), Lists(kLists + 1, {1, 2}));
  // Empty elements cost memory too.
  expect_limit<Lists>("echo.wat", "echo-list-u32", Lists(1000 / sizeof(std::vector<std::uint32_t>)),
                      Lists(1000 / sizeof(std::vector<std::uint32_t>) + 1));
}

TEST(CopyLimit, CountsTheUtf8OfOtherEncodings) {
  for (const std::string_view guest : {"echo_utf16.wat", "echo_latin1.wat"}) {
    expect_limit<std::string>(guest, "echo-string", std::string(1000, 'x'), std::string(1001, 'x'));
    std::string accents;
    for (int i = 0; i < 500; ++i) accents += "\u00E9";
    expect_limit<std::string>(guest, "echo-string", accents, accents + "x");
    std::string signs;
    for (int i = 0; i < 333; ++i) signs += "\u65E5";
    expect_limit<std::string>(guest, "echo-string", signs + "x", signs + "xx");
  }
}

TEST(CopyLimit, DoesNotCountViews) {
  Container container = start("echo.wat", {}, kThousand);
  std::size_t size = 0;
  auto text = function_of<std::string_view(std::string_view)>(container, "flat-string");
  ASSERT_OK(text.read([&](std::string_view view) { size = view.size(); }, std::string(100'000, 'x')));
  EXPECT_EQ(size, 100'000U);
  auto list = function_of<std::span<const double>(std::span<const double>)>(container, "echo-f64");
  ASSERT_OK(
      list.read([&](std::span<const double> view) { size = view.size(); }, std::vector<double>(10'000)));
  EXPECT_EQ(size, 10'000U);
  // Except views of text that was transcoded.
  Container other = start("echo_utf16.wat", {}, kThousand);
  auto transcoded = function_of<std::string_view(std::string_view)>(other, "echo-string");
  EXPECT_ERROR(transcoded.read([](std::string_view) {}, std::string(1001, 'x')), copy_limit);
}

TEST(CopyLimit, DoesNotCountArguments) {
  Container container = start("echo.wat", {}, kThousand);
  using View = std::string_view;
  const std::string large(10'000, 'x');
  auto sum = function_of<std::uint32_t(View, View, View, View, View, View, View, View, View)>(container,
                                                                                              "many-strings");
  EXPECT_EQ(unwrap(sum(large, large, large, large, large, large, large, large, large)), 90'000U);
}

TEST(CopyLimit, CountsEachHostFunctionCallSeparately) {
  // The result is a view, so only the host function's copy counts.
  const auto expect_host_limit = [](std::string_view name, std::size_t fitting, std::size_t excessive) {
    Container container = start("relay.wat", define_echo_host, kThousand);
    auto text = function_of<std::string_view(std::string_view)>(container, name);
    for (int i = 0; i < 3; ++i) EXPECT_OK(text.read([](std::string_view) {}, std::string(fitting, 'x')));
    const auto failed = text.read([](std::string_view) {}, std::string(excessive, 'x'));
    ASSERT_ERROR(failed, copy_limit);
    EXPECT_THAT(message_of(failed), HasSubstr("host function 'flat-string': the guest's values are larger"));
    EXPECT_EQ(container.state(), ContainerState::error);
  };
  expect_host_limit("flat-string", 1000, 1001);

  Container container = start("relay.wat", define_echo_host, kThousand);
  auto list = function_of<std::span<const double>(std::span<const double>)>(container, "echo-f64");
  EXPECT_OK(list.read([](std::span<const double>) {}, std::vector<double>(125)));
  const auto failed = list.read([](std::span<const double>) {}, std::vector<double>(126));
  ASSERT_ERROR(failed, copy_limit);
  EXPECT_THAT(message_of(failed), HasSubstr("host function 'echo-f64'"));
}

TEST(CopyLimit, DoesNotCountViewsOfAHostFunction) {
  Container container = start("relay.wat", define_echo_host, kThousand);
  using View = std::string_view;
  const std::string large(10'000, 'x');
  // `many-strings` takes views.
  auto sum = function_of<std::uint32_t(View, View, View, View, View, View, View, View, View)>(container,
                                                                                              "many-strings");
  EXPECT_EQ(unwrap(sum(large, large, large, large, large, large, large, large, large)), 90'000U);
}

TEST(CopyLimit, StopsAGuestThatReturnsTheSameBytesRepeatedly) {
  const auto strings_of = [](const Limits& limits, std::uint32_t count) {
    Container container = start("hostile.wat", {}, limits);
    return function_of<std::vector<std::string>(std::uint32_t)>(container, "alloc-strings")(count);
  };
  const Limits million = {.copied_bytes_per_call = 1'000'000};
  EXPECT_EQ(unwrap(strings_of(million, 15)).size(), 15U);
  EXPECT_ERROR(strings_of(million, 16), copy_limit);
  // The default limit is 128 MiB: 2047 strings of 64 KiB, but not 100,000 of them.
  EXPECT_EQ(unwrap(strings_of({}, 100)).size(), 100U);
  EXPECT_ERROR(strings_of({}, 100'000), copy_limit);
}

TEST(CopyLimit, OfZeroStillAllowsScalars) {
  Container container = start("echo.wat", {}, {.copied_bytes_per_call = 0});
  EXPECT_EQ(unwrap(function_of<std::uint32_t(std::uint32_t)>(container, "flat-u32")(7)), 7U);
  EXPECT_EQ(unwrap(function_of<std::string(std::string_view)>(container, "flat-string")("")), "");
  EXPECT_ERROR(function_of<std::string(std::string_view)>(container, "flat-string")("x"), copy_limit);
}

// Ten thousand strings that share the same 64 KiB: nothing is copied, but everything is read.
TEST(CopyLimit, CountsTextThatIsOnlyViewed) {
  const std::string_view guest = R"((component
    (core module $m (memory (export "memory") 4)
      (func (export "give") (param $count i32) (result i32) (local $i i32)
        (loop $next
          (i32.store (i32.add (i32.const 16) (i32.mul (local.get $i) (i32.const 8))) (i32.const 131072))
          (i32.store (i32.add (i32.const 20) (i32.mul (local.get $i) (i32.const 8))) (i32.const 65536))
          (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $count))))
        (i32.store (i32.const 0) (i32.const 16)) (i32.store (i32.const 4) (local.get $count)) (i32.const 0)))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $memory))
    (func (export "give") (param "count" u32) (result (list string))
      (canon lift (core func $i "give") (memory $memory)))))";
  const auto give = [&](std::uint32_t count) {
    const Container container =
        start(from_text(guest), {}, {.copied_bytes_per_call = std::uint64_t{1} << 20U});
    std::size_t seen = 0;
    auto visit = [&seen](std::vector<std::string_view> texts) { seen = texts.size(); };
    const auto read =
        function_of<std::vector<std::string_view>(std::uint32_t)>(container, "give").read(visit, count);
    return read ? Result<std::size_t>(seen) : std::unexpected(read.error());
  };
  EXPECT_EQ(unwrap(give(4)), 4U);
  EXPECT_ERROR(give(10000), copy_limit);
}

}  // namespace
}  // namespace tairitsu::test

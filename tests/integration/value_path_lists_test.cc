// Lists: empty, of one element, huge, nested; as vectors, and as spans of the host's or the guest's memory.
#include <bit>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "echo_host.h"
#include "types.h"

namespace tairitsu::test {
namespace {

template <typename T>
std::vector<T> count_up(std::size_t size) {
  std::vector<T> values(size);
  std::iota(values.begin(), values.end(), T{1});
  return values;
}

class ValuePathLists : public EchoTest {
 protected:
  /// Expects that lists of many sizes are echoed; the largest has a million elements.
  template <typename T>
  void expect_sizes(std::string_view name) {
    for (const std::size_t size : {0U, 1U, 2U, 3U, 7U, 255U, 1'000'000U})
      expect_echo(name, count_up<T>(size));
  }
};
INSTANTIATE_ECHO_TEST(ValuePathLists);

TEST_P(ValuePathLists, KeepBytesOfEverySize) { expect_sizes<std::uint8_t>("echo-u8"); }
TEST_P(ValuePathLists, KeepWordsOfEverySize) { expect_sizes<std::int32_t>("echo-s32"); }
TEST_P(ValuePathLists, KeepDoublesOfEverySize) { expect_sizes<double>("echo-f64"); }

TEST_P(ValuePathLists, KeepBoolsOfEverySize) {
  for (const std::size_t size : {0U, 1U, 8U, 9U, 100'000U}) {
    std::vector<bool> values(size);
    for (std::size_t i = 0; i < size; i += 3) values[i] = true;
    expect_echo("echo-bool", values);
  }
}

TEST_P(ValuePathLists, KeepListsOfLists) {
  using Lists = std::vector<std::vector<std::uint32_t>>;
  expect_echo("echo-list-u32", Lists{});
  expect_echo("echo-list-u32", Lists{{}});
  expect_echo("echo-list-u32", Lists{{}, {1}, {}, {2, 3, 4}, count_up<std::uint32_t>(10'000), {}});
  expect_echo("echo-list-u32", Lists(10'000, {7, 8}));
}

TEST_P(ValuePathLists, SpansCanBeParameters) {
  auto echo = find<std::vector<double>(std::span<const double>)>("echo-f64");
  const std::vector<double> values = {1.5, -0.0, 2.5};
  EXPECT_EQ(unwrap(echo(values)), values);
  EXPECT_EQ(unwrap(echo(std::span(values).subspan(1, 1))), std::vector<double>{-0.0});
  EXPECT_EQ(unwrap(echo({})), std::vector<double>{});
  const double array[] = {4.5, 5.5};
  EXPECT_EQ(unwrap(echo(array)), (std::vector<double>{4.5, 5.5}));

  auto bools = find<std::vector<bool>(std::span<const bool>)>("echo-bool");
  const bool flags[] = {true, false, true};
  EXPECT_EQ(unwrap(bools(flags)), (std::vector<bool>{true, false, true}));

  auto lists =
      find<std::vector<std::vector<std::uint32_t>>(const std::vector<std::span<const std::uint32_t>>&)>(
          "echo-list-u32");
  const std::uint32_t numbers[] = {1, 2, 3};
  EXPECT_EQ(unwrap(lists({numbers, {}, std::span(numbers).first(1)})),
            (std::vector<std::vector<std::uint32_t>>{{1, 2, 3}, {}, {1}}));
}

TEST_P(ValuePathLists, ReadShowsAListInPlace) {
  auto echo = find<std::span<const double>(std::span<const double>)>("echo-f64");
  const std::vector<double> values = count_up<double>(1000);
  std::vector<double> copy;
  bool aligned = false;
  ASSERT_OK(echo.read(
      [&](std::span<const double> view) {
        aligned = std::bit_cast<std::uintptr_t>(view.data()) % alignof(double) == 0;
        copy.assign(view.begin(), view.end());
      },
      values));
  EXPECT_EQ(copy, values);
  EXPECT_TRUE(aligned);
  ASSERT_OK(echo.read([&](std::span<const double> view) { copy.assign(view.begin(), view.end()); }, {}));
  EXPECT_TRUE(copy.empty());

  auto lists =
      find<std::vector<std::span<const std::uint32_t>>(const std::vector<std::vector<std::uint32_t>>&)>(
          "echo-list-u32");
  std::uint32_t sum = 0;
  ASSERT_OK(lists.read(
      [&](const std::vector<std::span<const std::uint32_t>>& views) {
        for (const auto view : views) sum = std::accumulate(view.begin(), view.end(), sum);
      },
      {{1, 2}, {}, {3}}));
  EXPECT_EQ(sum, 6U);
}

TEST(ValuePathListViews, ASpanParameterViewsTheGuestsMemory) {
  const double* first = nullptr;
  const double* second = nullptr;
  const auto define = [&](Linker& linker) {
    return linker.define("look", [&](std::span<const double> a, std::span<const Point> b) {
      first = a.data();
      second = reinterpret_cast<const double*>(b.data());
      double sum = std::accumulate(a.begin(), a.end(), 0.0);
      for (const Point& point : b) sum += point.x + point.y + point.z;
      return sum;
    });
  };
  // `look(a, b)` forwards the two lists without copying them.
  Container container = start(from_text(R"((component
    (type $p (record (field "x" f64) (field "y" f64) (field "z" f64)))
    (import "point" (type $point (eq $p)))
    (import "look" (func $f (param "a" (list f64)) (param "b" (list $point)) (result f64)))
    (core module $storage
      (memory (export "memory") 1)
      (global $top (mut i32) (i32.const 1024))
      (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $top))
        (global.set $top (i32.add (local.get $at) (local.get $size)))
        (local.get $at)))
    (core instance $s (instantiate $storage))
    (alias core export $s "memory" (core memory $memory))
    (alias core export $s "realloc" (core func $realloc))
    (core func $lowered (canon lower (func $f) (memory $memory)))
    (func (export "look") (param "a" (list f64)) (param "b" (list $point)) (result f64)
      (canon lift (core func $lowered) (memory $memory) (realloc $realloc)))))"),
                              define);
  auto look = function_of<double(std::span<const double>, std::span<const Point>)>(container, "look");
  const double numbers[] = {1, 2, 3};
  const Point points[] = {{4, 5, 6}, {7, 8, 9}};
  EXPECT_EQ(unwrap(look(numbers, points)), 45.0);
  // The arena allocates one after the other.
  EXPECT_EQ(second, first + 3);
  EXPECT_EQ(unwrap(look({}, {})), 0.0);
}

}  // namespace
}  // namespace tairitsu::test

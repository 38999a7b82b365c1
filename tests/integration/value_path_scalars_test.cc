// Numbers, bools and chars, in flat slots and in memory, in both directions.
#include <bit>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "echo_host.h"

namespace tairitsu::test {
namespace {

class ValuePathScalars : public EchoTest {
 protected:
  /// Expects that each value is echoed in a slot, and all of them as a list.
  template <typename T>
  void expect_echoes(const std::string& type, const std::vector<T>& values) {
    for (const T value : values) expect_echo<T>("flat-" + type, value);
    expect_echo("echo-" + type, values);
  }

  template <typename T>
  void expect_integers(const std::string& type) {
    using Limits = std::numeric_limits<T>;
    expect_echoes<T>(type, {0, 1, 2, 0x55, Limits::max() - 1, Limits::max(), Limits::min(),
                            static_cast<T>(Limits::min() + 1), static_cast<T>(-1)});
  }

  /// Compares bits, because NaN does not equal itself and -0.0 equals 0.0.
  template <typename Float, typename Bits>
  void expect_bits(const std::string& type, const std::vector<Bits>& values) {
    std::vector<Float> floats;
    auto flat = find<Float(Float)>("flat-" + type);
    for (const Bits bits : values) {
      floats.push_back(std::bit_cast<Float>(bits));
      const auto result = flat(floats.back());
      ASSERT_OK(result);
      EXPECT_EQ(std::bit_cast<Bits>(*result), bits) << std::hex << bits;
    }
    const auto list = find<std::vector<Float>(const std::vector<Float>&)>("echo-" + type)(floats);
    ASSERT_OK(list);
    std::vector<Bits> got;
    for (const Float value : *list) got.push_back(std::bit_cast<Bits>(value));
    EXPECT_EQ(got, values);
  }
};
INSTANTIATE_ECHO_TEST(ValuePathScalars);

TEST_P(ValuePathScalars, KeepBothBools) {
  expect_echo("flat-bool", true);
  expect_echo("flat-bool", false);
  expect_echo("echo-bool", std::vector<bool>{});
  expect_echo("echo-bool", std::vector<bool>{true, false, false, true, true});
}

TEST_P(ValuePathScalars, KeepIntegersAtTheirLimits) {
  expect_integers<std::uint8_t>("u8");
  expect_integers<std::int8_t>("s8");
  expect_integers<std::uint16_t>("u16");
  expect_integers<std::int16_t>("s16");
  expect_integers<std::uint32_t>("u32");
  expect_integers<std::int32_t>("s32");
  expect_integers<std::uint64_t>("u64");
  expect_integers<std::int64_t>("s64");
}

TEST_P(ValuePathScalars, KeepFloatsToTheBit) {
  expect_bits<float, std::uint32_t>("f32", {
                                               0x00000000, 0x80000000,  // zeroes
                                               0x3F800000, 0xBF800000,  // ones
                                               0x00000001, 0x007FFFFF,  // subnormal
                                               0x7F7FFFFF, 0xFF7FFFFF,  // largest
                                               0x7F800000, 0xFF800000,  // infinities
                                               0x7FC00000, 0xFFC00000,  // quiet NaNs
                                               0x7FA00123, 0x7FC00456,  // NaNs with a payload
                                           });
  expect_bits<double, std::uint64_t>("f64", {
                                                0x0000000000000000, 0x8000000000000000,  //
                                                0x3FF0000000000000, 0xBFF0000000000000,  //
                                                0x0000000000000001, 0x000FFFFFFFFFFFFF,  //
                                                0x7FEFFFFFFFFFFFFF, 0xFFEFFFFFFFFFFFFF,  //
                                                0x7FF0000000000000, 0xFFF0000000000000,  //
                                                0x7FF8000000000000, 0xFFF8000000000000,  //
                                                0x7FF4000000000123, 0x7FF8000000000456,  //
                                            });
}

TEST_P(ValuePathScalars, KeepCharsAtTheEdgesOfTheirRanges) {
  expect_echoes<char32_t>("char", {U'\0', U'a', U'\x7F', U'\x80', U'\x7FF', U'\x800', U'\xD7FF', U'\xE000',
                                   U'\xFFFF', U'\x10000', U'\x1F600', U'\x10FFFF'});
}

}  // namespace
}  // namespace tairitsu::test

/// The two echoing guests: echo.wat, which echoes values itself, and relay.wat, whose host does.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "support.h"

namespace tairitsu::test {

/// Defines every import of relay.wat: `echo-…` and `flat-…` return their argument; `sum16`, `sum17` and `many-strings`
/// return what echo.wat returns.
Result<void> define_echo_host(Linker& linker);

/// Returns how often the functions of `define_echo_host` were called in this process.
std::size_t echo_host_calls();

/// Runs each test with both guests: values go host → guest → host, and with relay.wat also guest → host → guest in
/// between.
class EchoTest : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] bool is_relay() const { return GetParam() == "relay"; }

  template <typename Signature>
  Function<Signature> find(std::string_view name) const {
    return function_of<Signature>(container_, name);
  }

  /// Calls `name` with the value and expects it back unchanged.
  template <typename T>
  void expect_echo(std::string_view name, const T& value) {
    const std::size_t calls_before = echo_host_calls();
    auto result = find<T(const T&)>(name)(value);
    ASSERT_TRUE(is_ok(result)) << name;
    EXPECT_TRUE(*result == value) << name << " returned " << testing::PrintToString(*result) << " for "
                                  << testing::PrintToString(value);
    EXPECT_EQ(echo_host_calls() - calls_before, is_relay() ? 1 : 0) << name;
  }

  Container container_ = start(GetParam() + ".wat", define_echo_host);
};

#define INSTANTIATE_ECHO_TEST(Fixture)                                          \
  INSTANTIATE_TEST_SUITE_P(BothWays, Fixture, testing::Values("echo", "relay"), \
                           [](const auto& test) { return test.param; })

}  // namespace tairitsu::test

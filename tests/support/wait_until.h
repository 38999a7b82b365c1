/// Waits for a condition instead of a fixed time.
#pragma once

#include <chrono>
#include <thread>

namespace tairitsu::test {

/// Returns true as soon as `condition()` does, or false after 30 s.
template <typename Condition>
[[nodiscard]] bool wait_until(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace tairitsu::test

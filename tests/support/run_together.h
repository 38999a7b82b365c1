/// Threads that start together.
#pragma once

#include <cstddef>
#include <functional>
#include <latch>
#include <thread>
#include <vector>

namespace tairitsu::test {

/// Runs `body(index)` on several threads that start together, and waits for all of them.
inline void run_together(int count, const std::function<void(int)>& body) {
  std::latch ready(count);
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(count));
  for (int index = 0; index < count; ++index) {
    threads.emplace_back([&, index] {
      ready.arrive_and_wait();
      body(index);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace tairitsu::test

/// Output to a file that may be a pipe that is not being read.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace tairitsu::cli {

/// Writes lines from a thread of its own, so that `push` never blocks. Drops and counts what does not fit. Lives as
/// long as the process, because its thread may be stuck in a write forever.
class LineQueue {
 public:
  /// When there is space again, `on_dropped` is called on the queue's thread with the number of pushes that were
  /// dropped since its last call.
  LineQueue(int file, std::function<void(std::uint64_t)> on_dropped);
  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;
  ~LineQueue() = delete;

  /// Queues whole lines, or drops all of them. May be called from any thread.
  void push(std::string_view lines) noexcept;

  /// Waits up to `limit` until everything is written.
  void flush(std::chrono::milliseconds limit) noexcept;

 private:
  void run();
  void write(std::string_view text) const;

  const int file_;
  const std::function<void(std::uint64_t)> on_dropped_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_;
  std::uint64_t dropped_ = 0;
  bool writing_ = false;
};

}  // namespace tairitsu::cli

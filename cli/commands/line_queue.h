/// Lines for a file that may be a pipe which nobody reads.
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

/// Written by a thread of its own, so that whoever has something to say never waits. What does not fit is dropped and
/// counted. Lives as long as the process: its thread may be stuck in a write for ever.
class LineQueue {
 public:
  /// `on_dropped` is told on the queue's thread how many pieces were dropped since it was last told, when there is
  /// room again.
  LineQueue(int file, std::function<void(std::uint64_t)> on_dropped);
  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;
  ~LineQueue() = delete;

  /// Takes whole lines, or drops them all. Any thread.
  void push(std::string_view lines) noexcept;

  /// Waits until all is written, no longer than `limit`.
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

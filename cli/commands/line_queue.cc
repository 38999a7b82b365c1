#include "commands/line_queue.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <thread>
#include <utility>

namespace tairitsu::cli {

namespace {

/// How much text may wait to be written, in bytes.
constexpr std::size_t kMaxWaiting = std::size_t{1} << 20U;

}  // namespace

LineQueue::LineQueue(int file, std::function<void(std::uint64_t)> on_dropped)
    : file_(file), on_dropped_(std::move(on_dropped)) {
  std::thread([this] { run(); }).detach();
}

void LineQueue::push(std::string_view lines) noexcept {
  const std::scoped_lock lock(mutex_);
  try {
    if (waiting_.size() + lines.size() <= kMaxWaiting) {
      waiting_ += lines;
      changed_.notify_all();
      return;
    }
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): out of memory.
  }
  ++dropped_;
}

void LineQueue::flush(std::chrono::milliseconds limit) noexcept {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [this] { return waiting_.empty() && !writing_; });
}

void LineQueue::write(std::string_view text) const {
  while (!text.empty()) {
    const auto count = ::write(file_, text.data(), text.size());
    if (count < 0 && errno != EINTR) return;  // The text is lost: there is nowhere to report it.
    text.remove_prefix(count < 0 ? 0 : static_cast<std::size_t>(count));
  }
}

void LineQueue::run() {
  // A reader that goes away must not end the process.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::string batch;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !waiting_.empty(); });
    batch.clear();
    std::swap(batch, waiting_);
    writing_ = true;
    lock.unlock();
    write(batch);
    lock.lock();
    writing_ = false;
    if (const auto dropped = std::exchange(dropped_, 0); dropped != 0) {
      lock.unlock();
      on_dropped_(dropped);
      lock.lock();
    }
    changed_.notify_all();
  }
}

}  // namespace tairitsu::cli

#include "commands/signals.h"

#include <unistd.h>
#include <csignal>
#include <ctime>

#include <thread>
#include <utility>

namespace tairitsu::cli {

void catch_signals(unsigned grace_milliseconds, std::function<void(int)> on_signal) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  // Threads inherit the mask, so only the thread below receives the signals.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread([signals, grace_milliseconds, on_signal = std::move(on_signal)] {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) return;
    std::thread([&on_signal, signal] { on_signal(signal); }).detach();
    if (grace_milliseconds == 0) {
      int again = 0;
      sigwait(&signals, &again);
    } else {
      const timespec grace{.tv_sec = grace_milliseconds / 1000,
                           .tv_nsec = static_cast<long>(grace_milliseconds % 1000) * 1'000'000};
      sigtimedwait(&signals, nullptr, &grace);
    }
    _exit(128 + signal);
  }).detach();
}

}  // namespace tairitsu::cli

/// What a command does when it is asked to end.
#pragma once

#include <functional>

namespace tairitsu::cli {

/// From now on SIGINT, SIGTERM and SIGHUP call `on_signal(number)` once, on a thread of its own, instead of ending
/// the process. A second one, or `grace_milliseconds` after the first (0 for never), ends the process with
/// 128 + number. To be called before other threads are started; for the life of the process.
void catch_signals(unsigned grace_milliseconds, std::function<void(int)> on_signal);

}  // namespace tairitsu::cli

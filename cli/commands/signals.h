/// Handling of the signals that end a command.
#pragma once

#include <functional>

namespace tairitsu::cli {

/// From now on SIGINT, SIGTERM and SIGHUP do not end the process, but call `on_signal(number)` once, on a thread of its
/// own. A second signal, or `grace_milliseconds` after the first (0 for never), exits with 128 + number. Call this
/// before any other thread starts.
void catch_signals(unsigned grace_milliseconds, std::function<void(int)> on_signal);

}  // namespace tairitsu::cli

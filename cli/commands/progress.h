/// Progress on standard error: a bar on a terminal, otherwise a line for each blob.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "tairitsu/oci_client.h"

namespace tairitsu::cli {

/// Returns whether standard error is a terminal on which a line can be redrawn.
[[nodiscard]] bool can_redraw();

/// Replaces the line that was drawn last. Does nothing without a terminal.
void draw_line(std::string_view text);
/// Erases the line that was drawn last.
void clear_line();

/// Erases the line at the end of a scope.
struct ClearedLine {
  ClearedLine() = default;
  ClearedLine(const ClearedLine&) = delete;
  ClearedLine& operator=(const ClearedLine&) = delete;
  ~ClearedLine() { clear_line(); }
};

/// Shows the progress of a pull or a push. Not thread-safe.
class TransferProgress {
 public:
  enum class Direction : std::uint8_t { pull, push };

  explicit TransferProgress(Direction direction, bool quiet = false);
  TransferProgress(const TransferProgress&) = delete;
  TransferProgress& operator=(const TransferProgress&) = delete;
  ~TransferProgress();

  /// Returns a callback that refers to this object.
  [[nodiscard]] OnTransfer callback();

 private:
  void show(const Transfer& transfer);

  Direction direction_;
  bool quiet_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace tairitsu::cli

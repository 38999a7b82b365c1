/// What standard error shows while something takes long: a bar at a terminal, else a line for each piece.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "tairitsu/registry_client.h"

namespace tairitsu::cli {

/// Whether standard error is a terminal that a line can be drawn at again.
[[nodiscard]] bool draws_at_terminal();

/// Draws a line in the place of the one that `draw` drew last; nothing where there is no terminal.
void draw_line(std::string_view text);
/// Takes that line away.
void clear_line();

/// Takes it away at the end of a scope.
struct ClearedLine {
  ClearedLine() = default;
  ClearedLine(const ClearedLine&) = delete;
  ClearedLine& operator=(const ClearedLine&) = delete;
  ~ClearedLine() { clear_line(); }
};

/// Of a pull or a push. One thread.
class TransferProgress {
 public:
  enum class Direction : std::uint8_t { pull, push };

  explicit TransferProgress(Direction direction, bool quiet = false);
  TransferProgress(const TransferProgress&) = delete;
  TransferProgress& operator=(const TransferProgress&) = delete;
  ~TransferProgress();

  /// Borrows this.
  [[nodiscard]] OnTransfer callback();

 private:
  void show(const Transfer& transfer);

  Direction direction_;
  bool quiet_;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace tairitsu::cli

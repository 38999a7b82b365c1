#include "commands/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "commands/command.h"
#include "commands/text.h"

namespace tairitsu::cli {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(50);
constexpr std::uint64_t kBarWidth = 30;

std::string bar(std::uint64_t done, std::uint64_t size) {
  const std::uint64_t filled = size == 0 ? kBarWidth : std::min(kBarWidth, done * kBarWidth / size);
  std::string text(filled, '=');
  if (filled < kBarWidth) text += '>';
  text.resize(kBarWidth, ' ');
  return text;
}

}  // namespace

bool can_redraw() {
  static const bool can = [] {
    const char* terminal = std::getenv("TERM");
    return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
  }();
  return can;
}

namespace {
bool drawn = false;
}

void draw_line(std::string_view text) {
  if (!can_redraw()) return;
  // The only place that writes control sequences.
  const std::string line = "\r\x1b[K" + terminal_text(text);
  std::fwrite(line.data(), 1, line.size(), stderr);
  drawn = !text.empty();
}

void clear_line() {
  if (drawn) draw_line("");
}

TransferProgress::TransferProgress(Direction direction, bool quiet) : direction_(direction), quiet_(quiet) {}

TransferProgress::~TransferProgress() { clear_line(); }

OnTransfer TransferProgress::callback() {
  if (quiet_) return {};
  return [this](const Transfer& transfer) { show(transfer); };
}

void TransferProgress::show(const Transfer& transfer) {
  const std::string id = short_digest(transfer.digest);
  const bool is_pull = direction_ == Direction::pull;
  if (transfer.state == TransferState::moving) {
    const auto now = std::chrono::steady_clock::now();
    if (!can_redraw() || now - last_ < kRedraw) return;
    last_ = now;
    draw_line(fmt::format("{}: {} [{}] {} of {}", id, is_pull ? "pulling" : "pushing",
                          bar(transfer.done, transfer.size), human_size(transfer.done),
                          human_size(transfer.size)));
    return;
  }
  clear_line();
  const char* what = is_pull ? "pulled" : "pushed";
  if (transfer.state == TransferState::existed) what = "already exists";
  print_note(fmt::format("{}: {}, {}\n", id, what, human_size(transfer.size)));
}

}  // namespace tairitsu::cli

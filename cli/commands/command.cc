#include "commands/command.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "commands/line_queue.h"
#include "commands/text.h"

namespace tairitsu::cli {

namespace {

/// Null until `queue_notes()` is called.
std::atomic<LineQueue*> notes = nullptr;

/// How long a note waits for space in a full pipe.
constexpr int kNoteMilliseconds = 1000;

Result<void> write_to_stdout(std::string_view text) {
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) return system_failure("standard output");
  return {};
}

}  // namespace

void print_note(std::string_view text) noexcept {
  const std::string safe = terminal_text(text);
  if (LineQueue* const queue = notes.load()) {
    queue->push(safe);
    return;
  }
  pollfd file{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&file, 1, kNoteMilliseconds) == 0) return;
  std::fwrite(safe.data(), 1, safe.size(), stderr);
}

void queue_notes() {
  notes = new LineQueue(STDERR_FILENO, [](std::uint64_t dropped) {
    print_warning("dropped " + std::to_string(dropped) + " messages: standard error was not read in time");
  });
}

void flush_notes(std::chrono::milliseconds limit) noexcept {
  if (LineQueue* const queue = notes.load()) queue->flush(limit);
}

void print_error(const Error& error) {
  print_note("tairitsu: " + error.message() + "\n");
  const std::string& frames = backtrace_of(error);
  if (!frames.empty()) print_note(frames + "\n");
  if (frames != error.full_backtrace()) print_note("Set TAIRITSU_BACKTRACE=full to see every frame.\n");
}

const std::string& backtrace_of(const Error& error) noexcept {
  static const bool full = [] {
    const char* const value = std::getenv("TAIRITSU_BACKTRACE");
    return value != nullptr && std::string_view(value) == "full";
  }();
  return full ? error.full_backtrace() : error.backtrace();
}

void print_warning(const std::string& message) { print_note("tairitsu: warning: " + message + "\n"); }

int exit_code(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::not_wasm:
    case ErrorCode::invalid_component:
    case ErrorCode::is_core_module:
    case ErrorCode::artifact_mismatch:
    case ErrorCode::artifact_damaged:
    case ErrorCode::missing_import:
    case ErrorCode::unsupported_type:
    case ErrorCode::async_abi_off:
    case ErrorCode::untrusted_file:
    case ErrorCode::digest_mismatch:
    case ErrorCode::invalid_manifest:
    case ErrorCode::compile_limit:
      return 126;
    case ErrorCode::not_found:
    case ErrorCode::ambiguous_name:
      return 127;
    case ErrorCode::trap:
    case ErrorCode::invalid_value:
    case ErrorCode::fuel_exhausted:
    case ErrorCode::memory_limit:
    case ErrorCode::table_limit:
    case ErrorCode::instance_limit:
    case ErrorCode::handle_limit:
    case ErrorCode::copy_limit:
    case ErrorCode::descriptor_limit:
      return 134;
    case ErrorCode::deadline_exceeded:
      return 124;
    default:
      return kOurError;
  }
}

void exit_with(const Error& error, int code) {
  print_error(error);
  throw CLI::RuntimeError(code);
}

void exit_on_error(const Result<void>& result) {
  // The library's advice is for C++ programs.
  if (!result) exit_with(result.error().with_advice(""), exit_code(result.error().code()));
}

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) ::close(number_);
}

std::unexpected<Error> system_failure(const std::string& what) {
  return fail(ErrorCode::io, what + ": " + std::generic_category().message(errno));
}

std::unexpected<Error> open_failure(const std::string& what) {
  if (errno == ENOENT) return fail(ErrorCode::not_found, what + ": no such file");
  return system_failure(what);
}

Result<void> require_file(const std::filesystem::path& path) {
  if (::access(path.c_str(), F_OK) == 0) return {};
  return open_failure(path.string());
}

Result<std::size_t> read_some(int file, std::span<std::byte> into, const std::string& what) {
  for (;;) {
    const auto count = ::read(file, into.data(), into.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return system_failure(what);
  }
}

Result<void> write_all(int file, std::span<const std::byte> bytes, const std::string& what) {
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_failure(what);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::vector<std::byte>> read_file(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0) return open_failure(path.string());
  if (S_ISDIR(status.st_mode)) return fail(ErrorCode::io, path.string() + ": is a directory");
  // A pipe has no size and a file may grow, so read until the end of the file.
  std::vector<std::byte> bytes(S_ISREG(status.st_mode) ? static_cast<std::size_t>(status.st_size) + 1
                                                       : std::size_t{64} << 10);
  std::size_t size = 0;
  for (;;) {
    TAIRITSU_TRY(const std::size_t count,
                 read_some(file.get(), std::span(bytes).subspan(size), path.string()));
    if (count == 0) break;
    size += count;
    if (size == bytes.size()) bytes.resize(2 * size);
  }
  bytes.resize(size);
  return bytes;
}

Result<void> write_file(const std::filesystem::path& path, std::span<const std::byte> contents) {
  if (const auto old = read_file(path); old && std::ranges::equal(*old, contents)) return {};
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(contents.data()), static_cast<std::streamsize>(contents.size()));
  file.close();
  if (!file) return system_failure(path.string());
  return {};
}

Result<void> write_stdout(std::string_view text) { return write_to_stdout(terminal_text(text)); }

Result<void> write_json(std::string_view text) { return write_to_stdout(terminal_text(text, Escapes::json)); }

void add_world_options(CLI::App& command, WitSource& wit) {
  command.add_option("-w,--world", wit.world, "Select a world; required if there are several")
      ->type_name("NAME");
  command
      .add_option("--features", wit.features, "Include these @unstable features: NAME,NAME or '*' for all")
      ->type_name("NAMES");
}

}  // namespace tairitsu::cli

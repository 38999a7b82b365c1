/// What the commands of `tairitsu` share.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tairitsu/error.h"
#include "tairitsu/wit.h"

namespace tairitsu::cli {

/// The exit code if the program itself fails, as in Docker.
inline constexpr int kOurError = 125;
/// The exit code if the function that was called returns `err(…)`.
inline constexpr int kGuestReturnedError = 1;

/// Returns the exit code by which scripts can tell failures apart: 126 if a file cannot be run, 127 if something was
/// not found, 134 if a guest trapped or exceeded a limit, 124 if it exceeded its deadline, otherwise `kOurError`.
[[nodiscard]] int exit_code(ErrorCode code) noexcept;

/// Prints to stderr, with terminal control characters escaped. Ignores failures to write. If stderr is a full pipe,
/// drops the note after a second.
void print_note(std::string_view text) noexcept;

/// Makes `print_note` never wait, for the rest of the process: a thread writes the notes, and reports how many were
/// dropped.
void queue_notes();

/// Waits up to `limit` for queued notes to be written.
void flush_notes(std::chrono::milliseconds limit) noexcept;

/// Prints `tairitsu: message` to stderr, followed by the guest's backtrace if there is one.
void print_error(const Error& error);

/// Returns the guest's backtrace, with all frames if `TAIRITSU_BACKTRACE` is `full`.
[[nodiscard]] const std::string& backtrace_of(const Error& error) noexcept;

/// Prints `tairitsu: warning: message` to stderr.
void print_warning(const std::string& message);

/// Prints the error and ends the command with an exit code, which reaches `main` as an exception of CLI11.
[[noreturn]] void exit_with(const Error& error, int code = kOurError);

/// Does the same if `result` is an error, with the error's exit code.
void exit_on_error(const Result<void>& result);

/// Owns a file descriptor, and closes it if it is not negative.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~FileDescriptor();
  [[nodiscard]] int get() const noexcept { return number_; }

 private:
  int number_ = -1;
};

/// Returns the `io` error `WHAT: ` and the message of `errno`.
[[nodiscard]] std::unexpected<Error> system_failure(const std::string& what);
/// Returns the error of opening a file for reading: `not_found` if it does not exist, otherwise as `system_failure`.
[[nodiscard]] std::unexpected<Error> open_failure(const std::string& what);
/// Fails with `not_found` if there is no such file or directory.
[[nodiscard]] Result<void> require_file(const std::filesystem::path& path);

/// Reads into the front of `into`. Returns the number of bytes, 0 at the end of the file.
[[nodiscard]] Result<std::size_t> read_some(int file, std::span<std::byte> into, const std::string& what);

/// Writes all of the bytes.
[[nodiscard]] Result<void> write_all(int file, std::span<const std::byte> bytes, const std::string& what);

[[nodiscard]] Result<std::vector<std::byte>> read_file(const std::filesystem::path& path);

/// Does not touch a file that already has these contents, so that build tools see no change.
[[nodiscard]] Result<void> write_file(const std::filesystem::path& path, std::span<const std::byte> contents);

/// Writes all of the text to standard output, with terminal control characters escaped. Fails if the disk is full.
[[nodiscard]] Result<void> write_stdout(std::string_view text);
/// Does the same for JSON, with escapes that keep it JSON.
[[nodiscard]] Result<void> write_json(std::string_view text);

/// Adds the options that select a world and features of a WIT package.
void add_world_options(CLI::App& command, WitSource& wit);

void add_bindgen(CLI::App& app);
void add_call(CLI::App& app);
void add_compile(CLI::App& app);
void add_componentize(CLI::App& app);
void add_images(CLI::App& app);
void add_import(CLI::App& app);
void add_inspect(CLI::App& app);
void add_load(CLI::App& app);
void add_login(CLI::App& app);
void add_logout(CLI::App& app);
void add_pull(CLI::App& app);
void add_push(CLI::App& app);
void add_rmi(CLI::App& app);
void add_run(CLI::App& app);
void add_save(CLI::App& app);
void add_serve(CLI::App& app);
void add_system(CLI::App& app);
void add_tag(CLI::App& app);
void add_wit(CLI::App& app);

}  // namespace tairitsu::cli

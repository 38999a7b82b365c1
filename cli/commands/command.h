/// What the verbs of `tairitsu` share.
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

/// The exit code of a failure of ours, as Docker has it.
inline constexpr int kOurError = 125;
/// Where the function that was called answers `err(…)`.
inline constexpr int kGuestAnsweredError = 1;

/// The exit code that a script tells failures apart by: 126 for what cannot be run, 127 for what is not there, 134
/// for a guest that trapped or hit a limit, 124 for one that took too long, else `kOurError`.
[[nodiscard]] int exit_code(ErrorCode code) noexcept;

/// Prints to stderr, with what a terminal would obey written out. If that cannot be written, nobody is there to read it;
/// if it is a full pipe, the note is dropped after a second.
void print_note(std::string_view text) noexcept;

/// From now on `print_note` never waits: a thread writes what it is given, and says how many notes were dropped. For the
/// life of the process.
void queue_notes();

/// Waits for queued notes to be written.
void flush_notes(std::chrono::milliseconds limit) noexcept;

/// Prints `tairitsu: message` to stderr, with the guest's backtrace where there is one.
void print_error(const Error& error);

/// The guest's backtrace: with all frames if `TAIRITSU_BACKTRACE` is `full`.
[[nodiscard]] const std::string& backtrace_of(const Error& error) noexcept;

/// Prints `tairitsu: warning: message` to stderr.
void print_warning(const std::string& message);

/// Ends the command with the error's message and an exit code. CLI11 carries it to `main`.
[[noreturn]] void end_with(const Error& error, int code = kOurError);

/// The same where it failed, with the exit code that tells why.
void end_unless(const Result<void>& done);

/// Closes what it has, if that is not negative.
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

/// `WHAT: ` and what `errno` says, as `io`.
[[nodiscard]] std::unexpected<Error> system_failure(const std::string& what);
/// The same of a file that a command is to read: `not_found` if it does not exist, which has its own exit code.
[[nodiscard]] std::unexpected<Error> open_failure(const std::string& what);
/// Fails with `not_found` if there is no such file or directory.
[[nodiscard]] Result<void> require_file(const std::filesystem::path& path);

/// Fills the front of `into`: how many bytes, 0 at the end of the file.
[[nodiscard]] Result<std::size_t> read_some(int file, std::span<std::byte> into, const std::string& what);

/// Writes all of the bytes.
[[nodiscard]] Result<void> write_all(int file, std::span<const std::byte> bytes, const std::string& what);

[[nodiscard]] Result<std::vector<std::byte>> read_file(const std::filesystem::path& path);

/// Leaves a file alone that has these contents already, so that a build tool sees no change.
[[nodiscard]] Result<void> write_file(const std::filesystem::path& path, std::span<const std::byte> contents);

/// Writes all of it to standard output, with what a terminal would obey written out. Fails if that is a full disk.
[[nodiscard]] Result<void> write_stdout(std::string_view text);
/// The same for JSON, which stays JSON.
[[nodiscard]] Result<void> write_json(std::string_view text);

/// The options that choose a world of some WIT, and what of it.
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

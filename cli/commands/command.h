/// What the verbs of `tairitsu` share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
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

/// Prints `tairitsu: message` to stderr, with the guest's backtrace where there is one.
void print_error(const Error& error);

/// Prints `tairitsu: warning: message` to stderr.
void print_warning(const std::string& message);

/// Ends the command with the error's message and an exit code. CLI11 carries it to `main`.
[[noreturn]] void end_with(const Error& error, int code = kOurError);

/// The same where it failed, with the exit code that tells why.
void end_unless(const Result<void>& done);

[[nodiscard]] Result<std::vector<std::byte>> read_file(const std::filesystem::path& path);

/// Leaves a file alone that has these contents already, so that a build tool sees no change.
[[nodiscard]] Result<void> write_file(const std::filesystem::path& path, std::span<const std::byte> contents);

/// Writes all of it to standard output; fails where that is a full disk.
[[nodiscard]] Result<void> write_stdout(std::string_view text);

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

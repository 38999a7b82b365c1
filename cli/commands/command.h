/// What the verbs of `tairitsu` share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "tairitsu/error.h"
#include "tairitsu/wit.h"

namespace tairitsu::cli {

/// The exit code of a failure of ours, as Docker has it.
inline constexpr int kOurError = 125;

/// Prints `tairitsu: message` to stderr, with the guest's backtrace where there is one.
void print_error(const Error& error);

/// Prints `tairitsu: warning: message` to stderr.
void print_warning(const std::string& message);

/// Ends the command with `kOurError` and the error's message. CLI11 carries it to `main`.
[[noreturn]] void end_with(const Error& error);

[[nodiscard]] Result<std::vector<std::byte>> read_file(const std::filesystem::path& path);

/// Leaves a file alone that has these contents already, so that a build tool sees no change.
[[nodiscard]] Result<void> write_file(const std::filesystem::path& path, std::span<const std::byte> contents);

/// The options that choose a world of some WIT, and what of it.
void add_world_options(CLI::App& command, WitSource& wit);

void add_bindgen(CLI::App& app);
void add_componentize(CLI::App& app);

}  // namespace tairitsu::cli

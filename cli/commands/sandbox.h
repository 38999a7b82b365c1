/// The options that say what a guest may access and how much it may use, shared by `run`, `call` and `serve`.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands/load.h"
#include "tairitsu/container.h"
#include "tairitsu/engine.h"
#include "tairitsu/error.h"
#include "tairitsu/wasi.h"

namespace tairitsu::cli {

/// The options as given on the command line.
struct SandboxOptions {
  std::vector<std::string> environment;
  bool whole_environment = false;
  std::vector<std::string> volumes;
  std::string working_directory;
  std::string network = "none";
  std::vector<std::string> connect;
  std::vector<std::string> bind;
  bool name_lookup = false;
  std::vector<std::string> http;
  bool log_denied = false;
  std::optional<std::uint64_t> clock;
  std::optional<std::uint64_t> random_seed;
  std::string memory;
  std::optional<std::uint64_t> table_elements;
  std::optional<std::uint32_t> instances;
  std::optional<std::uint32_t> handles;
  std::optional<std::uint32_t> descriptors;
  std::optional<std::uint64_t> fuel;
  std::string timeout;
};

void add_sandbox_options(CLI::App& command, SandboxOptions& options);

/// Each fails with `invalid_argument` if an option cannot be parsed.
[[nodiscard]] Result<WasiOptions> to_wasi_options(const SandboxOptions& options, const LoadOptions& load);
[[nodiscard]] Result<Limits> to_limits(const SandboxOptions& options);

/// Returns the options of an engine that can enforce these limits.
[[nodiscard]] EngineOptions engine_options(const Limits& limits);

/// Loads with `load_program` or `load_image` within the limits' deadline, and subtracts the time that took from it.
template <typename Load>
[[nodiscard]] auto load_within(Limits& limits, LoadOptions options, Load load) {
  const auto began = std::chrono::steady_clock::now();
  options.deadline = limits.deadline;
  auto loaded = load(engine_options(limits), options);
  if (limits.deadline) {
    const auto left = *limits.deadline - (std::chrono::steady_clock::now() - began);
    limits.deadline = std::max<std::chrono::nanoseconds>(left, std::chrono::milliseconds(1));
  }
  return loaded;
}

/// Adds to the error of a limit which flag raises it. Removes the advice of other errors, which is for C++ programs.
[[nodiscard]] Error with_flag(const Error& error);

/// Parses a number of bytes: `512`, `64k`, `10m` or `1g`.
[[nodiscard]] Result<std::uint64_t> read_size(const std::string& text);
/// Parses `500ms`, `5s`, `2m` or `1h`; a number without a unit is seconds.
[[nodiscard]] Result<std::chrono::nanoseconds> read_duration(const std::string& text);

}  // namespace tairitsu::cli

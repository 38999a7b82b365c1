/// Compilation in a child process, which can be killed: the compiler itself cannot be interrupted.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "tairitsu/compilation_cache.h"
#include "tairitsu/engine.h"
#include "tairitsu/error.h"

namespace tairitsu::cli {

struct CompilationBounds {
  std::chrono::nanoseconds timeout{};
  std::uint64_t memory_bytes = 0;
  /// Of the whole command, if it has one.
  std::optional<std::chrono::nanoseconds> deadline = {};
  std::function<bool()> is_cancelled = {};
};

/// Compiles in a child process. Fails as a compilation does, with `compile_limit` if it exceeds its time or memory,
/// with `deadline_exceeded`, or with `interrupted` if it is cancelled. The child is killed when this process ends.
[[nodiscard]] Result<CompilationCache::Compiled> compile_in_child(const EngineOptions& engine,
                                                                  bool as_program,
                                                                  std::span<const std::byte> source,
                                                                  const CompilationBounds& bounds);

/// The first argument of the child process, instead of a command.
inline constexpr std::string_view kCompileChild = "__compile";

/// Runs in the child process. Returns its exit code.
[[nodiscard]] int run_compile_child(std::span<char* const> arguments);

}  // namespace tairitsu::cli

/// Compilation in a process of its own, which can be killed: a compiler cannot be interrupted.
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
  /// Of the whole command, where it has one.
  std::optional<std::chrono::nanoseconds> deadline = {};
  std::function<bool()> is_cancelled = {};
};

/// Compiles in a child. Fails as a compilation does; with `compile_limit` when it takes too long or too much memory,
/// with `deadline_exceeded`, and with `interrupted` when it is cancelled. The child ends with this process.
[[nodiscard]] Result<CompilationCache::Compiled> compile_in_child(const EngineOptions& engine,
                                                                  bool as_program,
                                                                  std::span<const std::byte> source,
                                                                  const CompilationBounds& bounds);

/// The first argument of such a child, in place of a command.
inline constexpr std::string_view kCompileChild = "__compile";

/// What the child does: its exit code.
[[nodiscard]] int run_compile_child(std::span<char* const> arguments);

}  // namespace tairitsu::cli

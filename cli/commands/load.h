/// How commands load code: from a file or an image, through the compilation cache.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "commands/store.h"
#include "tairitsu/engine.h"
#include "tairitsu/error.h"
#include "tairitsu/image.h"
#include "tairitsu/program.h"

namespace tairitsu::cli {

struct LoadOptions {
  /// A file if one of that name exists, otherwise an image.
  ImageSource source;
  bool no_cache = false;
  bool allow_precompiled = false;
  std::string compile_timeout = "120s";
  std::string compile_memory = "2g";
  std::vector<std::string> compile_limits;
  /// Of the whole command, including the compilation.
  std::optional<std::chrono::nanoseconds> deadline;
  /// Called regularly during a compilation; may be empty.
  std::function<bool()> is_cancelled;

  [[nodiscard]] const std::string& name() const noexcept { return source.name; }
};

/// Adds the positional FILE and the options for loading it.
void add_load_options(CLI::App& command, LoadOptions& options);

/// Loads or compiles a component. Converts a core module to a component first. Fails with `not_found` if there is
/// neither such a file nor such an image.
[[nodiscard]] Result<Image> load_image(const EngineOptions& engine, const LoadOptions& options);
/// Does the same for a program, which may be a core module and then runs as one.
[[nodiscard]] Result<Program> load_program(const EngineOptions& engine, const LoadOptions& options);

/// Returns compiled code as `precompile` does. A core module that is a program stays one; any other is converted to a
/// component.
[[nodiscard]] Result<std::vector<std::byte>> load_code(const EngineOptions& engine,
                                                       const LoadOptions& options);

struct FoundImage {
  ImageStore store;
  StoredImage image;
};

/// Finds or pulls an image. Fails with `not_found` if the name looks like a path.
[[nodiscard]] Result<FoundImage> find_source(const ImageSource& source);

/// Returns the bytes of a file or of an image's component.
[[nodiscard]] Result<std::vector<std::byte>> load_bytes(const ImageSource& source);

/// Returns the program's first argument: the file's name, or the last part of the image's repository.
[[nodiscard]] std::string program_name(const LoadOptions& options);

/// Returns whether the source is a file rather than an image.
[[nodiscard]] bool is_file(const ImageSource& source);

}  // namespace tairitsu::cli

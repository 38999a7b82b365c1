/// How commands come by code: from a file or an image, through the cache of what was compiled before.
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
  /// A file where there is one of that name, else an image.
  ImageSource source;
  bool no_cache = false;
  bool allow_precompiled = false;
  std::string compile_timeout = "120s";
  std::string compile_memory = "2g";
  std::vector<std::string> compile_limits;
  /// Which the compilation is a part of.
  std::optional<std::chrono::nanoseconds> deadline;
  /// Asked now and then while something is compiled; may be empty.
  std::function<bool()> is_cancelled;

  [[nodiscard]] const std::string& what() const noexcept { return source.name; }
};

/// The positional FILE or IMAGE, and how it is loaded.
void add_load_options(CLI::App& command, LoadOptions& options);

/// Loads or compiles a component, or a core module, which is made one. `not_found` where there is neither such a
/// file nor such an image.
[[nodiscard]] Result<Image> load_image(const EngineOptions& engine, const LoadOptions& options);
/// The same for a program: a core module runs natively.
[[nodiscard]] Result<Program> load_program(const EngineOptions& engine, const LoadOptions& options);

/// The compiled code, as `precompile` gives it. A core module that is a program stays one; everything else is a
/// component, or becomes one.
[[nodiscard]] Result<std::vector<std::byte>> load_code(const EngineOptions& engine,
                                                       const LoadOptions& options);

struct FoundImage {
  ImageStore store;
  StoredImage image;
};

/// The image that a command means that takes it for no file.
[[nodiscard]] Result<FoundImage> find_source(const ImageSource& source);

/// The bytes of a file or of an image's component.
[[nodiscard]] Result<std::vector<std::byte>> load_bytes(const ImageSource& source);

/// What a program is called, as its first argument: the file's name, or the last part of the image's.
[[nodiscard]] std::string program_name(const LoadOptions& options);

/// Whether a command takes it for a file.
[[nodiscard]] bool is_file(const ImageSource& source);

}  // namespace tairitsu::cli

/// How commands come by compiled code: from a file, through the cache of what was compiled before.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>

#include "tairitsu/engine.h"
#include "tairitsu/error.h"
#include "tairitsu/image.h"
#include "tairitsu/program.h"

namespace tairitsu::cli {

struct LoadOptions {
  std::filesystem::path file;
  bool no_cache = false;
  bool allow_precompiled = false;
};

/// The positional FILE, and how it is loaded.
void add_load_options(CLI::App& command, LoadOptions& options);

/// Loads or compiles a component, or a core module, which is made one. `not_found` where there is no such file.
[[nodiscard]] Result<Image> load_image(const EngineOptions& engine, const LoadOptions& options);
/// The same for a program: a core module runs natively.
[[nodiscard]] Result<Program> load_program(const EngineOptions& engine, const LoadOptions& options);

}  // namespace tairitsu::cli

/// Reads the files from which images and programs are built.
#pragma once

#include <cstddef>
#include <filesystem>
#include <utility>
#include <vector>

#include "tairitsu/error.h"

namespace tairitsu::detail {

/// Returns the whole contents of a file or a pipe. Fails with `io`; the message starts with the path.
[[nodiscard]] Result<std::vector<std::byte>> read_image_file(const std::filesystem::path& path);

/// Returns `result`; puts the path before the message of an error.
template <typename T>
[[nodiscard]] Result<T> with_path(const std::filesystem::path& path, Result<T> result) {
  if (!result) return std::unexpected(result.error().with_context(path.string()));
  return result;
}

}  // namespace tairitsu::detail

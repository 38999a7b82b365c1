/// Files that images and programs are made of.
#pragma once

#include <cstddef>
#include <filesystem>
#include <utility>
#include <vector>

#include "tairitsu/error.h"

namespace tairitsu::detail {

/// All of a file, or of a pipe. Fails with `io`; the message carries the path.
[[nodiscard]] Result<std::vector<std::byte>> read_image_file(const std::filesystem::path& path);

/// The result, its error with the path before the message.
template <typename T>
[[nodiscard]] Result<T> about(const std::filesystem::path& path, Result<T> result) {
  if (!result) return std::unexpected(result.error().with_context(path.string()));
  return result;
}

}  // namespace tairitsu::detail

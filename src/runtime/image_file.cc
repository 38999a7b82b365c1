#include "runtime/image_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace tairitsu::detail {

namespace {

Result<std::vector<std::byte>> read(const std::filesystem::path& path) {
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed)) return fail(ErrorCode::io, "is a directory");
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::io, std::strerror(errno));
  // Read chunk by chunk, because a pipe has no size.
  std::vector<std::byte> bytes;
  std::size_t size = 0;
  do {
    bytes.resize(std::max<std::size_t>(2 * size, std::size_t{64} << 10));
    file.read(reinterpret_cast<char*>(bytes.data() + size),
              static_cast<std::streamsize>(bytes.size() - size));
    size += static_cast<std::size_t>(file.gcount());
  } while (file);
  if (file.bad()) return fail(ErrorCode::io, "read failed");
  bytes.resize(size);
  return bytes;
}

}  // namespace

Result<std::vector<std::byte>> read_image_file(const std::filesystem::path& path) {
  return with_path(path, read(path));
}

}  // namespace tairitsu::detail

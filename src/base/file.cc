#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <memory>
#include <system_error>

#include <fmt/format.h>

namespace tairitsu::detail {

FileDescriptor::~FileDescriptor() {
  if (value_ >= 0) ::close(value_);
}

Error file_error(const std::filesystem::path& path, std::string_view action, int reason) {
  return Error(ErrorCode::io, fmt::format("'{}': cannot {}: {}", path.string(), action,
                                          std::generic_category().message(reason)));
}

FileDescriptor open_file(int directory, const char* name, int flags, mode_t mode) noexcept {
  for (;;) {
    const int file = ::openat(directory, name, flags | O_CLOEXEC, mode);
    if (file >= 0 || errno != EINTR) return FileDescriptor(file);
  }
}

namespace {

/// Rejects symbolic links of other users, who could choose where they lead.
Result<void> check_links(const std::filesystem::path& path) {
  std::filesystem::path part;
  for (const std::filesystem::path& name : path) {
    part /= name;
    struct stat status{};
    if (::lstat(part.c_str(), &status) != 0) return {};  // The rest does not exist yet.
    if (S_ISLNK(status.st_mode) && !is_trusted_owner(status)) {
      return fail(
          ErrorCode::untrusted_file,
          fmt::format("'{}': untrusted symbolic link: it belongs to user {}, not to the current user {}",
                      part.string(), status.st_uid, ::geteuid()));
    }
  }
  return {};
}

Result<void> make_missing_directories(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), S_IRWXU) == 0 || errno == EEXIST) return {};
  if (errno == ENOENT && path.has_parent_path() && path.parent_path() != path) {
    TAIRITSU_RETURN_IF_ERROR(make_missing_directories(path.parent_path()));
    if (::mkdir(path.c_str(), S_IRWXU) == 0 || errno == EEXIST) return {};
  }
  return std::unexpected(file_error(path, "create directory", errno));
}

}  // namespace

Result<FileDescriptor> open_trusted_directory(const std::filesystem::path& path) {
  TAIRITSU_RETURN_IF_ERROR(check_links(path));
  FileDescriptor directory = open_file(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!directory && errno != ENOENT) return std::unexpected(file_error(path, "open directory", errno));
  return directory;
}

bool is_trusted_owner(const struct stat& status) noexcept {
  return status.st_uid == ::geteuid() || status.st_uid == 0;
}

int write_all(int file, std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return 0;
}

Result<std::size_t> read_some(int file, std::span<std::byte> into, const std::filesystem::path& path) {
  for (;;) {
    const ssize_t count = ::read(file, into.data(), into.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return std::unexpected(file_error(path, "read", errno));
  }
}

Result<std::size_t> read_fully(int file, std::span<std::byte> into, const std::filesystem::path& path) {
  std::size_t filled = 0;
  while (filled < into.size()) {
    TAIRITSU_TRY(const std::size_t count, read_some(file, into.subspan(filled), path));
    if (count == 0) break;
    filled += count;
  }
  return filled;
}

Result<std::optional<std::vector<std::byte>>> read_file(int directory, const char* name,
                                                        std::uint64_t max_size,
                                                        const std::filesystem::path& path) {
  // Without O_NONBLOCK, opening a pipe would block until somebody writes to it.
  const FileDescriptor file = open_file(directory, name, O_RDONLY | O_NONBLOCK);
  if (!file) {
    if (errno == ENOENT) return std::nullopt;
    return std::unexpected(file_error(path, "open", errno));
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return std::unexpected(file_error(path, "stat", errno));
  if (!S_ISREG(status.st_mode))
    return fail(ErrorCode::io, fmt::format("'{}': not a regular file", path.string()));
  if (static_cast<std::uint64_t>(status.st_size) > max_size) {
    return fail(ErrorCode::invalid_manifest, fmt::format("'{}': too large: {} bytes; the limit is {}",
                                                         path.string(), status.st_size, max_size));
  }
  // One byte more, to see the end. Our own files never grow after they are in place.
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size) + 1);
  TAIRITSU_TRY(const std::size_t filled, read_fully(file.get(), bytes, path));
  bytes.resize(filled);
  return bytes;
}

Result<void> sync_directory(int directory, const std::filesystem::path& path) {
  if (::fsync(directory) == 0) return {};
  return std::unexpected(file_error(path, "sync directory", errno));
}

Result<bool> lock_file(int file, int timeout_ms, const std::filesystem::path& path) {
  // Poll: only a signal could interrupt a blocking flock.
  for (int waited = 0, pause = 1;; waited += pause, pause = std::min(pause * 2, 20)) {
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return std::unexpected(file_error(path, "lock", errno));
    if (waited >= timeout_ms) return false;
    const timespec time{.tv_sec = 0, .tv_nsec = pause * 1'000'000L};
    ::nanosleep(&time, nullptr);
  }
}

Result<void> make_directories(const std::filesystem::path& path) {
  TAIRITSU_RETURN_IF_ERROR(check_links(path));
  return make_missing_directories(path);
}

Result<void> for_each_entry(
    int directory, const std::filesystem::path& path,
    const std::function<bool(const std::string& name, const struct stat& status)>& callback) {
  // Open the directory anew, so that its position is not shared with another reader.
  FileDescriptor own = open_file(directory, ".", O_RDONLY | O_DIRECTORY);
  const auto close = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close)> stream(own ? ::fdopendir(own.get()) : nullptr, close);
  if (stream == nullptr) return std::unexpected(file_error(path, "list", errno));
  const int listed = own.release();  // The stream closes it.
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) {
      if (errno != 0) return std::unexpected(file_error(path, "list", errno));
      return {};
    }
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat status{};
    if (::fstatat(listed, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!callback(name, status)) return {};
  }
}

std::string unique_name(std::string_view prefix) {
  static std::atomic<std::uint64_t> counter = 0;
  std::uint64_t random = 0;
  // Fall back to the clock if there is no randomness (an old sandbox); files are created exclusively anyway.
  if (::getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    random = static_cast<std::uint64_t>(now.tv_nsec);
  }
  return fmt::format("{}{}-{}-{:016x}", prefix, ::getpid(), counter++, random);
}

std::int64_t seconds_since_written(const struct stat& status) noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) - static_cast<std::int64_t>(status.st_mtim.tv_sec);
}

}  // namespace tairitsu::detail

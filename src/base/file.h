/// File operations for the image store: owned descriptors, paths relative to a directory's descriptor, errors that name
/// the path.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tairitsu/error.h"

namespace tairitsu::detail {

/// Owns a descriptor.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int value) noexcept : value_(value) {}
  FileDescriptor(FileDescriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~FileDescriptor();

  [[nodiscard]] int get() const noexcept { return value_; }
  /// Gives up ownership: the caller must close the descriptor.
  [[nodiscard]] int release() noexcept { return std::exchange(value_, -1); }
  explicit operator bool() const noexcept { return value_ >= 0; }

 private:
  int value_ = -1;
};

/// Returns an `io` error, `'PATH': cannot ACTION: REASON`; `reason` is an errno.
[[nodiscard]] Error file_error(const std::filesystem::path& path, std::string_view action, int reason);

/// Opens a file relative to a directory's descriptor, or to the working directory (`AT_FDCWD`), retrying on EINTR. The
/// descriptor is closed on exec. On failure it is invalid and errno has the reason.
[[nodiscard]] FileDescriptor open_file(int directory, const char* name, int flags, mode_t mode = 0) noexcept;

/// Opens a directory. Returns an invalid descriptor if it does not exist. Fails with `untrusted_file` if the path has a
/// symbolic link that belongs to another user than this one or root, who could choose where it leads; else with `io`.
[[nodiscard]] Result<FileDescriptor> open_trusted_directory(const std::filesystem::path& path);

/// Returns whether the file belongs to this user or to root.
[[nodiscard]] bool is_trusted_owner(const struct stat& status) noexcept;

/// Writes all bytes. Returns 0, or the errno of the failure.
[[nodiscard]] int write_all(int file, std::span<const std::byte> bytes) noexcept;

/// Reads at most `into.size()` bytes from the file's current position. Returns their number, 0 at the end.
[[nodiscard]] Result<std::size_t> read_some(int file, std::span<std::byte> into,
                                            const std::filesystem::path& path);

/// Reads until `into` is full or the file ends. Returns the number of bytes read.
[[nodiscard]] Result<std::size_t> read_fully(int file, std::span<std::byte> into,
                                             const std::filesystem::path& path);

/// Reads a whole file. Returns nothing if it does not exist. Fails with `invalid_manifest` if it is larger than
/// `max_size` bytes.
[[nodiscard]] Result<std::optional<std::vector<std::byte>>> read_file(int directory, const char* name,
                                                                      std::uint64_t max_size,
                                                                      const std::filesystem::path& path);

/// Flushes a directory's entries (created, renamed, removed) to disk, so that they survive a crash of the machine.
[[nodiscard]] Result<void> sync_directory(int directory, const std::filesystem::path& path);

/// Takes a file's lock (`flock`). The lock ends with the descriptor, and so with the process, however it ends.
/// Polls for up to `timeout_ms` milliseconds; returns false if others held the lock all that time.
[[nodiscard]] Result<bool> lock_file(int file, int timeout_ms, const std::filesystem::path& path);

/// Creates a directory and its parents, accessible only to the owner. Existing ones stay as they are. Fails with
/// `untrusted_file` if the path has a symbolic link that belongs to another user, or with `io`.
[[nodiscard]] Result<void> make_directories(const std::filesystem::path& path);

/// Calls `callback` with the name and the `lstat` result of each entry except `.` and `..`; skips entries that vanish
/// meanwhile. Stops when the callback returns false.
[[nodiscard]] Result<void> for_each_entry(
    int directory, const std::filesystem::path& path,
    const std::function<bool(const std::string& name, const struct stat& status)>& callback);

/// Returns a name that no other writer uses, in this process or another: `PREFIX` and some digits.
[[nodiscard]] std::string unique_name(std::string_view prefix);

/// Returns the seconds since the file was last written; negative if its time is in the future.
[[nodiscard]] std::int64_t seconds_since_written(const struct stat& status) noexcept;

}  // namespace tairitsu::detail

/// Files as the store needs them: descriptors that close, folders by descriptor, errors that name the path.
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
  /// Gives it up: somebody else closes it.
  [[nodiscard]] int release() noexcept { return std::exchange(value_, -1); }
  explicit operator bool() const noexcept { return value_ >= 0; }

 private:
  int value_ = -1;
};

/// `'PATH': cannot WHAT: REASON`, an `io` error of the errno given.
[[nodiscard]] Error file_error(const std::filesystem::path& path, std::string_view what, int reason);

/// Opens relative to a folder, or to where we are (`AT_FDCWD`); interrupted calls are repeated. The
/// descriptor is not inherited by programs. Not valid on failure: errno says why.
[[nodiscard]] FileDescriptor open_file(int folder, const char* name, int flags, mode_t mode = 0) noexcept;

/// Opens a folder, following symbolic links of this user's and of root's alone: with one of another user's in its path,
/// that user would choose the folder. Not valid if there is none. Fails with `untrusted_file`, or with `io`.
[[nodiscard]] Result<FileDescriptor> open_trusted_folder(const std::filesystem::path& path);

/// Whether it belongs to this user, or to root, who needs no trick.
[[nodiscard]] bool is_trusted_owner(const struct stat& status) noexcept;

/// Writes it all. On failure errno is the answer, 0 on success.
[[nodiscard]] int write_all(int file, std::span<const std::byte> bytes) noexcept;

/// Reads up to that many bytes from where the file stands; 0 at its end.
[[nodiscard]] Result<std::size_t> read_some(int file, std::span<std::byte> into,
                                            const std::filesystem::path& path);

/// The same until `into` is full or the file is at its end: how many bytes there were.
[[nodiscard]] Result<std::size_t> read_fully(int file, std::span<std::byte> into,
                                             const std::filesystem::path& path);

/// Reads a whole file. Nothing where there is none. A longer one than `most` fails with `invalid_manifest`.
[[nodiscard]] Result<std::optional<std::vector<std::byte>>> read_file(int folder, const char* name,
                                                                      std::uint64_t most,
                                                                      const std::filesystem::path& path);

/// Makes what was written to a folder (names made, changed, removed) outlive a crash of the machine.
[[nodiscard]] Result<void> sync_folder(int folder, const std::filesystem::path& path);

/// Takes a file's lock (`flock`), which goes with the descriptor, and so with the process, however that ends.
/// Polls for up to `patience` milliseconds; false where others held it all the time.
[[nodiscard]] Result<bool> lock_file(int file, int patience, const std::filesystem::path& path);

/// Makes a folder and those above it, each only for its owner. One that exists stays as it is. Fails with
/// `untrusted_file` if a symbolic link of another user's is in the path, or with `io`.
[[nodiscard]] Result<void> make_folders(const std::filesystem::path& path);

/// Calls for each entry but `.` and `..`, with what `lstat` says of it; those that vanish meanwhile are left
/// out. Stops where the callback answers false.
[[nodiscard]] Result<void> for_each_entry(
    int folder, const std::filesystem::path& path,
    const std::function<bool(const std::string& name, const struct stat& status)>& callback);

/// A name that no other writer uses, in this process or another: `PREFIX` and some digits.
[[nodiscard]] std::string unique_name(std::string_view prefix);

/// When it was last written, against the clock of now. Negative where that is in the future.
[[nodiscard]] std::int64_t seconds_since_written(const struct stat& status) noexcept;

}  // namespace tairitsu::detail

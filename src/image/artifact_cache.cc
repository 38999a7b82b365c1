#include "image/artifact_cache.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/file.h"

namespace tairitsu::detail {
namespace {

/// How coarse the time of last use is: a program that starts often writes no inode each time.
constexpr std::int64_t kUseResolutionSeconds = 300;
/// A writer touches its file with every write, so one that is this old belongs to nobody.
constexpr std::int64_t kLeftoverSeconds = 3600;
constexpr std::size_t kMaxFingerprint = 128;
constexpr std::string_view kWritingPrefix = ".writing-";

/// Whether `file_name` may have made it. Other files are not ours to count or remove.
bool is_artifact_name(std::string_view name) {
  return name.size() > kDigestHexSize + 1 && name[kDigestHexSize] == '-' &&
         is_lower_hex(name.substr(0, kDigestHexSize));
}

Result<void> check_private(const std::filesystem::path& path, const struct stat& status) {
  std::string problem;
  if (S_ISLNK(status.st_mode)) {
    problem = "is a symbolic link";
  } else if (status.st_uid != ::geteuid()) {
    problem = fmt::format("belongs to user {} and not to user {}, who runs this", status.st_uid, ::geteuid());
  } else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    problem = fmt::format("can be written by others than its owner (mode {:04o})", status.st_mode & 07777U);
  } else {
    return {};
  }
  return fail(ErrorCode::untrusted_file,
              fmt::format("'{}' {}; what lies there would run as machine code: remove it (it is a cache, "
                          "and is made anew) or use another folder",
                          path.string(), problem));
}

/// The folder, checked; not valid where there is none.
Result<FileDescriptor> open_folder(const std::filesystem::path& path) {
  FileDescriptor folder = open_file(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  struct stat status{};
  if (!folder) {
    const int reason = errno;
    if (reason == ENOENT) return folder;
    // A link, or a folder of somebody else's: better said so than by errno.
    if (::lstat(path.c_str(), &status) == 0) TAIRITSU_CHECK(check_private(path, status));
    return std::unexpected(file_error(path, "open the folder", reason));
  }
  if (::fstat(folder.get(), &status) != 0) {
    return std::unexpected(file_error(path, "look at the folder", errno));
  }
  TAIRITSU_CHECK(check_private(path, status));
  return folder;
}

struct Artifact {
  std::string name;
  std::uint64_t size;
  std::int64_t used_seconds;
  std::int64_t used_nanoseconds;
};

/// What the folder holds. Files of writers that were killed are removed on the way.
Result<std::vector<Artifact>> list(const FileDescriptor& folder, const std::filesystem::path& path) {
  std::vector<Artifact> artifacts;
  TAIRITSU_CHECK(for_each_entry(folder.get(), path, [&](const std::string& name, const struct stat& status) {
    if (name.starts_with(kWritingPrefix)) {
      if (seconds_since_written(status) > kLeftoverSeconds) ::unlinkat(folder.get(), name.c_str(), 0);
    } else if (is_artifact_name(name) && S_ISREG(status.st_mode)) {
      artifacts.push_back(
          {name, static_cast<std::uint64_t>(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec});
    }
    return true;
  }));
  return artifacts;
}

/// Removes the least recently used ones. Another process may have one of them mapped: its pages stay until
/// it lets go of them, for a file lives as long as a mapping of it; only the name goes. Two processes that
/// evict at once see the same order and remove the same files, so what is already gone counts as removed.
void evict(const FileDescriptor& folder, std::vector<Artifact> artifacts, std::string_view keep,
           std::uint64_t max_bytes) {
  std::uint64_t total = 0;
  for (const Artifact& artifact : artifacts) total += artifact.size;
  std::ranges::sort(artifacts, {}, [](const Artifact& artifact) {
    return std::tie(artifact.used_seconds, artifact.used_nanoseconds, artifact.name);
  });
  for (const Artifact& artifact : artifacts) {
    if (total <= max_bytes) return;
    if (artifact.name == keep) continue;
    if (::unlinkat(folder.get(), artifact.name.c_str(), 0) == 0 || errno == ENOENT) total -= artifact.size;
  }
}

/// What is in the key's file, if it is one that nobody else could read or write.
Result<std::optional<ArtifactCache::Key>> read_key(const std::filesystem::path& path) {
  const FileDescriptor file = open_file(AT_FDCWD, path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) {
    if (errno == ENOENT || errno == ELOOP) return std::nullopt;
    return std::unexpected(file_error(path, "open it", errno));
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return std::unexpected(file_error(path, "look at it", errno));
  const bool ours =
      S_ISREG(status.st_mode) && status.st_uid == ::geteuid() && (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
  ArtifactCache::Key key{};
  if (!ours || status.st_size != static_cast<off_t>(key.size())) return std::nullopt;
  TAIRITSU_TRY(const std::size_t count, read_fully(file.get(), key, path));
  return count == key.size() ? std::optional(key) : std::nullopt;
}

Result<void> fill_with_random_bytes(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::getrandom(bytes.data(), bytes.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(file_error("/dev/urandom", "read random bytes", errno));
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace

Result<std::string> ArtifactCache::file_name(std::string_view digest, std::string_view fingerprint) {
  if (!is_digest(digest)) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not a sha256 digest", digest));
  }
  if (fingerprint.empty() || fingerprint.size() > kMaxFingerprint ||
      fingerprint.find_first_not_of("0123456789"
                                    "abcdefghijklmnopqrstuvwxyz"
                                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "._-") != std::string_view::npos) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is not an engine's fingerprint: it has 1 to {} of 0-9a-zA-Z._-",
                            fingerprint, kMaxFingerprint));
  }
  return fmt::format("{}-{}", hex_of(digest), fingerprint);
}

Result<std::optional<ArtifactCache::Key>> ArtifactCache::key() const { return read_key(key_path()); }

Result<ArtifactCache::Key> ArtifactCache::obtain_key() const {
  const std::filesystem::path path = key_path();
  TAIRITSU_CHECK(make_folders(folder_));
  // Another process may make one at the same time: what counts is what is there in the end.
  for (int attempt = 0; attempt < 3; ++attempt) {
    TAIRITSU_TRY(const auto there, read_key(path));
    if (there) return *there;
    struct stat status{};
    if (::lstat(path.c_str(), &status) == 0) {
      if (status.st_uid != ::geteuid()) {
        return fail(ErrorCode::untrusted_file,
                    fmt::format("'{}' belongs to user {} and not to user {}, who runs this: remove it",
                                path.string(), status.st_uid, ::geteuid()));
      }
      // Damaged, or others could read it: what it sealed is made again.
      if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return std::unexpected(file_error(path, "remove it", errno));
      }
    }
    Key made{};
    TAIRITSU_CHECK(fill_with_random_bytes(made));
    const std::filesystem::path aside = unique_name(path.string() + std::string(kWritingPrefix));
    const FileDescriptor file =
        open_file(AT_FDCWD, aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (!file) return std::unexpected(file_error(path, "make it", errno));
    int reason = write_all(file.get(), made);
    if (reason == 0 && ::fsync(file.get()) != 0) reason = errno;
    // Not a rename: the key that another process has just made stays.
    if (reason == 0 && ::link(aside.c_str(), path.c_str()) != 0 && errno != EEXIST) reason = errno;
    ::unlink(aside.c_str());
    if (reason != 0) return std::unexpected(file_error(path, "write it", reason));
  }
  return fail(ErrorCode::io, fmt::format("'{}': others keep changing it", path.string()));
}

ArtifactCache::ArtifactCache(std::filesystem::path folder, Options options)
    : folder_(std::move(folder)), options_(options) {}

Result<ArtifactCache> ArtifactCache::open(std::filesystem::path folder, Options options) {
  if (folder.empty()) {
    return fail(ErrorCode::invalid_argument, "the folder of the artifact cache has an empty path");
  }
  std::error_code error;
  folder = std::filesystem::absolute(folder, error).lexically_normal();
  if (error) return std::unexpected(file_error(folder, "find the folder", error.value()));
  // With a slash at the end, a link would be followed.
  if (!folder.has_filename()) folder = folder.parent_path();
  TAIRITSU_CHECK(open_folder(folder));
  return ArtifactCache(std::move(folder), options);
}

Result<std::optional<std::filesystem::path>> ArtifactCache::find(std::string_view digest,
                                                                 std::string_view fingerprint) const {
  TAIRITSU_TRY(const std::string name, file_name(digest, fingerprint));
  TAIRITSU_TRY(const FileDescriptor folder, open_folder(folder_));
  if (!folder) return std::nullopt;
  std::filesystem::path path = folder_ / name;
  struct stat status{};
  if (::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return std::unexpected(file_error(path, "look at it", errno));
  }
  TAIRITSU_CHECK(check_private(path, status));
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::untrusted_file, fmt::format("'{}' is not a file: remove it", path.string()));
  }
  if (seconds_since_written(status) > kUseResolutionSeconds) {
    const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = 0, .tv_nsec = UTIME_NOW}};
    // In a folder that cannot be written nothing is evicted either.
    static_cast<void>(::utimensat(folder.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW));
  }
  return path;
}

Result<std::filesystem::path> ArtifactCache::put(std::string_view digest, std::string_view fingerprint,
                                                 std::span<const std::byte> artifact) const {
  TAIRITSU_TRY(const std::string name, file_name(digest, fingerprint));
  TAIRITSU_CHECK(make_folders(folder_));
  TAIRITSU_TRY(const FileDescriptor folder, open_folder(folder_));
  if (!folder) return std::unexpected(file_error(folder_, "open the folder", ENOENT));
  std::filesystem::path path = folder_ / name;

  const std::string aside = unique_name(kWritingPrefix);
  const FileDescriptor file =
      open_file(folder.get(), aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  if (!file) return std::unexpected(file_error(path, "make it", errno));
  int reason = write_all(file.get(), artifact);
  // Without this, a crash of the machine could leave the name with only a part of the bytes. The folder needs
  // none: an artifact that is lost is compiled again.
  if (reason == 0 && ::fsync(file.get()) != 0) reason = errno;
  if (reason == 0 && ::renameat(folder.get(), aside.c_str(), folder.get(), name.c_str()) != 0) reason = errno;
  if (reason != 0) {
    ::unlinkat(folder.get(), aside.c_str(), 0);
    return std::unexpected(file_error(path, "write it", reason));
  }
  // What was put is good, whatever becomes of the rest.
  if (auto artifacts = list(folder, folder_)) evict(folder, *std::move(artifacts), name, options_.max_bytes);
  return path;
}

Result<void> ArtifactCache::remove(std::string_view digest) const {
  if (!is_digest(digest)) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not a sha256 digest", digest));
  }
  TAIRITSU_TRY(const FileDescriptor folder, open_folder(folder_));
  if (!folder) return {};
  TAIRITSU_TRY(const auto artifacts, list(folder, folder_));
  for (const Artifact& artifact : artifacts) {
    if (!artifact.name.starts_with(hex_of(digest))) continue;
    if (::unlinkat(folder.get(), artifact.name.c_str(), 0) != 0 && errno != ENOENT) {
      return std::unexpected(file_error(folder_ / artifact.name, "remove it", errno));
    }
  }
  return {};
}

Result<void> ArtifactCache::clear() const {
  TAIRITSU_TRY(const FileDescriptor folder, open_folder(folder_));
  if (!folder) return {};
  TAIRITSU_TRY(const auto artifacts, list(folder, folder_));
  for (const Artifact& artifact : artifacts) {
    if (::unlinkat(folder.get(), artifact.name.c_str(), 0) != 0 && errno != ENOENT) {
      return std::unexpected(file_error(folder_ / artifact.name, "remove it", errno));
    }
  }
  return {};
}

Result<ArtifactCache::Usage> ArtifactCache::usage() const {
  Usage usage;
  TAIRITSU_TRY(const FileDescriptor folder, open_folder(folder_));
  if (!folder) return usage;
  TAIRITSU_TRY(const auto artifacts, list(folder, folder_));
  for (const Artifact& artifact : artifacts) usage.bytes += artifact.size;
  usage.artifacts = artifacts.size();
  return usage;
}

}  // namespace tairitsu::detail

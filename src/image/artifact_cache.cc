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

/// The resolution of the time of last use, so that frequent starts do not write an inode each time.
constexpr std::int64_t kUseResolutionSeconds = 300;
/// Every write updates the modification time, so the writer of an older file is dead.
constexpr std::int64_t kLeftoverSeconds = 3600;
constexpr std::size_t kMaxFingerprint = 128;
constexpr std::string_view kWritingPrefix = ".writing-";

/// Whether the name may come from `file_name`. Other files are neither counted nor removed.
bool is_artifact_name(std::string_view name) {
  return name.size() > kDigestHexSize + 1 && name[kDigestHexSize] == '-' &&
         is_lower_hex(name.substr(0, kDigestHexSize));
}

Result<void> check_private(const std::filesystem::path& path, const struct stat& status) {
  std::string problem;
  if (S_ISLNK(status.st_mode)) {
    problem = "is a symbolic link";
  } else if (status.st_uid != ::geteuid()) {
    problem = fmt::format("belongs to user {}, not to the current user {}", status.st_uid, ::geteuid());
  } else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    problem = fmt::format("is writable by group or others (mode {:04o})", status.st_mode & 07777U);
  } else {
    return {};
  }
  return fail(ErrorCode::untrusted_file,
              fmt::format("'{}' {}, so machine code from it is not trusted: remove it (the cache is "
                          "rebuilt) or use another directory",
                          path.string(), problem));
}

/// Opens and checks the directory. Returns an invalid descriptor if it does not exist.
Result<FileDescriptor> open_cache(const std::filesystem::path& path) {
  FileDescriptor directory = open_file(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  struct stat status{};
  if (!directory) {
    const int reason = errno;
    if (reason == ENOENT) return directory;
    // Prefer the message for a symbolic link or another user's directory to that of errno.
    if (::lstat(path.c_str(), &status) == 0) TAIRITSU_RETURN_IF_ERROR(check_private(path, status));
    return std::unexpected(file_error(path, "open directory", reason));
  }
  if (::fstat(directory.get(), &status) != 0) {
    return std::unexpected(file_error(path, "stat directory", errno));
  }
  TAIRITSU_RETURN_IF_ERROR(check_private(path, status));
  return directory;
}

struct Artifact {
  std::string name;
  std::uint64_t size;
  std::int64_t used_seconds;
  std::int64_t used_nanoseconds;
};

/// Returns the artifacts in the directory, and removes the files of killed writers.
Result<std::vector<Artifact>> list(const FileDescriptor& directory, const std::filesystem::path& path) {
  std::vector<Artifact> artifacts;
  TAIRITSU_RETURN_IF_ERROR(
      for_each_entry(directory.get(), path, [&](const std::string& name, const struct stat& status) {
        if (name.starts_with(kWritingPrefix)) {
          if (seconds_since_written(status) > kLeftoverSeconds) ::unlinkat(directory.get(), name.c_str(), 0);
        } else if (is_artifact_name(name) && S_ISREG(status.st_mode)) {
          artifacts.push_back({name, static_cast<std::uint64_t>(status.st_size), status.st_mtim.tv_sec,
                               status.st_mtim.tv_nsec});
        }
        return true;
      }));
  return artifacts;
}

/// Removes the least recently used artifacts. A process that has one mapped keeps its pages, because only the name is
/// removed. Processes that evict concurrently remove the same files in the same order, so a missing file counts as
/// removed.
void evict(const FileDescriptor& directory, std::vector<Artifact> artifacts, std::string_view keep,
           std::uint64_t max_bytes) {
  std::uint64_t total = 0;
  for (const Artifact& artifact : artifacts) total += artifact.size;
  std::ranges::sort(artifacts, {}, [](const Artifact& artifact) {
    return std::tie(artifact.used_seconds, artifact.used_nanoseconds, artifact.name);
  });
  for (const Artifact& artifact : artifacts) {
    if (total <= max_bytes) return;
    if (artifact.name == keep) continue;
    if (::unlinkat(directory.get(), artifact.name.c_str(), 0) == 0 || errno == ENOENT) total -= artifact.size;
  }
}

/// Returns the key in the file if no other user could read or write it.
Result<std::optional<ArtifactCache::Key>> read_key(const std::filesystem::path& path) {
  const FileDescriptor file = open_file(AT_FDCWD, path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) {
    if (errno == ENOENT || errno == ELOOP) return std::nullopt;
    return std::unexpected(file_error(path, "open", errno));
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return std::unexpected(file_error(path, "stat", errno));
  const bool is_private =
      S_ISREG(status.st_mode) && status.st_uid == ::geteuid() && (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
  ArtifactCache::Key key{};
  if (!is_private || status.st_size != static_cast<off_t>(key.size())) return std::nullopt;
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
                fmt::format("invalid engine fingerprint '{}': expected 1 to {} of 0-9a-zA-Z._-", fingerprint,
                            kMaxFingerprint));
  }
  return fmt::format("{}-{}", hex_of(digest), fingerprint);
}

Result<std::optional<ArtifactCache::Key>> ArtifactCache::key() const { return read_key(key_path()); }

Result<ArtifactCache::Key> ArtifactCache::obtain_key() const {
  const std::filesystem::path path = key_path();
  TAIRITSU_RETURN_IF_ERROR(make_directories(directory_));
  // Another process may create the key at the same time: the file on disk decides.
  for (int attempt = 0; attempt < 3; ++attempt) {
    TAIRITSU_TRY(const auto existing, read_key(path));
    if (existing) return *existing;
    struct stat status{};
    if (::lstat(path.c_str(), &status) == 0) {
      if (status.st_uid != ::geteuid()) {
        return fail(ErrorCode::untrusted_file,
                    fmt::format("'{}' belongs to user {}, not to the current user {}: remove it",
                                path.string(), status.st_uid, ::geteuid()));
      }
      // Damaged, or readable by others: the artifacts that it sealed are compiled again.
      if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return std::unexpected(file_error(path, "remove", errno));
      }
    }
    Key created{};
    TAIRITSU_RETURN_IF_ERROR(fill_with_random_bytes(created));
    const std::filesystem::path temporary = unique_name(path.string() + std::string(kWritingPrefix));
    const FileDescriptor file =
        open_file(AT_FDCWD, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (!file) return std::unexpected(file_error(path, "create", errno));
    int reason = write_all(file.get(), created);
    if (reason == 0 && ::fsync(file.get()) != 0) reason = errno;
    // Not a rename, which would replace a key that another process has just created.
    if (reason == 0 && ::link(temporary.c_str(), path.c_str()) != 0 && errno != EEXIST) reason = errno;
    ::unlink(temporary.c_str());
    if (reason != 0) return std::unexpected(file_error(path, "write", reason));
  }
  return fail(ErrorCode::io, fmt::format("'{}': other processes keep replacing it", path.string()));
}

ArtifactCache::ArtifactCache(std::filesystem::path directory, Options options)
    : directory_(std::move(directory)), options_(options) {}

Result<ArtifactCache> ArtifactCache::open(std::filesystem::path directory, Options options) {
  if (directory.empty()) {
    return fail(ErrorCode::invalid_argument, "the path of the artifact cache is empty");
  }
  std::error_code error;
  directory = std::filesystem::absolute(directory, error).lexically_normal();
  if (error) return std::unexpected(file_error(directory, "resolve", error.value()));
  // With a trailing slash, a symbolic link would be followed.
  if (!directory.has_filename()) directory = directory.parent_path();
  TAIRITSU_RETURN_IF_ERROR(open_cache(directory));
  return ArtifactCache(std::move(directory), options);
}

Result<std::optional<std::filesystem::path>> ArtifactCache::find(std::string_view digest,
                                                                 std::string_view fingerprint) const {
  TAIRITSU_TRY(const std::string name, file_name(digest, fingerprint));
  TAIRITSU_TRY(const FileDescriptor directory, open_cache(directory_));
  if (!directory) return std::nullopt;
  std::filesystem::path path = directory_ / name;
  struct stat status{};
  if (::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return std::unexpected(file_error(path, "stat", errno));
  }
  TAIRITSU_RETURN_IF_ERROR(check_private(path, status));
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorCode::untrusted_file, fmt::format("'{}': not a regular file: remove it", path.string()));
  }
  if (seconds_since_written(status) > kUseResolutionSeconds) {
    const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = 0, .tv_nsec = UTIME_NOW}};
    // A failure does not matter: nothing is evicted from a directory that is not writable.
    static_cast<void>(::utimensat(directory.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW));
  }
  return path;
}

Result<std::filesystem::path> ArtifactCache::put(std::string_view digest, std::string_view fingerprint,
                                                 std::span<const std::byte> artifact) const {
  TAIRITSU_TRY(const std::string name, file_name(digest, fingerprint));
  TAIRITSU_RETURN_IF_ERROR(make_directories(directory_));
  TAIRITSU_TRY(const FileDescriptor directory, open_cache(directory_));
  if (!directory) return std::unexpected(file_error(directory_, "open directory", ENOENT));
  std::filesystem::path path = directory_ / name;

  const std::string temporary = unique_name(kWritingPrefix);
  const FileDescriptor file = open_file(directory.get(), temporary.c_str(),
                                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  if (!file) return std::unexpected(file_error(path, "create", errno));
  int reason = write_all(file.get(), artifact);
  // Without it, a system crash could leave the name with only a part of the bytes. The directory is not synced: a
  // lost artifact is compiled again.
  if (reason == 0 && ::fsync(file.get()) != 0) reason = errno;
  if (reason == 0 && ::renameat(directory.get(), temporary.c_str(), directory.get(), name.c_str()) != 0)
    reason = errno;
  if (reason != 0) {
    ::unlinkat(directory.get(), temporary.c_str(), 0);
    return std::unexpected(file_error(path, "write", reason));
  }
  // The new artifact is stored even if eviction fails.
  if (auto artifacts = list(directory, directory_))
    evict(directory, *std::move(artifacts), name, options_.max_bytes);
  return path;
}

Result<void> ArtifactCache::remove(std::string_view digest) const {
  if (!is_digest(digest)) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not a sha256 digest", digest));
  }
  TAIRITSU_TRY(const FileDescriptor directory, open_cache(directory_));
  if (!directory) return {};
  TAIRITSU_TRY(const auto artifacts, list(directory, directory_));
  for (const Artifact& artifact : artifacts) {
    if (!artifact.name.starts_with(hex_of(digest))) continue;
    if (::unlinkat(directory.get(), artifact.name.c_str(), 0) != 0 && errno != ENOENT) {
      return std::unexpected(file_error(directory_ / artifact.name, "remove", errno));
    }
  }
  return {};
}

Result<void> ArtifactCache::clear() const {
  TAIRITSU_TRY(const FileDescriptor directory, open_cache(directory_));
  if (!directory) return {};
  TAIRITSU_TRY(const auto artifacts, list(directory, directory_));
  for (const Artifact& artifact : artifacts) {
    if (::unlinkat(directory.get(), artifact.name.c_str(), 0) != 0 && errno != ENOENT) {
      return std::unexpected(file_error(directory_ / artifact.name, "remove", errno));
    }
  }
  return {};
}

Result<ArtifactCache::Usage> ArtifactCache::usage() const {
  Usage usage;
  TAIRITSU_TRY(const FileDescriptor directory, open_cache(directory_));
  if (!directory) return usage;
  TAIRITSU_TRY(const auto artifacts, list(directory, directory_));
  for (const Artifact& artifact : artifacts) usage.bytes += artifact.size;
  usage.artifacts = artifacts.size();
  return usage;
}

}  // namespace tairitsu::detail

/// Precompiled artifacts on disk, so that the second run of a component starts in milliseconds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tairitsu/error.h"

namespace tairitsu::detail {

struct ArtifactCacheOptions {
  /// Each `put` evicts the least recently used artifacts above this size. An artifact is three to four times as large
  /// as its component.
  std::uint64_t max_bytes = std::uint64_t{2} << 30U;
};

/// A private directory of artifacts. The key is the digest of the component and the fingerprint of the engine (1 to
/// 128 of `0-9a-zA-Z._-`).
///
/// Artifacts run as machine code. So the directory is created with access only for its owner, and a directory or
/// file that is a symbolic link, that another user owns, or that group or others may write is refused with
/// `untrusted_file`. Artifacts never come from a registry or an archive. The caller seals artifacts with the
/// cache's key before `put` and checks the seal after `find`.
///
/// A value that holds a path and no open file. Safe to use from any thread, and by several processes at once.
class ArtifactCache {
 public:
  using Options = ArtifactCacheOptions;
  using Key = std::array<std::byte, 32>;
  struct Usage {
    std::uint64_t artifacts = 0;
    std::uint64_t bytes = 0;
  };

  /// Opens a cache without creating anything: a missing directory is an empty cache. Fails with `untrusted_file`,
  /// with `invalid_argument` for an empty path, or with `io`.
  [[nodiscard]] static Result<ArtifactCache> open(std::filesystem::path directory, Options options = {});

  /// Returns the artifact's path, or nothing. Takes two lookups, however large the cache is. Records the use in the
  /// file's modification time, once in five minutes and if the directory is writable. Another process may evict the
  /// file before you open it: treat that as a miss. Fails with `untrusted_file`, `invalid_argument` (an invalid
  /// digest or fingerprint) or `io`.
  [[nodiscard]] Result<std::optional<std::filesystem::path>> find(std::string_view digest,
                                                                  std::string_view fingerprint) const;

  /// Stores an artifact, replacing an existing one, then evicts others down to `max_bytes`; the new one stays even
  /// if it is larger. The write is atomic. Fails as `find` does; a caller with the artifact in memory can continue
  /// without the cache.
  [[nodiscard]] Result<std::filesystem::path> put(std::string_view digest, std::string_view fingerprint,
                                                  std::span<const std::byte> artifact) const;

  /// Returns the key that seals artifacts: 32 random bytes in `DIRECTORY.key`, readable only by the owner. Returns
  /// nothing if the file is missing or its size, owner or mode is wrong. Fails with `io`.
  [[nodiscard]] Result<std::optional<Key>> key() const;
  /// Returns the key, and creates it if necessary. Fails with `io`, or with `untrusted_file` if another user owns the
  /// file.
  [[nodiscard]] Result<Key> obtain_key() const;

  /// Returns the name of an artifact's file. Fails with `invalid_argument` for an invalid digest or fingerprint.
  [[nodiscard]] static Result<std::string> file_name(std::string_view digest, std::string_view fingerprint);

  /// Removes a component's artifacts for all engines, if there are any.
  [[nodiscard]] Result<void> remove(std::string_view digest) const;
  /// Removes all artifacts except those that other processes are writing.
  [[nodiscard]] Result<void> clear() const;
  [[nodiscard]] Result<Usage> usage() const;

  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

 private:
  ArtifactCache(std::filesystem::path directory, Options options);
  [[nodiscard]] std::filesystem::path key_path() const { return directory_.string() + ".key"; }

  std::filesystem::path directory_;
  Options options_;
};

}  // namespace tairitsu::detail

/// Precompiled artifacts on disk: what makes the second run of a component start in milliseconds.
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
  /// After each `put` the least recently used artifacts go until no more than this is left. A component's
  /// artifact is three to four times its size.
  std::uint64_t max_bytes = std::uint64_t{2} << 30U;
};

/// A private folder of artifacts, each by the digest of its component and the fingerprint of the engine that
/// made it (1 to 128 of `0-9a-zA-Z._-`).
///
/// What lies here runs as machine code. So the folder is made for its owner alone, and one that another user
/// owns, that group or others may write, or that is a symbolic link, is refused with `untrusted_file`; so is
/// such a file in it. Nothing here ever comes from a registry or an archive. Whoever puts artifacts here seals them with
/// the cache's key, and checks the seal of those that it finds.
///
/// A value: it keeps a path and no descriptor. Safe from any thread, and with any number of processes at work
/// in the folder at once.
class ArtifactCache {
 public:
  using Options = ArtifactCacheOptions;
  using Key = std::array<std::byte, 32>;
  struct Usage {
    std::uint64_t artifacts = 0;
    std::uint64_t bytes = 0;
  };

  /// Looks at the folder and makes nothing: one that is not there is an empty cache. Fails with
  /// `untrusted_file`, with `invalid_argument` for an empty path, or with `io`.
  [[nodiscard]] static Result<ArtifactCache> open(std::filesystem::path folder, Options options = {});

  /// The artifact's path, or nothing where there is none. Two look-ups, whatever the cache holds; use is noted
  /// in the file's modification time, at most once in some minutes and where the folder can be written.
  /// Another process may evict the file before it is opened: that is a miss too. Fails with
  /// `untrusted_file`, `invalid_argument` (a digest or fingerprint that is none) or `io`.
  [[nodiscard]] Result<std::optional<std::filesystem::path>> find(std::string_view digest,
                                                                  std::string_view fingerprint) const;

  /// Keeps an artifact, in the place of one that is there, then evicts down to `max_bytes`; the one just put
  /// stays, whatever its size. Others see all of it or nothing. Fails as `find` does; a caller that has the
  /// artifact in memory may go on without the cache.
  [[nodiscard]] Result<std::filesystem::path> put(std::string_view digest, std::string_view fingerprint,
                                                  std::span<const std::byte> artifact) const;

  /// The key that artifacts are sealed with: 32 random bytes in `FOLDER.key`, for the owner alone. Nothing if there is
  /// none, or one that is not as it should be. Fails with `io`.
  [[nodiscard]] Result<std::optional<Key>> key() const;
  /// The same, made if there is none. Fails with `io`, or with `untrusted_file` if another user's file is in its place.
  [[nodiscard]] Result<Key> obtain_key() const;

  /// The name of an artifact's file. Fails with `invalid_argument` for a digest or fingerprint that is none.
  [[nodiscard]] static Result<std::string> file_name(std::string_view digest, std::string_view fingerprint);

  /// Removes a component's artifacts, of every fingerprint. None there is no failure.
  [[nodiscard]] Result<void> remove(std::string_view digest) const;
  /// Removes all artifacts. What another process is writing just now stays.
  [[nodiscard]] Result<void> clear() const;
  [[nodiscard]] Result<Usage> usage() const;

  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }

 private:
  ArtifactCache(std::filesystem::path folder, Options options);
  [[nodiscard]] std::filesystem::path key_path() const { return folder_.string() + ".key"; }

  std::filesystem::path folder_;
  Options options_;
};

}  // namespace tairitsu::detail

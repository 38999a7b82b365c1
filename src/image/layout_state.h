/// What reading and writing a layout share: the paths of its files, its index and its lock.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "image/descriptor.h"
#include "image/layout.h"

namespace tairitsu::detail {

inline constexpr const char* kLayoutFile = "oci-layout";
inline constexpr const char* kIndexFile = "index.json";
inline constexpr std::string_view kLayoutText = R"({"imageLayoutVersion":"1.0.0"})";
inline constexpr std::uint64_t kMaxIndexSize = std::uint64_t{32} << 20U;
inline constexpr const char* kBlobs = "blobs/sha256";
/// Our own files in the layout, which other tools ignore.
inline constexpr const char* kLock = ".tairitsu/lock";
inline constexpr const char* kWriting = ".tairitsu/tmp";
inline constexpr const char* kDamaged = ".tairitsu/damaged";
/// A file in each transaction's directory, locked while the transaction lives.
inline constexpr const char* kLiveness = "lock";

/// In milliseconds. The lock is held only for milliseconds: after a minute its holder must have been stopped.
inline constexpr int kLockTimeout = 60'000;

/// The modification time of our blobs, which distinguishes them from blobs of tools that take no lock. A file mode
/// would not, because such tools overwrite existing manifests.
inline constexpr timespec kBlobTime = {.tv_sec = 1, .tv_nsec = 0};

/// Returns a blob's path in the layout's directory. The digest must be valid.
[[nodiscard]] std::string blob_name(std::string_view digest);
[[nodiscard]] FileDescriptor open_directory(int directory, const char* name) noexcept;
/// Removes a directory of files, and ignores errors.
void remove_directory(int parent, const std::filesystem::path& path, const std::string& name);

/// Returns the digest and size of a file's content from its current position.
[[nodiscard]] Result<std::pair<std::string, std::uint64_t>> measure(const Sha256Factory& factory, int file,
                                                                    const std::filesystem::path& path);

/// Returns an index entry's name; empty if it has none. The entry owns it.
[[nodiscard]] std::string_view name_in(const Json& entry);
[[nodiscard]] bool has_digest(const Json& entry, std::string_view digest);
/// Returns the entry with another name, and keeps its other fields.
[[nodiscard]] Json with_name(Json entry, std::string_view name);

/// The immutable state that a layout's handles share.
class LayoutState {
 public:
  LayoutState(std::filesystem::path directory, Sha256Factory factory);

  /// Returns `index.json`, or an empty index if it does not exist. `manifests` is always an array.
  [[nodiscard]] Result<Json> read_index() const;
  /// Parses the entries of an index.
  [[nodiscard]] Result<std::vector<IndexEntry>> entries_of(const Json& index) const;
  /// Returns the digests of all content that the entries lead to. Reads manifests without verifying them.
  [[nodiscard]] Result<std::set<std::string>> reachable(int root,
                                                        const std::vector<IndexEntry>& entries) const;

  const std::filesystem::path path;
  const Sha256Factory sha256;

 private:
  class Marking;
};

/// The layout's directory with its lock, which protects changes of `index.json`, `blobs` and the set of transactions.
class LockedLayout {
 public:
  /// Acquires the lock and creates missing files of the layout. Fails with `io`, or with `in_use` after `timeout`
  /// milliseconds.
  [[nodiscard]] static Result<LockedLayout> acquire(const LayoutState& state, int timeout = kLockTimeout);

  [[nodiscard]] int root() const noexcept { return root_.get(); }
  /// Replaces `index.json` and syncs it.
  [[nodiscard]] Result<void> write_index(const LayoutState& state, const Json& index) const;
  /// Removes the leftovers of dead processes: while the lock is held, any file in the temporary directory, and any
  /// transaction that is not locked.
  [[nodiscard]] Result<void> remove_leftovers(const LayoutState& state) const;

 private:
  FileDescriptor root_;
  FileDescriptor lock_;
};

}  // namespace tairitsu::detail

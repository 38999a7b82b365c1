/// The parts of a layout that reading and writing share: where its files are, its index, its lock.
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
/// Ours alone; a layout may hold other files, and other tools leave them.
inline constexpr const char* kLock = ".tairitsu/lock";
inline constexpr const char* kWriting = ".tairitsu/tmp";
inline constexpr const char* kDamaged = ".tairitsu/damaged";
/// A transaction's own, in its folder. Its lock says that the transaction lives.
inline constexpr const char* kLiveness = "lock";

/// The lock is held for milliseconds: a minute means that its holder was stopped.
inline constexpr int kPatience = 60'000;

/// The modification time of blobs that we write. Content has no date; and so those of tools that take no lock,
/// which have one, are told from ours. Not by a mode: such tools overwrite manifests that are there.
inline constexpr timespec kBlobTime = {.tv_sec = 1, .tv_nsec = 0};

/// Where a blob is in the layout's folder. The digest was checked to be one.
[[nodiscard]] std::string blob_name(std::string_view digest);
[[nodiscard]] FileDescriptor open_directory(int folder, const char* name) noexcept;
/// Removes a folder of files, as far as that goes.
void remove_folder(int parent, const std::filesystem::path& path, const std::string& name);

/// The digest and size of what is in a file, from where it stands.
[[nodiscard]] Result<std::pair<std::string, std::uint64_t>> measure(const Sha256Factory& factory, int file,
                                                                    const std::filesystem::path& path);

/// The name that an entry of the index has; empty where it has none. A view into it.
[[nodiscard]] std::string_view name_in(const Json& entry);
[[nodiscard]] bool has_digest(const Json& entry, std::string_view digest);
/// The entry under another name; all else that a tool has written there stays.
[[nodiscard]] Json with_name(Json entry, std::string_view name);

/// What a layout's handles share; immutable.
class LayoutState {
 public:
  LayoutState(std::filesystem::path folder, Sha256Factory factory);

  /// `index.json` as it is, or an empty one where there is none. `manifests` is a list.
  [[nodiscard]] Result<Json> read_index() const;
  [[nodiscard]] Result<std::vector<IndexEntry>> entries_of(const Json& index) const;
  /// All that the entries lead to. Manifests are read without a look at their digests.
  [[nodiscard]] Result<std::set<std::string>> reachable(int root,
                                                        const std::vector<IndexEntry>& entries) const;

  const std::filesystem::path path;
  const Sha256Factory sha256;

 private:
  class Marking;
};

/// The layout's folder with its lock, which is for changes alone: of `index.json`, of what is in `blobs`, and
/// of which transactions there are.
class LockedLayout {
 public:
  /// Makes what is missing of the layout. Fails with `io`, or `in_use` after so many milliseconds.
  [[nodiscard]] static Result<LockedLayout> take(const LayoutState& state, int patience = kPatience);

  [[nodiscard]] int root() const noexcept { return root_.get(); }
  /// Lets it take the place of `index.json`, on the disk.
  [[nodiscard]] Result<void> write_index(const LayoutState& state, const Json& index) const;
  /// Removes what processes left that did not end well. The lock is held, so a file in the folder is nobody's,
  /// and a transaction whose own lock can be had is dead.
  [[nodiscard]] Result<void> remove_leftovers(const LayoutState& state) const;

 private:
  FileDescriptor root_;
  FileDescriptor lock_;
};

}  // namespace tairitsu::detail

#include "image/layout_state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "image/descriptor_json.h"

namespace tairitsu::detail {

namespace {

constexpr int kMaxStoredIndexDepth = 8;
constexpr mode_t kFileMode = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;

/// Replaces the file `name` atomically and durably.
Result<void> replace_file(int root, const std::filesystem::path& path, const char* name,
                          std::string_view text) {
  const std::string temporary = unique_name(std::string(kWriting) + "/file-");
  int reason = 0;
  {
    const FileDescriptor file =
        open_file(root, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kFileMode);
    if (!file) return std::unexpected(file_error(path / temporary, "create", errno));
    reason = write_all(file.get(), std::as_bytes(std::span(text)));
    if (reason == 0 && ::fsync(file.get()) != 0) reason = errno;
  }
  if (reason == 0 && ::renameat(root, temporary.c_str(), root, name) != 0) reason = errno;
  if (reason != 0) {
    ::unlinkat(root, temporary.c_str(), 0);
    return std::unexpected(file_error(path / name, "write", reason));
  }
  return sync_directory(root, path);
}

/// Whether the name has a registry, as containerd requires: `ghcr.io/foo/bar:1`.
bool is_full_reference(std::string_view name) {
  const std::size_t slash = name.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view host = name.substr(0, slash);
  return host == "localhost" || host.find_first_of(".:") != std::string_view::npos;
}

}  // namespace

std::string blob_name(std::string_view digest) {
  std::string name = "blobs/";
  name += digest;
  std::ranges::replace(name, ':', '/');
  return name;
}

FileDescriptor open_directory(int directory, const char* name) noexcept {
  return open_file(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

void remove_directory(int parent, const std::filesystem::path& path, const std::string& name) {
  if (const FileDescriptor directory = open_directory(parent, name.c_str())) {
    const auto listed =
        for_each_entry(directory.get(), path, [&](const std::string& file, const struct stat&) {
          ::unlinkat(directory.get(), file.c_str(), 0);
          return true;
        });
    if (!listed) return;
  }
  ::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
}

Result<std::pair<std::string, std::uint64_t>> measure(const Sha256Factory& factory, int file,
                                                      const std::filesystem::path& path) {
  const std::unique_ptr<Sha256> sha256 = factory();
  std::vector<std::byte> buffer(std::size_t{256} << 10U);
  std::uint64_t size = 0;
  for (;;) {
    TAIRITSU_TRY(const std::size_t count, read_some(file, buffer, path));
    if (count == 0) return std::pair(finish_digest(*sha256), size);
    sha256->update(std::span(buffer).first(count));
    size += count;
  }
}

std::string_view name_in(const Json& entry) {
  const auto annotations = entry.find("annotations");
  if (annotations == entry.end() || !annotations->is_object()) return {};
  const auto name = annotations->find(kRefNameAnnotation);
  if (name == annotations->end() || !name->is_string()) return {};
  return name->get_ref<const std::string&>();
}

bool has_digest(const Json& entry, std::string_view digest) {
  const auto found = entry.find("digest");
  return found != entry.end() && found->is_string() && found->get_ref<const std::string&>() == digest;
}

Json with_name(Json entry, std::string_view name) {
  Json& annotations = entry["annotations"];
  if (!annotations.is_object()) annotations = Json::object();
  annotations.erase(std::string(kRefNameAnnotation));
  annotations.erase(std::string(kContainerdNameAnnotation));
  if (!name.empty()) annotations[std::string(kRefNameAnnotation)] = name;
  if (is_full_reference(name)) annotations[std::string(kContainerdNameAnnotation)] = name;
  if (annotations.empty()) entry.erase("annotations");
  return entry;
}

// ---- LayoutState

LayoutState::LayoutState(std::filesystem::path directory, Sha256Factory factory)
    : path(std::move(directory)), sha256(std::move(factory)) {}

Result<Json> LayoutState::read_index() const {
  const std::filesystem::path file = path / kIndexFile;
  TAIRITSU_TRY(const auto bytes, read_file(AT_FDCWD, file.c_str(), kMaxIndexSize, file));
  if (!bytes) {
    return Json{{"schemaVersion", 2}, {"mediaType", kIndexMediaType}, {"manifests", Json::array()}};
  }
  TAIRITSU_TRY(Json index, parse_json_object(*bytes, "'" + file.string() + "'"));
  // An index without the array is damaged, not empty: its blobs may be needed.
  const Json& manifests = index["manifests"];
  if (!manifests.is_array()) {
    return fail(ErrorCode::invalid_manifest, fmt::format("'{}': 'manifests' is not a list", file.string()));
  }
  return index;
}

Result<std::vector<IndexEntry>> LayoutState::entries_of(const Json& index) const {
  std::vector<IndexEntry> entries;
  const Json& manifests = index.at("manifests");
  entries.reserve(manifests.size());
  for (std::size_t i = 0; i < manifests.size(); ++i) {
    const std::string what = fmt::format("'{}': manifests[{}]", (path / kIndexFile).string(), i);
    TAIRITSU_TRY(Descriptor descriptor, parse_descriptor(manifests[i], what));
    std::string name(name_in(manifests[i]));
    entries.push_back({std::move(descriptor), std::move(name)});
  }
  return entries;
}

class LayoutState::Marking {
 public:
  Marking(const LayoutState& state, int root) : state_(state), root_(root) {}

  Result<void> mark(const Descriptor& descriptor, int depth) {
    marked.insert(descriptor.digest);
    // Another descriptor may give the same content another media type.
    if (!has_children(descriptor.media_type) || !expanded_.insert(descriptor.digest).second) return {};
    const std::string what = "manifest " + descriptor.digest;
    if (depth > kMaxStoredIndexDepth) {
      return fail(ErrorCode::invalid_manifest,
                  fmt::format("{}: indexes nested more than {} levels deep", what, kMaxStoredIndexDepth));
    }
    const std::string name = blob_name(descriptor.digest);
    TAIRITSU_TRY(const auto bytes, read_file(root_, name.c_str(), kMaxManifestSize, state_.path / name));
    // A missing manifest leads to nothing: pulling it again brings its blobs as well.
    if (!bytes) return {};
    TAIRITSU_TRY(const Json manifest, parse_json_object(*bytes, what));
    TAIRITSU_TRY(const auto children, children_of(manifest, what));
    for (const Descriptor& child : children) TAIRITSU_RETURN_IF_ERROR(mark(child, depth + 1));
    return {};
  }

  std::set<std::string> marked;

 private:
  const LayoutState& state_;
  int root_;
  std::set<std::string> expanded_;
};

Result<std::set<std::string>> LayoutState::reachable(int root, const std::vector<IndexEntry>& entries) const {
  Marking marking(*this, root);
  for (const IndexEntry& entry : entries) {
    if (auto marked = marking.mark(entry.descriptor, 0); !marked) {
      return std::unexpected(marked.error().with_context(
          entry.name.empty() ? "unnamed image" : fmt::format("image '{}'", printable(entry.name))));
    }
  }
  return std::move(marking.marked);
}

// ---- LockedLayout

namespace {

/// Creates one of the layout's directories, and refuses a symbolic link or another user's directory, which would let
/// others choose what is written or removed.
Result<void> create_own_directory(const LayoutState& state, int root, const char* name) {
  if (::mkdirat(root, name, S_IRWXU) != 0 && errno != EEXIST) {
    return std::unexpected(file_error(state.path / name, "create directory", errno));
  }
  struct stat status{};
  if (::fstatat(root, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return std::unexpected(file_error(state.path / name, "stat directory", errno));
  }
  if (S_ISDIR(status.st_mode) && is_trusted_owner(status)) return {};
  return fail(ErrorCode::untrusted_file, fmt::format("'{}' is not a directory owned by user {}: remove it",
                                                     (state.path / name).string(), ::geteuid()));
}

Result<bool> has_blobs(const LayoutState& state, int root) {
  const FileDescriptor blobs = open_directory(root, kBlobs);
  if (!blobs) return std::unexpected(file_error(state.path / kBlobs, "open directory", errno));
  bool found = false;
  TAIRITSU_RETURN_IF_ERROR(
      for_each_entry(blobs.get(), state.path / kBlobs, [&](const std::string&, const struct stat&) {
        found = true;
        return false;
      }));
  return found;
}

}  // namespace

Result<LockedLayout> LockedLayout::acquire(const LayoutState& state, int timeout) {
  TAIRITSU_RETURN_IF_ERROR(make_directories(state.path));
  LockedLayout locked;
  TAIRITSU_TRY(locked.root_, open_trusted_directory(state.path));
  if (!locked.root_) return std::unexpected(file_error(state.path, "open directory", ENOENT));
  const int root = locked.root();
  struct stat status{};
  if (::fstat(root, &status) != 0) return std::unexpected(file_error(state.path, "stat directory", errno));
  if (!is_trusted_owner(status)) {
    return fail(ErrorCode::untrusted_file, fmt::format("'{}' belongs to user {}, not to the current user {}: "
                                                       "run as that user, or use a directory of your "
                                                       "own",
                                                       state.path.string(), status.st_uid, ::geteuid()));
  }
  for (const char* name : {".tairitsu", kWriting, kDamaged, "blobs", kBlobs}) {
    TAIRITSU_RETURN_IF_ERROR(create_own_directory(state, root, name));
  }
  locked.lock_ = open_file(root, kLock, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, S_IRUSR | S_IWUSR);
  if (!locked.lock_ && errno == ELOOP) {
    return fail(ErrorCode::untrusted_file,
                fmt::format("'{}' is a symbolic link: remove it", (state.path / kLock).string()));
  }
  if (!locked.lock_) return std::unexpected(file_error(state.path / kLock, "open", errno));
  TAIRITSU_TRY(const bool taken, lock_file(locked.lock_.get(), timeout, state.path / kLock));
  if (!taken) {
    return fail(ErrorCode::in_use, fmt::format("'{}': locked by another process for {} seconds",
                                               (state.path / kLock).string(), timeout / 1000));
  }
  if (::faccessat(root, kLayoutFile, F_OK, 0) != 0) {
    TAIRITSU_RETURN_IF_ERROR(replace_file(root, state.path, kLayoutFile, kLayoutText));
  }
  if (::faccessat(root, kIndexFile, F_OK, 0) != 0) {
    // It is unknown which blobs are needed, and with an empty index all of them would be garbage.
    TAIRITSU_TRY(const bool found, has_blobs(state, root));
    if (found) {
      return fail(
          ErrorCode::invalid_manifest,
          fmt::format("'{}' is missing, but there are blobs: restore it, or remove '{}' to start over",
                      (state.path / kIndexFile).string(), state.path.string()));
    }
    TAIRITSU_TRY(const Json index, state.read_index());
    TAIRITSU_RETURN_IF_ERROR(locked.write_index(state, index));
  }
  return locked;
}

Result<void> LockedLayout::write_index(const LayoutState& state, const Json& index) const {
  TAIRITSU_TRY(const std::string text, to_json_text(index, kIndexFile));
  // `read_index` would refuse a larger one.
  if (text.size() > kMaxIndexSize) {
    return fail(ErrorCode::size_limit,
                fmt::format("'{}' is too large: {} bytes; the limit is {}",
                            (state.path / kIndexFile).string(), text.size(), kMaxIndexSize));
  }
  return replace_file(root(), state.path, kIndexFile, text);
}

Result<void> LockedLayout::remove_leftovers(const LayoutState& state) const {
  const std::filesystem::path path = state.path / kWriting;
  const FileDescriptor writing = open_directory(root(), kWriting);
  if (!writing) return std::unexpected(file_error(path, "open directory", errno));
  return for_each_entry(writing.get(), path, [&](const std::string& name, const struct stat& status) {
    if (!S_ISDIR(status.st_mode)) {
      ::unlinkat(writing.get(), name.c_str(), 0);
      return true;
    }
    const FileDescriptor directory = open_directory(writing.get(), name.c_str());
    if (!directory) return true;
    const FileDescriptor liveness = open_file(directory.get(), kLiveness, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    // A symbolic link is not a lock of a transaction.
    if (!liveness && errno != ENOENT && errno != ELOOP) return true;
    if (liveness && ::flock(liveness.get(), LOCK_EX | LOCK_NB) != 0) return true;
    remove_directory(writing.get(), path / name, name);
    return true;
  });
}

}  // namespace tairitsu::detail

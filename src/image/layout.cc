#include "image/layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "image/layout_state.h"

namespace tairitsu::detail {

namespace {

/// Our blobs have the time `kBlobTime`. A more recent one comes from a tool that does not take our lock, and whose
/// next `index.json` may refer to it.
constexpr std::int64_t kForeignBlobSeconds = 3600;

bool is_blob_name(std::string_view name) { return name.size() == kDigestHexSize && is_lower_hex(name); }

/// Counts the blobs, and calls `unused` for each that no entry leads to.
Result<LayoutUsage> scan_blobs(
    const LayoutState& state, int root, const std::set<std::string>& reachable,
    const std::function<Result<void>(int, const std::string&, std::uint64_t)>& unused) {
  LayoutUsage usage;
  const FileDescriptor blobs = open_directory(root, kBlobs);
  const std::filesystem::path path = state.path / kBlobs;
  if (!blobs) {
    if (errno == ENOENT) return usage;
    return std::unexpected(file_error(path, "open directory", errno));
  }
  Result<void> outcome;
  TAIRITSU_RETURN_IF_ERROR(
      for_each_entry(blobs.get(), path, [&](const std::string& name, const struct stat& status) {
        if (!is_blob_name(name) || !S_ISREG(status.st_mode)) return true;
        const auto size = static_cast<std::uint64_t>(status.st_size);
        ++usage.blobs;
        usage.blob_bytes += size;
        if (reachable.contains(std::string(kDigestPrefix) + name)) return true;
        if (seconds_since_written(status) < kForeignBlobSeconds) return true;
        ++usage.unused_blobs;
        usage.unused_bytes += size;
        outcome = unused(blobs.get(), name, size);
        return outcome.has_value();
      }));
  TAIRITSU_RETURN_IF_ERROR(std::move(outcome));
  return usage;
}

}  // namespace

ImageLayout::ImageLayout(std::shared_ptr<const LayoutState> state) : state_(std::move(state)) {}

const std::filesystem::path& ImageLayout::directory() const noexcept { return state_->path; }
const Sha256Factory& ImageLayout::sha256() const noexcept { return state_->sha256; }

Result<ImageLayout> ImageLayout::open(const std::filesystem::path& directory, Sha256Factory sha256) {
  if (directory.empty()) return fail(ErrorCode::invalid_argument, "the path of the image layout is empty");
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(directory, error).lexically_normal();
  if (error) return std::unexpected(file_error(directory, "resolve", error.value()));

  const std::filesystem::path layout = path / kLayoutFile;
  TAIRITSU_TRY(const auto bytes, read_file(AT_FDCWD, layout.c_str(), kMaxManifestSize, layout));
  if (bytes) {
    const std::string what = "'" + layout.string() + "'";
    TAIRITSU_TRY(const Json json, parse_json_object(*bytes, what));
    TAIRITSU_TRY(const std::string version, string_member(json, "imageLayoutVersion", what, true));
    if (!version.starts_with("1.")) {
      return fail(
          ErrorCode::invalid_manifest,
          fmt::format("{}: unsupported image layout version '{}', expected 1.0.0", what, printable(version)));
    }
  } else if (std::filesystem::exists(path / kIndexFile, error)) {
    return fail(
        ErrorCode::invalid_manifest,
        fmt::format("'{}' is not an OCI image layout: it has index.json but no oci-layout", path.string()));
  }
  return ImageLayout(std::make_shared<const LayoutState>(std::move(path), std::move(sha256)));
}

Result<std::vector<IndexEntry>> ImageLayout::entries() const {
  TAIRITSU_TRY(const Json index, state_->read_index());
  return state_->entries_of(index);
}

bool ImageLayout::contains(std::string_view digest) const {
  return is_digest(digest) && ::access((state_->path / blob_name(digest)).c_str(), R_OK) == 0;
}

namespace {

enum class Damage { moved_away, left, none };

/// Moves a damaged blob away unless it is good by now: another process replaced it, or a tool that takes no lock was
/// writing it.
Damage move_away(const LayoutState& state, int file, std::string_view digest) {
  const auto locked = LockedLayout::acquire(state, 1000);
  struct stat opened{};
  struct stat current{};
  if (!locked || ::fstat(file, &opened) != 0 ||
      ::fstatat(locked->root(), blob_name(digest).c_str(), &current, AT_SYMLINK_NOFOLLOW) != 0) {
    return Damage::left;
  }
  if (opened.st_ino != current.st_ino || opened.st_dev != current.st_dev) return Damage::none;
  if (::lseek(file, 0, SEEK_SET) != 0) return Damage::left;
  const auto again = measure(state.sha256, file, state.path / blob_name(digest));
  if (again && again->first == digest) return Damage::none;
  const std::string to = std::string(kDamaged) + "/" + std::string(hex_of(digest));
  return ::renameat(locked->root(), blob_name(digest).c_str(), locked->root(), to.c_str()) == 0
             ? Damage::moved_away
             : Damage::left;
}

}  // namespace

Result<std::vector<std::byte>> ImageLayout::read(const Descriptor& descriptor, std::uint64_t max_size) const {
  return read(descriptor, max_size, 2);
}

Result<std::vector<std::byte>> ImageLayout::read(const Descriptor& descriptor, std::uint64_t max_size,
                                                 int retries) const {
  const std::string& digest = descriptor.digest;
  if (!is_digest(digest)) {
    return fail(ErrorCode::invalid_manifest,
                fmt::format("unsupported digest '{}': only sha256 is supported", printable(digest)));
  }
  if (descriptor.size > max_size) {
    return fail(ErrorCode::invalid_manifest, fmt::format("blob {} is too large: {} bytes; the limit is {}",
                                                         digest, descriptor.size, max_size));
  }
  const std::filesystem::path path = state_->path / blob_name(digest);
  const FileDescriptor file = open_file(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK);
  if (!file) {
    if (errno != ENOENT) return std::unexpected(file_error(path, "open", errno));
    return fail(ErrorCode::not_found, fmt::format("blob {} is missing: pull or add the image again", digest));
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return std::unexpected(file_error(path, "stat", errno));
  if (!S_ISREG(status.st_mode))
    return fail(ErrorCode::io, fmt::format("'{}': not a regular file", path.string()));

  std::vector<std::byte> bytes;
  std::string actual;
  if (static_cast<std::uint64_t>(status.st_size) == descriptor.size) {
    bytes.resize(descriptor.size);
    TAIRITSU_TRY(const std::size_t filled, read_fully(file.get(), bytes, path));
    bytes.resize(filled);
    actual = digest_of(state_->sha256, bytes);
    if (actual == digest) return bytes;
  } else {
    TAIRITSU_TRY(auto measured, measure(state_->sha256, file.get(), path));
    actual = std::move(measured.first);
    if (actual == digest) {
      return fail(ErrorCode::digest_mismatch, fmt::format("blob {} has {} bytes, but its descriptor says {}",
                                                          digest, measured.second, descriptor.size));
    }
  }
  const Damage damage = move_away(*state_, file.get(), digest);
  if (damage == Damage::none && retries != 0) return read(descriptor, max_size, retries - 1);
  return fail(ErrorCode::digest_mismatch,
              fmt::format("blob {} is damaged: its content has digest {}; {}pull or add the image again",
                          digest, actual, damage == Damage::moved_away ? "it was moved away; " : ""));
}

Result<void> ImageLayout::add_name(std::string_view digest, std::string_view name) const {
  TAIRITSU_TRY(const LockedLayout locked, LockedLayout::acquire(*state_));
  TAIRITSU_TRY(Json index, state_->read_index());
  TAIRITSU_RETURN_IF_ERROR(state_->entries_of(index));
  Json& manifests = index["manifests"];
  const auto found =
      std::ranges::find_if(manifests, [&](const Json& entry) { return has_digest(entry, digest); });
  if (found == manifests.end()) {
    return fail(ErrorCode::not_found, fmt::format("no image {}", digest));
  }
  Json added = with_name(*found, name);
  Json kept = Json::array();
  for (Json& entry : manifests) {
    if (name_in(entry) != name) {
      kept.push_back(std::move(entry));
    } else if (has_digest(entry, digest)) {
      return {};
    }
  }
  kept.push_back(std::move(added));
  manifests = std::move(kept);
  return locked.write_index(*state_, index);
}

Result<std::size_t> ImageLayout::remove_entries(const std::function<bool(const IndexEntry&)>& chosen) const {
  TAIRITSU_TRY(const LockedLayout locked, LockedLayout::acquire(*state_));
  TAIRITSU_TRY(Json index, state_->read_index());
  TAIRITSU_TRY(const auto entries, state_->entries_of(index));
  Json kept = Json::array();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!chosen(entries[i])) kept.push_back(std::move(index["manifests"][i]));
  }
  const std::size_t removed = entries.size() - kept.size();
  if (removed == 0) return removed;
  index["manifests"] = std::move(kept);
  TAIRITSU_RETURN_IF_ERROR(locked.write_index(*state_, index));
  return removed;
}

Result<Garbage> ImageLayout::collect_garbage() const {
  Garbage garbage;
  if (struct stat status{}; ::stat(state_->path.c_str(), &status) != 0 && errno == ENOENT) return garbage;
  TAIRITSU_TRY(const LockedLayout locked, LockedLayout::acquire(*state_));
  const int root = locked.root();
  TAIRITSU_RETURN_IF_ERROR(locked.remove_leftovers(*state_));
  if (const FileDescriptor damaged = open_directory(root, kDamaged)) {
    TAIRITSU_RETURN_IF_ERROR(for_each_entry(damaged.get(), state_->path / kDamaged,
                                            [&](const std::string& name, const struct stat& status) {
                                              if (::unlinkat(damaged.get(), name.c_str(), 0) == 0) {
                                                garbage.bytes += static_cast<std::uint64_t>(status.st_size);
                                              }
                                              return true;
                                            }));
  }
  TAIRITSU_TRY(const Json index, state_->read_index());
  TAIRITSU_TRY(const auto entries, state_->entries_of(index));
  TAIRITSU_TRY(const auto reachable, state_->reachable(root, entries));
  // A process that has a blob open keeps its bytes: only the name is removed.
  TAIRITSU_RETURN_IF_ERROR(scan_blobs(
      *state_, root, reachable, [&](int blobs, const std::string& name, std::uint64_t size) -> Result<void> {
        if (::unlinkat(blobs, name.c_str(), 0) != 0) {
          return std::unexpected(file_error(state_->path / kBlobs / name, "remove", errno));
        }
        garbage.digests.push_back(std::string(kDigestPrefix) + name);
        garbage.bytes += size;
        return {};
      }));
  return garbage;
}

Result<LayoutUsage> ImageLayout::usage() const {
  LayoutUsage usage;
  TAIRITSU_TRY(const FileDescriptor root, open_trusted_directory(state_->path));
  if (!root) return usage;
  TAIRITSU_TRY(const auto entries, this->entries());
  TAIRITSU_TRY(const auto reachable, state_->reachable(root.get(), entries));
  TAIRITSU_TRY(usage, scan_blobs(*state_, root.get(), reachable,
                                 [](int, const std::string&, std::uint64_t) { return Result<void>(); }));
  const FileDescriptor writing = open_directory(root.get(), kWriting);
  if (!writing) return usage;
  const std::filesystem::path path = state_->path / kWriting;
  const auto add = [&](const std::string&, const struct stat& blob) {
    // A file with a second name is a blob of the layout, and already counted.
    if (blob.st_nlink == 1) usage.writing_bytes += static_cast<std::uint64_t>(blob.st_size);
    return true;
  };
  TAIRITSU_RETURN_IF_ERROR(
      for_each_entry(writing.get(), path, [&](const std::string& name, const struct stat& status) {
        const FileDescriptor directory =
            S_ISDIR(status.st_mode) ? open_directory(writing.get(), name.c_str()) : FileDescriptor();
        // A transaction may end during the scan: count what was seen.
        return !directory || for_each_entry(directory.get(), path / name, add).has_value();
      }));
  return usage;
}

}  // namespace tairitsu::detail

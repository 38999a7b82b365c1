#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"
#include "image/descriptor_json.h"
#include "image/layout_state.h"

namespace tairitsu::detail {

namespace {

constexpr mode_t kBlobMode = S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;

}  // namespace

class TransactionState {
 public:
  TransactionState(std::shared_ptr<const LayoutState> layout_state, std::string directory_name)
      : layout(std::move(layout_state)), name(std::move(directory_name)), path(layout->path / name) {}
  TransactionState(const TransactionState&) = delete;
  TransactionState& operator=(const TransactionState&) = delete;
  ~TransactionState() {
    if (directory) remove_directory(AT_FDCWD, path, path.string());
  }

  void add(const std::string& digest) {
    const std::scoped_lock lock(mutex);
    digests.insert(digest);
  }
  [[nodiscard]] bool has(const std::string& digest) const {
    const std::scoped_lock lock(mutex);
    return digests.contains(digest);
  }

  const std::shared_ptr<const LayoutState> layout;
  const std::string name;  // Relative to the layout's directory.
  const std::filesystem::path path;
  FileDescriptor directory;
  FileDescriptor liveness;
  mutable std::mutex mutex;
  std::set<std::string> digests;
};

class LayoutBlobWriter::State {
 public:
  State(std::shared_ptr<TransactionState> transaction_state, std::uint64_t size)
      : transaction(std::move(transaction_state)),
        name(unique_name("blob-")),
        max_size(size),
        sha256(transaction->layout->sha256()) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (file) ::unlinkat(transaction->directory.get(), name.c_str(), 0);
  }
  [[nodiscard]] std::filesystem::path path() const { return transaction->path / name; }
  /// Syncs the file and renames it to its digest.
  Result<void> store(const std::string& digest) {
    const int directory = transaction->directory.get();
    const timespec times[2] = {kBlobTime, kBlobTime};
    if (::fchmod(file.get(), kBlobMode) != 0 || ::futimens(file.get(), times) != 0 ||
        ::fsync(file.get()) != 0 ||
        ::renameat(directory, name.c_str(), directory, std::string(hex_of(digest)).c_str()) != 0) {
      return std::unexpected(file_error(path(), "write", errno));
    }
    file = FileDescriptor();
    transaction->add(digest);
    return {};
  }

  const std::shared_ptr<TransactionState> transaction;
  const std::string name;
  const std::uint64_t max_size;
  const std::unique_ptr<Sha256> sha256;
  FileDescriptor file;
  std::uint64_t written = 0;
};

LayoutBlobWriter::LayoutBlobWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
LayoutBlobWriter::LayoutBlobWriter(LayoutBlobWriter&&) noexcept = default;
LayoutBlobWriter& LayoutBlobWriter::operator=(LayoutBlobWriter&&) noexcept = default;
LayoutBlobWriter::~LayoutBlobWriter() = default;

Result<void> LayoutBlobWriter::write(std::span<const std::byte> bytes) {
  if (!state_ || !state_->file) return fail(ErrorCode::invalid_argument, "the blob is already finished");
  if (bytes.size() > state_->max_size - state_->written) {
    return fail(ErrorCode::digest_mismatch,
                fmt::format("the blob is larger than the expected {} bytes", state_->max_size));
  }
  if (const int reason = write_all(state_->file.get(), bytes); reason != 0) {
    // The file may have a part of the bytes, and so differ from what was hashed: discard the blob.
    const std::unique_ptr<State> broken = std::move(state_);
    return std::unexpected(file_error(broken->path(), "write", reason));
  }
  state_->sha256->update(bytes);
  state_->written += bytes.size();
  return {};
}

std::uint64_t LayoutBlobWriter::written() const noexcept { return state_ ? state_->written : 0; }

Result<void> LayoutBlobWriter::commit(std::string_view digest, std::uint64_t size) {
  if (!state_) return fail(ErrorCode::invalid_argument, "the blob is already finished");
  const std::unique_ptr<State> state = std::move(state_);
  if (state->written != size) {
    return fail(ErrorCode::digest_mismatch,
                fmt::format("blob {} has {} bytes, expected {}", printable(digest), state->written, size));
  }
  const std::string actual = finish_digest(*state->sha256);
  if (actual != digest) {
    return fail(ErrorCode::digest_mismatch, fmt::format("blob {} has digest {}", printable(digest), actual));
  }
  return state->store(actual);
}

Result<std::string> LayoutBlobWriter::finish() {
  if (!state_) return fail(ErrorCode::invalid_argument, "the blob is already finished");
  const std::unique_ptr<State> state = std::move(state_);
  std::string digest = finish_digest(*state->sha256);
  TAIRITSU_RETURN_IF_ERROR(state->store(digest));
  return digest;
}

LayoutTransaction::LayoutTransaction(std::shared_ptr<TransactionState> state) : state_(std::move(state)) {}
LayoutTransaction::LayoutTransaction(LayoutTransaction&&) noexcept = default;
LayoutTransaction& LayoutTransaction::operator=(LayoutTransaction&&) noexcept = default;
LayoutTransaction::~LayoutTransaction() = default;

Result<LayoutBlobWriter> LayoutTransaction::writer(std::uint64_t max_size) {
  auto state = std::make_unique<LayoutBlobWriter::State>(state_, max_size);
  state->file = open_file(state_->directory.get(), state->name.c_str(),
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  if (!state->file) return std::unexpected(file_error(state->path(), "create", errno));
  return LayoutBlobWriter(std::move(state));
}

Result<std::string> LayoutTransaction::add(std::span<const std::byte> bytes) {
  TAIRITSU_TRY(LayoutBlobWriter blob, writer(bytes.size()));
  TAIRITSU_RETURN_IF_ERROR(blob.write(bytes));
  return blob.finish();
}

Result<bool> LayoutTransaction::reuse(std::string_view digest, std::uint64_t size) {
  if (!is_digest(digest)) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not a sha256 digest", printable(digest)));
  }
  const std::string key(digest);
  if (state_->has(key)) return true;
  const std::filesystem::path blob = state_->layout->path / blob_name(digest);
  // It gets its final name only after it was verified.
  const std::string temporary = unique_name("blob-");
  const std::string name(hex_of(digest));
  const int directory = state_->directory.get();
  if (::linkat(AT_FDCWD, blob.c_str(), directory, temporary.c_str(), 0) != 0) {
    // Missing, or a file system without hard links: the caller writes it again.
    return false;
  }
  // The flags keep it from following a link or blocking on a pipe that another program put there.
  const FileDescriptor file = open_file(directory, temporary.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const auto measured = file ? measure(state_->layout->sha256, file.get(), blob)
                             : Result<std::pair<std::string, std::uint64_t>>();
  if (!measured || measured->first != digest || measured->second != size ||
      ::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0) {
    ::unlinkat(directory, temporary.c_str(), 0);
    if (!measured) return std::unexpected(measured.error());
    return false;
  }
  state_->add(key);
  return true;
}

Result<std::vector<std::byte>> LayoutTransaction::read(const Descriptor& descriptor,
                                                       std::uint64_t max_size) const {
  if (!state_->has(descriptor.digest)) return ImageLayout(state_->layout).read(descriptor, max_size);
  if (descriptor.size > max_size) {
    return fail(ErrorCode::invalid_manifest, fmt::format("blob {} is too large: {} bytes; the limit is {}",
                                                         descriptor.digest, descriptor.size, max_size));
  }
  // The content was verified when it was added; only the descriptor's size remains to be checked.
  const std::string name(hex_of(descriptor.digest));
  TAIRITSU_TRY(auto bytes, read_file(state_->directory.get(), name.c_str(), max_size, state_->path / name));
  if (!bytes) return std::unexpected(file_error(state_->path / name, "open", ENOENT));
  if (bytes->size() != descriptor.size) {
    return fail(ErrorCode::digest_mismatch, fmt::format("blob {} has {} bytes, but its descriptor says {}",
                                                        descriptor.digest, bytes->size(), descriptor.size));
  }
  return *std::move(bytes);
}

void LayoutTransaction::retain(const std::set<std::string>& digests) {
  const std::scoped_lock lock(state_->mutex);
  std::erase_if(state_->digests, [&](const std::string& digest) {
    if (digests.contains(digest)) return false;
    ::unlinkat(state_->directory.get(), std::string(hex_of(digest)).c_str(), 0);
    return true;
  });
}

namespace {

/// Checks that every blob that the manifest refers to is in the transaction or the layout. Garbage collection takes
/// the same lock, so they stay until the index leads to them.
Result<void> check_complete(const TransactionState& state, int root, const Descriptor& manifest) {
  const LayoutState& layout = *state.layout;
  if (!is_digest(manifest.digest)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is not a sha256 digest", printable(manifest.digest)));
  }
  const auto require = [&](const std::string& digest) -> Result<void> {
    if (state.has(digest) || ::faccessat(root, blob_name(digest).c_str(), R_OK, 0) == 0) return {};
    return fail(ErrorCode::not_found,
                fmt::format("manifest {}: blob {} is missing", manifest.digest, digest));
  };
  TAIRITSU_RETURN_IF_ERROR(require(manifest.digest));
  const std::string manifest_name = state.has(manifest.digest)
                                        ? state.name + "/" + std::string(hex_of(manifest.digest))
                                        : blob_name(manifest.digest);
  TAIRITSU_TRY(const auto bytes,
               read_file(root, manifest_name.c_str(), kMaxManifestSize, layout.path / manifest_name));
  if (!bytes) return std::unexpected(file_error(layout.path / manifest_name, "open", ENOENT));
  const std::string what = "manifest " + manifest.digest;
  if (bytes->size() != manifest.size) {
    return fail(ErrorCode::digest_mismatch,
                fmt::format("{} has {} bytes, expected {}", what, bytes->size(), manifest.size));
  }
  TAIRITSU_TRY(const Json json, parse_json_object(*bytes, what));
  TAIRITSU_TRY(const auto children, children_of(json, what));
  const Json* subject = member(json, "subject");
  for (const Descriptor& child : children) {
    // A manifest's subject may be missing.
    if (subject != nullptr && has_digest(*subject, child.digest)) continue;
    TAIRITSU_RETURN_IF_ERROR(require(child.digest));
  }
  return {};
}

/// Adds images to the entries of an index.
Json with_images(Json manifests, std::span<const LayoutImage> images) {
  struct Wanted {
    const Descriptor* manifest;
    bool listed = false;
  };
  std::map<std::string_view, Wanted> names;
  std::map<std::string_view, Wanted> unnamed;
  for (const LayoutImage& image : images) {
    for (const std::string& name : image.names)
      names.insert_or_assign(name, Wanted{.manifest = &image.manifest});
  }
  for (const LayoutImage& image : images) {
    // Lists an image unnamed as well if all of its names went to other images of this commit.
    const bool named = std::ranges::any_of(image.names, [&](const std::string& name) {
      return names.at(name).manifest->digest == image.manifest.digest;
    });
    if (!named) unnamed.insert_or_assign(image.manifest.digest, Wanted{.manifest = &image.manifest});
  }
  Json kept = Json::array();
  for (Json& entry : manifests) {
    if (const auto wanted = names.find(name_in(entry)); wanted != names.end()) {
      if (wanted->second.listed || !has_digest(entry, wanted->second.manifest->digest)) continue;
      wanted->second.listed = true;
    }
    const auto digest = entry.find("digest");
    if (digest != entry.end() && digest->is_string()) {
      const auto same = unnamed.find(digest->get_ref<const std::string&>());
      if (same != unnamed.end()) same->second.listed = true;
    }
    kept.push_back(std::move(entry));
  }
  for (const auto& [name, wanted] : names) {
    if (!wanted.listed) kept.push_back(with_name(to_json(*wanted.manifest), name));
  }
  for (const auto& [digest, wanted] : unnamed) {
    if (!wanted.listed) kept.push_back(with_name(to_json(*wanted.manifest), {}));
  }
  return kept;
}

}  // namespace

Result<void> LayoutTransaction::commit(std::span<const LayoutImage> images) {
  TransactionState& state = *state_;
  const LayoutState& layout = *state.layout;
  TAIRITSU_TRY(const LockedLayout locked, LockedLayout::acquire(layout));
  const int root = locked.root();
  for (const LayoutImage& image : images)
    TAIRITSU_RETURN_IF_ERROR(check_complete(state, root, image.manifest));
  TAIRITSU_TRY(Json index, layout.read_index());
  TAIRITSU_RETURN_IF_ERROR(layout.entries_of(index));

  {
    const std::scoped_lock lock(state.mutex);
    for (const std::string& digest : state.digests) {
      const std::string to = blob_name(digest);
      if (::renameat(state.directory.get(), std::string(hex_of(digest)).c_str(), root, to.c_str()) != 0) {
        return std::unexpected(file_error(layout.path / to, "write", errno));
      }
    }
  }
  const FileDescriptor blobs = open_directory(root, kBlobs);
  if (!blobs) return std::unexpected(file_error(layout.path / kBlobs, "open directory", errno));
  TAIRITSU_RETURN_IF_ERROR(sync_directory(blobs.get(), layout.path / kBlobs));

  Json& manifests = index["manifests"];
  manifests = with_images(std::move(manifests), images);
  return locked.write_index(layout, index);
}

Result<void> LayoutTransaction::commit(const Descriptor& manifest, std::span<const std::string> names) {
  const LayoutImage image = {.manifest = manifest, .names = {names.begin(), names.end()}};
  return commit(std::span(&image, 1));
}

Result<LayoutTransaction> ImageLayout::begin() const {
  TAIRITSU_TRY(const LockedLayout locked, LockedLayout::acquire(*state_));
  TAIRITSU_RETURN_IF_ERROR(locked.remove_leftovers(*state_));
  auto state =
      std::make_shared<TransactionState>(state_, unique_name(std::string(kWriting) + "/transaction-"));
  const int root = locked.root();
  if (::mkdirat(root, state->name.c_str(), S_IRWXU) != 0) {
    return std::unexpected(file_error(state->path, "create directory", errno));
  }
  state->directory = open_directory(root, state->name.c_str());
  if (!state->directory) return std::unexpected(file_error(state->path, "open directory", errno));
  const std::filesystem::path path = state->path / kLiveness;
  state->liveness =
      open_file(state->directory.get(), kLiveness, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR);
  if (!state->liveness) return std::unexpected(file_error(path, "create", errno));
  TAIRITSU_TRY(const bool taken, lock_file(state->liveness.get(), 0, path));
  if (!taken)
    return fail(ErrorCode::internal, fmt::format("'{}': a new lock is already held", path.string()));
  return LayoutTransaction(std::move(state));
}

}  // namespace tairitsu::detail

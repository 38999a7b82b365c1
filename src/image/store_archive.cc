#include "image/store.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/text.h"
#include "image/archive.h"
#include "image/descriptor_json.h"
#include "image/lookup.h"
#include "image/manifest.h"

namespace tairitsu {

namespace detail {

namespace {

/// All manifests of an archive: they are read once more under the store's lock.
constexpr std::uint64_t kMaxManifests = std::uint64_t{64} << 20U;

/// What an image cannot be without: its manifest, and what that refers to.
Result<std::vector<Descriptor>> blobs_of(const Descriptor& manifest, std::span<const std::byte> bytes) {
  const std::string what = "manifest " + manifest.digest;
  TAIRITSU_TRY(const Json json, parse_json_object(bytes, what));
  TAIRITSU_TRY(auto blobs, children_of(json, what));
  if (const Json* subject = member(json, "subject")) {
    TAIRITSU_TRY(const Descriptor about, parse_descriptor(*subject, what));
    std::erase_if(blobs, [&](const Descriptor& blob) { return blob.digest == about.digest; });
  }
  blobs.push_back(manifest);
  return blobs;
}

Descriptor manifest_descriptor(const Descriptor& found) {
  return {.media_type = std::string(kManifestMediaType), .digest = found.digest, .size = found.size};
}

std::uint64_t most_of_blob(const StoreState& state) {
  return std::max(state.options.max_component_bytes, kMaxManifestSize);
}

std::uint64_t most_of_archive(const StoreState& state) {
  constexpr std::uint64_t kTimes = 16;
  constexpr std::uint64_t kMore = std::uint64_t{64} << 20U;
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t component = state.options.max_component_bytes;
  return component > (kMost - kMore) / kTimes ? kMost : component * kTimes + kMore;
}

/// The images of references, each once, and their blobs, in the order of their digests.
class Saving {
 public:
  explicit Saving(const ImageLayout& layout) : layout_(layout) {}

  Result<void> add(const std::vector<IndexEntry>& entries, std::string_view reference) {
    TAIRITSU_TRY(const Found found, resolve(entries, reference));
    if (auto added = add(entries, found, reference); !added) {
      return std::unexpected(added.error().with_context(fmt::format("image '{}'", printable(reference))));
    }
    return {};
  }

  /// What `index.json` lists of them.
  [[nodiscard]] std::vector<IndexEntry> entries() const {
    std::vector<IndexEntry> listed;
    for (const auto& [digest, image] : images_) {
      if (image.names.empty()) listed.push_back({image.manifest, {}});
      for (const std::string& name : image.names) listed.push_back({image.manifest, name});
    }
    return listed;
  }
  [[nodiscard]] const std::map<std::string, Descriptor>& blobs() const { return blobs_; }

 private:
  struct Image {
    Descriptor manifest;
    std::set<std::string> names;
  };

  Result<void> add(const std::vector<IndexEntry>& entries, const Found& found, std::string_view reference) {
    TAIRITSU_TRY(const auto manifest, manifest_of(reader_of(layout_), found.descriptor));
    // With a look at its config, so that what cannot be used fails before a byte is written.
    TAIRITSU_CHECK(image_of(reader_of(layout_), manifest.second, "manifest " + manifest.first.digest));
    const Descriptor descriptor = manifest_descriptor(manifest.first);
    TAIRITSU_TRY(const auto blobs, blobs_of(descriptor, manifest.second));
    for (const Descriptor& blob : blobs) blobs_.emplace(blob.digest, blob);
    Image& image =
        images_.try_emplace(descriptor.digest, Image{.manifest = descriptor, .names = {}}).first->second;
    if (found.by_name) {
      image.names.emplace(reference);
      return {};
    }
    for (const std::string& name : found.names) {
      // Another tool may have given it to a newer one.
      const auto now = resolve(entries, name);
      if (now && now->by_name && now->descriptor.digest == found.descriptor.digest) image.names.insert(name);
    }
    return {};
  }

  const ImageLayout& layout_;
  std::map<std::string, Image> images_;
  std::map<std::string, Descriptor> blobs_;
};

/// The WebAssembly images of an archive that was unpacked into a transaction, each once.
class Loading {
 public:
  Loading(const ImageLayout& layout, const LayoutTransaction& transaction, const UnpackedLayout& unpacked)
      : layout_(layout), transaction_(transaction), unpacked_(unpacked) {}

  Result<void> run() {
    for (const IndexEntry& entry : unpacked_.entries) {
      if (auto added = add(entry); !added) {
        return std::unexpected(added.error().with_context(
            entry.name.empty() ? fmt::format("image {}", entry.descriptor.digest)
                               : fmt::format("image '{}'", printable(entry.name))));
      }
    }
    for (const auto& [name, image] : owners_) images_[image].names.push_back(name);
    if (!images_.empty()) return {};
    return fail(ErrorCode::invalid_manifest,
                unpacked_.entries.empty() ? "no image in it"
                                          : fmt::format("no WebAssembly image in it: {}", other_->message()));
  }

  [[nodiscard]] const std::vector<LayoutImage>& images() const { return images_; }
  [[nodiscard]] const std::set<std::string>& needed() const { return needed_; }
  /// The same, as the store describes them.
  [[nodiscard]] std::vector<StoredImage> described() && {
    for (std::size_t i = 0; i < images_.size(); ++i) described_[i].names = images_[i].names;
    return std::move(described_);
  }

 private:
  Result<void> add(const IndexEntry& entry) {
    TAIRITSU_TRY(const std::optional<std::size_t> image, image_at(entry.descriptor));
    // One that was saved by its digest has that for a name in Docker's archives, whatever the digest is.
    if (!image || entry.name.empty() || names_a_digest(entry.name)) return {};
    if (const auto good = check_name(entry.name); !good) {
      return fail(ErrorCode::invalid_manifest, good.error().message());
    }
    // As in the store, the last one to have a name is meant by it.
    owners_.insert_or_assign(entry.name, *image);
    return {};
  }

  /// The image that a descriptor leads to; none where it is another's. Thousands of names may lead to one.
  Result<std::optional<std::size_t>> image_at(const Descriptor& descriptor) {
    const std::pair key(descriptor.digest, descriptor.media_type);
    if (const auto seen = seen_.find(key); seen != seen_.end()) return seen->second;
    std::optional<std::size_t> image;
    if (!is_digest(descriptor.digest)) {
      leave_out(Error(ErrorCode::invalid_manifest, "its digest is not a sha256 digest"));
    } else if (const auto manifest = manifest_of(reader_of(transaction_), descriptor)) {
      TAIRITSU_TRY(image, image_of_manifest(manifest->first, manifest->second));
    } else if (manifest.error().code() == ErrorCode::invalid_manifest) {
      leave_out(manifest.error());
    } else {
      return std::unexpected(manifest.error());
    }
    seen_.emplace(key, image);
    return image;
  }

  Result<std::optional<std::size_t>> image_of_manifest(const Descriptor& found,
                                                       std::span<const std::byte> bytes) {
    if (const auto known = positions_.find(found.digest); known != positions_.end()) return known->second;
    const std::string what = "manifest " + found.digest;
    std::optional<std::size_t> position;
    if (auto image = image_of(reader_of(transaction_), bytes, what)) {
      const Descriptor manifest = manifest_descriptor(found);
      TAIRITSU_CHECK(check_blobs(manifest, bytes));
      if (bytes.size() > manifests_left_) {
        return fail(ErrorCode::invalid_manifest,
                    fmt::format("manifests of more than {} bytes", kMaxManifests));
      }
      manifests_left_ -= bytes.size();
      position = images_.size();
      images_.push_back({.manifest = manifest, .names = {}});
      image->digest = found.digest;
      described_.push_back(*std::move(image));
    } else if (image.error().code() == ErrorCode::invalid_manifest && !is_of_wasm(bytes, what)) {
      leave_out(image.error());
    } else {
      return std::unexpected(image.error());
    }
    positions_.emplace(found.digest, position);
    return position;
  }

  void leave_out(const Error& error) {
    if (!other_) other_ = error;
  }

  /// Whether a manifest that we cannot use should be one of ours.
  static bool is_of_wasm(std::span<const std::byte> bytes, std::string_view what) {
    const auto json = parse_json_object(bytes, what);
    if (!json) return false;
    const Json* layers = member(*json, "layers");
    if (layers == nullptr || !layers->is_array()) return false;
    return std::ranges::any_of(*layers, [&](const Json& layer) {
      const auto descriptor = parse_descriptor(layer, what);
      return descriptor && is_wasm_layer(descriptor->media_type);
    });
  }

  Result<void> check_blobs(const Descriptor& manifest, std::span<const std::byte> bytes) {
    TAIRITSU_TRY(const auto blobs, blobs_of(manifest, bytes));
    for (const Descriptor& blob : blobs) {
      const auto found = unpacked_.blobs.find(blob.digest);
      if (found == unpacked_.blobs.end() && !layout_.contains(blob.digest)) {
        return fail(ErrorCode::not_found, fmt::format("it lacks blob {}", blob.digest));
      }
      if (found != unpacked_.blobs.end() && found->second != blob.size) {
        return fail(ErrorCode::digest_mismatch,
                    fmt::format("blob {} has {} bytes, and what refers to it says {}", blob.digest,
                                found->second, blob.size));
      }
      needed_.insert(blob.digest);
    }
    return {};
  }

  const ImageLayout& layout_;
  const LayoutTransaction& transaction_;
  const UnpackedLayout& unpacked_;
  std::vector<LayoutImage> images_;
  std::vector<StoredImage> described_;                                              // The same images.
  std::map<std::pair<std::string, std::string>, std::optional<std::size_t>> seen_;  // By digest and type.
  std::map<std::string, std::optional<std::size_t>> positions_;  // In both, by the manifest's digest.
  std::map<std::string, std::size_t> owners_;                    // By name.
  std::set<std::string> needed_;
  std::uint64_t manifests_left_ = kMaxManifests;
  std::optional<Error> other_;  // Of the first that is not ours.
};

}  // namespace

}  // namespace detail

Result<void> ImageStore::save(std::span<const std::string> references, const ArchiveSink& sink) const {
  if (!state_->archives.writer) return fail(ErrorCode::internal, "this store cannot write archives");
  if (references.empty()) return fail(ErrorCode::invalid_argument, "no image to save");
  const detail::ImageLayout& layout = state_->layout;
  TAIRITSU_TRY(const auto entries, layout.entries());
  detail::Saving saving(layout);
  for (const std::string& reference : references) TAIRITSU_CHECK(saving.add(entries, reference));
  TAIRITSU_TRY(const auto writer, state_->archives.writer(sink));
  return detail::pack_layout(*writer, saving.entries(), saving.blobs(), [&](const detail::Descriptor& blob) {
    return layout.read(blob, detail::most_of_blob(*state_));
  });
}

Result<std::vector<StoredImage>> ImageStore::load(const ArchiveSource& source) {
  if (!state_->archives.reader) return fail(ErrorCode::internal, "this store cannot read archives");
  const auto failed = [](const Error& error) { return std::unexpected(error.with_context("the archive")); };
  const auto reader = state_->archives.reader(source, detail::most_of_archive(*state_));
  if (!reader) return failed(reader.error());
  TAIRITSU_TRY(auto transaction, state_->layout.begin());
  const auto unpacked = detail::unpack_layout(**reader, transaction, detail::most_of_blob(*state_));
  if (!unpacked) return failed(unpacked.error());
  detail::Loading loading(state_->layout, transaction, *unpacked);
  if (const auto done = loading.run(); !done) return failed(done.error());
  // Nothing would lead to the others.
  transaction.retain(loading.needed());
  TAIRITSU_CHECK(transaction.commit(loading.images()));

  // With the names that they have in the archive, whatever they are called here besides.
  return std::move(loading).described();
}

}  // namespace tairitsu

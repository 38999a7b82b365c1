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

/// The limit for all manifests of an archive together, because they are read again under the store's lock.
constexpr std::uint64_t kMaxManifests = std::uint64_t{64} << 20U;

/// Returns the blobs that an image requires: its manifest and what that refers to, except its subject.
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

std::uint64_t max_blob_size(const StoreState& state) {
  return std::max(state.options.max_component_bytes, kMaxManifestSize);
}

std::uint64_t max_archive_size(const StoreState& state) {
  constexpr std::uint64_t kFactor = 16;
  constexpr std::uint64_t kExtra = std::uint64_t{64} << 20U;
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t component = state.options.max_component_bytes;
  return component > (kMax - kExtra) / kFactor ? kMax : component * kFactor + kExtra;
}

/// Collects the images of references and their blobs without duplicates, ordered by digest.
class ImageCollector {
 public:
  explicit ImageCollector(const ImageLayout& layout) : layout_(layout) {}

  Result<void> add(const std::vector<IndexEntry>& entries, std::string_view reference) {
    TAIRITSU_TRY(const Found found, resolve(entries, reference));
    if (auto added = add(entries, found, reference); !added) {
      return std::unexpected(added.error().with_context(fmt::format("image '{}'", printable(reference))));
    }
    return {};
  }

  /// Returns the images' entries of `index.json`.
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
    // Checks the config too, so that an unusable image fails before anything is written.
    TAIRITSU_RETURN_IF_ERROR(
        image_of(reader_of(layout_), manifest.second, "manifest " + manifest.first.digest));
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
      // Another tool may also have given the name to a newer image.
      const auto now = resolve(entries, name);
      if (now && now->by_name && now->descriptor.digest == found.descriptor.digest) image.names.insert(name);
    }
    return {};
  }

  const ImageLayout& layout_;
  std::map<std::string, Image> images_;
  std::map<std::string, Descriptor> blobs_;
};

/// Finds the WebAssembly images of an archive that was unpacked into a transaction, each once.
class ImageFinder {
 public:
  ImageFinder(const ImageLayout& layout, const LayoutTransaction& transaction, const UnpackedLayout& unpacked)
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
                unpacked_.entries.empty()
                    ? "it contains no images"
                    : fmt::format("it contains no WebAssembly image: {}", other_->message()));
  }

  [[nodiscard]] const std::vector<LayoutImage>& images() const { return images_; }
  [[nodiscard]] const std::set<std::string>& needed() const { return needed_; }
  /// Returns the images as the store describes them.
  [[nodiscard]] std::vector<StoredImage> described() && {
    for (std::size_t i = 0; i < images_.size(); ++i) described_[i].names = images_[i].names;
    return std::move(described_);
  }

 private:
  Result<void> add(const IndexEntry& entry) {
    TAIRITSU_TRY(const std::optional<std::size_t> image, image_at(entry.descriptor));
    // In Docker's archives, the name of an image that was saved by digest is that digest, which may be another one
    // here.
    if (!image || entry.name.empty() || names_a_digest(entry.name)) return {};
    if (const auto valid = check_name(entry.name); !valid) {
      return fail(ErrorCode::invalid_manifest, valid.error().message());
    }
    // As in the store, a duplicate name belongs to the last entry.
    owners_.insert_or_assign(entry.name, *image);
    return {};
  }

  /// Returns the position of the image that a descriptor leads to; nothing if it is not WebAssembly. Cached, because
  /// thousands of names may lead to one image.
  Result<std::optional<std::size_t>> image_at(const Descriptor& descriptor) {
    const std::pair key(descriptor.digest, descriptor.media_type);
    if (const auto seen = seen_.find(key); seen != seen_.end()) return seen->second;
    std::optional<std::size_t> image;
    if (!is_digest(descriptor.digest)) {
      skip(Error(ErrorCode::invalid_manifest, "the digest is not a sha256 digest"));
    } else if (const auto manifest = manifest_of(reader_of(transaction_), descriptor)) {
      TAIRITSU_TRY(image, image_of_manifest(manifest->first, manifest->second));
    } else if (manifest.error().code() == ErrorCode::invalid_manifest) {
      skip(manifest.error());
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
      TAIRITSU_RETURN_IF_ERROR(check_blobs(manifest, bytes));
      if (bytes.size() > manifests_left_) {
        return fail(ErrorCode::invalid_manifest, fmt::format("the manifests exceed {} bytes", kMaxManifests));
      }
      manifests_left_ -= bytes.size();
      position = images_.size();
      images_.push_back({.manifest = manifest, .names = {}});
      image->digest = found.digest;
      described_.push_back(*std::move(image));
    } else if (image.error().code() == ErrorCode::invalid_manifest && !has_wasm_layer(bytes, what)) {
      skip(image.error());
    } else {
      return std::unexpected(image.error());
    }
    positions_.emplace(found.digest, position);
    return position;
  }

  void skip(const Error& error) {
    if (!other_) other_ = error;
  }

  /// Whether an invalid manifest is meant to be a WebAssembly image.
  static bool has_wasm_layer(std::span<const std::byte> bytes, std::string_view what) {
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
        return fail(ErrorCode::not_found, fmt::format("blob {} is missing", blob.digest));
      }
      if (found != unpacked_.blobs.end() && found->second != blob.size) {
        return fail(ErrorCode::digest_mismatch,
                    fmt::format("blob {} has {} bytes, but its descriptor says {}", blob.digest,
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
  std::vector<StoredImage> described_;                                              // Parallel to images_.
  std::map<std::pair<std::string, std::string>, std::optional<std::size_t>> seen_;  // By digest and type.
  std::map<std::string, std::optional<std::size_t>>
      positions_;                              // In images_ and described_, by manifest digest.
  std::map<std::string, std::size_t> owners_;  // By name.
  std::set<std::string> needed_;
  std::uint64_t manifests_left_ = kMaxManifests;
  std::optional<Error> other_;  // Why the first other image was skipped.
};

}  // namespace

}  // namespace detail

Result<void> ImageStore::save(std::span<const std::string> references, const ArchiveSink& sink) const {
  if (!state_->archives.writer) return fail(ErrorCode::internal, "this store cannot write archives");
  if (references.empty()) return fail(ErrorCode::invalid_argument, "no image to save");
  const detail::ImageLayout& layout = state_->layout;
  TAIRITSU_TRY(const auto entries, layout.entries());
  detail::ImageCollector collector(layout);
  for (const std::string& reference : references) TAIRITSU_RETURN_IF_ERROR(collector.add(entries, reference));
  TAIRITSU_TRY(const auto writer, state_->archives.writer(sink));
  return detail::pack_layout(
      *writer, collector.entries(), collector.blobs(),
      [&](const detail::Descriptor& blob) { return layout.read(blob, detail::max_blob_size(*state_)); });
}

Result<std::vector<StoredImage>> ImageStore::load(const ArchiveSource& source) {
  if (!state_->archives.reader) return fail(ErrorCode::internal, "this store cannot read archives");
  const auto failed = [](const Error& error) { return std::unexpected(error.with_context("the archive")); };
  const auto reader = state_->archives.reader(source, detail::max_archive_size(*state_));
  if (!reader) return failed(reader.error());
  TAIRITSU_TRY(auto transaction, state_->layout.begin());
  const auto unpacked = detail::unpack_layout(**reader, transaction, detail::max_blob_size(*state_));
  if (!unpacked) return failed(unpacked.error());
  detail::ImageFinder finder(state_->layout, transaction, *unpacked);
  if (const auto done = finder.run(); !done) return failed(done.error());
  // The other blobs would be garbage.
  transaction.retain(finder.needed());
  TAIRITSU_RETURN_IF_ERROR(transaction.commit(finder.images()));

  // With their names in the archive only, even if the store has others.
  return std::move(finder).described();
}

}  // namespace tairitsu

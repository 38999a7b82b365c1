#include "image/store.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "image/lookup.h"
#include "image/manifest.h"

namespace tairitsu {

namespace {

using detail::check_name;
using detail::Descriptor;
using detail::Found;
using detail::image_of;
using detail::ImageLayout;
using detail::IndexEntry;
using detail::kCreated;
using detail::manifest_of;
using detail::names_of;
using detail::reader_of;
using detail::resolve;
using detail::StoreState;

Result<StoredImage> describe_unnamed(const ImageLayout& layout, const Found& found) {
  TAIRITSU_TRY(const auto manifest, manifest_of(reader_of(layout), found.descriptor));
  TAIRITSU_TRY(StoredImage image, image_of(reader_of(layout), manifest.second,
                                           fmt::format("manifest {}", manifest.first.digest)));
  image.digest = found.descriptor.digest;
  image.names = found.names;
  return image;
}

Result<StoredImage> describe(const ImageLayout& layout, const Found& found, std::string_view reference) {
  auto image = describe_unnamed(layout, found);
  if (!image)
    return std::unexpected(
        image.error().with_context(fmt::format("image '{}'", detail::printable(reference))));
  return image;
}

/// Returns whether the binary is a component. Fails with `not_wasm` if it is not WebAssembly.
Result<bool> is_component(std::span<const std::byte> bytes) {
  // Magic, then a version of 16 bits, then a layer of 16: 0 for a core module, 1 for a component.
  constexpr std::array<unsigned char, 4> kMagic = {0, 'a', 's', 'm'};
  const auto is = [](std::byte byte, unsigned char value) {
    return std::to_integer<unsigned char>(byte) == value;
  };
  if (bytes.size() < 8 || !std::ranges::equal(bytes.first(4), kMagic, is)) {
    return fail(ErrorCode::not_wasm, "the bytes are not a WebAssembly binary");
  }
  return is(bytes[6], 1) && is(bytes[7], 0);
}

}  // namespace

Result<std::filesystem::path> default_data_directory() {
  const auto variable = [](const char* name) -> std::string_view {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string_view() : value;
  };
  if (const auto home = variable("TAIRITSU_HOME"); !home.empty()) return std::filesystem::path(home);
  // The XDG specification says to ignore relative paths.
  if (const auto data = variable("XDG_DATA_HOME"); data.starts_with('/')) {
    return std::filesystem::path(data) / "tairitsu";
  }
  if (const auto home = variable("HOME"); !home.empty()) {
    return std::filesystem::path(home) / ".local/share/tairitsu";
  }
  return fail(ErrorCode::not_found, "no data directory: set TAIRITSU_HOME");
}

// ---- Writers

BlobWriter::BlobWriter(std::unique_ptr<detail::LayoutBlobWriter> writer) : writer_(std::move(writer)) {}
BlobWriter::BlobWriter(BlobWriter&&) noexcept = default;
BlobWriter& BlobWriter::operator=(BlobWriter&&) noexcept = default;
BlobWriter::~BlobWriter() = default;

Result<void> BlobWriter::write(std::span<const std::byte> bytes) { return writer_->write(bytes); }
std::uint64_t BlobWriter::written() const noexcept { return writer_->written(); }
Result<void> BlobWriter::commit(std::string_view digest, std::uint64_t size) {
  return writer_->commit(digest, size);
}

ImageWriter::ImageWriter(std::shared_ptr<const StoreState> store,
                         std::unique_ptr<detail::LayoutTransaction> transaction)
    : store_(std::move(store)), transaction_(std::move(transaction)) {}
ImageWriter::ImageWriter(ImageWriter&&) noexcept = default;
ImageWriter& ImageWriter::operator=(ImageWriter&&) noexcept = default;
ImageWriter::~ImageWriter() = default;

Result<BlobWriter> ImageWriter::blob(std::uint64_t size) {
  TAIRITSU_TRY(auto writer, transaction_->writer(size));
  return BlobWriter(std::make_unique<detail::LayoutBlobWriter>(std::move(writer)));
}

Result<bool> ImageWriter::reuse(std::string_view digest, std::uint64_t size) {
  return transaction_->reuse(digest, size);
}

Result<StoredImage> ImageWriter::commit(std::span<const std::byte> manifest, std::string_view name) {
  std::vector<std::string> names;
  if (!name.empty()) {
    TAIRITSU_RETURN_IF_ERROR(check_name(name));
    names.emplace_back(name);
  }
  const std::string what = name.empty() ? "the manifest" : fmt::format("image '{}'", name);
  if (manifest.size() > detail::kMaxManifestSize) {
    return fail(ErrorCode::invalid_manifest,
                fmt::format("{}: the manifest is too large: {} bytes; the limit is {}", what, manifest.size(),
                            detail::kMaxManifestSize));
  }
  const auto with_context = [&](const Error& error) { return std::unexpected(error.with_context(what)); };
  auto image = image_of(reader_of(*transaction_), manifest, "manifest");
  if (!image) return with_context(image.error());
  Descriptor descriptor{.media_type = std::string(detail::kManifestMediaType), .size = manifest.size()};
  auto digest = transaction_->add(manifest);
  if (!digest) return with_context(digest.error());
  descriptor.digest = *digest;
  if (auto committed = transaction_->commit(descriptor, names); !committed) {
    return with_context(committed.error());
  }
  image->digest = *std::move(digest);
  image->names = std::move(names);
  if (const auto entries = store_->layout.entries()) detail::add_other_names(*entries, *image);
  return image;
}

// ---- The store

ImageStore::ImageStore(std::shared_ptr<const StoreState> state) : state_(std::move(state)) {}

Result<ImageStore> detail::StoreAccess::open(const std::filesystem::path& data_directory,
                                             Sha256Factory sha256, ImageStoreOptions options,
                                             ArchiveFormat archives) {
  if (data_directory.empty()) {
    return fail(ErrorCode::invalid_argument, "the path of the image store is empty");
  }
  TAIRITSU_TRY(auto layout, ImageLayout::open(data_directory / "images", std::move(sha256)));
  std::filesystem::path artifacts = layout.directory().parent_path() / "artifacts";
  return ImageStore(std::make_shared<const StoreState>(std::move(layout), std::move(artifacts), options,
                                                       std::move(archives)));
}

const std::filesystem::path& ImageStore::layout_directory() const noexcept {
  return state_->layout.directory();
}
const std::filesystem::path& ImageStore::artifact_directory() const noexcept {
  return state_->artifact_directory;
}

Result<StoredImage> ImageStore::add_image(std::string_view name, std::span<const std::byte> component,
                                          const ImageDescription& description) {
  TAIRITSU_RETURN_IF_ERROR(check_name(name));
  const std::string context = fmt::format("image '{}'", name);
  const auto with_name = [&](const Error& error) { return std::unexpected(error.with_context(context)); };
  const auto is_of_component = is_component(component);
  if (!is_of_component) return with_name(is_of_component.error());
  TAIRITSU_TRY(auto writer, write_image());

  auto digest = writer.transaction_->add(component);
  if (!digest) return with_name(digest.error());
  detail::WasmConfig config;
  config.created = description.created.empty() ? detail::created_now() : description.created;
  config.author = description.author;
  config.os = *is_of_component ? "wasip2" : "wasip1";
  config.layer_digests = {*digest};
  if (*is_of_component) {
    config.component.emplace(description.exports, description.imports, description.target);
  }
  const auto config_text = detail::config_text(config);
  if (!config_text) return with_name(config_text.error());
  const auto config_digest = writer.transaction_->add(std::as_bytes(std::span(*config_text)));
  if (!config_digest) return with_name(config_digest.error());

  detail::WasmManifest manifest;
  manifest.config = {.media_type = std::string(detail::kWasmConfigMediaType),
                     .digest = *config_digest,
                     .size = config_text->size()};
  manifest.layer = {
      .media_type = std::string(detail::kWasmLayerMediaType), .digest = *digest, .size = component.size()};
  manifest.annotations = description.annotations;
  manifest.annotations.try_emplace(kCreated, config.created);
  const auto manifest_text = detail::manifest_text(manifest);
  if (!manifest_text) return with_name(manifest_text.error());
  return writer.commit(std::as_bytes(std::span(*manifest_text)), name);
}

Result<ImageWriter> ImageStore::write_image() {
  TAIRITSU_TRY(auto transaction, state_->layout.begin());
  return ImageWriter(state_, std::make_unique<detail::LayoutTransaction>(std::move(transaction)));
}

Result<StoredImage> ImageStore::find(std::string_view reference) const {
  TAIRITSU_TRY(const auto entries, state_->layout.entries());
  TAIRITSU_TRY(const Found found, resolve(entries, reference));
  auto image = describe(state_->layout, found, reference);
  if (image || image.error().code() != ErrorCode::not_found) return image;
  // No lock is held, so the image may have been removed since the index was read: resolve it again.
  TAIRITSU_TRY(const auto entries_again, state_->layout.entries());
  TAIRITSU_TRY(const Found found_again, resolve(entries_again, reference));
  return describe(state_->layout, found_again, reference);
}

Result<std::vector<StoredImage>> ImageStore::images() const {
  TAIRITSU_TRY(const auto entries, state_->layout.entries());
  std::vector<StoredImage> images;
  std::map<std::string_view, bool> seen;
  for (const IndexEntry& entry : entries) {
    if (!seen.emplace(entry.descriptor.digest, true).second) continue;
    const Found found{.descriptor = entry.descriptor, .names = names_of(entries, entry.descriptor.digest)};
    auto image = describe_unnamed(state_->layout, found);
    if (!image) {
      std::string problem = image.error().message();
      image.emplace();
      image->problem = std::move(problem);
      image->digest = entry.descriptor.digest;
      image->names = found.names;
    }
    images.push_back(*std::move(image));
  }
  std::ranges::sort(images, {}, [](const StoredImage& image) {
    return std::pair(image.names.empty(), image.names.empty() ? image.digest : image.names.front());
  });
  return images;
}

Result<std::vector<std::byte>> ImageStore::read_component(const StoredImage& image) const {
  auto bytes = state_->layout.read(
      {.media_type = image.media_type, .digest = image.component_digest, .size = image.component_size},
      state_->options.max_component_bytes);
  if (bytes) return bytes;
  return std::unexpected(bytes.error().with_context(fmt::format(
      "image '{}'", detail::printable(image.names.empty() ? image.digest : image.names.front()))));
}

Result<std::vector<std::byte>> ImageStore::read_blob(std::string_view digest, std::uint64_t size) const {
  return state_->layout.read({.digest = std::string(digest), .size = size},
                             state_->options.max_component_bytes);
}

Result<std::vector<std::byte>> ImageStore::read_manifest(const StoredImage& image) const {
  TAIRITSU_TRY(const auto entries, state_->layout.entries());
  TAIRITSU_TRY(const Found found, resolve(entries, image.digest));
  TAIRITSU_TRY(auto manifest, manifest_of(reader_of(state_->layout), found.descriptor));
  return std::move(manifest.second);
}

Result<void> ImageStore::tag(std::string_view reference, std::string_view name) {
  TAIRITSU_RETURN_IF_ERROR(check_name(name));
  TAIRITSU_TRY(const auto entries, state_->layout.entries());
  TAIRITSU_TRY(const Found found, resolve(entries, reference));
  return state_->layout.add_name(found.descriptor.digest, name);
}

Result<ImageStore::Removal> ImageStore::remove(std::string_view reference, bool force) {
  TAIRITSU_TRY(const auto entries, state_->layout.entries());
  TAIRITSU_TRY(const Found found, resolve(entries, reference));
  Removal removal;
  removal.digest = found.descriptor.digest;
  if (!found.by_name && found.names.size() > 1 && !force) {
    return fail(ErrorCode::in_use,
                fmt::format("image {} has {} names: {}; remove them, or force the removal", removal.digest,
                            found.names.size(),
                            detail::printable(fmt::format("{}", fmt::join(found.names, ", ")), 400)));
  }
  // Names that the image gets from now on are kept.
  removal.names = found.by_name ? std::vector<std::string>{std::string(reference)} : found.names;
  bool left = false;
  TAIRITSU_TRY(const std::size_t removed, state_->layout.remove_entries([&](const IndexEntry& entry) {
    const bool same = entry.descriptor.digest == removal.digest;
    const bool named = std::ranges::find(removal.names, entry.name) != removal.names.end();
    const bool chosen = found.by_name ? named : same && (named || entry.name.empty());
    left = left || (same && !chosen);
    return chosen;
  }));
  if (removed == 0)
    return fail(ErrorCode::not_found, fmt::format("no image '{}'", detail::printable(reference)));
  removal.last = !left;
  return removal;
}

Result<ImageStore::Pruned> ImageStore::prune(const PruneOptions& options) {
  Pruned pruned;
  if (options.unnamed) {
    TAIRITSU_TRY(const auto entries, state_->layout.entries());
    for (const IndexEntry& entry : entries) {
      if (entry.name.empty() && names_of(entries, entry.descriptor.digest).empty()) {
        pruned.images.push_back(entry.descriptor.digest);
      }
    }
    if (!pruned.images.empty()) {
      TAIRITSU_RETURN_IF_ERROR(state_->layout.remove_entries([&](const IndexEntry& entry) {
        return entry.name.empty() &&
               std::ranges::find(pruned.images, entry.descriptor.digest) != pruned.images.end();
      }));
    }
  }
  TAIRITSU_TRY(const detail::Garbage garbage, state_->layout.collect_garbage());
  pruned.blobs = garbage.digests.size();
  pruned.bytes = garbage.bytes;
  // Errors are ignored: an untrusted directory is not touched, and unused artifacts are evicted in time.
  if (const auto artifacts = detail::ArtifactCache::open(state_->artifact_directory)) {
    for (const std::string& digest : garbage.digests) {
      if (!artifacts->remove(digest)) break;
    }
  }
  return pruned;
}

Result<ImageStore::Usage> ImageStore::usage() const {
  TAIRITSU_TRY(const auto entries, state_->layout.entries());
  TAIRITSU_TRY(const auto layout, state_->layout.usage());
  Usage usage;
  std::map<std::string_view, bool> seen;
  for (const IndexEntry& entry : entries) seen.emplace(entry.descriptor.digest, true);
  usage.images = seen.size();
  usage.blobs = layout.blobs;
  usage.bytes = layout.blob_bytes;
  usage.unused_bytes = layout.unused_bytes;
  usage.writing_bytes = layout.writing_bytes;
  if (const auto artifacts = detail::ArtifactCache::open(state_->artifact_directory)) {
    TAIRITSU_TRY(const auto cached, artifacts->usage());
    usage.artifacts = cached.artifacts;
    usage.artifact_bytes = cached.bytes;
  }
  return usage;
}

}  // namespace tairitsu

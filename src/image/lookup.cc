#include "image/lookup.h"

#include <algorithm>
#include <iterator>
#include <ranges>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/text.h"
#include "image/manifest.h"

namespace tairitsu::detail {

namespace {

constexpr std::size_t kMaxName = 512;
constexpr int kMaxIndexDepth = 4;

constexpr std::string_view kLettersAndDigits =
    "abcdefghijklmnopqrstuvwxyz"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "0123456789";

StoredImage make_image(std::uint64_t manifest_size, WasmManifest manifest, WasmConfig config) {
  StoredImage image;
  image.component_digest = std::move(manifest.layer.digest);
  image.component_size = manifest.layer.size;
  image.size = manifest_size + manifest.config.size + manifest.layer.size;
  image.media_type = std::move(manifest.layer.media_type);
  image.annotations = std::move(manifest.annotations);
  image.created = std::move(config.created);
  if (image.created.empty()) {
    const auto created = image.annotations.find(kCreated);
    if (created != image.annotations.end()) image.created = created->second;
  }
  image.author = std::move(config.author);
  image.os = std::move(config.os);
  if (config.component) {
    image.exports = std::move(config.component->exports);
    image.imports = std::move(config.component->imports);
    image.target = std::move(config.component->target);
  }
  return image;
}

}  // namespace

bool names_a_digest(std::string_view text) {
  return text.find('@') != std::string_view::npos || text.starts_with(kDigestPrefix) ||
         (text.size() == kDigestHexSize && is_lower_hex(text));
}

Result<void> check_name(std::string_view name) {
  // The characters of `org.opencontainers.image.ref.name` (image-spec, annotations.md) except the @.
  const bool is_valid =
      !name.empty() && name.size() <= kMaxName &&
      kLettersAndDigits.find(name.front()) != std::string_view::npos &&
      name.find_first_not_of(std::string(kLettersAndDigits) + "-._:/+") == std::string_view::npos &&
      !names_a_digest(name);
  if (is_valid) return {};
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("invalid image name '{}': expected up to {} letters, digits and -._:/+ that start with a "
                  "letter or digit and are not a digest",
                  printable(name, 100), kMaxName));
}

// ---- References

std::vector<std::string> names_of(const std::vector<IndexEntry>& entries, std::string_view digest) {
  std::vector<std::string> names;
  for (const IndexEntry& entry : entries) {
    if (entry.descriptor.digest == digest && !entry.name.empty()) names.push_back(entry.name);
  }
  std::ranges::sort(names);
  const auto duplicates = std::ranges::unique(names);
  names.erase(duplicates.begin(), duplicates.end());
  return names;
}

Result<Found> resolve(const std::vector<IndexEntry>& entries, std::string_view reference) {
  const auto found = [&](const IndexEntry& entry, bool by_name) {
    return Found{.descriptor = entry.descriptor,
                 .names = names_of(entries, entry.descriptor.digest),
                 .by_name = by_name};
  };
  if (!reference.empty() && !names_a_digest(reference)) {
    // Another tool may have written a name twice: the last entry is the newer one.
    for (const IndexEntry& entry : std::views::reverse(entries)) {
      if (entry.name == reference) return found(entry, true);
    }
  }
  const IndexEntry* match = nullptr;
  if (const std::string_view digits = digits_in(reference); !digits.empty()) {
    for (const IndexEntry& entry : entries) {
      if (!is_digest(entry.descriptor.digest) || !hex_of(entry.descriptor.digest).starts_with(digits)) {
        continue;
      }
      if (match != nullptr && match->descriptor.digest != entry.descriptor.digest) {
        return fail(ErrorCode::ambiguous_name,
                    fmt::format("'{}' matches {} and {}: give more digits", reference,
                                match->descriptor.digest, entry.descriptor.digest));
      }
      match = &entry;
    }
  }
  if (match != nullptr) return found(*match, false);
  return fail(ErrorCode::not_found, fmt::format("no image '{}'", printable(reference, 200)));
}

void add_other_names(const std::vector<IndexEntry>& entries, StoredImage& image) {
  const std::vector<std::string> own = image.names;
  std::ranges::copy_if(names_of(entries, image.digest), std::back_inserter(image.names),
                       [&](const std::string& name) { return std::ranges::find(own, name) == own.end(); });
  std::ranges::sort(image.names);
}

// ---- Descriptions

Result<std::pair<Descriptor, std::vector<std::byte>>> manifest_of(const BlobReader& read,
                                                                  Descriptor descriptor) {
  for (int depth = 0; depth < kMaxIndexDepth; ++depth) {
    if (!has_children(descriptor.media_type)) {
      return fail(ErrorCode::invalid_manifest,
                  fmt::format("media type '{}' is not an image", printable(descriptor.media_type, 100)));
    }
    TAIRITSU_TRY(auto bytes, read(descriptor, kMaxManifestSize));
    if (!is_index(descriptor.media_type)) return std::pair(std::move(descriptor), std::move(bytes));
    auto chosen = choose_from_index(bytes, fmt::format("index {}", descriptor.digest));
    // The image exists, so `not_found` would make callers look for it in a registry.
    if (!chosen && chosen.error().code() == ErrorCode::not_found) {
      return fail(ErrorCode::invalid_manifest, chosen.error().message());
    }
    TAIRITSU_TRY(descriptor, std::move(chosen));
  }
  return fail(ErrorCode::invalid_manifest,
              fmt::format("indexes nested more than {} levels deep", kMaxIndexDepth));
}

Result<StoredImage> image_of(const BlobReader& read, std::span<const std::byte> bytes,
                             const std::string& what) {
  TAIRITSU_TRY(auto manifest, parse_manifest(bytes, what));
  TAIRITSU_TRY(const auto config_bytes, read(manifest.config, kMaxManifestSize));
  TAIRITSU_TRY(auto config, parse_config(manifest.config.media_type, config_bytes,
                                         fmt::format("config {}", manifest.config.digest)));
  return make_image(bytes.size(), std::move(manifest), std::move(config));
}

}  // namespace tairitsu::detail

/// What references to a store's images mean, and what its images are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "image/descriptor.h"
#include "image/layout.h"
#include "tairitsu/error.h"
#include "tairitsu/image_store.h"

namespace tairitsu::detail {

/// The annotation of a manifest that says when it was made.
inline constexpr const char* kCreated = "org.opencontainers.image.created";

/// Whether text says by a digest what it means. Then no name may stand for it, or an archive could put one there
/// that lies.
[[nodiscard]] bool names_a_digest(std::string_view text);
/// Fails with `invalid_argument` for what cannot be an image's name.
[[nodiscard]] Result<void> check_name(std::string_view name);

/// What a reference led to in an index.
struct Found {
  Descriptor descriptor = {};
  std::vector<std::string> names = {};  ///< All of the image's, in order.
  bool by_name = false;
};

/// The names that an index has for a digest, in order, each once.
[[nodiscard]] std::vector<std::string> names_of(const std::vector<IndexEntry>& entries,
                                                std::string_view digest);
/// Finds what a reference means, as `ImageStore` says it. Fails with `not_found` or `ambiguous_name`.
[[nodiscard]] Result<Found> resolve(const std::vector<IndexEntry>& entries, std::string_view reference);
/// Adds the names that an image has by now besides its own, one of which may be another's already.
void add_other_names(const std::vector<IndexEntry>& entries, StoredImage& image);

/// Reads a blob of up to so many bytes: a layout's, or a transaction's.
using BlobReader =
    std::function<Result<std::vector<std::byte>>(const Descriptor& descriptor, std::uint64_t most)>;
/// That of `blobs`, which outlives it.
template <typename Blobs>
[[nodiscard]] BlobReader reader_of(const Blobs& blobs) {
  return [&blobs](const Descriptor& descriptor, std::uint64_t most) { return blobs.read(descriptor, most); };
}

/// Follows indexes of indexes to the manifest of a WebAssembly image, and answers it with its bytes. Fails with
/// `invalid_manifest` where it comes to something else, and as `read` does.
[[nodiscard]] Result<std::pair<Descriptor, std::vector<std::byte>>> manifest_of(const BlobReader& read,
                                                                                Descriptor descriptor);
/// The image of a manifest's bytes, `WHAT` in messages, without digest and names; its config is read. Fails as
/// `parse_manifest`, `parse_config` and `read` do.
[[nodiscard]] Result<StoredImage> image_of(const BlobReader& read, std::span<const std::byte> bytes,
                                           const std::string& what);

}  // namespace tairitsu::detail

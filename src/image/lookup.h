/// Resolves references to a store's images, and describes the images.
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

/// The annotation of a manifest with its creation time.
inline constexpr const char* kCreated = "org.opencontainers.image.created";

/// Whether the text refers to an image by digest. Such text is never a name, or an archive could give it to another
/// image.
[[nodiscard]] bool names_a_digest(std::string_view text);
/// Fails with `invalid_argument` for an invalid image name.
[[nodiscard]] Result<void> check_name(std::string_view name);

/// The image that a reference resolves to.
struct Found {
  Descriptor descriptor = {};
  std::vector<std::string> names = {};  ///< All names of the image, sorted.
  bool by_name = false;
};

/// Returns the names of a digest in an index, sorted and without duplicates.
[[nodiscard]] std::vector<std::string> names_of(const std::vector<IndexEntry>& entries,
                                                std::string_view digest);
/// Resolves a reference as described at `ImageStore`. Fails with `not_found` or `ambiguous_name`.
[[nodiscard]] Result<Found> resolve(const std::vector<IndexEntry>& entries, std::string_view reference);
/// Adds the image's other names in the index. Keeps its own names, even if one has moved to another image by now.
void add_other_names(const std::vector<IndexEntry>& entries, StoredImage& image);

/// Reads a blob of up to `max_size` bytes from a layout or a transaction.
using BlobReader =
    std::function<Result<std::vector<std::byte>>(const Descriptor& descriptor, std::uint64_t max_size)>;
/// Returns the reader of `blobs`, which must outlive it.
template <typename Blobs>
[[nodiscard]] BlobReader reader_of(const Blobs& blobs) {
  return [&blobs](const Descriptor& descriptor, std::uint64_t max_size) {
    return blobs.read(descriptor, max_size);
  };
}

/// Follows indexes to the manifest of a WebAssembly image. Returns its descriptor and bytes. Fails with
/// `invalid_manifest` if they lead to something else, and if `read` fails.
[[nodiscard]] Result<std::pair<Descriptor, std::vector<std::byte>>> manifest_of(const BlobReader& read,
                                                                                Descriptor descriptor);
/// Describes the image of a manifest, `WHAT` in messages, without digest and names. Reads its config. Fails as
/// `parse_manifest`, `parse_config` and `read` do.
[[nodiscard]] Result<StoredImage> image_of(const BlobReader& read, std::span<const std::byte> bytes,
                                           const std::string& what);

}  // namespace tairitsu::detail

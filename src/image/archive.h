/// Images in one file: an OCI image layout (image-spec, image-layout.md) in a tar archive, the format of
/// `docker save` and of skopeo's `oci-archive:`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/archive.h"
#include "image/layout.h"
#include "tairitsu/error.h"
#include "tairitsu/image_store.h"

namespace tairitsu::detail {

/// The content of an archive.
struct UnpackedLayout {
  std::vector<IndexEntry> entries;             ///< The entries of `index.json`, in order.
  std::map<std::string, std::uint64_t> blobs;  ///< Sizes by digest; the blobs are in the transaction.
};

/// Writes the blobs of an archive into a transaction, verifies each against the digest in its path, and reads the
/// index. Never uses a path of the archive as a path on disk. Fails with `invalid_manifest` if the archive is not an
/// image layout, has links, devices, duplicate files or paths that leave it, or a blob is larger than
/// `max_blob_size`; with `digest_mismatch`; and if the reader or the transaction fails.
[[nodiscard]] Result<UnpackedLayout> unpack_layout(ArchiveReader& reader, LayoutTransaction& transaction,
                                                   std::uint64_t max_blob_size);

/// Writes a layout of these images and blobs, in the order of the map. `read` returns a blob's bytes.
[[nodiscard]] Result<void> pack_layout(
    ArchiveWriter& writer, std::span<const IndexEntry> entries,
    const std::map<std::string, Descriptor>& blobs,
    const std::function<Result<std::vector<std::byte>>(const Descriptor&)>& read);

}  // namespace tairitsu::detail

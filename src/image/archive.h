/// Images in one file: an OCI image layout (image-spec, image-layout.md) in a tar archive, as `docker save` and
/// skopeo's `oci-archive:` write it.
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

/// What came out of an archive.
struct UnpackedLayout {
  std::vector<IndexEntry> entries;             ///< Of its `index.json`, in order.
  std::map<std::string, std::uint64_t> blobs;  ///< Digests and sizes, all in the transaction.
};

/// Writes the blobs of an archive into a transaction, each verified against the digest that it is named by, and
/// reads its index. No path of the archive becomes one on the disk. Fails with `invalid_manifest` for an archive
/// of something else, for links, devices and paths that lead elsewhere, for a file that is there twice, and for
/// blobs of more than `most_of_blob` bytes; with `digest_mismatch`; and as reader and transaction do.
[[nodiscard]] Result<UnpackedLayout> unpack_layout(ArchiveReader& reader, LayoutTransaction& transaction,
                                                   std::uint64_t most_of_blob);

/// Writes a layout of these images and blobs, in the order of the map. `read` answers a blob's bytes.
[[nodiscard]] Result<void> pack_layout(
    ArchiveWriter& writer, std::span<const IndexEntry> entries,
    const std::map<std::string, Descriptor>& blobs,
    const std::function<Result<std::vector<std::byte>>(const Descriptor&)>& read);

}  // namespace tairitsu::detail

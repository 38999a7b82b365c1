/// Images in one file: an OCI image layout (image-spec, image-layout.md) in a tar archive, as `docker save` and
/// skopeo's `oci-archive:` write it.
///
/// What reads and writes tar and gzip lies above and is given to the store: `src/engine` has it.
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

#include "image/layout.h"
#include "tairitsu/error.h"
#include "tairitsu/image_store.h"

namespace tairitsu::detail {

enum class ArchiveKind : std::uint8_t { file, folder, link, device, sparse, other };

struct ArchiveEntry {
  std::string path = {};  ///< As it stands there: of any characters, and to anywhere.
  ArchiveKind kind = ArchiveKind::other;
  std::uint64_t size = 0;
};

/// An archive's entries in its order, each once. One thread at a time; after a failure it is of no use.
class ArchiveReader {
 public:
  ArchiveReader() = default;
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;
  virtual ~ArchiveReader() = default;

  /// Goes on to the next entry, past what was not read of this one. At the end of the archive there is none, and
  /// its source has been read to the end. Fails with `invalid_manifest` for what is no archive, is cut off or
  /// too large, and with the source's error.
  [[nodiscard]] virtual Result<std::optional<ArchiveEntry>> next() = 0;
  /// The next bytes of the entry: how many, 0 at its end. Fails as `next` does.
  [[nodiscard]] virtual Result<std::size_t> read(std::span<std::byte> into) = 0;
};

/// Writes an archive of files. The same files make the same bytes: none has a date or an owner.
class ArchiveWriter {
 public:
  ArchiveWriter() = default;
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;
  virtual ~ArchiveWriter() = default;

  /// Adds a file. Fails with the sink's error.
  [[nodiscard]] virtual Result<void> add(std::string_view path, std::span<const std::byte> bytes) = 0;
  /// Ends the archive, once. Without it the archive is cut off.
  [[nodiscard]] virtual Result<void> finish() = 0;
};

/// Makes what reads and writes archives; called from any thread.
struct ArchiveFormat {
  /// For an archive that may have so many bytes when it is unpacked. The source outlives the reader.
  std::function<Result<std::unique_ptr<ArchiveReader>>(const ImageStore::ArchiveSource& source,
                                                       std::uint64_t most)>
      reader = {};
  /// The sink outlives the writer.
  std::function<Result<std::unique_ptr<ArchiveWriter>>(const ImageStore::ArchiveSink& sink)> writer = {};
};

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

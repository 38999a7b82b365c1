/// Reading and writing archives of files: the interface that the image store uses, and that the engine implements
/// with tar and gzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tairitsu/error.h"

namespace tairitsu::detail {

/// Takes the next bytes of an archive.
using ArchiveSink = std::function<Result<void>(std::span<const std::byte>)>;
/// Fills the front of a buffer with the next bytes of an archive; returns how many, 0 at the end.
using ArchiveSource = std::function<Result<std::size_t>(std::span<std::byte>)>;

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
  std::function<Result<std::unique_ptr<ArchiveReader>>(const ArchiveSource& source, std::uint64_t most)>
      reader = {};
  /// The sink outlives the writer.
  std::function<Result<std::unique_ptr<ArchiveWriter>>(const ArchiveSink& sink)> writer = {};
};

}  // namespace tairitsu::detail

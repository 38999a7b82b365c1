/// Reading and writing archives of files. The image store uses this interface; the engine implements it with tar and
/// gzip.
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

/// Receives the next bytes of an archive.
using ArchiveSink = std::function<Result<void>(std::span<const std::byte>)>;
/// Fills the front of a buffer with the next bytes of an archive. Returns their number, 0 at the end.
using ArchiveSource = std::function<Result<std::size_t>(std::span<std::byte>)>;

enum class ArchiveKind : std::uint8_t { file, directory, link, device, sparse, other };

struct ArchiveEntry {
  std::string path = {};  ///< As the archive has it; untrusted: any bytes, absolute or with `..`.
  ArchiveKind kind = ArchiveKind::other;
  std::uint64_t size = 0;
};

/// Reads an archive's entries in order, each once. For one thread at a time; unusable after a failure.
class ArchiveReader {
 public:
  ArchiveReader() = default;
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;
  virtual ~ArchiveReader() = default;

  /// Skips the rest of the current entry and returns the next one. Returns nothing at the end of the archive, after
  /// reading its source to the end. Fails with `invalid_manifest` if the archive is malformed, truncated or too
  /// large, and with the source's error.
  [[nodiscard]] virtual Result<std::optional<ArchiveEntry>> next() = 0;
  /// Reads the next bytes of the entry. Returns their number, 0 at its end. Fails as `next` does.
  [[nodiscard]] virtual Result<std::size_t> read(std::span<std::byte> into) = 0;
};

/// Writes an archive of files. The same files produce the same bytes: no dates or owners are written.
class ArchiveWriter {
 public:
  ArchiveWriter() = default;
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;
  virtual ~ArchiveWriter() = default;

  /// Adds a file. Fails with the sink's error.
  [[nodiscard]] virtual Result<void> add(std::string_view path, std::span<const std::byte> bytes) = 0;
  /// Ends the archive; call it once. Without it the archive is truncated.
  [[nodiscard]] virtual Result<void> finish() = 0;
};

/// Creates archive readers and writers; called from any thread.
struct ArchiveFormat {
  /// Creates a reader that unpacks at most `max_size` bytes. The source must outlive the reader.
  std::function<Result<std::unique_ptr<ArchiveReader>>(const ArchiveSource& source, std::uint64_t max_size)>
      reader = {};
  /// Creates a writer. The sink must outlive it.
  std::function<Result<std::unique_ptr<ArchiveWriter>>(const ArchiveSink& sink)> writer = {};
};

}  // namespace tairitsu::detail

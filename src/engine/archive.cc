#include "engine/archive.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/bridge.h"

namespace tairitsu::detail {

namespace {

using bridge::Deleter;

using ReaderPtr =
    std::unique_ptr<bridge::ArchiveReader, Deleter<bridge::tairitsu_bridge_archive_reader_free>>;
using WriterPtr =
    std::unique_ptr<bridge::ArchiveWriter, Deleter<bridge::tairitsu_bridge_archive_writer_free>>;

constexpr bool agree(ArchiveKind ours, bridge::ArchiveKind theirs) {
  return static_cast<std::uint8_t>(ours) == static_cast<std::uint8_t>(theirs);
}
static_assert(agree(ArchiveKind::file, bridge::ArchiveKind::File));
static_assert(agree(ArchiveKind::directory, bridge::ArchiveKind::Directory));
static_assert(agree(ArchiveKind::link, bridge::ArchiveKind::Link));
static_assert(agree(ArchiveKind::device, bridge::ArchiveKind::Device));
static_assert(agree(ArchiveKind::sparse, bridge::ArchiveKind::Sparse));
static_assert(agree(ArchiveKind::other, bridge::ArchiveKind::Other));

/// Keeps the error of a caller's source or sink: the bridge reports only that the callback failed.
class Failure {
 public:
  /// Runs `body`, which calls the source or sink named `callback`. Returns whether it succeeded.
  template <typename Body>
  bool run(std::string_view callback, Body body) noexcept {
    try {
      const Result<void> done = body();
      if (!done) error_ = done.error();
      return done.has_value();
    } catch (const std::exception& thrown) {
      error_ = Error(ErrorCode::io, fmt::format("archive {} threw: {}", callback, thrown.what()));
    } catch (...) {
      error_ = Error(ErrorCode::io, fmt::format("archive {} threw", callback));
    }
    return false;
  }

  /// Turns the bridge's error into a result, with the callback's error if there is one. Null is success.
  [[nodiscard]] Result<void> check(bridge::Error* error) const {
    auto checked = bridge::check(error);
    if (!checked && error_) return std::unexpected(*error_);
    return checked;
  }

 private:
  std::optional<Error> error_;
};

class BridgeArchiveReader final : public ArchiveReader {
 public:
  explicit BridgeArchiveReader(const ArchiveSource& source) : source_(source) {}

  Result<void> open(std::uint64_t max_bytes) {
    bridge::ArchiveReader* reader = nullptr;
    TAIRITSU_RETURN_IF_ERROR(
        failure_.check(bridge::tairitsu_bridge_archive_reader_new(read_source, this, max_bytes, &reader)));
    reader_.reset(reader);
    return {};
  }

  Result<std::optional<ArchiveEntry>> next() override {
    bridge::ArchiveEntry entry{};
    bool found = false;
    TAIRITSU_RETURN_IF_ERROR(
        failure_.check(bridge::tairitsu_bridge_archive_reader_next(reader_.get(), &entry, &found)));
    if (!found) return std::nullopt;
    return ArchiveEntry{.path = std::string(bridge::as_text(entry.path)),
                        .kind = static_cast<ArchiveKind>(entry.kind),
                        .size = entry.size};
  }

  Result<std::size_t> read(std::span<std::byte> into) override {
    std::size_t count = 0;
    TAIRITSU_RETURN_IF_ERROR(failure_.check(bridge::tairitsu_bridge_archive_reader_read(
        reader_.get(), reinterpret_cast<std::uint8_t*>(into.data()), into.size(), &count)));
    return count;
  }

 private:
  /// Callback of the bridge. Returns the number of bytes read, or -1.
  static std::ptrdiff_t read_source(void* context, std::uint8_t* to, std::size_t size) noexcept {
    auto& self = *static_cast<BridgeArchiveReader*>(context);
    std::size_t count = 0;
    const bool good = self.failure_.run("source", [&]() -> Result<void> {
      TAIRITSU_TRY(count, self.source_(std::span(reinterpret_cast<std::byte*>(to), size)));
      if (count <= size) return {};
      return fail(ErrorCode::invalid_argument,
                  fmt::format("archive source returned {} bytes when asked for {}", count, size));
    });
    return good ? static_cast<std::ptrdiff_t>(count) : -1;
  }

  const ArchiveSource& source_;
  Failure failure_;
  ReaderPtr reader_;
};

class BridgeArchiveWriter final : public ArchiveWriter {
 public:
  explicit BridgeArchiveWriter(const ArchiveSink& sink) : sink_(sink) {}

  Result<void> open() {
    bridge::ArchiveWriter* writer = nullptr;
    TAIRITSU_RETURN_IF_ERROR(
        failure_.check(bridge::tairitsu_bridge_archive_writer_new(write_sink, this, &writer)));
    writer_.reset(writer);
    return {};
  }

  Result<void> add(std::string_view path, std::span<const std::byte> bytes) override {
    TAIRITSU_RETURN_IF_ERROR(failure_.check(
        bridge::tairitsu_bridge_archive_writer_begin(writer_.get(), bridge::borrow(path), bytes.size())));
    return failure_.check(bridge::tairitsu_bridge_archive_writer_write(writer_.get(), bridge::borrow(bytes)));
  }

  Result<void> finish() override {
    return failure_.check(bridge::tairitsu_bridge_archive_writer_finish(writer_.get()));
  }

 private:
  /// Callback of the bridge. Returns whether the sink accepted the bytes.
  static bool write_sink(void* context, const std::uint8_t* data, std::size_t size) noexcept {
    auto& self = *static_cast<BridgeArchiveWriter*>(context);
    return self.failure_.run(
        "sink", [&] { return self.sink_(std::span(reinterpret_cast<const std::byte*>(data), size)); });
  }

  const ArchiveSink& sink_;
  Failure failure_;
  WriterPtr writer_;
};

}  // namespace

ArchiveFormat make_archive_format() {
  ArchiveFormat format;
  format.reader = [](const ArchiveSource& source,
                     std::uint64_t max_bytes) -> Result<std::unique_ptr<ArchiveReader>> {
    auto reader = std::make_unique<BridgeArchiveReader>(source);
    TAIRITSU_RETURN_IF_ERROR(reader->open(max_bytes));
    return reader;
  };
  format.writer = [](const ArchiveSink& sink) -> Result<std::unique_ptr<ArchiveWriter>> {
    auto writer = std::make_unique<BridgeArchiveWriter>(sink);
    TAIRITSU_RETURN_IF_ERROR(writer->open());
    return writer;
  };
  return format;
}

}  // namespace tairitsu::detail

/// Streams of content to and from registries.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "oci/transport.h"
#include "tairitsu/error.h"

namespace tairitsu::oci {

/// Content to push. A retry reads it again, so it must be able to seek. Its errors end the push.
class BlobSource : public ByteSource {
 public:
  /// Makes the next `read` start at the offset.
  [[nodiscard]] virtual Result<void> seek(std::uint64_t offset) = 0;
};

/// Receives pulled content, in order. The content is not verified until the pull has succeeded: do not use it
/// before. An error from `write` ends the pull, so a sink can also cancel it.
class BlobSink {
 public:
  BlobSink() = default;
  BlobSink(const BlobSink&) = delete;
  BlobSink& operator=(const BlobSink&) = delete;
  virtual ~BlobSink() = default;

  [[nodiscard]] virtual Result<void> write(std::span<const std::byte> bytes) = 0;
};

/// Content in memory, which is borrowed.
class MemorySource final : public BlobSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}
  explicit MemorySource(std::string_view text) : bytes_(std::as_bytes(std::span(text))) {}

  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> into) override {
    const std::size_t count = std::min(into.size(), bytes_.size() - at_);
    if (count != 0) std::memcpy(into.data(), bytes_.data() + at_, count);
    at_ += count;
    return count;
  }
  [[nodiscard]] Result<void> seek(std::uint64_t offset) override {
    at_ = static_cast<std::size_t>(std::min<std::uint64_t>(offset, bytes_.size()));
    return {};
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

/// Collects content in memory.
class MemorySink final : public BlobSink {
 public:
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override {
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

/// Reports a transfer's progress in bytes; `total` is 0 if unknown, and `done` decreases when a retry starts over.
/// Called often, on the transfer's thread: keep it quick.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

}  // namespace tairitsu::oci

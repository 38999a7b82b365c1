/// Content that goes to a registry or comes from one, a piece at a time.
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

/// Content to be pushed. It is read from its front more than once where a try failed, so it can go back. What
/// it fails with ends the push.
class BlobSource : public ByteSource {
 public:
  /// The next `read` begins there.
  [[nodiscard]] virtual Result<void> seek(std::uint64_t offset) = 0;
};

/// Takes content that is pulled, in its order. What it is given is not verified before the pull has
/// succeeded: keep it aside until then. What it fails with ends the pull, so it can also call one off.
class BlobSink {
 public:
  BlobSink() = default;
  BlobSink(const BlobSink&) = delete;
  BlobSink& operator=(const BlobSink&) = delete;
  virtual ~BlobSink() = default;

  [[nodiscard]] virtual Result<void> write(std::span<const std::byte> bytes) = 0;
};

/// Content in memory; borrowed.
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

/// Content to memory.
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

/// How far a transfer is, in bytes; `total` is 0 where it is not known. Called on the transfer's thread,
/// often: it should be quick. Where a try begins anew `done` goes back.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

}  // namespace tairitsu::oci

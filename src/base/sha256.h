/// SHA-256. Stores and registries use this interface; the engine implements it.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace tairitsu::detail {

/// Computes the digest of a stream.
class Sha256 {
 public:
  Sha256() = default;
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  virtual ~Sha256() = default;

  virtual void update(std::span<const std::byte> bytes) = 0;
  /// Returns the hash. Call it once, after all updates.
  [[nodiscard]] virtual std::array<std::byte, 32> finish() = 0;
};

/// Creates the state for a new stream; called from any thread.
using Sha256Factory = std::function<std::unique_ptr<Sha256>()>;

/// Returns a hash as OCI writes it: `sha256:` and the digits.
[[nodiscard]] std::string digest_text(std::span<const std::byte> digest);
/// Finishes the stream and returns its digest as text.
[[nodiscard]] std::string finish_digest(Sha256& sha256);
[[nodiscard]] std::string digest_of(const Sha256Factory& factory, std::span<const std::byte> bytes);

}  // namespace tairitsu::detail

/// Content digests.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/sha256.h"
#include "tairitsu/error.h"

namespace tairitsu::oci {

using Sha256 = detail::Sha256;
using Sha256Factory = detail::Sha256Factory;

/// `sha256:` and 64 lower-case hexadecimal digits. Always valid: only `parse` and `of` create one.
class Digest {
 public:
  /// Fails with `invalid_argument`; also for other algorithms, which could not be verified.
  [[nodiscard]] static Result<Digest> parse(std::string_view text);
  [[nodiscard]] static Digest of(const std::array<std::byte, 32>& hash);
  [[nodiscard]] static Digest of(std::span<const std::byte> content, const Sha256Factory& sha256);

  [[nodiscard]] const std::string& to_string() const noexcept { return text_; }
  /// Returns the 64 digits.
  [[nodiscard]] std::string_view hex() const noexcept { return std::string_view(text_).substr(7); }

  bool operator==(const Digest&) const = default;

 private:
  explicit Digest(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace tairitsu::oci

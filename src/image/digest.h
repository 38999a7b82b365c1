/// Digests as OCI writes them: `sha256:` and 64 lower-case hexadecimal digits.
#pragma once

#include <cstddef>
#include <string_view>

namespace tairitsu::detail {

inline constexpr std::string_view kDigestPrefix = "sha256:";
inline constexpr std::size_t kDigestHexSize = 64;

[[nodiscard]] constexpr bool is_lower_hex(std::string_view text) noexcept {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Whether it is a whole digest. Nothing else may become a part of a path.
[[nodiscard]] constexpr bool is_digest(std::string_view text) noexcept {
  if (!text.starts_with(kDigestPrefix)) return false;
  text.remove_prefix(kDigestPrefix.size());
  return text.size() == kDigestHexSize && is_lower_hex(text);
}

/// The digits of a whole digest.
[[nodiscard]] constexpr std::string_view hex_of(std::string_view digest) noexcept {
  return digest.substr(kDigestPrefix.size());
}

}  // namespace tairitsu::detail

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

/// Returns whether `text` is a complete digest. Only a digest that passes this check may become part of a path.
[[nodiscard]] constexpr bool is_digest(std::string_view text) noexcept {
  if (!text.starts_with(kDigestPrefix)) return false;
  text.remove_prefix(kDigestPrefix.size());
  return text.size() == kDigestHexSize && is_lower_hex(text);
}

/// Returns the digits of a complete digest.
[[nodiscard]] constexpr std::string_view hex_of(std::string_view digest) noexcept {
  return digest.substr(kDigestPrefix.size());
}

/// Returns the digest digits in a reference: all 64, or a prefix of at least four. After a name and `@`, only a
/// complete digest counts. Empty if the reference can only be a name.
[[nodiscard]] constexpr std::string_view digits_in(std::string_view reference) noexcept {
  constexpr std::size_t kMinPrefix = 4;
  std::string_view digits = reference;
  if (const std::size_t at = digits.rfind('@'); at != std::string_view::npos) digits.remove_prefix(at + 1);
  if (is_digest(digits)) return hex_of(digits);
  if (digits.size() != reference.size()) return {};
  if (digits.starts_with(kDigestPrefix)) digits.remove_prefix(kDigestPrefix.size());
  const bool is_prefix =
      digits.size() >= kMinPrefix && digits.size() <= kDigestHexSize && is_lower_hex(digits);
  return is_prefix ? digits : std::string_view();
}

}  // namespace tairitsu::detail

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

/// The digits by which a reference says a digest, all of them or the first four and more; empty where it can be a name
/// only. After a name and `@` they are to be whole.
[[nodiscard]] constexpr std::string_view digits_in(std::string_view reference) noexcept {
  constexpr std::size_t kMinPrefix = 4;
  std::string_view digits = reference;
  if (const std::size_t at = digits.rfind('@'); at != std::string_view::npos) digits.remove_prefix(at + 1);
  if (is_digest(digits)) return hex_of(digits);
  if (digits.size() != reference.size()) return {};
  if (digits.starts_with(kDigestPrefix)) digits.remove_prefix(kDigestPrefix.size());
  const bool could_be =
      digits.size() >= kMinPrefix && digits.size() <= kDigestHexSize && is_lower_hex(digits);
  return could_be ? digits : std::string_view();
}

}  // namespace tairitsu::detail

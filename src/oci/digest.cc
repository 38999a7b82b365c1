#include "oci/digest.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "oci/text.h"

namespace tairitsu::oci {

namespace {

constexpr std::string_view kPrefix = "sha256:";

bool is_hex(char character) {
  return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'f');
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) {
    return fail(
        ErrorCode::invalid_argument,
        "'" + printable(text, 100) + "' is no digest that can be checked: it does not begin with sha256:");
  }
  const std::string_view hex = text.substr(kPrefix.size());
  if (hex.size() != 64 || !std::ranges::all_of(hex, is_hex)) {
    return fail(
        ErrorCode::invalid_argument,
        "'" + printable(text, 100) + "' is no digest: 64 lower-case hexadecimal digits follow sha256:");
  }
  return Digest(std::string(text));
}

Digest Digest::of(const std::array<std::byte, 32>& hash) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(kPrefix);
  for (const std::byte byte : hash) {
    const auto bits = std::to_integer<std::uint8_t>(byte);
    text += kDigits[bits >> 4U];
    text += kDigits[bits & 15U];
  }
  return Digest(std::move(text));
}

Digest Digest::of(std::span<const std::byte> content, const Sha256Factory& sha256) {
  const std::unique_ptr<Sha256> hash = sha256();
  hash->update(content);
  return of(hash->finish());
}

}  // namespace tairitsu::oci

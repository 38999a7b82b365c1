#include "base/sha256.h"

#include "base/digest.h"

namespace tairitsu::detail {

std::string digest_text(std::span<const std::byte> digest) {
  std::string text(kDigestPrefix);
  for (const std::byte byte : digest) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[std::to_integer<std::size_t>(byte >> 4U)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{0xF})];
  }
  return text;
}

std::string finish_digest(Sha256& sha256) { return digest_text(sha256.finish()); }

std::string digest_of(const Sha256Factory& factory, std::span<const std::byte> bytes) {
  const std::unique_ptr<Sha256> sha256 = factory();
  sha256->update(bytes);
  return finish_digest(*sha256);
}

}  // namespace tairitsu::detail

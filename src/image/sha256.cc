#include "image/sha256.h"

#include "image/digest.h"

namespace tairitsu::detail {

std::string finish_digest(Sha256& sha256) {
  std::string digest(kDigestPrefix);
  for (const std::byte byte : sha256.finish()) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    digest += kDigits[std::to_integer<std::size_t>(byte >> 4U)];
    digest += kDigits[std::to_integer<std::size_t>(byte & std::byte{0xF})];
  }
  return digest;
}

std::string digest_of(const Sha256Factory& factory, std::span<const std::byte> bytes) {
  const std::unique_ptr<Sha256> sha256 = factory();
  sha256->update(bytes);
  return finish_digest(*sha256);
}

}  // namespace tairitsu::detail

#include "oci/digest.h"

#include <utility>

#include "base/digest.h"
#include "oci/text.h"

namespace tairitsu::oci {

Result<Digest> Digest::parse(std::string_view text) {
  if (!text.starts_with(detail::kDigestPrefix)) {
    return fail(ErrorCode::invalid_argument,
                "unsupported digest '" + printable(text, 100) + "': only sha256 is supported");
  }
  if (!detail::is_digest(text)) {
    return fail(ErrorCode::invalid_argument, "invalid digest '" + printable(text, 100) +
                                                 "': expected sha256: and 64 lower-case hexadecimal digits");
  }
  return Digest(std::string(text));
}

Digest Digest::of(const std::array<std::byte, 32>& hash) { return Digest(detail::digest_text(hash)); }

Digest Digest::of(std::span<const std::byte> content, const Sha256Factory& sha256) {
  return Digest(detail::digest_of(sha256, content));
}

}  // namespace tairitsu::oci

/// Digests of the registry client's type, computed with the tests' own SHA-256.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "oci/digest.h"
#include "sha256.h"

namespace tairitsu::test {

inline oci::Digest oci_digest_of(std::string_view text) {
  return oci::Digest::of(std::as_bytes(std::span(text)), plain_sha256);
}

}  // namespace tairitsu::test

/// Base64: RFC 4648, section 4, with padding.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tairitsu::detail {

[[nodiscard]] std::string to_base64(std::span<const std::byte> bytes);

/// Returns the number of bytes that `text` encodes, provided that it is valid base64.
[[nodiscard]] std::size_t base64_size(std::string_view text) noexcept;
/// Writes `base64_size(text)` bytes. Returns false if the text is not base64: other characters, missing padding, or
/// trailing bits that are not zero. Don't use the bytes in that case.
[[nodiscard]] bool from_base64(std::string_view text, std::byte* to) noexcept;

}  // namespace tairitsu::detail

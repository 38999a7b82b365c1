/// Bytes as text: RFC 4648, section 4, with padding.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tairitsu::detail {

[[nodiscard]] std::string to_base64(std::span<const std::byte> bytes);

/// How many bytes the text stands for, if it is base64.
[[nodiscard]] std::size_t base64_size(std::string_view text) noexcept;
/// Writes that many bytes. False for what is no base64: other characters, missing padding, bits that are left
/// over and not zero. The bytes are not to be used then.
[[nodiscard]] bool from_base64(std::string_view text, std::byte* to) noexcept;

}  // namespace tairitsu::detail

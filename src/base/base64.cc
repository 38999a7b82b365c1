#include "base/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace tairitsu::detail {
namespace {

constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 0xFF;

constexpr auto kSixBits = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNone);
  for (std::size_t i = 0; i < kLetters.size(); ++i) {
    values[static_cast<unsigned char>(kLetters[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

std::size_t padding(std::string_view text) noexcept {
  if (text.ends_with("==")) return 2;
  return text.ends_with('=') ? 1 : 0;
}

}  // namespace

std::string to_base64(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < count ? std::to_integer<std::uint32_t>(bytes[at + i]) : 0);
    }
    for (std::size_t i = 0; i < 4; ++i) text += i <= count ? kLetters[bits >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

std::size_t base64_size(std::string_view text) noexcept {
  return text.size() < 4 ? 0 : text.size() / 4 * 3 - padding(text);
}

bool from_base64(std::string_view text, std::byte* to) noexcept {
  if (text.size() % 4 != 0) return false;
  const std::size_t end = text.size() - padding(text);
  std::uint32_t bits = 0;
  std::uint8_t seen = 0;
  for (std::size_t at = 0; at < end; ++at) {
    const std::uint8_t six = kSixBits[static_cast<unsigned char>(text[at])];
    seen |= six;
    bits = bits << 6 | six;
    // The first of four letters does not complete a byte.
    if (at % 4 != 0) *to++ = static_cast<std::byte>(bits >> (6 - at % 4 * 2));
  }
  // kNone is the only value that sets the two high bits.
  const std::uint32_t left_over = end % 4 == 0 ? 0 : bits & ((1U << (end % 4 == 2 ? 4 : 2)) - 1);
  return (seen & 0xC0) == 0 && left_over == 0;
}

}  // namespace tairitsu::detail

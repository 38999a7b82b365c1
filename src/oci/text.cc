#include "oci/text.h"

#include <algorithm>
#include <charconv>

namespace tairitsu::oci {

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<std::uint64_t> to_number(std::string_view text) noexcept {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char character : text) {
    if (kUnreserved.find(character) != std::string_view::npos) {
      out += character;
    } else {
      const auto bits = static_cast<unsigned char>(character);
      out += '%';
      out += kDigits[bits >> 4U];
      out += kDigits[bits & 15U];
    }
  }
  return out;
}

std::string redacted(std::string text, std::span<const std::string> secrets) {
  constexpr std::string_view kReplacement = "[redacted]";
  for (const std::string& secret : secrets) {
    for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos; at += kReplacement.size()) {
      text.replace(at, secret.size(), kReplacement);
    }
  }
  return text;
}

bool is_visible_ascii(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char character) { return character >= 0x20 && character < 0x7F; });
}

}  // namespace tairitsu::oci

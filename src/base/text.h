/// Characters, UTF-8 one character at a time, and shortened text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tairitsu::detail {

struct Character {
  char32_t value;
  std::size_t size;  ///< In bytes.
};

/// Returns the first character of `text`, which must not be empty; U+FFFD of one byte if it is not UTF-8.
[[nodiscard]] Character first_character(std::string_view text) noexcept;

inline void append_utf8(std::string& out, char32_t character) {
  const auto add = [&](char32_t bits) { out += static_cast<char>(static_cast<unsigned char>(bits)); };
  if (character < 0x80) {
    add(character);
  } else if (character < 0x800) {
    add(0xC0U | character >> 6U);
    add(0x80U | (character & 0x3FU));
  } else if (character < 0x10000) {
    add(0xE0U | character >> 12U);
    add(0x80U | (character >> 6U & 0x3FU));
    add(0x80U | (character & 0x3FU));
  } else {
    add(0xF0U | character >> 18U);
    add(0x80U | (character >> 12U & 0x3FU));
    add(0x80U | (character >> 6U & 0x3FU));
    add(0x80U | (character & 0x3FU));
  }
}

/// Returns at most the first `max_size` bytes of `text`, ending between two characters.
[[nodiscard]] std::string_view front_of(std::string_view text, std::size_t max_size) noexcept;

/// Like `front_of`, with an ellipsis if anything was removed.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t max_size);

/// Like `shortened`, for untrusted text: replaces each control character and each byte that is not UTF-8 by U+FFFD, so
/// that the text cannot write escape sequences to a terminal.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_size = 100);

// ASCII only, independent of the locale.
[[nodiscard]] inline bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
[[nodiscard]] inline bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
[[nodiscard]] inline bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
[[nodiscard]] inline bool is_letter(char c) noexcept { return is_lower(c) || is_upper(c); }
[[nodiscard]] inline bool is_alphanumeric(char c) noexcept { return is_letter(c) || is_digit(c); }

/// Returns the text in single quotes, as messages show names.
[[nodiscard]] inline std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

/// Returns the text with its ASCII letters in lower case.
[[nodiscard]] std::string lower_case(std::string_view text);

/// Returns whether two words are equal, ignoring the case of ASCII letters.
[[nodiscard]] bool is_same_word(std::string_view a, std::string_view b) noexcept;

}  // namespace tairitsu::detail

#include "base/text.h"

#include <algorithm>
#include <array>

#include "tairitsu/detail/unicode.h"

namespace tairitsu::detail {
namespace {

char to_lower(char character) noexcept {
  return is_upper(character) ? static_cast<char>(character - 'A' + 'a') : character;
}

}  // namespace

Character first_character(std::string_view text) noexcept {
  constexpr Character kBad = {.value = 0xFFFD, .size = 1};
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {.value = first, .size = 1};
  const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return kBad;
  char32_t value = first & (0x7FU >> size);
  for (std::size_t index = 1; index < size; ++index) {
    if ((byte(index) & 0xC0U) != 0x80) return kBad;
    value = value << 6U | (byte(index) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[size] || !is_unicode_scalar(value)) return kBad;
  return {.value = value, .size = size};
}

std::string_view front_of(std::string_view text, std::size_t max_size) noexcept {
  if (text.size() <= max_size) return text;
  while (max_size > 0 && (static_cast<unsigned char>(text[max_size]) & 0xC0U) == 0x80) --max_size;
  return text.substr(0, max_size);
}

std::string shortened(std::string_view text, std::size_t max_size) {
  std::string front(front_of(text, max_size));
  return front.size() < text.size() ? front + "…" : front;
}

std::string printable(std::string_view text, std::size_t max_size) {
  const std::string_view front = front_of(text, max_size);
  std::string out;
  for (std::string_view rest = front; !rest.empty();) {
    const Character character = first_character(rest);
    const char32_t value = character.value;
    // C0, DEL and C1, line separators, and characters that change the direction of text.
    const bool hidden = value < 0x20 || (value >= 0x7F && value < 0xA0) ||
                        (value >= 0x2028 && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069) ||
                        value == 0x200E || value == 0x200F;
    append_utf8(out, hidden ? 0xFFFD : value);
    rest.remove_prefix(character.size);
  }
  if (front.size() < text.size()) out += "…";
  return out;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), to_lower);
  return lower;
}

bool is_same_word(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, {}, to_lower, to_lower);
}

}  // namespace tairitsu::detail

#include "value/wave_text.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/nearest.h"
#include "base/text.h"
#include "tairitsu/detail/context.h"
#include "value/number.h"

namespace tairitsu::detail::wave {

bool is_keyword(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 8> kKeywords = {"true", "false", "inf", "nan",
                                                         "some", "none",  "ok",  "err"};
  return name.size() <= 5 && std::ranges::find(kKeywords, name) != kKeywords.end();
}

namespace {

/// Returns whether the character is invisible or changes how other text is displayed (control characters, direction
/// marks), or is not a character at all.
bool is_unseen(char32_t c) noexcept {
  if (c < 0x80) return c < 0x20 || c == 0x7F;
  return c < 0xA0 || c == 0xAD || c == 0x61C || c == 0x180E || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFFF9 && c <= 0xFFFB) || (c & 0xFFFEU) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF) ||
         (c >= 0xE0000 && c <= 0xE0FFF) || !is_unicode_scalar(c);
}

bool is_ordinary(char c, char quote) noexcept { return c >= ' ' && c < 0x7F && c != quote && c != '\\'; }

}  // namespace

void append_escaped(std::string& out, char32_t character, char quote) {
  switch (character) {
    case U'\t':
      out += "\\t";
      return;
    case U'\n':
      out += "\\n";
      return;
    case U'\r':
      out += "\\r";
      return;
    case U'\\':
      out += "\\\\";
      return;
    default:
      break;
  }
  if (character == static_cast<char32_t>(quote)) {
    out += '\\';
    out += quote;
  } else if (is_unseen(character)) {
    std::array<char, 8> digits{};
    const auto end =
        std::to_chars(digits.begin(), digits.end(), static_cast<std::uint32_t>(character), 16).ptr;
    out.append("\\u{").append(digits.begin(), end).append("}");
  } else {
    append_utf8(out, character);
  }
}

void append_escaped(std::string& out, std::string_view text, char quote) {
  while (!text.empty()) {
    const auto end = std::ranges::find_if(text, [&](char c) { return !is_ordinary(c, quote); });
    const auto size = static_cast<std::size_t>(end - text.begin());
    out.append(text.substr(0, size));
    text.remove_prefix(size);
    if (text.empty()) return;
    const Character character = first_character(text);
    append_escaped(out, character.value, quote);
    text.remove_prefix(character.size);
  }
}

// ---- Texts for messages

namespace {

constexpr std::size_t kFewLabels = 8;

}  // namespace

std::string shown(std::string_view text, std::size_t max_size) {
  const std::string_view front = front_of(text, max_size);
  std::string out;
  append_escaped(out, front, '\\');  // The backslash is escaped anyway, so this escapes no quotes.
  return front.size() < text.size() ? out + "…" : out;
}

std::string labels_of(const TypeNode& type) {
  std::string text;
  std::size_t count = 0;
  for (const TypeField& field : type.fields) {
    if (count == kFewLabels || text.size() > 200) {
      return fmt::format(" ({}, … {} in all)", text, type.fields.size());
    }
    if (count++ != 0) text += ", ";
    text += shown(field.name);
  }
  return count == 0 ? std::string() : fmt::format(" ({})", text);
}

std::string nearest_label(std::string_view asked, const TypeNode& type) {
  std::vector<std::string> names(type.fields.size());
  std::ranges::transform(type.fields, names.begin(), &TypeField::name);
  const std::vector<std::string> nearest = nearest_names(asked, names);
  if (nearest.empty()) return {};
  const std::string& name = nearest.front();
  const bool is_case = type.kind == TypeKind::variant || type.kind == TypeKind::enumeration;
  return fmt::format("; did you mean '{}{}'?", is_case && is_keyword(name) ? "%" : "", shown(name));
}

std::string wanted(const TypeNode& type) {
  switch (type.kind) {
    case TypeKind::boolean:
      return "true or false";
    case TypeKind::f32:
    case TypeKind::f64:
      return "a number, inf, -inf or nan";
    case TypeKind::character:
      return "a char in ' '";
    case TypeKind::string:
      return "a string in \" \"";
    case TypeKind::list:
      return "a list in [ ]";
    case TypeKind::record:
      return fmt::format("a record in {{ }}, '{}'", type_name(type));
    case TypeKind::tuple:
      return fmt::format("a tuple in ( ), '{}'", type_name(type));
    case TypeKind::flags:
      return fmt::format("flags in {{ }}, '{}'", type_name(type));
    case TypeKind::variant:
    case TypeKind::enumeration:
      return fmt::format("a case of '{}'{}", type_name(type), labels_of(type));
    case TypeKind::option:
      return "some(…) or none";
    case TypeKind::result: {
      const auto payload = [&](std::size_t index) { return type.field(index) == nullptr ? "" : "(…)"; };
      return fmt::format("ok{} or err{}", payload(0), payload(1));
    }
    default:
      return fmt::format("an integer from {}", integer_range(type.kind).text());
  }
}

}  // namespace tairitsu::detail::wave

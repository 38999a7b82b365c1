#include "value/json_text.h"

#include <cmath>
#include <cstdint>

#include "tairitsu/detail/context.h"

namespace tairitsu::detail {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// How many bytes the well-formed UTF-8 sequence at the front has; 0 where there is none. Source: table 3-7
/// of the Unicode Standard.
std::size_t sequence_size(std::string_view text) noexcept {
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : std::uint8_t{0};
  };
  const auto in = [&](std::size_t at, unsigned least, unsigned most) {
    return byte(at) >= least && byte(at) <= most;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return in(1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool second = in(1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF);
    return second && in(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool second = in(1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
    return second && in(2, 0x80, 0xBF) && in(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

std::string well_formed(std::string_view text) {
  std::string mended;
  while (!text.empty()) {
    const std::size_t size = sequence_size(text);
    mended += size == 0 ? kReplacement : text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return mended;
}

std::string encoded(char32_t value) {
  const auto byte = [](char32_t bits) { return static_cast<char>(static_cast<unsigned char>(bits)); };
  if (value < 0x80) return {byte(value)};
  if (value < 0x800) return {byte(0xC0 | value >> 6), byte(0x80 | (value & 0x3F))};
  if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return std::string(kReplacement);
  if (value < 0x10000) {
    return {byte(0xE0 | value >> 12), byte(0x80 | (value >> 6 & 0x3F)), byte(0x80 | (value & 0x3F))};
  }
  return {byte(0xF0 | value >> 18), byte(0x80 | (value >> 12 & 0x3F)), byte(0x80 | (value >> 6 & 0x3F)),
          byte(0x80 | (value & 0x3F))};
}

template <typename T>
char* write(char* to, T number) {
  if (std::isnan(number)) return fmt::format_to(to, R"("nan")");
  if (std::isinf(number)) return fmt::format_to(to, R"("{}inf")", number < 0 ? "-" : "");
  // Many readers take -0 for an integer, which has no sign.
  if (number == 0 && std::signbit(number)) return fmt::format_to(to, "-0.0");
  return fmt::format_to(to, "{}", number);
}

}  // namespace

void JsonText::key(std::string_view name) {
  separate();
  quoted(name);
  text_ += indent_ >= 0 ? ": " : ":";
  after_key_ = true;
}

void JsonText::string(std::string_view text) {
  separate();
  quoted(text);
}

void JsonText::character(char32_t value) { string(encoded(value)); }

void JsonText::end(char bracket) {
  --depth_;
  if (!first_ && indent_ >= 0) new_line();
  first_ = false;
  text_ += bracket;
}

void JsonText::new_line() {
  text_ += '\n';
  text_.append(depth_ * static_cast<std::size_t>(indent_), ' ');
}

char* JsonText::write_real(char* to, float number) { return write(to, number); }
char* JsonText::write_real(char* to, double number) { return write(to, number); }

void JsonText::quoted(std::string_view text) {
  if (!is_utf8(text)) return quoted(well_formed(text));
  text_ += '"';
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    text_ += text.substr(done, at - done);
    done = at + 1;
    switch (byte) {
      case '\n':
        text_ += "\\n";
        break;
      case '\r':
        text_ += "\\r";
        break;
      case '\t':
        text_ += "\\t";
        break;
      case '"':
      case '\\':
        text_ += {'\\', static_cast<char>(byte)};
        break;
      default:
        fmt::format_to(std::back_inserter(text_), "\\u{:04x}", byte);
    }
  }
  text_ += text.substr(done);
  text_ += '"';
}

IntegerRange integer_range(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::s8:
      return {.least = "-128", .most = "127"};
    case TypeKind::u8:
      return {.least = "0", .most = "255"};
    case TypeKind::s16:
      return {.least = "-32768", .most = "32767"};
    case TypeKind::u16:
      return {.least = "0", .most = "65535"};
    case TypeKind::s32:
      return {.least = "-2147483648", .most = "2147483647"};
    case TypeKind::u32:
      return {.least = "0", .most = "4294967295"};
    case TypeKind::s64:
      return {.least = "-9223372036854775808", .most = "9223372036854775807"};
    case TypeKind::u64:
      return {.least = "0", .most = "18446744073709551615"};
    default:
      return {};
  }
}

}  // namespace tairitsu::detail

#include "value/json_text.h"

#include <cmath>
#include <cstdint>

#include "base/text.h"
#include "tairitsu/detail/context.h"

namespace tairitsu::detail {
namespace {

std::string well_formed(std::string_view text) {
  std::string fixed;
  while (!text.empty()) {
    const Character character = first_character(text);
    append_utf8(fixed, character.value);
    text.remove_prefix(character.size);
  }
  return fixed;
}

template <typename T>
char* write(char* to, T number) {
  if (std::isnan(number)) return fmt::format_to(to, R"("nan")");
  if (std::isinf(number)) return fmt::format_to(to, R"("{}inf")", number < 0 ? "-" : "");
  // Many readers parse -0 as an integer and lose the sign.
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

void JsonText::character(char32_t value) {
  std::string text;
  append_utf8(text, is_unicode_scalar(value) ? value : U'\uFFFD');
  string(text);
}

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

}  // namespace tairitsu::detail

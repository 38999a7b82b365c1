/// What writes JSON text, for values and for schemas.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "tairitsu/type.h"

namespace tairitsu::detail {

/// Builds text from front to back; what goes between the parts it knows.
class JsonText {
 public:
  /// As `JsonOptions::indent`.
  explicit JsonText(int indent) noexcept : indent_(indent) {}

  void begin_array() { begin('['); }
  void end_array() { end(']'); }
  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void key(std::string_view name);
  /// Ill-formed UTF-8 becomes U+FFFD.
  void string(std::string_view text);
  /// A string of one character; U+FFFD for what is none.
  void character(char32_t value);
  /// What is JSON already: `true`, a number.
  void raw(std::string_view json) {
    separate();
    text_ += json;
  }
  void integer(std::integral auto number) {
    const fmt::format_int digits(number);
    raw({digits.data(), digits.size()});
  }
  /// The shortest text that reads back as the same number; `"nan"`, `"inf"`, `"-inf"`.
  void real(std::floating_point auto number) {
    char digits[48];
    raw({digits, static_cast<std::size_t>(write_real(digits, number) - digits)});
  }
  /// Room for so many more bytes.
  void reserve(std::size_t bytes) { text_.reserve(text_.size() + bytes); }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void begin(char bracket) {
    separate();
    text_ += bracket;
    ++depth_;
    first_ = true;
  }
  void end(char bracket);
  /// Before each value and key.
  void separate() {
    if (after_key_) {
      after_key_ = false;
      return;
    }
    if (!first_) text_ += ',';
    first_ = false;
    if (indent_ >= 0 && depth_ != 0) new_line();
  }
  void new_line();
  static char* write_real(char* to, float number);
  static char* write_real(char* to, double number);
  void quoted(std::string_view text);

  std::string text_;
  int indent_;
  std::size_t depth_ = 0;
  bool first_ = true;
  bool after_key_ = false;
};

}  // namespace tairitsu::detail

/// The writer of JSON text, for values and schemas.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "tairitsu/type.h"

namespace tairitsu::detail {

/// Builds JSON text from front to back; inserts commas, colons and indentation.
class JsonText {
 public:
  /// `indent` is `JsonOptions::indent`.
  explicit JsonText(int indent) noexcept : indent_(indent) {}

  void begin_array() { begin('['); }
  void end_array() { end(']'); }
  void begin_object() { begin('{'); }
  void end_object() { end('}'); }
  void key(std::string_view name);
  /// Writes a string, replacing ill-formed UTF-8 by U+FFFD.
  void string(std::string_view text);
  /// Writes a string of one character, or of U+FFFD if the value is not a character.
  void character(char32_t value);
  /// Writes text that is JSON already, such as `true` or a number.
  void raw(std::string_view json) {
    separate();
    text_ += json;
  }
  void integer(std::integral auto number) {
    const fmt::format_int digits(number);
    raw({digits.data(), digits.size()});
  }
  /// Writes the shortest text that reads back as the same number, or `"nan"`, `"inf"`, `"-inf"`.
  void real(std::floating_point auto number) {
    char digits[48];
    raw({digits, static_cast<std::size_t>(write_real(digits, number) - digits)});
  }
  /// Reserves memory for that many more bytes.
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
  /// Called before each value and key.
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

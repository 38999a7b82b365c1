/// Writes C++ text: indentation, documentation, long parameter lists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tairitsu::bindgen {

class Writer {
 public:
  /// One line at the current depth; empty lines carry no spaces.
  void line(std::string_view text = {});
  /// Text as it is.
  void append(std::string_view text) { text_ += text; }
  /// WIT documentation as `///` lines.
  void docs(std::string_view text);
  /// `before` up to its opening bracket, the items, and `after` from the closing one; broken after commas
  /// where it is long.
  void list(std::string_view before, const std::vector<std::string>& items, std::string_view after);
  /// One empty line, unless the text has one there or has just opened a scope.
  void gap();
  /// Whether the last line is a `using`.
  [[nodiscard]] bool ends_with_alias() const;
  void indent() { ++depth_; }
  void outdent() { --depth_; }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
  int depth_ = 0;
};

}  // namespace tairitsu::bindgen

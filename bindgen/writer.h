/// Writes C++ text: indentation, documentation, long parameter lists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tairitsu::bindgen {

class Writer {
 public:
  /// Writes a line at the current depth. An empty line gets no indentation.
  void line(std::string_view text = {});
  /// Writes the text unchanged.
  void append(std::string_view text) { text_ += text; }
  /// Writes WIT documentation as `///` lines.
  void docs(std::string_view text);
  /// Writes `before`, which ends with an opening bracket, the items, and `after`, which begins with the closing
  /// bracket. Breaks the line after commas if it is too long.
  void list(std::string_view before, const std::vector<std::string>& items, std::string_view after);
  /// Writes an empty line, unless the text ends with one or has just opened a scope.
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

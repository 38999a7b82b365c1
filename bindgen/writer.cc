#include "bindgen/writer.h"

#include <cstddef>

namespace tairitsu::bindgen {
namespace {

constexpr std::size_t kWidth = 110;

}  // namespace

void Writer::line(std::string_view text) {
  if (!text.empty()) {
    text_.append(static_cast<std::size_t>(depth_) * 2, ' ');
    text_ += text;
  }
  text_ += '\n';
}

void Writer::docs(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view docs_line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    // A backslash at the end of the line would continue the comment on the next line.
    while (!docs_line.empty() &&
           (docs_line.back() == ' ' || docs_line.back() == '\r' || docs_line.back() == '\\')) {
      docs_line.remove_suffix(1);
    }
    std::string safe(docs_line);
    for (std::size_t at = safe.find("??"); at != std::string::npos; at = safe.find("??", at + 1)) {
      safe.insert(at + 1, " ");  // Breaks up trigraphs.
    }
    line(safe.empty() ? "///" : "/// " + safe);
  }
}

void Writer::gap() {
  const auto ends_with = [this](std::string_view end) { return std::string_view(text_).ends_with(end); };
  if (!text_.empty() && !ends_with("\n\n") && !ends_with("{\n") && !ends_with(":\n")) text_ += '\n';
}

bool Writer::ends_with_alias() const {
  const std::string_view text = text_;
  if (!text.ends_with('\n')) return false;
  const std::size_t begin = text.rfind('\n', text.size() - 2);
  return text.substr(begin == std::string_view::npos ? 0 : begin + 1).starts_with("using ");
}

void Writer::list(std::string_view before, const std::vector<std::string>& items, std::string_view after) {
  const std::size_t space = static_cast<std::size_t>(depth_) * 2;
  std::string whole(before);
  for (std::size_t i = 0; i < items.size(); ++i) whole += (i == 0 ? "" : ", ") + items[i];
  whole += after;
  if (space + whole.size() <= kWidth || items.empty()) return line(whole);
  std::string current(before);
  // The items are aligned with the bracket if there is room for them, otherwise on the lines below it.
  const bool hanging = space + current.size() > kWidth / 2;
  const std::string next(hanging ? 4 : current.size(), ' ');
  if (hanging) {
    line(current);
    current = next;
  }
  bool line_start = true;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string item = items[i] + (i + 1 < items.size() ? "," : std::string(after));
    if (!line_start && space + current.size() + 1 + item.size() > kWidth) {
      line(current);
      current = next;
      line_start = true;
    }
    current += (line_start ? "" : " ") + item;
    line_start = false;
  }
  line(current);
}

}  // namespace tairitsu::bindgen

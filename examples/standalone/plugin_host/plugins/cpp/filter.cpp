#include <expected>
#include <string>

#include "plugin_cpp.h"

namespace exports::example::editor::filters {

Filter::Filter(wit::string word) : word_(word.get_view()) {
  ::example::editor::host::Log("hiding '" + word_ + "'");
}

std::expected<wit::string, wit::string> Filter::Apply(wit::string text) {
  if (text.empty()) return std::unexpected(wit::string::from_view("the text is empty"));
  std::string result = text.to_string();
  for (std::size_t at = 0; !word_.empty() && (at = result.find(word_, at)) != std::string::npos; ++hidden_) {
    result.replace(at, word_.size(), word_.size(), '*');
  }
  return wit::string::from_view(result);
}

wit::string Language() { return wit::string::from_view("C++"); }

}  // namespace exports::example::editor::filters

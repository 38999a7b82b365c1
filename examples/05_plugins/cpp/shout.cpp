#include <cctype>
#include <expected>
#include <string>

#include "plugin_cpp.h"

namespace exports::example::plugins::filter {

About Describe() { return {wit::string::from_view("shout"), wit::string::from_view("C++")}; }

std::expected<wit::string, wit::string> Apply(wit::string text) {
  if (text.empty()) return std::unexpected(wit::string::from_view("nothing to shout"));
  std::string loud = text.to_string();
  for (char& letter : loud) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  return wit::string::from_view(loud + "!");
}

}  // namespace exports::example::plugins::filter

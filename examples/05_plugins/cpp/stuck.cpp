// A plug-in with a bug: it never returns.
#include <expected>

#include "plugin_cpp.h"

namespace exports::example::plugins::filter {

About Describe() { return {wit::string::from_view("stuck"), wit::string::from_view("C++")}; }

std::expected<wit::string, wit::string> Apply(wit::string text) {
  for (volatile bool searching = true; searching;) {
  }
  return text;
}

}  // namespace exports::example::plugins::filter

/// How WIT's kebab-case names become C++ names.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace tairitsu::bindgen {

/// `cheaper-than` is `cheaper_than`. A C++ keyword, and a name that C++'s own headers take as a macro or
/// that would hide a namespace of the generated code, gets an underscore at its end.
[[nodiscard]] std::string snake_case(std::string_view name);

/// The same for a namespace in the global one, beside the functions of C's library.
[[nodiscard]] std::string namespace_case(std::string_view name);

/// The same for a file's name, where nothing is reserved.
[[nodiscard]] std::string file_stem(std::string_view name);

/// `cheaper-than` is `CheaperThan`; capitals of acronyms stay.
[[nodiscard]] std::string title_case(std::string_view name);

/// The names taken in one C++ scope.
class Scope {
 public:
  /// Takes `wanted`, or the first free of `wanted_`, `wanted__` …, and gives what was taken.
  std::string claim(std::string wanted);

 private:
  std::set<std::string, std::less<>> taken_;
};

}  // namespace tairitsu::bindgen

/// How WIT's kebab-case names become C++ names.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace tairitsu::bindgen {

/// Returns `cheaper_than` for `cheaper-than`. Appends an underscore to C++ keywords, to macros of the standard
/// headers, and to names that would hide a namespace that generated code uses.
[[nodiscard]] std::string snake_case(std::string_view name);

/// As `snake_case`, for a namespace in the global scope: also appends an underscore to names of C library functions.
[[nodiscard]] std::string namespace_case(std::string_view name);

/// As `snake_case`, for a file name: no name is reserved.
[[nodiscard]] std::string file_stem(std::string_view name);

/// Returns `CheaperThan` for `cheaper-than`. Capitals stay: `HTTP-get` becomes `HTTPGet`.
[[nodiscard]] std::string title_case(std::string_view name);

/// The names that are used in one C++ scope.
class Scope {
 public:
  /// Claims `wanted`, or the first unused name of `wanted_`, `wanted__`, …, and returns it.
  std::string claim(std::string wanted);

 private:
  std::set<std::string, std::less<>> taken_;
};

}  // namespace tairitsu::bindgen

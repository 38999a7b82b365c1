#include "bindgen/names.h"

#include <algorithm>
#include <array>

namespace tairitsu::bindgen {
namespace {

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// Sorted. Keywords of C++23 and of GNU C++, and `import` and `module`, which mean something at the
// beginning of a line.
constexpr auto kReserved = std::to_array<std::string_view>({
    "alignas",      "alignof",
    "and",          "and_eq",
    "asm",          "assert",
    "auto",         "bitand",
    "bitor",        "bool",
    "break",        "case",
    "catch",        "char",
    "char16_t",     "char32_t",
    "char8_t",      "class",
    "co_await",     "co_return",
    "co_yield",     "compl",
    "concept",      "const",
    "const_cast",   "consteval",
    "constexpr",    "constinit",
    "continue",     "decltype",
    "default",      "delete",
    "do",           "double",
    "dynamic_cast", "else",
    "enum",         "errno",
    "explicit",     "export",
    "extern",       "false",
    "float",        "for",
    "friend",       "goto",
    "i386",         "if",
    "import",       "inline",
    "int",          "linux",
    "long",         "major",
    "makedev",      "minor",
    "module",       "mutable",
    "namespace",    "new",
    "noexcept",     "not",
    "not_eq",       "nullptr",
    "offsetof",     "operator",
    "or",           "or_eq",
    "posix",        "private",
    "protected",    "public",
    "register",     "reinterpret_cast",
    "requires",     "return",
    "setjmp",       "short",
    "signed",       "sizeof",
    "static",       "static_assert",
    "static_cast",  "std",
    "struct",       "switch",
    "tairitsu",     "template",
    "this",         "thread_local",
    "throw",        "true",
    "try",          "typedef",
    "typeid",       "typename",
    "typeof",       "union",
    "unix",         "unsigned",
    "using",        "va_arg",
    "va_copy",      "va_end",
    "va_start",     "virtual",
    "void",         "volatile",
    "wchar_t",      "while",
    "xor",          "xor_eq",
});
static_assert(std::ranges::is_sorted(kReserved));

}  // namespace

std::string file_stem(std::string_view name) {
  std::string result;
  for (const char c : name) result += c == '-' ? '_' : to_lower(c);
  return result;
}

std::string snake_case(std::string_view name) {
  std::string result = file_stem(name);
  if (std::ranges::binary_search(kReserved, result)) result += '_';
  return result;
}

std::string title_case(std::string_view name) {
  std::string result;
  bool begins = true;
  for (const char c : name) {
    if (c == '-') {
      begins = true;
    } else {
      result += begins ? to_upper(c) : c;
      begins = false;
    }
  }
  return result;
}

std::string Scope::claim(std::string wanted) {
  while (!taken_.insert(wanted).second) wanted += '_';
  return wanted;
}

}  // namespace tairitsu::bindgen

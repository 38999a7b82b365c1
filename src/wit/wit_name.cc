#include "wit/wit_name.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/text.h"
#include "wit/name.h"

namespace tairitsu::detail {
namespace {

bool is_keyword(std::string_view name) {
  // From the crate wit-parser. `float32` and `float64` are obsolete.
  constexpr std::array<std::string_view, 45> kKeywords = {
      "as",      "async",  "bool",     "borrow",    "char",    "constructor", "enum",   "error-context",
      "export",  "f32",    "f64",      "flags",     "float32", "float64",     "from",   "func",
      "future",  "import", "include",  "interface", "list",    "map",         "option", "own",
      "package", "record", "resource", "result",    "s16",     "s32",         "s64",    "s8",
      "static",  "stream", "string",   "tuple",     "type",    "u16",         "u32",    "u64",
      "u8",      "use",    "variant",  "with",      "world"};
  return std::ranges::find(kKeywords, name) != kKeywords.end();
}

/// Checks `1.2.3-rc.1+build` for what WIT restricts beyond the component model, whose names are valid already.
bool is_version(std::string_view version) {
  std::size_t at = 0;
  for (int part = 0; part < 3; ++part) {
    if (part > 0) {
      if (at == version.size() || version[at] != '.') return false;
      ++at;
    }
    const std::size_t start = at;
    while (at < version.size() && is_digit(version[at])) ++at;
    const std::size_t digits = at - start;
    if (digits == 0 || digits > 18 || (digits > 1 && version[start] == '0')) return false;
  }
  if (at < version.size() && version[at] != '-' && version[at] != '+') return false;
  while (at < version.size()) {
    const std::size_t start = ++at;
    while (at < version.size() && is_alphanumeric(version[at])) ++at;
    if (at == start || is_keyword(version.substr(start, at - start))) return false;
    constexpr std::string_view kBetween = "-+.";
    if (at < version.size() && !kBetween.contains(version[at])) return false;
  }
  return true;
}

bool is_short_version(std::string_view version) {
  return !version.empty() && std::ranges::count(version, '.') < 2 &&
         std::ranges::all_of(version, [](char c) { return is_digit(c) || c == '.'; });
}

}  // namespace

bool is_wit_label(std::string_view name) noexcept {
  if (name.empty() || is_digit(name[0])) return false;
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t end = std::min(name.find('-', start), name.size());
    const std::string_view word = name.substr(start, end - start);
    if (word.empty() || !std::ranges::all_of(word, is_alphanumeric)) return false;
    if (std::ranges::any_of(word, is_lower) && std::ranges::any_of(word, is_upper)) return false;
    start = end + 1;
  }
  return true;
}

std::string escape_wit_label(std::string_view label) {
  return (is_keyword(label) ? "%" : "") + std::string(label);
}

std::string WitPath::full() const {
  std::string text = package;
  return text.insert(std::min(text.find('@'), text.size()), "/" + escape_wit_label(label));
}

std::optional<WitPath> parse_wit_path(std::string_view name) {
  const InterfaceName parts = parse_interface_name(name);
  const std::size_t colon = parts.package.find(':');
  if (colon == parts.package.npos) return std::nullopt;
  const std::string_view space = parts.package.substr(0, colon);
  const std::string_view package = parts.package.substr(colon + 1);
  if (!is_wit_label(space) || !is_wit_label(package) || !is_wit_label(parts.label)) return std::nullopt;
  WitPath path{.package = escape_wit_label(space) + ":" + escape_wit_label(package),
               .label = std::string(parts.label)};
  if (!name.contains('@')) return path;
  std::string version(parts.version);
  path.completed = is_short_version(version);
  while (is_short_version(version)) version += ".0";
  if (!is_version(version)) return std::nullopt;
  path.package += "@" + version;
  return path;
}

std::optional<WitMember> parse_wit_member(std::string_view name) noexcept {
  using enum WitMember::Kind;
  constexpr std::string_view kConstructor = "[constructor]";
  constexpr std::string_view kMethod = "[method]";
  constexpr std::string_view kStatic = "[static]";
  if (name.starts_with(kConstructor)) {
    return WitMember{.kind = constructor, .resource = name.substr(kConstructor.size()), .name = {}};
  }
  const bool is_method = name.starts_with(kMethod);
  if (!is_method && !name.starts_with(kStatic)) return std::nullopt;
  name.remove_prefix(is_method ? kMethod.size() : kStatic.size());
  const std::size_t dot = name.find('.');
  if (dot == name.npos) return std::nullopt;
  return WitMember{.kind = is_method ? method : static_function,
                   .resource = name.substr(0, dot),
                   .name = name.substr(dot + 1)};
}

}  // namespace tairitsu::detail

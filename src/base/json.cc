#include "base/json.h"

#include <limits>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/text.h"

namespace tairitsu::detail {
namespace {

constexpr int kMaxDepth = 32;

/// Checked before parsing, because the parser's own callback would double its time. Exact if `text` is JSON.
bool is_too_deep(std::string_view text) noexcept {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

Result<std::string> string_of(const Json& json, std::string_view what, std::string_view name) {
  if (!json.is_string()) return malformed(what, fmt::format("'{}' is not a string", name));
  return json.get_ref<const std::string&>();
}

}  // namespace

std::unexpected<Error> malformed(std::string_view what, std::string_view problem) {
  return fail(ErrorCode::invalid_manifest, fmt::format("{}: {}", what, problem));
}

Result<Json> parse_json_object(std::span<const std::byte> bytes, std::string_view what) {
  const auto* begin = reinterpret_cast<const char*>(bytes.data());
  if (is_too_deep({begin, bytes.size()})) {
    return malformed(what, fmt::format("nested more than {} levels deep", kMaxDepth));
  }
  try {
    Json json = Json::parse(begin, begin + bytes.size());
    if (!json.is_object()) return malformed(what, "not a JSON object");
    return json;
  } catch (const Json::exception& error) {
    return malformed(what, fmt::format("not JSON: {}", printable(error.what(), 200)));
  }
}

Result<std::string> to_json_text(const Json& json, std::string_view what) {
  try {
    return json.dump();
  } catch (const Json::exception&) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: a string is not UTF-8", what));
  }
}

const Json* member(const Json& object, std::string_view name) {
  const auto found = object.find(std::string(name));
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> string_member(const Json& object, std::string_view name, std::string_view what,
                                  bool required) {
  const Json* found = member(object, name);
  if (found == nullptr) {
    if (required) return malformed(what, fmt::format("'{}' is missing", name));
    return std::string();
  }
  return string_of(*found, what, name);
}

Result<std::vector<std::string>> strings_member(const Json& object, std::string_view name,
                                                std::string_view what, bool required) {
  std::vector<std::string> strings;
  const Json* found = member(object, name);
  if (found == nullptr) {
    if (required) return malformed(what, fmt::format("'{}' is missing", name));
    return strings;
  }
  if (!found->is_array()) return malformed(what, fmt::format("'{}' is not a list", name));
  strings.reserve(found->size());
  for (const Json& element : *found) {
    TAIRITSU_TRY(std::string text, string_of(element, what, fmt::format("{}[{}]", name, strings.size())));
    strings.push_back(std::move(text));
  }
  return strings;
}

Result<std::map<std::string, std::string>> annotations_member(const Json& object, std::string_view what) {
  std::map<std::string, std::string> annotations;
  const Json* found = member(object, "annotations");
  if (found == nullptr) return annotations;
  if (!found->is_object()) return malformed(what, "'annotations' is not an object");
  for (const auto& [key, value] : found->items()) {
    if (!value.is_string()) {
      return malformed(what, fmt::format("'annotations.{}' is not a string", printable(key, 60)));
    }
    annotations.emplace(key, value.get_ref<const std::string&>());
  }
  return annotations;
}

}  // namespace tairitsu::detail

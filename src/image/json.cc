#include "image/json.h"

#include <limits>

#include <fmt/format.h>

#include "component/text.h"
#include "image/digest.h"

namespace tairitsu::detail {
namespace {

constexpr int kMaxDepth = 32;

/// Looked at before it is parsed: the parser's own callback would double its time. Exact for what is JSON.
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

/// The grammar of image-spec's descriptor.md, without what could leave a folder.
bool is_any_digest(std::string_view text) {
  if (text.starts_with(kDigestPrefix)) return is_digest(text);
  constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz0123456789";
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > 32 || text.size() > 256) return false;
  const std::string_view algorithm = text.substr(0, colon);
  const std::string_view encoded = text.substr(colon + 1);
  return algorithm.find_first_not_of(std::string(kLower) + "+_-") == std::string_view::npos &&
         !encoded.empty() &&
         encoded.find_first_not_of(std::string(kLower) + "ABCDEFGHIJKLMNOPQRSTUVWXYZ=_-") ==
             std::string_view::npos;
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
    return fail(ErrorCode::invalid_argument, fmt::format("{}: a text in it is not UTF-8", what));
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

Result<Descriptor> parse_descriptor(const Json& json, std::string_view what) {
  if (!json.is_object()) return malformed(what, "not a descriptor (a JSON object)");
  Descriptor descriptor;
  TAIRITSU_TRY(descriptor.media_type, string_member(json, "mediaType", what, true));
  TAIRITSU_TRY(descriptor.digest, string_member(json, "digest", what, true));
  if (!is_any_digest(descriptor.digest)) {
    return malformed(what, fmt::format("'{}' is not a digest", printable(descriptor.digest, 80)));
  }
  const Json* size = member(json, "size");
  if (size == nullptr) return malformed(what, "'size' is missing");
  if (!size->is_number_unsigned() ||
      size->get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return malformed(what, fmt::format("'size' is not a number of bytes: {}", printable(size->dump(), 40)));
  }
  descriptor.size = size->get<std::uint64_t>();
  TAIRITSU_TRY(descriptor.annotations, annotations_member(json, what));
  if (const Json* platform = member(json, "platform")) {
    if (!platform->is_object()) return malformed(what, "'platform' is not an object");
    TAIRITSU_TRY(descriptor.platform.architecture, string_member(*platform, "architecture", what, false));
    TAIRITSU_TRY(descriptor.platform.os, string_member(*platform, "os", what, false));
  }
  return descriptor;
}

Json to_json(const Descriptor& descriptor) {
  Json json = {
      {"mediaType", descriptor.media_type}, {"digest", descriptor.digest}, {"size", descriptor.size}};
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  return json;
}

Result<std::vector<Descriptor>> children_of(const Json& manifest, std::string_view what) {
  std::vector<Descriptor> children;
  const auto add = [&](const Json& json, const std::string& name) -> Result<void> {
    TAIRITSU_TRY(Descriptor child, parse_descriptor(json, fmt::format("{}: {}", what, name)));
    children.push_back(std::move(child));
    return {};
  };
  for (const char* name : {"config", "subject"}) {
    if (const Json* found = member(manifest, name)) TAIRITSU_CHECK(add(*found, name));
  }
  for (const char* name : {"layers", "manifests", "blobs"}) {
    const Json* found = member(manifest, name);
    if (found == nullptr) continue;
    if (!found->is_array()) return malformed(what, fmt::format("'{}' is not a list", name));
    for (std::size_t i = 0; i < found->size(); ++i) {
      TAIRITSU_CHECK(add((*found)[i], fmt::format("{}[{}]", name, i)));
    }
  }
  return children;
}

}  // namespace tairitsu::detail

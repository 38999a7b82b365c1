#include "image/descriptor_json.h"

#include <limits>

#include <fmt/format.h>

#include "base/digest.h"
#include "base/text.h"

namespace tairitsu::detail {
namespace {

/// Whether the text is a digest by image-spec's descriptor.md that cannot leave a directory as a path.
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

}  // namespace

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
    if (const Json* found = member(manifest, name)) TAIRITSU_RETURN_IF_ERROR(add(*found, name));
  }
  for (const char* name : {"layers", "manifests", "blobs"}) {
    const Json* found = member(manifest, name);
    if (found == nullptr) continue;
    if (!found->is_array()) return malformed(what, fmt::format("'{}' is not a list", name));
    for (std::size_t i = 0; i < found->size(); ++i) {
      TAIRITSU_RETURN_IF_ERROR(add((*found)[i], fmt::format("{}[{}]", name, i)));
    }
  }
  return children;
}

}  // namespace tairitsu::detail

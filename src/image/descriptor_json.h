/// OCI content descriptors as JSON.
#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "image/descriptor.h"
#include "tairitsu/error.h"

namespace tairitsu::detail {

/// Parses an OCI descriptor. Its digest may use any algorithm and is safe as a path; its size is below 2^63. Fails
/// with `invalid_manifest`, `WHAT: …`.
[[nodiscard]] Result<Descriptor> parse_descriptor(const Json& json, std::string_view what);
[[nodiscard]] Json to_json(const Descriptor& descriptor);

/// Returns the descriptors in a manifest or an index: config, subject, layers, manifests and blobs.
[[nodiscard]] Result<std::vector<Descriptor>> children_of(const Json& manifest, std::string_view what);

}  // namespace tairitsu::detail

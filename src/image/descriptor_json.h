/// OCI content descriptors as JSON.
#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "image/descriptor.h"
#include "tairitsu/error.h"

namespace tairitsu::detail {

/// An OCI descriptor. Its digest is of any algorithm and fit for a path, its size below 2^63.
[[nodiscard]] Result<Descriptor> parse_descriptor(const Json& json, std::string_view what);
[[nodiscard]] Json to_json(const Descriptor& descriptor);

/// The descriptors in a manifest or an index: config, layers, manifests, blobs and subject.
[[nodiscard]] Result<std::vector<Descriptor>> children_of(const Json& manifest, std::string_view what);

}  // namespace tairitsu::detail

/// JSON in responses of registries and token servers, with the bounds of image JSON.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/json.h"

namespace tairitsu::oci {

/// Returns a JSON object; nothing for any other text, and for one nested too deeply (see `parse_json_object`).
[[nodiscard]] inline std::optional<detail::Json> parse_object(std::string_view text) {
  auto object = detail::parse_json_object(std::as_bytes(std::span(text)), "response");
  if (!object) return std::nullopt;
  return *std::move(object);
}

}  // namespace tairitsu::oci

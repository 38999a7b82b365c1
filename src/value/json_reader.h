/// Reads JSON text straight into values of known types, with no tree of JSON in between.
#pragma once

#include <string_view>
#include <vector>

#include "tairitsu/json.h"
#include "wit/type_node.h"

namespace tairitsu::detail {

/// As `parse_json`. The value is exactly of that type, see `is_exactly`.
[[nodiscard]] Result<Value> read_json(std::string_view text, const TypeNode& type,
                                      const JsonOptions& options);

/// As `parse_json_arguments`: the fields of `parameters`, a record of them.
[[nodiscard]] Result<std::vector<Value>> read_json_arguments(std::string_view text,
                                                             const TypeNode& parameters,
                                                             const JsonOptions& options);

/// An option that is `{"some": …}` where it has a value, because that value could be `null` itself.
[[nodiscard]] inline bool is_wrapped_option(const TypeNode& type) noexcept {
  const TypeNode* payload = type.kind == TypeKind::option ? type.field(0) : nullptr;
  return payload != nullptr && payload->kind == TypeKind::option;
}

}  // namespace tairitsu::detail

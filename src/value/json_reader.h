/// Reads JSON text directly into values of known types, without building a JSON tree.
#pragma once

#include <string_view>
#include <vector>

#include "tairitsu/json.h"
#include "wit/type_node.h"

namespace tairitsu::detail {

/// Like `parse_json`. The value has exactly that type, see `is_exactly`.
[[nodiscard]] Result<Value> read_json(std::string_view text, const TypeNode& type,
                                      const JsonOptions& options);

/// Like `parse_json_arguments`; `parameters` is a record of the parameters.
[[nodiscard]] Result<std::vector<Value>> read_json_arguments(std::string_view text,
                                                             const TypeNode& parameters,
                                                             const JsonOptions& options);

/// Returns whether the option is written as `{"some": …}`, because its payload may be `null` itself.
[[nodiscard]] inline bool is_wrapped_option(const TypeNode& type) noexcept {
  const TypeNode* payload = type.kind == TypeKind::option ? type.field(0) : nullptr;
  return payload != nullptr && payload->kind == TypeKind::option;
}

}  // namespace tairitsu::detail

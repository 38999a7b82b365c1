/// WIT, parsed and resolved by the bridge.
#pragma once

#include <string>
#include <string_view>

#include "tairitsu/error.h"

namespace tairitsu::detail {

/// Reads a `.wit` file or a directory; `path` and `features` are as in `WitSource`. Returns a JSON object:
/// `resolve` is the output of the crate `wit-parser`, `package` an index into its packages.
[[nodiscard]] Result<std::string> load_wit(std::string_view path, std::string_view features);

/// Like `load_wit`, with the text of a `.wit` file instead of a path.
[[nodiscard]] Result<std::string> parse_wit(std::string_view text, std::string_view features);

}  // namespace tairitsu::detail

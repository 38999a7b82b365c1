/// WIT, read and resolved by the bridge.
#pragma once

#include <string>
#include <string_view>

#include "tairitsu/error.h"

namespace tairitsu::detail {

/// Reads a `.wit` file or a folder, with what `WitSource` says of `path` and `features`. Gives a JSON
/// object: `resolve` is what the crate `wit-parser` writes, `package` an index into its packages.
[[nodiscard]] Result<std::string> load_wit(std::string_view path, std::string_view features);

/// The same of a file's text.
[[nodiscard]] Result<std::string> parse_wit(std::string_view text, std::string_view features);

}  // namespace tairitsu::detail

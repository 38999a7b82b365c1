/// Component names in WIT syntax.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tairitsu::detail {

/// Returns whether `name` consists of words with hyphens between them, each in lower or upper case: `blue-RGB-2`.
[[nodiscard]] bool is_wit_label(std::string_view name) noexcept;

/// Returns the label, preceded by `%` if it is a WIT keyword.
[[nodiscard]] std::string escape_wit_label(std::string_view label);

/// The path of an interface in WIT.
struct WitPath {
  std::string package;     ///< `ns:pkg@1.2.3`, escaped.
  std::string label;       ///< Not escaped.
  bool completed = false;  ///< The component's name has the version `1` or `0.2`, which WIT does not accept.

  /// Returns `ns:pkg/label@1.2.3`.
  [[nodiscard]] std::string full() const;
};

/// Parses an interface name. Returns nothing if WIT has no path for it, such as for a name without a package.
[[nodiscard]] std::optional<WitPath> parse_wit_path(std::string_view name);

/// The parts of the name of a resource's function such as `[method]basket.add`, as views into it.
struct WitMember {
  enum class Kind : std::uint8_t { constructor, method, static_function };
  Kind kind;
  std::string_view resource;
  std::string_view name;  ///< Empty for a constructor.
};

/// Returns nothing if the function does not belong to a resource.
[[nodiscard]] std::optional<WitMember> parse_wit_member(std::string_view name) noexcept;

}  // namespace tairitsu::detail

/// Names of components as WIT writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tairitsu::detail {

/// Words with hyphens between them, each all in lower or all in upper case: `blue-RGB-2`.
[[nodiscard]] bool is_wit_label(std::string_view name) noexcept;

/// The label, with a `%` before it where it is one of WIT's keywords.
[[nodiscard]] std::string escape_wit_label(std::string_view label);

/// Where WIT has an interface.
struct WitPath {
  std::string package;     ///< `ns:pkg@1.2.3`, as it is written.
  std::string label;       ///< Not escaped.
  bool completed = false;  ///< The name has a mere `1` or `0.2` for a version, which WIT does not take.

  /// `ns:pkg/label@1.2.3`
  [[nodiscard]] std::string full() const;
};

/// Empty for what WIT cannot have: a name without a package, or no interface's name at all.
[[nodiscard]] std::optional<WitPath> parse_wit_path(std::string_view name);

/// A function of a resource, views into its name: `[method]basket.add`.
struct WitMember {
  enum class Kind : std::uint8_t { constructor, method, static_function };
  Kind kind;
  std::string_view resource;
  std::string_view name;  ///< Empty for a constructor.
};

/// Empty for a function of no resource.
[[nodiscard]] std::optional<WitMember> parse_wit_member(std::string_view name) noexcept;

}  // namespace tairitsu::detail

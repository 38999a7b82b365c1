/// The grammar of function names in programs, call texts and on the command line.
///
/// ```text
/// name      ::= function                    a function at the world's root: `greet`
///             | interface '#' function      `example:shop/catalogue@1.2.0#find`
///             | label '.' function          short for `label#function`: `catalogue.find`
/// interface ::= 'ns:pkg/label' ['@' version]
///             | label ['@' version]         an interface without its package: `catalogue@1.2.0#find`
/// function  ::= label | '[constructor]' label | '[method]' label '.' label | '[static]' label '.' label
/// ```
/// Functions of resources have WIT's brackets: `example:shop/till#[method]basket.add`, `till.[method]basket.add` or
/// just `[method]basket.add`. If nothing has that name, the bracket may be left out: `basket` (the constructor),
/// `basket.add`, `till.basket.add`, `example:shop/till#basket.add`. The first '.' is that of `label '.' function`:
/// `basket.add` means the method only if no interface `basket` has a function `add`.
///
/// Resolution:
/// - A plain `function` is the one at the world's root, or else the only one of that name in any interface.
/// - An interface with a version is the one that `resolve_interface` finds. Without a version it is the one with that
///   exact name, or else any that matches, whatever its version and package.
/// - If several functions match, the lookup fails and lists them.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tairitsu/error.h"
#include "tairitsu/type.h"

namespace tairitsu::detail {

/// The parts of a function name, as views into it.
struct FunctionName {
  std::string_view interface;  ///< As given, with its version; empty for a plain name.
  std::string_view function;   ///< With its brackets.
};

/// Splits a name. Fails with `invalid_argument` if it does not follow the grammar. The characters of labels are not
/// checked: a lookup finds no invalid label anyway.
[[nodiscard]] Result<FunctionName> split_name(std::string_view name);

/// The parts of an interface name such as `ns:pkg/iface@1.2.3`, as views into it.
struct InterfaceName {
  std::string_view package;  ///< `ns:pkg`, or empty.
  std::string_view label;    ///< `iface`
  std::string_view version;  ///< `1.2.3`, or empty.
};

[[nodiscard]] InterfaceName parse_interface_name(std::string_view name) noexcept;

/// Returns the index in `available` of the interface that `wanted` means; the names in `available` have packages.
///
/// An identical name wins. Otherwise, if `wanted` has a version, it is the highest version on the same track, newer or
/// older than the wanted one, as in Wasmtime's linker. Tracks are `1.x.y` and `0.2.x`; `0.0.3` and pre-releases only
/// match themselves. A track itself, `@1` or `@0.2`, is a version too. Without a version, it is the interface of any
/// version, or nothing if there are several. Names without a package must be identical.
[[nodiscard]] std::optional<std::size_t> resolve_interface(std::string_view wanted,
                                                           std::span<const std::string> available);

/// Returns whether `resolve_interface` finds `available` for `wanted` if it is the only one.
[[nodiscard]] bool interface_fits(std::string_view wanted, std::string_view available);

/// Returns the interface for the first of `names`, in order of preference, that `resolve_interface` finds; null if it
/// finds none. A track such as `wasi:cli/run@0.3` means its highest version.
[[nodiscard]] const Interface* find_first_interface(const WorldItems& items,
                                                    std::initializer_list<std::string_view> names);

/// A function of a component. Valid as long as the items it was found in.
struct FunctionReference {
  std::string_view interface_name;  ///< As the component spells it; empty at the world's root.
  const FunctionItem* item;

  /// Returns the full name, such as `example:shop/catalogue@1.2.0#find`.
  [[nodiscard]] std::string full_name() const;
};

/// Finds a function by any name of the grammar. Fails with `not_found` (listing the nearest names), with
/// `ambiguous_name` (listing the candidates), or as `split_name` does.
[[nodiscard]] Result<FunctionReference> find_function(const WorldItems& items, std::string_view name);

}  // namespace tairitsu::detail

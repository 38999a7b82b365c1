/// The one grammar of names: how a program, a call text and the command line name a function.
///
/// ```text
/// name      ::= function                    a function at the world's root: `greet`
///             | interface '#' function      `example:shop/catalogue@1.2.0#find`
///             | label '.' function          short for `label#function`: `catalogue.find`
/// interface ::= 'ns:pkg/label' ['@' version]
///             | label ['@' version]         an interface by its own name alone: `catalogue@1.2.0#find`
/// function  ::= label | '[constructor]' label | '[method]' label '.' label | '[static]' label '.' label
/// ```
/// Functions of resources have WIT's brackets: `example:shop/till#[method]basket.add`,
/// `till.[method]basket.add`, or `[method]basket.add` alone. If nothing has the name, it is the name of
/// such a function without the bracket: `basket` (the constructor), `basket.add`, `till.basket.add`,
/// `example:shop/till#basket.add`. The first '.' is that of `label '.' function`: only if no interface
/// `basket` has a function `add` does `basket.add` mean the method.
///
/// What a name means:
/// - A plain `function` is the one at the world's root. Where the root has none, it is the only one of
///   that name in any interface.
/// - An interface with a version is the one that `resolve_interface` finds. Without a version it is the
///   one of that very name, else any whose name fits, with whatever version and package.
/// - One function that fits is found; several are an error that lists them, never a guess.
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

/// A name's parts, views into it.
struct FunctionName {
  std::string_view interface;  ///< As given, with its version; empty for a plain name.
  std::string_view function;   ///< With its brackets.
};

/// Takes a name apart. `invalid_argument` where it does not follow the grammar. The labels' letters are
/// not looked at: what is no name in WIT is not found either.
[[nodiscard]] Result<FunctionName> split_name(std::string_view name);

/// An interface name's parts, views into it: `ns:pkg/iface@1.2.3`.
struct InterfaceName {
  std::string_view package;  ///< `ns:pkg`, or empty.
  std::string_view label;    ///< `iface`
  std::string_view version;  ///< `1.2.3`, or empty.
};

[[nodiscard]] InterfaceName parse_interface_name(std::string_view name) noexcept;

/// The interface that `wanted` means: an index into `available`, whose names have their packages.
///
/// The very same name first. Else, for a version, the highest one on the same track, newer or older
/// than the wanted one, as Wasmtime's linker does: tracks are `1.x.y`, `0.2.x` and, alone, `0.0.3` and
/// any pre-release. A track itself, `@1` or `@0.2`, is a version too. Without a version, the interface
/// whatever its version; none if there are several. Names without a package are compared whole.
[[nodiscard]] std::optional<std::size_t> resolve_interface(std::string_view wanted,
                                                           std::span<const std::string> available);

/// True where `resolve_interface` would take `available` for `wanted`, were it alone.
[[nodiscard]] bool interface_fits(std::string_view wanted, std::string_view available);

/// The first of `names`, in the order of preference, that is among the interfaces, each by `resolve_interface`;
/// null if none is. With a track, `wasi:cli/run@0.3`, it is the highest version on it.
[[nodiscard]] const Interface* find_first_interface(const WorldItems& items,
                                                    std::initializer_list<std::string_view> names);

/// A function of a component, valid as long as the items it was found in.
struct FunctionReference {
  std::string_view interface_name;  ///< As the component spells it; empty at the world's root.
  const FunctionItem* item;

  /// The full name, e.g. `example:shop/catalogue@1.2.0#find`.
  [[nodiscard]] std::string full_name() const;
};

/// Finds a function by any name of the grammar. Fails with `not_found`, with the nearest names (at most
/// five; all where the items have few), with `ambiguous_name`, with the candidates, or as `split_name`.
[[nodiscard]] Result<FunctionReference> find_function(const WorldItems& items, std::string_view name);

}  // namespace tairitsu::detail

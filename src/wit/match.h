/// Compares function types with each other and with what the value path supports. These checks run once, when a
/// function is bound, not on each call.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "tairitsu/type.h"

namespace tairitsu::detail {

/// Compares a C++ signature with the component's. Returns nothing if they match, else a message: the first difference
/// and its position, then both signatures in WIT, one per line.
///
/// The names of parameters and types do not matter; those of fields, cases and labels do. A wanted `own` or `borrow`
/// without a name matches any resource; with a name, only that resource; with an interface, only the resource of that
/// interface in any compatible version. A component's resource matches under each name that the component gives it
/// (`type s = r`, `use host.{r as q}`). `async` is not compared.
[[nodiscard]] std::optional<std::string> find_mismatch(const FunctionType& wanted,
                                                       const FunctionType& actual);

/// Returns why the value path does not support the function: "parameter 'body' uses stream<u8>", "it is an
/// `async func`". Returns nothing if it does.
[[nodiscard]] std::optional<std::string> find_unsupported(const FunctionType& function);

/// Like the above, for one type: "uses stream<u8>".
[[nodiscard]] std::optional<std::string> find_unsupported(const Type& type);

/// The canonical ABI's limits: more flat values than these are passed in memory.
inline constexpr std::size_t kMaxFlatParameters = 16;
inline constexpr std::size_t kMaxFlatResults = 1;

/// Returns the number of flat values of the type, at most `most` + 1.
/// Source: `flatten_type` in the component model's CanonicalABI.md.
[[nodiscard]] std::size_t flat_count(const Type& type, std::size_t most = kMaxFlatParameters);

/// Returns the number of slots of all parameters; nothing if there are more than 16, which go through memory.
[[nodiscard]] std::optional<std::size_t> flat_parameter_count(const FunctionType& function);

/// Returns the number of slots of the result, 0 or 1; nothing if it goes through memory.
[[nodiscard]] std::optional<std::size_t> flat_result_count(const FunctionType& function);

/// Returns whether a value of the type can hold a resource handle.
[[nodiscard]] bool has_handles(const Type& type);

/// Returns whether part of a value is in memory even when it is passed flat, because it contains a string or a list.
[[nodiscard]] bool has_pointers(const Type& type);

}  // namespace tairitsu::detail

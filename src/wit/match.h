/// Function types against each other and against what the value path does: the checks that run once,
/// when a function is bound, so that no call has to.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "tairitsu/type.h"

namespace tairitsu::detail {

/// Compares what a C++ signature says with what the component says. Empty if they fit, else a message:
/// the first difference by its position, then both signatures in WIT words, a line each.
///
/// Names of parameters and of types do not matter; those of fields, cases, labels and flags do. A wanted
/// `own` or `borrow` without a name fits any resource, one with a name that resource, one with an
/// interface the resource of that interface in any compatible version. A resource of a component has all names
/// that the component gives it (`type s = r`, `use host.{r as q}`). `async` is not compared.
[[nodiscard]] std::optional<std::string> find_mismatch(const FunctionType& wanted,
                                                       const FunctionType& actual);

/// What the value path cannot do with the function, in words: "parameter 'body' uses stream<u8>",
/// "it is an `async func`". Empty where it can do everything.
[[nodiscard]] std::optional<std::string> find_unsupported(const FunctionType& function);

/// The same for one type: "uses stream<u8>".
[[nodiscard]] std::optional<std::string> find_unsupported(const Type& type);

/// The canonical ABI's limits: more flat values than these are passed in memory.
inline constexpr std::size_t kMaxFlatParameters = 16;
inline constexpr std::size_t kMaxFlatResults = 1;

/// How many flat values the type is passed as, counted no further than `most` + 1.
/// Source: `flatten_type` in the component model's CanonicalABI.md.
[[nodiscard]] std::size_t flat_count(const Type& type, std::size_t most = kMaxFlatParameters);

/// The slots of all parameters together; empty if they are more than 16 and go through memory.
[[nodiscard]] std::optional<std::size_t> flat_parameter_count(const FunctionType& function);

/// The slots of the result, 0 or 1; empty if it goes through memory.
[[nodiscard]] std::optional<std::size_t> flat_result_count(const FunctionType& function);

/// True if a value of the type can hold a resource handle.
[[nodiscard]] bool has_handles(const Type& type);

/// True if a value of the type lies in memory in part even when it is passed flat: it has a string or
/// a list somewhere.
[[nodiscard]] bool has_pointers(const Type& type);

}  // namespace tairitsu::detail

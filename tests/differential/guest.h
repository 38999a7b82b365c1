/// The guest for one type, as component text.
#pragma once

#include <string>
#include <string_view>

#include <tairitsu/type.h>

namespace differential {

/// A component that keeps and forwards values of type `T`:
///
///     put: func(a: list<T>)                            keeps the list in its memory
///     get: func() -> list<T>                           returns that list
///     relay: func(a: T) -> T                           calls the import `host`
///     relay-list: func(a: list<T>) -> list<T>          calls the import `host-list`
///     swap: func(a: T, b: u8, c: T) -> tuple<T, u8, T>  calls the import `host-swap`
///     reset: func()                                    frees all its memory and fills it with 0xA5
///
/// Layouts and flat types are computed independently here, from the specification. Wasmtime's validator
/// checks the flat types.
[[nodiscard]] std::string component_text(const tairitsu::Type& type, std::string_view string_encoding);

/// Whether values of the type may contain strings. If not, the encoding makes no difference.
[[nodiscard]] bool has_strings(const tairitsu::Type& type);

}  // namespace differential

/// Values as text: WAVE, the WebAssembly Value Encoding of the wasm-tools project (its crate wasm-wave).
///
///     true   -9   6.022e+23   nan   '☃'   "abc\t123"   (1, "a")   [1, 2, 3]   {x: 1, y: none}
///     {read, write}   days(30)   forever   some(1)   none   ok("fine")   err("oops")
///
/// It is read by the type that is wanted: `1` may be a `u8`, an `f64`, or the `some(1)` of an `option<u8>`.
/// Fields of records that are options may be left out, and then a record without any is `{:}`; comments go
/// from `//` to the end of the line. A case of a variant or an enum that is called as one of WAVE's keywords
/// (`true`, `false`, `inf`, `nan`, `some`, `none`, `ok`, `err`) is written with a `%` before it, and every
/// other label may be. Handles of resources have no text.
///
/// These functions keep nothing, and any thread may use them. Text need not be trusted: reading takes time in
/// proportion to its length (and to how many fields the records of the type have), and nests as deep as the
/// type does, whatever the text.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <string>
#include <string_view>
#include <vector>

#include <tairitsu/error.h>
#include <tairitsu/type.h>
#include <tairitsu/value.h>

namespace tairitsu {

/// The value of that type that the text, which is UTF-8, spells. Fails with `invalid_argument` and a message
/// that has the line, the column in characters, and the place in the value:
/// `1:9: field 'color': 'gren' is no case of 'color' (red, green, blue); did you mean 'green'?`
/// A float is the one that is nearest to the number, be that `inf` or zero. Lists of numbers take 2 GiB at
/// most.
[[nodiscard]] Result<Value> parse_wave(std::string_view text, const Type& type);

/// The arguments of a call, in parentheses and in the order of the parameters: `(1, "a")`. Arguments at the
/// end whose parameters are options may be left out. Gives one value a parameter; fails as `parse_wave` does.
[[nodiscard]] Result<std::vector<Value>> parse_wave_arguments(std::string_view text,
                                                              const FunctionType& function);

/// The value in one line of text. `parse_wave` makes the same value of it, unless it holds a handle, which is
/// written `<basket>` (`<resource>` where its name is not known), or was made by hand of what no WIT type
/// has: names that are no labels, elements of several types, text that is not UTF-8 (its bytes become
/// U+FFFD). No value is `()`. Characters that cannot be seen are written as `\u{…}`.
[[nodiscard]] std::string to_wave(const Value& value);

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

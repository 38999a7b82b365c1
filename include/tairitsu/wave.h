/// Values as text: WAVE, the WebAssembly Value Encoding of the wasm-tools project (crate wasm-wave).
///
///     true   -9   6.022e+23   nan   '☃'   "abc\t123"   (1, "a")   [1, 2, 3]   {x: 1, y: none}
///     {read, write}   days(30)   forever   some(1)   none   ok("fine")   err("oops")
///
/// The expected type determines how text is read: `1` can be a `u8`, an `f64`, or the `some(1)` of an `option<u8>`.
/// Record fields that are options may be omitted, and a record without any field is `{:}`. Comments start with `//` and
/// end with the line. A label that equals a keyword of WAVE (`true`, `false`, `inf`, `nan`, `some`, `none`, `ok`,
/// `err`) is written with a `%` before it; on other labels the `%` is optional. Handles of resources have no text.
///
/// You may call these functions from any thread. The text may be untrusted: parsing takes time proportional to its
/// length (and to the number of fields of the type's records), and nests only as deep as the type.
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

/// Parses a value of the type from UTF-8 text. Fails with `invalid_argument`; the message has the line, the column in
/// characters, and the place in the value:
/// `1:9: field 'color': 'gren' is not a case of 'color' (red, green, blue); did you mean 'green'?`
/// Floats are rounded to the nearest value, which may be `inf` or zero. Lists of numbers are limited to 2 GiB.
[[nodiscard]] Result<Value> parse_wave(std::string_view text, const Type& type);

/// Parses the arguments of a call, in parentheses and in the order of the parameters: `(1, "a")`. Arguments at the end
/// may be omitted if their parameters are options. Returns one value per parameter. Fails like `parse_wave`.
[[nodiscard]] Result<std::vector<Value>> parse_wave_arguments(std::string_view text,
                                                              const FunctionType& function);

/// Returns the value as one line of text; the empty value as `()`. Invisible characters are written as `\u{…}`.
/// `parse_wave` returns the same value again, with two exceptions: a handle is written as `<basket>`, or as
/// `<resource>` if its name is unknown; and a program can create values that no WIT type has, with invalid names,
/// elements of several types, or text that is not UTF-8 (invalid bytes become U+FFFD).
[[nodiscard]] std::string to_wave(const Value& value);

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

/// Values as JSON, and JSON Schemas of their types.
///
/// Each WIT type has one JSON form, which `to_json` writes and `json_schema` describes. `parse_json` reads that form
/// and a few others; docs/formats/json.md lists all of them with examples.
///
/// The text may be untrusted. Text that does not match the type fails with `invalid_argument`. The message has a JSON
/// pointer (RFC 6901) to the place, as in `at '/items/3/price': expected a number …`, unless it is the whole text; if
/// the text is not JSON, the message has the line and column. You may call these functions from any thread.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <tairitsu/error.h>
#include <tairitsu/type.h>
#include <tairitsu/value.h>

namespace tairitsu {

/// Options for reading, writing and schemas. Text that was written with some options can be read with the same.
struct JsonOptions {
  /// Write `list<u8>` as a base64 string (RFC 4648, section 4, padded), and read both that and an array of numbers. If
  /// off, only arrays are read, because other text could pass for base64 by mistake.
  bool bytes_as_base64 = false;
  /// Spaces per level, with each element and member on its own line. If negative, everything is on one line without
  /// spaces.
  int indent = -1;
  /// Reject text whose values would need more than about this much memory. A few characters can represent a large
  /// record if all of its fields are options.
  std::size_t max_bytes = std::size_t{1} << 30U;
};

/// Parses a value of the type. Fails with `invalid_argument`. Handles cannot be parsed, but a type that contains a
/// handle can, if the text has none (`null` for an `option<own<…>>`).
[[nodiscard]] Result<Value> parse_json(std::string_view text, const Type& type,
                                       const JsonOptions& options = {});

/// Parses the arguments of a call: an array with one element per parameter, or an object with the names of the
/// parameters. Parameters that are options may be missing: any in an object, the last ones in an array. Empty text
/// means `[]`. Fails with `invalid_argument`.
[[nodiscard]] Result<std::vector<Value>> parse_json_arguments(std::string_view text,
                                                              const FunctionType& function,
                                                              const JsonOptions& options = {});

/// Returns the value as JSON; the empty value as `null`. Values that JSON cannot represent are written for people, and
/// cannot be parsed again: a handle as `{"resource": "basket"}`, and invalid UTF-8 as U+FFFD.
[[nodiscard]] std::string to_json(const Value& value, const JsonOptions& options = {});

/// Returns a JSON Schema (draft 2020-12) of what `to_json` writes for values of the type. Named types are in `$defs`.
[[nodiscard]] std::string json_schema(const Type& type, const JsonOptions& options = {});
/// Returns a JSON Schema of the object of arguments that `parse_json_arguments` reads.
[[nodiscard]] std::string json_schema(const FunctionType& function, const JsonOptions& options = {});

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

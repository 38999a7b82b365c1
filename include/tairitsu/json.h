/// Values as JSON, and JSON Schemas of their types.
///
/// Each WIT type has one form in JSON, which `to_json` writes and `json_schema` describes; `parse_json` reads
/// it, and a few other spellings. All of them, with examples: docs/formats/json.md.
///
/// Text is not trusted: what does not fit the type is refused with `ErrorCode::invalid_argument`. The message
/// has a JSON pointer (RFC 6901) to the place, `at '/items/3/price': expected a number …`, none where it is
/// all of the text; for what is no JSON its line and column. These functions may be called from any thread.
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

/// The same options for reading, writing and schemas, so that what is written with some is read with them.
struct JsonOptions {
  /// Write `list<u8>` as a base64 string (RFC 4648, section 4, padded), and read that as well as an array of
  /// numbers. Without it only arrays are read: text given by mistake could pass for base64.
  bool bytes_as_base64 = false;
  /// Spaces a level, each element and member on its own line. Less than 0: all in one line, without spaces.
  int indent = -1;
  /// Refuse text whose values would take more memory than about that. A few characters can stand for a large
  /// record, when all of its fields are options and left out.
  std::size_t max_bytes = std::size_t{1} << 30U;
};

/// Reads a value of that very type. A handle cannot be read; a type that has one in it can, where the text
/// has none (`null` for an `option<own<…>>`).
[[nodiscard]] Result<Value> parse_json(std::string_view text, const Type& type,
                                       const JsonOptions& options = {});

/// Reads the arguments of a call, one for each parameter: an array of them in order, or an object by the
/// names of the parameters. Options may be missing: in an object any, in an array the last ones. Empty text
/// is `[]`.
[[nodiscard]] Result<std::vector<Value>> parse_json_arguments(std::string_view text,
                                                              const FunctionType& function,
                                                              const JsonOptions& options = {});

/// The value as JSON. No value is `null`. What JSON cannot have is written to be looked at, and does not read
/// back: a handle as `{"resource": "basket"}`, text that is not UTF-8 with U+FFFD where it is not.
[[nodiscard]] std::string to_json(const Value& value, const JsonOptions& options = {});

/// A JSON Schema (draft 2020-12) of what `to_json` writes for values of the type. Named types are in `$defs`.
[[nodiscard]] std::string json_schema(const Type& type, const JsonOptions& options = {});
/// A schema of the object of arguments that `parse_json_arguments` reads.
[[nodiscard]] std::string json_schema(const FunctionType& function, const JsonOptions& options = {});

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

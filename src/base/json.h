/// Reading untrusted JSON: bounded, and anything unexpected is an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The lexer reads numbers by the process's locale and asserts that it could.
#ifndef JSON_ASSERT
#define JSON_ASSERT(condition) static_cast<void>(condition)
#endif
#include <nlohmann/json.hpp>

#include "tairitsu/error.h"

namespace tairitsu::detail {

/// A type distinct from `nlohmann::json`, because its lexer does not assert while another copy in the program may.
using Json = nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t, std::uint64_t,
                                  double, std::allocator, nlohmann::adl_serializer, std::vector<char>>;

/// Returns an `invalid_manifest` error, `WHAT: PROBLEM`.
[[nodiscard]] std::unexpected<Error> malformed(std::string_view what, std::string_view problem);

/// Parses an object that is at most 32 levels deep. Fails with `invalid_manifest`, `WHAT: …`.
[[nodiscard]] Result<Json> parse_json_object(std::span<const std::byte> bytes, std::string_view what);

/// Returns the JSON text. Fails with `invalid_argument` if a string is not UTF-8.
[[nodiscard]] Result<std::string> to_json_text(const Json& json, std::string_view what);

/// Returns a member of an object, or null if it is missing. JSON's null counts as missing.
[[nodiscard]] const Json* member(const Json& object, std::string_view name);

/// Returns a string member, or an empty string if it is missing and not required. Fails with `invalid_manifest`.
[[nodiscard]] Result<std::string> string_member(const Json& object, std::string_view name,
                                                std::string_view what, bool required);
/// Returns a member that is a list of strings, or an empty list if it is missing and not required. Fails with
/// `invalid_manifest`.
[[nodiscard]] Result<std::vector<std::string>> strings_member(const Json& object, std::string_view name,
                                                              std::string_view what, bool required);
/// Returns the member `annotations`, a map of strings, or an empty map if it is missing. Fails with
/// `invalid_manifest`.
[[nodiscard]] Result<std::map<std::string, std::string>> annotations_member(const Json& object,
                                                                            std::string_view what);

}  // namespace tairitsu::detail

/// JSON from elsewhere: bounded, and every surprise an error.
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

/// Of its own, for its lexer does not assert: another in the same program may.
using Json = nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t, std::uint64_t,
                                  double, std::allocator, nlohmann::adl_serializer, std::vector<char>>;

/// Fails with `invalid_manifest`, `WHAT: PROBLEM`.
[[nodiscard]] std::unexpected<Error> malformed(std::string_view what, std::string_view problem);

/// Reads an object, at most 32 levels deep. Fails with `invalid_manifest`, `WHAT: …`.
[[nodiscard]] Result<Json> parse_json_object(std::span<const std::byte> bytes, std::string_view what);

/// Fails with `invalid_argument` where a string is not UTF-8.
[[nodiscard]] Result<std::string> to_json_text(const Json& json, std::string_view what);

/// A member of an object, or null where it is missing; JSON's null counts as missing.
[[nodiscard]] const Json* member(const Json& object, std::string_view name);

/// The member, a string. Empty where it is missing and may be; else fails with `invalid_manifest`.
[[nodiscard]] Result<std::string> string_member(const Json& object, std::string_view name,
                                                std::string_view what, bool required);
/// The member, a list of strings. Empty where it is missing and may be.
[[nodiscard]] Result<std::vector<std::string>> strings_member(const Json& object, std::string_view name,
                                                              std::string_view what, bool required);
/// The member `annotations`: a map of strings. Empty where it is missing.
[[nodiscard]] Result<std::map<std::string, std::string>> annotations_member(const Json& object,
                                                                            std::string_view what);

}  // namespace tairitsu::detail

/// Untrusted text in messages, and small grammars of HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/text.h"

namespace tairitsu::oci {

using detail::is_alphanumeric;
using detail::is_digit;
using detail::is_lower;
using detail::is_same_word;
using detail::lower_case;
using detail::printable;

/// Returns a string member of a JSON object; empty if it is missing or not a string.
template <typename Json>
[[nodiscard]] std::string text_at(const Json& object, const std::string& key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->template get<std::string>() : std::string();
}

/// Returns the text without spaces and tabs at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;

/// Parses all of `text` as a decimal number without a sign; nothing if it is invalid or too large.
[[nodiscard]] std::optional<std::uint64_t> to_number(std::string_view text) noexcept;

/// Encodes text for a query or a form: all but the unreserved characters (RFC 3986, section 2.3) become `%XX`.
[[nodiscard]] std::string percent_encoded(std::string_view text);

/// Replaces the secrets in text from a server, which may repeat them. Call it before the text is shortened.
[[nodiscard]] std::string redacted(std::string text, std::span<const std::string> secrets);

/// Whether the text has only printable ASCII characters, and so is safe as a header's value.
[[nodiscard]] bool is_visible_ascii(std::string_view text) noexcept;

}  // namespace tairitsu::oci

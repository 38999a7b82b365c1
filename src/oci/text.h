/// Text of strangers in our messages, and the small grammars of HTTP.
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

/// A member of a JSON object that is text; empty where there is none.
template <typename Json>
[[nodiscard]] std::string text_at(const Json& object, const std::string& key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->template get<std::string>() : std::string();
}

/// Without spaces and tabs at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;

/// A decimal number that is all of `text` and fits, without a sign.
[[nodiscard]] std::optional<std::uint64_t> to_number(std::string_view text) noexcept;

/// For a query or a form (RFC 3986, section 2.3): all but unreserved characters as `%XX`.
[[nodiscard]] std::string percent_encoded(std::string_view text);

/// The text without the secrets, which a server that was sent them may repeat. Before the text is shortened.
[[nodiscard]] std::string redacted(std::string text, std::span<const std::string> secrets);

/// Neither control characters nor bytes past ASCII: safe as a header's value.
[[nodiscard]] bool is_visible_ascii(std::string_view text) noexcept;

}  // namespace tairitsu::oci

/// Text of strangers in our messages, and the small grammars of HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tairitsu::oci {

/// The front of `text` with U+FFFD for each control character and each byte that is not UTF-8, so that a
/// server cannot write escape sequences to a terminal. `most` bounds the bytes that are looked at.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most);

[[nodiscard]] std::string lower_case(std::string_view text);

/// Whether two ASCII words differ in the case of letters at most.
[[nodiscard]] bool is_same_word(std::string_view a, std::string_view b) noexcept;

/// Without spaces and tabs at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;

/// A decimal number that is all of `text` and fits, without a sign.
[[nodiscard]] std::optional<std::uint64_t> to_number(std::string_view text) noexcept;

/// For a query or a form (RFC 3986, section 2.3): all but unreserved characters as `%XX`.
[[nodiscard]] std::string percent_encoded(std::string_view text);

/// Neither control characters nor bytes past ASCII: safe as a header's value.
[[nodiscard]] bool is_visible_ascii(std::string_view text) noexcept;

}  // namespace tairitsu::oci

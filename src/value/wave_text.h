/// Shared by the WAVE reader and writer: keywords, escapes and texts for messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tairitsu/error.h"
#include "tairitsu/value.h"
#include "wit/type_node.h"

namespace tairitsu::detail::wave {

/// Like `parse_wave_arguments`, for the text from `begin` on. Lines and columns in errors refer to the whole text.
[[nodiscard]] Result<std::vector<Value>> parse_arguments(std::string_view text, std::size_t begin,
                                                         const FunctionType& function);

/// Returns whether a case of that name needs a `%`. Source: "Keywords" in wasm-wave's README.
[[nodiscard]] bool is_keyword(std::string_view name) noexcept;

/// Appends a character as it is written between `quote`s: escaped if necessary or if it is invisible.
void append_escaped(std::string& out, char32_t character, char quote);
void append_escaped(std::string& out, std::string_view text, char quote);

// For messages.

/// Returns untrusted text on one line, shortened to `max_size` bytes.
[[nodiscard]] std::string shown(std::string_view text, std::size_t max_size = 60);
/// Returns ` (red, green, blue)`, or the first labels and their total number.
[[nodiscard]] std::string labels_of(const TypeNode& type);
/// Returns `; did you mean 'green'?`, or nothing if no label of the type is similar.
[[nodiscard]] std::string nearest_label(std::string_view asked, const TypeNode& type);
/// Returns what a value of the type looks like: `an integer from -128 to 127`.
[[nodiscard]] std::string wanted(const TypeNode& type);

}  // namespace tairitsu::detail::wave

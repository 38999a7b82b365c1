/// What reading and writing WAVE share: keywords, escapes, and the words of messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tairitsu/error.h"
#include "tairitsu/value.h"
#include "wit/type_node.h"

namespace tairitsu::detail::wave {

/// `parse_wave_arguments` of the text from `begin` on. Lines and columns in errors are those of the whole text.
[[nodiscard]] Result<std::vector<Value>> parse_arguments(std::string_view text, std::size_t begin,
                                                         const FunctionType& function);

/// Whether a case of that name is written with a `%`. Source: "Keywords" in wasm-wave's README.
[[nodiscard]] bool is_keyword(std::string_view name) noexcept;

/// Appends a character as it stands inside of `quote`s: escaped where it has to be, or cannot be seen.
void append_escaped(std::string& out, char32_t character, char quote);
void append_escaped(std::string& out, std::string_view text, char quote);

// For messages.

/// Text of a user's or of a component's in one line, cut off after `most` bytes.
[[nodiscard]] std::string shown(std::string_view text, std::size_t most = 60);
/// `'list<u8>'`
[[nodiscard]] std::string type_name(const TypeNode& type);
/// ` (red, green, blue)`, or some and how many there are.
[[nodiscard]] std::string labels_of(const TypeNode& type);
/// `; did you mean 'green'?`, or nothing where no label of the type is near.
[[nodiscard]] std::string nearest_label(std::string_view asked, const TypeNode& type);
/// `-128 to 127`
[[nodiscard]] std::string range_text(TypeKind kind);
/// What a value of the type looks like: `an integer from -128 to 127`.
[[nodiscard]] std::string wanted(const TypeNode& type);

}  // namespace tairitsu::detail::wave

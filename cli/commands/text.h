/// Text for people to read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tairitsu::cli {

/// Returns untrusted text as one line that is safe on a terminal: control characters, and those that change the
/// direction of text, become `?`; line breaks and tabs become spaces.
[[nodiscard]] std::string printable(std::string_view text);

/// How to escape an unsafe character.
enum class Escapes : std::uint8_t {
  text,  ///< `\u{1b}`
  json,  ///< `\u001b`, as in the strings of JSON
};

/// Returns text of several lines that is safe on a terminal: keeps line breaks and tabs, and escapes all other control
/// characters, those that change the direction of text, and bytes that are not UTF-8 (`\x9b`). Everything that the
/// program prints passes through here; see `print_note` and `write_stdout`.
[[nodiscard]] std::string terminal_text(std::string_view text, Escapes escapes = Escapes::text);

/// Quotes `text` as one word for a POSIX shell.
[[nodiscard]] std::string shell_quoted(std::string_view text);

/// Returns the name that is most similar to `typed`; empty if none is similar.
[[nodiscard]] std::string_view nearest(std::string_view typed, const std::vector<std::string_view>& names);

/// Returns, for example, `146.2 KiB`.
[[nodiscard]] std::string human_size(std::uint64_t size);

/// Returns the first twelve digits of `sha256:…`.
[[nodiscard]] std::string short_digest(std::string_view digest);

/// Parses an RFC 3339 time to nanoseconds since 1970. Returns nothing if it is invalid.
[[nodiscard]] std::optional<std::int64_t> unix_nanoseconds(std::string_view time);

/// Returns the age of an RFC 3339 time, such as `3 days ago`; empty if the time is invalid.
[[nodiscard]] std::string age(std::string_view created, std::time_t now);

/// A table with aligned columns.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) { add(std::move(heading)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::string to_string() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tairitsu::cli

/// Text for people.
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

/// One line of untrusted text: what a terminal would obey (control characters, and those that change the direction of
/// text) becomes `?`, a line break or tab becomes a space.
[[nodiscard]] std::string printable(std::string_view text);

/// How a character that a terminal would obey is written out.
enum class Escapes : std::uint8_t {
  text,  ///< `\u{1b}`
  json,  ///< `\u001b`, as in the strings of JSON
};

/// Text of several lines on its way to a terminal: line breaks and tabs stay, and every other character that a
/// terminal would obey is written out, as is a byte that is not UTF-8 (`\x9b`). Everything that the program prints
/// passes through here; see `print_note` and `write_stdout`.
[[nodiscard]] std::string terminal_text(std::string_view text, Escapes escapes = Escapes::text);

/// A word that a POSIX shell reads back as `text`.
[[nodiscard]] std::string shell_quoted(std::string_view text);

/// The name that is most like `typed`; empty if none is.
[[nodiscard]] std::string_view nearest(std::string_view typed, const std::vector<std::string_view>& names);

/// `146.2 KiB`.
[[nodiscard]] std::string human_size(std::uint64_t size);

/// The first twelve digits of `sha256:…`.
[[nodiscard]] std::string short_digest(std::string_view digest);

/// Nanoseconds since 1970, of a time by RFC 3339; nothing where it is none.
[[nodiscard]] std::optional<std::int64_t> unix_nanoseconds(std::string_view time);

/// `3 days ago`, of a time by RFC 3339; empty where it is none.
[[nodiscard]] std::string age(std::string_view created, std::time_t now);

/// Rows in columns.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) { add(std::move(heading)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::string to_string() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tairitsu::cli

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

/// Without what a terminal would obey: control characters, and those that change the direction of text.
[[nodiscard]] std::string printable(std::string_view text);

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

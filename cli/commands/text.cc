#include "commands/text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <utility>

#include <fmt/format.h>

namespace tairitsu::cli {

namespace {

struct Character {
  char32_t value;
  std::size_t size;  ///< In bytes; 0 if it is not UTF-8.
};

/// Returns the first character of `text`, which must not be empty.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {.value = first, .size = 1};
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return {.value = first, .size = 0};
  char32_t value = first & (0x7fU >> size);
  for (std::size_t at = 1; at < size; ++at) {
    if ((byte(at) & 0xc0U) != 0x80) return {.value = first, .size = 0};
    value = value << 6U | (byte(at) & 0x3fU);
  }
  constexpr std::array<char32_t, 5> kMin = {0, 0, 0x80, 0x800, 0x10000};
  const bool valid = value >= kMin[size] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
  return {.value = value, .size = valid ? size : 0};
}

/// Returns true for C0, DEL and C1 controls, line separators, and characters that change the direction of text.
bool is_unsafe(char32_t value) {
  return value < 0x20 || (value >= 0x7f && value < 0xa0) || (value >= 0x2028 && value <= 0x202e) ||
         (value >= 0x2066 && value <= 0x2069) || value == 0x200e || value == 0x200f || value == 0x061c;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto [value, size] = first_character(text);
    if (value == '\n' || value == '\t') {
      result += ' ';
    } else if (size == 0 || is_unsafe(value)) {
      result += '?';
    } else {
      result += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return result;
}

std::string terminal_text(std::string_view text, Escapes escapes) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto [value, size] = first_character(text);
    if (size == 0) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned>(value));
    } else if (value != '\n' && value != '\t' && is_unsafe(value)) {
      const auto number = static_cast<unsigned>(value);
      result +=
          escapes == Escapes::json ? fmt::format("\\u{:04x}", number) : fmt::format("\\u{{{:x}}}", number);
    } else {
      result += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return result;
}

std::string shell_quoted(std::string_view text) {
  std::string result = "'";
  for (const char letter : text) {
    if (letter == '\'') {
      result += "'\\''";
    } else {
      result += letter;
    }
  }
  return result + "'";
}

std::string_view nearest(std::string_view typed, const std::vector<std::string_view>& names) {
  // Counts letters to insert, remove, replace or swap with the next; allows up to a third of what was typed, or two.
  std::size_t best = std::max<std::size_t>(typed.size() / 3, 2) + 1;
  std::string_view found;
  for (const std::string_view name : names) {
    std::vector<std::size_t> row(name.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    std::vector<std::size_t> last;
    std::vector<std::size_t> before;
    for (std::size_t i = 0; i < typed.size(); ++i) {
      before = std::exchange(last, row);
      row[0] = i + 1;
      for (std::size_t j = 0; j < name.size(); ++j) {
        row[j + 1] = std::min({last[j] + (typed[i] == name[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1});
        const bool swapped = i > 0 && j > 0 && typed[i] == name[j - 1] && typed[i - 1] == name[j];
        if (swapped) row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
      }
    }
    if (row.back() < best) {
      best = row.back();
      found = name;
    }
  }
  return found;
}

std::string human_size(std::uint64_t size) {
  constexpr std::array<const char*, 4> kUnits = {"B", "KiB", "MiB", "GiB"};
  auto number = static_cast<double>(size);
  std::size_t unit = 0;
  // Print 1024.0 as 1.0 of the next unit.
  while (number >= 1023.95 && unit + 1 < kUnits.size()) {
    number /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", number, kUnits[unit]);
  return text.data();
}

std::string short_digest(std::string_view digest) {
  const auto colon = digest.find(':');
  return std::string(digest.substr(colon == std::string_view::npos ? 0 : colon + 1, 12));
}

std::optional<std::int64_t> unix_nanoseconds(std::string_view time) {
  // The format is 2024-06-25T15:58:49, an optional fraction of a second, and a zone.
  const std::string text(time);
  std::array<int, 6> parts{};
  int read = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts[0], &parts[1], &parts[2], &parts[3],
                  &parts[4], &parts[5], &read) != 6 ||
      read != 19) {
    return std::nullopt;
  }
  std::tm calendar{};
  calendar.tm_year = parts[0] - 1900;
  calendar.tm_mon = parts[1] - 1;
  calendar.tm_mday = parts[2];
  calendar.tm_hour = parts[3];
  calendar.tm_min = parts[4];
  calendar.tm_sec = parts[5];
  const std::tm parsed = calendar;
  const std::time_t seconds = ::timegm(&calendar);
  // timegm turns February 30th into March 1st: reject what it changes, which includes leap seconds.
  if (calendar.tm_mon != parsed.tm_mon || calendar.tm_mday != parsed.tm_mday ||
      calendar.tm_hour != parsed.tm_hour || calendar.tm_min != parsed.tm_min) {
    return std::nullopt;
  }
  std::string_view rest = time.substr(19);
  std::int64_t nanoseconds = 0;
  if (rest.starts_with('.')) {
    std::int64_t unit = 100'000'000;
    std::size_t at = 1;
    for (; at < rest.size() && rest[at] >= '0' && rest[at] <= '9'; ++at, unit /= 10)
      nanoseconds += unit * (rest[at] - '0');
    if (at == 1) return std::nullopt;
    rest.remove_prefix(at);
  }
  std::int64_t zone = 0;  // In seconds.
  if (rest != "Z" && rest != "z") {
    int hours = 0;
    int minutes = 0;
    const std::string offset(rest);
    if (offset.size() != 6 || (offset[0] != '+' && offset[0] != '-') ||
        std::sscanf(offset.c_str() + 1, "%2d:%2d", &hours, &minutes) != 2 || hours > 23 || minutes > 59) {
      return std::nullopt;
    }
    zone = (std::int64_t{hours} * 60 + minutes) * (offset[0] == '-' ? -60 : 60);
  }
  return (static_cast<std::int64_t>(seconds) - zone) * 1'000'000'000 + nanoseconds;
}

std::string age(std::string_view created, std::time_t now) {
  const auto then = unix_nanoseconds(created);
  if (!then) return "";
  const auto seconds = static_cast<long long>(now - *then / 1'000'000'000);
  struct Unit {
    long long seconds;
    const char* name;
  };
  constexpr std::array kUnits = {
      Unit{.seconds = 365LL * 86400, .name = "year"}, Unit{.seconds = 30LL * 86400, .name = "month"},
      Unit{.seconds = 7LL * 86400, .name = "week"},   Unit{.seconds = 86400, .name = "day"},
      Unit{.seconds = 3600, .name = "hour"},          Unit{.seconds = 60, .name = "minute"}};
  for (const Unit& unit : kUnits) {
    const long long count = seconds / unit.seconds;
    // Weeks and longer units only from two on: 13 days, but 2 weeks.
    if (count >= (unit.seconds > 86400 ? 2 : 1)) {
      return fmt::format("{} {}{} ago", count, unit.name, count == 1 ? "" : "s");
    }
  }
  return seconds < 0 ? std::string(created) : "just now";
}

std::string Table::to_string() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    if (widths.size() < row.size()) widths.resize(row.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - row[i].size() + 3, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace tairitsu::cli

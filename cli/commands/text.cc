#include "commands/text.h"

#include <array>
#include <cstddef>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>

namespace tairitsu::cli {

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  const auto byte = [&](std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool c1 = byte(i) == 0xc2 && byte(i + 1) < 0xa0;
    const bool embeds = byte(i) == 0xe2 && byte(i + 1) == 0x80 && byte(i + 2) >= 0xaa && byte(i + 2) <= 0xae;
    const bool isolates =
        byte(i) == 0xe2 && byte(i + 1) == 0x81 && byte(i + 2) >= 0xa6 && byte(i + 2) <= 0xa9;
    if (byte(i) == '\n' || byte(i) == '\t') {
      result += ' ';
    } else if (byte(i) < ' ' || byte(i) == 0x7f || c1 || embeds || isolates) {
      result += '?';
      i += c1 ? 1 : embeds || isolates ? 2 : 0;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string human_size(std::uint64_t size) {
  constexpr std::array<const char*, 4> kUnits = {"B", "KiB", "MiB", "GiB"};
  auto number = static_cast<double>(size);
  std::size_t unit = 0;
  // What rounds to 1024.0 is one of the next unit.
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
  // 2024-06-25T15:58:49, a fraction of a second, and a zone.
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
  const std::tm asked = calendar;
  const std::time_t seconds = ::timegm(&calendar);
  // timegm makes the 1st of March of the 30th of February. A leap second is in no calendar.
  if (calendar.tm_mon != asked.tm_mon || calendar.tm_mday != asked.tm_mday ||
      calendar.tm_hour != asked.tm_hour || calendar.tm_min != asked.tm_min) {
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
    // As people say it: 13 days, but two weeks.
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

#include "base/nearest.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tairitsu::detail {
namespace {

constexpr std::size_t kFewNames = 8;
constexpr std::size_t kMostOffered = 5;
constexpr std::size_t kLongestCompared = 200;

std::vector<std::string> nearest_names(const std::vector<OfferedName>& names, std::size_t furthest) {
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const auto& [name, distance] : names) {
    if (distance <= furthest) near.emplace_back(distance, name);
  }
  std::ranges::sort(near);
  if (near.size() > kMostOffered) near.resize(kMostOffered);
  std::vector<std::string> nearest(near.size());
  std::ranges::transform(near, nearest.begin(), &std::pair<std::size_t, std::string>::second);
  return nearest;
}

}  // namespace

std::string folded(std::string_view name) {
  std::string text(name);
  for (char& letter : text) {
    if (letter == '_') letter = '-';
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  if (std::max(a.size(), b.size()) > kLongestCompared) return kLongestCompared;
  std::array<std::size_t, kLongestCompared + 1> row{};
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row[b.size()];
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) {
    if (!text.empty()) text += ", ";
    text.append("'").append(name).append("'");
  }
  return text;
}

std::string offer(std::string_view kind, std::string_view asked, const std::vector<OfferedName>& names) {
  if (names.empty()) return "; there are no " + std::string(kind) + " at all";
  std::string text;
  const auto near = nearest_names(names, std::clamp<std::size_t>(asked.size() / 3, 2, kLongestCompared - 1));
  if (!near.empty()) text += "; did you mean " + joined(near) + "?";
  if (names.size() <= kFewNames && near.size() < names.size()) {
    std::vector<std::string> all(names.size());
    std::ranges::transform(names, all.begin(), &OfferedName::name);
    text += (near.empty() ? "; there are " : " There are ") + joined(all);
  }
  return text;
}

std::string offer(std::string_view kind, std::string_view asked, const std::vector<std::string>& names) {
  const std::string wanted = folded(asked);
  std::vector<OfferedName> offered(names.size());
  std::ranges::transform(names, offered.begin(), [&](const std::string& name) {
    return OfferedName{.name = name, .distance = edit_distance(wanted, folded(name))};
  });
  return offer(kind, asked, offered);
}

}  // namespace tairitsu::detail

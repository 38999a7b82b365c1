#include "base/nearest.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tairitsu::detail {
namespace {

constexpr std::size_t kFewNames = 8;
constexpr std::size_t kMaxSuggestions = 5;
constexpr std::size_t kLongestCompared = 200;

/// The largest distance of a name that may be meant.
std::size_t max_distance(std::string_view asked) {
  return std::clamp<std::size_t>(asked.size() / 3, 2, kLongestCompared - 1);
}

std::vector<Candidate> candidates_for(std::string_view asked, const std::vector<std::string>& names) {
  const std::string wanted = folded(asked);
  const std::size_t limit = max_distance(asked);
  std::vector<Candidate> candidates(names.size());
  std::ranges::transform(names, candidates.begin(), [&](const std::string& name) {
    // The distance is at least the difference in length.
    const std::size_t difference =
        std::max(name.size(), wanted.size()) - std::min(name.size(), wanted.size());
    return Candidate{.name = name,
                     .distance = difference > limit ? difference : edit_distance(wanted, folded(name))};
  });
  return candidates;
}

std::vector<std::string> nearest_of(std::string_view asked, const std::vector<Candidate>& candidates) {
  const std::size_t limit = max_distance(asked);
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const auto& [name, distance] : candidates) {
    // A name that shares no letter is not a misspelling.
    if (distance <= limit && distance < name.size()) near.emplace_back(distance, name);
  }
  std::ranges::sort(near);
  if (near.size() > kMaxSuggestions) near.resize(kMaxSuggestions);
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

std::vector<std::string> nearest_names(std::string_view asked, const std::vector<std::string>& names) {
  return nearest_of(asked, candidates_for(asked, names));
}

std::string suggestions(std::string_view kind, std::string_view asked,
                        const std::vector<Candidate>& candidates) {
  if (candidates.empty()) return "; there are no " + std::string(kind);
  std::string text;
  const auto near = nearest_of(asked, candidates);
  if (!near.empty()) text += "; did you mean " + joined(near) + "?";
  if (candidates.size() <= kFewNames && near.size() < candidates.size()) {
    std::vector<std::string> all(candidates.size());
    std::ranges::transform(candidates, all.begin(), &Candidate::name);
    text += (near.empty() ? "; available " : " Available ") + std::string(kind) + ": " + joined(all);
  }
  return text;
}

std::string suggestions(std::string_view kind, std::string_view asked,
                        const std::vector<std::string>& names) {
  return suggestions(kind, asked, candidates_for(asked, names));
}

}  // namespace tairitsu::detail

/// Suggestions for messages about a name that was not found.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tairitsu::detail {

/// Returns the name in lower case, with WIT's '-' for the '_' of C++: the most common mistakes in a name.
[[nodiscard]] std::string folded(std::string_view name);

/// Returns how many letters must be inserted, removed or replaced to turn one name into the other. Names longer than
/// 200 letters are not compared and count as far from all others: the cost is the product of the two lengths.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// Returns `'a', 'b'`.
[[nodiscard]] std::string joined(const std::vector<std::string>& names);

/// An existing name, and its distance from the name that was asked for, both folded.
struct Candidate {
  std::string name;
  std::size_t distance;
};

/// Returns up to five names that `asked` may be a misspelling of, the nearest first.
[[nodiscard]] std::vector<std::string> nearest_names(std::string_view asked,
                                                     const std::vector<std::string>& names);

/// Returns the end of a message about an unknown name: `; did you mean 'greet'? Available functions: 'add', 'greet'`.
/// It has the nearest names, and all names if there are at most eight. `kind` is the plural of what is named; without
/// any names the text is `; there are no functions`.
[[nodiscard]] std::string suggestions(std::string_view kind, std::string_view asked,
                                      const std::vector<Candidate>& candidates);
[[nodiscard]] std::string suggestions(std::string_view kind, std::string_view asked,
                                      const std::vector<std::string>& names);

}  // namespace tairitsu::detail

/// What to say where a name is not there: those that are, the nearest first.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tairitsu::detail {

/// Lower case, and WIT's '-' for the '_' of C++: that is how a name is most often wrong.
[[nodiscard]] std::string folded(std::string_view name);

/// How many letters to insert, remove or replace to make one of the other. Names of more than 200
/// letters are not compared, and far from all: comparing costs the product of two lengths.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// `'a', 'b'`
[[nodiscard]] std::string joined(const std::vector<std::string>& names);

/// A name that is there, and its distance from the one that was asked for, both folded.
struct OfferedName {
  std::string name;
  std::size_t distance;
};

/// The end of a message that a name is not there: `; did you mean 'greet'? There are 'add', 'greet'`.
/// It has the five nearest names at most, none too far from `asked`, and where there are few names all of
/// them, in their order. `kind` is their plural: `; there are no functions at all`.
[[nodiscard]] std::string offer(std::string_view kind, std::string_view asked,
                                const std::vector<OfferedName>& names);
/// The same of names that are asked for as they are.
[[nodiscard]] std::string offer(std::string_view kind, std::string_view asked,
                                const std::vector<std::string>& names);

}  // namespace tairitsu::detail

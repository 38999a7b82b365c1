/// Which interface of a world may `use` which, where that is chosen and not read.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace tairitsu::detail {

/// Takes in one `use` after the other, as long as WIT permits all of them together:
/// - no circles, neither of interfaces nor of packages;
/// - what an imported interface uses is imported;
/// - what an exported interface uses it has from the exports, where it is there. So an interface that is
///   only imported, and is used by an export, must not itself use one that is exported.
class WitUses {
 public:
  struct Interface {
    std::size_t package = 0;  ///< A number for each package.
    bool imported = false;
    bool exported = false;
    bool usable = false;  ///< Others may use from it.
  };

  /// Only earlier interfaces are used by later ones. The world's root is one that uses from any import.
  explicit WitUses(std::vector<Interface> interfaces, std::size_t root);

  /// Has `user` use `source`; false where WIT does not permit that. What was added stays added.
  bool add(std::size_t user, std::size_t source);

 private:
  [[nodiscard]] bool permitted(std::size_t user, std::size_t source);
  [[nodiscard]] bool package_reaches(std::size_t from, std::size_t to);
  [[nodiscard]] bool uses_an_export(std::size_t from);
  [[nodiscard]] bool is_used_by_an_export(std::size_t from);

  std::vector<Interface> interfaces_;
  std::size_t root_;
  std::vector<std::vector<std::size_t>> used_;
  std::vector<std::vector<std::size_t>> users_;
  std::map<std::size_t, std::set<std::size_t>> packages_;
  std::map<std::pair<std::size_t, std::size_t>, bool> known_;
  std::size_t steps_ = 0;
};

}  // namespace tairitsu::detail

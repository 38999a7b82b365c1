/// Decides which interfaces of a generated world may `use` each other.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace tairitsu::detail {

/// Collects `use`s one at a time, as long as WIT permits all of them together:
/// - there are no cycles of interfaces or packages;
/// - an imported interface only uses imported interfaces;
/// - an exported interface uses another one from the exports if it is exported. So an interface that is only imported
///   and is used by an export must not use an exported interface itself.
class WitUses {
 public:
  struct Interface {
    std::size_t package = 0;  ///< A number for each package.
    bool imported = false;
    bool exported = false;
    bool usable = false;  ///< Others may use from it.
  };

  /// Only later interfaces may use earlier ones. `root` is the index of the world's root, which may use any import.
  explicit WitUses(std::vector<Interface> interfaces, std::size_t root);

  /// Lets `user` use `source`. Returns false if WIT does not permit it. A use cannot be removed.
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

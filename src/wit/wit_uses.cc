#include "wit/wit_uses.h"

#include <ranges>

namespace tairitsu::detail {
namespace {

/// The most interfaces that searches may visit in total, so that a hostile component with many interfaces cannot take
/// all time. After that, no `use` is permitted.
constexpr std::size_t kMaxSteps = 20'000'000;

/// Returns whether `found` holds for a node, other than `from`, that is reachable from `from` through nodes for which
/// `pass` holds. `edges(node)` returns the successors of a node.
template <typename Edges, typename Found, typename Pass>
bool reaches(std::size_t from, std::size_t& steps, Edges edges, Found found, Pass pass) {
  std::set<std::size_t> seen{from};
  std::vector<std::size_t> open{from};
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    for (const std::size_t next : edges(at)) {
      ++steps;
      if (!seen.insert(next).second) continue;
      if (found(next)) return true;
      if (pass(next)) open.push_back(next);
    }
  }
  return false;
}

}  // namespace

WitUses::WitUses(std::vector<Interface> interfaces, std::size_t root)
    : interfaces_(std::move(interfaces)),
      root_(root),
      used_(interfaces_.size()),
      users_(interfaces_.size()) {}

bool WitUses::add(std::size_t user, std::size_t source) {
  if (const auto known = known_.find({user, source}); known != known_.end()) return known->second;
  const bool fits = permitted(user, source);
  known_.emplace(std::pair(user, source), fits);
  if (!fits) return false;
  used_[user].push_back(source);
  users_[source].push_back(user);
  const std::size_t package = interfaces_[source].package;
  if (interfaces_[user].package != package) packages_[interfaces_[user].package].insert(package);
  return true;
}

bool WitUses::permitted(std::size_t user, std::size_t source) {
  const Interface& from = interfaces_[user];
  const Interface& to = interfaces_[source];
  if (source >= user || !to.usable || steps_ > kMaxSteps) return false;
  if (user == root_) return to.imported;
  if (from.imported && !to.imported) return false;
  if (from.package != to.package && package_reaches(to.package, from.package)) return false;
  if (from.exported) return to.exported || !uses_an_export(source);
  return (!to.exported && !uses_an_export(source)) || !is_used_by_an_export(user);
}

bool WitUses::package_reaches(std::size_t from, std::size_t to) {
  return reaches(
      from, steps_, [&](std::size_t at) -> const std::set<std::size_t>& { return packages_[at]; },
      [&](std::size_t at) { return at == to; }, [](std::size_t) { return true; });
}

bool WitUses::uses_an_export(std::size_t from) {
  return reaches(
      from, steps_, [&](std::size_t at) -> const auto& { return used_[at]; },
      [&](std::size_t at) { return interfaces_[at].exported; }, [](std::size_t) { return true; });
}

bool WitUses::is_used_by_an_export(std::size_t from) {
  // Only follow imports: a use between two exports is between the exported instances.
  const auto exported = [&](std::size_t at) { return interfaces_[at].exported; };
  return reaches(
      from, steps_, [&](std::size_t at) -> const auto& { return users_[at]; }, exported,
      [&](std::size_t at) { return !exported(at); });
}

}  // namespace tairitsu::detail

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tairitsu/command.h"
#include "tairitsu/image.h"
#include "wit/name.h"

namespace tairitsu {
namespace {

std::vector<std::string> names_of(const WorldItems& items) {
  std::vector<std::string> names;
  names.reserve(items.interfaces.size() + items.functions.size());
  for (const auto& interface : items.interfaces) names.push_back(interface.name);
  for (const auto& function : items.functions) names.push_back(function.name);
  return names;
}

bool any_fits(std::string_view wanted, const std::vector<std::string>& names) {
  return std::ranges::any_of(names, [&](const auto& name) { return detail::interface_fits(wanted, name); });
}

}  // namespace

GuestInfo GuestInfo::of(const Image& image, std::string name, std::string version) {
  return {.name = std::move(name),
          .version = std::move(version),
          .features = {},
          .digest = image.digest(),
          .imports = names_of(image.world().imports),
          .exports = names_of(image.world().exports)};
}

bool GuestInfo::provides(std::string_view wanted) const { return any_fits(wanted, exports); }

bool GuestInfo::needs(std::string_view wanted) const { return any_fits(wanted, imports); }

}  // namespace tairitsu

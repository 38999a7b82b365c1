/// Finds items of a world by name; they must exist.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <tairitsu/type.h>

namespace tairitsu::test {

inline const Interface& find_interface(const WorldItems& items, std::string_view name) {
  const auto found = std::ranges::find(items.interfaces, name, &Interface::name);
  if (found == items.interfaces.end()) throw std::runtime_error("no interface " + std::string(name));
  return *found;
}

inline const FunctionType& find_signature(const std::vector<FunctionItem>& functions, std::string_view name) {
  const auto found = std::ranges::find(functions, name, &FunctionItem::name);
  if (found == functions.end()) throw std::runtime_error("no function " + std::string(name));
  return found->type;
}

}  // namespace tairitsu::test

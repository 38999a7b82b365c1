#include <algorithm>
#include <string>

#include "greeter_cpp.h"

namespace exports::greeter {

wit::string Greet(wit::string name) {
  const std::string greeting = "Hello, " + name.to_string() + "!";
  ::example::greeter::host::Log("greeting " + name.to_string());
  return wit::string::from_view(greeting);
}

void Fail() { __builtin_trap(); }

}  // namespace exports::greeter

namespace exports::example::greeter::shop {

wit::vector<Item> Cheapest(wit::vector<Item> items, uint32_t count) {
  const auto all = items.get_view();
  const auto wanted = all.first(std::min<size_t>(count, all.size()));
  std::ranges::partial_sort(all, wanted.end(), {}, &Item::price);
  return wit::vector<Item>::from_view(wanted);
}

}  // namespace exports::example::greeter::shop

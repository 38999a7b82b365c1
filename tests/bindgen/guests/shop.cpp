#include <string>
#include <vector>

#include "shop_cpp.h"

namespace exports::example::shop::catalogue {

namespace journal = ::example::shop::journal;

std::expected<void, wit::string> Basket::Add(Item item, uint32_t count) {
  if (count == 0) {
    journal::Log(journal::Level::kWarning, owner_ + " adds nothing");
    return std::unexpected(wit::string::from_view("add at least one"));
  }
  journal::Log(journal::Level::kInfo, owner_ + " adds " + std::to_string(count));
  total_ += item.price * count;
  return {};
}

Basket::Owned Basket::Merge(Owned a, Owned b) {
  // wit-bindgen does not tell an object its handle, so neither of the two can be returned.
  Owned both = New(wit::string::from_view(a->owner_));
  both->total_ = a->total_ + b->total_;
  return both;
}

wit::vector<Item> Find(Query query) {
  std::vector<Item> found;
  for (const Item& item : {Item{1, 4.5, 0.2}, Item{2, 1.25, 1.0}, Item{3, 2.0, 0.5}}) {
    const auto* cheaper = std::get_if<Query::CheaperThan>(&query.variants);
    const auto* named = std::get_if<Query::Named>(&query.variants);
    if (cheaper != nullptr && item.price >= cheaper->value) continue;
    if (named != nullptr && named->value.get_view() != std::to_string(item.id)) continue;
    found.push_back(item);
  }
  return wit::vector<Item>::from_view(std::span<Item>(found));
}

}  // namespace exports::example::shop::catalogue

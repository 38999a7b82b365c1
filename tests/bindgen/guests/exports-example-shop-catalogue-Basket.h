// The class of the exported resource. wit-bindgen includes this header by its name.
#pragma once
#include <cstdint>
#include <expected>
#include <string>

#include "wit.h"

namespace exports::example::shop::catalogue {

struct Item;

class Basket : public wit::ResourceExportBase<Basket> {
 public:
  static void Dtor(Basket* self) { delete self; }
  explicit Basket(wit::string owner) : owner_(owner.to_string()) {}
  static Owned New(wit::string owner) { return Owned(new Basket(std::move(owner))); }
  std::expected<void, wit::string> Add(Item item, uint32_t count);
  double Total() const { return total_; }
  static Owned Merge(Owned a, Owned b);
  static int32_t ResourceNew(Basket* self);
  static Basket* ResourceRep(int32_t id);
  static void ResourceDrop(int32_t id);

 private:
  std::string owner_;
  double total_ = 0;
};

}  // namespace exports::example::shop::catalogue

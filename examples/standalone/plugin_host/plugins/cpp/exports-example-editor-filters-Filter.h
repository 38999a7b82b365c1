// Based on the template that `tairitsu bindgen guest cpp` writes.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include "wit.h"

namespace exports::example::editor::filters {

class Filter : public wit::ResourceExportBase<Filter> {
 public:
  explicit Filter(wit::string word);

  std::expected<wit::string, wit::string> Apply(wit::string text);
  uint32_t Hidden() { return hidden_; }

  // Required by the generated code.
  static Owned New(wit::string word) { return Owned(new Filter(std::move(word))); }
  static void Dtor(Filter* self) { delete self; }
  static int32_t ResourceNew(Filter* self);
  static Filter* ResourceRep(int32_t id);
  static void ResourceDrop(int32_t id);

 private:
  std::string word_;
  uint32_t hidden_ = 0;
};

}  // namespace exports::example::editor::filters

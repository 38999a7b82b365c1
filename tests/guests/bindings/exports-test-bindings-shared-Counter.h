// Completed from the template.
#pragma once

#include <cstdint>

#include "wit.h"

namespace exports::test::bindings::shared {

class Counter : public wit::ResourceExportBase<Counter> {
 public:
  explicit Counter(uint32_t start) : next_(start) {}
  uint32_t Next() { return next_++; }
  uint32_t next() const { return next_; }

  // Required by the generated code.
  static Owned New(uint32_t start) { return Owned(new Counter(start)); }
  static void Dtor(Counter* self) { delete self; }
  static int32_t ResourceNew(Counter* self);
  static Counter* ResourceRep(int32_t id);
  static void ResourceDrop(int32_t id);

 private:
  uint32_t next_;
};

}  // namespace exports::test::bindings::shared

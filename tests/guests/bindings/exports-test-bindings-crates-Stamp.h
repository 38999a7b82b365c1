// Completed from the template.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "wit.h"

namespace exports::test::bindings::crates {

class Stamp : public wit::ResourceExportBase<Stamp> {
 public:
  Stamp(wit::ResourceExportBase<Crate>::Owned of, std::reference_wrapper<const Token> beside);
  ~Stamp();
  uint32_t Number() const { return number_; }
  static wit::ResourceExportBase<Crate>::Owned Unpack(Owned stamp);

  // Required by the generated code.
  static Owned New(wit::ResourceExportBase<Crate>::Owned of, std::reference_wrapper<const Token> beside) {
    return Owned(new Stamp(std::move(of), beside));
  }
  static void Dtor(Stamp* self) { delete self; }
  static int32_t ResourceNew(Stamp* self);
  static Stamp* ResourceRep(int32_t id);
  static void ResourceDrop(int32_t id);

 private:
  wit::ResourceExportBase<Crate>::Owned crate_;
  uint32_t number_;
};

}  // namespace exports::test::bindings::crates

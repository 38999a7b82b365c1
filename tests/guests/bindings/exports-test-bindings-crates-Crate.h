// Completed from the template. Uses records of its own interface, resources of the host, and another class of the
// guest.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wit.h"

namespace exports::test::bindings::crates {

class Crate : public wit::ResourceExportBase<Crate> {
 public:
  Crate(wit::string name, Size size);
  ~Crate();
  static std::expected<Owned, wit::string> WithTokens(wit::string name, Token&& given,
                                                      std::reference_wrapper<const Token> lent);
  wit::string Name() const;
  uint32_t Area() const { return size_.width * size_.height; }
  Kind MadeOf() const { return kind_; }
  wit::string Rename(wit::string name);
  wit::vector<wit::string> Tags(wit::vector<wit::string> more);
  std::optional<Token> Put(Token&& token);
  void PutAll(wit::vector<Token> tokens);
  std::expected<Token, wit::string> TakeOut();
  wit::vector<Token> TakeAllOut();
  uint32_t Peek(std::reference_wrapper<const Token> token);
  uint32_t Sum(wit::vector<std::reference_wrapper<const Token>> tokens);
  uint32_t Maybe(std::optional<std::reference_wrapper<const Token>> token);
  Pair Split();
  bool SameSize(std::reference_wrapper<const Crate> other);
  uint32_t Swallow(Owned other);
  uint32_t SwallowAll(wit::vector<Owned> others);
  static wit::ResourceExportBase<Stamp>::Owned StampIt(Owned crate,
                                                       std::reference_wrapper<const Token> token);

  // Required by the generated code.
  static Owned New(wit::string name, Size size) { return Owned(new Crate(std::move(name), size)); }
  static void Dtor(Crate* self) { delete self; }
  static int32_t ResourceNew(Crate* self);
  static Crate* ResourceRep(int32_t id);
  static void ResourceDrop(int32_t id);

 private:
  std::string name_;
  Size size_;
  Kind kind_ = Kind::kWood;
  std::vector<std::string> tags_;
  std::vector<Token> tokens_;
};

}  // namespace exports::test::bindings::crates

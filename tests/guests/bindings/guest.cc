// Resources of host and guest in every position that C++ guest bindings support.
#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "bindings_cpp.h"

namespace host = ::test::bindings::host;

namespace {

uint32_t made = 0;
uint32_t destroyed = 0;

wit::string text(const std::string& text) { return wit::string::from_view(text); }

template <typename T>
wit::vector<T> to_wit(std::vector<T> from) {
  auto to = wit::vector<T>::allocate(from.size());
  for (size_t i = 0; i < from.size(); ++i) to.initialize(i, std::move(from[i]));
  return to;
}

uint32_t sum(const wit::vector<std::reference_wrapper<const host::Token>>& tokens) {
  uint32_t total = 0;
  for (const host::Token& token : tokens.get_view()) total += token.Number();
  return total;
}

std::vector<host::Token> numbered(uint32_t count) {
  std::vector<host::Token> tokens;
  for (uint32_t i = 1; i <= count; ++i) tokens.emplace_back(i);
  return tokens;
}

}  // namespace

namespace exports::test::bindings::crates {

Crate::Crate(wit::string name, Size size) : name_(name.to_string()), size_(size) { ++made; }
Crate::~Crate() { ++destroyed; }

std::expected<Crate::Owned, wit::string> Crate::WithTokens(wit::string name, Token&& given,
                                                           std::reference_wrapper<const Token> lent) {
  if (name.empty()) return std::unexpected(text("no name"));
  Owned crate = New(std::move(name), {given.Number(), lent.get().Number()});
  crate->tokens_.push_back(std::move(given));
  return crate;
}

wit::string Crate::Name() const { return text(name_); }

wit::string Crate::Rename(wit::string name) { return text(std::exchange(name_, name.to_string())); }

wit::vector<wit::string> Crate::Tags(wit::vector<wit::string> more) {
  for (const wit::string& tag : more.get_view()) tags_.push_back(tag.to_string());
  std::vector<wit::string> all;
  for (const std::string& tag : tags_) all.push_back(text(tag));
  return to_wit(std::move(all));
}

std::optional<Token> Crate::Put(Token&& token) {
  if (tokens_.empty()) {
    tokens_.push_back(std::move(token));
    return std::nullopt;
  }
  Token last = std::move(tokens_.back());
  tokens_.back() = std::move(token);
  return last;
}

void Crate::PutAll(wit::vector<Token> tokens) {
  for (Token& token : tokens.get_view()) tokens_.push_back(std::move(token));
}

std::expected<Token, wit::string> Crate::TakeOut() {
  if (tokens_.empty()) return std::unexpected(text("it is empty"));
  Token last = std::move(tokens_.back());
  tokens_.pop_back();
  return last;
}

wit::vector<Token> Crate::TakeAllOut() { return to_wit(std::exchange(tokens_, {})); }

uint32_t Crate::Peek(std::reference_wrapper<const Token> token) { return token.get().Number(); }

uint32_t Crate::Sum(wit::vector<std::reference_wrapper<const Token>> tokens) { return sum(tokens); }

uint32_t Crate::Maybe(std::optional<std::reference_wrapper<const Token>> token) {
  return token ? token->get().Number() : 0;
}

Pair Crate::Split() { return {New(text(name_ + ".1"), size_), New(text(name_ + ".2"), size_)}; }

bool Crate::SameSize(std::reference_wrapper<const Crate> other) { return Area() == other.get().Area(); }

uint32_t Crate::Swallow(Owned other) {
  size_.width += other->size_.width;
  return size_.width;
}

uint32_t Crate::SwallowAll(wit::vector<Owned> others) {
  for (Owned& other : others.get_view()) Swallow(std::move(other));
  return size_.width;
}

Stamp::Owned Crate::StampIt(Owned crate, std::reference_wrapper<const Token> token) {
  return Stamp::New(std::move(crate), token);
}

Stamp::Stamp(Crate::Owned of, std::reference_wrapper<const Token> beside)
    : crate_(std::move(of)), number_(beside.get().Number()) {
  ++made;
}
Stamp::~Stamp() { ++destroyed; }

Crate::Owned Stamp::Unpack(Owned stamp) { return std::move(stamp->crate_); }

Counts Count() { return {made, destroyed}; }

Crate::Owned Make(wit::string name) { return Crate::New(std::move(name), {1, 1}); }
Crate::Owned MakeToo(wit::string name) { return Crate::New(std::move(name), {2, 2}); }

wit::vector<Crate::Owned> MakeMany(wit::vector<wit::string> names) {
  std::vector<Crate::Owned> crates;
  for (const wit::string& name : names.get_view()) crates.push_back(Make(name));
  return to_wit(std::move(crates));
}

std::expected<Crate::Owned, wit::string> MakeOrNot(wit::string name) {
  if (name.empty()) return std::unexpected(text("no name"));
  return Make(std::move(name));
}

wit::string NameOf(std::reference_wrapper<const Crate> crate) { return crate.get().Name(); }

wit::vector<wit::string> NamesOf(wit::vector<std::reference_wrapper<const Crate>> crates) {
  std::vector<wit::string> names;
  for (const Crate& crate : crates.get_view()) names.push_back(crate.Name());
  return to_wit(std::move(names));
}

Crate::Owned GiveBack(Crate::Owned crate) { return crate; }
wit::vector<Crate::Owned> GiveBackAll(wit::vector<Crate::Owned> crates) { return crates; }
std::optional<Crate::Owned> GiveBackMaybe(std::optional<Crate::Owned> crate) { return crate; }
Item GiveBackItem(Item item) { return item; }
Pair Swap(Pair pair) { return {std::move(pair.second), std::move(pair.first)}; }
wit::string Consume(Crate::Owned crate) { return crate->Name(); }

std::optional<Crate::Owned> Keep(std::optional<Crate::Owned> crate) {
  static std::optional<Crate::Owned> kept;
  return std::exchange(kept, std::move(crate));
}

uint32_t NumberOf(std::reference_wrapper<const Token> token) { return token.get().Number(); }
uint32_t SumOf(wit::vector<std::reference_wrapper<const Token>> tokens) { return sum(tokens); }

uint32_t SumOfNamed(wit::vector<std::tuple<wit::string, std::reference_wrapper<const Token>>> tokens) {
  uint32_t total = 0;
  for (const auto& [name, token] : tokens.get_view()) total += name.size() * token.get().Number();
  return total;
}

uint32_t NumberOr(std::optional<std::reference_wrapper<const Token>> token, uint32_t otherwise) {
  return token ? token->get().Number() : otherwise;
}

uint32_t NumberIf(std::expected<std::reference_wrapper<const Token>, wit::string> token) {
  return token ? token->get().Number() : token.error().size();
}

Token Pass(Token&& token) { return std::move(token); }
wit::vector<Token> PassAll(wit::vector<Token> tokens) { return tokens; }
wit::vector<Tagged> PassTagged(wit::vector<Tagged> tokens) { return tokens; }
std::tuple<Token, uint32_t> PassTuple(std::tuple<Token, uint32_t> tokens) { return tokens; }

uint32_t UseHost(uint32_t count) {
  uint32_t total = host::Take(Token(count));
  auto tokens = numbered(count);
  const std::vector<std::reference_wrapper<const Token>> lent(tokens.begin(), tokens.end());
  total += host::Sum(lent);
  total += host::Sum(lent);  // The references are unchanged.
  total += tokens.front().Plus(tokens.back()).Number();
  if (auto copy = Token::Copy(tokens.front())) total += copy->Number();
  const std::array<std::string_view, 2> parts = {"a", "bc"};
  total += tokens.front().Label("n", parts).size();

  total += host::TakeAll(tokens);
  for (const Token& token : tokens) {
    if (token.get_handle() != Token::invalid) return 0;
  }
  std::vector<host::Tagged> tagged;
  for (Token& token : numbered(count)) tagged.push_back({text("tag"), std::move(token)});
  total += host::TakeTagged(tagged);
  std::vector<host::Bundle> bundles;
  bundles.push_back({to_wit(numbered(count))});
  bundles.push_back({to_wit(numbered(count))});
  total += host::TakeBundles(bundles);
  total += host::TakeMaybe(Token(count));
  total += host::TakeMaybe(std::nullopt);

  auto given = host::Give(count);
  for (const Token& token : given.get_view()) total += token.Number();
  given = host::Give(1);  // Drops the previous tokens.
  if (auto found = host::Find(count)) total += found->token.Number() + found->tag.size();
  if (host::Find(0)) return 0;
  return total;
}

uint32_t Assign(Token&& first, Token&& second) {
  Token token = std::move(first);
  token = std::move(second);
  return token.Number();
}

}  // namespace exports::test::bindings::crates

namespace exports::test::bindings::shared {

Counter::Owned Make(uint32_t start) { return Counter::New(start); }
uint32_t Read(std::reference_wrapper<const Counter> counter) { return counter.get().next(); }
Counter::Owned GiveBack(Counter::Owned counter) { return counter; }

}  // namespace exports::test::bindings::shared

namespace exports::test::bindings::further {

uint32_t Number(std::reference_wrapper<const Coin> coin, std::reference_wrapper<const Crate> crate) {
  return coin.get().Number() + crate.get().Area();
}

std::tuple<Coin, Crate::Owned> Move(Coin&& coin, Crate::Owned crate) {
  return {std::move(coin), std::move(crate)};
}

}  // namespace exports::test::bindings::further

namespace exports::bindings {

host::Token OfWorld(std::reference_wrapper<const host::Token> lent, host::Token&& given) {
  return lent.get().Plus(given);
}

uint32_t CountOfHost(uint32_t rounds) {
  namespace shared = ::test::bindings::shared;
  shared::Counter counter = shared::Make(1);
  for (uint32_t i = 0; i < rounds; ++i) counter.Next();
  counter = shared::GiveBack(std::move(counter));
  return shared::Read(counter);
}

}  // namespace exports::bindings

// Guest bindings for C++: resources of host and guest in every position. The generator's unpatched output gets
// several of them wrong; see bridge/src/guest_fixes.rs.
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "support.h"

namespace tairitsu::test {

/// The host's `token`; `alive` counts them.
struct CountedToken {
  std::uint32_t number{};
  std::shared_ptr<int> alive;
};

/// The host's `counter`; the guest has its own.
struct HostCounter {
  std::uint32_t next{};
  std::shared_ptr<int> alive;
};

using TokenPtr = std::unique_ptr<CountedToken>;
using CounterPtr = std::unique_ptr<HostCounter>;

struct TaggedToken {
  std::string tag;
  TokenPtr token;
};
struct TokenBundle {
  std::vector<TokenPtr> tokens;
};
struct CrateSize {
  std::uint32_t width{};
  std::uint32_t height{};
};
struct CratePair {
  GuestResource first;
  GuestResource second;
};
struct CrateCounts {
  std::uint32_t made{};
  std::uint32_t destroyed{};
};
struct CrateItem : std::variant<GuestResource, TokenPtr, std::monostate> {
  using variant::variant;
};
enum class CrateKind : std::uint8_t { paper, wood };

}  // namespace tairitsu::test

namespace tairitsu {

template <>
struct Describe<test::CountedToken> : HostResource<test::CountedToken, "token"> {};
template <>
struct Describe<test::HostCounter> : HostResource<test::HostCounter, "counter"> {};
template <>
struct Describe<test::TaggedToken>
    : Record<test::TaggedToken, "tagged", Field<"tag", &test::TaggedToken::tag>,
             Field<"token", &test::TaggedToken::token>> {};
template <>
struct Describe<test::TokenBundle>
    : Record<test::TokenBundle, "bundle", Field<"tokens", &test::TokenBundle::tokens>> {};
template <>
struct Describe<test::CrateSize> : Record<test::CrateSize, "size", Field<"width", &test::CrateSize::width>,
                                          Field<"height", &test::CrateSize::height>> {};
template <>
struct Describe<test::CratePair> : Record<test::CratePair, "pair", Field<"first", &test::CratePair::first>,
                                          Field<"second", &test::CratePair::second>> {};
template <>
struct Describe<test::CrateCounts>
    : Record<test::CrateCounts, "counts", Field<"made", &test::CrateCounts::made>,
             Field<"destroyed", &test::CrateCounts::destroyed>> {};
template <>
struct Describe<test::CrateItem> : Variant<test::CrateItem, "item", "crate", "token", "nothing"> {};
template <>
struct Describe<test::CrateKind> : Enum<test::CrateKind, "kind", "paper", "wood"> {};

}  // namespace tairitsu

namespace tairitsu::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Crate = GuestResource;
using CrateRef = const GuestResource&;
using LentToken = Borrow<CountedToken>;

/// The limit on handles is low, because no test leaks any.
class CppGuestBindings : public ::testing::Test {
 protected:
  Result<void> define(Linker& linker) {
    const std::string host = "test:bindings/host@1.0.0#";
    TAIRITSU_RETURN_IF_ERROR(linker.define_resource<CountedToken>(host + "token"));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define(host + "[constructor]token", [this](std::uint32_t n) { return token(n); }));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define(host + "[method]token.number", [](CountedToken& self) { return self.number; }));
    TAIRITSU_RETURN_IF_ERROR(linker.define(
        host + "[method]token.plus",
        [this](CountedToken& self, CountedToken& other) { return token(self.number + other.number); }));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define(host + "[static]token.copy",
                      [this](CountedToken& of) -> Result<std::expected<TokenPtr, std::string>> {
                        if (of.number == 0) return guest_error(std::string("zero"));
                        return token(of.number);
                      }));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define(host + "[method]token.label",
                      [](CountedToken& self, std::string_view prefix, const std::vector<std::string>& parts) {
                        std::string label = std::string(prefix) + std::to_string(self.number);
                        for (const std::string& part : parts) label += part;
                        return label;
                      }));
    TAIRITSU_RETURN_IF_ERROR(linker.define(host + "take", [](TokenPtr token) { return token->number; }));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define(host + "take-all", [](std::vector<TokenPtr> tokens) { return sum(tokens); }));
    TAIRITSU_RETURN_IF_ERROR(linker.define(host + "take-tagged", [](std::vector<TaggedToken> tokens) {
      std::uint32_t total = 0;
      for (const TaggedToken& tagged : tokens) {
        total += tagged.token->number + static_cast<std::uint32_t>(tagged.tag.size());
      }
      return total;
    }));
    TAIRITSU_RETURN_IF_ERROR(linker.define(
        host + "take-maybe", [](std::optional<TokenPtr> token) { return token ? (*token)->number : 1000U; }));
    TAIRITSU_RETURN_IF_ERROR(linker.define(host + "take-bundles", [](std::vector<TokenBundle> bundles) {
      std::uint32_t total = 0;
      for (const TokenBundle& bundle : bundles) total += sum(bundle.tokens);
      return total;
    }));
    TAIRITSU_RETURN_IF_ERROR(linker.define(host + "sum", [](std::vector<LentToken> tokens) {
      std::uint32_t total = 0;
      for (const LentToken& token : tokens) total += token->number;
      return total;
    }));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define(host + "give", [this](std::uint32_t count) { return tokens(count); }));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define(host + "find", [this](std::uint32_t number) -> std::optional<TaggedToken> {
          if (number == 0) return std::nullopt;
          return TaggedToken{"found", token(number)};
        }));

    const std::string shared = "test:bindings/shared@1.0.0#";
    TAIRITSU_RETURN_IF_ERROR(linker.define_resource<HostCounter>(shared + "counter"));
    TAIRITSU_RETURN_IF_ERROR(linker.define(shared + "[constructor]counter",
                                           [this](std::uint32_t start) { return counter(start); }));
    TAIRITSU_RETURN_IF_ERROR(linker.define(shared + "[method]counter.next", [](HostCounter& self) {
      return std::exchange(self.next, self.next + 100);
    }));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define(shared + "make", [this](std::uint32_t start) { return counter(start); }));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define(shared + "read", [](HostCounter& counter) { return counter.next; }));
    return linker.define(shared + "give-back", [](CounterPtr counter) { return counter; });
  }

  void TearDown() override {
    EXPECT_EQ(alive(), 0) << "tokens and counters of the host are left";
    const CrateCounts counts = unwrap(function<CrateCounts()>("count")());
    EXPECT_EQ(counts.made, counts.destroyed) << "crates and stamps of the guest";
    EXPECT_EQ(container_.resources()->size(), 0U);
  }

  template <typename Signature>
  Function<Signature> function(std::string_view name, std::string_view interface = "crates") {
    return function_of<Signature>(container_,
                                  "test:bindings/" + std::string(interface) + "@1.0.0#" + std::string(name));
  }

  TokenPtr token(std::uint32_t number) { return TokenPtr(new CountedToken{number, alive_}); }
  CounterPtr counter(std::uint32_t start) { return CounterPtr(new HostCounter{start, alive_}); }
  std::vector<TokenPtr> tokens(std::uint32_t count) {
    std::vector<TokenPtr> tokens;
    for (std::uint32_t n = 1; n <= count; ++n) tokens.push_back(token(n));
    return tokens;
  }
  static std::uint32_t sum(std::span<const TokenPtr> tokens) {
    std::uint32_t total = 0;
    for (const TokenPtr& token : tokens) total += token->number;
    return total;
  }
  static std::vector<LentToken> lend(std::span<const TokenPtr> tokens) {
    std::vector<LentToken> lent;
    for (const TokenPtr& token : tokens) lent.emplace_back(*token);
    return lent;
  }
  /// Returns how many tokens and counters exist.
  [[nodiscard]] long alive() const { return alive_.use_count() - 1; }

  Crate make(std::string_view name) { return unwrap(function<Crate(std::string_view)>("make")(name)); }
  std::string name_of(CrateRef crate) { return unwrap(function<std::string(CrateRef)>("name-of")(crate)); }

  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  Container container_ =
      start("cpp_bindings.wasm", [this](Linker& linker) { return define(linker); }, {.resource_handles = 40});
};

TEST_F(CppGuestBindings, AcceptBorrowedHostResources) {
  const TokenPtr five = token(5);
  auto number_of = function<std::uint32_t(CountedToken&)>("number-of");
  EXPECT_EQ(unwrap(number_of(*five)), 5U);
  EXPECT_EQ(container_.resources()->size(), 0U) << "a borrow ends with its call";

  const auto many = tokens(4);
  EXPECT_EQ(unwrap(function<std::uint32_t(std::vector<LentToken>)>("sum-of")(lend(many))), 10U);
  EXPECT_EQ(unwrap(function<std::uint32_t(std::vector<LentToken>)>("sum-of")({})), 0U);
  using Named = std::tuple<std::string, LentToken>;
  EXPECT_EQ(unwrap(function<std::uint32_t(std::vector<Named>)>("sum-of-named")(
                {Named{"ab", *many[1]}, Named{"abc", *many[2]}})),
            13U);
  auto number_or = function<std::uint32_t(std::optional<LentToken>, std::uint32_t)>("number-or");
  EXPECT_EQ(unwrap(number_or(LentToken(*five), 9)), 5U);
  EXPECT_EQ(unwrap(number_or(std::nullopt, 9)), 9U);
  auto number_if = function<std::uint32_t(std::expected<LentToken, std::string>)>("number-if");
  EXPECT_EQ(unwrap(number_if(LentToken(*five))), 5U);
  EXPECT_EQ(unwrap(number_if(std::unexpected<std::string>("none"))), 4U);
}

TEST_F(CppGuestBindings, PassHostResources) {
  auto pass = function<TokenPtr(TokenPtr)>("pass");
  TokenPtr five = token(5);
  const CountedToken* address = five.get();
  five = unwrap(pass(std::move(five)));
  EXPECT_EQ(five.get(), address);

  const auto all = unwrap(function<std::vector<TokenPtr>(std::vector<TokenPtr>)>("pass-all")(tokens(4)));
  EXPECT_EQ(all.size(), 4U);
  EXPECT_EQ(sum(all), 10U);
  std::vector<TaggedToken> tagged;
  tagged.push_back({"one", token(1)});
  tagged.push_back({"", token(2)});
  tagged =
      unwrap(function<std::vector<TaggedToken>(std::vector<TaggedToken>)>("pass-tagged")(std::move(tagged)));
  ASSERT_EQ(tagged.size(), 2U);
  EXPECT_EQ(tagged[0].tag, "one");
  EXPECT_EQ(tagged[1].token->number, 2U);
  using Tuple = std::tuple<TokenPtr, std::uint32_t>;
  const auto tuple = unwrap(function<Tuple(Tuple)>("pass-tuple")(Tuple(token(6), 7)));
  EXPECT_EQ(std::get<0>(tuple)->number, 6U);
  EXPECT_EQ(std::get<1>(tuple), 7U);
  EXPECT_EQ(unwrap(function<std::uint32_t(TokenPtr, TokenPtr)>("assign")(token(1), token(2))), 2U);
  auto of_world = function_of<TokenPtr(CountedToken&, TokenPtr)>(container_, "of-world");
  EXPECT_EQ(unwrap(of_world(*five, token(3)))->number, 8U);
}

TEST_F(CppGuestBindings, CallTheHostWithHostResources) {
  // take, sum twice, plus, copy, label; take-all, -tagged, -bundles, -maybe twice; give, find.
  const std::uint32_t expected = 4 + 10 + 10 + 5 + 1 + 5 + 10 + (10 + 12) + 20 + 4 + 1000 + 10 + (4 + 5);
  EXPECT_EQ(unwrap(function<std::uint32_t(std::uint32_t)>("use-host")(4)), expected);
}

TEST_F(CppGuestBindings, PassGuestResourcesBothWays) {
  Crate crate = make("a");
  auto give_back = function<Crate(Crate)>("give-back");
  for (int i = 0; i < 3; ++i) crate = unwrap(give_back(std::move(crate)));
  EXPECT_EQ(name_of(crate), "a");
  auto maybe = function<std::optional<Crate>(std::optional<Crate>)>("give-back-maybe");
  crate = *unwrap(maybe(std::move(crate)));
  EXPECT_EQ(unwrap(maybe(std::nullopt)), std::nullopt);

  auto many = unwrap(function<std::vector<Crate>(std::vector<std::string>)>("make-many")({"x", "y", "z"}));
  many = unwrap(function<std::vector<Crate>(std::vector<Crate>)>("give-back-all")(std::move(many)));
  using Lent = Borrow<const GuestResource>;
  EXPECT_THAT(unwrap(function<std::vector<std::string>(std::vector<Lent>)>("names-of")(
                  {Lent(many[0]), Lent(many[1]), Lent(many[2])})),
              ElementsAre("x", "y", "z"));
  const CratePair pair =
      unwrap(function<CratePair(CratePair)>("swap")({std::move(many[0]), std::move(many[1])}));
  EXPECT_EQ(name_of(pair.first), "y");
  EXPECT_EQ(name_of(pair.second), "x");

  auto item = function<CrateItem(CrateItem)>("give-back-item");
  const CrateItem back = unwrap(item(CrateItem(std::move(crate))));
  EXPECT_EQ(name_of(std::get<0>(back)), "a");
  EXPECT_EQ(std::get<1>(unwrap(item(CrateItem(token(7)))))->number, 7U);
  EXPECT_EQ(unwrap(item(CrateItem(std::monostate()))).index(), 2U);
}

TEST_F(CppGuestBindings, DropResourcesGivenToTheGuest) {
  auto counts = function<CrateCounts()>("count");
  EXPECT_EQ(unwrap(function<std::string(Crate)>("consume")(make("a"))), "a");
  EXPECT_EQ(unwrap(counts()).destroyed, 1U);
  auto keep = function<std::optional<Crate>(std::optional<Crate>)>("keep");
  EXPECT_EQ(unwrap(keep(make("kept"))), std::nullopt);
  EXPECT_EQ(unwrap(counts()).destroyed, 1U);
  const std::optional<Crate> kept = unwrap(keep(std::nullopt));
  EXPECT_EQ(name_of(*kept), "kept");
}

TEST_F(CppGuestBindings, CreateAResourceInSeveralFunctions) {
  auto area = function<std::uint32_t(CrateRef)>("[method]crate.area");
  const Crate first = make("a");
  const Crate second = unwrap(function<Crate(std::string_view)>("make-too")("b"));
  EXPECT_EQ(unwrap(area(first)), 1U);
  EXPECT_EQ(unwrap(area(second)), 4U);
  auto make_or_not = function<std::expected<Crate, std::string>(std::string_view)>("make-or-not");
  EXPECT_EQ(name_of(*unwrap(make_or_not("c"))), "c");
  EXPECT_EQ(unwrap(make_or_not("")).error(), "no name");
}

TEST_F(CppGuestBindings, SupportMethodsOfEveryKind) {
  const Crate crate = unwrap(function<Crate(std::string_view, CrateSize)>("[constructor]crate")("a", {2, 3}));
  EXPECT_EQ(unwrap(function<std::uint32_t(CrateRef)>("[method]crate.area")(crate)), 6U);
  EXPECT_EQ(unwrap(function<CrateKind(CrateRef)>("[method]crate.made-of")(crate)), CrateKind::wood);
  EXPECT_EQ(unwrap(function<std::string(CrateRef, std::string_view)>("[method]crate.rename")(crate, "b")),
            "a");
  EXPECT_EQ(unwrap(function<std::string(CrateRef)>("[method]crate.name")(crate)), "b");
  auto tags = function<std::vector<std::string>(CrateRef, std::vector<std::string>)>("[method]crate.tags");
  EXPECT_THAT(unwrap(tags(crate, {})), IsEmpty());
  EXPECT_THAT(unwrap(tags(crate, {"one", ""})), ElementsAre("one", ""));
  EXPECT_THAT(unwrap(tags(crate, {"two"})), ElementsAre("one", "", "two"));

  const CratePair halves = unwrap(function<CratePair(CrateRef)>("[method]crate.split")(crate));
  EXPECT_EQ(name_of(halves.second), "b.2");
  EXPECT_TRUE(unwrap(function<bool(CrateRef, CrateRef)>("[method]crate.same-size")(crate, halves.first)));
  EXPECT_FALSE(unwrap(function<bool(CrateRef, CrateRef)>("[method]crate.same-size")(crate, make("small"))));
  EXPECT_EQ(unwrap(function<std::uint32_t(CrateRef, Crate)>("[method]crate.swallow")(crate, make("c"))), 3U);
  std::vector<Crate> others;
  for (int i = 0; i < 3; ++i) others.push_back(make("d"));
  auto swallow_all = function<std::uint32_t(CrateRef, std::vector<Crate>)>("[method]crate.swallow-all");
  EXPECT_EQ(unwrap(swallow_all(crate, std::move(others))), 6U);
}

TEST_F(CppGuestBindings, StoreHostResourcesInGuestResources) {
  const Crate crate = make("a");
  auto put = function<std::optional<TokenPtr>(CrateRef, TokenPtr)>("[method]crate.put");
  EXPECT_EQ(unwrap(put(crate, token(1))), std::nullopt);
  EXPECT_EQ((*unwrap(put(crate, token(2))))->number, 1U);
  EXPECT_EQ(alive(), 1);
  ASSERT_OK(function<void(CrateRef, std::vector<TokenPtr>)>("[method]crate.put-all")(crate, tokens(3)));
  auto take_out = function<std::expected<TokenPtr, std::string>(CrateRef)>("[method]crate.take-out");
  EXPECT_EQ((*unwrap(take_out(crate)))->number, 3U);
  const auto rest = unwrap(function<std::vector<TokenPtr>(CrateRef)>("[method]crate.take-all-out")(crate));
  EXPECT_EQ(sum(rest), 2U + 1U + 2U);
  EXPECT_EQ(unwrap(take_out(crate)).error(), "it is empty");

  EXPECT_EQ(unwrap(function<std::uint32_t(CrateRef, CountedToken&)>("[method]crate.peek")(crate, *rest[0])),
            2U);
  EXPECT_EQ(unwrap(function<std::uint32_t(CrateRef, std::vector<LentToken>)>("[method]crate.sum")(
                crate, lend(rest))),
            5U);
  auto maybe = function<std::uint32_t(CrateRef, std::optional<LentToken>)>("[method]crate.maybe");
  EXPECT_EQ(unwrap(maybe(crate, LentToken(*rest[1]))), 1U);
  EXPECT_EQ(unwrap(maybe(crate, std::nullopt)), 0U);
  ASSERT_OK(put(crate, token(9))) << "the token is destroyed with the crate";
}

TEST_F(CppGuestBindings, PassResourcesToConstructors) {
  const TokenPtr seven = token(7);
  auto with_tokens = function<std::expected<Crate, std::string>(std::string_view, TokenPtr, CountedToken&)>(
      "[static]crate.with-tokens");
  Crate crate = *unwrap(with_tokens("a", token(3), *seven));
  EXPECT_EQ(unwrap(function<std::uint32_t(CrateRef)>("[method]crate.area")(crate)), 21U);
  EXPECT_EQ(unwrap(with_tokens("", token(3), *seven)).error(), "no name");
  EXPECT_EQ(alive(), 2) << "the token in the crate, and the borrowed one";

  auto stamp = function<GuestResource(Crate, CountedToken&)>("[constructor]stamp");
  auto number = function<std::uint32_t(const GuestResource&)>("[method]stamp.number");
  auto unpack = function<Crate(GuestResource)>("[static]stamp.unpack");
  GuestResource first = unwrap(stamp(std::move(crate), *seven));
  EXPECT_EQ(unwrap(number(first)), 7U);
  crate = unwrap(unpack(std::move(first)));
  EXPECT_EQ(name_of(crate), "a");
  const GuestResource second = unwrap(
      function<GuestResource(Crate, CountedToken&)>("[static]crate.stamp-it")(std::move(crate), *seven));
  EXPECT_EQ(unwrap(number(second)), 7U);
}

TEST_F(CppGuestBindings, DistinguishAnImportedInterfaceFromTheSameExportedOne) {
  auto next = function<std::uint32_t(const GuestResource&)>("[method]counter.next", "shared");
  auto read = function<std::uint32_t(const GuestResource&)>("read", "shared");
  GuestResource first = unwrap(function<GuestResource(std::uint32_t)>("make", "shared")(1));
  const GuestResource second =
      unwrap(function<GuestResource(std::uint32_t)>("[constructor]counter", "shared")(10));
  EXPECT_EQ(unwrap(next(first)), 1U);
  first = unwrap(function<GuestResource(GuestResource)>("give-back", "shared")(std::move(first)));
  EXPECT_EQ(unwrap(read(first)), 2U);
  EXPECT_EQ(unwrap(read(second)), 10U);
  EXPECT_EQ(alive(), 0);
  EXPECT_EQ(unwrap(function_of<std::uint32_t(std::uint32_t)>(container_, "count-of-host")(3)), 301U);
}

TEST_F(CppGuestBindings, FollowChainsOfUse) {
  const TokenPtr two = token(2);
  Crate crate = unwrap(function<Crate(std::string_view)>("make-too")("a"));
  EXPECT_EQ(unwrap(function<std::uint32_t(CountedToken&, CrateRef)>("number", "further")(*two, crate)), 6U);
  using Both = std::tuple<TokenPtr, Crate>;
  const Both both = unwrap(function<Both(TokenPtr, Crate)>("move", "further")(token(3), std::move(crate)));
  EXPECT_EQ(std::get<0>(both)->number, 3U);
  EXPECT_EQ(name_of(std::get<1>(both)), "a");
}

TEST_F(CppGuestBindings, LeakNothing) {
  auto use_host = function<std::uint32_t(std::uint32_t)>("use-host");
  auto sum_of = function<std::uint32_t(std::vector<LentToken>)>("sum-of");
  auto number_of = function<std::uint32_t(CountedToken&)>("number-of");
  auto pass_all = function<std::vector<TokenPtr>(std::vector<TokenPtr>)>("pass-all");
  auto make_many = function<std::vector<Crate>(std::vector<std::string>)>("make-many");
  auto give_back_all = function<std::vector<Crate>(std::vector<Crate>)>("give-back-all");
  auto make = function<Crate(std::string_view)>("make");
  auto put = function<std::optional<TokenPtr>(CrateRef, TokenPtr)>("[method]crate.put");
  auto stamp = function<GuestResource(Crate, CountedToken&)>("[constructor]stamp");
  auto unpack = function<Crate(GuestResource)>("[static]stamp.unpack");
  auto assign = function<std::uint32_t(TokenPtr, TokenPtr)>("assign");
  auto keep = function<std::optional<Crate>(std::optional<Crate>)>("keep");
  auto count_of_host = function_of<std::uint32_t(std::uint32_t)>(container_, "count-of-host");

  const auto lent = tokens(5);
  const std::string long_name(1000, 'n');
  std::uint64_t memory = 0;
  for (int round = 0; round < 10'000; ++round) {
    ASSERT_OK(use_host(3));
    ASSERT_OK(sum_of(lend(lent)));
    ASSERT_OK(number_of(*lent[0]));
    ASSERT_OK(pass_all(tokens(3)));
    auto crates = make_many({"a", "b", long_name});
    ASSERT_OK(crates);
    ASSERT_OK(give_back_all(*std::move(crates)));
    Crate crate = unwrap(make("c"));
    ASSERT_OK(put(crate, token(1)));
    ASSERT_OK(put(crate, token(2)));
    auto stamped = stamp(std::move(crate), *lent[1]);
    ASSERT_OK(stamped);
    ASSERT_OK(unpack(*std::move(stamped)));
    ASSERT_OK(assign(token(1), token(2)));
    ASSERT_OK(keep(unwrap(make("d"))));
    ASSERT_OK(count_of_host(2));
    if (round == 100) memory = container_.memory_bytes();
  }
  EXPECT_EQ(container_.memory_bytes(), memory) << "the guest frees its arguments";
  ASSERT_OK(keep(std::nullopt));
  EXPECT_EQ(alive(), 5);
}

}  // namespace
}  // namespace tairitsu::test

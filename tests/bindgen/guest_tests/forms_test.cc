// The ways to give a container its bindings and their hosts, and the errors if something is missing.
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shop.h"
#include "support/support.h"
#include "twofold.h"

namespace tairitsu::test {
namespace {

namespace journal = example::shop::journal;
using example::shop::Shop;
using ::test::world_items::Twofold;
using testing::ElementsAre;
using testing::HasSubstr;

class Journal final : public journal::Host {
 public:
  Result<void> log(journal::Level, std::string_view message) override {
    lines.emplace_back(message);
    return {};
  }
  std::vector<std::string> lines;
};

struct State {
  Journal journal;
};

ContainerBuilder shop() { return Container::builder(load("bindgen_shop.wasm")); }

/// Makes the guest log one line.
Result<void> make_it_log(Shop& shop, std::string_view owner = "Ada") {
  TAIRITSU_TRY(auto basket, shop.catalogue().basket(owner));
  TAIRITSU_TRY(const auto added, basket.add({}, 1));
  return added ? Result<void>() : fail(ErrorCode::internal, added.error());
}
Result<void> make_it_log(const Container& container) { return make_it_log(*container.guest<Shop>()); }

// ---- with_bindings and a host

TEST(HostBindings, UseAHostByReference) {
  Journal host;
  const auto container = unwrap(shop().with_bindings<Shop>(host).build());
  ASSERT_OK(make_it_log(container));
  EXPECT_THAT(host.lines, ElementsAre("Ada adds 1"));
}

TEST(HostBindings, TakeOwnershipOfAMovedHost) {
  const auto container = unwrap(shop().with_bindings<Shop>(Journal()).build());
  EXPECT_OK(make_it_log(container));
}

TEST(HostBindings, AcceptFunctions) {
  std::vector<std::string> lines;
  journal::HostFunctions functions;
  functions.log = [&lines](journal::Level, std::string_view message) -> Result<void> {
    lines.emplace_back(message);
    return {};
  };
  const auto container = unwrap(shop().with_bindings<Shop>(std::move(functions)).build());
  ASSERT_OK(make_it_log(container));
  EXPECT_THAT(lines, ElementsAre("Ada adds 1"));
}

TEST(HostBindings, NameAFunctionThatIsNotSet) {
  const auto container = unwrap(shop().with_bindings<Shop>(journal::HostFunctions()).build());
  const auto called = make_it_log(container);
  EXPECT_ERROR(called, missing_import);
  EXPECT_THAT(message_of(called), HasSubstr("the host function 'example:shop/journal@1.2.0#log' is not set"));
}

TEST(HostBindings, PropagateHostErrorsAndExceptions) {
  journal::HostFunctions functions;
  functions.log = [](journal::Level, std::string_view message) -> Result<void> {
    if (message.starts_with("Eve")) throw std::runtime_error("thrown");
    return fail(ErrorCode::not_found, "no journal");
  };
  auto first = unwrap(shop().with_bindings<Shop>(functions).build());
  const auto failed = make_it_log(*first.guest<Shop>());
  EXPECT_ERROR(failed, not_found);
  EXPECT_THAT(message_of(failed), HasSubstr("no journal"));
  auto second = unwrap(shop().with_bindings<Shop>(functions).build());
  const auto threw = make_it_log(*second.guest<Shop>(), "Eve");
  EXPECT_ERROR(threw, host_function);
  EXPECT_THAT(message_of(threw), HasSubstr("thrown"));
}

// ---- A host in the host state

TEST(HostBindings, FindTheHostInTheHostState) {
  const auto container =
      unwrap(shop()
                 .with_host_state(State())
                 .with_bindings<Shop, State>([](State& state) -> journal::Host& { return state.journal; })
                 .build());
  ASSERT_OK(make_it_log(container));
  EXPECT_THAT(container.host_state<State>()->journal.lines, ElementsAre("Ada adds 1"));
}

Journal& journal_of(State& state) { return state.journal; }

TEST(HostBindings, GiveEachContainerOfATemplateItsOwnState) {
  const auto made = unwrap(shop()
                               .with_state_factory([] { return State(); })
                               .with_bindings<Shop, State>(&journal_of)
                               .build_template());
  const auto first = unwrap(made.instantiate());
  const auto second = unwrap(made.instantiate());
  for (int i = 0; i < 3; ++i) ASSERT_OK(make_it_log(first));
  ASSERT_OK(make_it_log(second));
  EXPECT_EQ(first.host_state<State>()->journal.lines.size(), 3U);
  EXPECT_EQ(second.host_state<State>()->journal.lines.size(), 1U);
}

TEST(HostBindings, RejectASingleHostObjectForATemplate) {
  Journal host;
  const auto made = shop().with_bindings<Shop>(host).build_template();
  EXPECT_ERROR(made, invalid_argument);
  EXPECT_THAT(message_of(made), HasSubstr("with_bindings<Bindings, State>(get)"));
}

TEST(HostBindings, ReportAHostStateOfAnotherType) {
  const auto container =
      unwrap(shop().with_host_state(std::string()).with_bindings<Shop, State>(&journal_of).build());
  const auto called = make_it_log(container);
  EXPECT_ERROR(called, invalid_argument);
  EXPECT_THAT(message_of(called), HasSubstr("host state has the wrong type"));
}

TEST(HostBindings, ReportAMissingHostState) {
  const auto container = unwrap(shop().with_bindings<Shop, State>(&journal_of).build());
  const auto called = make_it_log(container);
  EXPECT_ERROR(called, invalid_argument);
  EXPECT_THAT(message_of(called), HasSubstr("with_host_state"));
}

// ---- In a guest initializer

TEST(HostBindings, LinkInAGuestInitializer) {
  Journal host;
  const auto container =
      unwrap(shop()
                 .with_guest_initializer([&host](GuestContext& guest) -> Result<GuestInstance> {
                   TAIRITSU_RETURN_IF_ERROR(
                       Shop::add_to_linker<void>(guest.linker, [&host]() -> journal::Host& { return host; }));
                   return Shop::instantiate(guest.store, guest.component, guest.linker);
                 })
                 .build());
  ASSERT_NE(container.guest<Shop>(), nullptr);
  ASSERT_OK(make_it_log(container));
  EXPECT_EQ(host.lines.size(), 1U);
}

TEST(HostBindings, LinkInAGuestInitializerWithAHostState) {
  const auto container =
      unwrap(shop()
                 .with_host_state(State())
                 .with_guest_initializer([](GuestContext& guest) -> Result<GuestInstance> {
                   TAIRITSU_RETURN_IF_ERROR(Shop::add_to_linker<State>(guest.linker, &journal_of));
                   return Shop::instantiate(guest.store, guest.component, guest.linker);
                 })
                 .build());
  ASSERT_OK(make_it_log(container));
  EXPECT_EQ(container.host_state<State>()->journal.lines.size(), 1U);
}

TEST(HostBindings, LinkASingleInterface) {
  Journal host;
  const auto container =
      unwrap(shop()
                 .with_imports([&host](Linker& linker) {
                   return journal::add_to_linker<void>(linker, [&host]() -> journal::Host& { return host; });
                 })
                 .build());
  EXPECT_EQ(container.guest<Shop>(), nullptr);
}

TEST(HostBindings, WorkWithImportsDefinedByHand) {
  int calls = 0;
  const auto container = unwrap(
      shop()
          .with_guest_initializer([&calls](GuestContext& guest) -> Result<GuestInstance> {
            TAIRITSU_RETURN_IF_ERROR(guest.linker.define(
                "example:shop/journal@1.2.0#log", [&calls](journal::Level, std::string_view) { ++calls; }));
            return Shop::instantiate(guest.store, guest.component, guest.linker);
          })
          .build());
  ASSERT_OK(make_it_log(container));
  EXPECT_EQ(calls, 1);
}

TEST(HostBindings, RejectAnAdditionalGuestInitializer) {
  Journal host;
  const auto container =
      shop()
          .with_bindings<Shop>(host)
          .with_guest_initializer([](GuestContext&) -> Result<GuestInstance> { return GuestInstance(); })
          .build();
  EXPECT_ERROR(container, invalid_argument);
  EXPECT_THAT(message_of(container), HasSubstr("with_bindings"));
}

TEST(HostBindings, RejectDuplicateImports) {
  Journal host;
  const auto container =
      shop()
          .with_imports([](Linker& linker) {
            return linker.define("example:shop/journal@1.2.0#log", [](journal::Level, std::string_view) {});
          })
          .with_bindings<Shop>(host)
          .build();
  EXPECT_ERROR(container, already_exists);
}

// ---- Mismatches

TEST(HostBindings, NameAMissingExport) {
  Journal host;
  for (const char* guest : {"bindgen_types.wasm", "bindgen_twofold.wat"}) {
    const auto container = Container::builder(load(guest)).with_bindings<Shop>(host).build();
    EXPECT_ERROR(container, not_found);
    EXPECT_THAT(message_of(container), HasSubstr("example:shop/catalogue@1.2.0#"));
  }
  const auto made =
      Container::builder(load("bindgen_types.wasm")).with_bindings<Shop, State>(&journal_of).build_template();
  EXPECT_FALSE(made);
}

TEST(HostBindings, NameAnExportOfAnotherType) {
  const auto container = Container::builder(from_text(R"((component
      (core module $m (func (export "thrice") (param i64) (result i64) (local.get 0)))
      (core instance $i (instantiate $m))
      (func $thrice (param "l" u64) (result u64) (canon lift (core func $i "thrice")))
      (instance $exports (export "thrice" (func $thrice)))
      (export "inline" (instance $exports))))"))
                             .with_bindings<Twofold>(::test::world_items::twofold::inline_::HostFunctions())
                             .build();
  EXPECT_ERROR(container, type_mismatch);
  EXPECT_THAT(message_of(container), HasSubstr("u64"));
}

// ---- The world's class

TEST(HostBindings, ShareTheGuestBetweenCopies) {
  Journal host;
  auto container = unwrap(shop().with_bindings<Shop>(host).build());
  Shop copy = *container.guest<Shop>();
  ASSERT_OK(make_it_log(copy));
  EXPECT_EQ(host.lines.size(), 1U);
  container.stop();
  EXPECT_ERROR(make_it_log(copy), container_stopped);
  EXPECT_ERROR(make_it_log(container), container_stopped);
}

TEST(HostBindings, AreFoundOnlyByTheirType) {
  const auto container = unwrap(shop().with_bindings<Shop>(Journal()).build());
  EXPECT_NE(container.guest<Shop>(), nullptr);
  EXPECT_EQ(container.guest<int>(), nullptr);
}

}  // namespace
}  // namespace tairitsu::test

// Resources of guest and host: ownership, destruction, and invalid handles.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support.h"

namespace tairitsu::test {

/// The host's class for `ticket`; `alive` counts its objects.
struct CountedTicket {
  std::uint32_t number{};
  std::shared_ptr<int> alive;
  std::function<void()> on_destruction = {};

  ~CountedTicket() {
    if (on_destruction) on_destruction();
  }
};

/// Another class with the same WIT name.
struct OtherTicket {
  std::uint32_t number{};
};

/// The guest's `basket`, with a checked name.
struct Basket : GuestResource {
  using GuestResource::GuestResource;
};
struct Trolley : GuestResource {
  using GuestResource::GuestResource;
};

}  // namespace tairitsu::test

template <>
struct tairitsu::Describe<tairitsu::test::CountedTicket>
    : tairitsu::HostResource<tairitsu::test::CountedTicket, "ticket"> {};
template <>
struct tairitsu::Describe<tairitsu::test::OtherTicket>
    : tairitsu::HostResource<tairitsu::test::OtherTicket, "ticket"> {};
template <>
struct tairitsu::Describe<tairitsu::test::Basket> : tairitsu::GuestResourceNamed<"basket"> {};
template <>
struct tairitsu::Describe<tairitsu::test::Trolley> : tairitsu::GuestResourceNamed<"trolley"> {};

namespace tairitsu::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Ticket = CountedTicket;
using TicketPtr = std::unique_ptr<Ticket>;

// ---- Resources of the guest

class GuestResources : public ::testing::Test {
 protected:
  static Result<void> define(Linker& linker) {
    const std::string host = "test:shop/host@1.0.0#";
    TAIRITSU_RETURN_IF_ERROR(linker.define_resource<Ticket>(host + "ticket"));
    TAIRITSU_RETURN_IF_ERROR(linker.define(host + "[constructor]ticket",
                                           [](std::uint32_t n) { return TicketPtr(new Ticket{n, {}}); }));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define(host + "[method]ticket.number", [](Ticket& ticket) { return ticket.number; }));
    TAIRITSU_RETURN_IF_ERROR(linker.define(host + "take", [](TicketPtr) {}));
    TAIRITSU_RETURN_IF_ERROR(linker.define(host + "give", [] { return TicketPtr(new Ticket{1, {}}); }));
    return linker.define(host + "list", [] { return std::vector<TicketPtr>(); });
  }

  GuestResource make(std::uint32_t owner) { return unwrap(make_(owner)); }
  std::uint32_t drops() { return unwrap(drops_()); }

  Container container_ = start("resources.wat", define);
  Function<GuestResource(std::uint32_t)> make_ =
      function_of<GuestResource(std::uint32_t)>(container_, "[constructor]basket");
  Function<void(const GuestResource&, std::uint32_t)> add_ =
      function_of<void(const GuestResource&, std::uint32_t)>(container_, "[method]basket.add");
  Function<std::uint32_t(const GuestResource&)> total_ =
      function_of<std::uint32_t(const GuestResource&)>(container_, "[method]basket.total");
  Function<GuestResource(GuestResource, GuestResource)> merge_ =
      function_of<GuestResource(GuestResource, GuestResource)>(container_, "[static]basket.merge");
  Function<std::uint32_t()> drops_ = function_of<std::uint32_t()>(container_, "drops");
};

TEST_F(GuestResources, HaveConstructorsAndMethods) {
  const GuestResource first = make(1);
  const GuestResource second = make(2);
  ASSERT_TRUE(static_cast<bool>(first));
  ASSERT_OK(add_(first, 5));
  ASSERT_OK(add_(second, 7));
  ASSERT_OK(add_(first, 10));
  EXPECT_EQ(unwrap(total_(first)), 15U);
  EXPECT_EQ(unwrap(total_(second)), 7U);
  auto owner = function_of<std::uint32_t(const GuestResource&)>(
      container_, "test:shop/catalogue@1.0.0#[method]basket.owner");
  EXPECT_EQ(unwrap(owner(second)), 2U);
  EXPECT_EQ(drops(), 0U);
}

TEST_F(GuestResources, CanBePassedBackToTheirGuest) {
  GuestResource a = make(1);
  GuestResource b = make(2);
  ASSERT_OK(add_(a, 5));
  ASSERT_OK(add_(b, 7));
  const GuestResource merged = unwrap(merge_(std::move(a), std::move(b)));
  EXPECT_EQ(unwrap(total_(merged)), 12U);
  EXPECT_EQ(drops(), 1U) << "the guest dropped b";
  EXPECT_FALSE(static_cast<bool>(a));
  EXPECT_FALSE(static_cast<bool>(b));
}

TEST_F(GuestResources, AreDroppedWithTheirHandle) {
  {
    const GuestResource a = make(1);
    const GuestResource b = make(2);
    EXPECT_EQ(drops(), 0U);
  }
  EXPECT_EQ(drops(), 2U);
  GuestResource c = make(3);
  c = make(4);
  EXPECT_EQ(drops(), 3U) << "assignment drops the previous resource";
  auto& itself = c;
  c = std::move(itself);
  EXPECT_EQ(drops(), 3U);
  EXPECT_TRUE(static_cast<bool>(c));
  EXPECT_OK(c.drop());
  EXPECT_EQ(drops(), 4U);
  EXPECT_FALSE(static_cast<bool>(c));
  EXPECT_OK(c.drop()) << "dropping twice has no effect";
  EXPECT_EQ(drops(), 4U);
  static_assert(!std::is_copy_constructible_v<GuestResource>);
}

TEST_F(GuestResources, AreDroppedOnceAfterMoves) {
  {
    GuestResource a = make(1);
    GuestResource b = std::move(a);
    std::vector<GuestResource> many;
    many.push_back(std::move(b));
    many.push_back(make(2));
    EXPECT_EQ(drops(), 0U);
  }
  EXPECT_EQ(drops(), 2U);
}

TEST_F(GuestResources, ThatWereDroppedAreRejectedBeforeEntry) {
  GuestResource a = make(1);
  const GuestResource b = std::move(a);
  const auto moved = total_(a);
  ASSERT_ERROR(moved, invalid_argument);
  EXPECT_THAT(message_of(moved), HasSubstr("dropped or moved from"));
  GuestResource c = make(2);
  ASSERT_OK(c.drop());
  EXPECT_ERROR(total_(c), invalid_argument);
  EXPECT_ERROR(merge_(make(3), std::move(c)), invalid_argument);
  EXPECT_ERROR(total_(GuestResource()), invalid_argument);
  EXPECT_EQ(container_.state(), ContainerState::running);
  EXPECT_EQ(unwrap(total_(b)), 0U);
  EXPECT_EQ(drops(), 2U) << "the argument of the rejected merge, and c";
}

TEST_F(GuestResources, OfAnotherContainerAreRejected) {
  auto other = start("resources.wat", define);
  auto other_make = function_of<GuestResource(std::uint32_t)>(other, "[constructor]basket");
  GuestResource foreign = unwrap(other_make(9));
  const auto refused = total_(foreign);
  ASSERT_ERROR(refused, invalid_argument);
  EXPECT_THAT(message_of(refused), HasSubstr("another container"));
  EXPECT_ERROR(merge_(make(1), std::move(foreign)), invalid_argument);
  EXPECT_EQ(container_.state(), ContainerState::running);
  EXPECT_EQ(other.state(), ContainerState::running);
  EXPECT_EQ(unwrap(function_of<std::uint32_t()>(other, "drops")()), 1U) << "its own container dropped it";
}

TEST_F(GuestResources, WithADestructorThatTrapsFailTheContainer) {
  GuestResource bad = make(666);
  const auto dropped = bad.drop();
  ASSERT_ERROR(dropped, trap);
  EXPECT_THAT(message_of(dropped), HasSubstr("dropping a resource: "));
  EXPECT_FALSE(dropped.error().backtrace().empty());
  EXPECT_EQ(container_.state(), ContainerState::error);
  EXPECT_ERROR(drops_(), container_failed);
}

TEST_F(GuestResources, WithADestructorThatTrapsFailTheContainerEvenIfDroppedByTheirHandle) {
  {
    const GuestResource bad = make(666);
  }
  EXPECT_EQ(container_.state(), ContainerState::error);
  const auto failed = drops_();
  ASSERT_ERROR(failed, container_failed);
  EXPECT_THAT(message_of(failed), HasSubstr("unreachable"));
}

TEST_F(GuestResources, AreInertInAFailedContainer) {
  GuestResource good = make(1);
  GuestResource another = make(2);
  ASSERT_ERROR(make(666).drop(), trap);
  EXPECT_OK(good.drop()) << "the guest is gone, so nothing is dropped";
  EXPECT_ERROR(total_(another), container_failed);
}

TEST_F(GuestResources, OutliveTheirContainer) {
  std::optional<GuestResource> left = make(1);
  GuestResource dropped = make(2);
  {
    const Container last = std::move(container_);
  }
  EXPECT_OK(dropped.drop());
  EXPECT_ERROR(total_(*left), container_stopped);
  left.reset();
}

TEST_F(GuestResources, HaveTheirNameInTheComponent) {
  const auto make_basket = container_.function<Basket(std::uint32_t)>("[constructor]basket");
  ASSERT_OK(make_basket);
  Basket basket = unwrap(Function(*make_basket)(3));
  auto total = function_of<std::uint32_t(const Basket&)>(container_, "[method]basket.total");
  EXPECT_EQ(unwrap(total(basket)), 0U);
  EXPECT_EQ(unwrap(total_(basket)), 0U) << "a plain GuestResource fits any";

  const auto trolley = container_.function<Trolley(std::uint32_t)>("[constructor]basket");
  ASSERT_ERROR(trolley, type_mismatch);
  EXPECT_THAT(message_of(trolley), HasSubstr("result: C++ has trolley, the component has basket"));
  EXPECT_ERROR(container_.function<std::uint32_t(Basket)>("[method]basket.total"), type_mismatch)
      << "it is borrowed, not owned";
}

// ---- Drops during a call, and destructors that call the host

class GuestDestructors : public ::testing::Test {
 protected:
  Result<void> define(Linker& linker) {
    return linker.define("dropped", [this](std::uint32_t number) -> Result<void> {
      dropped_.push_back(number);
      return on_drop_ ? on_drop_(number) : Result<void>();
    });
  }
  GuestResource make(std::uint32_t number) { return unwrap(make_(number)); }

  std::vector<std::uint32_t> dropped_;
  std::function<Result<void>(std::uint32_t)> on_drop_;
  Container container_ = start("destructor.wat", [this](Linker& linker) { return define(linker); });
  Function<GuestResource(std::uint32_t)> make_ =
      function_of<GuestResource(std::uint32_t)>(container_, "[constructor]thing");
  Function<std::uint32_t(const GuestResource&)> number_ =
      function_of<std::uint32_t(const GuestResource&)>(container_, "[method]thing.number");
  Function<void(GuestResource)> keep_ = function_of<void(GuestResource)>(container_, "keep");
  Function<void()> release_ = function_of<void()>(container_, "release");
  Function<void()> call_ = function_of<void()>(container_, "call");
};

TEST_F(GuestDestructors, RunWhenTheHandleIsDropped) {
  {
    const GuestResource thing = make(7);
    EXPECT_EQ(unwrap(number_(thing)), 7U);
    EXPECT_THAT(dropped_, IsEmpty());
  }
  EXPECT_THAT(dropped_, ElementsAre(7U));
}

TEST_F(GuestDestructors, RunWhenTheGuestDropsTheResource) {
  ASSERT_OK(keep_(make(7)));
  EXPECT_THAT(dropped_, IsEmpty()) << "the guest keeps it";
  ASSERT_OK(keep_(make(8)));
  EXPECT_THAT(dropped_, ElementsAre(7U));
  ASSERT_OK(release_());
  EXPECT_THAT(dropped_, ElementsAre(7U, 8U));
}

TEST_F(GuestDestructors, AreDeferredDuringACall) {
  std::optional<GuestResource> thing = make(7);
  std::optional<GuestResource> another = make(8);
  on_drop_ = [&](std::uint32_t number) -> Result<void> {
    if (number == 0) {
      thing.reset();
      EXPECT_OK(another->drop());
      EXPECT_THAT(dropped_, ElementsAre(0U)) << "not during the call";
    }
    return {};
  };
  ASSERT_OK(call_());
  EXPECT_THAT(dropped_, ElementsAre(0U, 7U, 8U)) << "at its end, in order";
}

TEST_F(GuestDestructors, ThatAreDeferredMayDropMore) {
  std::optional<GuestResource> thing = make(7);
  std::optional<GuestResource> another = make(8);
  on_drop_ = [&](std::uint32_t number) -> Result<void> {
    if (number == 0) thing.reset();
    if (number == 7) another.reset();
    return {};
  };
  ASSERT_OK(call_());
  EXPECT_THAT(dropped_, ElementsAre(0U, 7U, 8U));
}

TEST_F(GuestDestructors, ThatAreDeferredAndTrapFailTheContainerAfterTheCall) {
  std::optional<GuestResource> bad = make(666);
  std::optional<GuestResource> thing = make(7);
  on_drop_ = [&](std::uint32_t number) -> Result<void> {
    if (number == 0) {
      bad.reset();
      thing.reset();
    }
    return {};
  };
  EXPECT_OK(call_()) << "the call itself succeeded";
  EXPECT_EQ(container_.state(), ContainerState::error);
  EXPECT_THAT(dropped_, ElementsAre(0U, 666U)) << "nothing runs after the trap";
  EXPECT_ERROR(call_(), container_failed);
}

TEST_F(GuestDestructors, LeakNothing) {
  const Limits limits{.resource_handles = 10};
  std::uint32_t destroyed = 0;
  auto container = start(
      "destructor.wat",
      [&](Linker& linker) { return linker.define("dropped", [&](std::uint32_t) { ++destroyed; }); }, limits);
  auto make = function_of<GuestResource(std::uint32_t)>(container, "[constructor]thing");
  auto keep = function_of<void(GuestResource)>(container, "keep");
  for (std::uint32_t i = 1; i <= 50'000; ++i) {
    ASSERT_OK(make(1));
    ASSERT_OK(keep(unwrap(make(2))));
  }
  EXPECT_EQ(destroyed, 99'999U) << "all but the one that the guest keeps";
}

TEST_F(GuestDestructors, MayNotEnterTheContainerAgain) {
  on_drop_ = [&](std::uint32_t) -> Result<void> {
    EXPECT_ERROR(call_(), reentrant_call);
    return {};
  };
  EXPECT_OK(make(7).drop());
  EXPECT_EQ(container_.state(), ContainerState::running);
}

TEST_F(GuestDestructors, ReportAHostFunctionsError) {
  on_drop_ = [](std::uint32_t) { return fail(ErrorCode::not_found, "no such thing"); };
  const auto dropped = make(7).drop();
  ASSERT_ERROR(dropped, not_found);
  EXPECT_EQ(message_of(dropped), "dropping a resource: host function 'dropped': no such thing");
  EXPECT_EQ(container_.state(), ContainerState::error);
}

TEST_F(GuestDestructors, DoNotRunWhenTheContainerStops) {
  ASSERT_OK(keep_(make(7)));
  const GuestResource thing = make(8);
  container_.stop();
  EXPECT_THAT(dropped_, IsEmpty());
}

TEST_F(GuestDestructors, ThatAreDeferredDoNotRunIfTheContainerIsStopped) {
  std::optional<GuestResource> thing = make(7);
  on_drop_ = [&](std::uint32_t) -> Result<void> {
    thing.reset();
    container_.stop();
    return {};
  };
  EXPECT_ERROR(call_(), interrupted);
  EXPECT_THAT(dropped_, ElementsAre(0U));
}

TEST_F(GuestDestructors, AreSubjectToTheDeadline) {
  const Engine engine = unwrap(Engine::create({.epochs = true}));
  auto container = unwrap(Container::builder(load(engine, "destructor.wat"))
                              .with_imports([this](Linker& linker) { return define(linker); })
                              .with_limits({.deadline = std::chrono::milliseconds(30)})
                              .build());
  auto make = function_of<GuestResource(std::uint32_t)>(container, "[constructor]thing");
  EXPECT_ERROR(unwrap(make(777)).drop(), deadline_exceeded);
  EXPECT_EQ(container.state(), ContainerState::error);
}

// ---- Resources of the host

/// Counts a test's tickets, and records those that the guest passes to the host.
class HostResources : public ::testing::Test {
 protected:
  Result<void> define(Linker& linker) {
    const std::string host = "test:shop/host@1.0.0#";
    TAIRITSU_RETURN_IF_ERROR(linker.define_resource<Ticket>(host + "ticket"));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define(host + "[constructor]ticket", [this](std::uint32_t n) { return make(n); }));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define(host + "[method]ticket.number", [this](Caller& caller, Ticket& ticket) {
          max_size_ = std::max(max_size_, caller.resources().size());
          return ticket.number;
        }));
    TAIRITSU_RETURN_IF_ERROR(
        linker.define(host + "take", [this](TicketPtr ticket) { taken_.push_back(std::move(ticket)); }));
    TAIRITSU_RETURN_IF_ERROR(linker.define(host + "give", [this] { return std::move(gift_); }));
    return linker.define(host + "list", [this] {
      std::vector<TicketPtr> tickets;
      for (std::uint32_t n = 1; n <= 10; ++n) tickets.push_back(make(n));
      return tickets;
    });
  }

  TicketPtr make(std::uint32_t number) { return std::make_unique<Ticket>(Ticket{number, alive_}); }
  /// Returns how many tickets exist.
  [[nodiscard]] long alive() const { return alive_.use_count() - 1; }
  Container start_container() {
    return start("resources.wat", [this](Linker& linker) { return define(linker); });
  }

  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  std::size_t max_size_ = 0;  ///< The largest size of the container's table.
  std::vector<TicketPtr> taken_;
  TicketPtr gift_;
  Container container_ = start_container();
};

TEST_F(HostResources, CanBeCreatedUsedAndDestroyedByTheGuest) {
  EXPECT_EQ(unwrap(function_of<std::uint32_t(std::uint32_t)>(container_, "use-tickets")(10)), 55U);
  EXPECT_EQ(alive(), 0);
  EXPECT_EQ(max_size_, 1U);
}

TEST_F(HostResources, DoNotAccumulateInTheTable) {
  auto use = function_of<std::uint32_t(std::uint32_t)>(container_, "use-tickets");
  std::uint32_t sum = 0;
  for (int round = 0; round < 100; ++round) sum += unwrap(use(1000));
  EXPECT_EQ(sum, 100U * 500'500U);
  EXPECT_EQ(max_size_, 1U);
  EXPECT_EQ(alive(), 0);
  ASSERT_NE(container_.resources(), nullptr);
  EXPECT_EQ(container_.resources()->size(), 0U);
}

TEST_F(HostResources, CanBePassedBothWays) {
  auto pass = function_of<TicketPtr(TicketPtr)>(container_, "pass-through");
  TicketPtr ticket = make(5);
  const Ticket* address = ticket.get();
  TicketPtr back = unwrap(pass(std::move(ticket)));
  EXPECT_EQ(back.get(), address) << "the object itself is passed, not a copy";
  EXPECT_EQ(alive(), 1);
  EXPECT_EQ(container_.resources()->size(), 0U);
}

TEST_F(HostResources, CanBePassedInLists) {
  auto echo = function_of<std::vector<TicketPtr>(std::vector<TicketPtr>)>(container_, "echo-tickets");
  std::vector<TicketPtr> tickets;
  for (std::uint32_t n = 0; n < 100; ++n) tickets.push_back(make(n));
  const auto back = unwrap(echo(std::move(tickets)));
  ASSERT_EQ(back.size(), 100U);
  for (std::uint32_t n = 0; n < 100; ++n) EXPECT_EQ(back[n]->number, n);
  EXPECT_EQ(unwrap(echo({})).size(), 0U);
}

TEST_F(HostResources, AreDestroyedWhenTheGuestDropsThem) {
  ASSERT_OK(function_of<void(TicketPtr)>(container_, "consume")(make(1)));
  EXPECT_EQ(alive(), 0);
}

TEST_F(HostResources, CanBePassedToHostFunctions) {
  auto send = function_of<void(std::uint32_t)>(container_, "send-ticket");
  ASSERT_OK(send(8));
  ASSERT_OK(send(9));
  ASSERT_EQ(taken_.size(), 2U);
  EXPECT_EQ(taken_[1]->number, 9U);
  EXPECT_EQ(alive(), 2);
  EXPECT_EQ(container_.resources()->size(), 0U);
}

TEST_F(HostResources, CanBeReturnedByHostFunctions) {
  gift_ = make(12);
  EXPECT_EQ(unwrap(function_of<std::uint32_t()>(container_, "receive-ticket")()), 12U);
  EXPECT_EQ(unwrap(function_of<std::uint32_t()>(container_, "receive-tickets")()), 55U);
  EXPECT_EQ(alive(), 0);
}

TEST_F(HostResources, ThatAreNullAreRejected) {
  auto pass = function_of<TicketPtr(TicketPtr)>(container_, "pass-through");
  const auto null = pass(nullptr);
  ASSERT_ERROR(null, invalid_argument);
  EXPECT_THAT(message_of(null), HasSubstr("'ticket' is null"));
  EXPECT_EQ(container_.state(), ContainerState::running);

  gift_ = nullptr;
  const auto gift = function_of<std::uint32_t()>(container_, "receive-ticket")();
  ASSERT_ERROR(gift, invalid_argument);
  EXPECT_THAT(message_of(gift), HasSubstr("host function 'test:shop/host@1.0.0#give'"));
  EXPECT_EQ(container_.state(), ContainerState::error) << "the guest had already been entered";
}

TEST_F(HostResources, CanBeBorrowed) {
  auto peek = function_of<std::uint32_t(Ticket&)>(container_, "peek");
  Ticket ticket{77, alive_};
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(unwrap(peek(ticket)), 77U);
  EXPECT_EQ(alive(), 1);
  EXPECT_EQ(container_.resources()->size(), 0U) << "a borrow ends with its call";
}

TEST_F(HostResources, ThatAreBorrowedMustBeReturned) {
  auto leak = function_of<void(Ticket&)>(container_, "leak-borrow");
  Ticket ticket{77, alive_};
  const auto leaked = leak(ticket);
  ASSERT_FALSE(leaked.has_value());
  EXPECT_ERROR(leaked, trap);
  EXPECT_THAT(message_of(leaked), HasSubstr("borrow"));
  EXPECT_EQ(container_.state(), ContainerState::error);
  EXPECT_EQ(container_.resources()->size(), 0U);
  EXPECT_EQ(alive(), 1);
}

TEST_F(HostResources, WithStaleHandlesFail) {
  const auto error_of = [this](std::string_view name) -> Result<void> {
    Container container = start_container();
    auto result = function_of<std::uint32_t()>(container, name)();
    EXPECT_EQ(container.state(), ContainerState::error);
    if (!result) return std::unexpected(result.error());
    return {};
  };
  const auto used = error_of("use-after-drop");
  ASSERT_ERROR(used, trap);
  EXPECT_THAT(message_of(used), HasSubstr("unknown handle index"));
  Container twice = start_container();
  EXPECT_ERROR(function_of<void()>(twice, "drop-twice")(), trap);
  Container returned = start_container();
  EXPECT_ERROR(function_of<TicketPtr()>(returned, "return-stale")(), trap);
  Container sent = start_container();
  EXPECT_ERROR(function_of<void(std::uint32_t)>(sent, "send-twice")(4), trap);
  EXPECT_EQ(taken_.size(), 1U) << "the first call succeeded";
  EXPECT_EQ(alive(), 1);
}

TEST_F(HostResources, AreDestroyedWithTheContainer) {
  ASSERT_OK(function_of<void(std::uint32_t)>(container_, "hoard-tickets")(100));
  EXPECT_EQ(alive(), 100);
  EXPECT_EQ(container_.resources()->size(), 100U);
  container_.stop();
  EXPECT_EQ(alive(), 0);
}

TEST_F(HostResources, OfAFailedContainerAreDestroyedWithIt) {
  {
    Container container = start_container();
    ASSERT_OK(function_of<void(std::uint32_t)>(container, "hoard-tickets")(10));
    EXPECT_ERROR(function_of<void()>(container, "drop-twice")(), trap);
    EXPECT_EQ(alive(), 10);
  }
  EXPECT_EQ(alive(), 0);
}

TEST_F(HostResources, WithADestructorThatCallsTheContainerAreSafe) {
  auto use = function_of<std::uint32_t(std::uint32_t)>(container_, "use-tickets");
  int destroyed = 0;
  TicketPtr ticket = make(1);
  ticket->on_destruction = [&] {
    ++destroyed;
    EXPECT_ERROR(use(1), reentrant_call);
  };
  ASSERT_OK(function_of<void(TicketPtr)>(container_, "consume")(std::move(ticket)));
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(unwrap(use(3)), 6U);
}

TEST_F(HostResources, OfAnotherClassWithTheSameNameAreRejected) {
  Container lent = start_container();
  OtherTicket other{5};
  const auto peeked = function_of<std::uint32_t(OtherTicket&)>(lent, "peek")(other);
  ASSERT_ERROR(peeked, trap);
  EXPECT_THAT(message_of(peeked), HasSubstr("resource type mismatch"));
  EXPECT_ERROR(
      function_of<void(std::unique_ptr<OtherTicket>)>(container_, "consume")(std::make_unique<OtherTicket>()),
      trap);
}

TEST_F(HostResources, AreFoundByTheirKeyAndType) {
  ResourceTable& table = *container_.resources();
  const std::uint32_t key = table.insert(make(5));
  EXPECT_EQ(table.find<Ticket>(key)->number, 5U);
  EXPECT_EQ(table.find<OtherTicket>(key), nullptr);
  EXPECT_EQ(table.take<OtherTicket>(key), nullptr);
  EXPECT_EQ(table.find<Ticket>(key + 1), nullptr);
  const TicketPtr taken = table.take<Ticket>(key);
  ASSERT_NE(taken, nullptr);
  EXPECT_EQ(table.find<Ticket>(key), nullptr);
  EXPECT_EQ(table.take<Ticket>(key), nullptr);
  EXPECT_FALSE(table.remove(key));

  Ticket mine{6, alive_};
  const std::uint32_t lent = table.lend(mine);
  EXPECT_EQ(lent, key) << "keys are reused";
  EXPECT_EQ(table.find<Ticket>(lent), &mine);
  EXPECT_EQ(table.take<Ticket>(lent), nullptr) << "a borrowed object cannot be taken";
  EXPECT_TRUE(table.remove(lent));
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(alive(), 2);
}

}  // namespace
}  // namespace tairitsu::test

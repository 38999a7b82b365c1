#include "tairitsu/command.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "run_together.h"
#include "support.h"

namespace tairitsu::test {

struct Add {
  using Response = int;
  int a{};
  int b{};
};

struct Note {
  using Response = void;
  std::string text;
};

namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Divide {
  using Response = std::expected<int, std::string>;
  int a{};
  int b{};
};

struct Open {
  using Response = std::unique_ptr<std::string>;
  std::string path;
};

struct Count {
  using Response = std::uint64_t;
  std::uint64_t by = 1;
};

int sum(const Add& add) { return add.a + add.b; }

std::shared_ptr<WitCommandHandler<Add>> adding() { return simple_handler<Add>(sum); }

/// A dispatcher with an adding handler for each name.
struct Adding : WitCommandDispatcher {
  Adding(std::initializer_list<const char*> names) {
    for (const char* name : names) unwrap(register_handler(name, adding()));
  }
};

// ---- Commands and handlers --------------------------------------------------------------------------

struct NoResponse {};
struct ReferenceResponse {
  using Response = int&;
};
static_assert(WitCommand<Add> && WitCommand<Note> && WitCommand<Open>);
static_assert(!WitCommand<const Add> && !WitCommand<Add&> && !WitCommand<int>);
static_assert(!WitCommand<NoResponse> && !WitCommand<ReferenceResponse>);

template <typename C, typename F>
concept MakesSimpleHandler = requires(F f) { simple_handler<C>(std::move(f)); };
constexpr auto kReturnsResult = [](const Add&) -> Result<int> { return 1; };
constexpr auto kReturnsText = [](const Add&) { return std::string(); };
constexpr auto kReturnsNothing = [](const auto&) {};
constexpr auto kOfAnother = [](const Note&) { return 1; };
constexpr auto kMutable = [n = 0](const Add&) mutable { return ++n; };
static_assert(MakesSimpleHandler<Add, decltype(kReturnsResult)>);
static_assert(!MakesSimpleHandler<Add, decltype(kReturnsText)>);
static_assert(!MakesSimpleHandler<Add, decltype(kReturnsNothing)>);
static_assert(!MakesSimpleHandler<Add, decltype(kOfAnother)>);
// Several threads may call it at once.
static_assert(!MakesSimpleHandler<Add, std::remove_const_t<decltype(kMutable)>>);
static_assert(MakesSimpleHandler<Note, decltype(kReturnsNothing)>);
// The ignored result could be an error.
static_assert(!MakesSimpleHandler<Note, decltype([](const Note&) -> Result<int> { return 1; })>);

// ---- WitCommandDispatcher ---------------------------------------------------------------------------

TEST(WitCommandDispatcher, DispatchesToTheHandlerOfTheName) {
  WitCommandDispatcher dispatcher;
  ASSERT_OK(dispatcher.register_handler("add", adding()));
  ASSERT_OK(
      dispatcher.register_handler("subtract", simple_handler<Add>([](Add add) { return add.a - add.b; })));
  EXPECT_EQ(unwrap(dispatcher.dispatch("add", Add{.a = 5, .b = 2})), 7);
  EXPECT_EQ(unwrap(dispatcher.dispatch("subtract", Add{.a = 5, .b = 2})), 3);
}

TEST(WitCommandDispatcher, AcceptsHandlersOfAnyClass) {
  class Adder : public WitCommandHandler<Add> {
   public:
    Result<int> execute(const Add& command) override { return calls_ += sum(command); }

   private:
    std::atomic<int> calls_ = 0;
  };
  WitCommandDispatcher dispatcher;
  const auto shared = std::make_shared<Adder>();
  ASSERT_OK(dispatcher.register_handler<Add>("add", shared));
  ASSERT_OK(dispatcher.register_handler<Add>("sum", shared));
  ASSERT_OK(dispatcher.register_handler<Add>("other", std::make_unique<Adder>()));
  EXPECT_EQ(unwrap(dispatcher.dispatch("add", Add{.a = 1, .b = 2})), 3);
  EXPECT_EQ(unwrap(dispatcher.dispatch("sum", Add{.a = 1, .b = 2})), 6);
  EXPECT_EQ(unwrap(dispatcher.dispatch("other", Add{.a = 1, .b = 2})), 3);
}

TEST(WitCommandDispatcher, PassesAnyResponse) {
  WitCommandDispatcher dispatcher;
  std::string noted;
  ASSERT_OK(dispatcher.register_handler(
      "note", simple_handler<Note>([&noted](const Note& note) { noted = note.text; })));
  ASSERT_OK(dispatcher.register_handler("open", simple_handler<Open>([](const Open& open) {
                                          return std::make_unique<std::string>(open.path);
                                        })));
  ASSERT_OK(dispatcher.register_handler(
      "divide", simple_handler<Divide>([](const Divide& divide) -> Result<Divide::Response> {
        if (divide.b == 0) return guest_error("division by zero");
        if (divide.a < 0) return fail(ErrorCode::invalid_argument, "negative");
        return divide.a / divide.b;
      })));
  EXPECT_OK(dispatcher.dispatch("note", Note{.text = "seen"}));
  EXPECT_EQ(noted, "seen");
  EXPECT_EQ(*unwrap(dispatcher.dispatch("open", Open{.path = "here"})), "here");
  EXPECT_EQ(unwrap(dispatcher.dispatch("divide", Divide{.a = 6, .b = 2})), 3);
  // The command's own error is a value; the dispatcher's is an error.
  EXPECT_EQ(unwrap(dispatcher.dispatch("divide", Divide{.a = 6, .b = 0})),
            std::unexpected("division by zero"));
  EXPECT_ERROR(dispatcher.dispatch("divide", Divide{.a = -1, .b = 1}), invalid_argument);
}

TEST(WitCommandDispatcher, SuggestsNamesForAnUnknownCommand) {
  Adding dispatcher{"read-file", "write-file", "list"};
  const auto unknown = dispatcher.dispatch("raed_file", Add{});
  EXPECT_ERROR(unknown, not_found);
  EXPECT_EQ(message_of(unknown),
            "no command 'raed_file'; did you mean 'read-file'? Available commands: 'list', 'read-file', "
            "'write-file'");
  EXPECT_EQ(message_of(dispatcher.remove("lits")),
            "no command 'lits'; did you mean 'list'? Available commands: 'list', 'read-file', 'write-file'");
  EXPECT_EQ(message_of(WitCommandDispatcher().dispatch("list", Add{})),
            "no command 'list'; there are no commands");
}

TEST(WitCommandDispatcher, SuggestsOnlyAFewOfManyNames) {
  WitCommandDispatcher dispatcher;
  for (int i = 10; i < 99; ++i) ASSERT_OK(dispatcher.register_handler("name-" + std::to_string(i), adding()));
  EXPECT_EQ(message_of(dispatcher.dispatch("name-9", Add{})),
            "no command 'name-9'; did you mean 'name-19', 'name-29', 'name-39', 'name-49', 'name-59'?");
  EXPECT_EQ(message_of(dispatcher.dispatch("quite-another", Add{})), "no command 'quite-another'");
  const std::string long_name(1000, 'x');
  EXPECT_EQ(message_of(dispatcher.dispatch(long_name, Add{})), "no command '" + long_name + "'");
}

TEST(WitCommandDispatcher, ReportsBothTypesOfAMismatch) {
  Adding dispatcher{"add"};
  const auto wrong = dispatcher.dispatch("add", Note{});
  EXPECT_ERROR(wrong, type_mismatch);
  EXPECT_EQ(message_of(wrong), "command 'add' takes 'tairitsu::test::Add', not 'tairitsu::test::Note'");

  struct DoubleAdd : Add {};
  EXPECT_ERROR(dispatcher.dispatch("add", DoubleAdd{}), type_mismatch);
}

TEST(WitCommandDispatcher, PassesOnErrorsOfHandlers) {
  WitCommandDispatcher dispatcher;
  ASSERT_OK(dispatcher.register_handler("add", simple_handler<Add>([](const Add&) {
                                          return fail(ErrorCode::in_use, "the register is closed");
                                        })));
  const auto failed = dispatcher.dispatch("add", Add{});
  EXPECT_ERROR(failed, in_use);
  EXPECT_EQ(message_of(failed), "command 'add': the register is closed");
}

TEST(WitCommandDispatcher, TurnsExceptionsIntoErrors) {
  WitCommandDispatcher dispatcher;
  ASSERT_OK(dispatcher.register_handler("add", simple_handler<Add>([](const Add& add) -> int {
                                          if (add.a == 0) throw std::runtime_error("out of paper");
                                          if (add.a == 1) throw 1;
                                          return add.a;
                                        })));
  EXPECT_ERROR(dispatcher.dispatch("add", Add{}), host_function);
  EXPECT_EQ(message_of(dispatcher.dispatch("add", Add{})), "command 'add': the handler threw: out of paper");
  EXPECT_EQ(message_of(dispatcher.dispatch("add", Add{.a = 1})),
            "command 'add': the handler threw: an exception that is not a std::exception");
  EXPECT_EQ(unwrap(dispatcher.dispatch("add", Add{.a = 2})), 2);
}

TEST(WitCommandDispatcher, RejectsTakenAndEmptyNamesAndNullHandlers) {
  Adding dispatcher{"add"};
  const auto taken = dispatcher.register_handler("add", simple_handler<Note>([](const Note&) {}));
  EXPECT_ERROR(taken, already_exists);
  EXPECT_EQ(message_of(taken), "command 'add' already has a handler");
  EXPECT_EQ(unwrap(dispatcher.dispatch("add", Add{.a = 1, .b = 1})), 2);
  EXPECT_ERROR(dispatcher.register_handler("", adding()), invalid_argument);
  EXPECT_ERROR(dispatcher.register_handler<Add>("none", nullptr), invalid_argument);
  EXPECT_THAT(dispatcher.names(), ElementsAre("add"));
}

TEST(WitCommandDispatcher, ListsItsCommands) {
  Adding dispatcher{"b", "c", "a"};
  EXPECT_THAT(dispatcher.names(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(dispatcher.size(), 3U);
  ASSERT_OK(dispatcher.remove("b"));
  EXPECT_THAT(dispatcher.names(), ElementsAre("a", "c"));
  EXPECT_EQ(dispatcher.size(), 2U);
  EXPECT_TRUE(dispatcher.contains("a"));
  EXPECT_FALSE(dispatcher.contains("b"));
  EXPECT_ERROR(dispatcher.dispatch("b", Add{}), not_found);
  EXPECT_ERROR(dispatcher.remove("b"), not_found);
  EXPECT_OK(dispatcher.register_handler("b", simple_handler<Note>([](const Note&) {})));
}

TEST(WitCommandDispatcher, LetsHandlersDispatchRegisterAndRemove) {
  Adding dispatcher{"add"};
  const auto alive = std::make_shared<int>(40);
  std::weak_ptr<int> watch = alive;
  ASSERT_OK(dispatcher.register_handler(
      "once", simple_handler<Count>([&dispatcher, alive](const Count& count) -> Result<std::uint64_t> {
        TAIRITSU_RETURN_IF_ERROR(dispatcher.remove("once"));
        TAIRITSU_RETURN_IF_ERROR(dispatcher.register_handler("twice", adding()));
        TAIRITSU_TRY(const int sum, dispatcher.dispatch("twice", Add{.a = *alive, .b = 1}));
        return static_cast<std::uint64_t>(sum) + count.by;
      })));
  EXPECT_EQ(alive.use_count(), 2);
  EXPECT_EQ(unwrap(dispatcher.dispatch("once", Count{})), 42U);
  EXPECT_EQ(alive.use_count(), 1) << "the handler is destroyed after its last call";
  EXPECT_THAT(dispatcher.names(), ElementsAre("add", "twice"));
}

TEST(WitCommandDispatcher, CanBeUsedByADestructorOfAHandler) {
  struct Farewell {
    WitCommandDispatcher& dispatcher;
    std::size_t& left;
    ~Farewell() { left = dispatcher.size(); }
  };
  Adding dispatcher{"add"};
  std::size_t left = 0;
  ASSERT_OK(dispatcher.register_handler(
      "leave",
      simple_handler<Note>([farewell = std::make_shared<Farewell>(dispatcher, left)](const Note&) {})));
  ASSERT_OK(dispatcher.remove("leave"));
  EXPECT_EQ(left, 1U);
}

// ---- Interfaces -------------------------------------------------------------------------------------

class Arithmetic : public WitInterface {
  TAIRITSU_IMPL_WIT_INTERFACE("arithmetic", dispatcher) {
    TAIRITSU_RETURN_IF_ERROR(dispatcher.register_handler("add", adding()));
    return dispatcher.register_handler(
        "divide", simple_handler<Divide>([](const Divide& divide) { return divide.a / divide.b; }));
  }
};

/// An interface whose handlers a function registers.
class FunctionInterface : public WitInterface {
 public:
  using Register = std::function<Result<void>(WitCommandDispatcher&)>;
  FunctionInterface(std::string name, Register register_handlers)
      : name_(std::move(name)), register_(std::move(register_handlers)) {}
  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] Result<void> register_handlers(WitCommandDispatcher& dispatcher) const override {
    return register_(dispatcher);
  }

 private:
  std::string name_;
  Register register_;
};

/// Returns an interface that registers handlers with these names.
std::unique_ptr<WitInterface> interface_of(std::string name, const std::vector<std::string>& commands) {
  return std::make_unique<FunctionInterface>(
      std::move(name), [commands](WitCommandDispatcher& dispatcher) -> Result<void> {
        for (const auto& command : commands)
          TAIRITSU_RETURN_IF_ERROR(dispatcher.register_handler(command, adding()));
        return {};
      });
}

TEST(WitInterface, IsImplementedByTheMacro) {
  const Arithmetic arithmetic;
  EXPECT_EQ(arithmetic.name(), "arithmetic");
  WitCommandDispatcher dispatcher;
  ASSERT_OK(dispatcher.register_interface(arithmetic));
  EXPECT_THAT(dispatcher.names(), ElementsAre("add", "divide"));
  EXPECT_EQ(unwrap(dispatcher.dispatch("divide", Divide{.a = 6, .b = 3})), 2);
  WitCommandDispatcher another;
  ASSERT_OK(arithmetic.register_handlers(another));
  EXPECT_EQ(another.size(), 2U);
}

TEST(WitInterface, IsRegisteredAsAWholeOrNotAtAll) {
  Adding dispatcher{"divide", "other"};
  const auto taken = dispatcher.register_interface(Arithmetic());
  EXPECT_ERROR(taken, already_exists);
  EXPECT_EQ(message_of(taken), "interface 'arithmetic': command 'divide' already has a handler");
  EXPECT_THAT(dispatcher.names(), ElementsAre("divide", "other"));
  EXPECT_EQ(unwrap(dispatcher.dispatch("divide", Add{.a = 1, .b = 2})), 3) << "the previous handler";

  ASSERT_OK(dispatcher.remove("divide"));
  EXPECT_OK(dispatcher.register_interface(Arithmetic()));
  EXPECT_THAT(dispatcher.names(), ElementsAre("add", "divide", "other"));
}

TEST(WitInterface, IsNotRegisteredIfItThrows) {
  Adding dispatcher{"other"};
  const FunctionInterface throwing("throwing", [](WitCommandDispatcher& to) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(to.register_handler("add", adding()));
    throw std::runtime_error("no such device");
  });
  const auto thrown = dispatcher.register_interface(throwing);
  EXPECT_ERROR(thrown, host_function);
  EXPECT_EQ(message_of(thrown), "interface 'throwing': registering handlers threw: no such device");
  EXPECT_THAT(dispatcher.names(), ElementsAre("other"));
}

TEST(WitInterface, IsVisibleToOtherThreadsOnlyWhenComplete) {
  WitCommandDispatcher dispatcher;
  const auto elsewhere = [](auto look) { std::thread(look).join(); };
  const FunctionInterface half("half", [&](WitCommandDispatcher& to) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(to.register_handler("add", adding()));
    EXPECT_EQ(unwrap(to.dispatch("add", Add{.a = 1, .b = 2})), 3);
    EXPECT_EQ(to.size(), 1U);
    elsewhere([&] {
      EXPECT_ERROR(to.dispatch("add", Add{}), not_found);
      EXPECT_EQ(message_of(to.dispatch("ad", Add{})), "no command 'ad'; there are no commands");
      EXPECT_ERROR(to.remove("add"), not_found);
      EXPECT_FALSE(to.contains("add"));
      EXPECT_EQ(to.size(), 0U);
      EXPECT_ERROR(to.register_handler("add", adding()), already_exists);
      EXPECT_OK(to.register_handler("of-another-thread", adding()));
      EXPECT_THAT(to.names(), ElementsAre("of-another-thread"));
    });
    TAIRITSU_RETURN_IF_ERROR(to.register_handler("added-and-removed", adding()));
    return to.remove("added-and-removed");
  });
  EXPECT_OK(dispatcher.register_interface(half));
  elsewhere([&] { EXPECT_THAT(dispatcher.names(), ElementsAre("add", "of-another-thread")); });
}

TEST(WitInterface, FailureKeepsTheHandlersOfOtherThreads) {
  WitCommandDispatcher dispatcher;
  const FunctionInterface failing("failing", [&](WitCommandDispatcher& to) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(to.register_handler("add", adding()));
    std::thread([&] { EXPECT_OK(to.register_interface(*interface_of("other", {"a", "b"}))); }).join();
    return fail(ErrorCode::io, "no");
  });
  EXPECT_ERROR(dispatcher.register_interface(failing), io);
  EXPECT_THAT(dispatcher.names(), ElementsAre("a", "b"));
}

TEST(CompositeWitInterface, RegistersAllItsInterfaces) {
  CompositeWitInterface all("all");
  ASSERT_OK(all.add(std::make_unique<Arithmetic>()));
  ASSERT_OK(all.add(interface_of("files", {"read", "write"})));
  EXPECT_EQ(all.name(), "all");
  EXPECT_THAT(all.names(), ElementsAre("arithmetic", "files"));
  for (int round = 0; round < 2; ++round) {
    WitCommandDispatcher dispatcher;
    ASSERT_OK(all.register_handlers(dispatcher));
    EXPECT_THAT(dispatcher.names(), ElementsAre("add", "divide", "read", "write"));
  }
}

TEST(CompositeWitInterface, RollsBackIfOneInterfaceFails) {
  CompositeWitInterface all("all");
  ASSERT_OK(all.add(interface_of("files", {"read", "write"})));
  ASSERT_OK(all.add(interface_of("network", {"connect", "write"})));
  Adding dispatcher{"exit"};
  const auto failed = all.register_handlers(dispatcher);
  EXPECT_ERROR(failed, already_exists);
  EXPECT_EQ(message_of(failed), "interface 'network': command 'write' already has a handler");
  EXPECT_THAT(dispatcher.names(), ElementsAre("exit"));
  EXPECT_EQ(message_of(dispatcher.register_interface(all)),
            "interface 'all': interface 'network': command 'write' already has a handler");
  EXPECT_THAT(dispatcher.names(), ElementsAre("exit"));
}

TEST(CompositeWitInterface, MayContainComposites) {
  const auto make = [](const std::vector<std::string>& last) {
    auto inner = std::make_unique<CompositeWitInterface>("inner");
    unwrap(inner->add(interface_of("files", {"read"})));
    unwrap(inner->add(std::make_unique<Arithmetic>()));
    CompositeWitInterface outer("outer");
    unwrap(outer.add(std::move(inner)));
    unwrap(outer.add(interface_of("last", last)));
    return outer;
  };
  WitCommandDispatcher dispatcher;
  EXPECT_ERROR(dispatcher.register_interface(make({"write", "read"})), already_exists);
  EXPECT_THAT(dispatcher.names(), IsEmpty()) << "the inner one succeeded first";
  EXPECT_OK(dispatcher.register_interface(make({"write"})));
  EXPECT_THAT(dispatcher.names(), ElementsAre("add", "divide", "read", "write"));
}

TEST(CompositeWitInterface, ContinuesAfterAHandledInnerFailure) {
  WitCommandDispatcher dispatcher;
  const FunctionInterface forgiving("forgiving", [](WitCommandDispatcher& to) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(to.register_handler("read", adding()));
    EXPECT_ERROR(to.register_interface(*interface_of("optional", {"write", "read"})), already_exists);
    return to.register_handler("close", adding());
  });
  EXPECT_OK(dispatcher.register_interface(forgiving));
  EXPECT_THAT(dispatcher.names(), ElementsAre("close", "read"));
}

TEST(CompositeWitInterface, RejectsNullAndDuplicateNames) {
  CompositeWitInterface all("all");
  EXPECT_ERROR(all.add(nullptr), invalid_argument);
  ASSERT_OK(all.add(std::make_unique<Arithmetic>()));
  const auto twice = all.add(std::make_unique<Arithmetic>());
  EXPECT_ERROR(twice, already_exists);
  EXPECT_EQ(message_of(twice), "'all' already has an interface 'arithmetic'");
  EXPECT_THAT(all.names(), ElementsAre("arithmetic"));
}

// ---- State ------------------------------------------------------------------------------------------

TEST(StatefulHandler, KeepsItsState) {
  WitCommandDispatcher dispatcher;
  ASSERT_OK(dispatcher.register_handler(
      "count", stateful_handler<Count>(std::uint64_t{40}, [](std::uint64_t& total, const Count& count) {
        return total += count.by;
      })));
  EXPECT_EQ(unwrap(dispatcher.dispatch("count", Count{})), 41U);
  EXPECT_EQ(unwrap(dispatcher.dispatch("count", Count{})), 42U);
}

TEST(StatefulHandler, SharesStateWithOthers) {
  const SharedState journal{std::vector<std::string>()};
  WitCommandDispatcher dispatcher;
  ASSERT_OK(dispatcher.register_handler(
      "note", stateful_handler<Note>(journal, [](std::vector<std::string>& lines, const Note& note) {
        lines.push_back(note.text);
      })));
  ASSERT_OK(dispatcher.register_handler(
      "count", stateful_handler<Count>(
                   journal, [](std::vector<std::string>& lines, const Count&) { return lines.size(); })));
  EXPECT_OK(dispatcher.dispatch("note", Note{.text = "one"}));
  EXPECT_OK(dispatcher.dispatch("note", Note{.text = "two"}));
  EXPECT_EQ(unwrap(dispatcher.dispatch("count", Count{})), 2U);
  EXPECT_EQ(unwrap(journal.with([](const auto& lines) { return lines; })),
            (std::vector<std::string>{"one", "two"}));
}

TEST(StatefulHandler, MayBeMutable) {
  const auto handler =
      stateful_handler<Count>(0, [calls = std::uint64_t{0}](int& state, const Count&) mutable {
        return ++calls + static_cast<std::uint64_t>(state += 10);
      });
  EXPECT_EQ(unwrap(handler->execute(Count{})), 11U);
  EXPECT_EQ(unwrap(handler->execute(Count{})), 22U);
}

TEST(StatefulHandler, FailsInsteadOfDeadlocking) {
  const SharedState total{std::uint64_t{0}};
  WitCommandDispatcher dispatcher;
  ASSERT_OK(dispatcher.register_handler(
      "count", stateful_handler<Count>(
                   total, [](std::uint64_t& value, const Count& count) { return value += count.by; })));
  ASSERT_OK(dispatcher.register_handler(
      "note", stateful_handler<Note>(total, [&](std::uint64_t&, const Note&) -> Result<void> {
        TAIRITSU_RETURN_IF_ERROR(dispatcher.dispatch("count", Count{}));
        return {};
      })));
  const auto waiting = dispatcher.dispatch("note", Note{});
  EXPECT_ERROR(waiting, reentrant_call);
  EXPECT_THAT(message_of(waiting), HasSubstr("command 'note': command 'count': the state is already locked"));
  EXPECT_EQ(unwrap(dispatcher.dispatch("count", Count{})), 1U) << "the state is unlocked again";
}

TEST(StatefulHandler, UnlocksTheStateWhenItThrows) {
  WitCommandDispatcher dispatcher;
  ASSERT_OK(dispatcher.register_handler(
      "count", stateful_handler<Count>(std::uint64_t{0}, [](std::uint64_t& total, const Count& count) {
        total += count.by;
        if (total == 1) throw std::runtime_error("not one");
        return total;
      })));
  EXPECT_ERROR(dispatcher.dispatch("count", Count{}), host_function);
  EXPECT_EQ(unwrap(dispatcher.dispatch("count", Count{})), 2U) << "the change to the state remains";
}

TEST(SharedState, AcceptsTypesThatCannotBeMoved) {
  struct Fixed {
    explicit Fixed(int first) : value(first) {}
    std::mutex mutex;
    int value;
  };
  const SharedState<Fixed> state(std::in_place, 5);
  EXPECT_EQ(unwrap(state.with([](Fixed& fixed) { return ++fixed.value; })), 6);
}

TEST(SharedState, IsSharedByCopies) {
  const auto value = std::make_shared<int>(1);
  SharedState first{value};
  const SharedState moved = std::move(first);
  EXPECT_EQ(value.use_count(), 2);
  EXPECT_OK(moved.with([&](std::shared_ptr<int>& held) -> Result<void> {
    *held = 2;
    return {};
  }));
  // NOLINTNEXTLINE(bugprone-use-after-move): a move copies.
  EXPECT_EQ(unwrap(first.with([](const std::shared_ptr<int>& held) { return *held; })), 2);
  EXPECT_ERROR(first.with([](const auto&) -> Result<int> { return fail(ErrorCode::io, "no"); }), io);
}

// ---- Threads; run by the thread sanitizer too --------------------------------------------------------

constexpr int kCommandThreads = 8;

TEST(ThreadsAndCommands, CountExactly) {
  constexpr std::uint64_t kRounds = 2000;
  const SharedState total{std::uint64_t{0}};
  WitCommandDispatcher dispatcher;
  ASSERT_OK(dispatcher.register_handler(
      "up", stateful_handler<Count>(
                total, [](std::uint64_t& value, const Count& count) { return value += count.by; })));
  ASSERT_OK(dispatcher.register_handler(
      "note", stateful_handler<Note>(total, [](std::uint64_t& value, const Note&) { value += 100; })));
  run_together(kCommandThreads, [&](int) {
    std::uint64_t last = 0;
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      const std::uint64_t now = unwrap(dispatcher.dispatch("up", Count{.by = 2}));
      EXPECT_GE(now, last + 2);
      last = now;
      EXPECT_OK(dispatcher.dispatch("note", Note{}));
    }
  });
  EXPECT_EQ(unwrap(total.with([](const std::uint64_t& value) { return value; })),
            kCommandThreads * kRounds * 102);
}

TEST(ThreadsAndCommands, DispatchWhileOthersRegisterAndRemove) {
  Adding dispatcher{"add"};
  run_together(kCommandThreads, [&](int index) {
    const std::string own = "own-" + std::to_string(index);
    for (int round = 0; round < 300; ++round) {
      EXPECT_EQ(unwrap(dispatcher.dispatch("add", Add{.a = index, .b = round})), index + round);
      ASSERT_OK(dispatcher.register_handler(
          own, simple_handler<Add>([index](const Add& add) { return add.a * index; })));
      EXPECT_EQ(unwrap(dispatcher.dispatch(own, Add{.a = round})), round * index);
      const int other = (index + 1) % kCommandThreads;
      const auto response = dispatcher.dispatch("own-" + std::to_string(other), Add{.a = round});
      if (response) {
        EXPECT_EQ(*response, round * other);
      } else {
        EXPECT_ERROR(response, not_found);
      }
      EXPECT_LE(dispatcher.size(), kCommandThreads + 1U);
      ASSERT_OK(dispatcher.remove(own));
    }
  });
  EXPECT_THAT(dispatcher.names(), ElementsAre("add"));
}

TEST(ThreadsAndCommands, RegisterANameOnce) {
  for (int round = 0; round < 50; ++round) {
    WitCommandDispatcher dispatcher;
    std::atomic<int> winner = -1;
    std::atomic<int> refused = 0;
    run_together(kCommandThreads, [&](int index) {
      const auto done =
          dispatcher.register_handler("add", simple_handler<Add>([index](const Add&) { return index; }));
      if (done) {
        EXPECT_EQ(winner.exchange(index), -1);
      } else {
        EXPECT_ERROR(done, already_exists);
        ++refused;
      }
    });
    EXPECT_EQ(refused, kCommandThreads - 1);
    EXPECT_EQ(unwrap(dispatcher.dispatch("add", Add{})), winner);
  }
}

TEST(ThreadsAndCommands, LetARemovedHandlerFinish) {
  WitCommandDispatcher dispatcher;
  std::latch entered(1);
  std::latch proceed(1);
  const auto alive = std::make_shared<int>(7);
  ASSERT_OK(dispatcher.register_handler("add", simple_handler<Add>([&, alive](const Add&) {
                                          entered.count_down();
                                          proceed.wait();
                                          return *alive;
                                        })));
  std::thread caller([&] { EXPECT_EQ(unwrap(dispatcher.dispatch("add", Add{})), 7); });
  entered.wait();
  // The dispatcher is not blocked meanwhile.
  EXPECT_OK(dispatcher.remove("add"));
  EXPECT_ERROR(dispatcher.dispatch("add", Add{}), not_found);
  EXPECT_OK(dispatcher.register_handler("add", adding()));
  EXPECT_EQ(unwrap(dispatcher.dispatch("add", Add{.a = 1, .b = 1})), 2);
  EXPECT_EQ(alive.use_count(), 2) << "the removed handler still runs";
  proceed.count_down();
  caller.join();
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(ThreadsAndCommands, SeeAnInterfaceAsAWhole) {
  constexpr int kWriters = 3;
  const auto composite_of = [](const char* last) {
    CompositeWitInterface composite("composite");
    unwrap(composite.add(interface_of("first", {"a", "b"})));
    unwrap(composite.add(interface_of("second", {last})));
    return composite;
  };
  const CompositeWitInterface failing = composite_of("a");
  const CompositeWitInterface good = composite_of("c");
  for (int round = 0; round < 20; ++round) {
    WitCommandDispatcher dispatcher;
    std::atomic<int> writing = kWriters;
    std::atomic<int> registered = 0;
    run_together(kCommandThreads, [&](int index) {
      if (index >= kWriters) {
        do {
          const auto names = dispatcher.names();
          EXPECT_TRUE(names.empty() || names == std::vector<std::string>({"a", "b", "c"}));
        } while (writing > 0);
        return;
      }
      for (int attempt = 0; attempt < 20 || (index != 0 && registered == 0); ++attempt) {
        const auto done = dispatcher.register_interface(index == 0 ? failing : good);
        if (done) ++registered;
        EXPECT_TRUE(done || done.error().code() == ErrorCode::already_exists);
      }
      --writing;
    });
    EXPECT_EQ(registered, 1);
    EXPECT_THAT(dispatcher.names(), ElementsAre("a", "b", "c"));
  }
}

// ---- GuestInfo --------------------------------------------------------------------------------------

constexpr std::string_view kPlugin = R"((component
  (import "example:host/log@1.2.0" (instance $log (export "write" (func (param "text" string)))))
  (import "wasi:cli/environment@0.2.0" (instance))
  (import "now" (func (result u64)))
  (core module $m (func (export "answer") (result i32) (i32.const 42)))
  (core instance $i (instantiate $m))
  (func $answer (result u32) (canon lift (core func $i "answer")))
  (instance $plugin (export "answer" (func $answer)))
  (export "example:host/plugin@0.2.3" (instance $plugin))
  (export "answer" (func $answer))))";

TEST(GuestInfo, DescribesTheImage) {
  const Image image = from_text(kPlugin);
  GuestInfo guest = GuestInfo::of(image, "answers", "3.1");
  guest.features = {"arithmetic"};
  EXPECT_EQ(guest.name, "answers");
  EXPECT_EQ(guest.version, "3.1");
  EXPECT_EQ(guest.digest, image.digest());
  EXPECT_THAT(guest.imports, ElementsAre("example:host/log@1.2.0", "wasi:cli/environment@0.2.0", "now"));
  EXPECT_THAT(guest.exports, ElementsAre("example:host/plugin@0.2.3", "answer"));
  EXPECT_NE(guest, GuestInfo::of(image));
}

TEST(GuestInfo, MatchesInterfacesInCompatibleVersions) {
  const GuestInfo guest = GuestInfo::of(from_text(kPlugin));
  EXPECT_TRUE(guest.provides("example:host/plugin@0.2.3"));
  EXPECT_TRUE(guest.provides("example:host/plugin@0.2.9"));
  EXPECT_TRUE(guest.provides("example:host/plugin"));
  EXPECT_TRUE(guest.provides("answer"));
  EXPECT_FALSE(guest.provides("example:host/plugin@0.3.0"));
  EXPECT_FALSE(guest.provides("example:host/log"));
  EXPECT_TRUE(guest.needs("example:host/log@1.0.0"));
  EXPECT_TRUE(guest.needs("now"));
  EXPECT_FALSE(guest.needs("answer"));
}

}  // namespace
}  // namespace tairitsu::test

// Calls and host functions over dynamic values, text and JSON.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "echo_host.h"
#include "support.h"
#include "types.h"

namespace tairitsu::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(DynamicCall, ReturnsWhatTheGuestEchoes) {
  const Container echo = start("echo.wat");
  EXPECT_EQ(unwrap(echo.call("flat-u8", {200})), Value(std::uint8_t{200}));
  EXPECT_EQ(unwrap(echo.call("flat-s64", {-5})), Value(std::int64_t{-5}));
  EXPECT_EQ(unwrap(echo.call("flat-f32", {0.5})), Value(0.5F));
  EXPECT_EQ(unwrap(echo.call("flat-char", {U'水'})), Value(U'水'));
  EXPECT_EQ(unwrap(echo.call("flat-string", {"水"})), Value("水"));
  EXPECT_EQ(unwrap(echo.call("flat-enum", {Value::enumeration("blue")})).case_name(), "blue");
  EXPECT_THAT(unwrap(echo.call("flat-flags3", {Value::flags({"c", "a"})})).labels(), ElementsAre("a", "c"));
  EXPECT_EQ(unwrap(echo.call("flat-option-string", {Value::some("x")})).payload().text(), "x");
  EXPECT_EQ(unwrap(echo.call("flat-option-string", {Value::none()})).case_name(), "none");
  EXPECT_EQ(unwrap(echo.call("flat-result-u32-string", {Value::error("x")})), Value::error("x"));
  EXPECT_EQ(unwrap(echo.call("flat-variant", {Value::variant("text", "abc")})).payload().text(), "abc");
  EXPECT_EQ(unwrap(echo.call("echo-string", {Value::list({"a", "", "c"})})), Value::list({"a", "", "c"}));
  EXPECT_EQ(unwrap(echo.call("sum16", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})).kind(),
            TypeKind::u64);
}

TEST(DynamicCall, AgreesWithTheTypedCall) {
  const Container echo = start("echo.wat");
  const Mixed mixed{.a = 1, .b = 2, .c = true, .d = 3.5, .e = 4, .nested = {-5, 6, 7.5F}};
  const Value value = unwrap(Value::of(mixed));
  EXPECT_EQ(unwrap(unwrap(echo.call("flat-record", {value})).as<Mixed>()), mixed);
  EXPECT_EQ(unwrap(echo.call("flat-record", {value})),
            unwrap(Value::of(unwrap(function_of<Mixed(const Mixed&)>(echo, "flat-record")(mixed)))));
}

TEST(DynamicCall, AcceptsAStringForTheCaseOfAnEnum) {
  const Container echo = start("echo.wat");
  EXPECT_EQ(unwrap(echo.call("flat-enum", {"blue"})).case_name(), "blue");
  EXPECT_EQ(message_of(echo.call("flat-enum", {"pink"})),
            "call 'flat-enum': parameter 1 ('a'): 'pink' is not a case of 'enum { red, green, blue }'");
  EXPECT_ERROR(echo.call("flat-variant", {"text"}), type_mismatch)
      << "a string only stands for the case of an enum";
  EXPECT_ERROR(echo.call("flat-enum", {1}), type_mismatch);
}

TEST(DynamicCall, CountsColumnsFromTheStartOfTheText) {
  const Container echo = start("echo.wat");
  EXPECT_THAT(message_of(echo.call_wave_value("flat-u8(300)")), HasSubstr(": 1:9: "));
  EXPECT_THAT(message_of(echo.call_wave_value("  flat-u8 (x)")), HasSubstr(": 1:12: "));
  EXPECT_THAT(message_of(echo.call_wave_value("flat-u8(\n  x)")), HasSubstr(": 2:3: "));
  EXPECT_THAT(message_of(echo.call_wave_value("\nflat-u8(1) 2")), HasSubstr(": 2:12: "));
  EXPECT_THAT(message_of(unwrap(echo.dynamic_function("flat-u8")).call_wave_value("(300)")),
              HasSubstr(": 1:2: "));
}

TEST(DynamicCall, ReportsTheFunctionsType) {
  const Container echo = start("echo.wat");
  const DynamicFunction function = unwrap(echo.dynamic_function("flat-tuple"));
  EXPECT_EQ(function.name(), "flat-tuple");
  EXPECT_EQ(function.type().to_string(), "func(a: tuple<u8, u64, string>) -> tuple<u8, u64, string>");
  EXPECT_ERROR(DynamicFunction()({}), invalid_argument);
  EXPECT_ERROR(echo.dynamic_function("flat-tupel"), not_found);
}

TEST(DynamicCall, RejectsBadArgumentsBeforeEnteringTheGuest) {
  const Container echo = start("echo.wat");
  const auto message = [&](const Result<Value>& result) { return message_of(result); };
  EXPECT_EQ(message(echo.call("flat-u8", {300})),
            "call 'flat-u8': parameter 1 ('a'): 300 cannot be represented exactly as 'u8'");
  EXPECT_EQ(message(echo.call("flat-u8", {})),
            "call 'flat-u8': expected 1 argument, got 0: func(a: u8) -> u8");
  EXPECT_EQ(message(echo.call("flat-string", {"\xFF"})),
            "call 'flat-string': parameter 1 ('a'): a string is not valid UTF-8");
  EXPECT_EQ(message(echo.call("flat-char", {char32_t{0xD800}})),
            "call 'flat-char': parameter 1 ('a'): a char is not a Unicode scalar value");
  EXPECT_EQ(message(echo.call("echo-char", {Value::list({Value(char32_t{0x110000})})})),
            "call 'echo-char': parameter 1 ('a'): a char is not a Unicode scalar value");
  EXPECT_EQ(message(echo.call("echo-option-string", {Value::list({Value::some("\xFF")})})),
            "call 'echo-option-string': parameter 1 ('a'): a string is not valid UTF-8");
  EXPECT_EQ(echo.state(), ContainerState::running);
}

TEST(DynamicCall, CountsTheHostsMemoryForElements) {
  Container echo = start("echo.wat", {}, {.copied_bytes_per_call = 10'000});
  // 8 bytes each in the guest, and far more in the host.
  std::vector<Value> items(2'000, Value::some(1));
  EXPECT_ERROR(echo.call("echo-option-u32", {Value::list(items)}), copy_limit);
}

TEST(DynamicCall, AcceptsAndReturnsText) {
  const Container echo = start("echo.wat");
  EXPECT_EQ(unwrap(echo.call_wave("flat-string(\"tea\")")), "\"tea\"");
  EXPECT_EQ(unwrap(echo.call_wave(" flat-tuple ( (1, 2, \"x\") ) ")), "(1, 2, \"x\")");
  EXPECT_EQ(unwrap(echo.call_wave("echo-enum([red, blue])")), "[red, blue]");
  EXPECT_THAT(message_of(echo.call_wave("flat-string")), HasSubstr("greet(\"world\")"));
  EXPECT_THAT(message_of(echo.call_wave("flat-u8(\"x\")")), HasSubstr("call 'flat-u8'"));
  EXPECT_ERROR(echo.call_wave("flat-u9(1)"), not_found);
  EXPECT_EQ(echo.state(), ContainerState::running);
}

TEST(DynamicCall, AcceptsAndReturnsJson) {
  const Container echo = start("echo.wat");
  EXPECT_EQ(unwrap(echo.call_json("flat-string", "[\"tea\"]")), "\"tea\"");
  EXPECT_EQ(unwrap(echo.call_json("flat-string", "{\"a\": \"tea\"}")), "\"tea\"");
  EXPECT_EQ(unwrap(echo.call_json("echo-u64", "[[18446744073709551615]]")), "[18446744073709551615]");
  EXPECT_THAT(message_of(echo.call_json("flat-u8", "[300]")), HasSubstr("/0"));
}

// ---- Resources

/// The host's class for the guests' `ticket`.
struct PlainTicket {
  std::uint32_t number = 0;
  std::shared_ptr<int> alive;
};

constexpr std::string_view kHost = "test:shop/host@1.0.0#";

HostImports ticket_imports(const std::shared_ptr<int>& alive, std::vector<HostObject>& taken) {
  const auto name = [](std::string_view function) { return std::string(kHost) + std::string(function); };
  const auto make = [alive](std::uint32_t number) {
    return Value::resource(HostObject(std::make_unique<PlainTicket>(number, alive)));
  };
  HostImports imports;
  unwrap(imports.define_resource<PlainTicket>(name("ticket")));
  unwrap(
      imports.define(name("[constructor]ticket"), [make](std::span<const Value> arguments) -> Result<Value> {
        return make(arguments[0].get<std::uint32_t>().value_or(0));
      }));
  unwrap(imports.define(name("[method]ticket.number"), [](std::span<const Value> arguments) -> Result<Value> {
    return arguments[0].host_object().get<PlainTicket>()->number;
  }));
  unwrap(imports.define(name("take"), [&taken](std::span<const Value> arguments) -> Result<Value> {
    taken.push_back(arguments[0].host_object());
    return Value();
  }));
  unwrap(imports.define(name("give"), [make](std::span<const Value>) -> Result<Value> { return make(42); }));
  unwrap(imports.define(name("list"), [make](std::span<const Value>) -> Result<Value> {
    return Value::list({make(1), make(2), make(3)});
  }));
  return imports;
}

class DynamicResources : public testing::Test {
 protected:
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
  std::vector<HostObject> taken_;
  Container guest_ =
      unwrap(Container::builder(load("resources.wat")).with_imports(ticket_imports(alive_, taken_)).build());
  [[nodiscard]] long tickets() const { return alive_.use_count() - kOthers; }
  // The references of the fixture and of the functions.
  long kOthers = alive_.use_count();
};

TEST_F(DynamicResources, OfTheHostPassBothWays) {
  EXPECT_EQ(unwrap(guest_.call("use-tickets", {3})), Value(6U));
  EXPECT_EQ(unwrap(guest_.call("receive-ticket")), Value(42U));
  EXPECT_EQ(unwrap(guest_.call("receive-tickets")), Value(6U));
  EXPECT_EQ(tickets(), 0);
  ASSERT_OK(guest_.call("send-ticket", {7}));
  ASSERT_EQ(taken_.size(), 1U);
  EXPECT_EQ(taken_[0].get<PlainTicket>()->number, 7U);
  EXPECT_EQ(tickets(), 1);
  taken_.clear();
  EXPECT_EQ(tickets(), 0);
}

TEST_F(DynamicResources, OfTheHostPassAsOwnOnce) {
  const Value ticket = Value::resource(HostObject(std::make_unique<PlainTicket>(9, alive_)));
  EXPECT_EQ(unwrap(guest_.call("peek", {ticket})), Value(9U));
  EXPECT_EQ(unwrap(guest_.call("peek", {ticket})), Value(9U));
  const Value back = unwrap(guest_.call("pass-through", {ticket}));
  EXPECT_EQ(back.host_object().get<PlainTicket>()->number, 9U);
  EXPECT_FALSE(ticket.host_object());
  EXPECT_EQ(message_of(guest_.call("consume", {ticket})),
            "call 'consume': parameter 1 ('t'): a resource was passed as own before, or is only borrowed");
  EXPECT_ERROR(guest_.call("echo-tickets", {Value::list({back, back})}), invalid_argument);
  const Value same = Value::resource(back.host_object());
  EXPECT_EQ(same, back);
  EXPECT_ERROR(guest_.call("echo-tickets", {Value::list({back, same})}), invalid_argument);
  EXPECT_EQ(guest_.state(), ContainerState::running);
  const Value echoed = unwrap(guest_.call("echo-tickets", {Value::list({back})}));
  ASSERT_OK(guest_.call("consume", {echoed[0]}));
  EXPECT_EQ(tickets(), 0);
}

TEST_F(DynamicResources, BorrowedFromTheGuestExpireWithTheCall) {
  std::vector<Value> kept;
  HostImports imports = ticket_imports(alive_, taken_);
  HostImports keeping;
  for (const std::string& name : imports.names()) {
    if (name.ends_with("number")) continue;
    unwrap(keeping.define(name, [imports, name](std::span<const Value> arguments) -> Result<Value> {
      return imports.call(name, arguments);
    }));
  }
  unwrap(keeping.define_resource<PlainTicket>(std::string(kHost) + "ticket"));
  unwrap(keeping.define(std::string(kHost) + "[method]ticket.number",
                        [&kept](std::span<const Value> arguments) -> Result<Value> {
                          kept.push_back(arguments[0]);
                          return arguments[0].host_object().get<PlainTicket>()->number;
                        }));
  Container guest = unwrap(Container::builder(load("resources.wat")).with_imports(keeping).build());
  EXPECT_EQ(unwrap(guest.call("use-tickets", {1})), Value(1U));
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].host_object().get<PlainTicket>(), nullptr);
}

TEST_F(DynamicResources, HaveFunctionsThatNeedNoBrackets) {
  const Value basket = unwrap(guest_.call_wave_value("basket(5)"));
  ASSERT_OK(guest_.call("basket.add", {basket, 10}));
  const Value other = unwrap(guest_.call("catalogue.basket", {6}));
  const Value merged = unwrap(guest_.call("basket.merge", {basket, other}));
  EXPECT_EQ(unwrap(guest_.call("test:shop/catalogue@1.0.0#basket.total", {merged})), Value(10U));
}

TEST_F(DynamicResources, OfTheGuestAreDroppedWithTheirLastCopy) {
  Value basket = unwrap(guest_.call("[constructor]basket", {5}));
  EXPECT_EQ(basket.kind(), TypeKind::own);
  ASSERT_OK(guest_.call("[method]basket.add", {basket, 10}));
  EXPECT_EQ(unwrap(guest_.call("[method]basket.total", {basket})), Value(10U));
  Value other = unwrap(guest_.call("[constructor]basket", {6}));
  ASSERT_OK(guest_.call("[method]basket.add", {other, 1}));
  const Value merged = unwrap(guest_.call("[static]basket.merge", {basket, other}));
  EXPECT_EQ(unwrap(guest_.call("[method]basket.total", {merged})), Value(11U));
  EXPECT_ERROR(guest_.call("[method]basket.total", {other}), invalid_argument);
  EXPECT_EQ(unwrap(guest_.call("drops")), Value(1U));
  {
    const Value copy = unwrap(guest_.call("[constructor]basket", {7}));
    const Value again = copy;
    EXPECT_EQ(copy, again);
    EXPECT_NE(copy, merged);
  }
  EXPECT_EQ(unwrap(guest_.call("drops")), Value(2U));
  EXPECT_ERROR(guest_.call("[static]basket.merge", {merged, merged}), invalid_argument);
  EXPECT_EQ(guest_.state(), ContainerState::running);
}

/// A guest that takes one `thing` as borrow and one as own. It calls `look` with the first after dropping the second.
constexpr std::string_view kLendAndGive = R"((component
  (import "thing" (type $thing (sub resource)))
  (import "look" (func $look (param "t" (borrow $thing))))
  (core func $look_core (canon lower (func $look)))
  (core func $drop (canon resource.drop $thing))
  (core module $m
    (import "" "look" (func $look (param i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "both") (param i32 i32)
      (call $drop (local.get 1)) (call $look (local.get 0)) (call $drop (local.get 0)))
    (func (export "lent") (param i32) (call $look (local.get 0)) (call $drop (local.get 0)))
    (func (export "eat") (param i32) (call $drop (local.get 0))))
  (core instance $i (instantiate $m (with "" (instance
    (export "look" (func $look_core)) (export "drop" (func $drop))))))
  (func (export "both") (param "a" (borrow $thing)) (param "b" (own $thing)) (canon lift (core func $i "both")))
  (func (export "lent") (param "a" (borrow $thing)) (canon lift (core func $i "lent")))
  (func (export "eat") (param "a" (own $thing)) (canon lift (core func $i "eat")))))";

struct Thing {
  std::shared_ptr<int> alive;
};
struct OtherThing {};

Container lend_and_give(const DynamicHostFunction& look) {
  HostImports imports;
  unwrap(imports.define_resource<Thing>("thing"));
  unwrap(imports.define("look", look));
  return unwrap(Container::builder(from_text(kLendAndGive)).with_imports(imports).build());
}

TEST(DynamicLoans, CannotBePassedAsOwnInTheSameCall) {
  const auto nothing = [](std::span<const Value>) -> Result<Value> { return Value(); };
  const Container guest = lend_and_give(nothing);
  const Value thing = Value::resource(HostObject(std::make_unique<Thing>()));
  EXPECT_ERROR(guest.call("both", {thing, thing}), invalid_argument);
  EXPECT_TRUE(thing.host_object());
  EXPECT_EQ(guest.state(), ContainerState::running);
  ASSERT_OK(guest.call("both", {thing, Value::resource(HostObject(std::make_unique<Thing>()))}));
  ASSERT_OK(guest.call("eat", {thing}));
  EXPECT_FALSE(thing.host_object());
}

TEST(DynamicLoans, CannotBePassedAsOwnUntilTheCallEnds) {
  const Container other = lend_and_give([](std::span<const Value>) -> Result<Value> { return Value(); });
  Value thing = Value::resource(HostObject(std::make_unique<Thing>(std::make_shared<int>(7))));
  std::string refused;
  const Container guest = lend_and_give([&](std::span<const Value> arguments) -> Result<Value> {
    refused = message_of(other.call("eat", {thing}));
    thing = Value();  // The call keeps the object alive.
    EXPECT_EQ(*arguments[0].host_object().get<Thing>()->alive, 7);
    return Value();
  });
  const HostObject object = thing.host_object();
  ASSERT_OK(guest.call("lent", {thing}));
  EXPECT_THAT(refused, HasSubstr("or is only borrowed"));
  EXPECT_TRUE(object.is_owned());
}

TEST(DynamicLoans, MustHaveTheClassOfTheResource) {
  const Container guest = lend_and_give([](std::span<const Value>) -> Result<Value> { return Value(); });
  const Value other = Value::resource(HostObject(std::make_unique<OtherThing>()));
  EXPECT_ERROR(guest.call("lent", {other}), type_mismatch);
  EXPECT_ERROR(guest.call("eat", {other}), type_mismatch);
  EXPECT_EQ(guest.state(), ContainerState::running);
}

TEST_F(DynamicResources, OfTheGuestAndTheHostAreDistinct) {
  const Value basket = unwrap(guest_.call("[constructor]basket", {5}));
  EXPECT_ERROR(guest_.call("peek", {basket}), type_mismatch);
  const Value ticket = Value::resource(HostObject(std::make_unique<PlainTicket>(9, alive_)));
  EXPECT_ERROR(guest_.call("[method]basket.total", {ticket}), type_mismatch);
  EXPECT_EQ(guest_.state(), ContainerState::running);
}

TEST_F(DynamicResources, StayWithTheirContainer) {
  const Value basket = unwrap(guest_.call("[constructor]basket", {5}));
  Container other =
      unwrap(Container::builder(load("resources.wat")).with_imports(ticket_imports(alive_, taken_)).build());
  EXPECT_THAT(message_of(other.call("[method]basket.total", {basket})), HasSubstr("another container"));
  guest_.stop();
  EXPECT_ERROR(guest_.call("drops"), container_stopped);
}

TEST(DynamicCall, CountsTheHostsMemoryForNestedTuples) {
  // Two bytes in the guest, twenty nodes in the host.
  std::string type = "(option u8)";
  for (int depth = 0; depth < 20; ++depth) type = "(tuple " + type + ")";
  const std::string guest = R"((component
    (core module $m (memory (export "memory") 4)
      (func (export "give") (result i32) (i32.store (i32.const 0) (i32.const 16))
        (i32.store (i32.const 4) (i32.const 100000)) (i32.const 0)))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $memory))
    (func (export "give") (result (list )" +
                            type + R"())
      (canon lift (core func $i "give") (memory $memory)))))";
  const Container container =
      start(from_text(guest), {}, {.copied_bytes_per_call = std::uint64_t{16} << 20U});
  EXPECT_ERROR(container.call("give"), copy_limit);
}

TEST(DynamicCall, CountsVisitedHandles) {
  // All inner lists share their memory: sixteen thousand times sixteen thousand elements, none of which is a handle.
  const Container container = start(from_text(R"((component
    (import "r" (type $r (sub resource)))
    (core module $m (memory (export "memory") 16)
      (func (export "give") (result i32) (local $i i32)
        (loop $next
          (i32.store (i32.add (i32.const 65536) (i32.mul (local.get $i) (i32.const 8))) (i32.const 262144))
          (i32.store (i32.add (i32.const 65540) (i32.mul (local.get $i) (i32.const 8))) (i32.const 16384))
          (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 16384))))
        (i32.store (i32.const 0) (i32.const 65536)) (i32.store (i32.const 4) (i32.const 16384)) (i32.const 0)))
    (core instance $i (instantiate $m))
    (alias core export $i "memory" (core memory $memory))
    (func (export "give") (result (list (list (option (own $r)))))
      (canon lift (core func $i "give") (memory $memory)))))"),
                                    [](Linker& linker) -> Result<void> {
                                      linker.stub_missing_imports();
                                      return {};
                                    },
                                    {.copied_bytes_per_call = std::uint64_t{1} << 20U});
  EXPECT_ERROR(container.call("give"), copy_limit);
}

TEST(DynamicCall, RejectsListsLargerThanAnyMemory) {
  const Container echo = start("echo.wat");
  const std::vector<std::uint8_t> bytes(std::size_t{0x80000000});
  EXPECT_ERROR(echo.call("echo-u8", {Value::list<std::uint8_t>(bytes)}), invalid_argument);
  EXPECT_EQ(echo.state(), ContainerState::running);
}

// ---- Host functions

TEST(HostImports, SupportEveryType) {
  // relay.wat forwards every call to its host, which returns the argument.
  const Image image = load("relay.wat");
  HostImports imports;
  const auto echo = [](std::span<const Value> arguments) -> Result<Value> { return arguments[0]; };
  std::size_t stubbed = 0;
  const auto define = [&](const std::string& interface, const std::vector<FunctionItem>& functions) {
    for (const FunctionItem& function : functions) {
      if (function.type.parameters.size() == 1 && function.type.result == function.type.parameters[0].type) {
        unwrap(imports.define(interface.empty() ? function.name : interface + "#" + function.name, echo));
      } else {
        ++stubbed;
      }
    }
  };
  const WorldItems& wanted = image.component().world().imports;
  define("", wanted.functions);
  for (const Interface& interface : wanted.interfaces) define(interface.name, interface.functions);
  ASSERT_GT(imports.names().size(), 40U);
  ASSERT_GT(stubbed, 0U);
  imports.stub_missing_imports();
  const Container relay = unwrap(Container::builder(image).with_imports(imports).build());
  const Value mixed =
      unwrap(Value::of(Mixed{.a = 1, .b = 2, .c = true, .d = 3, .e = 4, .nested = {-5, 6, 7}}));
  EXPECT_EQ(unwrap(relay.call("flat-record", {mixed})), mixed);
  EXPECT_EQ(unwrap(relay.call("echo-record", {Value::list({mixed, mixed})})), Value::list({mixed, mixed}));
  EXPECT_EQ(unwrap(relay.call("flat-s8", {-5})), Value(std::int8_t{-5}));
  EXPECT_EQ(unwrap(relay.call("flat-string", {"tea"})), Value("tea"));
  EXPECT_EQ(unwrap(relay.call("echo-option-string", {Value::list({Value::some("x"), Value::none()})}))[0],
            Value::some("x"));
  EXPECT_EQ(unwrap(relay.call("flat-flags17", {Value::flags({"l16"})})).labels().size(), 1U);
}

TEST(HostImports, ReportTheirErrorAndName) {
  const std::string guest = R"((component
    (import "twice" (func $twice (param "n" u32) (result u32)))
    (core func $twice_core (canon lower (func $twice)))
    (core module $m (import "" "twice" (func $t (param i32) (result i32)))
      (func (export "run") (result i32) (call $t (i32.const 21))))
    (core instance $i (instantiate $m (with "" (instance (export "twice" (func $twice_core))))))
    (func (export "run") (result u32) (canon lift (core func $i "run")))))";
  const Image image = from_text(guest);
  const auto call_with = [&](const DynamicHostFunction& function) {
    HostImports imports;
    unwrap(imports.define("twice", function));
    return unwrap(Container::builder(image).with_imports(imports).build()).call("run");
  };
  EXPECT_EQ(unwrap(call_with([](std::span<const Value> arguments) -> Result<Value> {
              return 2 * *arguments[0].get<std::uint32_t>();
            })),
            Value(42U));
  EXPECT_EQ(unwrap(call_with([](std::span<const Value>) -> Result<Value> { return 7ULL; })), Value(7U));
  EXPECT_EQ(message_of(call_with([](std::span<const Value>) -> Result<Value> { return -7; })),
            "call 'run': host function 'twice': result: -7 cannot be represented exactly as 'u32'");
  EXPECT_EQ(message_of(call_with([](std::span<const Value>) -> Result<Value> { return Value(); })),
            "call 'run': host function 'twice': result: expected 'u32', found no value");
  EXPECT_ERROR(call_with([](std::span<const Value>) -> Result<Value> { return fail(ErrorCode::io, "no"); }),
               io);
  EXPECT_EQ(
      message_of(call_with([](std::span<const Value>) -> Result<Value> { throw std::runtime_error("oh"); })),
      "call 'run': host function 'twice' threw: oh");
}

TEST(HostImports, AreListedAndCalledFromTheHost) {
  HostImports imports;
  ASSERT_OK(imports.define(
      "b", [](std::span<const Value> a) -> Result<Value> { return Value::list({a[0], a[0]}); }));
  ASSERT_OK(
      imports.define("test:x/y@1.0.0#a", [](Caller&, std::span<const Value>) -> Result<Value> { return 1; }));
  EXPECT_ERROR(imports.define("c", DynamicHostFunction()), invalid_argument);
  EXPECT_THAT(imports.names(), ElementsAre("b", "test:x/y@1.0.0#a"));
  EXPECT_EQ(unwrap(imports.call("b", {1})), Value::list({1, 1}));
  EXPECT_ERROR(imports.call("test:x/y@1.0.0#a", {}), invalid_argument);
  EXPECT_THAT(message_of(imports.call("c", {})), AllOf(HasSubstr("'c'"), HasSubstr("'b'")));
  EXPECT_ERROR(imports.define("b", [](std::span<const Value>) -> Result<Value> { return 1; }),
               already_exists);
  EXPECT_ERROR(imports.define("y.a", [](std::span<const Value>) -> Result<Value> { return 1; }),
               invalid_argument);
}

TEST(HostImports, StubsFailWithTheirNameAndShadowNothing) {
  const Image image = load("resources.wat");
  Container stubbed = unwrap(Container::builder(image)
                                 .with_imports([](Linker& linker) -> Result<void> {
                                   linker.stub_missing_imports();
                                   return {};
                                 })
                                 .build());
  const auto result = stubbed.call("use-tickets", {1});
  EXPECT_ERROR(result, missing_import);
  EXPECT_THAT(message_of(result), HasSubstr("test:shop/host@1.0.0#[constructor]ticket"));
  // A definition of another type is still rejected.
  const auto with = [&](auto function) {
    return Container::builder(image)
        .with_imports([&](Linker& linker) -> Result<void> {
          linker.stub_missing_imports();
          return linker.define(std::string(kHost) + "[method]ticket.number", function);
        })
        .build();
  };
  EXPECT_ERROR(with([](std::string_view) { return 1U; }), type_mismatch);
  EXPECT_ERROR(Container::builder(image).build(), missing_import);
}

TEST(HostImports, StubsDoNotReplaceWasi) {
  HostImports imports;
  imports.stub_missing_imports();
  const Container guest = unwrap(Container::builder(load("wasi_guest.wasm")).with_imports(imports).build());
  EXPECT_EQ(guest.state(), ContainerState::running);
}

}  // namespace
}  // namespace tairitsu::test

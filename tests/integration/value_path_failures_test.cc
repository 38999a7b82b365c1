// Failures of host code during a call: panics, exceptions, errors, and nested calls.
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/bridge.h"
#include "list_guest.h"
#include "support.h"
#include "types.h"

namespace tairitsu::test {

/// A class whose default constructor, which lifting needs, throws on demand.
struct Grumpy {
  Grumpy() {
    if (throws) throw std::runtime_error("not today");
  }
  std::uint32_t id = 0;
  static inline bool throws = false;
};

}  // namespace tairitsu::test

namespace tairitsu {

template <>
struct Describe<test::Grumpy> : Record<test::Grumpy, "grumpy", Field<"id", &test::Grumpy::id>> {};

}  // namespace tairitsu

namespace tairitsu::test {
namespace {

using testing::HasSubstr;
using U32 = std::uint32_t;

TEST(BridgePanic, BecomesAnError) {
  for (int i = 0; i < 2; ++i) {
    const Error error = bridge::take_error(bridge::tairitsu_bridge_panic_for_test());
    EXPECT_EQ(error.code(), ErrorCode::internal);
    EXPECT_THAT(error.message(), HasSubstr("the engine panicked: "));
  }
}

// ---- Host functions that fail

/// A guest that forwards text: `text: func(a: string) -> string` calls the host's `host@1.0.0#text`.
constexpr std::string_view kTextGuest = R"((component
    (import "test:nest/host@1.0.0" (instance $host (export "text" (func (param "a" string) (result string)))))
    (core module $storage
      (memory (export "memory") 1)
      (global $top (mut i32) (i32.const 1024))
      (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $top))
        (global.set $top (i32.add (local.get $at) (local.get $size)))
        (local.get $at))
      (func (export "reset") (param i32) (global.set $top (i32.const 1024))))
    (core instance $s (instantiate $storage))
    (alias core export $s "memory" (core memory $memory))
    (alias core export $s "realloc" (core func $realloc))
    (core func $lowered (canon lower (func $host "text") (memory $memory) (realloc $realloc)))
    (core module $m
      (import "host" "text" (func $text (param i32 i32 i32)))
      (func (export "text") (param i32 i32) (result i32)
        (call $text (local.get 0) (local.get 1) (i32.const 16))
        (i32.const 16)))
    (core instance $i (instantiate $m (with "host" (instance (export "text" (func $lowered))))))
    (func (export "text") (param "a" string) (result string)
      (canon lift (core func $i "text") (memory $memory) (realloc $realloc)
        (post-return (core func $s "reset"))))))";

const Image& text_guest() {
  static const Image image = from_text(kTextGuest);
  return image;
}

constexpr std::string_view kTextImport = "test:nest/host@1.0.0#text";
using Text = Function<std::string(std::string_view)>;

template <typename F>
Container start_text(F function) {
  return start(text_guest(), [&](Linker& linker) { return linker.define(kTextImport, std::move(function)); });
}

Text text_function(const Container& container) {
  return function_of<std::string(std::string_view)>(container, "text");
}

/// Returns the error of a call whose host function is `function`. Expects that the container cannot be used after it.
template <typename F>
Error failure_of(F function) {
  Container container = start_text(std::move(function));
  auto text = text_function(container);
  const auto failed = text("hello");
  EXPECT_FALSE(failed);
  EXPECT_EQ(container.state(), ContainerState::error);
  EXPECT_ERROR(text("again"), container_failed);
  // The process is not affected.
  Container fresh = start_text([](std::string a) { return a; });
  EXPECT_EQ(unwrap(text_function(fresh)("hello")), "hello");
  return failed ? Error(ErrorCode::internal, "succeeded") : failed.error();
}

TEST(HostFunctionFailure, AnExceptionIsAnErrorOfTheCall) {
  const Error error =
      failure_of([](std::string_view) -> std::string { throw std::runtime_error("out of tea"); });
  EXPECT_EQ(error.code(), ErrorCode::host_function);
  EXPECT_EQ(error.message(), "call 'text': host function 'test:nest/host@1.0.0#text' threw: out of tea");
  EXPECT_FALSE(error.backtrace().empty());
}

TEST(HostFunctionFailure, AThrownValueThatIsNotAnException) {
  const Error error = failure_of([](std::string_view) -> std::string { throw 42; });
  EXPECT_EQ(error.code(), ErrorCode::host_function);
  EXPECT_EQ(error.message(),
            "call 'text': host function 'test:nest/host@1.0.0#text' threw: an exception that is not a "
            "std::exception");
}

TEST(HostFunctionFailure, AnErrorKeepsItsCode) {
  for (const ErrorCode code : {ErrorCode::not_found, ErrorCode::host_function, ErrorCode::invalid_value,
                               ErrorCode::trap, ErrorCode::io, ErrorCode::internal}) {
    const Error error =
        failure_of([code](std::string_view) -> Result<std::string> { return fail(code, "no such shop"); });
    EXPECT_EQ(error.code(), code);
    EXPECT_EQ(error.message(), "call 'text': host function 'test:nest/host@1.0.0#text': no such shop");
    EXPECT_FALSE(error.backtrace().empty());
  }
}

TEST(HostFunctionFailure, AnErrorOfAFunctionWithoutAResult) {
  Container container = start(from_text(R"((component
    (import "check" (func $f (param "a" u32)))
    (core func $lowered (canon lower (func $f)))
    (func (export "check") (param "a" u32) (canon lift (core func $lowered)))))"),
                              [](Linker& linker) {
                                return linker.define("check", [](U32 a) -> Result<void> {
                                  if (a > 9) return fail(ErrorCode::invalid_argument, "too many");
                                  return {};
                                });
                              });
  auto check = function_of<void(U32)>(container, "check");
  EXPECT_OK(check(9));
  const auto failed = check(10);
  ASSERT_ERROR(failed, invalid_argument);
  EXPECT_EQ(message_of(failed), "call 'check': host function 'check': too many");
  EXPECT_EQ(container.state(), ContainerState::error);
}

TEST(HostFunctionFailure, AGuestErrorIsAValue) {
  int calls = 0;
  const auto maybe = [&](std::optional<std::string_view> a) -> Result<std::expected<std::string, U32>> {
    ++calls;
    if (!a) return guest_error(U32{404});
    if (a->empty()) return fail(ErrorCode::invalid_argument, "empty");
    return std::string(*a);
  };
  Container container = start(from_text(R"((component
    (import "maybe" (func $f (param "a" (option string)) (result (result string (error u32)))))
    (core module $storage
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
      (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
    (core instance $s (instantiate $storage))
    (alias core export $s "memory" (core memory $memory))
    (alias core export $s "realloc" (core func $realloc))
    (core func $lowered (canon lower (func $f) (memory $memory) (realloc $realloc)))
    (func (export "raw-maybe") (param "case" u32) (param "at" u32) (param "length" u32) (param "area" u32)
      (canon lift (core func $lowered)))
    (func (export "load") (param "a" u32) (result u32) (canon lift (core func $s "load")))))"),
                              [&](Linker& linker) { return linker.define("maybe", maybe); });
  auto raw = function_of<void(U32, U32, U32, U32)>(container, "raw-maybe");
  auto load = function_of<U32(U32)>(container, "load");
  ASSERT_OK(raw(0, 0, 0, 16));
  EXPECT_EQ(unwrap(load(16)), 1U);
  EXPECT_EQ(unwrap(load(20)), 404U);
  EXPECT_EQ(container.state(), ContainerState::running);
  EXPECT_ERROR(raw(1, 0, 0, 16), invalid_argument);
  EXPECT_EQ(calls, 2);
}

TEST(HostFunctionFailure, AnExceptionOfAParametersConstructor) {
  const std::string_view text = R"((component
    (type $g (record (field "id" u32)))
    (import "grumpy" (type $grumpy (eq $g)))
    (import "take" (func $f (param "a" $grumpy)))
    (core func $lowered (canon lower (func $f)))
    (func (export "take") (param "a" u32) (canon lift (core func $lowered)))))";
  Container container =
      start(from_text(text), [](Linker& linker) { return linker.define("take", [](Grumpy) {}); });
  auto take = function_of<void(U32)>(container, "take");
  EXPECT_OK(take(1));
  Grumpy::throws = true;
  const auto failed = take(1);
  Grumpy::throws = false;
  ASSERT_ERROR(failed, host_function);
  EXPECT_EQ(message_of(failed), "call 'take': host function 'take' threw: not today");
}

TEST(LiftFailure, AnExceptionOfAResultsConstructor) {
  Container container = start(from_text(list_guest_text(
      R"((type $g (record (field "id" u32))) (export $grumpy "grumpy" (type $g)))", "$grumpy", 4)));
  auto make = function_of<std::vector<Grumpy>(const std::vector<std::uint8_t>&)>(container, "from-bytes");
  EXPECT_EQ(unwrap(make({1, 0, 0, 0})).at(0).id, 1U);
  Grumpy::throws = true;
  const auto failed = make({1, 0, 0, 0});
  Grumpy::throws = false;
  ASSERT_ERROR(failed, invalid_value);
  EXPECT_EQ(message_of(failed), "call 'from-bytes': lifting the result threw: not today");
  EXPECT_EQ(container.state(), ContainerState::error);
}

// ---- Nested calls

/// A chain of containers: each one's host function calls the next container, the last one's calls `leaf`. Each adds its
/// letter on the way in and on the way back.
class Chain {
 public:
  using Build = std::function<Container(std::function<Result<void>(Linker&)>)>;
  using Next = std::function<Result<std::string>(std::string_view)>;

  Chain(const Build& build, std::size_t length, Next leaf) {
    containers_.reserve(length);
    Next next = std::move(leaf);
    for (std::size_t i = 0; i < length; ++i) {
      const char letter = static_cast<char>('a' + length - 1 - i);
      containers_.push_back(build([&](Linker& linker) {
        return linker.define(kTextImport, [next, letter](std::string_view text) -> Result<std::string> {
          TAIRITSU_TRY(auto response, next(std::string(text) + letter));
          return letter + response;
        });
      }));
      next = [text = text_function(containers_.back())](std::string_view value) mutable {
        return text(value);
      };
    }
    first_ = std::move(next);
  }
  Chain(const Image& image, std::size_t length, Next leaf)
      : Chain([&](auto imports) { return start(image, std::move(imports)); }, length, std::move(leaf)) {}

  Result<std::string> operator()(std::string_view text) { return first_(text); }
  [[nodiscard]] std::vector<ContainerState> states() const {
    std::vector<ContainerState> states;
    for (const Container& container : containers_) states.push_back(container.state());
    return states;
  }

 private:
  std::vector<Container> containers_;
  Next first_;
};

TEST(NestedCalls, PassValuesInMemoryBothWays) {
  const std::string large(20'000, 'x');
  for (const std::size_t length : {1U, 2U, 3U, 10U}) {
    Chain chain(text_guest(), length, [](std::string_view text) { return "<" + std::string(text) + ">"; });
    const std::string letters = std::string("abcdefghij").substr(0, length);
    EXPECT_EQ(unwrap(chain("-")), letters + "<-" + letters + ">");
    EXPECT_EQ(unwrap(chain(large)), letters + "<" + large + letters + ">");
    EXPECT_EQ(unwrap(chain("-")), letters + "<-" + letters + ">");
  }
}

TEST(NestedCalls, WorkWithTheAsyncAbiOn) {
  const Engine engine = unwrap(Engine::create({.async_abi = true}));
  const Image image = unwrap(Image::from_text(engine, kTextGuest));
  Chain chain(image, 3, [](std::string_view text) -> Result<std::string> {
    if (text.starts_with("bad")) throw std::runtime_error("bad text");
    return "<" + std::string(text) + ">";
  });
  EXPECT_EQ(unwrap(chain("-")), "abc<-abc>");
  const auto failed = chain("bad");
  ASSERT_ERROR(failed, host_function);
  EXPECT_THAT(message_of(failed), HasSubstr("threw: bad text"));
}

TEST(NestedCalls, WorkInInterruptibleContainers) {
  // In such a container, a guest that imports WASI runs on a fiber that the calling thread polls.
  const Engine engine = unwrap(Engine::create({.epochs = true}));
  std::string guest(kTextGuest);
  guest.insert(
      guest.find('(', 1),
      R"((import "wasi:clocks/monotonic-clock@0.2.0" (instance (export "now" (func (result u64))))) )");
  const Image image = unwrap(Image::from_text(engine, guest));
  const auto build = [&](std::function<Result<void>(Linker&)> imports) {
    return unwrap(Container::builder(image)
                      .with_imports(std::move(imports))
                      .with_limits({.deadline = std::chrono::seconds(60)})
                      .build());
  };
  Chain chain(build, 3, [](std::string_view text) -> Result<std::string> {
    if (text.starts_with("bad")) return fail(ErrorCode::not_found, "bad text");
    return "<" + std::string(text) + ">";
  });
  EXPECT_EQ(unwrap(chain("-")), "abc<-abc>");
  EXPECT_EQ(unwrap(chain("+")), "abc<+abc>");
  EXPECT_ERROR(chain("bad"), not_found);
  EXPECT_THAT(chain.states(), testing::Each(ContainerState::error));
}

TEST(NestedCalls, AFailurePropagatesThroughAll) {
  Chain chain(text_guest(), 3,
              [](std::string_view) -> Result<std::string> { return fail(ErrorCode::io, "no disk"); });
  const auto failed = chain("x");
  ASSERT_ERROR(failed, io);
  const std::string level = "call 'text': host function 'test:nest/host@1.0.0#text': ";
  EXPECT_EQ(message_of(failed), level + level + level + "no disk");
  EXPECT_THAT(chain.states(), testing::Each(ContainerState::error));
}

TEST(NestedCalls, AFailureThatTheHostHandlesStopsThere) {
  Container inner = start("hostile.wat");
  auto trap = function_of<void()>(inner, "trap");
  auto bad = function_of<std::string()>(inner, "hello");
  Container outer = start_text([&](std::string_view text) -> std::string {
    const auto trapped = trap();
    const auto refused = bad();
    return fmt::format("{} {} {}", text, to_string(trapped.error().code()),
                       to_string(refused.error().code()));
  });
  auto text = text_function(outer);
  EXPECT_EQ(unwrap(text("it was")), "it was trap container_failed");
  EXPECT_EQ(inner.state(), ContainerState::error);
  EXPECT_EQ(outer.state(), ContainerState::running);
  EXPECT_EQ(unwrap(text("and again")), "and again container_failed container_failed");
}

TEST(NestedCalls, AContainerIsNotEnteredFromItsOwnHostFunction) {
  std::optional<Text> self;
  Container container = start_text([&](std::string_view text) -> std::string {
    const auto refused = (*self)(text);
    return refused ? "entered" : std::string(to_string(refused.error().code()));
  });
  self = text_function(container);
  EXPECT_EQ(unwrap((*self)("x")), "reentrant_call");
  EXPECT_EQ(container.state(), ContainerState::running);
  EXPECT_EQ(unwrap((*self)("x")), "reentrant_call");
}

TEST(NestedCalls, AVisitorMayCallOthersButNotItsOwn) {
  Container other = start_text([](std::string_view a) { return std::string(a) + "!"; });
  auto other_text = text_function(other);
  Container container = start_text([](std::string_view a) { return std::string(a) + "?"; });
  auto view = function_of<std::string_view(std::string_view)>(container, "text");
  auto own = text_function(container);
  std::string seen;
  ASSERT_OK(view.read(
      [&](std::string_view text) {
        seen = unwrap(other_text(text));
        EXPECT_ERROR(own("x"), reentrant_call);
        seen += text;
      },
      "hello"));
  EXPECT_EQ(seen, "hello?!hello?");
  EXPECT_EQ(unwrap(own("x")), "x?");
}

}  // namespace
}  // namespace tairitsu::test

// Engines with the component model's async ABI: which components need it, and how guest code runs with it.
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "support.h"

namespace tairitsu::test {
namespace {

using ::testing::HasSubstr;

const Engine& async_engine() {
  static const Engine engine = unwrap(Engine::create({.async_abi = true}));
  return engine;
}

Image async_image(std::string_view text) { return unwrap(Image::from_text(async_engine(), text)); }

// ---- Components that need the async ABI

TEST(AsyncAbi, IsRequiredByComponentsThatUseIt) {
  static const Engine plain = unwrap(Engine::create({}));
  for (const std::string_view text : {
           R"((component (import "f" (func async))))",
           R"((component (type (func async (param "a" u8)))))",
           R"((component (import "f" (func (param "s" (stream u8))))))",
           R"((component (type (future string))))",
           R"((component (core func (canon task.cancel))))",
           R"((component (core func (canon backpressure.inc))))",
           R"((component (core func (canon waitable-set.new))))",
           R"((component (component (component (core func (canon subtask.drop))))))",
           R"((component (import "wasi:random/random@0.3.0"
                (instance (export "get-random-u64" (func (result u64)))))))",
       }) {
    const auto refused = Image::from_text(plain, text);
    ASSERT_ERROR(refused, async_abi_off) << text;
    EXPECT_THAT(message_of(refused), HasSubstr("EngineOptions::async_abi"));
    EXPECT_OK(Image::from_text(async_engine(), text)) << text;
  }
}

TEST(AsyncAbi, IsNotReportedForAnInvalidComponent) {
  static const Engine plain = unwrap(Engine::create({}));
  for (const std::string_view text : {
           R"((component (type (func async)) (core func (canon resource.drop 7))))",
           R"((component (import "the component model async feature" (func))))",
       }) {
    EXPECT_ERROR(Image::from_text(plain, text), invalid_component) << text;
    EXPECT_ERROR(Image::from_text(async_engine(), text), invalid_component) << text;
  }
}

// ---- Guest code runs on a fiber

/// Returns a component whose inner component exports an async function `slow`, which yields once before it returns.
/// `rest` is the outer component, in which the core function `$slow` is the synchronous lowering of `slow`.
std::string with_slow_function(std::string_view rest) {
  return R"((component
    (component $inner
      (core func $return (canon task.return))
      (core module $m
        (import "" "return" (func $return))
        (func (export "slow") (result i32) (i32.const 1))
        (func (export "callback") (param i32 i32 i32) (result i32) (call $return) (i32.const 0)))
      (core instance $i (instantiate $m (with "" (instance (export "return" (func $return))))))
      (func (export "slow") async
        (canon lift (core func $i "slow") async (callback (core func $i "callback")))))
    (instance $inner (instantiate $inner))
    (component $outer
      (import "slow" (func $imported async))
      (core func $slow (canon lower (func $imported))))" +
         std::string(rest) + R"()
    (instance $outer (instantiate $outer (with "slow" (func $inner "slow"))))
    (export "outer" (instance $outer))))";
}

TEST(AsyncAbi, TrapsASynchronousExportThatWaitsForASibling) {
  auto container = start(async_image(with_slow_function(R"(
      (core module $m (import "" "slow" (func $slow)) (func (export "run") (call $slow)))
      (core instance $i (instantiate $m (with "" (instance (export "slow" (func $slow))))))
      (func (export "run") (canon lift (core func $i "run"))))")));
  // A synchronous export may not block: this is the guest's error, not the host's.
  EXPECT_ERROR(function_of<void()>(container, "outer#run")(), trap);
  EXPECT_EQ(container.state(), ContainerState::error);
}

TEST(AsyncAbi, TrapsAStartFunctionThatWaitsForASibling) {
  const Image image = async_image(with_slow_function(R"(
      (core module $m (import "" "slow" (func $slow)) (start $slow))
      (core instance (instantiate $m (with "" (instance (export "slow" (func $slow)))))))"));
  auto container = unwrap(Container::builder(image).create());
  EXPECT_ERROR(container.start(), trap);
}

TEST(AsyncAbi, TrapsADestructorThatWaitsForASibling) {
  auto container = start(async_image(with_slow_function(R"(
      (core module $d (import "" "slow" (func $slow)) (func (export "drop") (param i32) (call $slow)))
      (core instance $d (instantiate $d (with "" (instance (export "slow" (func $slow))))))
      (type $r (resource (rep i32) (dtor (core func $d "drop"))))
      (core func $new (canon resource.new $r))
      (core module $m
        (import "" "new" (func $new (param i32) (result i32)))
        (func (export "make") (result i32) (call $new (i32.const 1))))
      (core instance $m (instantiate $m (with "" (instance (export "new" (func $new))))))
      (export $waiting "waiting" (type $r))
      (func (export "make") (result (own $waiting)) (canon lift (core func $m "make"))))")));
  auto made = container.call("outer#make");
  ASSERT_OK(made);
  made = Value();
  EXPECT_EQ(container.state(), ContainerState::error) << "the destructor trapped";
}

// ---- Guests that re-enter themselves

// In the component model, a parent that calls its child is re-entered.
TEST(AsyncAbi, TrapsAGuestThatEntersItself) {
  for (const bool async_abi : {false, true}) {
    const Engine engine = unwrap(Engine::create({.async_abi = async_abi}));
    const auto image = unwrap(Image::from_text(engine, R"((component
      (component $child
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func (export "f") (canon lift (core func $i "f"))))
      (instance $child (instantiate $child))
      (core func $f (canon lower (func $child "f")))
      (core module $m (import "" "f" (func $f)) (func (export "g") (call $f)))
      (core instance $i (instantiate $m (with "" (instance (export "f" (func $f))))))
      (func (export "g") (canon lift (core func $i "g")))))"));
    auto container = start(image);
    const auto failed = function_of<void()>(container, "g")();
    ASSERT_ERROR(failed, trap) << message_of(failed);
    EXPECT_THAT(message_of(failed), HasSubstr("cannot enter component instance"));
  }
}

// ---- Synchronous host functions

// So the engine never calls a synchronous host function asynchronously.
TEST(AsyncAbi, DoesNotLowerSynchronousFunctionsAsync) {
  constexpr std::string_view kText = R"((component
    (import "f" (func $f (param "a" u32) (result u32)))
    (core module $libc (memory (export "memory") 1))
    (core instance $libc (instantiate $libc))
    (alias core export $libc "memory" (core memory $memory))
    (core func $lowered (canon lower (func $f) async (memory $memory)))))";
  EXPECT_ERROR(Image::from_text(unwrap(Engine::create({.async_abi = true})), kText), invalid_component);
}

}  // namespace
}  // namespace tairitsu::test

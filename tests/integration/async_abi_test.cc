// Engines with the component model's async ABI: which components need it, and how guest code runs on them.
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

// ---- Which components need it

TEST(AsyncAbi, IsNeededByAComponentWhoseBytesUseIt) {
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

TEST(AsyncAbi, IsNotWhatIsWrongWithAnInvalidComponent) {
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

/// A component whose inner part has an async function `slow` that yields once before it returns. `rest` is the outer
/// part, in which the core function `$slow` is its synchronous lowering.
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

TEST(AsyncAbi, ASynchronousExportThatWaitsForASiblingTraps) {
  auto container = start(async_image(with_slow_function(R"(
      (core module $m (import "" "slow" (func $slow)) (func (export "run") (call $slow)))
      (core instance $i (instantiate $m (with "" (instance (export "slow" (func $slow))))))
      (func (export "run") (canon lift (core func $i "run"))))")));
  // It may not block, which is the guest's mistake and nobody else's.
  EXPECT_ERROR(function_of<void()>(container, "outer#run")(), trap);
  EXPECT_EQ(container.state(), ContainerState::error);
}

TEST(AsyncAbi, AStartFunctionThatWaitsForASiblingTraps) {
  const Image image = async_image(with_slow_function(R"(
      (core module $m (import "" "slow" (func $slow)) (start $slow))
      (core instance (instantiate $m (with "" (instance (export "slow" (func $slow)))))))"));
  auto container = unwrap(Container::builder(image).create());
  EXPECT_ERROR(container.start(), trap);
}

TEST(AsyncAbi, ADestructorThatWaitsForASiblingTraps) {
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

// ---- The guest's own re-entry

// A parent's call of its child is re-entry to the component model.
TEST(AsyncAbi, AGuestThatEntersItselfTraps) {
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

// ---- Synchronous host functions that a guest lowers async

constexpr std::string_view kAsyncLowered = R"((component
  (import "many" (func $many (param "a" u8) (param "b" s16) (param "c" f32) (param "d" u64) (param "e" string)
    (result u16)))
  (import "scalar" (func $scalar (param "x" u32) (result s8)))
  (import "variants" (func $variants (param "a" (option u64)) (param "b" (result u8 (error f32)))
    (param "c" (tuple s8 u32)) (result string)))
  (import "nothing" (func $nothing))
  (import "flags" (func $flags (param "a" bool) (param "b" bool) (param "c" char) (param "d" f64) (param "e" s8)
    (result bool)))
  (core module $libc
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $many (canon lower (func $many) async (memory $memory)))
  (core func $scalar (canon lower (func $scalar) async (memory $memory)))
  (core func $variants (canon lower (func $variants) async (memory $memory) (realloc $realloc)))
  (core func $nothing (canon lower (func $nothing) async))
  (core func $flags (canon lower (func $flags) async (memory $memory)))
  (core module $m
    (import "libc" "memory" (memory 1))
    (import "" "many" (func $many (param i32 i32) (result i32)))
    (import "" "scalar" (func $scalar (param i32 i32) (result i32)))
    (import "" "variants" (func $variants (param i32 i32) (result i32)))
    (import "" "nothing" (func $nothing (result i32)))
    (import "" "flags" (func $flags (param i32 i32) (result i32)))
    (data (i32.const 0) "\c8\00\fe\ff\00\00\c0\3f\15\cd\5b\07\00\00\00\00\40\00\00\00\05\00\00\00")
    (data (i32.const 64) "hello")
    (data (i32.const 128) "\01\00\00\00\00\00\00\00\ff\ff\ff\ff\ff\ff\ff\ff")
    (data (i32.const 144) "\01\00\00\00\00\00\20\40\80\00\00\00\07\00\00\00")
    (data (i32.const 256) "\01\00\00\00\ac\20\00\00\00\00\00\00\00\00\f8\3f\ff")
    (data (i32.const 512) "\ff\ff\ff\ff\ff\ff\ff\ff")
    (func $done (param i32) (if (i32.ne (local.get 0) (i32.const 2)) (then unreachable)))
    (func (export "many") (result i32)
      (call $done (call $many (i32.const 0) (i32.const 512)))
      (i32.load (i32.const 512)))
    (func (export "scalar") (result i32)
      (call $done (call $scalar (i32.const 7) (i32.const 512)))
      (i32.load (i32.const 512)))
    (func (export "variants") (result i32)
      (call $done (call $variants (i32.const 128) (i32.const 512)))
      (i32.const 512))
    (func (export "nothing") (call $done (call $nothing)))
    (func (export "flags") (result i32)
      (call $done (call $flags (i32.const 256) (i32.const 512)))
      (i32.load (i32.const 512))))
  (core instance $i (instantiate $m (with "libc" (instance $libc)) (with "" (instance
    (export "many" (func $many)) (export "scalar" (func $scalar)) (export "variants" (func $variants))
    (export "nothing" (func $nothing)) (export "flags" (func $flags))))))
  (func (export "many") (result u32) (canon lift (core func $i "many")))
  (func (export "scalar") (result u32) (canon lift (core func $i "scalar")))
  (func (export "variants") (result string) (canon lift (core func $i "variants") (memory $memory)))
  (func (export "nothing") (canon lift (core func $i "nothing")))
  (func (export "flags") (result u32) (canon lift (core func $i "flags")))))";

TEST(AsyncAbi, SynchronousHostFunctionsCanBeLoweredAsync) {
  int calls = 0;
  auto container = start(async_image(kAsyncLowered), [&](Linker& linker) -> Result<void> {
    TAIRITSU_CHECK(linker.define(
        "many",
        [&](std::uint8_t a, std::int16_t b, float c, std::uint64_t d, std::string_view e) -> std::uint16_t {
          EXPECT_EQ(std::tuple(a, b, c, d, e), std::tuple(200, -2, 1.5F, 123456789U, "hello"));
          return 0x1234;
        }));
    TAIRITSU_CHECK(linker.define("scalar", [](std::uint32_t x) { return static_cast<std::int8_t>(-x); }));
    TAIRITSU_CHECK(linker.define("variants",
                                 [](std::optional<std::uint64_t> a, std::expected<std::uint8_t, float> b,
                                    std::tuple<std::int8_t, std::uint32_t> c) -> std::string {
                                   EXPECT_EQ(a, UINT64_MAX);
                                   EXPECT_EQ(b, (std::expected<std::uint8_t, float>(std::unexpect, 2.5F)));
                                   EXPECT_EQ(c, std::tuple(-128, 7));
                                   return "as it should be";
                                 }));
    TAIRITSU_CHECK(linker.define("nothing", [&] { ++calls; }));
    return linker.define("flags", [](bool a, bool b, char32_t c, double d, std::int8_t e) {
      EXPECT_EQ(std::tuple(a, b, c, d, e), std::tuple(true, false, U'\u20ac', 1.5, -1));
      return true;
    });
  });
  // A result is as long as its type, and what is after it stays.
  EXPECT_EQ(unwrap(function_of<std::uint32_t()>(container, "many")()), 0xffff1234U);
  EXPECT_EQ(unwrap(function_of<std::uint32_t()>(container, "scalar")()), 0xfffffff9U);
  EXPECT_EQ(unwrap(function_of<std::uint32_t()>(container, "flags")()), 0xffffff01U);
  EXPECT_EQ(unwrap(function_of<std::string()>(container, "variants")()), "as it should be");
  EXPECT_OK(function_of<void()>(container, "nothing")());
  EXPECT_EQ(calls, 1);
}

TEST(AsyncAbi, AParameterThatIsNoValueIsRefusedInEitherLowering) {
  std::string text(kAsyncLowered);
  const std::string none = R"("\01\00\00\00\00\00\00\00\ff)";
  text.replace(text.find(none), none.size(), R"("\02\00\00\00\00\00\00\00\ff)");
  auto container = start(async_image(text), [&](Linker& linker) -> Result<void> {
    linker.stub_missing_imports();
    return linker.define("variants", [](std::optional<std::uint64_t>, std::expected<std::uint8_t, float>,
                                        std::tuple<std::int8_t, std::uint32_t>) { return std::string(); });
  });
  EXPECT_ERROR(function_of<std::string()>(container, "variants")(), invalid_value);
}

}  // namespace
}  // namespace tairitsu::test

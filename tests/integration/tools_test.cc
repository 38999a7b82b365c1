// Tools: typed C++ functions and components' exports, called by name with JSON.
#include "tairitsu/tools.h"

#include <atomic>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support.h"
#include "types.h"

namespace tairitsu::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(Tools, CanBeTypedCppFunctions) {
  ToolSet tools;
  ASSERT_OK(tools.add("add", "Adds two numbers.", {"a", "b"},
                      [](std::int32_t a, std::int32_t b) { return a + b; }));
  EXPECT_EQ(unwrap(tools.call("add", R"({"a": 2, "b": 40})")), "42");
  EXPECT_EQ(unwrap(tools.call("add", "[2, 40]")), "42");
  EXPECT_ERROR(tools.call("add", R"({"a": 2})"), invalid_argument);
  EXPECT_THAT(message_of(tools.call("add", R"({"a": 2, "b": "x"})")),
              AllOf(HasSubstr("tool 'add'"), HasSubstr("/b")));
}

TEST(Tools, AcceptAndReturnAnyDescribedType) {
  ToolSet tools;
  ASSERT_OK(tools.add("longest", "", {"words"}, [](const std::vector<std::string>& words) {
    std::string longest;
    for (const std::string& word : words) {
      if (word.size() > longest.size()) longest = word;
    }
    return longest;
  }));
  ASSERT_OK(tools.add("mirror", "", {"point"},
                      [](const Point& point) { return Point{-point.x, -point.y, -point.z}; }));
  ASSERT_OK(tools.add("size", "", {"text"}, [](std::string_view text) { return text.size(); }));
  ASSERT_OK(tools.add("maybe", "", {"n"},
                      [](std::optional<std::uint32_t> n) -> std::expected<std::uint32_t, std::string> {
                        if (!n) return std::unexpected("missing number");
                        return *n;
                      }));
  EXPECT_EQ(unwrap(tools.call("longest", R"([["a", "abc", "ab"]])")), "\"abc\"");
  EXPECT_EQ(unwrap(tools.call("mirror", R"({"point": {"x": 1, "y": 2, "z": 3}})")),
            R"({"x":-1,"y":-2,"z":-3})");
  EXPECT_EQ(unwrap(tools.call("size", R"(["four"])")), "4");
  EXPECT_EQ(unwrap(tools.call("maybe", "{}")), R"({"error":"missing number"})");
  EXPECT_EQ(unwrap(tools.call("maybe", "[7]")), R"({"ok":7})");
}

TEST(Tools, FailWithTheirOwnErrors) {
  ToolSet tools;
  ASSERT_OK(
      tools.add("fail", "", {}, []() -> Result<std::uint32_t> { return fail(ErrorCode::io, "no disk"); }));
  ASSERT_OK(tools.add("throw", "", {}, [] { throw std::runtime_error("oh"); }));
  ASSERT_OK(tools.add("nothing", "", {}, [] {}));
  EXPECT_ERROR(tools.call("fail", ""), io);
  EXPECT_EQ(message_of(tools.call("fail", "")), "tool 'fail': no disk");
  EXPECT_ERROR(tools.call("throw", ""), host_function);
  EXPECT_EQ(unwrap(tools.call("nothing", "{}")), "null");
  EXPECT_ERROR(tools.call("nothing", "[1]"), invalid_argument);
}

TEST(Tools, AreFoundByName) {
  ToolSet tools;
  const auto one = [] { return 1; };
  ASSERT_OK(tools.add("one", "Returns 1.", {}, one));
  EXPECT_ERROR(tools.add("one", "", {}, one), already_exists);
  EXPECT_ERROR(tools.add("", "", {}, one), invalid_argument);
  EXPECT_ERROR(tools.add("two", "", {"a"}, one), invalid_argument);
  EXPECT_ERROR(tools.add("two", "", {"a", "a"}, [](int a, int b) { return a + b; }), invalid_argument);
  EXPECT_THAT(message_of(tools.call("onne", "")), HasSubstr("'one'"));
  EXPECT_TRUE(tools.remove("one"));
  EXPECT_FALSE(tools.remove("one"));
  EXPECT_ERROR(tools.call("one", ""), not_found);
}

TEST(Tools, DescribeThemselves) {
  ToolSet tools;
  ASSERT_OK(tools.add("b", "Second.", {"n"}, [](std::uint8_t n) { return n; }));
  ASSERT_OK(tools.add("a", "First.", {}, [] {}));
  const auto list = tools.list();
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].name, "a");
  EXPECT_EQ(list[0].output_schema, R"({"type":"null"})");
  EXPECT_EQ(list[1].description, "Second.");
  EXPECT_EQ(list[1].type.to_string(), "func(n: u8) -> u8");
  EXPECT_THAT(list[1].input_schema, AllOf(HasSubstr("\"n\""), HasSubstr("255")));
  EXPECT_THAT(list[1].output_schema, HasSubstr("255"));
}

TEST(Tools, CanBeExportsOfARunningContainer) {
  ToolSet tools;
  {
    Container echo = start("echo.wat");
    ASSERT_OK(tools.add("echo", "Returns its argument.", unwrap(echo.dynamic_function("flat-string"))));
    ASSERT_OK(tools.add("sum", "", unwrap(echo.dynamic_function("sum16"))));
    EXPECT_EQ(unwrap(tools.call("echo", R"({"a": "tea"})")), "\"tea\"");
    EXPECT_ERROR(tools.add("none", "", DynamicFunction()), invalid_argument);
  }
  EXPECT_ERROR(tools.call("echo", R"(["tea"])"), container_stopped);
}

TEST(Tools, CanStartANewContainerForEachCall) {
  const std::string counter = R"((component
    (core module $m (global $n (mut i32) (i32.const 0))
      (func (export "next") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))
    (core instance $i (instantiate $m))
    (func (export "next") (result u32) (canon lift (core func $i "next")))))";
  ToolSet tools;
  const auto containers = unwrap(Container::builder(from_text(counter)).build_template());
  ASSERT_OK(tools.add("next", "", containers, "next"));
  EXPECT_ERROR(tools.add("other", "", containers, "previous"), not_found);
  EXPECT_EQ(unwrap(tools.call("next", "")), "1");
  EXPECT_EQ(unwrap(tools.call("next", "")), "1");
}

TEST(Tools, RejectReentrantCalls) {
  ToolSet tools;
  std::string inner;
  const Image image = from_text(R"((component
    (import "again" (func $again))
    (core func $again_core (canon lower (func $again)))
    (core module $m (import "" "again" (func $a)) (func (export "run") (call $a)))
    (core instance $i (instantiate $m (with "" (instance (export "again" (func $again_core))))))
    (func (export "run") (canon lift (core func $i "run")))))");
  const Container container = start(image, [&](Linker& linker) {
    return linker.define("again", [&] { inner = message_of(tools.call("run", "")); });
  });
  ASSERT_OK(tools.add("run", "", unwrap(container.dynamic_function("run"))));
  EXPECT_EQ(unwrap(tools.call("run", "")), "null");
  EXPECT_THAT(inner, HasSubstr("cannot be entered from its own host function"));
}

TEST(ThreadsAndTools, TakeTurnsInOneContainer) {
  Container echo = start("echo.wat");
  ToolSet tools;
  ASSERT_OK(tools.add("text", "", unwrap(echo.dynamic_function("flat-string"))));
  ASSERT_OK(tools.add("number", "", unwrap(echo.dynamic_function("flat-u32"))));
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&tools, &failures, thread] {
      for (int i = 0; i < 200; ++i) {
        const auto result = thread % 2 == 0 ? tools.call("text", R"(["tea"])") : tools.call("number", "[7]");
        if (!result || *result != (thread % 2 == 0 ? "\"tea\"" : "7")) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace tairitsu::test

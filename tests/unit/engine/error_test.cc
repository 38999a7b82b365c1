#include "tairitsu/error.h"

#include <gtest/gtest.h>

#include <expected>
#include <string>

namespace tairitsu {
namespace {

TEST(Error, KeepsCodeMessageAndBacktrace) {
  const Error error(ErrorCode::trap, "wasm trap: unreachable", "0: greet");
  EXPECT_EQ(error.code(), ErrorCode::trap);
  EXPECT_EQ(error.message(), "wasm trap: unreachable");
  EXPECT_EQ(error.backtrace(), "0: greet");
}

TEST(Error, PutsContextBeforeTheMessageAndKeepsTheOriginal) {
  const Error error(ErrorCode::trap, "wasm trap: unreachable", "0: greet");
  const Error outer = error.with_context("call 'greet'");
  EXPECT_EQ(outer.message(), "call 'greet': wasm trap: unreachable");
  EXPECT_EQ(outer.code(), ErrorCode::trap);
  EXPECT_EQ(outer.backtrace(), "0: greet");
  EXPECT_EQ(error.message(), "wasm trap: unreachable");
}

TEST(Error, PutsAdviceLastAndCanReplaceIt) {
  const Error facts(ErrorCode::missing_import, "'a:b/c#d' is missing", "0: short", 3, "0: long");
  EXPECT_EQ(facts.advice(), "");
  const Error advised = facts.with_advice("Define it.");
  EXPECT_EQ(advised.message(), "'a:b/c#d' is missing\nDefine it.");
  EXPECT_EQ(advised.advice(), "Define it.");
  EXPECT_EQ(advised.with_context("build").message(), "build: 'a:b/c#d' is missing\nDefine it.");
  EXPECT_EQ(advised.with_context("build").with_advice("Leave it.").message(),
            "build: 'a:b/c#d' is missing\nLeave it.");
  const Error bare = advised.with_context("build").with_advice("");
  EXPECT_EQ(bare.message(), "build: 'a:b/c#d' is missing");
  EXPECT_EQ(bare.backtrace(), "0: short");
  EXPECT_EQ(bare.full_backtrace(), "0: long");
  EXPECT_EQ(bare.exit_status(), 3);
  EXPECT_EQ(facts.message(), "'a:b/c#d' is missing") << "the original is unchanged";
}

TEST(Error, UsesTheBacktraceAsFullBacktraceByDefault) {
  EXPECT_EQ(Error(ErrorCode::trap, "x", "0: greet").full_backtrace(), "0: greet");
}

TEST(Error, NamesEveryCode) {
  EXPECT_EQ(to_string(ErrorCode::internal), "internal");
  EXPECT_EQ(to_string(ErrorCode::fuel_exhausted), "fuel_exhausted");
  EXPECT_EQ(to_string(ErrorCode::container_failed), "container_failed");
  EXPECT_EQ(to_string(ErrorCode::invalid_manifest), "invalid_manifest");
  EXPECT_EQ(to_string(static_cast<ErrorCode>(255)), "unknown");
}

TEST(Error, TryReturnsTheFirstError) {
  const auto half = [](int value) -> Result<int> {
    if (value % 2 != 0) return fail(ErrorCode::invalid_argument, "odd");
    return value / 2;
  };
  const auto quarter = [&](int value) -> Result<int> {
    TAIRITSU_TRY(const int first, half(value));
    TAIRITSU_TRY(const int second, half(first));
    return second;
  };
  EXPECT_EQ(quarter(8).value(), 2);
  ASSERT_FALSE(quarter(6).has_value());
  EXPECT_EQ(quarter(6).error().message(), "odd");
}

TEST(Error, GuestErrorIsTheInnerErrorEvenIfTheTypesConvert) {
  const auto order = []() -> Result<std::expected<int, std::string>> {
    return guest_error(std::string("out of stock"));
  };
  const auto outcome = order();
  ASSERT_TRUE(outcome.has_value());
  ASSERT_FALSE(outcome->has_value());
  EXPECT_EQ(outcome->error(), "out of stock");
}

}  // namespace
}  // namespace tairitsu

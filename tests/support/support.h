/// Shared by the tests: one engine, the guests' images, and assertions on `Result`s.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tairitsu/tairitsu.h>

namespace tairitsu::test {

/// Returns `error` as failed assertions print it.
inline std::string describe(const Error& error) {
  std::string text = std::string(to_string(error.code())) + ": " + error.message();
  if (!error.backtrace().empty()) text += "\n" + error.backtrace();
  return text;
}

/// Returns the value, or throws the error's message, which fails the test.
template <typename T>
T unwrap(Result<T> result) {
  if (!result) throw std::runtime_error(describe(result.error()));
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

template <typename T>
testing::AssertionResult is_ok(const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure() << describe(result.error());
}

template <typename T>
testing::AssertionResult is_error(const Result<T>& result, ErrorCode code) {
  if (result) return testing::AssertionFailure() << "succeeded, expected " << to_string(code);
  if (result.error().code() == code) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "expected " << to_string(code) << ", got "
                                     << describe(result.error());
}

/// Returns the message of a failed result; empty if it succeeded.
template <typename T>
std::string message_of(const Result<T>& result) {
  return result ? std::string() : result.error().message();
}

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

/// Returns the `name` of each item.
std::vector<std::string> names_of(const auto& items) {
  std::vector<std::string> names;
  for (const auto& item : items) names.push_back(item.name);
  return names;
}

/// Returns an engine with default options that the tests share.
inline Engine& test_engine() {
  static Engine engine = unwrap(Engine::create());
  return engine;
}

inline std::filesystem::path guest_path(std::string_view name) {
  return std::filesystem::path(TAIRITSU_TEST_GUESTS) / name;
}

/// Returns the contents of the guest's file: component text or a binary.
inline std::string read_guest(std::string_view name) {
  std::ifstream file(guest_path(name), std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + guest_path(name).string());
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Compiles a guest, e.g. "echo.wat".
inline Image load(const Engine& engine, std::string_view name) {
  return unwrap(Image::from_file(engine, guest_path(name)));
}

/// Compiles a guest with the shared engine, once per process.
inline Image load(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, Image, std::less<>> images;
  const std::scoped_lock lock(mutex);
  auto found = images.find(name);
  if (found == images.end()) found = images.emplace(name, load(test_engine(), name)).first;
  return found->second;
}

/// Compiles component text with the shared engine.
inline Image from_text(std::string_view text) { return unwrap(Image::from_text(test_engine(), text)); }

/// Returns a running container of the image.
inline Container start(const Image& image, std::function<Result<void>(Linker&)> imports = {},
                       const Limits& limits = {}) {
  ContainerBuilder builder = Container::builder(image);
  builder.with_limits(limits);
  if (imports) builder.with_imports(std::move(imports));
  return unwrap(builder.build());
}

/// Returns a running container of a guest's file, e.g. "echo.wat".
inline Container start(std::string_view guest, std::function<Result<void>(Linker&)> imports = {},
                       const Limits& limits = {}) {
  return start(load(guest), std::move(imports), limits);
}

/// Finds a function, or throws: `function_of<std::uint32_t()>(container, "drops")`.
template <typename Signature>
Function<Signature> function_of(const Container& container, std::string_view name) {
  auto function = container.function<Signature>(name);
  if (!function) throw std::runtime_error(describe(function.error()));
  return *std::move(function);
}

}  // namespace tairitsu::test

/// Expects that the result has a value; otherwise prints the error.
#define EXPECT_OK(...) EXPECT_TRUE(::tairitsu::test::is_ok(__VA_ARGS__))
#define ASSERT_OK(...) ASSERT_TRUE(::tairitsu::test::is_ok(__VA_ARGS__))
/// Expects that the result failed with the code: `EXPECT_ERROR(call(), trap)`.
#define EXPECT_ERROR(result, error_code) \
  EXPECT_TRUE(::tairitsu::test::is_error((result), ::tairitsu::ErrorCode::error_code))
#define ASSERT_ERROR(result, error_code) \
  ASSERT_TRUE(::tairitsu::test::is_error((result), ::tairitsu::ErrorCode::error_code))

/// Compares WAVE with its reference implementation, the crate wasm-wave: each reads what the other writes, and both
/// accept or reject the same texts, including those of the crate's own tests. `Difference` lists where the library
/// follows the specification and the crate does not.
///
///     TAIRITSU_SEED        the seed of the values and texts; printed on failure
///     TAIRITSU_WAVE_CASES  the number of types, with several values and texts each

#include "tairitsu/wave.h"

#include <gtest/gtest.h>
#include <stdio.h>  // popen

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "../fuzz/random_value.h"
#include "engine/bridge.h"
#include "tairitsu/wit.h"

extern "C" {
tairitsu::bridge::Error* tairitsu_oracle_wave(tairitsu::bridge::Bytes type, tairitsu::bridge::Bytes text,
                                              tairitsu::bridge::Buffer** out);
tairitsu::bridge::Error* tairitsu_oracle_wave_call(tairitsu::bridge::Bytes function,
                                                   tairitsu::bridge::Bytes call,
                                                   tairitsu::bridge::Buffer** out);
}

namespace tairitsu {
namespace {

namespace fs = std::filesystem;

Result<std::string> oracle(auto function, std::string_view type, std::string_view text) {
  auto buffer = bridge::create<bridge::BufferPtr>(function, bridge::borrow(type), bridge::borrow(text));
  if (!buffer) return std::unexpected(std::move(buffer).error());
  return std::string(bridge::as_text(bridge::tairitsu_bridge_buffer_bytes(buffer->get())));
}

/// Returns the type in WIT, with the definitions of named types written out.
std::string expanded(const Type& type) {
  constexpr std::string_view kBefore = "func() -> ";
  FunctionType function;
  function.result = type;
  return function.definition().substr(kBefore.size());
}

std::uint64_t number_from_environment(const char* name, std::uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

/// Why the crate and the library may disagree about a text.
enum class Difference {
  none,
  missing_comma,  // It accepts `{a: 1 b: 2}`, `{a b}`, `{aB}`, `{a: -infb: 2}`; the grammar requires commas.
  unknown_field,  // It ignores fields that the record does not have; the library rejects them.
  marked_flag,    // It rejects `{%a}`, which the specification allows.
  optional_arguments,  // It rejects `f()` if all parameters are options, which the specification allows.
};

/// Whether a word has letters of both cases, so that it consists of two labels without a space in between.
bool is_two_labels(std::string_view label) {
  bool lower = false;
  bool upper = false;
  for (const char c : label) {
    lower = c != '-' && (lower || (c >= 'a' && c <= 'z'));
    upper = c != '-' && (upper || (c >= 'A' && c <= 'Z'));
    if (lower && upper) return true;
  }
  return false;
}

/// Explains a text that only one of the two accepts, by the words of the error message.
Difference difference(const Result<Value>& ours, const Result<std::string>& theirs) {
  const std::string_view message = ours ? theirs.error().message() : ours.error().message();
  const auto says = [&](std::string_view words) { return message.find(words) != std::string_view::npos; };
  if (ours) return says("unknown case \"%") ? Difference::marked_flag : Difference::none;
  if (says("expected ',' or '}'") || says("found '-inf")) return Difference::missing_comma;
  if (const std::size_t end = message.find("' is not a "); end != std::string_view::npos) {
    const std::size_t begin = message.rfind('\'', end - 1) + 1;
    if (is_two_labels(message.substr(begin, end - begin))) return Difference::missing_comma;
  }
  return says("is not a field of") ? Difference::unknown_field : Difference::none;
}

/// Replaces a `some(…)` or `ok(…)` by its payload.
void unwrap(std::string& text, std::size_t from) {
  const std::size_t begin = std::min(text.find("some(", from), text.find("ok(", from));
  if (begin == std::string::npos) return;
  std::size_t end = text.find('(', begin);
  const std::size_t inner = end + 1;
  for (int depth = 1; depth != 0;) {
    if (++end == text.size()) return;
    depth += text[end] == '(' ? 1 : text[end] == ')' ? -1 : 0;
  }
  text.erase(end, 1);
  text.erase(begin, inner - begin);
}

std::string change(std::string text, std::mt19937_64& random) {
  static constexpr std::string_view kTokens[] = {
      ",",     ":",         "(",   ")",         "[",        "]",        "{",      "}",  "%",   "\"",
      "'",     "\\",        "\n",  "\r\n",      " ",        "// x\n",   "\"\"\"", "0",  "1",   "-",
      ".",     "e5",        "\\n", "\\u{2603}", "☃",        "some",     "none",   "ok", "err", "true",
      "false", "inf",       "nan", "a",         "red",      "{:}",      "{}",     "()", "[]",  "some(",
      "\"\"",  "\\u{d800}", "\t",  "-inf",      "\"\"\"\n", "\n\"\"\"", "b",      "300"};
  const auto below = [&](std::size_t count) { return static_cast<std::size_t>(random() % count); };
  for (std::size_t left = 1 + below(3); left != 0; --left) {
    // Not in the middle of a character.
    const auto boundary = [&] {
      std::size_t at = below(text.size() + 1);
      while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) --at;
      return at;
    };
    const std::size_t a = boundary();
    const std::size_t b = boundary();
    const std::size_t begin = std::min(a, b);
    const std::size_t size = std::max(a, b) - begin;
    switch (below(6)) {
      case 0:
        text.erase(begin, size);
        break;
      case 1: {
        std::size_t end = begin + 1;
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) ++end;
        if (begin < text.size()) text.erase(begin, end - begin);
        break;
      }
      case 2:
        text.insert(boundary(), text.substr(begin, std::min<std::size_t>(size, 40)).c_str());
        break;
      case 3:
        unwrap(text, begin);
        break;
      default:
        text.insert(begin, kTokens[below(std::size(kTokens))]);
    }
    if (!detail::is_utf8(text)) text = "\"\"";  // A character was cut.
  }
  return text;
}

class WaveDifferential : public testing::Test {
 protected:
  void SetUp() override {
    seed = number_from_environment("TAIRITSU_SEED", 1);
    types = number_from_environment("TAIRITSU_WAVE_CASES", 3000);
    random.seed(seed);
  }

  /// Returns random bytes for a type or a value.
  std::string bytes() {
    std::string text(1024, '\0');
    for (char& byte : text) byte = static_cast<char>(static_cast<unsigned char>(random()));
    return text;
  }

  [[nodiscard]] std::string about(const Type& type, std::string_view text) const {
    return fmt::format("\n  type  {}\n  text  {}\n  seed  {}", expanded(type), text, seed);
  }

  /// Expects the library and the crate to read the same value from the text, or to reject it.
  void same(const Type& type, const std::string& text) {
    const auto ours = parse_wave(text, type);
    const auto theirs = oracle(tairitsu_oracle_wave, expanded(type), text);
    if (ours.has_value() != theirs.has_value()) {
      ASSERT_NE(difference(ours, theirs), Difference::none)
          << (ours ? theirs.error() : ours.error()).message() << about(type, text);
      ++known_differences;
      return;
    }
    if (!ours) {
      ++rejected;
      return;
    }
    ++accepted;
    const auto again = parse_wave(*theirs, type);
    ASSERT_TRUE(again) << again.error().message() << about(type, *theirs);
    ASSERT_EQ(*again, *ours) << "the crate wrote " << *theirs << about(type, text);
  }

  std::uint64_t seed = 0;
  std::uint64_t types = 0;
  std::mt19937_64 random;
  std::uint64_t accepted = 0;
  std::uint64_t rejected = 0;
  std::uint64_t known_differences = 0;
};

TEST_F(WaveDifferential, AgreesWithTheCrateOnValues) {
  for (std::uint64_t index = 0; index < types; ++index) {
    const std::string type_bytes = bytes();
    test::ByteSource source(type_bytes);
    const Type type = test::random_type(source, static_cast<unsigned>(index % 6));
    for (int value = 0; value < 4; ++value) {
      const std::string value_bytes = bytes();
      test::ByteSource value_source(value_bytes);
      const std::string text = to_wave(test::random_value(value_source, type));
      ASSERT_NO_FATAL_FAILURE(same(type, text));
    }
  }
  EXPECT_EQ(rejected + known_differences, 0U);
}

TEST_F(WaveDifferential, AgreesWithTheCrateOnChangedText) {
  for (std::uint64_t index = 0; index < types; ++index) {
    const std::string type_bytes = bytes();
    test::ByteSource source(type_bytes);
    const Type type = test::random_type(source, static_cast<unsigned>(index % 4));
    const std::string value_bytes = bytes();
    test::ByteSource value_source(value_bytes);
    const std::string text = to_wave(test::random_value(value_source, type));
    for (int changed = 0; changed < 20; ++changed) ASSERT_NO_FATAL_FAILURE(same(type, change(text, random)));
  }
  fmt::print("{} changed texts: {} accepted, {} rejected, {} known differences\n",
             accepted + rejected + known_differences, accepted, rejected, known_differences);
  EXPECT_GT(accepted, types);
  EXPECT_GT(rejected, types);
}

TEST_F(WaveDifferential, AgreesWithTheCrateOnNumbers) {
  static constexpr std::string_view kTokens[] = {
      "-",  "+",    ".", "e",  "E",   "0",     "0",          "1",
      "2",  "5",    "9", "00", "255", "32768", "4294967295", "1844674407370955161",
      "e-", "e+30", "38"};
  for (std::uint64_t index = 0; index < 10 * types; ++index) {
    std::string text;
    for (std::size_t left = 1 + random() % 6; left != 0; --left)
      text += kTokens[random() % std::size(kTokens)];
    const auto kind = static_cast<TypeKind>(1 + index % 10);
    ASSERT_NO_FATAL_FAILURE(same(Type::make(kind), text));
  }
  EXPECT_GT(accepted, types);
  EXPECT_EQ(known_differences, 0U);
}

TEST_F(WaveDifferential, AgreesWithTheCrateOnMultilineStrings) {
  static constexpr std::string_view kTokens[] = {"\n",  "\n  ", "\n  ",    "\r\n  ", "\r", " ",
                                                 "a",   "b c",  "☃",       "\t",     "\"", "\\n",
                                                 "\\r", "\\\"", "\\u{41}", "\\"};
  for (std::uint64_t index = 0; index < 10 * types; ++index) {
    std::string text = index % 8 == 0 ? "\"\"\"" : index % 2 == 0 ? "\"\"\"\n  " : "\"\"\"\r\n";
    for (std::size_t left = random() % 8; left != 0; --left) text += kTokens[random() % std::size(kTokens)];
    text += index % 8 == 1 ? "\"\"\"" : index % 4 == 0 ? "\n  \"\"\"" : "\n\"\"\"";
    ASSERT_NO_FATAL_FAILURE(same(Type::make(TypeKind::string), text));
  }
  EXPECT_GT(accepted, types);
  EXPECT_EQ(known_differences, 0U);
}

TEST_F(WaveDifferential, HasOnlyTheKnownDifferences) {
  const Type number = Type::make(TypeKind::u8);
  const Type optional = Type::make(TypeKind::option, {}, {TypeField{{}, number}});
  const Type record = Type::make(TypeKind::record, {}, {{"a", number}, {"b", number}});
  const Type flags = Type::make(TypeKind::flags, {}, {{"a", {}}, {"b", {}}, {"B", {}}});
  const auto seen = [](std::string_view text, const Type& type) {
    const auto ours = parse_wave(text, type);
    const auto theirs = oracle(tairitsu_oracle_wave, expanded(type), text);
    EXPECT_NE(ours.has_value(), theirs.has_value()) << text;
    return difference(ours, theirs);
  };
  EXPECT_EQ(seen("{a: 1 b: 2}", record), Difference::missing_comma);
  EXPECT_EQ(seen("{a b}", flags), Difference::missing_comma);
  EXPECT_EQ(seen("{aB}", flags), Difference::missing_comma);
  EXPECT_EQ(seen("{a: 1, b: 2, c: 3}", record), Difference::unknown_field);
  EXPECT_EQ(seen("{%a, b}", flags), Difference::marked_flag);
  FunctionType function;
  function.parameters = {{"a", optional}};
  EXPECT_TRUE(parse_wave_arguments("()", function));
  EXPECT_FALSE(oracle(tairitsu_oracle_wave_call, function.definition(), "f()"));
}

// ---- The crate's own tests

/// Returns the directory with the source of wasm-wave.
std::optional<fs::path> crate_directory() {
  const std::string command = "cd '" TAIRITSU_SOURCE_DIRECTORY "' && '" TAIRITSU_CARGO
                              "' metadata --format-version 1 --locked --offline 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  if (pipe == nullptr) return std::nullopt;
  std::string metadata;
  std::array<char, 65536> part{};
  while (const std::size_t size = std::fread(part.data(), 1, part.size(), pipe.get())) {
    metadata.append(part.data(), size);
  }
  const auto end = metadata.find("/Cargo.toml\"", metadata.find("/wasm-wave-"));
  if (end == std::string::npos) return std::nullopt;
  const auto begin = metadata.rfind('"', end) + 1;
  return metadata.substr(begin, end - begin);
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Returns the calls in a file of the crate's tests. They are separated by `;` and a newline; comments precede them.
std::vector<std::string> calls_of(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ';')) text.pop_back();
  std::vector<std::string> calls;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(";\n", begin), text.size());
    std::string call = text.substr(begin, end - begin);
    while (call.starts_with("//") && call.find('\n') != std::string::npos) call.erase(0, call.find('\n') + 1);
    calls.push_back(std::move(call));
    begin = end + 2;
  }
  return calls;
}

TEST_F(WaveDifferential, PassesTheTestsOfTheCrate) {
  const auto directory = crate_directory();
  ASSERT_TRUE(directory) << "cargo metadata does not list wasm-wave";
  const auto wit = WitLoader::load(*directory / "tests/ui/ui.wit");
  ASSERT_TRUE(wit) << wit.error().message();
  const auto interface = wit->interface("ui");
  ASSERT_TRUE(interface) << interface.error().message();
  std::map<std::string, FunctionType, std::less<>> functions;
  for (const FunctionItem& function : interface->interface.functions)
    functions[function.name] = function.type;

  std::size_t calls = 0;
  for (const auto& entry : fs::directory_iterator(*directory / "tests/ui")) {
    if (entry.path().extension() != ".waves") continue;
    const std::string name = entry.path().filename().string();
    const bool accept = name.starts_with("accept-");
    ASSERT_TRUE(accept || name.starts_with("reject-")) << name;
    for (const std::string& call : calls_of(read_file(entry.path()))) {
      SCOPED_TRACE(name + ": " + call);
      std::string_view function_name = std::string_view(call).substr(0, call.find('('));
      const std::string_view arguments = std::string_view(call).substr(function_name.size());
      for (const std::string_view prefix : {"ui:tests/", "ui."}) {
        if (function_name.starts_with(prefix)) function_name.remove_prefix(prefix.size());
      }
      if (function_name.ends_with("@0.1.0")) function_name.remove_suffix(6);
      const auto function = functions.find(function_name);
      if (function == functions.end()) {
        EXPECT_FALSE(accept);
        continue;
      }
      ++calls;
      const auto ours = parse_wave_arguments(arguments, function->second);
      const auto theirs =
          oracle(tairitsu_oracle_wave_call, function->second.definition(), "f" + std::string(arguments));
      EXPECT_EQ(theirs.has_value(), accept);
      ASSERT_EQ(ours.has_value(), accept) << (ours ? "" : ours.error().message());
      if (!accept) continue;
      const auto again = parse_wave_arguments(*theirs, function->second);
      ASSERT_TRUE(again) << again.error().message();
      EXPECT_EQ(*again, *ours);
    }
  }
  EXPECT_GT(calls, 150U);
}

}  // namespace
}  // namespace tairitsu

#include "wit/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string_view>

namespace tairitsu::detail {
namespace {

std::vector<std::byte> from_hex(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string digits;
  std::ranges::copy_if(text, std::back_inserter(digits),
                       [](unsigned char c) { return std::isxdigit(c) != 0; });
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(digit(digits[i]) * 16 + digit(digits[i + 1])));
  }
  return bytes;
}

// bridge/src/world.rs has the same bytes and checks that a component produces them.
const std::vector<std::byte> kSample = from_hex(R"(
    54574c44 02000000
    01000000 01000000 0b000000 613a622f6340312e302e30 01000000 72 03000000
    11 01000000 65 00000000 00000000 01000000 01000000 78 00000000
    16 00000000 01000000 00000000 00000000
    0c 00000000 00000000 00000000 00000000
    01000000 0b000000 613a622f6340312e302e30
    01000000 01000000 66 01 01000000 01000000 72 02000000 01000000
    01000000 01000000 65 01000000
    01000000 01000000 72 01000000 00000000
    01000000 03000000 6c6f67 00 01000000 01000000 6d 03000000 00000000
    00000000 00000000 00000000
    00000000 00000000 00000000 00000000 00000000)");

TEST(World, DecodesTheBridgesDescription) {
  const auto world = decode_world(kSample);
  ASSERT_TRUE(world) << world.error().message();
  ASSERT_EQ(world->imports.interfaces.size(), 1U);
  const Interface& interface = world->imports.interfaces[0];
  EXPECT_EQ(interface.name, "a:b/c@1.0.0");
  EXPECT_EQ(interface.resources, std::vector<std::string>{"r"});
  EXPECT_TRUE(interface.aliases.empty() && interface.instances.empty());
  ASSERT_EQ(interface.types.size(), 1U);
  EXPECT_EQ(interface.types[0].name, "e");
  EXPECT_EQ(interface.types[0].type.definition(), "enum { x }");
  ASSERT_EQ(interface.functions.size(), 1U);
  const FunctionType& function = interface.functions[0].type;
  EXPECT_EQ(function.to_string(), "async func(r: borrow<r>) -> e");
  EXPECT_EQ(function.parameters[0].type->interface_name(), "a:b/c@1.0.0");
  ASSERT_EQ(world->imports.functions.size(), 1U);
  EXPECT_EQ(world->imports.functions[0].name, "log");
  EXPECT_EQ(world->imports.functions[0].type.to_string(), "func(m: string)");
  EXPECT_TRUE(world->exports.interfaces.empty() && world->exports.functions.empty());
}

TEST(World, RejectsATruncatedBuffer) {
  for (std::size_t size = 0; size < kSample.size(); ++size) {
    const auto world = decode_world(std::span(kSample).first(size));
    ASSERT_FALSE(world) << size;
    EXPECT_EQ(world.error().code(), ErrorCode::internal);
  }
  auto longer = kSample;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_world(longer));
}

TEST(World, SurvivesCorruptionOfEveryByte) {
  for (std::size_t i = 0; i < kSample.size(); ++i) {
    for (const unsigned value : {0x00U, 0x01U, 0x7fU, 0x80U, 0xffU}) {
      auto corrupt = kSample;
      corrupt[i] = static_cast<std::byte>(value);
      // Either it is still valid (another letter in a name), or it is an error.
      const auto world = decode_world(corrupt);
      EXPECT_TRUE(!world || !world->to_string().empty());
    }
  }
}

/// Returns a buffer with these types and an empty world.
std::vector<std::byte> with_types(std::string_view count, std::string_view types) {
  std::string text = "54574c44 02000000 00000000";
  text.append(count).append(types);
  for (int i = 0; i < 10; ++i) text += "00000000";
  return from_hex(text);
}

constexpr std::string_view kU8InBytes = "02 00000000 00000000 00000000 00000000";

TEST(World, RejectsInvalidTypes) {
  const auto refused = [](std::string_view last) {
    return !decode_world(with_types("02000000", std::string(kU8InBytes) + std::string(last)));
  };
  EXPECT_FALSE(refused("0d 00000000 00000000 00000000 01000000 00000000 01000000")) << "list<u8>";
  EXPECT_TRUE(refused("0d 00000000 00000000 00000000 00000000")) << "list of nothing";
  EXPECT_TRUE(refused("0d 00000000 00000000 00000000 01000000 00000000 00000000")) << "list<_>";
  EXPECT_TRUE(refused("0d 00000000 00000000 00000000 01000000 00000000 02000000")) << "of itself";
  EXPECT_TRUE(refused("0d 00000000 00000000 04000000 01000000 00000000 01000000")) << "length of a list";
  EXPECT_TRUE(refused("02 00000000 00000000 00000000 01000000 00000000 01000000")) << "u8 with a field";
  EXPECT_TRUE(refused("11 00000000 00000000 00000000 01000000 00000000 01000000")) << "enum with a payload";
  EXPECT_TRUE(refused("0e 00000000 00000000 00000000 00000000")) << "empty record";
  EXPECT_TRUE(refused("1c 00000000 00000000 00000000 00000000")) << "unknown kind";
}

TEST(World, ReadsTheNamesOfAResource) {
  // One resource, `r` at the root, which has a second name there, `s`.
  std::string text = "54574c44 02000000 01000000 02000000 00000000 01000000 72 00000000 01000000 73";
  text += "00000000";                                                     // types
  text += "00000000 00000000 00000000";                                   // interfaces, functions, types
  text += "02000000 01000000 72 01000000 01000000 73 01000000 00000000";  // resources, nothing unsupported
  for (int i = 0; i < 5; ++i) text += "00000000";
  const auto world = decode_world(from_hex(text));
  ASSERT_TRUE(world) << world.error().message();
  EXPECT_EQ(world->imports.resources, (std::vector<std::string>{"r", "s"}));
  ASSERT_EQ(world->imports.aliases.size(), 1U);
  EXPECT_EQ(world->imports.aliases[0].name, "s");
  EXPECT_EQ(world->imports.aliases[0].interface_name, "");
  EXPECT_EQ(world->imports.aliases[0].resource, "r");
}

TEST(World, RejectsInvalidResources) {
  const auto read = [](std::string_view identities, std::string_view types, std::string_view resources) {
    std::string text = "54574c44 02000000";
    text.append(identities).append(types).append("00000000 00000000 00000000").append(resources);
    for (int i = 0; i < 6; ++i) text += "00000000";
    return decode_world(from_hex(text)).has_value();
  };
  constexpr std::string_view kOne = "01000000 01000000 00000000 01000000 72";
  constexpr std::string_view kNone = "00000000";
  EXPECT_TRUE(read(kOne, "01000000 15 00000000 01000000 00000000 00000000", "01000000 01000000 72 01000000"));
  EXPECT_FALSE(read("01000000 00000000", kNone, kNone)) << "no names";
  EXPECT_FALSE(read(kOne, "01000000 15 00000000 02000000 00000000 00000000", kNone)) << "own of another";
  EXPECT_FALSE(read(kOne, "01000000 02 00000000 01000000 00000000 00000000", kNone)) << "u8 of a resource";
  EXPECT_FALSE(read(kOne, kNone, "01000000 01000000 72 02000000")) << "another's name";
  EXPECT_FALSE(read(kOne, kNone, "01000000 01000000 72 00000000")) << "a name of nothing";
}

TEST(World, RejectsTypesThatAreTooDeepToFree) {
  std::string types(kU8InBytes);
  constexpr unsigned kCount = 250;
  for (unsigned i = 1; i < kCount; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    types += "0d 00000000 00000000 00000000 01000000 00000000 ";
    types += {kDigits[i / 16], kDigits[i % 16]};
    types += "000000";
  }
  EXPECT_FALSE(decode_world(with_types("fa000000", types)));
}

}  // namespace
}  // namespace tairitsu::detail

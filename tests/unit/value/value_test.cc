// Dynamic values: building, reading and converting them.
#include "tairitsu/value.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "support.h"
#include "type_makers.h"
#include "types.h"
#include "value/value_node.h"

namespace tairitsu::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Type type_of_point() { return detail::Codec<Point>::type(); }

TEST(Value, IsEmptyByDefault) {
  const Value value{};
  EXPECT_TRUE(value.is_empty());
  EXPECT_EQ(value.kind(), TypeKind::tuple);
  EXPECT_EQ(value.size(), 0U);
  EXPECT_EQ(value, Value::tuple({}));
  EXPECT_FALSE(Value(0).is_empty());
}

TEST(Value, HasTheKindOfACppNumber) {
  EXPECT_EQ(Value(true).kind(), TypeKind::boolean);
  EXPECT_EQ(Value(std::int8_t{1}).kind(), TypeKind::s8);
  EXPECT_EQ(Value(std::uint16_t{1}).kind(), TypeKind::u16);
  EXPECT_EQ(Value(1).kind(), TypeKind::s32);
  EXPECT_EQ(Value(1U).kind(), TypeKind::u32);
  EXPECT_EQ(Value(1L).kind(), TypeKind::s64);
  EXPECT_EQ(Value(1ULL).kind(), TypeKind::u64);
  EXPECT_EQ(Value(1.0F).kind(), TypeKind::f32);
  EXPECT_EQ(Value(1.0).kind(), TypeKind::f64);
  EXPECT_EQ(Value(U'x').kind(), TypeKind::character);
  EXPECT_EQ(Value("text").kind(), TypeKind::string);
}

TEST(Value, ReturnsANumberOnlyAsItsOwnType) {
  const Value value(std::int8_t{-5});
  EXPECT_EQ(value.get<std::int8_t>(), -5);
  EXPECT_EQ(value.get<std::uint8_t>(), std::nullopt);
  EXPECT_EQ(value.get<int>(), std::nullopt);
  EXPECT_EQ(unwrap(value.as<int>()), -5);
  EXPECT_ERROR(value.as<unsigned>(), type_mismatch);
  EXPECT_ERROR(value.as<std::string>(), type_mismatch);
}

TEST(Value, HoldsTextOfAnyLength) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{15}, std::size_t{100000}}) {
    const std::string text(size, 'x');
    const Value value(text);
    EXPECT_EQ(value.text(), text);
    EXPECT_EQ(value, Value(text));
    EXPECT_EQ(unwrap(value.as<std::string>()), text);
  }
  EXPECT_EQ(Value(std::string_view("a\0b", 3)).text().size(), 3U);
}

TEST(Value, HoldsNumbersAsOneBuffer) {
  const std::vector<double> numbers = {1.5, -0.0, 3.0};
  const Value value = Value::list<double>(numbers);
  EXPECT_EQ(value.size(), 3U);
  EXPECT_EQ(value.type().to_string(), "list<f64>");
  EXPECT_THAT(value.numbers<double>(), ElementsAre(1.5, -0.0, 3.0));
  EXPECT_TRUE(value.numbers<float>().empty());
  EXPECT_EQ(value[1].get<double>(), 0.0);
  EXPECT_TRUE(value[3].is_empty());
  EXPECT_EQ(Value::list({1.5, -0.0, 3.0}), value);
  EXPECT_EQ(Value::list({1.5, -0.0, 3.0}).numbers<double>().size(), 3U);
}

TEST(Value, HoldsRecordsOfNumbersAsOneBuffer) {
  ListBuilder builder(list(type_of_point()));
  for (int i = 0; i < 1000; ++i) builder.add({1.0 * i, 2.0 * i, 3.0 * i});
  const Value points = unwrap(builder.build());
  ASSERT_EQ(points.size(), 1000U);
  EXPECT_EQ(points[999]["z"].get<double>(), 2997.0);
  EXPECT_EQ(points[999][1].get<double>(), 1998.0);
  EXPECT_TRUE(points[999]["w"].is_empty());
  EXPECT_TRUE(points[1000]["x"].is_empty());
  EXPECT_EQ(detail::ValueAccess::node(points)->tag, detail::ValueNode::Tag::bytes);
  const auto typed = unwrap(points.as<std::vector<Point>>());
  EXPECT_EQ(typed[2], (Point{2, 4, 6}));
  EXPECT_EQ(unwrap(Value::of(typed)), points);
}

TEST(Value, PartsOutliveTheWhole) {
  Value x;
  Value nested;
  {
    const Value mixed =
        unwrap(Value::of(Mixed{.a = 1, .b = 2, .c = true, .d = 3, .e = 4, .nested = {-5, 6, 7}}));
    nested = mixed["nested"];
    x = nested["x"];
  }
  EXPECT_EQ(x.get<std::int8_t>(), -5);
  EXPECT_EQ(nested["y"].get<std::int64_t>(), 6);
  EXPECT_EQ(nested.type().to_string(), "inner");
}

TEST(Value, CanBeBuiltInAnyShape) {
  const Value value = Value::record({{"name", "tea"},
                                     {"tags", Value::list({"hot", "green"})},
                                     {"price", Value::some(2.5)},
                                     {"state", Value::variant("sold", 3U)},
                                     {"colour", Value::enumeration("red")},
                                     {"marks", Value::flags({"b", "a", "b"})},
                                     {"last", Value::error("none left")},
                                     {"pair", Value::tuple({1, true})}});
  EXPECT_EQ(value["name"].text(), "tea");
  EXPECT_EQ(value["tags"][1].text(), "green");
  EXPECT_EQ(value["price"].case_name(), "some");
  EXPECT_EQ(value["price"].payload().get<double>(), 2.5);
  EXPECT_EQ(value["state"].case_name(), "sold");
  EXPECT_EQ(value["state"].payload().get<unsigned>(), 3U);
  EXPECT_EQ(value["colour"].case_name(), "red");
  EXPECT_THAT(value["marks"].labels(), ElementsAre("a", "b"));
  EXPECT_TRUE(value["marks"].has_label("a"));
  EXPECT_FALSE(value["marks"].has_label("c"));
  EXPECT_EQ(value["last"].case_name(), "error");
  EXPECT_EQ(value["pair"][1].get<bool>(), true);
  EXPECT_EQ(Value::none().case_name(), "none");
  EXPECT_TRUE(Value::none().payload().is_empty());
  EXPECT_EQ(Value::ok().size(), 0U);
}

TEST(Value, ConvertsToATypeThatItFits) {
  const Type mixed = detail::Codec<Mixed>::type();
  const Value by_hand = Value::record({{"nested", Value::record({{"z", 7.0}, {"x", -5}, {"y", 6}})},
                                       {"b", 2},
                                       {"a", 1},
                                       {"c", true},
                                       {"e", 4ULL},
                                       {"d", 3}});
  const Value value = unwrap(by_hand.to(mixed));
  EXPECT_EQ(value, unwrap(Value::of(Mixed{.a = 1, .b = 2, .c = true, .d = 3, .e = 4, .nested = {-5, 6, 7}})));
  EXPECT_TRUE(detail::is_exactly(value, mixed.node()));
  EXPECT_EQ(unwrap(by_hand.as<Mixed>()).nested.y, 6);
}

TEST(Value, ReportsWhereItDoesNotFit) {
  const Type mixed = detail::Codec<Mixed>::type();
  const auto with = [&](NamedValue nested) {
    return message_of(
        Value::record({{"a", 1}, {"b", 2}, {"c", true}, {"d", 3}, {"e", 4}, std::move(nested)}).to(mixed));
  };
  EXPECT_EQ(with({"nested", Value::record({{"x", 200}, {"y", 0}, {"z", 0}})}),
            "field 'nested': field 'x': 200 cannot be represented exactly as 's8'");
  EXPECT_EQ(with({"nested", Value::record({{"x", 1}, {"y", 0}})}), "field 'nested': missing field 'z'");
  EXPECT_EQ(with({"nested", 1}), "field 'nested': expected 'inner', found a value of type 's32'");
  EXPECT_THAT(with({"nestled", 1}), HasSubstr("missing field 'nested'"));
  EXPECT_EQ(message_of(Value::list({1, 2, 300}).to(list(kU8))),
            "element 2: 300 cannot be represented exactly as 'u8'");
  EXPECT_EQ(message_of(Value::enumeration("pink").to(detail::Codec<Colour>::type())),
            "'pink' is not a case of 'enum { red, green, blue }'");
  EXPECT_EQ(message_of(Value("pink").to(detail::Codec<Colour>::type())),
            "'pink' is not a case of 'enum { red, green, blue }'");
  EXPECT_EQ(message_of(Value::flags({"a", "d"}).to(detail::Codec<Flags3>::type())),
            "'d' is not a label of 'flags { a, b, c }'");
  EXPECT_EQ(message_of(Value::variant("small").to(detail::Codec<Choice>::type())),
            "case 'small' needs a payload of type 'u8'");
  EXPECT_EQ(message_of(Value::variant("none", 1).to(detail::Codec<Choice>::type())),
            "case 'none' has no payload");
  EXPECT_EQ(message_of(Value().to(Type::make(TypeKind::u8))), "expected 'u8', found no value");
  EXPECT_EQ(message_of(Value::record({{"x", 1}, {"y", 2}, {"z", 3}, {"w", 4}}).to(type_of_point())),
            "unknown field 'w' in 'point'");
  EXPECT_EQ(message_of(Value::record({{"x", 1}, {"x", 1}, {"y", 2}, {"z", 3}}).to(type_of_point())),
            "duplicate field");
  EXPECT_EQ(message_of(Value::tuple({1, 2}).to(detail::Codec<Tuple>::type())),
            "expected 3 values for 'tuple<u8, u64, string>', found 2");
  EXPECT_EQ(message_of(Value(1).to(list(kU8))), "expected 'list<u8>', found a value of type 's32'");
}

TEST(Value, ConvertsNumbersOnlyExactly) {
  const auto to = [](const Value& value, TypeKind kind) { return value.to(Type::make(kind)); };
  EXPECT_EQ(unwrap(to(255, TypeKind::u8)), Value(std::uint8_t{255}));
  EXPECT_ERROR(to(256, TypeKind::u8), type_mismatch);
  EXPECT_ERROR(to(-1, TypeKind::u64), type_mismatch);
  EXPECT_EQ(unwrap(to(std::numeric_limits<std::uint64_t>::max(), TypeKind::u64)).get<std::uint64_t>(),
            UINT64_MAX);
  EXPECT_ERROR(to(std::numeric_limits<std::uint64_t>::max(), TypeKind::s64), type_mismatch);
  EXPECT_EQ(unwrap(to(0.5, TypeKind::f32)), Value(0.5F));
  EXPECT_ERROR(to(0.1, TypeKind::f32), type_mismatch);
  EXPECT_EQ(unwrap(to(0.1F, TypeKind::f64)).get<double>(), double{0.1F});
  EXPECT_EQ(unwrap(to(1 << 24, TypeKind::f32)).get<float>(), 16777216.0F);
  EXPECT_ERROR(to((1 << 24) + 1, TypeKind::f32), type_mismatch);
  EXPECT_ERROR(to(1.0, TypeKind::u8), type_mismatch);
  EXPECT_ERROR(to(std::numeric_limits<double>::max(), TypeKind::f32), type_mismatch);
  EXPECT_TRUE(std::isnan(*unwrap(to(std::nan(""), TypeKind::f32)).get<float>()));
  EXPECT_EQ(unwrap(to(std::numeric_limits<double>::infinity(), TypeKind::f32)).get<float>(),
            std::numeric_limits<float>::infinity());
}

TEST(Value, MayOmitFieldsThatAreOptions) {
  const Type type =
      Type::make(TypeKind::record, "order",
                 {{"id", Type::make(TypeKind::u32)},
                  {"note", Type::make(TypeKind::option, {}, {{{}, Type::make(TypeKind::string)}})}});
  const Value value = unwrap(Value::record({{"id", 7}}).to(type));
  EXPECT_EQ(value["note"].case_name(), "none");
  EXPECT_EQ(unwrap(Value::record({{"id", 7}, {"note", Value::some("x")}}).to(type))["note"].payload().text(),
            "x");
  EXPECT_EQ(unwrap(Value::record({{"id", 7}, {"note", Value::none()}}).to(type)), value);
}

TEST(Value, RejectsTooManyFlags) {
  std::vector<TypeField> fields;
  std::vector<std::string> labels;
  for (int label = 0; label < 100; ++label) {
    fields.push_back({"l" + std::to_string(label), std::nullopt});
    labels.push_back("l" + std::to_string(label));
  }
  const Type type = Type::make(TypeKind::flags, {}, std::move(fields));
  EXPECT_ERROR(Value::flags({"l98"}).to(type), type_mismatch);
  EXPECT_ERROR(Value::flags(labels).to(detail::Codec<Flags3>::type()), type_mismatch);
}

TEST(Value, ComparesByShapeAndContent) {
  EXPECT_EQ(Value(std::nan("")), Value(std::nan("")));
  EXPECT_EQ(Value(0.0), Value(-0.0));
  EXPECT_NE(Value(1), Value(1U));
  EXPECT_NE(Value::some(1), Value::none());
  EXPECT_NE(Value::ok(1), Value::error(1));
  EXPECT_NE(Value::variant("a"), Value::variant("b"));
  EXPECT_NE(Value::record({{"a", 1}}), Value::record({{"b", 1}}));
  EXPECT_NE(Value::list({1, 2}), Value::list({1, 2, 3}));
  EXPECT_EQ(Value::list({Value::some(1), Value::none()}), Value::list({Value::some(1), Value::none()}));
  EXPECT_NE(Value::flags({"a"}), Value::flags({"b"}));
  const std::vector<double> nans = {std::nan("")};
  const std::vector<double> others = {-std::nan("1")};
  EXPECT_EQ(Value::list<double>(nans), Value::list<double>(others));
}

TEST(Value, PadsRecordsWithZeros) {
  // s8, then seven bytes of padding, then s64 …
  Inner typed{.x = -1, .y = -1, .z = -1};
  const Value value = unwrap(Value::of(typed));
  const auto& node = detail::ValueAccess::node_as<detail::BytesNode>(value);
  for (std::size_t at = 1; at < 8; ++at) EXPECT_EQ(node.data()[at], std::byte{0});
  for (std::size_t at = 20; at < 24; ++at) EXPECT_EQ(node.data()[at], std::byte{0});
}

TEST(Value, RejectsTextAndCharsThatCppTypesCannotHold) {
  EXPECT_ERROR(Value::of(std::string("\xFF")), invalid_argument);
  EXPECT_ERROR(Value("\xFF").as<std::vector<std::string>>(), type_mismatch);
  EXPECT_ERROR(Value::list({"\xFF"}).as<std::vector<std::string>>(), invalid_argument);
  EXPECT_ERROR(Value::list({Value(char32_t{0xD800})}).as<std::vector<char32_t>>(), invalid_argument);
}

TEST(ThreadsAndValues, ReadOneValueTogether) {
  const Value value = Value::list({Value::some("a"), Value::none(), Value::some("b")});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([value] {
      for (int i = 0; i < 1000; ++i) {
        const Value copy = value;
        ASSERT_EQ(copy[2].payload().text(), "b");
        ASSERT_TRUE(copy == value);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ListBuilder, ReportsTheFirstElementThatDoesNotFit) {
  ListBuilder builder(list(kU8));
  builder.add(1).add(2).add(999).add("x");
  EXPECT_EQ(message_of(builder.build()), "element 2: 999 cannot be represented exactly as 'u8'");
  EXPECT_EQ(unwrap(builder.add(7).build()).size(), 1U);
}

TEST(ListBuilder, ConvertsFieldsOfOtherTypes) {
  ListBuilder builder(list(type_of_point()));
  builder.reserve(2);
  builder.add({1, 2, 3}).add(Value::record({{"z", 1}, {"y", 2}, {"x", 3}}));
  const Value points = unwrap(builder.build());
  EXPECT_EQ(points[0]["z"].get<double>(), 3.0);
  EXPECT_EQ(points[1]["z"].get<double>(), 1.0);
  builder.add({1, 2});
  EXPECT_EQ(message_of(builder.build()), "element 0: expected 3 values for 'point', found 2");
}

TEST(ListBuilder, BuildsListsOfAnyType) {
  ListBuilder texts(list(kString));
  texts.add("a").add("b");
  EXPECT_EQ(unwrap(texts.build()), Value::list({"a", "b"}));
  EXPECT_EQ(unwrap(texts.build()).size(), 0U);
  EXPECT_ERROR(ListBuilder(Type::make(TypeKind::u8)).build(), type_mismatch);
}

TEST(HostObject, HasOneClass) {
  const HostObject object(std::make_unique<std::string>("x"));
  EXPECT_EQ(*object.get<std::string>(), "x");
  EXPECT_EQ(object.get<int>(), nullptr);
  EXPECT_FALSE(HostObject());
  EXPECT_EQ(HostObject().get<int>(), nullptr);
  EXPECT_EQ(Value::resource(object).host_object(), object);
  EXPECT_FALSE(Value(1).host_object());
}

TEST(Type, HasASizeAndAnAlignment) {
  const auto expect = [](const Type& type, std::uint32_t size, std::uint32_t align) {
    EXPECT_EQ(type.size(), size) << type.to_string();
    EXPECT_EQ(type.alignment(), align) << type.to_string();
  };
  expect(Type::make(TypeKind::boolean), 1, 1);
  expect(Type::make(TypeKind::character), 4, 4);
  expect(Type::make(TypeKind::string), 8, 4);
  expect(detail::Codec<Mixed>::type(), detail::Codec<Mixed>::size, detail::Codec<Mixed>::align);
  expect(detail::Codec<Choice>::type(), detail::Codec<Choice>::size, detail::Codec<Choice>::align);
  expect(detail::Codec<Flags9>::type(), 2, 2);
  expect(detail::Codec<Flags32>::type(), 4, 4);
  expect(detail::Codec<ResultNoneNone>::type(), 1, 1);
  expect(Type::make(TypeKind::own, "r"), 4, 4);
  // 2^40 bytes are larger than any memory.
  Type wide = Type::make(TypeKind::u64);
  for (int depth = 0; depth < 37; ++depth) wide = Type::make(TypeKind::tuple, {}, {{{}, wide}, {{}, wide}});
  expect(wide, UINT32_MAX, 8);
}

}  // namespace
}  // namespace tairitsu::test

#include "tairitsu/type.h"

#include <gtest/gtest.h>

#include "type_makers.h"

namespace tairitsu {
namespace {

using test::kLevel;
using test::kString;
using test::kU8;
using test::make;

const Type kPricedItem = Type::make(
    TypeKind::record, "item", {{"id", Type::make(TypeKind::u32)}, {"price", Type::make(TypeKind::f64)}});

TEST(Type, PrintsPrimitivesAsWit) {
  EXPECT_EQ(Type::make(TypeKind::boolean).to_string(), "bool");
  EXPECT_EQ(Type::make(TypeKind::s8).to_string(), "s8");
  EXPECT_EQ(Type::make(TypeKind::u64).to_string(), "u64");
  EXPECT_EQ(Type::make(TypeKind::f32).to_string(), "f32");
  EXPECT_EQ(Type::make(TypeKind::character).to_string(), "char");
  EXPECT_EQ(kString.to_string(), "string");
  EXPECT_EQ(Type::make(TypeKind::error_context).to_string(), "error-context");
}

TEST(Type, PrintsTypesWithArgumentsAsWit) {
  EXPECT_EQ(make(TypeKind::list, {{"", kU8}}).to_string(), "list<u8>");
  EXPECT_EQ(make(TypeKind::option, {{"", kPricedItem}}).to_string(), "option<item>");
  EXPECT_EQ(make(TypeKind::tuple, {{"", kU8}, {"", kString}}).to_string(), "tuple<u8, string>");
  EXPECT_EQ(make(TypeKind::map, {{"", kString}, {"", kU8}}).to_string(), "map<string, u8>");
  EXPECT_EQ(Type::make(TypeKind::fixed_length_list, {}, {{"", kU8}}, {}, 4).to_string(), "list<u8, 4>");
  EXPECT_EQ(make(TypeKind::stream, {{"", kU8}}).to_string(), "stream<u8>");
  EXPECT_EQ(make(TypeKind::future, {{"", {}}}).to_string(), "future");
}

TEST(Type, PrintsEachFormOfResult) {
  EXPECT_EQ(make(TypeKind::result, {}).to_string(), "result");
  EXPECT_EQ(make(TypeKind::result, {{"", kU8}, {"", {}}}).to_string(), "result<u8>");
  EXPECT_EQ(make(TypeKind::result, {{"", {}}, {"", kString}}).to_string(), "result<_, string>");
  EXPECT_EQ(make(TypeKind::result, {{"", kU8}, {"", kString}}).to_string(), "result<u8, string>");
}

TEST(Type, PrintsHandlesByTheirResource) {
  EXPECT_EQ(Type::make(TypeKind::own, "basket", {}, "example:shop/till").to_string(), "basket");
  EXPECT_EQ(Type::make(TypeKind::borrow, "basket").to_string(), "borrow<basket>");
  EXPECT_EQ(Type::make(TypeKind::own).to_string(), "own<_>");
}

TEST(Type, PrintsItsNameOrItsDefinition) {
  EXPECT_EQ(kPricedItem.to_string(), "item");
  EXPECT_EQ(kPricedItem.definition(), "record { id: u32, price: f64 }");
  EXPECT_EQ(kLevel.definition(), "enum { info, warning }");
  const Type filter =
      Type::make(TypeKind::variant, "filter",
                 {{"all", {}}, {"cheaper-than", Type::make(TypeKind::f64)}, {"is", kPricedItem}});
  EXPECT_EQ(filter.definition(), "variant { all, cheaper-than(f64), is(item) }");
  EXPECT_EQ(make(TypeKind::flags, {{"read", {}}}).to_string(), "flags { read }");
  EXPECT_EQ(make(TypeKind::list, {{"", kPricedItem}}).definition(), "list<item>");
}

TEST(FunctionType, PrintsItsSignature) {
  const FunctionType log{{{"level", kLevel}, {"message", kString}}, Type::make(TypeKind::u32)};
  EXPECT_EQ(log.to_string(), "func(level: level, message: string) -> u32");
  EXPECT_EQ(log.definition(), "func(level: enum { info, warning }, message: string) -> u32");
  EXPECT_EQ(FunctionType{}.to_string(), "func()");
  EXPECT_EQ((FunctionType{.parameters = {{"", kString}}, .result = {}, .async = true}.to_string()),
            "async func(string)");
}

TEST(FunctionType, DefinitionExpandsNamedTypesAtEveryDepth) {
  const Type order =
      Type::make(TypeKind::record, "order", {{"items", make(TypeKind::list, {{"", kPricedItem}})}});
  const FunctionType buy{{{"order", order}}, {}};
  EXPECT_EQ(buy.to_string(), "func(order: order)");
  EXPECT_EQ(buy.definition(), "func(order: record { items: list<record { id: u32, price: f64 }> })");
}

TEST(Type, ComparesByStructure) {
  const Type other_name = Type::make(TypeKind::record, "thing", kPricedItem.fields());
  EXPECT_EQ(kPricedItem, other_name);
  EXPECT_EQ(make(TypeKind::list, {{"", kPricedItem}}), make(TypeKind::list, {{"", other_name}}));
  EXPECT_NE(kPricedItem, make(TypeKind::record, {{"id", Type::make(TypeKind::u32)}}));
  EXPECT_NE(kPricedItem,
            make(TypeKind::record, {{"id", Type::make(TypeKind::u32)}, {"cost", Type::make(TypeKind::f64)}}));
  EXPECT_NE(kU8, Type::make(TypeKind::s8));
  EXPECT_NE(make(TypeKind::result, {{"", kU8}, {}}), make(TypeKind::result, {{}, {"", kU8}}));
  EXPECT_NE(Type::make(TypeKind::fixed_length_list, {}, {{"", kU8}}, {}, 3),
            Type::make(TypeKind::fixed_length_list, {}, {{"", kU8}}, {}, 4));
}

TEST(Type, ComparesHandlesByTheirResource) {
  const Type basket = Type::make(TypeKind::own, "basket", {}, "a:b/c");
  EXPECT_EQ(basket, Type::make(TypeKind::own, "basket", {}, "a:b/c"));
  EXPECT_NE(basket, Type::make(TypeKind::own, "cart", {}, "a:b/c"));
  EXPECT_NE(basket, Type::make(TypeKind::own, "basket", {}, "a:b/d"));
  EXPECT_NE(basket, Type::make(TypeKind::borrow, "basket", {}, "a:b/c"));
}

TEST(Type, NormalizesTheFieldsOfUnnamedKinds) {
  const Type result = make(TypeKind::result, {{"value", kU8}});
  ASSERT_EQ(result.fields().size(), 2U);
  EXPECT_EQ(result.fields()[0].name, "ok");
  EXPECT_EQ(result.fields()[1].name, "error");
  EXPECT_FALSE(result.fields()[1].type);
  EXPECT_EQ(make(TypeKind::list, {{"anything", kU8}}), make(TypeKind::list, {{"", kU8}}));
}

TEST(Type, TruncatesTextThatWouldFillMemory) {
  Type doubled = make(TypeKind::tuple, {{"", kU8}, {"", kU8}});
  for (int i = 0; i < 60; ++i) doubled = make(TypeKind::tuple, {{"", doubled}, {"", doubled}});
  const std::string text = doubled.to_string();
  EXPECT_TRUE(text.starts_with("tuple<tuple<"));
  EXPECT_TRUE(text.ends_with("…"));
  EXPECT_LT(text.size(), 70'000U);
  EXPECT_EQ(doubled, Type(doubled));
}

}  // namespace
}  // namespace tairitsu

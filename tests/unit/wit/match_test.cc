#include "wit/match.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "type_makers.h"
#include "wit/type_node.h"

namespace tairitsu::detail {
namespace {

using test::function;
using test::kF32;
using test::kF64;
using test::kString;
using test::kU32;
using test::kU8;
using test::list;
using test::make;

/// Returns the message's first line, or "fits".
std::string mismatch(const FunctionType& wanted, const FunctionType& actual) {
  const auto text = find_mismatch(wanted, actual);
  return text ? text->substr(0, text->find('\n')) : "fits";
}

std::string mismatch(const Type& wanted, const Type& actual) {
  return mismatch(function({}, wanted), function({}, actual));
}

TEST(SignatureMatch, IgnoresNamesOfParametersAndTypes) {
  const Type unnamed = make(TypeKind::record, {{"id", kU32}});
  const Type named = Type::make(TypeKind::record, "item", {{"id", kU32}});
  const Type other = Type::make(TypeKind::record, "thing", {{"id", kU32}});
  EXPECT_EQ(mismatch(function({{"", unnamed}}, list(unnamed)), function({{"item", named}}, list(named))),
            "fits");
  EXPECT_EQ(mismatch(other, named), "fits");
}

TEST(SignatureMatch, ReportsThePositionFromTheOutsideIn) {
  const FunctionType wanted =
      function({{"", kString}, {"", list(make(TypeKind::record, {{"name", kString}, {"price", kF32}}))}});
  const FunctionType actual =
      function({{"key", kString},
                {"items", list(Type::make(TypeKind::record, "item", {{"name", kString}, {"price", kF64}}))}},
               kU32);
  EXPECT_EQ(find_mismatch(wanted, actual),
            "parameter 2 ('items'), element, field 'price': C++ has f32, the component has f64\n"
            "  C++:       func(string, list<record { name: string, price: f32 }>)\n"
            "  component: func(key: string, items: list<record { name: string, price: f64 }>) -> u32");
}

TEST(SignatureMatch, ReportsEachKindOfPosition) {
  EXPECT_EQ(mismatch(make(TypeKind::option, {{"", kU8}}), make(TypeKind::option, {{"", kU32}})),
            "result, value: C++ has u8, the component has u32");
  EXPECT_EQ(
      mismatch(make(TypeKind::tuple, {{"", kU8}, {"", kU8}}), make(TypeKind::tuple, {{"", kU8}, {"", kU32}})),
      "result, element 2: C++ has u8, the component has u32");
  EXPECT_EQ(mismatch(make(TypeKind::result, {{"", kU8}}), make(TypeKind::result, {{"", kU8}, {"", kString}})),
            "result, case 'error': C++ has no value, the component has string");
  EXPECT_EQ(mismatch(make(TypeKind::variant, {{"all", kU8}}), make(TypeKind::variant, {{"all", {}}})),
            "result, case 'all': C++ has u8, the component has no value");
  EXPECT_EQ(mismatch(make(TypeKind::map, {{"", kString}, {"", kU8}}),
                     make(TypeKind::map, {{"", kString}, {"", kU32}})),
            "result, value: C++ has u8, the component has u32");
}

TEST(SignatureMatch, ComparesNamesAndNumbersOfFieldsCasesAndLabels) {
  EXPECT_EQ(mismatch(make(TypeKind::record, {{"cost", kU8}}), make(TypeKind::record, {{"price", kU8}})),
            "result, field 1: C++ has 'cost', the component has 'price'");
  EXPECT_EQ(
      mismatch(make(TypeKind::enumeration, {{"a", {}}}), make(TypeKind::enumeration, {{"a", {}}, {"b", {}}})),
      "result: C++ has 1 case, the component has 2 cases");
  EXPECT_EQ(
      mismatch(make(TypeKind::flags, {{"a", {}}, {"b", {}}}), make(TypeKind::flags, {{"a", {}}, {"c", {}}})),
      "result, label 2: C++ has 'b', the component has 'c'");
  EXPECT_EQ(mismatch(make(TypeKind::tuple, {{"", kU8}}), make(TypeKind::tuple, {{"", kU8}, {"", kU8}})),
            "result: C++ has 1 element, the component has 2 elements");
}

TEST(SignatureMatch, ComparesParametersAndResult) {
  EXPECT_EQ(mismatch(function({}), function({{"a", kU8}})), "C++ has 0 parameters, the component has 1");
  EXPECT_EQ(mismatch(function({}, kU8), function({})), "result: C++ has u8, the component has no value");
  EXPECT_EQ(mismatch(function({{"", kU8}}), function({{"a", list(kU8)}})),
            "parameter 1 ('a'): C++ has u8, the component has list<u8>");
}

TEST(SignatureMatch, ShowsDefinitionsIfTheNamesAreEqual) {
  EXPECT_EQ(mismatch(Type::make(TypeKind::enumeration, "level", {{"a", {}}}),
                     Type::make(TypeKind::flags, "level", {{"a", {}}})),
            "result: C++ has enum { a }, the component has flags { a }");
}

TEST(SignatureMatch, ComparesOnlyTheNamesThatAreGiven) {
  const Type basket = Type::make(TypeKind::own, "basket", {}, "a:b/c@1.2.3");
  EXPECT_EQ(mismatch(make(TypeKind::own), basket), "fits");
  EXPECT_EQ(mismatch(Type::make(TypeKind::own, "basket"), basket), "fits");
  EXPECT_EQ(mismatch(Type::make(TypeKind::own, "basket", {}, "a:b/c@1.0.0"), basket), "fits");
  EXPECT_EQ(mismatch(Type::make(TypeKind::own, "cart"), basket),
            "result: C++ has cart, the component has basket");
  EXPECT_EQ(mismatch(Type::make(TypeKind::own, "basket", {}, "a:b/d"), basket),
            "result: C++ has basket of a:b/d, the component has basket of a:b/c@1.2.3");
  EXPECT_EQ(mismatch(make(TypeKind::borrow), basket), "result: C++ has borrow<_>, the component has basket");
}

TEST(SignatureMatch, MatchesAResourceByAnyOfItsNames) {
  const auto names = std::make_shared<const std::vector<ResourceName>>(
      std::vector<ResourceName>{{"a:b/c@1.2.3", "basket"}, {"a:b/c@1.2.3", "bag"}, {"a:b/user", "sack"}});
  const Type basket = make_handle(TypeKind::own, names);
  EXPECT_EQ(mismatch(Type::make(TypeKind::own, "bag", {}, "a:b/c@1.0.0"), basket), "fits");
  EXPECT_EQ(mismatch(Type::make(TypeKind::own, "sack", {}, "a:b/user"), basket), "fits");
  EXPECT_EQ(mismatch(Type::make(TypeKind::own, "sack"), basket), "fits");
  EXPECT_EQ(mismatch(Type::make(TypeKind::own, "sack", {}, "a:b/c@1.0.0"), basket),
            "result: C++ has sack, the component has basket");
  EXPECT_EQ(mismatch(Type::make(TypeKind::borrow, "sack"), basket),
            "result: C++ has borrow<sack>, the component has basket");
}

TEST(UnsupportedType, IsReportedWithItsPosition) {
  const Type stream = make(TypeKind::stream, {{"", kU8}});
  EXPECT_EQ(find_unsupported(function({{"a", kU8}, {"body", stream}})), "parameter 'body' uses stream<u8>");
  EXPECT_EQ(find_unsupported(function({{"body", list(make(TypeKind::record, {{"s", stream}}))}})),
            "parameter 'body' uses stream<u8>");
  EXPECT_EQ(find_unsupported(function({}, make(TypeKind::result, {{"", make(TypeKind::error_context)}}))),
            "its result uses error-context");
  EXPECT_EQ(find_unsupported(function({{"a", make(TypeKind::map, {{"", kString}, {"", kU8}})}})),
            "parameter 'a' uses map<string, u8>");
  EXPECT_EQ(
      find_unsupported(function({{"a", Type::make(TypeKind::fixed_length_list, {}, {{"", kU8}}, {}, 4)}})),
      "parameter 'a' uses list<u8, 4>");
  EXPECT_EQ(find_unsupported(function({{"a", make(TypeKind::future, {})}})), "parameter 'a' uses future");
  FunctionType async = function({{"body", stream}});
  async.async = true;
  EXPECT_EQ(find_unsupported(async), "it is an `async func`");
  EXPECT_EQ(find_unsupported(function({{"a", kString}}, list(kU8))), std::nullopt);
}

TEST(UnsupportedType, IncludesFlagsWithMoreThan32Labels) {
  std::vector<TypeField> labels;
  for (int i = 0; i < 32; ++i) labels.push_back({"l" + std::to_string(i), {}});
  EXPECT_EQ(find_unsupported(make(TypeKind::flags, labels)), std::nullopt);
  labels.push_back({"more", {}});
  EXPECT_EQ(find_unsupported(function({{"f", Type::make(TypeKind::flags, "rights", labels)}})),
            "parameter 'f' uses flags 'rights' with 33 labels (the limit is 32)");
}

TEST(FlatCount, FollowsTheCanonicalAbi) {
  EXPECT_EQ(flat_count(kU8), 1U);
  EXPECT_EQ(flat_count(kString), 2U);
  EXPECT_EQ(flat_count(list(kString)), 2U);
  EXPECT_EQ(flat_count(make(TypeKind::record, {{"a", kString}, {"b", kU8}})), 3U);
  EXPECT_EQ(flat_count(make(TypeKind::tuple, {})), 0U);
  EXPECT_EQ(flat_count(make(TypeKind::option, {{"", kString}})), 3U);
  EXPECT_EQ(flat_count(make(TypeKind::result, {})), 1U);
  EXPECT_EQ(flat_count(make(TypeKind::result, {{"", kU8}, {"", kString}})), 3U);
  EXPECT_EQ(
      flat_count(make(TypeKind::variant,
                      {{"a", kU8}, {"b", {}}, {"c", make(TypeKind::tuple, {{"", kString}, {"", kU8}})}})),
      4U);
  EXPECT_EQ(flat_count(make(TypeKind::enumeration, {{"a", {}}})), 1U);
  EXPECT_EQ(flat_count(make(TypeKind::flags, {{"a", {}}})), 1U);
  EXPECT_EQ(flat_count(make(TypeKind::own)), 1U);
  EXPECT_EQ(flat_count(Type::make(TypeKind::fixed_length_list, {}, {{"", kString}}, {}, 4)), 8U);
  EXPECT_EQ(flat_count(Type::make(TypeKind::fixed_length_list, {}, {{"", kString}}, {}, 1'000'000'000)), 17U);
}

TEST(FlatCount, DetectsParametersInMemory) {
  EXPECT_EQ(flat_parameter_count(function({})), 0U);
  EXPECT_EQ(flat_parameter_count(function(std::vector<TypeField>(16, {"p", kU8}))), 16U);
  EXPECT_EQ(flat_parameter_count(function(std::vector<TypeField>(17, {"p", kU8}))), std::nullopt);
  EXPECT_EQ(flat_parameter_count(function(std::vector<TypeField>(9, {"p", kString}))), std::nullopt);
  EXPECT_EQ(flat_parameter_count(function(std::vector<TypeField>(8, {"p", kString}))), 16U);
}

TEST(FlatCount, DetectsAResultInMemory) {
  EXPECT_EQ(flat_result_count(function({})), 0U);
  EXPECT_EQ(flat_result_count(function({}, kF64)), 1U);
  EXPECT_EQ(flat_result_count(function({}, make(TypeKind::tuple, {{"", kU8}}))), 1U);
  EXPECT_EQ(flat_result_count(function({}, kString)), std::nullopt);
  EXPECT_EQ(flat_result_count(function({}, make(TypeKind::option, {{"", kU8}}))), std::nullopt);
}

TEST(FlatCount, StopsCountingEarly) {
  Type doubled = make(TypeKind::tuple, {{"", kU8}, {"", kU8}});
  for (int i = 0; i < 60; ++i) doubled = make(TypeKind::tuple, {{"", doubled}, {"", doubled}});
  EXPECT_EQ(flat_count(doubled), 17U);
}

TEST(Type, KnowsWhetherItHoldsHandlesOrPointers) {
  const Type own = make(TypeKind::own);
  EXPECT_TRUE(has_handles(list(make(TypeKind::option, {{"", own}}))));
  EXPECT_TRUE(has_handles(make(TypeKind::borrow)));
  EXPECT_FALSE(has_handles(list(kString)));
  EXPECT_TRUE(has_pointers(make(TypeKind::record, {{"a", kU8}, {"b", kString}})));
  EXPECT_FALSE(has_pointers(make(TypeKind::record, {{"a", kU8}, {"b", own}})));
}

}  // namespace
}  // namespace tairitsu::detail

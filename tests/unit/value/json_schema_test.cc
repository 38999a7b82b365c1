#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tairitsu/json.h"
#include "type_makers.h"

namespace tairitsu {
namespace {

using Json = nlohmann::ordered_json;
using test::kLevel;
using test::kString;
using test::kU8;
using test::list;
using test::make;
using test::option;
using test::tuple;

const Type kNotedItem =
    make(TypeKind::record, {{"id", kU8}, {"level", kLevel}, {"note", option(kString)}}, "item");

/// Returns the schema without `$schema`, after checking that.
Json schema(const Type& type, const JsonOptions& options = {}) {
  Json json = Json::parse(json_schema(type, options));
  EXPECT_EQ(json.at("$schema"), "https://json-schema.org/draft/2020-12/schema");
  json.erase("$schema");
  return json;
}

void expect_schema(const Type& type, const char* expected, const JsonOptions& options = {}) {
  EXPECT_EQ(schema(type, options).dump(2), Json::parse(expected).dump(2));
}

TEST(JsonSchema, Scalars) {
  expect_schema(make(TypeKind::boolean), R"({"type": "boolean"})");
  expect_schema(make(TypeKind::f32), R"({"anyOf": [{"type": "number"}, {"enum": ["nan", "inf", "-inf"]}]})");
  expect_schema(make(TypeKind::f64), R"({"anyOf": [{"type": "number"}, {"enum": ["nan", "inf", "-inf"]}]})");
  expect_schema(make(TypeKind::character), R"({"type": "string", "minLength": 1, "maxLength": 1})");
  expect_schema(kString, R"({"type": "string"})");
}

TEST(JsonSchema, IntegersHaveTheirExactRange) {
  expect_schema(make(TypeKind::s8), R"({"type": "integer", "minimum": -128, "maximum": 127})");
  expect_schema(kU8, R"({"type": "integer", "minimum": 0, "maximum": 255})");
  expect_schema(make(TypeKind::s16), R"({"type": "integer", "minimum": -32768, "maximum": 32767})");
  expect_schema(make(TypeKind::u16), R"({"type": "integer", "minimum": 0, "maximum": 65535})");
  expect_schema(make(TypeKind::s32), R"({"type": "integer", "minimum": -2147483648, "maximum": 2147483647})");
  expect_schema(make(TypeKind::u32), R"({"type": "integer", "minimum": 0, "maximum": 4294967295})");
  expect_schema(make(TypeKind::s64),
                R"({"type": "integer", "minimum": -9223372036854775808, "maximum": 9223372036854775807})");
  expect_schema(make(TypeKind::u64), R"({"type": "integer", "minimum": 0, "maximum": 18446744073709551615})");
}

TEST(JsonSchema, Lists) {
  expect_schema(list(kString), R"({"type": "array", "items": {"type": "string"}})");
  expect_schema(list(kU8),
                R"({"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 255}})");
  expect_schema(list(list(kU8)),
                R"({"type": "array", "items": {"type": "string", "contentEncoding": "base64"}})",
                {.bytes_as_base64 = true});
  expect_schema(list(make(TypeKind::s8)),
                R"({"type": "array", "items": {"type": "integer", "minimum": -128, "maximum": 127}})",
                {.bytes_as_base64 = true});
}

TEST(JsonSchema, Tuples) {
  expect_schema(tuple({kString, make(TypeKind::boolean)}), R"({
    "type": "array", "prefixItems": [{"type": "string"}, {"type": "boolean"}],
    "items": false, "minItems": 2})");
}

TEST(JsonSchema, RecordsRequireAllFieldsExceptOptions) {
  expect_schema(make(TypeKind::record, {{"a", kString}, {"b", option(kString)}}), R"({
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
    "required": ["a"],
    "additionalProperties": false})");
}

TEST(JsonSchema, Options) {
  expect_schema(option(kString), R"({"anyOf": [{"type": "string"}, {"type": "null"}]})");
  expect_schema(option(option(kString)), R"({"anyOf": [
    {"type": "object", "properties": {"some": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
     "required": ["some"], "additionalProperties": false},
    {"type": "null"}]})");
}

TEST(JsonSchema, VariantsAndResultsAreOneOfTheirCases) {
  expect_schema(make(TypeKind::variant, {{"all", {}}, {"is", kString}}), R"({"oneOf": [
    {"type": "object", "properties": {"all": {"type": "null"}}, "required": ["all"],
     "additionalProperties": false},
    {"type": "object", "properties": {"is": {"type": "string"}}, "required": ["is"],
     "additionalProperties": false}]})");
  expect_schema(make(TypeKind::result, {{"", kString}, {"", {}}}), R"({"oneOf": [
    {"type": "object", "properties": {"ok": {"type": "string"}}, "required": ["ok"],
     "additionalProperties": false},
    {"type": "object", "properties": {"error": {"type": "null"}}, "required": ["error"],
     "additionalProperties": false}]})");
}

TEST(JsonSchema, EnumsAndFlags) {
  expect_schema(make(TypeKind::enumeration, {{"red", {}}, {"green", {}}}),
                R"({"type": "string", "enum": ["red", "green"]})");
  expect_schema(make(TypeKind::flags, {{"read", {}}, {"write", {}}}),
                R"({"type": "array", "items": {"enum": ["read", "write"]}, "uniqueItems": true})");
}

TEST(JsonSchema, HandlesAndUnsupportedTypes) {
  expect_schema(Type::make(TypeKind::own, "basket", {}, "example:shop/till"), R"({
    "type": "object", "description": "A resource handle, which can be written but not read: basket",
    "required": ["resource"]})");
  expect_schema(make(TypeKind::stream, {{"", kU8}}),
                R"({"description": "Values of this type are not supported: stream<u8>", "not": {}})");
}

TEST(JsonSchema, NamedTypesAreDefinedOnce) {
  expect_schema(tuple({kNotedItem, list(kNotedItem)}), R"({
    "type": "array",
    "prefixItems": [{"$ref": "#/$defs/item"}, {"type": "array", "items": {"$ref": "#/$defs/item"}}],
    "items": false, "minItems": 2,
    "$defs": {
      "level": {"type": "string", "enum": ["info", "warning"]},
      "item": {
        "type": "object",
        "properties": {
          "id": {"type": "integer", "minimum": 0, "maximum": 255},
          "level": {"$ref": "#/$defs/level"},
          "note": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "required": ["id", "level"],
        "additionalProperties": false}}})");
}

TEST(JsonSchema, TheTypeItselfIsNotBehindAReference) {
  const Json json = schema(kNotedItem);
  EXPECT_EQ(json.at("title"), "item");
  EXPECT_EQ(json.at("type"), "object");
  EXPECT_EQ(json.at("$defs").size(), 1U);
}

TEST(JsonSchema, DifferentTypesOfOneNameAreDistinguished) {
  const Type other = make(TypeKind::flags, {{"high", {}}}, "level");
  const Type same = make(TypeKind::enumeration, {{"info", {}}, {"warning", {}}}, "level");
  const Json json = schema(make(TypeKind::tuple, {{"", kLevel}, {"", other}, {"", same}}));
  EXPECT_EQ(json.at("prefixItems").dump(),
            R"([{"$ref":"#/$defs/level"},{"$ref":"#/$defs/level-2"},{"$ref":"#/$defs/level"}])");
  EXPECT_EQ(json.at("$defs").size(), 2U);
  EXPECT_EQ(json.at("$defs").at("level-2").at("type"), "array");
}

TEST(JsonSchema, TypesThatNestManyTimesStaySmall) {
  // 2^100 leaves.
  Type type = kU8;
  for (int i = 0; i < 100; ++i) type = tuple({type, type});
  const std::string text = json_schema(type);
  EXPECT_LT(text.size(), 100'000U);
  const Json json = Json::parse(text);
  EXPECT_GT(json.at("$defs").size(), 10U);
}

TEST(JsonSchema, OfAFunctionIsAnObjectOfItsParameters) {
  FunctionType function;
  function.parameters = {{"item", kNotedItem}, {"count", option(kU8)}};
  function.result = kString;
  Json json = Json::parse(json_schema(function, {.indent = 2}));
  EXPECT_EQ(json.at("type"), "object");
  EXPECT_EQ(json.at("properties").at("item").dump(), R"({"$ref":"#/$defs/item"})");
  EXPECT_EQ(json.at("required").dump(), R"(["item"])");
  EXPECT_EQ(json.at("additionalProperties"), false);
  EXPECT_FALSE(json.contains("title"));

  json = Json::parse(json_schema(FunctionType()));
  EXPECT_EQ(json.at("properties").dump(), "{}");
  EXPECT_EQ(json.at("required").dump(), "[]");
}

TEST(JsonSchema, CanBeIndented) {
  EXPECT_EQ(json_schema(kString, {.indent = 2}),
            "{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n  \"type\": \"string\"\n}");
}

}  // namespace
}  // namespace tairitsu

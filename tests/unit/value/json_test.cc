#include "tairitsu/json.h"

#include <clocale>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../fuzz/random_value.h"
#include "support.h"
#include "type_makers.h"
#include "value/value_node.h"

namespace tairitsu {
namespace {

using test::function;
using test::is_error;
using test::is_ok;
using test::kBool;
using test::kChar;
using test::kF32;
using test::kF64;
using test::kLevel;
using test::kS64;
using test::kString;
using test::kU64;
using test::kU8;
using test::list;
using test::make;
using test::message_of;
using test::option;
using test::result;
using test::unwrap;
using testing::HasSubstr;

constexpr JsonOptions kBase64{.bytes_as_base64 = true};
constexpr JsonOptions kIndented{.indent = 2};

const Type kAccess = make(TypeKind::flags, {{"read", {}}, {"write", {}}, {"run", {}}}, "access");
const Type kLeveledPoint =
    make(TypeKind::record, {{"x", kF64}, {"level", kLevel}, {"access", kAccess}}, "point");
const Type kPair = make(TypeKind::tuple, {{"", kU8}, {"", kLeveledPoint}});
const Type kNamedItem =
    make(TypeKind::record, {{"item-id", kU64}, {"name", kString}, {"note", option(kString)}}, "item");
const Type kFilter = make(TypeKind::variant,
                          {{"all", {}},
                           {"cheaper-than", kF64},
                           {"is", kNamedItem},
                           {"near", kLeveledPoint},
                           {"maybe", option(kU8)}},
                          "filter");
const Type kBasket = Type::make(TypeKind::own, "basket", {}, "example:shop/till@1.0.0");

/// Checks that the value and all its parts have exactly these types.
testing::AssertionResult is_deeply(const Value& value, const Type& type) {
  const detail::TypeNode& node = type.node();
  if (!detail::is_exactly(value, node)) {
    return testing::AssertionFailure()
           << value.type().to_string() << " is not the same type as " << type.to_string();
  }
  const bool sequence = type.kind() == TypeKind::record || type.kind() == TypeKind::tuple;
  if (sequence || type.kind() == TypeKind::list) {
    if (sequence && value.size() != type.fields().size())
      return testing::AssertionFailure() << "parts are missing";
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (auto part = is_deeply(value[i], *type.fields()[sequence ? i : 0].type); !part) return part;
    }
  } else if (value.size() != 0 && type.kind() != TypeKind::flags) {
    const std::size_t index = type.kind() == TypeKind::option ? 0 : detail::ValueAccess::index(value);
    return is_deeply(value.payload(), *type.fields()[index].type);
  }
  return testing::AssertionSuccess();
}

/// Reads text that must fit the type. Checks that the value has exactly that type, and that it round-trips with any
/// options.
Value read_json(std::string_view text, const Type& type, const JsonOptions& options = {}) {
  Value value = unwrap(parse_json(text, type, options));
  EXPECT_TRUE(is_deeply(value, type)) << text;
  for (const bool base64 : {false, true}) {
    for (const int indent : {-1, 0, 3}) {
      const JsonOptions as{.bytes_as_base64 = base64, .indent = indent};
      const std::string written = to_json(value, as);
      const auto again = parse_json(written, type, as);
      EXPECT_TRUE(is_ok(again)) << written;
      if (again) {
        EXPECT_EQ(*again, value) << written;
        EXPECT_EQ(to_json(*again, as), written);
      }
    }
  }
  return value;
}

/// Reads the text and writes the value again.
std::string rewritten(std::string_view text, const Type& type, const JsonOptions& options = {}) {
  return to_json(read_json(text, type, options), options);
}

/// Returns the error for text that does not fit the type.
std::string refusal(std::string_view text, const Type& type, const JsonOptions& options = {}) {
  const auto value = parse_json(text, type, options);
  EXPECT_TRUE(is_error(value, ErrorCode::invalid_argument)) << text;
  return message_of(value);
}

// ---- Each kind

TEST(Json, Booleans) {
  EXPECT_EQ(read_json("true", kBool), Value(true));
  EXPECT_EQ(rewritten(" false\n", kBool), "false");
  EXPECT_EQ(refusal("1", kBool), "expected true or false for 'bool', found the number 1");
  EXPECT_EQ(refusal("null", kBool), "expected true or false for 'bool', found null");
}

struct Range {
  TypeKind kind;
  const char* least;
  const char* below;
  const char* most;
  const char* above;
};

TEST(Json, IntegersHaveTheRangeOfTheirType) {
  for (const Range& range :
       {Range{TypeKind::s8, "-128", "-129", "127", "128"}, Range{TypeKind::u8, "0", "-1", "255", "256"},
        Range{TypeKind::s16, "-32768", "-32769", "32767", "32768"},
        Range{TypeKind::u16, "0", "-1", "65535", "65536"},
        Range{TypeKind::s32, "-2147483648", "-2147483649", "2147483647", "2147483648"},
        Range{TypeKind::u32, "0", "-1", "4294967295", "4294967296"},
        Range{TypeKind::s64, "-9223372036854775808", "-9223372036854775809", "9223372036854775807",
              "9223372036854775808"},
        Range{TypeKind::u64, "0", "-1", "18446744073709551615", "18446744073709551616"}}) {
    const Type type = make(range.kind);
    EXPECT_EQ(rewritten(range.least, type), range.least);
    EXPECT_EQ(rewritten(range.most, type), range.most);
    const std::string expected = std::string("expected an integer from ") + range.least + " to " +
                                 range.most + " for '" + type.to_string();
    EXPECT_EQ(refusal(range.below, type), expected + "', found the number " + range.below);
    EXPECT_EQ(refusal(range.above, type), expected + "', found the number " + range.above);
    EXPECT_EQ(refusal("1e400", type), expected + "', found the number 1e400");
    EXPECT_EQ(refusal("true", type), expected + "', found true");
  }
}

TEST(Json, IntegersMayHaveFractionsAndExponents) {
  EXPECT_EQ(read_json("1e2", kU8), Value(std::uint8_t{100}));
  EXPECT_EQ(read_json("2.50e+1", kU8), Value(std::uint8_t{25}));
  EXPECT_EQ(read_json("0.002E3", kU8), Value(std::uint8_t{2}));
  EXPECT_EQ(read_json("1200e-2", kU8), Value(std::uint8_t{12}));
  EXPECT_EQ(read_json("-1.0", kS64), Value(std::int64_t{-1}));
  EXPECT_EQ(read_json("0e99999999999999999999", kU8), Value(std::uint8_t{0}));
  EXPECT_EQ(read_json("0.000e-5", kU8), Value(std::uint8_t{0}));
  EXPECT_EQ(read_json("-0", kU8), Value(std::uint8_t{0}));
  EXPECT_EQ(read_json("-0.0", kU64), Value(std::uint64_t{0}));
  EXPECT_EQ(read_json("18446744073709551615.000", kU64), Value(UINT64_MAX));
  EXPECT_EQ(read_json("1844674407370955161.5e1", kU64), Value(UINT64_MAX));
  EXPECT_EQ(read_json("-922337203685477580800e-2", kS64), Value(INT64_MIN));
  EXPECT_EQ(read_json("1e19", kU64), Value(std::uint64_t{10'000'000'000'000'000'000U}));
  EXPECT_EQ(read_json("0." + std::string(5000, '0') + "7e5001", kU8), Value(std::uint8_t{7}));
  EXPECT_EQ(read_json("7" + std::string(5000, '0') + "e-5000", kU8), Value(std::uint8_t{7}));

  for (const char* text :
       {"1.5", "1e-1", "15e-1", "0.1e0", "10e-2", "1e3", "2.56e2", "1e20", "-1e0", "1e99999999999",
        "1e-99999999999", "3e-18446744073709551616", "255.00000000000000000000000000001"}) {
    EXPECT_THAT(refusal(text, kU8), HasSubstr(std::string("for 'u8', found the number ") + text));
  }
  EXPECT_THAT(refusal("18446744073709551615.5", kU64), HasSubstr("found the number 18446744073709551615.5"));
  EXPECT_THAT(refusal("2e19", kU64), HasSubstr("found the number 2e19"));
}

TEST(Json, IntegersOf64BitsMayBeStringsOfDigits) {
  EXPECT_EQ(read_json("\"18446744073709551615\"", kU64), Value(UINT64_MAX));
  EXPECT_EQ(read_json("\"-9223372036854775808\"", kS64), Value(INT64_MIN));
  EXPECT_EQ(read_json("\"0\"", kS64), Value(std::int64_t{0}));
  EXPECT_EQ(read_json("9007199254740993", kU64), Value(std::uint64_t{9007199254740993}));
  for (const char* text : {"\"\"", "\"-\"", "\"+1\"", "\"01\"", "\" 1\"", "\"1.0\"", "\"1e2\"", "\"-1\"",
                           "\"18446744073709551616\"", "\"0x10\"", "\"1\\u0000\""}) {
    EXPECT_THAT(refusal(text, kU64),
                HasSubstr("expected an integer from 0 to 18446744073709551615 for 'u64', found"));
  }
  EXPECT_EQ(refusal("\"7\"", kU8), "expected an integer from 0 to 255 for 'u8', found the string \"7\"");
}

TEST(Json, FloatsAreWrittenAsTheShortestNumberThatReadsBack) {
  for (const char* text : {"0", "-0.0", "1", "-1.5", "0.1", "100000", "1e+20", "1.7976931348623157e+308",
                           "5e-324", "2.2250738585072014e-308", "\"nan\"", "\"inf\"", "\"-inf\""}) {
    EXPECT_EQ(rewritten(text, kF64), text);
  }
  for (const char* text : {"0", "-0.0", "0.1", "16777216", "3.4028235e+38", "1e-45", "1.1754944e-38",
                           "\"nan\"", "\"inf\"", "\"-inf\""}) {
    EXPECT_EQ(rewritten(text, kF32), text);
  }
  EXPECT_EQ(to_json(Value(0.1F)), "0.1");
  EXPECT_EQ(to_json(Value(-std::numeric_limits<double>::quiet_NaN())), "\"nan\"");
}

TEST(Json, FloatsAreRoundedToTheNearest) {
  EXPECT_EQ(read_json("9007199254740993", kF64), Value(9007199254740992.0));
  EXPECT_EQ(read_json("18446744073709551615", kF64), Value(18446744073709551616.0));
  EXPECT_EQ(read_json("-9223372036854775808", kF64), Value(-9223372036854775808.0));
  EXPECT_EQ(read_json("123456789012345678901234567890", kF64), Value(123456789012345678901234567890.0));
  EXPECT_EQ(read_json("16777217", kF32), Value(16777216.0F));
  // If it were rounded to a double first, it would be halfway between two floats and round to the even one.
  EXPECT_EQ(read_json("1.00000005960464477540", kF32), Value(std::nextafter(1.0F, 2.0F)));
  EXPECT_EQ(read_json("1e-400", kF64), Value(0.0));
  EXPECT_TRUE(std::signbit(*read_json("-1e-400", kF64).get<double>()));
  EXPECT_TRUE(std::signbit(*read_json("-0", kF64).get<double>()));
  EXPECT_TRUE(std::signbit(*read_json("-0", kF32).get<float>()));
  EXPECT_FALSE(std::signbit(*read_json("0", kF64).get<double>()));
  EXPECT_EQ(read_json("1e-46", kF32), Value(0.0F));
  EXPECT_EQ(refusal("1e400", kF64), "the number 1e400 is too large for 'f64'");
  EXPECT_EQ(refusal("-1E+999", kF32), "the number -1E+999 is too large for 'f32'");
  EXPECT_EQ(refusal("3.5e38", kF32), "the number 3.5e38 is too large for 'f32'");
  EXPECT_EQ(refusal("\"NaN\"", kF64),
            R"(expected a number, "nan", "inf" or "-inf" for 'f64', found the string "NaN")");
  EXPECT_THAT(refusal("\"1\"", kF32), HasSubstr("for 'f32', found the string \"1\""));
}

TEST(Json, NumbersDoNotDependOnTheLocale) {
  const std::string old = std::setlocale(LC_NUMERIC, nullptr);
  // Few machines have a locale with another decimal point; elsewhere this tests little.
  for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8", "de_DE", "fr_FR"}) {
    if (std::setlocale(LC_NUMERIC, name) == nullptr) continue;
    EXPECT_EQ(rewritten("-1.25", kF64), "-1.25") << name;
    EXPECT_EQ(rewritten("0.1", kF32), "0.1") << name;
    EXPECT_EQ(rewritten("2.50e1", kU8), "25") << name;
  }
  std::setlocale(LC_NUMERIC, old.c_str());
}

TEST(Json, CharactersAreStringsOfOneCharacter) {
  for (const char* text : {R"("a")", R"("é")", R"("鏡")", R"("🪞")", R"("\"")", R"("\u0000")", R"("\n")"}) {
    EXPECT_EQ(rewritten(text, kChar), text);
  }
  EXPECT_EQ(read_json(R"("\ud83e\ude9e")", kChar), Value(U'🪞'));
  EXPECT_EQ(read_json(R"("\u00e9")", kChar), Value(U'é'));
  EXPECT_EQ(refusal(R"("")", kChar), R"(expected a string of one character for 'char', found the string "")");
  EXPECT_THAT(refusal(R"("ab")", kChar), HasSubstr(R"(found the string "ab")"));
  EXPECT_THAT(refusal(R"("éé")", kChar), HasSubstr(R"(found the string "éé")"));
  EXPECT_THAT(refusal("97", kChar), HasSubstr("found the number 97"));
  EXPECT_EQ(to_json(Value(char32_t{0xD800})), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(to_json(Value(char32_t{0x110000})), "\"\xEF\xBF\xBD\"");
}

TEST(Json, Strings) {
  EXPECT_EQ(read_json(R"("a\/b\u0041\t")", kString), Value("a/bA\t"));
  EXPECT_EQ(rewritten(R"("")", kString), R"("")");
  EXPECT_EQ(rewritten(R"("q\"\\\b\f\n\r\t\u0000\u001f\u007f鏡")", kString),
            "\"q\\\"\\\\\\u0008\\u000c\\n\\r\\t\\u0000\\u001f\x7F鏡\"");
  EXPECT_EQ(refusal("5", kString), "expected a string for 'string', found the number 5");
}

TEST(Json, IllFormedTextIsWrittenWithReplacements) {
  EXPECT_EQ(to_json(Value("a\xFF\xC3\xA9\xE9z\x80")), "\"a\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBDz\xEF\xBF\xBD\"");
  EXPECT_EQ(
      to_json(Value("\xED\xA0\x80\xF4\x90\x80\x80\xC0\x80")), "\"" + [] {
        std::string replaced;
        for (int i = 0; i < 9; ++i) replaced += "\xEF\xBF\xBD";
        return replaced;
      }() + "\"");
  EXPECT_EQ(to_json(Value("\xF0\x9F\xAA\x9E\xF4\x8F\xBF\xBF")), "\"\xF0\x9F\xAA\x9E\xF4\x8F\xBF\xBF\"");
}

TEST(Json, Lists) {
  EXPECT_EQ(rewritten("[ ]", list(kU8)), "[]");
  EXPECT_EQ(rewritten("[1, 2,255]", list(kU8)), "[1,2,255]");
  EXPECT_EQ(rewritten("[[],[1,2],[]]", list(list(kU64))), "[[],[1,2],[]]");
  EXPECT_EQ(rewritten(R"(["a",""])", list(kString)), R"(["a",""])");
  EXPECT_EQ(rewritten(R"([true,false])", list(kBool)), R"([true,false])");
  EXPECT_EQ(rewritten(R"(["a","é"])", list(kChar)), R"(["a","é"])");
  EXPECT_EQ(rewritten(R"(["info","warning"])", list(kLevel)), R"(["info","warning"])");
  EXPECT_EQ(rewritten(R"([[],["run","read"]])", list(kAccess)), R"([[],["read","run"]])");
  EXPECT_EQ(rewritten("[0.5,\"nan\"]", list(kF32)), "[0.5,\"nan\"]");
  EXPECT_EQ(rewritten("[[7,{\"x\":1,\"level\":\"info\",\"access\":[\"run\"]}]]", list(kPair)),
            "[[7,{\"x\":1,\"level\":\"info\",\"access\":[\"run\"]}]]");
  const std::vector<std::uint16_t> numbers = {1, 2, 3};
  EXPECT_TRUE(
      std::ranges::equal(read_json("[1,2,3]", list(make(TypeKind::u16))).numbers<std::uint16_t>(), numbers));
  EXPECT_EQ(refusal("{}", list(kU8)), "expected an array for 'list<u8>', found an object");
  EXPECT_EQ(refusal("[1,[],3]", list(kU8)),
            "at '/1': expected an integer from 0 to 255 for 'u8', found an array");
  EXPECT_EQ(refusal("[0,1,2,300]", list(kU8)),
            "at '/3': expected an integer from 0 to 255 for 'u8', found the number 300");
}

TEST(Json, BytesAreBase64IfRequested) {
  const Type bytes = list(kU8);
  for (const char* text : {R"("")", R"("AA==")", R"("AAE=")", R"("AAEC")", R"("+/+/")", R"("aGVsbG8=")"}) {
    EXPECT_EQ(rewritten(text, bytes, kBase64), text);
  }
  EXPECT_EQ(read_json(R"("AP8Q")", bytes, kBase64), read_json("[0,255,16]", bytes));
  EXPECT_EQ(read_json("[0,255,16]", bytes, kBase64), read_json("[0,255,16]", bytes))
      << "arrays are accepted too";
  EXPECT_EQ(rewritten(R"([["AQ==",[2]],[]])", list(list(bytes)), kBase64), R"([["AQ==","Ag=="],[]])");
  EXPECT_EQ(refusal(R"("AAEC")", bytes), R"(expected an array for 'list<u8>', found the string "AAEC")");
  EXPECT_EQ(refusal("5", bytes, kBase64),
            "expected an array or a base64 string for 'list<u8>', found the number 5");
  for (const char* text :
       {R"("A")", R"("AA")", R"("AAE")", R"("AA=A")", R"("A===")", R"("====")", R"("AAEC=")", R"("AA-_")",
        R"("AA A")", R"("AB==")", R"("AAF=")", R"("AA==AA==")", R"("=")"}) {
    EXPECT_EQ(refusal(text, bytes, kBase64),
              std::string("expected base64 with padding for 'list<u8>', found the string ") + text);
  }
  EXPECT_THAT(refusal(R"("AA==")", list(make(TypeKind::s8)), kBase64),
              HasSubstr("expected an array for 'list<s8>'"));
  EXPECT_EQ(to_json(read_json("[1,-2]", list(make(TypeKind::s8))), kBase64), "[1,-2]");
}

TEST(Json, Records) {
  EXPECT_EQ(rewritten(R"({"name":"tea","item-id":7,"note":"hot"})", kNamedItem),
            R"({"item-id":7,"name":"tea","note":"hot"})");
  EXPECT_EQ(rewritten(R"({"access":[],"level":"warning","x":0.5})", kLeveledPoint),
            R"({"x":0.5,"level":"warning","access":[]})");
  EXPECT_EQ(rewritten(R"({"item-id":7,"name":""})", kNamedItem), R"({"item-id":7,"name":"","note":null})");
  EXPECT_EQ(refusal("[]", kNamedItem), "expected an object for 'item', found an array");
  EXPECT_EQ(refusal(R"({"item-id":7})", kNamedItem), "missing field 'name'");
  EXPECT_EQ(refusal("{}", kNamedItem), "missing fields 'item-id', 'name'");
  EXPECT_EQ(refusal(R"([{"x":1,"level":"info"}])", list(kLeveledPoint)), "at '/0': missing field 'access'");
  EXPECT_EQ(refusal(R"({"item_id":7})", kNamedItem),
            "unknown field 'item_id' in 'item'; did you mean 'item-id'? Available fields: 'item-id', 'name', "
            "'note'");
  EXPECT_EQ(refusal(R"({"a\n\"":7})", kNamedItem),
            R"(unknown field 'a\n\"' in 'item'; available fields: 'item-id', 'name', 'note')");
  EXPECT_EQ(refusal(R"([{"name":"tea","item-id":1,"name":"tea"}])", list(kNamedItem)),
            "at '/0': duplicate field 'name'");
  EXPECT_EQ(refusal(R"({"x":1,"x":2,"level":"info","access":[]})", kLeveledPoint), "duplicate field 'x'");
  EXPECT_EQ(refusal(R"({"x":1,"level":"info","access":null})", kLeveledPoint),
            "at '/access': expected an array of labels for 'access', found null");
}

TEST(Json, RecordsOfManyFieldsInAnyOrder) {
  std::vector<TypeField> fields;
  std::string forwards = "{";
  std::string backwards = "{";
  for (int i = 0; i < 200; ++i) {
    fields.push_back({"f" + std::to_string(i), i % 2 == 0 ? kU8 : kString});
    const auto member = [](int at) {
      return "\"f" + std::to_string(at) + "\":" + (at % 2 == 0 ? std::to_string(at) : "\"s\"");
    };
    forwards += (i == 0 ? "" : ",") + member(i);
    backwards += (i == 0 ? "" : ",") + member(199 - i);
  }
  const Type type = make(TypeKind::record, fields);
  EXPECT_EQ(rewritten(backwards + "}", type), forwards + "}");
  EXPECT_THAT(refusal(forwards + ",\"f7\":\"\"}", type), HasSubstr("duplicate field 'f7'"));
  EXPECT_THAT(refusal("{\"f201\":0}", type), HasSubstr("did you mean"));
  EXPECT_THAT(refusal("{}", type), HasSubstr("…"));
}

TEST(Json, Tuples) {
  EXPECT_EQ(rewritten(R"([ 7, {"x":1,"level":"info","access":[]} ])", kPair),
            R"([7,{"x":1,"level":"info","access":[]}])");
  const Type mixed = make(TypeKind::tuple, {{"", kString}, {"", option(kU8)}});
  EXPECT_EQ(rewritten(R"(["a",null])", mixed), R"(["a",null])");
  EXPECT_EQ(refusal(R"(["a"])", mixed), "expected 2 elements for 'tuple<string, option<u8>>', found 1");
  EXPECT_EQ(refusal(R"([["a",1,2]])", list(mixed)),
            "at '/0': too many elements: 'tuple<string, option<u8>>' has 2");
  EXPECT_EQ(refusal(R"(["a",1,[]])", mixed), "too many elements: 'tuple<string, option<u8>>' has 2");
  EXPECT_EQ(refusal("{}", mixed),
            "expected an array of 2 elements for 'tuple<string, option<u8>>', found an object");
  EXPECT_THAT(refusal(R"([1,{"x":1,"level":"info","access":[]},3])", kPair), HasSubstr("too many elements"));
}

TEST(Json, OptionsAreNullOrTheirPayload) {
  EXPECT_EQ(rewritten("null", option(kU8)), "null");
  EXPECT_EQ(rewritten("5", option(kU8)), "5");
  EXPECT_EQ(rewritten(R"({"item-id":7,"name":"","note":null})", option(kNamedItem)),
            R"({"item-id":7,"name":"","note":null})");
  EXPECT_EQ(rewritten("[null,1]", list(option(kU8))), "[null,1]");
  EXPECT_EQ(rewritten("[[1,2],null]", list(option(list(kU8)))), "[[1,2],null]");
  EXPECT_EQ(refusal("\"x\"", option(kU8)),
            "expected an integer from 0 to 255 or null for 'option<u8>', found the string \"x\"");
  EXPECT_EQ(refusal(R"({"some":1})", option(kU8)),
            "expected an integer from 0 to 255 or null for 'option<u8>', found an object");
}

TEST(Json, NestedOptionsDistinguishTheirNulls) {
  const Type twice = option(option(kU8));
  const Type thrice = option(twice);
  EXPECT_EQ(rewritten("null", twice), "null");
  EXPECT_EQ(rewritten(R"({"some":null})", twice), R"({"some":null})");
  EXPECT_EQ(rewritten(R"({"some":5})", twice), R"({"some":5})");
  EXPECT_EQ(rewritten(R"({"some":{"some":null}})", thrice), R"({"some":{"some":null}})");
  EXPECT_EQ(rewritten(R"({"some":{"some":5}})", thrice), R"({"some":{"some":5}})");
  EXPECT_EQ(read_json("null", twice), Value::none());
  EXPECT_EQ(read_json(R"({"some":null})", twice), Value::some(Value::none()));
  EXPECT_EQ(to_json(Value::some(Value::some(Value::none()))), R"({"some":{"some":null}})");
  EXPECT_EQ(refusal("5", twice),
            R"(expected null or {"some": …} for 'option<option<u8>>', found the number 5)");
  EXPECT_EQ(refusal("{}", twice), "expected the key 'some' for 'option<option<u8>>', found an empty object");
  EXPECT_EQ(refusal(R"({"Some":1})", twice),
            "expected the key 'some' for 'option<option<u8>>', found 'Some'");
  EXPECT_EQ(refusal(R"({"some":1,"some":2})", twice), "expected one key, found 'some' and 'some'");
  EXPECT_EQ(refusal(R"([{"some":[]}])", list(twice)),
            "at '/0/some': expected an integer from 0 to 255 or null for 'option<u8>', found an array");
}

TEST(Json, Results) {
  EXPECT_EQ(rewritten(R"({"ok":5})", result(kU8, kString)), R"({"ok":5})");
  EXPECT_EQ(rewritten(R"({"error":"no"})", result(kU8, kString)), R"({"error":"no"})");
  EXPECT_EQ(rewritten(R"({"ok":null})", result({}, kString)), R"({"ok":null})");
  EXPECT_EQ(rewritten(R"({"error":null})", result(kU8, {})), R"({"error":null})");
  EXPECT_EQ(rewritten(R"("ok")", result({}, {})), R"({"ok":null})");
  EXPECT_EQ(rewritten(R"({"ok":null})", result(option(kU8), {})), R"({"ok":null})");
  EXPECT_EQ(refusal(R"({"err":1})", result(kU8, kU8)),
            "'err' is not a case of 'result<u8, u8>'; did you mean 'error'? Available cases: 'ok', 'error'");
  EXPECT_EQ(refusal("5", result(kU8, {})),
            R"(expected {"ok": …} or {"error": …} for 'result<u8>', found the number 5)");
  EXPECT_EQ(refusal(R"({"ok":1,"error":2})", result(kU8, kU8)), "expected one key, found 'ok' and 'error'");
  EXPECT_EQ(refusal(R"("ok")", result(kU8, {})), R"(case 'ok' needs a payload: {"ok": …})");
}

TEST(Json, Variants) {
  EXPECT_EQ(rewritten(R"({"all":null})", kFilter), R"({"all":null})");
  EXPECT_EQ(rewritten(R"("all")", kFilter), R"({"all":null})");
  EXPECT_EQ(rewritten(R"({"cheaper-than":2.5})", kFilter), R"({"cheaper-than":2.5})");
  EXPECT_EQ(rewritten(R"({"is":{"name":"tea","item-id":7}})", kFilter),
            R"({"is":{"item-id":7,"name":"tea","note":null}})");
  EXPECT_EQ(rewritten(R"({"near":{"x":1,"level":"info","access":["read"]}})", kFilter),
            R"({"near":{"x":1,"level":"info","access":["read"]}})");
  EXPECT_EQ(rewritten(R"({"maybe":null})", kFilter), R"({"maybe":null})");
  EXPECT_EQ(read_json(R"({"maybe":null})", kFilter).payload(), Value::none());
  EXPECT_EQ(refusal(R"({"cheaper_than":1})", kFilter),
            "'cheaper_than' is not a case of 'filter'; did you mean 'cheaper-than'? Available cases: 'all', "
            "'cheaper-than', "
            "'is', 'near', 'maybe'");
  EXPECT_THAT(refusal(R"(["al"])", list(kFilter)),
              HasSubstr("at '/0': 'al' is not a case of 'filter'; did you mean"));
  EXPECT_EQ(refusal("{}", kFilter), "expected a case of 'filter', found an empty object");
  EXPECT_EQ(refusal(R"({"all":null,"is":1})", kFilter), "expected one key, found 'all' and 'is'");
  EXPECT_EQ(refusal(R"({"all":null,"all":null})", kFilter), "expected one key, found 'all' and 'all'");
  EXPECT_EQ(refusal(R"({"all":[]})", kFilter),
            "at '/all': expected null because case 'all' has no payload, found an array");
  EXPECT_EQ(refusal(R"({"all":{}})", kFilter),
            "at '/all': expected null because case 'all' has no payload, found an object");
  EXPECT_EQ(refusal(R"({"all":0.5})", kFilter),
            "at '/all': expected null because case 'all' has no payload, found the number 0.5");
  EXPECT_EQ(refusal(R"("maybe")", kFilter), R"(case 'maybe' needs a payload: {"maybe": …})");
  EXPECT_EQ(refusal("null", kFilter), R"(expected {"case": payload} with one case for 'filter', found null)");
  EXPECT_EQ(refusal(R"({"is":{"item-id":true}})", kFilter),
            "at '/is/item-id': expected an integer from 0 to 18446744073709551615 for 'u64', found true");
}

TEST(Json, Enums) {
  EXPECT_EQ(rewritten(R"("warning")", kLevel), R"("warning")");
  EXPECT_EQ(refusal(R"("warn")", kLevel),
            "'warn' is not a case of 'level'; available cases: 'info', 'warning'");
  EXPECT_EQ(refusal(R"("Info")", kLevel),
            "'Info' is not a case of 'level'; did you mean 'info'? Available cases: 'info', 'warning'");
  EXPECT_EQ(refusal("1", kLevel), "expected the name of a case for 'level', found the number 1");
  EXPECT_EQ(refusal(R"({"info":null})", kLevel), "expected the name of a case for 'level', found an object");
}

TEST(Json, Flags) {
  EXPECT_EQ(rewritten("[]", kAccess), "[]");
  EXPECT_EQ(rewritten(R"(["run","read"])", kAccess), R"(["read","run"])");
  EXPECT_EQ(refusal(R"(["read","writ"])", kAccess),
            "at '/1': 'writ' is not a label of 'access'; did you mean 'write'? Available labels: 'read', "
            "'write', 'run'");
  EXPECT_EQ(refusal(R"(["read","run","read"])", kAccess), "at '/2': duplicate label 'read'");
  EXPECT_EQ(refusal("[1]", kAccess), "at '/0': expected a label of 'access', found the number 1");
  EXPECT_EQ(refusal("[[]]", kAccess), "at '/0': expected a label of 'access', found an array");
  EXPECT_EQ(refusal("[{}]", kAccess), "at '/0': expected a label of 'access', found an object");
  EXPECT_EQ(refusal("[null]", kAccess), "at '/0': expected a label of 'access', found null");
  EXPECT_EQ(refusal("[1e1]", kAccess), "at '/0': expected a label of 'access', found the number 1e1");
  EXPECT_EQ(refusal("[false]", kAccess), "at '/0': expected a label of 'access', found false");
  EXPECT_EQ(refusal(R"({"read":true})", kAccess),
            "expected an array of labels for 'access', found an object");
}

TEST(Json, FlagsOfUpTo64Labels) {
  std::vector<TypeField> labels;
  for (int i = 0; i < 64; ++i) labels.push_back({"l" + std::to_string(i), {}});
  EXPECT_EQ(rewritten(R"(["l63","l0"])", make(TypeKind::flags, labels)), R"(["l0","l63"])");
  EXPECT_EQ(rewritten(R"([["l40"],[]])", list(make(TypeKind::flags, labels))), R"([["l40"],[]])");
  labels.push_back({"l64", {}});
  EXPECT_THAT(refusal(R"(["l64"])", make(TypeKind::flags, labels)),
              HasSubstr("flags with more than 64 labels are not supported"));
}

TEST(Json, HandlesAreWrittenButNotRead) {
  EXPECT_EQ(refusal(R"({"resource":"basket"})", kBasket),
            "expected a handle for 'basket', which JSON cannot express, found an object");
  EXPECT_THAT(
      refusal("[1]", list(make(TypeKind::borrow, {}, "basket"))),
      HasSubstr(
          "at '/0': expected a handle for 'borrow<basket>', which JSON cannot express, found the number 1"));
  EXPECT_EQ(rewritten("null", option(kBasket)), "null");
  EXPECT_THAT(refusal("1", option(kBasket)), HasSubstr("expected a handle for 'option<basket>'"));
  EXPECT_EQ(to_json(Value::resource(HostObject(std::make_unique<int>(1)))), R"({"resource":null})");
  const Value named = detail::ValueAccess::own(new detail::HostNode(kBasket, HostObject()));
  EXPECT_EQ(to_json(named), R"({"resource":"basket","interface":"example:shop/till@1.0.0"})");
}

TEST(Json, TheEmptyValueIsNull) {
  EXPECT_EQ(to_json(Value()), "null");
  EXPECT_EQ(to_json(Value::ok()), R"({"ok":null})");
  EXPECT_EQ(to_json(Value::list({Value(), Value(std::uint8_t{1})})), "[null,1]");
}

TEST(Json, ValuesWithoutADeclaredTypeAreWritten) {
  EXPECT_EQ(to_json(Value::list({})), "[]");
  EXPECT_EQ(to_json(Value::list({Value(1), Value("a")})), R"([1,"a"])");
  EXPECT_EQ(to_json(Value::record({{"id", 7}, {"name", "tea"}})), R"({"id":7,"name":"tea"})");
  EXPECT_EQ(to_json(Value::record({{"x", 1.5}, {"y", U'y'}})), R"({"x":1.5,"y":"y"})");
  EXPECT_EQ(to_json(Value::tuple({Value(true), Value("a")})), R"([true,"a"])");
  EXPECT_EQ(to_json(Value::some(5)), "5");
  EXPECT_EQ(to_json(Value::none()), "null");
  EXPECT_EQ(to_json(Value::error("no")), R"({"error":"no"})");
  EXPECT_EQ(to_json(Value::variant("circle", 2.0)), R"({"circle":2})");
  EXPECT_EQ(to_json(Value::variant("nothing")), R"({"nothing":null})");
  EXPECT_EQ(to_json(Value::enumeration("red")), R"("red")");
  EXPECT_EQ(to_json(Value::flags({"b", "a"})), R"(["a","b"])");
  const std::vector<float> numbers = {0.1F, 2};
  EXPECT_EQ(to_json(Value::list(std::span<const float>(numbers))), "[0.1,2]");
}

TEST(Json, UnsupportedTypesAreRejected) {
  EXPECT_EQ(refusal("[1]", make(TypeKind::stream, {{"", kU8}})), "values of 'stream<u8>' are not supported");
  EXPECT_THAT(refusal("[1,2]", Type::make(TypeKind::fixed_length_list, {}, {{"", kU8}}, {}, 2)),
              HasSubstr("values of 'list<u8, 2>' are not supported"));
  EXPECT_THAT(refusal("{}", make(TypeKind::map, {{"", kString}, {"", kU8}})), HasSubstr("are not supported"));
  EXPECT_EQ(refusal("[]", make(TypeKind::list, {})), "'list<_>' is an incomplete type");
  EXPECT_EQ(refusal("null", option(make(TypeKind::option, {}))), "'option<option<_>>' is an incomplete type");
}

TEST(Json, EmptyRecordsAndTuples) {
  EXPECT_EQ(rewritten("[]", make(TypeKind::tuple, {})), "[]");
  EXPECT_EQ(rewritten("{}", make(TypeKind::record, {})), "{}");
  EXPECT_EQ(rewritten("[[],[]]", list(make(TypeKind::tuple, {}))), "[[],[]]");
}

TEST(Json, ReadsWhatItWrote) {
  std::minstd_rand random(1);
  std::string bytes(512, '\0');
  for (int round = 0; round < 3000; ++round) {
    for (char& byte : bytes) byte = static_cast<char>(static_cast<unsigned char>(random() >> 8U));
    test::ByteSource source(bytes);
    const Type type = test::random_type(source, 4);
    const Value value = test::random_value(source, type);
    for (const bool base64 : {false, true}) {
      const JsonOptions options{.bytes_as_base64 = base64, .indent = round % 4 - 1};
      const std::string text = to_json(value, options);
      const auto again = parse_json(text, type, options);
      ASSERT_TRUE(is_ok(again)) << text << "\n" << type.to_string();
      ASSERT_TRUE(is_deeply(*again, type)) << text;
      ASSERT_EQ(*again, value) << text;
    }
  }
}

// ---- Text

TEST(Json, IndentedText) {
  const Type type = list(option(kFilter));
  const std::string text = R"([
  null,
  {
    "is": {
      "item-id": 7,
      "name": "tea",
      "note": null
    }
  }
])";
  EXPECT_EQ(to_json(read_json(text, type), kIndented), text);
  EXPECT_EQ(to_json(read_json("[]", type), kIndented), "[]");
  EXPECT_EQ(to_json(read_json("[[],[1,2]]", list(list(kU8))), {.indent = 0}), "[\n[],\n[\n1,\n2\n]\n]");
  EXPECT_EQ(to_json(read_json("5", kU8), kIndented), "5");
}

TEST(Json, InvalidJsonIsRejectedWithItsPosition) {
  EXPECT_EQ(refusal("", kU8), "line 1, column 1: unexpected end of input; expected '[', '{', or a literal");
  EXPECT_THAT(refusal("[1,\n  2,\n  tru]", list(kU8)), HasSubstr("line 3, column 6: invalid literal"));
  EXPECT_THAT(refusal("[1,]", list(kU8)), HasSubstr("line 1, column 4: unexpected ']'"));
  EXPECT_THAT(refusal("[1", list(kU8)), HasSubstr("line 1, column 3: unexpected end of input"));
  EXPECT_THAT(refusal("[1 2]", list(kU8)), HasSubstr("line 1, column 4: unexpected number literal"));
  EXPECT_THAT(refusal("1 2", kU8), HasSubstr("line 1, column 3: unexpected number literal"));
  EXPECT_THAT(refusal("01", kU8), HasSubstr("line 1, column 2"));
  EXPECT_THAT(refusal("[\"鏡鏡\",x]", list(kString)), HasSubstr("line 1, column 7: invalid literal"));
  EXPECT_THAT(refusal("\"a", kString), HasSubstr("line 1, column 3: invalid string: missing closing quote"));
  EXPECT_THAT(refusal("\"a\nb\"", kString), HasSubstr("line 1, column 3: invalid string: control character"));
  EXPECT_THAT(refusal(R"("\x")", kString), HasSubstr("invalid string: forbidden character after backslash"));
  EXPECT_THAT(refusal(R"("\ud800")", kString), HasSubstr("surrogate"));
  EXPECT_THAT(refusal("{'item-id':1}", kNamedItem), HasSubstr("line 1, column 2: invalid literal"));
  EXPECT_THAT(refusal("nan", kF64), HasSubstr("line 1, column 2: invalid literal"));
  EXPECT_THAT(refusal("/**/1", kU8), HasSubstr("line 1, column 1: invalid literal"));
  EXPECT_THAT(refusal("+1", kU8), HasSubstr("line 1, column 1"));
  for (const char* text : {"-", "1.", ".5", "1e", "1e+", "0x1", "1_000", "--1", "Infinity"}) {
    EXPECT_THAT(refusal(text, kF64), HasSubstr("line 1, column"));
  }
}

TEST(Json, TextMustBeUtf8) {
  for (const char* text :
       {"\"\xFF\"", "\"\xC3\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"", "\"\xC0\x80\""}) {
    const std::string message = refusal(text, kString);
    EXPECT_THAT(message, HasSubstr("line 1, column "));
    EXPECT_THAT(message, HasSubstr("ill-formed UTF-8"));
    EXPECT_EQ(message.find_first_of("\xFF\xC3\xED\xF4\xC0"), std::string::npos) << "not repeated";
  }
  EXPECT_THAT(refusal("\xFF", kString), HasSubstr("line 1, column 1: invalid literal"));
  EXPECT_EQ(read_json("\xEF\xBB\xBF"
                      "1",
                      kU8),
            Value(std::uint8_t{1}))
      << "a byte order mark is allowed";
}

TEST(Json, NothingMayFollowAZeroByte) {
  using namespace std::string_view_literals;
  EXPECT_EQ(refusal("1\0"sv, kU8), "line 1, column 2: unexpected zero byte");
  EXPECT_EQ(refusal("[1,\n2]\0]"sv, list(kU8)), "line 2, column 3: unexpected zero byte");
  EXPECT_THAT(refusal("\0"sv, kU8), HasSubstr("line 1, column 1"));
  EXPECT_THAT(refusal("[1\0]"sv, list(kU8)), HasSubstr("line 1, column 3"));
  EXPECT_THAT(refusal("\"a\0b\""sv, kString), HasSubstr("line 1, column 3"));
}

TEST(Json, PointersAreEscapedAsInRfc6901) {
  const Type type = make(TypeKind::record, {{"a/b~c", list(kU8)}});
  EXPECT_THAT(refusal(R"({"a/b~c":[0,true]})", type), HasSubstr("at '/a~1b~0c/1': expected"));
}

TEST(Json, PointersGoThroughEverything) {
  const Type type = list(make(TypeKind::tuple, {{"", kU8}, {"", result(option(option(kFilter)), {})}}));
  EXPECT_THAT(refusal(R"([[1,{"error":null}],[2,{"ok":{"some":{"is":{"name":5}}}}]])", type),
              testing::StartsWith("at '/1/1/ok/some/is/name': expected a string for 'string'"));
}

TEST(Json, TheTypeLimitsNesting) {
  const std::string deep(1'000'000, '[');
  EXPECT_EQ(refusal(deep, list(list(kU8))),
            "at '/0/0': expected an integer from 0 to 255 for 'u8', found an array");
  EXPECT_EQ(refusal(deep, kU8), "expected an integer from 0 to 255 for 'u8', found an array");
}

TEST(Json, LongTextIsShortenedInMessages) {
  const std::string text(1000, 'a');
  EXPECT_LT(refusal('"' + text + '"', kU8).size(), 200U);
  EXPECT_LT(refusal("{\"" + text + "\":1}", kNamedItem).size(), 200U);
  EXPECT_LT(refusal(std::string(1000, '1'), kU8).size(), 200U);
  EXPECT_LT(refusal('"' + text, kU8).size(), 200U);
}

TEST(Json, LargeListsOfNumbers) {
  std::vector<std::uint32_t> numbers(100'000);
  std::iota(numbers.begin(), numbers.end(), 4'294'867'296U);
  const Value value = Value::list(std::span<const std::uint32_t>(numbers));
  const Value again = unwrap(parse_json(to_json(value), list(make(TypeKind::u32))));
  EXPECT_EQ(again, value);
  EXPECT_EQ(again.numbers<std::uint32_t>().size(), numbers.size());
}

TEST(Json, MemoryIsLimited) {
  const JsonOptions small{.max_bytes = 10'000};
  std::vector<TypeField> fields;
  for (int i = 0; i < 1000; ++i) fields.push_back({"f" + std::to_string(i), option(kU8)});
  const Type sparse = make(TypeKind::record, fields);
  EXPECT_TRUE(is_ok(parse_json("[{},{},{}]", list(sparse))));
  EXPECT_EQ(refusal("[{},{},{}]", list(sparse), small),
            "at '/0': the values need more memory than JsonOptions::max_bytes allows");

  std::string numbers = "[0";
  for (int i = 1; i < 5000; ++i) numbers += ",0";
  numbers += ']';
  EXPECT_TRUE(is_ok(parse_json(numbers, list(kU8), small)));
  EXPECT_THAT(refusal(numbers, list(kU64), small), HasSubstr("JsonOptions::max_bytes"));
  EXPECT_THAT(refusal(numbers, list(option(kU8)), small), HasSubstr("JsonOptions::max_bytes"));
  EXPECT_THAT(refusal('"' + std::string(20'000, 'A') + '"', list(kU8),
                      {.bytes_as_base64 = true, .max_bytes = 10'000}),
              HasSubstr("JsonOptions::max_bytes"));
  EXPECT_THAT(refusal('"' + std::string(20'000, 'A') + '"', kString, small),
              HasSubstr("JsonOptions::max_bytes"));
  Type huge = kU64;
  for (int i = 0; i < 28; ++i) huge = make(TypeKind::tuple, {{"", huge}, {"", huge}});
  EXPECT_THAT(refusal("[", huge), HasSubstr("JsonOptions::max_bytes")) << "2 GiB are not allocated";
}

// ---- Arguments

std::string arguments_refusal(std::string_view text, const FunctionType& type) {
  const auto arguments = parse_json_arguments(text, type);
  EXPECT_TRUE(is_error(arguments, ErrorCode::invalid_argument)) << text;
  return message_of(arguments);
}

TEST(JsonArguments, AreAnArrayInOrderOrAnObjectByName) {
  const FunctionType type = function({{"name", kString}, {"at", kLeveledPoint}, {"note", option(kString)}});
  for (const char* text : {R"(["tea",{"x":1,"level":"info","access":[]},"hot"])",
                           R"({"at":{"x":1,"level":"info","access":[]},"note":"hot","name":"tea"})"}) {
    const auto arguments = unwrap(parse_json_arguments(text, type));
    ASSERT_EQ(arguments.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(is_deeply(arguments[i], *type.parameters[i].type));
    EXPECT_EQ(arguments[0], Value("tea"));
    EXPECT_EQ(arguments[1]["x"], Value(1.0));
    EXPECT_EQ(arguments[2].payload(), Value("hot"));
  }
}

TEST(JsonArguments, OfPlainTypesAreSeparateValues) {
  const FunctionType type = function({{"a", kU8}, {"b", kPair}, {"c", kAccess}});
  const auto arguments =
      unwrap(parse_json_arguments(R"([1,[2,{"x":1,"level":"info","access":["run"]}],["read"]])", type));
  ASSERT_EQ(arguments.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(is_deeply(arguments[i], *type.parameters[i].type));
  EXPECT_EQ(to_json(arguments[1]), R"([2,{"x":1,"level":"info","access":["run"]}])");
  EXPECT_EQ(unwrap(parse_json_arguments(R"({"c":[],"b":[2,{"x":1,"level":"info","access":[]}],"a":1})", type))
                .size(),
            3U);
}

TEST(JsonArguments, MayOmitOptions) {
  const FunctionType type =
      function({{"a", option(kU8)}, {"b", kU8}, {"c", option(kU8)}, {"d", option(option(kU8))}});
  EXPECT_EQ(to_json(Value::list(unwrap(parse_json_arguments(R"({"b":1})", type)))), "[null,1,null,null]");
  EXPECT_EQ(to_json(Value::list(unwrap(parse_json_arguments("[5,1]", type)))), "[5,1,null,null]");
  EXPECT_EQ(arguments_refusal("[5]", type), "missing parameter 'b'");
  EXPECT_EQ(arguments_refusal("{}", type), "missing parameter 'b'");
  EXPECT_EQ(unwrap(parse_json_arguments("", function({{"a", option(kU8)}}))).size(), 1U);
}

TEST(JsonArguments, MayBeEmptyIfThereAreNoParameters) {
  for (const char* text : {"", " \n\t", "[]", "{}"}) {
    EXPECT_TRUE(unwrap(parse_json_arguments(text, function({}))).empty()) << text;
  }
  EXPECT_EQ(arguments_refusal("[1]", function({})), "too many arguments: expected at most 0");
  EXPECT_EQ(arguments_refusal(R"({"a":1})", function({})), "unknown parameter 'a'; there are no parameters");
  EXPECT_EQ(arguments_refusal("", function({{"a", kU8}})), "missing parameter 'a'");
}

TEST(JsonArguments, AreRejectedWithTheirPosition) {
  const FunctionType type = function({{"name", kString}, {"count", kU8}});
  EXPECT_EQ(arguments_refusal("\"tea\"", type),
            R"(expected an array of arguments or an object with arguments by name, found the string "tea")");
  EXPECT_EQ(arguments_refusal("null", type),
            "expected an array of arguments or an object with arguments by name, found null");
  EXPECT_EQ(arguments_refusal("[\"tea\",1,2]", type), "too many arguments: expected at most 2");
  EXPECT_EQ(arguments_refusal("[\"tea\",-1]", type),
            "at '/1': expected an integer from 0 to 255 for 'u8', found the number -1");
  EXPECT_EQ(arguments_refusal(R"({"name":"tea","count":-1})", type),
            "at '/count': expected an integer from 0 to 255 for 'u8', found the number -1");
  EXPECT_EQ(arguments_refusal(R"({"nmae":"tea"})", type),
            "unknown parameter 'nmae'; did you mean 'name'? Available parameters: 'name', 'count'");
  EXPECT_EQ(arguments_refusal(R"({"name":"tea","name":"tea"})", type), "duplicate parameter 'name'");
  EXPECT_EQ(arguments_refusal("{}", type), "missing parameters 'name', 'count'");
  EXPECT_THAT(arguments_refusal("[1", type), HasSubstr("at '/0': expected a string"));
  EXPECT_THAT(arguments_refusal("[\"", type), HasSubstr("line 1, column 3"));
  EXPECT_THAT(arguments_refusal("[]", function({{"self", make(TypeKind::borrow, {}, "basket")}})),
              HasSubstr("missing parameter 'self'"));
}

TEST(JsonArguments, ReadBase64IfRequested) {
  const FunctionType type = function({{"data", list(kU8)}});
  EXPECT_EQ(to_json(unwrap(parse_json_arguments(R"(["AQI="])", type, kBase64))[0]), "[1,2]");
  EXPECT_THAT(arguments_refusal(R"(["AQI="])", type), HasSubstr("at '/0': expected an array"));
}

}  // namespace
}  // namespace tairitsu

#include "tairitsu/wave.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "../../fuzz/random_value.h"
#include "type_makers.h"
#include "value/value_node.h"

namespace tairitsu {
namespace {

using test::function;
using test::kBool;
using test::kChar;
using test::kF32;
using test::kF64;
using test::kS8;
using test::kString;
using test::kU32;
using test::kU8;
using test::list;
using test::option;
using test::result;
using test::tuple;
using testing::HasSubstr;
using testing::StartsWith;

Type labels(TypeKind kind, std::string name, std::vector<std::string> names) {
  std::vector<TypeField> fields;
  for (std::string& label : names) fields.push_back({std::move(label), std::nullopt});
  return Type::make(kind, std::move(name), std::move(fields));
}

const Type kColor = labels(TypeKind::enumeration, "color", {"red", "green", "blue"});
const Type kKeywords =
    labels(TypeKind::enumeration, "keyword", {"true", "false", "some", "none", "ok", "err", "inf", "nan"});
const Type kPermissions = labels(TypeKind::flags, "permissions", {"read", "write", "exec"});
const Type kFlatPoint = Type::make(TypeKind::record, "point", {{"x", kF64}, {"y", kF64}});
const Type kExample =
    Type::make(TypeKind::record, "example", {{"must-have", kU8}, {"optional", option(kU8)}});
const Type kAllOptional =
    Type::make(TypeKind::record, "all-optional", {{"a", option(kU8)}, {"b", option(kU8)}});
const Type kResponse = Type::make(TypeKind::variant, "response",
                                  {{"empty", std::nullopt}, {"body", list(kU8)}, {"err", kString}});
const Type kColoredItem = Type::make(TypeKind::record, "item", {{"id", kU32}, {"color", kColor}});

/// Reads the text and writes the value again; returns the error's message on failure.
std::string read_wave(std::string_view text, const Type& type) {
  const auto value = parse_wave(text, type);
  if (!value) {
    EXPECT_EQ(value.error().code(), ErrorCode::invalid_argument);
    return value.error().message();
  }
  EXPECT_TRUE(detail::is_exactly(*value, type.node())) << text;
  const std::string written = to_wave(*value);
  EXPECT_EQ(value->to_string(), written);
  const auto again = parse_wave(written, type);
  EXPECT_TRUE(again && *again == *value) << text << " was written as " << written;
  return written;
}

std::string read_string(std::string_view text) {
  const auto value = parse_wave(text, kString);
  if (!value) return value.error().message();
  EXPECT_EQ(read_wave(text, kString), to_wave(*value));
  return std::string(value->text());
}

std::string arguments(std::string_view text, const FunctionType& type) {
  const auto values = parse_wave_arguments(text, type);
  if (!values) return values.error().message();
  EXPECT_EQ(values->size(), type.parameters.size());
  std::string written;
  for (std::size_t index = 0; index < values->size(); ++index) {
    EXPECT_TRUE(detail::is_exactly((*values)[index], type.parameters[index].type->node()));
    written += to_wave((*values)[index]) + ";";
  }
  return written;
}

// ---- The specification in wasm-wave's README, section by section

TEST(Wave, ReadsTheValuesOfTheSpecificationsTable) {
  EXPECT_EQ(read_wave("true", kBool), "true");
  EXPECT_EQ(read_wave("false", kBool), "false");
  EXPECT_EQ(read_wave("123", Type::make(TypeKind::s32)), "123");
  EXPECT_EQ(read_wave("-9", Type::make(TypeKind::s64)), "-9");
  EXPECT_EQ(read_wave("3.14", kF64), "3.14");
  EXPECT_EQ(read_wave("6.022e+23", kF64), "6.022e+23");
  EXPECT_EQ(read_wave("nan", kF32), "nan");
  EXPECT_EQ(read_wave("-inf", kF32), "-inf");
  EXPECT_EQ(read_wave("'x'", kChar), "'x'");
  EXPECT_EQ(read_wave("'☃'", kChar), "'☃'");
  EXPECT_EQ(read_wave(R"('\'')", kChar), R"('\'')");
  EXPECT_EQ(read_wave(R"('\u{0}')", kChar), R"('\u{0}')");
  EXPECT_EQ(read_wave(R"("abc\t123")", kString), R"("abc\t123")");
  EXPECT_EQ(read_wave(R"(("abc", 123))", tuple({kString, kU8})), R"(("abc", 123))");
  EXPECT_EQ(read_wave("[1, 2, 3]", list(kU8)), "[1, 2, 3]");
  EXPECT_EQ(read_wave(R"({field-a: 1, field-b: "two"})",
                      Type::make(TypeKind::record, "", {{"field-a", kU8}, {"field-b", kString}})),
            R"({field-a: 1, field-b: "two"})");
  const Type days = Type::make(TypeKind::variant, "", {{"days", kU32}, {"forever", std::nullopt}});
  EXPECT_EQ(read_wave("days(30)", days), "days(30)");
  EXPECT_EQ(read_wave("forever", days), "forever");
  EXPECT_EQ(read_wave("south", labels(TypeKind::enumeration, "", {"south", "west"})), "south");
  EXPECT_EQ(read_wave("\"flat some\"", option(kString)), "some(\"flat some\")");
  EXPECT_EQ(read_wave("some(\"explicit some\")", option(kString)), "some(\"explicit some\")");
  EXPECT_EQ(read_wave("none", option(kString)), "none");
  EXPECT_EQ(read_wave("\"flat ok\"", result(kString, kString)), "ok(\"flat ok\")");
  EXPECT_EQ(read_wave("ok(\"explicit ok\")", result(kString, kString)), "ok(\"explicit ok\")");
  EXPECT_EQ(read_wave("err(\"oops\")", result(kString, kString)), "err(\"oops\")");
  EXPECT_EQ(read_wave("{read, write}", kPermissions), "{read, write}");
  EXPECT_EQ(read_wave("{}", kPermissions), "{}");
}

TEST(Wave, SkipsWhitespaceAndCommentsBetweenTokens) {
  EXPECT_EQ(read_wave(" \t\r\n( 1\n,2 ) ", tuple({kU8, kU8})), "(1, 2)");
  EXPECT_EQ(
      read_wave("// a\n{ // b\n must-have // c\n : // d\n 1 , // e\n optional: some // f\n (2) // g\n } // h",
                kExample),
      "{must-have: 1, optional: some(2)}");
  EXPECT_EQ(read_wave("body // x\n ([])", kResponse), "body([])");
  EXPECT_EQ(read_string("\"// no comment\""), "// no comment");
  EXPECT_EQ(read_wave("1 / 2", kU8), "1:3: expected the end of the text, found '/'");
}

TEST(Wave, AcceptsAPercentSignBeforeLabelsAndRequiresItBeforeKeywords) {
  for (const TypeField& keyword : kKeywords.fields()) {
    EXPECT_EQ(read_wave("%" + keyword.name, kKeywords), "%" + keyword.name);
    EXPECT_EQ(read_wave(keyword.name, kKeywords),
              "1:1: '" + keyword.name + "' is a WAVE keyword; write the case as '%" + keyword.name + "'");
  }
  EXPECT_EQ(read_wave("%red", kColor), "red");
  EXPECT_EQ(read_wave("{%must-have: 1}", kExample), "{must-have: 1}");
  EXPECT_EQ(read_wave("{%read, write}", kPermissions), "{read, write}");
  EXPECT_EQ(read_wave("%body([1])", kResponse), "body([1])");
  EXPECT_EQ(read_wave("%err(\"oops\")", kResponse), "%err(\"oops\")");
  EXPECT_THAT(read_wave("err(\"oops\")", kResponse),
              HasSubstr("'err' is a WAVE keyword; write the case as '%err'"));
  EXPECT_EQ(read_wave("%true", kBool), "1:1: expected true or false, found '%true'");
  EXPECT_EQ(read_wave("%none", option(kU8)),
            "1:1: expected an integer from 0 to 255, some(…) or none, found '%none'");
  EXPECT_THAT(read_wave("%%red", kColor),
              StartsWith("1:1: expected a case of 'color' (red, green, blue), found '%'"));
  // Keywords need no '%' as fields and labels.
  const Type record = Type::make(TypeKind::record, "", {{"true", kU8}, {"none", kU8}, {"nan", kU8}});
  EXPECT_EQ(read_wave("{true: 1, none: 2, nan: 3}", record), "{true: 1, none: 2, nan: 3}");
  EXPECT_EQ(read_wave("{ok, inf}", labels(TypeKind::flags, "", {"ok", "inf"})), "{ok, inf}");
}

TEST(Wave, ReadsIntegersOfTheirRange) {
  const auto bounds = [](TypeKind kind, std::string least, std::string most, std::string below,
                         std::string above) {
    const Type type = Type::make(kind);
    EXPECT_EQ(read_wave(least, type), least);
    EXPECT_EQ(read_wave(most, type), most);
    const std::string range =
        fmt::format(" is out of range for '{}' ({} to {})", type.to_string(), least, most);
    EXPECT_EQ(read_wave(below, type), "1:1: " + below + range);
    EXPECT_EQ(read_wave(above, type), "1:1: " + above + range);
    EXPECT_EQ(read_wave("99999999999999999999999999", type), "1:1: 99999999999999999999999999" + range);
  };
  bounds(TypeKind::u8, "0", "255", "-1", "256");
  bounds(TypeKind::s8, "-128", "127", "-129", "128");
  bounds(TypeKind::u16, "0", "65535", "-1", "65536");
  bounds(TypeKind::s16, "-32768", "32767", "-32769", "32768");
  bounds(TypeKind::u32, "0", "4294967295", "-1", "4294967296");
  bounds(TypeKind::s32, "-2147483648", "2147483647", "-2147483649", "2147483648");
  bounds(TypeKind::u64, "0", "18446744073709551615", "-1", "18446744073709551616");
  bounds(TypeKind::s64, "-9223372036854775808", "9223372036854775807", "-9223372036854775809",
         "9223372036854775808");
  EXPECT_EQ(read_wave("-0", kS8), "0");
  EXPECT_THAT(read_wave("-0", kU8), HasSubstr("-0 is out of range for 'u8'"));
}

TEST(Wave, RejectsInvalidIntegers) {
  EXPECT_EQ(read_wave("1.0", kU8), "1:1: expected an integer from 0 to 255, found '1.0'");
  EXPECT_EQ(read_wave("1e2", kU8), "1:1: expected an integer from 0 to 255, found '1e2'");
  EXPECT_EQ(read_wave("inf", kU8), "1:1: expected an integer from 0 to 255, found 'inf'");
  EXPECT_EQ(read_wave("01", kU8), "1:1: a number must not have leading zeros");
  EXPECT_EQ(read_wave("-00", kS8), "1:1: a number must not have leading zeros");
  EXPECT_EQ(read_wave("+1", kU8), "1:1: expected an integer from 0 to 255, found '+'");
  EXPECT_EQ(read_wave("-", kS8), "1:1: expected an integer from -128 to 127, found '-'");
  EXPECT_EQ(read_wave("0x1F", kU8), "1:2: expected the end of the text, found 'x1F'");
  EXPECT_EQ(read_wave("1_000", kU8), "1:2: expected the end of the text, found '_'");
  EXPECT_EQ(read_wave("", kU8), "1:1: expected an integer from 0 to 255, found the end of the text");
}

TEST(Wave, RoundsFloatsToTheNearest) {
  EXPECT_EQ(read_wave("[0, 0.0, 0e0, 0.0e0, 0e-1, 0E+1, 0.000e100]", list(kF32)), "[0, 0, 0, 0, 0, 0, 0]");
  EXPECT_EQ(read_wave("[-3.1415, -100000, -0.0e-0]", list(kF32)), "[-3.1415, -100000, -0]");
  EXPECT_EQ(read_wave("[nan, inf, -inf]", list(kF64)), "[nan, inf, -inf]");
  EXPECT_EQ(parse_wave("3.4028234664e38", kF32)->get<float>(), std::numeric_limits<float>::max());
  EXPECT_EQ(read_wave("3.4028234664e39", kF32), "inf");
  EXPECT_EQ(read_wave("-3.4028234664e39", kF32), "-inf");
  EXPECT_EQ(parse_wave("1.4012984643e-45", kF32)->get<float>(), std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(read_wave("1.4012984643e-46", kF32), "0");
  EXPECT_EQ(read_wave("-1.4012984643e-46", kF32), "-0");
  EXPECT_EQ(read_wave("[1e309, -1e309, 1e-400, -1e-400]", list(kF64)), "[inf, -inf, 0, -0]");
  EXPECT_EQ(
      read_wave("[1e99999999999999999999, 1e-99999999999999999999, 0e99999999999999999999]", list(kF64)),
      "[inf, 0, 0]");
  // The digits count as well as the exponent.
  EXPECT_EQ(read_wave(std::string("1") + std::string(400, '0') + "e-400", kF64), "1");
  EXPECT_EQ(read_wave(std::string("1") + std::string(400, '0') + "e-90", kF64), "inf");
  EXPECT_EQ(read_wave("0." + std::string(400, '0') + "1e401", kF64), "1");
  EXPECT_EQ(read_wave("0." + std::string(400, '0') + "1e-10", kF64), "0");
  EXPECT_EQ(read_wave("0." + std::string(400, '0') + "1e800", kF64), "inf");
  // Rounded once, not to f64 first.
  EXPECT_EQ(parse_wave("1.000000059604644775390625000000001", kF32)->get<float>(), 1.00000012F);
}

TEST(Wave, RejectsInvalidFloats) {
  for (const char* text : {"-nan", "NaN", "infinity", "-infinity", "Infinity", "Inf", "INF", "-Inf", "-INF",
                           ".5", "+1", "e5", "true", "%inf"}) {
    EXPECT_THAT(read_wave(text, kF64), StartsWith("1:1: expected a number, inf, -inf or nan, found '"))
        << text;
  }
  EXPECT_EQ(read_wave("1.", kF64), "1:2: expected the end of the text, found '.'");
  EXPECT_EQ(read_wave("1e", kF64), "1:2: expected the end of the text, found 'e'");
  EXPECT_EQ(read_wave("01.5", kF64), "1:1: a number must not have leading zeros");
  EXPECT_EQ(read_wave("-01.5", kF64), "1:1: a number must not have leading zeros");
}

TEST(Wave, WritesTheShortestFloats) {
  EXPECT_EQ(to_wave(Value(0.1)), "0.1");
  EXPECT_EQ(to_wave(Value(0.1F)), "0.1");
  EXPECT_EQ(to_wave(Value(-0.0)), "-0");
  EXPECT_EQ(to_wave(Value(1e15)), "1000000000000000");
  EXPECT_EQ(to_wave(Value(1e16)), "1e+16");
  EXPECT_EQ(to_wave(Value(123456.75)), "123456.75");
  EXPECT_EQ(to_wave(Value(0.00001)), "0.00001");
  EXPECT_EQ(to_wave(Value(0.0000015)), "1.5e-6");
  EXPECT_EQ(to_wave(Value(std::numeric_limits<double>::max())), "1.7976931348623157e+308");
  EXPECT_EQ(to_wave(Value(std::numeric_limits<double>::denorm_min())), "5e-324");
  EXPECT_EQ(to_wave(Value(std::numeric_limits<float>::max())), "3.4028235e+38");
}

TEST(Wave, ReadsCharsAndTheirEscapes) {
  EXPECT_EQ(read_wave(R"(['\\', '\'', '\"', '\t', '\n', '\r'])", list(kChar)),
            R"(['\\', '\'', '"', '\t', '\n', '\r'])");
  EXPECT_EQ(read_wave(R"(['x', '\u{78}', '\u{000078}', '"', '\u{10FFFF}'])", list(kChar)),
            R"(['x', 'x', 'x', '"', '\u{10ffff}'])");
  EXPECT_EQ(parse_wave("'🌊'", kChar)->get<char32_t>(), U'🌊');
  EXPECT_EQ(parse_wave("'\t'", kChar)->get<char32_t>(), U'\t');
}

TEST(Wave, RejectsInvalidChars) {
  const std::string one = "1:1: a char must be one character (a Unicode scalar value) in ' '";
  EXPECT_EQ(read_wave("''", kChar),
            "1:1: a char must be one character in ' '; write the character ' as '\\''");
  EXPECT_EQ(read_wave("'''", kChar),
            "1:1: a char must be one character in ' '; write the character ' as '\\''");
  EXPECT_EQ(read_wave("'ab'", kChar), one);
  EXPECT_EQ(read_wave("'☃☃'", kChar), one);
  EXPECT_EQ(read_wave("'x", kChar), one);
  EXPECT_EQ(read_wave("'", kChar), one);
  EXPECT_EQ(read_wave("'\n'", kChar), "1:1: a char must not contain a line break; write it as '\\n'");
  EXPECT_EQ(read_wave("x'", kChar), "1:1: expected a char in ' ', found 'x'");
  EXPECT_EQ(read_wave("\"x\"", kChar), "1:1: expected a char in ' ', found a string");
}

TEST(Wave, RejectsInvalidEscapes) {
  for (const char* text : {R"('\z')", R"('\x1f')", R"('\0')", R"('\☃')", R"("\a")"}) {
    EXPECT_THAT(read_wave(text, text[0] == '"' ? kString : kChar), HasSubstr("': use \\n, \\r,")) << text;
  }
  EXPECT_EQ(read_wave(R"("a\zb")", kString),
            R"(1:3: invalid escape '\z': use \n, \r, \t, \\, \', \" or \u{…})");
  for (const char* text :
       {R"("\u1f")", R"("\u{1f")", R"("\u1f}")", R"("\u{}")", R"("\u{x}")", R"("\u{12345678}")",
        R"("\u{-1}")", R"("\u{+1}")", R"("\u{0000041}")", R"("\u)", R"("\u{)", R"("\u{1)"}) {
    EXPECT_EQ(read_wave(text, kString),
              "1:2: invalid escape '\\u': use one to six hexadecimal digits: \\u{…}")
        << text;
  }
  for (const char* text : {R"("\u{110000}")", R"("\u{d800}")", R"("\u{dfff}")", R"("\u{FFFFFF}")"}) {
    EXPECT_THAT(read_wave(text, kString), HasSubstr("is not a Unicode scalar value")) << text;
  }
  EXPECT_THAT(read_wave("\"\\", kString), StartsWith("1:2: invalid escape '\\'"));
}

TEST(Wave, ReadsStrings) {
  EXPECT_EQ(read_string("\"\""), "");
  EXPECT_EQ(read_string("\"WAVE🌊\""), "WAVE🌊");
  EXPECT_EQ(read_string(R"("\\\'\"\t\n\r")"), "\\'\"\t\n\r");
  EXPECT_EQ(read_string(R"("'\'\u{27}")"), "'''");
  EXPECT_EQ(read_string(R"("☃\u{2603}\u{002603}")"), "☃☃☃");
  EXPECT_EQ(read_string("\"tab\tand\rreturn\""), "tab\tand\rreturn");
  EXPECT_EQ(read_string(std::string("\"nul \0 too\"", 11)), std::string("nul \0 too", 9));
}

TEST(Wave, RejectsUnterminatedStrings) {
  const std::string message = "1:1: missing closing '\"' on the same line (write a line break as \\n)";
  EXPECT_EQ(read_wave("\"abc", kString), message);
  EXPECT_EQ(read_wave("\"abc\\\"", kString), message);
  EXPECT_EQ(read_wave("\"abc\ndef\"", kString), message);
  EXPECT_EQ(read_wave("abc", kString), "1:1: expected a string in \" \", found 'abc'");
  EXPECT_EQ(read_wave("\"a\"b", kString), "1:4: expected the end of the text, found 'b'");
}

TEST(Wave, ReadsMultilineStrings) {
  EXPECT_EQ(read_string("\"\"\"\n\"\"\""), "");
  EXPECT_EQ(read_string("\"\"\"\n   \"\"\""), "");
  EXPECT_EQ(read_string("\"\"\"\nA single line\n\"\"\""), "A single line");
  EXPECT_EQ(read_string("\"\"\"\n    Indentation determined\n      by ending delimiter\n  \"\"\""),
            "  Indentation determined\n    by ending delimiter");
  EXPECT_EQ(read_string("\"\"\"\n  Must escape carriage return at end of line: \\r\n"
                        "  Must break up double quote triplets: \"\"\\\"\"\n  \"\"\""),
            "Must escape carriage return at end of line: \r\nMust break up double quote triplets: \"\"\"\"");
  EXPECT_EQ(read_string("\"\"\"\n\nEmpty leading and trailing lines are retained\n\n\"\"\""),
            "\nEmpty leading and trailing lines are retained\n");
  EXPECT_EQ(read_string("\"\"\"\r\na\r\n\r\nb\\r\r\nc\rd\r\n\"\"\""), "a\n\nb\r\nc\rd");
  EXPECT_EQ(read_string("\"\"\"\n\\\\\\'\\\"\\t\\n\\u{2603}\n\"\"\""), "\\'\"\t\n☃");
  EXPECT_EQ(read_wave("[\"\"\"\na\n\"\"\", \"b\"]", list(kString)), "[\"a\", \"b\"]");
}

TEST(Wave, RejectsMalformedMultilineStrings) {
  EXPECT_EQ(read_wave("\"\"\"\nabc", kString), "1:1: missing closing '\"\"\"'");
  EXPECT_EQ(read_wave("\"\"\"\n\"\"", kString), "1:1: missing closing '\"\"\"'");
  EXPECT_EQ(read_wave("\"\"\"\"\"\"", kString), "1:1: nothing may follow the opening '\"\"\"' on its line");
  EXPECT_EQ(read_wave("\"\"\" \"\"\"", kString), "1:1: nothing may follow the opening '\"\"\"' on its line");
  EXPECT_EQ(read_wave("\"\"\"extra\n\"\"\"", kString),
            "1:1: nothing may follow the opening '\"\"\"' on its line");
  EXPECT_EQ(read_wave("\"\"\"\"\n\"\"\"", kString),
            "1:1: nothing may follow the opening '\"\"\"' on its line");
  EXPECT_EQ(read_wave("\"\"\"\r\"\"\"", kString), "1:1: nothing may follow the opening '\"\"\"' on its line");
  EXPECT_EQ(read_wave("\"\"\"\nextra\"\"\"", kString),
            "2:6: only spaces may precede the closing '\"\"\"' on its line");
  EXPECT_EQ(read_wave("\"\"\"\n\t\"\"\"", kString),
            "2:2: only spaces may precede the closing '\"\"\"' on its line");
  EXPECT_EQ(read_wave("\"\"\"\n\\\"\"\"\n\"\"\"", kString),
            "2:2: only spaces may precede the closing '\"\"\"' on its line");
  EXPECT_EQ(read_wave("\"\"\"\n\"\"\"\"", kString), "2:4: expected the end of the text, found a string");
  EXPECT_EQ(read_wave("\"\"\"\n  a\n\n  \"\"\"", kString),
            "3:1: the line must start with the 2 spaces before the closing '\"\"\"'");
  EXPECT_THAT(read_wave("\"\"\"\na\\j\n\"\"\"", kString), StartsWith("2:2: invalid escape '\\j'"));
  EXPECT_THAT(read_wave("\"\"\"\na\\\n\"\"\"", kString), StartsWith("2:2: invalid escape '\\\\n'"));
  EXPECT_THAT(read_wave("\"\"\"\n\\u{d800}\n\"\"\"", kString),
              StartsWith("2:1: '\\u{d800}' is not a Unicode scalar value"));
}

TEST(Wave, ReadsTuplesAndLists) {
  EXPECT_EQ(read_wave("(123, \"abc\",)", tuple({kU8, kString})), "(123, \"abc\")");
  EXPECT_EQ(read_wave("(1)", tuple({kU8})), "(1)");
  EXPECT_EQ(read_wave("[]", list(kChar)), "[]");
  EXPECT_EQ(read_wave("[ ]", list(kString)), "[]");
  EXPECT_EQ(read_wave("['a', 'b', 'c',]", list(kChar)), "['a', 'b', 'c']");
  EXPECT_EQ(read_wave("[[1, 2], [], [3]]", list(list(kU8))), "[[1, 2], [], [3]]");
  EXPECT_EQ(read_wave("[{x: 1, y: 2}, {y: 3, x: 4}]", list(kFlatPoint)), "[{x: 1, y: 2}, {x: 4, y: 3}]");
  EXPECT_EQ(read_wave("[(1, true), (2, false)]", list(tuple({kU32, kBool}))), "[(1, true), (2, false)]");
  EXPECT_EQ(read_wave("[red, %blue]", list(kColor)), "[red, blue]");
  EXPECT_EQ(read_wave("[{}, {exec, read}]", list(kPermissions)), "[{}, {read, exec}]");
}

TEST(Wave, StoresPlainListsInOneBuffer) {
  const auto numbers = parse_wave("[1, 2, 255]", list(kU8));
  ASSERT_TRUE(numbers);
  EXPECT_THAT(numbers->numbers<std::uint8_t>(), testing::ElementsAre(1, 2, 255));
  const auto points = parse_wave("[{y: 1, x: 2}]", list(kFlatPoint));
  ASSERT_TRUE(points);
  EXPECT_EQ(detail::ValueAccess::node(*points)->tag, detail::ValueNode::Tag::bytes);
  EXPECT_EQ((*points)[0]["x"].get<double>(), 2);
  const auto point = parse_wave("{y: 1, x: 2}", kFlatPoint);
  ASSERT_TRUE(point);
  EXPECT_EQ((*point)["y"].get<double>(), 1);
}

TEST(Wave, RejectsBadListsAndTuples) {
  EXPECT_EQ(read_wave("[1, 2", list(kU8)), "1:6: expected ',' or ']', found the end of the text");
  EXPECT_EQ(read_wave("[1 2]", list(kU8)), "1:4: expected ',' or ']', found '2'");
  EXPECT_EQ(read_wave("[1,,]", list(kU8)), "1:4: element 1: expected an integer from 0 to 255, found ','");
  EXPECT_EQ(read_wave("[,]", list(kU8)), "1:2: element 0: expected an integer from 0 to 255, found ','");
  EXPECT_EQ(read_wave("[1)", list(kU8)), "1:3: expected ',' or ']', found ')'");
  EXPECT_EQ(read_wave("(1]", tuple({kU8})), "1:3: expected ',' or ')', found ']'");
  EXPECT_EQ(read_wave("1", list(kU8)), "1:1: expected a list in [ ], found '1'");
  EXPECT_EQ(read_wave("[\"a\", 1]", list(kString)), "1:7: element 1: expected a string in \" \", found '1'");
  EXPECT_EQ(read_wave("1", tuple({kU8})), "1:1: expected a tuple in ( ), 'tuple<u8>', found '1'");
  EXPECT_EQ(read_wave("()", tuple({kU8})), "1:2: missing element 0 of 'tuple<u8>'");
  EXPECT_EQ(read_wave("(1)", tuple({kU8, kString})), "1:3: missing element 1 of 'tuple<u8, string>'");
  EXPECT_EQ(read_wave("(1, 2)", tuple({kU8})), "1:5: too many elements: 'tuple<u8>' has 1");
  EXPECT_EQ(read_wave("(1, \"\", 2)", tuple({kU8, kString})),
            "1:9: too many elements: 'tuple<u8, string>' has 2");
  EXPECT_EQ(read_wave("(1, 2)", tuple({kU8, kString})),
            "1:5: element 1: expected a string in \" \", found '2'");
}

TEST(Wave, ReadsRecordsInAnyOrderAndWithoutOptionalFields) {
  EXPECT_EQ(read_wave("{must-have: 123}", kExample), "{must-have: 123}");
  EXPECT_EQ(read_wave("{must-have: 123, optional: none,}", kExample), "{must-have: 123}");
  EXPECT_EQ(read_wave("{optional: 4, must-have: 123}", kExample), "{must-have: 123, optional: some(4)}");
  EXPECT_EQ(read_wave("{:}", kAllOptional), "{:}");
  EXPECT_EQ(read_wave("{ // x\n : }", kAllOptional), "{:}");
  EXPECT_EQ(read_wave("{a:none,b:none}", kAllOptional), "{:}");
  EXPECT_EQ(read_wave("{b:some(2),a:1}", kAllOptional), "{a: some(1), b: some(2)}");
}

TEST(Wave, RejectsBadRecords) {
  EXPECT_EQ(read_wave("{optional: none}", kExample), "1:1: missing field 'must-have' of 'example'");
  EXPECT_EQ(read_wave("{:}", kExample), "1:1: missing field 'must-have' of 'example'");
  EXPECT_EQ(read_wave("{must-have: 1, must-have: 1}", kExample), "1:16: duplicate field 'must-have'");
  EXPECT_EQ(read_wave("{must-have: 1, optional: 1, %optional: none}", kExample),
            "1:29: duplicate field 'optional'");
  EXPECT_EQ(read_wave("{must_have: 1}", kExample),
            "1:2: 'must_have' is not a field of 'example' (must-have, optional); did you mean 'must-have'?");
  EXPECT_EQ(read_wave("{must-have: 1, other: 2}", kExample),
            "1:16: 'other' is not a field of 'example' (must-have, optional)");
  EXPECT_EQ(read_wave("{}", kAllOptional), "1:1: {} means empty flags; write a record without fields as {:}");
  EXPECT_EQ(read_wave("{:", kAllOptional), "1:3: expected '}', found the end of the text");
  EXPECT_EQ(read_wave("{: a: 1}", kAllOptional), "1:4: expected '}', found 'a'");
  EXPECT_EQ(read_wave("{a 1}", kAllOptional), "1:4: field 'a': expected ':', found '1'");
  EXPECT_EQ(read_wave("{a: 1 b: 2}", kAllOptional), "1:7: expected ',' or '}', found 'b'");
  EXPECT_EQ(read_wave("{a: 1,, b: 2}", kAllOptional),
            "1:7: expected a field of 'all-optional' (a, b), found ','");
  EXPECT_EQ(read_wave("{\"a\": 1}", kAllOptional),
            "1:2: expected a field of 'all-optional' (a, b), found a string");
  EXPECT_EQ(read_wave("{a: 300}", kAllOptional), "1:5: field 'a': 300 is out of range for 'u8' (0 to 255)");
  EXPECT_EQ(read_wave("(1, 2)", kAllOptional), "1:1: expected a record in { }, 'all-optional', found '('");
}

TEST(Wave, ReadsCases) {
  EXPECT_EQ(read_wave("empty", kResponse), "empty");
  EXPECT_EQ(read_wave("body([79, 75])", kResponse), "body([79, 75])");
  EXPECT_EQ(read_wave("body ( [] )", kResponse), "body([])");
  EXPECT_EQ(read_wave("[empty, body([1])]", list(kResponse)), "[empty, body([1])]");
}

TEST(Wave, RejectsBadCases) {
  EXPECT_EQ(read_wave("{id: 1, color: gren}", kColoredItem),
            "1:16: field 'color': 'gren' is not a case of 'color' (red, green, blue); did you mean 'green'?");
  EXPECT_EQ(read_wave("Green", kColor),
            "1:1: 'Green' is not a case of 'color' (red, green, blue); did you mean 'green'?");
  EXPECT_EQ(read_wave("purple", kColor), "1:1: 'purple' is not a case of 'color' (red, green, blue)");
  EXPECT_EQ(read_wave("1", kColor), "1:1: expected a case of 'color' (red, green, blue), found '1'");
  EXPECT_EQ(read_wave("none", kColor), "1:1: expected a case of 'color' (red, green, blue), found 'none'");
  EXPECT_EQ(read_wave("red(1)", kColor), "1:4: expected the end of the text, found '('");
  EXPECT_EQ(read_wave("empty(1)", kResponse), "1:6: 'empty' has no payload");
  EXPECT_EQ(read_wave("empty()", kResponse), "1:6: 'empty' has no payload");
  EXPECT_EQ(read_wave("body", kResponse), "1:1: 'body' needs a payload of type 'list<u8>': body(…)");
  EXPECT_EQ(read_wave("%err", kResponse), "1:1: '%err' needs a payload of type 'string': %err(…)");
  EXPECT_EQ(read_wave("body()", kResponse), "1:6: case 'body': expected a list in [ ], found ')'");
  EXPECT_EQ(read_wave("body([1, x])", kResponse),
            "1:10: case 'body': element 1: expected an integer from 0 to 255, found 'x'");
  EXPECT_EQ(read_wave("body([1]", kResponse), "1:9: expected ')', found the end of the text");
  EXPECT_EQ(read_wave("errr(\"\")", kResponse),
            "1:1: 'errr' is not a case of 'response' (empty, body, err); did you mean '%err'?");
}

TEST(Wave, ReadsOptions) {
  EXPECT_EQ(read_wave("123", option(kU8)), "some(123)");
  EXPECT_EQ(read_wave("some(123)", option(kU8)), "some(123)");
  EXPECT_EQ(read_wave("some(none)", option(option(kU8))), "some(none)");
  EXPECT_EQ(read_wave("some(1)", option(option(kU8))), "some(some(1))");
  EXPECT_EQ(read_wave("some(ok(1))", option(result(kU8, {}))), "some(ok(1))");
  EXPECT_EQ(read_wave("[1, 2]", option(list(kU8))), "some([1, 2])");
  EXPECT_EQ(read_wave("%none", option(kKeywords)), "some(%none)");
  EXPECT_EQ(read_wave("none", option(kKeywords)), "none");
  EXPECT_EQ(read_wave("[1, none, some(3)]", list(option(kU8))), "[some(1), none, some(3)]");
}

TEST(Wave, RejectsBadOptions) {
  EXPECT_EQ(read_wave("1", option(option(kU8))), "1:1: expected some(…) or none, found '1'");
  EXPECT_EQ(read_wave("ok(1)", option(result(kU8, {}))), "1:1: expected some(…) or none, found 'ok'");
  EXPECT_EQ(read_wave("null", option(kString)),
            "1:1: expected a string in \" \", some(…) or none, found 'null'");
  EXPECT_EQ(read_wave("some", option(kU8)), "1:1: 'some' needs a payload of type 'u8': some(…)");
  EXPECT_EQ(read_wave("some()", option(kU8)), "1:6: some: expected an integer from 0 to 255, found ')'");
  EXPECT_EQ(read_wave("some(some(1))", option(kU8)),
            "1:6: some: expected an integer from 0 to 255, found 'some'");
  EXPECT_EQ(read_wave("none()", option(kU8)), "1:5: 'none' has no payload");
  EXPECT_EQ(read_wave("none(1)", option(kU8)), "1:5: 'none' has no payload");
  EXPECT_EQ(read_wave("some(none)", option(kU8)),
            "1:6: some: expected an integer from 0 to 255, found 'none'");
  EXPECT_EQ(read_wave("some(1", option(kU8)), "1:7: expected ')', found the end of the text");
}

TEST(Wave, ReadsResults) {
  EXPECT_EQ(read_wave("123", result(kU8, {})), "ok(123)");
  EXPECT_EQ(read_wave("ok(123)", result(kU8, {})), "ok(123)");
  EXPECT_EQ(read_wave("err", result(kU8, {})), "err");
  EXPECT_EQ(read_wave("ok", result({}, kString)), "ok");
  EXPECT_EQ(read_wave("err(\"oops\")", result({}, kString)), "err(\"oops\")");
  EXPECT_EQ(read_wave("ok", result({}, {})), "ok");
  EXPECT_EQ(read_wave("err", result({}, {})), "err");
  EXPECT_EQ(read_wave("ok(some(1))", result(option(kU8), {})), "ok(some(1))");
  EXPECT_EQ(read_wave("[ok, err]", list(result({}, {}))), "[ok, err]");
}

TEST(Wave, RejectsBadResults) {
  EXPECT_EQ(read_wave("some(1)", result(option(kU8), {})), "1:1: expected ok(…) or err, found 'some'");
  EXPECT_EQ(read_wave("1", result({}, kU8)), "1:1: expected ok or err(…), found '1'");
  EXPECT_EQ(read_wave("ok", result(kU8, kU8)), "1:1: 'ok' needs a payload of type 'u8': ok(…)");
  EXPECT_EQ(read_wave("ok()", result(kU8, kU8)), "1:4: ok: expected an integer from 0 to 255, found ')'");
  EXPECT_EQ(read_wave("err(x)", result(kU8, kU8)), "1:5: err: expected an integer from 0 to 255, found 'x'");
  EXPECT_EQ(read_wave("ok()", result({}, {})), "1:3: 'ok' has no payload");
  EXPECT_EQ(read_wave("err(0)", result({}, {})), "1:4: 'err' has no payload");
  EXPECT_EQ(read_wave("error(0)", result(kU8, kU8)),
            "1:1: expected an integer from 0 to 255, ok(…) or err(…), found 'error'");
}

TEST(Wave, ReadsFlags) {
  EXPECT_EQ(read_wave("{write, read,}", kPermissions), "{read, write}");
  EXPECT_EQ(read_wave("{ }", kPermissions), "{}");
  std::vector<std::string> many;
  for (int index = 0; index < 40; ++index) many.push_back("l" + std::to_string(index));
  EXPECT_EQ(read_wave("{l39, l0, l32}", labels(TypeKind::flags, "", many)), "{l0, l32, l39}");
}

TEST(Wave, RejectsBadFlags) {
  EXPECT_EQ(read_wave("{read, read}", kPermissions), "1:8: duplicate label 'read'");
  EXPECT_EQ(read_wave("{read, %read}", kPermissions), "1:8: duplicate label 'read'");
  EXPECT_EQ(read_wave("{execute}", kPermissions),
            "1:2: 'execute' is not a label of 'permissions' (read, write, exec)");
  EXPECT_EQ(read_wave("{wirte}", kPermissions),
            "1:2: 'wirte' is not a label of 'permissions' (read, write, exec); did you mean 'write'?");
  EXPECT_EQ(read_wave("{writes}", kPermissions),
            "1:2: 'writes' is not a label of 'permissions' (read, write, exec); did you mean 'write'?");
  EXPECT_EQ(read_wave("{read write}", kPermissions), "1:7: expected ',' or '}', found 'write'");
  EXPECT_EQ(read_wave("{read: true}", kPermissions), "1:6: expected ',' or '}', found ':'");
  EXPECT_EQ(read_wave("{:}", kPermissions),
            "1:2: expected a label of 'permissions' (read, write, exec), found ':'");
  EXPECT_EQ(read_wave("read", kPermissions), "1:1: expected flags in { }, 'permissions', found 'read'");
  const Type many = labels(TypeKind::flags, "", std::vector<std::string>(65, "l"));
  EXPECT_EQ(read_wave("{}", many), "1:1: flags with more than 64 labels are not supported");
}

TEST(Wave, ReadsBools) {
  EXPECT_EQ(read_wave("[true,false]", list(kBool)), "[true, false]");
  EXPECT_EQ(read_wave("True", kBool), "1:1: expected true or false, found 'True'");
  EXPECT_EQ(read_wave("truer", kBool), "1:1: expected true or false, found 'truer'");
  EXPECT_EQ(read_wave("0", kBool), "1:1: expected true or false, found '0'");
}

// ---- Arguments

TEST(Wave, ReadsArguments) {
  const FunctionType none = function({});
  const FunctionType two = function({{"count", kU8}, {"name", kString}});
  const FunctionType optional = function({{"a", option(kU8)}, {"b", option(kU8)}, {"c", option(kU8)}});
  EXPECT_EQ(arguments("()", none), "");
  EXPECT_EQ(arguments(" ( // none\n ) ", none), "");
  EXPECT_EQ(arguments("(1, \"a\")", two), "1;\"a\";");
  EXPECT_EQ(arguments("(1, \"a\",)", two), "1;\"a\";");
  EXPECT_EQ(arguments("(some(1))", optional), "some(1);none;none;");
  EXPECT_EQ(arguments("(1, none)", optional), "some(1);none;none;");
  EXPECT_EQ(arguments("(none, none, 3)", optional), "none;none;some(3);");
  EXPECT_EQ(arguments("()", optional), "none;none;none;");
}

TEST(Wave, RejectsBadArguments) {
  const FunctionType none = function({});
  const FunctionType one = function({{"count", kU8}});
  const FunctionType two = function({{"count", kU8}, {"item", kColoredItem}});
  EXPECT_EQ(arguments("(1)", none), "1:2: too many arguments: the function has no parameters");
  EXPECT_EQ(arguments("(1, 2)", one), "1:5: too many arguments: the function has 1 parameter");
  EXPECT_EQ(arguments("(1, {id: 1, color: red}, 2)", two),
            "1:26: too many arguments: the function has 2 parameters");
  EXPECT_EQ(arguments("()", one), "1:2: missing argument 'count' of type 'u8'");
  EXPECT_EQ(arguments("(1)", two), "1:3: missing argument 'item' of type 'item'");
  EXPECT_EQ(arguments("", one), "1:1: expected the arguments in ( ), found the end of the text");
  EXPECT_EQ(arguments("1", one), "1:1: expected the arguments in ( ), found '1'");
  EXPECT_EQ(arguments("(1) x", one), "1:5: expected the end of the text, found 'x'");
  EXPECT_EQ(arguments("(,)", one), "1:2: parameter 'count': expected an integer from 0 to 255, found ','");
  EXPECT_EQ(arguments("(1,\n {id: 1,\n  color: gren})", two),
            "3:10: parameter 'item': field 'color': 'gren' is not a case of 'color' (red, green, blue); did "
            "you mean "
            "'green'?");
}

// ---- Types without a text form

TEST(Wave, RejectsTypesWithoutATextForm) {
  EXPECT_EQ(read_wave("x", Type::make(TypeKind::own, "basket")),
            "1:1: 'basket' is a resource handle, which has no text form");
  EXPECT_EQ(read_wave("x", Type::make(TypeKind::borrow, "basket")),
            "1:1: 'borrow<basket>' is a resource handle, which has no text form");
  EXPECT_EQ(read_wave("none", option(Type::make(TypeKind::own, "basket"))), "none");
  EXPECT_EQ(read_wave("[]", Type::make(TypeKind::stream, {}, {TypeField{{}, kU8}})),
            "1:1: values of 'stream<u8>' are not supported");
  EXPECT_EQ(read_wave("[1]", Type::make(TypeKind::fixed_length_list, {}, {TypeField{{}, kU8}}, {}, 1)),
            "1:1: values of 'list<u8, 1>' are not supported");
}

TEST(Wave, WritesHandlesByTheNameOfTheirResource) {
  EXPECT_EQ(to_wave(Value::resource(HostObject())), "<resource>");
  EXPECT_EQ(to_wave(Value::some(Value::resource(HostObject()))), "some(<resource>)");
  const Value named =
      detail::ValueAccess::own(new detail::HostNode(Type::make(TypeKind::own, "basket"), HostObject()));
  EXPECT_EQ(to_wave(named), "<basket>");
}

TEST(Wave, WritesTheEmptyValueAsATuple) {
  EXPECT_EQ(to_wave(Value()), "()");
  EXPECT_EQ(to_wave(Value::some(Value())), "some(())");
  const auto value = parse_wave(" ( ) ", Value().type());
  ASSERT_TRUE(value);
  EXPECT_TRUE(value->is_empty());
  EXPECT_EQ(read_wave("(1)", Value().type()), "1:2: expected ')', found '1'");
  EXPECT_EQ(read_wave("1", Value().type()), "1:1: expected (), found '1'");
}

TEST(Wave, ReadsIncompleteTypes) {
  EXPECT_EQ(read_wave("none", Value::none().type()), "none");
  EXPECT_EQ(read_wave("some(1)", Value::none().type()), "1:5: the type inside 'option<_>' is unknown");
  EXPECT_EQ(read_wave("[]", Value::list({}).type()), "[]");
  EXPECT_EQ(read_wave("[1]", Value::list({}).type()), "1:2: the type inside 'list<_>' is unknown");
}

// ---- Writing

TEST(Wave, EscapesInvisibleCharacters) {
  EXPECT_EQ(to_wave(Value("a\"b'c\\d\t\n\r")), R"("a\"b'c\\d\t\n\r")");
  EXPECT_EQ(to_wave(Value(U'\'')), R"('\'')");
  EXPECT_EQ(to_wave(Value(U'"')), R"('"')");
  EXPECT_EQ(to_wave(Value(std::string_view("\0\x1b\x7f", 3))), R"("\u{0}\u{1b}\u{7f}")");
  EXPECT_EQ(to_wave(Value("\u0085\u202e\u200b\ufeff\u2028")), R"("\u{85}\u{202e}\u{200b}\u{feff}\u{2028}")");
  EXPECT_EQ(to_wave(Value("é☃🌊")), "\"é☃🌊\"");
}

TEST(Wave, AlwaysWritesUtf8) {
  EXPECT_EQ(to_wave(Value("a\xff"
                          "b")),
            "\"a\uFFFDb\"");
  EXPECT_EQ(to_wave(Value("\xe2\x98")), "\"\uFFFD\uFFFD\"");
  EXPECT_EQ(to_wave(Value("\xed\xa0\x80")), "\"\uFFFD\uFFFD\uFFFD\"");
  EXPECT_EQ(to_wave(Value("\xc0\x80")), "\"\uFFFD\uFFFD\"");
  EXPECT_EQ(to_wave(Value("\xf4\x90\x80\x80")), "\"\uFFFD\uFFFD\uFFFD\uFFFD\"");
  EXPECT_EQ(to_wave(Value(char32_t{0xD800})), "'\\u{d800}'");
}

TEST(Wave, WritesValuesWithoutADeclaredType) {
  EXPECT_EQ(to_wave(Value::record({{"id", 7}, {"name", "tea"}, {"note", Value::none()}})),
            "{id: 7, name: \"tea\"}");
  EXPECT_EQ(to_wave(Value::record({{"x", 1.5}, {"y", 2.0}})), "{x: 1.5, y: 2}");
  EXPECT_EQ(to_wave(Value::record({{"note", Value::none()}})), "{:}");
  EXPECT_EQ(to_wave(Value::list({1, "a", true})), "[1, \"a\", true]");
  EXPECT_EQ(to_wave(Value::tuple({1, 'c' == 'c', U'c'})), "(1, true, 'c')");
  EXPECT_EQ(to_wave(Value::ok()), "ok");
  EXPECT_EQ(to_wave(Value::error("oops")), "err(\"oops\")");
  EXPECT_EQ(to_wave(Value::variant("nan", 1)), "%nan(1)");
  EXPECT_EQ(to_wave(Value::enumeration("some")), "%some");
  EXPECT_EQ(to_wave(Value::flags({"b", "a"})), "{a, b}");
  const std::vector<std::int16_t> numbers = {-1, 0, 32767};
  EXPECT_EQ(to_wave(Value::list(std::span<const std::int16_t>(numbers))), "[-1, 0, 32767]");
}

TEST(Wave, ReadsWhatItWrote) {
  std::minstd_rand random(1);
  std::string bytes(512, '\0');
  for (int round = 0; round < 3000; ++round) {
    for (char& byte : bytes) byte = static_cast<char>(static_cast<unsigned char>(random() >> 8U));
    test::ByteSource source(bytes);
    const Type type = test::random_type(source, 4);
    const Value value = test::random_value(source, type);
    const std::string text = to_wave(value);
    const auto again = parse_wave(text, type);
    ASSERT_TRUE(again) << again.error().message() << "\n" << text << "\n" << type.to_string();
    ASSERT_TRUE(detail::is_exactly(*again, type.node())) << text;
    ASSERT_EQ(*again, value) << text;
  }
}

// ---- Hostile text

TEST(Wave, RejectsTextThatIsNotUtf8) {
  EXPECT_EQ(read_wave("\"é\xff\"", kString), "1:3: the text is not UTF-8");
  EXPECT_EQ(read_wave("1 // \xc3", kU8), "1:6: the text is not UTF-8");
  EXPECT_EQ(read_wave("\n \"\xed\xa0\x80\"", kString), "2:3: the text is not UTF-8");
  EXPECT_EQ(read_string("\"\uFFFD\""), "\uFFFD");
}

TEST(Wave, CountsColumnsInCharacters) {
  EXPECT_EQ(read_wave("[\"☃☃\", 1]", list(kString)), "1:8: element 1: expected a string in \" \", found '1'");
  EXPECT_EQ(read_wave("[1,\n2,\n x]", list(kU8)),
            "3:2: element 2: expected an integer from 0 to 255, found 'x'");
}

TEST(Wave, KeepsMessagesShortAndOnOneLine) {
  const std::string long_name(100'000, 'x');
  EXPECT_EQ(read_wave(long_name, kColor),
            "1:1: '" + std::string(60, 'x') + "…' is not a case of 'color' (red, green, blue)");
  EXPECT_LT(read_wave(std::string(100'000, '9'), kU8).size(), 200U);
  EXPECT_EQ(read_wave("\x1b[31m", kU8), "1:1: expected an integer from 0 to 255, found '\\u{1b}'");
  EXPECT_EQ(read_wave(std::string_view("\0", 1), kU8),
            "1:1: expected an integer from 0 to 255, found '\\u{0}'");
  EXPECT_EQ(read_wave("\u202e", kU8), "1:1: expected an integer from 0 to 255, found '\\u{202e}'");
  std::vector<std::string> names;
  for (int index = 0; index < 3000; ++index) names.push_back("case-" + std::to_string(index));
  EXPECT_EQ(read_wave("case-x", labels(TypeKind::enumeration, "many", names)),
            "1:1: 'case-x' is not a case of 'many' (case-0, case-1, case-2, case-3, case-4, case-5, case-6, "
            "case-7, … "
            "3000 in all); did you mean 'case-0'?");
}

TEST(Wave, FindsLabelsOfLargeTypesInAnyOrder) {
  constexpr int kFields = 2000;
  std::vector<TypeField> fields;
  std::string text = "{";
  for (int index = 0; index < kFields; ++index) {
    fields.push_back({"f" + std::to_string(index), kU32});
    text += fmt::format("f{0}: {0}, ", kFields - 1 - index);
  }
  const auto value = parse_wave(text + "}", Type::make(TypeKind::record, "large", fields));
  ASSERT_TRUE(value) << value.error().message();
  for (int index = 0; index < kFields; ++index) {
    EXPECT_EQ((*value)[index].get<std::uint32_t>(), static_cast<std::uint32_t>(index));
  }
  fields[7].type = option(kU8);
  EXPECT_EQ(read_wave("{f0: 1, f0: 1}", Type::make(TypeKind::record, "large", fields)),
            "1:9: duplicate field 'f0'");
}

TEST(Wave, TakesLinearTime) {
  const auto seconds = [](std::string_view text, const Type& type) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(parse_wave(text, type));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  constexpr std::size_t kSize = 4'000'000;
  std::string comments;
  while (comments.size() < kSize) comments += "//\n";
  std::string calls;
  while (calls.size() < kSize) calls += "some (";
  std::string lines = "\"\"\"\n";
  while (lines.size() < kSize) lines += "\\n\n";
  std::string labels_text = "{";
  while (labels_text.size() < kSize) labels_text += "read,";
  EXPECT_LT(seconds(comments, kU8), 2);
  EXPECT_LT(seconds(calls, option(option(option(kU8)))), 2);
  EXPECT_LT(seconds(lines, kString), 2);
  EXPECT_LT(seconds(labels_text, kPermissions), 2);
  EXPECT_LT(seconds(std::string(kSize, '['), list(list(kU8))), 2);
  EXPECT_LT(
      seconds(std::string(kSize, '9') + "x", kF64) + seconds("1e" + std::string(kSize, '9') + "x", kF64), 2);
  EXPECT_LT(seconds("\"" + std::string(kSize, 'x'), kString), 2);
  EXPECT_LT(seconds("[\"\"\"" + std::string(kSize, '\n'), list(kString)), 2);
}

}  // namespace
}  // namespace tairitsu

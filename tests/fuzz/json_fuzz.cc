/// Reads JSON. The first bytes of an input define a type (see random_type.h), the rest is text. A value that is read
/// has exactly that type and round-trips, with and without base64 and indentation; other text is rejected with a
/// one-line message.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "check.h"
#include "random_type.h"
#include "tairitsu/detail/context.h"
#include "tairitsu/json.h"
#include "value/value_node.h"

namespace {

using namespace tairitsu;
using test::check;

void check_error(const Error& error) {
  const std::string& message = error.message();
  check(error.code() == ErrorCode::invalid_argument, "unexpected error code", message);
  check(detail::is_utf8(message), "the message is not UTF-8", message);
  check(message.find_first_of(std::string_view("\0\n\r\x1b", 4)) == std::string_view::npos,
        "the message is not one line", message);
  check(!message.empty() && message.size() < 4096, "the message is empty or long", message);
}

/// Checks the types of the value and all its parts.
void check_type(const Value& value, const Type& type, std::string_view text) {
  check(detail::is_exactly(value, type.node()), "a value has another type", text);
  const bool sequence = type.kind() == TypeKind::record || type.kind() == TypeKind::tuple;
  if (sequence || type.kind() == TypeKind::list) {
    check(!sequence || value.size() == type.fields().size(), "the number of parts differs", text);
    for (std::size_t index = 0; index < value.size(); ++index) {
      check_type(value[index], *type.fields()[sequence ? index : 0].type, text);
    }
  } else if (value.size() != 0 && type.kind() != TypeKind::flags) {
    const std::size_t index = type.kind() == TypeKind::option ? 0 : detail::ValueAccess::index(value);
    check_type(value.payload(), *type.fields()[index].type, text);
  }
}

void check_written(const Value& value, const Type& type, const JsonOptions& options) {
  const std::string text = to_json(value, options);
  check(detail::is_utf8(text), "the text is not UTF-8", text);
  const auto again = parse_json(text, type, options);
  check(again.has_value(), again ? "" : again.error().message(), text);
  check(*again == value, "the value differs", text);
  check(to_json(*again, options) == text, "the text differs", text);
}

/// Reads the text of a record or a tuple as arguments too.
void check_arguments(const Value& value, const Type& type, std::string_view text) {
  FunctionType function;
  for (const TypeField& field : type.fields()) function.parameters.push_back(field);
  const auto arguments = parse_json_arguments(text, function);
  check(arguments.has_value(), arguments ? "" : arguments.error().message(), text);
  check(arguments->size() == value.size(), "the number of arguments differs", text);
  for (std::size_t index = 0; index < value.size(); ++index) {
    check_type((*arguments)[index], *type.fields()[index].type, text);
    check((*arguments)[index] == value[index], "an argument differs", text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  test::ByteSource bytes({reinterpret_cast<const char*>(data), size});
  const Type type = test::random_type(bytes);
  const std::string_view text = bytes.rest();
  const auto value = parse_json(text, type);
  const auto with_base64 = parse_json(text, type, {.bytes_as_base64 = true});
  if (value)
    check(with_base64.has_value() && *with_base64 == *value, "the base64 option changes the value", text);
  if (!value) check_error(value.error());
  if (!with_base64) {
    check_error(with_base64.error());
    return 0;
  }
  check_type(*with_base64, type, text);
  for (const bool base64 : {false, true}) {
    for (const int indent : {-1, 2}) {
      check_written(*with_base64, type, {.bytes_as_base64 = base64, .indent = indent});
    }
  }
  const bool sequence = type.kind() == TypeKind::record || type.kind() == TypeKind::tuple;
  if (value && sequence) check_arguments(*value, type, text);
  return 0;
}

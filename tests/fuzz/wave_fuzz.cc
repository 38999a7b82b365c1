/// Reads WAVE. The first bytes of an input define a type (see random_type.h), the rest is text. A value that is read
/// has exactly that type and round-trips; other text is rejected with a one-line message.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "check.h"
#include "random_type.h"
#include "tairitsu/detail/context.h"
#include "tairitsu/wave.h"
#include "value/value_node.h"

namespace {

using namespace tairitsu;
using test::check;

bool is_one_line(std::string_view text) {
  return detail::is_utf8(text) &&
         text.find_first_of(std::string_view("\0\n\r\x1b", 4)) == std::string_view::npos;
}

void check_error(const Error& error) {
  check(error.code() == ErrorCode::invalid_argument, "unexpected error code", error.message());
  check(is_one_line(error.message()), "the message is not one line of UTF-8", error.message());
  check(error.message().size() < 4096, "the message is long", error.message());
  check(error.message()[0] >= '1' && error.message()[0] <= '9', "the message has no line", error.message());
}

/// Reads the text of a tuple as arguments too.
void check_arguments(const Value& tuple, std::string_view text) {
  FunctionType function;
  for (const TypeField& field : tuple.type().fields()) function.parameters.push_back({"p", field.type});
  const auto arguments = parse_wave_arguments(text, function);
  check(arguments.has_value(), "a tuple cannot be read as arguments", text);
  check(arguments->size() == tuple.size(), "the number of arguments differs", text);
  for (std::size_t index = 0; index < tuple.size(); ++index) {
    check((*arguments)[index] == tuple[index], "an argument differs", text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  test::ByteSource bytes({reinterpret_cast<const char*>(data), size});
  const Type type = test::random_type(bytes);
  const auto value = parse_wave(bytes.rest(), type);
  if (!value) {
    check_error(value.error());
    return 0;
  }
  check(detail::is_exactly(*value, type.node()), "the value has another type", bytes.rest());
  const std::string text = to_wave(*value);
  check(is_one_line(text), "the text is not one line of UTF-8", text);
  const auto again = parse_wave(text, type);
  check(again.has_value(), again ? "" : again.error().message(), text);
  check(*again == *value, "the value differs", text);
  check(to_wave(*again) == text, "the text differs", text);
  if (type.kind() == TypeKind::tuple) check_arguments(*value, bytes.rest());
  return 0;
}

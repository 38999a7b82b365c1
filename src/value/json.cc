#include "tairitsu/json.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/base64.h"
#include "value/json_reader.h"
#include "value/json_text.h"
#include "value/number.h"
#include "value/value_node.h"

namespace tairitsu {
namespace detail {
namespace {

// The code below interprets the low bytes of a number's bits as in linear memory.
static_assert(std::endian::native == std::endian::little);

class Writer {
 public:
  explicit Writer(const JsonOptions& options) : text_(options.indent), base64_(options.bytes_as_base64) {}

  void value(const Value& value);
  [[nodiscard]] std::string take() { return text_.take(); }

 private:
  void plain(const std::byte* bytes, const TypeNode& type);
  void fields(const TypeNode& type, auto&& write);
  void list(const Value& value, const TypeNode& type);
  void cases(const Value& value, const TypeNode& type);
  void option(const Value& value, const TypeNode& type);
  void flags(std::uint64_t bits, const TypeNode& type);
  void handle(const TypeNode& type);

  JsonText text_;
  bool base64_;
};

template <typename T>
T read(const std::byte* bytes) noexcept {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// Writes a value of a plain type from its bytes in memory.
void Writer::plain(const std::byte* bytes, const TypeNode& type) {
  if (is_number(type.kind)) {
    return with_number_type(type.kind, [&]<typename T>() {
      if constexpr (std::is_floating_point_v<T>) {
        text_.real(read<T>(bytes));
      } else {
        text_.integer(read<T>(bytes));
      }
    });
  }
  switch (type.kind) {
    case TypeKind::boolean:
      return text_.raw(read<std::uint8_t>(bytes) != 0 ? "true" : "false");
    case TypeKind::character:
      return text_.character(read<char32_t>(bytes));
    case TypeKind::enumeration:
      return text_.string(type.fields[read_bits(bytes, type.size)].name);
    case TypeKind::flags:
      return flags(read_bits(bytes, type.size), type);
    default:
      fields(type, [&](std::size_t index) { plain(bytes + type.offsets[index], *type.field(index)); });
  }
}

/// Writes a record or a tuple; `write` writes one field.
void Writer::fields(const TypeNode& type, auto&& write) {
  const bool named = type.kind == TypeKind::record;
  named ? text_.begin_object() : text_.begin_array();
  for (std::size_t index = 0; index < type.fields.size(); ++index) {
    if (named) text_.key(type.fields[index].name);
    write(index);
  }
  named ? text_.end_object() : text_.end_array();
}

void Writer::value(const Value& value) {
  if (value.is_empty()) return text_.raw("null");
  const TypeNode* type = ValueAccess::type(value);
  switch (value.kind()) {
    case TypeKind::string:
      return text_.string(value.text());
    case TypeKind::list:
      return list(value, *type);
    case TypeKind::record:
    case TypeKind::tuple:
      if (type->plain) return plain(ValueAccess::plain_bytes(value), *type);
      return fields(*type, [&](std::size_t index) { this->value(value[index]); });
    case TypeKind::variant:
    case TypeKind::result:
      return cases(value, *type);
    case TypeKind::option:
      return option(value, *type);
    case TypeKind::enumeration:
      return text_.string(value.case_name());
    case TypeKind::flags:
      return flags(ValueAccess::bits(value), *type);
    case TypeKind::own:
    case TypeKind::borrow:
      return handle(*type);
    default: {
      const std::uint64_t bits = ValueAccess::bits(value);
      return plain(reinterpret_cast<const std::byte*>(&bits), scalar_type(value.kind()).node());
    }
  }
}

void Writer::list(const Value& value, const TypeNode& type) {
  const TypeNode* element = type.field(0);
  const std::size_t size = value.size();
  if (element == nullptr || !element->plain) {
    text_.begin_array();
    for (std::size_t index = 0; index < size; ++index) this->value(value[index]);
    return text_.end_array();
  }
  const std::byte* bytes = ValueAccess::node_as<BytesNode>(value).data();
  if (base64_ && element->kind == TypeKind::u8) return text_.raw('"' + to_base64({bytes, size}) + '"');
  text_.reserve(2 * size);
  text_.begin_array();
  for (std::size_t index = 0; index < size; ++index) plain(bytes + index * element->size, *element);
  text_.end_array();
}

void Writer::cases(const Value& value, const TypeNode& type) {
  text_.begin_object();
  text_.key(type.fields[ValueAccess::index(value)].name);
  this->value(value.payload());
  text_.end_object();
}

void Writer::option(const Value& value, const TypeNode& type) {
  if (ValueAccess::index(value) == 0) return text_.raw("null");
  if (!is_wrapped_option(type)) return this->value(value.payload());
  text_.begin_object();
  text_.key("some");
  this->value(value.payload());
  text_.end_object();
}

void Writer::flags(std::uint64_t bits, const TypeNode& type) {
  text_.begin_array();
  for (std::size_t index = 0; index < type.fields.size() && index < 64; ++index) {
    if ((bits >> index & 1) != 0) text_.string(type.fields[index].name);
  }
  text_.end_array();
}

/// Writes a handle for display; it cannot be read back.
void Writer::handle(const TypeNode& type) {
  text_.begin_object();
  text_.key("resource");
  type.name.empty() ? text_.raw("null") : text_.string(type.name);
  if (!type.interface_name.empty()) {
    text_.key("interface");
    text_.string(type.interface_name);
  }
  text_.end_object();
}

}  // namespace
}  // namespace detail

Result<Value> parse_json(std::string_view text, const Type& type, const JsonOptions& options) {
  return detail::read_json(text, type.node(), options);
}

Result<std::vector<Value>> parse_json_arguments(std::string_view text, const FunctionType& function,
                                                const JsonOptions& options) {
  const Type parameters = Type::make(TypeKind::record, {}, function.parameters);
  return detail::read_json_arguments(text, parameters.node(), options);
}

std::string to_json(const Value& value, const JsonOptions& options) {
  detail::Writer writer(options);
  writer.value(value);
  return writer.take();
}

}  // namespace tairitsu

#include "tairitsu/type.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/text.h"
#include "wit/type_node.h"

namespace tairitsu {

namespace {

constexpr std::size_t kMaxTypeText = std::size_t{64} * 1024;

/// How much of a named type to print.
enum class Detail { names, one_level, everything };

/// Prints types, and stops when the text gets too long.
class TypePrinter {
 public:
  void function(const FunctionType& function, Detail detail) {
    add(function.async ? "async func(" : "func(");
    bool first = true;
    for (const auto& [name, type] : function.parameters) {
      if (full()) break;
      if (!std::exchange(first, false)) add(", ");
      if (!name.empty()) add(name, ": ");
      optional(type, detail);
    }
    add(")");
    if (function.result) {
      add(" -> ");
      type(*function.result, detail);
    }
  }

  void type(const Type& type, Detail detail) {
    if (full()) return;
    if (detail::takes_name(type.kind()) && !type.name().empty() && detail == Detail::names) {
      add(type.name());
      return;
    }
    const Detail inner = detail == Detail::one_level ? Detail::names : detail;
    switch (type.kind()) {
      case TypeKind::record:
      case TypeKind::variant:
      case TypeKind::enumeration:
      case TypeKind::flags:
        block(type, inner);
        break;
      case TypeKind::own:
        if (type.name().empty())
          add("own<_>");
        else
          add(type.name());
        break;
      case TypeKind::borrow:
        add("borrow<", type.name().empty() ? std::string_view("_") : type.name(), ">");
        break;
      case TypeKind::result:
        result(type, inner);
        break;
      default:
        arguments(type, inner);
    }
  }

  std::string take() {
    if (full()) return detail::shortened(text_, kMaxTypeText);
    return std::move(text_);
  }

 private:
  [[nodiscard]] bool full() const { return text_.size() > kMaxTypeText; }

  template <typename... Parts>
  void add(const Parts&... parts) {
    (text_.append(std::string_view(parts)), ...);
  }

  void optional(const std::optional<Type>& type, Detail detail) {
    if (type)
      this->type(*type, detail);
    else
      add("_");
  }

  void block(const Type& type, Detail detail) {
    add(detail::keyword(type.kind()), " {");
    bool first = true;
    for (const auto& [name, payload] : type.fields()) {
      if (full()) return;
      add(std::exchange(first, false) ? " " : ", ", name);
      if (!payload) continue;
      const bool is_case = type.kind() == TypeKind::variant;
      add(is_case ? "(" : ": ");
      this->type(*payload, detail);
      if (is_case) add(")");
    }
    add(" }");
  }

  void result(const Type& type, Detail detail) {
    const auto& ok = type.fields()[0].type;
    const auto& error = type.fields()[1].type;
    add("result");
    if (!ok && !error) return;
    add("<");
    optional(ok, detail);
    if (error) {
      add(", ");
      this->type(*error, detail);
    }
    add(">");
  }

  void arguments(const Type& type, Detail detail) {
    add(detail::keyword(type.kind()));
    const auto& fields = type.fields();
    const bool may_be_bare = type.kind() == TypeKind::future || type.kind() == TypeKind::stream;
    if (fields.empty() || (may_be_bare && !fields[0].type)) {
      if (type.kind() == TypeKind::tuple) add("<>");
      return;
    }
    add("<");
    bool first = true;
    for (const auto& field : fields) {
      if (full()) return;
      if (!std::exchange(first, false)) add(", ");
      optional(field.type, detail);
    }
    if (type.kind() == TypeKind::fixed_length_list) add(", ", std::to_string(type.length()));
    add(">");
  }

  std::string text_;
};

std::string print(const Type& type, Detail detail) {
  TypePrinter printer;
  printer.type(type, detail);
  return printer.take();
}

std::string print(const FunctionType& function, Detail detail) {
  TypePrinter printer;
  printer.function(function, detail);
  return printer.take();
}

/// Brings the fields of kinds whose fields WIT does not name into the form that `Type::fields` documents.
void normalise(TypeKind kind, std::vector<TypeField>& fields) {
  switch (kind) {
    case TypeKind::record:
    case TypeKind::variant:
    case TypeKind::enumeration:
    case TypeKind::flags:
      return;
    case TypeKind::result:
      fields.resize(2);
      fields[0].name = "ok";
      fields[1].name = "error";
      return;
    case TypeKind::list:
    case TypeKind::option:
    case TypeKind::future:
    case TypeKind::stream:
    case TypeKind::fixed_length_list:
      fields.resize(1);
      break;
    case TypeKind::map:
      fields.resize(2);
      break;
    case TypeKind::tuple:
      break;
    default:
      fields.clear();
  }
  for (auto& field : fields) field.name.clear();
}

}  // namespace

TypeKind Type::kind() const noexcept { return node_->kind; }
const std::string& Type::name() const noexcept { return node_->name; }
const std::string& Type::interface_name() const noexcept { return node_->interface_name; }
const std::vector<TypeField>& Type::fields() const noexcept { return node_->fields; }
std::uint32_t Type::length() const noexcept { return node_->length; }
std::uint32_t Type::size() const noexcept { return node_->size; }
std::uint32_t Type::alignment() const noexcept { return node_->align; }
std::string Type::to_string() const { return print(*this, Detail::names); }
std::string Type::definition() const { return print(*this, Detail::one_level); }

std::string FunctionType::to_string() const { return print(*this, Detail::names); }
std::string FunctionType::definition() const { return print(*this, Detail::everything); }

bool operator==(const Type& a, const Type& b) noexcept {
  if (a.node_.get() == b.node_.get()) return true;
  if (a.kind() != b.kind() || a.length() != b.length()) return false;
  if (detail::is_handle(a.kind())) return a.name() == b.name() && a.interface_name() == b.interface_name();
  return std::ranges::equal(a.fields(), b.fields(), [](const TypeField& x, const TypeField& y) {
    return x.name == y.name && x.type == y.type;
  });
}

namespace {

std::uint32_t add(std::uint32_t a, std::uint32_t b) noexcept {
  const std::uint64_t sum = std::uint64_t{a} + b;
  return sum > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(sum);
}

std::uint32_t scalar_size(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::boolean:
    case TypeKind::s8:
    case TypeKind::u8:
      return 1;
    case TypeKind::s16:
    case TypeKind::u16:
      return 2;
    case TypeKind::s64:
    case TypeKind::u64:
    case TypeKind::f64:
      return 8;
    default:
      return 4;
  }
}

std::uint32_t discriminant_size(std::size_t cases) noexcept {
  if (cases <= 256) return 1;
  return cases <= 65536 ? 2 : 4;
}

void lay_out_sequence(detail::TypeNode& node) {
  node.plain = true;
  std::uint32_t used = 0;
  for (const TypeField& field : node.fields) {
    if (!field.type) {
      node.complete = node.plain = false;
      continue;
    }
    const detail::TypeNode& part = field.type->node();
    node.size = detail::align_up(node.size, part.align);
    node.offsets.push_back(node.size);
    node.size = add(node.size, part.size);
    used = add(used, part.size);
    node.align = std::max(node.align, part.align);
    node.flat_count = add(node.flat_count, part.flat_count);
    node.plain = node.plain && part.plain;
    node.plain_checked = node.plain_checked || part.plain_checked;
    node.padded = node.padded || part.padded;
  }
  node.size = detail::align_up(node.size, node.align);
  node.plain = node.plain && !node.fields.empty() && node.size != UINT32_MAX;
  node.padded = node.padded || used != node.size;
}

/// Options, results, variants and enums.
void lay_out_cases(detail::TypeNode& node, std::size_t cases) {
  node.discriminant_size = discriminant_size(cases);
  std::uint32_t payload_align = 1;
  std::uint32_t payload_size = 0;
  for (const TypeField& field : node.fields) {
    if (!field.type) continue;
    const detail::TypeNode& part = field.type->node();
    payload_align = std::max(payload_align, part.align);
    payload_size = std::max(payload_size, part.size);
    node.flat_count = std::max(node.flat_count, part.flat_count);
  }
  node.flat_count = add(node.flat_count, 1);
  node.align = std::max(node.discriminant_size, payload_align);
  node.payload_offset = detail::align_up(node.discriminant_size, payload_align);
  node.size = detail::align_up(add(node.payload_offset, payload_size), node.align);
}

/// Computes the layout of values in memory and in slots.
void lay_out(detail::TypeNode& node) {
  for (const TypeField& field : node.fields) {
    if (!field.type) continue;
    const detail::TypeNode& part = field.type->node();
    node.handle_count = add(node.handle_count, part.handle_count);
    node.in_memory = node.in_memory || part.in_memory;
    node.complete = node.complete && part.complete;
    node.has_chars = node.has_chars || part.has_chars;
  }
  switch (node.kind) {
    case TypeKind::string:
    case TypeKind::list:
    case TypeKind::map:
      node.size = 8;
      node.align = 4;
      node.flat_count = 2;
      node.in_memory = true;
      if (node.kind == TypeKind::list && !node.fields[0].type) node.complete = false;
      break;
    case TypeKind::record:
    case TypeKind::tuple:
      lay_out_sequence(node);
      break;
    case TypeKind::option:
      if (!node.fields[0].type) node.complete = false;
      lay_out_cases(node, 2);
      break;
    case TypeKind::variant:
    case TypeKind::result:
      lay_out_cases(node, node.fields.size());
      break;
    case TypeKind::enumeration:
      lay_out_cases(node, node.fields.size());
      node.plain = node.plain_checked = true;
      break;
    case TypeKind::flags:
      node.size = node.align = node.fields.size() <= 8 ? 1 : node.fields.size() <= 16 ? 2 : 4;
      node.flat_count = 1;
      node.plain = node.plain_checked = node.fields.size() <= detail::kMaxFlags;
      break;
    case TypeKind::own:
    case TypeKind::borrow:
      node.handle_count = 1;
      [[fallthrough]];
    case TypeKind::future:
    case TypeKind::stream:
    case TypeKind::error_context:
      node.size = node.align = 4;
      node.flat_count = 1;
      break;
    case TypeKind::fixed_length_list: {
      const detail::TypeNode* element = node.field(0);
      if (element == nullptr) break;
      const std::uint64_t size = std::uint64_t{element->size} * node.length;
      const std::uint64_t flat = std::uint64_t{element->flat_count} * node.length;
      node.size = static_cast<std::uint32_t>(std::min<std::uint64_t>(size, UINT32_MAX));
      node.flat_count = static_cast<std::uint32_t>(std::min<std::uint64_t>(flat, UINT32_MAX));
      node.align = element->align;
      break;
    }
    default:
      node.size = node.align = scalar_size(node.kind);
      node.flat_count = 1;
      node.plain = true;
      node.has_chars = node.kind == TypeKind::character;
      node.plain_checked = node.kind == TypeKind::boolean || node.has_chars;
  }
}

Type make_node(TypeKind kind, std::string name, std::vector<TypeField> fields, std::string interface_name,
               std::uint32_t length, detail::SharedResourceNames resource_names = nullptr) {
  auto node = std::make_unique<detail::TypeNode>();
  node->kind = kind;
  node->name = std::move(name);
  node->interface_name = std::move(interface_name);
  node->fields = std::move(fields);
  node->length = length;
  node->resource_names = std::move(resource_names);
  lay_out(*node);
  return Type(detail::SharedPointer<detail::TypeNode>(node.release()));
}

}  // namespace

Type Type::make(TypeKind kind, std::string name) { return make(kind, std::move(name), {}); }

Type Type::make(TypeKind kind, std::string name, std::vector<TypeField> fields, std::string interface_name,
                std::uint32_t length) {
  if (kind <= TypeKind::string) return detail::scalar_type(kind);
  normalise(kind, fields);
  return make_node(kind, std::move(name), std::move(fields), std::move(interface_name), length);
}

namespace detail {

std::string type_name(const Type& type) { return printable(type.to_string(), kMaxTypeName); }

std::string_view keyword(TypeKind kind) noexcept {
  constexpr std::array<std::string_view, 28> kKeywords = {
      "bool",  "s8",   "u8",     "s16",    "u16",    "s32",           "u32",     "s64",  "u64",    "f32",
      "f64",   "char", "string", "list",   "record", "tuple",         "variant", "enum", "option", "result",
      "flags", "own",  "borrow", "future", "stream", "error-context", "map",     "list"};
  const auto index = static_cast<std::size_t>(kind);
  return index < kKeywords.size() ? kKeywords[index] : "?";
}

void retain(const TypeNode* node) noexcept { node->retain(); }
void release(const TypeNode* node) noexcept {
  if (node->release()) delete node;
}

Type make_handle(TypeKind kind, SharedResourceNames names) {
  const ResourceName& owner = names->front();
  return make_node(kind, owner.name, {}, owner.interface_name, 0, std::move(names));
}

const Type& scalar_type(TypeKind kind) {
  static_assert(static_cast<int>(TypeKind::boolean) == 0 && static_cast<int>(TypeKind::string) == 12);
  // Never destroyed: values may outlive main.
  static const auto& types = *new std::array<Type, 13>([]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Type, 13>{make_node(static_cast<TypeKind>(I), {}, {}, {}, 0)...};
  }(std::make_index_sequence<13>{}));
  return types[static_cast<std::size_t>(kind)];
}

}  // namespace detail

}  // namespace tairitsu

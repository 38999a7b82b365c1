#include "tairitsu/type.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace tairitsu {

struct Type::Node {
  TypeKind kind;
  std::string name;
  std::string interface_name;
  std::vector<TypeField> fields;
  std::uint32_t length;
};

namespace {

constexpr std::size_t kMaxText = std::size_t{64} * 1024;
constexpr std::string_view kCut = "…";

/// The kind's keyword in WIT.
std::string_view keyword(TypeKind kind) noexcept {
  constexpr std::array<std::string_view, 28> kKeywords = {
      "bool",  "s8",   "u8",     "s16",    "u16",    "s32",           "u32",     "s64",  "u64",    "f32",
      "f64",   "char", "string", "list",   "record", "tuple",         "variant", "enum", "option", "result",
      "flags", "own",  "borrow", "future", "stream", "error-context", "map",     "list"};
  const auto index = static_cast<std::size_t>(kind);
  return index < kKeywords.size() ? kKeywords[index] : "?";
}

bool takes_name(TypeKind kind) noexcept {
  return kind == TypeKind::record || kind == TypeKind::variant || kind == TypeKind::enumeration ||
         kind == TypeKind::flags;
}

bool is_handle(TypeKind kind) noexcept { return kind == TypeKind::own || kind == TypeKind::borrow; }

/// How much of a named type to print.
enum class Detail { names, one_level, everything };

/// Writes types until the text is too long.
class Printer {
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
    if (takes_name(type.kind()) && !type.name().empty() && detail == Detail::names) {
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
    if (full()) {
      // Not in the middle of a UTF-8 sequence, should a name have one.
      std::size_t end = kMaxText;
      while (end > 0 && (static_cast<unsigned char>(text_[end]) & 0xC0) == 0x80) --end;
      text_.resize(end);
      text_ += kCut;
    }
    return std::move(text_);
  }

 private:
  [[nodiscard]] bool full() const { return text_.size() > kMaxText; }

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
    add(keyword(type.kind()), " {");
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
    add(keyword(type.kind()));
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
  Printer printer;
  printer.type(type, detail);
  return printer.take();
}

std::string print(const FunctionType& function, Detail detail) {
  Printer printer;
  printer.function(function, detail);
  return printer.take();
}

/// Gives the fields of kinds whose fields WIT does not name the shape that `Type::fields` says.
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
std::string Type::to_string() const { return print(*this, Detail::names); }
std::string Type::definition() const { return print(*this, Detail::one_level); }

std::string FunctionType::to_string() const { return print(*this, Detail::names); }
std::string FunctionType::definition() const { return print(*this, Detail::everything); }

bool operator==(const Type& a, const Type& b) noexcept {
  if (a.node_ == b.node_) return true;
  if (a.kind() != b.kind() || a.length() != b.length()) return false;
  if (is_handle(a.kind())) return a.name() == b.name() && a.interface_name() == b.interface_name();
  return std::ranges::equal(a.fields(), b.fields(), [](const TypeField& x, const TypeField& y) {
    return x.name == y.name && x.type == y.type;
  });
}

Type Type::make(TypeKind kind, std::string name) { return make(kind, std::move(name), {}); }

Type Type::make(TypeKind kind, std::string name, std::vector<TypeField> fields, std::string interface_name,
                std::uint32_t length) {
  normalise(kind, fields);
  return Type(std::make_shared<const Node>(Node{.kind = kind,
                                                .name = std::move(name),
                                                .interface_name = std::move(interface_name),
                                                .fields = std::move(fields),
                                                .length = length}));
}

}  // namespace tairitsu

#include "tairitsu/value.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "value/number.h"
#include "value/value_node.h"

// Nodes are reference-counted, which the analyzer does not see.
// NOLINTBEGIN(clang-analyzer-cplusplus.NewDeleteLeaks)

namespace tairitsu {

namespace detail {

TextNode* TextNode::make(std::string_view text, bool checked) {
  void* memory = ::operator new(sizeof(TextNode) + text.size());
  auto* node = new (memory) TextNode(text.size(), checked);
  std::memcpy(static_cast<void*>(node + 1), text.data(), text.size());
  return node;
}

BytesNode* BytesNode::make(Type type, std::size_t size, bool clear) {
  if (size > SIZE_MAX - sizeof(BytesNode)) throw std::bad_alloc();
  void* memory = ::operator new(sizeof(BytesNode) + size, std::align_val_t{alignof(BytesNode)});
  auto* node = new (memory) BytesNode(std::move(type), size);
  if (clear) std::memset(node->data(), 0, size);
  return node;
}

void destroy(const ValueNode* node) noexcept {
  switch (node->tag) {
    case ValueNode::Tag::text: {
      const auto* text = static_cast<const TextNode*>(node);
      text->~TextNode();
      ::operator delete(const_cast<TextNode*>(text));
      break;
    }
    case ValueNode::Tag::bytes: {
      const auto* bytes = static_cast<const BytesNode*>(node);
      bytes->~BytesNode();
      ::operator delete(const_cast<BytesNode*>(bytes), std::align_val_t{alignof(BytesNode)});
      break;
    }
    case ValueNode::Tag::items:
      delete static_cast<const ItemsNode*>(node);
      break;
    case ValueNode::Tag::payload:
      delete static_cast<const PayloadNode*>(node);
      break;
    case ValueNode::Tag::guest:
      delete static_cast<const GuestNode*>(node);
      break;
    case ValueNode::Tag::host:
      delete static_cast<const HostNode*>(node);
      break;
  }
}

Value ValueAccess::immediate(TypeKind kind, std::uint64_t bits, const TypeNode* type) noexcept {
  Value value;
  value.kind_ = kind;
  value.bits_ = bits;
  value.type_ = type;
  if (type != nullptr) type->retain();
  return value;
}

Value ValueAccess::make_case(const TypeNode& type, std::uint32_t index) noexcept {
  Value value = immediate(type.kind, 0, &type);
  value.index_ = index;
  return value;
}

Value ValueAccess::make_case(const TypeNode& type, std::uint32_t index, Value payload) {
  Value value = own(new PayloadNode(type_of(type), std::move(payload)));
  value.index_ = index;
  return value;
}

Value ValueAccess::text(std::string_view text, bool checked) {
  if (text.empty()) return immediate(TypeKind::string, 0);
  Value value = own(TextNode::make(text, checked));
  value.type_ = nullptr;
  return value;
}

Value ValueAccess::own(const ValueNode* node) noexcept {
  Value value;
  value.type_ = &node->type.node();
  value.kind_ = value.type_->kind;
  value.form_ = node->tag == ValueNode::Tag::bytes && value.kind_ != TypeKind::list ? Form::part : Form::node;
  value.node_ = node;
  return value;
}

Value ValueAccess::items(const TypeNode& type, std::vector<Value> items) {
  return own(new ItemsNode(type_of(type), std::move(items)));
}

Value ValueAccess::part(const BytesNode& node, const TypeNode& type, std::size_t offset) {
  switch (type.kind) {
    case TypeKind::record:
    case TypeKind::tuple: {
      if (offset > UINT32_MAX) [[unlikely]] {
        BytesNode* copy = BytesNode::make(type_of(type), type.size, false);
        std::memcpy(copy->data(), node.data() + offset, type.size);
        return own(copy);
      }
      node.retain();
      Value value;
      value.kind_ = type.kind;
      value.form_ = Form::part;
      value.index_ = static_cast<std::uint32_t>(offset);
      value.node_ = &node;
      value.type_ = &type;
      return value;
    }
    case TypeKind::enumeration:
      return make_case(type, static_cast<std::uint32_t>(read_bits(node.data() + offset, type.size)));
    case TypeKind::flags:
      return immediate(TypeKind::flags, read_bits(node.data() + offset, type.size), &type);
    default:
      return immediate(type.kind, read_bits(node.data() + offset, type.size));
  }
}

void write_plain(const Value& value, const TypeNode& type, std::byte* to) noexcept {
  switch (type.kind) {
    case TypeKind::record:
    case TypeKind::tuple:
      std::memcpy(to, ValueAccess::plain_bytes(value), type.size);
      break;
    case TypeKind::enumeration: {
      const std::uint32_t index = ValueAccess::index(value);
      std::memcpy(to, &index, type.size);
      break;
    }
    default: {
      const std::uint64_t bits = ValueAccess::bits(value);
      std::memcpy(to, &bits, type.size);
    }
  }
}

Value make_fields(const TypeNode& type, std::vector<Value> fields) {
  if (!type.plain) return ValueAccess::items(type, std::move(fields));
  BytesNode* bytes = BytesNode::make(type_of(type), type.size, true);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    write_plain(fields[i], *type.field(i), bytes->data() + type.offsets[i]);
  }
  return ValueAccess::own(bytes);
}

}  // namespace detail

namespace {

using detail::BytesNode;
using detail::ItemsNode;
using detail::TypeNode;
using detail::ValueAccess;
using detail::ValueNode;

/// Compares names. Most differ in their first letter, and many consist of just one.
bool same_name(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && (a.empty() || (a[0] == b[0] && (a.size() == 1 || a == b)));
}

/// The field for an element or a payload.
TypeField unnamed(std::optional<Type> type) { return {.name = {}, .type = std::move(type)}; }

TypeField named(std::string_view name, std::optional<Type> type) {
  return {.name = std::string(name), .type = std::move(type)};
}

Type make_list_type(std::optional<Type> element) {
  return Type::make(TypeKind::list, {}, {unnamed(std::move(element))});
}

/// Returns the list type of a scalar, which is created once.
const Type& list_type_of(TypeKind scalar) {
  static const auto& types = *new std::array<Type, 13>([]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Type, 13>{make_list_type(detail::scalar_type(static_cast<TypeKind>(I)))...};
  }(std::make_index_sequence<13>{}));
  return types[static_cast<std::size_t>(scalar)];
}

std::optional<Type> type_unless_empty(const Value& value) {
  if (value.is_empty()) return std::nullopt;
  return value.type();
}

/// Returns a record, tuple or list of `items`, which must have exactly the types of its parts.
Value gather(const Type& type, std::vector<Value> items) {
  const TypeNode& node = type.node();
  if (node.kind != TypeKind::list) return detail::make_fields(node, std::move(items));
  const TypeNode* element = node.field(0);
  if (element == nullptr || !element->plain) return ValueAccess::items(node, std::move(items));
  BytesNode* bytes = BytesNode::make(type, std::size_t{element->size} * items.size(), true);
  for (std::size_t i = 0; i < items.size(); ++i) {
    detail::write_plain(items[i], *element, bytes->data() + i * element->size);
  }
  return ValueAccess::own(bytes);
}

}  // namespace

// ---- Creating

Value::Value(std::string_view text) { *this = ValueAccess::text(text, false); }

Value Value::list(std::vector<Value> elements) {
  std::optional<Type> element;
  if (!elements.empty()) {
    element = elements[0].type();
    if (!element->node().complete ||
        !std::ranges::all_of(elements, [&](const Value& other) { return other.type() == *element; })) {
      element.reset();
    }
  }
  // The list types of scalars exist already.
  const Type type = element && element->kind() <= TypeKind::string ? list_type_of(element->kind())
                                                                   : make_list_type(std::move(element));
  return gather(type, std::move(elements));
}

Value Value::number_list(TypeKind kind, std::span<const std::byte> bytes, std::size_t) {
  BytesNode* node = BytesNode::make(list_type_of(kind), bytes.size(), false);
  if (!bytes.empty()) std::memcpy(node->data(), bytes.data(), bytes.size());
  return ValueAccess::own(node);
}

Value Value::record(std::vector<NamedValue> fields) {
  std::vector<TypeField> types;
  std::vector<Value> items;
  types.reserve(fields.size());
  items.reserve(fields.size());
  for (NamedValue& field : fields) {
    types.push_back(named(field.name, field.value.type()));
    items.push_back(std::move(field.value));
  }
  return gather(Type::make(TypeKind::record, {}, std::move(types)), std::move(items));
}

Value Value::tuple(std::vector<Value> elements) {
  if (elements.empty()) return {};
  std::vector<TypeField> types;
  types.reserve(elements.size());
  for (const Value& element : elements) types.push_back(unnamed(element.type()));
  return gather(Type::make(TypeKind::tuple, {}, std::move(types)), std::move(elements));
}

Value Value::some(Value payload) {
  const Type type = Type::make(TypeKind::option, {}, {unnamed(payload.type())});
  return ValueAccess::make_case(type.node(), 1, std::move(payload));
}

Value Value::none() {
  static const Type& unknown = *new Type(Type::make(TypeKind::option));
  return ValueAccess::make_case(unknown.node(), 0);
}

namespace {

Value make_variant(const Type& type, std::uint32_t index, Value payload) {
  return payload.is_empty() ? ValueAccess::make_case(type.node(), index)
                            : ValueAccess::make_case(type.node(), index, std::move(payload));
}

}  // namespace

Value Value::ok(Value payload) {
  const Type type = Type::make(TypeKind::result, {}, {unnamed(type_unless_empty(payload)), TypeField{}});
  return make_variant(type, 0, std::move(payload));
}

Value Value::error(Value payload) {
  const Type type = Type::make(TypeKind::result, {}, {TypeField{}, unnamed(type_unless_empty(payload))});
  return make_variant(type, 1, std::move(payload));
}

Value Value::variant(std::string_view label, Value payload) {
  const Type type = Type::make(TypeKind::variant, {}, {named(label, type_unless_empty(payload))});
  return make_variant(type, 0, std::move(payload));
}

Value Value::enumeration(std::string_view label) {
  const Type type = Type::make(TypeKind::enumeration, {}, {named(label, std::nullopt)});
  return ValueAccess::make_case(type.node(), 0);
}

Value Value::flags(std::vector<std::string> labels) {
  std::vector<TypeField> fields;
  std::ranges::sort(labels);
  const auto repeated = std::ranges::unique(labels);
  labels.erase(repeated.begin(), repeated.end());
  const std::size_t count = std::min<std::size_t>(labels.size(), 64);
  fields.reserve(labels.size());
  for (const std::string& label : labels) fields.push_back(named(label, std::nullopt));
  const Type type = Type::make(TypeKind::flags, {}, std::move(fields));
  return ValueAccess::immediate(TypeKind::flags, count == 64 ? UINT64_MAX : (std::uint64_t{1} << count) - 1,
                                &type.node());
}

Value Value::resource(GuestResource resource) {
  static const Type& type = *new Type(Type::make(TypeKind::own));
  return ValueAccess::own(new detail::GuestNode(type, std::move(resource)));
}

Value Value::resource(HostObject object) {
  static const Type& type = *new Type(Type::make(TypeKind::own));
  return ValueAccess::own(new detail::HostNode(type, std::move(object)));
}

// ---- Sharing

void Value::retain_shared() const noexcept {
  if (form_ == Form::immediate) {
    type_->retain();
  } else {
    node_->retain();
  }
}

void Value::release_shared() noexcept {
  if (form_ == Form::immediate) {
    detail::release(type_);
  } else if (node_->release()) {
    detail::destroy(node_);
  }
}

// ---- Reading

Type Value::type() const {
  if (type_ != nullptr) return detail::type_of(*type_);
  if (kind_ <= TypeKind::string) return detail::scalar_type(kind_);
  static const Type& unit = *new Type(Type::make(TypeKind::tuple));
  return unit;
}

std::string_view Value::text() const noexcept {
  if (kind_ != TypeKind::string || form_ == Form::immediate) return {};
  return ValueAccess::node_as<detail::TextNode>(*this).view();
}

std::span<const std::byte> Value::number_bytes(TypeKind kind) const noexcept {
  if (kind_ != TypeKind::list || node_->tag != ValueNode::Tag::bytes || type_->element().kind != kind)
    return {};
  const auto& bytes = ValueAccess::node_as<BytesNode>(*this);
  return {bytes.data(), bytes.size};
}

std::size_t Value::size() const noexcept {
  switch (kind_) {
    case TypeKind::list:
      if (node_->tag == ValueNode::Tag::bytes) {
        return ValueAccess::node_as<BytesNode>(*this).size / type_->element().size;
      }
      return ValueAccess::node_as<ItemsNode>(*this).items.size();
    case TypeKind::record:
    case TypeKind::tuple:
      return type_ == nullptr ? 0 : type_->fields.size();
    case TypeKind::flags:
      return static_cast<std::size_t>(std::popcount(bits_));
    case TypeKind::variant:
    case TypeKind::option:
    case TypeKind::result:
      return form_ == Form::node ? 1 : 0;
    default:
      return 0;
  }
}

Value Value::element(std::size_t index) const {
  switch (kind_) {
    case TypeKind::list:
      if (node_->tag == ValueNode::Tag::bytes) {
        const auto& bytes = ValueAccess::node_as<BytesNode>(*this);
        const TypeNode& element = type_->element();
        // Check the index first, so that the product cannot overflow.
        if (index >= bytes.size || (index + 1) * element.size > bytes.size) return {};
        return ValueAccess::part(bytes, element, index * element.size);
      }
      break;
    case TypeKind::record:
    case TypeKind::tuple:
      if (form_ == Form::part) {
        if (index >= type_->fields.size()) return {};
        return ValueAccess::part(ValueAccess::node_as<BytesNode>(*this), type_->fields[index].type->node(),
                                 std::size_t{index_} + type_->offsets[index]);
      }
      if (form_ == Form::immediate) return {};
      break;
    default:
      return {};
  }
  const auto& items = ValueAccess::node_as<ItemsNode>(*this).items;
  return index < items.size() ? items[index] : Value();
}

Value Value::operator[](std::string_view name) const {
  if (kind_ != TypeKind::record) return {};
  const auto& fields = type_->fields;
  for (std::size_t index = 0; index < fields.size(); ++index) {
    if (same_name(fields[index].name, name)) return (*this)[index];
  }
  return {};
}

std::string_view Value::case_name() const noexcept {
  switch (kind_) {
    case TypeKind::variant:
    case TypeKind::enumeration:
    case TypeKind::result:
      return type_->fields[index_].name;
    case TypeKind::option:
      return index_ == 0 ? "none" : "some";
    default:
      return {};
  }
}

Value Value::payload() const noexcept {
  const bool has_cases = kind_ == TypeKind::variant || kind_ == TypeKind::option || kind_ == TypeKind::result;
  return has_cases && form_ == Form::node ? ValueAccess::node_as<detail::PayloadNode>(*this).payload
                                          : Value();
}

std::vector<std::string_view> Value::labels() const {
  std::vector<std::string_view> labels;
  if (kind_ != TypeKind::flags) return labels;
  const std::size_t count = std::min<std::size_t>(type_->fields.size(), 64);
  for (std::size_t index = 0; index < count; ++index) {
    if ((bits_ >> index & 1) != 0) labels.push_back(type_->fields[index].name);
  }
  return labels;
}

bool Value::has_label(std::string_view label) const noexcept {
  if (kind_ != TypeKind::flags) return false;
  const std::size_t count = std::min<std::size_t>(type_->fields.size(), 64);
  for (std::size_t index = 0; index < count; ++index) {
    if (type_->fields[index].name == label) return (bits_ >> index & 1) != 0;
  }
  return false;
}

HostObject Value::host_object() const noexcept {
  if (form_ != Form::node || node_->tag != ValueNode::Tag::host) return {};
  return ValueAccess::node_as<detail::HostNode>(*this).object;
}

// ---- Comparing

namespace {

template <typename T>
bool same_float(const Value& a, const Value& b) noexcept {
  const T x = a.get<T>().value_or(0);
  const T y = b.get<T>().value_or(0);
  return x == y || (std::isnan(x) && std::isnan(y));
}

bool same_elements(const Value& a, const Value& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t index = 0; index < a.size(); ++index) {
    if (a[index] != b[index]) return false;
  }
  return true;
}

bool same_list(const Value& a, const Value& b) {
  const ValueNode* x = ValueAccess::node(a);
  const ValueNode* y = ValueAccess::node(b);
  if (x == y) return true;
  if (x->tag == ValueNode::Tag::bytes && y->tag == ValueNode::Tag::bytes && x->type == y->type) {
    const auto& p = ValueAccess::node_as<BytesNode>(a);
    const auto& q = ValueAccess::node_as<BytesNode>(b);
    // Floats may be equal although their bytes differ.
    if (p.size == q.size && std::memcmp(p.data(), q.data(), p.size) == 0) return true;
  }
  return same_elements(a, b);
}

bool same_names(const TypeNode& a, const TypeNode& b) noexcept {
  return &a == &b || std::ranges::equal(a.fields, b.fields, {}, &TypeField::name, &TypeField::name);
}

}  // namespace

bool operator==(const Value& a, const Value& b) {
  if (a.kind_ != b.kind_) return false;
  switch (a.kind_) {
    case TypeKind::f32:
      return same_float<float>(a, b);
    case TypeKind::f64:
      return same_float<double>(a, b);
    case TypeKind::string:
      return a.text() == b.text();
    case TypeKind::list:
      return same_list(a, b);
    case TypeKind::record:
      return same_names(*a.type_, *b.type_) && same_elements(a, b);
    case TypeKind::tuple:
      return same_elements(a, b);
    case TypeKind::variant:
    case TypeKind::option:
    case TypeKind::result:
    case TypeKind::enumeration:
      return a.case_name() == b.case_name() && a.payload() == b.payload();
    case TypeKind::flags:
      if (a.type_ == b.type_) return a.bits_ == b.bits_;
      {
        auto x = a.labels();
        auto y = b.labels();
        std::ranges::sort(x);
        std::ranges::sort(y);
        return x == y;
      }
    case TypeKind::own:
    case TypeKind::borrow: {
      if (a.node_ == b.node_) return true;
      const HostObject object = a.host_object();
      return object && object == b.host_object();
    }
    default:
      return a.bits_ == b.bits_;
  }
}

// ---- Lists

struct ListBuilder::Data {
  explicit Data(Type list)
      : type(std::move(list)), is_list(type.kind() == TypeKind::list && type.node().complete) {}
  ~Data() {
    if (bytes != nullptr) detail::destroy(bytes);
  }
  Data(const Data&) = delete;
  Data& operator=(const Data&) = delete;

  /// Returns memory, set to zero, for another plain element.
  std::byte* grow() {
    const std::size_t size = element().size;
    if (used + size > capacity()) reserve(std::max({2 * capacity(), std::size_t{64}, size}));
    std::byte* place = bytes->data() + used;
    used += size;
    ++count;
    return place;
  }
  void reserve(std::size_t size) {
    if (size <= capacity()) return;
    BytesNode* larger = BytesNode::make(type, size, false);
    if (used != 0) std::memcpy(larger->data(), bytes->data(), used);
    std::memset(larger->data() + used, 0, size - used);
    if (bytes != nullptr) detail::destroy(bytes);
    bytes = larger;
  }
  [[nodiscard]] std::size_t capacity() const noexcept { return bytes == nullptr ? 0 : bytes->size; }
  [[nodiscard]] const TypeNode& element() const noexcept { return type.node().element(); }
  void fail(const Error& error) {
    if (!failure) failure = error.with_context("element " + std::to_string(count));
    ++count;
  }

  Type type;
  bool is_list;
  BytesNode* bytes = nullptr;  // For plain elements.
  std::size_t used = 0;
  std::vector<Value> items;  // For other elements.
  std::size_t count = 0;
  std::optional<Error> failure;
};

ListBuilder::ListBuilder(const Type& list) : data_(std::make_unique<Data>(list)) {}
ListBuilder::ListBuilder(ListBuilder&&) noexcept = default;
ListBuilder& ListBuilder::operator=(ListBuilder&&) noexcept = default;
ListBuilder::~ListBuilder() = default;

void ListBuilder::reserve(std::size_t elements) {
  if (!data_->is_list) return;
  if (data_->element().plain) {
    const std::size_t size = data_->element().size;
    if (elements > (SIZE_MAX - data_->used) / size) throw std::bad_alloc();
    data_->reserve(data_->used + elements * size);
  } else {
    data_->items.reserve(data_->items.size() + elements);
  }
}

ListBuilder& ListBuilder::add(const Value& element) {
  Data& data = *data_;
  if (!data.is_list) return *this;
  const TypeNode& type = data.element();
  if (detail::is_exactly(element, type)) {
    if (type.plain) {
      detail::write_plain(element, type, data.grow());
    } else {
      data.items.push_back(element);
      ++data.count;
    }
    return *this;
  }
  auto converted = detail::convert(element, type);
  if (!converted) {
    data.fail(converted.error());
  } else if (type.plain) {
    detail::write_plain(*converted, type, data.grow());
  } else {
    data.items.push_back(*std::move(converted));
    ++data.count;
  }
  return *this;
}

ListBuilder& ListBuilder::add_fields(std::span<const Value> fields) {
  Data& data = *data_;
  if (!data.is_list) return *this;
  const TypeNode& type = data.element();
  if (type.plain && type.fields.size() == fields.size() &&
      (type.kind == TypeKind::record || type.kind == TypeKind::tuple)) {
    bool exact = true;
    for (std::size_t index = 0; index < fields.size(); ++index) {
      exact = exact && detail::is_exactly(fields[index], *type.field(index));
    }
    if (exact) {
      std::byte* to = data.grow();
      for (std::size_t index = 0; index < fields.size(); ++index) {
        detail::write_plain(fields[index], *type.field(index), to + type.offsets[index]);
      }
      return *this;
    }
  }
  auto element = Value::record(detail::type_of(type), fields);
  if (!element) {
    data.fail(element.error());
    return *this;
  }
  return add(*element);
}

ListBuilder& ListBuilder::add_fields(std::span<const NamedValue> fields) {
  Data& data = *data_;
  if (!data.is_list) return *this;
  const TypeNode& type = data.element();
  if (type.plain && type.kind == TypeKind::record && type.fields.size() == fields.size()) {
    bool exact = true;
    for (std::size_t index = 0; index < fields.size() && exact; ++index) {
      exact = same_name(fields[index].name, type.fields[index].name) &&
              detail::is_exactly(fields[index].value, *type.field(index));
    }
    if (exact) {
      std::byte* to = data.grow();
      for (std::size_t index = 0; index < fields.size(); ++index) {
        detail::write_plain(fields[index].value, *type.field(index), to + type.offsets[index]);
      }
      return *this;
    }
  }
  return add(Value::record({fields.begin(), fields.end()}));
}

Result<Value> ListBuilder::build() {
  const Type type = data_->type;
  const auto done = std::exchange(data_, std::make_unique<Data>(type));
  if (!done->is_list) {
    return fail(ErrorCode::type_mismatch,
                "ListBuilder needs a complete list type, not '" + type.to_string() + "'");
  }
  if (done->failure) return std::unexpected(*done->failure);
  if (!done->element().plain) return ValueAccess::items(type.node(), std::move(done->items));
  if (done->bytes == nullptr) return ValueAccess::own(BytesNode::make(type, 0, false));
  done->bytes->size = done->used;
  return ValueAccess::own(std::exchange(done->bytes, nullptr));
}

}  // namespace tairitsu

// NOLINTEND(clang-analyzer-cplusplus.NewDeleteLeaks)

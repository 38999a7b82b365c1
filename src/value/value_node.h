/// The shared data of a `Value`. The type decides how a value is stored:
///
///     numbers, bool, char, enums, flags              in the value itself
///     strings                                        text
///     lists of plain values (TypeNode::plain)        bytes
///     plain records and tuples                       bytes, or part of another value's bytes
///     other lists, records and tuples                items
///     variants, options and results                  in the value itself, or payload
///     own, borrow                                    guest, or host
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "tairitsu/value.h"
#include "wit/type_node.h"

namespace tairitsu::detail {

struct ValueNode : Shared {
  enum class Tag : std::uint8_t { text, bytes, items, payload, guest, host };
  ValueNode(Tag t, Type ty) noexcept : tag(t), type(std::move(ty)) {}
  Tag tag;
  Type type;

 protected:
  ~ValueNode() = default;
};

void destroy(const ValueNode* node) noexcept;

/// A string that is not empty. Its bytes follow the node.
struct TextNode final : ValueNode {
  TextNode(std::size_t length, bool valid) noexcept
      : ValueNode(Tag::text, scalar_type(TypeKind::string)), size(length), checked(valid) {}
  /// `checked` means that the text is known to be UTF-8.
  static TextNode* make(std::string_view text, bool checked);
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(this + 1), size};
  }
  std::size_t size;
  bool checked;
};

/// A list of plain values, or one plain record or tuple, as in linear memory but with zeros as padding. The bytes
/// follow the node.
struct alignas(16) BytesNode final : ValueNode {
  BytesNode(Type ty, std::size_t length) noexcept : ValueNode(Tag::bytes, std::move(ty)), size(length) {}
  /// The bytes are zero if `clear`, else uninitialized.
  static BytesNode* make(Type type, std::size_t size, bool clear);
  [[nodiscard]] std::byte* data() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  [[nodiscard]] const std::byte* data() const noexcept {
    return reinterpret_cast<const std::byte*>(this + 1);
  }
  std::size_t size;
};

struct ItemsNode final : ValueNode {
  ItemsNode(Type ty, std::vector<Value> values) noexcept
      : ValueNode(Tag::items, std::move(ty)), items(std::move(values)) {}
  std::vector<Value> items;
};

struct PayloadNode final : ValueNode {
  PayloadNode(Type ty, Value value) noexcept
      : ValueNode(Tag::payload, std::move(ty)), payload(std::move(value)) {}
  Value payload;
};

struct GuestNode final : ValueNode {
  GuestNode(Type ty, GuestResource handle) noexcept
      : ValueNode(Tag::guest, std::move(ty)), resource(std::move(handle)) {}
  mutable GuestResource resource;  // A call that takes ownership takes it from all copies.
};

struct HostNode final : ValueNode {
  HostNode(Type ty, HostObject handle) noexcept
      : ValueNode(Tag::host, std::move(ty)), object(std::move(handle)) {}
  HostObject object;
};

/// Access to the internals of values for the library.
class ValueAccess {
 public:
  using Form = Value::Form;

  [[nodiscard]] static Form form(const Value& value) noexcept { return value.form_; }
  [[nodiscard]] static std::uint64_t bits(const Value& value) noexcept { return value.bits_; }
  /// The case index of a variant, option, result or enum.
  [[nodiscard]] static std::uint32_t index(const Value& value) noexcept { return value.index_; }
  /// The value's type, or null if its kind says everything.
  [[nodiscard]] static const TypeNode* type(const Value& value) noexcept { return value.type_; }
  [[nodiscard]] static const ValueNode* node(const Value& value) noexcept {
    return value.form_ == Form::immediate ? nullptr : value.node_;
  }
  template <typename Node>
  [[nodiscard]] static const Node& node_as(const Value& value) noexcept {
    return *static_cast<const Node*>(value.node_);
  }
  /// The bytes of a plain record or tuple.
  [[nodiscard]] static const std::byte* plain_bytes(const Value& value) noexcept {
    return node_as<BytesNode>(value).data() + value.index_;
  }

  /// Returns a number, `bool` or `char`, or flags with their type.
  [[nodiscard]] static Value immediate(TypeKind kind, std::uint64_t bits,
                                       const TypeNode* type = nullptr) noexcept;
  /// Returns a case without a payload, or an enum's.
  [[nodiscard]] static Value make_case(const TypeNode& type, std::uint32_t index) noexcept;
  [[nodiscard]] static Value make_case(const TypeNode& type, std::uint32_t index, Value payload);
  [[nodiscard]] static Value text(std::string_view text, bool checked);
  /// Takes over the caller's share of a node that holds one whole value.
  [[nodiscard]] static Value own(const ValueNode* node) noexcept;
  [[nodiscard]] static Value items(const TypeNode& type, std::vector<Value> items);
  /// Returns the plain value of type `type` at `offset` in `node`'s bytes.
  [[nodiscard]] static Value part(const BytesNode& node, const TypeNode& type, std::size_t offset);
};

/// Writes a plain value of exactly that type in the layout of linear memory.
void write_plain(const Value& value, const TypeNode& type, std::byte* to) noexcept;

/// Returns a record or tuple of `fields`, which must have exactly the types of its fields.
[[nodiscard]] Value make_fields(const TypeNode& type, std::vector<Value> fields);

/// Returns whether `value` has exactly that type: the same node, or a scalar of that kind.
[[nodiscard]] inline bool is_exactly(const Value& value, const TypeNode& type) noexcept {
  const TypeNode* own = ValueAccess::type(value);
  return own == &type || (own == nullptr && value.kind() == type.kind && type.kind <= TypeKind::string);
}

/// Implements `Value::to`.
[[nodiscard]] Result<Value> convert(const Value& value, const TypeNode& type);

}  // namespace tairitsu::detail

/// What a `Type` shares: its description, and how its values lie in linear memory and in slots. The value path
/// of dynamic calls is driven by it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tairitsu/type.h"

namespace tairitsu::detail {

/// Counts its owners. One exists from the start; the last to `release` destroys it.
class Shared {
 public:
  Shared() = default;
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  void retain() const noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] bool release() const noexcept { return owners_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

 protected:
  ~Shared() = default;

 private:
  mutable std::atomic<std::uint32_t> owners_{1};
};

/// The kind's keyword in WIT.
[[nodiscard]] std::string_view keyword(TypeKind kind) noexcept;

/// Whether WIT gives every type of the kind a name.
[[nodiscard]] constexpr bool takes_name(TypeKind kind) noexcept {
  return kind == TypeKind::record || kind == TypeKind::variant || kind == TypeKind::enumeration ||
         kind == TypeKind::flags;
}

[[nodiscard]] constexpr bool is_handle(TypeKind kind) noexcept {
  return kind == TypeKind::own || kind == TypeKind::borrow;
}

/// One name of a resource: an interface, empty for the world's root, and the name there.
struct ResourceName {
  std::string interface_name;
  std::string name;
};

/// All names of one resource, its owner's first.
using SharedResourceNames = std::shared_ptr<const std::vector<ResourceName>>;

/// An `own` or `borrow` of a resource of a component.
[[nodiscard]] Type make_handle(TypeKind kind, SharedResourceNames names);

struct TypeNode final : Shared {
  TypeKind kind{};
  std::string name;
  std::string interface_name;
  SharedResourceNames resource_names;  ///< Null for other kinds, and for handles of no component.
  std::vector<TypeField> fields;
  std::uint32_t length = 0;

  // Source: "Alignment", "Element Size" and "Flattening" in CanonicalABI.md. All of them stay at UINT32_MAX
  // where they would be more.
  std::uint32_t size = 0;
  std::uint32_t align = 1;
  std::uint32_t flat_count = 0;
  std::uint32_t handle_count = 0;       ///< Handle types in its tree.
  std::vector<std::uint32_t> offsets;   ///< Of the fields of records and tuples.
  std::uint32_t discriminant_size = 0;  ///< Of variants, options, results, enums: 1, 2 or 4.
  std::uint32_t payload_offset = 0;     ///< Of variants, options and results.
  bool in_memory = false;               ///< Values use linear memory even when flat: strings and lists.
  bool complete = true;                 ///< No part of it is unknown, as in an empty list made by hand.

  /// Values are their bytes in linear memory and nothing else: numbers, `bool`, `char`, enums, flags, and
  /// records and tuples of them.
  bool plain = false;
  bool plain_checked = false;  ///< Plain, and not every pattern of bytes is a value.
  bool has_chars = false;      ///< There is a `char` somewhere in its tree.
  bool padded = false;         ///< Plain, with bytes between the fields that belong to none.

  [[nodiscard]] const TypeNode* field(std::size_t index) const noexcept {
    const auto& type = fields[index].type;
    return type ? &type->node() : nullptr;
  }
  /// The element of a list, the payload of an option.
  [[nodiscard]] const TypeNode& element() const noexcept { return fields[0].type->node(); }

  // Of variants, options and results.
  [[nodiscard]] std::size_t case_count() const noexcept {
    return kind == TypeKind::option ? 2 : fields.size();
  }
  /// Null for a case that has none.
  [[nodiscard]] const TypeNode* payload(std::uint32_t index) const noexcept {
    if (kind == TypeKind::option) return index == 0 ? nullptr : field(0);
    return field(index);
  }
};

[[nodiscard]] inline std::uint32_t align_up(std::uint32_t offset, std::uint32_t align) noexcept {
  const std::uint64_t up = (std::uint64_t{offset} + align - 1) / align * align;
  return up > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(up);
}

/// A share of the node.
[[nodiscard]] inline Type type_of(const TypeNode& node) noexcept {
  node.retain();
  return Type(SharedPointer<TypeNode>(&node));
}

/// The type of a kind that has no parts: one node each, for the whole process.
[[nodiscard]] const Type& scalar_type(TypeKind kind);

}  // namespace tairitsu::detail

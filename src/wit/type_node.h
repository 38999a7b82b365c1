/// The shared data of a `Type`: its description, and the layout of its values in linear memory and in slots. The value
/// path of dynamic calls works from it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tairitsu/type.h"

namespace tairitsu::detail {

/// A reference count, which starts at one. When `release` returns true, the caller must destroy the object.
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

/// Wasmtime accepts more labels, but the component model limits flags to those that fit in an `i32`.
inline constexpr std::size_t kMaxFlags = 32;
/// A valid component has types at most 100 levels deep. Freeing and comparing types recurses.
inline constexpr std::uint32_t kMaxTypeDepth = 200;
/// The longest text of a type in a message, in bytes.
inline constexpr std::size_t kMaxTypeName = 200;

/// Returns the type in WIT as messages show it: `list<u8>`. Shortened to `kMaxTypeName`, without control characters.
[[nodiscard]] std::string type_name(const Type& type);

/// Returns the kind's keyword in WIT.
[[nodiscard]] std::string_view keyword(TypeKind kind) noexcept;

/// Returns whether WIT requires a name for every type of the kind.
[[nodiscard]] constexpr bool takes_name(TypeKind kind) noexcept {
  return kind == TypeKind::record || kind == TypeKind::variant || kind == TypeKind::enumeration ||
         kind == TypeKind::flags;
}

[[nodiscard]] constexpr bool is_handle(TypeKind kind) noexcept {
  return kind == TypeKind::own || kind == TypeKind::borrow;
}

/// One name of a resource: an interface, empty for the world's root, and its name there.
struct ResourceName {
  std::string interface_name;
  std::string name;
};

/// All names of one resource; the first is its owner's.
using SharedResourceNames = std::shared_ptr<const std::vector<ResourceName>>;

/// Returns the `own` or `borrow` type of a component's resource.
[[nodiscard]] Type make_handle(TypeKind kind, SharedResourceNames names);

struct TypeNode final : Shared {
  TypeKind kind{};
  std::string name;
  std::string interface_name;
  SharedResourceNames resource_names;  ///< Only for handles that come from a component; else null.
  std::vector<TypeField> fields;
  std::uint32_t length = 0;

  // Source: "Alignment", "Element Size" and "Flattening" in CanonicalABI.md. Larger values saturate at UINT32_MAX.
  std::uint32_t size = 0;
  std::uint32_t align = 1;
  std::uint32_t flat_count = 0;
  std::uint32_t handle_count = 0;       ///< The number of handle types in its tree.
  std::vector<std::uint32_t> offsets;   ///< Offsets of the fields of records and tuples.
  std::uint32_t discriminant_size = 0;  ///< For variants, options, results and enums: 1, 2 or 4.
  std::uint32_t payload_offset = 0;     ///< For variants, options and results.
  bool in_memory = false;  ///< Contains strings or lists, which use linear memory even when flat.
  bool complete = true;    ///< False if a part is unknown, such as the element of an empty list.

  /// A value is fully described by its bytes in linear memory: numbers, `bool`, `char`, enums, flags, and records and
  /// tuples of them.
  bool plain = false;
  bool plain_checked = false;  ///< Plain, but some byte patterns are invalid.
  bool has_chars = false;      ///< Its tree contains a `char`.
  bool padded = false;         ///< Plain, with padding between or after the fields.

  [[nodiscard]] const TypeNode* field(std::size_t index) const noexcept {
    const auto& type = fields[index].type;
    return type ? &type->node() : nullptr;
  }
  /// The element type of a list, or the payload type of an option.
  [[nodiscard]] const TypeNode& element() const noexcept { return fields[0].type->node(); }

  // For variants, options and results.
  [[nodiscard]] std::size_t case_count() const noexcept {
    return kind == TypeKind::option ? 2 : fields.size();
  }
  /// Null if the case has no payload.
  [[nodiscard]] const TypeNode* payload(std::uint32_t index) const noexcept {
    if (kind == TypeKind::option) return index == 0 ? nullptr : field(0);
    return field(index);
  }
};

[[nodiscard]] inline std::uint32_t align_up(std::uint32_t offset, std::uint32_t align) noexcept {
  const std::uint64_t up = (std::uint64_t{offset} + align - 1) / align * align;
  return up > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(up);
}

/// Returns a `Type` that shares the node.
[[nodiscard]] inline Type type_of(const TypeNode& node) noexcept {
  node.retain();
  return Type(SharedPointer<TypeNode>(&node));
}

[[nodiscard]] inline std::string type_name(const TypeNode& node) { return type_name(type_of(node)); }

/// Returns the type of a scalar kind or `string`: one node each for the whole process.
[[nodiscard]] const Type& scalar_type(TypeKind kind);

}  // namespace tairitsu::detail

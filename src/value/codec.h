/// The canonical ABI of dynamic values, driven by their types; detail/codec.h does the same for C++ types.
///
/// Source: https://github.com/WebAssembly/component-model, design/mvp/CanonicalABI.md.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "tairitsu/abi.h"
#include "tairitsu/detail/context.h"
#include "value/number.h"
#include "value/value_node.h"

namespace tairitsu::detail {

/// Checks a value of exactly that type before entering a guest: text, chars and handles. Rejects a resource that is
/// passed as own and used again in the same call.
class ValueChecker {
 public:
  explicit ValueChecker(CheckContext& cx) noexcept : cx_(cx) {}
  [[nodiscard]] bool check(const Value& value, const TypeNode& type);

 private:
  bool check_handle(const Value& value, const TypeNode& type);
  CheckContext& cx_;
  std::unordered_map<const void*, bool> handles_;  // Whether the resource is passed as own.
};

/// Returns whether values of the type must be checked before they are lowered.
[[nodiscard]] inline bool needs_check(const TypeNode& type) noexcept {
  return type.in_memory || type.handle_count != 0 || type.has_chars;
}

/// Returns the number in the low bytes of `bits` as the ABI flattens it: small signed integers are sign-extended to 32
/// bits.
[[nodiscard]] inline std::uint64_t flat_bits(TypeKind kind, std::uint64_t bits) noexcept {
  switch (kind) {
    case TypeKind::s8:
      return static_cast<std::uint32_t>(std::int32_t{static_cast<std::int8_t>(bits)});
    case TypeKind::s16:
      return static_cast<std::uint32_t>(std::int32_t{static_cast<std::int16_t>(bits)});
    default:
      return bits;
  }
}

/// Returns the low bytes of a slot that hold the number.
[[nodiscard]] inline std::uint64_t slot_bits(const TypeNode& type, const abi::Slot& slot) noexcept {
  switch (type.size) {
    case 1:
      return static_cast<std::uint8_t>(slot.u32);
    case 2:
      return static_cast<std::uint16_t>(slot.u32);
    case 4:
      return slot.u32;
    default:
      return slot.u64;
  }
}

/// Writes values of exactly that type into a guest. On failure returns false and sets `cx.error`, unless the bridge
/// keeps the error.
class ValueLowerer {
 public:
  explicit ValueLowerer(LowerContext& cx) noexcept : cx_(cx) {}
  [[nodiscard]] bool lower(const Value& value, const TypeNode& type, abi::Slot*& slot);
  [[nodiscard]] bool store(const Value& value, const TypeNode& type, std::size_t address);

 private:
  bool lower_plain(const std::byte* bytes, const TypeNode& type, abi::Slot*& slot);
  bool lower_list(const Value& value, const TypeNode& type, std::size_t& address, std::uint32_t& length);
  bool lower_handle(const Value& value, const TypeNode& type, std::uint32_t& index);
  template <typename Body>
  bool with_case(const TypeNode& type, std::uint32_t index, Body&& body);
  LowerContext& cx_;
};

/// Reads values from a guest. On failure returns false and sets `cx.error`.
class ValueLifter {
 public:
  explicit ValueLifter(LiftContext& cx) noexcept : cx_(cx) {}
  /// Expires the host objects that the guest lent.
  ~ValueLifter();
  ValueLifter(const ValueLifter&) = delete;
  ValueLifter& operator=(const ValueLifter&) = delete;

  [[nodiscard]] bool lift(const abi::Slot*& slot, const TypeNode& type, Value& out);
  [[nodiscard]] bool load(std::size_t address, const TypeNode& type, Value& out);

 private:
  bool lift_plain(const abi::Slot*& slot, const TypeNode& type, std::byte* to);
  bool check_plain(const TypeNode& type, std::byte* bytes);
  bool load_list(std::uint32_t address, std::uint32_t length, const TypeNode& type, Value& out);
  bool consume_node(const TypeNode& type);
  bool lift_text(std::uint32_t address, std::uint32_t length, Value& out);
  bool lift_handle(const TypeNode& type, Value& out);
  template <typename Part>
  bool make_case(std::uint32_t index, const TypeNode& type, Value& out, Part&& part);
  LiftContext& cx_;
  std::vector<HostObject> lent_;
};

}  // namespace tairitsu::detail

/// The structs that the hot path shares with the bridge, declared once for C++.
///
/// The public templates (`detail/lower.h`, `detail/lift.h`) do the component model's canonical ABI
/// with them, straight between C++ objects and the guest's linear memory. `bridge/src/abi.rs` is the
/// Rust side; the test `AbiLayout` checks that both agree. Users have no need of this header.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstddef>
#include <cstdint>

namespace tairitsu::abi {

/// One flat core value. Wasm is little-endian, and so is every host that Tairitsu runs on.
union Slot {
  std::int32_t i32;
  std::uint32_t u32;
  std::int64_t i64;
  std::uint64_t u64;
  float f32;
  double f64;
  std::uint8_t v128[16];
};

/// How the guest keeps its strings: the `string-encoding` canonical option.
enum class StringEncoding : std::uint8_t { utf8 = 0, utf16 = 1, latin1_or_utf16 = 2 };

/// Which kind of handle a `Handle` is.
enum class HandleKind : std::uint32_t {
  host_own = 0,      ///< A host resource given to the host: `rep` is its key in the resource table.
  host_borrow = 1,   ///< A host resource lent to the host.
  guest_own = 2,     ///< A resource of the guest that the host owns: `guest` names it.
  guest_borrow = 3,  ///< The same, lent.
};

/// A resource handle on its way. Plain bytes: copying it does not copy the resource.
struct Handle {
  HandleKind kind;
  std::uint32_t rep;            ///< Host resources: the key in the container's resource table.
  std::uint32_t resource_type;  ///< Host resources: the id that the linker gave the type.
  std::uint32_t reserved;
  std::uint64_t guest[6];  ///< Guest resources: the engine's own handle.
};

/// What lowering works on. `memory` is null where the function has none. It stays where it is: the
/// engine is configured so that memories grow in place.
struct Lowering {
  void* context;
  /// Calls the guest's `realloc(0, 0, align, size)`. `SIZE_MAX` on failure; the bridge keeps the error.
  std::size_t (*reallocate)(Lowering*, std::size_t size, std::uint32_t align);
  /// Puts a handle into the guest's table: its index, or `UINT32_MAX`; the bridge keeps the error.
  /// `ordinal` counts the handle types of the function in the order of its type tree.
  std::uint32_t (*lower_handle)(Lowering*, const Handle*, std::uint32_t ordinal);
  std::uint8_t* memory;
  StringEncoding encoding;
};

/// What lifting works on. Handles have been lifted already, in the order of their values.
struct Lifting {
  const std::uint8_t* memory;
  std::size_t memory_size;
  const Handle* handles;
  std::size_t handle_count;
  StringEncoding encoding;
};

/// One call into a guest. C++ derives its own frame from it.
struct Frame {
  /// Fills the parameters' flat slots, or slot 0 with the address of the tuple in memory.
  bool (*lower)(Frame*, Lowering*, Slot* slots);
  /// Reads the result: slot 0, or the tuple at the address in slot 0. Runs before post-return.
  bool (*lift)(Frame*, const Lifting*, const Slot* slots);
  std::uint32_t flags;
};

/// `Frame::flags` and `HostFunction::flags`.
inline constexpr std::uint32_t kParametersUseMemory = 1;
inline constexpr std::uint32_t kResultUsesMemory = 2;
inline constexpr std::uint32_t kResultHasHandles = 4;
inline constexpr std::uint32_t kParametersHaveHandles = 8;

/// The result of a host function that needs the guest's memory or tables to be lowered.
struct HostResult {
  /// Writes the flat slot if `slot` is not null, else the tuple at `address` in memory.
  bool (*lower)(HostResult*, Lowering*, Slot* slot, std::size_t address);
  void (*destroy)(HostResult*);
};

/// One call of a host function by the guest.
struct HostCall {
  void* context;           ///< The container's core, as given when its store was made.
  const Slot* parameters;  ///< The flat slots; null where the tuple is in memory.
  std::size_t address;     ///< The tuple's address, in bounds and aligned, where it is in memory.
  Lifting lifting;
  Slot result;              ///< Written by the host function where the result is one scalar.
  HostResult* host_result;  ///< Set by the host function where the result needs lowering.
};

/// A host function as the bridge calls it: false means failed, and the container's core knows why.
using HostFunctionCallback = bool (*)(void* data, HostCall* call);
/// Drops a host resource: its type id and its key in the resource table.
using HostResourceDestructor = bool (*)(void* context, std::uint32_t resource_type, std::uint32_t rep);

}  // namespace tairitsu::abi

#endif  // TAIRITSU_NO_CXX23

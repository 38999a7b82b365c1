/// The structs that C++ and the bridge share in calls. Users have no need of this header.
///
/// With them the templates in detail/ implement the component model's canonical ABI, directly between C++ objects and
/// the guest's linear memory. `bridge/src/abi.rs` is the Rust side; the test `AbiLayout` checks that both agree.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstddef>
#include <cstdint>

namespace tairitsu::abi {

/// One flat core value. WebAssembly is little-endian, and so is every host that Tairitsu runs on.
union Slot {
  std::int32_t i32;
  std::uint32_t u32;
  std::int64_t i64;
  std::uint64_t u64;
  float f32;
  double f64;
  std::uint8_t v128[16];
};

/// The encoding of the guest's strings: the `string-encoding` canonical option.
enum class StringEncoding : std::uint8_t { utf8 = 0, utf16 = 1, latin1_or_utf16 = 2 };

/// Who implements the resource of a `Handle`, and whether it is owned or borrowed.
enum class HandleKind : std::uint32_t {
  host_own = 0,  ///< A host resource whose ownership is transferred: `rep` is its key in the resource table.
  host_borrow = 1,   ///< A host resource that is borrowed.
  guest_own = 2,     ///< A guest resource that the host owns: `guest` identifies it.
  guest_borrow = 3,  ///< A guest resource that is borrowed.
};

/// A resource handle in transit. Plain bytes: copying it does not copy the resource.
struct Handle {
  HandleKind kind;
  std::uint32_t rep;            ///< Host resources: the key in the container's resource table.
  std::uint32_t resource_type;  ///< Host resources: the id of the type, see `resource_type_id`.
  std::uint32_t reserved;
  std::uint64_t guest[6];  ///< Guest resources: the engine's own handle.
};

/// What lowering needs of the guest. `memory` is null if the function does not use memory. It does not move, because
/// the engine is configured to grow memories in place.
struct Lowering {
  void* context;
  /// Calls the guest's `realloc(0, 0, align, size)`. Returns `SIZE_MAX` on failure; the bridge keeps the error.
  std::size_t (*reallocate)(Lowering*, std::size_t size, std::uint32_t align);
  /// Adds a handle to the guest's table and returns its index. Returns `UINT32_MAX` on failure; the bridge keeps the
  /// error. `ordinal` counts the handle types of the function in the order of its type tree.
  std::uint32_t (*lower_handle)(Lowering*, const Handle*, std::uint32_t ordinal);
  std::uint8_t* memory;
  StringEncoding encoding;
};

/// What lifting needs of the guest. The handles have already been lifted, in the order of their values.
struct Lifting {
  const std::uint8_t* memory;
  std::size_t memory_size;
  const Handle* handles;
  std::size_t handle_count;
  StringEncoding encoding;
};

/// One call into a guest. C++ derives its own frames from it.
struct Frame {
  /// Writes the parameters to the flat slots, or writes them to memory and their address to slot 0.
  bool (*lower)(Frame*, Lowering*, Slot* slots);
  /// Reads the result from slot 0, or from memory at the address in slot 0. Runs before post-return.
  bool (*lift)(Frame*, const Lifting*, const Slot* slots);
  std::uint32_t flags;
};

/// `Frame::flags` and `HostFunction::flags`.
inline constexpr std::uint32_t kParametersUseMemory = 1;
inline constexpr std::uint32_t kResultUsesMemory = 2;
inline constexpr std::uint32_t kResultHasHandles = 4;
inline constexpr std::uint32_t kParametersHaveHandles = 8;

/// The result of a host function whose lowering needs the guest's memory or tables.
struct HostResult {
  /// Writes the flat slot, or the value in memory at `address` if `slot` is null.
  bool (*lower)(HostResult*, Lowering*, Slot* slot, std::size_t address);
  void (*destroy)(HostResult*);
};

/// One call of a host function by the guest.
struct HostCall {
  void* context;           ///< The container's core, as passed when its store was created.
  const Slot* parameters;  ///< The flat slots; null if the parameters are in memory.
  std::size_t address;     ///< The address of the parameters in memory, in bounds and aligned.
  Lifting lifting;
  Slot result;              ///< Set by the host function if the result is a scalar.
  HostResult* host_result;  ///< Set by the host function if the result must be lowered.
};

/// The callback of a host function. Returns false on failure, after recording the error in the container's core.
using HostFunctionCallback = bool (*)(void* data, HostCall* call);
/// Drops a host resource, given its type id and its key in the resource table.
using HostResourceDestructor = bool (*)(void* context, std::uint32_t resource_type, std::uint32_t rep);

}  // namespace tairitsu::abi

#endif  // TAIRITSU_NO_CXX23

/// The engine: compiles components and allocates their instances.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <tairitsu/error.h>

namespace tairitsu {

namespace detail {
class EngineCore;
}

/// A pool of instances that the engine reserves when it is created. A pool makes it faster to create and end
/// containers, and caps their number: when it is full, a new one fails with `pool_exhausted`. Compiling or loading a
/// component that exceeds the pool's bounds fails with `instance_limit`, `memory_limit` or `table_limit`; the message
/// names the option.
struct PoolOptions {
  std::uint32_t max_components = 1000;  ///< Component instances, that is, containers.
  std::uint32_t max_core_instances =
      4000;                           ///< Core instances; a component compiled from C has three or four.
  std::uint32_t max_memories = 1000;  ///< Linear memories.
  std::uint32_t max_tables = 4000;    ///< Tables.
  /// Fiber stacks. A container uses one while it exists if it is interruptible and its component imports WASI, or if
  /// its component uses the async ABI.
  std::uint32_t max_stacks = 1000;
  /// The most that one component may use of the pool. These reserve nothing.
  std::uint32_t max_core_instances_per_component = UINT32_MAX;
  std::uint32_t max_memories_per_component = UINT32_MAX;
  std::uint32_t max_tables_per_component = UINT32_MAX;
  /// The most that one core module may define. The default is the most that the engine allows.
  std::uint32_t max_memories_per_module = 100;
  std::uint32_t max_tables_per_module = 100;
  /// The largest size of a memory, and the address space that is reserved for each, in bytes.
  std::size_t max_memory_bytes = std::size_t{1} << 32;
  /// The largest size of a table.
  std::size_t max_table_elements = 20'000;
  /// The engine's own data for one core instance (its functions, globals and imports), and for a whole component, in
  /// bytes. These reserve nothing.
  std::size_t max_core_instance_bytes = std::size_t{16} << 20;
  std::size_t max_component_instance_bytes = std::size_t{64} << 20;
  /// Bytes that a slot keeps resident after its instance ends. More is faster, because the kernel has fewer pages to
  /// map again, and costs that much memory for every slot that was ever used.
  std::size_t memory_keep_resident = std::size_t{1} << 20;
  std::size_t table_keep_resident = std::size_t{64} << 10;
  std::size_t stack_keep_resident = std::size_t{128} << 10;
};

/// Bounds on what the engine compiles. A small but contrived binary can cost a compiler minutes and gigabytes; these
/// bounds are far above what toolchains produce. A binary that exceeds one fails with `compile_limit` before anything
/// is compiled. Compilation in this process cannot be interrupted; the `tairitsu` command compiles in a child process
/// whose time and memory are limited.
struct CompileLimits {
  std::uint32_t nesting = 5'000;  ///< Depth of blocks, loops and conditions in one function.
  std::uint64_t function_bytes = std::uint64_t{4} << 20;  ///< The code of one function.
  std::uint32_t functions = 500'000;                      ///< Functions of all core modules together.
  std::uint32_t modules = 1'000;                          ///< Nested components and core modules together.
  std::uint32_t module_depth = 50;                        ///< Depth of nested components.
  std::uint32_t items =
      500'000;  ///< Types, imports, exports, instances, segments and similar items together.
  std::uint64_t source_bytes = std::uint64_t{256} << 20;  ///< The whole binary.
};

enum class Optimization : std::uint8_t { none, speed, speed_and_size };

/// Options of an engine, shared by all of its containers. The defaults give the best speed to guests that are trusted
/// to terminate.
struct EngineOptions {
  /// Allocate instances from a pool instead of on demand.
  std::optional<PoolOptions> pool = std::nullopt;
  /// Count fuel; `Limits::fuel` requires it. Slows guests down by a few to some tens of percent.
  bool fuel = false;
  /// Check for interrupts while guests run; `Limits::deadline` and interrupt handles require it. Slows guests down by
  /// a few percent.
  bool epochs = false;
  /// How often running guests check, if `epochs` is on: the precision of deadlines.
  std::chrono::microseconds epoch_tick = std::chrono::milliseconds(2);
  /// Allow components that use the component model's async ABI. Every call then costs about three times as much, and
  /// components that do use the async ABI run on a fiber.
  bool async_abi = false;
  /// Keep DWARF debug information for native debuggers. Backtraces show function names without it.
  bool debug_info = false;
  Optimization optimization = Optimization::speed;
  /// Compile the functions of a component on all cores.
  bool parallel_compilation = true;
  /// The guest's stack in bytes; 0 for the default of 512 KiB. A guest that exceeds it traps.
  std::size_t max_wasm_stack = 0;
  CompileLimits compile_limits = {};
  /// Bytes of memory for all containers of the engine together, counted like `Limits::memory_bytes`. The container
  /// that exceeds it fails with `memory_limit`. Unset for no limit.
  std::optional<std::uint64_t> total_memory_bytes = std::nullopt;
  /// Open files and sockets of all containers of the engine together; beyond it they fail with `descriptor_limit`.
  /// Unset for half of what the process may open.
  std::optional<std::uint32_t> total_descriptors = std::nullopt;
  /// A directory that caches compiled components, created if missing; empty for none. Only the program's user should
  /// be able to write to it: its files run as machine code.
  std::filesystem::path cache_directory = {};
};

/// Compiles components and allocates their instances. A shared handle: cheap to copy, usable from any thread. Images
/// keep their engine alive.
class Engine {
 public:
  /// Creates an engine. Fails with `invalid_argument` if the options contradict each other or the pool's address space
  /// cannot be reserved, and with `io` if the cache directory cannot be created.
  [[nodiscard]] static Result<Engine> create(const EngineOptions& options = {});

  [[nodiscard]] const EngineOptions& options() const noexcept;
  /// Returns 32 hexadecimal digits that identify the precompiled artifacts that the engine accepts. Engines have the
  /// same fingerprint if they have the same library version, the same kind of processor, and options that compile to
  /// the same code.
  [[nodiscard]] Result<std::string> fingerprint() const;

  /// For internal use.
  [[nodiscard]] const std::shared_ptr<detail::EngineCore>& core() const noexcept { return core_; }

 private:
  explicit Engine(std::shared_ptr<detail::EngineCore> core) : core_(std::move(core)) {}
  std::shared_ptr<detail::EngineCore> core_;
};

/// Makes this process exit with `status` when it runs out of memory, instead of aborting. For a process that only
/// compiles, under operating system limits that its parent has set.
void exit_when_out_of_memory(int status) noexcept;

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

/// The engine: how components are compiled and how their instances are kept.
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

/// How instances get their memory from a pool that the engine reserves at its start. Instances are
/// made and ended faster, and no more of them can exist than the pool has room for: past that,
/// `ErrorCode::pool_exhausted`. A component that is larger than the pool allows is refused when it is compiled or
/// loaded, with `instance_limit`, `memory_limit` or `table_limit` and the option's name.
struct PoolOptions {
  std::uint32_t max_components = 1000;      ///< Component instances at a time: containers.
  std::uint32_t max_core_instances = 4000;  ///< Core instances; a component made of C has three or four.
  std::uint32_t max_memories = 1000;
  std::uint32_t max_tables = 4000;
  /// Fibers: an interruptible container whose component imports WASI, and any whose component uses the async ABI,
  /// has one from its start to its end.
  std::uint32_t max_stacks = 1000;
  /// What one component may have of them, however empty the pool is. They reserve nothing.
  std::uint32_t max_core_instances_per_component = UINT32_MAX;
  std::uint32_t max_memories_per_component = UINT32_MAX;
  std::uint32_t max_tables_per_component = UINT32_MAX;
  /// What one core module may define. The default is the most that WebAssembly allows.
  std::uint32_t max_memories_per_module = 100;
  std::uint32_t max_tables_per_module = 100;
  /// A memory's size in bytes; also how much address space each one reserves.
  std::size_t max_memory_bytes = std::size_t{1} << 32;
  std::size_t max_table_elements = 20'000;
  /// What the engine keeps for one core instance (its functions, globals and imports), and for all of a component,
  /// in bytes. They reserve nothing.
  std::size_t max_core_instance_bytes = std::size_t{16} << 20;
  std::size_t max_component_instance_bytes = std::size_t{64} << 20;
  /// What a slot keeps in memory when its instance ends, in bytes: more is faster, for the kernel has
  /// less to hand out anew, and costs that much for each slot that was ever used.
  std::size_t memory_keep_resident = std::size_t{1} << 20;
  std::size_t table_keep_resident = std::size_t{64} << 10;
  std::size_t stack_keep_resident = std::size_t{128} << 10;
};

/// What the engine compiles. A small binary of a peculiar shape can take a compiler minutes and gigabytes; these
/// bounds are far above what toolchains make. Past one: `ErrorCode::compile_limit`, before anything is compiled.
/// A compilation in this process cannot be interrupted; the program's commands compile in a process of their own,
/// with a limit on its time and memory.
struct CompileLimits {
  std::uint32_t nesting = 5'000;  ///< Blocks, loops and conditions in one another, in one function.
  std::uint64_t function_bytes = std::uint64_t{4} << 20;  ///< One function's code.
  std::uint32_t functions = 500'000;                      ///< Of all core modules together.
  std::uint32_t modules = 1'000;                          ///< Nested components and core modules, together.
  std::uint32_t module_depth = 50;                        ///< Components in one another.
  std::uint32_t items = 500'000;  ///< Types, imports, exports, instances, segments and the like, together.
  std::uint64_t source_bytes = std::uint64_t{256} << 20;  ///< The whole binary.
};

enum class Optimization : std::uint8_t { none, speed, speed_and_size };

/// Options of an engine. All containers of an engine share them; the defaults are for trusted,
/// finite guests at the best speed.
struct EngineOptions {
  /// Allocate instances from a pool instead of on demand.
  std::optional<PoolOptions> pool = std::nullopt;
  /// Count fuel: needed for `Limits::fuel`. Guests run slower by a few to some tens of percent.
  bool fuel = false;
  /// Look at the clock while guests run: needed for `Limits::deadline` and interrupt handles.
  /// Guests run slower by a few percent.
  bool epochs = false;
  /// How often running guests look at the clock, where `epochs` is on: the precision of deadlines.
  std::chrono::microseconds epoch_tick = std::chrono::milliseconds(2);
  /// Allow components that use the component model's async ABI. Every call costs about three times as much; the
  /// guest code of components that do use it runs on a fiber.
  bool async_abi = false;
  /// Keep DWARF debug information for native debuggers. Backtraces have function names without it.
  bool debug_info = false;
  Optimization optimization = Optimization::speed;
  /// Compile functions of a component on all cores.
  bool parallel_compilation = true;
  /// The guest's stack in bytes; 0 for the default of 512 KiB. Running out of it is a trap.
  std::size_t max_wasm_stack = 0;
  CompileLimits compile_limits = {};
  /// Bytes of memory that all containers of the engine may have together, counted as
  /// `Limits::memory_bytes` is. Past it: `ErrorCode::memory_limit` for the container that asks for more.
  std::optional<std::uint64_t> total_memory_bytes = std::nullopt;
  /// Files and sockets that all containers of the engine may have open together. Default: half of what the
  /// process may open. Past it: `ErrorCode::descriptor_limit`.
  std::optional<std::uint32_t> total_descriptors = std::nullopt;
  /// A folder, made if missing, in which compiled components are kept and found again. Only this
  /// program's user should be able to write there: what lies in it runs as machine code.
  std::filesystem::path cache_folder = {};
};

/// A compiler and allocator of components. A shared handle: cheap to copy, usable from any thread.
/// Images keep their engine alive.
class Engine {
 public:
  /// Fails with `invalid_argument` where the options contradict each other or the machine cannot
  /// reserve the pool's address space, and with `io` where the cache folder cannot be made.
  [[nodiscard]] static Result<Engine> create(const EngineOptions& options = {});

  [[nodiscard]] const EngineOptions& options() const noexcept;
  /// Says which precompiled artifacts the engine takes: 32 hexadecimal digits, the same for engines of one
  /// version of the library with options that compile to the same code for the same kind of processor.
  [[nodiscard]] Result<std::string> fingerprint() const;

  /// For the library's own layers.
  [[nodiscard]] const std::shared_ptr<detail::EngineCore>& core() const noexcept { return core_; }

 private:
  explicit Engine(std::shared_ptr<detail::EngineCore> core) : core_(std::move(core)) {}
  std::shared_ptr<detail::EngineCore> core_;
};

/// From now on this process exits with `status` when it runs out of memory, instead of aborting. For a process that
/// does nothing but compile, under limits of the operating system that its parent has set.
void exit_when_out_of_memory(int status) noexcept;

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

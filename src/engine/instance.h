/// Linking, stores and calls.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/compiled.h"
#include "engine/engine.h"
#include "engine/module.h"
#include "tairitsu/abi.h"
#include "tairitsu/error.h"

namespace tairitsu::bridge {
struct Function;
struct InstancePre;
struct InterruptHandle;
struct Linker;
struct Store;
struct StoreConfig;
struct WasiPolicy;
}  // namespace tairitsu::bridge

namespace tairitsu::detail {

/// A bit set of parts of WASI.
using WasiParts = std::uint8_t;

/// Returns the part of WASI in which the engine defines `interface`, such as `wasi:io/streams@0.2.9`; 0 if none.
[[nodiscard]] WasiParts wasi_part(std::string_view interface) noexcept;
[[nodiscard]] inline bool wasi_defines(std::string_view interface) noexcept {
  return wasi_part(interface) != 0;
}

/// A component with its imports resolved. Usable from any thread.
class LinkedComponent {
 public:
  [[nodiscard]] const bridge::InstancePre* bridge() const noexcept { return pre_.get(); }

 private:
  friend class ComponentLinker;
  struct Deleter {
    void operator()(bridge::InstancePre* pre) const noexcept;
  };
  explicit LinkedComponent(bridge::InstancePre* pre) : pre_(pre) {}
  std::unique_ptr<bridge::InstancePre, Deleter> pre_;
};

/// Definitions for one component, under its own names of the imports.
class ComponentLinker {
 public:
  [[nodiscard]] static Result<ComponentLinker> create(const EngineCore& engine, WasiParts wasi,
                                                      bool interruptible);

  /// What lifting a host function's parameters needs of the guest; `handles` includes `memory`.
  enum class Need : std::uint8_t { nothing = 0, memory = 1, handles = 2 };
  struct Function {
    abi::HostFunctionCallback callback;
    void* data;  ///< Must outlive every component linked with it.
    /// Number of flat slots; more than 16 means that the parameters are in memory.
    std::uint32_t parameter_count;
    /// 0 or 1; 1 also if the result is in memory.
    std::uint32_t result_count;
    Need parameters_need;
  };
  [[nodiscard]] Result<void> define_function(std::string_view interface, std::string_view name,
                                             const Function& function);
  [[nodiscard]] Result<void> define_resource(std::string_view interface, std::string_view name,
                                             std::uint32_t resource_type,
                                             abi::HostResourceDestructor destructor);
  [[nodiscard]] Result<LinkedComponent> link(const CompiledComponent& component) const;

 private:
  struct Deleter {
    void operator()(bridge::Linker* linker) const noexcept;
  };
  explicit ComponentLinker(bridge::Linker* linker) : linker_(linker) {}
  std::unique_ptr<bridge::Linker, Deleter> linker_;
};

/// Options of a store.
struct StoreOptions {
  void* context = nullptr;  ///< Passed to host functions; must outlive the store.
  bool limit_fuel = false;
  std::uint64_t fuel = 0;
  std::uint64_t deadline_nanoseconds = 0;
  std::uint64_t max_memory_bytes = UINT64_MAX;
  std::uint64_t max_table_elements = UINT64_MAX;
  std::uint32_t max_instances = UINT32_MAX;
  std::uint32_t max_handles = UINT32_MAX;
  std::uint64_t max_copied_bytes = UINT64_MAX;
  std::uint32_t max_descriptors = UINT32_MAX;
  const bridge::WasiPolicy* wasi = nullptr;  ///< Null if the component imports no WASI.
};

[[nodiscard]] bridge::StoreConfig to_config(const StoreOptions& options) noexcept;

struct GuestFunctionDeleter {
  void operator()(bridge::Function* function) const noexcept;
};
using GuestFunctionPtr = std::unique_ptr<bridge::Function, GuestFunctionDeleter>;

struct InterruptHandleDeleter {
  void operator()(bridge::InterruptHandle* handle) const noexcept;
};
using InterruptHandlePtr = std::unique_ptr<bridge::InterruptHandle, InterruptHandleDeleter>;
void interrupt(const bridge::InterruptHandle& handle, bool for_good) noexcept;

/// One guest's store. Use it from one thread at a time, and not while a call runs.
class GuestStore {
 public:
  [[nodiscard]] static Result<GuestStore> create(const EngineCore& engine, const LinkedComponent& component,
                                                 const StoreOptions& options);
  /// Creates a store for one run of a core module.
  [[nodiscard]] static Result<GuestStore> create_for_module(const EngineCore& engine,
                                                            const StoreOptions& options);

  [[nodiscard]] Result<void> instantiate(const LinkedComponent& component);
  [[nodiscard]] Result<GuestFunctionPtr> function(const bridge::ExportIndex& index);
  /// Returns null on success, otherwise the error; pass it to `take_call_error`.
  [[nodiscard]] void* call(const bridge::Function& function, abi::Frame& frame) noexcept;
  [[nodiscard]] static Error take_call_error(void* error);
  /// Calls `wasi:cli/run#run`. Returns whether the guest reports success.
  [[nodiscard]] Result<bool> run_command(const bridge::ExportIndex& index);
  /// Runs a core module's `_start`, once.
  [[nodiscard]] Result<void> run_module(const CompiledModule& module);
  [[nodiscard]] Result<void> drop_resource(const abi::Handle& handle);
  /// For the differential test, which calls Wasmtime directly on this store.
  [[nodiscard]] bridge::Store* bridge() const noexcept { return store_.get(); }

  [[nodiscard]] Result<std::uint64_t> fuel() const;
  [[nodiscard]] Result<void> set_fuel(std::uint64_t fuel);
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept;
  /// Returns the captured output. `stream` is 0 for standard output, 1 for standard error.
  [[nodiscard]] std::string captured(std::uint32_t stream) const;
  /// Returns whether the guest wrote more to the stream than was captured.
  [[nodiscard]] bool is_truncated(std::uint32_t stream) const noexcept;
  [[nodiscard]] InterruptHandlePtr interrupt_handle() const;

 private:
  struct Deleter {
    void operator()(bridge::Store* store) const noexcept;
  };
  explicit GuestStore(bridge::Store* store) : store_(store) {}
  std::unique_ptr<bridge::Store, Deleter> store_;
};

}  // namespace tairitsu::detail

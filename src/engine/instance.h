/// Linking, stores and calls: what runs a guest.
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

/// Parts of WASI, each a bit.
using WasiParts = std::uint8_t;

/// The part of WASI in which the engine defines the interface, e.g. `wasi:io/streams@0.2.9`; 0 where it does not.
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

/// Definitions for one component, under the names by which it imports them.
class ComponentLinker {
 public:
  [[nodiscard]] static Result<ComponentLinker> create(const EngineCore& engine, WasiParts wasi,
                                                      bool interruptible);

  /// What a host function's parameters need of the guest; the last has the one before it too.
  enum class Need : std::uint8_t { nothing = 0, memory = 1, handles = 2 };
  struct Function {
    abi::HostFunctionCallback callback;
    void* data;  ///< Outlives everything that is linked with it.
    /// The flat slots of the parameters; more than 16 stands for 'in memory'.
    std::uint32_t parameter_count;
    /// 0 or 1; 1 stands for 'in memory' too.
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

/// What a store is made with.
struct StoreOptions {
  void* context = nullptr;  ///< Handed to host functions; outlives the store.
  bool limit_fuel = false;
  std::uint64_t fuel = 0;
  std::uint64_t deadline_nanoseconds = 0;
  std::uint64_t max_memory_bytes = UINT64_MAX;
  std::uint64_t max_table_elements = UINT64_MAX;
  std::uint32_t max_instances = UINT32_MAX;
  std::uint32_t max_handles = UINT32_MAX;
  std::uint64_t max_copied_bytes = UINT64_MAX;
  std::uint32_t max_descriptors = UINT32_MAX;
  const bridge::WasiPolicy* wasi = nullptr;  ///< Null where the component imports none.
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

/// One guest's store. One thread at a time, and no other use while a call runs.
class GuestStore {
 public:
  [[nodiscard]] static Result<GuestStore> create(const EngineCore& engine, const LinkedComponent& component,
                                                 const StoreOptions& options);
  /// For one run of a core module.
  [[nodiscard]] static Result<GuestStore> create_for_module(const EngineCore& engine,
                                                            const StoreOptions& options);

  [[nodiscard]] Result<void> instantiate(const LinkedComponent& component);
  [[nodiscard]] Result<GuestFunctionPtr> function(const bridge::ExportIndex& index);
  /// Null for success; else the error, for `take_call_error`.
  [[nodiscard]] void* call(const bridge::Function& function, abi::Frame& frame) noexcept;
  [[nodiscard]] static Error take_call_error(void* error);
  /// Calls `wasi:cli/run#run`: whether the guest says that it succeeded.
  [[nodiscard]] Result<bool> run_command(const bridge::ExportIndex& index);
  /// Runs a core module's `_start`, once.
  [[nodiscard]] Result<void> run_module(const CompiledModule& module);
  [[nodiscard]] Result<void> drop_resource(const abi::Handle& handle);
  /// For the differential test, whose oracle calls Wasmtime on it.
  [[nodiscard]] bridge::Store* bridge() const noexcept { return store_.get(); }

  [[nodiscard]] Result<std::uint64_t> fuel() const;
  [[nodiscard]] Result<void> set_fuel(std::uint64_t fuel);
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept;
  /// 0 standard output, 1 standard error.
  [[nodiscard]] std::string captured(std::uint32_t stream) const;
  /// Whether the guest tried to write more to it than is kept.
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

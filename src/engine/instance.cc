#include "engine/instance.h"

#include "engine/bridge.h"

namespace tairitsu::detail {

WasiParts wasi_part(std::string_view interface) noexcept {
  return bridge::tairitsu_bridge_wasi_part(bridge::borrow(interface));
}

void LinkedComponent::Deleter::operator()(bridge::InstancePre* pre) const noexcept {
  bridge::tairitsu_bridge_instance_pre_free(pre);
}

void ComponentLinker::Deleter::operator()(bridge::Linker* linker) const noexcept {
  bridge::tairitsu_bridge_linker_free(linker);
}

Result<ComponentLinker> ComponentLinker::create(const EngineCore& engine, WasiParts wasi,
                                                bool interruptible) {
  bridge::Linker* linker = nullptr;
  TAIRITSU_RETURN_IF_ERROR(
      bridge::check(bridge::tairitsu_bridge_linker_new(engine.bridge(), wasi, interruptible, &linker)));
  return ComponentLinker(linker);
}

Result<void> ComponentLinker::define_function(std::string_view interface, std::string_view name,
                                              const Function& function) {
  const bridge::HostFunctionDefinition definition{
      .callback = function.callback,
      .data = function.data,
      .parameter_count = function.parameter_count,
      .result_count = function.result_count,
      .parameters_need = static_cast<std::uint8_t>(function.parameters_need),
  };
  return bridge::check(bridge::tairitsu_bridge_linker_define_function(
      linker_.get(), bridge::borrow(interface), bridge::borrow(name), &definition));
}

Result<void> ComponentLinker::define_resource(std::string_view interface, std::string_view name,
                                              std::uint32_t resource_type,
                                              abi::HostResourceDestructor destructor) {
  return bridge::check(bridge::tairitsu_bridge_linker_define_resource(
      linker_.get(), bridge::borrow(interface), bridge::borrow(name), resource_type, destructor));
}

Result<LinkedComponent> ComponentLinker::link(const CompiledComponent& component) const {
  bridge::InstancePre* pre = nullptr;
  TAIRITSU_RETURN_IF_ERROR(
      bridge::check(bridge::tairitsu_bridge_linker_instantiate_pre(linker_.get(), component.bridge(), &pre)));
  return LinkedComponent(pre);
}

void GuestFunctionDeleter::operator()(bridge::Function* function) const noexcept {
  bridge::tairitsu_bridge_function_free(function);
}

void InterruptHandleDeleter::operator()(bridge::InterruptHandle* handle) const noexcept {
  bridge::tairitsu_bridge_interrupt_handle_free(handle);
}

void interrupt(const bridge::InterruptHandle& handle, bool for_good) noexcept {
  bridge::tairitsu_bridge_interrupt(&handle, for_good);
}

void GuestStore::Deleter::operator()(bridge::Store* store) const noexcept {
  bridge::tairitsu_bridge_store_free(store);
}

bridge::StoreConfig to_config(const StoreOptions& options) noexcept {
  return {
      .context = options.context,
      .limit_fuel = options.limit_fuel,
      .fuel = options.fuel,
      .deadline_nanoseconds = options.deadline_nanoseconds,
      .max_memory_bytes = options.max_memory_bytes,
      .max_table_elements = options.max_table_elements,
      .max_instances = options.max_instances,
      .max_handles = options.max_handles,
      .max_copied_bytes = options.max_copied_bytes,
      .max_descriptors = options.max_descriptors,
      .wasi = options.wasi,
  };
}

Result<GuestStore> GuestStore::create(const EngineCore& engine, const LinkedComponent& component,
                                      const StoreOptions& options) {
  const bridge::StoreConfig config = to_config(options);
  bridge::Store* store = nullptr;
  TAIRITSU_RETURN_IF_ERROR(
      bridge::check(bridge::tairitsu_bridge_store_new(engine.bridge(), component.bridge(), &config, &store)));
  return GuestStore(store);
}

Result<GuestStore> GuestStore::create_for_module(const EngineCore& engine, const StoreOptions& options) {
  const bridge::StoreConfig config = to_config(options);
  bridge::Store* store = nullptr;
  TAIRITSU_RETURN_IF_ERROR(
      bridge::check(bridge::tairitsu_bridge_store_new_for_module(engine.bridge(), &config, &store)));
  return GuestStore(store);
}

Result<bool> GuestStore::run_command(const bridge::ExportIndex& index) {
  bool succeeded = false;
  TAIRITSU_RETURN_IF_ERROR(
      bridge::check(bridge::tairitsu_bridge_store_run_command(store_.get(), &index, &succeeded)));
  return succeeded;
}

Result<void> GuestStore::run_module(const CompiledModule& module) {
  return bridge::check(bridge::tairitsu_bridge_store_run_module(store_.get(), module.bridge()));
}

Result<void> GuestStore::instantiate(const LinkedComponent& component) {
  return bridge::check(bridge::tairitsu_bridge_store_instantiate(store_.get(), component.bridge()));
}

Result<GuestFunctionPtr> GuestStore::function(const bridge::ExportIndex& index) {
  bridge::Function* function = nullptr;
  TAIRITSU_RETURN_IF_ERROR(
      bridge::check(bridge::tairitsu_bridge_store_function(store_.get(), &index, &function)));
  return GuestFunctionPtr(function);
}

void* GuestStore::call(const bridge::Function& function, abi::Frame& frame) noexcept {
  return bridge::tairitsu_bridge_store_call(store_.get(), &function, &frame);
}

Error GuestStore::take_call_error(void* error) {
  return bridge::take_error(static_cast<bridge::Error*>(error));
}

Result<void> GuestStore::drop_resource(const abi::Handle& handle) {
  return bridge::check(bridge::tairitsu_bridge_store_drop_resource(store_.get(), &handle));
}

Result<std::uint64_t> GuestStore::fuel() const {
  std::uint64_t fuel = 0;
  TAIRITSU_RETURN_IF_ERROR(bridge::check(bridge::tairitsu_bridge_store_fuel(store_.get(), &fuel)));
  return fuel;
}

Result<void> GuestStore::set_fuel(std::uint64_t fuel) {
  return bridge::check(bridge::tairitsu_bridge_store_set_fuel(store_.get(), fuel));
}

std::uint64_t GuestStore::memory_bytes() const noexcept {
  return bridge::tairitsu_bridge_store_memory_bytes(store_.get());
}

bool GuestStore::is_truncated(std::uint32_t stream) const noexcept {
  return bridge::tairitsu_bridge_store_captured_is_truncated(store_.get(), stream);
}

std::string GuestStore::captured(std::uint32_t stream) const {
  auto buffer =
      bridge::create<bridge::BufferPtr>(bridge::tairitsu_bridge_store_captured, store_.get(), stream);
  if (!buffer) return {};
  return bridge::to_string(*buffer);
}

InterruptHandlePtr GuestStore::interrupt_handle() const {
  return InterruptHandlePtr(bridge::tairitsu_bridge_store_interrupt_handle(store_.get()));
}

}  // namespace tairitsu::detail

#include "engine/module.h"

#include "engine/bridge.h"

namespace tairitsu::detail {

Result<bool> is_module_artifact(const std::filesystem::path& path) {
  bool is_module = false;
  TAIRITSU_RETURN_IF_ERROR(
      bridge::check(bridge::tairitsu_bridge_artifact_is_module(bridge::borrow(path.native()), &is_module)));
  return is_module;
}

void CompiledModule::Deleter::operator()(bridge::Module* module) const noexcept {
  bridge::tairitsu_bridge_module_free(module);
}

Result<CompiledModule> CompiledModule::compile(const EngineCore& engine, std::span<const std::byte> bytes) {
  bridge::Module* module = nullptr;
  TAIRITSU_RETURN_IF_ERROR(
      bridge::check(bridge::tairitsu_bridge_module_compile(engine.bridge(), bridge::borrow(bytes), &module)));
  return CompiledModule(module);
}

Result<CompiledModule> CompiledModule::from_trusted_artifact_file(const EngineCore& engine,
                                                                  const std::filesystem::path& path) {
  bridge::Module* module = nullptr;
  TAIRITSU_RETURN_IF_ERROR(bridge::check(bridge::tairitsu_bridge_module_from_trusted_artifact_file(
      engine.bridge(), bridge::borrow(path.native()), &module)));
  return CompiledModule(module);
}

Result<CompiledModule> CompiledModule::from_sealed_artifact_file(const EngineCore& engine,
                                                                 const std::filesystem::path& path,
                                                                 const ArtifactSeal& seal) {
  bridge::Module* module = nullptr;
  TAIRITSU_RETURN_IF_ERROR(bridge::check(bridge::tairitsu_bridge_module_from_sealed_artifact_file(
      engine.bridge(), bridge::borrow(path.native()), bridge::borrow(std::span(seal.key)),
      bridge::borrow(seal.name), &module)));
  return CompiledModule(module);
}

Result<std::vector<std::byte>> CompiledModule::serialize() const {
  TAIRITSU_TRY(auto buffer,
               bridge::create<bridge::BufferPtr>(bridge::tairitsu_bridge_module_serialize, bridge()));
  return bridge::to_vector(buffer);
}

}  // namespace tairitsu::detail

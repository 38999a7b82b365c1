#include "engine/compiled.h"

#include "engine/bridge.h"

namespace tairitsu::detail {

void ExportIndexDeleter::operator()(bridge::ExportIndex* index) const noexcept {
  bridge::tairitsu_bridge_export_free(index);
}

void CompiledComponent::Deleter::operator()(bridge::Component* component) const noexcept {
  bridge::tairitsu_bridge_component_free(component);
}

Result<CompiledComponent> CompiledComponent::compile(const EngineCore& engine,
                                                     std::span<const std::byte> bytes,
                                                     bool from_core_module) {
  bridge::Component* component = nullptr;
  TAIRITSU_RETURN_IF_ERROR(bridge::check(bridge::tairitsu_bridge_component_compile(
      engine.bridge(), bridge::borrow(bytes), from_core_module, &component)));
  return CompiledComponent(component);
}

Result<CompiledComponent> CompiledComponent::from_trusted_artifact(const EngineCore& engine,
                                                                   std::span<const std::byte> bytes) {
  bridge::Component* component = nullptr;
  TAIRITSU_RETURN_IF_ERROR(bridge::check(bridge::tairitsu_bridge_component_from_trusted_artifact(
      engine.bridge(), bridge::borrow(bytes), &component)));
  return CompiledComponent(component);
}

Result<CompiledComponent> CompiledComponent::from_trusted_artifact_file(const EngineCore& engine,
                                                                        const std::filesystem::path& path) {
  bridge::Component* component = nullptr;
  TAIRITSU_RETURN_IF_ERROR(bridge::check(bridge::tairitsu_bridge_component_from_trusted_artifact_file(
      engine.bridge(), bridge::borrow(path.native()), &component)));
  return CompiledComponent(component);
}

Result<CompiledComponent> CompiledComponent::from_sealed_artifact_file(const EngineCore& engine,
                                                                       const std::filesystem::path& path,
                                                                       const ArtifactSeal& seal) {
  bridge::Component* component = nullptr;
  TAIRITSU_RETURN_IF_ERROR(bridge::check(bridge::tairitsu_bridge_component_from_sealed_artifact_file(
      engine.bridge(), bridge::borrow(path.native()), bridge::borrow(std::span(seal.key)),
      bridge::borrow(seal.name), &component)));
  return CompiledComponent(component);
}

Result<std::vector<std::byte>> CompiledComponent::serialize() const {
  TAIRITSU_TRY(auto buffer,
               bridge::create<bridge::BufferPtr>(bridge::tairitsu_bridge_component_serialize, bridge()));
  return bridge::to_vector(buffer);
}

std::span<const std::byte> CompiledComponent::digest() const noexcept {
  return bridge::as_bytes(bridge::tairitsu_bridge_component_digest(bridge()));
}

std::uint64_t CompiledComponent::size() const noexcept {
  return bridge::tairitsu_bridge_component_size(bridge());
}

bool CompiledComponent::uses_async_abi() const noexcept {
  return bridge::tairitsu_bridge_component_uses_async_abi(bridge());
}

Result<std::vector<std::byte>> CompiledComponent::world() const {
  TAIRITSU_TRY(auto buffer,
               bridge::create<bridge::BufferPtr>(bridge::tairitsu_bridge_component_world, bridge()));
  return bridge::to_vector(buffer);
}

Result<ExportIndexPtr> CompiledComponent::find_export(std::string_view interface,
                                                      std::string_view name) const {
  bridge::ExportIndex* index = nullptr;
  TAIRITSU_RETURN_IF_ERROR(bridge::check(bridge::tairitsu_bridge_component_export(
      bridge(), bridge::borrow(interface), bridge::borrow(name), &index)));
  return ExportIndexPtr(index);
}

}  // namespace tairitsu::detail

#include "tairitsu/image.h"

#include <utility>

#include "runtime/component.h"
#include "runtime/image_file.h"

namespace tairitsu {

namespace {

Result<Component> finish(const Engine& engine, Result<detail::CompiledComponent> compiled) {
  if (!compiled) return std::unexpected(std::move(compiled).error());
  TAIRITSU_TRY(auto core, detail::ComponentCore::create(engine, *std::move(compiled)));
  return Component(std::move(core));
}

}  // namespace

Result<Image> Image::from_bytes(const Engine& engine, std::span<const std::byte> bytes) {
  TAIRITSU_TRY(auto component,
               finish(engine, detail::CompiledComponent::compile(*engine.core(), bytes, false)));
  return Image(std::move(component));
}

Result<Image> Image::from_text(const Engine& engine, std::string_view text) {
  return from_bytes(engine, std::as_bytes(std::span(text)));
}

Result<Image> Image::from_file(const Engine& engine, const std::filesystem::path& path) {
  TAIRITSU_TRY(auto bytes, detail::read_image_file(path));
  return detail::with_path(path, from_bytes(engine, bytes));
}

Result<Image> Image::from_core_module(const Engine& engine, std::span<const std::byte> bytes) {
  TAIRITSU_TRY(auto component,
               finish(engine, detail::CompiledComponent::compile(*engine.core(), bytes, true)));
  return Image(std::move(component));
}

Result<Image> Image::from_trusted_artifact(const Engine& engine, std::span<const std::byte> bytes) {
  TAIRITSU_TRY(auto component,
               finish(engine, detail::CompiledComponent::from_trusted_artifact(*engine.core(), bytes)));
  return Image(std::move(component));
}

Result<Image> Image::from_trusted_artifact_file(const Engine& engine, const std::filesystem::path& path) {
  TAIRITSU_TRY(auto component,
               detail::with_path(path, finish(engine, detail::CompiledComponent::from_trusted_artifact_file(
                                                          *engine.core(), path))));
  return Image(std::move(component));
}

Result<Image> Image::from_sealed_artifact_file(const Engine& engine, const std::filesystem::path& path,
                                               const detail::ArtifactSeal& seal) {
  TAIRITSU_TRY(auto component,
               detail::with_path(path, finish(engine, detail::CompiledComponent::from_sealed_artifact_file(
                                                          *engine.core(), path, seal))));
  return Image(std::move(component));
}

Result<std::vector<std::byte>> Image::precompile() const { return component_.core()->compiled.serialize(); }

const std::string& Image::digest() const noexcept { return component_.core()->digest; }

std::uint64_t Image::size() const noexcept { return component_.core()->compiled.size(); }

}  // namespace tairitsu

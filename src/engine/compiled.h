/// Components compiled by the engine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/artifact.h"
#include "engine/engine.h"
#include "tairitsu/error.h"

namespace tairitsu::bridge {
struct Component;
struct ExportIndex;
}  // namespace tairitsu::bridge

namespace tairitsu::detail {

/// An export of a component, looked up once for all its instances.
struct ExportIndexDeleter {
  void operator()(bridge::ExportIndex* index) const noexcept;
};
using ExportIndexPtr = std::unique_ptr<bridge::ExportIndex, ExportIndexDeleter>;

class CompiledComponent {
 public:
  [[nodiscard]] static Result<CompiledComponent> compile(const EngineCore& engine,
                                                         std::span<const std::byte> bytes,
                                                         bool from_core_module);
  [[nodiscard]] static Result<CompiledComponent> from_trusted_artifact(const EngineCore& engine,
                                                                       std::span<const std::byte> bytes);
  [[nodiscard]] static Result<CompiledComponent> from_trusted_artifact_file(
      const EngineCore& engine, const std::filesystem::path& path);
  /// Loads an artifact from a cache. Fails with `artifact_damaged`, before its code is mapped, if the seal differs.
  [[nodiscard]] static Result<CompiledComponent> from_sealed_artifact_file(const EngineCore& engine,
                                                                           const std::filesystem::path& path,
                                                                           const ArtifactSeal& seal);

  [[nodiscard]] Result<std::vector<std::byte>> serialize() const;
  /// Returns the SHA-256 digest of the binary, 32 bytes.
  [[nodiscard]] std::span<const std::byte> digest() const noexcept;
  [[nodiscard]] std::uint64_t size() const noexcept;
  /// Returns whether the component uses the component model's async ABI.
  [[nodiscard]] bool uses_async_abi() const noexcept;
  /// Returns the world, encoded for `decode_world`.
  [[nodiscard]] Result<std::vector<std::byte>> world() const;
  /// Looks up an export by the component's own spelling; an empty interface is the root.
  [[nodiscard]] Result<ExportIndexPtr> find_export(std::string_view interface, std::string_view name) const;

  [[nodiscard]] const bridge::Component* bridge() const noexcept { return component_.get(); }

 private:
  struct Deleter {
    void operator()(bridge::Component* component) const noexcept;
  };
  explicit CompiledComponent(bridge::Component* component) : component_(component) {}
  std::unique_ptr<bridge::Component, Deleter> component_;
};

}  // namespace tairitsu::detail

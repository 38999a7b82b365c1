/// Core modules compiled by the engine: WASI preview 1 commands.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "engine/artifact.h"
#include "engine/engine.h"
#include "tairitsu/error.h"

namespace tairitsu::bridge {
struct Module;
}

namespace tairitsu::detail {

/// Returns whether a precompiled artifact was compiled from a core module. Fails with `io` if it cannot be read.
[[nodiscard]] Result<bool> is_module_artifact(const std::filesystem::path& path);

/// A compiled core module with its imports resolved. Usable from any thread.
class CompiledModule {
 public:
  [[nodiscard]] static Result<CompiledModule> compile(const EngineCore& engine,
                                                      std::span<const std::byte> bytes);
  [[nodiscard]] static Result<CompiledModule> from_trusted_artifact_file(const EngineCore& engine,
                                                                         const std::filesystem::path& path);
  /// Loads an artifact from a cache. Fails with `artifact_damaged`, before its code is mapped, if the seal differs.
  [[nodiscard]] static Result<CompiledModule> from_sealed_artifact_file(const EngineCore& engine,
                                                                        const std::filesystem::path& path,
                                                                        const ArtifactSeal& seal);

  [[nodiscard]] Result<std::vector<std::byte>> serialize() const;
  [[nodiscard]] const bridge::Module* bridge() const noexcept { return module_.get(); }

 private:
  struct Deleter {
    void operator()(bridge::Module* module) const noexcept;
  };
  explicit CompiledModule(bridge::Module* module) : module_(module) {}
  std::unique_ptr<bridge::Module, Deleter> module_;
};

}  // namespace tairitsu::detail

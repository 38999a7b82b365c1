/// Compiled code on disk, so that a component is compiled once and later starts in milliseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include <tairitsu/engine.h>
#include <tairitsu/error.h>
#include <tairitsu/image.h>
#include <tairitsu/program.h>

namespace tairitsu {

namespace detail {
class ArtifactCache;
}

/// A folder of precompiled artifacts, each found by the digest of its source and the fingerprint of the engine. What
/// lies there runs as machine code, so it belongs to one user: a folder that others own or can write is refused.
/// A cache that cannot be written, or an artifact that is damaged, only costs a compilation. A shared handle, safe
/// from any thread; any number of processes may use the folder at once.
class CompilationCache {
 public:
  /// Keeps nothing: compiles each time.
  CompilationCache() = default;
  /// The folder is made when something is kept. After each addition the least recently used artifacts go until no
  /// more than `max_bytes` are left. Fails with `untrusted_file` or `io`.
  [[nodiscard]] static Result<CompilationCache> open(const std::filesystem::path& folder,
                                                     std::uint64_t max_bytes = std::uint64_t{2} << 30);

  /// Loads or compiles a component, binary or text, or a core module, which gets the adapter as
  /// `Image::from_core_module` does it. Makes an engine with these options; where the component needs the async ABI,
  /// one that has it. Fails as `Image::from_bytes` does.
  [[nodiscard]] Result<Image> image(const EngineOptions& options, std::span<const std::byte> source) const;
  /// The same for a program: a core module runs natively. Fails as `Program::from_bytes` does.
  [[nodiscard]] Result<Program> program(const EngineOptions& options,
                                        std::span<const std::byte> source) const;

 private:
  explicit CompilationCache(std::shared_ptr<const detail::ArtifactCache> artifacts)
      : artifacts_(std::move(artifacts)) {}
  template <typename Kind>
  [[nodiscard]] Result<typename Kind::Made> load(const EngineOptions& options,
                                                 std::span<const std::byte> source) const;
  std::shared_ptr<const detail::ArtifactCache> artifacts_;
};

}  // namespace tairitsu

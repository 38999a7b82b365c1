/// Images: compiled components, ready to make containers of.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tairitsu/component.h>
#include <tairitsu/engine.h>
#include <tairitsu/error.h>

namespace tairitsu {

namespace detail {
struct ArtifactSeal;
}

/// A compiled component with its identity. A shared handle: cheap to copy, usable from any thread.
/// Compiling takes from milliseconds to seconds, by size; keep images, or give the engine a cache.
class Image {
 public:
  /// Compiles a component, binary or text. Fails with `not_wasm`, `is_core_module` or `invalid_component`.
  [[nodiscard]] static Result<Image> from_bytes(const Engine& engine, std::span<const std::byte> bytes);
  /// The same from a file; also `io`. Messages carry the path.
  [[nodiscard]] static Result<Image> from_file(const Engine& engine, const std::filesystem::path& path);
  /// Compiles component text (`.wat`).
  [[nodiscard]] static Result<Image> from_text(const Engine& engine, std::string_view text);
  /// Makes a component of a core module and compiles it. Where the module imports WASI preview 1, the
  /// adapter is added; where it was linked with its component type (as `tairitsu bindgen guest`
  /// arranges), that becomes the world. Fails with `is_component` where the bytes are one already.
  [[nodiscard]] static Result<Image> from_core_module(const Engine& engine, std::span<const std::byte> bytes);
  /// Loads what `precompile` wrote, in milliseconds whatever the size. It is machine code that runs as
  /// it is: **only for artifacts that you or somebody you trust made and nobody else could change**. A
  /// truncated or foreign one is `artifact_damaged`, one of another engine version, configuration or
  /// processor `artifact_mismatch`.
  [[nodiscard]] static Result<Image> from_trusted_artifact(const Engine& engine,
                                                           std::span<const std::byte> bytes);
  /// The same from a file, which is mapped: it must stay as it is while images of it live.
  [[nodiscard]] static Result<Image> from_trusted_artifact_file(const Engine& engine,
                                                                const std::filesystem::path& path);

  /// The compiled code, for `from_trusted_artifact` on an engine of the same version and options.
  [[nodiscard]] Result<std::vector<std::byte>> precompile() const;

  /// `sha256:` and 64 hexadecimal digits, of the component's WebAssembly binary (for text: of the
  /// binary it stands for). The same for an image and for its precompiled artifact.
  [[nodiscard]] const std::string& digest() const noexcept;
  /// The binary's size in bytes.
  [[nodiscard]] std::uint64_t size() const noexcept;
  /// What the component imports and exports, with types. Valid as long as the image.
  [[nodiscard]] const World& world() const noexcept { return component_.world(); }

  [[nodiscard]] const Component& component() const noexcept { return component_; }
  [[nodiscard]] const Engine& engine() const noexcept { return component_.engine(); }

 private:
  friend class CompilationCache;
  friend class Program;
  [[nodiscard]] static Result<Image> from_sealed_artifact_file(const Engine& engine,
                                                               const std::filesystem::path& path,
                                                               const detail::ArtifactSeal& seal);
  explicit Image(Component component) : component_(std::move(component)) {}
  Component component_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

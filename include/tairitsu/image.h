/// Images: compiled components, from which containers are created.
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

/// A compiled component and its digest. A shared handle: cheap to copy, usable from any thread. Compiling takes
/// milliseconds to seconds, depending on the size; keep images, or set `EngineOptions::cache_directory`.
class Image {
 public:
  /// Compiles a component, given as binary or text. Fails with `not_wasm` if the bytes are neither, with
  /// `is_core_module` or `invalid_component` if they are not a valid component, with `async_abi_off` if the component
  /// needs the async ABI but the engine does not enable it, and with `compile_limit` if it exceeds
  /// `EngineOptions::compile_limits`.
  [[nodiscard]] static Result<Image> from_bytes(const Engine& engine, std::span<const std::byte> bytes);
  /// Reads a file and compiles it like `from_bytes`; also fails with `io`. Messages name the path.
  [[nodiscard]] static Result<Image> from_file(const Engine& engine, const std::filesystem::path& path);
  /// Compiles component text (`.wat`) like `from_bytes`.
  [[nodiscard]] static Result<Image> from_text(const Engine& engine, std::string_view text);
  /// Converts a core module to a component and compiles it like `from_bytes`. If the module imports WASI preview 1,
  /// the adapter is added; if it was linked with its component type (as with `tairitsu bindgen guest`), the component
  /// gets that world. Fails with `is_component` if the bytes already are a component.
  [[nodiscard]] static Result<Image> from_core_module(const Engine& engine, std::span<const std::byte> bytes);
  /// Loads what `precompile` returned, in milliseconds whatever its size. The artifact is machine code and runs as it
  /// is: **load only artifacts that you or someone you trust made, and that no one else could have changed**. Fails
  /// with `artifact_damaged` if it is truncated or not an artifact, and with `artifact_mismatch` if it was made for
  /// another engine version, configuration or processor.
  [[nodiscard]] static Result<Image> from_trusted_artifact(const Engine& engine,
                                                           std::span<const std::byte> bytes);
  /// Maps the file of an artifact and loads it like `from_trusted_artifact`; also fails with `io`. The file must not
  /// change while images loaded from it exist.
  [[nodiscard]] static Result<Image> from_trusted_artifact_file(const Engine& engine,
                                                                const std::filesystem::path& path);

  /// Returns the compiled code, for `from_trusted_artifact` on an engine of the same version and options.
  [[nodiscard]] Result<std::vector<std::byte>> precompile() const;

  /// Returns the digest of the component's WebAssembly binary: `sha256:` and 64 hexadecimal digits. If the component
  /// was given as text, it is that of the binary encoding. An image and its precompiled artifact have the same digest.
  [[nodiscard]] const std::string& digest() const noexcept;
  /// Returns the binary's size in bytes.
  [[nodiscard]] std::uint64_t size() const noexcept;
  /// Returns what the component imports and exports, with types. Valid while the image, or a copy of it, exists.
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

/// A cache of compiled code on disk: a component is compiled once and later loads in milliseconds.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <tairitsu/engine.h>
#include <tairitsu/error.h>
#include <tairitsu/image.h>
#include <tairitsu/image_store.h>
#include <tairitsu/program.h>

namespace tairitsu {

namespace detail {
class ArtifactCache;
}

/// A directory of precompiled artifacts, found by the digest of the source and the engine's fingerprint.
///
/// The artifacts run as machine code, so a directory that another user owns or can write to is rejected. Each artifact
/// is sealed for its source and its engine, with a key next to the directory (`DIRECTORY.key`): an artifact that was
/// modified, or copied over another one, is not loaded. If the cache cannot be written, an artifact is damaged or the
/// key is missing, the component is compiled instead.
///
/// A shared handle, usable from any thread. Any number of processes may use the directory at the same time.
class CompilationCache {
 public:
  /// Creates a cache that stores nothing: every call compiles.
  CompilationCache() = default;
  /// Opens a cache. The directory is created when the first artifact is stored. After each addition the least recently
  /// used artifacts are removed until at most `max_bytes` remain. Fails with `untrusted_file` or `io`.
  [[nodiscard]] static Result<CompilationCache> open(const std::filesystem::path& directory,
                                                     std::uint64_t max_bytes = std::uint64_t{2} << 30);

  /// Loads or compiles a component, binary or text, or a core module, which is converted like
  /// `Image::from_core_module`. If the component needs the async ABI and the engine does not enable it, the image gets
  /// a new engine with the same options that does. Fails like `Image::from_bytes`.
  [[nodiscard]] Result<Image> image(const Engine& engine, std::span<const std::byte> source) const;
  /// Loads or compiles an image of a store, which is only read if its artifact is not cached. Also fails like
  /// `ImageStore::read_component`.
  [[nodiscard]] Result<Image> image(const Engine& engine, const ImageStore& store,
                                    const StoredImage& image) const;
  /// Loads or compiles a program, like `image`; core modules run natively. Fails like `Program::from_bytes`.
  [[nodiscard]] Result<Program> program(const Engine& engine, std::span<const std::byte> source) const;
  [[nodiscard]] Result<Program> program(const Engine& engine, const ImageStore& store,
                                        const StoredImage& image) const;

  /// Sets a function that is called before each compilation, with the size of the source in bytes. Do not call this
  /// while another thread uses the cache.
  void on_compile(std::function<void(std::size_t bytes)> callback) { on_compile_ = std::move(callback); }
  /// A precompiled artifact in a file that exists while `keep` does.
  struct Compiled {
    std::filesystem::path file;
    std::shared_ptr<const void> keep;
  };
  /// Compiles with the engine's options: like `Program::from_bytes` if `as_program` is set, else like `image`.
  using Compiler = std::function<Result<Compiled>(const EngineOptions& engine, bool as_program,
                                                  std::span<const std::byte> source)>;
  /// Sets the compiler for sources that are not cached, for example to compile in a child process that can be killed.
  /// Its artifacts are trusted, and may need the async ABI even if the engine does not enable it. Do not call this
  /// while another thread uses the cache.
  void compile_with(Compiler compiler) { compiler_ = std::move(compiler); }
  /// Removes all artifacts. Fails with `untrusted_file` or `io`.
  [[nodiscard]] Result<void> clear() const;

 private:
  explicit CompilationCache(std::shared_ptr<const detail::ArtifactCache> artifacts)
      : artifacts_(std::move(artifacts)) {}
  /// What to compile: its digest, and a way to read its bytes.
  struct Source;
  struct Images;
  struct Programs;
  [[nodiscard]] Source source_of(std::span<const std::byte> bytes) const;
  template <typename Kind>
  [[nodiscard]] Result<typename Kind::Made> load(const Engine& engine, const Source& source) const;
  [[nodiscard]] Result<void> keep(std::string_view digest, std::string_view fingerprint,
                                  std::span<std::byte> artifact) const;
  template <typename Kind>
  [[nodiscard]] Result<typename Kind::Made> load(const Engine& engine, const ImageStore& store,
                                                 const StoredImage& image) const;
  std::shared_ptr<const detail::ArtifactCache> artifacts_;
  std::function<void(std::size_t)> on_compile_;
  Compiler compiler_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

/// Compiled code on disk, so that a component is compiled once and later starts in milliseconds.
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

/// A folder of precompiled artifacts, each found by the digest of its source and the fingerprint of the engine. What
/// lies there runs as machine code, so it belongs to one user: a folder that others own or can write is refused.
/// Each artifact is sealed with a key that lies beside the folder (`FOLDER.key`), for its source and its engine: one
/// that was changed, or copied over another, is not loaded. A cache that cannot be written, an artifact that is damaged
/// or a key that is missing only costs a compilation. A shared handle, safe
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
  /// `Image::from_core_module` does it. Where the component needs the async ABI and the engine has it not, another
  /// engine is made that is like it and has. Fails as `Image::from_bytes` does.
  [[nodiscard]] Result<Image> image(const Engine& engine, std::span<const std::byte> source) const;
  /// The same of a store's image, which is read only where its artifact is not kept. Fails as
  /// `ImageStore::read_component` too.
  [[nodiscard]] Result<Image> image(const Engine& engine, const ImageStore& store,
                                    const StoredImage& image) const;
  /// The same for a program: a core module runs natively. Fails as `Program::from_bytes` does.
  [[nodiscard]] Result<Program> program(const Engine& engine, std::span<const std::byte> source) const;
  [[nodiscard]] Result<Program> program(const Engine& engine, const ImageStore& store,
                                        const StoredImage& image) const;

  /// Has it told how many bytes are compiled, before each time. Not while another thread loads.
  void on_compile(std::function<void(std::size_t bytes)> told) { on_compile_ = std::move(told); }
  /// A precompiled artifact in a file, which is there as long as `keep`.
  struct Compiled {
    std::filesystem::path file;
    std::shared_ptr<const void> keep;
  };
  /// Compiles with the engine's options: `as_program` as `Program::from_bytes` does, else as `image` does.
  using Compiler = std::function<Result<Compiled>(const EngineOptions& engine, bool as_program,
                                                  std::span<const std::byte> source)>;
  /// Has what is not kept compiled elsewhere, such as in another process that can be killed. Its artifacts are
  /// trusted. It may need the async ABI where the engine has it not. Not while another thread loads.
  void compile_with(Compiler compiler) { compiler_ = std::move(compiler); }
  /// Removes all that is kept. Fails with `untrusted_file` or `io`.
  [[nodiscard]] Result<void> clear() const;

 private:
  explicit CompilationCache(std::shared_ptr<const detail::ArtifactCache> artifacts)
      : artifacts_(std::move(artifacts)) {}
  /// What is compiled: how it is found, and its bytes, should they be needed.
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

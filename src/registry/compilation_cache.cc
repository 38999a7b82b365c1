#include "tairitsu/compilation_cache.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/sha256.h"
#include "base/text.h"
#include "engine/artifact.h"
#include "engine/http_client.h"
#include "image/artifact_cache.h"

namespace tairitsu {

struct CompilationCache::Images {
  using Made = Image;
  static constexpr bool kIsProgram = false;
  static constexpr std::string_view kSuffix{};
  static Result<Image> load(const Engine& engine, const std::filesystem::path& path,
                            const detail::ArtifactSeal& seal) {
    return Image::from_sealed_artifact_file(engine, path, seal);
  }
  static Result<Image> compile(const Engine& engine, std::span<const std::byte> source) {
    auto image = Image::from_bytes(engine, source);
    if (image || image.error().code() != ErrorCode::is_core_module) return image;
    return Image::from_core_module(engine, source);
  }
  static Result<Image> load_trusted(const Engine& engine, const std::filesystem::path& path) {
    return Image::from_trusted_artifact_file(engine, path);
  }
};

struct CompilationCache::Programs {
  using Made = Program;
  static constexpr bool kIsProgram = true;
  /// As an image, a core module is compiled differently.
  static constexpr std::string_view kSuffix = "-program";
  static Result<Program> load(const Engine& engine, const std::filesystem::path& path,
                              const detail::ArtifactSeal& seal) {
    return Program::from_sealed_artifact_file(engine, path, seal);
  }
  static Result<Program> compile(const Engine& engine, std::span<const std::byte> source) {
    return Program::from_bytes(engine, source);
  }
  static Result<Program> load_trusted(const Engine& engine, const std::filesystem::path& path) {
    return Program::from_trusted_artifact_file(engine, path);
  }
};

namespace {

/// Reads a component from the store on demand.
class StoredBytes {
 public:
  StoredBytes(const ImageStore& store, const StoredImage& image) : store_(&store), image_(&image) {}

  Result<std::span<const std::byte>> operator()() {
    auto bytes = store_->read_component(*image_);
    failed_ = !bytes;
    if (failed_) return std::unexpected(std::move(bytes).error());
    bytes_ = *std::move(bytes);
    return bytes_;
  }

  /// Adds the image's name to an error, unless it is the store's, which has the name already.
  [[nodiscard]] Error named(const Error& error) const {
    if (failed_) return error;
    const std::string& name = image_->names.empty() ? image_->digest : image_->names.front();
    return error.with_context(fmt::format("image '{}'", detail::printable(name)));
  }

 private:
  const ImageStore* store_;
  const StoredImage* image_;
  std::vector<std::byte> bytes_;
  bool failed_ = false;
};

}  // namespace

Result<CompilationCache> CompilationCache::open(const std::filesystem::path& directory,
                                                std::uint64_t max_bytes) {
  TAIRITSU_TRY(auto artifacts, detail::ArtifactCache::open(directory, {.max_bytes = max_bytes}));
  return CompilationCache(std::make_shared<const detail::ArtifactCache>(std::move(artifacts)));
}

struct CompilationCache::Source {
  std::string digest;  ///< Empty if there is no cache.
  std::function<Result<std::span<const std::byte>>()> bytes;
};

CompilationCache::Source CompilationCache::source_of(std::span<const std::byte> bytes) const {
  return {.digest = artifacts_ ? detail::digest_of(detail::make_sha256, bytes) : std::string(),
          .bytes = [bytes] { return bytes; }};
}

template <typename Kind>
Result<typename Kind::Made> CompilationCache::load(const Engine& engine, const Source& source) const {
  struct Target {
    Engine engine;
    std::string fingerprint;
  };
  const auto target_of = [&](const Engine& for_engine) -> Result<Target> {
    TAIRITSU_TRY(const auto fingerprint, for_engine.fingerprint());
    return Target{.engine = for_engine, .fingerprint = fingerprint + std::string(Kind::kSuffix)};
  };
  const auto with_async_abi = [&]() -> Result<Target> {
    EngineOptions options = engine.options();
    options.async_abi = true;
    TAIRITSU_TRY(const auto other, Engine::create(options));
    return target_of(other);
  };
  // An artifact that is damaged or was just evicted is compiled again; so are all if the key is missing.
  const auto find = [&](const Target& target) -> std::optional<typename Kind::Made> {
    const auto path = artifacts_->find(source.digest, target.fingerprint);
    if (!path || !*path) return std::nullopt;
    const auto key = artifacts_->key();
    if (!key || !*key) return std::nullopt;
    auto loaded = Kind::load(target.engine, **path, {.key = **key, .name = (*path)->filename()});
    return loaded ? std::optional(*std::move(loaded)) : std::nullopt;
  };

  TAIRITSU_TRY(Target target, target_of(engine));
  // Only the bytes or an existing artifact show that a component needs the async ABI.
  std::optional<Target> other;
  if (artifacts_) {
    if (auto cached = find(target)) return *std::move(cached);
    if (!engine.options().async_abi) {
      TAIRITSU_TRY(other, with_async_abi());
      if (auto cached = find(*other)) return *std::move(cached);
    }
  }
  TAIRITSU_TRY(const auto bytes, source.bytes());
  if (on_compile_) on_compile_(bytes.size());
  std::optional<Compiled> compiled;
  if (compiler_) {
    TAIRITSU_TRY(compiled, compiler_(target.engine.options(), Kind::kIsProgram, bytes));
  }
  const auto make = [&] {
    return compiled ? Kind::load_trusted(target.engine, compiled->file) : Kind::compile(target.engine, bytes);
  };
  auto made = make();
  // The external compiler chooses the ABI itself, which shows only when the artifact is loaded.
  const auto needs_async_abi = compiled ? ErrorCode::artifact_mismatch : ErrorCode::async_abi_off;
  if (!made && made.error().code() == needs_async_abi && !target.engine.options().async_abi) {
    if (!other) {
      TAIRITSU_TRY(other, with_async_abi());
    }
    target = *std::move(other);
    made = make();
  }
  if (made && artifacts_) {
    // If it cannot be stored, it is compiled again the next time.
    auto artifact = made->precompile();
    if (artifact) std::ignore = keep(source.digest, target.fingerprint, *artifact);
  }
  return made;
}

Result<void> CompilationCache::keep(std::string_view digest, std::string_view fingerprint,
                                    std::span<std::byte> artifact) const {
  TAIRITSU_TRY(const std::string name, detail::ArtifactCache::file_name(digest, fingerprint));
  TAIRITSU_TRY(const detail::ArtifactKey key, artifacts_->obtain_key());
  TAIRITSU_RETURN_IF_ERROR(detail::seal_artifact(artifact, {.key = key, .name = name}));
  TAIRITSU_RETURN_IF_ERROR(artifacts_->put(digest, fingerprint, artifact));
  return {};
}

Result<void> CompilationCache::clear() const {
  if (artifacts_) return artifacts_->clear();
  return {};
}

Result<Image> CompilationCache::image(const Engine& engine, std::span<const std::byte> source) const {
  return load<Images>(engine, source_of(source));
}

Result<Program> CompilationCache::program(const Engine& engine, std::span<const std::byte> source) const {
  return load<Programs>(engine, source_of(source));
}

template <typename Kind>
Result<typename Kind::Made> CompilationCache::load(const Engine& engine, const ImageStore& store,
                                                   const StoredImage& image) const {
  StoredBytes stored(store, image);
  auto made = load<Kind>(engine, Source{.digest = image.component_digest, .bytes = std::ref(stored)});
  if (!made) return std::unexpected(stored.named(made.error()));
  return made;
}

Result<Image> CompilationCache::image(const Engine& engine, const ImageStore& store,
                                      const StoredImage& image) const {
  return load<Images>(engine, store, image);
}

Result<Program> CompilationCache::program(const Engine& engine, const ImageStore& store,
                                          const StoredImage& image) const {
  return load<Programs>(engine, store, image);
}

}  // namespace tairitsu

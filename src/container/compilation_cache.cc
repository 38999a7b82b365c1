#include "tairitsu/compilation_cache.h"

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "engine/http_client.h"
#include "image/artifact_cache.h"
#include "image/sha256.h"

namespace tairitsu {

namespace {

struct Images {
  using Made = Image;
  static constexpr std::string_view kSuffix{};
  static Result<Image> load(const Engine& engine, const std::filesystem::path& path) {
    return Image::from_trusted_artifact_file(engine, path);
  }
  static Result<Image> compile(const Engine& engine, std::span<const std::byte> source) {
    auto image = Image::from_bytes(engine, source);
    if (image || image.error().code() != ErrorCode::is_core_module) return image;
    return Image::from_core_module(engine, source);
  }
};

struct Programs {
  using Made = Program;
  /// A core module is compiled in another way where it is no program.
  static constexpr std::string_view kSuffix = "-program";
  static Result<Program> load(const Engine& engine, const std::filesystem::path& path) {
    return Program::from_trusted_artifact_file(engine, path);
  }
  static Result<Program> compile(const Engine& engine, std::span<const std::byte> source) {
    return Program::from_bytes(engine, source);
  }
};

}  // namespace

Result<CompilationCache> CompilationCache::open(const std::filesystem::path& folder,
                                                std::uint64_t max_bytes) {
  TAIRITSU_TRY(auto artifacts, detail::ArtifactCache::open(folder, {.max_bytes = max_bytes}));
  return CompilationCache(std::make_shared<const detail::ArtifactCache>(std::move(artifacts)));
}

template <typename Kind>
Result<typename Kind::Made> CompilationCache::load(const EngineOptions& options,
                                                   std::span<const std::byte> source) const {
  const std::string digest = artifacts_ ? detail::digest_of(detail::make_sha256, source) : std::string();
  struct Way {
    Engine engine;
    std::string fingerprint;
  };
  const auto way_with = [&](bool async_abi) -> Result<Way> {
    EngineOptions own = options;
    own.async_abi = async_abi;
    TAIRITSU_TRY(const auto engine, Engine::create(own));
    TAIRITSU_TRY(const auto fingerprint, engine.fingerprint());
    return Way{.engine = engine, .fingerprint = fingerprint + std::string(Kind::kSuffix)};
  };
  // A damaged artifact, or one that was evicted just now, is made anew.
  const auto find = [&](const Way& way) -> std::optional<typename Kind::Made> {
    const auto path = artifacts_->find(digest, way.fingerprint);
    if (!path || !*path) return std::nullopt;
    auto loaded = Kind::load(way.engine, **path);
    return loaded ? std::optional(*std::move(loaded)) : std::nullopt;
  };

  TAIRITSU_TRY(Way way, way_with(options.async_abi));
  // Only a compilation tells that a component needs the async ABI, or an artifact that is there.
  std::optional<Way> other;
  if (artifacts_) {
    if (auto kept = find(way)) return *std::move(kept);
    if (!options.async_abi) {
      TAIRITSU_TRY(other, way_with(true));
      if (auto kept = find(*other)) return *std::move(kept);
    }
  }
  auto made = Kind::compile(way.engine, source);
  if (!made && made.error().code() == ErrorCode::async_abi_off) {
    if (!other) {
      TAIRITSU_TRY(other, way_with(true));
    }
    way = *std::move(other);
    made = Kind::compile(way.engine, source);
  }
  if (made && artifacts_) {
    // Where it cannot be kept, it is compiled again the next time.
    const auto artifact = made->precompile();
    if (artifact) std::ignore = artifacts_->put(digest, way.fingerprint, *artifact);
  }
  return made;
}

Result<Image> CompilationCache::image(const EngineOptions& options, std::span<const std::byte> source) const {
  return load<Images>(options, source);
}

Result<Program> CompilationCache::program(const EngineOptions& options,
                                          std::span<const std::byte> source) const {
  return load<Programs>(options, source);
}

}  // namespace tairitsu

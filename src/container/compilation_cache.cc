#include "tairitsu/compilation_cache.h"

#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

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
  const std::string digest = detail::digest_of(detail::make_sha256, source);
  struct Way {
    Engine engine;
    std::string fingerprint;
  };
  // As asked for, and with the async ABI: only a compilation tells that a component needs it, or an artifact
  // that is there.
  std::vector<Way> ways;
  for (EngineOptions own = options; ways.size() < 2; own.async_abi = true) {
    if (!ways.empty() && options.async_abi) break;
    TAIRITSU_TRY(const auto engine, Engine::create(own));
    TAIRITSU_TRY(auto fingerprint, engine.fingerprint());
    ways.emplace_back(engine, fingerprint + std::string(Kind::kSuffix));
    const auto found = artifacts_->find(digest, ways.back().fingerprint);
    if (!found || !*found) continue;
    // A damaged artifact, or one that was evicted just now, is made anew.
    if (auto loaded = Kind::load(engine, **found)) return loaded;
  }
  for (const Way& way : ways) {
    auto made = Kind::compile(way.engine, source);
    if (!made && made.error().code() == ErrorCode::async_abi_off && &way != &ways.back()) continue;
    if (made) {
      // Where it cannot be kept, it is compiled again the next time.
      const auto artifact = made->precompile();
      if (artifact) std::ignore = artifacts_->put(digest, way.fingerprint, *artifact);
    }
    return made;
  }
  return fail(ErrorCode::internal, "no engine to compile with");
}

Result<Image> CompilationCache::image(const EngineOptions& options, std::span<const std::byte> source) const {
  return load<Images>(options, source);
}

Result<Program> CompilationCache::program(const EngineOptions& options,
                                          std::span<const std::byte> source) const {
  return load<Programs>(options, source);
}

}  // namespace tairitsu

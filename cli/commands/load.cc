#include "commands/load.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <system_error>
#include <vector>

#include "commands/command.h"
#include "tairitsu/compilation_cache.h"
#include "tairitsu/image_store.h"

namespace tairitsu::cli {
namespace {

/// How precompiled code begins: it is an ELF file.
constexpr std::array kElf = {std::byte{0x7f}, std::byte{'E'}, std::byte{'L'}, std::byte{'F'}};

std::optional<CompilationCache> open_cache(const LoadOptions& options) {
  const auto folder = default_data_folder();
  if (options.no_cache || !folder) return std::nullopt;
  auto cache = CompilationCache::open(*folder / "artifacts");
  if (cache) return *std::move(cache);
  print_warning("nothing is kept of what is compiled: " + cache.error().message());
  return std::nullopt;
}

/// What comes of a file: `Made` is an image or a program.
template <typename Made>
struct Loader {
  Result<Made> (CompilationCache::*through_cache)(const EngineOptions&, std::span<const std::byte>) const;
  Result<Made> (*compile)(const Engine&, std::span<const std::byte>);
  Result<Made> (*from_artifact)(const Engine&, const std::filesystem::path&);
};

/// With the async ABI where the first try says that it is needed.
template <typename Made, typename Body>
Result<Made> with_engine(EngineOptions options, ErrorCode retry, Body&& body) {
  TAIRITSU_TRY(const auto engine, Engine::create(options));
  auto made = body(engine);
  if (made || made.error().code() != retry) return made;
  options.async_abi = true;
  TAIRITSU_TRY(const auto with_async_abi, Engine::create(options));
  auto again = body(with_async_abi);
  return again ? again : made;
}

template <typename Made>
Result<Made> load(const EngineOptions& engine, const LoadOptions& options, const Loader<Made>& loader) {
  std::error_code failed;
  if (!std::filesystem::exists(options.file, failed)) {
    return fail(ErrorCode::not_found, options.file.string() + ": there is no such file");
  }
  TAIRITSU_TRY(const auto bytes, read_file(options.file));
  if (std::ranges::equal(std::span(bytes).first(std::min(bytes.size(), kElf.size())), kElf)) {
    if (!options.allow_precompiled) {
      return fail(ErrorCode::artifact_mismatch,
                  options.file.string() +
                      ": this is precompiled code, which runs as it is: if you trust whoever made it, "
                      "say --allow-precompiled");
    }
    return with_engine<Made>(engine, ErrorCode::artifact_mismatch,
                             [&](const Engine& own) { return loader.from_artifact(own, options.file); });
  }
  auto made = [&]() -> Result<Made> {
    if (const auto cache = open_cache(options)) return ((*cache).*loader.through_cache)(engine, bytes);
    return with_engine<Made>(engine, ErrorCode::async_abi_off,
                             [&](const Engine& own) { return loader.compile(own, bytes); });
  }();
  if (!made) return std::unexpected(made.error().with_context(options.file.string()));
  return made;
}

Result<Image> compile_image(const Engine& engine, std::span<const std::byte> bytes) {
  auto image = Image::from_bytes(engine, bytes);
  if (image || image.error().code() != ErrorCode::is_core_module) return image;
  return Image::from_core_module(engine, bytes);
}

}  // namespace

void add_load_options(CLI::App& command, LoadOptions& options) {
  command.add_option("FILE", options.file, "The component, or a core module; binary, text, or precompiled")
      ->required();
  command.add_flag("--no-cache", options.no_cache, "Compile anew, and keep nothing of it");
  command.add_flag("--allow-precompiled", options.allow_precompiled,
                   "Take FILE where it is precompiled. It runs as it is: only for files that you trust");
}

Result<Image> load_image(const EngineOptions& engine, const LoadOptions& options) {
  return load<Image>(engine, options,
                     {.through_cache = &CompilationCache::image,
                      .compile = compile_image,
                      .from_artifact = Image::from_trusted_artifact_file});
}

Result<Program> load_program(const EngineOptions& engine, const LoadOptions& options) {
  return load<Program>(engine, options,
                       {.through_cache = &CompilationCache::program,
                        .compile = Program::from_bytes,
                        .from_artifact = Program::from_trusted_artifact_file});
}

}  // namespace tairitsu::cli

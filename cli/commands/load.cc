#include "commands/load.h"

#include <array>
#include <cstddef>
#include <fstream>
#include <span>
#include <system_error>

#include "commands/command.h"
#include "tairitsu/compilation_cache.h"
#include "tairitsu/image_store.h"

namespace tairitsu::cli {
namespace {

/// How precompiled code begins: it is an ELF file.
constexpr std::array kElf = {std::byte{0x7f}, std::byte{'E'}, std::byte{'L'}, std::byte{'F'}};

CompilationCache open_cache(const LoadOptions& options) {
  const auto folder = default_data_folder();
  if (options.no_cache || !folder) return {};
  auto cache = CompilationCache::open(*folder / "artifacts");
  if (cache) return *std::move(cache);
  print_warning("nothing is kept of what is compiled: " + cache.error().message());
  return {};
}

bool is_precompiled(const std::filesystem::path& path) {
  std::array<std::byte, kElf.size()> front{};
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(front.data()), front.size());
  return file && front == kElf;
}

/// What comes of a file: `Made` is an image or a program.
template <typename Made>
struct Loader {
  Result<Made> (CompilationCache::*through_cache)(const Engine&, std::span<const std::byte>) const;
  Result<Made> (*from_artifact)(const Engine&, const std::filesystem::path&);
};

/// What it was compiled for, with the async ABI or without, only the attempt tells.
template <typename Made>
Result<Made> load_artifact(EngineOptions options, const std::filesystem::path& path,
                           const Loader<Made>& loader) {
  TAIRITSU_TRY(const auto engine, Engine::create(options));
  auto made = loader.from_artifact(engine, path);
  if (made || made.error().code() != ErrorCode::artifact_mismatch) return made;
  options.async_abi = true;
  TAIRITSU_TRY(const auto with_async_abi, Engine::create(options));
  auto again = loader.from_artifact(with_async_abi, path);
  return again ? again : made;
}

template <typename Made>
Result<Made> load(const EngineOptions& engine, const LoadOptions& options, const Loader<Made>& loader) {
  std::error_code failed;
  if (!std::filesystem::exists(options.file, failed)) {
    return fail(ErrorCode::not_found, options.file.string() + ": there is no such file");
  }
  if (std::filesystem::is_regular_file(options.file, failed) && is_precompiled(options.file)) {
    if (options.allow_precompiled) return load_artifact(engine, options.file, loader);
    return fail(ErrorCode::artifact_mismatch,
                options.file.string() +
                    ": this is precompiled code, which runs as it is: if you trust whoever made it, "
                    "say --allow-precompiled");
  }
  TAIRITSU_TRY(const auto bytes, read_file(options.file));
  TAIRITSU_TRY(const auto own, Engine::create(engine));
  auto made = (open_cache(options).*loader.through_cache)(own, bytes);
  if (!made) return std::unexpected(made.error().with_context(options.file.string()));
  return made;
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
  return load<Image>(
      engine, options,
      {.through_cache = &CompilationCache::image, .from_artifact = Image::from_trusted_artifact_file});
}

Result<Program> load_program(const EngineOptions& engine, const LoadOptions& options) {
  return load<Program>(
      engine, options,
      {.through_cache = &CompilationCache::program, .from_artifact = Program::from_trusted_artifact_file});
}

}  // namespace tairitsu::cli

#include "commands/load.h"

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "commands/command.h"
#include "commands/progress.h"
#include "commands/text.h"
#include "tairitsu/compilation_cache.h"
#include "tairitsu/inspect.h"

namespace tairitsu::cli {
namespace {

/// How precompiled code begins: it is an ELF file.
constexpr std::array kElf = {std::byte{0x7f}, std::byte{'E'}, std::byte{'L'}, std::byte{'F'}};

CompilationCache open_cache(const LoadOptions& options) {
  const auto folder = default_data_folder();
  if (options.no_cache || !folder) return {};
  auto cache = CompilationCache::open(*folder / "artifacts");
  if (cache) {
    if (draws_at_terminal()) {
      cache->on_compile([what = options.what()](std::size_t bytes) {
        draw_line("compiling " + printable(what) + ", " + human_size(bytes) + " …");
      });
    }
    return *std::move(cache);
  }
  print_warning("nothing is kept of what is compiled: " + cache.error().message());
  return {};
}

bool is_precompiled(const std::filesystem::path& path) {
  // What comes through a pipe can be read once, and an artifact is loaded by its name.
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) return false;
  std::array<std::byte, kElf.size()> front{};
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(front.data()), front.size());
  return file && front == kElf;
}

/// Whether somebody who writes this means a file: no image has such a name, or few have.
bool looks_like_path(std::string_view text) {
  return text.starts_with('.') || text.starts_with('/') || text.ends_with(".wasm") ||
         text.ends_with(".wat") || text.ends_with(".cwasm") || text.ends_with(".wit");
}

struct Images {
  using Made = Image;
  static auto cached(const CompilationCache& cache, const auto&... source) { return cache.image(source...); }
  static auto from_artifact(const Engine& engine, const std::filesystem::path& path) {
    return Image::from_trusted_artifact_file(engine, path);
  }
};

struct Programs {
  using Made = Program;
  static auto cached(const CompilationCache& cache, const auto&... source) {
    return cache.program(source...);
  }
  static auto from_artifact(const Engine& engine, const std::filesystem::path& path) {
    return Program::from_trusted_artifact_file(engine, path);
  }
};

struct Code {
  using Made = std::vector<std::byte>;
  static Result<Made> of(const auto& made) {
    if (!made) return std::unexpected(made.error());
    return made->precompile();
  }
  static Result<Made> cached(const CompilationCache& cache, const Engine& engine,
                             std::span<const std::byte> bytes) {
    // What is a component already is compiled in one way only.
    const auto info = inspect_component(bytes);
    if (!info || info->root.kind != WasmKind::component) {
      if (const auto program = cache.program(engine, bytes)) return of(program);
    }
    return of(cache.image(engine, bytes));
  }
  static Result<Made> cached(const CompilationCache& cache, const Engine& engine, const ImageStore& store,
                             const StoredImage& image) {
    TAIRITSU_TRY(const auto bytes, store.read_component(image));
    return cached(cache, engine, bytes);
  }
  static Result<Made> from_artifact(const Engine& engine, const std::filesystem::path& path) {
    if (const auto program = Programs::from_artifact(engine, path)) return of(program);
    return of(Images::from_artifact(engine, path));
  }
};

/// What it was compiled for, with the async ABI or without, only the attempt tells.
template <typename Kind>
Result<typename Kind::Made> load_artifact(EngineOptions options, const std::filesystem::path& path) {
  TAIRITSU_TRY(const auto engine, Engine::create(options));
  auto made = Kind::from_artifact(engine, path);
  if (made || made.error().code() != ErrorCode::artifact_mismatch) return made;
  options.async_abi = true;
  TAIRITSU_TRY(const auto with_async_abi, Engine::create(options));
  auto again = Kind::from_artifact(with_async_abi, path);
  return again ? again : made;
}

template <typename Kind>
Result<typename Kind::Made> load_stored(const Engine& engine, const LoadOptions& options) {
  TAIRITSU_TRY(const auto found, find_source(options.source));
  return Kind::cached(open_cache(options), engine, found.store, found.image);
}

template <typename Kind>
Result<typename Kind::Made> load(const EngineOptions& engine_options, const LoadOptions& options) {
  const bool file = is_file(options.source);
  const ClearedLine line;
  if (file && is_precompiled(options.what())) {
    if (options.allow_precompiled) return load_artifact<Kind>(engine_options, options.what());
    return fail(ErrorCode::artifact_mismatch,
                options.what() +
                    ": this is precompiled code, which runs as it is: if you trust whoever made it, "
                    "say --allow-precompiled");
  }
  TAIRITSU_TRY(const auto engine, Engine::create(engine_options));
  if (!file) return load_stored<Kind>(engine, options);
  TAIRITSU_TRY(const auto bytes, read_file(options.what()));
  auto made = Kind::cached(open_cache(options), engine, std::span<const std::byte>(bytes));
  if (!made) return std::unexpected(made.error().with_context(options.what()));
  return made;
}

}  // namespace

void add_load_options(CLI::App& command, LoadOptions& options) {
  command
      .add_option(
          "FILE", options.source.name,
          "A component, or a core module: a file, binary, text or precompiled, or else the name of an image")
      ->required();
  command.add_flag("--no-cache", options.no_cache, "Compile anew, and keep nothing of it");
  command.add_flag("--allow-precompiled", options.allow_precompiled,
                   "Take FILE where it is precompiled. It runs as it is: only for files that you trust");
  add_pull_flags(command, options.source);
}

bool is_file(const ImageSource& source) {
  std::error_code failed;
  const auto status = std::filesystem::status(source.name, failed);
  if (!std::filesystem::exists(status)) return false;
  // A folder may well have an image's name.
  return !std::filesystem::is_directory(status) || looks_like_path(source.name);
}

Result<Image> load_image(const EngineOptions& engine, const LoadOptions& options) {
  return load<Images>(engine, options);
}

Result<Program> load_program(const EngineOptions& engine, const LoadOptions& options) {
  return load<Programs>(engine, options);
}

Result<std::vector<std::byte>> load_code(const EngineOptions& engine, const LoadOptions& options) {
  return load<Code>(engine, options);
}

Result<FoundImage> find_source(const ImageSource& source) {
  if (looks_like_path(source.name)) {
    return fail(ErrorCode::not_found, source.name + ": there is no such file");
  }
  TAIRITSU_TRY(auto store, open_store());
  TAIRITSU_TRY(auto image, obtain_image(store, source));
  return FoundImage{.store = std::move(store), .image = std::move(image)};
}

Result<std::vector<std::byte>> load_bytes(const ImageSource& source) {
  if (is_file(source)) return read_file(source.name);
  TAIRITSU_TRY(const auto found, find_source(source));
  return found.store.read_component(found.image);
}

std::string program_name(const LoadOptions& options) {
  if (is_file(options.source)) return std::filesystem::path(options.what()).filename().string();
  std::string_view name = options.what();
  name = name.substr(0, name.find('@'));
  if (const auto slash = name.rfind('/'); slash != std::string_view::npos) name.remove_prefix(slash + 1);
  return std::string(name.substr(0, name.find(':')));
}

}  // namespace tairitsu::cli

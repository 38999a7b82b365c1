#include "commands/load.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "commands/command.h"
#include "commands/compile_process.h"
#include "commands/progress.h"
#include "commands/sandbox.h"
#include "commands/text.h"
#include "tairitsu/compilation_cache.h"
#include "tairitsu/inspect.h"

namespace tairitsu::cli {
namespace {

/// How precompiled code begins: it is an ELF file.
constexpr std::array kElf = {std::byte{0x7f}, std::byte{'E'}, std::byte{'L'}, std::byte{'F'}};

CompilationCache open_default_cache(const LoadOptions& options) {
  const auto directory = default_data_directory();
  if (options.no_cache || !directory) return {};
  auto cache = CompilationCache::open(*directory / "artifacts");
  if (cache) return *std::move(cache);
  print_warning("cannot cache compiled code: " + cache.error().message());
  return {};
}

Result<CompilationCache> open_cache(const LoadOptions& options) {
  CompilationBounds bounds{.deadline = options.deadline, .is_cancelled = options.is_cancelled};
  TAIRITSU_TRY(bounds.timeout, read_duration(options.compile_timeout));
  TAIRITSU_TRY(bounds.memory_bytes, read_size(options.compile_memory));
  CompilationCache cache = open_default_cache(options);
  if (can_redraw()) {
    cache.on_compile([name = options.name()](std::size_t bytes) {
      draw_line("compiling " + printable(name) + ", " + human_size(bytes) + " …");
    });
  }
  cache.compile_with(
      [bounds](const EngineOptions& engine, bool as_program, std::span<const std::byte> source) {
        return compile_in_child(engine, as_program, source, bounds);
      });
  return cache;
}

Result<CompileLimits> read_compile_limits(const std::vector<std::string>& texts) {
  CompileLimits limits;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const auto number =
        equals == std::string::npos ? Result<std::uint64_t>(0) : read_size(text.substr(equals + 1));
    if (!number) return std::unexpected(number.error().with_context("--compile-limit " + name));
    const auto set = [&](auto& limit) {
      limit = static_cast<std::remove_reference_t<decltype(limit)>>(std::min<std::uint64_t>(
          *number, std::numeric_limits<std::remove_reference_t<decltype(limit)>>::max()));
    };
    if (equals == std::string::npos) {
      return fail(ErrorCode::invalid_argument, "invalid compile limit '" + text + "': expected NAME=NUMBER");
    } else if (name == "nesting") {
      set(limits.nesting);
    } else if (name == "function-bytes") {
      set(limits.function_bytes);
    } else if (name == "functions") {
      set(limits.functions);
    } else if (name == "modules") {
      set(limits.modules);
    } else if (name == "module-depth") {
      set(limits.module_depth);
    } else if (name == "items") {
      set(limits.items);
    } else if (name == "source-bytes") {
      set(limits.source_bytes);
    } else {
      return fail(ErrorCode::invalid_argument, "unknown compile limit '" + name + "'");
    }
  }
  return limits;
}

bool is_precompiled(const std::filesystem::path& path) {
  // A pipe can be read only once, and artifacts are loaded by file name.
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) return false;
  std::array<std::byte, kElf.size()> front{};
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(front.data()), front.size());
  return file && front == kElf;
}

/// Returns whether the user means a file: few images have such a name.
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
    // A component is compiled in only one way, as an image.
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

/// Tries both engines, because an artifact does not say whether it was compiled with the async ABI.
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
  TAIRITSU_TRY(const auto cache, open_cache(options));
  return Kind::cached(cache, engine, found.store, found.image);
}

template <typename Kind>
Result<typename Kind::Made> load(EngineOptions engine_options, const LoadOptions& options) {
  TAIRITSU_TRY(engine_options.compile_limits, read_compile_limits(options.compile_limits));
  const bool file = is_file(options.source);
  const ClearedLine line;
  if (file && is_precompiled(options.name())) {
    if (options.allow_precompiled) return load_artifact<Kind>(engine_options, options.name());
    return fail(ErrorCode::artifact_mismatch,
                options.name() +
                    ": precompiled code runs unchecked; if you trust its author, pass --allow-precompiled");
  }
  TAIRITSU_TRY(const auto engine, Engine::create(engine_options));
  if (!file) return load_stored<Kind>(engine, options);
  TAIRITSU_TRY(const auto bytes, read_file(options.name()));
  TAIRITSU_TRY(const auto cache, open_cache(options));
  auto made = Kind::cached(cache, engine, std::span<const std::byte>(bytes));
  if (!made) return std::unexpected(made.error().with_context(options.name()));
  return made;
}

}  // namespace

void add_load_options(CLI::App& command, LoadOptions& options) {
  command
      .add_option("FILE", options.source.name,
                  "Component or core module: a file (binary, text or precompiled) or the name of an image")
      ->required();
  command.add_flag("--no-cache", options.no_cache, "Do not use the cache of compiled code");
  command.add_flag("--allow-precompiled", options.allow_precompiled,
                   "Accept precompiled code, which runs unchecked: use only with files that you trust");
  const auto group = "Compilation";
  command.add_option("--compile-timeout", options.compile_timeout, "Limit the time to compile FILE")
      ->type_name("TIME")
      ->capture_default_str()
      ->group(group);
  command.add_option("--compile-memory", options.compile_memory, "Limit the memory to compile FILE")
      ->type_name("SIZE")
      ->capture_default_str()
      ->group(group);
  command
      .add_option(
          "--compile-limit", options.compile_limits,
          "Change a limit on the code to compile; NAME is one of nesting (default: 5000), function-bytes "
          "(4m), functions (500000), modules (1000), module-depth (50), items (500000) or source-bytes "
          "(256m)")
      ->type_name("NAME=NUMBER")
      ->allow_extra_args(false)
      ->group(group);
  add_pull_flags(command, options.source);
}

bool is_file(const ImageSource& source) {
  std::error_code failed;
  const auto status = std::filesystem::status(source.name, failed);
  if (!std::filesystem::exists(status)) return false;
  // A directory may happen to have an image's name.
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
    return fail(ErrorCode::not_found, source.name + ": no such file");
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
  if (is_file(options.source)) return std::filesystem::path(options.name()).filename().string();
  std::string_view name = options.name();
  name = name.substr(0, name.find('@'));
  if (const auto slash = name.rfind('/'); slash != std::string_view::npos) name.remove_prefix(slash + 1);
  return std::string(name.substr(0, name.find(':')));
}

}  // namespace tairitsu::cli

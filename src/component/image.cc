#include "tairitsu/image.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "component/component.h"

namespace tairitsu {

namespace {

Result<Component> finish(const Engine& engine, Result<detail::CompiledComponent> compiled) {
  if (!compiled) return std::unexpected(std::move(compiled).error());
  TAIRITSU_TRY(auto core, detail::ComponentCore::create(engine, *std::move(compiled)));
  return Component(std::move(core));
}

Result<std::vector<std::byte>> read_file(const std::filesystem::path& path) {
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed)) return fail(ErrorCode::io, "it is a folder, not a file");
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::io, std::strerror(errno));
  // Chunk by chunk: a pipe has no size.
  std::vector<std::byte> bytes;
  std::size_t size = 0;
  do {
    bytes.resize(std::max<std::size_t>(2 * size, std::size_t{64} << 10));
    file.read(reinterpret_cast<char*>(bytes.data() + size),
              static_cast<std::streamsize>(bytes.size() - size));
    size += static_cast<std::size_t>(file.gcount());
  } while (file);
  if (file.bad()) return fail(ErrorCode::io, "it could not be read");
  bytes.resize(size);
  return bytes;
}

template <typename T>
Result<T> about(const std::filesystem::path& path, Result<T> result) {
  if (!result) return std::unexpected(result.error().with_context(path.string()));
  return result;
}

}  // namespace

Result<Image> Image::from_bytes(const Engine& engine, std::span<const std::byte> bytes) {
  TAIRITSU_TRY(auto component,
               finish(engine, detail::CompiledComponent::compile(*engine.core(), bytes, false)));
  return Image(std::move(component));
}

Result<Image> Image::from_text(const Engine& engine, std::string_view text) {
  return from_bytes(engine, std::as_bytes(std::span(text)));
}

Result<Image> Image::from_file(const Engine& engine, const std::filesystem::path& path) {
  TAIRITSU_TRY(auto bytes, about(path, read_file(path)));
  return about(path, from_bytes(engine, bytes));
}

Result<Image> Image::from_core_module(const Engine& engine, std::span<const std::byte> bytes) {
  TAIRITSU_TRY(auto component,
               finish(engine, detail::CompiledComponent::compile(*engine.core(), bytes, true)));
  return Image(std::move(component));
}

Result<Image> Image::from_trusted_artifact(const Engine& engine, std::span<const std::byte> bytes) {
  TAIRITSU_TRY(auto component,
               finish(engine, detail::CompiledComponent::from_trusted_artifact(*engine.core(), bytes)));
  return Image(std::move(component));
}

Result<Image> Image::from_trusted_artifact_file(const Engine& engine, const std::filesystem::path& path) {
  TAIRITSU_TRY(auto component,
               about(path, finish(engine, detail::CompiledComponent::from_trusted_artifact_file(
                                              *engine.core(), path))));
  return Image(std::move(component));
}

Result<std::vector<std::byte>> Image::precompile() const { return component_.core()->compiled.serialize(); }

const std::string& Image::digest() const noexcept { return component_.core()->digest; }

std::uint64_t Image::size() const noexcept { return component_.core()->compiled.size(); }

}  // namespace tairitsu

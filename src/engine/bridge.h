/// Ownership and errors for the bridge's C ABI. Only src/engine includes this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tairitsu/error.h"
#include "tairitsu_bridge.h"

namespace tairitsu::bridge {

/// Deletes with a `_free` function of the bridge.
template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

using BufferPtr = std::unique_ptr<Buffer, Deleter<tairitsu_bridge_buffer_free>>;
using GeneratedFilesPtr = std::unique_ptr<GeneratedFiles, Deleter<tairitsu_bridge_generated_files_free>>;

/// Borrows `text` for the duration of a call.
inline Bytes borrow(std::string_view text) noexcept {
  return {.data = reinterpret_cast<const std::uint8_t*>(text.data()), .size = text.size()};
}

/// Borrows `bytes` for the duration of a call.
inline Bytes borrow(std::span<const std::byte> bytes) noexcept {
  return {.data = reinterpret_cast<const std::uint8_t*>(bytes.data()), .size = bytes.size()};
}

/// Returns a view of the bytes as text, valid as long as the memory they point to.
inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

inline std::span<const std::byte> as_bytes(Bytes bytes) noexcept {
  return {reinterpret_cast<const std::byte*>(bytes.data), bytes.size};
}

/// Copies bytes that the bridge owns.
[[nodiscard]] inline std::vector<std::byte> to_vector(Bytes bytes) {
  const auto view = as_bytes(bytes);
  return {view.begin(), view.end()};
}
[[nodiscard]] inline std::vector<std::byte> to_vector(const BufferPtr& buffer) {
  return to_vector(tairitsu_bridge_buffer_bytes(buffer.get()));
}
[[nodiscard]] inline std::string to_string(const BufferPtr& buffer) {
  return std::string(as_text(tairitsu_bridge_buffer_bytes(buffer.get())));
}

/// Converts the bridge's error and frees it. `error` must not be null.
[[nodiscard]] tairitsu::Error take_error(Error* error);

/// Returns the outcome of an entry point of the bridge. Null is success.
[[nodiscard]] inline Result<void> check(Error* error) {
  if (error != nullptr) return std::unexpected(take_error(error));
  return {};
}

/// Calls an entry point whose last parameter is the out pointer, and owns the object it returns:
/// `TAIRITSU_TRY(auto buffer, create<BufferPtr>(tairitsu_bridge_componentize, module, kind));`
template <typename Owner, typename Function, typename... Arguments>
[[nodiscard]] Result<Owner> create(Function function, Arguments... arguments) {
  typename Owner::pointer object = nullptr;
  if (Error* error = function(arguments..., &object)) return std::unexpected(take_error(error));
  return Owner(object);
}

}  // namespace tairitsu::bridge

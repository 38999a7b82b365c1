/// Errors as values.
///
/// Every function that can fail returns `Result<T>`, which is `std::expected<T, Error>`. Nothing throws; if a host
/// function throws, the call into the guest fails with an `Error`. An `Error` is an ordinary value: you can copy it,
/// move it, and use it from any thread.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <concepts>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tairitsu {

/// What went wrong, for a program to act on. `to_string()` returns a code's name.
enum class ErrorCode : std::uint8_t {
  internal = 1,       ///< A bug in Tairitsu or its engine; a panic that was caught is reported as this.
  invalid_argument,   ///< An argument is invalid; the message says which one and why.
  io,                 ///< Reading or writing a file failed.
  not_wasm,           ///< The bytes are neither a WebAssembly binary nor valid WebAssembly text.
  invalid_component,  ///< The component does not validate, or uses a feature that the engine does not enable.
  is_core_module,     ///< A component is required, but a core module was given.
  is_component,       ///< A core module is required, but a component was given.
  artifact_mismatch,  ///< A precompiled artifact was made by another engine version or configuration.
  artifact_damaged,   ///< A precompiled artifact is truncated, modified, or was not made by Tairitsu.
  missing_import,     ///< The component imports something that the linker does not define.
  type_mismatch,      ///< A C++ signature or a value does not match the component's type.
  unsupported_type,  ///< A type is not supported yet, or the component lacks the export that is to be run or served.
  not_found,         ///< No function, image or container has that name, here or in a registry.
  ambiguous_name,  ///< A short name matches several functions or images.
  already_exists,  ///< The name is taken.
  in_use,  ///< An image still has containers or other names, or another process holds the store's lock.
  trap,    ///< The guest trapped; `backtrace()` returns its frames.
  invalid_value,  ///< A value that crosses the boundary violates the canonical ABI: invalid UTF-8, an invalid
                  ///< discriminant, or a pointer inside it that is out of bounds. If the parameters or the
                  ///< result themselves are out of bounds, that is a `trap`.
  host_function,  ///< A host function threw. An error that it returns keeps its own code.
  fuel_exhausted,     ///< The container ran out of fuel.
  deadline_exceeded,  ///< The call took longer than the container's deadline.
  interrupted,        ///< The call was interrupted, through an interrupt handle or `stop()`.
  memory_limit,       ///< The guest, including what the host allocates for it, exceeded its memory limit.
  table_limit,        ///< The guest exceeded its limit of table elements.
  instance_limit,     ///< The component needs more core instances, memories or tables than its limit allows.
  handle_limit,       ///< The guest holds more resource handles than its limit allows.
  copy_limit,         ///< One call would copy more bytes out of the guest than its limit allows.
  pool_exhausted,     ///< The engine's pooling allocator has no free slot.
  reentrant_call,  ///< A container was called from its own host function, or by two threads at once. (A guest
                   ///< that enters itself traps.)
  container_stopped,  ///< The container was stopped, or has not been started.
  container_failed,   ///< An earlier call failed inside the guest, so the container cannot be entered again.
  guest_exited,       ///< The guest called WASI's `exit`; see `exit_status()`.
  async_abi_off,      ///< The component uses the async ABI, which the engine does not enable.
  untrusted_file,     ///< A file of machine code, or its directory, is owned or writable by another user.
  digest_mismatch,    ///< Bytes do not have the expected digest or size: they are damaged or forged.
  invalid_manifest,   ///< An OCI manifest, config or index is malformed, or is not a WebAssembly image's.
  network,            ///< A server is unreachable, timed out, is not trusted (TLS), or closed the connection.
  unauthorized,  ///< A registry requires credentials, or does not permit the request with those it was given.
  registry_refused,  ///< A registry rejected a request, or its response violates the protocol.
  size_limit,        ///< Content exceeds a size limit.
  descriptor_limit,  ///< The guest needs more open files and sockets than its limit allows.
  compile_limit,  ///< The code is too large, or so complex that compiling it takes too much time or memory.
};

/// Returns the code's name, e.g. `"fuel_exhausted"`. The text is static.
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

/// A failure: a code, a message for people, and the guest's backtrace if there is one.
class Error {
 public:
  /// An empty `full_backtrace` means that it equals `backtrace`.
  explicit Error(ErrorCode code, std::string message, std::string backtrace = {}, int exit_status = 0,
                 std::string full_backtrace = {});

  [[nodiscard]] ErrorCode code() const noexcept;
  /// Returns what went wrong, outermost context first: `call 'greet': wasm trap: unreachable`. It is one or a few
  /// lines, with the advice, if any, at the end. If a guest trapped whose standard error is discarded, the message
  /// includes the end of that output. Parts may come from the guest: escape the text before you print it to a
  /// terminal.
  [[nodiscard]] const std::string& message() const noexcept;
  /// Returns what a C++ program can do about it, e.g. which function of `ContainerBuilder` to call; often empty.
  [[nodiscard]] const std::string& advice() const noexcept;
  /// Returns the WebAssembly frames, innermost first, one per line; empty if no guest code was running. Frames of a
  /// language runtime (Rust's panic machinery, the Python and JavaScript interpreters) are summed up in one line.
  [[nodiscard]] const std::string& backtrace() const noexcept;
  /// Returns the backtrace with every frame.
  [[nodiscard]] const std::string& full_backtrace() const noexcept;
  /// Returns the status that the guest passed to `exit`: 0 for success, and for all other errors.
  [[nodiscard]] int exit_status() const noexcept;
  /// Returns a copy with `context: ` before the message.
  [[nodiscard]] Error with_context(std::string_view context) const;
  /// Returns a copy with this advice instead of its own; empty for none.
  [[nodiscard]] Error with_advice(std::string_view advice) const;

 private:
  struct Data;
  explicit Error(std::shared_ptr<const Data> data) noexcept;
  std::shared_ptr<const Data> data_;
};

template <typename T>
using Result = std::expected<T, Error>;

/// Returns a failed `Result` of any type: `return tairitsu::fail(ErrorCode::not_found, "no such shop");`
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}

namespace detail {
/// Describes the exception that is being handled, for use in a message.
[[nodiscard]] std::string current_exception_message();
}  // namespace detail

/// The `error` case of a WIT `result<T, E>`, as `guest_error` returns it.
template <typename E>
class GuestError {
 public:
  explicit GuestError(E value) : value_(std::move(value)) {}
  template <typename T, typename F>
    requires std::convertible_to<E, F>
  operator std::expected<T, F>() && {
    return std::expected<T, F>(std::unexpected<F>(std::move(value_)));
  }

 private:
  E value_;
};

/// Returns the `error` case of a WIT `result<T, E>` from a function that returns `Result<std::expected<T, E>>`:
/// `return tairitsu::guest_error(std::string("out of stock"));`
/// (A plain `std::unexpected` would become the `Result`'s own error if `E` converts to `Error`.)
template <typename E>
[[nodiscard]] GuestError<E> guest_error(E value) {
  return GuestError<E>(std::move(value));
}

}  // namespace tairitsu

#define TAIRITSU_DETAIL_CONCAT2(a, b) a##b
#define TAIRITSU_DETAIL_CONCAT(a, b) TAIRITSU_DETAIL_CONCAT2(a, b)
#define TAIRITSU_DETAIL_TRY(result, declaration, ...)             \
  auto result = (__VA_ARGS__);                                    \
  if (!result) return std::unexpected(std::move(result).error()); \
  declaration = *std::move(result)

/// Declares a variable with the value of a `Result`, or returns its error from the enclosing function:
/// `TAIRITSU_TRY(auto image, Image::from_file(engine, "shop.wasm"));`
#define TAIRITSU_TRY(declaration, ...) \
  TAIRITSU_DETAIL_TRY(TAIRITSU_DETAIL_CONCAT(tairitsu_result_, __COUNTER__), declaration, __VA_ARGS__)

/// Returns the error of a `Result`, if it has one, from the enclosing function:
/// `TAIRITSU_RETURN_IF_ERROR(container.start());`
#define TAIRITSU_RETURN_IF_ERROR(...)                             \
  do {                                                            \
    if (auto tairitsu_result = (__VA_ARGS__); !tairitsu_result)   \
      return std::unexpected(std::move(tairitsu_result).error()); \
  } while (false)

#endif  // TAIRITSU_NO_CXX23

/// Errors as values.
///
/// Everything in Tairitsu that can fail returns `Result<T>`, which is `std::expected<T, Error>`.
/// Nothing throws; an exception that leaves a host function becomes an `Error` of the call.
/// An `Error` is an ordinary value: copy it, move it, use it from any thread.
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

/// What went wrong, for a program to act on. `to_string()` names each one.
enum class ErrorCode : std::uint8_t {
  internal = 1,      ///< A defect of Tairitsu or of the engine below it (a panic is caught and becomes this).
  invalid_argument,  ///< A value given to a call is not usable; the message says which and why.
  io,                ///< A file could not be read or written.
  not_wasm,          ///< The bytes are neither a WebAssembly binary nor text that parses.
  invalid_component,  ///< The component does not validate or uses a feature that the engine has off.
  is_core_module,     ///< A core module was given where a component is wanted.
  is_component,       ///< A component was given where a core module is wanted.
  artifact_mismatch,  ///< A precompiled artifact of another engine version or configuration.
  artifact_damaged,   ///< A precompiled artifact that is truncated, changed or not ours.
  missing_import,     ///< The component imports what the linker does not have.
  type_mismatch,      ///< A C++ signature does not fit the component's.
  unsupported_type,   ///< The component uses a type that the value path does not do yet.
  not_found,          ///< No function, image or container of that name; also none in a registry.
  ambiguous_name,     ///< A short name that fits several functions.
  already_exists,     ///< The name is taken.
  in_use,             ///< An image still has containers or other names, or a store's lock is held for long.
  trap,               ///< The guest trapped; `backtrace()` has its frames.
  invalid_value,   ///< A value that crosses the boundary breaks the canonical ABI: bad UTF-8, a discriminant
                   ///< without a case, a pointer in it that is out of bounds. That the guest passes its
                   ///< parameters or takes its result at such an address is a `trap`.
  host_function,   ///< A host function threw; an error that one returns keeps its own code.
  fuel_exhausted,  ///< The container's fuel ran out.
  deadline_exceeded,  ///< The call took longer than the container's deadline.
  interrupted,        ///< The call was cut off through an interrupt handle or `stop()`.
  memory_limit,       ///< The guest, with all that the host holds for it, needs more memory than it may have.
  table_limit,        ///< The guest asked for more table elements than it may have.
  instance_limit,     ///< The component needs more core instances, memories or tables than it may have.
  handle_limit,       ///< The guest holds more resource handles than it may have.
  copy_limit,         ///< One call would copy more bytes out of the guest than it may.
  pool_exhausted,     ///< The engine's pooling allocator has no free slot left.
  reentrant_call,  ///< A container was called from its own host function, or by two threads at once. A guest
                   ///< that enters itself traps.
  container_stopped,  ///< The container was stopped.
  container_failed,   ///< The container trapped earlier and cannot be entered again.
  guest_exited,       ///< The guest called WASI's `exit`; `exit_status()` says how.
  async_abi_off,      ///< The component uses the async ABI, which the engine has off.
  untrusted_file,     ///< A file of machine code, or its folder, that somebody else owns or may change.
  digest_mismatch,    ///< Bytes that have not the digest or size they should have: damaged, or forged.
  invalid_manifest,   ///< An OCI manifest, config or index that is malformed, or no WebAssembly image.
  network,            ///< A server was not reached, timed out, is not trusted (TLS) or cut the connection.
  unauthorized,       ///< A registry wants credentials, or denies what was asked for with those it has.
  registry_refused,   ///< A registry refused a request, or its answer breaks the protocol.
  size_limit,         ///< Content is larger than it may be.
  descriptor_limit,   ///< The guest needs more open files and sockets than it may have.
  compile_limit,      ///< The code is too large, or of a shape that takes too long or too much to compile.
};

/// The code's name as it stands above, e.g. `"fuel_exhausted"`. Valid for ever.
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

/// A failure: a code, a message for people, and the guest's backtrace where it trapped.
class Error {
 public:
  /// `full_backtrace` is `backtrace` if it is empty.
  explicit Error(ErrorCode code, std::string message, std::string backtrace = {}, int exit_status = 0,
                 std::string full_backtrace = {});

  [[nodiscard]] ErrorCode code() const noexcept;
  /// What went wrong, outermost context first: `call 'greet': wasm trap: unreachable`. One line or a few; the advice,
  /// if there is one, comes last. Of a guest that trapped it has the end of what the guest wrote to its standard
  /// error, if that went nowhere else. Parts of it may be a guest's text: quote it before a terminal shows it.
  [[nodiscard]] const std::string& message() const noexcept;
  /// What a C++ program can do about it, e.g. which function of `ContainerBuilder` gives what is missing; often empty.
  [[nodiscard]] const std::string& advice() const noexcept;
  /// The WebAssembly frames, innermost first, one a line; empty if no guest code was running. Frames of a language's
  /// runtime (what a panic of Rust goes through, the interpreters of Python and JavaScript) are counted in one line.
  [[nodiscard]] const std::string& backtrace() const noexcept;
  /// The same with every frame.
  [[nodiscard]] const std::string& full_backtrace() const noexcept;
  /// What a guest that exited answered: 0 for success. 0 for other errors too.
  [[nodiscard]] int exit_status() const noexcept;
  /// The same error with `context: ` before its message.
  [[nodiscard]] Error with_context(std::string_view context) const;
  /// The same error with this advice instead of the one that it has; empty for none.
  [[nodiscard]] Error with_advice(std::string_view advice) const;

 private:
  struct Data;
  explicit Error(std::shared_ptr<const Data> data) noexcept;
  std::shared_ptr<const Data> data_;
};

template <typename T>
using Result = std::expected<T, Error>;

/// Makes a failed `Result` of any type: `return tairitsu::fail(ErrorCode::not_found, "no such shop");`
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}

namespace detail {
/// Describes the exception that is being handled, for an error's message.
[[nodiscard]] std::string current_exception_message();
}  // namespace detail

/// The `error` case of a WIT `result<T, E>`, inside a `Result<std::expected<T, E>>`:
/// `return tairitsu::guest_error(std::string("out of stock"));`
/// (`std::unexpected` alone would be the engine's error where `E` converts to it.)
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

/// Declares a variable from a `Result`, or returns its error from the enclosing function:
/// `TAIRITSU_TRY(auto image, Image::from_file(engine, "shop.wasm"));`
#define TAIRITSU_TRY(declaration, ...) \
  TAIRITSU_DETAIL_TRY(TAIRITSU_DETAIL_CONCAT(tairitsu_result_, __COUNTER__), declaration, __VA_ARGS__)

/// The same for a `Result<void>`, or where the value is not wanted: `TAIRITSU_CHECK(container.stop());`
#define TAIRITSU_CHECK(...)                                      \
  do {                                                           \
    if (auto tairitsu_check = (__VA_ARGS__); !tairitsu_check)    \
      return std::unexpected(std::move(tairitsu_check).error()); \
  } while (false)

#endif  // TAIRITSU_NO_CXX23

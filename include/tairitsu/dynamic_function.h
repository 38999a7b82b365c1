/// Functions that a program discovers at run time: called with values, WAVE text or JSON.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <tairitsu/error.h>
#include <tairitsu/json.h>
#include <tairitsu/type.h>
#include <tairitsu/value.h>

namespace tairitsu {

namespace detail {
struct BoundDynamicFunction;
}

/// A function that a container's guest exports, with the type that the component declares.
///
/// `Container::dynamic_function` creates it. Copies share the function. It may outlive its container; calls then fail
/// with `container_stopped`. Use it from one thread at a time, like the container.
class DynamicFunction {
 public:
  /// Creates an empty function; calls fail with `invalid_argument`.
  DynamicFunction() = default;

  /// Returns the full name, e.g. `example:shop/catalogue@1.2.0#find`. Valid while a copy of the function exists.
  [[nodiscard]] const std::string& name() const noexcept;
  /// Returns the function's type. Valid while a copy of the function exists.
  [[nodiscard]] const FunctionType& type() const noexcept;

  /// Calls the guest and returns its result; the empty value if the function has none. Arguments are converted to the
  /// parameters' types like `Value::to`; those that already have them are not copied, and scalars are not allocated.
  ///
  /// Fails with `type_mismatch` or `invalid_argument` if the arguments do not match the parameters, which leaves the
  /// container as it was, and otherwise like `Function`.
  [[nodiscard]] Result<Value> operator()(std::span<const Value> arguments) const;
  [[nodiscard]] Result<Value> operator()(std::initializer_list<Value> arguments) const {
    return (*this)(std::span<const Value>(arguments.begin(), arguments.size()));
  }

  /// Calls the guest with WAVE arguments, e.g. `("tea", 3)`, and returns the result as a value. Errors name the line
  /// and column in the text.
  [[nodiscard]] Result<Value> call_wave_value(std::string_view arguments) const;
  /// Calls the guest with WAVE arguments and returns the result as WAVE; `()` if the function has no result.
  [[nodiscard]] Result<std::string> call_wave(std::string_view arguments) const;
  /// Calls the guest with a JSON array of arguments, or an object with their names, and returns the result as JSON;
  /// `null` if the function has no result.
  [[nodiscard]] Result<std::string> call_json(std::string_view arguments,
                                              const JsonOptions& options = {}) const;

  /// For internal use.
  explicit DynamicFunction(std::shared_ptr<const detail::BoundDynamicFunction> bound)
      : bound_(std::move(bound)) {}
  /// Returns a pointer that identifies the container; null if the function is empty. For internal use.
  [[nodiscard]] const void* container() const noexcept;

 private:
  friend class Container;
  /// Parses the arguments from `begin` on; errors name the place in the whole text.
  [[nodiscard]] Result<Value> call_wave_value(std::string_view text, std::size_t begin) const;

  std::shared_ptr<const detail::BoundDynamicFunction> bound_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

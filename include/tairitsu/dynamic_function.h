/// Functions that a program learns of when it runs: called with values, WAVE text or JSON.
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

/// A function that a container's guest exports, whose type the component tells.
///
/// Made by `Container::dynamic_function`. Copies share the function. It may outlive its container; calls then
/// fail with `container_stopped`. One thread at a time, like the container.
class DynamicFunction {
 public:
  /// No function yet: calls fail with `invalid_argument`.
  DynamicFunction() = default;

  /// Its full name, e.g. `example:shop/catalogue@1.2.0#find`. Valid as long as a copy of the function.
  [[nodiscard]] const std::string& name() const noexcept;
  [[nodiscard]] const FunctionType& type() const noexcept;

  /// Calls the guest: the result, or the empty value where the function has none. Arguments of other types are
  /// converted as `Value::to` does; those of the parameters' own types cost nothing, and scalars no allocation.
  ///
  /// Fails with `type_mismatch` or `invalid_argument` before the guest is entered where an argument does not fit
  /// (the container stays as it was), else as `Function` does.
  [[nodiscard]] Result<Value> operator()(std::span<const Value> arguments) const;
  [[nodiscard]] Result<Value> operator()(std::initializer_list<Value> arguments) const {
    return (*this)(std::span<const Value>(arguments.begin(), arguments.size()));
  }

  /// The same with the arguments as WAVE, `("tea", 3)`. Errors have the line and the column in that text.
  [[nodiscard]] Result<Value> evaluate(std::string_view arguments) const;
  /// The same, and the result as WAVE too; `()` where there is none.
  [[nodiscard]] Result<std::string> call_text(std::string_view arguments) const;
  /// The same with the arguments as a JSON array, or an object by their names; `null` where there is no result.
  [[nodiscard]] Result<std::string> call_json(std::string_view arguments,
                                              const JsonOptions& options = {}) const;

  /// For the library's own layers.
  explicit DynamicFunction(std::shared_ptr<const detail::BoundDynamicFunction> bound)
      : bound_(std::move(bound)) {}
  /// What its container is known by; null for no function.
  [[nodiscard]] const void* container() const noexcept;

 private:
  friend class Container;
  /// The arguments begin at `begin`; errors have their place in the whole text.
  [[nodiscard]] Result<Value> evaluate(std::string_view text, std::size_t begin) const;

  std::shared_ptr<const detail::BoundDynamicFunction> bound_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

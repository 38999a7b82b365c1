/// A compiled component and the functions that it exports.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <memory>
#include <string>
#include <string_view>

#include <tairitsu/detail/signature.h>
#include <tairitsu/engine.h>
#include <tairitsu/error.h>
#include <tairitsu/type.h>

namespace tairitsu {

namespace detail {
class ComponentCore;
struct ExportedFunctionCore;
}  // namespace detail

/// A function that a component exports, looked up and checked against a C++ signature once for all containers of the
/// component. A shared handle, usable from any thread.
template <typename Signature>
class ExportedFunction {
 public:
  /// Creates an empty handle.
  ExportedFunction() = default;

  [[nodiscard]] const std::shared_ptr<const detail::ExportedFunctionCore>& core() const noexcept {
    return core_;
  }

 private:
  friend class Component;
  explicit ExportedFunction(std::shared_ptr<const detail::ExportedFunctionCore> core)
      : core_(std::move(core)) {}
  std::shared_ptr<const detail::ExportedFunctionCore> core_;
};

/// Compiled code and its world. A shared handle: cheap to copy, usable from any thread.
class Component {
 public:
  /// Returns what the component imports and exports. Valid while the component, or a copy of it, exists.
  [[nodiscard]] const World& world() const noexcept;

  /// Returns an exported function, after checking its type. Names and errors are those of `Container::function`.
  template <typename Signature>
  [[nodiscard]] Result<ExportedFunction<Signature>> function(std::string_view name) const {
    const FunctionType wanted = detail::SignatureTraits<Signature>::type();
    auto core = find_function(name, &wanted);
    if (!core) return std::unexpected(std::move(core).error());
    return ExportedFunction<Signature>(*std::move(core));
  }

  [[nodiscard]] const Engine& engine() const noexcept;

  /// For internal use.
  explicit Component(std::shared_ptr<const detail::ComponentCore> core) : core_(std::move(core)) {}
  [[nodiscard]] const std::shared_ptr<const detail::ComponentCore>& core() const noexcept { return core_; }

  /// Checks the function's type unless `wanted` is null.
  [[nodiscard]] Result<std::shared_ptr<const detail::ExportedFunctionCore>> find_function(
      std::string_view name, const FunctionType* wanted) const;

 private:
  std::shared_ptr<const detail::ComponentCore> core_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

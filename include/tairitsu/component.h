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

/// A function that a component exports, found and checked against a C++ signature once, for all
/// containers of the component. A shared handle, usable from any thread.
template <typename Signature>
class ExportedFunction {
 public:
  /// No function yet.
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
  /// What it imports and exports. Valid as long as the component.
  [[nodiscard]] const World& world() const noexcept;

  /// Finds an exported function by name (see `Container::function`) and checks its type. Fails with
  /// `not_found` (and the nearest names), `ambiguous_name`, `type_mismatch` or `unsupported_type`.
  template <typename Signature>
  [[nodiscard]] Result<ExportedFunction<Signature>> function(std::string_view name) const {
    const FunctionType wanted = detail::SignatureTraits<Signature>::type();
    auto core = find_function(name, &wanted);
    if (!core) return std::unexpected(std::move(core).error());
    return ExportedFunction<Signature>(*std::move(core));
  }

  [[nodiscard]] const Engine& engine() const noexcept;

  /// For the library's own layers.
  explicit Component(std::shared_ptr<const detail::ComponentCore> core) : core_(std::move(core)) {}
  [[nodiscard]] const std::shared_ptr<const detail::ComponentCore>& core() const noexcept { return core_; }

  /// The function's type is not looked at where `wanted` is null.
  [[nodiscard]] Result<std::shared_ptr<const detail::ExportedFunctionCore>> find_function(
      std::string_view name, const FunctionType* wanted) const;

 private:
  std::shared_ptr<const detail::ComponentCore> core_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

/// Host functions that take and give dynamic values: for imports that a program learns of when it runs.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <concepts>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tairitsu/error.h>
#include <tairitsu/linker.h>
#include <tairitsu/resource.h>
#include <tairitsu/value.h>

namespace tairitsu {

/// A host function over dynamic values. The arguments are of the types that the component imports the function
/// with, and end with the call; the result is converted to the import's as `Value::to` does, and is empty where
/// the import has none. An error ends the guest's call.
using DynamicHostFunction = std::function<Result<Value>(std::span<const Value> arguments)>;
/// The same, told of the container that calls.
using DynamicHostFunctionWithCaller =
    std::function<Result<Value>(Caller& caller, std::span<const Value> arguments)>;

/// Host functions by name, typed by each component that imports them when it is linked.
///
/// Give it to `ContainerBuilder::with_imports`. It is filled by one thread; copies share the functions, which
/// are called by whatever threads run containers.
class HostImportRegistry {
 public:
  /// Names as for `Linker::define`, which fails in the same way.
  [[nodiscard]] Result<void> define(std::string_view name, DynamicHostFunction function);
  [[nodiscard]] Result<void> define(std::string_view name, DynamicHostFunctionWithCaller function);
  /// Makes a resource of the host known, `ns:pkg/iface@1.2.3#name`, whose objects are of any class `T`: functions
  /// give them as `Value::resource(HostObject(std::make_unique<T>(…)))` and find them with
  /// `arguments[0].host_object().get<T>()`. Its constructor, methods and statics are functions.
  template <typename T>
  [[nodiscard]] Result<void> define_resource(std::string_view name) {
    return add_resource(name, detail::resource_type_id<T>());
  }
  /// Gives each import that nothing defines a function that fails when it is called, with `missing_import` and
  /// its name, and resources of that kind, as `Linker::stub_missing_imports` says.
  void stub_missing_imports(bool stub = true) noexcept { stubs_ = stub; }

  /// The names of the functions, sorted.
  [[nodiscard]] std::vector<std::string> names() const;
  /// Calls a function from the host. Its arguments are passed on as they are, for no component has typed them.
  /// Fails with `not_found` (offering the nearest names), with `invalid_argument` for one that needs a caller, or
  /// with the function's error.
  [[nodiscard]] Result<Value> call(std::string_view name, std::span<const Value> arguments) const;
  [[nodiscard]] Result<Value> call(std::string_view name, std::initializer_list<Value> arguments) const {
    return call(name, std::span<const Value>(arguments.begin(), arguments.size()));
  }

  /// Defines all of it in a linker.
  [[nodiscard]] Result<void> add_to_linker(Linker& linker) const;

 private:
  struct Entry {
    DynamicHostFunction function;
    std::shared_ptr<detail::HostFunction> definition;
  };
  [[nodiscard]] Result<void> add(std::string_view name, const Entry& entry);
  [[nodiscard]] Result<void> add_resource(std::string_view name, std::uint32_t type);

  std::map<std::string, Entry, std::less<>> functions_;
  std::map<std::string, std::uint32_t, std::less<>> resources_;
  bool stubs_ = false;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

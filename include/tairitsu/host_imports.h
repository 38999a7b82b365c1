/// Host functions that take and return dynamic values, for imports that a program discovers at run time.
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

/// A host function over dynamic values. The arguments have the parameter types of the component's import and are valid
/// during the call. The result is converted to the import's result type like `Value::to`; return an empty value if the
/// import has no result. An error ends the guest's call.
using DynamicHostFunction = std::function<Result<Value>(std::span<const Value> arguments)>;
/// A host function over dynamic values that also receives the calling container.
using DynamicHostFunctionWithCaller =
    std::function<Result<Value>(Caller& caller, std::span<const Value> arguments)>;

/// Host functions by name. Each component that imports a function determines its type when it is linked.
///
/// Pass it to `ContainerBuilder::with_imports`. Fill it from one thread. Copies share the functions, which run on the
/// threads that call guests.
class HostImports {
 public:
  /// Defines a function. Names and errors are those of `Linker::define`.
  [[nodiscard]] Result<void> define(std::string_view name, DynamicHostFunction function);
  [[nodiscard]] Result<void> define(std::string_view name, DynamicHostFunctionWithCaller function);
  /// Defines a host resource, `ns:pkg/iface@1.2.3#name`, whose objects have any class `T`. Functions return them as
  /// `Value::resource(HostObject(std::make_unique<T>(…)))` and access them with `arguments[0].host_object().get<T>()`.
  /// Use `define` for its constructor, methods and static functions. Fails like `define`.
  template <typename T>
  [[nodiscard]] Result<void> define_resource(std::string_view name) {
    return add_resource(name, detail::resource_type_id<T>());
  }
  /// Replaces missing imports with functions that fail when they are called, see `Linker::stub_missing_imports`.
  void stub_missing_imports(bool stub = true) noexcept { stubs_ = stub; }

  /// Returns the names of the functions, sorted.
  [[nodiscard]] std::vector<std::string> names() const;
  /// Calls a function from the host, with the arguments as they are: without a component there are no types to convert
  /// them to. Fails with `not_found` (the message suggests similar names), with `invalid_argument` if the function
  /// needs a caller, or with the function's error.
  [[nodiscard]] Result<Value> call(std::string_view name, std::span<const Value> arguments) const;
  [[nodiscard]] Result<Value> call(std::string_view name, std::initializer_list<Value> arguments) const {
    return call(name, std::span<const Value>(arguments.begin(), arguments.size()));
  }

  /// Defines everything in a linker. Fails like `Linker::define`.
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

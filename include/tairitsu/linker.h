/// Host functions and host resources, under the names by which components import them.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstdint>
#include <memory>
#include <string_view>
#include <typeinfo>

#include <tairitsu/error.h>
#include <tairitsu/resource.h>

namespace tairitsu {

class Component;
class Instance;
class Store;

namespace detail {
struct HostFunction;
[[nodiscard]] void* host_state(GuestScope& guest, const std::type_info& type) noexcept;
}  // namespace detail

/// The container whose guest calls a host function. Valid during the call.
class Caller {
 public:
  /// Returns the container's host state, as given to its builder; null if it has another type.
  template <typename State>
  [[nodiscard]] State* state() const noexcept {
    return static_cast<State*>(detail::host_state(guest_, typeid(State)));
  }
  /// Returns the host's objects that the guest holds handles of.
  [[nodiscard]] ResourceTable& resources() const noexcept { return guest_.resources(); }

  /// For internal use.
  explicit Caller(detail::GuestScope& guest) noexcept : guest_(guest) {}

 private:
  detail::GuestScope& guest_;
};

/// Defines what components import, and links components against it.
///
/// Definitions have full names: `ns:pkg/iface@1.2.3#function`, `iface#function` if the interface is declared inside the
/// world, or `function` at the world's root. An import of another version resolves by semantic versioning: to the exact
/// version if it is defined, else to the highest of the same major version (of the same minor version if the major
/// version is 0).
///
/// Copies are independent. Fill a linker from one thread. Host functions run on the thread that calls the guest, so if
/// several threads run containers, a host function must be safe to call concurrently.
class Linker {
 public:
  Linker();
  Linker(const Linker&);
  Linker& operator=(const Linker&);
  Linker(Linker&&) noexcept;
  Linker& operator=(Linker&&) noexcept;
  ~Linker();

  /// Defines a function, which may be a lambda, a function pointer or a function object:
  ///
  ///     TAIRITSU_RETURN_IF_ERROR(linker.define("example:shop/host@1.0.0#log", [](std::string_view message) { … }));
  ///
  /// The table in describe.h lists the types of parameters and results. The first parameter may be a `Caller&`.
  /// Parameters that are views (`std::string_view`, `std::span`) point into the guest's memory and are valid during the
  /// call. The function may return a `Result`: an error ends the guest's call and becomes the error of the host's call
  /// into the guest. An exception does the same, with the code `host_function`.
  ///
  /// Fails with `invalid_argument` if the name is malformed and with `already_exists` if it is taken. The type is
  /// checked when a component is linked.
  template <typename F>
  [[nodiscard]] Result<void> define(std::string_view name, F function);

  /// Defines the host's resource `T` (see `HostResource`) as `ns:pkg/iface@1.2.3#name`. Use `define` for its
  /// constructor, methods and static functions: `…#[constructor]name`, `…#[method]name.get` and so on. Fails like
  /// `define`.
  template <detail::HostResourceType T>
  [[nodiscard]] Result<void> define_resource(std::string_view name) {
    return add_resource(name, detail::resource_type_id<T>());
  }

  /// Replaces missing imports with stubs: functions that fail with `missing_import` and the import's name when they are
  /// called, and resources that have such functions. Definitions, and the WASI interfaces that the runtime provides in
  /// any version, are not replaced. Linking still fails if an import has an unsupported type.
  void stub_missing_imports(bool stub = true) noexcept;

  /// Links the component and instantiates it in the store, which runs the guest's initializers. Fails with
  /// `missing_import` (the message lists all of them with their WIT signatures), `type_mismatch`, `unsupported_type`,
  /// or like a call.
  [[nodiscard]] Result<Instance> instantiate(Store& store, const Component& component) const;

  struct Data;
  /// For internal use.
  [[nodiscard]] const Data& data() const noexcept { return *data_; }
  [[nodiscard]] Result<void> add(std::string_view name,
                                 const std::shared_ptr<detail::HostFunction>& function);
  [[nodiscard]] Result<void> add_resource(std::string_view name, std::uint32_t resource_type);

 private:
  std::unique_ptr<Data> data_;
};

}  // namespace tairitsu

#include <tairitsu/detail/host_function.h>  // Defines the template `Linker::define`.

#endif  // TAIRITSU_NO_CXX23

/// Host functions and resources under the names by which components import them.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include <tairitsu/detail/signature.h>
#include <tairitsu/error.h>
#include <tairitsu/function.h>
#include <tairitsu/resource.h>

namespace tairitsu {

class Component;
class Instance;
class Store;

namespace detail {
[[nodiscard]] void* host_state(GuestScope& guest, const std::type_info& type) noexcept;
}

/// What a host function knows of the call it serves. Lives as long as the call.
class Caller {
 public:
  /// The container's host state, as given to its builder. Null where it is of another type.
  template <typename State>
  [[nodiscard]] State* state() const noexcept {
    return static_cast<State*>(detail::host_state(guest_, typeid(State)));
  }
  /// The host's objects that the guest holds.
  [[nodiscard]] ResourceTable& resources() const noexcept { return guest_.resources(); }

  /// For the library's own layers.
  explicit Caller(detail::GuestScope& guest) noexcept : guest_(guest) {}

 private:
  detail::GuestScope& guest_;
};

namespace detail {

/// A host function without its C++ type: what the bridge calls, and its WIT type.
struct HostFunction {
  virtual ~HostFunction() = default;
  std::string name;  ///< In full, as defined.
  FunctionType type;
  abi::HostFunctionCallback callback = nullptr;
  std::uint32_t flags = 0;

  /// One that takes the type of the import that it is linked to; null where the function has a type of its own.
  [[nodiscard]] virtual std::shared_ptr<HostFunction> typed_as(const FunctionType&) const { return nullptr; }
};

std::uint64_t copy_limit(const GuestScope& guest) noexcept;
/// Records why the host function failed, for the call that the host made into the guest.
void set_host_error(GuestScope& guest, std::string_view function, const Error& error) noexcept;
/// The same for the exception that is being handled.
void set_host_exception(GuestScope& guest, std::string_view function) noexcept;
/// Whether the container was stopped while its host function ran; records that as its failure.
bool stopped_meanwhile(GuestScope& guest) noexcept;

/// What a host function may return: nothing, a value, or a `Result` of either.
template <typename T>
struct HostReturn {
  using Value = T;
  static constexpr bool fails = false;
};
template <typename T>
struct HostReturn<std::expected<T, Error>> {
  using Value = T;
  static constexpr bool fails = true;
};

/// Keeps a result until the bridge lowers it, after the host function has returned.
template <typename R>
struct HeldResult : abi::HostResult {
  HeldResult(R result, GuestScope& container, std::string_view name)
      : value(std::move(result)), guest(container), function(name) {
    this->lower = &lower_value;
    this->destroy = [](abi::HostResult* self) { delete static_cast<HeldResult*>(self); };
  }
  R value;
  GuestScope& guest;
  std::string_view function;

  static bool lower_value(abi::HostResult* held, abi::Lowering* lowering, abi::Slot* slot,
                          std::size_t address) {
    auto& self = *static_cast<HeldResult*>(held);
    LowerContext cx(*lowering, self.guest);
    bool lowered = false;
    try {
      lowered =
          slot != nullptr ? Codec<R>::lower(cx, self.value, slot) : Codec<R>::store(cx, self.value, address);
    } catch (...) {
      set_host_exception(self.guest, self.function);
    }
    if (!lowered && cx.error) set_host_error(self.guest, self.function, *cx.error);
    return lowered;
  }
};

/// `Call` is invoked with a `Caller&` and the arguments.
template <typename Call, typename Return, typename... Args>
struct TypedHostFunction : HostFunction {
  using R = typename HostReturn<Return>::Value;
  using ShapeType = Shape<R, Parameter<Args>...>;
  static_assert(!IsView<R>::value,
                "a host function's result is lowered after it has returned: return an owning type");

  explicit TypedHostFunction(Call function) : call(std::move(function)) {
    type = ShapeType::type();
    flags = ShapeType::flags;
    callback = &on_call;
  }
  Call call;

  static bool on_call(void* data, abi::HostCall* host_call) {
    auto& guest = *static_cast<GuestScope*>(host_call->context);
    auto& self = *static_cast<TypedHostFunction*>(static_cast<HostFunction*>(data));
    try {
      return self.run(guest, *host_call, std::index_sequence_for<Args...>{}) && !stopped_meanwhile(guest);
    } catch (...) {
      set_host_exception(guest, self.name);
      return false;
    }
  }

 private:
  template <std::size_t... I>
  bool run(GuestScope& guest, abi::HostCall& host_call, std::index_sequence<I...>) {
    std::uint64_t limit = 0;
    if constexpr (ShapeType::parameters_use_memory) limit = copy_limit(guest);
    LiftContext cx(host_call.lifting, guest, limit);
    std::tuple<Parameter<Args>...> values;
    bool lifted;
    if constexpr (ShapeType::parameters_flat) {
      const abi::Slot* slot = host_call.parameters;
      lifted = (true && ... && Codec<Parameter<Args>>::lift(cx, slot, std::get<I>(values)));
    } else {
      lifted = (true && ... &&
                Codec<Parameter<Args>>::load(cx, host_call.address + ShapeType::Parameters::offsets[I],
                                             std::get<I>(values)));
    }
    if (!lifted) {
      set_host_error(guest, name, *cx.error);
      return false;
    }
    Caller caller(guest);
    if constexpr (std::is_void_v<Return>) {
      call(caller, pass<Args>(std::get<I>(values))...);
      return true;
    } else if constexpr (!HostReturn<Return>::fails) {
      return give(guest, host_call, call(caller, pass<Args>(std::get<I>(values))...));
    } else {
      Return result = call(caller, pass<Args>(std::get<I>(values))...);
      if (!result) {
        set_host_error(guest, name, result.error());
        return false;
      }
      if constexpr (std::is_void_v<R>) {
        return true;
      } else {
        return give(guest, host_call, *std::move(result));
      }
    }
  }

  template <typename Arg>
  static decltype(auto) pass(Parameter<Arg>& value) {
    if constexpr (std::is_same_v<Parameter<Arg>, Borrow<std::remove_cvref_t<Arg>>> &&
                  std::is_lvalue_reference_v<Arg>) {
      return (*value);
    } else if constexpr (std::is_lvalue_reference_v<Arg>) {
      return (value);
    } else {
      return std::move(value);
    }
  }

  template <typename T>
  bool give(GuestScope& guest, abi::HostCall& host_call, T value) {
    if constexpr (Codec<R>::needs_check) {
      CheckContext cx(guest);
      if (!Codec<R>::check(cx, value)) {
        set_host_error(guest, name, *cx.error);
        return false;
      }
    }
    if constexpr (ShapeType::result_flat && !ShapeType::result_has_handles) {
      // A scalar needs nothing of the guest: no context is looked at.
      abi::Lowering none{};
      LowerContext cx(none, guest);
      abi::Slot* slot = &host_call.result;
      return Codec<R>::lower(cx, value, slot);
    } else {
      host_call.host_result = new HeldResult<R>(std::move(value), guest, name);
      return true;
    }
  }
};

/// Takes a callable's signature apart; a leading `Caller&` is not a parameter of the function.
template <typename T>
struct CallableTraits : CallableTraits<decltype(&T::operator())> {};
template <typename R, typename... Args>
struct CallableTraits<R (*)(Args...)> : CallableTraits<R(Args...)> {};
template <typename R, typename... Args>
struct CallableTraits<R (*)(Args...) noexcept> : CallableTraits<R(Args...)> {};
template <typename R, typename C, typename... Args>
struct CallableTraits<R (C::*)(Args...)> : CallableTraits<R(Args...)> {};
template <typename R, typename C, typename... Args>
struct CallableTraits<R (C::*)(Args...) const> : CallableTraits<R(Args...)> {};
template <typename R, typename C, typename... Args>
struct CallableTraits<R (C::*)(Args...) noexcept> : CallableTraits<R(Args...)> {};
template <typename R, typename C, typename... Args>
struct CallableTraits<R (C::*)(Args...) const noexcept> : CallableTraits<R(Args...)> {};

template <typename R, typename... Args>
struct CallableTraits<R(Args...)> {
  template <typename F>
  static std::shared_ptr<HostFunction> make(F function) {
    auto call = [function = std::move(function)](Caller&, auto&&... args) mutable -> R {
      return std::invoke(function, std::forward<decltype(args)>(args)...);
    };
    return std::make_shared<TypedHostFunction<decltype(call), R, Args...>>(std::move(call));
  }
};
template <typename R, typename... Args>
struct CallableTraits<R(Caller&, Args...)> {
  template <typename F>
  static std::shared_ptr<HostFunction> make(F function) {
    return std::make_shared<TypedHostFunction<F, R, Args...>>(std::move(function));
  }
};

}  // namespace detail

/// Where the definitions of a linker come together with a component.
///
/// Names are full names, `ns:pkg/iface@1.2.3#function`, `iface#function` where the interface is written
/// inside the world, or plain `function` for an import at the world's root. A component that imports another version finds the definition as WIT's semantic
/// versioning has it: the exact one, else the highest of the same major version (the same minor
/// where major is 0).
///
/// Copies are independent. A linker is filled by one thread; host functions are called by whatever
/// thread runs a container, so those of containers on several threads are called concurrently.
class Linker {
 public:
  Linker();
  Linker(const Linker&);
  Linker& operator=(const Linker&);
  Linker(Linker&&) noexcept;
  Linker& operator=(Linker&&) noexcept;
  ~Linker();

  /// Defines a function: a lambda, function pointer or function object whose parameters and result
  /// are those of describe.h's table, with `Caller&` before them if wanted. It may return a
  /// `Result`: an error of it ends the guest's call, and the call that the host made comes back with it.
  /// Views (`std::string_view`, `std::span`) point into the guest and end with the call. An exception
  /// becomes an error. Fails with `invalid_argument` where the name is malformed and with
  /// `already_exists` where it is taken; the type is checked when a component is linked.
  template <typename F>
  [[nodiscard]] Result<void> define(std::string_view name, F function) {
    return add(name, detail::CallableTraits<F>::make(std::move(function)));
  }

  /// Makes the host's resource `T` (see `HostResource`) known, `ns:pkg/iface@1.2.3#name`. Its
  /// constructor, methods and statics are functions: `…#[constructor]name`, `…#[method]name.get` …
  template <detail::HostResourceType T>
  [[nodiscard]] Result<void> define_resource(std::string_view name) {
    return add_resource(name, detail::resource_type_id<T>());
  }

  /// Gives each import that nothing defines a function that fails when it is called, with `missing_import` and
  /// its name, and resources of that kind. What is defined is not touched, and the interfaces of WASI that the
  /// runtime provides count as defined, whatever their version. Types that the value path does not do are still
  /// refused.
  void stub_missing_imports(bool stub = true) noexcept;

  /// Links and instantiates the component in the store: the guest's initialisers run. Fails with
  /// `missing_import` (naming every one, with its WIT signature), `type_mismatch`, `unsupported_type`,
  /// or as a call does.
  [[nodiscard]] Result<Instance> instantiate(Store& store, const Component& component) const;

  struct Data;
  /// For the library's own layers.
  [[nodiscard]] const Data& data() const noexcept { return *data_; }

  [[nodiscard]] Result<void> add(std::string_view name,
                                 const std::shared_ptr<detail::HostFunction>& function);
  [[nodiscard]] Result<void> add_resource(std::string_view name, std::uint32_t resource_type);

 private:
  std::unique_ptr<Data> data_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

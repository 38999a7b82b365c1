/// Host functions: how the bridge calls C++ callables. Users have no need of this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <tairitsu/abi.h>
#include <tairitsu/detail/codec.h>
#include <tairitsu/detail/context.h>
#include <tairitsu/detail/signature.h>
#include <tairitsu/error.h>
#include <tairitsu/linker.h>
#include <tairitsu/resource.h>
#include <tairitsu/type.h>

namespace tairitsu {

namespace detail {

/// A host function whose C++ type is erased: its WIT type, and the callback that the bridge calls.
struct HostFunction {
  virtual ~HostFunction() = default;
  std::string name;  ///< The full name, as defined.
  FunctionType type;
  abi::HostFunctionCallback callback = nullptr;
  std::uint32_t flags = 0;

  /// Returns this function with the type of the import that it is linked to; null if the function has its own type.
  [[nodiscard]] virtual std::shared_ptr<HostFunction> typed_as(const FunctionType&) const { return nullptr; }
};

std::uint64_t copy_limit(const GuestScope& guest) noexcept;
/// Records why the host function failed, for the host's call into the guest.
void set_host_error(GuestScope& guest, std::string_view function, const Error& error) noexcept;
/// Records the exception that is being handled, like `set_host_error`.
void set_host_exception(GuestScope& guest, std::string_view function) noexcept;
/// Returns whether the container was stopped while its host function ran, and if so records that as its error.
bool stopped_meanwhile(GuestScope& guest) noexcept;

/// Splits the return type of a host function: `void`, a value, or a `Result` of either.
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

/// A host function that invokes a `Call` with a `Caller&` and the arguments.
template <typename Call, typename Return, typename... Args>
struct TypedHostFunction : HostFunction {
  using R = typename HostReturn<Return>::Value;
  using ShapeType = Shape<R, Parameter<Args>...>;
  static_assert(!IsView<R>::value,
                "a host function's result is lowered after the function has returned: return an owning type");

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
    bool lifted = false;
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
      return return_value(guest, host_call, call(caller, pass<Args>(std::get<I>(values))...));
    } else {
      Return result = call(caller, pass<Args>(std::get<I>(values))...);
      if (!result) {
        set_host_error(guest, name, result.error());
        return false;
      }
      if constexpr (std::is_void_v<R>) {
        return true;
      } else {
        return return_value(guest, host_call, *std::move(result));
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
  bool return_value(GuestScope& guest, abi::HostCall& host_call, T value) {
    if constexpr (Codec<R>::needs_check) {
      CheckContext cx(guest);
      if (!Codec<R>::check(cx, value)) {
        set_host_error(guest, name, *cx.error);
        return false;
      }
    }
    if constexpr (ShapeType::result_flat && !ShapeType::result_has_handles) {
      // Lowering a scalar does not use the context.
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

/// Derives a host function from a callable's signature. A leading `Caller&` is not a parameter of the WIT function.
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

template <typename F>
Result<void> Linker::define(std::string_view name, F function) {
  return add(name, detail::CallableTraits<F>::make(std::move(function)));
}

}  // namespace tairitsu

/// What generated host bindings are built on. `tairitsu bindgen host` writes code that includes this
/// header; a user includes the generated one.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <tairitsu/component.h>
#include <tairitsu/container.h>
#include <tairitsu/describe.h>
#include <tairitsu/error.h>
#include <tairitsu/function.h>
#include <tairitsu/linker.h>
#include <tairitsu/resource.h>

/// Stops a header that another Tairitsu has generated.
#define TAIRITSU_REQUIRE_BINDINGS_VERSION(version)       \
  static_assert((version) == tairitsu::kBindingsVersion, \
                "these bindings are another Tairitsu's: generate them again with `tairitsu bindgen host`")

/// Of functions that the bindings of several worlds may define alike: the linker takes one of them.
#define TAIRITSU_BINDINGS_SHARED [[gnu::weak]]

/// The set operations of a `flags` type, an enum class of bits; `mask` has all of them.
#define TAIRITSU_FLAGS_OPERATORS(Flags, mask)                                       \
  [[nodiscard]] constexpr Flags operator|(Flags a, Flags b) noexcept {              \
    return static_cast<Flags>(static_cast<unsigned>(a) | static_cast<unsigned>(b)); \
  }                                                                                 \
  [[nodiscard]] constexpr Flags operator&(Flags a, Flags b) noexcept {              \
    return static_cast<Flags>(static_cast<unsigned>(a) & static_cast<unsigned>(b)); \
  }                                                                                 \
  [[nodiscard]] constexpr Flags operator^(Flags a, Flags b) noexcept {              \
    return static_cast<Flags>(static_cast<unsigned>(a) ^ static_cast<unsigned>(b)); \
  }                                                                                 \
  [[nodiscard]] constexpr Flags operator~(Flags a) noexcept {                       \
    return static_cast<Flags>(~static_cast<unsigned>(a) & (mask));                  \
  }                                                                                 \
  constexpr Flags& operator|=(Flags& a, Flags b) noexcept { return a = a | b; }     \
  constexpr Flags& operator&=(Flags& a, Flags b) noexcept { return a = a & b; }     \
  constexpr Flags& operator^=(Flags& a, Flags b) noexcept { return a = a ^ b; }     \
  /** Whether all of `wanted` are in `flags`. */                                    \
  [[nodiscard]] constexpr bool contains(Flags flags, Flags wanted) noexcept {       \
    return (flags & wanted) == wanted;                                              \
  }

namespace tairitsu {

/// The form of generated code that this library goes with.
inline constexpr int kBindingsVersion = 1;

/// Whether lists of `T` have the same bytes in C++ and in a guest, so that they are copied whole.
template <typename T>
inline constexpr bool has_canonical_layout = detail::Codec<T>::bulk;

namespace detail {

// ---- Variants with named cases

template <typename T, std::size_t I, typename... Payload>
[[nodiscard]] T make_case(Payload&&... payload) {
  T value;
  static_cast<VariantBase<T>&>(value).template emplace<I>(std::forward<Payload>(payload)...);
  return value;
}

template <typename T>
[[nodiscard]] std::size_t case_index(const T& value) noexcept {
  return VariantAccess::index(value);
}

template <std::size_t I, typename T>
[[nodiscard]] auto* get_case(T& value) noexcept {
  using Base = VariantBase<std::remove_const_t<T>>;
  return std::get_if<I>(static_cast<std::conditional_t<std::is_const_v<T>, const Base, Base>*>(&value));
}

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};

template <typename T, typename... Handlers>
decltype(auto) visit_case(const T& value, Handlers&&... handlers) {
  return std::visit(Overloaded<std::remove_cvref_t<Handlers>...>{std::forward<Handlers>(handlers)...},
                    VariantAccess::base(value));
}

// ---- Imports

template <typename State, typename Get>
struct HostOfState {
  using type = std::remove_reference_t<std::invoke_result_t<const Get&, State&>>;
};
template <typename Get>
struct HostOfState<void, Get> {
  using type = std::remove_reference_t<std::invoke_result_t<const Get&>>;
};
/// The implementation that `get` finds.
template <typename State, typename Get>
using HostOf = typename HostOfState<State, Get>::type;

[[nodiscard]] std::unexpected<Error> no_host_state();

/// Calls an import's implementation. It returns a `Result`, or the plain value, or nothing.
template <typename State, typename R, typename Get, typename Call>
R with_host(const Caller& caller, const Get& get, Call&& call) {
  const auto run = [&call](auto& host) -> R {
    if constexpr (std::is_void_v<decltype(call(host))>) {
      call(host);
      return {};
    } else {
      return call(host);
    }
  };
  if constexpr (std::is_void_v<State>) {
    return run(get());
  } else {
    State* state = caller.state<State>();
    if (state == nullptr) return no_host_state();
    return run(get(*state));
  }
}

/// The function of an import that was not given.
struct NotGiven {
  std::string_view name;
  template <typename... Args>
  std::unexpected<Error> operator()(Args&&...) const {
    return fail(ErrorCode::missing_import, "'" + std::string(name) + "' was not given a function");
  }
};

/// The one getter for all, or number `I`.
template <std::size_t I, typename... Get>
[[nodiscard]] const auto& pick(const Get&... get) {
  return std::get < sizeof...(Get) == 1 ? 0 : I > (std::tie(get...));
}

// ---- Exports

template <typename Signature>
[[nodiscard]] Result<void> look_up(const Component& component, std::string_view name,
                                   ExportedFunction<Signature>& found) {
  auto function = component.function<Signature>(name);
  if (!function) return std::unexpected(std::move(function).error());
  found = *std::move(function);
  return {};
}

template <typename Signature>
[[nodiscard]] Result<void> bind(const Instance& instance, const ExportedFunction<Signature>& found,
                                Function<Signature>& function) {
  auto bound = instance.function(found);
  if (!bound) return std::unexpected(std::move(bound).error());
  function = *std::move(bound);
  return {};
}

/// Keeps the functions of an interface with the guest, for the resources that come out of it.
template <typename Functions>
[[nodiscard]] Result<void> attach(const Instance& instance, const std::shared_ptr<Functions>& functions) {
  return attach(*instance.core(), &bound_functions_key<Functions>, functions);
}

}  // namespace detail

namespace detail {

/// Finds the one host object of a container: an lvalue where it is, any other where it has moved to.
template <typename Host>
[[nodiscard]] auto get_host(Host&& host) {
  using Implementation = std::remove_reference_t<Host>;
  if constexpr (std::is_lvalue_reference_v<Host>) {
    return [object = std::addressof(host)]() -> Implementation& { return *object; };
  } else {
    return [object = std::make_shared<Implementation>(std::forward<Host>(host))]() -> Implementation& {
      return *object;
    };
  }
}

}  // namespace detail

template <typename Bindings, typename... Hosts>
  requires(sizeof...(Hosts) > 0)
ContainerBuilder&& ContainerBuilder::with_bindings(Hosts&&... hosts) && {
  return std::move(*this).template add_bindings<Bindings, void>(
      false, detail::get_host(std::forward<Hosts>(hosts))...);
}

template <typename Bindings, typename State, typename... Get>
  requires(sizeof...(Get) > 0 && (std::invocable<const Get&, State&> && ...))
ContainerBuilder&& ContainerBuilder::with_bindings(Get... get) && {
  return std::move(*this).template add_bindings<Bindings, State>(true, std::move(get)...);
}

template <typename Bindings>
ContainerBuilder&& ContainerBuilder::with_bindings() && {
  return std::move(*this).template add_bindings<Bindings, void>(true);
}

template <typename T, typename State, typename... Get>
ContainerBuilder&& ContainerBuilder::add_bindings(bool for_templates, Get... get) && {
  detail::BindingsSteps steps;
  steps.for_templates = for_templates;
  steps.define = [get...](Linker& linker) -> Result<void> {
    if constexpr (sizeof...(Get) == 0 && Bindings<T>::hosts != 0) {
      return {};  // `with_imports` gives them.
    } else {
      return Bindings<T>::template add_to_linker<State>(linker, get...);
    }
  };
  steps.look_up = [](const Component& component) { return Bindings<T>::look_up(component); };
  steps.bind = [](const Instance& instance,
                  const std::shared_ptr<const void>& found) -> Result<GuestInstance> {
    TAIRITSU_TRY(auto bindings, Bindings<T>::bind(instance, found));
    return GuestInstance(std::move(bindings));
  };
  return std::move(*this).with_bindings_steps(std::move(steps));
}

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

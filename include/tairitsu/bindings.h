/// Support for generated host bindings. Code that `tairitsu bindgen host` generates includes this header; include the
/// generated header instead.
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

/// Rejects code that an incompatible version of Tairitsu generated.
#define TAIRITSU_REQUIRE_BINDINGS_VERSION(version)       \
  static_assert((version) == tairitsu::kBindingsVersion, \
                "another version of Tairitsu generated these bindings: run `tairitsu bindgen host` again")

/// Marks functions that the bindings of several worlds may define identically; the linker keeps one.
#define TAIRITSU_BINDINGS_SHARED [[gnu::weak]]

/// Defines the set operations of a `flags` type, an enum class of bits. `mask` has all bits set.
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
  /** Returns whether `flags` has all flags of `wanted`. */                         \
  [[nodiscard]] constexpr bool contains(Flags flags, Flags wanted) noexcept {       \
    return (flags & wanted) == wanted;                                              \
  }

namespace tairitsu {

/// The version of generated code that this library supports.
inline constexpr int kBindingsVersion = 1;

/// Whether lists of `T` have the same bytes in C++ and in a guest, so that a single copy suffices.
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
/// The type of host object that a `Get` returns.
template <typename State, typename Get>
using HostOf = typename HostOfState<State, Get>::type;

[[nodiscard]] std::unexpected<Error> no_host_state();

/// Calls an import's implementation, which returns a `Result`, a plain value, or nothing.
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

/// The initial function of an import, which fails until the user assigns another one.
struct NotGiven {
  std::string_view name;
  template <typename... Args>
  std::unexpected<Error> operator()(Args&&...) const {
    return fail(ErrorCode::missing_import, "the host function '" + std::string(name) + "' is not set");
  }
};

/// Returns the getter of interface `I`, or the only one if it serves all interfaces.
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

/// Attaches the functions of an interface to the guest, for the resources that the guest returns.
template <typename Functions>
[[nodiscard]] Result<void> attach(const Instance& instance, const std::shared_ptr<Functions>& functions) {
  return attach(*instance.core(), &bound_functions_key<Functions>, functions);
}

// ---- ContainerBuilder

/// Returns a getter of a container's host object, which refers to an lvalue and owns anything else.
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
ContainerBuilder& ContainerBuilder::with_bindings(Hosts&&... hosts) {
  return add_bindings<Bindings, void>(false, detail::get_host(std::forward<Hosts>(hosts))...);
}

template <typename Bindings, typename State, typename... Get>
  requires(sizeof...(Get) > 0 && (std::invocable<const Get&, State&> && ...))
ContainerBuilder& ContainerBuilder::with_bindings(Get... get) {
  return add_bindings<Bindings, State>(true, std::move(get)...);
}

template <typename Bindings>
ContainerBuilder& ContainerBuilder::with_bindings() {
  return add_bindings<Bindings, void>(true);
}

template <typename T, typename State, typename... Get>
ContainerBuilder& ContainerBuilder::add_bindings(bool for_templates, Get... get) {
  detail::BindingsSteps steps;
  steps.for_templates = for_templates;
  steps.define = [get...](Linker& linker) -> Result<void> {
    if constexpr (sizeof...(Get) == 0 && Bindings<T>::hosts != 0) {
      return {};  // `with_imports` defines them.
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
  return with_bindings_steps(std::move(steps));
}

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

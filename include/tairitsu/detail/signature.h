/// C++ function signatures as WIT function types. Users have no need of this header.
#pragma once

#include <expected>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <tairitsu/detail/codec.h>
#include <tairitsu/error.h>
#include <tairitsu/resource.h>
#include <tairitsu/type.h>

namespace tairitsu::detail {

/// Maps a parameter of a signature to the type that has a codec: `const T&` to `T`, and a reference to a resource to a
/// borrow of it.
template <typename T>
struct ParameterOf {
  using type = std::remove_cvref_t<T>;
};
template <HostResourceType T>
struct ParameterOf<T&> {
  using type = Borrow<T>;
};
template <GuestResourceType T>
struct ParameterOf<const T&> {
  using type = Borrow<const T>;
};
template <typename T>
using Parameter = typename ParameterOf<T>::type;

/// Whether values of the type point into a guest's memory. Such a type cannot be the result of a call.
template <typename T>
struct IsView : std::false_type {};
template <>
struct IsView<std::string_view> : std::true_type {};
template <typename T>
struct IsView<std::span<T>> : std::true_type {};
template <typename T>
struct IsView<Borrow<T>> : std::true_type {};
template <typename T>
struct IsView<std::vector<T>> : IsView<T> {};
template <typename T>
struct IsView<std::optional<T>> : IsView<T> {};
template <typename T, typename E>
struct IsView<std::expected<T, E>> : std::disjunction<IsView<T>, IsView<E>> {};
template <typename... Ts>
struct IsView<std::tuple<Ts...>> : std::disjunction<IsView<Ts>...> {};
template <typename A, typename B>
struct IsView<std::pair<A, B>> : std::disjunction<IsView<A>, IsView<B>> {};
template <>
struct IsView<void> : std::false_type {};
template <typename T, typename Fields>
struct HasViewField;
template <typename T, typename... Fields>
struct HasViewField<T, std::tuple<Fields...>>
    : std::disjunction<IsView<std::remove_cvref_t<decltype(std::declval<T&>().*Fields::member)>>...> {};
template <DescribedRecord T>
struct IsView<T> : HasViewField<T, typename Describe<T>::fields> {};
template <typename T>
struct HasViewAlternative;
template <typename... Ts>
struct HasViewAlternative<std::variant<Ts...>> : std::disjunction<IsView<Ts>...> {};
template <DescribedVariant T>
struct IsView<T> : HasViewAlternative<VariantBase<T>> {};

inline constexpr std::uint32_t kMaxFlatSlots = 16;

/// The layout of a function's parameters and result.
template <typename R, typename... Ps>
struct Shape {
  using Parameters = Layout<Ps...>;
  static constexpr bool parameters_flat = Parameters::flat_count <= kMaxFlatSlots;
  static constexpr bool parameters_use_memory = !parameters_flat || Parameters::in_memory;

  static constexpr std::uint32_t result_flat_count = [] {
    if constexpr (std::is_void_v<R>) {
      return 0u;
    } else {
      return Codec<R>::flat_count;
    }
  }();
  static constexpr bool result_flat = result_flat_count <= 1;
  static constexpr bool result_has_handles = [] {
    if constexpr (std::is_void_v<R>) {
      return false;
    } else {
      return Codec<R>::handle_count != 0;
    }
  }();
  static constexpr std::uint32_t flags = (parameters_use_memory ? abi::kParametersUseMemory : 0) |
                                         (result_flat ? 0 : abi::kResultUsesMemory) |
                                         (result_has_handles ? abi::kResultHasHandles : 0) |
                                         (Parameters::handle_count != 0 ? abi::kParametersHaveHandles : 0);

  static FunctionType type() {
    FunctionType type;
    (type.parameters.push_back({{}, Codec<Ps>::type()}), ...);
    if constexpr (!std::is_void_v<R>) type.result = Codec<R>::type();
    return type;
  }
};

template <typename Signature>
struct SignatureTraits;
template <typename R, typename... Args>
struct SignatureTraits<R(Args...)> : Shape<R, Parameter<Args>...> {};

}  // namespace tairitsu::detail

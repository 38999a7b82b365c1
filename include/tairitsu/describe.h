/// How C++ types represent WIT types.
///
/// | WIT | C++ value | C++ parameter |
/// | --- | --- | --- |
/// | `bool`, `u8` … `s64`, `f32`, `f64`, `char` | `bool`, `std::uint8_t` … `std::int64_t`, `float`, `double`, `char32_t` | the same |
/// | `string` | `std::string` | `std::string_view` |
/// | `list<T>` | `std::vector<T>` | `std::span<const T>` |
/// | `option<T>`, `result<T, E>`, `tuple<…>` | `std::optional`, `std::expected`, `std::tuple` or `std::pair` | the same |
/// | `record`, `enum`, `flags`, `variant` | your own type, described with `Describe` | `const T&` |
/// | `own<r>`, `borrow<r>` of a resource that the host implements | `std::unique_ptr<T>` | `std::unique_ptr<T>`, `T&` |
/// | `own<r>`, `borrow<r>` of a resource that the guest implements | `GuestResource` | `GuestResource`, `const GuestResource&` |
///
/// Describe your own types once, at namespace scope:
///
///     struct Item { std::uint32_t id{}; double price{}; };
///     template <> struct tairitsu::Describe<Item>
///         : tairitsu::Record<Item, "item", tairitsu::Field<"id", &Item::id>,
///                            tairitsu::Field<"price", &Item::price>> {};
///
///     enum class Level : std::uint8_t { info, warning };
///     template <> struct tairitsu::Describe<Level> : tairitsu::Enum<Level, "level", "info", "warning"> {};
///
///     enum class Access : std::uint8_t { read = 1, write = 2 };
///     template <> struct tairitsu::Describe<Access> : tairitsu::Flags<Access, "access", "read", "write"> {};
///
///     struct Query : std::variant<std::monostate, double, std::string> { using variant::variant; };
///     template <> struct tairitsu::Describe<Query>
///         : tairitsu::Variant<Query, "query", "all", "cheaper-than", "named"> {};
///
///     template <> struct tairitsu::Describe<Basket> : tairitsu::HostResource<Basket, "basket"> {};
///
/// Names are those of WIT, in kebab-case. They are compared with the component's when a function is bound, except the
/// name of the type itself, which is only printed.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>

namespace tairitsu {

/// A string literal as a template argument.
template <std::size_t N>
struct FixedString {
  char text[N]{};
  consteval FixedString(const char (&literal)[N]) { std::copy_n(literal, N, text); }
  [[nodiscard]] constexpr std::string_view view() const { return {text, N - 1}; }
};

/// The kind of type that a description describes.
enum class DescriptionKind : std::uint8_t { record, enumeration, flags, variant, host_resource };

/// Specialize this template for your own types by deriving from one of the templates below.
template <typename T>
struct Describe;

/// One field of a record: its WIT name and the member that holds it.
template <FixedString Name, auto Member>
struct Field {
  static constexpr std::string_view name = Name.view();
  static constexpr auto member = Member;
};

/// Describes a struct as a `record`. List the fields in WIT's order; `T` must be default-constructible. If the struct
/// has the canonical ABI's layout (its members are the fields in order, all numbers or such records), lists of it are
/// copied with a single copy.
template <typename T, FixedString Name, typename... Fields>
struct Record {
  static_assert(sizeof...(Fields) > 0, "a WIT record has at least one field");
  static constexpr auto kind = DescriptionKind::record;
  static constexpr std::string_view name = Name.view();
  using fields = std::tuple<Fields...>;
};

/// Describes an enum class as an `enum`. Its enumerators must be 0, 1, 2 and so on in WIT's order.
template <typename T, FixedString Name, FixedString... Labels>
struct Enum {
  static_assert(std::is_enum_v<T> && sizeof...(Labels) > 0);
  static constexpr auto kind = DescriptionKind::enumeration;
  static constexpr std::string_view name = Name.view();
  static constexpr std::string_view labels[] = {Labels.view()...};
};

/// Describes an enum class whose enumerators are bits as `flags`: label `n` is `1 << n`, with at most 32 labels. `T`
/// may also be a class with `bits()` and a static `from_bits(…)`.
template <typename T, FixedString Name, FixedString... Labels>
struct Flags {
  static_assert(sizeof...(Labels) > 0 && sizeof...(Labels) <= 32, "flags have 1 to 32 labels");
  static constexpr auto kind = DescriptionKind::flags;
  static constexpr std::string_view name = Name.view();
  static constexpr std::string_view labels[] = {Labels.view()...};
};

/// Describes a `std::variant`, or a class derived from one, as a `variant`: alternative `n` is case `n`, and
/// `std::monostate` is a case without a payload.
template <typename T, FixedString Name, FixedString... Cases>
struct Variant {
  static_assert(sizeof...(Cases) > 0);
  static constexpr auto kind = DescriptionKind::variant;
  static constexpr std::string_view name = Name.view();
  static constexpr std::string_view labels[] = {Cases.view()...};
};

/// Describes a class as a `resource` that the host implements.
template <typename T, FixedString Name>
struct HostResource {
  static constexpr auto kind = DescriptionKind::host_resource;
  static constexpr std::string_view name = Name.view();
};

/// Describes a class derived from `GuestResource` as a resource that the guest implements. In a signature, such a class
/// only matches a resource of this name.
template <FixedString Name>
struct GuestResourceNamed {
  static constexpr std::string_view name = Name.view();
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

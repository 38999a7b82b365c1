/// Optional: formats described types, generated or your own, with fmt: `fmt::print("{}\n", item);` prints
/// `{id: 1, price: 4.5}`.
///
/// The text is WAVE (https://github.com/bytecodealliance/wasm-tools, crates/wasm-wave) on one line. Handles of
/// resources print as `<basket>`. Only this header requires fmt; tairitsu.h does not include it.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <fmt/format.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <tairitsu/describe.h>
#include <tairitsu/detail/codec.h>
#include <tairitsu/resource.h>

namespace tairitsu::detail {

/// Prints one character of quoted text, escaped if `quote` or WAVE requires it.
template <typename Out>
void print_escaped(Out out, char32_t c, char quote) {
  switch (c) {
    case U'\n':
      fmt::format_to(out, "\\n");
      return;
    case U'\r':
      fmt::format_to(out, "\\r");
      return;
    case U'\t':
      fmt::format_to(out, "\\t");
      return;
    case U'\\':
      fmt::format_to(out, "\\\\");
      return;
    default:
      break;
  }
  if (c == static_cast<char32_t>(quote)) {
    fmt::format_to(out, "\\{}", quote);
  } else if (c < 0x20 || c == 0x7F) {
    fmt::format_to(out, "\\u{{{:x}}}", static_cast<std::uint32_t>(c));
  } else if (c < 0x80) {
    *out++ = static_cast<char>(c);
  } else if (c < 0x800) {
    *out++ = static_cast<char>(0xC0 | (c >> 6));
    *out++ = static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    *out++ = static_cast<char>(0xE0 | (c >> 12));
    *out++ = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    *out++ = static_cast<char>(0x80 | (c & 0x3F));
  } else {
    *out++ = static_cast<char>(0xF0 | (c >> 18));
    *out++ = static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    *out++ = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    *out++ = static_cast<char>(0x80 | (c & 0x3F));
  }
}

template <typename Out, typename T>
void print_value(Out out, const T& value);

template <typename Out, typename T>
void print_record(Out out, const T& value) {
  *out++ = '{';
  [&]<typename... Fields>(std::type_identity<std::tuple<Fields...>>) {
    std::string_view between;
    ((fmt::format_to(out, "{}{}: ", std::exchange(between, ", "), Fields::name),
      print_value(out, value.*Fields::member)),
     ...);
  }(std::type_identity<typename Describe<T>::fields>{});
  *out++ = '}';
}

template <typename Out, typename T>
void print_flags(Out out, const T& value) {
  std::uint64_t bits = 0;
  if constexpr (std::is_enum_v<T>) {
    bits = static_cast<std::uint64_t>(value);
  } else {
    bits = value.bits();
  }
  *out++ = '{';
  std::string_view between;
  for (std::size_t i = 0; i < std::size(Describe<T>::labels); ++i) {
    if ((bits >> i & 1) == 0) continue;
    fmt::format_to(out, "{}{}", std::exchange(between, ", "), Describe<T>::labels[i]);
  }
  *out++ = '}';
}

template <typename Out, typename T>
void print_variant(Out out, const T& value) {
  if (VariantAccess::base(value).valueless_by_exception()) {
    fmt::format_to(out, "<no value>");
    return;
  }
  fmt::format_to(out, "{}", Describe<T>::labels[VariantAccess::index(value)]);
  std::visit(
      [&]<typename Payload>(const Payload& payload) {
        if constexpr (!std::same_as<Payload, std::monostate>) {
          *out++ = '(';
          print_value(out, payload);
          *out++ = ')';
        }
      },
      VariantAccess::base(value));
}

template <typename Out, typename T, typename E>
void print_result(Out out, const std::expected<T, E>& value) {
  fmt::format_to(out, "{}", value ? "ok" : "err");
  if (value) {
    if constexpr (!std::is_void_v<T>) {
      *out++ = '(';
      print_value(out, *value);
      *out++ = ')';
    }
  } else if constexpr (!std::same_as<E, std::monostate>) {
    *out++ = '(';
    print_value(out, value.error());
    *out++ = ')';
  }
}

template <typename T>
inline constexpr bool is_tuple = false;
template <typename... Ts>
inline constexpr bool is_tuple<std::tuple<Ts...>> = true;
template <typename A, typename B>
inline constexpr bool is_tuple<std::pair<A, B>> = true;

template <typename T>
inline constexpr bool is_expected = false;
template <typename T, typename E>
inline constexpr bool is_expected<std::expected<T, E>> = true;

template <typename T>
inline constexpr bool is_optional = false;
template <typename T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <typename Out, typename T>
void print_value(Out out, const T& value) {
  if constexpr (std::same_as<T, bool>) {
    fmt::format_to(out, "{}", value ? "true" : "false");
  } else if constexpr (std::same_as<T, char32_t>) {
    *out++ = '\'';
    print_escaped(out, value, '\'');
    *out++ = '\'';
  } else if constexpr (std::integral<T>) {
    fmt::format_to(out, "{}", +value);
  } else if constexpr (std::floating_point<T>) {
    if (value != value) {
      fmt::format_to(out, "nan");
    } else {
      fmt::format_to(out, "{}", value);  // The shortest text that reads back as the same value.
    }
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    *out++ = '"';
    // Only ASCII characters are escaped.
    for (const char c : std::string_view(value)) {
      if (static_cast<unsigned char>(c) < 0x80) {
        print_escaped(out, static_cast<char32_t>(static_cast<unsigned char>(c)), '"');
      } else {
        *out++ = c;
      }
    }
    *out++ = '"';
  } else if constexpr (DescribedRecord<T>) {
    print_record(out, value);
  } else if constexpr (DescribedFlags<T>) {
    print_flags(out, value);
  } else if constexpr (DescribedVariant<T>) {
    print_variant(out, value);
  } else if constexpr (DescribedEnum<T>) {
    const auto index = static_cast<std::size_t>(value);
    fmt::format_to(out, "{}",
                   index < std::size(Describe<T>::labels) ? Describe<T>::labels[index] : "<no value>");
  } else if constexpr (is_tuple<T>) {
    *out++ = '(';
    std::apply(
        [&](const auto&... elements) {
          std::string_view between;
          ((fmt::format_to(out, "{}", std::exchange(between, ", ")), print_value(out, elements)), ...);
        },
        value);
    *out++ = ')';
  } else if constexpr (is_optional<T>) {
    if (value) {
      fmt::format_to(out, "some(");
      print_value(out, *value);
      *out++ = ')';
    } else {
      fmt::format_to(out, "none");
    }
  } else if constexpr (is_expected<T>) {
    print_result(out, value);
  } else if constexpr (requires { std::begin(value); }) {
    *out++ = '[';
    std::string_view between;
    for (const auto& element : value) {
      fmt::format_to(out, "{}", std::exchange(between, ", "));
      print_value<Out, typename T::value_type>(out, element);
    }
    *out++ = ']';
  } else {
    fmt::format_to(out, "<{}>", Codec<T>::type().name());
  }
}

}  // namespace tairitsu::detail

template <tairitsu::detail::Described T>
struct fmt::formatter<T> {
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  template <typename Context>
  auto format(const T& value, Context& context) const {
    fmt::memory_buffer text;
    tairitsu::detail::print_value(std::back_inserter(text), value);
    return std::copy(text.begin(), text.end(), context.out());
  }
};

#endif  // TAIRITSU_NO_CXX23

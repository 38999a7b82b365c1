/// Random values of all C++ types of the value path, and their text.
///
/// This uses only `Describe`, not `Codec`, which is the code under test. The grammar of the text is in
/// oracle/src/text.rs; equal texts mean equal values, including the bits of a NaN.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <tairitsu/describe.h>

namespace differential {

/// Random numbers that are the same on every machine (splitmix64), and a limit for the size of a value.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() noexcept;
  /// Returns a number from 0 to `count` - 1.
  std::size_t below(std::size_t count) noexcept { return static_cast<std::size_t>(next() % count); }
  bool one_in(std::size_t count) noexcept { return below(count) == 0; }
  /// Returns the bits of a number, which is often an edge case.
  std::uint64_t bits(unsigned width) noexcept;
  /// Returns the length of the next list. All lists of a value have at most 300 elements together.
  std::size_t length() noexcept;
  char32_t character() noexcept;
  std::string text();

 private:
  std::uint64_t state_;
  std::size_t elements_left_ = 300;
};

void print_unsigned(std::uint64_t value, std::string& out);
void print_signed(std::int64_t value, std::string& out);
void print_bits(std::uint64_t bits, int digits, std::string& out);
void print_text(std::string_view text, std::string& out);

/// `fill(random, value)` assigns a random value to a new value; `print(value, out)` appends its text.
template <typename T>
struct Value;

template <std::integral T>
struct Value<T> {
  static void fill(Random& random, T& value) { value = static_cast<T>(random.bits(8 * sizeof(T))); }
  static void print(T value, std::string& out) {
    if constexpr (std::is_signed_v<T>) {
      print_signed(value, out);
    } else {
      print_unsigned(value, out);
    }
  }
};

template <std::floating_point T>
struct Value<T> {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  static void fill(Random& random, T& value) {
    value = std::bit_cast<T>(static_cast<Bits>(random.bits(8 * sizeof(T))));
  }
  static void print(T value, std::string& out) { print_bits(std::bit_cast<Bits>(value), 2 * sizeof(T), out); }
};

template <>
struct Value<bool> {
  static void fill(Random& random, bool& value) { value = random.one_in(2); }
  static void print(bool value, std::string& out) { out += value ? 't' : 'f'; }
};

template <>
struct Value<char32_t> {
  static void fill(Random& random, char32_t& value) { value = random.character(); }
  static void print(char32_t value, std::string& out) { print_unsigned(value, out); }
};

template <>
struct Value<std::string> {
  static void fill(Random& random, std::string& value) { value = random.text(); }
  static void print(std::string_view value, std::string& out) { print_text(value, out); }
};

template <>
struct Value<std::string_view> {
  static void print(std::string_view value, std::string& out) { print_text(value, out); }
};

template <typename T>
struct Value<std::span<const T>> {
  static void print(std::span<const T> values, std::string& out) {
    char before = '[';
    for (const auto& value : values) {
      out += std::exchange(before, ',');
      Value<T>::print(value, out);
    }
    out += before == '[' ? "[]" : "]";
  }
};

template <typename T>
struct Value<std::vector<T>> {
  static void fill(Random& random, std::vector<T>& values) {
    values.clear();
    for (std::size_t left = random.length(); left != 0; --left) {
      T value{};
      Value<T>::fill(random, value);
      values.push_back(std::move(value));
    }
  }
  static void print(const std::vector<T>& values, std::string& out) {
    if constexpr (std::is_same_v<T, bool>) {
      char before = '[';
      for (const bool value : values) {
        out += std::exchange(before, ',');
        Value<bool>::print(value, out);
      }
      out += before == '[' ? "[]" : "]";
    } else {
      Value<std::span<const T>>::print(values, out);
    }
  }
};

/// Appends a payload in parentheses, or nothing if the case has none.
template <typename T>
void print_payload(const T& value, std::string& out) {
  if constexpr (!std::is_same_v<T, std::monostate>) {
    out += '(';
    Value<T>::print(value, out);
    out += ')';
  }
}

template <typename T>
struct Value<std::optional<T>> {
  static void fill(Random& random, std::optional<T>& value) {
    if (!random.one_in(3)) Value<T>::fill(random, value.emplace());
  }
  static void print(const std::optional<T>& value, std::string& out) {
    out += value ? "some" : "none";
    if (value) print_payload(*value, out);
  }
};

template <>
struct Value<std::monostate> {
  static void fill(Random&, std::monostate&) {}
};

template <typename T, typename E>
struct Value<std::expected<T, E>> {
  static void fill(Random& random, std::expected<T, E>& value) {
    if (random.one_in(2)) {
      E error{};
      Value<E>::fill(random, error);
      value = std::unexpected<E>(std::move(error));
    } else if constexpr (!std::is_void_v<T>) {
      Value<T>::fill(random, value.emplace());
    }
  }
  static void print(const std::expected<T, E>& value, std::string& out) {
    out += value ? "ok" : "error";
    if (!value) {
      print_payload(value.error(), out);
    } else if constexpr (!std::is_void_v<T>) {
      print_payload(*value, out);
    }
  }
};

/// Tuples and pairs.
template <typename T>
struct TupleValue {
  static void fill(Random& random, T& value) {
    std::apply(
        [&](auto&... parts) { (Value<std::remove_reference_t<decltype(parts)>>::fill(random, parts), ...); },
        value);
  }
  static void print(const T& value, std::string& out) {
    char before = '(';
    std::apply(
        [&](const auto&... parts) {
          ((out += std::exchange(before, ','),
            Value<std::remove_cvref_t<decltype(parts)>>::print(parts, out)),
           ...);
        },
        value);
    out += ')';
  }
};
template <typename... Ts>
struct Value<std::tuple<Ts...>> : TupleValue<std::tuple<Ts...>> {};
template <typename A, typename B>
struct Value<std::pair<A, B>> : TupleValue<std::pair<A, B>> {};

template <typename T, tairitsu::DescriptionKind Kind>
concept Is = requires { tairitsu::Describe<T>::kind; } && tairitsu::Describe<T>::kind == Kind;

template <typename T, auto Member>
using MemberType = std::remove_cvref_t<decltype(std::declval<T&>().*Member)>;

template <Is<tairitsu::DescriptionKind::record> T>
struct Value<T> {
  template <typename Fields>
  struct Each;
  template <typename... Fields>
  struct Each<std::tuple<Fields...>> {
    static void fill(Random& random, T& value) {
      (Value<MemberType<T, Fields::member>>::fill(random, value.*Fields::member), ...);
    }
    static void print(const T& value, std::string& out) {
      char before = '{';
      ((out += std::exchange(before, ','), out += Fields::name, out += ':',
        Value<MemberType<T, Fields::member>>::print(value.*Fields::member, out)),
       ...);
      out += '}';
    }
  };
  static void fill(Random& random, T& value) {
    Each<typename tairitsu::Describe<T>::fields>::fill(random, value);
  }
  static void print(const T& value, std::string& out) {
    Each<typename tairitsu::Describe<T>::fields>::print(value, out);
  }
};

template <Is<tairitsu::DescriptionKind::variant> T>
struct Value<T> {
  template <typename... Ts>
  static void fill_case(Random& random, std::variant<Ts...>& value) {
    const std::size_t index = random.below(sizeof...(Ts));
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((I == index && (Value<Ts>::fill(random, value.template emplace<I>()), true)) || ...);
    }(std::index_sequence_for<Ts...>{});
  }
  template <typename... Ts>
  static void print_case(const std::variant<Ts...>& value, std::string& out) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((I == value.index() && (print_payload(*std::get_if<I>(&value), out), true)) || ...);
    }(std::index_sequence_for<Ts...>{});
  }
  static void fill(Random& random, T& value) { fill_case(random, value); }
  static void print(const T& value, std::string& out) {
    out += tairitsu::Describe<T>::labels[value.index()];
    print_case(value, out);
  }
};

template <Is<tairitsu::DescriptionKind::enumeration> T>
struct Value<T> {
  static void fill(Random& random, T& value) {
    const std::size_t count = std::size(tairitsu::Describe<T>::labels);
    value = static_cast<T>(random.one_in(4) ? count - 1 : random.below(count));
  }
  static void print(T value, std::string& out) {
    out += tairitsu::Describe<T>::labels[static_cast<std::size_t>(value)];
  }
};

template <Is<tairitsu::DescriptionKind::flags> T>
struct Value<T> {
  static void fill(Random& random, T& value) {
    const std::uint64_t mask = (std::uint64_t{1} << std::size(tairitsu::Describe<T>::labels)) - 1;
    const std::uint64_t bits = random.bits(32) & mask;
    if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(bits);
    } else {
      value = T::from_bits(static_cast<decltype(value.bits())>(bits));
    }
  }
  static void print(const T& value, std::string& out) {
    std::uint64_t bits;
    if constexpr (std::is_enum_v<T>) {
      bits = static_cast<std::uint64_t>(value);
    } else {
      bits = value.bits();
    }
    out += '<';
    bool first = true;
    for (const std::string_view label : tairitsu::Describe<T>::labels) {
      if ((bits & 1) != 0) {
        if (!std::exchange(first, false)) out += '|';
        out += label;
      }
      bits >>= 1;
    }
    // Invalid bits are shown, so that the texts differ.
    out += bits != 0 ? "|?>" : ">";
  }
};

template <typename T>
std::string text_of(const T& value) {
  std::string out;
  Value<T>::print(value, out);
  return out;
}

}  // namespace differential

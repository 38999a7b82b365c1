/// The canonical ABI of C++ types: one `Codec` per type. Users have no need of this header.
///
/// Source: https://github.com/WebAssembly/component-model, design/mvp/CanonicalABI.md. A codec has
///
///     size, align         in linear memory
///     flat_count          the number of flat slots
///     handle_count        the number of handle types in its type tree
///     in_memory           whether a flat value also uses linear memory (strings, lists)
///     bulk                whether a list of it can be lifted with one copy, or viewed in place
///     needs_check         whether a C++ value can be invalid
///     type()              the WIT type
///     check, lower, store, lift, load
///
/// `store` and `load` take addresses whose bounds and alignment have been checked. Flat slots are written as 64 bits,
/// zero-extended, so that joining the payloads of a variant's cases costs nothing.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <tairitsu/abi.h>
#include <tairitsu/describe.h>
#include <tairitsu/detail/context.h>
#include <tairitsu/type.h>

namespace tairitsu::detail {

static_assert(std::endian::native == std::endian::little, "linear memory is little-endian");

template <typename T>
concept Described = requires { Describe<T>::kind; };

template <typename T>
concept DescribedRecord = Described<T> && Describe<T>::kind == DescriptionKind::record;

[[nodiscard]] constexpr std::uint32_t align_to(std::uint32_t offset, std::uint32_t align) {
  return (offset + align - 1) / align * align;
}

/// Chosen for a type without a codec; the assertion tells the user.
template <typename T>
struct Codec {
  static_assert(
      sizeof(T) == 0,
      "this C++ type does not represent a WIT type: see the table in tairitsu/describe.h, and describe "
      "your own types with tairitsu::Describe");
};

/// The defaults of a codec.
struct PlainCodec {
  static constexpr std::uint32_t handle_count = 0;
  static constexpr bool in_memory = false;
  static constexpr bool bulk = false;
  static constexpr bool needs_check = false;
};

// ---- Numbers

template <typename T, TypeKind Kind>
struct NumberCodec : PlainCodec {
  static constexpr std::uint32_t size = sizeof(T);
  static constexpr std::uint32_t align = sizeof(T);
  static constexpr std::uint32_t flat_count = 1;
  static constexpr bool bulk = true;

  static Type type() { return Type::make(Kind); }
  static bool check(CheckContext&, T) { return true; }
  static bool lower(LowerContext&, T value, abi::Slot*& slot) {
    if constexpr (std::is_same_v<T, float>) {
      slot->u64 = std::bit_cast<std::uint32_t>(value);
    } else if constexpr (std::is_same_v<T, double>) {
      slot->u64 = std::bit_cast<std::uint64_t>(value);
    } else if constexpr (sizeof(T) == 8) {
      slot->u64 = static_cast<std::uint64_t>(value);
    } else {
      // An i32, as the ABI flattens small integers: sign-extended to 32 bits, then zero-extended to 64.
      slot->u64 = static_cast<std::uint32_t>(static_cast<std::int32_t>(value));
    }
    ++slot;
    return true;
  }
  static bool store(LowerContext& cx, T value, std::size_t address) {
    cx.write(address, value);
    return true;
  }
  static bool lift(LiftContext&, const abi::Slot*& slot, T& out) {
    if constexpr (std::is_same_v<T, float>) {
      out = std::bit_cast<float>(slot->u32);
    } else if constexpr (std::is_same_v<T, double>) {
      out = std::bit_cast<double>(slot->u64);
    } else {
      out = static_cast<T>(slot->u64);
    }
    ++slot;
    return true;
  }
  static bool load(LiftContext& cx, std::size_t address, T& out) {
    out = cx.read<T>(address);
    return true;
  }
};

template <>
struct Codec<std::int8_t> : NumberCodec<std::int8_t, TypeKind::s8> {};
template <>
struct Codec<std::uint8_t> : NumberCodec<std::uint8_t, TypeKind::u8> {};
template <>
struct Codec<std::int16_t> : NumberCodec<std::int16_t, TypeKind::s16> {};
template <>
struct Codec<std::uint16_t> : NumberCodec<std::uint16_t, TypeKind::u16> {};
template <>
struct Codec<std::int32_t> : NumberCodec<std::int32_t, TypeKind::s32> {};
template <>
struct Codec<std::uint32_t> : NumberCodec<std::uint32_t, TypeKind::u32> {};
template <>
struct Codec<std::int64_t> : NumberCodec<std::int64_t, TypeKind::s64> {};
template <>
struct Codec<std::uint64_t> : NumberCodec<std::uint64_t, TypeKind::u64> {};
template <>
struct Codec<float> : NumberCodec<float, TypeKind::f32> {};
template <>
struct Codec<double> : NumberCodec<double, TypeKind::f64> {};

template <>
struct Codec<bool> : PlainCodec {
  static constexpr std::uint32_t size = 1;
  static constexpr std::uint32_t align = 1;
  static constexpr std::uint32_t flat_count = 1;

  static Type type() { return Type::make(TypeKind::boolean); }
  static bool check(CheckContext&, bool) { return true; }
  static bool lower(LowerContext&, bool value, abi::Slot*& slot) {
    slot->u64 = value ? 1 : 0;
    ++slot;
    return true;
  }
  static bool store(LowerContext& cx, bool value, std::size_t address) {
    cx.write<std::uint8_t>(address, value ? 1 : 0);
    return true;
  }
  static bool lift(LiftContext&, const abi::Slot*& slot, bool& out) {
    out = slot->u32 != 0;
    ++slot;
    return true;
  }
  static bool load(LiftContext& cx, std::size_t address, bool& out) {
    out = cx.read<std::uint8_t>(address) != 0;
    return true;
  }
};

template <>
struct Codec<char32_t> : PlainCodec {
  static constexpr std::uint32_t size = 4;
  static constexpr std::uint32_t align = 4;
  static constexpr std::uint32_t flat_count = 1;
  static constexpr bool needs_check = true;

  static Type type() { return Type::make(TypeKind::character); }
  static bool check(CheckContext& cx, char32_t value) {
    return is_unicode_scalar(value) ||
           cx.fail(ErrorCode::invalid_argument, "a char is not a Unicode scalar value");
  }
  static bool lower(LowerContext&, char32_t value, abi::Slot*& slot) {
    slot->u64 = value;
    ++slot;
    return true;
  }
  static bool store(LowerContext& cx, char32_t value, std::size_t address) {
    cx.write<std::uint32_t>(address, value);
    return true;
  }
  static bool lift(LiftContext& cx, const abi::Slot*& slot, char32_t& out) {
    return from(cx, (slot++)->u32, out);
  }
  static bool load(LiftContext& cx, std::size_t address, char32_t& out) {
    return from(cx, cx.read<std::uint32_t>(address), out);
  }

 private:
  static bool from(LiftContext& cx, std::uint32_t value, char32_t& out) {
    out = value;
    return is_unicode_scalar(out) || cx.fail_character(value);
  }
};

// ---- Strings

/// The maximum size of a string or a list in guest memory, in bytes.
inline constexpr std::uint32_t kMaxBytes = 0x7FFFFFFF;

template <typename T>
struct StringCodec : PlainCodec {
  static constexpr std::uint32_t size = 8;
  static constexpr std::uint32_t align = 4;
  static constexpr std::uint32_t flat_count = 2;
  static constexpr bool in_memory = true;
  static constexpr bool needs_check = true;

  static Type type() { return Type::make(TypeKind::string); }
  static bool check(CheckContext& cx, std::string_view value) {
    if (value.size() > kMaxBytes) [[unlikely]]
      return cx.fail(ErrorCode::invalid_argument, "a string is too large for a guest's memory");
    return is_utf8(value) || cx.fail(ErrorCode::invalid_argument, "a string is not valid UTF-8");
  }
  static bool lower(LowerContext& cx, std::string_view value, abi::Slot*& slot) {
    std::size_t address = 0;
    std::uint32_t length = 0;
    if (!cx.lower_string(value, address, length)) return false;
    (slot++)->u64 = address;
    (slot++)->u64 = length;
    return true;
  }
  static bool store(LowerContext& cx, std::string_view value, std::size_t address) {
    std::size_t text = 0;
    std::uint32_t length = 0;
    if (!cx.lower_string(value, text, length)) return false;
    cx.write(address, static_cast<std::uint32_t>(text));
    cx.write(address + 4, length);
    return true;
  }
  static bool lift(LiftContext& cx, const abi::Slot*& slot, T& out) {
    std::uint32_t address = (slot++)->u32;
    std::uint32_t length = (slot++)->u32;
    return from(cx, address, length, out);
  }
  static bool load(LiftContext& cx, std::size_t address, T& out) {
    return from(cx, cx.read<std::uint32_t>(address), cx.read<std::uint32_t>(address + 4), out);
  }

 private:
  static bool from(LiftContext& cx, std::uint32_t address, std::uint32_t length, T& out) {
    if constexpr (std::is_same_v<T, std::string_view>) {
      return cx.lift_string(address, length, false, out);
    } else {
      std::string_view view;
      if (!cx.lift_string(address, length, true, view)) return false;
      out.assign(view);
      return true;
    }
  }
};

template <>
struct Codec<std::string> : StringCodec<std::string> {};
template <>
struct Codec<std::string_view> : StringCodec<std::string_view> {};

// ---- Records and tuples

/// The layout of a sequence of types, as in a record.
template <typename... Ts>
struct Layout {
  static constexpr std::size_t count = sizeof...(Ts);
  static constexpr std::uint32_t align = std::max({std::uint32_t{1}, Codec<Ts>::align...});
  static constexpr std::array<std::uint32_t, count + 1> offsets = [] {
    std::array<std::uint32_t, count + 1> result{};
    std::uint32_t offset = 0;
    std::size_t index = 0;
    ((offset = align_to(offset, Codec<Ts>::align), result[index++] = offset, offset += Codec<Ts>::size), ...);
    result[count] = align_to(offset, align);
    return result;
  }();
  static constexpr std::uint32_t size = offsets[count];
  static constexpr std::uint32_t flat_count = (0 + ... + Codec<Ts>::flat_count);
  static constexpr std::uint32_t handle_count = (0 + ... + Codec<Ts>::handle_count);
  static constexpr bool in_memory = (false || ... || Codec<Ts>::in_memory);
  static constexpr bool needs_check = (false || ... || Codec<Ts>::needs_check);
};

/// The fields of a described record: access to the `I`th, and the layout of all.
template <typename T>
struct RecordTraits {
  using Fields = typename Describe<T>::fields;
  static constexpr std::size_t count = std::tuple_size_v<Fields>;
  template <std::size_t I>
  using FieldAt = std::tuple_element_t<I, Fields>;
  template <std::size_t I>
  using TypeAt = std::remove_cvref_t<decltype(std::declval<T&>().*FieldAt<I>::member)>;
  template <std::size_t I>
  static auto& get(T& value) {
    return value.*FieldAt<I>::member;
  }
  template <std::size_t I>
  static const auto& get(const T& value) {
    return value.*FieldAt<I>::member;
  }

  template <typename Sequence>
  struct LayoutOf;
  template <std::size_t... I>
  struct LayoutOf<std::index_sequence<I...>> {
    using type = Layout<TypeAt<I>...>;
  };
  using LayoutType = typename LayoutOf<std::make_index_sequence<count>>::type;
};

/// Returns a value of `T` whose bytes count up from `mark`, so that its offset in a struct can be found.
template <typename T>
consteval T marked_value(unsigned char mark) {
  std::array<unsigned char, sizeof(T)> bytes{};
  for (std::size_t index = 0; index < bytes.size(); ++index)
    bytes[index] = static_cast<unsigned char>(mark + index);
  return std::bit_cast<T>(bytes);
}

/// Proves in a constant expression that member `I` of `T` is at its canonical offset: with two different marks, the
/// byte at that offset is the member's first byte. If this is not a constant expression (there is padding at the
/// offset), the type is not bulk, which is slower but correct.
template <typename T, std::size_t I>
consteval bool is_field_at_canonical_offset() {
  using Traits = RecordTraits<T>;
  for (unsigned char mark : {static_cast<unsigned char>(0x41), static_cast<unsigned char>(0x01)}) {
    T value{};
    value.*Traits::template FieldAt<I>::member = marked_value<typename Traits::template TypeAt<I>>(mark);
    const auto bytes = std::bit_cast<std::array<unsigned char, sizeof(T)>>(value);
    if (bytes[Traits::LayoutType::offsets[I]] != mark) return false;
  }
  return true;
}

template <typename T, std::size_t I>
concept FieldIsInPlace = requires { typename std::bool_constant<is_field_at_canonical_offset<T, I>()>; } &&
                         is_field_at_canonical_offset<T, I>();

template <typename T>
consteval bool is_bulk_record() {
  using Traits = RecordTraits<T>;
  if constexpr (!std::is_trivially_copyable_v<T> || !std::is_default_constructible_v<T> || sizeof(T) > 128 ||
                sizeof(T) != Traits::LayoutType::size || alignof(T) != Traits::LayoutType::align) {
    return false;
  } else {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      if constexpr (!(true && ... && Codec<typename Traits::template TypeAt<I>>::bulk)) {
        return false;
      } else {
        return (true && ... && FieldIsInPlace<T, I>);
      }
    }(std::make_index_sequence<Traits::count>{});
  }
}

/// Returns whether a bulk type has no padding, which would leak bytes of the host to the guest.
template <typename T>
consteval bool has_no_padding() {
  if constexpr (DescribedRecord<T>) {
    using Traits = RecordTraits<T>;
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (std::size_t{0} + ... + sizeof(typename Traits::template TypeAt<I>)) == sizeof(T) &&
             (true && ... && has_no_padding<typename Traits::template TypeAt<I>>());
    }(std::make_index_sequence<Traits::count>{});
  } else {
    return true;
  }
}

/// The codec of a record or tuple whose parts are accessed with `Access::get<I>`.
template <typename T, typename Access, typename LayoutType, typename... Parts>
struct AggregateCodec : PlainCodec {
  static constexpr std::uint32_t size = LayoutType::size;
  static constexpr std::uint32_t align = LayoutType::align;
  static constexpr std::uint32_t flat_count = LayoutType::flat_count;
  static constexpr std::uint32_t handle_count = LayoutType::handle_count;
  static constexpr bool in_memory = LayoutType::in_memory;
  static constexpr bool needs_check = LayoutType::needs_check;

  static bool check(CheckContext& cx, const T& value) {
    return each([&]<std::size_t I, typename Part>() {
      if constexpr (Codec<Part>::needs_check) return Codec<Part>::check(cx, Access::template get<I>(value));
      return true;
    });
  }
  static bool lower(LowerContext& cx, const T& value, abi::Slot*& slot) {
    return each([&]<std::size_t I, typename Part>() {
      return Codec<Part>::lower(cx, Access::template get<I>(value), slot);
    });
  }
  static bool store(LowerContext& cx, const T& value, std::size_t address) {
    return each([&]<std::size_t I, typename Part>() {
      return Codec<Part>::store(cx, Access::template get<I>(value), address + LayoutType::offsets[I]);
    });
  }
  static bool lift(LiftContext& cx, const abi::Slot*& slot, T& out) {
    return each([&]<std::size_t I, typename Part>() {
      return Codec<Part>::lift(cx, slot, Access::template get<I>(out));
    });
  }
  static bool load(LiftContext& cx, std::size_t address, T& out) {
    return each([&]<std::size_t I, typename Part>() {
      return Codec<Part>::load(cx, address + LayoutType::offsets[I], Access::template get<I>(out));
    });
  }

 private:
  template <typename Visit>
  static bool each(Visit&& visit) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return (true && ... && visit.template operator()<I, Parts>());
    }(std::index_sequence_for<Parts...>{});
  }
};

template <typename T, typename Sequence>
struct RecordCodecBase;
template <typename T, std::size_t... I>
struct RecordCodecBase<T, std::index_sequence<I...>>
    : AggregateCodec<T, RecordTraits<T>, typename RecordTraits<T>::LayoutType,
                     typename RecordTraits<T>::template TypeAt<I>...> {
  static constexpr bool bulk = is_bulk_record<T>();

  static Type type() {
    return Type::make(TypeKind::record, std::string(Describe<T>::name),
                      {TypeField{std::string(RecordTraits<T>::template FieldAt<I>::name),
                                 Codec<typename RecordTraits<T>::template TypeAt<I>>::type()}...});
  }
};

template <DescribedRecord T>
struct Codec<T> : RecordCodecBase<T, std::make_index_sequence<RecordTraits<T>::count>> {
  static_assert(std::is_default_constructible_v<T>, "a described record must be default-constructible");
};

struct TupleAccess {
  template <std::size_t I, typename T>
  static auto& get(T& value) {
    return std::get<I>(value);
  }
};

template <typename T, typename... Ts>
struct TupleCodec : AggregateCodec<T, TupleAccess, Layout<Ts...>, Ts...> {
  static Type type() { return Type::make(TypeKind::tuple, {}, {TypeField{{}, Codec<Ts>::type()}...}); }
};

template <typename... Ts>
struct Codec<std::tuple<Ts...>> : TupleCodec<std::tuple<Ts...>, Ts...> {};
template <typename A, typename B>
struct Codec<std::pair<A, B>> : TupleCodec<std::pair<A, B>, A, B> {};

// ---- Lists

/// Writes the elements of `values` to newly allocated guest memory.
template <typename T, typename Values>
bool lower_list(LowerContext& cx, const Values& values, std::size_t& address, std::uint32_t& length) {
  using Element = Codec<T>;
  const std::size_t count = values.size();
  if (!cx.reallocate(count * Element::size, Element::align, address)) return false;
  length = static_cast<std::uint32_t>(count);
  if constexpr (Element::bulk && has_no_padding<T>()) {
    if (count != 0) std::memcpy(cx.at(address), std::data(values), count * Element::size);
  } else {
    const std::uint32_t ordinal = cx.handle_ordinal;
    std::size_t at = address;
    for (const auto& value : values) {
      if constexpr (Element::handle_count != 0) cx.handle_ordinal = ordinal;
      if (!Element::store(cx, value, at)) return false;
      at += Element::size;
    }
    if constexpr (Element::handle_count != 0) cx.handle_ordinal = ordinal + Element::handle_count;
  }
  return true;
}

template <typename T>
bool lift_list(LiftContext& cx, std::uint32_t address, std::uint32_t length, std::vector<T>& out) {
  using Element = Codec<T>;
  const std::uint8_t* bytes = cx.range(address, length, Element::size, Element::align);
  if (bytes == nullptr) return false;
  if (!cx.consume(std::uint64_t{length} * sizeof(T))) return false;
  if constexpr (Element::bulk) {
    const T* elements = reinterpret_cast<const T*>(bytes);
    out.assign(elements, elements + length);
  } else {
    out.clear();
    out.reserve(length);
    for (std::uint32_t index = 0; index < length; ++index) {
      const std::size_t at = address + std::size_t{index} * Element::size;
      if constexpr (std::is_same_v<T, bool>) {
        out.push_back(cx.read<std::uint8_t>(at) != 0);
      } else {
        if (!Element::load(cx, at, out.emplace_back())) return false;
      }
    }
  }
  return true;
}

/// The codec of a list of `T`. `List` is the C++ type: a vector, or a span over guest memory or host values.
template <typename T, typename List>
struct ListCodec : PlainCodec {
  static constexpr std::uint32_t size = 8;
  static constexpr std::uint32_t align = 4;
  static constexpr std::uint32_t flat_count = 2;
  static constexpr std::uint32_t handle_count = Codec<T>::handle_count;
  static constexpr bool in_memory = true;
  static constexpr bool needs_check = true;

  static Type type() { return Type::make(TypeKind::list, {}, {TypeField{{}, Codec<T>::type()}}); }
  static bool check(CheckContext& cx, const List& values) {
    if (values.size() > kMaxBytes / Codec<T>::size) [[unlikely]]
      return cx.fail(ErrorCode::invalid_argument, "a list is too large for a guest's memory");
    if constexpr (Codec<T>::needs_check) {
      for (const auto& value : values) {
        if (!Codec<T>::check(cx, value)) return false;
      }
    }
    return true;
  }
  static bool lower(LowerContext& cx, const List& values, abi::Slot*& slot) {
    std::size_t address = 0;
    std::uint32_t length = 0;
    if (!lower_list<T>(cx, values, address, length)) return false;
    (slot++)->u64 = address;
    (slot++)->u64 = length;
    return true;
  }
  static bool store(LowerContext& cx, const List& values, std::size_t address) {
    std::size_t elements = 0;
    std::uint32_t length = 0;
    if (!lower_list<T>(cx, values, elements, length)) return false;
    cx.write(address, static_cast<std::uint32_t>(elements));
    cx.write(address + 4, length);
    return true;
  }
  static bool lift(LiftContext& cx, const abi::Slot*& slot, List& out) {
    std::uint32_t address = (slot++)->u32;
    std::uint32_t length = (slot++)->u32;
    return from(cx, address, length, out);
  }
  static bool load(LiftContext& cx, std::size_t address, List& out) {
    return from(cx, cx.read<std::uint32_t>(address), cx.read<std::uint32_t>(address + 4), out);
  }

 private:
  static bool from(LiftContext& cx, std::uint32_t address, std::uint32_t length, List& out) {
    if constexpr (std::is_same_v<List, std::vector<T>>) {
      return lift_list(cx, address, length, out);
    } else {
      static_assert(
          Codec<T>::bulk,
          "a std::span parameter of a host function points into guest memory, so its elements must be "
          "numbers or records of numbers: use a std::vector instead");
      const std::uint8_t* bytes = cx.range(address, length, Codec<T>::size, Codec<T>::align);
      if (bytes == nullptr) return false;
      out = List(reinterpret_cast<const T*>(bytes), length);
      return true;
    }
  }
};

template <typename T>
struct Codec<std::vector<T>> : ListCodec<T, std::vector<T>> {};
template <typename T>
struct Codec<std::span<const T>> : ListCodec<T, std::span<const T>> {};

// ---- Variants: option, result, enum, variant

/// The layout of a variant's cases in memory and in slots. `void` is a case without a payload.
template <typename... Payloads>
struct VariantLayout {
  template <typename T, typename = void>
  struct Part {
    static constexpr std::uint32_t size = Codec<T>::size, align = Codec<T>::align;
    static constexpr std::uint32_t flat_count = Codec<T>::flat_count, handle_count = Codec<T>::handle_count;
    static constexpr bool in_memory = Codec<T>::in_memory, needs_check = Codec<T>::needs_check;
  };
  template <typename Unused>
  struct Part<void, Unused> {
    static constexpr std::uint32_t size = 0, align = 1, flat_count = 0, handle_count = 0;
    static constexpr bool in_memory = false, needs_check = false;
  };

  static constexpr std::size_t cases = sizeof...(Payloads);
  using Discriminant = std::conditional_t<(cases <= 256), std::uint8_t,
                                          std::conditional_t<(cases <= 65536), std::uint16_t, std::uint32_t>>;
  static constexpr std::uint32_t payload_align = std::max({std::uint32_t{1}, Part<Payloads>::align...});
  static constexpr std::uint32_t align =
      std::max(static_cast<std::uint32_t>(sizeof(Discriminant)), payload_align);
  static constexpr std::uint32_t payload_offset = align_to(sizeof(Discriminant), payload_align);
  static constexpr std::uint32_t size =
      align_to(payload_offset + std::max({std::uint32_t{0}, Part<Payloads>::size...}), align);
  static constexpr std::uint32_t payload_flat_count =
      std::max({std::uint32_t{0}, Part<Payloads>::flat_count...});
  static constexpr std::uint32_t flat_count = 1 + payload_flat_count;
  static constexpr std::uint32_t handle_count = (0 + ... + Part<Payloads>::handle_count);
  static constexpr bool in_memory = (false || ... || Part<Payloads>::in_memory);
  static constexpr bool needs_check = (false || ... || Part<Payloads>::needs_check);
  /// The number of handle types before each case.
  static constexpr std::array<std::uint32_t, cases + 1> handles_before = [] {
    std::array<std::uint32_t, cases + 1> result{};
    std::size_t index = 0;
    std::uint32_t sum = 0;
    ((result[index++] = sum, sum += Part<Payloads>::handle_count), ...);
    result[cases] = sum;
    return result;
  }();
};

/// The codec of a variant. `Access` provides `index(value)`, `get<I>(value)`, and `make<I>(out)`, which sets the case
/// and returns the payload to fill, if there is one.
template <typename T, typename Access, typename... Payloads>
struct VariantCodec : PlainCodec {
  using LayoutType = VariantLayout<Payloads...>;
  static constexpr std::uint32_t size = LayoutType::size;
  static constexpr std::uint32_t align = LayoutType::align;
  static constexpr std::uint32_t flat_count = LayoutType::flat_count;
  static constexpr std::uint32_t handle_count = LayoutType::handle_count;
  static constexpr bool in_memory = LayoutType::in_memory;
  static constexpr bool needs_check = LayoutType::needs_check;
  template <std::size_t I>
  using PayloadAt = std::tuple_element_t<I, std::tuple<std::type_identity<Payloads>...>>::type;

  static bool check(CheckContext& cx, const T& value) {
    return visit(Access::index(value), [&]<std::size_t I>() {
      if constexpr (!std::is_void_v<PayloadAt<I>>) {
        if constexpr (Codec<PayloadAt<I>>::needs_check) {
          return Codec<PayloadAt<I>>::check(cx, Access::template get<I>(value));
        }
      }
      return true;
    });
  }
  static bool lower(LowerContext& cx, const T& value, abi::Slot*& slot) {
    const std::size_t index = Access::index(value);
    (slot++)->u64 = index;
    for (std::uint32_t at = 0; at < LayoutType::payload_flat_count; ++at) slot[at].u64 = 0;
    abi::Slot* payload = slot;
    slot += LayoutType::payload_flat_count;
    return with_handles(cx, index, [&]<std::size_t I>() {
      if constexpr (!std::is_void_v<PayloadAt<I>>) {
        return Codec<PayloadAt<I>>::lower(cx, Access::template get<I>(value), payload);
      }
      return true;
    });
  }
  static bool store(LowerContext& cx, const T& value, std::size_t address) {
    const std::size_t index = Access::index(value);
    cx.write(address, static_cast<typename LayoutType::Discriminant>(index));
    return with_handles(cx, index, [&]<std::size_t I>() {
      if constexpr (!std::is_void_v<PayloadAt<I>>) {
        return Codec<PayloadAt<I>>::store(cx, Access::template get<I>(value),
                                          address + LayoutType::payload_offset);
      }
      return true;
    });
  }
  static bool lift(LiftContext& cx, const abi::Slot*& slot, T& out) {
    const std::uint32_t index = (slot++)->u32;
    const abi::Slot* payload = slot;
    slot += LayoutType::payload_flat_count;
    if (index >= LayoutType::cases) return cx.fail_discriminant(index, LayoutType::cases);
    return visit(index, [&]<std::size_t I>() {
      if constexpr (std::is_void_v<PayloadAt<I>>) {
        Access::template make<I>(out);
        return true;
      } else {
        return Codec<PayloadAt<I>>::lift(cx, payload, Access::template make<I>(out));
      }
    });
  }
  static bool load(LiftContext& cx, std::size_t address, T& out) {
    const std::uint32_t index = cx.read<typename LayoutType::Discriminant>(address);
    if (index >= LayoutType::cases) return cx.fail_discriminant(index, LayoutType::cases);
    return visit(index, [&]<std::size_t I>() {
      if constexpr (std::is_void_v<PayloadAt<I>>) {
        Access::template make<I>(out);
        return true;
      } else {
        return Codec<PayloadAt<I>>::load(cx, address + LayoutType::payload_offset,
                                         Access::template make<I>(out));
      }
    });
  }

 private:
  /// Calls `body<I>()` for the case `index`, which is in range.
  template <std::size_t I = 0, typename Body>
  static bool visit(std::size_t index, Body&& body) {
    if constexpr (I + 1 < LayoutType::cases) {
      if (index != I) return visit<I + 1>(index, std::forward<Body>(body));
    }
    return body.template operator()<I>();
  }
  template <typename Body>
  static bool with_handles(LowerContext& cx, std::size_t index, Body&& body) {
    if constexpr (handle_count == 0) {
      return visit(index, std::forward<Body>(body));
    } else {
      const std::uint32_t ordinal = cx.handle_ordinal;
      cx.handle_ordinal = ordinal + LayoutType::handles_before[index];
      const bool lowered = visit(index, std::forward<Body>(body));
      cx.handle_ordinal = ordinal + handle_count;
      return lowered;
    }
  }
};

struct OptionAccess {
  template <typename T>
  static std::size_t index(const std::optional<T>& value) {
    return value.has_value() ? 1 : 0;
  }
  template <std::size_t I, typename T>
  static const T& get(const std::optional<T>& value) {
    return *value;
  }
  template <std::size_t I, typename T>
  static decltype(auto) make(std::optional<T>& out) {
    if constexpr (I == 0) {
      out.reset();
    } else {
      return (out.emplace());
    }
  }
};

template <typename T>
struct Codec<std::optional<T>> : VariantCodec<std::optional<T>, OptionAccess, void, T> {
  static Type type() { return Type::make(TypeKind::option, {}, {TypeField{{}, Codec<T>::type()}}); }
};

struct ResultAccess {
  template <typename T, typename E>
  static std::size_t index(const std::expected<T, E>& value) {
    return value.has_value() ? 0 : 1;
  }
  template <std::size_t I, typename T, typename E>
  static const auto& get(const std::expected<T, E>& value) {
    if constexpr (I == 0) {
      return *value;
    } else {
      return value.error();
    }
  }
  template <std::size_t I, typename T, typename E>
  static decltype(auto) make(std::expected<T, E>& out) {
    if constexpr (I == 1) {
      out = std::unexpected<E>(E{});
      return (out.error());
    } else if constexpr (std::is_void_v<T>) {
      out.emplace();
    } else {
      return (out.emplace());
    }
  }
};

/// The payload of a case: `std::monostate` means that there is none, as in the error of a `result<T>`.
template <typename T>
using PayloadOf = std::conditional_t<std::is_same_v<T, std::monostate>, void, T>;

template <typename T>
std::optional<Type> payload_type() {
  if constexpr (std::is_void_v<T>) {
    return std::nullopt;
  } else {
    return Codec<T>::type();
  }
}

template <typename T, typename E>
struct Codec<std::expected<T, E>>
    : VariantCodec<std::expected<T, E>, ResultAccess, PayloadOf<T>, PayloadOf<E>> {
  static Type type() {
    return Type::make(
        TypeKind::result, {},
        {TypeField{"ok", payload_type<PayloadOf<T>>()}, TypeField{"error", payload_type<PayloadOf<E>>()}});
  }
};

template <typename T>
concept DescribedVariant = Described<T> && Describe<T>::kind == DescriptionKind::variant;

template <typename... Ts>
std::type_identity<std::variant<Ts...>> find_variant_base(const std::variant<Ts...>*);

/// The `std::variant` that a described variant is or derives from.
template <typename T>
using VariantBase = typename decltype(find_variant_base(static_cast<const T*>(nullptr)))::type;

struct VariantAccess {
  template <typename T>
  static const VariantBase<T>& base(const T& value) {
    return value;
  }
  template <typename T>
  static std::size_t index(const T& value) {
    return base(value).index();
  }
  template <std::size_t I, typename T>
  static const auto& get(const T& value) {
    return *std::get_if<I>(&base(value));
  }
  template <std::size_t I, typename T>
  static decltype(auto) make(T& out) {
    return static_cast<VariantBase<T>&>(out).template emplace<I>();
  }
};

template <typename T, typename Base>
struct DescribedVariantCodec;
template <typename T, typename... Ts>
struct DescribedVariantCodec<T, std::variant<Ts...>> : VariantCodec<T, VariantAccess, PayloadOf<Ts>...> {
  using Labels = Describe<T>;
  static_assert(std::size(Labels::labels) == sizeof...(Ts),
                "a described variant needs one case name per alternative");
  static constexpr bool needs_check = true;

  static Type type() {
    std::vector<TypeField> cases;
    std::size_t index = 0;
    (cases.push_back({std::string(Labels::labels[index++]), payload_type<PayloadOf<Ts>>()}), ...);
    return Type::make(TypeKind::variant, std::string(Labels::name), std::move(cases));
  }
  static bool check(CheckContext& cx, const T& value) {
    if (VariantAccess::base(value).valueless_by_exception()) {
      return cx.fail(ErrorCode::invalid_argument, "a variant has no value");
    }
    return VariantCodec<T, VariantAccess, PayloadOf<Ts>...>::check(cx, value);
  }
};

template <DescribedVariant T>
struct Codec<T> : DescribedVariantCodec<T, VariantBase<T>> {};

// ---- Enums and flags

template <typename T>
concept DescribedEnum = Described<T> && Describe<T>::kind == DescriptionKind::enumeration;

inline std::vector<TypeField> label_fields(std::span<const std::string_view> labels) {
  std::vector<TypeField> fields;
  for (std::string_view label : labels) fields.push_back({std::string(label), std::nullopt});
  return fields;
}

template <DescribedEnum T>
struct Codec<T> : PlainCodec {
  static constexpr std::size_t cases = std::size(Describe<T>::labels);
  using Discriminant = std::conditional_t<(cases <= 256), std::uint8_t,
                                          std::conditional_t<(cases <= 65536), std::uint16_t, std::uint32_t>>;
  static_assert(sizeof(T) >= sizeof(Discriminant), "the enum's underlying type is too small for its cases");
  static constexpr std::uint32_t size = sizeof(Discriminant);
  static constexpr std::uint32_t align = sizeof(Discriminant);
  static constexpr std::uint32_t flat_count = 1;
  static constexpr bool needs_check = true;

  static Type type() {
    return Type::make(TypeKind::enumeration, std::string(Describe<T>::name),
                      label_fields(Describe<T>::labels));
  }
  static bool check(CheckContext& cx, T value) {
    return static_cast<std::uint64_t>(value) < cases ||
           cx.fail(ErrorCode::invalid_argument, "an enum has a value that is not one of its cases");
  }
  static bool lower(LowerContext&, T value, abi::Slot*& slot) {
    (slot++)->u64 = static_cast<Discriminant>(value);
    return true;
  }
  static bool store(LowerContext& cx, T value, std::size_t address) {
    cx.write(address, static_cast<Discriminant>(value));
    return true;
  }
  static bool lift(LiftContext& cx, const abi::Slot*& slot, T& out) { return from(cx, (slot++)->u32, out); }
  static bool load(LiftContext& cx, std::size_t address, T& out) {
    return from(cx, cx.read<Discriminant>(address), out);
  }

 private:
  static bool from(LiftContext& cx, std::uint32_t value, T& out) {
    if (value >= cases) return cx.fail_discriminant(value, cases);
    out = static_cast<T>(value);
    return true;
  }
};

template <typename T>
concept DescribedFlags = Described<T> && Describe<T>::kind == DescriptionKind::flags;

template <DescribedFlags T>
struct Codec<T> : PlainCodec {
  static constexpr std::size_t labels = std::size(Describe<T>::labels);
  using Bits = std::conditional_t<(labels <= 8), std::uint8_t,
                                  std::conditional_t<(labels <= 16), std::uint16_t, std::uint32_t>>;
  static_assert(!std::is_enum_v<T> || sizeof(T) >= sizeof(Bits),
                "the enum's underlying type is too small for its labels");
  static constexpr std::uint32_t size = sizeof(Bits);
  static constexpr std::uint32_t align = sizeof(Bits);
  static constexpr std::uint32_t flat_count = 1;
  static constexpr std::uint32_t mask = labels == 32 ? 0xFFFFFFFF : (std::uint32_t{1} << labels) - 1;

  static Type type() {
    return Type::make(TypeKind::flags, std::string(Describe<T>::name), label_fields(Describe<T>::labels));
  }
  static bool check(CheckContext&, const T&) { return true; }
  static bool lower(LowerContext&, const T& value, abi::Slot*& slot) {
    (slot++)->u64 = bits(value);
    return true;
  }
  static bool store(LowerContext& cx, const T& value, std::size_t address) {
    cx.write(address, static_cast<Bits>(bits(value)));
    return true;
  }
  static bool lift(LiftContext&, const abi::Slot*& slot, T& out) {
    out = from((slot++)->u32);
    return true;
  }
  static bool load(LiftContext& cx, std::size_t address, T& out) {
    out = from(cx.read<Bits>(address));
    return true;
  }

 private:
  static std::uint32_t bits(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      return static_cast<std::uint32_t>(value) & mask;
    } else {
      return static_cast<std::uint32_t>(value.bits()) & mask;
    }
  }
  static T from(std::uint32_t value) {
    if constexpr (std::is_enum_v<T>) {
      return static_cast<T>(value & mask);
    } else {
      return T::from_bits(static_cast<Bits>(value & mask));
    }
  }
};

}  // namespace tairitsu::detail

/// Values of any WIT type, for programs that learn of a component's types when they run.
///
/// A `Value` is immutable and shares what it holds: copies are cheap, and any thread may read them; one with handles,
/// those threads that may use the handles' container. Lists of
/// numbers, and of records and tuples of numbers, `bool`, `char`, enums and flags, are one buffer of bytes as
/// they lie in a guest's memory. Values know their type; those made by hand take the type of what they are
/// given to when they fit it (see `Value::to`), so that `Value::record({{"id", 7}, {"name", "tea"}})` will do
/// where the function's parameter is a record with a `u64` and a `string`.
///
/// Nothing here throws but for want of memory. What is not there is an empty value: `points[3]["x"]` of
/// a shorter list is one, and `as<double>()` of that an error.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tairitsu/detail/scratch.h>
#include <tairitsu/error.h>
#include <tairitsu/resource.h>
#include <tairitsu/type.h>

namespace tairitsu {

class HostObject;
class Value;

namespace detail {

struct ValueNode;
class ValueAccess;

template <typename T>
concept Number = std::is_arithmetic_v<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                 !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> && !std::same_as<T, char16_t> &&
                 !std::same_as<T, char32_t> && sizeof(T) <= 8;

/// The WIT kind of a C++ number; `long` and `long long` are both 64 bits.
template <Number T>
inline constexpr TypeKind kNumberKind = [] {
  if constexpr (std::is_floating_point_v<T>) return sizeof(T) == 4 ? TypeKind::f32 : TypeKind::f64;
  constexpr bool negative = std::is_signed_v<T>;
  switch (sizeof(T)) {
    case 1:
      return negative ? TypeKind::s8 : TypeKind::u8;
    case 2:
      return negative ? TypeKind::s16 : TypeKind::u16;
    case 4:
      return negative ? TypeKind::s32 : TypeKind::u32;
    default:
      return negative ? TypeKind::s64 : TypeKind::u64;
  }
}();

}  // namespace detail

/// A field of a record made by hand.
struct NamedValue;

class Value {
 public:
  /// No value: what a function without a result gives. It is the empty tuple.
  Value() = default;

  // ---- Made by hand

  /// Of a `bool` and nothing else: a pointer is none.
  template <std::same_as<bool> T>
  Value(T value) noexcept : kind_(TypeKind::boolean), bits_(value ? 1 : 0) {}
  template <detail::Number T>
  Value(T value) noexcept : kind_(detail::kNumberKind<T>) {
    std::memcpy(&bits_, &value, sizeof value);
  }
  Value(char32_t value) noexcept : kind_(TypeKind::character), bits_(value) {}
  /// Text has to be UTF-8: a call that is given another fails before it enters the guest.
  Value(std::string_view text);
  Value(const std::string& text) : Value(std::string_view(text)) {}
  Value(const char* text) : Value(std::string_view(text)) {}
  Value(std::nullptr_t) = delete;

  /// A list; its element type is that of the elements, where they agree.
  [[nodiscard]] static Value list(std::vector<Value> elements);
  /// A list of numbers, copied in one piece.
  template <detail::Number T>
  [[nodiscard]] static Value list(std::span<const T> numbers) {
    return number_list(detail::kNumberKind<T>, std::as_bytes(numbers), numbers.size());
  }
  [[nodiscard]] static Value record(std::vector<NamedValue> fields);
  [[nodiscard]] static Value tuple(std::vector<Value> elements);
  [[nodiscard]] static Value some(Value payload);
  [[nodiscard]] static Value none();
  /// An empty payload is none, here and below.
  [[nodiscard]] static Value ok(Value payload);
  [[nodiscard]] static Value ok() { return ok(Value()); }
  [[nodiscard]] static Value error(Value payload);
  [[nodiscard]] static Value error() { return error(Value()); }
  /// A case of a variant.
  [[nodiscard]] static Value variant(std::string_view label, Value payload);
  [[nodiscard]] static Value variant(std::string_view label) { return variant(label, Value()); }
  [[nodiscard]] static Value enumeration(std::string_view label);
  /// The flags that are set.
  [[nodiscard]] static Value flags(std::vector<std::string> labels);
  /// A handle of a resource that the guest implements. Copies share it; a call that takes it as `own` takes it
  /// from all of them.
  [[nodiscard]] static Value resource(GuestResource resource);
  /// A handle of a resource that the host implements, see `HostImportRegistry::define_resource`.
  [[nodiscard]] static Value resource(HostObject object);

  /// A record of that type from its fields in order, converted as `to` does. Fails with `type_mismatch`.
  [[nodiscard]] static Result<Value> record(const Type& type, std::span<const Value> fields);
  [[nodiscard]] static Result<Value> record(const Type& type, std::initializer_list<Value> fields) {
    return record(type, std::span<const Value>(fields.begin(), fields.size()));
  }

  /// From any C++ value that stands for a WIT type (see describe.h), resources not among them. Fails with
  /// `invalid_argument` where it holds text that is not UTF-8, or an enum that is none of its cases.
  template <typename T>
  [[nodiscard]] static Result<Value> of(const T& value);

  // ---- What it is

  [[nodiscard]] TypeKind kind() const noexcept { return kind_; }
  /// Its type. Parts that nothing is known of, as in an empty list made by hand, print as `_`.
  [[nodiscard]] Type type() const;
  /// Whether it is no value.
  [[nodiscard]] bool is_empty() const noexcept {
    return kind_ == TypeKind::tuple && form_ == Form::immediate;
  }

  // ---- What is in it

  /// Converts to a C++ type: numbers where the value is exactly one of `T`, all else as the value path does.
  /// Fails with `type_mismatch`.
  template <typename T>
  [[nodiscard]] Result<T> as() const;
  /// A number, `bool` or `char32_t` of exactly that type; empty where it is something else.
  template <typename T>
    requires detail::Number<T> || std::same_as<T, bool> || std::same_as<T, char32_t>
  [[nodiscard]] std::optional<T> get() const noexcept {
    if (kind_ != scalar_kind<T>()) return std::nullopt;
    T value;
    std::memcpy(&value, &bits_, sizeof value);
    return value;
  }
  /// The text of a string; empty where it is none. Valid as long as a copy of the value lives.
  [[nodiscard]] std::string_view text() const noexcept;
  /// The numbers of a list of exactly that type, in place; empty where it is none. Valid as long as a copy of
  /// the value lives.
  template <detail::Number T>
  [[nodiscard]] std::span<const T> numbers() const noexcept {
    const std::span<const std::byte> bytes = number_bytes(detail::kNumberKind<T>);
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  /// How many elements a list, fields a record or a tuple, labels set a value of flags has; 1 for a variant, an
  /// option or a result with a payload; 0 for all else.
  [[nodiscard]] std::size_t size() const noexcept;
  /// An element of a list or a tuple, or a field of a record in its order.
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  [[nodiscard]] Value operator[](T index) const {
    return element(static_cast<std::size_t>(index));
  }
  /// A field of a record.
  [[nodiscard]] Value operator[](std::string_view name) const;
  [[nodiscard]] Value operator[](const char* name) const { return (*this)[std::string_view(name)]; }
  /// The name of a variant's or an enum's case, `some` or `none`, `ok` or `error`. Valid as long as a copy of
  /// the value lives; empty for all else.
  [[nodiscard]] std::string_view case_name() const noexcept;
  /// The payload of a variant, an option or a result.
  [[nodiscard]] Value payload() const noexcept;
  /// The names of the flags that are set.
  [[nodiscard]] std::vector<std::string_view> labels() const;
  [[nodiscard]] bool has_label(std::string_view label) const noexcept;
  /// The host's object behind a handle; empty where it is none.
  [[nodiscard]] HostObject host_object() const noexcept;

  // ---- As another type

  /// The same value of that type: integers where the number fits, `f32` and `f64` where it is exact, records by
  /// the names of their fields (those that are options may be missing), variants, enums and flags by their
  /// labels. A string is converted to the case of an enum that it names. Fails with `type_mismatch`, saying where.
  [[nodiscard]] Result<Value> to(const Type& type) const;

  /// As WAVE, see wave.h.
  [[nodiscard]] std::string to_string() const;

  /// Whether both are the same value of the same shape: names of types do not matter, a `u8` and a `u16` differ,
  /// and all NaNs are one. Handles are equal that are copies of one.
  friend bool operator==(const Value& a, const Value& b);

  Value(const Value& other) noexcept
      : kind_(other.kind_), form_(other.form_), index_(other.index_), bits_(other.bits_), type_(other.type_) {
    retain();
  }
  Value(Value&& other) noexcept
      : kind_(other.kind_), form_(other.form_), index_(other.index_), bits_(other.bits_), type_(other.type_) {
    other.forget();
  }
  Value& operator=(Value other) noexcept {
    swap(other);
    return *this;
  }
  ~Value() { release(); }
  void swap(Value& other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(form_, other.form_);
    std::swap(index_, other.index_);
    std::swap(bits_, other.bits_);
    std::swap(type_, other.type_);
  }

 private:
  [[nodiscard]] Value element(std::size_t index) const;
  friend class detail::ValueAccess;
  friend class ListBuilder;

  /// Where a value is.
  enum class Form : std::uint8_t {
    immediate,  ///< In `bits_` and `index_`; a share of the type where it has one.
    node,       ///< In the node, which has a share of the type.
    part,       ///< In the node's bytes from `index_` on: an element or a field of plain values.
  };

  template <typename T>
  static constexpr TypeKind scalar_kind() {
    if constexpr (std::same_as<T, bool>) {
      return TypeKind::boolean;
    } else if constexpr (std::same_as<T, char32_t>) {
      return TypeKind::character;
    } else {
      return detail::kNumberKind<T>;
    }
  }
  static Value number_list(TypeKind kind, std::span<const std::byte> bytes, std::size_t count);
  [[nodiscard]] std::span<const std::byte> number_bytes(TypeKind kind) const noexcept;
  [[nodiscard]] Result<detail::Scratch> store(const Type& type) const;
  static Value load(const detail::Scratch& scratch, const Type& type);

  void forget() noexcept {
    kind_ = TypeKind::tuple;
    form_ = Form::immediate;
    type_ = nullptr;
  }
  void retain() const noexcept {
    if (form_ != Form::immediate || type_ != nullptr) retain_shared();
  }
  void release() noexcept {
    if (form_ != Form::immediate || type_ != nullptr) release_shared();
  }
  void retain_shared() const noexcept;
  void release_shared() noexcept;

  TypeKind kind_ = TypeKind::tuple;
  Form form_ = Form::immediate;
  std::uint32_t index_ = 0;  // A case, or where a part begins.
  union {
    std::uint64_t bits_ = 0;
    const detail::ValueNode* node_;
  };
  const detail::TypeNode* type_ = nullptr;
};

struct NamedValue {
  std::string name;
  Value value;
};

/// Makes a list of a known type, element by element. Used by one thread at a time.
class ListBuilder {
 public:
  /// For values of `list`, which is the type of the list; the error of any other comes with `build`.
  explicit ListBuilder(const Type& list);
  ListBuilder(ListBuilder&&) noexcept;
  ListBuilder& operator=(ListBuilder&&) noexcept;
  ~ListBuilder();

  void reserve(std::size_t elements);
  /// Appends an element, converted as `Value::to` does. One that does not fit is left out, and `build` fails.
  ListBuilder& add(const Value& element);
  /// Appends a record or a tuple, given by its fields in order.
  ListBuilder& add(std::initializer_list<Value> fields) {
    return add_fields({fields.begin(), fields.size()});
  }
  ListBuilder& add_fields(std::span<const Value> fields);
  /// Appends a record, given by its fields in any order: `list.add({{"x", 1.5}, {"y", 2.5}})`.
  ListBuilder& add(std::initializer_list<NamedValue> fields) {
    return add_fields({fields.begin(), fields.size()});
  }
  ListBuilder& add_fields(std::span<const NamedValue> fields);

  /// The list; the builder is empty again. Fails with `type_mismatch`, naming the first element that did not fit.
  [[nodiscard]] Result<Value> build();

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

template <typename T>
Result<Value> Value::of(const T& value) {
  using Codec = detail::Codec<T>;
  static_assert(Codec::handle_count == 0, "a resource belongs to a container: use Value::resource");
  detail::Scratch scratch;
  TAIRITSU_CHECK(scratch.store(value));
  return load(scratch, Codec::type());
}

template <typename T>
Result<T> Value::as() const {
  if constexpr (detail::Number<T> || std::same_as<T, bool> || std::same_as<T, char32_t>) {
    if (const auto value = get<T>()) return *value;
  }
  if constexpr (std::same_as<T, std::string>) {
    if (kind_ == TypeKind::string) return std::string(text());
  }
  using Codec = detail::Codec<T>;
  static_assert(Codec::handle_count == 0, "resources are reached through host_object()");
  static_assert(!detail::IsView<T>::value, "a view has nothing to point at: use an owning type");
  TAIRITSU_TRY(const auto scratch, store(Codec::type()));
  return scratch.template load<T>();
}

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

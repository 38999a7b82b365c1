/// Values of any WIT type, for programs that discover a component's types at run time.
///
/// A `Value` is immutable and shares its contents: copies are cheap, and any thread may read them. A value with handles
/// may only be used by threads that may use the handles' container. A list of numbers, or of records and tuples of
/// numbers, `bool`, `char`, enums and flags, is one buffer with the layout of guest memory.
///
/// Every value has a type. A call converts its arguments to the parameters' types (see `Value::to`), so
/// `Value::record({{"id", 7}, {"name", "tea"}})` works for a record of a `u64` and a `string`.
///
/// Nothing here throws, except when memory runs out. Accessing something that does not exist returns an empty value:
/// `points[3]["x"]` of a shorter list is empty, and its `as<double>()` fails.
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

/// A field of a record that is passed to `Value::record`.
struct NamedValue;

/// A value of any WIT type.
class Value {
 public:
  /// Creates the empty value, which is the empty tuple: the result of a function without a result.
  Value() = default;

  // ---- Creation

  /// Accepts only `bool`: a pointer does not convert.
  template <std::same_as<bool> T>
  Value(T value) noexcept : kind_(TypeKind::boolean), bits_(value ? 1 : 0) {}
  template <detail::Number T>
  Value(T value) noexcept : kind_(detail::kNumberKind<T>) {
    std::memcpy(&bits_, &value, sizeof value);
  }
  Value(char32_t value) noexcept : kind_(TypeKind::character), bits_(value) {}
  /// Creates a string. A call with text that is not UTF-8 fails before it enters the guest.
  Value(std::string_view text);
  Value(const std::string& text) : Value(std::string_view(text)) {}
  Value(const char* text) : Value(std::string_view(text)) {}
  Value(std::nullptr_t) = delete;

  /// Creates a list, whose element type is that of the elements if they all have the same type.
  [[nodiscard]] static Value list(std::vector<Value> elements);
  /// Creates a list of numbers with a single copy.
  template <detail::Number T>
  [[nodiscard]] static Value list(std::span<const T> numbers) {
    return number_list(detail::kNumberKind<T>, std::as_bytes(numbers), numbers.size());
  }
  [[nodiscard]] static Value record(std::vector<NamedValue> fields);
  [[nodiscard]] static Value tuple(std::vector<Value> elements);
  [[nodiscard]] static Value some(Value payload);
  [[nodiscard]] static Value none();
  /// Creates the `ok` case of a result. Here and below, an empty payload means that the case has none.
  [[nodiscard]] static Value ok(Value payload);
  [[nodiscard]] static Value ok() { return ok(Value()); }
  [[nodiscard]] static Value error(Value payload);
  [[nodiscard]] static Value error() { return error(Value()); }
  /// Creates a case of a variant.
  [[nodiscard]] static Value variant(std::string_view label, Value payload);
  [[nodiscard]] static Value variant(std::string_view label) { return variant(label, Value()); }
  [[nodiscard]] static Value enumeration(std::string_view label);
  /// Creates a value of a flags type, with these flags set.
  [[nodiscard]] static Value flags(std::vector<std::string> labels);
  /// Creates a handle of a resource that the guest implements. Copies share the handle; once a call takes it as `own`,
  /// no copy has it.
  [[nodiscard]] static Value resource(GuestResource resource);
  /// Creates a handle of a resource that the host implements, see `HostImports::define_resource`.
  [[nodiscard]] static Value resource(HostObject object);

  /// Creates a record of this type from its fields in order, converting them like `to`. Fails with `type_mismatch`.
  [[nodiscard]] static Result<Value> record(const Type& type, std::span<const Value> fields);
  [[nodiscard]] static Result<Value> record(const Type& type, std::initializer_list<Value> fields) {
    return record(type, std::span<const Value>(fields.begin(), fields.size()));
  }

  /// Converts a C++ value of any type that represents a WIT type (see describe.h), except resources. Fails with
  /// `invalid_argument` if it contains text that is not UTF-8, or an enum value that is not one of the cases.
  template <typename T>
  [[nodiscard]] static Result<Value> of(const T& value);

  // ---- Type

  [[nodiscard]] TypeKind kind() const noexcept { return kind_; }
  /// Returns the value's type. Unknown parts, such as the element type of `Value::list({})`, print as `_`.
  [[nodiscard]] Type type() const;
  /// Returns whether this is the empty value.
  [[nodiscard]] bool is_empty() const noexcept {
    return kind_ == TypeKind::tuple && form_ == Form::immediate;
  }

  // ---- Contents

  /// Converts the value like `to` and returns it as a C++ type (see describe.h). Fails with `type_mismatch`.
  template <typename T>
  [[nodiscard]] Result<T> as() const;
  /// Returns the number, `bool` or `char32_t` if the value has exactly that type, else nothing.
  template <typename T>
    requires detail::Number<T> || std::same_as<T, bool> || std::same_as<T, char32_t>
  [[nodiscard]] std::optional<T> get() const noexcept {
    if (kind_ != scalar_kind<T>()) return std::nullopt;
    T value;
    std::memcpy(&value, &bits_, sizeof value);
    return value;
  }
  /// Returns the text of a string; empty if the value is not a string. Valid while a copy of the value exists.
  [[nodiscard]] std::string_view text() const noexcept;
  /// Returns the elements of a list of exactly that number type, without a copy; empty if it is something else. Valid
  /// while a copy of the value exists.
  template <detail::Number T>
  [[nodiscard]] std::span<const T> numbers() const noexcept {
    const std::span<const std::byte> bytes = number_bytes(detail::kNumberKind<T>);
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  /// Returns the number of elements of a list, of fields of a record or a tuple, or of flags that are set; 1 for a
  /// variant, an option or a result with a payload; else 0.
  [[nodiscard]] std::size_t size() const noexcept;
  /// Returns an element of a list or a tuple, or a field of a record by its position.
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  [[nodiscard]] Value operator[](T index) const {
    return element(static_cast<std::size_t>(index));
  }
  /// Returns a field of a record.
  [[nodiscard]] Value operator[](std::string_view name) const;
  [[nodiscard]] Value operator[](const char* name) const { return (*this)[std::string_view(name)]; }
  /// Returns the name of the case: of a variant or an enum, or `some`, `none`, `ok` or `error`; empty for other kinds.
  /// Valid while a copy of the value exists.
  [[nodiscard]] std::string_view case_name() const noexcept;
  /// Returns the payload of a variant, an option or a result.
  [[nodiscard]] Value payload() const noexcept;
  /// Returns the names of the flags that are set. Valid while a copy of the value exists.
  [[nodiscard]] std::vector<std::string_view> labels() const;
  [[nodiscard]] bool has_label(std::string_view label) const noexcept;
  /// Returns the host's object behind a handle; empty if the value is not such a handle.
  [[nodiscard]] HostObject host_object() const noexcept;

  // ---- Conversion

  /// Converts the value to a type if nothing is lost: integers if the number fits, `f32` and `f64` if it is exact,
  /// records by the names of their fields (options may be missing), variants, enums and flags by their labels. A string
  /// converts to the enum case that it names. Fails with `type_mismatch`; the message says where.
  [[nodiscard]] Result<Value> to(const Type& type) const;

  /// Returns the value as WAVE, see wave.h.
  [[nodiscard]] std::string to_string() const;

  /// Returns whether both values are the same and have the same structure. Names of types do not matter, a `u8` differs
  /// from a `u16`, and all NaNs are equal. Handles are equal if one is a copy of the other.
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

  /// Where the contents of a value are stored.
  enum class Form : std::uint8_t {
    immediate,  ///< In `bits_` and `index_`; the value owns a share of its type if it has one.
    node,       ///< In the node, which owns a share of the type.
    part,       ///< In the node's bytes, starting at `index_`: an element or a field of plain data.
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
  std::uint32_t index_ = 0;  // A case, or the offset of a part.
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

/// Builds a list of a known type element by element. Use it from one thread at a time.
class ListBuilder {
 public:
  /// Starts a list of type `list`. If that is not a list type, `build` fails.
  explicit ListBuilder(const Type& list);
  ListBuilder(ListBuilder&&) noexcept;
  ListBuilder& operator=(ListBuilder&&) noexcept;
  ~ListBuilder();

  void reserve(std::size_t elements);
  /// Appends an element, converted like `Value::to`. If the conversion fails, `build` will fail.
  ListBuilder& add(const Value& element);
  /// Appends a record or a tuple, given as its fields in order.
  ListBuilder& add(std::initializer_list<Value> fields) {
    return add_fields({fields.begin(), fields.size()});
  }
  ListBuilder& add_fields(std::span<const Value> fields);
  /// Appends a record, given as its fields in any order: `list.add({{"x", 1.5}, {"y", 2.5}})`.
  ListBuilder& add(std::initializer_list<NamedValue> fields) {
    return add_fields({fields.begin(), fields.size()});
  }
  ListBuilder& add_fields(std::span<const NamedValue> fields);

  /// Returns the list and empties the builder. Fails with `type_mismatch`; the message names the first element that
  /// could not be converted.
  [[nodiscard]] Result<Value> build();

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

template <typename T>
Result<Value> Value::of(const T& value) {
  using Codec = detail::Codec<T>;
  static_assert(Codec::handle_count == 0, "Value::of does not support resources: use Value::resource");
  detail::Scratch scratch;
  TAIRITSU_RETURN_IF_ERROR(scratch.store(value));
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
  static_assert(Codec::handle_count == 0, "Value::as does not support resources: use host_object()");
  static_assert(!detail::IsView<T>::value, "Value::as cannot return a view: use an owning type");
  TAIRITSU_TRY(const auto scratch, store(Codec::type()));
  return scratch.template load<T>();
}

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

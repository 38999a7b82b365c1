#include "value/json_reader.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/nearest.h"
#include "base/text.h"
#include "value/field_finder.h"
#include "value/json_text.h"
#include "value/number.h"
#include "value/value_node.h"

namespace tairitsu::detail {
namespace {

// ---- Numbers

/// A well-formed JSON number.
struct Decimal {
  explicit Decimal(std::string_view text) noexcept {
    if (text.starts_with('-')) {
      negative = true;
      text.remove_prefix(1);
    }
    const std::size_t e = std::min(text.find_first_of("eE"), text.size());
    if (e != text.size()) exponent = exponent_of(text.substr(e + 1));
    const std::size_t point = std::min(text.find('.'), e);
    whole = text.substr(0, point);
    if (point != e) fraction = text.substr(point + 1, e - point - 1);
    while (fraction.ends_with('0')) fraction.remove_suffix(1);
    whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  }

  [[nodiscard]] bool is_zero() const noexcept { return whole.empty() && fraction.empty(); }

  /// Returns the power of ten of the first digit. The number must not be zero.
  [[nodiscard]] std::int64_t magnitude() const noexcept {
    if (!whole.empty()) return exponent + static_cast<std::int64_t>(whole.size()) - 1;
    return exponent - static_cast<std::int64_t>(fraction.find_first_not_of('0')) - 1;
  }

  bool negative = false;
  std::string_view whole;     ///< Without leading zeros.
  std::string_view fraction;  ///< Without trailing zeros.
  std::int64_t exponent = 0;

 private:
  /// More than the digits of any text, and small enough that sums do not overflow.
  static constexpr std::int64_t kMost = std::int64_t{1} << 60;

  static std::int64_t exponent_of(std::string_view text) noexcept {
    const bool minus = text.starts_with('-');
    if (minus || text.starts_with('+')) text.remove_prefix(1);
    std::int64_t value = 0;
    for (const char digit : text) value = std::min(value * 10 + (digit - '0'), kMost / 16);
    return minus ? -value : value;
  }
};

/// Returns the magnitude of a number if it is an integer of up to 64 bits.
std::optional<std::uint64_t> integer_of(const Decimal& number) noexcept {
  std::uint64_t amount = 0;
  if (number.is_zero()) return amount;
  const std::string_view whole = number.whole;
  const std::string_view fraction = number.fraction;
  // The number of digits before the point after moving it by the exponent.
  const std::int64_t count = static_cast<std::int64_t>(whole.size()) + number.exponent;
  const std::size_t zeros = fraction.empty() ? whole.size() - 1 - whole.find_last_not_of('0') : 0;
  const auto digits = static_cast<std::int64_t>(whole.size() + fraction.size() - zeros);
  if (digits > count || number.magnitude() > 19) return std::nullopt;
  for (std::int64_t at = 0; at < count; ++at) {
    auto index = static_cast<std::size_t>(at);
    char digit = '0';
    if (index < whole.size()) {
      digit = whole[index];
    } else if (index -= whole.size(); index < fraction.size()) {
      digit = fraction[index];
    }
    if (__builtin_mul_overflow(amount, 10, &amount) ||
        __builtin_add_overflow(amount, static_cast<std::uint64_t>(digit - '0'), &amount)) {
      return std::nullopt;
    }
  }
  return amount;
}

/// Returns whether the text is an integer in JSON's syntax.
bool is_integer(std::string_view text) noexcept {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text.size() > 1 && text.starts_with('0'))) return false;
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

template <typename T>
std::optional<std::uint64_t> integer_bits(bool negative, std::uint64_t amount) noexcept {
  T number = 0;
  if (negative) {
    if constexpr (std::is_unsigned_v<T>) {
      if (amount != 0) return std::nullopt;
    } else {
      if (amount > static_cast<std::uint64_t>(std::numeric_limits<T>::max()) + 1) return std::nullopt;
      number = static_cast<T>(std::uint64_t{0} - amount);
    }
  } else {
    if (amount > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return std::nullopt;
    number = static_cast<T>(amount);
  }
  std::uint64_t bits = 0;
  std::memcpy(&bits, &number, sizeof number);
  return bits;
}

std::optional<std::uint64_t> integer_bits(TypeKind kind, bool negative, std::uint64_t amount) noexcept {
  switch (kind) {
    case TypeKind::s8:
      return integer_bits<std::int8_t>(negative, amount);
    case TypeKind::u8:
      return integer_bits<std::uint8_t>(negative, amount);
    case TypeKind::s16:
      return integer_bits<std::int16_t>(negative, amount);
    case TypeKind::u16:
      return integer_bits<std::uint16_t>(negative, amount);
    case TypeKind::s32:
      return integer_bits<std::int32_t>(negative, amount);
    case TypeKind::u32:
      return integer_bits<std::uint32_t>(negative, amount);
    case TypeKind::s64:
      return integer_bits<std::int64_t>(negative, amount);
    default:
      return integer_bits<std::uint64_t>(negative, amount);
  }
}

/// Returns the nearest float, or nothing if it would be infinite.
template <typename T>
std::optional<Value> real_of(std::string_view text) noexcept {
  T number{};
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc()) return Value(number);
  const Decimal decimal(text);
  if (!decimal.is_zero() && decimal.magnitude() >= 0) return std::nullopt;
  return Value(decimal.negative ? -T{0} : T{0});
}

bool is_integer_kind(TypeKind kind) noexcept { return kind >= TypeKind::s8 && kind <= TypeKind::u64; }

/// Returns the number for a string that represents a value that is not finite.
template <typename T>
std::optional<T> not_finite(std::string_view text) noexcept {
  if (text == "nan") return std::numeric_limits<T>::quiet_NaN();
  if (text == "inf") return std::numeric_limits<T>::infinity();
  if (text == "-inf") return -std::numeric_limits<T>::infinity();
  return std::nullopt;
}

/// Returns the character if the text, which must be UTF-8, has exactly one.
std::optional<char32_t> only_character(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  const Character character = first_character(text);
  return character.size == text.size() ? std::optional(character.value) : std::nullopt;
}

// ---- Texts for messages

/// Returns the text as a JSON string.
std::string quoted(std::string_view text) {
  JsonText json(-1);
  json.string(shortened(text, 40));
  return json.take();
}

/// Like `quoted`, with single quotes.
std::string name_in_quotes(std::string_view name) {
  std::string text = quoted(name);
  text.front() = text.back() = '\'';
  return text;
}

/// A description of what was found, formatted only when a message needs it.
class Found {
 public:
  constexpr explicit Found(std::string_view words) noexcept : text_(words) {}
  static Found string(std::string_view text) noexcept { return {Kind::string, text, false, 0}; }
  static Found number(std::string_view text) noexcept { return {Kind::number, text, false, 0}; }
  static Found number(bool negative, std::uint64_t amount) noexcept {
    return {Kind::integer, {}, negative, amount};
  }

  [[nodiscard]] std::string words() const {
    switch (kind_) {
      case Kind::string:
        return "the string " + quoted(text_);
      case Kind::number:
        return "the number " + shortened(text_, 40);
      case Kind::integer:
        return fmt::format("the number {}{}", negative_ ? "-" : "", amount_);
      default:
        return std::string(text_);
    }
  }

 private:
  enum class Kind : std::uint8_t { words, string, number, integer };
  Found(Kind kind, std::string_view text, bool negative, std::uint64_t amount) noexcept
      : kind_(kind), negative_(negative), text_(text), amount_(amount) {}
  Kind kind_ = Kind::words;
  bool negative_ = false;
  std::string_view text_;
  std::uint64_t amount_ = 0;
};

/// Returns what a value of the type looks like.
std::string form_of(const TypeNode& type, bool base64) {
  switch (type.kind) {
    case TypeKind::boolean:
      return "true or false";
    case TypeKind::f32:
    case TypeKind::f64:
      return R"(a number, "nan", "inf" or "-inf")";
    case TypeKind::character:
      return "a string of one character";
    case TypeKind::string:
      return "a string";
    case TypeKind::list:
      return base64 && type.element().kind == TypeKind::u8 ? "an array or a base64 string" : "an array";
    case TypeKind::tuple:
      return fmt::format("an array of {} element{}", type.fields.size(), type.fields.size() == 1 ? "" : "s");
    case TypeKind::record:
      return "an object";
    case TypeKind::variant:
      return R"({"case": payload} with one case)";
    case TypeKind::enumeration:
      return "the name of a case";
    case TypeKind::result:
      return R"({"ok": …} or {"error": …})";
    case TypeKind::flags:
      return "an array of labels";
    case TypeKind::option:
      return R"(null or {"some": …})";
    default:
      return "an integer from " + integer_range(type.kind).text();
  }
}

/// Returns the end of a message that the type has no field, case or label of that name.
std::string suggest_fields(const TypeNode& type, std::string_view kind, std::string_view name) {
  std::vector<std::string> names(type.fields.size());
  std::ranges::transform(type.fields, names.begin(), &TypeField::name);
  return suggestions(kind, name, names);
}

std::string no_case(const TypeNode& type, std::string_view name) {
  return fmt::format("{} is not a case of '{}'{}", name_in_quotes(name), type_name(type),
                     suggest_fields(type, "cases", name));
}

// ---- The reader

/// What an open array or object represents; arrays come first.
enum class Shape : std::uint8_t {
  list,
  sequence,  ///< A tuple, or arguments by position.
  flags,
  record,  ///< A record, or arguments by name.
  cases,   ///< A variant or a result.
  some,    ///< An option whose payload is an option.
};

struct Frame {
  const TypeNode* declared;  ///< As in `Wanted`.
  const TypeNode* type;
  Shape shape;
  bool in_bytes = false;    ///< Its parts are plain and go to `bytes_`; else they go to `values_`.
  bool is_part = false;     ///< Its bytes are part of the enclosing frame's bytes.
  bool has_key = false;     ///< A key has been read.
  std::uint32_t index = 0;  ///< The element, field or case that is being read or comes next.
  std::size_t bytes = 0;    ///< Its start in `bytes_`,
  std::size_t values = 0;   ///< in `values_`,
  std::size_t seen = 0;     ///< and in `seen_`.
  std::uint64_t bits = 0;   ///< The value of flags.
};

/// The type of the next value: as declared, and without an option that is not visible in JSON. Null if no value is
/// allowed.
struct Wanted {
  const TypeNode* declared = nullptr;
  const TypeNode* type = nullptr;
};

/// Receives the events of the JSON parser and builds a value of a given type.
class JsonReader {
 public:
  JsonReader(const TypeNode& root, bool arguments, const JsonOptions& options)
      : root_(root), arguments_(arguments), base64_(options.bytes_as_base64), budget_(options.max_bytes) {}

  /// On success `values()` has the value or the arguments; otherwise `error()` has the reason.
  [[nodiscard]] bool read(std::string_view text);
  [[nodiscard]] std::vector<Value>& values() noexcept { return values_; }
  [[nodiscard]] const Error& error() const noexcept { return *error_; }

  // Called by nlohmann::json; false stops the parser.

  bool null();
  bool boolean(bool value);
  bool number_integer(std::int64_t value);
  bool number_unsigned(std::uint64_t value);
  bool number_float(double rounded, const std::string& text);
  bool string(const std::string& text);
  bool binary(const Json::binary_t&) { return false; }  // Does not occur in text.
  bool start_object(std::size_t size);
  bool key(const std::string& name);
  bool end_object() { return close(); }
  bool start_array(std::size_t size);
  bool end_array() { return close(); }
  bool parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception& error);

 private:
  bool fail(std::size_t depth, std::string message);
  /// Fails at the innermost open array or object.
  bool fail_here(std::string message) {
    return fail(frames_.empty() ? 0 : frames_.size() - 1, std::move(message));
  }
  /// Fails at the next value in it.
  bool fail_at_value(std::string message) { return fail(frames_.size(), std::move(message)); }
  bool fail_at(std::size_t position, std::string_view reason);
  bool unexpected(const Wanted& wanted, const Found& found);
  bool no_place(const Found& found);
  bool charge(std::size_t bytes);
  [[nodiscard]] std::string pointer(std::size_t depth) const;
  [[nodiscard]] bool in_arguments() const noexcept { return arguments_ && frames_.size() == 1; }

  [[nodiscard]] Wanted next() const noexcept;
  bool integer(const Found& found, bool negative, std::uint64_t amount);
  bool number(const std::string& text);
  bool place_integer(const Wanted& wanted, const Found& found, bool negative, std::uint64_t amount);
  bool place_bytes(const Wanted& wanted, std::string_view base64);
  bool place_case(const Wanted& wanted, std::string_view name);
  bool add_label(std::string_view name);

  bool open(const Wanted& wanted, Shape shape);
  bool choose_field(Frame& frame, std::string_view name);
  bool choose_case(Frame& frame, std::string_view name);
  bool is_whole();
  bool close();
  Value closed(const Frame& frame);
  bool place(const Wanted& wanted, Value value);
  bool put(const TypeNode& type, Value value);
  std::byte* room();
  void step();

  const TypeNode& root_;
  bool arguments_;
  bool base64_;
  std::size_t budget_;
  std::string_view text_;
  FieldFinder finder_;
  std::vector<Frame> frames_;
  std::vector<std::byte> bytes_;
  std::vector<Value> values_;
  std::vector<bool> seen_;
  std::optional<Error> error_;
};

bool JsonReader::read(std::string_view text) {
  text_ = text;
  if (!root_.complete) return fail(0, fmt::format("'{}' is an incomplete type", type_name(root_)));
  // The lexer treats a zero byte as the end of the text.
  const std::size_t zero = std::min(text.find('\0'), text.size());
  const std::string_view before = text.substr(0, zero);
  if (!Json::sax_parse(before.begin(), before.end(), this)) return false;
  return zero == text.size() || fail_at(zero, "unexpected zero byte");
}

// ---- Failing

bool JsonReader::fail(std::size_t depth, std::string message) {
  const std::string place = pointer(depth);
  if (!place.empty()) message = fmt::format("at '{}': {}", place, message);
  error_.emplace(ErrorCode::invalid_argument, std::move(message));
  return false;
}

/// Returns the JSON pointer to the current value of the outermost `depth` frames.
std::string JsonReader::pointer(std::size_t depth) const {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) {
    const Frame& frame = frames_[i];
    text += '/';
    if (frame.shape == Shape::some) {
      text += "some";
    } else if (frame.shape < Shape::record) {
      text += std::to_string(frame.index);
    } else {
      for (const char letter : frame.type->fields[frame.index].name) {
        if (letter == '~' || letter == '/') {
          text += letter == '~' ? "~0" : "~1";
        } else {
          text += letter;
        }
      }
    }
  }
  return text;
}

bool JsonReader::fail_at(std::size_t position, std::string_view reason) {
  const std::string_view before = text_.substr(0, position);
  const auto line = std::ranges::count(before, '\n') + 1;
  const std::string_view in_line = before.substr(before.rfind('\n') + 1);
  const auto starts_character = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; };
  const auto column = std::ranges::count_if(in_line, starts_character) + 1;
  error_.emplace(ErrorCode::invalid_argument, fmt::format("line {}, column {}: {}", line, column, reason));
  return false;
}

bool JsonReader::parse_error(std::size_t position, const std::string& token,
                             const nlohmann::detail::exception& error) {
  constexpr int kNumberOverflow = 406;
  if (error.id == kNumberOverflow) return number(token);
  // Drop the untrusted text: "… while parsing value - invalid literal; last read: 'nul'; expected …".
  std::string_view reason = error.what();
  if (const std::size_t dash = reason.find(" - "); dash != std::string_view::npos)
    reason.remove_prefix(dash + 3);
  reason = reason.substr(0, reason.find("; last read: "));
  // `position` counts the characters read, including the offending one.
  return fail_at(std::min(position == 0 ? 0 : position - 1, text_.size()), reason);
}

bool JsonReader::charge(std::size_t bytes) {
  if (bytes > budget_) {
    return fail_at_value("the values need more memory than JsonOptions::max_bytes allows");
  }
  budget_ -= bytes;
  return true;
}

bool JsonReader::unexpected(const Wanted& wanted, const Found& found) {
  if (wanted.type == nullptr) return no_place(found);
  const TypeNode& type = *wanted.type;
  if (arguments_ && frames_.empty()) {
    return fail(0,
                "expected an array of arguments or an object with arguments by name, found " + found.words());
  }
  const std::string name = type_name(*wanted.declared);
  if (type.kind == TypeKind::own || type.kind == TypeKind::borrow) {
    return fail_at_value(
        fmt::format("expected a handle for '{}', which JSON cannot express, found {}", name, found.words()));
  }
  if (type.kind > TypeKind::borrow)
    return fail_at_value(fmt::format("values of '{}' are not supported", name));
  const std::string_view or_null = wanted.declared == wanted.type ? "" : " or null";
  return fail_at_value(
      fmt::format("expected {}{} for '{}', found {}", form_of(type, base64_), or_null, name, found.words()));
}

/// Reports a value where none is allowed.
bool JsonReader::no_place(const Found& found) {
  const Frame& frame = frames_.back();
  const TypeNode& type = *frame.type;
  switch (frame.shape) {
    case Shape::sequence:
      if (in_arguments()) {
        return fail_here(fmt::format("too many arguments: expected at most {}", type.fields.size()));
      }
      return fail_here(fmt::format("too many elements: '{}' has {}", type_name(type), type.fields.size()));
    case Shape::cases:
      return fail_at_value(fmt::format("expected null because case '{}' has no payload, found {}",
                                       type.fields[frame.index].name, found.words()));
    default:
      return fail_at_value(fmt::format("expected a label of '{}', found {}", type_name(type), found.words()));
  }
}

// ---- Placing values

Wanted JsonReader::next() const noexcept {
  const TypeNode* declared = &root_;
  if (!frames_.empty()) {
    const Frame& frame = frames_.back();
    const TypeNode& type = *frame.type;
    switch (frame.shape) {
      case Shape::list:
      case Shape::some:
        declared = &type.element();
        break;
      case Shape::sequence:
        declared = frame.index < type.fields.size() ? type.field(frame.index) : nullptr;
        break;
      case Shape::record:
      case Shape::cases:
        declared = type.field(frame.index);
        break;
      case Shape::flags:
        declared = nullptr;
        break;
    }
  }
  const bool bare =
      declared != nullptr && declared->kind == TypeKind::option && !is_wrapped_option(*declared);
  return {.declared = declared, .type = bare ? &declared->element() : declared};
}

/// Stores a value of type `wanted.type`.
bool JsonReader::place(const Wanted& wanted, Value value) {
  if (wanted.type == wanted.declared) return put(*wanted.type, std::move(value));
  return charge(sizeof(PayloadNode)) &&
         put(*wanted.declared, ValueAccess::make_case(*wanted.declared, 1, std::move(value)));
}

/// Stores a value of the declared type.
bool JsonReader::put(const TypeNode& type, Value value) {
  if (frames_.empty()) {
    values_.push_back(std::move(value));
    return true;
  }
  const Frame& frame = frames_.back();
  if (frame.in_bytes) {
    std::byte* const to = room();
    if (to == nullptr) return false;
    write_plain(value, type, to);
  } else if (frame.shape == Shape::record) {
    values_[frame.values + frame.index] = std::move(value);
  } else {
    if (!charge(sizeof(Value))) return false;
    values_.push_back(std::move(value));
  }
  step();
  return true;
}

/// Returns the place in `bytes_` of the next part of the innermost frame; null if the memory limit is reached.
std::byte* JsonReader::room() {
  const Frame& frame = frames_.back();
  if (frame.shape != Shape::list) return bytes_.data() + frame.bytes + frame.type->offsets[frame.index];
  const std::size_t size = frame.type->element().size;
  if (!charge(size)) return nullptr;
  bytes_.resize(bytes_.size() + size);
  return bytes_.data() + bytes_.size() - size;
}

/// Advances past a value.
void JsonReader::step() {
  if (!frames_.empty() && frames_.back().shape < Shape::record) ++frames_.back().index;
}

// ---- Scalars

bool JsonReader::null() {
  const Wanted wanted = next();
  const bool is_option = wanted.declared != nullptr && wanted.declared->kind == TypeKind::option;
  if (!is_option) {
    // The value of a case without a payload.
    const bool no_payload = wanted.declared == nullptr && frames_.back().shape == Shape::cases;
    return no_payload || unexpected(wanted, Found("null"));
  }
  return put(*wanted.declared, ValueAccess::make_case(*wanted.declared, 0));
}

bool JsonReader::boolean(bool value) {
  const Wanted wanted = next();
  if (wanted.type == nullptr || wanted.type->kind != TypeKind::boolean) {
    return unexpected(wanted, Found(value ? "true" : "false"));
  }
  return place(wanted, Value(value));
}

bool JsonReader::number_integer(std::int64_t value) {
  // The text of 0 was "-0"; otherwise the number would be unsigned.
  const bool negative = value <= 0;
  const auto bits = static_cast<std::uint64_t>(value);
  const std::uint64_t amount = negative ? std::uint64_t{0} - bits : bits;
  return integer(Found::number(negative, amount), negative, amount);
}

bool JsonReader::number_unsigned(std::uint64_t value) {
  return integer(Found::number(false, value), false, value);
}

bool JsonReader::number_float(double, const std::string& text) {
  // The lexer replaces the point by the locale's.
  const std::size_t point = text.find_first_not_of("0123456789+-eE");
  if (point == std::string::npos || text[point] == '.') return number(text);
  std::string restored = text;
  restored[point] = '.';
  return number(restored);
}

/// Handles an integer of up to 64 bits.
bool JsonReader::integer(const Found& found, bool negative, std::uint64_t amount) {
  const Wanted wanted = next();
  if (wanted.type == nullptr) return unexpected(wanted, found);
  if (is_integer_kind(wanted.type->kind)) return place_integer(wanted, found, negative, amount);
  if (wanted.type->kind == TypeKind::f64) {
    const auto number = static_cast<double>(amount);
    return place(wanted, Value(negative ? -number : number));
  }
  if (wanted.type->kind == TypeKind::f32) {
    const auto number = static_cast<float>(amount);
    return place(wanted, Value(negative ? -number : number));
  }
  return unexpected(wanted, found);
}

/// Handles any other number.
bool JsonReader::number(const std::string& text) {
  const Found found = Found::number(text);
  const Wanted wanted = next();
  if (wanted.type == nullptr) return unexpected(wanted, found);
  if (is_integer_kind(wanted.type->kind)) {
    const Decimal decimal(text);
    const auto amount = integer_of(decimal);
    return amount ? place_integer(wanted, found, decimal.negative, *amount) : unexpected(wanted, found);
  }
  const bool single = wanted.type->kind == TypeKind::f32;
  if (!single && wanted.type->kind != TypeKind::f64) return unexpected(wanted, found);
  auto real = single ? real_of<float>(text) : real_of<double>(text);
  if (real) return place(wanted, *std::move(real));
  return fail_at_value(fmt::format("{} is too large for '{}'", found.words(), type_name(*wanted.type)));
}

bool JsonReader::place_integer(const Wanted& wanted, const Found& found, bool negative,
                               std::uint64_t amount) {
  const TypeKind kind = wanted.type->kind;
  const auto bits = integer_bits(kind, negative, amount);
  return bits ? place(wanted, ValueAccess::immediate(kind, *bits)) : unexpected(wanted, found);
}

bool JsonReader::string(const std::string& text) {
  if (!frames_.empty() && frames_.back().shape == Shape::flags) return add_label(text);
  const Found found = Found::string(text);
  const Wanted wanted = next();
  if (wanted.type == nullptr) return unexpected(wanted, found);
  const TypeNode& type = *wanted.type;
  switch (type.kind) {
    case TypeKind::string:
      return charge(sizeof(TextNode) + text.size()) && place(wanted, ValueAccess::text(text, true));
    case TypeKind::character:
      if (const auto character = only_character(text)) return place(wanted, Value(*character));
      break;
    case TypeKind::enumeration:
    case TypeKind::variant:
    case TypeKind::result:
      return place_case(wanted, text);
    case TypeKind::f32:
      if (const auto number = not_finite<float>(text)) return place(wanted, Value(*number));
      break;
    case TypeKind::f64:
      if (const auto number = not_finite<double>(text)) return place(wanted, Value(*number));
      break;
    case TypeKind::s64:
    case TypeKind::u64:
      if (is_integer(text)) {
        const Decimal decimal(text);
        const auto amount = integer_of(decimal);
        if (amount) return place_integer(wanted, found, decimal.negative, *amount);
      }
      break;
    case TypeKind::list:
      if (base64_ && type.element().kind == TypeKind::u8) return place_bytes(wanted, text);
      break;
    default:
      break;
  }
  return unexpected(wanted, found);
}

bool JsonReader::place_bytes(const Wanted& wanted, std::string_view base64) {
  const std::size_t size = base64_size(base64);
  if (!charge(sizeof(BytesNode) + size)) return false;
  BytesNode* const node = BytesNode::make(type_of(*wanted.type), size, false);
  Value value = ValueAccess::own(node);
  if (!from_base64(base64, node->data())) {
    return fail_at_value(fmt::format("expected base64 with padding for '{}', found {}",
                                     type_name(*wanted.declared), Found::string(base64).words()));
  }
  return place(wanted, std::move(value));
}

/// Handles a case that is written as just its name.
bool JsonReader::place_case(const Wanted& wanted, std::string_view name) {
  const TypeNode& type = *wanted.type;
  const auto index = finder_.find(type, name);
  if (!index) return fail_at_value(no_case(type, name));
  if (type.field(*index) != nullptr) {
    return fail_at_value(fmt::format(R"(case '{}' needs a payload: {{"{}": …}})", name, name));
  }
  return place(wanted, ValueAccess::make_case(type, *index));
}

bool JsonReader::add_label(std::string_view name) {
  Frame& frame = frames_.back();
  const auto index = finder_.find(*frame.type, name, frame.index);
  if (!index) {
    return fail_at_value(fmt::format("{} is not a label of '{}'{}", name_in_quotes(name),
                                     type_name(*frame.type), suggest_fields(*frame.type, "labels", name)));
  }
  const std::uint64_t bit = std::uint64_t{1} << *index;
  if ((frame.bits & bit) != 0) return fail_at_value(fmt::format("duplicate label '{}'", name));
  frame.bits |= bit;
  step();
  return true;
}

// ---- Arrays and objects

bool JsonReader::start_array(std::size_t) {
  const Found found("an array");
  const Wanted wanted = next();
  if (wanted.type == nullptr) return unexpected(wanted, found);
  if (arguments_ && frames_.empty()) return open(wanted, Shape::sequence);
  switch (wanted.type->kind) {
    case TypeKind::list:
      return open(wanted, Shape::list);
    case TypeKind::tuple:
      return open(wanted, Shape::sequence);
    case TypeKind::flags:
      if (wanted.type->fields.size() <= 64) return open(wanted, Shape::flags);
      return fail_at_value(
          fmt::format("flags with more than 64 labels are not supported: '{}'", type_name(*wanted.type)));
    default:
      return unexpected(wanted, found);
  }
}

bool JsonReader::start_object(std::size_t) {
  const Found found("an object");
  const Wanted wanted = next();
  if (wanted.type == nullptr) return unexpected(wanted, found);
  switch (wanted.type->kind) {
    case TypeKind::record:
      return open(wanted, Shape::record);
    case TypeKind::variant:
    case TypeKind::result:
      return open(wanted, Shape::cases);
    case TypeKind::option:
      return open(wanted, Shape::some);
    default:
      return unexpected(wanted, found);
  }
}

bool JsonReader::open(const Wanted& wanted, Shape shape) {
  const TypeNode& type = *wanted.type;
  const bool fields = shape == Shape::record || shape == Shape::sequence;
  Frame frame{.declared = wanted.declared,
              .type = &type,
              .shape = shape,
              .values = values_.size(),
              .seen = seen_.size()};
  frame.in_bytes =
      shape == Shape::list ? type.element().plain : fields && type.plain && !(arguments_ && frames_.empty());
  frame.bytes = bytes_.size();
  if (frame.in_bytes && fields) {
    frame.is_part = !frames_.empty() && frames_.back().in_bytes;
    if (frame.is_part) {
      const std::byte* const at = room();
      if (at == nullptr) return false;
      frame.bytes = static_cast<std::size_t>(at - bytes_.data());
    } else {
      if (!charge(sizeof(BytesNode) + type.size)) return false;
      bytes_.resize(bytes_.size() + type.size);
    }
  } else if (!charge(sizeof(BytesNode))) {
    return false;
  }
  if (shape == Shape::record) {
    if (!frame.in_bytes) {
      if (!charge(type.fields.size() * sizeof(Value))) return false;
      values_.resize(values_.size() + type.fields.size());
    }
    seen_.resize(seen_.size() + type.fields.size());
  }
  frames_.push_back(frame);
  return true;
}

bool JsonReader::key(const std::string& name) {
  Frame& frame = frames_.back();
  const bool done = frame.shape == Shape::record ? choose_field(frame, name) : choose_case(frame, name);
  frame.has_key = true;
  return done;
}

bool JsonReader::choose_field(Frame& frame, std::string_view name) {
  const TypeNode& type = *frame.type;
  const auto index = finder_.find(type, name, frame.has_key ? frame.index + 1 : 0);
  const std::string_view word = in_arguments() ? "parameter" : "field";
  if (!index) {
    const std::string place = in_arguments() ? "" : fmt::format(" in '{}'", type_name(type));
    return fail_here(fmt::format("unknown {} {}{}{}", word, name_in_quotes(name), place,
                                 suggest_fields(type, fmt::format("{}s", word), name)));
  }
  if (seen_[frame.seen + *index]) return fail_here(fmt::format("duplicate {} '{}'", word, name));
  seen_[frame.seen + *index] = true;
  frame.index = *index;
  return true;
}

bool JsonReader::choose_case(Frame& frame, std::string_view name) {
  const TypeNode& type = *frame.type;
  const bool some = frame.shape == Shape::some;
  if (frame.has_key) {
    return fail_here(fmt::format("expected one key, found '{}' and {}",
                                 some ? "some" : type.fields[frame.index].name, name_in_quotes(name)));
  }
  if (some) {
    return name == "some" || fail_here(fmt::format("expected the key 'some' for '{}', found {}",
                                                   type_name(type), name_in_quotes(name)));
  }
  const auto index = finder_.find(type, name);
  if (index) frame.index = *index;
  return index || fail_here(no_case(type, name));
}

/// Closes the innermost array or object.
bool JsonReader::close() {
  if (!is_whole()) return false;
  const Frame frame = frames_.back();
  if (frame.shape == Shape::record) seen_.resize(frame.seen);
  if (in_arguments()) {
    frames_.pop_back();
    return true;
  }
  if (frame.is_part) {
    frames_.pop_back();
    step();
    return true;
  }
  Value value = closed(frame);
  frames_.pop_back();
  return place({.declared = frame.declared, .type = frame.type}, std::move(value));
}

/// Checks that nothing is missing; sets missing options to `none`.
bool JsonReader::is_whole() {
  const Frame& frame = frames_.back();
  const TypeNode& type = *frame.type;
  switch (frame.shape) {
    case Shape::sequence:
      if (in_arguments()) {
        for (std::size_t i = frame.index; i < type.fields.size(); ++i) {
          if (type.field(i)->kind != TypeKind::option) {
            return fail_here(fmt::format("missing parameter '{}'", type.fields[i].name));
          }
          values_.push_back(ValueAccess::make_case(*type.field(i), 0));
        }
        return true;
      }
      return frame.index == type.fields.size() ||
             fail_here(fmt::format("expected {} elements for '{}', found {}", type.fields.size(),
                                   type_name(type), frame.index));
    case Shape::record: {
      std::vector<std::string> missing;
      for (std::size_t i = 0; i < type.fields.size(); ++i) {
        if (seen_[frame.seen + i]) continue;
        if (type.field(i)->kind == TypeKind::option) {
          values_[frame.values + i] = ValueAccess::make_case(*type.field(i), 0);
        } else {
          missing.push_back(type.fields[i].name);
        }
      }
      if (missing.empty()) return true;
      return fail_here(fmt::format("missing {}{} {}", in_arguments() ? "parameter" : "field",
                                   missing.size() == 1 ? "" : "s", shortened(joined(missing), 400)));
    }
    case Shape::cases:
      return frame.has_key ||
             fail_here(fmt::format("expected a case of '{}', found an empty object", type_name(type)));
    case Shape::some:
      return frame.has_key || fail_here(fmt::format("expected the key 'some' for '{}', found an empty object",
                                                    type_name(type)));
    default:
      return true;
  }
}

/// Returns the value of the innermost frame.
Value JsonReader::closed(const Frame& frame) {
  const TypeNode& type = *frame.type;
  if (frame.shape == Shape::flags) return ValueAccess::immediate(TypeKind::flags, frame.bits, &type);
  if (frame.in_bytes) {
    const std::size_t size = bytes_.size() - frame.bytes;
    BytesNode* const node = BytesNode::make(type_of(type), size, false);
    if (size != 0) std::memcpy(node->data(), bytes_.data() + frame.bytes, size);
    bytes_.resize(frame.bytes);
    return ValueAccess::own(node);
  }
  const auto first = values_.begin() + static_cast<std::ptrdiff_t>(frame.values);
  std::vector<Value> parts(std::make_move_iterator(first), std::make_move_iterator(values_.end()));
  values_.erase(first, values_.end());
  if (frame.shape == Shape::some) return ValueAccess::make_case(type, 1, std::move(parts[0]));
  if (frame.shape != Shape::cases) return ValueAccess::items(type, std::move(parts));
  if (parts.empty()) return ValueAccess::make_case(type, frame.index);
  return ValueAccess::make_case(type, frame.index, std::move(parts[0]));
}

bool is_blank(std::string_view text) noexcept {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

}  // namespace

Result<Value> read_json(std::string_view text, const TypeNode& type, const JsonOptions& options) {
  JsonReader reader(type, false, options);
  if (!reader.read(text)) return std::unexpected(reader.error());
  return std::move(reader.values().front());
}

Result<std::vector<Value>> read_json_arguments(std::string_view text, const TypeNode& parameters,
                                               const JsonOptions& options) {
  JsonReader reader(parameters, true, options);
  if (!reader.read(is_blank(text) ? "[]" : text)) return std::unexpected(reader.error());
  return std::move(reader.values());
}

}  // namespace tairitsu::detail

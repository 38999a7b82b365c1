/// Parses WAVE into values in one pass over the text, driven by the type. Grammar: wave_ebnf.md of the crate
/// wasm-wave.

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "tairitsu/detail/context.h"
#include "tairitsu/wave.h"
#include "value/field_finder.h"
#include "value/number.h"
#include "value/value_node.h"
#include "value/wave_text.h"

namespace tairitsu {

namespace detail {

namespace {

using wave::labels_of;
using wave::nearest_label;
using wave::shown;
using wave::wanted;

constexpr std::string_view kTripleQuote = R"(""")";
constexpr std::size_t kMaxListBytes = 0x7FFFFFFF;  // The most that a guest accepts.

/// WIT labels have no '_', but users write it by mistake for '-'.
bool is_label_part(char c) noexcept { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; }

bool is_scalar(TypeKind kind) noexcept { return kind <= TypeKind::character; }

/// Returns whether `some` or `ok` may be left out around the payload.
bool may_be_bare(const TypeNode& payload) noexcept {
  return payload.kind != TypeKind::option && payload.kind != TypeKind::result;
}

/// Frees the node of a value whose parsing failed.
struct NodeDeleter {
  void operator()(BytesNode* node) const noexcept { destroy(node); }
};
using BytesPointer = std::unique_ptr<BytesNode, NodeDeleter>;

/// The fields that have been read.
class Seen {
 public:
  explicit Seen(std::size_t fields) : many_(fields > 64 ? fields : 0) {}

  /// Returns whether the field was added for the first time.
  bool add(std::size_t index) {
    if (!many_.empty()) {
      if (many_[index]) return false;
      many_[index] = true;
      return true;
    }
    const std::uint64_t bit = std::uint64_t{1} << index;
    const bool first = (few_ & bit) == 0;
    few_ |= bit;
    return first;
  }

 private:
  std::uint64_t few_ = 0;
  std::vector<bool> many_;  // If there are more than 64 fields.
};

/// Every method that reads something starts at its first character and stops after its last one. If it returns `false`,
/// it has called `fail`.
class WaveParser {
 public:
  /// Reading starts at `begin`; positions in errors refer to the whole text.
  explicit WaveParser(std::string_view text, std::size_t begin = 0) noexcept
      : text_(text), at_(text.data() + begin), end_(text.data() + text.size()) {}

  Result<Value> whole(const TypeNode& type) {
    Value result;
    if (!begin() || !value(type, result) || !finish()) return std::unexpected(error());
    return result;
  }

  Result<std::vector<Value>> arguments(const FunctionType& function) {
    const auto& parameters = function.parameters;
    std::vector<Value> values;
    values.reserve(parameters.size());
    const auto argument = [&] {
      if (values.size() == parameters.size()) {
        return fail(at_, parameters.empty()
                             ? std::string("too many arguments: the function has no parameters")
                             : fmt::format("too many arguments: the function has {} parameter{}",
                                           parameters.size(), parameters.size() == 1 ? "" : "s"));
      }
      const TypeField& parameter = parameters[values.size()];
      return value(parameter.type->node(), values.emplace_back()) || inside("parameter", parameter.name);
    };
    if (!begin()) return std::unexpected(error());
    if (peek() != '(') {
      expected("the arguments in ( )");
      return std::unexpected(error());
    }
    if (!sequence(')', argument)) return std::unexpected(error());
    while (values.size() < parameters.size()) {
      const auto& [name, type] = parameters[values.size()];
      if (type->kind() != TypeKind::option) {
        fail(at_ - 1, fmt::format("missing argument '{}' of type '{}'", shown(name), type_name(*type)));
        return std::unexpected(error());
      }
      values.push_back(ValueAccess::make_case(type->node(), 0));
    }
    if (!finish()) return std::unexpected(error());
    return values;
  }

 private:
  // ---- Failing

  bool fail(const char* place, std::string message) {
    place_ = place;
    message_ = std::move(message);
    return false;
  }

  bool expected(std::string_view what) {
    // For a bare payload, also mention the forms of the option or result around it.
    const std::string around = bare_type_ != nullptr && bare_place_ == at_ ? ", " + wanted(*bare_type_) : "";
    return fail(at_, fmt::format("expected {}{}, found {}", what, around, found()));
  }

  /// Adds to the path of a failure, from the inside out.
  bool inside(std::string_view what, std::string_view name) {
    path_.push_back({.what = what, .name = name, .index = kNoIndex});
    return false;
  }
  bool inside(std::string_view what, std::size_t index) {
    path_.push_back({.what = what, .name = {}, .index = index});
    return false;
  }

  /// Returns a description of the text at the current position.
  [[nodiscard]] std::string found() const {
    if (at_ == end_) return "the end of the text";
    const std::string_view rest = this->rest();
    if (*at_ == '"') return "a string";
    if (is_digit(*at_) || *at_ == '-') {
      const auto end =
          std::ranges::find_if(rest, [](char c) { return !is_label_part(c) && c != '.' && c != '+'; });
      return fmt::format("'{}'", shown(rest.substr(0, static_cast<std::size_t>(end - rest.begin()))));
    }
    if (is_letter(*at_) || *at_ == '%') {
      const auto end = std::find_if(at_ + 1, end_, [](char c) { return !is_label_part(c); });
      return fmt::format("'{}'", shown({at_, end}));
    }
    if (*at_ == '\'') return "a char";
    return fmt::format("'{}'", shown(rest.substr(0, first_character(rest).size)));
  }

  [[nodiscard]] Error error() const {
    std::size_t line = 1;
    const char* line_begin = text_.data();
    for (const char* at = text_.data(); at != place_; ++at) {
      if (*at != '\n') continue;
      ++line;
      line_begin = at + 1;
    }
    // Count characters: all bytes except UTF-8 continuation bytes.
    const auto column = 1 + std::count_if(line_begin, place_, [](char c) {
                          return (static_cast<unsigned char>(c) & 0xC0U) != 0x80;
                        });
    std::string text = fmt::format("{}:{}: ", line, column);
    for (const Place& place : std::ranges::reverse_view(path_)) {
      text += place.what;
      if (!place.name.empty()) {
        text += fmt::format(" '{}'", shown(place.name));
      } else if (place.index != kNoIndex) {
        text += fmt::format(" {}", place.index);
      }
      text += ": ";
    }
    return Error(ErrorCode::invalid_argument, text + message_);
  }

  // ---- Tokens

  [[nodiscard]] std::string_view rest() const noexcept { return {at_, end_}; }
  /// Returns the next byte, or NUL, which is not a token, at the end.
  [[nodiscard]] char peek() const noexcept { return at_ == end_ ? '\0' : *at_; }

  bool take(char token) noexcept {
    if (at_ == end_ || *at_ != token) return false;
    ++at_;
    return true;
  }

  void skip_space() noexcept {
    for (;;) {
      while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
      if (!rest().starts_with("//")) return;
      const auto line_end = rest().find('\n');
      at_ = line_end == std::string_view::npos ? end_ : at_ + line_end;
    }
  }

  bool begin() {
    if (!is_utf8(text_)) {
      const char* bad = at_;
      for (auto c = first_character({bad, end_}); c.value != 0xFFFD || c.size != 1;
           c = first_character({bad, end_})) {
        bad += c.size;
      }
      return fail(bad, "the text is not UTF-8");
    }
    skip_space();
    return true;
  }

  bool finish() {
    skip_space();
    return at_ == end_ || expected("the end of the text");
  }

  struct Label {
    std::string_view name;
    const char* begin = nullptr;
    bool keyword = false;
  };

  /// Takes a label; returns an empty one if there is none.
  Label take_label() noexcept {
    Label label;
    const char* at = at_;
    const bool marked = at != end_ && *at == '%';
    if (marked) ++at;
    if (at == end_ || !is_letter(*at)) return label;
    const char* name = at;
    at = std::find_if(at, end_, [](char c) { return !is_label_part(c); });
    label.name = {name, at};
    label.begin = std::exchange(at_, at);
    label.keyword = !marked && wave::is_keyword(label.name);
    return label;
  }

  /// Takes one of WAVE's keywords.
  bool take_keyword(std::string_view keyword) noexcept {
    if (!rest().starts_with(keyword)) return false;
    const char* end = at_ + keyword.size();
    if (end != end_ && is_label_part(*end)) return false;
    at_ = end;
    return true;
  }

  bool unknown_label(const Label& label, std::string_view what, const TypeNode& type) {
    return fail(label.begin, fmt::format("'{}' is not a {} of '{}'{}{}", shown(label.name), what,
                                         type_name(type), labels_of(type), nearest_label(label.name, type)));
  }

  /// Reads from an opening bracket to the closing one: `each` reads an element.
  template <typename Each>
  bool sequence(char close, Each&& each) {
    ++at_;
    skip_space();
    if (take(close)) return true;
    for (;;) {
      if (!each()) return false;
      skip_space();
      if (take(close)) return true;
      if (!take(',')) return expected(fmt::format("',' or '{}'", close));
      skip_space();
      if (take(close)) return true;
    }
  }

  // ---- Numbers

  /// Takes a decimal number; returns false if there is none.
  bool take_number() noexcept {
    const char* at = at_;
    if (at != end_ && *at == '-') ++at;
    if (at == end_ || !is_digit(*at)) return false;
    const auto digits_from = [&](const char* from) {
      return std::find_if(from, end_, [](char c) { return !is_digit(c); });
    };
    at = *at == '0' ? at + 1 : digits_from(at);
    if (end_ - at >= 2 && *at == '.' && is_digit(at[1])) at = digits_from(at + 1);
    if (at != end_ && (*at == 'e' || *at == 'E')) {
      const char* exponent = at + 1;
      if (exponent != end_ && (*exponent == '+' || *exponent == '-')) ++exponent;
      if (exponent != end_ && is_digit(*exponent)) at = digits_from(exponent);
    }
    at_ = at;
    return true;
  }

  bool leading_zero(const char* digits) const noexcept {
    return end_ - digits >= 2 && digits[0] == '0' && is_digit(digits[1]);
  }

  bool integer(const TypeNode& type, std::byte* to) {
    const char* begin = at_;
    const char* at = at_;
    const bool negative = at != end_ && *at == '-';
    if (negative) ++at;
    const char* digits = at;
    std::uint64_t magnitude = 0;
    bool overflow = false;
    for (; at != end_ && is_digit(*at); ++at) {
      overflow |= __builtin_mul_overflow(magnitude, 10U, &magnitude);
      overflow |= __builtin_add_overflow(magnitude, static_cast<unsigned>(*at - '0'), &magnitude);
    }
    if (at == digits) return expected(wanted(type));
    if (leading_zero(digits)) return fail(begin, "a number must not have leading zeros");
    take_number();
    if (at_ != at) {
      const std::string number = shown({begin, at_});
      return fail(begin, fmt::format("expected {}, found '{}'", wanted(type), number));
    }
    const IntegerRange range = integer_range(type.kind);
    if (overflow || magnitude > (negative ? range.below_zero : range.most) ||
        (negative && range.below_zero == 0)) {
      return fail(begin, fmt::format("{} is out of range for '{}' ({})", shown({begin, at_}), type_name(type),
                                     range.text()));
    }
    if (negative) magnitude = 0 - magnitude;
    std::memcpy(to, &magnitude, type.size);
    return true;
  }

  /// Returns the float for a decimal number that is out of its range: infinity or zero.
  template <typename T>
  static T beyond_range(std::string_view number) noexcept {
    const bool negative = number[0] == '-';
    const auto exponent_at = std::min(number.find_first_of("eE"), number.size());
    const std::string_view digits = number.substr(0, exponent_at);
    std::int64_t exponent = 0;
    if (exponent_at != number.size()) {
      std::string_view text = number.substr(exponent_at + 1);
      if (text[0] == '+') text.remove_prefix(1);
      const auto outcome = std::from_chars(text.data(), text.data() + text.size(), exponent);
      constexpr std::int64_t kBeyond = std::int64_t{1} << 62U;
      if (outcome.ec != std::errc{} || exponent > kBeyond || exponent < -kBeyond) {
        exponent = text[0] == '-' ? -kBeyond : kBeyond;
      }
    }
    // The place of the first digit that is not zero: 0 is just before the point.
    const auto point = static_cast<std::int64_t>(std::min(digits.find('.'), digits.size()));
    const auto first = static_cast<std::int64_t>(digits.find_first_of("123456789"));
    const std::int64_t place = first < point ? point - first - 1 : point - first;
    const T magnitude = place + exponent > 0 ? std::numeric_limits<T>::infinity() : T{0};
    return negative ? -magnitude : magnitude;
  }

  template <typename T>
  bool floating(const TypeNode& type, std::byte* to) {
    T number{};
    const char* begin = at_;
    if (take_number()) {
      const std::string_view text(begin, at_);
      if (leading_zero(begin + (*begin == '-' ? 1 : 0))) {
        return fail(begin, "a number must not have leading zeros");
      }
      const auto outcome = std::from_chars(begin, at_, number);
      if (outcome.ec == std::errc::result_out_of_range) number = beyond_range<T>(text);
    } else if (take_keyword("nan")) {
      number = std::numeric_limits<T>::quiet_NaN();
    } else if (take_keyword("inf")) {
      number = std::numeric_limits<T>::infinity();
    } else if (take_keyword("-inf")) {
      number = -std::numeric_limits<T>::infinity();
    } else {
      return expected(wanted(type));
    }
    std::memcpy(to, &number, sizeof number);
    return true;
  }

  // ---- Characters and strings

  /// Reads an escape, starting at the backslash.
  bool escape(char32_t& character) {
    const char* begin = at_++;
    const char kind = peek();
    switch (kind) {
      case 'n':
        character = U'\n';
        break;
      case 'r':
        character = U'\r';
        break;
      case 't':
        character = U'\t';
        break;
      case '\\':
      case '\'':
      case '"':
        character = static_cast<char32_t>(kind);
        break;
      case 'u':
        return unicode_escape(begin, character);
      default: {
        const std::string_view one = at_ == end_ ? std::string_view() : rest().substr(0, first_size());
        return fail(
            begin,
            fmt::format("invalid escape '\\{}': use \\n, \\r, \\t, \\\\, \\', \\\" or \\u{{…}}", shown(one)));
      }
    }
    ++at_;
    return true;
  }

  bool unicode_escape(const char* begin, char32_t& character) {
    constexpr std::ptrdiff_t kMostDigits = 6;
    ++at_;
    std::uint32_t number = 0;
    bool good = take('{');
    if (good) {
      const char* limit = at_ + std::min(end_ - at_, kMostDigits);
      const auto outcome = std::from_chars(at_, limit, number, 16);
      at_ = outcome.ptr;
      good = outcome.ec == std::errc{} && take('}');
    }
    if (!good) return fail(begin, "invalid escape '\\u': use one to six hexadecimal digits: \\u{…}");
    character = static_cast<char32_t>(number);
    return is_unicode_scalar(character) ||
           fail(begin, fmt::format("'{}' is not a Unicode scalar value", std::string_view(begin, at_)));
  }

  [[nodiscard]] std::size_t first_size() const noexcept { return first_character(rest()).size; }

  bool character(const TypeNode& type, std::byte* to) {
    const char* begin = at_;
    if (!take('\'')) return expected(wanted(type));
    char32_t value = 0;
    switch (peek()) {
      case '\\':
        if (!escape(value)) return false;
        break;
      case '\'':
        return fail(begin, "a char must be one character in ' '; write the character ' as '\\''");
      case '\n':
        return fail(begin, "a char must not contain a line break; write it as '\\n'");
      default: {
        if (at_ == end_) break;
        const Character one = first_character(rest());
        value = one.value;
        at_ += one.size;
      }
    }
    if (!take('\'')) return fail(begin, "a char must be one character (a Unicode scalar value) in ' '");
    const auto bits = static_cast<std::uint32_t>(value);
    std::memcpy(to, &bits, sizeof bits);
    return true;
  }

  bool string(const TypeNode& type, Value& out) {
    if (rest().starts_with(kTripleQuote)) return multiline_string(out);
    const char* begin = at_;
    if (!take('"')) return expected(wanted(type));
    std::string_view text;
    if (!string_part('"', text)) return false;
    if (peek() != '"') {
      return fail(begin, "missing closing '\"' on the same line (write a line break as \\n)");
    }
    ++at_;
    out = ValueAccess::text(text, true);
    return true;
  }

  /// Reads text up to the end of the line or to `close`, and resolves escapes. `text` is valid until the next call.
  bool string_part(char close, std::string_view& text) {
    unescaped_.clear();
    const char* begin = at_;
    for (;;) {
      at_ = std::find_if(at_, end_, [&](char c) { return c == close || c == '\\' || c == '\n'; });
      if (peek() != '\\') break;
      unescaped_.append(begin, at_);
      char32_t character = 0;
      if (!escape(character)) return false;
      append_utf8(unescaped_, character);
      begin = at_;
    }
    if (unescaped_.empty()) {
      text = {begin, at_};
    } else {
      text = unescaped_.append(begin, at_);
    }
    return true;
  }

  bool multiline_string(Value& out) {
    const char* begin = at_;
    at_ += kTripleQuote.size();
    const auto length = rest().find(kTripleQuote);
    if (length == std::string_view::npos) return fail(begin, R"(missing closing '"""')");
    const char* close = at_ + length;
    if (peek() == '\r') ++at_;
    if (!take('\n')) return fail(begin, R"(nothing may follow the opening '"""' on its line)");
    const char* indent_begin = close;
    while (indent_begin[-1] != '\n') --indent_begin;
    const std::string_view indent(indent_begin, close);
    if (indent.find_first_not_of(' ') != std::string_view::npos) {
      return fail(close, R"(only spaces may precede the closing '"""' on its line)");
    }
    std::string text;
    while (at_ != indent_begin) {
      if (!rest().starts_with(indent)) {
        return fail(at_, fmt::format(R"(the line must start with the {} spaces before the closing '"""')",
                                     indent.size()));
      }
      at_ += indent.size();
      std::string_view line;
      if (!string_part('\n', line)) return false;
      // A line break may be "\r\n". The text of an escaped \r does not end in this byte.
      if (at_[-1] == '\r') line.remove_suffix(1);
      text += line;
      ++at_;
      if (at_ != indent_begin) text += '\n';
    }
    at_ = close + kTripleQuote.size();
    out = ValueAccess::text(text, true);
    return true;
  }

  // ---- Values of every type

  bool value(const TypeNode& type, Value& out) {
    switch (type.kind) {
      case TypeKind::string:
        return string(type, out);
      case TypeKind::list:
        return list(type, out);
      case TypeKind::record:
      case TypeKind::tuple:
        return record_or_tuple(type, out);
      case TypeKind::variant:
        return variant(type, out);
      case TypeKind::option:
        return option(type, out);
      case TypeKind::result:
        return result(type, out);
      case TypeKind::enumeration: {
        std::uint32_t index = 0;
        if (!enumeration(type, index)) return false;
        out = ValueAccess::make_case(type, index);
        return true;
      }
      case TypeKind::flags: {
        std::uint64_t bits = 0;
        if (!flags(type, bits)) return false;
        out = ValueAccess::immediate(TypeKind::flags, bits, &type);
        return true;
      }
      case TypeKind::own:
      case TypeKind::borrow:
        return fail(at_, fmt::format("'{}' is a resource handle, which has no text form", type_name(type)));
      default: {
        if (!is_scalar(type.kind)) {
          return fail(at_, fmt::format("values of '{}' are not supported", type_name(type)));
        }
        std::uint64_t bits = 0;
        if (!plain(type, reinterpret_cast<std::byte*>(&bits))) return false;
        out = ValueAccess::immediate(type.kind, bits);
        return true;
      }
    }
  }

  /// Reads a value of a plain type into its bytes, which must be zero.
  bool plain(const TypeNode& type, std::byte* to) {
    switch (type.kind) {
      case TypeKind::boolean: {
        const bool value = take_keyword("true");
        if (!value && !take_keyword("false")) return expected(wanted(type));
        *to = static_cast<std::byte>(value);
        return true;
      }
      case TypeKind::f32:
        return floating<float>(type, to);
      case TypeKind::f64:
        return floating<double>(type, to);
      case TypeKind::character:
        return character(type, to);
      case TypeKind::enumeration: {
        std::uint32_t index = 0;
        if (!enumeration(type, index)) return false;
        std::memcpy(to, &index, type.size);
        return true;
      }
      case TypeKind::flags: {
        std::uint64_t bits = 0;
        if (!flags(type, bits)) return false;
        std::memcpy(to, &bits, type.size);
        return true;
      }
      case TypeKind::record:
      case TypeKind::tuple: {
        const auto part = [&](std::size_t index) {
          return plain(*type.field(index), to + type.offsets[index]);
        };
        const auto omitted = [](std::size_t) {};
        return type.kind == TypeKind::record ? record(type, part, omitted) : tuple(type, part);
      }
      default:
        return integer(type, to);
    }
  }

  bool list(const TypeNode& type, Value& out) {
    if (peek() != '[') return expected(wanted(type));
    const TypeNode* element = type.field(0);
    std::size_t index = 0;
    if (element != nullptr && element->plain) {
      numbers_.clear();
      const auto plain_element = [&] {
        const std::size_t size = numbers_.size();
        if (element->size > kMaxListBytes - size) return fail(at_, "the list is larger than 2 GiB");
        numbers_.resize(size + element->size);
        if (!plain(*element, numbers_.data() + size)) return inside("element", index);
        ++index;
        return true;
      };
      if (!sequence(']', plain_element)) return false;
      BytesNode* node = BytesNode::make(type_of(type), numbers_.size(), false);
      if (!numbers_.empty()) std::memcpy(node->data(), numbers_.data(), numbers_.size());
      out = ValueAccess::own(node);
      return true;
    }
    std::vector<Value> items;
    const auto any_element = [&] {
      if (element == nullptr) return unknown_type(type);
      if (!value(*element, items.emplace_back())) return inside("element", index);
      ++index;
      return true;
    };
    if (!sequence(']', any_element)) return false;
    out = ValueAccess::items(type, std::move(items));
    return true;
  }

  bool unknown_type(const TypeNode& type) {
    return fail(at_, fmt::format("the type inside '{}' is unknown", type_name(type)));
  }

  bool record_or_tuple(const TypeNode& type, Value& out) {
    if (type.kind == TypeKind::tuple && type.fields.empty()) {
      if (!take('(')) return expected("()");
      skip_space();
      if (!take(')')) return expected("')'");
      out = Value();
      return true;
    }
    if (type.plain) {
      BytesPointer node(BytesNode::make(type_of(type), type.size, true));
      if (!plain(type, node->data())) return false;
      out = ValueAccess::own(node.release());
      return true;
    }
    std::vector<Value> items(type.fields.size());
    const auto part = [&](std::size_t index) {
      const TypeNode* field = type.field(index);
      return field == nullptr ? unknown_type(type) : value(*field, items[index]);
    };
    const auto omitted = [&](std::size_t index) {
      items[index] = ValueAccess::make_case(*type.field(index), 0);
    };
    if (type.kind == TypeKind::record ? !record(type, part, omitted) : !tuple(type, part)) return false;
    out = ValueAccess::items(type, std::move(items));
    return true;
  }

  template <typename Part>
  bool tuple(const TypeNode& type, Part&& part) {
    if (peek() != '(') return expected(wanted(type));
    const std::size_t count = type.fields.size();
    std::size_t index = 0;
    const auto element = [&] {
      if (index == count) {
        return fail(at_, fmt::format("too many elements: '{}' has {}", type_name(type), count));
      }
      if (!part(index)) return inside("element", index);
      ++index;
      return true;
    };
    if (!sequence(')', element)) return false;
    return index == count || fail(at_ - 1, fmt::format("missing element {} of '{}'", index, type_name(type)));
  }

  template <typename Part, typename Omitted>
  bool record(const TypeNode& type, Part&& part, Omitted&& omitted) {
    const char* begin = at_;
    if (!take('{')) return expected(wanted(type));
    skip_space();
    const auto& fields = type.fields;
    Seen seen(fields.size());
    std::size_t count = 0;
    if (take(':')) {
      skip_space();
      if (!take('}')) return expected("'}'");
    } else if (peek() == '}') {
      return fail(begin, "{} means empty flags; write a record without fields as {:}");
    } else {
      at_ = begin;
      std::size_t guess = 0;
      const auto field = [&] {
        const Label label = take_label();
        if (label.name.empty())
          return expected(fmt::format("a field of '{}'{}", type_name(type), labels_of(type)));
        const auto index = finder_.find(type, label.name, guess);
        if (!index) return unknown_label(label, "field", type);
        if (!seen.add(*index)) {
          return fail(label.begin, fmt::format("duplicate field '{}'", shown(label.name)));
        }
        ++count;
        guess = *index + 1;
        skip_space();
        if (!take(':')) return expected("':'") || inside("field", label.name);
        skip_space();
        return part(*index) || inside("field", fields[*index].name);
      };
      if (!sequence('}', field)) return false;
    }
    if (count == fields.size()) return true;
    for (std::size_t index = 0; index < fields.size(); ++index) {
      if (!seen.add(index)) continue;
      const TypeNode* field = type.field(index);
      if (field == nullptr || field->kind != TypeKind::option) {
        return fail(begin,
                    fmt::format("missing field '{}' of '{}'", shown(fields[index].name), type_name(type)));
      }
      omitted(index);
    }
    return true;
  }

  bool enumeration(const TypeNode& type, std::uint32_t& index) {
    const Label label = take_label();
    return label.name.empty() ? expected(wanted(type)) : case_of(type, label, index);
  }

  /// Finds the case of an enum or a variant.
  bool case_of(const TypeNode& type, const Label& label, std::uint32_t& index) {
    const auto found = finder_.find(type, label.name);
    if (label.keyword) {
      at_ = label.begin;
      return found ? fail(at_, fmt::format("'{0}' is a WAVE keyword; write the case as '%{0}'", label.name))
                   : expected(wanted(type));
    }
    if (!found) return unknown_label(label, "case", type);
    index = *found;
    return true;
  }

  bool variant(const TypeNode& type, Value& out) {
    const Label label = take_label();
    if (label.name.empty()) return expected(wanted(type));
    std::uint32_t index = 0;
    if (!case_of(type, label, index)) return false;
    return case_with_payload(type, index, label, type.field(index), out);
  }

  /// Reads what follows the label of a case: its payload, if it has one.
  bool case_with_payload(const TypeNode& type, std::uint32_t index, const Label& label,
                         const TypeNode* payload, Value& out) {
    const std::string_view name(label.begin, at_);
    skip_space();
    if (payload == nullptr) {
      if (peek() == '(') return fail(at_, fmt::format("'{}' has no payload", shown(name)));
      out = ValueAccess::make_case(type, index);
      return true;
    }
    if (!take('(')) {
      return fail(label.begin, fmt::format("'{0}' needs a payload of type '{1}': {0}(…)", shown(name),
                                           type_name(*payload)));
    }
    skip_space();
    Value inner;
    if (!value(*payload, inner)) {
      return type.kind == TypeKind::variant ? inside("case", label.name) : inside(label.name, "");
    }
    skip_space();
    if (!take(')')) return expected("')'");
    out = ValueAccess::make_case(type, index, std::move(inner));
    return true;
  }

  bool option(const TypeNode& type, Value& out) {
    const TypeNode* payload = type.field(0);
    const char* begin = at_;
    if (take_keyword("none")) {
      return case_with_payload(type, 0, {.name = "none", .begin = begin}, nullptr, out);
    }
    if (take_keyword("some")) {
      if (payload == nullptr) return unknown_type(type);
      return case_with_payload(type, 1, {.name = "some", .begin = begin}, payload, out);
    }
    return bare(type, 1, payload, out);
  }

  bool result(const TypeNode& type, Value& out) {
    const char* begin = at_;
    if (take_keyword("ok")) {
      return case_with_payload(type, 0, {.name = "ok", .begin = begin}, type.field(0), out);
    }
    if (take_keyword("err")) {
      return case_with_payload(type, 1, {.name = "err", .begin = begin}, type.field(1), out);
    }
    return bare(type, 0, type.field(0), out);
  }

  /// Reads a payload without the `some` or `ok` around it.
  bool bare(const TypeNode& type, std::uint32_t index, const TypeNode* payload, Value& out) {
    if (payload == nullptr || !may_be_bare(*payload)) return expected(wanted(type));
    bare_place_ = at_;
    bare_type_ = &type;
    Value inner;
    if (!value(*payload, inner)) return false;
    out = ValueAccess::make_case(type, index, std::move(inner));
    return true;
  }

  bool flags(const TypeNode& type, std::uint64_t& bits) {
    if (peek() != '{') return expected(wanted(type));
    if (type.fields.size() > 64) return fail(at_, "flags with more than 64 labels are not supported");
    std::size_t guess = 0;
    return sequence('}', [&] {
      const Label label = take_label();
      if (label.name.empty())
        return expected(fmt::format("a label of '{}'{}", type_name(type), labels_of(type)));
      const auto index = finder_.find(type, label.name, guess);
      if (!index) return unknown_label(label, "label", type);
      const std::uint64_t bit = std::uint64_t{1} << *index;
      if ((bits & bit) != 0) return fail(label.begin, fmt::format("duplicate label '{}'", shown(label.name)));
      bits |= bit;
      guess = *index + 1;
      return true;
    });
  }

  static constexpr std::size_t kNoIndex = SIZE_MAX;
  struct Place {
    std::string_view what;
    std::string_view name;
    std::size_t index;
  };

  std::string_view text_;
  const char* at_;
  const char* end_;
  // The failure.
  const char* place_ = nullptr;
  std::string message_;
  std::vector<Place> path_;
  /// The start of the last payload without its `some` or `ok`, and the type of the option or result.
  const char* bare_place_ = nullptr;
  const TypeNode* bare_type_ = nullptr;
  // Buffers, kept for reuse.
  std::string unescaped_;
  std::vector<std::byte> numbers_;
  FieldFinder finder_;
};

}  // namespace

}  // namespace detail

Result<Value> parse_wave(std::string_view text, const Type& type) {
  return detail::WaveParser(text).whole(type.node());
}

Result<std::vector<Value>> parse_wave_arguments(std::string_view text, const FunctionType& function) {
  return detail::wave::parse_arguments(text, 0, function);
}

Result<std::vector<Value>> detail::wave::parse_arguments(std::string_view text, std::size_t begin,
                                                         const FunctionType& function) {
  return WaveParser(text, begin).arguments(function);
}

}  // namespace tairitsu

/// Writes values as WAVE.

#include "tairitsu/wave.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "value/number.h"
#include "value/value_node.h"
#include "value/wave_text.h"

namespace tairitsu {

namespace detail {

namespace {

class WaveWriter {
 public:
  void value(const Value& value) {
    switch (value.kind()) {
      case TypeKind::string:
        quoted(value.text());
        break;
      case TypeKind::list:
        list(value);
        break;
      case TypeKind::record:
      case TypeKind::tuple:
        if (value.is_empty()) {
          out_ += "()";
        } else if (ValueAccess::form(value) == ValueAccess::Form::part) {
          plain(*ValueAccess::type(value), ValueAccess::plain_bytes(value));
        } else {
          items(value);
        }
        break;
      case TypeKind::variant:
        case_name(value.case_name());
        payload(value);
        break;
      case TypeKind::option:
        out_ += ValueAccess::index(value) == 0 ? "none" : "some";
        payload(value);
        break;
      case TypeKind::result:
        out_ += ValueAccess::index(value) == 0 ? "ok" : "err";
        payload(value);
        break;
      case TypeKind::enumeration:
        case_name(value.case_name());
        break;
      case TypeKind::flags:
        flags(*ValueAccess::type(value), ValueAccess::bits(value));
        break;
      case TypeKind::own:
      case TypeKind::borrow:
        handle(ValueAccess::type(value));
        break;
      default:
        scalar(value.kind(), ValueAccess::bits(value));
    }
  }

  std::string take() { return std::move(out_); }

 private:
  /// Writes a comma before each element but the first.
  void comma(bool& first) {
    if (!first) out_ += ", ";
    first = false;
  }

  template <typename T>
  void number(T number) {
    std::array<char, 24> digits{};
    out_.append(digits.begin(), std::to_chars(digits.begin(), digits.end(), number).ptr);
  }

  /// Writes the shortest text that reads back as the same number, without an exponent for moderate magnitudes.
  template <typename T>
  void floating(T number) {
    if (!std::isfinite(number)) {
      out_ += std::isnan(number) ? "nan" : number < 0 ? "-inf" : "inf";
      return;
    }
    if (std::signbit(number)) out_ += '-';
    std::array<char, 32> text{};
    const char* end =
        std::to_chars(text.begin(), text.end(), std::abs(number), std::chars_format::scientific).ptr;
    const char* exponent_begin = std::find(text.cbegin(), end, 'e');
    std::array<char, 20> digits{};  // Without the point.
    char* digits_end = digits.begin();
    for (const char* at = text.cbegin(); at != exponent_begin; ++at) {
      if (*at != '.') *digits_end++ = *at;
    }
    const std::string_view significant(digits.cbegin(), digits_end);
    const char* exponent_digits = exponent_begin + (exponent_begin[1] == '+' ? 2 : 1);
    int exponent = 0;
    std::from_chars(exponent_digits, end, exponent);
    decimal(significant, exponent);
  }

  /// Writes a number from its digits; the first is before the point, and `exponent` is the power of ten.
  void decimal(std::string_view digits, int exponent) {
    if (exponent < -5 || exponent > 15) {
      out_ += digits[0];
      if (digits.size() > 1) out_.append(".").append(digits.substr(1));
      out_.append(exponent < 0 ? "e" : "e+");
      number(exponent);
    } else if (exponent < 0) {
      out_.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
    } else {
      const auto whole = static_cast<std::size_t>(exponent) + 1;
      out_.append(digits.substr(0, whole));
      if (digits.size() > whole) {
        out_.append(".").append(digits.substr(whole));
      } else {
        out_.append(whole - digits.size(), '0');
      }
    }
  }

  void scalar(TypeKind kind, std::uint64_t bits) {
    switch (kind) {
      case TypeKind::boolean:
        out_ += bits != 0 ? "true" : "false";
        break;
      case TypeKind::character:
        out_ += '\'';
        wave::append_escaped(out_, static_cast<char32_t>(bits), '\'');
        out_ += '\'';
        break;
      default:
        with_number_type(kind, [&]<typename T>() {
          if constexpr (std::is_floating_point_v<T>) {
            floating(number_in<T>(bits));
          } else {
            number(number_in<T>(bits));
          }
        });
    }
  }

  /// Writes a value of a plain type from its bytes.
  void plain(const TypeNode& type, const std::byte* bytes) {
    if (type.kind == TypeKind::record || type.kind == TypeKind::tuple) {
      const bool record = type.kind == TypeKind::record;
      out_ += record ? '{' : '(';
      bool first = true;
      for (std::size_t index = 0; index < type.fields.size(); ++index) {
        comma(first);
        if (record) out_.append(type.fields[index].name).append(": ");
        plain(*type.field(index), bytes + type.offsets[index]);
      }
      out_ += record ? '}' : ')';
      return;
    }
    const std::uint64_t bits = read_bits(bytes, type.size);
    if (type.kind == TypeKind::enumeration) {
      case_name(type.fields[bits].name);
    } else if (type.kind == TypeKind::flags) {
      flags(type, bits);
    } else {
      scalar(type.kind, bits);
    }
  }

  void list(const Value& value) {
    out_ += '[';
    bool first = true;
    if (ValueAccess::node(value)->tag == ValueNode::Tag::bytes) {
      const auto& bytes = ValueAccess::node_as<BytesNode>(value);
      const TypeNode& element = ValueAccess::type(value)->element();
      for (std::size_t at = 0; at < bytes.size; at += element.size) {
        comma(first);
        plain(element, bytes.data() + at);
      }
    } else {
      for (const Value& item : ValueAccess::node_as<ItemsNode>(value).items) {
        comma(first);
        this->value(item);
      }
    }
    out_ += ']';
  }

  /// Writes a record or a tuple that is not plain.
  void items(const Value& value) {
    const bool record = value.kind() == TypeKind::record;
    const auto& items = ValueAccess::node_as<ItemsNode>(value).items;
    out_ += record ? '{' : '(';
    bool first = true;
    for (std::size_t index = 0; index < items.size(); ++index) {
      const Value& item = items[index];
      if (record && item.kind() == TypeKind::option && ValueAccess::index(item) == 0) continue;
      comma(first);
      if (record) out_.append(ValueAccess::type(value)->fields[index].name).append(": ");
      this->value(item);
    }
    if (record) {
      out_ += first ? ":}" : "}";
    } else {
      out_ += ')';
    }
  }

  void case_name(std::string_view name) {
    if (wave::is_keyword(name)) out_ += '%';
    out_ += name;
  }

  void payload(const Value& value) {
    if (value.size() == 0) return;
    out_ += '(';
    this->value(ValueAccess::node_as<PayloadNode>(value).payload);
    out_ += ')';
  }

  void flags(const TypeNode& type, std::uint64_t bits) {
    out_ += '{';
    bool first = true;
    const std::size_t count = std::min<std::size_t>(type.fields.size(), 64);
    for (std::size_t index = 0; index < count; ++index) {
      if ((bits >> index & 1U) == 0) continue;
      comma(first);
      out_ += type.fields[index].name;
    }
    out_ += '}';
  }

  void handle(const TypeNode* type) {
    const bool named = type != nullptr && !type->name.empty();
    out_.append("<").append(named ? std::string_view(type->name) : "resource").append(">");
  }

  void quoted(std::string_view text) {
    out_ += '"';
    wave::append_escaped(out_, text, '"');
    out_ += '"';
  }

  std::string out_;
};

}  // namespace

}  // namespace detail

std::string to_wave(const Value& value) {
  detail::WaveWriter writer;
  writer.value(value);
  return writer.take();
}

std::string Value::to_string() const { return to_wave(*this); }

}  // namespace tairitsu

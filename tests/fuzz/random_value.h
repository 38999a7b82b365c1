/// Creates values of a known type from arbitrary bytes, for fuzz targets and tests of random values.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "random_type.h"
#include "tairitsu/value.h"
#include "value/value_node.h"

namespace tairitsu::test {

/// Returns any number of the type, often one at the limits of its range.
inline std::uint64_t random_number(ByteSource& bytes, const Type& type) {
  const std::size_t width = type.size() * 8U;
  const std::uint64_t all = width == 64 ? UINT64_MAX : (std::uint64_t{1} << width) - 1;
  switch (bytes.choose(8)) {
    case 0:
      return 0;
    case 1:
      return 1;
    case 2:
      return all;
    case 3:
      return all >> 1U;
    case 4:
      return all ^ (all >> 1U);
    case 5:
      return static_cast<unsigned char>(bytes.next());
    default:
      return bytes.bits(type.size());
  }
}

template <typename T>
T random_float(ByteSource& bytes) {
  using Limits = std::numeric_limits<T>;
  static constexpr T kSpecial[] = {T{0},
                                   -T{0},
                                   T{1},
                                   Limits::infinity(),
                                   -Limits::infinity(),
                                   Limits::quiet_NaN(),
                                   Limits::max(),
                                   Limits::min(),
                                   Limits::denorm_min(),
                                   Limits::lowest(),
                                   T{0.1F},
                                   static_cast<T>(1e15),
                                   static_cast<T>(1e16),
                                   static_cast<T>(1e-5),
                                   static_cast<T>(1e-6),
                                   static_cast<T>(123456789)};
  const std::size_t choice = bytes.choose(std::size(kSpecial) + 8);
  if (choice < std::size(kSpecial)) return kSpecial[choice];
  if (choice % 2 == 0) return static_cast<T>(static_cast<std::int64_t>(bytes.bits(3))) / T{64};
  const auto bits = bytes.bits(sizeof(T));
  T number;
  std::memcpy(&number, &bits, sizeof number);
  return std::isnan(number) ? Limits::quiet_NaN() : number;
}

inline char32_t random_character(ByteSource& bytes) {
  static constexpr char32_t kSpecial[] = {0,      U'\t',  U'\n',   U'\r',   U'"',    U'\'',   U'\\',
                                          U'{',   0x7F,   0x80,    0x85,    0xE9,    0x301,   0x7FF,
                                          0x800,  0x200D, 0x202E,  0x2603,  0xD7FF,  0xE000,  0xFEFF,
                                          0xFFFD, 0xFFFF, 0x10000, 0x1F30A, 0xE0001, 0x10FFFF};
  const std::size_t choice = bytes.choose(std::size(kSpecial) + 24);
  if (choice < std::size(kSpecial)) return kSpecial[choice];
  return static_cast<char32_t>(' ' + bytes.choose(95, ' '));
}

inline std::string random_text(ByteSource& bytes) {
  std::string text;
  for (std::size_t left = bytes.choose(10); left != 0; --left) {
    detail::append_utf8(text, random_character(bytes));
  }
  return text;
}

/// Returns a value of exactly that type, which must come from `random_type`. Lists have up to five elements.
inline Value random_value(ByteSource& bytes, const Type& type) {
  using detail::ValueAccess;
  const detail::TypeNode& node = type.node();
  const auto with_case = [&](std::uint32_t index) {
    const TypeField& field = type.fields()[type.kind() == TypeKind::option ? 0 : index];
    const bool empty = !field.type || (type.kind() == TypeKind::option && index == 0);
    return empty ? ValueAccess::make_case(node, index)
                 : ValueAccess::make_case(node, index, random_value(bytes, *field.type));
  };
  switch (type.kind()) {
    case TypeKind::boolean:
      return Value(bytes.choose(2) == 1);
    case TypeKind::f32:
      return Value(random_float<float>(bytes));
    case TypeKind::f64:
      return Value(random_float<double>(bytes));
    case TypeKind::character:
      return Value(random_character(bytes));
    case TypeKind::string:
      return Value(random_text(bytes));
    case TypeKind::list: {
      ListBuilder list(type);
      for (std::size_t left = bytes.choose(6); left != 0; --left) {
        list.add(random_value(bytes, *type.fields()[0].type));
      }
      return list.build().value();
    }
    case TypeKind::record:
    case TypeKind::tuple: {
      std::vector<Value> fields;
      for (const TypeField& field : type.fields()) fields.push_back(random_value(bytes, *field.type));
      return Value::record(type, fields).value();
    }
    case TypeKind::option:
      return with_case(static_cast<std::uint32_t>(bytes.choose(2)));
    case TypeKind::variant:
    case TypeKind::result:
      return with_case(static_cast<std::uint32_t>(bytes.choose(type.fields().size())));
    case TypeKind::enumeration:
      return ValueAccess::make_case(node, static_cast<std::uint32_t>(bytes.choose(type.fields().size())));
    case TypeKind::flags:
      return ValueAccess::immediate(TypeKind::flags,
                                    bytes.bits(8) & ((std::uint64_t{1} << type.fields().size()) - 1), &node);
    default:
      return ValueAccess::immediate(type.kind(), random_number(bytes, type));
  }
}

}  // namespace tairitsu::test

/// Creates types from arbitrary bytes, for fuzz targets and tests of random values.
///
/// Every byte string defines a type, and such a string can be written by hand: `n` `o2` `0` `c` `sm` is
/// `list<record { a: u8, b: option<string> }>`. A letter is a kind, in the order of `TypeKind`:
///
///     a bool  b s8  c u8  d s16  e u16  f s32  g u32  h s64  i u64  j f32  k f64  l char  m string
///     n list, s option        followed by its type
///     o record, p tuple       the number of fields (`1` to `6`, `*` for twenty), the first label, their types
///     q variant               the same; `-` instead of a type is a case without a payload
///     t result                `ok` and `err`; `-` as for variants
///     r enum, u flags         the number of labels (`1` to `6`, `*` for twenty), the first label
///
/// The first label is a digit: an index into a list with all WAVE keywords, from which labels are taken in order. Past
/// the end of the bytes every type is a `u8`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tairitsu/type.h"

namespace tairitsu::test {

/// The bytes that decide what is created; `'0'` past their end.
class ByteSource {
 public:
  explicit ByteSource(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool is_empty() const { return bytes_.empty(); }
  /// Returns the remaining bytes.
  [[nodiscard]] std::string_view rest() const { return bytes_; }

  char next() {
    if (bytes_.empty()) return '0';
    const char byte = bytes_.front();
    bytes_.remove_prefix(1);
    return byte;
  }
  /// Returns one of `count` choices; `first` is the byte for the first one.
  std::size_t choose(std::size_t count, char first = '0') { return choice(next(), count, first); }
  [[nodiscard]] static std::size_t choice(char byte, std::size_t count, char first = '0') {
    return static_cast<unsigned char>(byte - first) % count;
  }
  /// Returns `size` bytes as a number.
  std::uint64_t bits(std::size_t size) {
    std::uint64_t bits = 0;
    for (; size != 0; --size) bits = bits << 8U | static_cast<unsigned char>(next());
    return bits;
  }

 private:
  std::string_view bytes_;
};

inline std::string random_label(std::size_t index) {
  static constexpr std::string_view kLabels[] = {"a",    "b",          "red", "true",  "false",
                                                 "some", "none",       "ok",  "err",   "inf",
                                                 "nan",  "field-name", "x-1", "HTTP3", "z9"};
  if (index < std::size(kLabels)) return std::string(kLabels[index]);
  return "label-" + std::to_string(index);
}

inline std::vector<TypeField> random_labels(ByteSource& bytes) {
  const char width = bytes.next();
  const std::size_t count = width == '*' ? 20 : 1 + ByteSource::choice(width, 6, '1');
  const std::size_t first = bytes.choose(10);
  std::vector<TypeField> fields(count);
  for (std::size_t index = 0; index < count; ++index) fields[index].name = random_label(first + index);
  return fields;
}

inline Type random_type_of(char byte, ByteSource& bytes, unsigned depth);

/// Returns a type whose values have a text form: any kind except handles and unsupported ones. It nests at most `depth`
/// levels deep.
inline Type random_type(ByteSource& bytes, unsigned depth = 5) {
  return bytes.is_empty() ? Type::make(TypeKind::u8) : random_type_of(bytes.next(), bytes, depth);
}

/// Returns the type of a payload, or nothing.
inline std::optional<Type> random_payload(ByteSource& bytes, unsigned depth) {
  const char byte = bytes.next();
  if (byte < '0') return std::nullopt;
  return random_type_of(byte, bytes, depth);
}

inline Type random_type_of(char byte, ByteSource& bytes, unsigned depth) {
  constexpr std::size_t kScalars = 13;
  constexpr std::size_t kKinds = 21;
  const auto kind = static_cast<TypeKind>(ByteSource::choice(byte, depth == 0 ? kScalars : kKinds, 'a'));
  switch (kind) {
    case TypeKind::list:
    case TypeKind::option:
      return Type::make(kind, {}, {TypeField{{}, random_type(bytes, depth - 1)}});
    case TypeKind::record:
    case TypeKind::tuple: {
      auto fields = random_labels(bytes);
      for (TypeField& field : fields) field.type = random_type(bytes, depth - 1);
      return Type::make(kind, kind == TypeKind::record ? "thing" : "", std::move(fields));
    }
    case TypeKind::variant: {
      auto fields = random_labels(bytes);
      for (TypeField& field : fields) field.type = random_payload(bytes, depth - 1);
      return Type::make(kind, "shape", std::move(fields));
    }
    case TypeKind::result: {
      auto ok = random_payload(bytes, depth - 1);
      return Type::make(kind, {},
                        {TypeField{{}, std::move(ok)}, TypeField{{}, random_payload(bytes, depth - 1)}});
    }
    case TypeKind::enumeration:
      return Type::make(kind, "colour", random_labels(bytes));
    case TypeKind::flags:
      return Type::make(kind, "rights", random_labels(bytes));
    default:
      return Type::make(kind);
  }
}

}  // namespace tairitsu::test

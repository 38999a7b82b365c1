/// Reads values from the memory of a hostile guest. The first bytes of an input define a type (see random_type.h) or
/// name a C++ type. The next byte selects the guest's string encoding and whether the value is in slots or in memory.
/// The rest is the memory.
///
/// A value that is read has exactly that type and round-trips. For a C++ type, the typed and the dynamic path read the
/// same value, or both fail.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "check.h"
#include "random_type.h"
#include "tairitsu/describe.h"
#include "tairitsu/detail/codec.h"
#include "tairitsu/detail/scratch.h"
#include "tairitsu/value.h"
#include "value/codec.h"

namespace {

enum class Colour : std::uint8_t { red, green, blue };
enum class Marks : std::uint16_t {};

struct Padded {
  std::uint8_t a = 0;
  std::int64_t b = 0;
  bool c = false;
  char32_t d = 0;
};

struct Choice : std::variant<std::uint8_t, double, std::string, std::monostate> {
  using variant::variant;
};

}  // namespace

template <>
struct tairitsu::Describe<Colour> : tairitsu::Enum<Colour, "colour", "red", "green", "blue"> {};
template <>
struct tairitsu::Describe<Marks>
    : tairitsu::Flags<Marks, "marks", "a", "b", "c", "d", "e", "f", "g", "h", "i"> {};
template <>
struct tairitsu::Describe<Padded>
    : tairitsu::Record<Padded, "padded", tairitsu::Field<"a", &Padded::a>, tairitsu::Field<"b", &Padded::b>,
                       tairitsu::Field<"c", &Padded::c>, tairitsu::Field<"d", &Padded::d>> {};
template <>
struct tairitsu::Describe<Choice> : tairitsu::Variant<Choice, "choice", "small", "wide", "text", "none"> {};

namespace {

using namespace tairitsu;
using detail::Scratch;
using test::check;

/// Limits overlapping lists, which can expand a few bytes into very many.
constexpr std::uint64_t kCopyLimit = std::uint64_t{1} << 20U;

struct Guest {
  /// Allocated exactly, so that the sanitizer detects reads past its end.
  std::unique_ptr<std::uint8_t[]> memory;
  std::array<abi::Slot, 16> slots{};
  bool in_slots = false;
  std::uint32_t address = 0;
  abi::Lifting lifting{};

  explicit Guest(test::ByteSource& bytes) {
    const std::size_t how = bytes.choose(8);
    in_slots = (how & 4U) != 0;
    const std::string_view rest = bytes.rest();
    memory = std::make_unique<std::uint8_t[]>(rest.size());
    std::ranges::copy(rest, memory.get());
    // The slots and the address are the first bytes of the memory.
    std::memcpy(slots.data(), rest.data(), std::min(rest.size(), sizeof slots));
    std::memcpy(&address, rest.data(), std::min(rest.size(), sizeof address));
    lifting = {.memory = memory.get(),
               .memory_size = rest.size(),
               .handles = nullptr,
               .handle_count = 0,
               .encoding = static_cast<abi::StringEncoding>(how % 3)};
  }
};

void check_refusal(const detail::LiftContext& cx) {
  check(cx.error.has_value(), "lifting failed without an error");
  check(cx.error->code() == ErrorCode::invalid_value || cx.error->code() == ErrorCode::copy_limit,
        cx.error->message());
}

std::optional<Value> lift(const Guest& guest, const detail::TypeNode& type, ErrorCode& error) {
  detail::LiftContext cx(guest.lifting, kCopyLimit);
  detail::ValueLifter lifter(cx);
  Value value;
  const abi::Slot* slot = guest.slots.data();
  const bool lifted = guest.in_slots ? lifter.lift(slot, type, value)
                                     : cx.range(guest.address, 1, type.size, type.align) != nullptr &&
                                           lifter.load(guest.address, type, value);
  if (lifted) return value;
  check_refusal(cx);
  error = cx.error->code();
  return std::nullopt;
}

/// Writes the value into host memory and reads it again.
void check_value(const Value& value, const Type& type) {
  check(value.type() == type, "the value has another type");
  check(value == value, "the value is not equal to itself");
  check(value.to(type) == value, "the value does not fit its type");
  detail::CheckContext checking;
  check(detail::ValueChecker(checking).check(value, type.node()), "the value is rejected");
  Scratch scratch;
  const auto stored = scratch.write(type.size(), [&](detail::LowerContext& cx) {
    return detail::ValueLowerer(cx).store(value, type.node(), Scratch::kStart);
  });
  check(stored.has_value(), "the value cannot be written");
  const abi::Lifting memory = scratch.lifting();
  detail::LiftContext cx(memory, UINT64_MAX);
  Value again;
  check(detail::ValueLifter(cx).load(Scratch::kStart, type.node(), again), "the value cannot be read again");
  check(again == value, "the value differs when it is read again");
}

template <typename T>
void check_typed(const Guest& guest) {
  const Type type = detail::Codec<T>::type();
  if (guest.in_slots && detail::Codec<T>::flat_count > guest.slots.size()) return;
  ErrorCode error{};
  const auto dynamic = lift(guest, type.node(), error);
  if (dynamic) check_value(*dynamic, type);

  detail::LiftContext cx(guest.lifting, kCopyLimit);
  T value{};
  const abi::Slot* slot = guest.slots.data();
  const bool lifted = guest.in_slots ? detail::Codec<T>::lift(cx, slot, value)
                                     : cx.range(guest.address, 1, detail::Codec<T>::size,
                                                detail::Codec<T>::align) != nullptr &&
                                           detail::Codec<T>::load(cx, guest.address, value);
  if (!lifted) check_refusal(cx);
  // The two paths count copied bytes differently.
  if ((!dynamic && error == ErrorCode::copy_limit) || (!lifted && cx.error->code() == ErrorCode::copy_limit))
    return;
  check(lifted == dynamic.has_value(), "only one of the two paths reads it");
  if (!lifted) return;
  const auto converted = Value::of(value);
  check(converted.has_value(), "the C++ value cannot be converted to a dynamic one");
  check(*converted == *dynamic, "the two paths read different values");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  test::ByteSource bytes({reinterpret_cast<const char*>(data), size});
  if (bytes.rest().starts_with('~')) {
    bytes.next();
    const std::size_t which = bytes.choose(8);
    const Guest guest(bytes);
    switch (which) {
      case 0:
        check_typed<std::vector<Padded>>(guest);
        break;
      case 1:
        check_typed<std::vector<std::string>>(guest);
        break;
      case 2:
        check_typed<Choice>(guest);
        break;
      case 3:
        check_typed<std::vector<std::optional<std::vector<std::uint16_t>>>>(guest);
        break;
      case 4:
        check_typed<std::tuple<Colour, Marks, bool, char32_t, float, std::int8_t, std::string>>(guest);
        break;
      case 5:
        check_typed<std::expected<std::vector<Colour>, Marks>>(guest);
        break;
      case 6:
        check_typed<std::vector<std::vector<Choice>>>(guest);
        break;
      default:
        check_typed<Padded>(guest);
        break;
    }
    return 0;
  }
  const Type type = test::random_type(bytes);
  const Guest guest(bytes);
  if (type.size() > (std::uint32_t{1} << 20U)) return 0;
  if (guest.in_slots && type.node().flat_count > guest.slots.size()) return 0;
  ErrorCode error{};
  if (const auto value = lift(guest, type.node(), error)) check_value(*value, type);
  return 0;
}

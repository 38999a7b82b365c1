#include "tairitsu/detail/context.h"

#include <fmt/format.h>

#include "base/text.h"

namespace tairitsu::detail {

namespace {

/// Set in the length of a `latin1+utf16` string that is UTF-16. Source: CanonicalABI.md, `UTF16_TAG`.
constexpr std::uint32_t kUtf16Tag = std::uint32_t{1} << 31;

/// Returns the next code point of text that is known to be UTF-8, and advances `at`.
char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t index) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[index]));
  };
  const char32_t first = byte(at);
  if (first < 0x80) {
    at += 1;
    return first;
  }
  if (first < 0xE0) {
    at += 2;
    return (first & 0x1F) << 6 | (byte(at - 1) & 0x3F);
  }
  if (first < 0xF0) {
    at += 3;
    return (first & 0x0F) << 12 | (byte(at - 2) & 0x3F) << 6 | (byte(at - 1) & 0x3F);
  }
  at += 4;
  return (first & 0x07) << 18 | (byte(at - 3) & 0x3F) << 12 | (byte(at - 2) & 0x3F) << 6 |
         (byte(at - 1) & 0x3F);
}

}  // namespace

bool LowerContext::too_large(std::size_t size) {
  return fail(ErrorCode::invalid_argument, fmt::format("a value of {} bytes is too large for a guest", size));
}

bool LowerContext::transcode(std::string_view text, std::size_t& address, std::uint32_t& length) {
  std::size_t units = 0;
  bool latin1 = lowering_.encoding == abi::StringEncoding::latin1_or_utf16;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t value = next_code_point(text, at);
    units += value > 0xFFFF ? 2 : 1;
    latin1 = latin1 && value <= 0xFF;
  }
  // Both encodings of latin1+utf16 have UTF-16's alignment.
  if (!reallocate(latin1 ? units : units * 2, 2, address)) return false;
  std::size_t to = address;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t value = next_code_point(text, at);
    if (latin1) {
      write(to++, static_cast<std::uint8_t>(value));
    } else if (value <= 0xFFFF) {
      write(to, static_cast<std::uint16_t>(value));
      to += 2;
    } else {
      write(to, static_cast<std::uint16_t>(0xD800 + ((value - 0x10000) >> 10)));
      write(to + 2, static_cast<std::uint16_t>(0xDC00 + ((value - 0x10000) & 0x3FF)));
      to += 4;
    }
  }
  length = static_cast<std::uint32_t>(units);
  if (!latin1 && lowering_.encoding == abi::StringEncoding::latin1_or_utf16) length |= kUtf16Tag;
  return true;
}

bool LiftContext::transcode(std::uint32_t address, std::uint32_t length, std::string_view& out) {
  bool utf16 = true;
  if (lifting_.encoding == abi::StringEncoding::latin1_or_utf16) {
    utf16 = (length & kUtf16Tag) != 0;
    length &= ~kUtf16Tag;
  }
  if (range(address, length, utf16 ? 2 : 1, 2) == nullptr || !consume(length)) return false;
  std::string text;
  text.reserve(length);
  for (std::uint32_t index = 0; index < length; ++index) {
    if (!utf16) {
      append_utf8(text, read<std::uint8_t>(address + index));
      continue;
    }
    const auto unit = [&](std::uint32_t at) {
      return char32_t{read<std::uint16_t>(address + std::size_t{2} * at)};
    };
    char32_t value = unit(index);
    if (value >= 0xD800 && value <= 0xDFFF) {
      const char32_t low = value < 0xDC00 && index + 1 < length ? unit(index + 1) : 0;
      if (low < 0xDC00 || low > 0xDFFF) {
        return fail(ErrorCode::invalid_value,
                    "a string of the guest is not valid UTF-16: unpaired surrogate");
      }
      value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
      ++index;
    }
    append_utf8(text, value);
  }
  // UTF-8 takes at least one byte for each unit.
  if (!consume(text.size() - length)) return false;
  if (!arena_) arena_ = std::make_unique<std::deque<std::string>>();
  out = arena_->emplace_back(std::move(text));
  return true;
}

const abi::Handle* LiftContext::next_handle() {
  if (handles_taken_ < lifting_.handle_count) return &lifting_.handles[handles_taken_++];
  fail(ErrorCode::internal, "a resource handle was not lifted");
  return nullptr;
}

bool LiftContext::fail_discriminant(std::uint32_t value, std::size_t cases) {
  return fail(ErrorCode::invalid_value,
              fmt::format("a value of the guest has case {} of a type with {} cases", value, cases));
}

bool LiftContext::fail_character(std::uint32_t value) {
  return fail(ErrorCode::invalid_value,
              fmt::format("a char of the guest, {:#x}, is not a Unicode scalar value", value));
}

bool LiftContext::invalid_utf8() {
  return fail(ErrorCode::invalid_value, "a string of the guest is not valid UTF-8");
}

bool LiftContext::consume_extended_view(std::uint64_t bytes) {
  if (!views_extended_) {
    views_extended_ = true;
    view_left_ += lifting_.memory_size;
    return consume_view(bytes);
  }
  return fail_copy_limit();
}

bool LiftContext::fail_copy_limit() {
  return fail(ErrorCode::copy_limit,
              "the guest's values are larger than one call may copy (Limits::copied_bytes_per_call)");
}

const std::uint8_t* LiftContext::misaligned(std::uint32_t address, std::uint32_t align) {
  fail(ErrorCode::invalid_value,
       fmt::format("a pointer of the guest, {:#x}, is not aligned to {} bytes", address, align));
  return nullptr;
}

const std::uint8_t* LiftContext::out_of_bounds(std::uint32_t address, std::uint64_t size) {
  fail(ErrorCode::invalid_value,
       fmt::format("{} bytes at guest address {:#x} are out of bounds of its memory ({} bytes)", size,
                   address, lifting_.memory_size));
  return nullptr;
}

}  // namespace tairitsu::detail

/// The state of lowering and lifting. Users have no need of this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tairitsu/abi.h>
#include <tairitsu/detail/unicode.h>
#include <tairitsu/error.h>

namespace tairitsu::detail {

class GuestScope;

/// Returns whether the text is UTF-8, with the crate simdutf8.
[[nodiscard]] bool is_utf8_slow(const char* text, std::size_t size) noexcept;

/// Returns whether `text` is UTF-8. Recognizes short ASCII text inline.
[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept {
  const char* data = text.data();
  const std::size_t size = text.size();
  if (size > 128) return is_utf8_slow(data, size);
  const auto word = [data](std::size_t at) {
    std::uint64_t value;
    std::memcpy(&value, data + at, 8);
    return value;
  };
  std::uint64_t seen = 0;
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) seen |= word(at);
    seen |= word(size - 8);  // May overlap the previous word.
  } else {
    for (std::size_t at = 0; at < size; ++at) seen |= static_cast<unsigned char>(data[at]);
  }
  return (seen & 0x8080808080808080) == 0 || is_utf8_slow(data, size);
}

/// Checks values before a guest is entered, so that a mistake of the host does not put the container into its error
/// state.
class CheckContext {
 public:
  /// For values without handles, outside of a container.
  CheckContext() = default;
  explicit CheckContext(const GuestScope& guest) noexcept : guest_(&guest) {}
  [[nodiscard]] const GuestScope& guest() const noexcept { return *guest_; }
  bool fail(ErrorCode code, std::string message) {
    error.emplace(code, std::move(message));
    return false;
  }
  std::optional<Error> error;

 private:
  const GuestScope* guest_ = nullptr;
};

/// Writes values to guest memory.
class LowerContext {
 public:
  LowerContext(abi::Lowering& lowering, GuestScope& guest) noexcept : lowering_(lowering), guest_(&guest) {}
  /// For values without handles, outside of a container.
  explicit LowerContext(abi::Lowering& lowering) noexcept : lowering_(lowering) {}

  /// Allocates memory with the guest's `realloc`, even for 0 bytes. Returns false on failure.
  [[nodiscard]] bool reallocate(std::size_t size, std::uint32_t align, std::size_t& address) {
    if (size > 0x7FFFFFFF) return too_large(size);
    address = lowering_.reallocate(&lowering_, size, align);
    return address != SIZE_MAX;
  }
  /// Returns guest memory at an address from `reallocate`. Valid until the next `reallocate`.
  [[nodiscard]] std::uint8_t* at(std::size_t address) const noexcept { return lowering_.memory + address; }

  template <typename T>
  void write(std::size_t address, T value) noexcept {
    std::memcpy(lowering_.memory + address, &value, sizeof value);
  }

  /// Writes a string in the guest's encoding. `length` is in code units, tagged as the canonical ABI requires.
  [[nodiscard]] bool lower_string(std::string_view text, std::size_t& address, std::uint32_t& length) {
    if (lowering_.encoding != abi::StringEncoding::utf8) return transcode(text, address, length);
    if (!reallocate(text.size(), 1, address)) return false;
    if (!text.empty()) std::memcpy(at(address), text.data(), text.size());
    length = static_cast<std::uint32_t>(text.size());
    return true;
  }

  [[nodiscard]] bool lower_handle(const abi::Handle& handle, std::uint32_t& index) {
    index = lowering_.lower_handle(&lowering_, &handle, handle_ordinal);
    return index != UINT32_MAX;
  }

  [[nodiscard]] GuestScope& guest() noexcept { return *guest_; }
  bool fail(ErrorCode code, std::string message) {
    error.emplace(code, std::move(message));
    return false;
  }

  /// The index of the next handle type of the function, in the order of its type tree.
  std::uint32_t handle_ordinal = 0;
  std::optional<Error> error;

 private:
  bool transcode(std::string_view text, std::size_t& address, std::uint32_t& length);
  bool too_large(std::size_t size);

  abi::Lowering& lowering_;
  GuestScope* guest_ = nullptr;
};

/// Reads values from guest memory. Views that it returns are valid during the call.
class LiftContext {
 public:
  LiftContext(const abi::Lifting& lifting, GuestScope& guest, std::uint64_t copy_limit) noexcept
      : lifting_(lifting), guest_(&guest), copy_left_(copy_limit), view_left_(copy_limit) {}
  /// For values without handles, outside of a container.
  LiftContext(const abi::Lifting& lifting, std::uint64_t copy_limit) noexcept
      : lifting_(lifting), copy_left_(copy_limit), view_left_(copy_limit) {}

  /// Returns a pointer to `count * size` bytes at `address`. If they are misaligned or out of bounds, returns null and
  /// sets `error`.
  [[nodiscard]] const std::uint8_t* range(std::uint32_t address, std::uint64_t count, std::uint32_t size,
                                          std::uint32_t align) {
    // count and size fit 32 bits, so the product and the sum do not overflow.
    if (address % align != 0) [[unlikely]]
      return misaligned(address, align);
    if (address + count * size > lifting_.memory_size) [[unlikely]]
      return out_of_bounds(address, count * size);
    return lifting_.memory + address;
  }
  /// Returns memory that `range` has checked.
  [[nodiscard]] const std::uint8_t* at(std::size_t address) const noexcept {
    return lifting_.memory + address;
  }

  template <typename T>
  [[nodiscard]] T read(std::size_t address) const noexcept {
    T value;
    std::memcpy(&value, lifting_.memory + address, sizeof value);
    return value;
  }

  /// Counts bytes that are copied out of the guest. Returns false if the container's limit is exceeded.
  [[nodiscard]] bool consume(std::uint64_t bytes) {
    if (bytes > copy_left_) [[unlikely]]
      return fail_copy_limit();
    copy_left_ -= bytes;
    return true;
  }

  /// Counts bytes that are read but not copied, because a list can refer to the same bytes many times. The size of the
  /// whole memory is always allowed. Returns false if the limit is exceeded.
  [[nodiscard]] bool consume_view(std::uint64_t bytes) {
    if (bytes > view_left_) [[unlikely]]
      return consume_extended_view(bytes);
    view_left_ -= bytes;
    return true;
  }

  /// Reads a string as a view of guest memory, or of a transcoded copy in the call's arena. The transcoded copy counts
  /// as copied bytes; the view does if `copied` says that the caller copies it.
  [[nodiscard]] bool lift_string(std::uint32_t address, std::uint32_t length, bool copied,
                                 std::string_view& out) {
    if (lifting_.encoding != abi::StringEncoding::utf8) return transcode(address, length, out);
    const std::uint8_t* bytes = range(address, length, 1, 1);
    if (bytes == nullptr || (copied ? !consume(length) : !consume_view(length))) return false;
    out = {reinterpret_cast<const char*>(bytes), length};
    return is_utf8(out) || invalid_utf8();
  }

  /// Returns the next handle, which the bridge has already lifted.
  [[nodiscard]] const abi::Handle* next_handle();

  [[nodiscard]] GuestScope& guest() noexcept { return *guest_; }
  bool fail(ErrorCode code, std::string message) {
    error.emplace(code, std::move(message));
    return false;
  }
  bool fail_discriminant(std::uint32_t value, std::size_t cases);
  bool fail_character(std::uint32_t value);

  std::optional<Error> error;

 private:
  bool transcode(std::uint32_t address, std::uint32_t length, std::string_view& out);
  bool invalid_utf8();
  bool consume_extended_view(std::uint64_t bytes);
  bool fail_copy_limit();
  const std::uint8_t* misaligned(std::uint32_t address, std::uint32_t align);
  const std::uint8_t* out_of_bounds(std::uint32_t address, std::uint64_t size);

  const abi::Lifting& lifting_;
  GuestScope* guest_ = nullptr;
  std::uint64_t copy_left_;
  std::uint64_t view_left_;
  bool views_extended_ = false;
  std::size_t handles_taken_ = 0;
  std::unique_ptr<std::deque<std::string>> arena_;  // A deque, so that views into its strings stay valid.
};

}  // namespace tairitsu::detail

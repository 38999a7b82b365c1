/// What lowering and lifting work with. Users have no need of this header.
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

/// Whether `text` is UTF-8. Short ASCII is decided here, the rest by the crate simdutf8.
[[nodiscard]] bool is_utf8_slow(const char* text, std::size_t size) noexcept;

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
    seen |= word(size - 8);  // May overlap the word before.
  } else {
    for (std::size_t at = 0; at < size; ++at) seen |= static_cast<unsigned char>(data[at]);
  }
  return (seen & 0x8080808080808080) == 0 || is_utf8_slow(data, size);
}

/// Checks values before a guest is entered, so that a host's mistake does not cost the container.
class CheckContext {
 public:
  /// For values without handles, where there is no container.
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

/// Writes values into a guest.
class LowerContext {
 public:
  LowerContext(abi::Lowering& lowering, GuestScope& guest) noexcept : lowering_(lowering), guest_(&guest) {}
  /// For values without handles, where there is no container.
  explicit LowerContext(abi::Lowering& lowering) noexcept : lowering_(lowering) {}

  /// Memory of the guest's own making; 0 bytes are asked for like any other. False on failure.
  [[nodiscard]] bool reallocate(std::size_t size, std::uint32_t align, std::size_t& address) {
    if (size > 0x7FFFFFFF) return too_large(size);
    address = lowering_.reallocate(&lowering_, size, align);
    return address != SIZE_MAX;
  }
  /// The guest's memory at an address that `reallocate` gave. Valid until the next `reallocate`.
  [[nodiscard]] std::uint8_t* at(std::size_t address) const noexcept { return lowering_.memory + address; }

  template <typename T>
  void write(std::size_t address, T value) noexcept {
    std::memcpy(lowering_.memory + address, &value, sizeof value);
  }

  /// Writes a string in the guest's encoding; `length` is in code units, tagged as the ABI says.
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

  /// Which handle type of the function comes next, in the order of its type tree.
  std::uint32_t handle_ordinal = 0;
  std::optional<Error> error;

 private:
  bool transcode(std::string_view text, std::size_t& address, std::uint32_t& length);
  bool too_large(std::size_t size);

  abi::Lowering& lowering_;
  GuestScope* guest_ = nullptr;
};

/// Reads values out of a guest. Views that it makes live as long as the call.
class LiftContext {
 public:
  LiftContext(const abi::Lifting& lifting, GuestScope& guest, std::uint64_t copy_limit) noexcept
      : lifting_(lifting), guest_(&guest), copy_left_(copy_limit), view_left_(copy_limit) {}
  /// For values without handles, where there is no container.
  LiftContext(const abi::Lifting& lifting, std::uint64_t copy_limit) noexcept
      : lifting_(lifting), copy_left_(copy_limit), view_left_(copy_limit) {}

  /// A pointer to `count * size` bytes at `address`, or null with `error` set where they are
  /// misaligned or out of bounds.
  [[nodiscard]] const std::uint8_t* range(std::uint32_t address, std::uint64_t count, std::uint32_t size,
                                          std::uint32_t align) {
    // count is at most 2^32 - 1 and size fits 32 bits, so nothing overflows.
    if (address % align != 0) [[unlikely]]
      return misaligned(address, align);
    if (address + count * size > lifting_.memory_size) [[unlikely]]
      return out_of_bounds(address, count * size);
    return lifting_.memory + address;
  }
  /// Memory that `range` has checked.
  [[nodiscard]] const std::uint8_t* at(std::size_t address) const noexcept {
    return lifting_.memory + address;
  }

  template <typename T>
  [[nodiscard]] T read(std::size_t address) const noexcept {
    T value;
    std::memcpy(&value, lifting_.memory + address, sizeof value);
    return value;
  }

  /// Counts bytes that are copied out of the guest; false at the container's limit.
  [[nodiscard]] bool consume(std::uint64_t bytes) {
    if (bytes > copy_left_) [[unlikely]]
      return too_much();
    copy_left_ -= bytes;
    return true;
  }

  /// Counts bytes that are read and not copied: lists can view the same ones many times over. As many as the whole
  /// memory has are not too many.
  [[nodiscard]] bool look_at(std::uint64_t bytes) {
    if (bytes > view_left_) [[unlikely]]
      return look_at_more(bytes);
    view_left_ -= bytes;
    return true;
  }

  /// A view of a string in guest memory, or of its transcoded copy in the call's arena, which counts as
  /// copied; the other does where the caller says that it copies the view.
  [[nodiscard]] bool lift_string(std::uint32_t address, std::uint32_t length, bool copied,
                                 std::string_view& out) {
    if (lifting_.encoding != abi::StringEncoding::utf8) return transcode(address, length, out);
    const std::uint8_t* bytes = range(address, length, 1, 1);
    if (bytes == nullptr || (copied ? !consume(length) : !look_at(length))) return false;
    out = {reinterpret_cast<const char*>(bytes), length};
    return is_utf8(out) || invalid_utf8();
  }

  /// The next handle, which the bridge has lifted already.
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
  bool look_at_more(std::uint64_t bytes);
  bool too_much();
  const std::uint8_t* misaligned(std::uint32_t address, std::uint32_t align);
  const std::uint8_t* out_of_bounds(std::uint32_t address, std::uint64_t size);

  const abi::Lifting& lifting_;
  GuestScope* guest_ = nullptr;
  std::uint64_t copy_left_;
  std::uint64_t view_left_;
  bool views_extended_ = false;
  std::size_t handles_taken_ = 0;
  std::unique_ptr<std::deque<std::string>> arena_;  // A deque: views into its strings stay valid.
};

}  // namespace tairitsu::detail

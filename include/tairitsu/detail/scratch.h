/// Host memory with the layout of guest memory, through which C++ values and dynamic values are converted. Users have
/// no need of this header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <tairitsu/abi.h>
#include <tairitsu/detail/codec.h>
#include <tairitsu/detail/context.h>
#include <tairitsu/detail/signature.h>
#include <tairitsu/error.h>

namespace tairitsu::detail {

/// One value, stored from offset `kStart` on. It has no handles, because there is no guest.
class Scratch {
 public:
  /// Not 0, so that no value has the null address.
  static constexpr std::uint32_t kStart = 8;

  Scratch();

  /// Writes a C++ value.
  template <typename T>
  [[nodiscard]] Result<void> store(const T& value) {
    if constexpr (Codec<T>::needs_check) {
      CheckContext cx;
      if (!Codec<T>::check(cx, value)) return std::unexpected(*std::move(cx.error));
    }
    return write(Codec<T>::size, [&](LowerContext& cx) { return Codec<T>::store(cx, value, kStart); });
  }
  /// Writes a value of `size` bytes with `store(cx)`, which puts it at `kStart`.
  template <typename Store>
  [[nodiscard]] Result<void> write(std::uint32_t size, Store&& store) {
    ScratchLowering lowering(*this);
    LowerContext cx(lowering);
    std::size_t address = 0;
    if (cx.reallocate(size, kStart, address) && store(cx)) return {};
    return std::unexpected(take_error(cx));
  }
  /// Reads the value as a C++ value.
  template <typename T>
  [[nodiscard]] Result<T> load() const {
    const abi::Lifting memory = lifting();
    LiftContext cx(memory, UINT64_MAX);
    T value{};
    if (!Codec<T>::load(cx, kStart, value)) return std::unexpected(*std::move(cx.error));
    return value;
  }

  [[nodiscard]] abi::Lifting lifting() const;

 private:
  struct ScratchLowering : abi::Lowering {
    explicit ScratchLowering(Scratch& scratch);
    Scratch& owner;
  };
  [[nodiscard]] static Error take_error(LowerContext& cx);

  std::vector<std::uint8_t> bytes_;
};

}  // namespace tairitsu::detail

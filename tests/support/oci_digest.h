/// SHA-256 for tests of what takes the hash as an interface (FIPS 180-4).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "oci/digest.h"

namespace tairitsu::test {

class OciSha256 : public oci::Sha256 {
 public:
  void update(std::span<const std::byte> bytes) override {
    for (const std::byte byte : bytes) add(std::to_integer<std::uint8_t>(byte));
    bits_ += bytes.size() * 8;
  }

  std::array<std::byte, 32> finish() override {
    add(0x80);
    while (used_ != 56) add(0);
    for (int shift = 56; shift >= 0; shift -= 8)
      add(static_cast<std::uint8_t>(bits_ >> static_cast<unsigned>(shift)));
    std::array<std::byte, 32> hash{};
    for (std::size_t i = 0; i < hash.size(); ++i)
      hash[i] = static_cast<std::byte>(state_[i / 4] >> (24 - i % 4 * 8));
    return hash;
  }

 private:
  void add(std::uint8_t byte) {
    block_[used_++] = byte;
    if (used_ == block_.size()) {
      mix();
      used_ = 0;
    }
  }

  /// The first 32 bits of the fractional part of a root of a prime, by integers alone: `root` is 2 or 3.
  static constexpr std::uint32_t fraction(unsigned root, std::uint64_t prime) {
    __extension__ using Wide = unsigned __int128;
    // The greatest x with x^root <= prime * 2^(32 * root).
    std::uint64_t x = 0;
    const Wide target = static_cast<Wide>(prime) << (32 * root);
    for (std::uint64_t bit = std::uint64_t{1} << 37U; bit != 0; bit >>= 1U) {
      const Wide next = x | bit;
      const bool fits = root == 2 ? next * next <= target : next * next <= target / next;
      if (fits) x |= bit;
    }
    return static_cast<std::uint32_t>(x);
  }

  static constexpr std::array<std::uint32_t, 64> constants(unsigned root) {
    std::array<std::uint32_t, 64> values{};
    std::size_t count = 0;
    for (std::uint64_t candidate = 2; count < values.size(); ++candidate) {
      bool prime = true;
      for (std::uint64_t divisor = 2; divisor * divisor <= candidate; ++divisor)
        prime = prime && candidate % divisor != 0;
      if (prime) values[count++] = fraction(root, candidate);
    }
    return values;
  }

  void mix() {
    static const std::array<std::uint32_t, 64> kRounds = constants(3);
    std::array<std::uint32_t, 64> w{};
    for (std::size_t i = 0; i < 64; ++i) w[i / 4] = i % 4 == 0 ? block_[i] : w[i / 4] << 8U | block_[i];
    for (std::size_t i = 16; i < 64; ++i) {
      const std::uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ w[i - 15] >> 3U;
      const std::uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ w[i - 2] >> 10U;
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t i = 0; i < 64; ++i) {
      const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
      const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + kRounds[i] + w[i];
      const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
      const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
    const std::array<std::uint32_t, 8> after = {a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state_[i] += after[i];
  }

  static std::array<std::uint32_t, 8> first_state() {
    static const std::array<std::uint32_t, 64> kRoots = constants(2);
    std::array<std::uint32_t, 8> state{};
    for (std::size_t i = 0; i < 8; ++i) state[i] = kRoots[i];
    return state;
  }

  std::array<std::uint32_t, 8> state_ = first_state();
  std::array<std::uint8_t, 64> block_{};
  std::size_t used_ = 0;
  std::uint64_t bits_ = 0;
};

inline std::unique_ptr<oci::Sha256> oci_sha256() { return std::make_unique<OciSha256>(); }

inline oci::Digest oci_digest_of(std::string_view text) {
  return oci::Digest::of(std::as_bytes(std::span(text)), oci_sha256);
}

}  // namespace tairitsu::test

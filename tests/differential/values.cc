#include "values.h"

#include <algorithm>
#include <bit>
#include <charconv>

namespace differential {

std::uint64_t Random::next() noexcept {
  state_ += 0x9E3779B97F4A7C15;
  std::uint64_t value = state_;
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9;
  value = (value ^ value >> 27) * 0x94D049BB133111EB;
  return value ^ value >> 31;
}

std::uint64_t Random::bits(unsigned width) noexcept {
  const std::uint64_t mask = width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
  const std::uint64_t top = std::uint64_t{1} << (width - 1);
  switch (below(8)) {
    case 0: {
      // The limits of the signed and unsigned ranges.
      const std::uint64_t edges[] = {0, 1, mask, mask - 1, top, top - 1, top + 1};
      return edges[below(std::size(edges))];
    }
    case 1: {
      // Floats: zeros, infinities, quiet and signalling NaNs with payloads, and the smallest subnormal.
      if (width < 32) return next() & mask;
      const std::uint64_t infinity =
          width == 32 ? std::uint64_t{0x7F800000} : std::uint64_t{0x7FF0000000000000};
      const std::uint64_t quiet = width == 32 ? std::uint64_t{0x400000} : std::uint64_t{0x8000000000000};
      const std::uint64_t payload = next() & (quiet - 1);
      const std::uint64_t specials[] = {
          0, 1, infinity, infinity | quiet, infinity | quiet | payload, infinity | payload};
      return specials[below(std::size(specials))] | (one_in(2) ? top : 0);
    }
    case 2:
    case 3:
      return below(256) & mask;
    default:
      return next() & mask;
  }
}

std::size_t Random::length() noexcept {
  constexpr std::size_t kLengths[] = {0, 1, 1, 2, 2, 3, 3, 4, 5, 7, 40};
  const std::size_t length = std::min(kLengths[below(std::size(kLengths))], elements_left_);
  elements_left_ -= length;
  return length;
}

char32_t Random::character() noexcept {
  // Both sides of the boundaries of the encodings.
  constexpr char32_t kEdges[] = {0,      1,       0x22,    0x5C,    0x7F,    0x80,    0xFF,
                                 0x100,  0x7FF,   0x800,   0xD7FF,  0xE000,  0xFEFF,  0xFFFE,
                                 0xFFFF, 0x10000, 0x103FF, 0x10400, 0xFFFFF, 0x10FFFF};
  switch (below(6)) {
    case 0:
      return kEdges[below(std::size(kEdges))];
    case 1:
      return static_cast<char32_t>(below(0x100));
    case 2: {
      const std::size_t value = below(0x10FFFF + 1 - 0x800);
      return static_cast<char32_t>(value < 0xD800 ? value : value + 0x800);
    }
    default:
      return static_cast<char32_t>(' ' + below(95));
  }
}

std::string Random::text() {
  constexpr std::size_t kLengths[] = {0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 33, 64, 130, 400};
  std::size_t length = kLengths[below(one_in(4) ? std::size(kLengths) : 9)];
  // The characters decide which encoding a latin1+utf16 guest receives.
  const std::size_t alphabet = below(4);
  std::string out;
  for (; length != 0; --length) {
    char32_t value = character();
    if (alphabet == 0) value = value % 0x80;
    if (alphabet == 1) value = value % 0x100;
    // Only the last character may be outside of Latin-1.
    if (alphabet == 2) value = length == 1 ? character() : value % 0x100;
    const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
    if (value < 0x80) {
      put(value);
    } else if (value < 0x800) {
      put(0xC0 | value >> 6);
      put(0x80 | (value & 0x3F));
    } else if (value < 0x10000) {
      put(0xE0 | value >> 12);
      put(0x80 | (value >> 6 & 0x3F));
      put(0x80 | (value & 0x3F));
    } else {
      put(0xF0 | value >> 18);
      put(0x80 | (value >> 12 & 0x3F));
      put(0x80 | (value >> 6 & 0x3F));
      put(0x80 | (value & 0x3F));
    }
  }
  return out;
}

void print_unsigned(std::uint64_t value, std::string& out) { out += std::to_string(value); }

void print_signed(std::int64_t value, std::string& out) { out += std::to_string(value); }

void print_bits(std::uint64_t bits, int digits, std::string& out) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += "0123456789abcdef"[bits >> shift & 15];
}

void print_text(std::string_view text, std::string& out) {
  out += '"';
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\') {
      out += character;
    } else {
      out += "\\x";
      print_bits(byte, 2, out);
    }
  }
  out += '"';
}

}  // namespace differential

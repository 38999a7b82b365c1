/// WebAssembly binaries of a few bytes.
#pragma once

#include <string>
#include <string_view>

namespace tairitsu::test {

inline constexpr std::string_view kEmptyModule("\0asm\x01\0\0\0", 8);
inline constexpr std::string_view kEmptyComponent("\0asm\x0d\0\x01\0", 8);

/// Returns bytes that start like a component. The store checks no more than that.
inline std::string component(std::string_view text) { return std::string(kEmptyComponent).append(text); }
inline std::string core_module(std::string_view text) { return std::string(kEmptyModule).append(text); }

}  // namespace tairitsu::test

/// What a fuzz target ends with.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tairitsu::test {

/// Ends the process where it does not hold: libFuzzer keeps the input. `about` is what it was that does not.
inline void check(bool holds, std::string_view what, std::string_view about = {}) {
  if (holds) return;
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(about.size()), about.data());
  std::abort();
}

}  // namespace tairitsu::test

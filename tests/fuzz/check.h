/// Checks for fuzz targets.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tairitsu::test {

/// Aborts unless `condition` holds; libFuzzer then keeps the input. `subject` is the offending value.
inline void check(bool condition, std::string_view problem, std::string_view subject = {}) {
  if (condition) return;
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(problem.size()), problem.data(),
               static_cast<int>(subject.size()), subject.data());
  std::abort();
}

}  // namespace tairitsu::test

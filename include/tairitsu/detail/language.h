/// Reports a compiler that is not in C++23 mode.
///
/// Every public header includes this first, and declares nothing if `TAIRITSU_NO_CXX23` is defined, so that the user
/// sees this one error instead of hundreds that follow from it.
#pragma once

#if __cplusplus <= 202002L
#error "Tairitsu needs C++23: compile with -std=c++23, or in CMake set CMAKE_CXX_STANDARD to 23"
#define TAIRITSU_NO_CXX23
#endif

// A scalar function in a guest that imports WASI, as every C program's component does: what the
// WASI cases of the benchmarks instantiate and call.
#include <stdio.h>

#include "wasi_add.h"

uint32_t exports_wasi_add_add(uint32_t a, uint32_t b) {
  // Never taken by the benchmarks. It keeps stdio, and so the WASI imports, in the component.
  if (a == UINT32_MAX && b == UINT32_MAX) {
    puts("both operands are at their largest");
  }
  return a + b;
}

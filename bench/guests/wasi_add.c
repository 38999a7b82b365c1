// A scalar function in a guest that imports WASI, as all components built from C do. The WASI benchmarks instantiate
// and call it.
#include <stdio.h>

#include "wasi_add.h"

uint32_t exports_wasi_add_add(uint32_t a, uint32_t b) {
  // The benchmarks never do this. It keeps stdio, and thereby the WASI imports, in the component.
  if (a == UINT32_MAX && b == UINT32_MAX) {
    puts("both operands are at their largest");
  }
  return a + b;
}

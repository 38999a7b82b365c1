#include <stdio.h>

int main(void) {
  puts("hello from a command");
  return 0;
}

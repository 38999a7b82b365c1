// A program with a main(): says what it was given.
#include <stdio.h>
#include <unistd.h>

extern char** environ;

int main(int argc, char** argv) {
  (void)argv;
  int variables = 0;
  while (environ[variables] != NULL) ++variables;
  printf("%d arguments, %d variables\n", argc, variables);
  fputs("bye\n", stderr);
  return 0;
}

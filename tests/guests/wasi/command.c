// A program with main(). Prints the number of its arguments and environment variables.
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

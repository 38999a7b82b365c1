// A command. Its first argument selects what it does.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static int copy(FILE* from) {
  int letter;
  while ((letter = fgetc(from)) != EOF) putchar(letter);
  return ferror(from);
}

static int failed(const char* path) {
  fprintf(stderr, "%s: %s\n", path, strerror(errno));
  return 1;
}

static int compare(const void* a, const void* b) { return strcmp(*(char* const*)a, *(char* const*)b); }

static int list(const char* path) {
  DIR* directory = opendir(path);
  if (directory == NULL) return failed(path);
  char* names[64];
  size_t count = 0;
  for (struct dirent* entry; (entry = readdir(directory)) != NULL && count < 64;) {
    if (entry->d_name[0] != '.') names[count++] = strdup(entry->d_name);
  }
  closedir(directory);
  qsort(names, count, sizeof names[0], compare);
  for (size_t i = 0; i < count; ++i) puts(names[i]);
  return 0;
}

int main(int argc, char** argv) {
  const char* verb = argc > 1 ? argv[1] : "";
  const char* what = argc > 2 ? argv[2] : "";
  if (strcmp(verb, "arguments") == 0) {
    for (int i = 0; i < argc; ++i) puts(argv[i]);
    return 0;
  }
  if (strcmp(verb, "environment") == 0) {
    for (int i = 0; environ[i] != NULL; ++i) puts(environ[i]);
    return 0;
  }
  if (strcmp(verb, "input") == 0) return copy(stdin);
  if (strcmp(verb, "list") == 0) return list(what);
  if (strcmp(verb, "read") == 0) {
    FILE* file = fopen(what, "r");
    return file == NULL ? failed(what) : copy(file);
  }
  if (strcmp(verb, "write") == 0) {
    FILE* file = fopen(what, "w");
    if (file == NULL || fputs(argc > 3 ? argv[3] : "", file) < 0 || fclose(file) != 0) return failed(what);
    return 0;
  }
  if (strcmp(verb, "shout") == 0) {
    while (puts("This line is printed until writing it fails.") >= 0) {
    }
    return 3;
  }
  if (strcmp(verb, "exit") == 0) exit(atoi(what));
  if (strcmp(verb, "trap") == 0) __builtin_trap();
  if (strcmp(verb, "sleep") == 0) return usleep((useconds_t)atoi(what) * 1000);
  if (strcmp(verb, "spin") == 0) {
    for (volatile unsigned turn = 0;; ++turn) {
    }
  }
  if (strcmp(verb, "grow") == 0) {
    for (;;) {
      // Volatile, so that the compiler does not remove the unused block.
      char* volatile block = malloc(1 << 20);
      if (block == NULL) return failed("malloc");
      *block = 1;
    }
  }
  fprintf(stderr, "tool: unknown verb '%s'\n", verb);
  return 2;
}

// Counts the lines of the files in the given directories. This is an ordinary program without WASI-specific code.

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

static long count_lines(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "r");
  if (file == nullptr) return -1;
  long lines = 0;
  for (int c; (c = std::fgetc(file)) != EOF;) lines += c == '\n';
  std::fclose(file);
  return lines;
}

static bool report(const std::string& directory) {
  DIR* entries = opendir(directory.c_str());
  if (entries == nullptr) {
    std::printf("%s: %s\n", directory.c_str(), std::strerror(errno));
    return false;
  }
  std::vector<std::string> names;
  while (const dirent* entry = readdir(entries)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(entries);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    std::printf("%s/%s: %ld lines\n", directory.c_str(), name.c_str(), count_lines(directory + "/" + name));
  }
  return true;
}

int main(int argc, char** argv) {
  bool all = true;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--forever") == 0) {
      for (volatile int spins = 0;; spins = spins + 1) {
      }
    }
    all = report(argv[i]) && all;
  }
  return all ? 0 : 1;
}

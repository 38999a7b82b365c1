#include "bindgen/names.h"

#include <algorithm>
#include <array>

namespace tairitsu::bindgen {
namespace {

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// Sorted: the keywords of C++23 and GNU C++, macros of the standard headers, and `import` and `module`, which
// are special at the beginning of a line.
constexpr auto kReserved = std::to_array<std::string_view>({
    "alignas",      "alignof",
    "and",          "and_eq",
    "asm",          "assert",
    "auto",         "bitand",
    "bitor",        "bool",
    "break",        "case",
    "catch",        "char",
    "char16_t",     "char32_t",
    "char8_t",      "class",
    "co_await",     "co_return",
    "co_yield",     "compl",
    "concept",      "const",
    "const_cast",   "consteval",
    "constexpr",    "constinit",
    "continue",     "decltype",
    "default",      "delete",
    "do",           "double",
    "dynamic_cast", "else",
    "enum",         "errno",
    "explicit",     "export",
    "extern",       "false",
    "float",        "for",
    "friend",       "goto",
    "i386",         "if",
    "import",       "inline",
    "int",          "linux",
    "long",         "major",
    "makedev",      "minor",
    "module",       "mutable",
    "namespace",    "new",
    "noexcept",     "not",
    "not_eq",       "nullptr",
    "offsetof",     "operator",
    "or",           "or_eq",
    "posix",        "private",
    "protected",    "public",
    "register",     "reinterpret_cast",
    "requires",     "return",
    "setjmp",       "short",
    "signed",       "sizeof",
    "static",       "static_assert",
    "static_cast",  "std",
    "struct",       "switch",
    "tairitsu",     "template",
    "this",         "thread_local",
    "throw",        "true",
    "try",          "typedef",
    "typeid",       "typename",
    "typeof",       "union",
    "unix",         "unsigned",
    "using",        "va_arg",
    "va_copy",      "va_end",
    "va_start",     "virtual",
    "void",         "volatile",
    "wchar_t",      "while",
    "xor",          "xor_eq",
});
static_assert(std::ranges::is_sorted(kReserved));

// Sorted: names of the C library, which share the global scope with the namespaces of packages.
constexpr auto kLibrary = std::to_array<std::string_view>({
    "abort",     "abs",      "accept",   "access",       "acct",      "acos",      "alarm",       "asin",
    "atan",      "atexit",   "atof",     "atoi",         "bcmp",      "bcopy",     "bind",        "brk",
    "bsearch",   "bzero",    "calloc",   "ceil",         "chdir",     "chmod",     "chown",       "chroot",
    "clearerr",  "clock",    "close",    "confstr",      "connect",   "cos",       "creat",       "ctime",
    "daemon",    "difftime", "div",      "dup",          "encrypt",   "endpwent",  "environ",     "erf",
    "execl",     "exit",     "exp",      "fabs",         "fclose",    "feof",      "ferror",      "fflush",
    "fgetc",     "fileno",   "flock",    "floor",        "fmod",      "fopen",     "fork",        "fprintf",
    "fputc",     "fputs",    "fread",    "free",         "frexp",     "fscanf",    "fseek",       "fstat",
    "fsync",     "ftell",    "ftime",    "ftok",         "fwrite",    "gamma",     "getc",        "getenv",
    "getline",   "getopt",   "gets",     "gettimeofday", "gmtime",    "htons",     "hypot",       "index",
    "ioctl",     "isalpha",  "isascii",  "isatty",       "j0",        "j1",        "jn",          "kill",
    "killpg",    "labs",     "ldexp",    "lgamma",       "link",      "listen",    "llabs",       "lldiv",
    "localtime", "lockf",    "log",      "logb",         "lseek",     "malloc",    "mblen",       "memchr",
    "memcmp",    "memcpy",   "mkdir",    "mkfifo",       "mknod",     "mkstemp",   "mktime",      "mmap",
    "modf",      "mount",    "msync",    "nan",          "nearbyint", "nice",      "ntohs",       "open",
    "optarg",    "opterr",   "optind",   "pause",        "pclose",    "perror",    "personality", "pipe",
    "poll",      "popen",    "pow",      "prctl",        "printf",    "profil",    "ptrace",      "putc",
    "putenv",    "puts",     "qsort",    "quick_exit",   "raise",     "rand",      "random",      "read",
    "readlink",  "readv",    "realloc",  "reboot",       "recv",      "remainder", "remove",      "rename",
    "rewind",    "rindex",   "rint",     "rmdir",        "round",     "sbrk",      "scalb",       "scanf",
    "select",    "send",     "setbuf",   "setenv",       "shutdown",  "sigaction", "signal",      "signbit",
    "sigpause",  "sin",      "sinh",     "sleep",        "socket",    "splice",    "sqrt",        "srand",
    "srandom",   "stat",     "statfs",   "stderr",       "stdin",     "stdout",    "stime",       "strcat",
    "strchr",    "strlen",   "swab",     "symlink",      "sync",      "syscall",   "sysinfo",     "system",
    "tan",       "tanh",     "tee",      "tempnam",      "time",      "timegm",    "timer",       "times",
    "timezone",  "tmpfile",  "toascii",  "trunc",        "truncate",  "ttyname",   "tzset",       "uname",
    "ungetc",    "unlink",   "unsetenv", "usleep",       "utime",     "vfork",     "wait",        "waitpid",
    "write",     "y0",       "y1",       "yn",
});
static_assert(std::ranges::is_sorted(kLibrary));

}  // namespace

std::string file_stem(std::string_view name) {
  std::string result;
  for (const char c : name) result += c == '-' ? '_' : to_lower(c);
  return result;
}

std::string snake_case(std::string_view name) {
  std::string result = file_stem(name);
  // POSIX reserves names that end in `_t`: a parameter `size_t` would hide a type.
  if (std::ranges::binary_search(kReserved, result) || result.ends_with("_t")) result += '_';
  return result;
}

std::string namespace_case(std::string_view name) {
  std::string result = snake_case(name);
  if (std::ranges::binary_search(kLibrary, result)) result += '_';
  return result;
}

std::string title_case(std::string_view name) {
  std::string result;
  bool word_start = true;
  for (const char c : name) {
    if (c == '-') {
      word_start = true;
    } else {
      result += word_start ? to_upper(c) : c;
      word_start = false;
    }
  }
  return result;
}

std::string Scope::claim(std::string wanted) {
  while (!taken_.insert(wanted).second) wanted += '_';
  return wanted;
}

}  // namespace tairitsu::bindgen

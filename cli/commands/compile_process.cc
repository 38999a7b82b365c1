#include "commands/compile_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "commands/command.h"

namespace tairitsu::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// The child's descriptors: for the source, the artifact, and the error.
constexpr int kSource = 3;
constexpr int kArtifact = 4;
constexpr int kFailure = 5;

/// The child's exit codes, in addition to 0.
constexpr int kFailed = 1;
constexpr int kOutOfMemory = 113;

/// The child's arguments are numbers, in the order of `to_numbers`.
constexpr std::size_t kNumbers = 16;

std::array<std::uint64_t, kNumbers> to_numbers(const EngineOptions& engine, bool as_program,
                                               const CompilationBounds& bounds) {
  const CompileLimits& limits = engine.compile_limits;
  return {as_program,
          engine.fuel,
          engine.epochs,
          engine.async_abi,
          engine.debug_info,
          static_cast<std::uint64_t>(engine.optimization),
          engine.max_wasm_stack,
          limits.nesting,
          limits.function_bytes,
          limits.functions,
          limits.modules,
          limits.module_depth,
          limits.items,
          limits.source_bytes,
          bounds.memory_bytes,
          static_cast<std::uint64_t>(::getpid())};
}

Result<FileDescriptor> memory_file(const char* name) {
  FileDescriptor file(::memfd_create(name, MFD_CLOEXEC));
  if (file.get() < 0) return system_failure("create memory file for the compiler");
  return file;
}

/// A child process, which is killed and waited for unless `wait` was called.
class Child {
 public:
  explicit Child(pid_t id) : id_(id) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (id_ < 0) return;
    ::kill(id_, SIGKILL);
    wait();
  }
  int wait() {
    int status = 0;
    while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    }
    id_ = -1;
    return status;
  }

 private:
  pid_t id_;
};

Result<pid_t> spawn(const std::vector<std::string>& arguments, int source, int artifact, int failure) {
  std::vector<char*> texts;
  texts.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) texts.push_back(const_cast<char*>(argument.c_str()));
  texts.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // Numbers above the child's descriptors, so that no dup2 overwrites one that is still needed.
  const std::array from{::fcntl(source, F_DUPFD_CLOEXEC, 16), ::fcntl(artifact, F_DUPFD_CLOEXEC, 16),
                        ::fcntl(failure, F_DUPFD_CLOEXEC, 16)};
  const std::array to{kSource, kArtifact, kFailure};
  int failed = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (from.at(i) < 0) failed = errno;
    posix_spawn_file_actions_adddup2(&actions, from.at(i), to.at(i));
  }
  pid_t id = -1;
  if (failed == 0) failed = ::posix_spawn(&id, "/proc/self/exe", &actions, nullptr, texts.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  for (const int file : from) {
    if (file >= 0) ::close(file);
  }
  errno = failed;
  if (failed != 0) return system_failure("start compiler process");
  return id;
}

/// Reads the child's error, its code as a number and its message, until the child ends. Enforces the time limits.
Result<std::string> read_failure(int file, const CompilationBounds& bounds, Clock::time_point began) {
  std::string text;
  std::array<char, 4096> part{};
  for (;;) {
    const auto now = Clock::now();
    if (bounds.is_cancelled && bounds.is_cancelled()) {
      return fail(ErrorCode::interrupted, "compilation interrupted");
    }
    if (bounds.deadline && now - began >= *bounds.deadline) {
      return fail(ErrorCode::deadline_exceeded, "compilation exceeded the timeout");
    }
    if (now - began >= bounds.timeout) {
      return fail(ErrorCode::compile_limit, "compilation timed out\nRaise the limit with --compile-timeout.");
    }
    pollfd ready{.fd = file, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 20) <= 0) continue;
    const auto count = ::read(file, part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    // A real error is never that long.
    if (text.size() < (std::size_t{1} << 20)) text.append(part.data(), static_cast<std::size_t>(count));
  }
}

Error to_error(int status, const std::string& text) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == kOutOfMemory) {
    return Error(ErrorCode::compile_limit,
                 "compilation exceeded its memory limit\nRaise the limit with --compile-memory.");
  }
  unsigned code = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kFailed && wrong == std::errc{} && code != 0 &&
      code <= static_cast<unsigned>(ErrorCode::compile_limit) && end != text.data() + text.size()) {
    return Error(static_cast<ErrorCode>(code), std::string(end + 1, text.data() + text.size()));
  }
  if (WIFSIGNALED(status)) {
    // A stack overflow, or the system ran out of memory: both are caused by the code that was compiled.
    return Error(ErrorCode::compile_limit,
                 "compiler process killed by signal " + std::to_string(WTERMSIG(status)));
  }
  return Error(ErrorCode::internal, "compiler process ended without a result");
}

Result<std::vector<std::byte>> compile(std::span<const std::uint64_t, kNumbers> numbers) {
  EngineOptions engine{
      .fuel = numbers[1] != 0,
      .epochs = numbers[2] != 0,
      .async_abi = numbers[3] != 0,
      .debug_info = numbers[4] != 0,
      .optimization = static_cast<Optimization>(numbers[5]),
      .max_wasm_stack = numbers[6],
      .compile_limits = {.nesting = static_cast<std::uint32_t>(numbers[7]),
                         .function_bytes = numbers[8],
                         .functions = static_cast<std::uint32_t>(numbers[9]),
                         .modules = static_cast<std::uint32_t>(numbers[10]),
                         .module_depth = static_cast<std::uint32_t>(numbers[11]),
                         .items = static_cast<std::uint32_t>(numbers[12]),
                         .source_bytes = numbers[13]},
  };
  TAIRITSU_TRY(const auto compiling_engine, Engine::create(engine));
  TAIRITSU_TRY(const auto source, read_file("/proc/self/fd/" + std::to_string(kSource)));
  const CompilationCache compiler;
  if (numbers[0] != 0) {
    TAIRITSU_TRY(const auto program, compiler.program(compiling_engine, source));
    return program.precompile();
  }
  TAIRITSU_TRY(const auto image, compiler.image(compiling_engine, source));
  return image.precompile();
}

}  // namespace

Result<CompilationCache::Compiled> compile_in_child(const EngineOptions& engine, bool as_program,
                                                    std::span<const std::byte> source,
                                                    const CompilationBounds& bounds) {
  const auto began = Clock::now();
  TAIRITSU_TRY(const auto from, memory_file("source"));
  TAIRITSU_RETURN_IF_ERROR(write_all(from.get(), source, "write source for the compiler"));
  TAIRITSU_TRY(auto artifact, memory_file("artifact"));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure("create pipe to the compiler process");
  const FileDescriptor failure(ends[0]);
  FileDescriptor child_end(ends[1]);

  std::vector<std::string> arguments{"tairitsu", std::string(kCompileChild)};
  for (const std::uint64_t number : to_numbers(engine, as_program, bounds)) {
    arguments.push_back(std::to_string(number));
  }
  TAIRITSU_TRY(const pid_t id, spawn(arguments, from.get(), artifact.get(), child_end.get()));
  Child child(id);
  child_end = FileDescriptor();
  TAIRITSU_TRY(const std::string text, read_failure(failure.get(), bounds, began));
  if (const int status = child.wait(); status != 0) return std::unexpected(to_error(status, text));
  const auto kept = std::make_shared<const FileDescriptor>(std::move(artifact));
  return CompilationCache::Compiled{.file = "/proc/self/fd/" + std::to_string(kept->get()), .keep = kept};
}

int run_compile_child(std::span<char* const> arguments) {
  std::array<std::uint64_t, kNumbers> numbers{};
  if (arguments.size() != kNumbers) return kOurError;
  for (std::size_t i = 0; i < kNumbers; ++i) {
    const std::string_view text = arguments[i];
    if (std::from_chars(text.data(), text.data() + text.size(), numbers.at(i)).ec != std::errc{})
      return kOurError;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (static_cast<std::uint64_t>(::getppid()) != numbers[15])
    return kOurError;  // The parent ended before prctl.
  // Untrusted code must not cause core files.
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &none);
#if !defined(TAIRITSU_SANITIZED)  // A sanitizer's shadow counts as data.
  const rlimit data{.rlim_cur = numbers[14], .rlim_max = numbers[14]};
  ::setrlimit(RLIMIT_DATA, &data);
#endif
  exit_when_out_of_memory(kOutOfMemory);

  const auto artifact = compile(numbers);
  auto written = artifact ? write_all(kArtifact, *artifact, "write compiled code")
                          : Result<void>(std::unexpected(artifact.error()));
  if (written) return 0;
  const std::string text =
      std::to_string(static_cast<unsigned>(written.error().code())) + " " + written.error().message();
  if (!write_all(kFailure, std::as_bytes(std::span(text)), "failure")) return kOurError;
  return kFailed;
}

}  // namespace tairitsu::cli

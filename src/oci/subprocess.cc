#include "oci/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

#include "base/file.h"

namespace tairitsu::oci {

namespace {

constexpr std::size_t kMaxInput = std::size_t{32} << 10U;
constexpr std::size_t kMaxOutput = std::size_t{256} << 10U;

using detail::FileDescriptor;

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};

std::unexpected<Error> failure(std::string_view what, int error) {
  return fail(ErrorCode::io, std::string(what) + ": " + std::generic_category().message(error));
}

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return failure("cannot create a pipe", errno);
  return Pipe{.read = FileDescriptor(ends[0]), .write = FileDescriptor(ends[1])};
}

struct SpawnActions {
  posix_spawn_file_actions_t actions{};
  SpawnActions() { posix_spawn_file_actions_init(&actions); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions); }
};

/// Reads once from a pipe that is ready, and closes it at its end. Drops what exceeds the limit of the output.
void drain(FileDescriptor& pipe, std::string& output) {
  std::array<char, 4096> buffer{};
  const ssize_t count = read(pipe.get(), buffer.data(), buffer.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    pipe = FileDescriptor();
    return;
  }
  output.append(buffer.data(), std::min(kMaxOutput - output.size(), static_cast<std::size_t>(count)));
}

/// Reads what is left in the pipe. Stops at the limit of the output, because other processes may still write to it.
void drain_all(FileDescriptor& pipe, std::string& output) {
  while (pipe && output.size() < kMaxOutput) {
    pollfd file = {.fd = pipe.get(), .events = POLLIN, .revents = 0};
    const int count = poll(&file, 1, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    drain(pipe, output);
  }
}

/// A child process. The destructor kills it unless it was reaped.
class Child {
 public:
  explicit Child(pid_t id) : id_(id) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (!reaped_) {
      kill(id_, SIGKILL);
      reap();
    }
  }

  /// Returns a descriptor that becomes ready when the child ends; the child owns it.
  [[nodiscard]] Result<int> watch() {
    exited_ = FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, id_, 0)));
    if (exited_) return exited_.get();
    // No pidfd, because of an old kernel or a sandbox: a thread waits for the child, and then closes a pipe.
    TAIRITSU_TRY(Pipe pipe, make_pipe());
    try {
      waiter_ = std::thread([id = id_, end = std::move(pipe.write)]() mutable {
        siginfo_t info{};
        // WNOWAIT leaves the child to `reap`.
        while (waitid(P_PID, static_cast<id_t>(id), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
        }
        end = FileDescriptor();
      });
    } catch (const std::system_error& error) {
      return failure("cannot wait for a program", error.code().value());
    }
    exited_ = std::move(pipe.read);
    return exited_.get();
  }

  /// Waits for the child and returns its status.
  int reap() {
    // First, because after the reaping the process id may belong to another process.
    if (waiter_.joinable()) waiter_.join();
    int status = 0;
    pid_t ended = 0;
    do {
      ended = waitpid(id_, &status, 0);
    } while (ended < 0 && errno == EINTR);
    reaped_ = true;
    // If this process ignores SIGCHLD, the kernel has reaped the child, and its status is unknown.
    if (ended < 0) return 0;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t id_;
  bool reaped_ = false;
  FileDescriptor exited_;
  std::thread waiter_;
};

}  // namespace

Result<ProgramOutcome> run_program(const std::vector<std::string>& arguments, std::string_view input,
                                   std::chrono::milliseconds limit) {
  using SteadyClock = std::chrono::steady_clock;
  const SteadyClock::time_point end = SteadyClock::now() + limit;
  TAIRITSU_TRY(Pipe in, make_pipe());
  TAIRITSU_TRY(Pipe out, make_pipe());
  TAIRITSU_TRY(Pipe err, make_pipe());
  // A pipe holds more than this, so the write does not wait for the program to read.
  if (input.size() > kMaxInput) {
    return fail(ErrorCode::invalid_argument, "the input of '" + arguments[0] + "' is too large");
  }
  if (const int error = detail::write_all(in.write.get(), std::as_bytes(std::span(input))); error != 0) {
    return failure("cannot write to a pipe", error);
  }
  in.write = FileDescriptor();

  SpawnActions actions;
  posix_spawn_file_actions_adddup2(&actions.actions, in.read.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions.actions, out.write.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions.actions, err.write.get(), STDERR_FILENO);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t id = 0;
  if (const int error = posix_spawnp(&id, argv[0], &actions.actions, nullptr, argv.data(), environ);
      error != 0) {
    return failure("cannot run '" + arguments[0] + "'", error);
  }
  Child child(id);
  in.read = FileDescriptor();
  out.write = FileDescriptor();
  err.write = FileDescriptor();

  ProgramOutcome outcome;
  TAIRITSU_TRY(const int exited, child.watch());
  // Only the end of the program itself counts: it may leave processes behind that keep its output open.
  for (bool ended = false; !ended;) {
    const std::int64_t left = std::chrono::ceil<std::chrono::milliseconds>(end - SteadyClock::now()).count();
    // poll ignores descriptors that are closed, and so negative.
    std::array<pollfd, 3> files = {{{.fd = exited, .events = POLLIN, .revents = 0},
                                    {.fd = out.read.get(), .events = POLLIN, .revents = 0},
                                    {.fd = err.read.get(), .events = POLLIN, .revents = 0}}};
    const int timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
    if (poll(files.data(), files.size(), timeout) < 0) {
      if (errno == EINTR) continue;
      return failure("cannot wait for '" + arguments[0] + "'", errno);
    }
    if (files[1].revents != 0) drain(out.read, outcome.output);
    if (files[2].revents != 0) drain(err.read, outcome.errors);
    ended = files[0].revents != 0;
    if (!ended && left <= 0) {
      return fail(ErrorCode::io,
                  "'" + arguments[0] + "' timed out after " + std::to_string(limit.count()) + " ms");
    }
  }
  outcome.status = child.reap();
  drain_all(out.read, outcome.output);
  drain_all(err.read, outcome.errors);
  return outcome;
}

}  // namespace tairitsu::oci

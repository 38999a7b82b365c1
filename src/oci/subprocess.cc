#include "oci/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <system_error>
#include <utility>

namespace tairitsu::oci {

namespace {

constexpr std::size_t kMaxInput = std::size_t{32} << 10U;
constexpr std::size_t kMaxOutput = std::size_t{256} << 10U;

class File {
 public:
  explicit File(int descriptor = -1) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File() { close(); }

  [[nodiscard]] int get() const { return descriptor_; }
  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_;
};

struct Pipe {
  File read;
  File write;
};

std::unexpected<Error> failure(std::string_view what, int error) {
  return fail(ErrorCode::io, std::string(what) + ": " + std::generic_category().message(error));
}

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return failure("cannot make a pipe", errno);
  return Pipe{.read = File(ends[0]), .write = File(ends[1])};
}

struct SpawnActions {
  posix_spawn_file_actions_t actions{};
  SpawnActions() { posix_spawn_file_actions_init(&actions); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions); }
};

/// Reads what is there; false at the end.
bool drain(File& file, std::string& into) {
  std::array<char, 4096> buffer{};
  const ssize_t count = read(file.get(), buffer.data(), buffer.size());
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  const std::size_t room = kMaxOutput - into.size();
  into.append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
  return count > 0;
}

/// The child, which is reaped in any case.
class Child {
 public:
  explicit Child(pid_t id) : id_(id) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (running_) {
      kill(id_, SIGKILL);
      wait(0);
    }
  }

  /// Whether it has ended.
  bool wait(int options) {
    if (!running_) return true;
    int status = 0;
    pid_t ended = 0;
    do {
      ended = waitpid(id_, &status, options);
    } while (ended < 0 && errno == EINTR);
    if (ended == 0) return false;
    running_ = false;
    // A process that ignores SIGCHLD is told nothing of its children.
    status_ = ended < 0 ? 0 : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return true;
  }

  [[nodiscard]] int status() const { return status_; }

 private:
  pid_t id_;
  bool running_ = true;
  int status_ = 0;
};

}  // namespace

Result<ProgramOutcome> run_program(const std::vector<std::string>& arguments, std::string_view input,
                                   std::chrono::milliseconds limit) {
  using SteadyClock = std::chrono::steady_clock;
  const SteadyClock::time_point end = SteadyClock::now() + limit;
  TAIRITSU_TRY(Pipe in, make_pipe());
  TAIRITSU_TRY(Pipe out, make_pipe());
  TAIRITSU_TRY(Pipe err, make_pipe());
  // A pipe holds more than this, so writing neither waits for the program nor fails when it has gone.
  if (input.size() > kMaxInput) return fail(ErrorCode::invalid_argument, "too much input for a program");
  for (std::string_view rest = input; !rest.empty();) {
    const ssize_t count = write(in.write.get(), rest.data(), rest.size());
    if (count < 0 && errno != EINTR) return failure("cannot write to a pipe", errno);
    rest.remove_prefix(count < 0 ? 0 : static_cast<std::size_t>(count));
  }
  in.write.close();

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
    return failure("cannot run " + arguments[0], error);
  }
  Child child(id);
  in.read.close();
  out.write.close();
  err.write.close();

  ProgramOutcome outcome;
  // A program may leave another behind that holds its output open: what counts is that it has ended itself.
  while (true) {
    const bool ended = child.wait(WNOHANG);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - SteadyClock::now()).count();
    if (!ended && left <= 0) {
      return fail(ErrorCode::io, arguments[0] + " took longer than " + std::to_string(limit.count()) + " ms");
    }
    std::array<pollfd, 2> files = {{{.fd = out.read.get(), .events = POLLIN, .revents = 0},
                                    {.fd = err.read.get(), .events = POLLIN, .revents = 0}}};
    const bool readable = out.read.is_open() || err.read.is_open();
    // Both closed or not, its end is looked for every few milliseconds: there is no event for it here.
    const int count =
        poll(files.data(), files.size(), ended ? 0 : static_cast<int>(std::min<long long>(left, 10)));
    if (count > 0) {
      if (files[0].revents != 0 && !drain(out.read, outcome.output)) out.read.close();
      if (files[1].revents != 0 && !drain(err.read, outcome.errors)) err.read.close();
    }
    if (ended && (!readable || count <= 0)) break;
  }
  outcome.status = child.status();
  return outcome;
}

}  // namespace tairitsu::oci

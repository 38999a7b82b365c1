/// Temporary directories, and other processes to share them with.
#pragma once

#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace tairitsu::test {

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    // In memory if possible, because the tested code syncs often.
    const std::filesystem::path memory = "/dev/shm";
    const auto where = ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
    std::string name = (where / "tairitsu-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create " + name);
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::filesystem::path& name) const {
    return path_ / name;
  }

  std::filesystem::path write(std::string_view name, std::string_view text) const {
    const std::filesystem::path file = path_ / name;
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  [[nodiscard]] std::string read(std::string_view name) const { return read_file(path_ / name); }

 private:
  std::filesystem::path path_;
};

/// A small file system on a directory, for tests of a full disk. False if this process must not mount one.
class SmallDisk {
 public:
  SmallDisk(std::filesystem::path directory, const std::string& size) : directory_(std::move(directory)) {
    std::filesystem::create_directories(directory_);
    mounted_ = ::mount("tmpfs", directory_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount2(directory_.c_str(), MNT_DETACH);
  }
  explicit operator bool() const { return mounted_; }

 private:
  std::filesystem::path directory_;
  bool mounted_;
};

/// A process that runs `body` and exits with its result, or with 99 if it throws. The destructor kills it unless it was
/// waited for.
class ChildProcess {
 public:
  explicit ChildProcess(const std::function<int()>& body) : id_(::fork()) {
    if (id_ < 0) throw std::runtime_error("cannot fork");
    if (id_ != 0) return;
    int status = 99;
    try {
      status = body();
    } catch (const std::exception&) {
    }
    ::_exit(status);  // Run none of the parent's destructors and reports.
  }
  ChildProcess(ChildProcess&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess() {
    if (id_ > 0) kill();
  }

  /// Returns the exit status, or minus the signal that ended the process.
  int wait() {
    int status = 0;
    while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    }
    id_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int kill() {
    ::kill(id_, SIGKILL);
    return wait();
  }
  int kill_after(std::chrono::microseconds delay) {
    std::this_thread::sleep_for(delay);
    return kill();
  }

 private:
  pid_t id_;
};

/// Runs `body(0)` to `body(count - 1)` in separate processes at once. Returns their results.
inline std::vector<int> in_processes(int count, const std::function<int(int)>& body) {
  std::vector<ChildProcess> children;
  children.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) children.emplace_back([&body, i] { return body(i); });
  std::vector<int> statuses;
  for (ChildProcess& child : children) statuses.push_back(child.wait());
  return statuses;
}

/// Runs `body` in a process and kills it as it enters or leaves a system call, after `count` such stops. Returns false
/// if it ended before that.
inline bool killed_at_step(int count, const std::function<void()>& body) {
  const pid_t id = ::fork();
  if (id < 0) throw std::runtime_error("cannot fork");
  if (id == 0) {
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(98);
    ::raise(SIGSTOP);
    try {
      body();
    } catch (const std::exception&) {
      ::_exit(99);
    }
    ::_exit(0);
  }
  const auto stopped = [&] {
    int status = 0;
    if (::waitpid(id, &status, 0) != id) throw std::runtime_error("lost a child");
    if (WIFSTOPPED(status)) return true;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error("the child failed");
    return false;
  };
  for (int step = 0; stopped(); ++step) {
    if (step == count) {
      ::kill(id, SIGKILL);
      ::waitpid(id, nullptr, 0);
      return true;
    }
    if (::ptrace(PTRACE_SYSCALL, id, nullptr, nullptr) != 0) throw std::runtime_error("cannot trace");
  }
  return false;
}

/// Returns whether this process may trace its children; some sandboxes forbid it.
inline bool can_trace() {
  return ChildProcess([] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1; }).wait() == 0;
}

}  // namespace tairitsu::test

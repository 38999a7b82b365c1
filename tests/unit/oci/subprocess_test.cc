#include "oci/subprocess.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <functional>
#include <string>
#include <thread>

#include "oci/text.h"
#include "processes.h"
#include "support.h"

namespace tairitsu::oci {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

/// Makes `pidfd_open` fail in this thread, as some sandboxes do. Returns whether that was possible.
bool forbid_pidfd_open() {
  std::array<sock_filter, 4> filter = {{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
                                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
  const sock_fprog program = {.len = filter.size(), .filter = filter.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// Runs the body as it is, and in a thread without `pidfd_open`.
void with_and_without_pidfd(const std::function<void()>& body) {
  {
    SCOPED_TRACE("with pidfd_open");
    body();
  }
  std::thread([&] {
    SCOPED_TRACE("without pidfd_open");
    if (forbid_pidfd_open()) body();
  }).join();
}

TEST(Subprocess, PassesInputAndReturnsOutput) {
  const auto outcome = run_program({"sh", "-c", "cat; echo said >&2; exit 3"}, "hello", seconds(10));
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->output, "hello");
  EXPECT_EQ(outcome->errors, "said\n");
  EXPECT_EQ(outcome->status, 3);
}

TEST(Subprocess, AllowsAProgramThatReadsNoInput) {
  const auto outcome = run_program({"true"}, std::string(32 << 10, 'x'), seconds(10));
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->status, 0);
}

TEST(Subprocess, KillsAHangingProgramAtTheLimit) {
  const test::TemporaryDirectory directory;
  const std::string file = (directory.path() / "pid").string();
  for (const std::string close : {"", "exec >&- 2>&-; "}) {
    with_and_without_pidfd([&] {
      const auto start = std::chrono::steady_clock::now();
      const auto outcome =
          run_program({"sh", "-c", close + "printf %s $$ > " + file + "; exec sleep 20"}, "", seconds(1));
      const auto time = std::chrono::steady_clock::now() - start;
      EXPECT_ERROR(outcome, io);
      EXPECT_EQ(test::message_of(outcome), "'sh' timed out after 1000 ms");
      EXPECT_GE(time, seconds(1));
      EXPECT_LT(time, seconds(5));
      const auto id = to_number(directory.read("pid"));
      ASSERT_TRUE(id.has_value());
      EXPECT_EQ(kill(static_cast<pid_t>(*id), 0), -1) << "the program still runs";
      EXPECT_EQ(errno, ESRCH);
    });
  }
}

TEST(Subprocess, NoticesTheEndOfAProgramAtOnce) {
  // The output is closed early: only the end itself can be noticed.
  for (const char* script : {"exit 3", "exec >&- 2>&-; sleep 0.5; exit 3"}) {
    with_and_without_pidfd([&] {
      rusage before{};
      rusage after{};
      ASSERT_EQ(getrusage(RUSAGE_THREAD, &before), 0);
      const auto start = std::chrono::steady_clock::now();
      const auto outcome = run_program({"sh", "-c", script}, "", seconds(60));
      EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5));
      ASSERT_EQ(getrusage(RUSAGE_THREAD, &after), 0);
      ASSERT_OK(outcome);
      EXPECT_EQ(outcome->status, 3);
      EXPECT_LT(after.ru_nvcsw - before.ru_nvcsw, 25) << "it polls instead of waiting";
    });
  }
}

TEST(Subprocess, DoesNotWaitForProcessesThatTheProgramLeavesBehind) {
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = run_program({"sh", "-c", "sleep 3 & echo done"}, "", seconds(20));
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->output, "done\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(2));
}

TEST(Subprocess, DoesNotReadForEverFromProcessesThatTheProgramLeavesBehind) {
  const auto outcome = run_program({"sh", "-c", "yes & exit 0"}, "", seconds(20));
  ASSERT_OK(outcome);
  EXPECT_LE(outcome->output.size(), 256U << 10U);
}

TEST(Subprocess, BoundsTheOutput) {
  const auto outcome = run_program({"sh", "-c", "head -c 1000000 /dev/zero"}, "", seconds(10));
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->output.size(), 256U << 10U);
  EXPECT_EQ(outcome->status, 0);
}

TEST(Subprocess, ReportsASignal) {
  const auto outcome = run_program({"sh", "-c", "kill -TERM $$"}, "", seconds(10));
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->status, 128 + 15);
}

TEST(Subprocess, ReportsAProgramThatCannotBeStarted) {
  EXPECT_THAT(test::message_of(run_program({"no-such-program-here"}, "", seconds(1))),
              HasSubstr("cannot run 'no-such-program-here': No such file or directory"));
}

}  // namespace
}  // namespace tairitsu::oci

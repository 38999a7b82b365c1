#include "oci/subprocess.h"

#include <chrono>
#include <string>

#include "support.h"

namespace tairitsu::oci {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

TEST(Subprocess, GivesInputAndTakesOutput) {
  const auto outcome = run_program({"sh", "-c", "cat; echo said >&2; exit 3"}, "hello", seconds(10));
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->output, "hello");
  EXPECT_EQ(outcome->errors, "said\n");
  EXPECT_EQ(outcome->status, 3);
}

TEST(Subprocess, DoesNotMindAProgramThatReadsNothing) {
  const auto outcome = run_program({"true"}, std::string(32 << 10, 'x'), seconds(10));
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->status, 0);
}

TEST(Subprocess, IsCutOffAtItsLimit) {
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = run_program({"sleep", "20"}, "", milliseconds(100));
  EXPECT_ERROR(outcome, io);
  EXPECT_EQ(test::message_of(outcome), "sleep took longer than 100 ms");
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5));
}

TEST(Subprocess, IsCutOffThoughItsOutputIsClosed) {
  EXPECT_ERROR(run_program({"sh", "-c", "exec >&- 2>&-; exec sleep 20"}, "", milliseconds(100)), io);
}

TEST(Subprocess, DoesNotWaitForWhatItLeavesBehind) {
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = run_program({"sh", "-c", "sleep 3 & echo done"}, "", seconds(20));
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->output, "done\n");
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(2));
}

TEST(Subprocess, BoundsItsOutput) {
  const auto outcome = run_program({"sh", "-c", "head -c 1000000 /dev/zero"}, "", seconds(10));
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->output.size(), 256U << 10U);
  EXPECT_EQ(outcome->status, 0);
}

TEST(Subprocess, TellsOfASignal) {
  const auto outcome = run_program({"sh", "-c", "kill -TERM $$"}, "", seconds(10));
  ASSERT_OK(outcome);
  EXPECT_EQ(outcome->status, 128 + 15);
}

TEST(Subprocess, TellsWhatCannotBeRun) {
  EXPECT_THAT(test::message_of(run_program({"no-such-program-here"}, "", seconds(1))),
              HasSubstr("cannot run no-such-program-here: No such file or directory"));
}

}  // namespace
}  // namespace tairitsu::oci

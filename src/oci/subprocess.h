/// Runs a program that reads and writes a little text.
///
/// Our own: the C++ standard library cannot start processes, and this is all that we need.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tairitsu/error.h"

namespace tairitsu::oci {

struct ProgramOutcome {
  int status = 0;      ///< Its exit status; 128 plus the signal's number if a signal ended it.
  std::string output;  ///< Its standard output, up to 256 KiB; the rest is dropped.
  std::string errors;  ///< Its standard error, likewise.
};

/// Runs `arguments[0]`, found through `PATH`, with this process's environment and `input`, up to 32 KiB, on its
/// standard input. Returns when it ends, even if its own child processes still run. Fails with `io` if it cannot be
/// started or runs longer than `limit`, which kills it.
[[nodiscard]] Result<ProgramOutcome> run_program(const std::vector<std::string>& arguments,
                                                 std::string_view input, std::chrono::milliseconds limit);

}  // namespace tairitsu::oci

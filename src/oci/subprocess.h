/// A small program that is given text, and answers text.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tairitsu/error.h"

namespace tairitsu::oci {

struct ProgramOutcome {
  int status = 0;      ///< Its exit status; 128 and the signal's number where one ended it.
  std::string output;  ///< What it wrote to its standard output, at most 256 KiB.
  std::string errors;  ///< The same of its standard error.
};

/// Runs `arguments[0]`, found through `PATH`, with `input` on its standard input, at most 32 KiB of it, and
/// this process's environment. Fails with `io` where it cannot be started or takes longer than `limit`: it is
/// killed then.
[[nodiscard]] Result<ProgramOutcome> run_program(const std::vector<std::string>& arguments,
                                                 std::string_view input, std::chrono::milliseconds limit);

}  // namespace tairitsu::oci

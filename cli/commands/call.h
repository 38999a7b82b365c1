/// The command `call`, and `run --invoke`, which does the same.
#pragma once

#include <optional>
#include <string>

#include "commands/load.h"
#include "commands/sandbox.h"

namespace tairitsu::cli {

struct CallOptions {
  LoadOptions load;
  std::string call;
  std::optional<std::string> arguments;
  bool json = false;
  bool base64 = false;
  bool stub_imports = false;
  /// Whether the command has the option `--stub-imports`.
  bool can_stub_imports = true;
  SandboxOptions sandbox;
};

/// Makes the call and prints its result. Ends the command with an exception of CLI11 if that fails.
void run_call(const CallOptions& options);

}  // namespace tairitsu::cli

/// `call`, which `run --invoke` does too.
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
  /// The command has that option.
  bool can_stub_imports = true;
  SandboxOptions sandbox;
};

/// Makes the call and prints its result. Ends the command, by CLI11's exception, where it does not succeed.
void run_call(const CallOptions& options);

}  // namespace tairitsu::cli

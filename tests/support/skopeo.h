/// skopeo, for tests that exchange images with it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "oci/subprocess.h"

namespace tairitsu::test {

/// Returns whether `skopeo` with these arguments succeeds.
inline bool run_skopeo(const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {"skopeo"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const auto done = oci::run_program(command, "", std::chrono::seconds(60));
  return done && done->status == 0;
}

inline bool have_skopeo() { return run_skopeo({"--version"}); }

/// Copies an image with `skopeo copy`; places are `oci:directory:name`, `oci-archive:file:name` or `dir:directory`.
inline bool skopeo_copy(const std::string& from, const std::string& to) {
  return run_skopeo({"--insecure-policy", "copy", from, to});
}

}  // namespace tairitsu::test

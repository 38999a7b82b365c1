/// Parses sandbox rules. The first line of an input selects the list (`connect`, `bind` or `http`); every other line is
/// a rule. Accepted rules are printable, and a list is accepted if and only if all its rules are.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "check.h"
#include "engine/wasi.h"
#include "tairitsu/wasi.h"

namespace {

using namespace tairitsu;
using test::check;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

/// Returns whether a list of one rule is accepted.
bool accepts(std::vector<std::string> WasiOptions::* list, const std::string& rule) {
  WasiOptions options;
  options.*list = {rule};
  const auto policy = detail::make_wasi_policy(options);
  if (policy) return true;
  check(policy.error().code() == ErrorCode::invalid_argument, "unexpected error code",
        policy.error().message());
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> lines = lines_of({reinterpret_cast<const char*>(data), size});
  if (lines.empty()) return 0;
  auto list = &WasiOptions::http;
  if (lines.front() == "connect") list = &WasiOptions::connect;
  if (lines.front() == "bind") list = &WasiOptions::bind;
  lines.erase(lines.begin());

  bool all = true;
  for (const std::string& line : lines) {
    const bool accepted = accepts(list, line);
    if (accepted) {
      check(detail::printable(line, line.size()) == line, "accepts text that is not printable", line);
      // A method, before the space, may contain '#'.
      check(line.find_first_of("@?#", line.rfind(' ') + 1) == std::string::npos,
            "accepts more of a URL than its authority", line);
    }
    all = all && accepted;
  }
  WasiOptions options;
  options.*list = lines;
  check(detail::make_wasi_policy(options).has_value() == all, "a list is not accepted like its rules");
  return 0;
}

/// Rules of the sandbox: the first line of an input says for what (`connect`, `bind` or `http`), each other line is
/// a rule. A rule is accepted or refused; what is accepted is text that can be shown.
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

/// What a list of one rule comes to.
bool accepts(std::vector<std::string> WasiOptions::* list, const std::string& rule) {
  WasiOptions options;
  options.*list = {rule};
  const auto policy = detail::make_wasi_policy(options);
  if (policy) return true;
  check(policy.error().code() == ErrorCode::invalid_argument, "the error's code is another",
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
      check(detail::printable(line, line.size()) == line, "accepts text that cannot be shown", line);
      check(line.find_first_of("@?#") == std::string::npos, "accepts more of a URL than its authority", line);
    }
    all = all && accepted;
  }
  WasiOptions options;
  options.*list = lines;
  check(detail::make_wasi_policy(options).has_value() == all, "a list is not what its rules are");
  return 0;
}

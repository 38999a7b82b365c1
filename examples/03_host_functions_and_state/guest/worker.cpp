#include <cstdint>
#include <cstdlib>
#include <expected>
#include <string>
#include <vector>

#include "worker_cpp.h"

namespace exports::worker {

namespace journal = ::example::worker::journal;
namespace settings = ::example::worker::settings;

std::expected<uint32_t, wit::string> CountPrimes() {
  const auto limit = settings::Get("limit");
  if (!limit) return std::unexpected(wit::string::from_view("missing setting 'limit'"));
  const size_t below = std::strtoul(limit->to_string().c_str(), nullptr, 10);

  uint32_t count = 0;
  std::vector<bool> crossed_out(below);
  for (size_t n = 2; n < below; ++n) {
    if (crossed_out[n]) continue;
    ++count;
    for (size_t multiple = n * n; multiple < below; multiple += n) crossed_out[multiple] = true;
  }
  journal::Note("counted the primes below " + std::to_string(below));
  return count;
}

void Spin() {
  journal::Note("spinning");
  for (volatile uint32_t turns = 0;; turns = turns + 1) {
  }
}

}  // namespace exports::worker

/// A container's WASI policy, read once for all stores that are made with it.
#pragma once

#include <memory>

#include "tairitsu/error.h"
#include "tairitsu/wasi.h"

namespace tairitsu::bridge {
struct WasiPolicy;
}

namespace tairitsu::detail {

struct WasiPolicyDeleter {
  void operator()(const bridge::WasiPolicy* policy) const noexcept;
};
/// Usable from any thread.
using WasiPolicyPtr = std::shared_ptr<const bridge::WasiPolicy>;

/// Fails with `invalid_argument` for text that is not UTF-8, and for what is no network rule.
[[nodiscard]] Result<WasiPolicyPtr> make_wasi_policy(const WasiOptions& options);

}  // namespace tairitsu::detail

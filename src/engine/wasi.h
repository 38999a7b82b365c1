/// A container's WASI policy, read once for all its stores.
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

/// Creates a policy. Fails with `invalid_argument` if a text is not UTF-8 or a network rule is invalid.
[[nodiscard]] Result<WasiPolicyPtr> make_wasi_policy(const WasiOptions& options);

}  // namespace tairitsu::detail

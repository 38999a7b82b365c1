/// The imports and exports of callback.wat.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "support.h"

namespace tairitsu::test {

/// The type of `run` and of the function that it calls.
using Call = std::uint32_t(std::uint32_t);
using CallFunction = std::function<Result<std::uint32_t>(std::uint32_t)>;
/// The type of `add`.
using AddCall = std::uint32_t(std::uint32_t, std::uint32_t);

/// Returns its argument.
inline Result<std::uint32_t> same(std::uint32_t n) { return n; }

/// Defines the imports of callback.wat: `call` as given, and a `note` that does nothing.
inline std::function<Result<void>(Linker&)> callback_imports(CallFunction call) {
  return [call = std::move(call)](Linker& linker) -> Result<void> {
    TAIRITSU_RETURN_IF_ERROR(linker.define("call", call));
    return linker.define("test:callback/host@1.2.0#note", [](std::uint32_t) {});
  };
}

}  // namespace tairitsu::test

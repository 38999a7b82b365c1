/// What callback.wat imports and exports.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "support.h"

namespace tairitsu::test {

/// `run` is of this type, and what it calls.
using Call = std::uint32_t(std::uint32_t);
using CallFunction = std::function<Result<std::uint32_t>(std::uint32_t)>;
/// `add` is of this type.
using AddCall = std::uint32_t(std::uint32_t, std::uint32_t);

/// Answers what it is given.
inline Result<std::uint32_t> same(std::uint32_t n) { return n; }

/// Defines what callback.wat imports: `call` does this, `note` nothing.
inline std::function<Result<void>(Linker&)> callback_imports(CallFunction call) {
  return [call = std::move(call)](Linker& linker) -> Result<void> {
    TAIRITSU_CHECK(linker.define("call", call));
    return linker.define("test:callback/host@1.2.0#note", [](std::uint32_t) {});
  };
}

}  // namespace tairitsu::test

/// The core of a template, shared with the containers that are built from it.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "runtime/core.h"
#include "runtime/linker.h"
#include "tairitsu/container.h"

namespace tairitsu::detail {

class TemplateCore {
 public:
  Image image;
  ContainerOptions options;
  WasiOptions wasi;  // As given; a default host state holds a copy.
  std::function<HostStateHolder()> state_factory;
  std::shared_ptr<const Linked> linked;
  std::optional<BindingsSteps> bindings;
  std::shared_ptr<const void> exports;  // Exports that the bindings looked up.

  [[nodiscard]] HostStateHolder make_state() const {
    return state_factory ? state_factory()
                         : HostStateHolder(std::make_unique<HostState>(HostState{.wasi = wasi}));
  }
};

}  // namespace tairitsu::detail

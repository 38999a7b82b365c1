/// A linker's definitions, and linking them with a component.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/instance.h"
#include "runtime/component.h"
#include "tairitsu/linker.h"

namespace tairitsu {

struct Linker::Data {
  struct Interface {
    std::map<std::string, std::shared_ptr<detail::HostFunction>, std::less<>> functions;
    std::map<std::string, std::uint32_t, std::less<>> resources;  ///< Name to type id.
  };
  std::map<std::string, Interface, std::less<>> interfaces;  ///< "" is the world's root.
  bool stub_missing = false;
};

namespace detail {

/// A host resource, under the component's name of the import.
struct LinkedResource {
  std::string interface;  ///< Empty for the world's root.
  std::string name;
  std::uint32_t type;
};

/// A component with resolved imports, and the host functions that it keeps alive.
struct Linked {
  std::shared_ptr<const ComponentCore> component;
  LinkedComponent linked;
  std::vector<std::shared_ptr<HostFunction>> functions;
  std::vector<LinkedResource> resources;
  bool interruptible = false;
};

/// Resolves every import. `want_interruptible` requests fibers, which are used only if the component imports WASI:
/// without WASI nothing waits. A component that uses the async ABI always gets fibers.
[[nodiscard]] Result<std::shared_ptr<const Linked>> link(
    const Linker::Data& definitions, const std::shared_ptr<const ComponentCore>& component,
    bool want_interruptible);

}  // namespace detail
}  // namespace tairitsu

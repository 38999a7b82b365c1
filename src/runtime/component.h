/// A compiled component together with its world.
#pragma once

#include <memory>
#include <string>

#include "engine/compiled.h"
#include "engine/instance.h"
#include "tairitsu/component.h"
#include "tairitsu/type.h"

namespace tairitsu::detail {

class ComponentCore {
 public:
  /// Decodes the compiled component's world. Fails with `internal` if it cannot be decoded.
  [[nodiscard]] static Result<std::shared_ptr<const ComponentCore>> create(Engine engine,
                                                                           CompiledComponent compiled);

  Engine engine;
  CompiledComponent compiled;
  World world;
  std::string digest;  ///< `sha256:…`
  WasiParts wasi = 0;  ///< The parts of WASI that it imports.

  ComponentCore(Engine e, CompiledComponent c, World w, std::string d);
};

/// An exported function with a checked signature.
struct ExportedFunctionCore {
  std::shared_ptr<const ComponentCore> component;
  ExportIndexPtr index;
  std::string name;          ///< The full name.
  const FunctionType* type;  ///< Owned by the component.
};

}  // namespace tairitsu::detail

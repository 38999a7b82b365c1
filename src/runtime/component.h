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
  /// Reads the world of what was compiled.
  [[nodiscard]] static Result<std::shared_ptr<const ComponentCore>> create(Engine engine,
                                                                           CompiledComponent compiled);

  Engine engine;
  CompiledComponent compiled;
  World world;
  std::string digest;  ///< `sha256:…`
  WasiParts wasi = 0;  ///< What it imports of what the engine provides.

  ComponentCore(Engine e, CompiledComponent c, World w, std::string d);
};

/// An exported function whose signature was checked.
struct ExportedFunctionCore {
  std::shared_ptr<const ComponentCore> component;
  ExportIndexPtr index;
  std::string name;          ///< In full.
  const FunctionType* type;  ///< The component's own.
};

}  // namespace tairitsu::detail

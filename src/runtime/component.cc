#include "runtime/component.h"

#include <fmt/format.h>

#include "base/sha256.h"
#include "wit/match.h"
#include "wit/name.h"
#include "wit/world.h"

namespace tairitsu {

namespace detail {

Result<std::shared_ptr<const ComponentCore>> ComponentCore::create(Engine engine,
                                                                   CompiledComponent compiled) {
  TAIRITSU_TRY(auto encoded, compiled.world());
  TAIRITSU_TRY(auto world, decode_world(encoded));
  std::string digest = digest_text(compiled.digest());
  return std::make_shared<const ComponentCore>(std::move(engine), std::move(compiled), std::move(world),
                                               std::move(digest));
}

ComponentCore::ComponentCore(Engine e, CompiledComponent c, World w, std::string d)
    : engine(std::move(e)), compiled(std::move(c)), world(std::move(w)), digest(std::move(d)) {
  for (const Interface& interface : world.imports.interfaces) wasi |= wasi_part(interface.name);
}

}  // namespace detail

const World& Component::world() const noexcept { return core_->world; }

const Engine& Component::engine() const noexcept { return core_->engine; }

Result<std::shared_ptr<const detail::ExportedFunctionCore>> Component::find_function(
    std::string_view name, const FunctionType* wanted) const {
  TAIRITSU_TRY(auto found, detail::find_function(core_->world.exports, name));
  const FunctionType& actual = found.item->type;
  if (auto unsupported = detail::find_unsupported(actual)) {
    return fail(ErrorCode::unsupported_type,
                fmt::format("function '{}' cannot be called yet: {}", found.full_name(), *unsupported));
  }
  if (wanted != nullptr) {
    if (auto mismatch = detail::find_mismatch(*wanted, actual)) {
      return fail(ErrorCode::type_mismatch, fmt::format("function '{}': {}", found.full_name(), *mismatch));
    }
  }
  TAIRITSU_TRY(auto index, core_->compiled.find_export(found.interface_name, found.item->name));
  return std::make_shared<const detail::ExportedFunctionCore>(core_, std::move(index), found.full_name(),
                                                              &actual);
}

}  // namespace tairitsu

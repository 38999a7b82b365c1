// What the generated host bindings contain, and the names of functions and parameters.
#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "bindgen/host_generator.h"

namespace tairitsu::bindgen {

bool HostGenerator::is_supported(const Function& function) const { return !plan_.unsupported(function); }

bool HostGenerator::has_host_side(const InterfacePlan& interface) const {
  return interface.imported && !interface.provided &&
         (!supported_functions(interface).empty() || !resource_types(interface).empty());
}

bool HostGenerator::needs_host(const InterfacePlan& interface) const {
  return has_host_side(interface) && !without_methods(supported_functions(interface)).empty();
}

bool HostGenerator::is_linked(const InterfacePlan& interface) const {
  return has_host_side(interface) &&
         (!supported_functions(interface).empty() || defines_resources(resource_types(interface)));
}

bool HostGenerator::defines_resources(const std::vector<std::size_t>& types) const {
  return std::ranges::any_of(types,
                             [&](std::size_t id) { return wit_.types[id].shape == TypeShape::resource; });
}

bool HostGenerator::is_resource_type(std::size_t id) const {
  return plan_.has_resources({.primitive = {}, .id = id});
}

std::vector<std::size_t> HostGenerator::resource_types(const InterfacePlan& interface) const {
  std::vector<std::size_t> types;
  if (interface.repeated) return types;
  for (const std::size_t id : wit_.interfaces[interface.id].types) {
    if (is_resource_type(id) && !plan_.unsupported(id)) types.push_back(id);
  }
  std::ranges::sort(types);
  return types;
}

std::vector<std::size_t> HostGenerator::world_resources() const {
  std::vector<std::size_t> types;
  for (const auto& [id, name] : plan_.world_type_names) {
    if (is_resource_type(id) && !plan_.unsupported(id)) types.push_back(id);
  }
  return types;
}

FunctionList HostGenerator::supported_functions(const InterfacePlan& interface) const {
  FunctionList result;
  for (const Function& function : functions_of(interface)) {
    if (is_supported(function) && !(interface.repeated && has_resources(function)))
      result.push_back(&function);
  }
  return result;
}

FunctionList HostGenerator::root_functions(const std::vector<WorldItem>& items) const {
  FunctionList result;
  for (const WorldItem& item : items) {
    if (item.kind == WorldItem::Kind::function && is_supported(item.function))
      result.push_back(&item.function);
  }
  return result;
}

FunctionList HostGenerator::without_methods(FunctionList functions) {
  std::erase_if(functions, &is_method);
  return functions;
}

FunctionList HostGenerator::methods_of(const FunctionList& functions, std::size_t type) {
  FunctionList result;
  for (const Function* function : functions) {
    if (is_method(function) && function->resource == type) result.push_back(function);
  }
  return result;
}

bool HostGenerator::has_resources(const Function& function) const {
  return (function.result && plan_.has_resources(*function.result)) ||
         std::ranges::any_of(function.parameters,
                             [&](const Member& parameter) { return plan_.has_resources(*parameter.type); });
}

bool HostGenerator::has_root_imports() const {
  return !root_functions(plan_.world.imports).empty() || !world_resources().empty();
}

bool HostGenerator::returns_result(const Function& function) const {
  const TypeDef* type = function.result ? plan_.resolve(*function.result) : nullptr;
  return type != nullptr && type->shape == TypeShape::result;
}

void HostGenerator::find_needed_interfaces() {
  for (const InterfacePlan& interface : plan_.interfaces) {
    if (interface.provided) continue;
    need_interface(interface.id);
  }
  for (const auto& [id, name] : plan_.world_type_names) need_type({.primitive = {}, .id = id});
  for (const auto* items : {&plan_.world.imports, &plan_.world.exports}) {
    for (const WorldItem& item : *items) {
      if (item.kind == WorldItem::Kind::function) need_function(item.function);
    }
  }
}

void HostGenerator::need_interface(std::size_t id) {
  if (!needed_.insert(id).second) return;
  const InterfacePlan* plan = plan_.find_interface(id);
  for (const std::size_t type : wit_.interfaces[id].types) need_type({.primitive = {}, .id = type});
  if (plan->provided) return;
  for (const Function& function : wit_.interfaces[id].functions) need_function(function);
}

void HostGenerator::need_function(const Function& function) {
  if (!is_supported(function)) return;
  for (const Member& parameter : function.parameters) need_type(*parameter.type);
  if (function.result) need_type(*function.result);
}

void HostGenerator::need_type(const TypeRef& type) {
  if (type.is_primitive() || plan_.unsupported(type)) return;
  const TypeDef& definition = wit_.types[type.id];
  if (definition.owner == Owner::interface) need_interface(definition.owner_id);
  for (const Member& member : definition.members) {
    if (member.type) need_type(*member.type);
  }
}

void HostGenerator::collect_warnings() {
  const auto warn = [&](const std::string& name, const std::string& reason) {
    warnings_.push_back("skipping '" + name + "': not supported yet: " + reason);
  };
  for (const InterfacePlan& interface : plan_.interfaces) {
    if (interface.provided) continue;
    for (const std::size_t id : wit_.interfaces[interface.id].types) {
      if (const auto reason = plan_.unsupported(id)) {
        warn(interface.import_name + "#" + wit_.types[id].name, "it is or contains " + *reason);
      }
    }
    for (const Function& function : functions_of(interface)) {
      if (const auto reason = plan_.unsupported(function)) {
        warn(interface.import_name + "#" + function.name, *reason);
      } else if (interface.repeated && has_resources(function)) {
        warn(interface.import_name + "#" + function.name,
             "it uses resources of an interface that the world has under two names");
      }
    }
  }
  for (const auto& [id, name] : plan_.world_type_names) {
    if (const auto reason = plan_.unsupported(id)) warn(wit_.types[id].name, "it is or contains " + *reason);
  }
  for (const auto* items : {&plan_.world.imports, &plan_.world.exports}) {
    for (const WorldItem& item : *items) {
      if (item.kind != WorldItem::Kind::function) continue;
      if (const auto reason = plan_.unsupported(item.function)) warn(item.function.name, *reason);
    }
  }
}

Parameters HostGenerator::parameters_of(const Function& function, const Context& context,
                                        Callee callee) const {
  Parameters result;
  Scope scope;
  for (const std::string_view used : {"linker", "get", "caller", "host", "self"})
    scope.claim(std::string(used));
  for (std::size_t i = is_method(&function) ? 1 : 0; i < function.parameters.size(); ++i) {
    const Member& parameter = function.parameters[i];
    const ParameterType type = plan_.parameter(*parameter.type, context, callee);
    const std::string name = scope.claim(snake_case(parameter.name));
    result.types.push_back(type.text);
    result.declared.push_back(type.text + " " + name);
    result.forwarded.push_back(type.moved ? "std::move(" + name + ")" : name);
  }
  return result;
}

std::string HostGenerator::short_name(std::size_t id, const Context& context) const {
  return context.interface != nullptr ? context.interface->type_names.at(id) : plan_.world_type_names.at(id);
}

std::string HostGenerator::full_name(const std::string& interface, const Function& function) {
  return interface.empty() ? function.name : interface + "#" + function.name;
}

std::string HostGenerator::flat_name(const Function& function) const {
  const std::string name(function.own_name());
  if (function.kind == FunctionKind::freestanding || function.kind == FunctionKind::constructor)
    return snake_case(name);
  return snake_case(wit_.types[function.resource].name + "-" + name);
}

void HostGenerator::claim_names(const FunctionList& functions, std::initializer_list<FunctionKind> kinds,
                                Scope& scope, FunctionNames& names) const {
  for (const Function* function : functions) {
    if (std::ranges::find(kinds, function->kind) != kinds.end())
      names[function] = scope.claim(flat_name(*function));
  }
}

FunctionNames HostGenerator::class_names(const FunctionList& functions) const {
  FunctionNames names;
  Scope scope;
  for (const FunctionKind kind :
       {FunctionKind::freestanding, FunctionKind::constructor, FunctionKind::static_method}) {
    claim_names(functions, {kind}, scope, names);
  }
  std::map<std::size_t, Scope> methods;
  for (const Function* function : functions) {
    if (is_method(function))
      names[function] = methods[function->resource].claim(snake_case(function->own_name()));
  }
  return names;
}

FunctionNames HostGenerator::slot_names(const FunctionList& functions) const {
  FunctionNames names;
  Scope scope;
  claim_names(functions, {FunctionKind::freestanding}, scope, names);
  claim_names(functions, {FunctionKind::constructor, FunctionKind::static_method, FunctionKind::method},
              scope, names);
  return names;
}

}  // namespace tairitsu::bindgen

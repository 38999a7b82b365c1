#include "bindgen/plan.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <utility>

#include <tairitsu/wit.h>

namespace tairitsu::bindgen {
namespace {

struct Primitive {
  std::string_view wit;
  std::string_view cpp;
  std::size_t size;  // 0 unless it is a number.
};

constexpr auto kPrimitives = std::to_array<Primitive>({
    {"bool", "bool", 0},
    {"u8", "std::uint8_t", 1},
    {"u16", "std::uint16_t", 2},
    {"u32", "std::uint32_t", 4},
    {"u64", "std::uint64_t", 8},
    {"s8", "std::int8_t", 1},
    {"s16", "std::int16_t", 2},
    {"s32", "std::int32_t", 4},
    {"s64", "std::int64_t", 8},
    {"f32", "float", 4},
    {"f64", "double", 8},
    {"char", "char32_t", 0},
    {"string", "std::string", 0},
});

const Primitive* find_primitive(const TypeRef& type) {
  const auto found = std::ranges::find(kPrimitives, type.primitive, &Primitive::wit);
  return found == kPrimitives.end() ? nullptr : found;
}

// In bytes. The value path copies larger records field by field.
constexpr std::size_t kMaxFlatRecord = 128;
constexpr std::size_t kMaxFlags = 32;

}  // namespace

Plan::Plan(const Wit& resolved, bool provide_wasi)
    : wit(resolved), world(resolved.worlds[resolved.world]), provide_wasi_(provide_wasi) {
  package_space = package_path(world.package);
  world_space = package_space + "::" + snake_case(world.name);
  world_class = title_case(world.name);
  add_interfaces();
  sort_interfaces();
  Scope scope;
  for (std::size_t id = 0; id < wit.types.size(); ++id) {
    const TypeDef& type = wit.types[id];
    if (type.owner == Owner::world && type.owner_id == wit.world && !type.name.empty()) {
      world_type_names[id] = scope.claim(title_case(type.name));
    }
  }
  world_host_class = scope.claim("Host");
  world_functions_struct = scope.claim("HostFunctions");
}

std::string Plan::package_name(std::size_t package) const {
  const PackageName& name = wit.packages[package];
  return name.space + ":" + name.name + (name.version.empty() ? "" : "@" + name.version);
}

/// The namespace contains the version if the world uses two versions of the package.
std::string Plan::package_path(std::size_t package) const {
  const PackageName& name = wit.packages[package];
  std::set<std::string> versions{name.version};
  const auto add_versions = [&](const std::vector<WorldItem>& items) {
    for (const WorldItem& item : items) {
      if (item.kind != WorldItem::Kind::interface || !item.name.empty()) continue;
      const PackageName& other = wit.packages[wit.interfaces[item.id].package];
      if (other.space == name.space && other.name == name.name) versions.insert(other.version);
    }
  };
  add_versions(world.imports);
  add_versions(world.exports);
  std::string path = namespace_case(name.space) + "::";
  if (versions.size() == 1 || name.version.empty()) return path + snake_case(name.name);
  std::string version = name.version;
  std::ranges::replace_if(version, [](char c) { return c == '.' || c == '-' || c == '+'; }, '_');
  return path + snake_case(name.name + "-" + version);
}

void Plan::add_interfaces() {
  for (const WorldItem& item : world.imports) {
    if (item.kind == WorldItem::Kind::interface) add_interface(item, Side::imports);
  }
  for (const WorldItem& item : world.exports) {
    if (item.kind == WorldItem::Kind::interface && !is_served(item)) add_interface(item, Side::exports);
  }
}

bool Plan::is_served(const WorldItem& item) const {
  if (!provide_wasi_ || !item.name.empty()) return false;
  const Interface& interface = wit.interfaces[item.id];
  const PackageName& package = wit.packages[interface.package];
  return package.space == "wasi" && package.name == "http" &&
         (interface.name == "incoming-handler" || interface.name == "handler");
}

void Plan::add_interface(const WorldItem& item, Side side) {
  const auto known = std::ranges::find(interfaces, item.id, &InterfacePlan::id);
  if (known != interfaces.end() && item.name.empty()) {
    (side == Side::imports ? known->imported : known->exported) = true;
    // Generated code names the resources of both sides, so both sides are generated.
    known->provided = false;
    return;
  }
  const Interface& interface = wit.interfaces[item.id];
  InterfacePlan plan;
  plan.id = item.id;
  (side == Side::imports ? plan.imported : plan.exported) = true;
  if (item.name.empty()) {
    const PackageName& package = wit.packages[interface.package];
    const std::string package_id = package.space + ":" + package.name;
    plan.name = interface.name;
    plan.import_name =
        package_id + "/" + interface.name + (package.version.empty() ? "" : "@" + package.version);
    plan.space = package_path(interface.package) + "::" + snake_case(interface.name);
    plan.provided = provide_wasi_ && side == Side::imports && runtime_provides(plan.import_name);
  } else {
    plan.name = item.name;
    plan.import_name = item.name;
    plan.space = world_space + "::" + snake_case(item.name);
    const bool taken = std::ranges::any_of(
        interfaces, [&](const InterfacePlan& other) { return other.space == plan.space; });
    if (taken) plan.space = world_space + "::exports_of::" + snake_case(item.name);
  }
  plan.repeated = known != interfaces.end();
  name_types(plan);
  interfaces.push_back(std::move(plan));
}

void Plan::name_types(InterfacePlan& plan) const {
  Scope scope;
  for (const std::size_t id : wit.interfaces[plan.id].types) {
    plan.type_names[id] = scope.claim(title_case(wit.types[id].name));
  }
  plan.host_class = scope.claim("Host");
  plan.functions_struct = scope.claim("HostFunctions");
  plan.guest_class = scope.claim("Guest");
  plan.guest_functions = scope.claim("GuestFunctions");
}

void Plan::sort_interfaces() {
  std::vector<InterfacePlan> sorted;
  std::set<const InterfacePlan*> done;
  const std::function<void(InterfacePlan&)> visit = [&](InterfacePlan& plan) {
    if (!done.insert(&plan).second) return;
    for (const std::size_t type : wit.interfaces[plan.id].types) {
      // Types of other interfaces occur only as aliases, which `use` creates.
      const TypeDef& definition = wit.types[type];
      if (definition.shape != TypeShape::alias || definition.members[0].type->is_primitive()) continue;
      const TypeDef& target = wit.types[definition.members[0].type->id];
      if (target.owner != Owner::interface) continue;
      const auto user = std::ranges::find(interfaces, target.owner_id, &InterfacePlan::id);
      if (user != interfaces.end()) visit(*user);
    }
    sorted.push_back(plan);
  };
  for (InterfacePlan& plan : interfaces) visit(plan);
  interfaces = std::move(sorted);
}

const InterfacePlan* Plan::find_interface(std::size_t id) const {
  const auto found = std::ranges::find(interfaces, id, &InterfacePlan::id);
  return found == interfaces.end() ? nullptr : &*found;
}

// ---- Properties

TypeRef Plan::plain(TypeRef type) const {
  while (!type.is_primitive() && wit.types[type.id].shape == TypeShape::alias) {
    type = TypeRef(*wit.types[type.id].members[0].type);
  }
  return type;
}

const TypeDef* Plan::resolve(const TypeRef& type) const {
  const TypeRef found = plain(type);
  return found.is_primitive() ? nullptr : &wit.types[found.id];
}

std::string Plan::unsupported_shape(const TypeDef& type) const {
  switch (type.shape) {
    case TypeShape::future:
      return "a future";
    case TypeShape::stream:
      return "a stream";
    case TypeShape::map:
      return "a map";
    case TypeShape::fixed_length_list:
      return "a fixed-length list";
    case TypeShape::record:
    case TypeShape::tuple:
    case TypeShape::variant:
    case TypeShape::enumeration:
      return type.members.empty() ? "a type without members" : "";
    case TypeShape::flags:
      if (type.members.empty()) return "a type without members";
      return type.members.size() > kMaxFlags ? "a flags type with more than 32 flags" : "";
    case TypeShape::resource: {
      const InterfacePlan* owner = type.owner == Owner::interface ? find_interface(type.owner_id) : nullptr;
      if (owner == nullptr || !owner->provided) return "";
      return "the resource '" + type.name + "' of " + owner->import_name + ", which only the runtime can use";
    }
    default:
      return "";
  }
}

std::optional<std::string> Plan::unsupported(const TypeRef& type) const {
  if (type.primitive == "error-context") return "an error-context";
  if (type.is_primitive()) return std::nullopt;
  return unsupported(type.id);
}

std::optional<std::string> Plan::unsupported(std::size_t id) const {
  const TypeDef& type = wit.types[id];
  if (std::string shape = unsupported_shape(type); !shape.empty()) return shape;
  for (const Member& member : type.members) {
    if (!member.type) continue;
    if (auto inner = unsupported(*member.type)) return inner;
  }
  return std::nullopt;
}

std::optional<std::string> Plan::unsupported(const Function& function) const {
  if (function.async) return "it is async";
  for (const Member& parameter : function.parameters) {
    if (auto reason = unsupported(*parameter.type)) return "it takes " + *reason;
  }
  if (function.result) {
    if (auto reason = unsupported(*function.result)) return "it returns " + *reason;
  }
  return std::nullopt;
}

bool Plan::has_resources(const TypeRef& type) const {
  if (type.is_primitive()) return false;
  const TypeDef& definition = wit.types[type.id];
  if (definition.shape == TypeShape::resource) return true;
  return std::ranges::any_of(
      definition.members, [&](const Member& member) { return member.type && has_resources(*member.type); });
}

bool Plan::owns_resources(const TypeRef& type) const {
  if (type.is_primitive()) return false;
  const TypeDef& definition = wit.types[type.id];
  if (definition.shape == TypeShape::own) return true;
  if (definition.shape == TypeShape::borrow) return false;
  return std::ranges::any_of(
      definition.members, [&](const Member& member) { return member.type && owns_resources(*member.type); });
}

Plan::Layout Plan::layout(const TypeRef& ref) const {
  const TypeRef type = plain(ref);
  if (type.is_primitive()) {
    const Primitive* primitive = find_primitive(type);
    return {.size = primitive->size, .align = primitive->size, .offsets = {}};
  }
  Layout result;
  for (const Member& member : wit.types[type.id].members) {
    const Layout inner = layout(*member.type);
    result.size = (result.size + inner.align - 1) / inner.align * inner.align;
    result.offsets.push_back(result.size);
    result.size += inner.size;
    result.align = std::max(result.align, inner.align);
  }
  result.size = (result.size + result.align - 1) / result.align * result.align;
  return result;
}

bool Plan::is_flat(const TypeRef& ref) const {
  const TypeRef type = plain(ref);
  if (type.is_primitive()) {
    const Primitive* primitive = find_primitive(type);
    return primitive != nullptr && primitive->size != 0;
  }
  const TypeDef& definition = wit.types[type.id];
  return definition.shape == TypeShape::record && !definition.members.empty() &&
         std::ranges::all_of(definition.members,
                             [&](const Member& member) { return is_flat(*member.type); }) &&
         layout(type).size <= kMaxFlatRecord;
}

// ---- Spelling

std::string Plan::type_name(std::size_t id, const Context& context) const {
  const TypeDef& type = wit.types[id];
  if (type.owner == Owner::world) {
    const std::string& name = world_type_names.at(id);
    return context.interface == nullptr && !context.full ? name : "::" + world_space + "::" + name;
  }
  const InterfacePlan& owner = *find_interface(type.owner_id);
  const std::string& name = owner.type_names.at(id);
  const bool here = context.interface == &owner && !context.full;
  if (!has_resources({.primitive = {}, .id = id})) return here ? name : "::" + owner.space + "::" + name;
  if (here) return name;
  return "::" + owner.space + (is_exported_side(owner, context.side) ? "::exports::" : "::imports::") + name;
}

bool Plan::is_guest_resource(std::size_t id, Side side) const {
  const TypeDef& type = wit.types[id];
  // A world's own types belong to its imports, and so do the types that they are aliases of.
  if (type.owner == Owner::world) side = Side::imports;
  if (type.owner == Owner::interface) {
    side = is_exported_side(*find_interface(type.owner_id), side) ? Side::exports : Side::imports;
  }
  if (type.shape == TypeShape::alias) return is_guest_resource(type.members[0].type->id, side);
  return side == Side::exports;
}

std::string Plan::value(const TypeRef& ref, const Context& context) const {
  if (ref.is_primitive()) return std::string(find_primitive(ref)->cpp);
  const TypeDef& type = wit.types[ref.id];
  return type.name.empty() ? shape(type, context) : type_name(ref.id, context);
}

std::string Plan::shape(const TypeDef& type, const Context& context) const {
  const auto part = [&](std::size_t index, std::string_view nothing) {
    return type.members[index].type ? value(*type.members[index].type, context) : std::string(nothing);
  };
  switch (type.shape) {
    case TypeShape::own:
    case TypeShape::borrow: {
      const TypeRef& resource = *type.members[0].type;
      const std::string name = type_name(resource.id, context);
      const bool guest = is_guest_resource(resource.id, context.side);
      if (type.shape == TypeShape::own) return guest ? name : "std::unique_ptr<" + name + ">";
      return "tairitsu::Borrow<" + std::string(guest ? "const " : "") + name + ">";
    }
    case TypeShape::tuple: {
      std::string text = "std::tuple<";
      for (std::size_t i = 0; i < type.members.size(); ++i) text += (i == 0 ? "" : ", ") + part(i, "");
      return text + ">";
    }
    case TypeShape::option:
      return "std::optional<" + part(0, "") + ">";
    case TypeShape::result:
      return "std::expected<" + part(0, "void") + ", " + part(1, "std::monostate") + ">";
    case TypeShape::list:
      return "std::vector<" + part(0, "") + ">";
    default:
      return {};  // All other types have names.
  }
}

std::string Plan::wit_text(const TypeRef& ref) const {
  if (ref.is_primitive()) return ref.primitive;
  const TypeDef& type = wit.types[ref.id];
  if (!type.name.empty()) return type.name;
  std::string parts;
  for (const Member& member : type.members) {
    parts += (parts.empty() ? "" : ", ") + (member.type ? wit_text(*member.type) : std::string("_"));
  }
  switch (type.shape) {
    case TypeShape::own:
      return parts;
    case TypeShape::borrow:
      return "borrow<" + parts + ">";
    case TypeShape::tuple:
      return "tuple<" + parts + ">";
    case TypeShape::option:
      return "option<" + parts + ">";
    case TypeShape::result:
      return "result<" + parts + ">";
    default:
      return "list<" + parts + ">";
  }
}

std::string Plan::view(const TypeRef& ref, const Context& context, Callee callee) const {
  if (ref.is_primitive()) return ref.primitive == "string" ? "std::string_view" : value(ref, context);
  const TypeDef& type = wit.types[ref.id];
  const auto part = [&](std::size_t index, std::string_view nothing) {
    return type.members[index].type ? view(*type.members[index].type, context, callee) : std::string(nothing);
  };
  switch (type.shape) {
    case TypeShape::alias: {
      const TypeDef* target = resolve(ref);
      // These keep the name of the alias.
      if (target != nullptr &&
          (target->shape == TypeShape::record || target->shape == TypeShape::variant ||
           target->shape == TypeShape::enumeration || target->shape == TypeShape::flags)) {
        return value(ref, context);
      }
      return view(*type.members[0].type, context, callee);
    }
    case TypeShape::list: {
      const TypeRef& element = *type.members[0].type;
      if (owns_resources(element)) return value(ref, context);
      if (callee == Callee::host) {
        return is_flat(element) ? "std::span<const " + value(element, context) + ">"
                                : "std::vector<" + part(0, "") + ">";
      }
      if (plain(element).primitive == "bool") return "std::vector<bool>";
      return "std::span<const " + value(element, context) + ">";
    }
    case TypeShape::option:
      return "std::optional<" + part(0, "") + ">";
    case TypeShape::result:
      return "std::expected<" + part(0, "void") + ", " + part(1, "std::monostate") + ">";
    case TypeShape::tuple: {
      std::string text = "std::tuple<";
      for (std::size_t i = 0; i < type.members.size(); ++i) text += (i == 0 ? "" : ", ") + part(i, "");
      return text + ">";
    }
    default:
      return value(ref, context);
  }
}

bool Plan::is_small(const TypeRef& ref, Callee callee) const {
  const TypeDef* type = resolve(ref);
  if (type == nullptr) return true;
  switch (type->shape) {
    case TypeShape::enumeration:
    case TypeShape::flags:
    case TypeShape::borrow:
      return true;
    case TypeShape::list: {
      const TypeRef& element = *type->members[0].type;
      if (callee == Callee::host) return is_flat(element);
      return view(ref, {}, callee).starts_with("std::span");
    }
    case TypeShape::option:
      return is_small(*type->members[0].type, callee);
    default:
      return false;
  }
}

ParameterType Plan::parameter(const TypeRef& ref, const Context& context, Callee callee) const {
  if (owns_resources(ref)) return {.text = value(ref, context), .moved = true};
  const TypeDef* type = resolve(ref);
  if (type != nullptr && type->shape == TypeShape::borrow) {
    const std::size_t resource = type->members[0].type->id;
    const std::string name = type_name(resource, context);
    return {.text = (is_guest_resource(resource, context.side) ? "const " : "") + name + "&"};
  }
  std::string text = view(ref, context, callee);
  if (is_small(ref, callee)) return {.text = std::move(text)};
  return {.text = "const " + std::move(text) + "&"};
}

std::string Plan::result(const Function& function, const Context& context) const {
  return "tairitsu::Result<" + (function.result ? value(*function.result, context) : std::string("void")) +
         ">";
}

}  // namespace tairitsu::bindgen

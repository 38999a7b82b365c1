#include "bindgen/wit.h"

#include <nlohmann/json.hpp>

namespace tairitsu::bindgen {
namespace {

// Ordered, so that worlds, interfaces and records keep the order of the WIT.
using Json = nlohmann::ordered_json;

struct Entry {
  const std::string& key;
  const Json& value;
};

/// The entry of an object with one key, which encodes an enum with a value: `{"record": …}`.
Entry only_entry(const Json& json) {
  const auto entry = json.begin();
  return {entry.key(), entry.value()};
}

std::string docs_of(const Json& json) {
  const auto docs = json.find("docs");
  if (docs == json.end() || !docs->is_object()) return {};
  return docs->contains("contents") && docs->at("contents").is_string()
             ? docs->at("contents").get<std::string>()
             : std::string();
}

TypeRef type_ref(const Json& json) {
  if (json.is_string()) return {.primitive = json.get<std::string>()};
  return {.primitive = {}, .id = json.get<std::size_t>()};
}

std::optional<TypeRef> optional_type(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return type_ref(json);
}

Member element(const Json& json) { return {.name = {}, .type = optional_type(json), .docs = {}}; }

Member named_member(const Json& json) {
  Member member{.name = json.at("name").get<std::string>(), .type = {}, .docs = docs_of(json)};
  if (json.contains("type")) member.type = optional_type(json.at("type"));
  return member;
}

std::vector<Member> named_members(const Json& json) {
  std::vector<Member> members;
  for (const Json& item : json) members.push_back(named_member(item));
  return members;
}

void read_shape(const Json& kind, TypeDef& type) {
  if (kind.is_string()) {
    if (kind != "resource")
      throw Json::other_error::create(501, "unknown kind of type: " + kind.dump(), &kind);
    type.shape = TypeShape::resource;
    return;
  }
  const auto [name, value] = only_entry(kind);
  if (name == "type") {
    type.shape = TypeShape::alias;
    type.members = {element(value)};
  } else if (name == "record") {
    type.shape = TypeShape::record;
    type.members = named_members(value.at("fields"));
  } else if (name == "flags") {
    type.shape = TypeShape::flags;
    type.members = named_members(value.at("flags"));
  } else if (name == "variant") {
    type.shape = TypeShape::variant;
    type.members = named_members(value.at("cases"));
  } else if (name == "enum") {
    type.shape = TypeShape::enumeration;
    type.members = named_members(value.at("cases"));
  } else if (name == "tuple") {
    type.shape = TypeShape::tuple;
    for (const Json& item : value.at("types")) type.members.push_back(element(item));
  } else if (name == "handle") {
    const auto [handle, resource] = only_entry(value);
    type.shape = handle == "own" ? TypeShape::own : TypeShape::borrow;
    type.members = {element(resource)};
  } else if (name == "option") {
    type.shape = TypeShape::option;
    type.members = {element(value)};
  } else if (name == "result") {
    type.shape = TypeShape::result;
    type.members = {element(value.at("ok")), element(value.at("err"))};
  } else if (name == "list") {
    type.shape = TypeShape::list;
    type.members = {element(value)};
  } else if (name == "map") {
    type.shape = TypeShape::map;
    type.members = {element(value.at(0)), element(value.at(1))};
  } else if (name == "fixed-length-list") {
    type.shape = TypeShape::fixed_length_list;
    type.members = {element(value.at(0))};
    type.length = value.at(1).get<std::uint32_t>();
  } else if (name == "future" || name == "stream") {
    type.shape = name == "future" ? TypeShape::future : TypeShape::stream;
    type.members = {element(value)};
  } else {
    throw Json::other_error::create(501, "unknown kind of type: " + name, &kind);
  }
}

TypeDef read_type(const Json& json) {
  TypeDef type;
  if (json.at("name").is_string()) type.name = json.at("name").get<std::string>();
  type.docs = docs_of(json);
  if (const Json& owner = json.at("owner"); owner.is_object()) {
    const auto [kind, id] = only_entry(owner);
    type.owner = kind == "world" ? Owner::world : Owner::interface;
    type.owner_id = id.get<std::size_t>();
  }
  read_shape(json.at("kind"), type);
  return type;
}

Function read_function(const Json& json) {
  Function function;
  function.name = json.at("name").get<std::string>();
  function.docs = docs_of(json);
  std::string kind;
  if (json.at("kind").is_string()) {
    kind = json.at("kind").get<std::string>();
  } else {
    const auto [name, resource] = only_entry(json.at("kind"));
    kind = name;
    function.resource = resource.get<std::size_t>();
  }
  if (kind.starts_with("async-")) {
    function.async = true;
    kind.erase(0, 6);
  }
  function.kind = kind == "method"        ? FunctionKind::method
                  : kind == "static"      ? FunctionKind::static_method
                  : kind == "constructor" ? FunctionKind::constructor
                                          : FunctionKind::freestanding;
  function.parameters = named_members(json.at("params"));
  if (json.contains("result")) function.result = optional_type(json.at("result"));
  return function;
}

Interface read_interface(const Json& json) {
  Interface interface;
  if (json.at("name").is_string()) interface.name = json.at("name").get<std::string>();
  if (json.at("package").is_number()) interface.package = json.at("package").get<std::size_t>();
  interface.docs = docs_of(json);
  for (const auto& [name, id] : json.at("types").items()) interface.types.push_back(id.get<std::size_t>());
  for (const auto& [name, function] : json.at("functions").items()) {
    interface.functions.push_back(read_function(function));
  }
  return interface;
}

std::vector<WorldItem> read_items(const Json& json) {
  std::vector<WorldItem> items;
  for (const auto& [key, value] : json.items()) {
    WorldItem item;
    item.name = key;
    if (value.contains("interface")) {
      const Json& interface = value.at("interface");
      item.kind = WorldItem::Kind::interface;
      item.id = interface.at("id").get<std::size_t>();
      item.docs = docs_of(interface);
      // This is the key of an interface that is imported under its own name.
      if (key == "interface-" + std::to_string(item.id)) item.name.clear();
    } else if (value.contains("function")) {
      item.kind = WorldItem::Kind::function;
      item.function = read_function(value.at("function"));
    } else {
      item.kind = WorldItem::Kind::type;
      const Json& type = value.at("type");
      item.id = type.is_object() ? type.at("id").get<std::size_t>() : type.get<std::size_t>();
    }
    items.push_back(std::move(item));
  }
  return items;
}

World read_world(const Json& json) {
  World world;
  world.name = json.at("name").get<std::string>();
  world.package = json.at("package").get<std::size_t>();
  world.docs = docs_of(json);
  world.imports = read_items(json.at("imports"));
  world.exports = read_items(json.at("exports"));
  return world;
}

/// `ns:name@version`
PackageName read_package_name(const std::string& text) {
  PackageName name;
  const std::size_t colon = text.find(':');
  const std::size_t at = text.find('@');
  name.space = text.substr(0, colon);
  name.name = text.substr(colon + 1, at == std::string::npos ? at : at - colon - 1);
  if (at != std::string::npos) name.version = text.substr(at + 1);
  return name;
}

}  // namespace

std::string_view Function::own_name() const {
  const std::string_view text = name;
  switch (kind) {
    case FunctionKind::freestanding:
      return text;
    case FunctionKind::constructor:
      return text.substr(text.find(']') + 1);
    case FunctionKind::method:
    case FunctionKind::static_method:
      return text.substr(text.rfind('.') + 1);
  }
  return text;
}

Result<Wit> read_wit(std::string_view json) {
  try {
    const Json root = Json::parse(json);
    const Json& resolve = root.at("resolve");
    Wit wit;
    wit.world = root.at("world").get<std::size_t>();
    for (const Json& item : resolve.at("worlds")) wit.worlds.push_back(read_world(item));
    for (const Json& item : resolve.at("interfaces")) wit.interfaces.push_back(read_interface(item));
    for (const Json& item : resolve.at("types")) wit.types.push_back(read_type(item));
    for (const Json& item : resolve.at("packages")) {
      wit.packages.push_back(read_package_name(item.at("name").get<std::string>()));
    }
    return wit;
  } catch (const Json::exception& error) {
    return fail(ErrorCode::internal, std::string("reading the WIT parser's JSON: ") + error.what());
  }
}

}  // namespace tairitsu::bindgen

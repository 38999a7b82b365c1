#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "tairitsu/wit.h"
#include "wit/type_node.h"

namespace tairitsu {
namespace {

using detail::kMaxTypeDepth;

// Ordered, so that worlds, interfaces and records keep WIT's order.
using OrderedJson = nlohmann::ordered_json;

/// An index into one of the lists of wit-parser's JSON: `worlds`, `interfaces`, `types`, `packages`.
using Index = std::size_t;

/// Thrown and caught in this file.
struct TooDeep : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct SingleMember {
  const std::string& key;
  const OrderedJson& value;
};

/// Returns the only entry of an object that represents a choice: `{"record": …}`.
SingleMember only_entry(const OrderedJson& json) {
  const auto entry = json.begin();
  return {.key = entry.key(), .value = entry.value()};
}

[[noreturn]] void unknown(std::string_view what, const OrderedJson& json) {
  throw OrderedJson::other_error::create(501, "unknown " + std::string(what) + ": " + json.dump(), &json);
}

std::string docs_of(const OrderedJson& json) {
  const auto docs = json.find("docs");
  if (docs == json.end() || !docs->is_object()) return {};
  const auto contents = docs->find("contents");
  return contents != docs->end() && contents->is_string() ? contents->get<std::string>() : std::string();
}

Type primitive(const OrderedJson& json) {
  const auto name = json.get<std::string_view>();
  if (name == detail::keyword(TypeKind::error_context)) return Type::make(TypeKind::error_context);
  for (int number = 0; number <= static_cast<int>(TypeKind::string); ++number) {
    const auto kind = static_cast<TypeKind>(number);
    if (name == detail::keyword(kind)) return Type::make(kind);
  }
  unknown("type", json);
}

/// The parser's output; items refer to each other by index.
class Resolve {
 public:
  explicit Resolve(OrderedJson json) : json_(std::move(json)) {
    for (Index i = 0; i < list("types").size(); ++i) roots_.push_back(find_root(i));
  }

  [[nodiscard]] Index package() const { return json_.at("package").get<Index>(); }
  [[nodiscard]] const OrderedJson& list(const char* name) const { return json_.at("resolve").at(name); }
  [[nodiscard]] const OrderedJson& at(const char* name, Index index) const { return list(name).at(index); }
  [[nodiscard]] const OrderedJson& kind(Index type) const { return at("types", type).at("kind"); }
  /// Follows `type a = b` and `use` to the type that they stand for.
  [[nodiscard]] Index root(Index type) const { return roots_.at(type); }
  [[nodiscard]] bool is_resource(Index type) const { return kind(root(type)) == "resource"; }

  [[nodiscard]] std::string package_name(Index package) const {
    return at("packages", package).at("name").get<std::string>();
  }

  /// `ns:pkg/name@1.2.3`
  [[nodiscard]] std::string full_name(Index package, std::string_view name) const {
    std::string text = package_name(package);
    const std::size_t version = std::min(text.find('@'), text.size());
    return text.insert(version, "/" + std::string(name));
  }

  /// Returns the full name of a world or of an interface that has a name.
  [[nodiscard]] std::string full_name(const OrderedJson& item) const {
    return full_name(item.at("package").get<Index>(), item.at("name").get<std::string>());
  }

 private:
  [[nodiscard]] Index find_root(Index type) const {
    for (std::size_t steps = 0; steps < list("types").size(); ++steps) {
      const OrderedJson& kind = this->kind(type);
      if (!kind.is_object() || !kind.contains("type") || !kind.at("type").is_number()) return type;
      type = kind.at("type").get<Index>();
      // Most types refer to earlier ones.
      if (type < roots_.size()) return roots_[type];
    }
    unknown("type", kind(type));
  }

  OrderedJson json_;
  std::vector<Index> roots_;
};

/// Creates the types of one interface, or of one world's root, with the names that they have there.
class TypeScope {
 public:
  /// `name` is the interface's name in the component; `types` are the declared types: an object of indices.
  TypeScope(const Resolve& resolve, std::optional<Index> interface, std::string name,
            const OrderedJson& types)
      : resolve_(resolve), interface_(interface), name_(std::move(name)) {
    for (const auto& [type, index] : types.items()) {
      names_.try_emplace(resolve_.root(index.get<Index>()), type);
    }
  }

  FunctionItem function(const OrderedJson& json) {
    FunctionItem item{.name = json.at("name").get<std::string>(), .type = {}};
    const OrderedJson& kind = json.at("kind");
    item.type.async =
        (kind.is_string() ? kind.get<std::string>() : only_entry(kind).key).starts_with("async-");
    for (const OrderedJson& parameter : json.at("params")) {
      item.type.parameters.push_back(
          {.name = parameter.at("name").get<std::string>(), .type = type(parameter.at("type"))});
    }
    if (const auto result = json.find("result"); result != json.end()) item.type.result = optional(*result);
    return item;
  }

  /// Adds a named type to one of the lists of `items`.
  template <typename Items>
  void declare(const std::string& name, Index index, Items& items) {
    if (!resolve_.is_resource(index)) {
      items.types.push_back({name, make(index).type});
      return;
    }
    items.resources.push_back(name);
    const Index root = resolve_.root(index);
    std::string owner = owner_of(root);
    std::string resource = own_name(root);
    if (owner == (interface_ ? name_ : std::string()) && resource == name) return;
    items.aliases.push_back(
        {.name = name, .interface_name = std::move(owner), .resource = std::move(resource)});
  }

 private:
  struct Made {
    Type type;
    std::uint32_t depth;
  };

  Made make(const OrderedJson& json) {
    if (json.is_string()) return {.type = primitive(json), .depth = 1};
    return make(json.get<Index>());
  }

  Made make(Index index) {
    const Index root = resolve_.root(index);
    if (const auto made = made_.find(root); made != made_.end()) return made->second;
    if (level_ == kMaxTypeDepth) too_deep(root);
    ++level_;
    Made made = define(root);
    --level_;
    if (made.depth > kMaxTypeDepth) too_deep(root);
    made_.insert_or_assign(root, made);
    return made;
  }

  Type type(const OrderedJson& json) { return make(json).type; }
  std::optional<Type> optional(const OrderedJson& json) {
    return json.is_null() ? std::nullopt : std::optional(type(json));
  }

  /// The parts of the type under construction, and its depth.
  struct Parts {
    std::vector<TypeField> fields;
    std::uint32_t depth = 1;
  };

  void add(Parts& parts, const OrderedJson& json, std::string name = {}) {
    TypeField field{.name = std::move(name), .type = {}};
    if (!json.is_null()) {
      const Made made = make(json);
      parts.depth = std::max(parts.depth, made.depth + 1);
      field.type = made.type;
    }
    parts.fields.push_back(std::move(field));
  }

  Parts named(const OrderedJson& list) {
    Parts parts;
    for (const OrderedJson& item : list) {
      const auto type = item.find("type");
      add(parts, type == item.end() ? OrderedJson() : *type, item.at("name").get<std::string>());
    }
    return parts;
  }

  Made define(Index root) {
    const OrderedJson& kind = resolve_.kind(root);
    if (kind == "resource") return handle(TypeKind::own, root);
    if (!kind.is_object()) unknown("type", kind);
    const auto [what, value] = only_entry(kind);
    std::uint32_t length = 0;
    Parts parts;
    const auto with = [&](TypeKind type_kind) {
      return Made{
          .type = Type::make(type_kind, name_of(type_kind, root), std::move(parts.fields), {}, length),
          .depth = parts.depth};
    };
    // `type a = u32`
    if (what == "type") return make(value);
    if (what == "handle") {
      const auto [handle_kind, resource] = only_entry(value);
      return handle(handle_kind == "own" ? TypeKind::own : TypeKind::borrow,
                    resolve_.root(resource.get<Index>()));
    }
    if (what == "record") {
      parts = named(value.at("fields"));
      return with(TypeKind::record);
    }
    if (what == "flags") {
      parts = named(value.at("flags"));
      return with(TypeKind::flags);
    }
    if (what == "variant" || what == "enum") {
      parts = named(value.at("cases"));
      return with(what == "enum" ? TypeKind::enumeration : TypeKind::variant);
    }
    if (what == "tuple") {
      for (const OrderedJson& element : value.at("types")) add(parts, element);
      return with(TypeKind::tuple);
    }
    if (what == "result") {
      add(parts, value.at("ok"));
      add(parts, value.at("err"));
      return with(TypeKind::result);
    }
    if (what == "map") {
      add(parts, value.at(0));
      add(parts, value.at(1));
      return with(TypeKind::map);
    }
    if (what == "fixed-length-list") {
      add(parts, value.at(0));
      length = value.at(1).get<std::uint32_t>();
      return with(TypeKind::fixed_length_list);
    }
    add(parts, value);
    if (what == "list") return with(TypeKind::list);
    if (what == "option") return with(TypeKind::option);
    if (what == "future") return with(TypeKind::future);
    if (what == "stream") return with(TypeKind::stream);
    unknown("type", kind);
  }

  std::string name_of(TypeKind kind, Index root) {
    if (!detail::takes_name(kind)) return {};
    if (const auto name = names_.find(root); name != names_.end()) return name->second;
    return own_name(root);
  }

  std::string own_name(Index type) {
    const OrderedJson& name = resolve_.at("types", type).at("name");
    return name.is_string() ? name.get<std::string>() : std::string();
  }

  Made handle(TypeKind kind, Index resource) {
    return {.type = Type::make(kind, own_name(resource), {}, owner_of(resource)), .depth = 1};
  }

  /// Returns the name in the component of the interface that owns the resource; empty for the world's root.
  std::string owner_of(Index resource) {
    const OrderedJson& owner = resolve_.at("types", resource).at("owner");
    if (!owner.is_object()) return {};
    const auto [kind, index] = only_entry(owner);
    if (kind != "interface") return {};
    // The interface may have several names, or one that is local to its world.
    if (interface_ == index.get<Index>()) return name_;
    return resolve_.full_name(resolve_.at("interfaces", index.get<Index>()));
  }

  [[noreturn]] void too_deep(Index root) {
    const std::string type = own_name(root);
    throw TooDeep((type.empty() ? "a type" : "the type '" + type + "'") + " of '" + name_ +
                  "' is nested more than " + std::to_string(kMaxTypeDepth) + " types deep");
  }

  const Resolve& resolve_;
  std::optional<Index> interface_;
  std::string name_;
  std::unordered_map<Index, std::string> names_;
  std::unordered_map<Index, Made> made_;
  std::uint32_t level_ = 0;
};

/// `name` is the interface's own name, or the one that a world gives it.
Interface make_interface(const Resolve& resolve, Index index, const std::string& name) {
  const OrderedJson& json = resolve.at("interfaces", index);
  const OrderedJson& types = json.at("types");
  TypeScope scope(resolve, index, name, types);
  Interface interface{.name = name, .functions = {}, .types = {}, .resources = {}};
  for (const auto& [type, id] : types.items()) {
    scope.declare(type, id.get<Index>(), interface);
  }
  for (const auto& [function, value] : json.at("functions").items()) {
    interface.functions.push_back(scope.function(value));
  }
  return interface;
}

DocumentedInterface make_interface(const Resolve& resolve, Index index) {
  const OrderedJson& json = resolve.at("interfaces", index);
  return {.docs = docs_of(json), .interface = make_interface(resolve, index, resolve.full_name(json))};
}

/// `{"type": {"id": 3}}`
Index type_of(const OrderedJson& item) {
  const OrderedJson& type = item.at("type");
  return (type.is_object() ? type.at("id") : type).get<Index>();
}

WorldItems make_items(const Resolve& resolve, const OrderedJson& json, TypeScope& root) {
  WorldItems items;
  for (const auto& [key, value] : json.items()) {
    if (const auto interface = value.find("interface"); interface != value.end()) {
      const auto index = interface->at("id").get<Index>();
      // The key of an interface that is imported under its own name.
      const bool own_name = key == "interface-" + std::to_string(index) &&
                            resolve.at("interfaces", index).at("name").is_string();
      items.interfaces.push_back(make_interface(
          resolve, index, own_name ? resolve.full_name(resolve.at("interfaces", index)) : key));
    } else if (const auto function = value.find("function"); function != value.end()) {
      items.functions.push_back(root.function(*function));
    } else {
      root.declare(key, type_of(value), items);
    }
  }
  return items;
}

WitWorld make_world(const Resolve& resolve, Index index) {
  const OrderedJson& json = resolve.at("worlds", index);
  OrderedJson types = OrderedJson::object();
  for (const auto& [key, value] : json.at("imports").items()) {
    if (value.contains("type")) types[key] = type_of(value);
  }
  WitWorld world{.name = resolve.full_name(json), .docs = docs_of(json), .world = {}};
  TypeScope root(resolve, std::nullopt, world.name, types);
  world.world.imports = make_items(resolve, json.at("imports"), root);
  world.world.exports = make_items(resolve, json.at("exports"), root);
  return world;
}

/// Returns `make()`, turning the exceptions of this file into errors.
template <typename Make>
auto guarded(Make make) -> Result<decltype(make())> {
  try {
    return make();
  } catch (const TooDeep& error) {
    return fail(ErrorCode::invalid_argument, error.what());
  } catch (const OrderedJson::exception& error) {
    return fail(ErrorCode::internal, std::string("cannot read the WIT parser's JSON: ") + error.what());
  }
}

/// A world or an interface that a caller can name.
struct Named {
  std::string full_name;  ///< `ns:pkg/name@1.2.3`
  std::string name;
  Index index;
  bool own;  ///< Defined by the loaded package, not by a dependency.
};

/// Returns all items of a kind, the loaded package's first.
std::vector<Named> list_named(const Resolve& resolve, const char* kind) {
  std::vector<Named> list;
  const OrderedJson& items = resolve.list(kind);
  for (Index i = 0; i < items.size(); ++i) {
    const OrderedJson& item = items.at(i);
    if (!item.at("name").is_string() || !item.at("package").is_number()) continue;
    list.push_back({.full_name = resolve.full_name(item),
                    .name = item.at("name").get<std::string>(),
                    .index = i,
                    .own = item.at("package").get<Index>() == resolve.package()});
  }
  std::ranges::stable_partition(list, &Named::own);
  return list;
}

/// Returns the loaded package's own items in its order.
std::vector<Index> own_order(const Resolve& resolve, const char* kind) {
  std::vector<Index> order;
  for (const auto& [name, index] : resolve.at("packages", resolve.package()).at(kind).items()) {
    order.push_back(index.get<Index>());
  }
  return order;
}

Result<Index> find_named(const std::vector<Named>& list, std::string_view kind, std::string_view name) {
  std::vector<const Named*> found;
  const bool full = name.contains('/');
  const bool versioned = name.contains('@');
  for (const Named& item : list) {
    const std::string_view full_name = item.full_name;
    const bool fits = name.empty() ? item.own
                      : !full      ? item.own && item.name == name
                      : versioned  ? full_name == name
                                   : full_name.substr(0, full_name.find('@')) == name;
    if (fits) found.push_back(&item);
  }
  if (found.size() == 1) return found[0]->index;
  const std::string what(kind);
  std::string message = "no " + what + " '" + std::string(name) + "'";
  if (list.empty()) return fail(ErrorCode::not_found, "the WIT has no " + what);
  if (found.size() > 1)
    message = "there are several " + what + "s" +
              (name.empty() ? std::string() : " '" + std::string(name) + "'") + "; choose one:";
  else if (name.empty())
    message = "the package defines no " + what + "; choose one of its dependencies:";
  else
    message += "; available " + what + "s:";
  if (found.empty()) {
    for (const Named& item : list) found.push_back(&item);
  }
  for (const Named* item : found) {
    message += "\n  " + (item->own && name.empty() ? item->name : item->full_name);
  }
  return fail(ErrorCode::not_found, std::move(message));
}

}  // namespace

struct WitLoader::Data {
  Resolve resolve;
  std::string package;
  std::vector<WitWorld> worlds;
  std::vector<DocumentedInterface> interfaces;
  std::vector<Named> all_worlds;
  std::vector<Named> all_interfaces;
};

Result<WitLoader> WitLoader::read(std::string_view json) {
  return guarded([&] {
    Data data{.resolve = Resolve(OrderedJson::parse(json)),
              .package = {},
              .worlds = {},
              .interfaces = {},
              .all_worlds = {},
              .all_interfaces = {}};
    data.package = data.resolve.package_name(data.resolve.package());
    data.all_worlds = list_named(data.resolve, "worlds");
    data.all_interfaces = list_named(data.resolve, "interfaces");
    for (const Index index : own_order(data.resolve, "worlds")) {
      data.worlds.push_back(make_world(data.resolve, index));
    }
    for (const Index index : own_order(data.resolve, "interfaces")) {
      data.interfaces.push_back(make_interface(data.resolve, index));
    }
    return WitLoader(std::make_shared<const Data>(std::move(data)));
  });
}

const std::string& WitLoader::package() const noexcept { return data_->package; }
const std::vector<WitWorld>& WitLoader::worlds() const noexcept { return data_->worlds; }
const std::vector<DocumentedInterface>& WitLoader::interfaces() const noexcept { return data_->interfaces; }

Result<WitWorld> WitLoader::world(std::string_view name) const {
  TAIRITSU_TRY(const Index index, find_named(data_->all_worlds, "world", name));
  return guarded([&] { return make_world(data_->resolve, index); });
}

Result<DocumentedInterface> WitLoader::interface(std::string_view name) const {
  TAIRITSU_TRY(const Index index, find_named(data_->all_interfaces, "interface", name));
  return guarded([&] { return make_interface(data_->resolve, index); });
}

}  // namespace tairitsu

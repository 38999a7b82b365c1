// Prints a world as WIT.
//
// WIT needs information that a component does not have: from which interface a type is used, and names for unnamed
// types. A type is used from the first interface that has an equal type of the same name, if WIT permits it; otherwise
// it is defined again, which is equivalent. A resource is not equal to any other, so it is used from its owner.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/text.h"
#include "tairitsu/type.h"
#include "wit/type_node.h"
#include "wit/wit_name.h"
#include "wit/wit_uses.h"

namespace tairitsu {
namespace {

using detail::escape_wit_label;
using detail::is_handle;
using detail::is_wit_label;
using detail::keyword;
using detail::lower_case;
using detail::parse_wit_member;
using detail::parse_wit_path;
using detail::takes_name;
using detail::WitMember;
using detail::WitPath;
using detail::WitUses;

/// The text is truncated here if the names and types of a hostile component add up to more.
constexpr std::size_t kMaxWorldText = std::size_t{16} << 20;
/// An unnamed type with more parts gets a name, so that it is written once.
constexpr std::size_t kMaxParts = 200;
constexpr std::size_t kMaxComment = 300;
constexpr std::size_t kMaxListed = 20;

/// Returns a comment line; untrusted text in it is harmless.
std::string comment(std::string_view text) {
  std::string line = "// " + std::string(text.substr(0, kMaxComment));
  for (char& c : line) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text.size() > kMaxComment ? line + " ..." : line;
}

/// A resource: the interface that owns it, empty for the world's root, and its name there.
using Resource = std::pair<std::string, std::string>;

Resource resource_of(const Type& handle) { return {handle.interface_name(), handle.name()}; }

bool is_handle_of(const std::optional<Type>& type, TypeKind kind, const Resource& resource) {
  return type && type->kind() == kind && resource_of(*type) == resource;
}

/// Numbers types so that equal types have the same number, in time linear in the number of distinct types.
class Shapes {
 public:
  std::size_t of(const Type& type) {
    // Types that share a node have their names at the same address.
    const std::string* const place = &type.name();
    if (const auto seen = seen_.find(place); seen != seen_.end()) return seen->second;
    std::string key;
    number(key, static_cast<std::size_t>(type.kind()));
    number(key, type.length());
    if (is_handle(type.kind())) {
      text(key, type.name());
      text(key, type.interface_name());
    }
    std::size_t parts = 1;
    for (const TypeField& field : type.fields()) {
      text(key, field.name);
      const std::size_t shape = field.type ? of(*field.type) + 1 : 0;
      number(key, shape);
      if (shape != 0) parts = std::min(parts + parts_[shape - 1], kMaxParts + 1);
    }
    const std::size_t shape = shapes_.try_emplace(std::move(key), shapes_.size()).first->second;
    if (shape == parts_.size()) parts_.push_back(takes_name(type.kind()) ? 1 : parts);
    seen_.emplace(place, shape);
    return shape;
  }

  /// Returns how many types are written where this one is used, at most `kMaxParts` + 1.
  std::size_t parts(const Type& type) { return parts_[of(type)]; }

  bool equal(const std::optional<Type>& a, const std::optional<Type>& b) {
    return a && b ? of(*a) == of(*b) : a.has_value() == b.has_value();
  }
  bool equal(const FunctionType& a, const FunctionType& b) {
    return a.async == b.async && equal(a.result, b.result) &&
           std::ranges::equal(a.parameters, b.parameters, [&](const TypeField& x, const TypeField& y) {
             return x.name == y.name && equal(x.type, y.type);
           });
  }

 private:
  static void number(std::string& key, std::size_t value) {
    key += std::to_string(value);
    key += ' ';
  }
  static void text(std::string& key, std::string_view value) {
    number(key, value.size());
    key += value;
  }

  std::unordered_map<const std::string*, std::size_t> seen_;
  std::unordered_map<std::string, std::size_t> shapes_;
  std::vector<std::size_t> parts_;
};

using Lines = std::vector<std::string>;

Lines enclosed(std::string_view head, const Lines& lines) {
  if (lines.empty()) return {std::string(head) + " {}"};
  Lines all{std::string(head) + " {"};
  for (const std::string& line : lines) all.push_back(line.empty() ? line : "  " + line);
  all.emplace_back("}");
  return all;
}

/// Lines in groups, with a blank line between two of them.
class WorldBody {
 public:
  /// Adds an item. An item of one line joins the current group; a longer one is a group by itself.
  void add(Lines item) {
    const bool one_line = item.size() == 1;
    if (!one_line) end();
    if (!open_ && !lines_.empty()) lines_.emplace_back();
    std::ranges::move(item, std::back_inserter(lines_));
    open_ = one_line;
  }
  void add(std::string line) { add(Lines{std::move(line)}); }
  /// Ends the group.
  void end() { open_ = false; }

  [[nodiscard]] const Lines& lines() const { return lines_; }

 private:
  Lines lines_;
  bool open_ = false;
};

enum class Side : std::uint8_t { imports, exports };

struct ScopeFunction {
  const FunctionItem* item;
  Side side;
};

/// A name in another scope, and the name here: `use source.{name as local}`.
struct Used {
  std::string name;
  std::string local;
};

/// A namespace: an interface or the world's root.
struct Scope {
  std::string name;  ///< As in the component; empty for the root.
  std::optional<WitPath> path;
  std::size_t package = 0;
  bool imported = false;
  bool exported = false;
  bool writable = true;  ///< WIT can express its name.

  std::vector<const TypeItem*> types;
  std::vector<std::string> resources;
  std::map<std::string, Resource> aliases;  ///< The members of `resources` that are further names of others.
  std::vector<ScopeFunction> functions;
  std::vector<std::string> notes;  ///< Comments about the scope.

  // The result of planning.
  std::set<std::string> taken;                     ///< All names, in lower case.
  std::map<std::string, std::size_t> shape_of;     ///< By type name.
  std::map<std::size_t, std::string> name_of;      ///< The first name of a shape.
  std::map<Resource, std::string> resource_names;  ///< The resources that can be mentioned here.
  std::vector<std::string> defined;                ///< Resources that are defined here.
  std::map<std::size_t, std::vector<Used>> uses;   ///< By source scope.
  std::vector<Lines> definitions;                  ///< Type definitions.
};

class WorldPrinter {
 public:
  explicit WorldPrinter(const World& world) : world_(world) {}

  std::string print() {
    collect();
    find_uses();
    for (current_ = 0; current_ < scopes_.size(); ++current_) plan();
    return write();
  }

 private:
  // ---- Collecting scopes

  [[nodiscard]] const WorldItems& items(Side side) const {
    return side == Side::imports ? world_.imports : world_.exports;
  }

  /// Creates the scopes: interfaces in their order, those with a package first, then the root. Later scopes use earlier
  /// ones.
  void collect() {
    std::map<std::string, std::size_t> found;
    std::set<std::string> paths;
    std::map<std::string, std::size_t> packages;  // Numbers; 0 is the world's.
    for (const Side side : {Side::imports, Side::exports}) {
      for (const Interface& interface : items(side).interfaces) {
        auto path = parse_wit_path(interface.name);
        if (!path) continue;
        const auto [entry, is_new] = found.try_emplace(interface.name, scopes_.size());
        if (is_new) {
          Scope& scope = scopes_.emplace_back();
          scope.name = interface.name;
          scope.package = packages.try_emplace(path->package, packages.size() + 1).first->second;
          scope.writable = paths.insert(path->full()).second;
          if (path->completed) scope.notes.push_back("In the component: " + interface.name + ".");
          scope.path = std::move(path);
          owners_.try_emplace(interface.name, entry->second);
        }
        merge(scopes_[entry->second], side, interface);
      }
    }
    named_ = scopes_.size();
    for (const Side side : {Side::imports, Side::exports}) {
      for (const Interface& interface : items(side).interfaces) {
        if (parse_wit_path(interface.name)) continue;
        Scope& scope = scopes_.emplace_back();
        scope.name = interface.name;
        scope.writable = is_wit_label(interface.name);
        merge(scope, side, interface);
      }
    }
    Scope& root = scopes_.emplace_back();
    root.imported = true;
    std::set<std::string_view> known;
    for (const Side side : {Side::imports, Side::exports}) {
      const WorldItems& its = items(side);
      for (const TypeItem& item : its.types) root.types.push_back(&item);
      for (const std::string& name : its.resources) {
        if (known.insert(name).second) root.resources.push_back(name);
      }
      for (const ResourceAlias& alias : its.aliases) add_alias(root, alias);
      for (const FunctionItem& item : its.functions) root.functions.push_back({.item = &item, .side = side});
    }
    // Types and imports share one set of names.
    for (const Interface& interface : world_.imports.interfaces)
      root.taken.insert(lower_case(interface.name));
    while (packages.contains(package_)) package_ += "-too";
  }

  /// Adds one side's interface to the scope, which may already have the other side's interface of that name.
  void merge(Scope& scope, Side side, const Interface& interface) {
    const bool both = scope.imported || scope.exported;
    std::map<std::string_view, const TypeItem*> types;
    std::set<std::string_view> resources(scope.resources.begin(), scope.resources.end());
    std::map<std::string_view, const FunctionItem*> functions;
    for (const TypeItem* item : scope.types) types.emplace(item->name, item);
    for (const ScopeFunction& function : scope.functions)
      functions.emplace(function.item->name, function.item);

    std::set<std::string_view> seen;
    std::vector<std::string> more;
    std::vector<std::string> different;
    // Returns whether the name is new. If the other side has an item of that kind and name, `same` says whether the two
    // are equal.
    const auto is_new = [&](const std::string& name, std::optional<bool> same) {
      if (!seen.insert(name).second) return false;
      if (!types.contains(name) && !resources.contains(name) && !functions.contains(name)) {
        if (both) more.push_back(name);
        return true;
      }
      if (!same.value_or(false)) different.push_back(name);
      return false;
    };
    std::vector<const TypeItem*> new_types;
    std::vector<std::string> new_resources;
    std::vector<ScopeFunction> new_functions;
    for (const TypeItem& item : interface.types) {
      const auto other = types.find(item.name);
      std::optional<bool> same;
      if (other != types.end()) same = shapes_.of(other->second->type) == shapes_.of(item.type);
      if (is_new(item.name, same)) new_types.push_back(&item);
    }
    for (const std::string& name : interface.resources) {
      if (is_new(name, resources.contains(name))) new_resources.push_back(name);
    }
    for (const FunctionItem& item : interface.functions) {
      const auto other = functions.find(item.name);
      std::optional<bool> same;
      if (other != functions.end()) same = shapes_.equal(other->second->type, item.type);
      if (is_new(item.name, same)) new_functions.push_back({.item = &item, .side = side});
    }
    if (both) {
      std::vector<std::string> fewer;
      const auto check = [&](std::string_view name) {
        if (!seen.contains(name)) fewer.emplace_back(name);
      };
      for (const auto& [name, item] : types) check(name);
      for (const std::string_view name : resources) check(name);
      for (const auto& [name, item] : functions) check(name);
      note(scope, "Only exported", more);
      note(scope, "Only imported", fewer);
      note(scope, "Exported with another type", different);
    }
    for (const ResourceAlias& alias : interface.aliases) {
      if (!resources.contains(alias.name)) add_alias(scope, alias);
    }
    std::ranges::move(new_types, std::back_inserter(scope.types));
    std::ranges::move(new_resources, std::back_inserter(scope.resources));
    std::ranges::move(new_functions, std::back_inserter(scope.functions));
    (side == Side::imports ? scope.imported : scope.exported) = true;
  }

  static void add_alias(Scope& scope, const ResourceAlias& alias) {
    scope.aliases.try_emplace(alias.name, alias.interface_name, alias.resource);
  }

  static void note(Scope& scope, std::string_view text, const std::vector<std::string>& names) {
    if (names.empty()) return;
    std::string line(text);
    for (std::size_t i = 0; i < std::min(names.size(), kMaxListed); ++i)
      line += (i == 0 ? ": " : ", ") + names[i];
    if (names.size() > kMaxListed) line += " and " + std::to_string(names.size() - kMaxListed) + " more";
    scope.notes.push_back(line + ".");
  }

  // ---- Choosing uses

  void find_uses() {
    std::vector<WitUses::Interface> interfaces;
    for (std::size_t i = 0; i < scopes_.size(); ++i) {
      const Scope& scope = scopes_[i];
      interfaces.push_back({.package = scope.package,
                            .imported = scope.imported,
                            .exported = scope.exported,
                            .usable = i < named_ && scope.writable});
      for (const TypeItem* item : scope.types) {
        if (i < named_) first_.try_emplace({item->name, shapes_.of(item->type)}, i);
      }
    }
    uses_.emplace(std::move(interfaces), scopes_.size() - 1);
    // Add the required uses first, because optional ones could prevent them.
    for (std::size_t i = 0; i < scopes_.size(); ++i) {
      for (const Resource& resource : mentioned(i)) {
        const auto owner = owners_.find(resource.first);
        if (owner != owners_.end() && owner->second != i) uses_->add(i, owner->second);
      }
    }
  }

  /// Returns the resources that a scope has further names for or that its functions and types mention, in order.
  std::vector<Resource> mentioned(std::size_t index) {
    const Scope& scope = scopes_[index];
    Mentions mentions;
    for (const std::string& name : scope.resources) {
      const auto alias = scope.aliases.find(name);
      if (alias != scope.aliases.end() && mentions.known.insert(alias->second).second) {
        mentions.found.push_back(alias->second);
      }
    }
    for (const ScopeFunction& function : scope.functions) {
      for (const TypeField& parameter : function.item->type.parameters) mentions.add(parameter.type);
      mentions.add(function.item->type.result);
    }
    for (const TypeItem* item : scope.types) {
      const auto first = first_.find({item->name, shapes_.of(item->type)});
      if (first != first_.end() && first->second < index) continue;
      mentions.add(item->type, true);
    }
    return std::move(mentions.found);
  }

  struct Mentions {
    std::vector<Resource> found;
    std::set<Resource> known;
    std::set<const std::string*> seen;

    void add(const std::optional<Type>& type, bool definition = false) {
      if (!type || (takes_name(type->kind()) && !definition) || !seen.insert(&type->name()).second) return;
      if (is_handle(type->kind()) && known.insert(resource_of(*type)).second) {
        found.push_back(resource_of(*type));
      }
      for (const TypeField& field : type->fields()) add(field.type);
    }
  };

  // ---- Planning one scope

  Scope& scope() { return scopes_[current_]; }
  [[nodiscard]] bool is_root() const { return current_ + 1 == scopes_.size(); }

  void plan() {
    Scope& scope = this->scope();
    if (!scope.writable) return;
    for (const std::string& name : scope.resources) scope.taken.insert(lower_case(name));
    for (const TypeItem* item : scope.types) scope.taken.insert(lower_case(item->name));
    for (const ScopeFunction& function : scope.functions) {
      if (function.side == Side::imports || !is_root()) scope.taken.insert(lower_case(function.item->name));
    }
    plan_resources();
    plan_types();
  }

  /// Decides which resources the scope defines, and which it uses from another scope.
  void plan_resources() {
    Scope& scope = this->scope();
    std::vector<Resource> foreign;
    std::set<std::string> own;
    std::map<std::string, std::size_t> by_name;
    for (Resource& resource : mentioned(current_)) {
      if (resource.first == scope.name) {
        own.insert(resource.second);
      } else {
        by_name.try_emplace(resource.second, foreign.size());
        foreign.push_back(std::move(resource));
      }
    }
    std::vector<bool> taken(foreign.size());
    const auto take = [&](std::size_t index, const std::string& name) {
      taken[index] = true;
      if (!use_resource(foreign[index], name)) define_resource(name, foreign[index]);
    };
    std::vector<std::string> open;
    for (const std::string& name : scope.resources) {
      if (const auto alias = scope.aliases.find(name); alias != scope.aliases.end()) {
        const auto found = std::ranges::find(foreign, alias->second);
        if (found != foreign.end()) taken[static_cast<std::size_t>(found - foreign.begin())] = true;
        plan_alias(name, alias->second);
      } else if (own.contains(name))
        define_resource(name);
      else if (const auto found = by_name.find(name); found != by_name.end())
        take(found->second, name);
      else
        open.push_back(name);
    }
    // Functions can only mention resources that have a name here, so the rest must be foreign resources under another
    // name.
    std::size_t next = 0;
    for (const std::string& name : open) {
      while (next < foreign.size() && taken[next]) ++next;
      if (next < foreign.size())
        take(next, name);
      else
        define_resource(name);
    }
  }

  /// Plans a further name for a resource of another interface or of this one.
  void plan_alias(const std::string& name, const Resource& resource) {
    Scope& scope = this->scope();
    const auto known = scope.resource_names.find(resource);
    if (resource.first != scope.name && use_resource(resource, name)) return;
    if (known != scope.resource_names.end())
      define_alias(name, escape_wit_label(known->second), "");
    else if (resource.first == scope.name)
      define_alias(name, escape_wit_label(resource.second), "");
    else
      define_resource(name, resource);
  }

  void define_resource(const std::string& name) {
    Scope& scope = this->scope();
    scope.resource_names.try_emplace({scope.name, name}, name);
    scope.defined.push_back(name);
  }
  /// Defines a resource of another scope here, because WIT does not permit using it from its owner.
  void define_resource(const std::string& name, const Resource& resource) {
    Scope& scope = this->scope();
    scope.resource_names.try_emplace(resource, name);
    scope.defined.push_back(name);
    strays_.insert({current_, name});
  }

  bool use_resource(const Resource& resource, const std::string& name) {
    const auto owner = owners_.find(resource.first);
    if (owner == owners_.end() || !scopes_[owner->second].resource_names.contains(resource) ||
        !uses_->add(current_, owner->second)) {
      return false;
    }
    scope().uses[owner->second].push_back({.name = resource.second, .local = name});
    scope().resource_names.try_emplace(resource, name);
    return true;
  }

  void plan_types() {
    Scope& scope = this->scope();
    // Collect all names first: a definition may mention a later one.
    std::vector<bool> fits;
    for (const TypeItem* item : scope.types) {
      const std::size_t shape = shapes_.of(item->type);
      fits.push_back(is_wit_label(item->name) && scope.shape_of.try_emplace(item->name, shape).second);
      if (fits.back() &&
          (takes_name(item->type.kind()) || is_handle(item->type.kind()) || is_long(item->type))) {
        scope.name_of.try_emplace(shape, item->name);
      }
    }
    const std::size_t imported = is_root() ? world_.imports.types.size() : scope.types.size();
    std::map<std::size_t, bool> known;
    for (std::size_t i = 0; i < scope.types.size(); ++i) {
      const TypeItem& item = *scope.types[i];
      if (!fits[i])
        scope.definitions.push_back({comment("type " + item.name + ", which WIT cannot express")});
      else
        plan_type(item, known, i < imported ? "" : "The component exports this, which WIT cannot express.");
    }
  }

  void plan_type(const TypeItem& item, std::map<std::size_t, bool>& known, std::string_view remark) {
    Scope& scope = this->scope();
    const std::size_t shape = shapes_.of(item.type);
    const bool is_named = takes_name(item.type.kind());
    const auto named = scope.name_of.find(shape);
    if (named != scope.name_of.end() && named->second != item.name && !is_handle(item.type.kind())) {
      define_alias(item.name, escape_wit_label(named->second), remark);
    } else if (use_type(shape, item.name, item.name) ||
               // It cannot have been defined here, so it must be a use under another name.
               (!mentions_only_names(item.type, known) && use_type(shape, {}, item.name))) {
      return;
    } else if (is_named) {
      define(item.name, item.type, remark);
    } else if (item.type.kind() == TypeKind::own) {
      define_alias(item.name, "own<" + name_of_resource(item.type) + ">", remark);
    } else if (item.type.kind() == TypeKind::borrow) {
      define_alias(item.name, "borrow<" + name_of_resource(item.type) + ">", remark);
    } else {
      define_alias(item.name, item.type.fields().empty() ? text(item.type) : spell(item.type), remark);
    }
    if (current_ < named_) sources_[shape].push_back({.name = item.name, .scope = current_});
  }

  /// Returns whether everything that the type's definition mentions has a name here.
  bool mentions_only_names(const Type& type, std::map<std::size_t, bool>& known) {
    if (is_handle(type.kind())) return has_name(type, known);
    return std::ranges::all_of(
        type.fields(), [&](const TypeField& field) { return !field.type || has_name(*field.type, known); });
  }

  bool has_name(const Type& type, std::map<std::size_t, bool>& known) {
    if (is_handle(type.kind())) return scope().resource_names.contains(resource_of(type));
    const std::size_t shape = shapes_.of(type);
    if (takes_name(type.kind())) return scope().name_of.contains(shape);
    if (const auto found = known.find(shape); found != known.end()) return found->second;
    const bool has = mentions_only_names(type, known);
    known.emplace(shape, has);
    return has;
  }

  /// Uses a type of that name, or of any name if it is empty, as `local`.
  bool use_type(std::size_t shape, std::string_view name, const std::string& local) {
    constexpr std::size_t kMaxTries = 8;
    const auto sources = sources_.find(shape);
    if (sources == sources_.end()) return false;
    std::size_t tries = 0;
    for (const Source& source : sources->second) {
      if (!name.empty() && source.name != name) continue;
      if (uses_->add(current_, source.scope)) {
        scope().uses[source.scope].push_back({.name = source.name, .local = local});
        return true;
      }
      if (++tries == kMaxTries) break;
    }
    return false;
  }

  /// `type name = target`
  void define_alias(const std::string& name, const std::string& target, std::string_view remark) {
    Lines lines;
    if (!remark.empty()) lines.push_back(comment(remark));
    lines.push_back("type " + escape_wit_label(name) + " = " + target + ";");
    scope().definitions.push_back(std::move(lines));
  }

  /// `record name { … }`, or the same for a variant, an enum or flags.
  void define(const std::string& name, const Type& type, std::string_view remark) {
    Lines parts;
    for (const TypeField& field : type.fields()) {
      if (full()) break;
      std::string line = counted(escape_wit_label(field.name));
      if (field.type) {
        const bool is_case = type.kind() == TypeKind::variant;
        line += (is_case ? "(" : ": ") + text(*field.type) + (is_case ? ")" : "");
      }
      parts.push_back(line + ",");
    }
    Lines lines;
    if (!remark.empty()) lines.push_back(comment(remark));
    std::ranges::move(enclosed(std::string(keyword(type.kind())) + " " + escape_wit_label(name), parts),
                      std::back_inserter(lines));
    scope().definitions.push_back(std::move(lines));
  }

  /// Returns an unused name in the scope.
  std::string unique(std::string_view wanted) {
    const std::string base(is_wit_label(wanted) ? wanted : "unnamed");
    std::string name = base;
    for (std::size_t i = 2; !scope().taken.insert(lower_case(name)).second; ++i)
      name = base + std::to_string(i);
    return name;
  }

  // ---- Spelling types

  [[nodiscard]] bool full() const { return size_ > kMaxWorldText; }

  /// Adds the text's size to the total that `full` checks.
  std::string counted(std::string text) {
    size_ += text.size() + 1;
    return text;
  }

  /// Returns whether an unnamed type is so long that it gets a name.
  bool is_long(const Type& type) { return shapes_.parts(type) > kMaxParts; }

  std::string text(const Type& type) {
    if (full()) return "_";
    switch (type.kind()) {
      case TypeKind::record:
      case TypeKind::variant:
      case TypeKind::enumeration:
      case TypeKind::flags:
        return counted(name_of(type));
      case TypeKind::own:
      case TypeKind::borrow:
        return counted(handle(type));
      default:
        break;
    }
    if (type.fields().empty()) return counted(type.to_string());
    return is_long(type) ? name_of_long(type) : spell(type);
  }

  /// `list<u8>`
  std::string spell(const Type& type) {
    const auto& fields = type.fields();
    std::string parts;
    for (std::size_t i = 0; i < fields.size() && !full(); ++i) {
      // `result<_, e>`, and `result<t>` if there is no `e`.
      if (!fields[i].type && (i > 0 || fields.size() == 1 || !fields[1].type)) continue;
      if (!parts.empty()) parts += ", ";
      parts += fields[i].type ? text(*fields[i].type) : "_";
    }
    if (type.kind() == TypeKind::fixed_length_list) parts += ", " + std::to_string(type.length());
    std::string text(keyword(type.kind()));
    return parts.empty() ? text : text + "<" + parts + ">";
  }

  std::string name_of(const Type& type) {
    Scope& scope = this->scope();
    const std::size_t shape = shapes_.of(type);
    if (const auto named = scope.shape_of.find(type.name());
        named != scope.shape_of.end() && named->second == shape) {
      return escape_wit_label(type.name());
    }
    if (const auto named = scope.name_of.find(shape); named != scope.name_of.end()) {
      return escape_wit_label(named->second);
    }
    const std::string name = unique(type.name());
    scope.name_of.emplace(shape, name);
    scope.shape_of.emplace(name, shape);
    if ((type.name().empty() || !use_type(shape, type.name(), name)) && !use_type(shape, {}, name)) {
      define(name, type,
             type.name().empty() ? "The component has no name for this type."
                                 : "The component has no name for this type here.");
    }
    return escape_wit_label(name);
  }

  std::string name_of_long(const Type& type) {
    Scope& scope = this->scope();
    const std::size_t shape = shapes_.of(type);
    if (const auto named = scope.name_of.find(shape); named != scope.name_of.end()) {
      return counted(escape_wit_label(named->second));
    }
    std::string name = unique("long");
    scope.name_of.emplace(shape, name);
    scope.shape_of.emplace(name, shape);
    define_alias(name, spell(type), "The component has no name for this type.");
    return counted(std::move(name));
  }

  std::string handle(const Type& type) {
    const Scope& scope = this->scope();
    if (!scope.resource_names.contains(resource_of(type))) {
      // `type h = own<r>`, used from the scope of `r`.
      const auto named = scope.name_of.find(shapes_.of(type));
      if (named != scope.name_of.end()) return escape_wit_label(named->second);
    }
    const std::string name = name_of_resource(type);
    return type.kind() == TypeKind::borrow ? "borrow<" + name + ">" : name;
  }

  std::string name_of_resource(const Type& handle) {
    Scope& scope = this->scope();
    const Resource resource = resource_of(handle);
    if (const auto named = scope.resource_names.find(resource); named != scope.resource_names.end()) {
      return escape_wit_label(named->second);
    }
    const std::string name = unique(resource.second);
    if (!use_resource(resource, name)) define_resource(name, resource);
    return escape_wit_label(name);
  }

  // ---- Functions

  /// Returns `(a: u8, b: string)`, or nothing if WIT cannot express the parameters.
  std::optional<std::string> parameters(const FunctionType& function, std::size_t first) {
    std::string parts;
    for (std::size_t i = first; i < function.parameters.size() && !full(); ++i) {
      const auto& [name, type] = function.parameters[i];
      if (!is_wit_label(name) || !type) return std::nullopt;
      if (!parts.empty()) parts += ", ";
      parts += counted(escape_wit_label(name)) + ": " + text(*type);
    }
    return "(" + parts + ")";
  }

  std::optional<std::string> signature(const FunctionType& function, std::size_t first = 0) {
    auto parts = parameters(function, first);
    if (!parts) return std::nullopt;
    return (function.async ? "async func" : "func") + *parts +
           (function.result ? " -> " + text(*function.result) : std::string());
  }

  std::string member(const WitMember& member, const FunctionItem& item, const Resource& resource) {
    const FunctionType& type = item.type;
    std::optional<std::string> line;
    switch (member.kind) {
      case WitMember::Kind::constructor: {
        const bool plain = is_handle_of(type.result, TypeKind::own, resource);
        const bool may_fail = type.result && type.result->kind() == TypeKind::result &&
                              is_handle_of(type.result->fields()[0].type, TypeKind::own, resource);
        if (type.async || !(plain || may_fail)) break;
        line = parameters(type, 0);
        if (line) line = "constructor" + *line + (plain ? std::string() : " -> " + text(*type.result)) + ";";
        break;
      }
      case WitMember::Kind::method:
        if (type.parameters.empty() || !is_handle_of(type.parameters[0].type, TypeKind::borrow, resource)) {
          break;
        }
        line = signature(type, 1);
        if (line) line = escape_wit_label(member.name) + ": " + *line + ";";
        break;
      case WitMember::Kind::static_function:
        line = signature(type);
        if (line) line = escape_wit_label(member.name) + ": static " + *line + ";";
        break;
    }
    if (member.kind != WitMember::Kind::constructor && !is_wit_label(member.name)) line.reset();
    return line ? *line : unwritable(item);
  }

  std::string unwritable(const FunctionItem& item) {
    return comment(counted(item.name + ": " + item.type.to_string()) + ", which WIT cannot express");
  }

  // ---- Writing

  std::string write() {
    Lines text{"package " + package_ + ";", {}};
    std::map<std::size_t, WorldBody> packages;
    std::vector<std::size_t> order;
    for (current_ = 0; current_ < named_; ++current_) {
      if (!scope().writable) continue;
      const auto [body, is_new] = packages.try_emplace(scope().package);
      if (is_new) order.push_back(current_);
      Lines lines;
      for (const std::string& note : scope().notes) lines.push_back(comment(note));
      std::ranges::move(enclosed("interface " + escape_wit_label(scope().path->label), body_of_interface()),
                        std::back_inserter(lines));
      body->second.end();
      body->second.add(std::move(lines));
      body->second.end();
    }
    append(text, enclosed("world root", body_of_world()));
    for (const std::size_t first : order) {
      text.emplace_back();
      append(text, enclosed("package " + scopes_[first].path->package,
                            packages.at(scopes_[first].package).lines()));
    }
    std::string all;
    for (const std::string& line : text) {
      all += line;
      all += '\n';
      if (all.size() > kMaxWorldText) break;
    }
    if (all.size() > kMaxWorldText || full()) all += "// ... truncated: the text is too long\n";
    return all;
  }

  static void append(Lines& all, Lines lines) { std::ranges::move(lines, std::back_inserter(all)); }

  /// Writes the uses, types and resources of the scope. The bodies of resources and the functions must be written
  /// before, because they may add types.
  void add_types(WorldBody& body, std::vector<Lines> resources) {
    for (const auto& [source, names] : scope().uses) body.add(use_line(source, names));
    body.end();
    for (Lines& lines : scope().definitions) body.add(std::move(lines));
    body.end();
    for (Lines& lines : resources) body.add(std::move(lines));
    body.end();
  }

  std::string use_line(std::size_t source, const std::vector<Used>& names) {
    const WitPath& path = *scopes_[source].path;
    const bool same_package = scope().package == scopes_[source].package;
    std::string line = "use " + (same_package ? escape_wit_label(path.label) : path.full()) + ".{";
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (i > 0) line += ", ";
      line += escape_wit_label(names[i].name);
      if (names[i].local != names[i].name) line += " as " + escape_wit_label(names[i].local);
    }
    return line + "};";
  }

  struct Functions {
    std::map<std::string, Lines> members;  ///< By resource.
    Lines imports;                         ///< Also the functions of an interface.
    Lines exports;
  };

  Functions write_functions() {
    Scope& scope = this->scope();
    Functions functions;
    std::set<std::string> written;
    const std::set<std::string> defined(scope.defined.begin(), scope.defined.end());
    for (const auto& [item, side] : scope.functions) {
      if (full()) break;
      const bool is_export = is_root() && side == Side::exports;
      Lines& list = is_export ? functions.exports : functions.imports;
      std::string line;
      if (const auto member = parse_wit_member(item->name)) {
        const std::string resource(member->resource);
        const bool fits = defined.contains(resource) && written.insert(item->name).second;
        line = fits ? this->member(*member, *item, {scope.name, resource}) : unwritable(*item);
        (fits ? functions.members[resource] : list).push_back(line);
      } else {
        const auto type = is_wit_label(item->name) ? signature(item->type) : std::nullopt;
        line = type ? counted(escape_wit_label(item->name)) + ": " + *type + ";" : unwritable(*item);
        if (type && is_root()) line.insert(0, is_export ? "export " : "import ");
        list.push_back(line);
      }
    }
    return functions;
  }

  std::vector<Lines> write_resources(Functions& functions) {
    std::vector<Lines> all;
    std::set<std::string_view> exported;
    if (is_root()) exported.insert(world_.exports.resources.begin(), world_.exports.resources.end());
    for (const std::string& name : scope().defined) {
      if (!is_wit_label(name)) {
        all.push_back({comment("resource " + name + ", which WIT cannot express")});
        continue;
      }
      Lines lines;
      if (strays_.contains({current_, name})) {
        lines.push_back(comment("Belongs to another interface, but WIT cannot use it from there."));
      } else if (exported.contains(name)) {
        lines.push_back(comment("The component exports this, which WIT cannot express."));
      }
      const std::string head = "resource " + escape_wit_label(name);
      const auto members = functions.members.find(name);
      if (members == functions.members.end())
        lines.push_back(head + ";");
      else
        append(lines, enclosed(head, members->second));
      all.push_back(std::move(lines));
    }
    return all;
  }

  Lines body_of_interface() {
    Functions functions = write_functions();
    WorldBody body;
    add_types(body, write_resources(functions));
    for (std::string& line : functions.imports) body.add(std::move(line));
    return body.lines();
  }

  Lines body_of_world() {
    // Write the root's functions first, because they may add types.
    current_ = scopes_.size() - 1;
    Functions functions = write_functions();
    std::vector<Lines> resources = write_resources(functions);
    WorldBody body;
    add_interfaces(body, Side::imports);
    current_ = scopes_.size() - 1;
    add_types(body, std::move(resources));
    for (std::string& line : functions.imports) body.add(std::move(line));
    body.end();
    add_interfaces(body, Side::exports);
    for (std::string& line : functions.exports) body.add(std::move(line));
    return body.lines();
  }

  void add_interfaces(WorldBody& body, Side side) {
    const std::string_view direction = side == Side::imports ? "import " : "export ";
    const auto on_side = [&](const Scope& scope) {
      return side == Side::imports ? scope.imported : scope.exported;
    };
    for (const Scope& scope : std::span(scopes_).first(named_)) {
      if (scope.writable && on_side(scope)) body.add(std::string(direction) + scope.path->full() + ";");
    }
    for (current_ = 0; current_ + 1 < scopes_.size(); ++current_) {
      const Scope& scope = this->scope();
      if (!on_side(scope) || (current_ < named_ && scope.writable)) continue;
      std::string head = std::string(direction) + escape_wit_label(scope.name);
      if (scope.writable)
        body.add(enclosed(head + ": interface", body_of_interface()));
      else
        body.add(comment(head + ", an interface that WIT cannot name"));
    }
    for (const std::string& item : items(side).unsupported) {
      body.add(comment(std::string(direction) + item + ", which is not supported"));
    }
    body.end();
  }

  struct Source {
    std::string name;
    std::size_t scope;
  };

  const World& world_;
  std::string package_ = "root:component";
  Shapes shapes_;
  std::vector<Scope> scopes_;
  std::size_t named_ = 0;    ///< The number of scopes, at the front, that have a package.
  std::size_t current_ = 0;  ///< The scope that is being planned or written.
  std::map<std::string, std::size_t>
      owners_;  ///< Interfaces with a package, by their names in the component.
  std::map<std::pair<std::string, std::size_t>, std::size_t>
      first_;                                                     ///< The first scope with a name and shape.
  std::unordered_map<std::size_t, std::vector<Source>> sources_;  ///< The scopes that define a shape.
  std::set<std::pair<std::size_t, std::string>>
      strays_;  ///< Resources of other scopes, defined by scope and name.
  std::optional<WitUses> uses_;
  std::size_t size_ = 0;
};

}  // namespace

std::string World::to_string() const { return WorldPrinter(*this).print(); }

}  // namespace tairitsu

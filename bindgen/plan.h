/// What is generated for a world, under which names, and how its types are spelt in C++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bindgen/names.h"
#include "bindgen/wit.h"

namespace tairitsu::bindgen {

/// Which side of the world something is seen from. A resource of an import is the host's, one of an
/// export the guest's; the other types are the same on both.
enum class Side : std::uint8_t { imports, exports };

/// Whom a parameter goes to: views are of the host's values, or of the guest's memory.
enum class Towards : std::uint8_t { guest, host };

/// An interface of the world.
struct InterfacePlan {
  std::size_t id = 0;
  std::string import_name;  ///< As components have it: `example:shop/catalogue@1.2.0`.
  std::string name;         ///< Its own: `catalogue`.
  std::string space;        ///< `example::shop::catalogue`
  bool imported = false;
  bool exported = false;
  bool again = false;            ///< It is here under another name before: its types are there.
  bool provided = false;         ///< Imported, and the runtime itself provides it.
  std::string host_class;        ///< `Host`, and the like, where the user's types leave them free.
  std::string functions_struct;  ///< `HostFunctions`
  std::string guest_class;       ///< `Guest`
  std::string guest_functions;   ///< `GuestFunctions`
  std::map<std::size_t, std::string> type_names;
};

/// Where a type is spelt: names of the own namespace are short.
struct Context {
  Side side = Side::imports;
  /// `&plan.interfaces[i]`, or null for the world's own namespace and class.
  const InterfacePlan* interface = nullptr;
  /// Whether even own names are spelt in full: outside of every namespace, and in the world's class.
  bool full = false;
};

/// How a parameter is written.
struct ParameterType {
  std::string text;
  bool moved = false;  ///< By value, and to be moved on: it owns resources.
};

class Plan {
 public:
  /// `provide_wasi`: the runtime's own implementation of WASI serves the imports that it can.
  Plan(const Wit& resolved, bool provide_wasi);

  const Wit& wit;
  const World& world;
  std::vector<InterfacePlan> interfaces;  ///< Each after those whose types it uses.
  std::string package_space;              ///< `example::shop`
  std::string world_space;                ///< `example::shop::my_world`: the world's own types.
  std::string world_class;                ///< `MyWorld`
  std::map<std::size_t, std::string> world_type_names;
  std::string world_host_class;
  std::string world_functions_struct;

  [[nodiscard]] std::string package_name(std::size_t package) const;

  /// Why the runtime cannot do the type yet, in words; nothing where it can.
  [[nodiscard]] std::optional<std::string> unsupported(const TypeRef& type) const;
  [[nodiscard]] std::optional<std::string> unsupported(std::size_t id) const;
  [[nodiscard]] std::optional<std::string> unsupported(const Function& function) const;
  /// Whether it is a resource, or has handles inside.
  [[nodiscard]] bool has_resources(const TypeRef& type) const;
  /// Whether it owns a resource, so that it is moved and not copied.
  [[nodiscard]] bool owns_resources(const TypeRef& type) const;
  /// Whether C++'s layout is the canonical ABI's, so that lists of it are copied and viewed whole.
  [[nodiscard]] bool is_flat(const TypeRef& ref) const;
  struct Layout {
    std::size_t size = 0;
    std::size_t align = 1;
    std::vector<std::size_t> offsets;
  };
  /// The canonical layout of a flat type.
  [[nodiscard]] Layout layout(const TypeRef& ref) const;

  /// The type behind aliases: never an alias itself.
  [[nodiscard]] TypeRef plain(TypeRef type) const;
  /// The same as a definition; null for a primitive.
  [[nodiscard]] const TypeDef* resolve(const TypeRef& type) const;

  /// A value of its own: a result, a field.
  [[nodiscard]] std::string value(const TypeRef& ref, const Context& context) const;
  /// The same of a type without a name, or of one as if it had none: `std::vector<std::uint8_t>`.
  [[nodiscard]] std::string shape(const TypeDef& type, const Context& context) const;
  [[nodiscard]] ParameterType parameter(const TypeRef& ref, const Context& context, Towards towards) const;
  /// `tairitsu::Result<…>` of a function's result.
  [[nodiscard]] std::string result(const Function& function, const Context& context) const;
  /// A named type, e.g. `Item` or `::example::shop::catalogue::Item`.
  [[nodiscard]] std::string type_name(std::size_t id, const Context& context) const;
  /// The same from anywhere.
  [[nodiscard]] std::string full_name(std::size_t id, Side side) const {
    return type_name(id, {.side = side, .interface = nullptr, .full = true});
  }

  /// As WIT spells it where it is used: `list<item>`.
  [[nodiscard]] std::string wit_text(const TypeRef& ref) const;

  [[nodiscard]] const InterfacePlan* find_interface(std::size_t id) const;
  /// Whether the resource is the guest's, seen from there.
  [[nodiscard]] bool is_guest_resource(std::size_t id, Side side) const;

 private:
  [[nodiscard]] static bool is_exported_side(const InterfacePlan& owner, Side side) {
    return owner.exported && (side == Side::exports || !owner.imported);
  }
  void add_interfaces();
  void add_interface(const WorldItem& item, Side side);
  /// Whether it is an export that the runtime's HTTP server calls: nobody else has the resources for that.
  [[nodiscard]] bool is_served(const WorldItem& item) const;
  void sort_interfaces();
  void name_types(InterfacePlan& plan) const;
  [[nodiscard]] std::string package_path(std::size_t package) const;
  [[nodiscard]] std::string unsupported_shape(const TypeDef& type) const;
  [[nodiscard]] std::string view(const TypeRef& ref, const Context& context, Towards towards) const;
  [[nodiscard]] bool is_small(const TypeRef& ref, Towards towards) const;

  bool provide_wasi_;
};

}  // namespace tairitsu::bindgen

/// Which interfaces of a world are generated, under which names, and how types are written in C++.
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

/// A side of the world. The host implements the resources of imports, the guest those of exports; all other
/// types are the same on both sides.
enum class Side : std::uint8_t { imports, exports };

/// The side that receives a parameter. Views passed to the guest refer to values of the host; views passed to the
/// host refer to guest memory.
enum class Callee : std::uint8_t { guest, host };

/// An interface of the world.
struct InterfacePlan {
  std::size_t id = 0;
  std::string import_name;  ///< The name in components: `example:shop/catalogue@1.2.0`.
  std::string name;         ///< The last part: `catalogue`.
  std::string space;        ///< `example::shop::catalogue`
  bool imported = false;
  bool exported = false;
  bool repeated = false;         ///< An earlier plan has this interface under another name, and its types.
  bool provided = false;         ///< Imported, and implemented by the runtime itself.
  std::string host_class;        ///< `Host`; with underscores if the user has a type of that name.
  std::string functions_struct;  ///< `HostFunctions`
  std::string guest_class;       ///< `Guest`
  std::string guest_functions;   ///< `GuestFunctions`
  std::map<std::size_t, std::string> type_names;
};

/// The place where a type is written. Names in the same namespace are written without it.
struct Context {
  Side side = Side::imports;
  /// `&plan.interfaces[i]`, or null for the world's own namespace and class.
  const InterfacePlan* interface = nullptr;
  /// Write all names in full: outside of every namespace, and in the world's class.
  bool full = false;
};

/// A parameter as it is written in C++.
struct ParameterType {
  std::string text;
  bool moved = false;  ///< Passed by value and moved, because it owns resources.
};

class Plan {
 public:
  /// `provide_wasi`: the runtime's own WASI implementation provides the imports that it supports.
  Plan(const Wit& resolved, bool provide_wasi);

  const Wit& wit;
  const World& world;
  std::vector<InterfacePlan> interfaces;  ///< Each follows those whose types it uses.
  std::string package_space;              ///< `example::shop`
  std::string world_space;                ///< `example::shop::my_world`: the world's own types.
  std::string world_class;                ///< `MyWorld`
  std::map<std::size_t, std::string> world_type_names;
  std::string world_host_class;
  std::string world_functions_struct;

  [[nodiscard]] std::string package_name(std::size_t package) const;

  /// Returns why the runtime does not support the type yet, or nothing if it does.
  [[nodiscard]] std::optional<std::string> unsupported(const TypeRef& type) const;
  [[nodiscard]] std::optional<std::string> unsupported(std::size_t id) const;
  [[nodiscard]] std::optional<std::string> unsupported(const Function& function) const;
  /// Whether the type is a resource or contains handles.
  [[nodiscard]] bool has_resources(const TypeRef& type) const;
  /// Whether values of the type own a resource, and are moved instead of copied.
  [[nodiscard]] bool owns_resources(const TypeRef& type) const;
  /// Whether the type has the same layout in C++ and in the canonical ABI, so that lists of it are copied and viewed
  /// as a whole.
  [[nodiscard]] bool is_flat(const TypeRef& ref) const;
  struct Layout {
    std::size_t size = 0;
    std::size_t align = 1;
    std::vector<std::size_t> offsets;
  };
  /// Returns the canonical ABI's layout of a flat type.
  [[nodiscard]] Layout layout(const TypeRef& ref) const;

  /// Resolves aliases. The result is never an alias.
  [[nodiscard]] TypeRef plain(TypeRef type) const;
  /// Resolves aliases and returns the definition; null for a primitive.
  [[nodiscard]] const TypeDef* resolve(const TypeRef& type) const;

  /// Returns the type of an owned value, such as a result or a field.
  [[nodiscard]] std::string value(const TypeRef& ref, const Context& context) const;
  /// As `value`, but ignores the name of `type`: `std::vector<std::uint8_t>`.
  [[nodiscard]] std::string shape(const TypeDef& type, const Context& context) const;
  [[nodiscard]] ParameterType parameter(const TypeRef& ref, const Context& context, Callee callee) const;
  /// Returns `tairitsu::Result<…>` for a function's result.
  [[nodiscard]] std::string result(const Function& function, const Context& context) const;
  /// Returns the name of a named type: `Item` or `::example::shop::catalogue::Item`.
  [[nodiscard]] std::string type_name(std::size_t id, const Context& context) const;
  /// As `type_name`, valid everywhere.
  [[nodiscard]] std::string full_name(std::size_t id, Side side) const {
    return type_name(id, {.side = side, .interface = nullptr, .full = true});
  }

  /// Returns the type in WIT: `list<item>`.
  [[nodiscard]] std::string wit_text(const TypeRef& ref) const;

  [[nodiscard]] const InterfacePlan* find_interface(std::size_t id) const;
  /// Whether the guest implements the resource, as seen from `side`.
  [[nodiscard]] bool is_guest_resource(std::size_t id, Side side) const;

 private:
  [[nodiscard]] static bool is_exported_side(const InterfacePlan& owner, Side side) {
    return owner.exported && (side == Side::exports || !owner.imported);
  }
  void add_interfaces();
  void add_interface(const WorldItem& item, Side side);
  /// Whether it is an export that the runtime's HTTP server calls: only the runtime has the resources for it.
  [[nodiscard]] bool is_served(const WorldItem& item) const;
  void sort_interfaces();
  void name_types(InterfacePlan& plan) const;
  [[nodiscard]] std::string package_path(std::size_t package) const;
  [[nodiscard]] std::string unsupported_shape(const TypeDef& type) const;
  [[nodiscard]] std::string view(const TypeRef& ref, const Context& context, Callee callee) const;
  [[nodiscard]] bool is_small(const TypeRef& ref, Callee callee) const;

  bool provide_wasi_;
};

}  // namespace tairitsu::bindgen

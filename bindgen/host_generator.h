/// Writes the host bindings of one world. Internal to bindgen.
///
/// The class has one source file for each part of the generated text: host.cc (files, header, include guards),
/// host_contents.cc (what is generated), host_types.cc, host_imports.cc, host_exports.cc and host_world.cc.
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bindgen/host.h"
#include "bindgen/plan.h"
#include "bindgen/writer.h"

namespace tairitsu::bindgen {

using FunctionList = std::vector<const Function*>;
using FunctionNames = std::map<const Function*, std::string>;

/// `text` as a C++ string literal. Nothing is escaped: WIT names need no escapes.
[[nodiscard]] std::string literal(std::string_view text);

/// `TAIRITSU_<kind>_<space>`, with an underscore for each colon of the namespace.
[[nodiscard]] std::string macro_name(std::string_view kind, const std::string& space);

/// The parameters of a generated function.
struct Parameters {
  std::vector<std::string> declared;   ///< `const Item& item`
  std::vector<std::string> types;      ///< `const Item&`
  std::vector<std::string> forwarded;  ///< `item`, `std::move(basket)`
};

/// What a host implements: an imported interface, or the functions at the world's root.
struct HostSide {
  std::vector<std::size_t> types;
  FunctionList functions;
  std::string import_name;  ///< Empty for the world's root.
  std::string docs;
  std::string space;
  std::string inner;  ///< A namespace inside `space`, or empty.
  std::string host_class;
  std::string functions_struct;
};

/// A function of the world's class that returns an exported interface.
struct Accessor {
  const InterfacePlan* interface;
  std::string name;
  std::string member;
};

/// The names in the world's class. The user's functions have precedence, then the interfaces, then the
/// generator's own names.
struct WorldNames {
  FunctionNames functions;
  std::vector<Accessor> accessors;
  std::string add_to_linker;
  std::string instantiate;
};

/// An `add_to_linker` function that the one of the world's class calls.
struct LinkedPart {
  std::string space;
  std::string description;
  bool needs_host;
};

class HostGenerator {
 public:
  HostGenerator(const Wit& wit, const HostOptions& options);

  [[nodiscard]] HostBindings run();

 private:
  // ---- host.cc: files, header, include guards

  void write_header();
  void write_banner(Writer& out) const;
  /// Writes a part that the headers of several worlds may contain. The first header defines it; in later
  /// ones the preprocessor checks that their part is the same.
  void write_once(const std::string& kind, const InterfacePlan& interface, const Writer& part);
  void write_definitions(Writer& out);
  static void open_namespace(Writer& out, const std::string& name);
  static void close_namespace(Writer& out, const std::string& name);
  static void open_namespaces(Writer& out, const std::string& space, const std::string& inner);
  static void close_namespaces(Writer& out, const std::string& space, const std::string& inner);
  void write_function_docs(Writer& out, const Function& function) const;
  [[nodiscard]] static std::string join(const std::vector<std::string>& items);
  /// What precedes a definition that several worlds may repeat: the sources of each define the interface.
  [[nodiscard]] std::string shared_prefix() const;
  /// What precedes a definition that only this world has.
  [[nodiscard]] std::string own_prefix() const;

  // ---- host_contents.cc: what is generated

  [[nodiscard]] bool is_supported(const Function& function) const;
  [[nodiscard]] bool has_host_side(const InterfacePlan& interface) const;
  [[nodiscard]] static bool has_guest_side(const InterfacePlan& interface) { return interface.exported; }
  /// Whether a host implements functions of the interface other than methods.
  [[nodiscard]] bool needs_host(const InterfacePlan& interface) const;
  /// Whether the interface has functions or resources to add to a linker.
  [[nodiscard]] bool is_linked(const InterfacePlan& interface) const;
  [[nodiscard]] bool has_root_imports() const;
  [[nodiscard]] bool defines_resources(const std::vector<std::size_t>& types) const;
  /// Whether the type is a resource or contains handles. The two sides of a world have separate types then.
  [[nodiscard]] bool is_resource_type(std::size_t id) const;
  [[nodiscard]] bool has_resources(const Function& function) const;
  [[nodiscard]] bool returns_result(const Function& function) const;
  [[nodiscard]] static bool is_method(const Function* function) {
    return function->kind == FunctionKind::method;
  }

  [[nodiscard]] std::vector<std::size_t> resource_types(const InterfacePlan& interface) const;
  [[nodiscard]] std::vector<std::size_t> world_resources() const;
  [[nodiscard]] const std::vector<Function>& functions_of(const InterfacePlan& interface) const {
    return wit_.interfaces[interface.id].functions;
  }
  [[nodiscard]] FunctionList supported_functions(const InterfacePlan& interface) const;
  [[nodiscard]] FunctionList root_functions(const std::vector<WorldItem>& items) const;
  [[nodiscard]] static FunctionList without_methods(FunctionList functions);
  [[nodiscard]] static FunctionList methods_of(const FunctionList& functions, std::size_t type);

  /// Finds the interfaces whose types are needed. One that the runtime provides is needed only if another
  /// interface uses its types.
  void find_needed_interfaces();
  void need_interface(std::size_t id);
  void need_function(const Function& function);
  void need_type(const TypeRef& type);
  /// Adds a warning for each function and type that is skipped.
  void collect_warnings();

  /// Names in the interface's class: plain functions first, then constructors, then static functions. Methods
  /// have the scope of their resource's class.
  [[nodiscard]] FunctionNames class_names(const FunctionList& functions) const;
  /// Names in one struct that holds all of the functions.
  [[nodiscard]] FunctionNames slot_names(const FunctionList& functions) const;
  /// Claims a name in `scope` for each function of one of `kinds`, in the functions' order.
  void claim_names(const FunctionList& functions, std::initializer_list<FunctionKind> kinds, Scope& scope,
                   FunctionNames& names) const;
  /// The name outside of a resource's class: `basket_merge` for a static function or a method.
  [[nodiscard]] std::string flat_name(const Function& function) const;
  /// The type's name without its namespace.
  [[nodiscard]] std::string short_name(std::size_t id, const Context& context) const;
  /// `example:shop/journal@1.2.0#log`
  [[nodiscard]] static std::string full_name(const std::string& interface, const Function& function);
  /// The parameters, for a method without its object, which is the first parameter in WIT.
  [[nodiscard]] Parameters parameters_of(const Function& function, const Context& context,
                                         Callee callee) const;

  // ---- host_types.cc

  void write_shared_types(const InterfacePlan& interface);
  void write_type(Writer& out, std::size_t id, const Context& context) const;
  void write_record(Writer& out, std::size_t id, const std::string& name, const Context& context) const;
  void write_variant(Writer& out, std::size_t id, const std::string& name, const Context& context) const;
  static void write_enum(Writer& out, const TypeDef& type, const std::string& name);
  static void write_flags(Writer& out, const TypeDef& type, const std::string& name);
  /// Writes the types that contain resources, which each side has: forward declarations, aliases and enums,
  /// resource classes, then the other classes.
  void write_resource_types(Writer& out, const std::vector<std::size_t>& types, const Context& context,
                            const std::function<void(std::size_t)>& write_resource) const;
  /// Writes the specialization of `tairitsu::Describe`.
  void write_description(Writer& out, std::size_t id, Side side) const;
  /// The right-hand side of a `using`: a named type, or a shape such as `list<u8>` that WIT has named.
  [[nodiscard]] std::string aliased(const TypeDef& type, const Context& context) const;
  [[nodiscard]] static std::vector<std::string> field_names(const TypeDef& type);
  /// The smallest unsigned type that can number so many cases.
  [[nodiscard]] static std::string integer_for(std::size_t cases);

  // ---- host_imports.cc

  void write_host_side(const InterfacePlan& interface);
  void write_imports(Writer& out, const Context& context, const HostSide& imports) const;
  void write_host_resource(Writer& out, std::size_t id, const FunctionList& methods,
                           const FunctionNames& names, const Context& context) const;
  void write_virtual_methods(Writer& out, const FunctionList& functions, const FunctionNames& names,
                             const Context& context) const;
  void write_host_class(Writer& out, const FunctionList& functions, const FunctionNames& names,
                        const Context& context, const std::string& host_class, const std::string& docs) const;
  void write_host_functions(Writer& out, const FunctionList& functions, const FunctionNames& names,
                            const Context& context, const std::string& import_name,
                            const std::string& functions_struct) const;
  void write_add_to_linker(Writer& out, const Context& context, const std::vector<std::size_t>& types,
                           const FunctionList& functions, const FunctionNames& names,
                           const std::string& import_name) const;
  void write_linker_define(Writer& out, const Function& function, const Context& context,
                           const std::string& name, const std::string& full, const std::string& state) const;

  // ---- host_exports.cc

  void write_guest_side(const InterfacePlan& interface);
  void write_guest_definitions(Writer& out, const InterfacePlan& interface);
  void write_methods(Writer& out, const FunctionList& functions, const FunctionNames& names,
                     const Context& context) const;
  void write_slots(Writer& out, const std::string& name, const FunctionList& functions,
                   const FunctionNames& slots, const Context& context) const;
  [[nodiscard]] std::string signature(const Function& function, const Context& context) const;
  [[nodiscard]] static std::string guest_type(const InterfacePlan& interface);

  // ---- host_world.cc

  void write_world_items();
  void write_world_class();
  void write_world_add_to_linker(Writer& out, const std::string& name) const;
  void write_world_definitions(Writer& out);
  [[nodiscard]] WorldNames world_names() const;
  [[nodiscard]] std::string world_type() const;
  [[nodiscard]] std::vector<LinkedPart> linked_parts() const;
  [[nodiscard]] std::size_t count_hosts() const;
  /// The second last component of an interface's namespace.
  [[nodiscard]] static std::string parent_space(const InterfacePlan& interface);

  HostOptions options_;
  Plan plan_;
  const Wit& wit_;
  std::set<std::size_t> needed_;  ///< Ids of interfaces.
  std::vector<std::string> warnings_;
  Writer header_;
};

}  // namespace tairitsu::bindgen

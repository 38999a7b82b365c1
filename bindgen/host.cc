#include "bindgen/host.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "bindgen/plan.h"
#include "bindgen/writer.h"

namespace tairitsu::bindgen {
namespace {

using Names = std::map<const Function*, std::string>;

/// A 64-bit FNV-1a, as a C++ literal.
std::string fingerprint(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), hash, 16).ptr;
  return "0x" + std::string(digits.data(), end) + "u";
}

std::string literal(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string macro_name(std::string_view kind, const std::string& space) {
  std::string name = "TAIRITSU_" + std::string(kind) + "_";
  for (const char c : space) name += c == ':' ? '_' : c;
  return name;
}

/// Parameters of a generated function.
struct Parameters {
  std::vector<std::string> declared;   // `const Item& item`
  std::vector<std::string> types;      // `const Item&`
  std::vector<std::string> forwarded;  // `item`, `std::move(basket)`
};

class HostGenerator {
 public:
  HostGenerator(const Wit& wit, const HostOptions& options)
      : options_(options), plan_(wit, options.provide_wasi), wit_(wit) {}

  HostBindings run() {
    find_needed();
    note_unsupported();
    write_header();
    HostBindings result{.files = {}, .warnings = {warnings_.begin(), warnings_.end()}};
    const std::string stem = file_stem(plan_.world.name);
    if (options_.header_only) {
      write_definitions(header_);
      result.files.push_back({stem + ".h", header_.take()});
      return result;
    }
    Writer source;
    write_banner(source);
    source.line("#include \"" + stem + ".h\"");
    source.gap();
    source.line("#include <utility>");
    write_definitions(source);
    result.files.push_back({stem + ".h", header_.take()});
    result.files.push_back({stem + ".cc", source.take()});
    return result;
  }

 private:
  // ---- What is generated

  bool usable(const Function& function) const { return !plan_.unsupported(function); }

  bool has_host_side(const InterfacePlan& interface) const {
    return interface.imported && !interface.provided &&
           (!usable_functions(interface).empty() || !resource_types(interface).empty());
  }

  /// Whether a host implements something of it: functions, not methods alone.
  bool needs_host(const InterfacePlan& interface) const {
    return has_host_side(interface) && !without_methods(usable_functions(interface)).empty();
  }

  /// Whether the linker gets anything of it.
  bool is_linked(const InterfacePlan& interface) const {
    return has_host_side(interface) &&
           (!usable_functions(interface).empty() || defines_resources(resource_types(interface)));
  }

  bool defines_resources(const std::vector<std::size_t>& types) const {
    return std::ranges::any_of(types,
                               [&](std::size_t id) { return wit_.types[id].shape == TypeShape::resource; });
  }

  bool has_guest_side(const InterfacePlan& interface) const { return interface.exported; }

  bool is_resource_type(std::size_t id) const { return plan_.has_resources({.primitive = {}, .id = id}); }

  const std::vector<Function>& functions_of(const InterfacePlan& interface) const {
    return wit_.interfaces[interface.id].functions;
  }

  /// An interface that the runtime provides is there only for types that others use.
  void find_needed() {
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

  void need_interface(std::size_t id) {
    if (!needed_.insert(id).second) return;
    const InterfacePlan* plan = plan_.find_interface(id);
    for (const std::size_t type : wit_.interfaces[id].types) need_type({.primitive = {}, .id = type});
    if (plan->provided) return;
    for (const Function& function : wit_.interfaces[id].functions) need_function(function);
  }

  void need_function(const Function& function) {
    if (!usable(function)) return;
    for (const Member& parameter : function.parameters) need_type(*parameter.type);
    if (function.result) need_type(*function.result);
  }

  void need_type(const TypeRef& type) {
    if (type.is_primitive() || plan_.unsupported(type)) return;
    const TypeDef& definition = wit_.types[type.id];
    if (definition.owner == Owner::interface) need_interface(definition.owner_id);
    for (const Member& member : definition.members) {
      if (member.type) need_type(*member.type);
    }
  }

  void note_unsupported() {
    const auto note = [&](const std::string& name, const std::string& reason) {
      warnings_.push_back("'" + name + "' is left out: " + reason + ", which the runtime does not do yet");
    };
    for (const InterfacePlan& interface : plan_.interfaces) {
      if (interface.provided) continue;
      for (const std::size_t id : wit_.interfaces[interface.id].types) {
        if (const auto reason = plan_.unsupported(id)) {
          note(interface.import_name + "#" + wit_.types[id].name, "it is, or holds, " + *reason);
        }
      }
      for (const Function& function : functions_of(interface)) {
        if (const auto reason = plan_.unsupported(function)) {
          note(interface.import_name + "#" + function.name, *reason);
        } else if (interface.again && has_resources(function)) {
          note(interface.import_name + "#" + function.name, "it has resources of an interface of two names");
        }
      }
    }
    for (const auto& [id, name] : plan_.world_type_names) {
      if (const auto reason = plan_.unsupported(id)) note(wit_.types[id].name, "it is, or holds, " + *reason);
    }
    for (const auto* items : {&plan_.world.imports, &plan_.world.exports}) {
      for (const WorldItem& item : *items) {
        if (item.kind != WorldItem::Kind::function) continue;
        if (const auto reason = plan_.unsupported(item.function)) note(item.function.name, *reason);
      }
    }
  }

  // ---- Names of functions

  /// In the class of the interface: plain functions by their names, then what is made up of two.
  Names class_names(const std::vector<const Function*>& functions) const {
    Names names;
    Scope scope;
    for (const Function* function : functions) {
      if (function->kind == FunctionKind::freestanding)
        names[function] = scope.claim(snake_case(function->name));
    }
    for (const Function* function : functions) {
      if (function->kind == FunctionKind::constructor) {
        names[function] = scope.claim(snake_case(function->own_name()));
      }
    }
    for (const Function* function : functions) {
      if (function->kind == FunctionKind::static_method)
        names[function] = scope.claim(joined_name(*function));
    }
    std::map<std::size_t, Scope> methods;
    for (const Function* function : functions) {
      if (function->kind == FunctionKind::method) {
        names[function] = methods[function->resource].claim(snake_case(function->own_name()));
      }
    }
    return names;
  }

  /// All of them in one struct.
  Names slot_names(const std::vector<const Function*>& functions) const {
    Names names;
    Scope scope;
    for (const Function* function : functions) {
      if (function->kind == FunctionKind::freestanding)
        names[function] = scope.claim(snake_case(function->name));
    }
    for (const Function* function : functions) {
      if (function->kind == FunctionKind::constructor) {
        names[function] = scope.claim(snake_case(function->own_name()));
      } else if (function->kind != FunctionKind::freestanding) {
        names[function] = scope.claim(joined_name(*function));
      }
    }
    return names;
  }

  std::string joined_name(const Function& function) const {
    return snake_case(wit_.types[function.resource].name + "-" + std::string(function.own_name()));
  }

  std::vector<const Function*> usable_functions(const InterfacePlan& interface) const {
    std::vector<const Function*> result;
    for (const Function& function : functions_of(interface)) {
      if (usable(function) && !(interface.again && has_resources(function))) result.push_back(&function);
    }
    return result;
  }

  bool has_resources(const Function& function) const {
    return (function.result && plan_.has_resources(*function.result)) ||
           std::ranges::any_of(function.parameters,
                               [&](const Member& parameter) { return plan_.has_resources(*parameter.type); });
  }

  std::vector<const Function*> root_functions(const std::vector<WorldItem>& items) const {
    std::vector<const Function*> result;
    for (const WorldItem& item : items) {
      if (item.kind == WorldItem::Kind::function && usable(item.function)) result.push_back(&item.function);
    }
    return result;
  }

  static bool is_method(const Function* function) { return function->kind == FunctionKind::method; }

  static std::vector<const Function*> without_methods(std::vector<const Function*> functions) {
    std::erase_if(functions, &is_method);
    return functions;
  }

  std::vector<const Function*> methods_of(const std::vector<const Function*>& functions,
                                          std::size_t type) const {
    std::vector<const Function*> result;
    for (const Function* function : functions) {
      if (is_method(function) && function->resource == type) result.push_back(function);
    }
    return result;
  }

  /// A method's first parameter is its object and is not among them.
  Parameters parameters(const Function& function, const Context& context, Towards towards) const {
    Parameters result;
    Scope scope;
    for (const std::string_view ours : {"linker", "get", "caller", "host", "self"})
      scope.claim(std::string(ours));
    for (std::size_t i = is_method(&function) ? 1 : 0; i < function.parameters.size(); ++i) {
      const Member& parameter = function.parameters[i];
      const ParameterType type = plan_.parameter(*parameter.type, context, towards);
      const std::string name = scope.claim(snake_case(parameter.name));
      result.types.push_back(type.text);
      result.declared.push_back(type.text + " " + name);
      result.forwarded.push_back(type.moved ? "std::move(" + name + ")" : name);
    }
    return result;
  }

  static std::string joined(const std::vector<std::string>& items) {
    std::string text;
    for (std::size_t i = 0; i < items.size(); ++i) text += (i == 0 ? "" : ", ") + items[i];
    return text;
  }

  // ---- The header

  void write_banner(Writer& out) const {
    out.line(std::string(kBanner) + " " TAIRITSU_VERSION " from " + plan_.package_name(plan_.world.package) +
             ", world " + plan_.world.name + ".");
    out.line("// Don't edit: change the WIT and generate again.");
  }

  void write_header() {
    write_banner(header_);
    header_.line("#pragma once");
    header_.gap();
    for (const std::string_view name :
         {"cstddef", "cstdint", "expected", "functional", "memory", "optional", "span", "string",
          "string_view", "tuple", "utility", "variant", "vector"}) {
      header_.line("#include <" + std::string(name) + ">");
    }
    header_.gap();
    header_.line("#include <tairitsu/bindings.h>");
    header_.gap();
    header_.line("TAIRITSU_REQUIRE_BINDINGS_VERSION(1);");
    for (const InterfacePlan& interface : plan_.interfaces) {
      if (needed_.contains(interface.id) && !interface.again) write_shared_types(interface);
    }
    for (const InterfacePlan& interface : plan_.interfaces) {
      if (has_host_side(interface)) write_host_side(interface);
    }
    for (const InterfacePlan& interface : plan_.interfaces) {
      if (has_guest_side(interface)) write_guest_side(interface);
    }
    write_world_items();
    write_world_class();
  }

  /// Headers of several worlds may have a part in common: whoever comes first brings it, and it has to
  /// be the same part.
  void write_once(const std::string& kind, const InterfacePlan& interface, const Writer& part) {
    const std::string macro = macro_name(kind, interface.space);
    const std::string print = fingerprint(part.text());
    header_.gap();
    header_.line("#ifndef " + macro);
    header_.line("#define " + macro + " " + print);
    header_.gap();
    header_.append(part.text());
    header_.gap();
    header_.line("#elif " + macro + " != " + print);
    header_.line(
        "#error \"" + interface.import_name +
        " was generated from other WIT, or by another tairitsu, in a header that is included before\"");
    header_.line("#endif  // " + macro);
  }

  void open_namespace(Writer& out, const std::string& name) const {
    out.line("namespace " + name + " {");
    out.line();
  }

  void close_namespace(Writer& out, const std::string& name) const {
    out.gap();
    out.line("}  // namespace " + name);
  }

  void write_shared_types(const InterfacePlan& interface) {
    std::vector<std::size_t> types;
    for (const std::size_t id : wit_.interfaces[interface.id].types) {
      if (!is_resource_type(id) && !plan_.unsupported(id)) types.push_back(id);
    }
    if (types.empty()) return;
    std::ranges::sort(types);  // A type comes after those that it is made of.
    Writer out;
    const Context context{.side = Side::imports, .interface = &interface};
    out.docs(wit_.interfaces[interface.id].docs);
    open_namespace(out, interface.space);
    for (const std::size_t id : types) write_type(out, id, context);
    close_namespace(out, interface.space);
    for (const std::size_t id : types) write_description(out, id, Side::imports);
    write_once("TYPES", interface, out);
  }

  // ---- Types

  void write_type(Writer& out, std::size_t id, const Context& context) const {
    const TypeDef& type = wit_.types[id];
    const std::string name = short_name(id, context);
    switch (type.shape) {
      case TypeShape::record:
        return write_record(out, id, name, context);
      case TypeShape::variant:
        return write_variant(out, id, name, context);
      case TypeShape::enumeration:
        return write_enum(out, type, name);
      case TypeShape::flags:
        return write_flags(out, type, name);
      case TypeShape::resource:
        return;  // A class of its side.
      default:
        break;
    }
    if (!type.docs.empty() || !out.ends_with_alias()) out.gap();
    out.docs(type.docs);
    out.line("using " + name + " = " + aliased(type, context) + ";");
  }

  /// The type that a `using` stands for: a named one, or a shape such as `list<u8>` that has got a name.
  std::string aliased(const TypeDef& type, const Context& context) const {
    if (type.shape == TypeShape::alias) return plan_.value(*type.members[0].type, context);
    return plan_.shape(type, context);
  }

  std::string short_name(std::size_t id, const Context& context) const {
    return context.interface != nullptr ? context.interface->type_names.at(id)
                                        : plan_.world_type_names.at(id);
  }

  void write_record(Writer& out, std::size_t id, const std::string& name, const Context& context) const {
    const TypeDef& type = wit_.types[id];
    out.gap();
    out.docs(type.docs);
    out.line("struct " + name + " {");
    out.indent();
    const std::vector<std::string> fields = field_names(type);
    for (std::size_t i = 0; i < fields.size(); ++i) {
      out.docs(type.members[i].docs);
      out.line(plan_.value(*type.members[i].type, context) + " " + fields[i] + "{};");
    }
    if (!is_resource_type(id)) {
      out.gap();
      out.line("bool operator==(const " + name + "&) const = default;");
    }
    out.outdent();
    out.line("};");
  }

  static std::vector<std::string> field_names(const TypeDef& type) {
    Scope scope;
    std::vector<std::string> names;
    for (const Member& member : type.members) names.push_back(scope.claim(snake_case(member.name)));
    return names;
  }

  static std::string integer_for(std::size_t cases) {
    return cases <= 256 ? "std::uint8_t" : cases <= 65536 ? "std::uint16_t" : "std::uint32_t";
  }

  void write_enum(Writer& out, const TypeDef& type, const std::string& name) const {
    out.gap();
    out.docs(type.docs);
    out.line("enum class " + name + " : " + integer_for(type.members.size()) + " {");
    out.indent();
    const std::vector<std::string> labels = field_names(type);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      out.docs(type.members[i].docs);
      out.line(labels[i] + ",");
    }
    out.outdent();
    out.line("};");
  }

  void write_flags(Writer& out, const TypeDef& type, const std::string& name) const {
    const std::size_t count = type.members.size();
    const std::string bits = count <= 8 ? "std::uint8_t" : count <= 16 ? "std::uint16_t" : "std::uint32_t";
    out.gap();
    out.docs(type.docs);
    out.line("enum class " + name + " : " + bits + " {");
    out.indent();
    const std::vector<std::string> labels = field_names(type);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      out.docs(type.members[i].docs);
      out.line(labels[i] + " = " + std::to_string(std::uint64_t{1} << i) + "u,");
    }
    out.outdent();
    out.line("};");
    out.line("TAIRITSU_FLAGS_OPERATORS(" + name + ", " + std::to_string((std::uint64_t{1} << count) - 1) +
             "u)");
  }

  void write_variant(Writer& out, std::size_t id, const std::string& name, const Context& context) const {
    const TypeDef& type = wit_.types[id];
    std::vector<std::string> payloads;
    for (const Member& member : type.members) {
      payloads.push_back(member.type ? plan_.value(*member.type, context) : "std::monostate");
    }
    // The user's names come first: ours are around them.
    const std::vector<std::string> cases = field_names(type);
    Scope scope;
    for (const std::string& one : cases) scope.claim(one);
    std::vector<std::string> accessors;
    for (const Member& member : type.members)
      accessors.push_back(scope.claim(snake_case("if-" + member.name)));
    const std::string which = scope.claim("which");
    const std::string visit = scope.claim("visit");
    Scope types;
    const auto& names = context.interface != nullptr ? context.interface->type_names : plan_.world_type_names;
    for (const auto& [other, taken] : names) types.claim(taken);
    const std::string case_type = types.claim("Case");
    const std::string handlers = types.claim("Handlers");

    out.gap();
    out.docs(type.docs);
    if (!type.docs.empty()) out.line("///");
    std::string spelt;
    for (const Member& member : type.members) {
      spelt += (spelt.empty() ? "" : " | ") + member.name;
      if (member.type) spelt += "(" + plan_.wit_text(*member.type) + ")";
    }
    out.docs(spelt);
    out.list("class " + name + " : public std::variant<", payloads, "> {");
    out.line(" public:");
    out.indent();
    out.list("enum class " + case_type + " : " + integer_for(cases.size()) + " { ", cases, " };");
    out.gap();
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const std::string index = std::to_string(i);
      out.docs(type.members[i].docs);
      if (type.members[i].type) {
        out.line("static " + name + " " + cases[i] + "(" + payloads[i] + " value) {");
        out.line("  return tairitsu::detail::make_case<" + name + ", " + index + ">(std::move(value));");
        out.line("}");
      } else {
        out.line("static " + name + " " + cases[i] + "() { return tairitsu::detail::make_case<" + name +
                 ", " + index + ">(); }");
      }
    }
    out.gap();
    out.line("[[nodiscard]] " + case_type + " " + which + "() const noexcept {");
    out.line("  return static_cast<" + case_type + ">(tairitsu::detail::case_index(*this));");
    out.line("}");
    for (std::size_t i = 0; i < cases.size(); ++i) {
      if (!type.members[i].type) continue;
      const std::string index = std::to_string(i);
      for (const std::string_view constness : {"const ", ""}) {
        out.line("[[nodiscard]] " + std::string(constness) + payloads[i] + "* " + accessors[i] + "() " +
                 std::string(constness) + "noexcept {");
        out.line("  return tairitsu::detail::get_case<" + index + ">(*this);");
        out.line("}");
      }
    }
    out.line(
        "/// Calls the handler that takes the payload, `std::monostate` for a case without one. Cases with "
        "payloads");
    out.line("/// of one type go to one handler: `" + which + "()` tells them apart.");
    out.line("template <typename... " + handlers + ">");
    out.line("decltype(auto) " + visit + "(" + handlers + "&&... handlers) const {");
    out.line("  return tairitsu::detail::visit_case(*this, std::forward<" + handlers + ">(handlers)...);");
    out.line("}");
    out.outdent();
    out.line("};");
  }

  /// How the value path is told of a type.
  void write_description(Writer& out, std::size_t id, Side side) const {
    const TypeDef& type = wit_.types[id];
    const std::string name = plan_.full_name(id, side);
    const std::string wit_name = literal(type.name);
    const auto labels = [&] {
      std::vector<std::string> items{name, wit_name};
      for (const Member& member : type.members) items.push_back(literal(member.name));
      return items;
    };
    const auto specialise = [&](const std::string& base, const std::vector<std::string>& items) {
      out.gap();
      out.line("template <>");
      out.line("struct tairitsu::Describe<" + name + ">");
      out.list("    : tairitsu::" + base + "<", items, "> {};");
    };
    switch (type.shape) {
      case TypeShape::record: {
        std::vector<std::string> items{name, wit_name};
        const std::vector<std::string> fields = field_names(type);
        for (std::size_t i = 0; i < fields.size(); ++i) {
          items.push_back("tairitsu::Field<" + literal(type.members[i].name) + ", &" + name +
                          "::" + fields[i] + ">");
        }
        specialise("Record", items);
        if (const TypeRef ref{.primitive = {}, .id = id}; plan_.is_flat(ref)) {
          const Plan::Layout layout = plan_.layout(ref);
          out.line("static_assert(sizeof(" + name + ") == " + std::to_string(layout.size) + " && alignof(" +
                   name + ") == " + std::to_string(layout.align) + " &&");
          out.line("              tairitsu::has_canonical_layout<" + name + ">);");
        }
        return;
      }
      case TypeShape::variant:
        return specialise("Variant", labels());
      case TypeShape::enumeration:
        return specialise("Enum", labels());
      case TypeShape::flags:
        return specialise("Flags", labels());
      case TypeShape::resource:
        if (plan_.is_guest_resource(id, side)) return specialise("GuestResourceNamed", {wit_name});
        return specialise("HostResource", {name, wit_name});
      default:
        return;
    }
  }

  // ---- Imports

  /// Types with resources, each side has its own: forward declarations, names, then classes.
  template <typename WriteResource>
  void write_resource_types(Writer& out, const std::vector<std::size_t>& types, const Context& context,
                            WriteResource&& write_resource) const {
    out.gap();
    for (const std::size_t id : types) {
      const TypeShape shape = wit_.types[id].shape;
      if (shape == TypeShape::resource || shape == TypeShape::variant)
        out.line("class " + short_name(id, context) + ";");
      if (shape == TypeShape::record) out.line("struct " + short_name(id, context) + ";");
    }
    const auto is_class = [&](std::size_t id) {
      const TypeShape shape = wit_.types[id].shape;
      return shape == TypeShape::resource || shape == TypeShape::variant || shape == TypeShape::record;
    };
    for (const std::size_t id : types) {
      if (!is_class(id)) write_type(out, id, context);
    }
    for (const std::size_t id : types) {
      if (wit_.types[id].shape == TypeShape::resource) write_resource(id);
    }
    for (const std::size_t id : types) {
      if (is_class(id)) write_type(out, id, context);
    }
  }

  std::vector<std::size_t> resource_types(const InterfacePlan& interface) const {
    std::vector<std::size_t> types;
    if (interface.again) return types;
    for (const std::size_t id : wit_.interfaces[interface.id].types) {
      if (is_resource_type(id) && !plan_.unsupported(id)) types.push_back(id);
    }
    std::ranges::sort(types);
    return types;
  }

  void write_host_side(const InterfacePlan& interface) {
    const Context context{.side = Side::imports, .interface = &interface};
    Writer out;
    write_imports(out, context,
                  {.types = resource_types(interface),
                   .functions = usable_functions(interface),
                   .import_name = interface.import_name,
                   .docs = wit_.interfaces[interface.id].docs,
                   .space = interface.space,
                   .inner = "inline namespace imports",
                   .host_class = interface.host_class,
                   .functions_struct = interface.functions_struct});
    write_once("IMPORTS", interface, out);
  }

  /// What a host implements: an interface, or the world's own functions.
  struct Imports {
    std::vector<std::size_t> types;
    std::vector<const Function*> functions;
    std::string import_name;  // Empty for the world's own.
    std::string docs;
    std::string space;
    std::string inner;  // A namespace in `space`, or empty.
    std::string host_class;
    std::string functions_struct;
  };

  void open_namespaces(Writer& out, const std::string& space, const std::string& inner) const {
    open_namespace(out, space);
    if (inner.empty()) return;
    out.line(inner + " {");
    out.line();
  }

  void close_namespaces(Writer& out, const std::string& space, const std::string& inner) const {
    if (!inner.empty()) {
      out.gap();
      out.line("}  // " + inner);
    }
    close_namespace(out, space);
  }

  void write_imports(Writer& out, const Context& context, const Imports& imports) const {
    const Names names = class_names(imports.functions);
    if (!imports.types.empty()) {
      open_namespaces(out, imports.space, imports.inner);
      write_resource_types(out, imports.types, context, [&](std::size_t id) {
        write_host_resource(out, id, methods_of(imports.functions, id), names, context);
      });
      close_namespaces(out, imports.space, imports.inner);
      for (const std::size_t id : imports.types) write_description(out, id, Side::imports);
      out.gap();
    }
    open_namespaces(out, imports.space, imports.inner);
    const std::vector<const Function*> hosts = without_methods(imports.functions);
    if (!hosts.empty()) {
      write_host_class(out, hosts, names, context, imports.host_class, imports.docs);
      write_host_functions(out, hosts, names, context, imports.import_name, imports.functions_struct);
    }
    if (!imports.functions.empty() || defines_resources(imports.types)) {
      write_add_to_linker(out, context, imports.types, imports.functions, names, imports.import_name);
    }
    close_namespaces(out, imports.space, imports.inner);
  }

  void write_host_resource(Writer& out, std::size_t id, const std::vector<const Function*>& methods,
                           const Names& names, const Context& context) const {
    const std::string name = short_name(id, context);
    out.gap();
    out.docs(wit_.types[id].docs);
    if (!wit_.types[id].docs.empty()) out.line("///");
    out.line("/// Lives in the host: derive from it. Destroyed where the guest drops its handle.");
    out.line("class " + name + " {");
    out.line(" public:");
    out.indent();
    out.line("virtual ~" + name + "() = default;");
    write_virtual_methods(out, methods, names, context);
    out.outdent();
    out.line("};");
  }

  void write_function_docs(Writer& out, const Function& function) const {
    if (function.docs.empty() && function.kind == FunctionKind::constructor) {
      return out.line("/// Makes a `" + wit_.types[function.resource].name + "`.");
    }
    out.docs(function.docs);
  }

  bool returns_result(const Function& function) const {
    const TypeDef* type = function.result ? plan_.resolve(*function.result) : nullptr;
    return type != nullptr && type->shape == TypeShape::result;
  }

  void write_virtual_methods(Writer& out, const std::vector<const Function*>& functions, const Names& names,
                             const Context& context) const {
    for (const Function* function : functions) {
      write_function_docs(out, *function);
      if (returns_result(*function)) out.line("/// Its error is given with `tairitsu::guest_error`.");
      out.list("[[nodiscard]] virtual " + plan_.result(*function, context) + " " + names.at(function) + "(",
               parameters(*function, context, Towards::host).declared, ") = 0;");
    }
  }

  void write_host_class(Writer& out, const std::vector<const Function*>& functions, const Names& names,
                        const Context& context, const std::string& host_class,
                        const std::string& docs) const {
    out.gap();
    out.docs(docs);
    if (!docs.empty()) out.line("///");
    out.line(
        "/// What the host implements. Parameters that are views (std::string_view, std::span) point into "
        "the");
    out.line("/// guest and end with the call.");
    out.line("class " + host_class + " {");
    out.line(" public:");
    out.indent();
    out.line("virtual ~" + host_class + "() = default;");
    write_virtual_methods(out, functions, names, context);
    out.outdent();
    out.line("};");
  }

  void write_host_functions(Writer& out, const std::vector<const Function*>& functions, const Names& names,
                            const Context& context, const std::string& import_name,
                            const std::string& functions_struct) const {
    out.gap();
    out.line(
        "/// The same as values: for lambdas and free functions. Those not given fail when they are called.");
    out.line("struct " + functions_struct + " {");
    out.indent();
    for (const Function* function : functions) {
      out.line("std::function<" + plan_.result(*function, context) + "(" +
               joined(parameters(*function, context, Towards::host).types) + ")> " + names.at(function) +
               " =");
      out.line("    tairitsu::detail::NotGiven{" + literal(full_name(import_name, *function)) + "};");
    }
    out.outdent();
    out.line("};");
  }

  static std::string full_name(const std::string& interface, const Function& function) {
    return interface.empty() ? function.name : interface + "#" + function.name;
  }

  void write_add_to_linker(Writer& out, const Context& context, const std::vector<std::size_t>& types,
                           const std::vector<const Function*>& functions, const Names& names,
                           const std::string& import_name) const {
    Scope scope;
    const auto& taken = context.interface != nullptr ? context.interface->type_names : plan_.world_type_names;
    for (const auto& [id, name] : taken) scope.claim(name);
    const std::string state = scope.claim("State");
    const std::string get = scope.claim("Get");
    const std::string implementation = scope.claim("Implementation");
    const bool uses_host = std::ranges::any_of(functions, [](const Function* f) { return !is_method(f); });

    out.gap();
    const std::string what =
        import_name.empty() ? "the functions at the world's root" : "`" + import_name + "`";
    if (uses_host) {
      out.line("/// Gives the linker " + what +
               ". `get` finds the implementation, which may be any object with");
      out.line("/// fitting members, in the container's host state; where " + state +
               " is void it takes no argument.");
      out.line("template <typename " + state + ", typename " + get + ">");
      out.line("[[nodiscard]] tairitsu::Result<void> add_to_linker(tairitsu::Linker& linker, " + get +
               " get) {");
    } else {
      out.line("/// Gives the linker " + what + ": resources, which bring their methods.");
      out.line("[[nodiscard]] inline tairitsu::Result<void> add_to_linker(tairitsu::Linker& linker) {");
    }
    out.indent();
    if (uses_host) {
      out.line("using " + implementation + " = tairitsu::detail::HostOf<" + state + ", " + get + ">;");
      for (const Function* function : functions) {
        if (is_method(function)) continue;
        std::vector<std::string> arguments;
        for (const std::string& type : parameters(*function, context, Towards::host).types) {
          arguments.push_back("std::declval<" + type + ">()");
        }
        out.line("static_assert(requires(" + implementation + "& host) {");
        out.list("  host." + names.at(function) + "(", arguments, ");");
        out.line("}, \"" + full_name(import_name, *function) + ": the host has no '" + names.at(function) +
                 "' that takes these parameters\");");
      }
    }
    for (const std::size_t id : types) {
      if (wit_.types[id].shape != TypeShape::resource) continue;
      const std::string name =
          import_name.empty() ? wit_.types[id].name : import_name + "#" + wit_.types[id].name;
      out.line("TAIRITSU_CHECK(linker.define_resource<" + short_name(id, context) + ">(" + literal(name) +
               "));");
    }
    for (const Function* function : functions) {
      write_definition(out, *function, context, names.at(function), full_name(import_name, *function), state);
    }
    out.line("return {};");
    out.outdent();
    out.line("}");
  }

  void write_definition(Writer& out, const Function& function, const Context& context,
                        const std::string& name, const std::string& full, const std::string& state) const {
    const Parameters params = parameters(function, context, Towards::host);
    const std::string result = plan_.result(function, context);
    std::vector<std::string> declared = params.declared;
    out.line("TAIRITSU_CHECK(linker.define(");
    out.indent();
    out.indent();
    out.line(literal(full) + ",");
    if (is_method(&function)) {
      declared.insert(declared.begin(), plan_.type_name(function.resource, context) + "& self");
      out.list("[](", declared, ") -> " + result + " {");
      out.line("  return self." + name + "(" + joined(params.forwarded) + ");");
    } else {
      declared.insert(declared.begin(), "tairitsu::Caller& caller");
      out.list("[get](", declared, ") -> " + result + " {");
      out.line("  return tairitsu::detail::with_host<" + state + ", " + result + ">(");
      out.line("      caller, get, [&](auto& host) { return host." + name + "(" + joined(params.forwarded) +
               "); });");
    }
    out.line("}));");
    out.outdent();
    out.outdent();
  }

  // ---- Exports

  void write_guest_side(const InterfacePlan& interface) {
    const Context context{.side = Side::exports, .interface = &interface};
    const std::vector<std::size_t> types = resource_types(interface);
    const std::vector<const Function*> functions = usable_functions(interface);
    const Names names = class_names(functions);
    const std::string& docs = wit_.interfaces[interface.id].docs;
    Writer out;
    open_namespaces(out, interface.space, "inline namespace exports");
    out.line("struct " + interface.guest_functions + ";");
    write_resource_types(out, types, context, [&](std::size_t id) {
      out.gap();
      out.docs(wit_.types[id].docs);
      if (!wit_.types[id].docs.empty()) out.line("///");
      out.line("/// Lives in the guest, and is dropped there when this goes out of scope. Move-only.");
      out.line("class " + short_name(id, context) + " : public tairitsu::BoundResource<" +
               interface.guest_functions + "> {");
      out.line(" public:");
      out.indent();
      write_methods(out, methods_of(functions, id), names, context);
      out.outdent();
      out.line("};");
    });
    out.gap();
    out.docs(docs);
    if (!docs.empty()) out.line("///");
    out.line("/// What a guest exports as `" + interface.import_name + "`. Copies share the guest.");
    out.line("class " + interface.guest_class + " {");
    out.line(" public:");
    out.indent();
    write_methods(out, without_methods(functions), names, context);
    out.gap();
    out.line("/// For the world's class.");
    out.line("explicit " + interface.guest_class + "(std::shared_ptr<" + interface.guest_functions +
             "> functions) : functions_(std::move(functions)) {}");
    out.outdent();
    out.gap();
    out.line(" private:");
    out.indent();
    out.line("std::shared_ptr<" + interface.guest_functions + "> functions_;");
    out.outdent();
    out.line("};");
    close_namespaces(out, interface.space, "inline namespace exports");
    for (const std::size_t id : types) write_description(out, id, Side::exports);
    write_once("EXPORTS", interface, out);
  }

  void write_methods(Writer& out, const std::vector<const Function*>& functions, const Names& names,
                     const Context& context) const {
    for (const Function* function : functions) {
      write_function_docs(out, *function);
      out.list("[[nodiscard]] " + plan_.result(*function, context) + " " + names.at(function) + "(",
               parameters(*function, context, Towards::guest).declared, ");");
    }
  }

  // ---- The world

  void write_world_items() {
    const Context context{.side = Side::imports, .interface = nullptr};
    std::vector<std::size_t> shared;
    const std::vector<std::size_t> resources = world_resources();
    for (const auto& [id, name] : plan_.world_type_names) {
      if (!plan_.unsupported(id) && !is_resource_type(id)) shared.push_back(id);
    }
    const std::vector<const Function*> functions = root_functions(plan_.world.imports);
    if (shared.empty() && resources.empty() && functions.empty()) return;
    header_.gap();
    if (!shared.empty()) {
      open_namespace(header_, plan_.world_space);
      for (const std::size_t id : shared) write_type(header_, id, context);
      close_namespace(header_, plan_.world_space);
      for (const std::size_t id : shared) write_description(header_, id, Side::imports);
      header_.gap();
    }
    if (has_root_imports()) {
      write_imports(header_, context,
                    {.types = resources,
                     .functions = functions,
                     .import_name = "",
                     .docs = "",
                     .space = plan_.world_space,
                     .inner = "",
                     .host_class = plan_.world_host_class,
                     .functions_struct = plan_.world_functions_struct});
    }
  }

  bool has_root_imports() const {
    return !root_functions(plan_.world.imports).empty() || !world_resources().empty();
  }

  std::vector<std::size_t> world_resources() const {
    std::vector<std::size_t> types;
    for (const auto& [id, name] : plan_.world_type_names) {
      if (is_resource_type(id) && !plan_.unsupported(id)) types.push_back(id);
    }
    return types;
  }

  struct Accessor {
    const InterfacePlan* interface;
    std::string name;
    std::string member;
  };

  /// Names in the world's class: the user's functions, then the interfaces, then ours.
  struct WorldNames {
    Names functions;
    std::vector<Accessor> accessors;
    std::string add_to_linker;
    std::string instantiate;
  };

  WorldNames world_names() const {
    WorldNames result;
    Scope scope;
    for (const Function* function : root_functions(plan_.world.exports)) {
      result.functions[function] = scope.claim(snake_case(function->name));
    }
    std::map<std::string, int> uses;
    for (const InterfacePlan& interface : plan_.interfaces) {
      if (has_guest_side(interface)) ++uses[interface.name];
    }
    for (const InterfacePlan& interface : plan_.interfaces) {
      if (!has_guest_side(interface)) continue;
      std::string name = snake_case(interface.name);
      // The package's namespace tells interfaces of one name apart: `io_0_2_0_streams`.
      if (uses[interface.name] > 1) name = parent_space(interface) + "_" + name;
      result.accessors.push_back({&interface, scope.claim(std::move(name)), {}});
    }
    for (Accessor& accessor : result.accessors) accessor.member = scope.claim(accessor.name + "_");
    result.add_to_linker = scope.claim("add_to_linker");
    result.instantiate = scope.claim("instantiate");
    return result;
  }

  /// The last but one part of an interface's namespace.
  static std::string parent_space(const InterfacePlan& interface) {
    const std::size_t end = interface.space.rfind("::");
    const std::size_t begin = interface.space.rfind("::", end - 1);
    return interface.space.substr(begin + 2, end - begin - 2);
  }

  std::string guest_type(const InterfacePlan& interface) const {
    return "::" + interface.space + "::exports::" + interface.guest_class;
  }

  std::string world_type() const { return "::" + plan_.package_space + "::" + plan_.world_class; }

  void write_world_class() {
    const Context context{.side = Side::exports, .interface = nullptr, .full = true};
    const WorldNames names = world_names();
    const std::vector<const Function*> functions = root_functions(plan_.world.exports);
    const std::string& name = plan_.world_class;
    Writer& out = header_;
    out.gap();
    open_namespace(out, plan_.package_space);
    out.docs(plan_.world.docs);
    if (!plan_.world.docs.empty()) out.line("///");
    out.line("/// The world `" + plan_.world.name + "`: an instantiated guest. Copies share it.");
    out.line("class " + name + " {");
    out.line(" public:");
    out.indent();
    write_world_add_to_linker(out, names.add_to_linker);
    out.gap();
    out.line("/// Links and instantiates the component, and finds all its exports. Fails as");
    out.line(
        "/// `tairitsu::Linker::instantiate` does, and with `not_found` or `type_mismatch` for an export.");
    out.list(
        "[[nodiscard]] static tairitsu::Result<" + name + "> " + names.instantiate + "(",
        {"tairitsu::Store& store", "const tairitsu::Component& component", "const tairitsu::Linker& linker"},
        ");");
    if (!functions.empty()) out.gap();
    for (const Function* function : functions) {
      out.docs(function->docs);
      out.list("[[nodiscard]] " + plan_.result(*function, context) + " " + names.functions.at(function) + "(",
               parameters(*function, context, Towards::guest).declared, ");");
    }
    if (!names.accessors.empty()) out.gap();
    for (const Accessor& accessor : names.accessors) {
      out.line("[[nodiscard]] " + guest_type(*accessor.interface) + "& " + accessor.name +
               "() noexcept { return " + accessor.member + "; }");
    }
    out.outdent();
    out.gap();
    out.line(" private:");
    out.indent();
    out.line("friend struct tairitsu::Bindings<" + name + ">;");
    out.line("template <template <typename> typename Of>");
    out.line("struct Functions;");
    out.line("struct Exports;");
    std::vector<std::string> made{"std::shared_ptr<Functions<tairitsu::Function>> functions"};
    std::string initialised = "functions_(std::move(functions))";
    for (const Accessor& accessor : names.accessors) {
      const std::string local = accessor.member + "guest";
      made.push_back(guest_type(*accessor.interface) + " " + local);
      initialised += ", " + accessor.member + "(std::move(" + local + "))";
    }
    out.list((made.size() == 1 ? "explicit " : "") + name + "(", made, ")");
    out.line("    : " + initialised + " {}");
    out.gap();
    out.line("std::shared_ptr<Functions<tairitsu::Function>> functions_;");
    for (const Accessor& accessor : names.accessors) {
      out.line(guest_type(*accessor.interface) + " " + accessor.member + ";");
    }
    out.outdent();
    out.line("};");
    close_namespace(out, plan_.package_space);
    out.gap();
    out.line("/// For `tairitsu::ContainerBuilder::with_bindings`.");
    out.line("template <>");
    out.line("struct tairitsu::Bindings<" + world_type() + "> {");
    out.indent();
    out.line("/// How many imports need a host.");
    out.line("static constexpr std::size_t hosts = " + std::to_string(count_hosts()) + ";");
    out.line("[[nodiscard]] static Result<std::shared_ptr<const void>> look_up(const Component& component);");
    out.list("[[nodiscard]] static Result<" + world_type() + "> bind(",
             {"const Instance& instance", "const std::shared_ptr<const void>& found"}, ");");
    out.line("template <typename State, typename... Get>");
    out.line("[[nodiscard]] static Result<void> add_to_linker(Linker& linker, Get... get) {");
    out.line("  return " + world_type() + "::" + names.add_to_linker + "<State>(linker, get...);");
    out.line("}");
    out.outdent();
    out.line("};");
  }

  /// What the world's `add_to_linker` calls.
  struct LinkedPart {
    std::string space;
    std::string description;
    bool needs_host;
  };

  std::vector<LinkedPart> linked_parts() const {
    std::vector<LinkedPart> parts;
    for (const InterfacePlan& interface : plan_.interfaces) {
      if (!is_linked(interface)) continue;
      parts.push_back({"::" + interface.space + "::imports", interface.import_name, needs_host(interface)});
    }
    const std::vector<const Function*> functions = root_functions(plan_.world.imports);
    if (!functions.empty() || defines_resources(world_resources())) {
      parts.push_back(
          {"::" + plan_.world_space, "the world's own functions", !without_methods(functions).empty()});
    }
    return parts;
  }

  std::size_t count_hosts() const {
    return static_cast<std::size_t>(std::ranges::count_if(linked_parts(), &LinkedPart::needs_host));
  }

  void write_world_add_to_linker(Writer& out, const std::string& name) const {
    const std::vector<LinkedPart> parts = linked_parts();
    const std::size_t hosts = count_hosts();
    const std::string count = std::to_string(hosts);
    if (hosts == 0) {
      out.line("/// The world imports nothing that a host has to implement.");
      out.line("template <typename State>");
      out.line("[[nodiscard]] static tairitsu::Result<void> " + name + "(tairitsu::Linker&" +
               std::string(parts.empty() ? "" : " linker") + ") {");
    } else {
      out.line(
          "/// Gives the linker every import. `get` finds the implementation in the container's host state,");
      out.line("/// `[](State& state) -> Implementation& { … }`; where State is void it takes no argument.");
      if (hosts > 1) {
        out.line("/// One for all of them, or one for each, in this order:");
        for (const LinkedPart& part : parts) {
          if (part.needs_host) out.line("///   " + part.description);
        }
      }
      out.line("template <typename State, typename... Get>");
      out.line("[[nodiscard]] static tairitsu::Result<void> " + name +
               "(tairitsu::Linker& linker, Get... get) {");
    }
    out.indent();
    if (hosts == 1) {
      out.line(
          "static_assert(sizeof...(Get) == 1, \"one function that finds the implementation is needed\");");
    } else if (hosts > 1) {
      out.line("static_assert(sizeof...(Get) == 1 || sizeof...(Get) == " + count + ",");
      out.line("              \"functions that find the implementations: one for all imports, or " + count +
               "\");");
    }
    std::size_t index = 0;
    for (const LinkedPart& part : parts) {
      if (part.needs_host) {
        out.list("TAIRITSU_CHECK(" + part.space + "::add_to_linker<State>(",
                 {"linker", "tairitsu::detail::pick<" + std::to_string(index++) + ">(get...)"}, "));");
      } else {
        out.line("TAIRITSU_CHECK(" + part.space + "::add_to_linker(linker));");
      }
    }
    out.line("return {};");
    out.outdent();
    out.line("}");
  }

  // ---- Definitions

  /// In the source file those of an interface may be there several times, from several worlds.
  std::string shared_prefix() const { return options_.header_only ? "inline " : "TAIRITSU_BINDINGS_SHARED "; }
  std::string own_prefix() const { return options_.header_only ? "inline " : ""; }

  void write_definitions(Writer& out) {
    for (const InterfacePlan& interface : plan_.interfaces) {
      if (has_guest_side(interface)) write_guest_definitions(out, interface);
    }
    write_world_definitions(out);
  }

  std::string signature(const Function& function, const Context& context) const {
    std::vector<std::string> types = parameters(function, context, Towards::guest).types;
    if (is_method(&function))
      types.insert(types.begin(), "const " + plan_.type_name(function.resource, context) + "&");
    return (function.result ? plan_.value(*function.result, context) : std::string("void")) + "(" +
           joined(types) + ")";
  }

  void write_slots(Writer& out, const std::string& name, const std::vector<const Function*>& functions,
                   const Names& slots, const Context& context) const {
    out.line("template <template <typename> typename Of>");
    out.line("struct " + name + " {");
    out.indent();
    for (const Function* function : functions) {
      out.line("Of<" + signature(*function, context) + "> " + slots.at(function) + ";");
    }
    out.outdent();
    out.line("};");
  }

  void write_guest_definitions(Writer& out, const InterfacePlan& interface) {
    const Context context{.side = Side::exports, .interface = &interface};
    const std::vector<const Function*> functions = usable_functions(interface);
    const Names names = class_names(functions);
    const Names slots = slot_names(functions);
    const std::string& table = interface.guest_functions;
    const std::string& guest = interface.guest_class;
    out.gap();
    const std::string macro = macro_name("DEFINITIONS", interface.space);
    if (options_.header_only) {
      out.line("#ifndef " + macro);
      out.line("#define " + macro);
      out.gap();
    }
    open_namespaces(out, interface.space, "inline namespace exports");
    write_slots(out, table + "Of", functions, slots, context);
    out.line("struct " + table + " : " + table + "Of<tairitsu::Function> {};");
    out.line("using " + table + "Found = " + table + "Of<tairitsu::ExportedFunction>;");
    out.gap();
    const std::string unused = functions.empty() ? "[[maybe_unused]] " : "";
    out.list(shared_prefix() + "tairitsu::Result<void> look_up(",
             {unused + "const tairitsu::Component& component", unused + table + "Found& found"}, ") {");
    out.indent();
    for (const Function* function : functions) {
      out.line("TAIRITSU_CHECK(tairitsu::detail::look_up(component, " +
               literal(full_name(interface.import_name, *function)) + ", found." + slots.at(function) +
               "));");
    }
    out.line("return {};");
    out.outdent();
    out.line("}");
    out.gap();
    out.list(shared_prefix() + "tairitsu::Result<" + guest + "> bind(",
             {"const tairitsu::Instance& instance", unused + "const " + table + "Found& found"}, ") {");
    out.indent();
    out.line("auto functions = std::make_shared<" + table + ">();");
    for (const Function* function : functions) {
      out.line("TAIRITSU_CHECK(tairitsu::detail::bind(instance, found." + slots.at(function) +
               ", functions->" + slots.at(function) + "));");
    }
    out.line("TAIRITSU_CHECK(tairitsu::detail::attach(instance, functions));");
    out.line("return " + guest + "(std::move(functions));");
    out.outdent();
    out.line("}");
    for (const Function* function : functions) {
      const Parameters params = parameters(*function, context, Towards::guest);
      const std::string owner = is_method(function) ? short_name(function->resource, context) : guest;
      std::vector<std::string> arguments = params.forwarded;
      if (is_method(function)) arguments.insert(arguments.begin(), "*this");
      out.gap();
      out.list(
          shared_prefix() + plan_.result(*function, context) + " " + owner + "::" + names.at(function) + "(",
          params.declared, ") {");
      out.indent();
      if (is_method(function)) {
        out.line("if (functions_ == nullptr || !*this) return tairitsu::detail::no_resource(" +
                 literal(wit_.types[function->resource].name) + ");");
      }
      out.line("return functions_->" + slots.at(function) + "(" + joined(arguments) + ");");
      out.outdent();
      out.line("}");
    }
    close_namespaces(out, interface.space, "inline namespace exports");
    if (options_.header_only) {
      out.gap();
      out.line("#endif  // " + macro);
    }
  }

  void write_world_definitions(Writer& out) {
    const Context context{.side = Side::exports, .interface = nullptr, .full = true};
    const WorldNames names = world_names();
    const std::vector<const Function*> functions = root_functions(plan_.world.exports);
    const Names slots = slot_names(functions);
    const std::string& name = plan_.world_class;
    out.gap();
    open_namespace(out, plan_.package_space);
    write_slots(out, name + "::Functions", functions, slots, context);
    out.line("struct " + name + "::Exports {");
    out.indent();
    out.line("Functions<tairitsu::ExportedFunction> own;");
    for (const Accessor& accessor : names.accessors) {
      out.line("::" + accessor.interface->space + "::exports::" + accessor.interface->guest_functions +
               "Found " + accessor.name + ";");
    }
    out.outdent();
    out.line("};");
    for (const Function* function : functions) {
      const Parameters params = parameters(*function, context, Towards::guest);
      out.gap();
      out.list(own_prefix() + plan_.result(*function, context) + " " + name +
                   "::" + names.functions.at(function) + "(",
               params.declared, ") {");
      out.line("  return functions_->" + slots.at(function) + "(" + joined(params.forwarded) + ");");
      out.line("}");
    }
    close_namespace(out, plan_.package_space);

    const std::string bindings = "tairitsu::Bindings<" + world_type() + ">";
    const bool empty = functions.empty() && names.accessors.empty();
    out.gap();
    out.line(own_prefix() + "tairitsu::Result<std::shared_ptr<const void>> " + bindings + "::look_up(");
    out.line("    " + std::string(empty ? "[[maybe_unused]] " : "") + "const Component& component) {");
    out.indent();
    out.line("auto found = std::make_shared<" + world_type() + "::Exports>();");
    for (const Function* function : functions) {
      out.line("TAIRITSU_CHECK(detail::look_up(component, " + literal(function->name) + ", found->own." +
               slots.at(function) + "));");
    }
    for (const Accessor& accessor : names.accessors) {
      out.line("TAIRITSU_CHECK(::" + accessor.interface->space + "::exports::look_up(component, found->" +
               accessor.name + "));");
    }
    out.line("return found;");
    out.outdent();
    out.line("}");
    out.gap();
    out.line(own_prefix() + "tairitsu::Result<" + world_type() + "> " + bindings + "::bind(");
    out.line("    " + std::string(empty ? "[[maybe_unused]] " : "") + "const Instance& instance, " +
             std::string(empty ? "[[maybe_unused]] " : "") + "const std::shared_ptr<const void>& found) {");
    out.indent();
    if (!empty) {
      out.line("const auto& exports = *static_cast<const " + world_type() + "::Exports*>(found.get());");
    }
    out.line("auto functions = std::make_shared<" + world_type() + "::Functions<Function>>();");
    for (const Function* function : functions) {
      out.line("TAIRITSU_CHECK(detail::bind(instance, exports.own." + slots.at(function) + ", functions->" +
               slots.at(function) + "));");
    }
    std::string arguments = "std::move(functions)";
    for (const Accessor& accessor : names.accessors) {
      const std::string local = accessor.member + "guest";
      out.line("TAIRITSU_TRY(auto " + local + ", ::" + accessor.interface->space +
               "::exports::bind(instance, exports." + accessor.name + "));");
      arguments += ", std::move(" + local + ")";
    }
    out.line("return " + world_type() + "(" + arguments + ");");
    out.outdent();
    out.line("}");
    out.gap();
    const std::string declared = own_prefix() + "tairitsu::Result<" + world_type() + "> " +
                                 world_type().substr(2) + "::" + names.instantiate + "(";
    out.list(
        declared,
        {"tairitsu::Store& store", "const tairitsu::Component& component", "const tairitsu::Linker& linker"},
        ") {");
    out.indent();
    out.line("TAIRITSU_TRY(const auto found, " + bindings + "::look_up(component));");
    out.line("TAIRITSU_TRY(const auto instance, linker.instantiate(store, component));");
    out.line("return " + bindings + "::bind(instance, found);");
    out.outdent();
    out.line("}");
  }

  HostOptions options_;
  Plan plan_;
  const Wit& wit_;
  std::set<std::size_t> needed_;
  std::vector<std::string> warnings_;
  Writer header_;
};

}  // namespace

Result<HostBindings> generate_host_bindings(const HostOptions& options) {
  TAIRITSU_TRY(const auto json, resolve_wit(options.wit));
  TAIRITSU_TRY(const auto wit, read_wit(json));
  return HostGenerator(wit, options).run();
}

}  // namespace tairitsu::bindgen

// The part of the generated host bindings that a host implements.
#include <algorithm>

#include "bindgen/host_generator.h"

namespace tairitsu::bindgen {

void HostGenerator::write_host_side(const InterfacePlan& interface) {
  const Context context{.side = Side::imports, .interface = &interface};
  Writer out;
  write_imports(out, context,
                {.types = resource_types(interface),
                 .functions = supported_functions(interface),
                 .import_name = interface.import_name,
                 .docs = wit_.interfaces[interface.id].docs,
                 .space = interface.space,
                 .inner = "inline namespace imports",
                 .host_class = interface.host_class,
                 .functions_struct = interface.functions_struct});
  write_once("IMPORTS", interface, out);
}

void HostGenerator::write_imports(Writer& out, const Context& context, const HostSide& imports) const {
  const FunctionNames names = class_names(imports.functions);
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
  const FunctionList hosts = without_methods(imports.functions);
  if (!hosts.empty()) {
    write_host_class(out, hosts, names, context, imports.host_class, imports.docs);
    write_host_functions(out, hosts, names, context, imports.import_name, imports.functions_struct);
  }
  if (!imports.functions.empty() || defines_resources(imports.types)) {
    write_add_to_linker(out, context, imports.types, imports.functions, names, imports.import_name);
  }
  close_namespaces(out, imports.space, imports.inner);
}

void HostGenerator::write_host_resource(Writer& out, std::size_t id, const FunctionList& methods,
                                        const FunctionNames& names, const Context& context) const {
  const std::string name = short_name(id, context);
  out.gap();
  out.docs(wit_.types[id].docs);
  if (!wit_.types[id].docs.empty()) out.line("///");
  out.line(
      "/// A resource in the host: derive from this class. The object is destroyed when the guest drops its "
      "handle.");
  out.line("class " + name + " {");
  out.line(" public:");
  out.indent();
  out.line("virtual ~" + name + "() = default;");
  write_virtual_methods(out, methods, names, context);
  out.outdent();
  out.line("};");
}

void HostGenerator::write_virtual_methods(Writer& out, const FunctionList& functions,
                                          const FunctionNames& names, const Context& context) const {
  for (const Function* function : functions) {
    write_function_docs(out, *function);
    if (returns_result(*function)) out.line("/// For the result's error, return `tairitsu::guest_error(…)`.");
    out.list("[[nodiscard]] virtual " + plan_.result(*function, context) + " " + names.at(function) + "(",
             parameters_of(*function, context, Callee::host).declared, ") = 0;");
  }
}

void HostGenerator::write_host_class(Writer& out, const FunctionList& functions, const FunctionNames& names,
                                     const Context& context, const std::string& host_class,
                                     const std::string& docs) const {
  out.gap();
  out.docs(docs);
  if (!docs.empty()) out.line("///");
  out.line(
      "/// What the host implements. View parameters (std::string_view, std::span) point into the guest's "
      "memory");
  out.line("/// and are valid only during the call.");
  out.line("class " + host_class + " {");
  out.line(" public:");
  out.indent();
  out.line("virtual ~" + host_class + "() = default;");
  write_virtual_methods(out, functions, names, context);
  out.outdent();
  out.line("};");
}

void HostGenerator::write_host_functions(Writer& out, const FunctionList& functions,
                                         const FunctionNames& names, const Context& context,
                                         const std::string& import_name,
                                         const std::string& functions_struct) const {
  out.gap();
  out.line(
      "/// The same functions as values, for lambdas and free functions. Calling one that is not set fails.");
  out.line("struct " + functions_struct + " {");
  out.indent();
  for (const Function* function : functions) {
    out.line("std::function<" + plan_.result(*function, context) + "(" +
             join(parameters_of(*function, context, Callee::host).types) + ")> " + names.at(function) + " =");
    out.line("    tairitsu::detail::NotGiven{" + literal(full_name(import_name, *function)) + "};");
  }
  out.outdent();
  out.line("};");
}

void HostGenerator::write_add_to_linker(Writer& out, const Context& context,
                                        const std::vector<std::size_t>& types, const FunctionList& functions,
                                        const FunctionNames& names, const std::string& import_name) const {
  Scope scope;
  const auto& taken = context.interface != nullptr ? context.interface->type_names : plan_.world_type_names;
  for (const auto& [id, name] : taken) scope.claim(name);
  const std::string state = scope.claim("State");
  const std::string get = scope.claim("Get");
  const std::string implementation = scope.claim("Implementation");
  const bool uses_host = std::ranges::any_of(functions, [](const Function* f) { return !is_method(f); });

  out.gap();
  const std::string what = import_name.empty() ? "the world's own functions" : "`" + import_name + "`";
  if (uses_host) {
    out.line("/// Adds " + what +
             " to the linker. `get` returns the implementation: any object with matching");
    out.line("/// members, from the container's host state. If " + state +
             " is void, `get` takes no argument.");
    out.line("template <typename " + state + ", typename " + get + ">");
    out.line("[[nodiscard]] tairitsu::Result<void> add_to_linker(tairitsu::Linker& linker, " + get +
             " get) {");
  } else {
    out.line("/// Adds " + what + " to the linker: its resources and their methods.");
    out.line("[[nodiscard]] inline tairitsu::Result<void> add_to_linker(tairitsu::Linker& linker) {");
  }
  out.indent();
  if (uses_host) {
    out.line("using " + implementation + " = tairitsu::detail::HostOf<" + state + ", " + get + ">;");
    for (const Function* function : functions) {
      if (is_method(function)) continue;
      std::vector<std::string> arguments;
      for (const std::string& type : parameters_of(*function, context, Callee::host).types) {
        arguments.push_back("std::declval<" + type + ">()");
      }
      out.line("static_assert(requires(" + implementation + "& host) {");
      out.list("  host." + names.at(function) + "(", arguments, ");");
      out.line("}, \"" + full_name(import_name, *function) + ": the host has no member '" +
               names.at(function) + "' that accepts these parameters\");");
    }
  }
  for (const std::size_t id : types) {
    if (wit_.types[id].shape != TypeShape::resource) continue;
    const std::string name =
        import_name.empty() ? wit_.types[id].name : import_name + "#" + wit_.types[id].name;
    out.line("TAIRITSU_RETURN_IF_ERROR(linker.define_resource<" + short_name(id, context) + ">(" +
             literal(name) + "));");
  }
  for (const Function* function : functions) {
    write_linker_define(out, *function, context, names.at(function), full_name(import_name, *function),
                        state);
  }
  out.line("return {};");
  out.outdent();
  out.line("}");
}

void HostGenerator::write_linker_define(Writer& out, const Function& function, const Context& context,
                                        const std::string& name, const std::string& full,
                                        const std::string& state) const {
  const Parameters params = parameters_of(function, context, Callee::host);
  const std::string result = plan_.result(function, context);
  std::vector<std::string> declared = params.declared;
  out.line("TAIRITSU_RETURN_IF_ERROR(linker.define(");
  out.indent();
  out.indent();
  out.line(literal(full) + ",");
  if (is_method(&function)) {
    declared.insert(declared.begin(), plan_.type_name(function.resource, context) + "& self");
    out.list("[](", declared, ") -> " + result + " {");
    out.line("  return self." + name + "(" + join(params.forwarded) + ");");
  } else {
    declared.insert(declared.begin(), "tairitsu::Caller& caller");
    out.list("[get](", declared, ") -> " + result + " {");
    out.line("  return tairitsu::detail::with_host<" + state + ", " + result + ">(");
    out.line("      caller, get, [&](auto& host) { return host." + name + "(" + join(params.forwarded) +
             "); });");
  }
  out.line("}));");
  out.outdent();
  out.outdent();
}

}  // namespace tairitsu::bindgen

// The classes through which a host calls the interfaces that a guest exports.
#include "bindgen/host_generator.h"

namespace tairitsu::bindgen {

void HostGenerator::write_guest_side(const InterfacePlan& interface) {
  const Context context{.side = Side::exports, .interface = &interface};
  const std::vector<std::size_t> types = resource_types(interface);
  const FunctionList functions = supported_functions(interface);
  const FunctionNames names = class_names(functions);
  const std::string& docs = wit_.interfaces[interface.id].docs;
  Writer out;
  open_namespaces(out, interface.space, "inline namespace exports");
  out.line("struct " + interface.guest_functions + ";");
  write_resource_types(out, types, context, [&](std::size_t id) {
    out.gap();
    out.docs(wit_.types[id].docs);
    if (!wit_.types[id].docs.empty()) out.line("///");
    out.line("/// A resource in the guest, which drops it when this object goes out of scope. Move-only.");
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
  out.line("/// The guest's export `" + interface.import_name + "`. Copies refer to the same guest.");
  out.line("class " + interface.guest_class + " {");
  out.line(" public:");
  out.indent();
  write_methods(out, without_methods(functions), names, context);
  out.gap();
  out.line("/// Used by the world's class.");
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

void HostGenerator::write_methods(Writer& out, const FunctionList& functions, const FunctionNames& names,
                                  const Context& context) const {
  for (const Function* function : functions) {
    write_function_docs(out, *function);
    out.list("[[nodiscard]] " + plan_.result(*function, context) + " " + names.at(function) + "(",
             parameters_of(*function, context, Callee::guest).declared, ");");
  }
}

std::string HostGenerator::guest_type(const InterfacePlan& interface) {
  return "::" + interface.space + "::exports::" + interface.guest_class;
}

std::string HostGenerator::signature(const Function& function, const Context& context) const {
  std::vector<std::string> types = parameters_of(function, context, Callee::guest).types;
  if (is_method(&function))
    types.insert(types.begin(), "const " + plan_.type_name(function.resource, context) + "&");
  return (function.result ? plan_.value(*function.result, context) : std::string("void")) + "(" +
         join(types) + ")";
}

void HostGenerator::write_slots(Writer& out, const std::string& name, const FunctionList& functions,
                                const FunctionNames& slots, const Context& context) const {
  out.line("template <template <typename> typename Of>");
  out.line("struct " + name + " {");
  out.indent();
  for (const Function* function : functions) {
    out.line("Of<" + signature(*function, context) + "> " + slots.at(function) + ";");
  }
  out.outdent();
  out.line("};");
}

void HostGenerator::write_guest_definitions(Writer& out, const InterfacePlan& interface) {
  const Context context{.side = Side::exports, .interface = &interface};
  const FunctionList functions = supported_functions(interface);
  const FunctionNames names = class_names(functions);
  const FunctionNames slots = slot_names(functions);
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
    out.line("TAIRITSU_RETURN_IF_ERROR(tairitsu::detail::look_up(component, " +
             literal(full_name(interface.import_name, *function)) + ", found." + slots.at(function) + "));");
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
    out.line("TAIRITSU_RETURN_IF_ERROR(tairitsu::detail::bind(instance, found." + slots.at(function) +
             ", functions->" + slots.at(function) + "));");
  }
  out.line("TAIRITSU_RETURN_IF_ERROR(tairitsu::detail::attach(instance, functions));");
  out.line("return " + guest + "(std::move(functions));");
  out.outdent();
  out.line("}");
  for (const Function* function : functions) {
    const Parameters params = parameters_of(*function, context, Callee::guest);
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
    out.line("return functions_->" + slots.at(function) + "(" + join(arguments) + ");");
    out.outdent();
    out.line("}");
  }
  close_namespaces(out, interface.space, "inline namespace exports");
  if (options_.header_only) {
    out.gap();
    out.line("#endif  // " + macro);
  }
}

}  // namespace tairitsu::bindgen

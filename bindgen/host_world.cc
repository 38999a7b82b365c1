// The world's own functions and types, and the class that stands for an instance of the world.
#include <algorithm>
#include <map>
#include <utility>

#include "bindgen/host_generator.h"

namespace tairitsu::bindgen {

WorldNames HostGenerator::world_names() const {
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

std::string HostGenerator::parent_space(const InterfacePlan& interface) {
  const std::size_t end = interface.space.rfind("::");
  const std::size_t begin = interface.space.rfind("::", end - 1);
  return interface.space.substr(begin + 2, end - begin - 2);
}

std::string HostGenerator::world_type() const {
  return "::" + plan_.package_space + "::" + plan_.world_class;
}

void HostGenerator::write_world_items() {
  const Context context{.side = Side::imports, .interface = nullptr};
  std::vector<std::size_t> shared;
  const std::vector<std::size_t> resources = world_resources();
  for (const auto& [id, name] : plan_.world_type_names) {
    if (!plan_.unsupported(id) && !is_resource_type(id)) shared.push_back(id);
  }
  const FunctionList functions = root_functions(plan_.world.imports);
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

void HostGenerator::write_world_class() {
  const Context context{.side = Side::exports, .interface = nullptr, .full = true};
  const WorldNames names = world_names();
  const FunctionList functions = root_functions(plan_.world.exports);
  const std::string& name = plan_.world_class;
  Writer& out = header_;
  out.gap();
  open_namespace(out, plan_.package_space);
  out.docs(plan_.world.docs);
  if (!plan_.world.docs.empty()) out.line("///");
  out.line("/// An instance of the world `" + plan_.world.name + "`. Copies refer to the same guest.");
  out.line("class " + name + " {");
  out.line(" public:");
  out.indent();
  write_world_add_to_linker(out, names.add_to_linker);
  out.gap();
  out.line(
      "/// Links and instantiates the component, and looks up its exports. Fails as "
      "`tairitsu::Linker::instantiate`");
  out.line(
      "/// does, or with `not_found` or `type_mismatch` if an export is missing or has a different type.");
  out.list(
      "[[nodiscard]] static tairitsu::Result<" + name + "> " + names.instantiate + "(",
      {"tairitsu::Store& store", "const tairitsu::Component& component", "const tairitsu::Linker& linker"},
      ");");
  if (!functions.empty()) out.gap();
  for (const Function* function : functions) {
    out.docs(function->docs);
    out.list("[[nodiscard]] " + plan_.result(*function, context) + " " + names.functions.at(function) + "(",
             parameters_of(*function, context, Callee::guest).declared, ");");
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
  std::vector<std::string> parameters{"std::shared_ptr<Functions<tairitsu::Function>> functions"};
  std::string initializers = "functions_(std::move(functions))";
  for (const Accessor& accessor : names.accessors) {
    const std::string local = accessor.member + "guest";
    parameters.push_back(guest_type(*accessor.interface) + " " + local);
    initializers += ", " + accessor.member + "(std::move(" + local + "))";
  }
  out.list((parameters.size() == 1 ? "explicit " : "") + name + "(", parameters, ")");
  out.line("    : " + initializers + " {}");
  out.gap();
  out.line("std::shared_ptr<Functions<tairitsu::Function>> functions_;");
  for (const Accessor& accessor : names.accessors) {
    out.line(guest_type(*accessor.interface) + " " + accessor.member + ";");
  }
  out.outdent();
  out.line("};");
  close_namespace(out, plan_.package_space);
  out.gap();
  out.line("/// Used by `tairitsu::ContainerBuilder::with_bindings`.");
  out.line("template <>");
  out.line("struct tairitsu::Bindings<" + world_type() + "> {");
  out.indent();
  out.line("/// The number of imports that need a host implementation.");
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

std::vector<LinkedPart> HostGenerator::linked_parts() const {
  std::vector<LinkedPart> parts;
  for (const InterfacePlan& interface : plan_.interfaces) {
    if (!is_linked(interface)) continue;
    parts.push_back({"::" + interface.space + "::imports", interface.import_name, needs_host(interface)});
  }
  const FunctionList functions = root_functions(plan_.world.imports);
  if (!functions.empty() || defines_resources(world_resources())) {
    parts.push_back(
        {"::" + plan_.world_space, "the world's own functions", !without_methods(functions).empty()});
  }
  return parts;
}

std::size_t HostGenerator::count_hosts() const {
  return static_cast<std::size_t>(std::ranges::count_if(linked_parts(), &LinkedPart::needs_host));
}

void HostGenerator::write_world_add_to_linker(Writer& out, const std::string& name) const {
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
        "/// Adds every import to the linker. `get` returns the implementation from the container's host "
        "state:");
    out.line("/// `[](State& state) -> Implementation& { … }`. If State is void, it takes no argument.");
    if (hosts > 1) {
      out.line("/// Pass one `get` for all imports, or one for each, in this order:");
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
    out.line("static_assert(sizeof...(Get) == 1, \"pass one function that returns the implementation\");");
  } else if (hosts > 1) {
    out.line("static_assert(sizeof...(Get) == 1 || sizeof...(Get) == " + count + ",");
    out.line("              \"pass one function that returns the implementation of all imports, or " + count +
             "\");");
  }
  std::size_t index = 0;
  for (const LinkedPart& part : parts) {
    if (part.needs_host) {
      out.list("TAIRITSU_RETURN_IF_ERROR(" + part.space + "::add_to_linker<State>(",
               {"linker", "tairitsu::detail::pick<" + std::to_string(index++) + ">(get...)"}, "));");
    } else {
      out.line("TAIRITSU_RETURN_IF_ERROR(" + part.space + "::add_to_linker(linker));");
    }
  }
  out.line("return {};");
  out.outdent();
  out.line("}");
}

void HostGenerator::write_world_definitions(Writer& out) {
  const Context context{.side = Side::exports, .interface = nullptr, .full = true};
  const WorldNames names = world_names();
  const FunctionList functions = root_functions(plan_.world.exports);
  const FunctionNames slots = slot_names(functions);
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
    const Parameters params = parameters_of(*function, context, Callee::guest);
    out.gap();
    out.list(own_prefix() + plan_.result(*function, context) + " " + name +
                 "::" + names.functions.at(function) + "(",
             params.declared, ") {");
    out.line("  return functions_->" + slots.at(function) + "(" + join(params.forwarded) + ");");
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
    out.line("TAIRITSU_RETURN_IF_ERROR(detail::look_up(component, " + literal(function->name) +
             ", found->own." + slots.at(function) + "));");
  }
  for (const Accessor& accessor : names.accessors) {
    out.line("TAIRITSU_RETURN_IF_ERROR(::" + accessor.interface->space +
             "::exports::look_up(component, found->" + accessor.name + "));");
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
    out.line("TAIRITSU_RETURN_IF_ERROR(detail::bind(instance, exports.own." + slots.at(function) +
             ", functions->" + slots.at(function) + "));");
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

}  // namespace tairitsu::bindgen

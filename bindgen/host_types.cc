// The types of the generated host bindings, and their descriptions for the value path.
#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "bindgen/host_generator.h"

namespace tairitsu::bindgen {

void HostGenerator::write_shared_types(const InterfacePlan& interface) {
  std::vector<std::size_t> types;
  for (const std::size_t id : wit_.interfaces[interface.id].types) {
    if (!is_resource_type(id) && !plan_.unsupported(id)) types.push_back(id);
  }
  if (types.empty()) return;
  std::ranges::sort(types);  // Types refer to types with smaller ids only.
  Writer out;
  const Context context{.side = Side::imports, .interface = &interface};
  out.docs(wit_.interfaces[interface.id].docs);
  open_namespace(out, interface.space);
  for (const std::size_t id : types) write_type(out, id, context);
  close_namespace(out, interface.space);
  for (const std::size_t id : types) write_description(out, id, Side::imports);
  write_once("TYPES", interface, out);
}

void HostGenerator::write_type(Writer& out, std::size_t id, const Context& context) const {
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
      return;  // Each side writes its own class.
    default:
      break;
  }
  if (!type.docs.empty() || !out.ends_with_alias()) out.gap();
  out.docs(type.docs);
  out.line("using " + name + " = " + aliased(type, context) + ";");
}

std::string HostGenerator::aliased(const TypeDef& type, const Context& context) const {
  if (type.shape == TypeShape::alias) return plan_.value(*type.members[0].type, context);
  return plan_.shape(type, context);
}

void HostGenerator::write_record(Writer& out, std::size_t id, const std::string& name,
                                 const Context& context) const {
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

std::vector<std::string> HostGenerator::field_names(const TypeDef& type) {
  Scope scope;
  std::vector<std::string> names;
  for (const Member& member : type.members) names.push_back(scope.claim(snake_case(member.name)));
  return names;
}

std::string HostGenerator::integer_for(std::size_t cases) {
  return cases <= 256 ? "std::uint8_t" : cases <= 65536 ? "std::uint16_t" : "std::uint32_t";
}

void HostGenerator::write_enum(Writer& out, const TypeDef& type, const std::string& name) {
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

void HostGenerator::write_flags(Writer& out, const TypeDef& type, const std::string& name) {
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

void HostGenerator::write_variant(Writer& out, std::size_t id, const std::string& name,
                                  const Context& context) const {
  const TypeDef& type = wit_.types[id];
  std::vector<std::string> payloads;
  for (const Member& member : type.members) {
    payloads.push_back(member.type ? plan_.value(*member.type, context) : "std::monostate");
  }
  // The cases keep their names; generated members yield.
  const std::vector<std::string> cases = field_names(type);
  Scope scope;
  for (const std::string& one : cases) scope.claim(one);
  std::vector<std::string> accessors;
  for (const Member& member : type.members) accessors.push_back(scope.claim(snake_case("if-" + member.name)));
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
  std::string description;
  for (const Member& member : type.members) {
    description += (description.empty() ? "" : " | ") + member.name;
    if (member.type) description += "(" + plan_.wit_text(*member.type) + ")";
  }
  out.docs(description);
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
      out.line("static " + name + " " + cases[i] + "() { return tairitsu::detail::make_case<" + name + ", " +
               index + ">(); }");
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
      "/// Calls the handler that accepts the active case's payload, or `std::monostate` if the case has "
      "none.");
  out.line("/// Cases with the same payload type share a handler; use `" + which + "()` to tell them apart.");
  out.line("template <typename... " + handlers + ">");
  out.line("decltype(auto) " + visit + "(" + handlers + "&&... handlers) const {");
  out.line("  return tairitsu::detail::visit_case(*this, std::forward<" + handlers + ">(handlers)...);");
  out.line("}");
  out.outdent();
  out.line("};");
}

void HostGenerator::write_description(Writer& out, std::size_t id, Side side) const {
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
        items.push_back("tairitsu::Field<" + literal(type.members[i].name) + ", &" + name + "::" + fields[i] +
                        ">");
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

void HostGenerator::write_resource_types(Writer& out, const std::vector<std::size_t>& types,
                                         const Context& context,
                                         const std::function<void(std::size_t)>& write_resource) const {
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

}  // namespace tairitsu::bindgen

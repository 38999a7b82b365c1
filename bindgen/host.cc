#include "bindgen/host.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

#include "bindgen/host_generator.h"

namespace tairitsu::bindgen {
namespace {

/// The 64-bit FNV-1a hash of `text`, as a C++ literal.
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

}  // namespace

std::string literal(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string macro_name(std::string_view kind, const std::string& space) {
  std::string name = "TAIRITSU_" + std::string(kind) + "_";
  for (const char c : space) name += c == ':' ? '_' : c;
  return name;
}

HostGenerator::HostGenerator(const Wit& wit, const HostOptions& options)
    : options_(options), plan_(wit, options.provide_wasi), wit_(wit) {}

HostBindings HostGenerator::run() {
  find_needed_interfaces();
  collect_warnings();
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

void HostGenerator::write_banner(Writer& out) const {
  out.line(std::string(kBanner) + " " TAIRITSU_VERSION " from " + plan_.package_name(plan_.world.package) +
           ", world " + plan_.world.name + ".");
  out.line("// Do not edit: change the WIT and regenerate.");
}

void HostGenerator::write_header() {
  write_banner(header_);
  header_.line("#pragma once");
  header_.gap();
  for (const std::string_view name :
       {"cstddef", "cstdint", "expected", "functional", "memory", "optional", "span", "string", "string_view",
        "tuple", "utility", "variant", "vector"}) {
    header_.line("#include <" + std::string(name) + ">");
  }
  header_.gap();
  header_.line("#include <tairitsu/bindings.h>");
  header_.gap();
  header_.line("TAIRITSU_REQUIRE_BINDINGS_VERSION(1);");
  for (const InterfacePlan& interface : plan_.interfaces) {
    if (needed_.contains(interface.id) && !interface.repeated) write_shared_types(interface);
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

void HostGenerator::write_once(const std::string& kind, const InterfacePlan& interface, const Writer& part) {
  const std::string macro = macro_name(kind, interface.space);
  const std::string hash = fingerprint(part.text());
  header_.gap();
  header_.line("#ifndef " + macro);
  header_.line("#define " + macro + " " + hash);
  header_.gap();
  header_.append(part.text());
  header_.gap();
  header_.line("#elif " + macro + " != " + hash);
  header_.line(
      "#error \"" + interface.import_name +
      ": an earlier header was generated from different WIT, or by a different version of tairitsu\"");
  header_.line("#endif  // " + macro);
}

void HostGenerator::open_namespace(Writer& out, const std::string& name) {
  out.line("namespace " + name + " {");
  out.line();
}

void HostGenerator::close_namespace(Writer& out, const std::string& name) {
  out.gap();
  out.line("}  // namespace " + name);
}

void HostGenerator::open_namespaces(Writer& out, const std::string& space, const std::string& inner) {
  open_namespace(out, space);
  if (inner.empty()) return;
  out.line(inner + " {");
  out.line();
}

void HostGenerator::close_namespaces(Writer& out, const std::string& space, const std::string& inner) {
  if (!inner.empty()) {
    out.gap();
    out.line("}  // " + inner);
  }
  close_namespace(out, space);
}

std::string HostGenerator::shared_prefix() const {
  return options_.header_only ? "inline " : "TAIRITSU_BINDINGS_SHARED ";
}

std::string HostGenerator::own_prefix() const { return options_.header_only ? "inline " : ""; }

void HostGenerator::write_definitions(Writer& out) {
  for (const InterfacePlan& interface : plan_.interfaces) {
    if (has_guest_side(interface)) write_guest_definitions(out, interface);
  }
  write_world_definitions(out);
}

void HostGenerator::write_function_docs(Writer& out, const Function& function) const {
  if (function.docs.empty() && function.kind == FunctionKind::constructor) {
    return out.line("/// Creates a new `" + wit_.types[function.resource].name + "`.");
  }
  out.docs(function.docs);
}

std::string HostGenerator::join(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) text += (i == 0 ? "" : ", ") + items[i];
  return text;
}

Result<HostBindings> generate_host_bindings(const HostOptions& options) {
  TAIRITSU_TRY(const auto json, resolve_wit(options.wit));
  TAIRITSU_TRY(const auto wit, read_wit(json));
  return HostGenerator(wit, options).run();
}

}  // namespace tairitsu::bindgen

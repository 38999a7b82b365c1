#include "guest.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>

namespace differential {

using tairitsu::Type;
using tairitsu::TypeField;
using tairitsu::TypeKind;

namespace {

// This code follows CanonicalABI.md of the component model, sections "Alignment", "Element Size" and
// "Flattening".

std::uint32_t align_to(std::uint32_t offset, std::uint32_t align) {
  return (offset + align - 1) / align * align;
}

bool is_variant(const Type& type) {
  return type.kind() == TypeKind::variant || type.kind() == TypeKind::enumeration ||
         type.kind() == TypeKind::option || type.kind() == TypeKind::result;
}

/// The payloads of the cases of a variant, enum, option or result.
std::vector<std::optional<Type>> cases(const Type& type) {
  std::vector<std::optional<Type>> result;
  if (type.kind() == TypeKind::option) result.emplace_back();
  for (const TypeField& field : type.fields()) result.push_back(field.type);
  return result;
}

struct Measure {
  std::uint32_t size;
  std::uint32_t align;
};

Measure measure(const Type& type) {
  switch (type.kind()) {
    case TypeKind::boolean:
    case TypeKind::s8:
    case TypeKind::u8:
      return {1, 1};
    case TypeKind::s16:
    case TypeKind::u16:
      return {2, 2};
    case TypeKind::s32:
    case TypeKind::u32:
    case TypeKind::f32:
    case TypeKind::character:
      return {4, 4};
    case TypeKind::s64:
    case TypeKind::u64:
    case TypeKind::f64:
      return {8, 8};
    case TypeKind::string:
    case TypeKind::list:
      return {8, 4};
    case TypeKind::flags: {
      const std::size_t labels = type.fields().size();
      const std::uint32_t size = labels <= 8 ? 1 : labels <= 16 ? 2 : 4;
      return {size, size};
    }
    case TypeKind::record:
    case TypeKind::tuple: {
      Measure whole{0, 1};
      for (const TypeField& field : type.fields()) {
        const Measure part = measure(*field.type);
        whole.size = align_to(whole.size, part.align) + part.size;
        whole.align = std::max(whole.align, part.align);
      }
      return {align_to(whole.size, whole.align), whole.align};
    }
    default:
      break;
  }
  if (!is_variant(type)) throw std::invalid_argument("no layout for " + type.to_string());
  const auto payloads = cases(type);
  const std::uint32_t discriminant = payloads.size() <= 256 ? 1 : payloads.size() <= 65536 ? 2 : 4;
  Measure largest{0, 1};
  for (const auto& payload : payloads) {
    if (!payload) continue;
    const Measure part = measure(*payload);
    largest = {std::max(largest.size, part.size), std::max(largest.align, part.align)};
  }
  const std::uint32_t align = std::max(discriminant, largest.align);
  return {align_to(align_to(discriminant, largest.align) + largest.size, align), align};
}

using Flat = std::vector<std::string_view>;

Flat flatten(const Type& type);

Flat flatten_all(const std::vector<Type>& types) {
  Flat flat;
  for (const Type& type : types) {
    for (const std::string_view slot : flatten(type)) flat.push_back(slot);
  }
  return flat;
}

Flat flatten(const Type& type) {
  switch (type.kind()) {
    case TypeKind::s64:
    case TypeKind::u64:
      return {"i64"};
    case TypeKind::f32:
      return {"f32"};
    case TypeKind::f64:
      return {"f64"};
    case TypeKind::string:
    case TypeKind::list:
      return {"i32", "i32"};
    case TypeKind::record:
    case TypeKind::tuple: {
      std::vector<Type> parts;
      for (const TypeField& field : type.fields()) parts.push_back(*field.type);
      return flatten_all(parts);
    }
    default:
      break;
  }
  if (!is_variant(type)) return {"i32"};
  Flat flat = {"i32"};
  for (const auto& payload : cases(type)) {
    if (!payload) continue;
    const Flat part = flatten(*payload);
    for (std::size_t index = 0; index < part.size(); ++index) {
      if (index + 1 == flat.size()) {
        flat.push_back(part[index]);
        continue;
      }
      std::string_view& joined = flat[index + 1];
      if (joined == part[index]) continue;
      const bool narrow = joined != "i64" && joined != "f64" && part[index] != "i64" && part[index] != "f64";
      joined = narrow ? "i32" : "i64";
    }
  }
  return flat;
}

bool has_pointers(const Type& type) {
  return type.kind() == TypeKind::string || type.kind() == TypeKind::list ||
         std::ranges::any_of(type.fields(),
                             [](const TypeField& field) { return field.type && has_pointers(*field.type); });
}

/// Writes the types of a component. Types that need a name are imports and come first.
class Text {
 public:
  std::string out;

  /// Returns a reference to the type, and defines the types that it names.
  std::string reference(const Type& type) {
    switch (type.kind()) {
      case TypeKind::boolean:
        return "bool";
      case TypeKind::character:
        return "char";
      case TypeKind::list:
      case TypeKind::option:
        return fmt::format("({} {})", type.kind() == TypeKind::list ? "list" : "option",
                           reference(*type.fields()[0].type));
      case TypeKind::tuple: {
        std::string text = "(tuple";
        for (const TypeField& field : type.fields()) text += " " + reference(*field.type);
        return text + ")";
      }
      case TypeKind::result: {
        std::string text = "(result";
        if (const auto& ok = type.fields()[0].type) text += " " + reference(*ok);
        if (const auto& error = type.fields()[1].type) text += fmt::format(" (error {})", reference(*error));
        return text + ")";
      }
      case TypeKind::record:
      case TypeKind::variant:
      case TypeKind::enumeration:
      case TypeKind::flags:
        return named(type);
      default:
        return type.to_string();
    }
  }

 private:
  std::string named(const Type& type) {
    if (type.name().empty()) throw std::invalid_argument("type without a name: " + type.definition());
    if (defined_.insert(type.name()).second) {
      std::string text;
      for (const TypeField& field : type.fields()) {
        const std::string part = field.type ? " " + reference(*field.type) : "";
        switch (type.kind()) {
          case TypeKind::record:
            text += fmt::format(" (field \"{}\"{})", field.name, part);
            break;
          case TypeKind::variant:
            text += fmt::format(" (case \"{}\"{})", field.name, part);
            break;
          default:
            text += fmt::format(" \"{}\"", field.name);
        }
      }
      const std::string_view keyword = type.kind() == TypeKind::record        ? "record"
                                       : type.kind() == TypeKind::variant     ? "variant"
                                       : type.kind() == TypeKind::enumeration ? "enum"
                                                                              : "flags";
      out += fmt::format("  (type ${0}_type ({1}{2}))\n  (import \"{0}\" (type ${0} (eq ${0}_type)))\n",
                         type.name(), keyword, text);
    }
    return "$" + type.name();
  }

  std::set<std::string, std::less<>> defined_;
};

/// A function that the guest imports as `import` and exports as `name`.
struct Forwarded {
  std::string_view name;
  std::string_view import;
  std::vector<Type> parameters;
  Type result;

  [[nodiscard]] Flat core_parameters() const {
    Flat flat = flatten_all(parameters);
    if (flat.size() > 16) flat = {"i32"};
    return flat;
  }
  [[nodiscard]] bool result_in_memory() const { return flatten(result).size() > 1; }
  [[nodiscard]] bool uses_memory() const {
    return result_in_memory() || has_pointers(result) || flatten_all(parameters).size() > 16 ||
           std::ranges::any_of(parameters, has_pointers);
  }
};

constexpr std::string_view kStorage = R"(
  ;; There is at least one byte between blocks, so that no block is aligned by chance.
  (core module $storage_module
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const 1024))
    (global $kept (mut i32) (i32.const 0))
    (global $kept_length (mut i32) (i32.const 0))
    (func $allocate (export "allocate") (param $align i32) (param $size i32) (result i32)
      (local $at i32) (local $missing i32)
      (local.set $at
        (i32.and
          (i32.add (global.get $top) (local.get $align))
          (i32.sub (i32.const 0) (local.get $align))))
      (global.set $top (i32.add (local.get $at) (local.get $size)))
      (local.set $missing
        (i32.sub
          (i32.add (i32.shr_u (global.get $top) (i32.const 16)) (i32.const 1))
          (memory.size)))
      (if (i32.gt_s (local.get $missing) (i32.const 0))
        (then
          (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then unreachable))))
      (local.get $at))
    (func (export "realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (call $allocate (local.get $align) (local.get $size)))
      (memory.copy (local.get $at) (local.get $old)
        (select (local.get $old_size) (local.get $size) (i32.lt_u (local.get $old_size) (local.get $size))))
      (local.get $at))
    (func (export "reset")
      (global.set $top (i32.const 1024))
      (memory.fill (i32.const 0) (i32.const 0xA5) (i32.mul (memory.size) (i32.const 65536))))
    (func (export "put") (param i32 i32)
      (global.set $kept (local.get 0))
      (global.set $kept_length (local.get 1)))
    (func (export "get") (result i32)
      (i32.store (i32.const 16) (global.get $kept))
      (i32.store (i32.const 20) (global.get $kept_length))
      (i32.const 16)))
  (core instance $storage (instantiate $storage_module))
  (alias core export $storage "memory" (core memory $memory))
  (alias core export $storage "realloc" (core func $realloc))
)";

}  // namespace

bool has_strings(const Type& type) {
  return type.kind() == TypeKind::string || std::ranges::any_of(type.fields(), [](const TypeField& field) {
           return field.type && has_strings(*field.type);
         });
}

std::string component_text(const Type& type, std::string_view string_encoding) {
  const Type list = Type::make(TypeKind::list, {}, {TypeField{{}, type}});
  const Type byte = Type::make(TypeKind::u8);
  const Type swapped =
      Type::make(TypeKind::tuple, {}, {TypeField{{}, type}, TypeField{{}, byte}, TypeField{{}, type}});
  const Forwarded functions[] = {
      {"relay", "host", {type}, type},
      {"relay-list", "host-list", {list}, list},
      {"swap", "host-swap", {type, byte, type}, swapped},
  };
  const std::string memory_options =
      fmt::format(" string-encoding={} (memory $memory) (realloc $realloc)", string_encoding);

  Text text;
  std::string imports;
  std::string lowered;
  std::string module_imports;
  std::string bodies;
  std::string arguments;
  std::string exports;
  for (const Forwarded& function : functions) {
    std::string signature;
    for (std::size_t index = 0; index < function.parameters.size(); ++index) {
      signature += fmt::format(" (param \"{}\" {})", static_cast<char>('a' + index),
                               text.reference(function.parameters[index]));
    }
    signature += fmt::format(" (result {})", text.reference(function.result));
    imports += fmt::format("  (import \"{0}\" (func ${0}{1}))\n", function.import, signature);

    const std::string_view options = function.uses_memory() ? std::string_view(memory_options) : "";
    lowered +=
        fmt::format("  (core func ${0}_lowered (canon lower (func ${0}){1}))\n", function.import, options);
    arguments += fmt::format(" (export \"{0}\" (func ${0}_lowered))", function.import);
    exports += fmt::format("  (func (export \"{0}\"){1}\n    (canon lift (core func $guest \"{0}\"){2}))\n",
                           function.name, signature, options);

    const Flat parameters = function.core_parameters();
    const std::string core_parameters = fmt::format("(param {})", fmt::join(parameters, " "));
    std::string forwarded;
    for (std::size_t index = 0; index < parameters.size(); ++index) {
      forwarded += fmt::format(" (local.get {})", index);
    }
    if (function.result_in_memory()) {
      const Measure room = measure(function.result);
      module_imports += fmt::format("    (import \"host\" \"{0}\" (func ${0} {1} (param i32)))\n",
                                    function.import, core_parameters);
      bodies += fmt::format(
          "    (func (export \"{}\") {} (result i32) (local $area i32)\n"
          "      (local.set $area (call $allocate (i32.const {}) (i32.const {})))\n"
          "      (call ${}{} (local.get $area))\n"
          "      (local.get $area))\n",
          function.name, core_parameters, room.align, room.size, function.import, forwarded);
    } else {
      const std::string_view result = flatten(function.result)[0];
      module_imports += fmt::format("    (import \"host\" \"{0}\" (func ${0} {1} (result {2})))\n",
                                    function.import, core_parameters, result);
      bodies += fmt::format("    (func (export \"{}\") {} (result {}) (call ${}{}))\n", function.name,
                            core_parameters, result, function.import, forwarded);
    }
  }
  const std::string list_reference = text.reference(list);
  return fmt::format(
      "(component\n{}{}{}{}"
      "  (core module $module\n"
      "    (import \"storage\" \"allocate\" (func $allocate (param i32 i32) (result i32)))\n{}{})\n"
      "  (core instance $guest (instantiate $module\n"
      "    (with \"storage\" (instance $storage)) (with \"host\" (instance{}))))\n{}"
      "  (func (export \"put\") (param \"a\" {}) (canon lift (core func $storage \"put\"){}))\n"
      "  (func (export \"get\") (result {}) (canon lift (core func $storage \"get\"){}))\n"
      "  (func (export \"reset\") (canon lift (core func $storage \"reset\"))))\n",
      text.out, imports, kStorage, lowered, module_imports, bodies, arguments, exports, list_reference,
      memory_options, list_reference, memory_options);
}

}  // namespace differential

#include "wit/match.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "wit/name.h"
#include "wit/type_node.h"

namespace tairitsu::detail {
namespace {

/// A longer signature is shown with type names instead of definitions.
constexpr std::size_t kLongSignature = 600;

std::string counted(std::size_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

/// Returns what the parts of a type are called.
std::string_view part_noun(TypeKind kind) {
  switch (kind) {
    case TypeKind::record:
      return "field";
    case TypeKind::variant:
    case TypeKind::enumeration:
    case TypeKind::result:
      return "case";
    case TypeKind::flags:
      return "label";
    default:
      return "element";
  }
}

/// Returns the position of part `index` of a type: "field 'price'", "element 2", "value".
std::string part(const Type& type, std::size_t index) {
  switch (type.kind()) {
    case TypeKind::tuple:
      return "element " + std::to_string(index + 1);
    case TypeKind::option:
    case TypeKind::future:
      return "value";
    case TypeKind::map:
      return index == 0 ? "key" : "value";
    case TypeKind::list:
    case TypeKind::fixed_length_list:
    case TypeKind::stream:
      return "element";
    default:
      return std::string(part_noun(type.kind())) + " " + in_quotes(type.fields()[index].name);
  }
}

/// A difference between two types; `place` is its position, from the outside in.
struct Mismatch {
  std::string place;
  std::string what;

  Mismatch inside(std::string_view outer) && {
    if (!place.empty()) place.insert(0, ", ");
    place.insert(0, outer);
    return std::move(*this);
  }
};

Mismatch differ(std::string_view wanted, std::string_view actual) {
  return {.place = {},
          .what = "C++ has " + std::string(wanted) + ", the component has " + std::string(actual)};
}

Mismatch types_differ(const Type& wanted, const Type& actual) {
  std::string a = wanted.to_string();
  std::string b = actual.to_string();
  if (a == b) {
    a = wanted.definition();
    b = actual.definition();
  }
  return differ(printable(a, kMaxTypeName), printable(b, kMaxTypeName));
}

std::optional<Mismatch> compare(const Type& wanted, const Type& actual);

std::optional<Mismatch> compare(const std::optional<Type>& wanted, const std::optional<Type>& actual) {
  if (wanted && actual) return compare(*wanted, *actual);
  if (!wanted && !actual) return std::nullopt;
  const auto text = [](const std::optional<Type>& type) { return type ? type_name(*type) : "no value"; };
  return differ(text(wanted), text(actual));
}

/// Returns whether the resource has the name and the interface that `wanted` requires.
bool same_resource(const Type& wanted, const std::string& interface, const std::string& name) {
  return (wanted.name().empty() || wanted.name() == name) &&
         (wanted.interface_name().empty() || interface_fits(wanted.interface_name(), interface));
}

std::optional<Mismatch> compare_handles(const Type& wanted, const Type& actual) {
  if (same_resource(wanted, actual.interface_name(), actual.name())) return std::nullopt;
  if (const auto& names = actual.node().resource_names) {
    const auto fits = [&](const ResourceName& place) {
      return same_resource(wanted, place.interface_name, place.name);
    };
    if (std::ranges::any_of(*names, fits)) return std::nullopt;
  }
  if (!wanted.name().empty() && wanted.name() != actual.name()) return types_differ(wanted, actual);
  const auto text = [](const Type& type) {
    const auto& owner = type.interface_name();
    return type.to_string() + (owner.empty() ? " of the world root" : " of " + owner);
  };
  return differ(text(wanted), text(actual));
}

std::optional<Mismatch> compare(const Type& wanted, const Type& actual) {
  if (wanted.kind() != actual.kind() || wanted.length() != actual.length()) {
    return types_differ(wanted, actual);
  }
  if (wanted.kind() == TypeKind::own || wanted.kind() == TypeKind::borrow) {
    return compare_handles(wanted, actual);
  }
  const auto& a = wanted.fields();
  const auto& b = actual.fields();
  const std::string_view noun = part_noun(wanted.kind());
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i].name != b[i].name) {
      return differ(in_quotes(a[i].name), in_quotes(b[i].name))
          .inside(std::string(noun) + " " + std::to_string(i + 1));
    }
    if (auto mismatch = compare(a[i].type, b[i].type)) {
      return std::move(*mismatch).inside(part(actual, i));
    }
  }
  if (a.size() != b.size()) return differ(counted(a.size(), noun), counted(b.size(), noun));
  return std::nullopt;
}

std::optional<Mismatch> compare(const FunctionType& wanted, const FunctionType& actual) {
  const auto& a = wanted.parameters;
  const auto& b = actual.parameters;
  if (a.size() != b.size()) {
    return differ(counted(a.size(), "parameter"), std::to_string(b.size()));
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (auto mismatch = compare(a[i].type, b[i].type)) {
      std::string place = "parameter " + std::to_string(i + 1);
      if (!b[i].name.empty()) place += " (" + in_quotes(b[i].name) + ")";
      return std::move(*mismatch).inside(place);
    }
  }
  if (auto mismatch = compare(wanted.result, actual.result)) {
    return std::move(*mismatch).inside("result");
  }
  return std::nullopt;
}

std::string signature(const FunctionType& function) {
  std::string text = function.definition();
  return text.size() <= kLongSignature ? text : shortened(function.to_string(), kLongSignature);
}

}  // namespace

std::optional<std::string> find_mismatch(const FunctionType& wanted, const FunctionType& actual) {
  const auto mismatch = compare(wanted, actual);
  if (!mismatch) return std::nullopt;
  std::string text = mismatch->place;
  if (!text.empty()) text += ": ";
  return text + mismatch->what + "\n  C++:       " + signature(wanted) +
         "\n  component: " + signature(actual);
}

std::optional<std::string> find_unsupported(const Type& type) {
  switch (type.kind()) {
    case TypeKind::future:
    case TypeKind::stream:
    case TypeKind::error_context:
    case TypeKind::map:
    case TypeKind::fixed_length_list:
      return "uses " + type_name(type);
    case TypeKind::flags:
      if (type.fields().size() <= kMaxFlags) return std::nullopt;
      return "uses flags" + (type.name().empty() ? "" : " " + in_quotes(type.name())) + " with " +
             std::to_string(type.fields().size()) + " labels (the limit is " + std::to_string(kMaxFlags) +
             ")";
    default:
      for (const auto& field : type.fields()) {
        if (!field.type) continue;
        if (auto found = find_unsupported(*field.type)) return found;
      }
      return std::nullopt;
  }
}

std::optional<std::string> find_unsupported(const FunctionType& function) {
  if (function.async) return "it is an `async func`";
  for (const auto& [name, type] : function.parameters) {
    if (!type) continue;
    if (auto found = find_unsupported(*type)) return "parameter " + in_quotes(name) + " " + *found;
  }
  if (!function.result) return std::nullopt;
  auto found = find_unsupported(*function.result);
  return found ? std::optional("its result " + *found) : std::nullopt;
}

std::size_t flat_count(const Type& type, std::size_t most) {
  return std::min<std::size_t>(type.node().flat_count, most + 1);
}

std::optional<std::size_t> flat_parameter_count(const FunctionType& function) {
  std::size_t count = 0;
  for (const auto& parameter : function.parameters) {
    if (parameter.type) count += flat_count(*parameter.type, kMaxFlatParameters - count);
    if (count > kMaxFlatParameters) return std::nullopt;
  }
  return count;
}

std::optional<std::size_t> flat_result_count(const FunctionType& function) {
  const auto count = function.result ? flat_count(*function.result, kMaxFlatResults) : 0;
  return count <= kMaxFlatResults ? std::optional(count) : std::nullopt;
}

bool has_handles(const Type& type) { return type.node().handle_count != 0; }

bool has_pointers(const Type& type) { return type.node().in_memory; }

}  // namespace tairitsu::detail

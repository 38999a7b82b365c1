/// `Value::to`: converting a value to another type.

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/text.h"
#include "value/number.h"
#include "value/value_node.h"

namespace tairitsu {

namespace detail {
namespace {

std::string definition_of(const TypeNode& type) {
  return printable(type_of(type).definition(), kMaxTypeName);
}

std::unexpected<Error> wrong(std::string message) {
  return fail(ErrorCode::type_mismatch, std::move(message));
}

std::unexpected<Error> wrong_kind(const Value& value, const TypeNode& type) {
  const std::string wanted = type_name(type);
  if (value.is_empty()) return wrong(fmt::format("expected '{}', found no value", wanted));
  return wrong(fmt::format("expected '{}', found a value of type '{}'", wanted, type_name(value.type())));
}

Result<Value> inside(std::string_view place, Result<Value> result) {
  if (result) return result;
  return std::unexpected(result.error().with_context(place));
}

// ---- Numbers

template <typename T>
std::optional<Value> exactly(auto number) noexcept {
  using From = decltype(number);
  if constexpr (std::is_floating_point_v<T> && std::is_floating_point_v<From>) {
    if (std::isnan(number)) return Value(std::numeric_limits<T>::quiet_NaN());
    const auto converted = static_cast<T>(number);
    if (static_cast<From>(converted) == number) return Value(converted);
  } else if constexpr (std::is_floating_point_v<T>) {
    // Only integers of up to 53 (24) bits: a larger float may be the rounding of several.
    constexpr auto kMost = std::int64_t{1} << std::numeric_limits<T>::digits;
    if (std::cmp_less_equal(number, kMost) && std::cmp_greater_equal(number, -kMost)) {
      return Value(static_cast<T>(number));
    }
  } else if constexpr (std::is_integral_v<From>) {
    if (std::in_range<T>(number)) return Value(static_cast<T>(number));
  }
  return std::nullopt;
}

/// Returns the number as one of another kind if the conversion is exact.
std::optional<Value> number_as(const Value& value, TypeKind kind) noexcept {
  return with_number_type(kind, [&]<typename To>() {
    return with_number_type(value.kind(), [&]<typename From>() {
      return exactly<To>(number_in<From>(ValueAccess::bits(value)));
    });
  });
}

Result<Value> to_scalar(const Value& value, const TypeNode& type) {
  if (value.kind() == type.kind) return value;
  if (!is_number(value.kind()) || !is_number(type.kind)) return wrong_kind(value, type);
  if (auto number = number_as(value, type.kind)) return *std::move(number);
  const bool is_float = value.kind() == TypeKind::f32 || value.kind() == TypeKind::f64;
  return wrong(fmt::format("{}{} cannot be represented exactly as '{}'", value.to_string(),
                           is_float ? fmt::format(" of type '{}'", value.type().to_string()) : "",
                           type_of(type).to_string()));
}

// ---- Compound types

Result<Value> to_list(const Value& value, const TypeNode& type) {
  if (value.kind() != TypeKind::list) return wrong_kind(value, type);
  ListBuilder builder{type_of(type)};
  const std::size_t size = value.size();
  // Don't reserve all of it: the first element may not convert.
  builder.reserve(std::min(size, std::size_t{1} << 16U));
  for (std::size_t index = 0; index < size; ++index) builder.add(value[index]);
  return builder.build();
}

Result<Value> to_record(const Value& value, const TypeNode& type) {
  if (value.kind() != TypeKind::record) return wrong_kind(value, type);
  std::vector<Value> fields;
  fields.reserve(type.fields.size());
  std::size_t used = 0;
  for (const TypeField& field : type.fields) {
    const TypeNode& wanted = field.type->node();
    Value part;
    bool found = false;
    const TypeNode& own = *ValueAccess::type(value);
    for (std::size_t index = 0; index < own.fields.size() && !found; ++index) {
      if (own.fields[index].name != field.name) continue;
      part = value[index];
      found = true;
      ++used;
    }
    if (!found && wanted.kind == TypeKind::option) {
      fields.push_back(ValueAccess::make_case(wanted, 0));
      continue;
    }
    if (!found) return wrong(fmt::format("missing field '{}'", field.name));
    TAIRITSU_TRY(auto converted, inside(fmt::format("field '{}'", field.name), convert(part, wanted)));
    fields.push_back(std::move(converted));
  }
  if (used != value.size()) {
    for (const TypeField& given : ValueAccess::type(value)->fields) {
      if (std::ranges::none_of(type.fields,
                               [&](const TypeField& field) { return field.name == given.name; })) {
        return wrong(fmt::format("unknown field '{}' in '{}'", given.name, type_name(type)));
      }
    }
    return wrong("duplicate field");
  }
  return make_fields(type, std::move(fields));
}

Result<Value> in_order(const TypeNode& type, std::size_t count, auto&& get) {
  if (count != type.fields.size()) {
    return wrong(
        fmt::format("expected {} values for '{}', found {}", type.fields.size(), type_name(type), count));
  }
  std::vector<Value> fields;
  fields.reserve(count);
  for (std::size_t index = 0; index < count; ++index) {
    const std::string& name = type.fields[index].name;
    const std::string place =
        name.empty() ? fmt::format("element {}", index) : fmt::format("field '{}'", name);
    TAIRITSU_TRY(auto converted, inside(place, convert(get(index), *type.field(index))));
    fields.push_back(std::move(converted));
  }
  return make_fields(type, std::move(fields));
}

Result<Value> to_case(const Value& value, const TypeNode& type, std::uint32_t index) {
  const TypeNode* wanted = type.field(index);
  const bool has_payload = value.size() != 0 && !value.payload().is_empty();
  if (wanted == nullptr) {
    if (!has_payload) return ValueAccess::make_case(type, index);
    return wrong(fmt::format("case '{}' has no payload", value.case_name()));
  }
  if (!has_payload) {
    return wrong(
        fmt::format("case '{}' needs a payload of type '{}'", value.case_name(), type_name(*wanted)));
  }
  TAIRITSU_TRY(auto payload,
               inside(fmt::format("case '{}'", value.case_name()), convert(value.payload(), *wanted)));
  return ValueAccess::make_case(type, index, std::move(payload));
}

Result<Value> to_variant(const Value& value, const TypeNode& type) {
  // A string converts to the case of an enum that it names.
  const bool is_name = type.kind == TypeKind::enumeration && value.kind() == TypeKind::string;
  if (value.kind() != type.kind && !is_name) return wrong_kind(value, type);
  const std::string_view name = is_name ? value.text() : value.case_name();
  const auto found = std::ranges::find(type.fields, name, &TypeField::name);
  if (found == type.fields.end()) {
    return wrong(
        fmt::format("'{}' is not a case of '{}'", shortened(std::string(name), 200), definition_of(type)));
  }
  const auto index = static_cast<std::uint32_t>(found - type.fields.begin());
  if (type.kind == TypeKind::enumeration) return ValueAccess::make_case(type, index);
  return to_case(value, type, index);
}

Result<Value> to_option(const Value& value, const TypeNode& type) {
  if (value.kind() != TypeKind::option) return wrong_kind(value, type);
  if (ValueAccess::index(value) == 0) return ValueAccess::make_case(type, 0);
  TAIRITSU_TRY(auto payload, inside("some", convert(value.payload(), type.element())));
  return ValueAccess::make_case(type, 1, std::move(payload));
}

Result<Value> to_result(const Value& value, const TypeNode& type) {
  if (value.kind() != TypeKind::result) return wrong_kind(value, type);
  return to_case(value, type, ValueAccess::index(value));
}

Result<Value> to_flags(const Value& value, const TypeNode& type) {
  if (value.kind() != TypeKind::flags) return wrong_kind(value, type);
  if (std::max(type.fields.size(), ValueAccess::type(value)->fields.size()) > kMaxFlags) {
    return wrong(fmt::format("flags with more than {} labels are not supported", kMaxFlags));
  }
  std::uint64_t bits = 0;
  for (const std::string_view label : value.labels()) {
    const auto found = std::ranges::find(type.fields, label, &TypeField::name);
    if (found == type.fields.end()) {
      return wrong(fmt::format("'{}' is not a label of '{}'", label, definition_of(type)));
    }
    bits |= std::uint64_t{1} << (found - type.fields.begin());
  }
  return ValueAccess::immediate(TypeKind::flags, bits, &type);
}

/// A handle keeps its type: the engine knows its resource.
Result<Value> to_handle(const Value& value, const TypeNode& type) {
  if (value.kind() == TypeKind::own || value.kind() == type.kind) return value;
  return wrong_kind(value, type);
}

}  // namespace

Result<Value> convert(const Value& value, const TypeNode& type) {
  if (is_exactly(value, type)) return value;
  if (type.kind <= TypeKind::string) return to_scalar(value, type);
  if (!type.complete) return wrong(fmt::format("'{}' is an incomplete type", type_name(type)));
  const TypeNode* own = ValueAccess::type(value);
  if (own != nullptr && type.kind != TypeKind::own && type.kind != TypeKind::borrow && own->complete &&
      own->handle_count == 0 && type.kind != TypeKind::flags && type_of(*own) == type_of(type)) {
    return value;
  }
  switch (type.kind) {
    case TypeKind::list:
      return to_list(value, type);
    case TypeKind::record:
      return to_record(value, type);
    case TypeKind::tuple:
      if (value.kind() != TypeKind::tuple || (value.is_empty() && !type.fields.empty())) {
        return wrong_kind(value, type);
      }
      return in_order(type, value.size(), [&](std::size_t index) { return value[index]; });
    case TypeKind::variant:
    case TypeKind::enumeration:
      return to_variant(value, type);
    case TypeKind::option:
      return to_option(value, type);
    case TypeKind::result:
      return to_result(value, type);
    case TypeKind::flags:
      return to_flags(value, type);
    case TypeKind::own:
    case TypeKind::borrow:
      return to_handle(value, type);
    default:
      return wrong(fmt::format("values of '{}' are not supported", type_name(type)));
  }
}

}  // namespace detail

Result<Value> Value::to(const Type& type) const { return detail::convert(*this, type.node()); }

Result<Value> Value::record(const Type& type, std::span<const Value> fields) {
  const detail::TypeNode& node = type.node();
  if ((node.kind != TypeKind::record && node.kind != TypeKind::tuple) || !node.complete ||
      node.fields.empty()) {
    return detail::wrong(fmt::format("'{}' is not a record or tuple type", detail::type_name(type)));
  }
  return detail::in_order(node, fields.size(), [&](std::size_t index) { return fields[index]; });
}

}  // namespace tairitsu

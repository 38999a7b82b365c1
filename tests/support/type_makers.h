/// Short functions that create types, for tests of types, signatures and values.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tairitsu/type.h>

namespace tairitsu::test {

inline Type make(TypeKind kind, std::vector<TypeField> fields = {}, std::string name = {}) {
  return Type::make(kind, std::move(name), std::move(fields));
}
inline Type list(Type element) { return make(TypeKind::list, {{"", std::move(element)}}); }
inline Type option(Type payload) { return make(TypeKind::option, {{"", std::move(payload)}}); }
inline Type result(std::optional<Type> ok, std::optional<Type> error) {
  return make(TypeKind::result, {{"", std::move(ok)}, {"", std::move(error)}});
}
inline Type tuple(std::vector<Type> elements) {
  std::vector<TypeField> fields;
  for (Type& element : elements) fields.push_back({"", std::move(element)});
  return make(TypeKind::tuple, std::move(fields));
}
inline FunctionType function(std::vector<TypeField> parameters, std::optional<Type> result = {}) {
  return {.parameters = std::move(parameters), .result = std::move(result)};
}

inline const Type kBool = make(TypeKind::boolean);
inline const Type kS8 = make(TypeKind::s8);
inline const Type kU8 = make(TypeKind::u8);
inline const Type kU32 = make(TypeKind::u32);
inline const Type kS64 = make(TypeKind::s64);
inline const Type kU64 = make(TypeKind::u64);
inline const Type kF32 = make(TypeKind::f32);
inline const Type kF64 = make(TypeKind::f64);
inline const Type kChar = make(TypeKind::character);
inline const Type kString = make(TypeKind::string);
inline const Type kLevel = make(TypeKind::enumeration, {{"info", {}}, {"warning", {}}}, "level");

}  // namespace tairitsu::test

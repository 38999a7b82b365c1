/// A resolved WIT package: wit-parser's JSON as C++ structs, in which indices refer to types and interfaces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tairitsu/error.h>

namespace tairitsu::bindgen {

enum class TypeShape : std::uint8_t {
  primitive,  ///< Only in a `TypeRef`.
  alias,      ///< `type a = b`, or a name brought in by `use`.
  record,
  resource,
  own,
  borrow,
  flags,
  tuple,
  variant,
  enumeration,
  option,
  result,
  list,
  // Not supported by the runtime yet:
  map,
  fixed_length_list,
  future,
  stream,
};

/// A use of a type: a primitive's WIT name (`u32`, `string`, `error-context`), or an index into `Wit::types`.
struct TypeRef {
  std::string primitive;
  std::size_t id = 0;

  [[nodiscard]] bool is_primitive() const noexcept { return !primitive.empty(); }
};

/// A field, case, label, element or parameter. Elements have no name; labels and some cases have no type.
struct Member {
  std::string name;
  std::optional<TypeRef> type;
  std::string docs;
};

/// Where a type is defined: in an interface, in a world, or nowhere (an unnamed `list<u8>`).
enum class Owner : std::uint8_t { none, interface, world };

struct TypeDef {
  std::string name;  ///< Empty for an unnamed type.
  TypeShape shape = TypeShape::alias;
  Owner owner = Owner::none;
  std::size_t owner_id = 0;
  std::string docs;
  /// Fields, cases, labels or elements; the target of an alias, handle, option or list; `ok` and
  /// `error` of a result.
  std::vector<Member> members;
  std::uint32_t length = 0;  ///< Of a fixed-length list.
};

enum class FunctionKind : std::uint8_t { freestanding, method, static_method, constructor };

struct Function {
  std::string name;  ///< The name in components: `[method]basket.add`.
  FunctionKind kind = FunctionKind::freestanding;
  bool async = false;
  std::size_t resource = 0;  ///< The resource's type; unused for a freestanding function.
  std::vector<Member> parameters;
  std::optional<TypeRef> result;
  std::string docs;

  /// The name without brackets and resource: `add`. For a constructor, the resource's name.
  [[nodiscard]] std::string_view own_name() const;
};

struct Interface {
  std::string name;  ///< Empty if the interface is declared inline in a world.
  std::size_t package = 0;
  std::vector<std::size_t> types;
  std::vector<Function> functions;
  std::string docs;
};

/// One import or export of a world.
struct WorldItem {
  enum class Kind : std::uint8_t { interface, function, type };
  Kind kind = Kind::interface;
  std::string name;    ///< Empty for an interface that has its own name.
  std::size_t id = 0;  ///< The interface or type.
  Function function;
  std::string docs;
};

struct World {
  std::string name;
  std::size_t package = 0;
  std::vector<WorldItem> imports;
  std::vector<WorldItem> exports;
  std::string docs;
};

struct PackageName {
  std::string space;    ///< `wasi`
  std::string name;     ///< `http`
  std::string version;  ///< `0.2.12`, or empty.
};

struct Wit {
  std::vector<World> worlds;
  std::vector<Interface> interfaces;
  std::vector<TypeDef> types;
  std::vector<PackageName> packages;
  std::size_t world = 0;  ///< The selected world.
};

/// Reads the JSON that `resolve_wit` returns. Fails with `internal` if it does not have the expected form.
[[nodiscard]] Result<Wit> read_wit(std::string_view json);

}  // namespace tairitsu::bindgen

/// A resolved WIT package as the generator sees it: what wit-parser's JSON says, with indices kept.
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
  primitive,  ///< Of a `TypeRef` only.
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
  // What the runtime does not do yet.
  map,
  fixed_length_list,
  future,
  stream,
};

/// A type where it is used: a primitive's WIT name (`u32`, `string`, `error-context`), or an index
/// into `Package::types`.
struct TypeRef {
  std::string primitive;
  std::size_t id = 0;

  [[nodiscard]] bool is_primitive() const noexcept { return !primitive.empty(); }
};

/// A field, case, label, element or parameter; which of its parts it has depends on what it is of.
struct Member {
  std::string name;
  std::optional<TypeRef> type;
  std::string docs;
};

/// Who defined a type: an interface, a world, or nobody (`list<u8>` where it is used).
enum class Owner : std::uint8_t { none, interface, world };

struct TypeDef {
  std::string name;  ///< Empty where it has none.
  TypeShape shape = TypeShape::alias;
  Owner owner = Owner::none;
  std::size_t owner_id = 0;
  std::string docs;
  /// Fields, cases, labels or elements; the target of an alias, handle, option or list; `ok` and
  /// `error` of a result.
  std::vector<Member> members;
  std::uint32_t length = 0;  ///< Of a list of a fixed length.
};

enum class FunctionKind : std::uint8_t { freestanding, method, static_method, constructor };

struct Function {
  std::string name;  ///< As components have it: `[method]basket.add`.
  FunctionKind kind = FunctionKind::freestanding;
  bool async = false;
  std::size_t resource = 0;  ///< The resource's type, but for a freestanding function.
  std::vector<Member> parameters;
  std::optional<TypeRef> result;
  std::string docs;

  /// Without brackets and resource: `add`; for a constructor the resource's name.
  [[nodiscard]] std::string_view own_name() const;
};

struct Interface {
  std::string name;  ///< Empty for one that is written inside its world.
  std::size_t package = 0;
  std::vector<std::size_t> types;
  std::vector<Function> functions;
  std::string docs;
};

/// One import or export of a world.
struct WorldItem {
  enum class Kind : std::uint8_t { interface, function, type };
  Kind kind = Kind::interface;
  std::string name;    ///< Of a function or type, and of an interface that is imported under a plain name.
  std::size_t id = 0;  ///< Of the interface or type.
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
  std::size_t world = 0;  ///< The chosen one.
};

/// Reads what `resolve_wit` gives. `internal` where it is not what it should be.
[[nodiscard]] Result<Wit> read_wit(std::string_view json);

}  // namespace tairitsu::bindgen

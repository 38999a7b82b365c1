/// WIT types, and what a component imports and exports.
///
/// Read from the component itself, so they are the truth that C++ signatures are checked against.
/// All of these are immutable values that share their data: cheap to copy, usable from any thread,
/// and independent of the `Image` they came from.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tairitsu/detail/shared.h>

namespace tairitsu {

namespace detail {
struct TypeNode;
void retain(const TypeNode* node) noexcept;
void release(const TypeNode* node) noexcept;
}  // namespace detail

enum class TypeKind : std::uint8_t {
  boolean,
  s8,
  u8,
  s16,
  u16,
  s32,
  u32,
  s64,
  u64,
  f32,
  f64,
  character,
  string,
  list,
  record,
  tuple,
  variant,
  enumeration,
  option,
  result,
  flags,
  own,
  borrow,
  // Known, printed, and refused when a function that uses one is bound:
  future,
  stream,
  error_context,
  map,
  fixed_length_list,
};

struct TypeField;

/// One WIT type. Compare with `==`: structural, names of fields and cases included, names of types not,
/// except that `own` and `borrow` of two resources differ.
class Type {
 public:
  [[nodiscard]] TypeKind kind() const noexcept;
  /// The name that its interface gives it (`item`), or empty. For `own` and `borrow` the resource's name.
  [[nodiscard]] const std::string& name() const noexcept;
  /// The interface that owns the resource, e.g. `example:shop/catalogue@1.2.0`; empty for other kinds.
  [[nodiscard]] const std::string& interface_name() const noexcept;
  /// Fields of a record, cases of a variant (a case may lack a type), labels of an enum or of flags
  /// (no types); for a tuple its elements, for a list, option, future or stream its one element,
  /// for a result the cases `ok` and `error`, for a map key and value: those have empty names where WIT has
  /// none. `result`, `future` and `stream` have them even where they carry no type.
  [[nodiscard]] const std::vector<TypeField>& fields() const noexcept;
  /// The length of a `list<u8, 4>`; 0 for other kinds.
  [[nodiscard]] std::uint32_t length() const noexcept;
  /// How many bytes a value takes in linear memory, and how it is aligned there. Source: `elem_size` and
  /// `alignment` in the component model's CanonicalABI.md. `UINT32_MAX` for what fits no memory.
  [[nodiscard]] std::uint32_t size() const noexcept;
  [[nodiscard]] std::uint32_t alignment() const noexcept;

  /// As WIT spells it where it is used: its name if it has one, else `list<u8>`, `tuple<u32, string>` …
  /// Text past 64 KiB is cut off with `…`, here and in the functions below: a small component can
  /// nest its types into megabytes of text.
  [[nodiscard]] std::string to_string() const;
  /// As WIT defines it: `record { id: u32, price: f64 }`. The same as `to_string()` for other kinds.
  [[nodiscard]] std::string definition() const;

  friend bool operator==(const Type& a, const Type& b) noexcept;

  /// Makes a type; `name` may be empty. For the traits of `describe.h` and for reading components.
  /// Where `fields()` says that fields have no names, or those of `result`, given names do not matter.
  static Type make(TypeKind kind, std::string name = {});
  static Type make(TypeKind kind, std::string name, std::vector<TypeField> fields,
                   std::string interface_name = {}, std::uint32_t length = 0);

  /// For the library's own layers.
  explicit Type(detail::SharedPointer<detail::TypeNode> node) noexcept : node_(std::move(node)) {}
  [[nodiscard]] const detail::TypeNode& node() const noexcept { return *node_; }

 private:
  detail::SharedPointer<detail::TypeNode> node_;
};

/// A field, case, label or element: its name (may be empty) and its type (may be absent).
struct TypeField {
  std::string name;
  std::optional<Type> type;
};

/// A function's type.
struct FunctionType {
  std::vector<TypeField> parameters;  ///< Every one has a name and a type.
  std::optional<Type> result;
  bool async = false;  ///< Declared `async func`.

  /// `func(level: level, message: string) -> u32`
  [[nodiscard]] std::string to_string() const;
  /// The same with every named type spelt out.
  [[nodiscard]] std::string definition() const;
};

struct FunctionItem {
  std::string
      name;  ///< As in WIT: `greet`, `[constructor]basket`, `[method]basket.add`, `[static]basket.merge`.
  FunctionType type;
};

struct TypeItem {
  std::string name;
  Type type;
};

/// A second name of a resource: `type name = resource`, or `use interface.{resource as name}`.
struct ResourceAlias {
  std::string name;
  std::string interface_name;  ///< The interface that owns the resource; empty for the world's root.
  std::string resource;        ///< Its name there.
};

/// An interface that a world imports or exports.
struct Interface {
  std::string name;  ///< `example:shop/catalogue@1.2.0`
  std::vector<FunctionItem> functions;
  std::vector<TypeItem> types;         ///< Named types, in WIT order, resources not among them.
  std::vector<std::string> resources;  ///< Names of the resources it defines or re-exports.
  std::vector<ResourceAlias> aliases =
      {};  ///< Those of `resources` that are not defined here under that name.
  std::vector<std::string> instances = {};  ///< Nested instances that have nothing to link.
};

/// What one side of a world has: interfaces, and items at the world's root.
struct WorldItems {
  std::vector<Interface> interfaces;
  std::vector<FunctionItem> functions;
  /// Of a component, exports only: the engine does not keep types imported at the root.
  std::vector<TypeItem> types;
  std::vector<std::string> resources;
  std::vector<ResourceAlias> aliases = {};  ///< Those of `resources` that are not defined at the root.
  /// Items of other kinds, e.g. `module "m"`, `instance "inner" in "a:b/c"`; they cannot be linked.
  std::vector<std::string> unsupported = {};
};

/// A component's world.
struct World {
  WorldItems imports;
  WorldItems exports;

  /// The world `root` of the package `root:component` as WIT, with the packages of its interfaces nested, as
  /// `wasm-tools component wit` prints it. `WitLoader::parse` reads it back, to equal types.
  ///
  /// An interface that is both imported and exported is there once, with all that either side has; comments
  /// say how they differ. What WIT cannot say is a comment too, such as a function that is not supported;
  /// types and resources that a component exports at its root become the world's own. A type without a name
  /// gets one. Text past 16 MiB is cut off.
  [[nodiscard]] std::string to_string() const;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

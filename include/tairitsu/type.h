/// WIT types, and what a component imports and exports.
///
/// They are read from the component itself, and C++ signatures are checked against them. All are immutable values that
/// share their data: cheap to copy, usable from any thread, and independent of the `Image` that they came from.
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
  // Not supported in calls: binding a function that uses one of these fails with `unsupported_type`.
  future,
  stream,
  error_context,
  map,
  fixed_length_list,
};

struct TypeField;

/// A WIT type. `==` compares structure: it considers the names of fields and cases, but not the names of types, except
/// that `own` and `borrow` of different resources differ.
class Type {
 public:
  [[nodiscard]] TypeKind kind() const noexcept;
  /// Returns the name that its interface gives it (`item`), or empty; for `own` and `borrow` the resource's name.
  [[nodiscard]] const std::string& name() const noexcept;
  /// Returns the interface that owns the resource, e.g. `example:shop/catalogue@1.2.0`; empty for other kinds.
  [[nodiscard]] const std::string& interface_name() const noexcept;
  /// Returns the parts of the type; names that WIT does not have are empty:
  /// - record: its fields; variant: its cases, which may lack a type; enum and flags: the labels, without types;
  /// - tuple: its elements; list and option: the element; map: key and value;
  /// - result: the cases `ok` and `error`; future and stream: the element. These may lack a type.
  [[nodiscard]] const std::vector<TypeField>& fields() const noexcept;
  /// Returns the length of a fixed-length list, e.g. 4 for `list<u8, 4>`; 0 for other kinds.
  [[nodiscard]] std::uint32_t length() const noexcept;
  /// Returns the size and the alignment of a value in linear memory, in bytes. Source: `elem_size` and `alignment` in
  /// the component model's CanonicalABI.md. The size is `UINT32_MAX` if a value is too large for a memory.
  [[nodiscard]] std::uint32_t size() const noexcept;
  [[nodiscard]] std::uint32_t alignment() const noexcept;

  /// Returns the type as WIT refers to it: its name if it has one, else `list<u8>`, `tuple<u32, string>` and so on.
  /// Here and below, text is truncated with `…` at 64 KiB, because a small component can nest its types into megabytes
  /// of text.
  [[nodiscard]] std::string to_string() const;
  /// Returns the type as WIT defines it: `record { id: u32, price: f64 }`. Equals `to_string()` for other kinds.
  [[nodiscard]] std::string definition() const;

  friend bool operator==(const Type& a, const Type& b) noexcept;

  /// Creates a type; `name` may be empty. For the templates of describe.h and for reading components. Names of fields
  /// are ignored if the kind has none, or if it is `result`.
  static Type make(TypeKind kind, std::string name = {});
  static Type make(TypeKind kind, std::string name, std::vector<TypeField> fields,
                   std::string interface_name = {}, std::uint32_t length = 0);

  /// For internal use.
  explicit Type(detail::SharedPointer<detail::TypeNode> node) noexcept : node_(std::move(node)) {}
  [[nodiscard]] const detail::TypeNode& node() const noexcept { return *node_; }

 private:
  detail::SharedPointer<detail::TypeNode> node_;
};

/// A field, case, label or element. The name may be empty and the type absent.
struct TypeField {
  std::string name;
  std::optional<Type> type;
};

/// A function's type.
struct FunctionType {
  std::vector<TypeField> parameters;  ///< Each has a name and a type.
  std::optional<Type> result;
  bool async = false;  ///< Whether it is declared `async func`.

  /// Returns the type as WIT: `func(level: level, message: string) -> u32`.
  [[nodiscard]] std::string to_string() const;
  /// Returns the type as WIT, with the definition of each named type instead of its name.
  [[nodiscard]] std::string definition() const;
};

struct FunctionItem {
  /// As in WIT: `greet`, `[constructor]basket`, `[method]basket.add`, `[static]basket.merge`.
  std::string name;
  FunctionType type;
};

struct TypeItem {
  std::string name;
  Type type;
};

/// Another name of a resource: `type name = resource`, or `use interface.{resource as name}`.
struct ResourceAlias {
  std::string name;
  std::string interface_name;  ///< The interface that owns the resource; empty for the world's root.
  std::string resource;        ///< Its name there.
};

/// An interface that a world imports or exports.
struct Interface {
  std::string name;  ///< `example:shop/catalogue@1.2.0`
  std::vector<FunctionItem> functions;
  std::vector<TypeItem> types;              ///< Named types except resources, in WIT order.
  std::vector<std::string> resources;       ///< Names of the resources that it defines or re-exports.
  std::vector<ResourceAlias> aliases = {};  ///< The members of `resources` that are defined elsewhere.
  std::vector<std::string> instances = {};  ///< Nested instances, none of which have items to link.
};

/// The imports or the exports of a world: interfaces, and items at the world's root.
struct WorldItems {
  std::vector<Interface> interfaces;
  std::vector<FunctionItem> functions;
  /// For a component only the exported types: the engine does not keep types that are imported at the root.
  std::vector<TypeItem> types;
  std::vector<std::string> resources;
  std::vector<ResourceAlias> aliases = {};  ///< The members of `resources` that are defined elsewhere.
  /// Items of other kinds, e.g. `module "m"`, `instance "inner" in "a:b/c"`. They cannot be linked.
  std::vector<std::string> unsupported = {};
};

/// The imports and exports of a component.
struct World {
  WorldItems imports;
  WorldItems exports;

  /// Returns the world as WIT text: the world `root` of the package `root:component`, with the packages of its
  /// interfaces nested, as `wasm-tools component wit` prints it. `WitLoader::parse` reads the text and returns equal
  /// types. Text beyond 16 MiB is truncated.
  ///
  /// An interface that is both imported and exported appears once, with the items of both; comments describe the
  /// differences. Things that WIT cannot express, such as an unsupported function, appear as comments. Types and
  /// resources that a component exports at its root are declared in the world, and types without a name get one.
  [[nodiscard]] std::string to_string() const;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

/// What is in a file of WebAssembly: its WIT, what it needs, its parts, and what made them.
///
/// Nothing here compiles or runs what it reads, so that files may come from anybody. These functions keep
/// nothing between calls and may be called from any thread.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tairitsu/error.h>
#include <tairitsu/wit.h>

namespace tairitsu {

/// What some WebAssembly is.
enum class WasmKind : std::uint8_t {
  component,
  core_module,
  wit_package,  ///< WIT without code, encoded as a component.
  artifact,     ///< What `Image::precompile` made of a component.
};

/// `component`, `core-module`, `wit-package`, `artifact`. Valid for ever.
[[nodiscard]] std::string_view to_string(WasmKind kind) noexcept;

/// What is imported or exported. The last five are a core module's.
enum class ItemKind : std::uint8_t {
  interface,  ///< An instance, in the component model's words.
  world,      ///< Of an encoded WIT package only.
  function,
  resource,
  type,
  value,
  component,
  module,  ///< A module; also the module name that a core module imports items from.
  memory,
  table,
  global,
  tag,
};

/// The kind's name as it stands above. Valid for ever.
[[nodiscard]] std::string_view to_string(ItemKind kind) noexcept;

struct ItemInfo {
  std::string name;  ///< `wasi:io/streams@0.2.6`, `greet`; within an interface `[method]basket.add` too.
  ItemKind kind = ItemKind::function;
  /// A component's function as `FunctionType::to_string()` has it; empty where WIT cannot say it.
  std::string type = {};
  /// What an interface has, or what is imported from a module name. Empty for other kinds.
  std::vector<ItemInfo> items = {};
  /// Of an import: whether the runtime itself serves it, see `runtime_provides`. A core module's
  /// `wasi_snapshot_preview1` is served through the adapter that `componentize` adds.
  bool provided = false;
};

/// A tool or language that had a part in the making. Source: ProducersSection.md of WebAssembly's
/// tool-conventions.
struct Producer {
  std::string field;  ///< `language`, `processed-by` or `sdk`.
  std::string name;
  std::string version;  ///< May be empty.
};

/// What an author says: `authors`, `description`, `homepage`, `licenses`, `revision`, `source` or `version`.
struct Annotation {
  std::string name;
  std::string text;
};

struct CustomSection {
  std::string name;
  std::uint64_t size = 0;  ///< In bytes, without the name.
};

/// A component or core module as it stands in a file. Names, producers and annotations are what the file
/// says, unchecked.
struct PartInfo {
  WasmKind kind = WasmKind::component;
  std::string name = {};   ///< Its own, or the one that the component around it has for it; may be empty.
  std::uint64_t size = 0;  ///< In bytes, of the binary.
  std::vector<Producer> producers = {};
  std::vector<Annotation> annotations = {};
  std::vector<CustomSection> custom_sections = {};
  std::vector<PartInfo> parts = {};  ///< The components and modules in it, in the file's order.
};

struct ComponentInfo {
  /// The file as a whole, with its kind. An encoded WIT package has the package's name; an artifact has
  /// its own size, and no parts.
  PartInfo root;
  /// As `Image::digest()`: `sha256:` and 64 hexadecimal digits, of the binary; of an artifact, of the
  /// component that it was made from.
  std::string digest;
  std::uint64_t source_size = 0;  ///< The size of the component that an artifact was made from; else 0.
  /// What it imports and exports. None are known of an artifact; those of an encoded WIT package are its
  /// interfaces and worlds, as exports.
  std::vector<ItemInfo> imports;
  std::vector<ItemInfo> exports;
  /// The highest version that it imports of each release of WASI, lowest first: `0.2.6`. `0.1` stands for a
  /// core module's preview 1. Empty where it needs no WASI.
  std::vector<std::string> wasi_versions;
};

/// Tells what is in a component, a core module, an encoded WIT package, binary or text, or a precompiled
/// artifact. Types are checked, the bodies of functions are not.
///
/// Fails with `not_wasm`, with `invalid_component` for what is damaged or too large to be told (64 MiB of
/// names, components nested 100 deep), or with `artifact_damaged`.
[[nodiscard]] Result<ComponentInfo> inspect_component(std::span<const std::byte> bytes);

/// The WIT of a component, of a core module that was linked with guest bindings, or of an encoded WIT
/// package, binary or text. A component's is the world `root` of the package `root:component`, with the
/// packages that it uses nested. `WitLoader::parse` reads it where the component was made from WIT; one made
/// by hand may use types without the names that WIT would want.
///
/// Fails as `inspect_component` does, with `invalid_component` also for what WIT cannot say, with
/// `is_core_module` for one that carries no WIT, and with `not_wasm` for an artifact.
[[nodiscard]] Result<std::string> component_wit(std::span<const std::byte> bytes);

/// The binary of component or module text; a binary is answered as it is. Fails with `not_wasm`.
[[nodiscard]] Result<std::vector<std::byte>> to_wasm_binary(std::span<const std::byte> bytes);

/// The same as `component_wit` of WIT itself: the package that `source` has, resolved, with those that it uses nested. What
/// `source.features` does not take in is left out; `source.world` does not matter.
///
/// Fails with `io`, or with `invalid_argument` for a mistake in the WIT; the message shows the place.
[[nodiscard]] Result<std::string> resolved_wit(const WitSource& source);

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

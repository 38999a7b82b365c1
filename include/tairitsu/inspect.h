/// Inspecting a WebAssembly file: its WIT, imports, exports, parts, and the tools that made it.
///
/// Nothing is compiled or run, so the files may be untrusted. You may call these functions from any thread.
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

/// The kind of a WebAssembly file, or of a part of one.
enum class WasmKind : std::uint8_t {
  component,
  core_module,
  wit_package,  ///< WIT without code, encoded as a component.
  artifact,     ///< A component that `Image::precompile` compiled.
};

/// Returns `component`, `core-module`, `wit-package` or `artifact`. The text is static.
[[nodiscard]] std::string_view to_string(WasmKind kind) noexcept;

/// The kind of an import or export. The last five occur in core modules.
enum class ItemKind : std::uint8_t {
  interface,  ///< The component model calls it an instance.
  world,      ///< Only in an encoded WIT package.
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

/// Returns the kind's name as written above. The text is static.
[[nodiscard]] std::string_view to_string(ItemKind kind) noexcept;

struct ItemInfo {
  std::string name;  ///< E.g. `wasi:io/streams@0.2.6`, `greet`, or `[method]basket.add` in an interface.
  ItemKind kind = ItemKind::function;
  /// The type of a component's function, as `FunctionType::to_string()` returns it; empty if WIT cannot express it.
  std::string type = {};
  /// The items of an interface, or those that are imported from a module name; empty for other kinds.
  std::vector<ItemInfo> items = {};
  /// For an import: whether the runtime itself provides it, see `runtime_provides`. It provides a core module's
  /// `wasi_snapshot_preview1` through the adapter that `componentize` adds.
  bool provided = false;
};

/// A tool or language that was used to make the file. Source: ProducersSection.md of WebAssembly's tool-conventions.
struct Producer {
  std::string field;  ///< `language`, `processed-by` or `sdk`.
  std::string name;
  std::string version;  ///< May be empty.
};

/// The author's metadata: `authors`, `description`, `homepage`, `licenses`, `revision`, `source` or `version`.
struct Annotation {
  std::string name;
  std::string text;
};

struct CustomSection {
  std::string name;
  std::uint64_t size = 0;  ///< In bytes, without the name.
};

/// A component or core module in a file. Names, producers and annotations are the file's own claims and are not
/// verified.
struct PartInfo {
  WasmKind kind = WasmKind::component;
  std::string name = {};   ///< Its own name, or the name that the enclosing component gives it; may be empty.
  std::uint64_t size = 0;  ///< The size of the binary in bytes.
  std::vector<Producer> producers = {};
  std::vector<Annotation> annotations = {};
  std::vector<CustomSection> custom_sections = {};
  std::vector<PartInfo> parts = {};  ///< Its nested components and modules, in the file's order.
};

struct ComponentInfo {
  /// The file as a whole. For an encoded WIT package the name is the package's; an artifact has its own size and no
  /// parts.
  PartInfo root;
  /// The digest of the binary, like `Image::digest()`: `sha256:` and 64 hexadecimal digits. For an artifact, the digest
  /// of the component that it was compiled from.
  std::string digest;
  std::uint64_t source_size =
      0;  ///< For an artifact, the size of the component that it was compiled from; else 0.
  /// The imports and exports. An artifact has none; those of an encoded WIT package are its interfaces and worlds, as
  /// exports.
  std::vector<ItemInfo> imports;
  std::vector<ItemInfo> exports;
  /// For each release of WASI that the file imports, the highest version, lowest release first: `0.2.6`. `0.1` means a
  /// core module's preview 1. Empty if the file does not need WASI.
  std::vector<std::string> wasi_versions;
};

/// Returns what a component, a core module or an encoded WIT package (binary or text), or a precompiled artifact
/// contains. Types are validated; function bodies are not.
///
/// Fails with `not_wasm`, with `invalid_component` if the file is damaged or too large to inspect (64 MiB of names,
/// components nested 100 deep), or with `artifact_damaged`.
[[nodiscard]] Result<ComponentInfo> inspect_component(std::span<const std::byte> bytes);

/// Returns the WIT of a component, of a core module that was linked with guest bindings, or of an encoded WIT package,
/// binary or text. The WIT of a component is the world `root` of the package `root:component`, with the packages that
/// it uses nested. `WitLoader::parse` can read it if the component was built from WIT; handwritten components may use
/// types without the names that WIT requires.
///
/// Fails like `inspect_component`, with `invalid_component` also if WIT cannot express the component, with
/// `is_core_module` for a core module that carries no WIT, and with `not_wasm` for an artifact.
[[nodiscard]] Result<std::string> component_wit(std::span<const std::byte> bytes);

/// Returns the binary of a component or module that may be text. Fails with `not_wasm`.
[[nodiscard]] Result<std::vector<std::byte>> to_wasm_binary(std::span<const std::byte> bytes);

/// Returns the resolved WIT of a package in source form, with the packages that it uses nested. Items of features that
/// are not in `source.features` are left out; `source.world` is ignored.
///
/// Fails with `io`, or with `invalid_argument` if the WIT is invalid; the message shows the place.
[[nodiscard]] Result<std::string> resolved_wit(const WitSource& source);

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

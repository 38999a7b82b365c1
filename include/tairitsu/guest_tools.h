/// Tools for authors of guests: generate C and C++ bindings, and convert a core module to a component.
///
/// The commands `tairitsu bindgen guest` and `tairitsu componentize` call these functions. You may call them from any
/// thread.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <tairitsu/error.h>
#include <tairitsu/wit.h>

namespace tairitsu {

/// The kind of component that a core module is converted to.
enum class ModuleKind : std::uint8_t {
  detect,   ///< A command if the module exports `_start`, else a reactor.
  reactor,  ///< A component whose exports are called.
  command,  ///< A component with `wasi:cli/run`, which calls the module's `_start`.
};

/// A module that implements the imports of one module name with a component's imports.
struct ModuleAdapter {
  std::string name;  ///< The module name that it implements, e.g. `wasi_snapshot_preview1`.
  std::vector<std::byte> module;
};

struct ComponentizeOptions {
  ModuleKind kind = ModuleKind::detect;
  /// The world that the module implements. If `path` is empty, the world that is embedded in the module.
  WitSource wit = {};
  /// Additional adapters. One for WASI preview 1 replaces the built-in one.
  std::vector<ModuleAdapter> adapters = {};
};

/// Converts the binary of a core module to a component and validates it. The module must have been linked with the
/// `…_component_type.o` of guest bindings, or `options.wit` must name its world, or it must be a plain WASI preview 1
/// program. Imports of WASI preview 1 are adapted to WASI 0.2.
///
/// Fails with `not_wasm`, `is_component`, `invalid_component` if the module does not match its world (the message says
/// where), or like `resolve_wit`.
[[nodiscard]] Result<std::vector<std::byte>> componentize(std::span<const std::byte> module,
                                                          const ComponentizeOptions& options = {});

/// A language that guest bindings are generated for.
enum class GuestLanguage : std::uint8_t { c, cpp };

struct GuestBindingsOptions {
  GuestLanguage language = GuestLanguage::cpp;
  WitSource wit;
};

struct GeneratedFile {
  std::string name;  ///< A plain file name, e.g. `greeter_cpp.h`.
  std::vector<std::byte> contents;
};

/// Generates guest bindings. For a world `greeter` these are the files `greeter.h`, `greeter.c` and
/// `greeter_component_type.o` for C, or `greeter_cpp.h`, `greeter.cpp`, `greeter_component_type.o` and `wit.h` for C++.
/// A C++ guest that exports a resource also gets `exports-….h.template` for its class: copy it to `exports-….h`, which
/// the other files include, and complete it.
///
/// Fails like `resolve_wit`, or with `unsupported_type`.
[[nodiscard]] Result<std::vector<GeneratedFile>> generate_guest_bindings(const GuestBindingsOptions& options);

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

/// What the author of a guest needs: bindings for C and C++, and a component out of a core module.
///
/// `tairitsu bindgen guest` and `tairitsu componentize` are these functions. They keep nothing
/// between calls and may be called from any thread.
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

/// What a core module becomes.
enum class ModuleKind : std::uint8_t {
  detect,   ///< A command where it exports `_start`, else a reactor.
  reactor,  ///< A component whose exports are called.
  command,  ///< A component with `wasi:cli/run`, which calls the module's `_start`.
};

/// A module that implements the imports of one module name in terms of a component's.
struct ModuleAdapter {
  std::string name;  ///< The module name that it implements, e.g. `wasi_snapshot_preview1`.
  std::vector<std::byte> module;
};

struct ComponentizeOptions {
  ModuleKind kind = ModuleKind::detect;
  /// The world that the module implements. Without a path it is the one that the module carries.
  WitSource wit = {};
  /// More adapters. One for WASI preview 1 takes the place of the built-in one.
  std::vector<ModuleAdapter> adapters = {};
};

/// Makes a component from a core module in binary form, and validates it. The module was linked with
/// the `…_component_type.o` of guest bindings, or its world is given, or it is a plain WASI preview 1
/// program. What it imports of WASI preview 1 is adapted to WASI 0.2.
///
/// Fails with `not_wasm`, with `is_component`, with `invalid_component` and what does not fit, or for
/// the WIT as `resolve_wit` does.
[[nodiscard]] Result<std::vector<std::byte>> componentize(std::span<const std::byte> module,
                                                          const ComponentizeOptions& options = {});

/// A language that guest bindings are generated for.
enum class GuestLanguage : std::uint8_t { c, cpp };

struct GuestBindingsOptions {
  GuestLanguage language = GuestLanguage::cpp;
  /// Where the WIT is, see `WitSource`.
  WitSource wit;
};

struct GeneratedFile {
  std::string name;  ///< A plain file name, e.g. `greeter_cpp.h`.
  std::vector<std::byte> contents;
};

/// Generates guest bindings: for a world `greeter` the files `greeter.h`, `greeter.c` and
/// `greeter_component_type.o`, or `greeter_cpp.h`, `greeter.cpp`, `greeter_component_type.o` and
/// `wit.h`. A C++ guest that exports a resource also gets `exports-….h.template` for its class:
/// copy it to `exports-….h`, where the other files look for it, and fill it in.
///
/// Fails with `io`, with `invalid_argument` for a mistake in the WIT (the message shows the place),
/// with `not_found` for a world that is not there or has to be chosen, or with `unsupported_type`.
[[nodiscard]] Result<std::vector<GeneratedFile>> generate_guest_bindings(const GuestBindingsOptions& options);

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

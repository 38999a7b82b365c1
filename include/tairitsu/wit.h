/// WIT as text: where it is, and how it is read.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <tairitsu/error.h>

namespace tairitsu {

/// WIT on disk, and the world in it that is meant.
struct WitSource {
  /// A `.wit` file; a folder of them with the packages that they use in `deps/`; or a folder that holds
  /// such a folder as `wit/`.
  std::filesystem::path path;
  /// The world: its name, or `ns:pkg/name@1.2.3` for one of another package. Empty for the only one.
  std::string world = {};
  /// The `@unstable` features to take in, separated by commas; `*` for all of them.
  std::string features = {};
};

/// Reads and resolves WIT, for tools that work on it. Gives a JSON object: `resolve` is what the crate
/// `wit-parser` (and `wasm-tools component wit --json`) writes of it, `world` an index into its worlds.
///
/// Fails with `io`, with `invalid_argument` for a mistake in the WIT (the message shows the place), or
/// with `not_found` for a world that is not there or has to be chosen (listing those there are).
[[nodiscard]] Result<std::string> resolve_wit(const WitSource& source);

/// Whether the runtime itself implements an imported interface, e.g. `wasi:io/streams@0.2.9`.
[[nodiscard]] bool runtime_provides(std::string_view interface) noexcept;

}  // namespace tairitsu

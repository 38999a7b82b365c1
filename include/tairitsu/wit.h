/// Reading WIT text: packages on disk, and the worlds and interfaces in them with their types.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tairitsu/error.h>
#include <tairitsu/type.h>

namespace tairitsu {

/// A WIT package on disk, and a world in it.
struct WitSource {
  /// A `.wit` file; a directory of `.wit` files, with the packages that they use in `deps/`; or a directory that
  /// contains such a directory as `wit/`.
  std::filesystem::path path;
  /// The name of the world, or `ns:pkg/name@1.2.3` for one of another package; empty for the package's only world.
  std::string world = {};
  /// The `@unstable` features to enable, separated by commas; `*` for all of them.
  std::string features = {};
};

/// Reads and resolves WIT, for tools that process it. Returns a JSON object: `resolve` is the output of the crate
/// `wit-parser` (and of `wasm-tools component wit --json`), and `world` is an index into its worlds.
///
/// Fails with `io`, with `invalid_argument` if the WIT is invalid (the message shows the place), or with `not_found` if
/// the world does not exist or must be chosen (the message lists the worlds).
[[nodiscard]] Result<std::string> resolve_wit(const WitSource& source);

/// A world of a WIT package.
struct WitWorld {
  std::string name;  ///< `example:shop/shop@1.2.0`
  std::string docs;  ///< The documentation comment, without the slashes; may be empty.
  World world;
};

/// An interface of a WIT package.
struct DocumentedInterface {
  std::string docs;  ///< The documentation comment, without the slashes; may be empty.
  Interface interface;
};

/// The worlds and interfaces of a WIT package, in the types that `Image::world()` uses for a component, so that you can
/// print, compare and look up items. An immutable value that shares its data: cheap to copy, usable from any thread,
/// and independent of the files.
///
/// A component built for a world exports everything that the world exports, but may import less than the world imports,
/// because unused imports are left out. Interfaces that a world's interfaces `use` are imports too, unless they are
/// exported. Unlike a component's world, this one includes the types that are imported at the root, and keeps the names
/// of types that are equal.
class WitLoader {
 public:
  /// Reads a WIT package; `path` and `features` are as in `WitSource`. Fails with `io`, or with `invalid_argument` if
  /// the WIT is invalid or nests types more than 200 deep, which no component can do; the message shows the place.
  [[nodiscard]] static Result<WitLoader> load(const std::filesystem::path& path,
                                              std::string_view features = {});

  /// Parses the text of a `.wit` file that contains the packages that it uses as `package a:b { … }`, such as the
  /// result of `World::to_string()`. Messages call the file `wit`. Fails with `invalid_argument` like `load`.
  [[nodiscard]] static Result<WitLoader> parse(std::string_view text, std::string_view features = {});

  /// Returns the name of the package: `example:shop@1.2.0`.
  [[nodiscard]] const std::string& package() const noexcept;
  /// Returns the package's worlds, or its named interfaces, without those of the packages that it uses. Valid while a
  /// copy of this loader exists.
  [[nodiscard]] const std::vector<WitWorld>& worlds() const noexcept;
  [[nodiscard]] const std::vector<DocumentedInterface>& interfaces() const noexcept;

  /// Returns a world: `shop`, or `ns:pkg/shop@1.2.3` for one of any package that was read. The version is optional if
  /// only one matches. An empty name means the package's only world. Fails with `not_found`; the message lists the
  /// worlds.
  [[nodiscard]] Result<WitWorld> world(std::string_view name = {}) const;
  /// Returns an interface by its name, like `world`.
  [[nodiscard]] Result<DocumentedInterface> interface(std::string_view name) const;

 private:
  struct Data;
  explicit WitLoader(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  [[nodiscard]] static Result<WitLoader> read(std::string_view json);
  std::shared_ptr<const Data> data_;
};

/// Returns whether the runtime itself implements an imported interface, e.g. `wasi:io/streams@0.2.9`.
[[nodiscard]] bool runtime_provides(std::string_view interface) noexcept;

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

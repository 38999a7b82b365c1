/// WIT as text: where it is, how it is read, and the worlds and interfaces in it with their types.
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

/// A world as WIT has it.
struct WitWorld {
  std::string name;  ///< `example:shop/shop@1.2.0`
  std::string docs;  ///< Its documentation, without the slashes; may be empty.
  World world;
};

/// An interface as WIT has it, of a world or of none.
struct DocumentedInterface {
  std::string docs;  ///< Its documentation, without the slashes; may be empty.
  Interface interface;
};

/// Reads WIT, and has its worlds and interfaces as `Image::world()` has those of a component: in the same
/// types, to be printed, compared, or looked up. An immutable value that shares its data: cheap to copy,
/// usable from any thread, and independent of the files.
///
/// A component built for a world imports at most what this says (what it does not use is left out) and
/// exports all of it. What the interfaces of a world `use` is imported by it too, where it is not exported.
/// More is known here than of a component: the types that a world imports at its root, and the name of
/// each type where two are alike.
class WitLoader {
 public:
  /// Reads `path`, taking in `features`, as `WitSource` says of both. Fails with `io`, or with
  /// `invalid_argument` for a mistake in the WIT; the message shows the place. So does a type that is
  /// nested deeper than 200 types: no component can have it.
  [[nodiscard]] static Result<WitLoader> load(const std::filesystem::path& path,
                                              std::string_view features = {});

  /// Reads the text of a `.wit` file, which has the packages that it uses in itself, as
  /// `package a:b { … }`: what `World::to_string()` gives, for one. Messages call it `wit`.
  [[nodiscard]] static Result<WitLoader> parse(std::string_view text, std::string_view features = {});

  /// The package that was asked for: `example:shop@1.2.0`.
  [[nodiscard]] const std::string& package() const noexcept;
  /// Its worlds and its named interfaces, without those of the packages that it uses. Valid as long as
  /// any copy of this loader.
  [[nodiscard]] const std::vector<WitWorld>& worlds() const noexcept;
  [[nodiscard]] const std::vector<DocumentedInterface>& interfaces() const noexcept;

  /// The world of that name: `shop`, or of any package that was read `ns:pkg/shop@1.2.3`, where the version
  /// may be left out if only one fits. Empty for the package's only world. Fails with `not_found`, listing
  /// the worlds there are.
  [[nodiscard]] Result<WitWorld> world(std::string_view name = {}) const;
  /// The same of an interface.
  [[nodiscard]] Result<DocumentedInterface> interface(std::string_view name) const;

 private:
  struct Data;
  explicit WitLoader(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  [[nodiscard]] static Result<WitLoader> read(std::string_view json);
  std::shared_ptr<const Data> data_;
};

/// Whether the runtime itself implements an imported interface, e.g. `wasi:io/streams@0.2.9`.
[[nodiscard]] bool runtime_provides(std::string_view interface) noexcept;

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

/// The registry: images and containers by name, as a daemon keeps them.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tairitsu/container.h>
#include <tairitsu/engine.h>
#include <tairitsu/error.h>
#include <tairitsu/image.h>
#include <tairitsu/image_store.h>

namespace tairitsu {

namespace detail {
class RegistryImages;
}

/// Keeps images and containers by name. Usable from any thread: reads do not wait for each other, and nobody
/// waits while an image compiles, a guest starts, a call runs or a disk is slow, but for those who ask for the
/// very image that is being loaded: it is loaded once.
///
/// An image is asked for by a **reference**: a name; a digest, alone or after a name and `@`; or the first four or
/// more digits of one, where these fit one image only. What it finds first is meant, in that order. Names of
/// images in a store are as `ImageStore` has them; all others are any text that is not empty.
///
/// Containers are in memory always, and handed out as shared pointers: one that is removed lives on until the last
/// holder lets go of it, stopped.
class Registry {
 public:
  /// Keeps its images in memory, without any disk.
  explicit Registry(Engine engine);
  /// Keeps its images in a store, which any others may use and change at the same time: their changes are seen
  /// with the next question. Compiled code is kept in `ImageStore::artifact_folder`, so that an image is compiled
  /// once for all processes, and in memory once it was asked for.
  Registry(Engine engine, ImageStore store);
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  ~Registry();

  /// Compiles a component or a core module, binary or text, as `CompilationCache::image` does, and keeps it under
  /// the name. Without exports and imports in its description those of the component are written there. Fails as
  /// that does, with a store as `ImageStore::add_image`, and with `already_exists` where the name is taken. Where
  /// another process gives it to an image at the same moment, the last one has it.
  [[nodiscard]] Result<Image> register_image(std::string_view name, std::span<const std::byte> bytes,
                                             const ImageDescription& description = {});
  /// Keeps an image that was made before. Only in memory: an image has no bytes that could be stored, so that a
  /// registry with a store fails with `invalid_argument`.
  [[nodiscard]] Result<Image> register_image(std::string_view name, Image image,
                                             const ImageDescription& description = {});

  /// The image, loaded, or compiled where its artifact is not kept. Once it was loaded this only looks up what the
  /// reference means now. Fails with `not_found` or `ambiguous_name`, and with a store as `ImageStore::find`,
  /// `ImageStore::read_component` and `CompilationCache::open` and `image` do.
  [[nodiscard]] Result<Image> image(std::string_view reference) const;

  struct ImageEntry {
    /// In memory its `digest` is that of the component, and `size` the binary's.
    StoredImage description;
    std::size_t containers = 0;  ///< How many containers of the registry are made of its component.
  };
  /// All images, ordered by name; nothing is compiled or loaded for it, so that the world is to be had from
  /// `image()`. Fails as `ImageStore::images`; in memory never.
  [[nodiscard]] Result<std::vector<ImageEntry>> images() const;

  /// Gives an image one more name. An image that had it loses it, and is gone where that was its last, as after
  /// `remove_image`; its containers live on. Fails as `image()` finds it, and for a name as `register_image`.
  [[nodiscard]] Result<void> tag(std::string_view reference, std::string_view name);
  /// Removes a name, or by digest an image. Fails with `not_found` or `ambiguous_name`, and unless forced with
  /// `in_use` where there are containers made of it, stopped ones too, or where it is meant by digest and has
  /// several names. Containers live on, here and in other processes, which nobody asks.
  [[nodiscard]] Result<void> remove_image(std::string_view reference, bool force = false);

  using Configure = std::function<ContainerBuilder(ContainerBuilder)>;
  /// Makes and starts a container of an image; `configure` gives its builder what it needs. Fails as `image()`, with
  /// `already_exists`, or as `ContainerBuilder::build`.
  [[nodiscard]] Result<std::shared_ptr<Container>> create_container(std::string_view name,
                                                                    std::string_view image_reference,
                                                                    const Configure& configure = {});

  struct RunOptions {
    std::string name = {};  ///< Empty: the image's short name and a number, `shop-1` for `ghcr.io/me/shop:2`.
    Configure configure = {};
  };
  struct RunningContainer {
    std::string name;
    std::shared_ptr<Container> container;
  };
  /// The same for a container whose name nobody has to think of. Fails as `create_container`.
  [[nodiscard]] Result<RunningContainer> run(std::string_view image_reference, const RunOptions& options);
  [[nodiscard]] Result<RunningContainer> run(std::string_view image_reference) {
    return run(image_reference, {});
  }

  /// Keeps a container that was made elsewhere.
  [[nodiscard]] Result<std::shared_ptr<Container>> hold(std::string_view name, Container container);
  /// Fails with `not_found`, listing the names there are.
  [[nodiscard]] Result<std::shared_ptr<Container>> container(std::string_view name) const;
  struct ContainerEntry {
    std::string name;
    std::string image_name;  ///< The reference it was made by; empty where it was made elsewhere.
    ContainerState state;
  };
  /// All containers, ordered by name.
  [[nodiscard]] std::vector<ContainerEntry> containers() const;
  /// Stops a container and keeps it. A call that runs in it is cut off, see `Container::stop`.
  [[nodiscard]] Result<void> stop_container(std::string_view name) const;
  /// Removes a container. A running one fails with `in_use` unless forced, which stops it.
  [[nodiscard]] Result<void> remove_container(std::string_view name, bool force = false);

 private:
  struct Held {
    std::string image_name;
    std::string component_digest;
    std::shared_ptr<Container> container;  // Null while it is being made.
  };
  /// Keep a name from being taken while what it stands for is made.
  class ImageReservation;
  class ContainerReservation;

  [[nodiscard]] std::size_t count_containers(std::string_view component_digest) const;
  [[nodiscard]] Error no_container(std::string_view name) const;  // With the lock held.

  const std::unique_ptr<detail::RegistryImages> images_;
  mutable std::shared_mutex mutex_;
  std::set<std::string, std::less<>> registering_;  // Names of images that are being made.
  std::map<std::string, Held, std::less<>> containers_;
  std::map<std::string, std::uint64_t, std::less<>> last_numbers_;  // By short name, for `run`.
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

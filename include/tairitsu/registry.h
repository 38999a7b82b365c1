/// The registry: named images and containers, for a daemon or another program that manages many of them.
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

/// Keeps images and containers by name. Usable from any thread: no thread waits while another one compiles an image,
/// starts a guest, calls one or waits for the disk. Threads that request the same image wait until it is loaded, once.
///
/// A **reference** identifies an image. It is resolved in this order: a name; a digest, which may follow a name and
/// `@`; the first four or more digits of a digest, if only one image matches. Names of images in a store are as
/// `ImageStore` describes; all other names are any non-empty text.
///
/// Containers are always kept in memory and shared: a container that is removed is stopped, and exists until its last
/// shared pointer is gone.
class Registry {
 public:
  /// Creates a registry that keeps its images in memory only.
  explicit Registry(Engine engine);
  /// Creates a registry that keeps its images in a store. Other processes may use and change the store; the next call
  /// sees their changes. Compiled code is cached in `ImageStore::artifact_directory`, so that an image is compiled once
  /// for all processes, and in memory once it has been used.
  Registry(Engine engine, ImageStore store);
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  ~Registry();

  /// Compiles a component or a core module, binary or text, like `CompilationCache::image`, and keeps it under the
  /// name. If the description has no exports and imports, those of the component are used. Fails with `already_exists`
  /// if the name is taken, like `CompilationCache::image`, and with a store also like `ImageStore::add_image`. If
  /// another process uses the name at the same moment, the last one wins.
  [[nodiscard]] Result<Image> register_image(std::string_view name, std::span<const std::byte> bytes,
                                             const ImageDescription& description = {});
  /// Keeps an existing image under the name. Fails with `already_exists` if the name is taken, and with
  /// `invalid_argument` if the registry has a store, because an image does not have the bytes to store.
  [[nodiscard]] Result<Image> register_image(std::string_view name, Image image,
                                             const ImageDescription& description = {});

  /// Returns an image, after loading it or compiling it if necessary. An image that is loaded already only costs the
  /// lookup of its reference. Fails with `not_found` or `ambiguous_name`, and with a store also like
  /// `ImageStore::find`, `ImageStore::read_component`, `CompilationCache::open` and `CompilationCache::image`.
  [[nodiscard]] Result<Image> image(std::string_view reference) const;

  struct ImageEntry {
    /// Without a store, `digest` is the component's digest and `size` the binary's size.
    StoredImage description;
    std::size_t containers =
        0;  ///< How many containers of the registry run this component, including stopped ones.
  };
  /// Returns all images, ordered by name, without loading them; use `image()` to obtain a world. Fails like
  /// `ImageStore::images`, and never without a store.
  [[nodiscard]] Result<std::vector<ImageEntry>> images() const;

  /// Gives an image another name. If a different image has the name, it loses it, and is removed if it was its last
  /// name; its containers stay. Fails like `image()` if the reference cannot be resolved, and with `invalid_argument`
  /// if the name is invalid.
  [[nodiscard]] Result<void> tag(std::string_view reference, std::string_view name);
  /// Removes a name, or, if the reference is a digest, an image. Fails with `not_found` or `ambiguous_name`, and unless
  /// forced with `in_use` if the registry has containers of the image (stopped ones too), or if the reference is a
  /// digest and the image has several names. Containers stay, and those of other processes are not checked.
  [[nodiscard]] Result<void> remove_image(std::string_view reference, bool force = false);

  using Configure = std::function<void(ContainerBuilder& builder)>;
  /// Creates and starts a container; `configure` sets up its builder. Fails like `image()`, with `already_exists` if
  /// the name is taken, or like `ContainerBuilder::build`.
  [[nodiscard]] Result<std::shared_ptr<Container>> create_container(std::string_view name,
                                                                    std::string_view image_reference,
                                                                    const Configure& configure = {});

  struct RunOptions {
    std::string name =
        {};  ///< If empty, the image's short name and a number: `shop-1` for `ghcr.io/me/shop:2`.
    Configure configure = {};
  };
  struct RunningContainer {
    std::string name;
    std::shared_ptr<Container> container;
  };
  /// Creates and starts a container whose name may be generated. Fails like `create_container`.
  [[nodiscard]] Result<RunningContainer> run(std::string_view image_reference, const RunOptions& options);
  [[nodiscard]] Result<RunningContainer> run(std::string_view image_reference) {
    return run(image_reference, {});
  }

  /// Keeps a container that you created; ownership passes to the registry. Fails with `already_exists` if the name is
  /// taken.
  [[nodiscard]] Result<std::shared_ptr<Container>> hold(std::string_view name, Container container);
  /// Returns a container. Fails with `not_found`; the message lists the names that exist.
  [[nodiscard]] Result<std::shared_ptr<Container>> container(std::string_view name) const;
  struct ContainerEntry {
    std::string name;
    std::string
        image_name;  ///< The reference that it was created from; empty for a container passed to `hold`.
    ContainerState state;
  };
  /// Returns all containers, ordered by name.
  [[nodiscard]] std::vector<ContainerEntry> containers() const;
  /// Stops a container and keeps it. Interrupts a running call, see `Container::stop`. Fails with `not_found`.
  [[nodiscard]] Result<void> stop_container(std::string_view name) const;
  /// Stops and removes a container. Fails with `not_found`, and unless forced with `in_use` if it is running.
  [[nodiscard]] Result<void> remove_container(std::string_view name, bool force = false);

 private:
  struct Held {
    std::string image_name;
    std::string component_digest;
    std::shared_ptr<Container> container;  // Null while it is being created.
  };
  // Reserve a name while the image or container is being created.
  class ImageReservation;
  class ContainerReservation;

  [[nodiscard]] std::size_t count_containers(std::string_view component_digest) const;
  [[nodiscard]] Error no_container(std::string_view name) const;  // With the lock held.

  const std::unique_ptr<detail::RegistryImages> images_;
  mutable std::shared_mutex mutex_;
  std::set<std::string, std::less<>> registering_;  // Names of images that are being added.
  std::map<std::string, Held, std::less<>> containers_;
  std::map<std::string, std::uint64_t, std::less<>> last_numbers_;  // By short name, for `run`.
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

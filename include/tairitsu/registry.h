/// The registry: images and containers by name, as a daemon keeps them.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tairitsu/container.h>
#include <tairitsu/engine.h>
#include <tairitsu/error.h>
#include <tairitsu/image.h>

namespace tairitsu {

/// Keeps images and containers by name, in memory. Usable from any thread: reads do not wait for each
/// other, and nobody waits while an image compiles, a guest starts or a call runs.
///
/// Names are any non-empty text. Containers are handed out as shared pointers: one that is removed
/// lives on until the last holder lets go of it, stopped.
class Registry {
 public:
  explicit Registry(Engine engine);
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// Compiles a component (binary or text) and keeps it. Fails as `Image::from_bytes`, and with
  /// `already_exists` where the name is taken.
  Result<Image> register_image(std::string_view name, std::span<const std::byte> bytes);
  /// Keeps an image that was made before.
  Result<Image> register_image(std::string_view name, Image image);
  /// Fails with `not_found`, listing the names there are.
  [[nodiscard]] Result<Image> image(std::string_view name) const;
  struct ImageEntry {
    std::string name;
    Image image;
    std::size_t containers;  ///< How many containers of the registry are made of it.
  };
  /// All images, ordered by name.
  [[nodiscard]] std::vector<ImageEntry> images() const;
  /// Removes an image. With containers made of it, stopped ones too, fails with `in_use` unless
  /// forced; those containers live on.
  Result<void> remove_image(std::string_view name, bool force = false);

  using Configure = std::function<ContainerBuilder(ContainerBuilder)>;
  /// Makes and starts a container of a registered image; `configure` gives its builder what it
  /// needs. Fails with `not_found`, `already_exists`, or as `ContainerBuilder::build`.
  Result<std::shared_ptr<Container>> create_container(std::string_view name, std::string_view image_name,
                                                      const Configure& configure = {});
  /// Keeps a container that was made elsewhere.
  Result<std::shared_ptr<Container>> hold(std::string_view name, Container container);
  /// Fails with `not_found`, listing the names there are.
  [[nodiscard]] Result<std::shared_ptr<Container>> container(std::string_view name) const;
  struct ContainerEntry {
    std::string name;
    std::string image_name;  ///< Empty where it was not made of a registered image.
    ContainerState state;
  };
  /// All containers, ordered by name.
  [[nodiscard]] std::vector<ContainerEntry> containers() const;
  /// Stops a container and keeps it. A call that runs in it is cut off, see `Container::stop`.
  Result<void> stop_container(std::string_view name) const;
  /// Removes a container. A running one fails with `in_use` unless forced, which stops it.
  Result<void> remove_container(std::string_view name, bool force = false);

 private:
  struct Held {
    std::string image_name;
    std::string digest;
    std::shared_ptr<Container> container;  // Null while it is being made.
  };
  /// Keeps a name from being taken while what it stands for is made.
  template <typename Map>
  class Reservation;

  [[nodiscard]] std::size_t count_containers(const Image& image) const;

  Engine engine_;
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<const Image>, std::less<>> images_;  // Null while compiling.
  std::map<std::string, Held, std::less<>> containers_;
};

}  // namespace tairitsu

/// The storage of a registry's images: in memory or in a store.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tairitsu/engine.h"
#include "tairitsu/error.h"
#include "tairitsu/image.h"
#include "tairitsu/image_store.h"

namespace tairitsu::detail {

/// Safe to use from any thread; the registry ensures that only one thread adds a given name at a time. Errors are
/// those that `Registry` documents, and name the image.
class RegistryImages {
 public:
  struct Found {
    StoredImage description;
    Image image;
  };

  RegistryImages() = default;
  RegistryImages(const RegistryImages&) = delete;
  RegistryImages& operator=(const RegistryImages&) = delete;
  virtual ~RegistryImages() = default;

  /// Returns whether an image has the name, so that adding another fails before it is compiled.
  [[nodiscard]] virtual Result<bool> is_taken(std::string_view name) const = 0;
  [[nodiscard]] virtual Result<Image> add(std::string_view name, std::span<const std::byte> bytes,
                                          const ImageDescription& description) = 0;
  [[nodiscard]] virtual Result<Image> add(std::string_view name, Image image,
                                          const ImageDescription& description) = 0;

  [[nodiscard]] virtual Result<StoredImage> find(std::string_view reference) const = 0;
  [[nodiscard]] virtual Result<Found> load(std::string_view reference) = 0;
  [[nodiscard]] virtual Result<std::vector<StoredImage>> list() const = 0;

  [[nodiscard]] virtual Result<void> tag(std::string_view reference, std::string_view name) = 0;
  [[nodiscard]] virtual Result<void> remove(std::string_view reference, bool force) = 0;
};

[[nodiscard]] std::unique_ptr<RegistryImages> make_images_in_memory(Engine engine);
[[nodiscard]] std::unique_ptr<RegistryImages> make_images_in_store(Engine engine, ImageStore store);

/// Adds the component's exports and imports to the description unless it has them.
[[nodiscard]] ImageDescription with_world(ImageDescription description, const World& world);

/// `no image 'shop'; available: stock, till`
[[nodiscard]] Error not_found_error(std::string_view kind, std::string_view name,
                                    const std::vector<std::string_view>& names);
[[nodiscard]] Error already_exists(std::string_view kind, std::string_view name);

}  // namespace tairitsu::detail

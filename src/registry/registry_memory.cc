#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/digest.h"
#include "image/manifest.h"
#include "registry/registry_images.h"
#include "tairitsu/compilation_cache.h"

namespace tairitsu::detail {

namespace {

class ImagesInMemory final : public RegistryImages {
 public:
  explicit ImagesInMemory(Engine engine) : engine_(std::move(engine)) {}

  [[nodiscard]] Result<bool> is_taken(std::string_view name) const override {
    const std::shared_lock lock(mutex_);
    return names_.contains(name);
  }

  Result<Image> add(std::string_view name, std::span<const std::byte> bytes,
                    const ImageDescription& description) override {
    auto image = CompilationCache().image(engine_, bytes);
    if (!image) return std::unexpected(image.error().with_context(fmt::format("image '{}'", name)));
    return add(name, *std::move(image), description);
  }

  Result<Image> add(std::string_view name, Image image, const ImageDescription& given) override {
    ImageDescription description = with_world(given, image.world());
    if (description.created.empty()) description.created = created_now();
    auto entry =
        std::make_shared<const Entry>(Entry{.image = image,
                                            .description = {.digest = image.digest(),
                                                            .names = {},
                                                            .component_digest = image.digest(),
                                                            .component_size = image.size(),
                                                            .size = image.size(),
                                                            .media_type = "application/wasm",
                                                            .created = std::move(description.created),
                                                            .author = std::move(description.author),
                                                            .os = "wasip2",
                                                            .exports = std::move(description.exports),
                                                            .imports = std::move(description.imports),
                                                            .target = std::move(description.target),
                                                            .annotations = std::move(description.annotations),
                                                            .problem = {}}});
    const std::scoped_lock lock(mutex_);
    // A tag may have taken the name in the meantime.
    if (!names_.try_emplace(std::string(name), std::move(entry)).second) {
      return std::unexpected(already_exists("image", name));
    }
    return image;
  }

  [[nodiscard]] Result<StoredImage> find(std::string_view reference) const override {
    const std::shared_lock lock(mutex_);
    TAIRITSU_TRY(const auto entry, resolve(reference));
    return describe(entry);
  }

  [[nodiscard]] Result<Found> load(std::string_view reference) override {
    const std::shared_lock lock(mutex_);
    TAIRITSU_TRY(const auto entry, resolve(reference));
    return Found{.description = describe(entry), .image = entry->image};
  }

  [[nodiscard]] Result<std::vector<StoredImage>> list() const override {
    const std::shared_lock lock(mutex_);
    std::map<const Entry*, std::size_t> places;
    std::vector<StoredImage> images;
    for (const auto& [name, entry] : names_) {
      const auto [place, is_new] = places.try_emplace(entry.get(), images.size());
      if (is_new) images.push_back(entry->description);
      images[place->second].names.push_back(name);
    }
    return images;
  }

  Result<void> tag(std::string_view reference, std::string_view name) override {
    EntryPtr replaced;  // Frees its code after the lock is released; likewise below.
    const std::scoped_lock lock(mutex_);
    TAIRITSU_TRY(auto entry, resolve(reference));
    replaced = std::exchange(names_[std::string(name)], std::move(entry));
    return {};
  }

  Result<void> remove(std::string_view reference, bool force) override {
    std::vector<EntryPtr> removed;
    const std::scoped_lock lock(mutex_);
    TAIRITSU_TRY(const auto image, resolve(reference));
    std::vector<std::string> names;
    if (names_.contains(reference)) {
      names.emplace_back(reference);
    } else {
      for (const auto& [name, entry] : names_) {
        if (entry->description.digest == image->description.digest) names.push_back(name);
      }
      if (names.size() > 1 && !force) {
        return fail(ErrorCode::in_use,
                    fmt::format("image {} has {} names: {}; remove them, or force the removal",
                                image->description.digest, names.size(), fmt::join(names, ", ")));
      }
    }
    for (const std::string& name : names) {
      const auto found = names_.find(name);
      removed.push_back(std::move(found->second));
      names_.erase(found);
    }
    return {};
  }

 private:
  struct Entry {
    Image image;
    StoredImage description;  ///< Without names, which are the keys of the map.
  };
  using EntryPtr = std::shared_ptr<const Entry>;

  /// Requires the lock.
  [[nodiscard]] Result<EntryPtr> resolve(std::string_view reference) const {
    if (const auto named = names_.find(reference); named != names_.end()) return named->second;
    EntryPtr match;
    if (const std::string_view digits = digits_in(reference); !digits.empty()) {
      for (const auto& [name, entry] : names_) {
        const std::string& digest = entry->description.digest;
        if (!hex_of(digest).starts_with(digits)) continue;
        if (match && match->description.digest != digest) {
          return fail(ErrorCode::ambiguous_name, fmt::format("'{}' matches {} and {}: give more digits",
                                                             reference, match->description.digest, digest));
        }
        match = entry;
      }
    }
    if (match) return match;
    std::vector<std::string_view> names;
    names.reserve(names_.size());
    for (const auto& [name, entry] : names_) names.push_back(name);
    return std::unexpected(not_found_error("image", reference, names));
  }

  [[nodiscard]] StoredImage describe(const EntryPtr& entry) const {
    StoredImage image = entry->description;
    for (const auto& [name, named] : names_) {
      if (named == entry) image.names.push_back(name);
    }
    return image;
  }

  const Engine engine_;
  mutable std::shared_mutex mutex_;
  std::map<std::string, EntryPtr, std::less<>> names_;
};

}  // namespace

std::unique_ptr<RegistryImages> make_images_in_memory(Engine engine) {
  return std::make_unique<ImagesInMemory>(std::move(engine));
}

}  // namespace tairitsu::detail

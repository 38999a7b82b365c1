#include <algorithm>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "registry/registry_images.h"
#include "tairitsu/compilation_cache.h"
#include "tairitsu/inspect.h"

namespace tairitsu::detail {

namespace {

/// Keeps a loaded image in memory while a reference that was used resolves to it.
class ImagesInStore final : public RegistryImages {
 public:
  ImagesInStore(Engine engine, ImageStore store) : engine_(std::move(engine)), store_(std::move(store)) {}

  [[nodiscard]] Result<bool> is_taken(std::string_view name) const override {
    const auto found = store_.find(name);
    // The name may have matched a digest.
    if (found) return std::ranges::find(found->names, name) != found->names.end();
    switch (found.error().code()) {
      case ErrorCode::not_found:
      case ErrorCode::ambiguous_name:
      // An unusable image may be replaced.
      case ErrorCode::digest_mismatch:
      case ErrorCode::invalid_manifest:
        return false;
      default:
        return std::unexpected(found.error());
    }
  }

  Result<Image> add(std::string_view name, std::span<const std::byte> bytes,
                    const ImageDescription& description) override {
    const auto with_name = [&](const Error& error) {
      return std::unexpected(error.with_context(fmt::format("image '{}'", name)));
    };
    const auto binary = to_wasm_binary(bytes);
    if (!binary) return with_name(binary.error());
    auto image = cached([&](const CompilationCache& cache) { return cache.image(engine_, *binary); });
    if (!image) return with_name(image.error());
    TAIRITSU_TRY(const auto stored, store_.add_image(name, *binary, with_world(description, image->world())));
    Loading dropped;
    {
      const std::scoped_lock lock(mutex_);
      std::promise<Result<Image>> done;
      done.set_value(*image);
      loaded_.insert_or_assign(stored.component_digest, done.get_future().share());
      dropped = remember(name, stored.component_digest);
    }
    return image;
  }

  Result<Image> add(std::string_view name, Image /*image*/,
                    const ImageDescription& /*description*/) override {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("image '{}': a compiled image cannot be stored: register the component's bytes", name));
  }

  [[nodiscard]] Result<StoredImage> find(std::string_view reference) const override {
    return store_.find(reference);
  }

  [[nodiscard]] Result<Found> load(std::string_view reference) override {
    auto stored = store_.find(reference);
    if (!stored) {
      if (stored.error().code() == ErrorCode::not_found) forget(reference);
      return std::unexpected(std::move(stored).error());
    }
    const auto image = load_once(*stored);
    if (!image) return std::unexpected(image.error());
    Loading dropped;
    {
      const std::scoped_lock lock(mutex_);
      dropped = remember(reference, stored->component_digest);
    }
    return Found{.description = *std::move(stored), .image = *image};
  }

  [[nodiscard]] Result<std::vector<StoredImage>> list() const override { return store_.images(); }

  Result<void> tag(std::string_view reference, std::string_view name) override {
    return store_.tag(reference, name);
  }

  Result<void> remove(std::string_view reference, bool force) override {
    TAIRITSU_TRY(const auto removal, store_.remove(reference, force));
    forget(reference);
    for (const std::string& name : removal.names) forget(name);
    return {};
  }

 private:
  /// An image that is loaded, or that another thread is loading.
  using Loading = std::shared_future<Result<Image>>;

  template <typename Load>
  [[nodiscard]] Result<Image> cached(Load load) const {
    TAIRITSU_TRY(const auto cache, CompilationCache::open(store_.artifact_directory()));
    return load(cache);
  }

  /// Loads an image; if another thread is loading it, waits for that thread and shares its result.
  Result<Image> load_once(const StoredImage& stored) {
    std::packaged_task<Result<Image>()> load([&] {
      // Also if loading throws, so that the next caller tries again.
      LoadGuard guard(*this, stored.component_digest);
      auto image =
          cached([&](const CompilationCache& cache) { return cache.image(engine_, store_, stored); });
      guard.done = image.has_value();
      return image;
    });
    Loading loading;
    bool first = false;
    {
      const std::scoped_lock lock(mutex_);
      const auto [place, is_new] = loaded_.try_emplace(stored.component_digest);
      if (is_new) place->second = load.get_future().share();
      loading = place->second;
      first = is_new;
    }
    if (first) load();
    return loading.get();
  }

  /// Remembers what a reference resolves to. Returns an image that no reference resolves to any more, to be freed
  /// after the lock is released. Requires the lock.
  [[nodiscard]] Loading remember(std::string_view reference, std::string_view component_digest) {
    auto known = resolved_.find(reference);
    if (known == resolved_.end()) known = resolved_.emplace(reference, component_digest).first;
    if (known->second == component_digest) return {};
    const std::string previous = std::exchange(known->second, component_digest);
    return drop_unless_used(previous);
  }

  void forget(std::string_view reference) {
    Loading dropped;
    const std::scoped_lock lock(mutex_);
    const auto known = resolved_.find(reference);
    if (known == resolved_.end()) return;
    const std::string previous = std::move(known->second);
    resolved_.erase(known);
    dropped = drop_unless_used(previous);
  }

  Loading drop_unless_used(const std::string& component_digest) {
    for (const auto& [reference, digest] : resolved_) {
      if (digest == component_digest) return {};
    }
    auto dropped = loaded_.extract(component_digest);
    return dropped ? std::move(dropped.mapped()) : Loading();
  }

  /// Forgets an image whose load did not finish.
  struct LoadGuard {
    LoadGuard(ImagesInStore& store_images, const std::string& component_digest)
        : images(store_images), digest(component_digest) {}
    LoadGuard(const LoadGuard&) = delete;
    LoadGuard& operator=(const LoadGuard&) = delete;
    ~LoadGuard() {
      if (done) return;
      const std::scoped_lock lock(images.mutex_);
      images.loaded_.erase(digest);
    }
    ImagesInStore& images;
    const std::string& digest;
    bool done = false;
  };

  const Engine engine_;
  ImageStore store_;
  std::mutex mutex_;
  std::map<std::string, Loading> loaded_;                     // By the component's digest.
  std::map<std::string, std::string, std::less<>> resolved_;  // The component's digest by reference.
};

}  // namespace

std::unique_ptr<RegistryImages> make_images_in_store(Engine engine, ImageStore store) {
  return std::make_unique<ImagesInStore>(std::move(engine), std::move(store));
}

}  // namespace tairitsu::detail

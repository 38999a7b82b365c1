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

/// What is loaded stays in memory for as long as a reference that was asked for means it.
class ImagesInStore final : public RegistryImages {
 public:
  ImagesInStore(Engine engine, ImageStore store) : engine_(std::move(engine)), store_(std::move(store)) {}

  [[nodiscard]] Result<bool> is_taken(std::string_view name) const override {
    const auto found = store_.find(name);
    // It may have been found by its digest.
    if (found) return std::ranges::find(found->names, name) != found->names.end();
    switch (found.error().code()) {
      case ErrorCode::not_found:
      case ErrorCode::ambiguous_name:
      // What cannot be used may be replaced.
      case ErrorCode::digest_mismatch:
      case ErrorCode::invalid_manifest:
        return false;
      default:
        return std::unexpected(found.error());
    }
  }

  Result<Image> add(std::string_view name, std::span<const std::byte> bytes,
                    const ImageDescription& description) override {
    const auto about = [&](const Error& error) {
      return std::unexpected(error.with_context(fmt::format("image '{}'", name)));
    };
    const auto binary = to_wasm_binary(bytes);
    if (!binary) return about(binary.error());
    auto image = cached([&](const CompilationCache& cache) { return cache.image(engine_, *binary); });
    if (!image) return about(image.error());
    TAIRITSU_TRY(const auto stored, store_.add_image(name, *binary, with_world(description, image->world())));
    Loading dropped;
    {
      const std::scoped_lock lock(mutex_);
      std::promise<Result<Image>> done;
      done.set_value(*image);
      loaded_.insert_or_assign(stored.component_digest, done.get_future().share());
      dropped = note(name, stored.component_digest);
    }
    return image;
  }

  Result<Image> add(std::string_view name, Image /*image*/,
                    const ImageDescription& /*description*/) override {
    return fail(ErrorCode::invalid_argument,
                fmt::format("image '{}': an image has no bytes that could be stored: register these", name));
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
      dropped = note(reference, stored->component_digest);
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
  /// An image that is there, or will be when the thread that loads it has it.
  using Loading = std::shared_future<Result<Image>>;

  template <typename Load>
  [[nodiscard]] Result<Image> cached(Load load) const {
    TAIRITSU_TRY(const auto cache, CompilationCache::open(store_.artifact_folder()));
    return load(cache);
  }

  /// Waits for whoever loads it already, and fails with it.
  Result<Image> load_once(const StoredImage& stored) {
    std::packaged_task<Result<Image>()> load([&] {
      // Also where it throws: the next one who asks tries it again then.
      Unfinished unfinished(*this, stored.component_digest);
      auto image =
          cached([&](const CompilationCache& cache) { return cache.image(engine_, store_, stored); });
      unfinished.done = image.has_value();
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

  /// Remembers what a reference means. Answers what nothing means any more, to be freed outside of the lock, which
  /// is held.
  [[nodiscard]] Loading note(std::string_view reference, std::string_view component_digest) {
    auto known = meanings_.find(reference);
    if (known == meanings_.end()) known = meanings_.emplace(reference, component_digest).first;
    if (known->second == component_digest) return {};
    const std::string before = std::exchange(known->second, component_digest);
    return drop_unless_meant(before);
  }

  void forget(std::string_view reference) {
    Loading dropped;
    const std::scoped_lock lock(mutex_);
    const auto known = meanings_.find(reference);
    if (known == meanings_.end()) return;
    const std::string before = std::move(known->second);
    meanings_.erase(known);
    dropped = drop_unless_meant(before);
  }

  Loading drop_unless_meant(const std::string& component_digest) {
    for (const auto& [reference, meaning] : meanings_) {
      if (meaning == component_digest) return {};
    }
    auto dropped = loaded_.extract(component_digest);
    return dropped ? std::move(dropped.mapped()) : Loading();
  }

  struct Unfinished {
    Unfinished(ImagesInStore& of, const std::string& of_digest) : images(of), digest(of_digest) {}
    Unfinished(const Unfinished&) = delete;
    Unfinished& operator=(const Unfinished&) = delete;
    ~Unfinished() {
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
  std::map<std::string, std::string, std::less<>> meanings_;  // Of references: the component's digest.
};

}  // namespace

std::unique_ptr<RegistryImages> make_images_in_store(Engine engine, ImageStore store) {
  return std::make_unique<ImagesInStore>(std::move(engine), std::move(store));
}

}  // namespace tairitsu::detail

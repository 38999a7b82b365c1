#include "tairitsu/registry.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/digest.h"
#include "registry/registry_images.h"

namespace tairitsu {

namespace detail {

Error not_found_error(std::string_view kind, std::string_view name,
                      const std::vector<std::string_view>& names) {
  return Error(ErrorCode::not_found,
               names.empty() ? fmt::format("no {} '{}'; there are no {}s", kind, name, kind)
                             : fmt::format("no {} '{}'; available: {}", kind, name, fmt::join(names, ", ")));
}

Error already_exists(std::string_view kind, std::string_view name) {
  return Error(ErrorCode::already_exists, fmt::format("{} '{}' already exists", kind, name));
}

ImageDescription with_world(ImageDescription description, const World& world) {
  const auto fill = [](std::vector<std::string>& names, const WorldItems& items) {
    if (!names.empty()) return;
    for (const Interface& interface : items.interfaces) names.push_back(interface.name);
    for (const FunctionItem& function : items.functions) names.push_back(function.name);
  };
  fill(description.exports, world.exports);
  fill(description.imports, world.imports);
  return description;
}

}  // namespace detail

namespace {

/// The digits of a digest in a container's name.
constexpr std::size_t kShownDigits = 12;

Result<void> check_name(std::string_view kind, std::string_view name) {
  if (!name.empty()) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("the name of the {} is empty", kind));
}

/// Returns `shop` for `ghcr.io/me/shop:1`. For a digest, uses a name of the image, or some digits if it has none.
std::string short_name(std::string_view reference, const StoredImage& image) {
  std::string_view name = reference;
  if (std::ranges::find(image.names, reference) == image.names.end()) {
    if (image.names.empty()) return std::string(detail::hex_of(image.digest).substr(0, kShownDigits));
    name = image.names.front();
  }
  name = name.substr(0, name.find('@'));
  if (const std::size_t slash = name.rfind('/'); slash != std::string_view::npos)
    name.remove_prefix(slash + 1);
  name = name.substr(0, name.find(':'));
  return name.empty() ? "container" : std::string(name);
}

}  // namespace

class Registry::ImageReservation {
 public:
  static Result<ImageReservation> make(Registry& registry, std::string_view name) {
    TAIRITSU_RETURN_IF_ERROR(check_name("image", name));
    {
      const std::scoped_lock lock(registry.mutex_);
      if (!registry.registering_.emplace(name).second) {
        return std::unexpected(detail::already_exists("image", name));
      }
    }
    ImageReservation reservation(registry, std::string(name));
    TAIRITSU_TRY(const bool taken, registry.images_->is_taken(name));
    if (taken) return std::unexpected(detail::already_exists("image", name));
    return reservation;
  }
  ImageReservation(ImageReservation&& other) noexcept
      : registry_(std::exchange(other.registry_, nullptr)), name_(std::move(other.name_)) {}
  ImageReservation& operator=(ImageReservation&&) = delete;
  ~ImageReservation() {
    if (registry_ == nullptr) return;
    const std::scoped_lock lock(registry_->mutex_);
    registry_->registering_.erase(name_);
  }

 private:
  ImageReservation(Registry& registry, std::string name) : registry_(&registry), name_(std::move(name)) {}
  Registry* registry_;
  std::string name_;
};

class Registry::ContainerReservation {
 public:
  /// Marks the image as in use while the container is being built.
  static Result<ContainerReservation> make(Registry& registry, std::string_view name, Held&& held) {
    TAIRITSU_RETURN_IF_ERROR(check_name("container", name));
    const std::scoped_lock lock(registry.mutex_);
    if (!registry.containers_.try_emplace(std::string(name), std::move(held)).second) {
      return std::unexpected(detail::already_exists("container", name));
    }
    return ContainerReservation(registry, std::string(name));
  }
  /// Reserves the first free name with the next number: `shop-1`.
  static ContainerReservation make_numbered(Registry& registry, std::string_view short_name, Held&& held) {
    const std::scoped_lock lock(registry.mutex_);
    std::uint64_t& last = registry.last_numbers_[std::string(short_name)];
    std::string name;
    do {
      name = fmt::format("{}-{}", short_name, ++last);
    } while (registry.containers_.contains(name));
    registry.containers_.emplace(name, std::move(held));
    return ContainerReservation(registry, std::move(name));
  }
  ContainerReservation(ContainerReservation&& other) noexcept
      : registry_(std::exchange(other.registry_, nullptr)), name_(std::move(other.name_)) {}
  ContainerReservation& operator=(ContainerReservation&&) = delete;
  ~ContainerReservation() {
    if (registry_ == nullptr) return;
    const std::scoped_lock lock(registry_->mutex_);
    registry_->containers_.erase(name_);
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  void commit(std::shared_ptr<Container> container) {
    const std::scoped_lock lock(registry_->mutex_);
    registry_->containers_.find(name_)->second.container = std::move(container);
    registry_ = nullptr;
  }
  /// Builds the container and commits it.
  Result<RunningContainer> start(const Image& image, const Configure& configure) {
    auto builder = Container::builder(image);
    if (configure) configure(builder);
    auto made = builder.build();
    if (!made) return std::unexpected(made.error().with_context(fmt::format("container '{}'", name_)));
    auto container = std::make_shared<Container>(*std::move(made));
    commit(container);
    return RunningContainer{.name = name_, .container = std::move(container)};
  }

 private:
  ContainerReservation(Registry& registry, std::string name) : registry_(&registry), name_(std::move(name)) {}
  Registry* registry_;
  std::string name_;
};

Registry::Registry(Engine engine) : images_(detail::make_images_in_memory(std::move(engine))) {}
Registry::Registry(Engine engine, ImageStore store)
    : images_(detail::make_images_in_store(std::move(engine), std::move(store))) {}
Registry::~Registry() = default;

// ---- Images

Result<Image> Registry::register_image(std::string_view name, std::span<const std::byte> bytes,
                                       const ImageDescription& description) {
  TAIRITSU_TRY(const auto reservation, ImageReservation::make(*this, name));
  return images_->add(name, bytes, description);
}

Result<Image> Registry::register_image(std::string_view name, Image image,
                                       const ImageDescription& description) {
  TAIRITSU_TRY(const auto reservation, ImageReservation::make(*this, name));
  return images_->add(name, std::move(image), description);
}

Result<Image> Registry::image(std::string_view reference) const {
  TAIRITSU_TRY(auto found, images_->load(reference));
  return std::move(found.image);
}

std::size_t Registry::count_containers(std::string_view component_digest) const {
  const std::shared_lock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(
      containers_, [&](const auto& entry) { return entry.second.component_digest == component_digest; }));
}

Result<std::vector<Registry::ImageEntry>> Registry::images() const {
  TAIRITSU_TRY(auto found, images_->list());
  std::vector<ImageEntry> entries;
  entries.reserve(found.size());
  for (StoredImage& image : found) {
    const std::size_t containers = count_containers(image.component_digest);
    entries.push_back({.description = std::move(image), .containers = containers});
  }
  return entries;
}

Result<void> Registry::tag(std::string_view reference, std::string_view name) {
  TAIRITSU_RETURN_IF_ERROR(check_name("image", name));
  return images_->tag(reference, name);
}

Result<void> Registry::remove_image(std::string_view reference, bool force) {
  // A container that starts after this check already has its image. An image that is not found may still be removed:
  // its manifest may be damaged in the store.
  if (const auto found = images_->find(reference); found && !force) {
    if (const std::size_t users = count_containers(found->component_digest); users != 0) {
      return fail(ErrorCode::in_use,
                  fmt::format("image '{}' has {} container{}: remove {} first, or force the removal",
                              reference, users, users == 1 ? "" : "s", users == 1 ? "it" : "them"));
    }
  }
  return images_->remove(reference, force);
}

// ---- Containers

Result<std::shared_ptr<Container>> Registry::create_container(std::string_view name,
                                                              std::string_view image_reference,
                                                              const Configure& configure) {
  TAIRITSU_RETURN_IF_ERROR(check_name("container", name));
  TAIRITSU_TRY(auto made, run(image_reference, {.name = std::string(name), .configure = configure}));
  return std::move(made.container);
}

Result<Registry::RunningContainer> Registry::run(std::string_view image_reference,
                                                 const RunOptions& options) {
  TAIRITSU_TRY(const auto found, images_->load(image_reference));
  Held held{.image_name = std::string(image_reference),
            .component_digest = found.description.component_digest,
            .container = nullptr};
  if (options.name.empty()) {
    return ContainerReservation::make_numbered(*this, short_name(image_reference, found.description),
                                               std::move(held))
        .start(found.image, options.configure);
  }
  TAIRITSU_TRY(auto reservation, ContainerReservation::make(*this, options.name, std::move(held)));
  return reservation.start(found.image, options.configure);
}

Result<std::shared_ptr<Container>> Registry::hold(std::string_view name, Container container) {
  auto held = std::make_shared<Container>(std::move(container));
  TAIRITSU_TRY(
      auto reservation,
      ContainerReservation::make(
          *this, name, {.image_name = {}, .component_digest = held->image().digest(), .container = nullptr}));
  reservation.commit(held);
  return held;
}

Result<std::shared_ptr<Container>> Registry::container(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = containers_.find(name);
  if (found != containers_.end() && found->second.container != nullptr) return found->second.container;
  return std::unexpected(no_container(name));
}

std::vector<Registry::ContainerEntry> Registry::containers() const {
  const std::shared_lock lock(mutex_);
  std::vector<ContainerEntry> entries;
  for (const auto& [name, held] : containers_) {
    if (held.container != nullptr) entries.push_back({name, held.image_name, held.container->state()});
  }
  return entries;
}

Error Registry::no_container(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const auto& [other, held] : containers_) {
    if (held.container != nullptr) names.push_back(other);
  }
  return detail::not_found_error("container", name, names);
}

Result<void> Registry::stop_container(std::string_view name) const {
  TAIRITSU_TRY(auto found, container(name));
  found->stop();
  return {};
}

Result<void> Registry::remove_container(std::string_view name, bool force) {
  std::shared_ptr<Container> removed;  // Frees its guest after the lock is released.
  {
    const std::scoped_lock lock(mutex_);
    const auto found = containers_.find(name);
    if (found == containers_.end() || found->second.container == nullptr) {
      return std::unexpected(no_container(name));
    }
    if (found->second.container->state() == ContainerState::running && !force) {
      return fail(ErrorCode::in_use,
                  fmt::format("container '{}' is running: stop it first, or force the removal", name));
    }
    removed = std::move(found->second.container);
    containers_.erase(found);
  }
  removed->stop();
  return {};
}

}  // namespace tairitsu

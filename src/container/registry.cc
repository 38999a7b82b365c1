#include "tairitsu/registry.h"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tairitsu {

namespace {

bool is_made(const std::shared_ptr<const Image>& image) { return image != nullptr; }
template <typename Held>
bool is_made(const Held& held) {
  return held.container != nullptr;
}

template <typename Map>
Error not_found(std::string_view kind, std::string_view name, const Map& map) {
  std::vector<std::string_view> names;
  names.reserve(map.size());
  for (const auto& [key, value] : map) {
    if (is_made(value)) names.push_back(key);
  }
  return Error(ErrorCode::not_found,
               names.empty() ? fmt::format("no {} '{}': there are none", kind, name)
                             : fmt::format("no {} '{}': there are {}", kind, name, fmt::join(names, ", ")));
}

}  // namespace

template <typename Map>
class Registry::Reservation {
 public:
  static Result<Reservation> make(Registry& registry, Map& map, std::string_view kind,
                                  std::string_view name) {
    if (name.empty())
      return fail(ErrorCode::invalid_argument, fmt::format("the name of the {} is empty", kind));
    const std::scoped_lock lock(registry.mutex_);
    if (!map.try_emplace(std::string(name)).second) {
      return fail(ErrorCode::already_exists, fmt::format("the {} '{}' exists already", kind, name));
    }
    return Reservation(registry, map, std::string(name));
  }
  Reservation(Reservation&& other) noexcept
      : registry_(std::exchange(other.registry_, nullptr)), map_(other.map_), name_(std::move(other.name_)) {}
  Reservation& operator=(Reservation&&) = delete;
  ~Reservation() {
    if (registry_ == nullptr) return;
    const std::scoped_lock lock(registry_->mutex_);
    map_.erase(name_);
  }
  template <typename Value>
  void commit(Value value) {
    const std::scoped_lock lock(registry_->mutex_);
    map_[name_] = std::move(value);
    registry_ = nullptr;
  }

 private:
  Reservation(Registry& registry, Map& map, std::string name)
      : registry_(&registry), map_(map), name_(std::move(name)) {}
  Registry* registry_;
  Map& map_;
  std::string name_;
};

Registry::Registry(Engine engine) : engine_(std::move(engine)) {}

Result<Image> Registry::register_image(std::string_view name, std::span<const std::byte> bytes) {
  TAIRITSU_TRY(auto reservation, Reservation<decltype(images_)>::make(*this, images_, "image", name));
  auto image = Image::from_bytes(engine_, bytes);
  if (!image) return std::unexpected(image.error().with_context(fmt::format("image '{}'", name)));
  reservation.commit(std::make_shared<const Image>(*image));
  return image;
}

Result<Image> Registry::register_image(std::string_view name, Image image) {
  TAIRITSU_TRY(auto reservation, Reservation<decltype(images_)>::make(*this, images_, "image", name));
  reservation.commit(std::make_shared<const Image>(image));
  return image;
}

Result<Image> Registry::image(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = images_.find(name);
  if (found == images_.end() || found->second == nullptr) {
    return std::unexpected(not_found("image", name, images_));
  }
  return *found->second;
}

std::size_t Registry::count_containers(const Image& image) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      containers_, [&](const auto& entry) { return entry.second.digest == image.digest(); }));
}

std::vector<Registry::ImageEntry> Registry::images() const {
  const std::shared_lock lock(mutex_);
  std::vector<ImageEntry> entries;
  for (const auto& [name, image] : images_) {
    if (image != nullptr) entries.push_back({name, *image, count_containers(*image)});
  }
  return entries;
}

Result<void> Registry::remove_image(std::string_view name, bool force) {
  std::shared_ptr<const Image> removed;  // Its code is freed outside of the lock.
  const std::scoped_lock lock(mutex_);
  const auto found = images_.find(name);
  if (found == images_.end() || found->second == nullptr) {
    return std::unexpected(not_found("image", name, images_));
  }
  if (const std::size_t users = count_containers(*found->second); users != 0 && !force) {
    return fail(ErrorCode::in_use,
                fmt::format("image '{}' has {} container{}: remove {} first, or force it", name, users,
                            users == 1 ? "" : "s", users == 1 ? "it" : "them"));
  }
  removed = std::move(found->second);
  images_.erase(found);
  return {};
}

Result<std::shared_ptr<Container>> Registry::create_container(std::string_view name,
                                                              std::string_view image_name,
                                                              const Configure& configure) {
  TAIRITSU_TRY(auto image, this->image(image_name));
  TAIRITSU_TRY(auto reservation,
               Reservation<decltype(containers_)>::make(*this, containers_, "container", name));
  {
    // From now on the image is in use, though the container is still being made.
    const std::scoped_lock lock(mutex_);
    containers_.find(name)->second.digest = image.digest();
  }
  auto builder = Container::builder(image);
  if (configure) builder = configure(std::move(builder));
  auto made = std::move(builder).build();
  if (!made) return std::unexpected(made.error().with_context(fmt::format("container '{}'", name)));
  auto container = std::make_shared<Container>(*std::move(made));
  reservation.commit(
      Held{.image_name = std::string(image_name), .digest = image.digest(), .container = container});
  return container;
}

Result<std::shared_ptr<Container>> Registry::hold(std::string_view name, Container container) {
  TAIRITSU_TRY(auto reservation,
               Reservation<decltype(containers_)>::make(*this, containers_, "container", name));
  auto held = std::make_shared<Container>(std::move(container));
  reservation.commit(Held{.image_name = {}, .digest = held->image().digest(), .container = held});
  return held;
}

Result<std::shared_ptr<Container>> Registry::container(std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto found = containers_.find(name);
  if (found == containers_.end() || found->second.container == nullptr) {
    return std::unexpected(not_found("container", name, containers_));
  }
  return found->second.container;
}

std::vector<Registry::ContainerEntry> Registry::containers() const {
  const std::shared_lock lock(mutex_);
  std::vector<ContainerEntry> entries;
  for (const auto& [name, held] : containers_) {
    if (held.container != nullptr) entries.push_back({name, held.image_name, held.container->state()});
  }
  return entries;
}

Result<void> Registry::stop_container(std::string_view name) const {
  TAIRITSU_TRY(auto found, container(name));
  found->stop();
  return {};
}

Result<void> Registry::remove_container(std::string_view name, bool force) {
  std::shared_ptr<Container> removed;  // Its guest is freed outside of the lock.
  {
    const std::scoped_lock lock(mutex_);
    const auto found = containers_.find(name);
    if (found == containers_.end() || found->second.container == nullptr) {
      return std::unexpected(not_found("container", name, containers_));
    }
    if (found->second.container->state() == ContainerState::running && !force) {
      return fail(ErrorCode::in_use,
                  fmt::format("container '{}' is running: stop it first, or force it", name));
    }
    removed = std::move(found->second.container);
    containers_.erase(found);
  }
  removed->stop();
  return {};
}

}  // namespace tairitsu

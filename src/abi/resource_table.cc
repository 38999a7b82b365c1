#include <atomic>

#include "tairitsu/resource.h"

namespace tairitsu {

namespace detail {

std::uint32_t next_resource_type_id() noexcept {
  static std::atomic<std::uint32_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace detail

void ResourceTable::clear() {
  for (std::uint32_t key = 0; key < entries_.size(); ++key) remove(key);
}

std::uint32_t ResourceTable::add(std::uint32_t type, void* object, void (*destroy)(void*)) {
  std::uint32_t key;
  if (free_.empty()) {
    key = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
    free_.reserve(entries_.capacity());  // Removing an entry must not allocate.
  } else {
    key = free_.back();
    free_.pop_back();
  }
  entries_[key] = {.type = type, .object = object, .destroy = destroy};
  return key;
}

void* ResourceTable::find(std::uint32_t type, std::uint32_t key) const noexcept {
  return key < entries_.size() && entries_[key].type == type ? entries_[key].object : nullptr;
}

void* ResourceTable::take(std::uint32_t type, std::uint32_t key) noexcept {
  if (find(type, key) == nullptr || entries_[key].destroy == nullptr) return nullptr;
  void* object = entries_[key].object;
  entries_[key] = {};
  free_.push_back(key);
  return object;
}

bool ResourceTable::remove(std::uint32_t key) {
  if (key >= entries_.size() || entries_[key].type == 0) return false;
  // Remove it from the table first: the destructor may use the table.
  const Entry entry = std::exchange(entries_[key], Entry{});
  free_.push_back(key);
  if (entry.destroy != nullptr) entry.destroy(entry.object);
  return true;
}

HostObject HostObject::take(ResourceTable& table, std::uint32_t type, std::uint32_t key) {
  if (table.find(type, key) == nullptr) return {};
  const auto destroy = table.entries_[key].destroy;
  void* object = table.take(type, key);
  return object == nullptr ? HostObject() : HostObject(std::make_shared<State>(type, object, destroy));
}

HostObject HostObject::borrow(ResourceTable& table, std::uint32_t type, std::uint32_t key) {
  void* object = table.find(type, key);
  return object == nullptr ? HostObject() : HostObject(std::make_shared<State>(type, object, nullptr));
}

std::uint32_t HostObject::give(ResourceTable& table) const {
  const std::uint32_t key = table.add(state_->type, state_->object, state_->destroy);
  state_->object = nullptr;
  return key;
}

std::uint32_t HostObject::lend(ResourceTable& table) const {
  const std::uint32_t key = table.add(state_->type, state_->object, nullptr);
  ++state_->lent;
  return key;
}

}  // namespace tairitsu

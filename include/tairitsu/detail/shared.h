/// Shared ownership with the count inside the object. Users have no need of this header.
#pragma once

#include <utility>

namespace tairitsu::detail {

/// Owns a share of a `T`, which may be incomplete. `void retain(const T*) noexcept` adds a share and
/// `void release(const T*) noexcept` removes one.
template <typename T>
class SharedPointer {
 public:
  SharedPointer() = default;
  /// Takes over the caller's share.
  explicit SharedPointer(const T* object) noexcept : object_(object) {}
  SharedPointer(const SharedPointer& other) noexcept : object_(other.object_) {
    if (object_ != nullptr) retain(object_);
  }
  SharedPointer(SharedPointer&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  SharedPointer& operator=(SharedPointer other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~SharedPointer() {
    if (object_ != nullptr) release(object_);
  }

  [[nodiscard]] const T* get() const noexcept { return object_; }
  [[nodiscard]] const T& operator*() const noexcept { return *object_; }
  [[nodiscard]] const T* operator->() const noexcept { return object_; }

 private:
  const T* object_ = nullptr;
};

}  // namespace tairitsu::detail

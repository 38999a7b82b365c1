#include "tairitsu/resource.h"

#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace tairitsu {
namespace detail {

std::unexpected<Error> no_resource(std::string_view name) {
  return tairitsu::fail(ErrorCode::invalid_argument,
                        fmt::format("this '{}' is empty: it was dropped, moved from or never set", name));
}

bool fail_resource(LiftContext& cx, std::string_view name) {
  return cx.fail(ErrorCode::invalid_value,
                 fmt::format("the guest passed a handle that does not belong to resource '{}'", name));
}

bool check_guest_resource(CheckContext& cx, const GuestResource* resource) {
  if (resource == nullptr || !*resource) {
    return cx.fail(ErrorCode::invalid_argument, "a resource was dropped or moved from");
  }
  return resource->guest() == &cx.guest() ||
         cx.fail(ErrorCode::invalid_argument, "a resource belongs to another container");
}

bool check_host_resource(CheckContext& cx, const void* object, std::string_view name) {
  return object != nullptr ||
         cx.fail(ErrorCode::invalid_argument, fmt::format("resource '{}' is null", name));
}

}  // namespace detail

GuestResource& GuestResource::operator=(GuestResource&& other) noexcept {
  if (this != &other) {
    std::ignore = drop();
    guest_ = std::move(other.guest_);
    handle_ = other.handle_;
  }
  return *this;
}

// The container's state reports a trap in the guest's destructor.
GuestResource::~GuestResource() { std::ignore = drop(); }

Result<void> GuestResource::drop() {
  if (guest_ == nullptr) return {};
  return std::exchange(guest_, nullptr)->drop_resource(handle_);
}

}  // namespace tairitsu

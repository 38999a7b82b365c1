/// Resources: objects that one side implements and the other side uses through handles.
///
/// Resources of the host are your own classes, described with `HostResource` (see describe.h) and defined with
/// `Linker::define_resource`. The container's `ResourceTable` holds the object and the guest holds a number; when the
/// guest drops its handle, the object is destroyed.
///
/// Resources of a guest reach the host as `GuestResource`.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <tairitsu/abi.h>
#include <tairitsu/describe.h>
#include <tairitsu/detail/codec.h>
#include <tairitsu/error.h>

namespace tairitsu {

namespace detail {
class GuestScope;

std::uint32_t next_resource_type_id() noexcept;

/// Returns the id that handles of the host's resource `T` carry, which is the same in every engine of the process.
template <typename T>
std::uint32_t resource_type_id() noexcept {
  static const std::uint32_t id = next_resource_type_id();
  return id;
}
}  // namespace detail

/// The host's objects that a guest holds handles of. It belongs to a container; use it from the thread that runs the
/// container's host functions.
class ResourceTable {
 public:
  ResourceTable() = default;
  ResourceTable(const ResourceTable&) = delete;
  ResourceTable& operator=(const ResourceTable&) = delete;
  ~ResourceTable() { clear(); }

  /// Adds an object and returns its key. Ownership passes to the table. Keys of removed objects are reused.
  template <typename T>
  std::uint32_t insert(std::unique_ptr<T> object) {
    return add(detail::resource_type_id<T>(), object.release(), [](void* p) { delete static_cast<T*>(p); });
  }
  /// Adds a reference to an object and returns its key. The object must exist until the key is removed.
  template <typename T>
  std::uint32_t lend(T& object) {
    return add(detail::resource_type_id<T>(), std::addressof(object), nullptr);
  }
  /// Returns the object; null if the key is not that of a `T`. Valid until the key is taken or removed.
  template <typename T>
  [[nodiscard]] T* find(std::uint32_t key) const noexcept {
    return static_cast<T*>(find(detail::resource_type_id<T>(), key));
  }
  /// Removes the object and returns it; null if the key is not that of a `T` that the table owns.
  template <typename T>
  [[nodiscard]] std::unique_ptr<T> take(std::uint32_t key) noexcept {
    return std::unique_ptr<T>(static_cast<T*>(take(detail::resource_type_id<T>(), key)));
  }
  /// Removes the object, and destroys it if the table owns it. Returns false if there is none.
  bool remove(std::uint32_t key);
  /// Removes all objects.
  void clear();
  /// Returns the number of objects.
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size() - free_.size(); }

 private:
  friend class HostObject;
  struct Entry {
    std::uint32_t type = 0;  // 0: free
    void* object = nullptr;
    void (*destroy)(void*) = nullptr;
  };
  std::uint32_t add(std::uint32_t type, void* object, void (*destroy)(void*));
  [[nodiscard]] void* find(std::uint32_t type, std::uint32_t key) const noexcept;
  void* take(std::uint32_t type, std::uint32_t key) noexcept;

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
};

/// A host object of any class, as dynamic values (value.h) hold it. Copies share the object. Once it is passed to a
/// guest as `own`, no copy has it; an object that a guest lends is available until the call ends. Use it from the
/// threads that may use the container.
class HostObject {
 public:
  HostObject() = default;
  template <typename T>
  explicit HostObject(std::unique_ptr<T> object)
      : state_(std::make_shared<State>(detail::resource_type_id<T>(), object.release(),
                                       [](void* p) { delete static_cast<T*>(p); })) {}

  /// Returns the object; null if it is not a `T`, or is no longer available.
  template <typename T>
  [[nodiscard]] T* get() const noexcept {
    return *this && state_->type == detail::resource_type_id<T>() ? static_cast<T*>(state_->object) : nullptr;
  }
  [[nodiscard]] explicit operator bool() const noexcept {
    return state_ != nullptr && state_->object != nullptr;
  }
  friend bool operator==(const HostObject& a, const HostObject& b) noexcept = default;

  // For internal use.

  /// Removes an object that the guest passed as `own` from the table; empty if there is no such entry.
  [[nodiscard]] static HostObject take(ResourceTable& table, std::uint32_t type, std::uint32_t key);
  /// Returns an object that the guest lends, which is available until `expire`.
  [[nodiscard]] static HostObject borrow(ResourceTable& table, std::uint32_t type, std::uint32_t key);
  void expire() noexcept { state_->object = nullptr; }
  /// Moves the object into the table, or lends it to the table, and returns its key.
  [[nodiscard]] std::uint32_t give(ResourceTable& table) const;
  [[nodiscard]] std::uint32_t lend(ResourceTable& table) const;
  /// Returns whether ownership can be passed on: the object is available, the host owns it, and no running call has
  /// borrowed it.
  [[nodiscard]] bool is_owned() const noexcept {
    return *this && state_->destroy != nullptr && state_->lent == 0;
  }
  /// Ends a loan that `lend` started.
  void end_loan() const noexcept { --state_->lent; }
  [[nodiscard]] std::uint32_t type() const noexcept { return state_->type; }
  /// Returns a pointer that is equal for all copies.
  [[nodiscard]] const void* identity() const noexcept { return state_.get(); }

 private:
  struct State {
    State(std::uint32_t id, void* pointer, void (*destructor)(void*)) noexcept
        : type(id), object(pointer), destroy(destructor) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
      if (object != nullptr && destroy != nullptr) destroy(object);
    }
    std::uint32_t type;
    std::uint32_t lent = 0;  // Number of loans to running calls.
    void* object;
    void (*destroy)(void*);  // Null if a guest owns the object.
  };
  explicit HostObject(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

/// A handle of a resource that a guest implements, owned by the host. Move-only.
///
/// The destructor drops the resource: at once if the container is idle, else when the running call ends. A handle that
/// outlives its container does nothing. Use it from the threads that may use the container; the destructor may run on
/// any thread.
class GuestResource {
 public:
  GuestResource() = default;
  GuestResource(GuestResource&& other) noexcept : guest_(std::move(other.guest_)), handle_(other.handle_) {}
  GuestResource& operator=(GuestResource&& other) noexcept;
  ~GuestResource();

  /// Returns whether the handle has a resource: it was not moved from, dropped, or passed to a guest as `own`.
  [[nodiscard]] explicit operator bool() const noexcept { return guest_ != nullptr; }
  /// Drops the resource. Fails if its destructor in the guest fails, which puts the container into its error state, as
  /// in any call.
  [[nodiscard]] Result<void> drop();

  /// For internal use.
  GuestResource(std::shared_ptr<detail::GuestScope> guest, const abi::Handle& handle) noexcept
      : guest_(std::move(guest)), handle_(handle) {}
  [[nodiscard]] const detail::GuestScope* guest() const noexcept { return guest_.get(); }
  [[nodiscard]] const abi::Handle& handle() const noexcept { return handle_; }
  void release() noexcept { guest_.reset(); }

 private:
  std::shared_ptr<detail::GuestScope> guest_;
  abi::Handle handle_{};
};

namespace detail {

/// The address of this variable identifies the type `Functions`.
template <typename Functions>
inline constexpr char bound_functions_key{};

/// The interface through which handles reach their guest. A container's core implements it.
class GuestScope {
 public:
  GuestScope(const GuestScope&) = delete;
  GuestScope& operator=(const GuestScope&) = delete;

  [[nodiscard]] virtual std::shared_ptr<GuestScope> share() = 0;
  [[nodiscard]] virtual ResourceTable& resources() noexcept = 0;
  /// Removes the table's entry `key` when the running call ends.
  virtual void release_after_call(std::uint32_t key) = 0;
  /// Keeps a lent object alive until the running call ends; until then its ownership cannot be passed on.
  virtual void keep_for_call(const HostObject& object) = 0;
  /// Returns the type id that the guest's component uses for the host's resource; 0 if it has none of that name.
  [[nodiscard]] virtual std::uint32_t linked_resource(std::string_view interface,
                                                      std::string_view name) const noexcept = 0;
  /// Drops a guest's resource: now, when the running call ends, or not at all if the guest has been freed.
  [[nodiscard]] virtual Result<void> drop_resource(const abi::Handle& handle) = 0;
  /// Returns what generated bindings attached to the guest under this key; null if there is nothing. Called during a
  /// call.
  [[nodiscard]] virtual std::shared_ptr<void> attached(const void* key) const noexcept = 0;
  /// Keeps `value` until the guest ends.
  [[nodiscard]] virtual Result<void> attach(const void* key, std::shared_ptr<void> value) = 0;

 protected:
  GuestScope() = default;
  ~GuestScope() = default;  // Not virtual: never deleted through this interface.
};

}  // namespace detail

/// A `GuestResource` whose class has methods; it holds the functions that they call. For generated code.
template <typename Functions>
class BoundResource : public GuestResource {
 public:
  BoundResource() = default;

  /// For internal use.
  static void bind(BoundResource& resource, const detail::GuestScope& guest) noexcept {
    resource.functions_ =
        std::static_pointer_cast<Functions>(guest.attached(&detail::bound_functions_key<Functions>));
  }

 protected:
  std::shared_ptr<Functions> functions_;
};

/// A `borrow<r>` inside another type, e.g. `std::vector<Borrow<Ticket>>`. Points to an object that exists at least
/// until the call ends.
template <typename T>
class Borrow {
 public:
  Borrow() = default;
  Borrow(T& object) : object_(std::addressof(object)) {}
  [[nodiscard]] T& operator*() const noexcept { return *object_; }
  [[nodiscard]] T* operator->() const noexcept { return object_; }
  [[nodiscard]] T* get() const noexcept { return object_; }

 private:
  T* object_ = nullptr;
};

namespace detail {

template <typename T>
concept HostResourceType = Described<T> && Describe<T>::kind == DescriptionKind::host_resource;

template <typename T>
concept GuestResourceType = std::derived_from<T, GuestResource>;

/// Returns the error for a resource of this WIT name that was dropped or moved from.
[[nodiscard]] std::unexpected<Error> no_resource(std::string_view name);
bool fail_resource(LiftContext& cx, std::string_view name);
bool check_guest_resource(CheckContext& cx, const GuestResource* resource);
bool check_host_resource(CheckContext& cx, const void* object, std::string_view name);

/// A handle is one i32, in slots and in memory. `Derived` implements `check`, `to_handle` and `from_handle`.
template <typename T, typename Derived>
struct HandleCodec : PlainCodec {
  static constexpr std::uint32_t size = 4;
  static constexpr std::uint32_t align = 4;
  static constexpr std::uint32_t flat_count = 1;
  static constexpr std::uint32_t handle_count = 1;
  static constexpr bool needs_check = true;

  static bool lower(LowerContext& cx, const T& value, abi::Slot*& slot) {
    std::uint32_t index = 0;
    if (!lower_index(cx, value, index)) return false;
    (slot++)->u64 = index;
    return true;
  }
  static bool store(LowerContext& cx, const T& value, std::size_t address) {
    std::uint32_t index = 0;
    if (!lower_index(cx, value, index)) return false;
    cx.write(address, index);
    return true;
  }
  static bool lift(LiftContext& cx, const abi::Slot*& slot, T& out) {
    ++slot;
    const abi::Handle* handle = cx.next_handle();
    return handle != nullptr && Derived::from_handle(cx, *handle, out);
  }
  static bool load(LiftContext& cx, std::size_t, T& out) {
    const abi::Handle* handle = cx.next_handle();
    return handle != nullptr && Derived::from_handle(cx, *handle, out);
  }

 private:
  static bool lower_index(LowerContext& cx, const T& value, std::uint32_t& index) {
    const bool lowered = cx.lower_handle(Derived::to_handle(cx, value), index);
    ++cx.handle_ordinal;
    return lowered;
  }
};

/// Lowering an owned resource moves it out of the value, which is the caller's own.
template <typename T>
T& owned_value(const T& value) noexcept {
  return const_cast<T&>(value);
}

template <HostResourceType T>
struct Codec<std::unique_ptr<T>> : HandleCodec<std::unique_ptr<T>, Codec<std::unique_ptr<T>>> {
  static Type type() { return Type::make(TypeKind::own, std::string(Describe<T>::name)); }
  static bool check(CheckContext& cx, const std::unique_ptr<T>& value) {
    return check_host_resource(cx, value.get(), Describe<T>::name);
  }
  static abi::Handle to_handle(LowerContext& cx, const std::unique_ptr<T>& value) {
    const std::uint32_t key = cx.guest().resources().insert(std::move(owned_value(value)));
    return {.kind = abi::HandleKind::host_own,
            .rep = key,
            .resource_type = resource_type_id<T>(),
            .reserved = 0,
            .guest = {}};
  }
  static bool from_handle(LiftContext& cx, const abi::Handle& handle, std::unique_ptr<T>& out) {
    if (handle.kind == abi::HandleKind::host_own) out = cx.guest().resources().template take<T>(handle.rep);
    return out != nullptr || fail_resource(cx, Describe<T>::name);
  }
};

template <HostResourceType T>
struct Codec<Borrow<T>> : HandleCodec<Borrow<T>, Codec<Borrow<T>>> {
  static Type type() { return Type::make(TypeKind::borrow, std::string(Describe<T>::name)); }
  static bool check(CheckContext& cx, const Borrow<T>& value) {
    return check_host_resource(cx, value.get(), Describe<T>::name);
  }
  static abi::Handle to_handle(LowerContext& cx, const Borrow<T>& value) {
    const std::uint32_t key = cx.guest().resources().lend(*value);
    cx.guest().release_after_call(key);
    return {.kind = abi::HandleKind::host_borrow,
            .rep = key,
            .resource_type = resource_type_id<T>(),
            .reserved = 0,
            .guest = {}};
  }
  static bool from_handle(LiftContext& cx, const abi::Handle& handle, Borrow<T>& out) {
    T* object = handle.kind == abi::HandleKind::host_borrow
                    ? cx.guest().resources().template find<T>(handle.rep)
                    : nullptr;
    if (object == nullptr) return fail_resource(cx, Describe<T>::name);
    out = *object;
    return true;
  }
};

/// Returns the WIT name of a guest's resource type; a plain `GuestResource` has none and matches any.
template <typename T>
std::string guest_resource_name() {
  if constexpr (requires { Describe<T>::name; }) {
    return std::string(Describe<T>::name);
  } else {
    return {};
  }
}

/// Converts to the base, because a generated class may hide the methods of `GuestResource`.
inline const GuestResource* as_guest_resource(const GuestResource* resource) noexcept { return resource; }

template <typename Functions>
void bind_resource(BoundResource<Functions>& resource, const GuestScope& guest) noexcept {
  BoundResource<Functions>::bind(resource, guest);
}
inline void bind_resource(GuestResource&, const GuestScope&) noexcept {}

template <GuestResourceType T>
struct Codec<T> : HandleCodec<T, Codec<T>> {
  static Type type() { return Type::make(TypeKind::own, guest_resource_name<T>()); }
  static bool check(CheckContext& cx, const T& value) { return check_guest_resource(cx, &value); }
  static abi::Handle to_handle(LowerContext&, const T& value) {
    const abi::Handle handle = as_guest_resource(&value)->handle();
    owned_value(*as_guest_resource(&value)).release();
    return handle;
  }
  static bool from_handle(LiftContext& cx, const abi::Handle& handle, T& out) {
    if (handle.kind != abi::HandleKind::guest_own) return fail_resource(cx, guest_resource_name<T>());
    static_cast<GuestResource&>(out) = GuestResource(cx.guest().share(), handle);
    bind_resource(out, cx.guest());
    return true;
  }
};

template <GuestResourceType T>
struct Codec<Borrow<const T>> : HandleCodec<Borrow<const T>, Codec<Borrow<const T>>> {
  static Type type() { return Type::make(TypeKind::borrow, guest_resource_name<T>()); }
  static bool check(CheckContext& cx, const Borrow<const T>& value) {
    return check_guest_resource(cx, value.get());
  }
  static abi::Handle to_handle(LowerContext&, const Borrow<const T>& value) {
    return as_guest_resource(value.get())->handle();
  }
  static bool from_handle(LiftContext& cx, const abi::Handle&, Borrow<const T>&) {
    return fail_resource(cx, guest_resource_name<T>());  // A guest never lends its own resource to the host.
  }
};

}  // namespace detail
}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

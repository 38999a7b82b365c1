/// The core of a container: its guest, and the rules of who may enter it when.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

#include "engine/instance.h"
#include "engine/wasi.h"
#include "runtime/linker.h"
#include "tairitsu/container.h"

namespace tairitsu::detail {

/// What interrupt handles share with a container.
struct InterruptCore {
  InterruptHandlePtr handle;
  std::shared_ptr<EngineCore> engine;

  void interrupt(bool for_good) const noexcept {
    detail::interrupt(*handle, for_good);
    engine->increment_epoch();  // A guest that computes looks at the epoch.
  }
};

/// How a container is made, apart from its component and its linker.
struct ContainerOptions {
  Limits limits;
  WasiPolicyPtr wasi;
  bool interruptible = false;
};

/// Fails where a limit needs an option of the engine that is off, or is none.
[[nodiscard]] Result<void> check_limits(const EngineOptions& engine, const Limits& limits);
/// The limits as a store takes them; the rest is left to the caller.
[[nodiscard]] StoreOptions store_options(const Limits& limits) noexcept;

/// Entering is guarded by `busy_`: whoever sets it may use the store, the table and the failure.
/// The state says whether entering makes sense, and may be read by anybody.
class ContainerCore final : public GuestScope, public std::enable_shared_from_this<ContainerCore> {
 public:
  [[nodiscard]] static Result<std::shared_ptr<ContainerCore>> create(const Image& image,
                                                                     const ContainerOptions& options,
                                                                     HostStateHolder host_state);
  ContainerCore(const ContainerCore&) = delete;
  ContainerCore& operator=(const ContainerCore&) = delete;
  ~ContainerCore();

  /// Made through `create` only.
  ContainerCore(const Image& image, const ContainerOptions& options, HostStateHolder host_state);

  /// Makes the store: what runs in it can be interrupted from now on.
  [[nodiscard]] Result<void> prepare(std::shared_ptr<const Linked> linked);
  /// Instantiates the guest in the store: created becomes running, or error.
  [[nodiscard]] Result<void> instantiate();
  /// Both.
  [[nodiscard]] Result<void> instantiate(std::shared_ptr<const Linked> linked);
  [[nodiscard]] Result<std::shared_ptr<BoundFunction>> bind(
      std::shared_ptr<const ExportedFunctionCore> exported);
  bool call(BoundFunction& function, CallFrameBase& frame) noexcept;
  /// Calls `wasi:cli/run#run`, of 0.2 or 0.3.
  [[nodiscard]] Result<bool> run_command(const bridge::ExportIndex& index);
  void stop() noexcept;

  /// For a guest whose store somebody else has: the core is what its host functions find, and lives until it is
  /// taken back.
  static ContainerCore* lend(std::shared_ptr<ContainerCore> core,
                             std::shared_ptr<const Linked> linked) noexcept;
  static void take_back(ContainerCore* core) noexcept;

  [[nodiscard]] Result<void> drop_resource(const abi::Handle& handle) override;

  /// Runs `body(store)` if the guest lives and no call runs.
  template <typename Body>
  auto with_store(Body&& body) -> decltype(body(std::declval<GuestStore&>())) {
    TAIRITSU_CHECK(acquire());
    struct Release {
      ContainerCore& core;
      ~Release() { core.release(); }
    } release{*this};
    if (!store_) return std::unexpected(state_error());
    return body(*store_);
  }

  [[nodiscard]] ContainerState state() const noexcept { return state_.load(std::memory_order_acquire); }
  [[nodiscard]] bool busy() const noexcept { return busy_.load(std::memory_order_acquire); }
  [[nodiscard]] const Image& image() const noexcept { return image_; }
  [[nodiscard]] bool wants_interruptible() const noexcept {
    return options_.interruptible || options_.limits.deadline.has_value();
  }
  [[nodiscard]] std::uint64_t copy_limit() const noexcept { return options_.limits.copied_bytes_per_call; }
  [[nodiscard]] void* host_state(const std::type_info& type) noexcept { return host_state_.find(type); }
  [[nodiscard]] std::shared_ptr<GuestScope> share() override { return shared_from_this(); }
  [[nodiscard]] ResourceTable& resources() noexcept override { return resources_; }
  [[nodiscard]] std::uint32_t linked_resource(std::string_view interface,
                                              std::string_view name) const noexcept override;
  [[nodiscard]] std::shared_ptr<const InterruptCore> interrupt_core() const;

  [[nodiscard]] Result<void> attach(const void* key, std::shared_ptr<void> value) override;
  [[nodiscard]] std::shared_ptr<void> attached(const void* key) const noexcept override;

  /// Called while a host function runs, on its thread.
  void set_host_error(Error error) noexcept { host_error_ = std::move(error); }
  /// The message of the host function that failed in the running call; empty where none did.
  [[nodiscard]] std::string_view host_error() const noexcept {
    return host_error_ ? std::string_view(host_error_->message()) : std::string_view();
  }
  void release_after_call(std::uint32_t key) override { lent_.push_back(key); }
  void keep_for_call(const HostObject& object) override { lent_objects_.push_back(object); }

 private:
  /// Takes the right to enter, or says why not.
  [[nodiscard]] Result<void> acquire();
  [[nodiscard]] Result<void> make_store(std::shared_ptr<const Linked> linked);
  /// Gives it back; a container that was stopped meanwhile lets go of its guest.
  void release() noexcept {
    // Sequentially consistent, as are stop() and drop_resource(): one of the two sees the other.
    busy_.store(false);
    if (state_.load() == ContainerState::stopped || has_queued_drops_.load()) [[unlikely]]
      catch_up();
  }
  /// Does what could not be done while a call ran.
  void catch_up() noexcept;
  [[nodiscard]] Result<void> enter();
  /// The same without a reason: `entry_error` finds that.
  [[nodiscard]] bool try_enter() noexcept {
    if (busy_.exchange(true, std::memory_order_acquire)) [[unlikely]]
      return false;
    if (state_.load(std::memory_order_relaxed) == ContainerState::running) [[likely]]
      return true;
    release();
    return false;
  }
  [[nodiscard]] Error entry_error();
  [[nodiscard]] Error state_error() const;
  [[nodiscard]] Error busy_error() const;
  /// After a failed entry: what the caller is told, and the container's state.
  Error fail(Error error, std::optional<Error> detail);
  void finish_entry() noexcept {
    if (!lent_.empty()) [[unlikely]]
      take_back_lent();
    release();
  }
  void take_back_lent() noexcept;
  void run_queued_drops() noexcept;
  void free_guest() noexcept;

  // Destroyed last to first: the guest goes before what it uses.
  Image image_;
  ContainerOptions options_;
  HostStateHolder host_state_;
  ResourceTable resources_;
  std::shared_ptr<const Linked> linked_;
  std::optional<GuestStore> store_;

  std::shared_ptr<ContainerCore> lent_to_;  // This, while it is lent.
  std::atomic<ContainerState> state_{ContainerState::created};
  std::atomic<bool> busy_{false};
  std::optional<Error> failure_;          // Why the state is `error`.
  std::optional<Error> host_error_;       // Of the host function that failed in the running call.
  std::vector<std::uint32_t> lent_;       // Table entries lent to the running call.
  std::vector<HostObject> lent_objects_;  // Those of them that are dynamic values.
  /// They hold functions, which hold this core: the cycle ends with the guest.
  std::vector<std::pair<const void*, std::shared_ptr<void>>> attached_;

  mutable std::mutex mutex_;  // For what follows.
  std::shared_ptr<const InterruptCore> interrupt_;
  std::vector<abi::Handle> queued_drops_;
  std::atomic<bool> has_queued_drops_{false};
};

/// Every guest's scope is a container's core.
[[nodiscard]] inline ContainerCore& core_of(GuestScope& guest) noexcept {
  return static_cast<ContainerCore&>(guest);
}
[[nodiscard]] inline const ContainerCore& core_of(const GuestScope& guest) noexcept {
  return static_cast<const ContainerCore&>(guest);
}
/// A core as what the bridge hands to its host functions, and back.
[[nodiscard]] inline void* as_context(ContainerCore* core) noexcept { return static_cast<GuestScope*>(core); }
[[nodiscard]] inline GuestScope& guest_of(void* context) noexcept {
  return *static_cast<GuestScope*>(context);
}

struct BoundFunction {
  std::shared_ptr<ContainerCore> core;
  GuestFunctionPtr function;
  std::shared_ptr<const ExportedFunctionCore> exported;
};

}  // namespace tairitsu::detail

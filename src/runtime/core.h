/// The core of a container: its guest, and the rules for entering it.
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

/// State that interrupt handles share with a container.
struct InterruptCore {
  InterruptHandlePtr handle;
  std::shared_ptr<EngineCore> engine;

  void interrupt(bool for_good) const noexcept {
    detail::interrupt(*handle, for_good);
    engine->increment_epoch();  // Computing guests check the epoch.
  }
};

/// Options of a container, apart from its component and its linker.
struct ContainerOptions {
  Limits limits;
  WasiPolicyPtr wasi;
  bool interruptible = false;
};

/// Fails with `invalid_argument` if a limit is invalid or needs an engine option that is off.
[[nodiscard]] Result<void> check_limits(const EngineOptions& engine, const Limits& limits);
/// Returns a store's options with `limits` set; the caller sets the others.
[[nodiscard]] StoreOptions store_options(const Limits& limits) noexcept;

/// `busy_` guards entry: the thread that sets it may use the store, the table and the failure. Any thread may
/// read the state, which says whether the guest can be entered.
class ContainerCore final : public GuestScope, public std::enable_shared_from_this<ContainerCore> {
 public:
  [[nodiscard]] static Result<std::shared_ptr<ContainerCore>> create(const Image& image,
                                                                     const ContainerOptions& options,
                                                                     HostStateHolder host_state);
  ContainerCore(const ContainerCore&) = delete;
  ContainerCore& operator=(const ContainerCore&) = delete;
  ~ContainerCore();

  /// Use `create`.
  ContainerCore(const Image& image, const ContainerOptions& options, HostStateHolder host_state);

  /// Creates the store. From now on, what runs in it can be interrupted.
  [[nodiscard]] Result<void> prepare(std::shared_ptr<const Linked> linked);
  /// Instantiates the guest in the store. The state becomes `running`, or `error` on failure.
  [[nodiscard]] Result<void> instantiate();
  /// Calls `prepare`, then `instantiate()`.
  [[nodiscard]] Result<void> instantiate(std::shared_ptr<const Linked> linked);
  [[nodiscard]] Result<std::shared_ptr<BoundFunction>> bind(
      std::shared_ptr<const ExportedFunctionCore> exported);
  bool call(BoundFunction& function, CallFrameBase& frame) noexcept;
  /// Calls `wasi:cli/run#run` of WASI 0.2 or 0.3. Returns whether the guest reports success.
  [[nodiscard]] Result<bool> run_command(const bridge::ExportIndex& index);
  void stop() noexcept;

  /// Lends the core to a guest whose store another object owns: its host functions receive the core, which lives
  /// until `take_back`.
  static ContainerCore* lend(std::shared_ptr<ContainerCore> core,
                             std::shared_ptr<const Linked> linked) noexcept;
  static void take_back(ContainerCore* core) noexcept;

  [[nodiscard]] Result<void> drop_resource(const abi::Handle& handle) override;

  /// Runs `body(store)`. Fails if there is no guest or a call is running.
  template <typename Body>
  auto with_store(Body&& body) -> decltype(body(std::declval<GuestStore&>())) {
    TAIRITSU_RETURN_IF_ERROR(acquire());
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

  /// Called on the thread of a host function while it runs.
  void set_host_error(Error error) noexcept { host_error_ = std::move(error); }
  /// Returns the message of the host function that failed in the running call, or an empty text.
  [[nodiscard]] std::string_view host_error() const noexcept {
    return host_error_ ? std::string_view(host_error_->message()) : std::string_view();
  }
  void release_after_call(std::uint32_t key) override { lent_.push_back(key); }
  void keep_for_call(const HostObject& object) override { lent_objects_.push_back(object); }

 private:
  /// Takes the busy flag, or fails with the reason why it cannot be taken.
  [[nodiscard]] Result<void> acquire();
  [[nodiscard]] Result<void> make_store(std::shared_ptr<const Linked> linked);
  /// Releases the busy flag; frees the guest if the container was stopped in the meantime.
  void release() noexcept {
    // Sequentially consistent, as in stop() and drop_resource(), so that at least one thread sees the other.
    busy_.store(false);
    if (state_.load() == ContainerState::stopped || has_queued_drops_.load()) [[unlikely]]
      catch_up();
  }
  /// Does the work that was deferred while a call ran: frees the guest, or drops resources.
  void catch_up() noexcept;
  /// Takes the busy flag if the guest is running.
  [[nodiscard]] Result<void> enter();
  /// Like `enter`, without a reason for a failure: call `entry_error` for it.
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
  /// Ends a failed entry: sets the state to `error` and returns the error for the caller.
  Error fail(Error error, std::optional<Error> detail);
  void finish_entry() noexcept {
    if (!lent_.empty()) [[unlikely]]
      take_back_lent();
    release();
  }
  void take_back_lent() noexcept;
  void run_queued_drops() noexcept;
  void free_guest() noexcept;

  // Members are destroyed in reverse order: the guest before what it uses.
  Image image_;
  ContainerOptions options_;
  HostStateHolder host_state_;
  ResourceTable resources_;
  std::shared_ptr<const Linked> linked_;
  std::optional<GuestStore> store_;

  std::shared_ptr<ContainerCore> self_;  // Keeps the core alive while it is lent.
  std::atomic<ContainerState> state_{ContainerState::created};
  std::atomic<bool> busy_{false};
  std::optional<Error> failure_;          // Why the state is `error`.
  std::optional<Error> host_error_;       // Error of the host function that failed in the running call.
  std::vector<std::uint32_t> lent_;       // Table entries lent to the running call.
  std::vector<HostObject> lent_objects_;  // The lent objects that are dynamic values.
  /// The values hold functions, which hold this core: freeing the guest breaks the cycle.
  std::vector<std::pair<const void*, std::shared_ptr<void>>> attached_;

  mutable std::mutex mutex_;  // Guards the members below.
  std::shared_ptr<const InterruptCore> interrupt_;
  std::vector<abi::Handle> queued_drops_;
  std::atomic<bool> has_queued_drops_{false};
};

/// Returns the core; every `GuestScope` is a `ContainerCore`.
[[nodiscard]] inline ContainerCore& core_of(GuestScope& guest) noexcept {
  return static_cast<ContainerCore&>(guest);
}
[[nodiscard]] inline const ContainerCore& core_of(const GuestScope& guest) noexcept {
  return static_cast<const ContainerCore&>(guest);
}
/// Converts a core to the context that the bridge passes to host functions, and back.
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

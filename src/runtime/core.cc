#include "runtime/core.h"

#include <algorithm>
#include <exception>
#include <tuple>

#include <fmt/format.h>

#include "engine/engine.h"
#include "tairitsu/bindings.h"

namespace tairitsu::detail {

Result<void> check_limits(const EngineOptions& engine, const Limits& limits) {
  if (limits.fuel && !engine.fuel) {
    return fail(ErrorCode::invalid_argument, "a fuel limit needs an engine with EngineOptions::fuel");
  }
  if (limits.deadline && !engine.epochs) {
    return fail(ErrorCode::invalid_argument, "a deadline needs an engine with EngineOptions::epochs");
  }
  if (limits.deadline && limits.deadline->count() <= 0) {
    return fail(ErrorCode::invalid_argument, "a deadline must be positive");
  }
  return {};
}

StoreOptions store_options(const Limits& limits) noexcept {
  return {
      .limit_fuel = limits.fuel.has_value(),
      .fuel = limits.fuel.value_or(0),
      .deadline_nanoseconds =
          limits.deadline ? static_cast<std::uint64_t>(limits.deadline->count()) : std::uint64_t{0},
      .max_memory_bytes = limits.memory_bytes.value_or(UINT64_MAX),
      .max_table_elements = limits.table_elements.value_or(10'000'000),
      .max_instances = limits.instances.value_or(10'000),
      .max_handles = limits.resource_handles.value_or(100'000),
      .max_copied_bytes = limits.copied_bytes_per_call,
      .max_descriptors = limits.descriptors.value_or(std::min(256U, max_open_files() / 4)),
  };
}

Result<std::shared_ptr<ContainerCore>> ContainerCore::create(const Image& image,
                                                             const ContainerOptions& options,
                                                             HostStateHolder host_state) {
  TAIRITSU_RETURN_IF_ERROR(check_limits(image.engine().options(), options.limits));
  return std::make_shared<ContainerCore>(image, options, std::move(host_state));
}

ContainerCore::ContainerCore(const Image& image, const ContainerOptions& options, HostStateHolder host_state)
    : image_(image), options_(options), host_state_(std::move(host_state)) {
  if (options_.limits.deadline) image_.engine().core()->begin_ticking();
}

ContainerCore::~ContainerCore() {
  free_guest();
  if (options_.limits.deadline) image_.engine().core()->end_ticking();
}

Error ContainerCore::state_error() const {
  switch (state()) {
    case ContainerState::created:
      return Error(ErrorCode::container_stopped, "the container has not been started");
    case ContainerState::error:
      return Error(ErrorCode::container_failed,
                   "the container failed earlier and cannot be entered again" +
                       (failure_ ? fmt::format(" ({})", failure_->message()) : std::string()));
    case ContainerState::running:
    case ContainerState::stopped:
      break;
  }
  return Error(ErrorCode::container_stopped, "the container was stopped");
}

Error ContainerCore::busy_error() const {
  // stop() may hold the busy flag to free the guest.
  if (state() == ContainerState::stopped) return state_error();
  return Error(ErrorCode::reentrant_call,
               "the container is running a call: it cannot be entered from its own host function, or from "
               "another thread");
}

Result<void> ContainerCore::acquire() {
  if (busy_.exchange(true, std::memory_order_acquire)) return std::unexpected(busy_error());
  return {};
}

void ContainerCore::catch_up() noexcept {
  while (state_.load() == ContainerState::stopped || has_queued_drops_.load()) [[unlikely]] {
    if (busy_.exchange(true)) return;
    const bool stopped = state_.load() == ContainerState::stopped;
    if (stopped) {
      free_guest();
    } else {
      run_queued_drops();
    }
    busy_.store(false);
    if (stopped) return;
  }
}

Result<void> ContainerCore::enter() {
  if (try_enter()) [[likely]]
    return {};
  return std::unexpected(entry_error());
}

Error ContainerCore::entry_error() {
  if (busy_.exchange(true, std::memory_order_acquire)) return busy_error();
  // If the container can be entered now, it was busy a moment ago.
  Error error = state() == ContainerState::running ? busy_error() : state_error();
  release();
  return error;
}

void ContainerCore::free_guest() noexcept {
  attached_.clear();
  store_.reset();
  linked_.reset();
  resources_.clear();
}

Result<void> ContainerCore::attach(const void* key, std::shared_ptr<void> value) {
  return with_store([&](GuestStore&) -> Result<void> {
    attached_.emplace_back(key, std::move(value));
    return {};
  });
}

std::shared_ptr<void> ContainerCore::attached(const void* key) const noexcept {
  for (const auto& [other, value] : attached_) {
    if (other == key) return value;
  }
  return nullptr;
}

std::uint32_t ContainerCore::linked_resource(std::string_view interface,
                                             std::string_view name) const noexcept {
  if (linked_ == nullptr) return 0;
  for (const LinkedResource& resource : linked_->resources) {
    if (resource.name == name && resource.interface == interface) return resource.type;
  }
  return 0;
}

void ContainerCore::take_back_lent() noexcept {
  for (const std::uint32_t key : lent_) resources_.remove(key);
  lent_.clear();
  for (const HostObject& object : lent_objects_) object.end_loan();
  lent_objects_.clear();
}

Error ContainerCore::fail(Error error, std::optional<Error> detail) {
  // C++ knows the details of its own failures; the bridge reports only that there was one.
  const Error* cause = nullptr;
  if (error.code() == ErrorCode::host_function && host_error_) cause = &*host_error_;
  if (error.code() == ErrorCode::invalid_value && detail) cause = &*detail;
  const auto instead = [&](const Error& other) {
    return Error(other.code(), other.message(), error.backtrace(), 0, error.full_backtrace());
  };
  if (cause != nullptr) error = instead(*cause);
  if (error.code() == ErrorCode::invalid_value && host_error_) error = instead(*host_error_);
  host_error_.reset();
  auto running = ContainerState::running;
  if (state_.compare_exchange_strong(running, ContainerState::error)) failure_ = error;
  return error;
}

Result<void> ContainerCore::make_store(std::shared_ptr<const Linked> linked) {
  if (state() != ContainerState::created) {
    if (state() == ContainerState::stopped) return std::unexpected(state_error());
    return tairitsu::fail(ErrorCode::invalid_argument, "the container's guest has already been instantiated");
  }
  linked_ = std::move(linked);
  StoreOptions options = store_options(options_.limits);
  options.context = as_context(this);
  options.wasi = image_.component().core()->wasi != 0 ? options_.wasi.get() : nullptr;
  TAIRITSU_TRY(auto store, GuestStore::create(*image_.engine().core(), linked_->linked, options));
  store_.emplace(std::move(store));
  auto interrupt = std::make_shared<InterruptCore>(store_->interrupt_handle(), image_.engine().core());
  const std::scoped_lock lock(mutex_);
  interrupt_ = std::move(interrupt);
  return {};
}

Result<void> ContainerCore::prepare(std::shared_ptr<const Linked> linked) {
  TAIRITSU_RETURN_IF_ERROR(acquire());
  auto made = make_store(std::move(linked));
  release();
  return made;
}

Result<void> ContainerCore::instantiate(std::shared_ptr<const Linked> linked) {
  TAIRITSU_RETURN_IF_ERROR(prepare(std::move(linked)));
  return instantiate();
}

Result<void> ContainerCore::instantiate() {
  TAIRITSU_RETURN_IF_ERROR(acquire());
  auto created = ContainerState::created;
  if (!store_ || !state_.compare_exchange_strong(created, ContainerState::running)) {
    release();  // It was stopped in the meantime, perhaps before there was a call to interrupt.
    return std::unexpected(state_error());
  }
  auto done = store_->instantiate(linked_->linked);
  if (!done) {
    done = std::unexpected(fail(done.error(), std::nullopt).with_context("instantiating the component"));
  }
  finish_entry();
  return done;
}

ContainerCore* ContainerCore::lend(std::shared_ptr<ContainerCore> core,
                                   std::shared_ptr<const Linked> linked) noexcept {
  ContainerCore* lent = core.get();
  lent->linked_ = std::move(linked);
  lent->self_ = std::move(core);
  return lent;
}

void ContainerCore::take_back(ContainerCore* core) noexcept {
  core->take_back_lent();
  core->self_.reset();
}

Result<bool> ContainerCore::run_command(const bridge::ExportIndex& index) {
  TAIRITSU_RETURN_IF_ERROR(enter());
  auto ended = store_->run_command(index);
  if (!ended) ended = std::unexpected(fail(ended.error(), std::nullopt));
  finish_entry();
  return ended;
}

Result<std::shared_ptr<BoundFunction>> ContainerCore::bind(
    std::shared_ptr<const ExportedFunctionCore> exported) {
  return with_store([&](GuestStore& store) -> Result<std::shared_ptr<BoundFunction>> {
    if (exported->component != linked_->component) {
      return tairitsu::fail(
          ErrorCode::invalid_argument,
          fmt::format("function '{}' was looked up in a different component", exported->name));
    }
    TAIRITSU_TRY(auto function, store.function(*exported->index));
    return std::make_shared<BoundFunction>(shared_from_this(), std::move(function), std::move(exported));
  });
}

bool ContainerCore::call(BoundFunction& function, CallFrameBase& frame) noexcept {
  if (!try_enter()) [[unlikely]] {
    frame.error = entry_error().with_context(fmt::format("call '{}'", function.exported->name));
    return false;
  }
  frame.guest = this;
  frame.copy_limit = copy_limit();
  void* failed = store_->call(*function.function, frame);
  if (failed != nullptr) [[unlikely]] {
    frame.error = fail(GuestStore::take_call_error(failed), std::move(frame.error))
                      .with_context(fmt::format("call '{}'", function.exported->name));
  }
  finish_entry();
  return failed == nullptr;
}

void ContainerCore::stop() noexcept {
  state_.store(ContainerState::stopped);
  if (auto interrupt = interrupt_core()) interrupt->interrupt(true);
  if (busy_.exchange(true)) return;  // The running call frees the guest when it ends.
  free_guest();
  release();
}

std::shared_ptr<const InterruptCore> ContainerCore::interrupt_core() const {
  const std::scoped_lock lock(mutex_);
  return interrupt_;
}

Result<void> ContainerCore::drop_resource(const abi::Handle& handle) {
  if (auto entered = enter(); !entered) {
    if (entered.error().code() != ErrorCode::reentrant_call) return {};
    {
      const std::scoped_lock lock(mutex_);
      queued_drops_.push_back(handle);
      has_queued_drops_.store(true);
    }
    if (!busy_.exchange(true)) release();  // The other thread's call has ended in the meantime.
    return {};
  }
  Result<void> dropped = store_->drop_resource(handle);
  if (!dropped)
    dropped = std::unexpected(fail(dropped.error(), std::nullopt).with_context("dropping a resource"));
  finish_entry();
  return dropped;
}

void ContainerCore::run_queued_drops() noexcept {
  std::vector<abi::Handle> drops;
  {
    const std::scoped_lock lock(mutex_);
    drops.swap(queued_drops_);
    has_queued_drops_.store(false);
  }
  for (const abi::Handle& handle : drops) {
    if (state() != ContainerState::running) return;  // The guest is gone, and its resources with it.
    if (auto dropped = store_->drop_resource(handle); !dropped) fail(dropped.error(), std::nullopt);
  }
}

// ---- Functions for the public templates

const GuestScope& guest_of(const BoundFunction& function) noexcept { return *function.core; }

Error argument_error(const BoundFunction& function, std::size_t parameter, const Error& error) {
  return error.with_context(fmt::format("call '{}': parameter {}", function.exported->name, parameter));
}

Error empty_function_error() {
  return Error(ErrorCode::invalid_argument, "called an empty Function: look it up first");
}

bool invoke(BoundFunction& function, CallFrameBase& frame) noexcept {
  return function.core->call(function, frame);
}

Result<std::shared_ptr<BoundFunction>> bind(const std::shared_ptr<ContainerCore>& core,
                                            std::shared_ptr<const ExportedFunctionCore> exported) {
  return core->bind(std::move(exported));
}

const Component& component_of(const ContainerCore& core) noexcept { return core.image().component(); }

std::uint64_t copy_limit(const GuestScope& guest) noexcept { return core_of(guest).copy_limit(); }

void set_host_error(GuestScope& guest, std::string_view function, const Error& error) noexcept {
  core_of(guest).set_host_error(error.with_context(fmt::format("host function '{}'", function)));
}

void set_host_exception(GuestScope& guest, std::string_view function) noexcept {
  core_of(guest).set_host_error(
      Error(ErrorCode::host_function,
            fmt::format("host function '{}' threw: {}", function, current_exception_message())));
}

bool stopped_meanwhile(GuestScope& guest) noexcept {
  ContainerCore& core = core_of(guest);
  if (core.state() != ContainerState::stopped) [[likely]]
    return false;
  core.set_host_error(Error(ErrorCode::interrupted, "the container was stopped"));
  return true;
}

void* host_state(GuestScope& guest, const std::type_info& type) noexcept {
  return core_of(guest).host_state(type);
}

Result<void> attach(ContainerCore& core, const void* key, std::shared_ptr<void> value) {
  return core.attach(key, std::move(value));
}

std::unexpected<Error> no_host_state() {
  return tairitsu::fail(ErrorCode::invalid_argument,
                        "the container's host state has the wrong type for the imports: set it with "
                        "ContainerBuilder::with_host_state or with_state_factory");
}

}  // namespace tairitsu::detail

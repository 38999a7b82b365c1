#include "tairitsu/container.h"

#include "runtime/core.h"
#include "runtime/template.h"

namespace tairitsu {

std::string_view to_string(ContainerState state) noexcept {
  switch (state) {
    case ContainerState::created:
      return "created";
    case ContainerState::running:
      return "running";
    case ContainerState::stopped:
      return "stopped";
    case ContainerState::error:
      return "error";
  }
  return "unknown";
}

// ---- Linker, Instance, InterruptHandle

namespace {

constexpr std::string_view kBuilderAdvice =
    "Define them on the builder: with_bindings<World>(host) for a generated class, or with_imports, whose "
    "function calls Linker::define for each.";

/// Returns a linking error, with advice if imports are missing.
std::unexpected<Error> advised(const Error& error, std::string_view advice) {
  if (error.code() != ErrorCode::missing_import) return std::unexpected(error);
  return std::unexpected(error.with_advice(advice));
}

}  // namespace

Result<Instance> Linker::instantiate(Store& store, const Component& component) const {
  const auto& core = store.core();
  if (component.core() != core->image().component().core()) {
    return fail(ErrorCode::invalid_argument, "the store belongs to a container of a different component");
  }
  auto linked = detail::link(*data_, component.core(), core->wants_interruptible());
  if (!linked) {
    return advised(linked.error(), "Define them with Linker::define before instantiating the component.");
  }
  TAIRITSU_RETURN_IF_ERROR(core->instantiate(*std::move(linked)));
  return Instance(core);
}

void InterruptHandle::interrupt() const noexcept { core_->interrupt(false); }

// ---- Container

ContainerBuilder Container::builder(const Image& image) { return ContainerBuilder(image); }

Container::Container(std::shared_ptr<detail::ContainerCore> core) : core_(std::move(core)) {}
Container::Container(Container&&) noexcept = default;

Container& Container::operator=(Container&& other) noexcept {
  if (this != &other) {
    if (core_ != nullptr) core_->stop();
    core_ = std::move(other.core_);
    guest_ = std::move(other.guest_);
    pending_ = std::move(other.pending_);
  }
  return *this;
}

Container::~Container() {
  // Before the bindings are destroyed, so that their resources are not dropped in the guest.
  if (core_ != nullptr) core_->stop();
}

Result<void> Container::start() {
  if (!pending_) return fail(ErrorCode::invalid_argument, "the container has already been started");
  auto initializer = std::exchange(pending_, nullptr);
  Linker linker;
  Store store(core_);
  GuestContext context{.linker = linker, .store = store, .component = core_->image().component()};
  TAIRITSU_TRY(auto guest, initializer(context));
  if (core_->state() == ContainerState::created) {
    return fail(ErrorCode::invalid_argument,
                "the guest initializer did not instantiate the component: call guest.linker.instantiate");
  }
  guest_ = std::move(guest);
  return {};
}

ResourceTable* Container::resources() const noexcept { return core_->busy() ? nullptr : &core_->resources(); }

ContainerState Container::state() const noexcept { return core_->state(); }

void Container::stop() noexcept { core_->stop(); }

Result<InterruptHandle> Container::interrupt_handle() const {
  if (!image().engine().options().epochs) {
    return fail(ErrorCode::invalid_argument,
                "an interrupt handle needs an engine with EngineOptions::epochs");
  }
  auto interrupt = core_->interrupt_core();
  if (interrupt == nullptr) return fail(ErrorCode::container_stopped, "the container has not been started");
  return InterruptHandle(std::move(interrupt));
}

Result<std::uint64_t> Container::fuel() const {
  return core_->with_store([](detail::GuestStore& store) { return store.fuel(); });
}

Result<void> Container::set_fuel(std::uint64_t fuel) {
  return core_->with_store([fuel](detail::GuestStore& store) { return store.set_fuel(fuel); });
}

std::uint64_t Container::memory_bytes() const noexcept {
  return core_
      ->with_store([](detail::GuestStore& store) -> Result<std::uint64_t> { return store.memory_bytes(); })
      .value_or(0);
}

std::string Container::standard_output() const {
  return core_->with_store([](detail::GuestStore& store) -> Result<std::string> { return store.captured(0); })
      .value_or("");
}

std::string Container::standard_error() const {
  return core_->with_store([](detail::GuestStore& store) -> Result<std::string> { return store.captured(1); })
      .value_or("");
}

bool Container::standard_output_truncated() const noexcept {
  return core_->with_store([](detail::GuestStore& store) -> Result<bool> { return store.is_truncated(0); })
      .value_or(false);
}

bool Container::standard_error_truncated() const noexcept {
  return core_->with_store([](detail::GuestStore& store) -> Result<bool> { return store.is_truncated(1); })
      .value_or(false);
}

const Image& Container::image() const noexcept { return core_->image(); }

void* Container::find_host_state(const std::type_info& type) const noexcept {
  return core_->busy() ? nullptr : core_->host_state(type);
}

// ---- ContainerBuilder

ContainerBuilder::ContainerBuilder(const Image& image) : image_(image) {}

ContainerBuilder& ContainerBuilder::with_imports(std::function<Result<void>(Linker&)> define) {
  imports_.push_back(std::move(define));
  return *this;
}

ContainerBuilder& ContainerBuilder::with_guest_initializer(GuestInitializer initializer) {
  initializer_ = std::move(initializer);
  return *this;
}

ContainerBuilder& ContainerBuilder::with_limits(const Limits& limits) {
  limits_ = limits;
  return *this;
}

ContainerBuilder& ContainerBuilder::with_wasi(const WasiOptions& options) {
  wasi_ = options;
  return *this;
}

ContainerBuilder& ContainerBuilder::with_bindings_steps(detail::BindingsSteps steps) {
  imports_.push_back(steps.define);
  bindings_ = std::move(steps);
  return *this;
}

ContainerBuilder& ContainerBuilder::interruptible() {
  interruptible_ = true;
  return *this;
}

namespace {

/// Returns the policy. Checks `options` even if the component imports no WASI.
Result<detail::WasiPolicyPtr> policy_for(const Image& image, const std::optional<WasiOptions>& options) {
  if (!options && image.component().core()->wasi == 0) return detail::WasiPolicyPtr();
  return detail::make_wasi_policy(options.value_or(WasiOptions{}));
}

}  // namespace

Result<void> ContainerBuilder::begin_build() {
  if (std::exchange(used_, true)) {
    return fail(ErrorCode::invalid_argument,
                "this ContainerBuilder has already built a container or a template");
  }
  if (interruptible_ && !image_.engine().options().epochs) {
    return fail(ErrorCode::invalid_argument,
                "an interruptible container needs an engine with EngineOptions::epochs");
  }
  return {};
}

Result<Container> ContainerBuilder::create() {
  TAIRITSU_RETURN_IF_ERROR(begin_build());
  if (host_state_.empty() && state_factory_) host_state_ = state_factory_();
  if (!wasi_) {
    const auto* own = static_cast<const HostState*>(host_state_.find(typeid(HostState)));
    if (own != nullptr) wasi_ = own->wasi;
  }
  if (host_state_.empty()) {
    host_state_ = detail::HostStateHolder(
        std::make_unique<HostState>(HostState{.wasi = wasi_.value_or(WasiOptions{})}));
  }
  TAIRITSU_TRY(auto wasi, policy_for(image_, wasi_));
  const detail::ContainerOptions options{
      .limits = limits_, .wasi = std::move(wasi), .interruptible = interruptible_};
  TAIRITSU_TRY(auto core, detail::ContainerCore::create(image_, options, std::move(host_state_)));
  Container container(std::move(core));
  if (initializer_ && bindings_) {
    return fail(ErrorCode::invalid_argument,
                "with_guest_initializer and with_bindings cannot be combined: an initializer instantiates "
                "the guest itself");
  }
  container.pending_ = [imports = std::move(imports_), initializer = std::move(initializer_),
                        bindings = std::move(bindings_)](GuestContext& guest) -> Result<GuestInstance> {
    for (const auto& define : imports) TAIRITSU_RETURN_IF_ERROR(define(guest.linker));
    if (initializer) return initializer(guest);
    std::shared_ptr<const void> exports;
    if (bindings) {
      TAIRITSU_TRY(exports, bindings->look_up(guest.component));
    }
    auto instance = guest.linker.instantiate(guest.store, guest.component);
    if (!instance) return advised(instance.error(), kBuilderAdvice);
    if (bindings) return bindings->bind(*instance, exports);
    return GuestInstance(*std::move(instance));
  };
  return container;
}

Result<Container> ContainerBuilder::build() {
  TAIRITSU_TRY(auto container, create());
  TAIRITSU_RETURN_IF_ERROR(container.start());
  return container;
}

Result<ContainerTemplate> ContainerBuilder::build_template() {
  TAIRITSU_RETURN_IF_ERROR(begin_build());
  if (initializer_) {
    return fail(
        ErrorCode::invalid_argument,
        "a template instantiates its guests itself: use with_imports instead of with_guest_initializer");
  }
  if (!host_state_.empty()) {
    return fail(ErrorCode::invalid_argument,
                "the containers of a template cannot share a host state: use with_state_factory");
  }
  if (bindings_ && !bindings_->for_templates) {
    return fail(ErrorCode::invalid_argument,
                "the containers of a template cannot share a host: use with_state_factory, and "
                "with_bindings<Bindings, State>(get) with a function that finds the host in the state");
  }
  TAIRITSU_TRY(auto wasi, policy_for(image_, wasi_));
  const detail::ContainerOptions options{
      .limits = limits_, .wasi = std::move(wasi), .interruptible = interruptible_};
  // A temporary container checks the options against the engine's.
  TAIRITSU_TRY(auto checked, detail::ContainerCore::create(image_, options, detail::HostStateHolder()));
  Linker linker;
  for (const auto& define : imports_) TAIRITSU_RETURN_IF_ERROR(define(linker));
  auto linked = detail::link(linker.data(), image_.component().core(), checked->wants_interruptible());
  if (!linked) return advised(linked.error(), kBuilderAdvice);
  std::shared_ptr<const void> exports;
  if (bindings_) {
    TAIRITSU_TRY(exports, bindings_->look_up(image_.component()));
  }
  return ContainerTemplate(std::make_shared<const detail::TemplateCore>(
      image_, options, wasi_.value_or(WasiOptions{}), std::move(state_factory_), *std::move(linked),
      std::move(bindings_), std::move(exports)));
}

const Image& ContainerTemplate::image() const noexcept { return core_->image; }

Result<Container> ContainerTemplate::instantiate() const {
  TAIRITSU_TRY(auto core, detail::ContainerCore::create(core_->image, core_->options, core_->make_state()));
  TAIRITSU_RETURN_IF_ERROR(core->instantiate(core_->linked));
  Container container(std::move(core));
  if (core_->bindings) {
    TAIRITSU_TRY(container.guest_, core_->bindings->bind(container.instance(), core_->exports));
  }
  return container;
}

}  // namespace tairitsu

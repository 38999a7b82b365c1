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
    "Give the builder what they are: with_bindings<World>(host) for a generated class, or with_imports, "
    "whose function "
    "defines them one by one with Linker::define.";

/// A failure to link, with what the caller can do if something is missing.
std::unexpected<Error> advised(const Error& error, std::string_view advice) {
  if (error.code() != ErrorCode::missing_import) return std::unexpected(error);
  return std::unexpected(error.with_advice(advice));
}

}  // namespace

Result<Instance> Linker::instantiate(Store& store, const Component& component) const {
  const auto& core = store.core();
  if (component.core() != core->image().component().core()) {
    return fail(ErrorCode::invalid_argument, "the store belongs to a container of another component");
  }
  auto linked = detail::link(*data_, component.core(), core->wants_interruptible());
  if (!linked) {
    return advised(linked.error(), "Define them with Linker::define before the component is instantiated.");
  }
  TAIRITSU_CHECK(core->instantiate(*std::move(linked)));
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
  // Before the bindings go: the resources in them are not to be dropped in the guest.
  if (core_ != nullptr) core_->stop();
}

Result<void> Container::start() {
  if (!pending_) return fail(ErrorCode::invalid_argument, "the container was started already");
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
  if (interrupt == nullptr) return fail(ErrorCode::container_stopped, "the container was not started");
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

ContainerBuilder&& ContainerBuilder::with_imports(std::function<Result<void>(Linker&)> define) && {
  imports_.push_back(std::move(define));
  return std::move(*this);
}

ContainerBuilder&& ContainerBuilder::with_guest_initializer(GuestInitializer initializer) && {
  initializer_ = std::move(initializer);
  return std::move(*this);
}

ContainerBuilder&& ContainerBuilder::with_limits(const Limits& limits) && {
  limits_ = limits;
  return std::move(*this);
}

ContainerBuilder&& ContainerBuilder::with_fuel(std::uint64_t fuel) && {
  limits_.fuel = fuel;
  return std::move(*this);
}

ContainerBuilder&& ContainerBuilder::with_deadline(std::chrono::nanoseconds deadline) && {
  limits_.deadline = deadline;
  return std::move(*this);
}

ContainerBuilder&& ContainerBuilder::with_wasi(const WasiOptions& options) && {
  wasi_ = options;
  return std::move(*this);
}

ContainerBuilder&& ContainerBuilder::with_bindings_steps(detail::BindingsSteps steps) && {
  imports_.push_back(steps.define);
  bindings_ = std::move(steps);
  return std::move(*this);
}

ContainerBuilder&& ContainerBuilder::interruptible() && {
  interruptible_ = true;
  return std::move(*this);
}

namespace {

/// Options that are given are checked, whether the component has a use for them or not.
Result<detail::WasiPolicyPtr> policy_for(const Image& image, const std::optional<WasiOptions>& options) {
  if (!options && image.component().core()->wasi == 0) return detail::WasiPolicyPtr();
  return detail::make_wasi_policy(options.value_or(WasiOptions{}));
}

}  // namespace

Result<void> ContainerBuilder::check() const {
  if (interruptible_ && !image_.engine().options().epochs) {
    return fail(ErrorCode::invalid_argument,
                "an interruptible container needs an engine with EngineOptions::epochs");
  }
  return {};
}

Result<Container> ContainerBuilder::create() && {
  TAIRITSU_CHECK(check());
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
                "a guest initializer instantiates by itself: give the builder it or with_bindings, not both");
  }
  container.pending_ = [imports = std::move(imports_), initializer = std::move(initializer_),
                        bindings = std::move(bindings_)](GuestContext& guest) -> Result<GuestInstance> {
    for (const auto& define : imports) TAIRITSU_CHECK(define(guest.linker));
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

Result<Container> ContainerBuilder::build() && {
  TAIRITSU_TRY(auto container, std::move(*this).create());
  TAIRITSU_CHECK(container.start());
  return container;
}

Result<ContainerTemplate> ContainerBuilder::build_template() && {
  TAIRITSU_CHECK(check());
  if (initializer_) {
    return fail(
        ErrorCode::invalid_argument,
        "a template instantiates by itself: give its builder with_imports, not with_guest_initializer");
  }
  if (!host_state_.empty()) {
    return fail(
        ErrorCode::invalid_argument,
        "the containers of a template do not share a host state: give its builder with_state_factory");
  }
  if (bindings_ && !bindings_->for_templates) {
    return fail(ErrorCode::invalid_argument,
                "the containers of a template do not share a host: give its builder a function that finds it "
                "in the host state, with_bindings<Bindings, State>(get), and with_state_factory");
  }
  TAIRITSU_TRY(auto wasi, policy_for(image_, wasi_));
  const detail::ContainerOptions options{
      .limits = limits_, .wasi = std::move(wasi), .interruptible = interruptible_};
  // A container that is thrown away checks the options against the engine's.
  TAIRITSU_TRY(auto checked, detail::ContainerCore::create(image_, options, detail::HostStateHolder()));
  Linker linker;
  for (const auto& define : imports_) TAIRITSU_CHECK(define(linker));
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
  TAIRITSU_CHECK(core->instantiate(core_->linked));
  Container container(std::move(core));
  if (core_->bindings) {
    TAIRITSU_TRY(container.guest_, core_->bindings->bind(container.instance(), core_->exports));
  }
  return container;
}

}  // namespace tairitsu

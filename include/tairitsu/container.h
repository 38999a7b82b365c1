/// Containers: running guests.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include <tairitsu/component.h>
#include <tairitsu/dynamic_function.h>
#include <tairitsu/error.h>
#include <tairitsu/function.h>
#include <tairitsu/image.h>
#include <tairitsu/linker.h>
#include <tairitsu/wasi.h>

namespace tairitsu {

namespace detail {
class ContainerCore;
class TemplateCore;
struct InterruptCore;

template <typename T>
inline constexpr bool is_result = false;
template <typename T>
inline constexpr bool is_result<Result<T>> = true;
}  // namespace detail

/// What a guest may use. A call that reaches a limit fails with that limit's error code, and the container enters its
/// error state.
struct Limits {
  /// Fuel for the container's whole life, about one unit per WebAssembly instruction; `Container::set_fuel` can add
  /// more. Requires `EngineOptions::fuel`. Unset for no limit.
  std::optional<std::uint64_t> fuel = std::nullopt;
  /// How long one call into the guest, or its instantiation, may take. Requires `EngineOptions::epochs`, whose tick is
  /// the precision. Interrupts a guest that waits in WASI too, but not your host functions. Unset for no limit.
  std::optional<std::chrono::nanoseconds> deadline = std::nullopt;
  /// Bytes of memory: the guest's linear memories and GC heap, plus all that the host holds for the guest beyond the
  /// first MiB: tables, handles, resources, HTTP bodies and fields, stream buffers, captured output. What the host
  /// allocates during one call from the guest is counted when that call returns, so a guest can briefly exceed the
  /// limit by up to 24 MiB plus a sixteenth of the limit. Unset for no limit.
  std::optional<std::uint64_t> memory_bytes = std::nullopt;
  /// Elements of all tables together, 8 bytes each. Default: 10,000,000.
  std::optional<std::uint64_t> table_elements = std::nullopt;
  /// Core instances; also the limit of memories, and of tables. A component compiled from C has three or four core
  /// instances. Default: 10,000.
  std::optional<std::uint32_t> instances = std::nullopt;
  /// Handles of resources, streams and futures that the guest holds at a time; also the limit of resources that WASI
  /// holds for it. Default: 100,000. Guests in garbage-collected languages may never drop handles: see
  /// docs/sandbox.md.
  std::optional<std::uint32_t> resource_handles = std::nullopt;
  /// Files, directories and sockets that the guest has open at a time. Default: 256, or a quarter of what the process
  /// may open if that is less. An outgoing HTTP request beyond it fails with WASI's `connection-limit-reached`.
  std::optional<std::uint32_t> descriptors = std::nullopt;
  /// Bytes that one call may copy out of the guest: a call of the guest, or the guest's call of a host function.
  std::uint64_t copied_bytes_per_call = std::uint64_t{128} << 20;
};

/// The host state of a container whose builder was given none. The WASI context and the resource table belong to the
/// container itself, whatever its host state is.
struct HostState {
  WasiOptions wasi;
};

enum class ContainerState : std::uint8_t {
  created,  ///< Created by `ContainerBuilder::create`; the guest is not instantiated yet.
  running,  ///< The guest is instantiated and can be called.
  stopped,  ///< Stopped; the guest has been freed.
  error,    ///< A call failed after entering the guest, which cannot be entered again.
};

/// Returns `"created"`, `"running"`, `"stopped"` or `"error"`. The text is static.
[[nodiscard]] std::string_view to_string(ContainerState state) noexcept;

/// One guest's memory, tables and resources, before and after it is instantiated. Used in guest
/// initializers; belongs to its container.
class Store {
 public:
  /// For internal use.
  explicit Store(std::shared_ptr<detail::ContainerCore> core) : core_(std::move(core)) {}
  [[nodiscard]] const std::shared_ptr<detail::ContainerCore>& core() const noexcept { return core_; }

 private:
  std::shared_ptr<detail::ContainerCore> core_;
};

/// An instantiated component in a store.
class Instance {
 public:
  /// See `Container::function`.
  template <typename Signature>
  [[nodiscard]] Result<Function<Signature>> function(std::string_view name) const;
  /// See `Container::function`.
  template <typename Signature>
  [[nodiscard]] Result<Function<Signature>> function(const ExportedFunction<Signature>& exported) const;
  /// See `Container::dynamic_function`.
  [[nodiscard]] Result<DynamicFunction> dynamic_function(std::string_view name) const;

  /// For internal use.
  explicit Instance(std::shared_ptr<detail::ContainerCore> core) : core_(std::move(core)) {}
  [[nodiscard]] const std::shared_ptr<detail::ContainerCore>& core() const noexcept { return core_; }

 private:
  std::shared_ptr<detail::ContainerCore> core_;
};

/// What a guest initializer returns: any movable value, usually typed bindings of the guest.
class GuestInstance {
 public:
  GuestInstance() = default;
  /// Excludes `Result`, so that a `Result<Bindings>` converts to a `Result<GuestInstance>` and keeps its error.
  template <typename T>
    requires(!std::same_as<std::remove_cvref_t<T>, GuestInstance> &&
             !detail::is_result<std::remove_cvref_t<T>>)
  GuestInstance(T&& bindings)
      : holder_(std::make_unique<Holder<std::remove_cvref_t<T>>>(std::forward<T>(bindings))) {}

  /// Returns the bindings, or null if they have another type. Valid while the container exists.
  template <typename T>
  [[nodiscard]] T* downcast() const noexcept {
    if (holder_ == nullptr || holder_->type() != typeid(T)) return nullptr;
    return &static_cast<Holder<T>*>(holder_.get())->value;
  }

 private:
  struct HolderBase {
    virtual ~HolderBase() = default;
    [[nodiscard]] virtual const std::type_info& type() const noexcept = 0;
  };
  template <typename T>
  struct Holder final : HolderBase {
    explicit Holder(T bindings) : value(std::move(bindings)) {}
    [[nodiscard]] const std::type_info& type() const noexcept override { return typeid(T); }
    T value;
  };
  std::unique_ptr<HolderBase> holder_;
};

/// The arguments of a guest initializer.
struct GuestContext {
  Linker& linker;
  Store& store;
  const Component& component;
};

using GuestInitializer = std::function<Result<GuestInstance>(GuestContext&)>;

/// Interrupts a container's calls. A shared handle, usable from any thread; it may outlive the container.
class InterruptHandle {
 public:
  /// Makes the running call fail with `interrupted`; does nothing if no call is running. A guest that computes stops
  /// within an epoch tick, and one that waits in WASI at once.
  void interrupt() const noexcept;

  /// For internal use.
  explicit InterruptHandle(std::shared_ptr<const detail::InterruptCore> core) : core_(std::move(core)) {}

 private:
  std::shared_ptr<const detail::InterruptCore> core_;
};

class ContainerBuilder;

/// What the library needs to know about a generated class `T` of a world. Generated code specializes it.
template <typename T>
struct Bindings;

/// A running guest. Move-only. It runs one call at a time: a second call, from another thread or from one of its own
/// host functions, fails with `reentrant_call`. You may use `state`, `stop` and `interrupt_handle` from any thread at
/// any time.
class Container {
 public:
  /// Returns a builder for containers of the image.
  [[nodiscard]] static ContainerBuilder builder(const Image& image);

  Container(Container&&) noexcept;
  Container& operator=(Container&&) noexcept;
  /// Frees the guest without running its code. No call may be running.
  ~Container();

  /// Instantiates the guest of a container in state `created`. Fails like `ContainerBuilder::build`.
  [[nodiscard]] Result<void> start();

  /// Returns an exported function, after checking its C++ signature against the component's type:
  ///
  ///     auto greet = container.function<std::string(std::string_view)>("greet");
  ///
  /// A full name is `ns:pkg/iface@1.2.3#function` (a higher patch version matches too), or `function` at the world's
  /// root. `iface.function` and `function` are accepted if only one function matches. Fails with `not_found` (the
  /// message suggests similar names), `ambiguous_name`, `type_mismatch` (the message shows both signatures in WIT) or
  /// `unsupported_type`.
  template <typename Signature>
  [[nodiscard]] Result<Function<Signature>> function(std::string_view name) const {
    return instance().template function<Signature>(name);
  }
  /// Returns a function that was looked up in the component before; nothing is checked again.
  template <typename Signature>
  [[nodiscard]] Result<Function<Signature>> function(const ExportedFunction<Signature>& exported) const {
    return instance().template function<Signature>(exported);
  }

  /// Returns an exported function for calls with values, WAVE text or JSON. Fails with `not_found`, `ambiguous_name` or
  /// `unsupported_type`, like `function`.
  [[nodiscard]] Result<DynamicFunction> dynamic_function(std::string_view name) const {
    return instance().dynamic_function(name);
  }
  /// Looks a function up and calls it with values: `container.call("greet", {"world"})`. This function and the three
  /// below fail like `dynamic_function` and like the calls of `DynamicFunction`.
  [[nodiscard]] Result<Value> call(std::string_view name, std::span<const Value> arguments) const;
  [[nodiscard]] Result<Value> call(std::string_view name, std::initializer_list<Value> arguments = {}) const {
    return call(name, std::span<const Value>(arguments.begin(), arguments.size()));
  }
  /// Evaluates a call in WAVE and returns the result as a value: `container.call_wave_value("greet(\"world\")")`.
  /// Errors name the line and column in the text.
  [[nodiscard]] Result<Value> call_wave_value(std::string_view call) const;
  /// Evaluates a call in WAVE and returns the result as WAVE; `()` if the function has no result.
  [[nodiscard]] Result<std::string> call_wave(std::string_view call) const;
  /// Calls a function with JSON arguments and returns the result as JSON:
  /// `container.call_json("greet", R"(["world"])")`.
  [[nodiscard]] Result<std::string> call_json(std::string_view name, std::string_view arguments,
                                              const JsonOptions& options = {}) const;

  /// Returns what the guest initializer returned; an `Instance` if the builder has neither initializer nor bindings.
  [[nodiscard]] const GuestInstance& guest() const noexcept { return guest_; }
  /// Returns the guest's bindings: `container.guest<Greeter>()`. Null unless the builder got `with_bindings<Greeter>`
  /// or an initializer that returns a `Greeter`. Valid while the container exists.
  template <typename T>
  [[nodiscard]] T* guest() const noexcept {
    return guest_.downcast<T>();
  }
  /// Returns the host state; null if it has another type, or while a call is running. Valid while the container
  /// exists.
  template <typename State = HostState>
  [[nodiscard]] State* host_state() const noexcept {
    return static_cast<State*>(find_host_state(typeid(State)));
  }

  /// Returns the host's objects that the guest holds handles of; null while a call is running.
  [[nodiscard]] ResourceTable* resources() const noexcept;

  [[nodiscard]] ContainerState state() const noexcept;
  /// Stops the container without waiting: interrupts a running call and frees the guest, and later calls fail with
  /// `container_stopped`. Without `EngineOptions::epochs` a running call continues to its end before the guest is
  /// freed.
  void stop() noexcept;
  /// Returns a handle that interrupts calls. Fails with `invalid_argument` if the engine has no epochs, and with
  /// `container_stopped` if the guest is not running.
  [[nodiscard]] Result<InterruptHandle> interrupt_handle() const;

  /// Returns the remaining fuel. Fails with `invalid_argument` if the engine does not count fuel, with `reentrant_call`
  /// while a call is running, and with `container_stopped` once the guest is freed.
  [[nodiscard]] Result<std::uint64_t> fuel() const;
  /// Sets the remaining fuel. Fails like `fuel`.
  [[nodiscard]] Result<void> set_fuel(std::uint64_t fuel);
  /// Returns the size of the guest's linear memory in bytes; 0 while a call is running and once the guest is freed.
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept;
  /// Returns what the guest has written to a captured stream; empty while a call is running and once the guest is
  /// freed.
  [[nodiscard]] std::string standard_output() const;
  [[nodiscard]] std::string standard_error() const;
  /// Returns whether the guest tried to write more to a captured stream than `WasiOptions::capture_capacity`. The
  /// beginning is kept, the rest is lost.
  [[nodiscard]] bool standard_output_truncated() const noexcept;
  [[nodiscard]] bool standard_error_truncated() const noexcept;

  [[nodiscard]] const Image& image() const noexcept;

 private:
  friend class ContainerBuilder;
  friend class ContainerTemplate;
  explicit Container(std::shared_ptr<detail::ContainerCore> core);
  [[nodiscard]] Instance instance() const { return Instance(core_); }
  [[nodiscard]] void* find_host_state(const std::type_info& type) const noexcept;

  std::shared_ptr<detail::ContainerCore> core_;
  GuestInstance guest_;
  std::function<Result<GuestInstance>(GuestContext&)> pending_;  // In state `created`: what `start` runs.
};

namespace detail {

/// Holds a user's host state of any type.
class HostStateHolder {
 public:
  HostStateHolder() = default;
  template <typename State>
  explicit HostStateHolder(std::unique_ptr<State> state)
      : type_(&typeid(State)), state_(state.release(), [](void* p) { delete static_cast<State*>(p); }) {}
  [[nodiscard]] void* find(const std::type_info& type) const noexcept {
    return type_ != nullptr && *type_ == type ? state_.get() : nullptr;
  }
  [[nodiscard]] bool empty() const noexcept { return type_ == nullptr; }

 private:
  const std::type_info* type_ = nullptr;
  std::unique_ptr<void, void (*)(void*)> state_{nullptr, [](void*) {}};
};

/// The steps by which generated bindings set up a container.
struct BindingsSteps {
  std::function<Result<void>(Linker&)> define;
  std::function<Result<std::shared_ptr<const void>>(const Component&)> look_up;
  std::function<Result<GuestInstance>(const Instance&, const std::shared_ptr<const void>&)> bind;
  bool for_templates = false;  // Whether several containers may share what `define` defines.
};

}  // namespace detail

/// A component whose imports are resolved, from which a container is created in about ten microseconds. A shared
/// handle: cheap to copy, usable from any thread.
class ContainerTemplate {
 public:
  /// Creates a running container, with its own host state from the state factory. Fails like a call, or if a pool or a
  /// limit is exhausted.
  [[nodiscard]] Result<Container> instantiate() const;
  [[nodiscard]] const Image& image() const noexcept;

  /// For internal use.
  [[nodiscard]] const std::shared_ptr<const detail::TemplateCore>& core() const noexcept { return core_; }

 private:
  friend class ContainerBuilder;
  explicit ContainerTemplate(std::shared_ptr<const detail::TemplateCore> core) : core_(std::move(core)) {}
  std::shared_ptr<const detail::TemplateCore> core_;
};

/// Configures and creates containers. Every step is optional. Use a builder from one thread, and build once.
class ContainerBuilder {
 public:
  explicit ContainerBuilder(const Image& image);

  /// Sets the host state, of any movable type. `Caller::state` and `Container::host_state` return it.
  template <typename State>
  ContainerBuilder& with_host_state(State state) {
    host_state_ = detail::HostStateHolder(std::make_unique<State>(std::move(state)));
    return *this;
  }
  /// Sets a function that creates the host state of each container of a template. Any thread that instantiates may
  /// call it.
  template <std::invocable Factory>
  ContainerBuilder& with_state_factory(Factory factory) {
    state_factory_ = [factory = std::move(factory)] {
      using Made = std::remove_cvref_t<decltype(factory())>;
      return detail::HostStateHolder(std::make_unique<Made>(factory()));
    };
    return *this;
  }
  /// Defines imports: `[](Linker& linker) { return linker.define("log", …); }`. You may call it several times.
  ContainerBuilder& with_imports(std::function<Result<void>(Linker&)> define);
  /// Defines imports from an object that has `add_to_linker`, such as a `HostImports`.
  template <typename Imports>
    requires requires(const Imports& imports, Linker& linker) {
      { imports.add_to_linker(linker) } -> std::same_as<Result<void>>;
    }
  ContainerBuilder& with_imports(Imports imports) {
    return with_imports(std::function<Result<void>(Linker&)>(
        [imports = std::move(imports)](Linker& linker) { return imports.add_to_linker(linker); }));
  }
  /// Uses generated bindings: defines the world's imports, looks up and checks all exports, and makes
  /// `Container::guest<Bindings>()` return the world's class:
  ///
  ///     Container::builder(image).with_bindings<Greeter>(host).build()
  ///
  /// A host is any object with the imports' functions: one for all imports, or one per imported interface in the order
  /// of the class's `add_to_linker`. A host that is passed as an lvalue is used in place and must outlive the
  /// container; any other is moved.
  template <typename Bindings, typename... Hosts>
    requires(sizeof...(Hosts) > 0)
  ContainerBuilder& with_bindings(Hosts&&... hosts);
  /// Uses generated bindings with hosts that are part of the host state, for containers and templates:
  /// `with_bindings<Greeter, State>([](State& s) -> Host& { return s.host; })`.
  template <typename Bindings, typename State, typename... Get>
    requires(sizeof...(Get) > 0 && (std::invocable<const Get&, State&> && ...))
  ContainerBuilder& with_bindings(Get... get);
  /// Uses generated bindings of a world that has no imports, or whose imports `with_imports` defines.
  template <typename Bindings>
  ContainerBuilder& with_bindings();
  /// Replaces instantiation: the initializer gets the linker, the store and the component, and returns what
  /// `Container::guest()` returns.
  ContainerBuilder& with_guest_initializer(GuestInitializer initializer);
  /// Sets all limits: `with_limits({.fuel = 1'000'000})`.
  ContainerBuilder& with_limits(const Limits& limits);
  /// Sets what the guest sees of its host. The default is nothing.
  ContainerBuilder& with_wasi(const WasiOptions& options);
  /// Lets `Container::interrupt_handle` interrupt a guest that waits in WASI; a deadline implies it. Calls into guests
  /// that import WASI then take about twice as long, and host functions run on the guest's fiber, which has 1.5 MiB of
  /// stack for them.
  ContainerBuilder& interruptible();

  /// Creates a container and instantiates its guest; its state is `running`. Fails like `Linker::instantiate`, and with
  /// `invalid_argument` if a limit requires an engine option that is off.
  [[nodiscard]] Result<Container> build();
  /// Creates a container whose guest `Container::start` instantiates; its state is `created`. Fails with
  /// `invalid_argument` like `build`.
  [[nodiscard]] Result<Container> create();
  /// Resolves the imports and checks all types once, for `ContainerTemplate::instantiate`. Fails like `build`, and with
  /// `invalid_argument` if the builder has a host state instead of a state factory, or a guest initializer.
  [[nodiscard]] Result<ContainerTemplate> build_template();

 private:
  template <typename T, typename State, typename... Get>
  ContainerBuilder& add_bindings(bool for_templates, Get... get);
  ContainerBuilder& with_bindings_steps(detail::BindingsSteps steps);
  [[nodiscard]] Result<void> begin_build();

  Image image_;
  detail::HostStateHolder host_state_;
  std::function<detail::HostStateHolder()> state_factory_;
  std::vector<std::function<Result<void>(Linker&)>> imports_;
  GuestInitializer initializer_;
  std::optional<detail::BindingsSteps> bindings_;
  Limits limits_;
  std::optional<WasiOptions> wasi_;
  bool interruptible_ = false;
  bool used_ = false;
};

namespace detail {
[[nodiscard]] Result<std::shared_ptr<BoundFunction>> bind(
    const std::shared_ptr<ContainerCore>& core, std::shared_ptr<const ExportedFunctionCore> exported);
[[nodiscard]] const Component& component_of(const ContainerCore& core) noexcept;
/// Calls `GuestScope::attach`.
[[nodiscard]] Result<void> attach(ContainerCore& core, const void* key, std::shared_ptr<void> value);
}  // namespace detail

template <typename Signature>
Result<Function<Signature>> Instance::function(std::string_view name) const {
  auto exported = detail::component_of(*core_).function<Signature>(name);
  if (!exported) return std::unexpected(std::move(exported).error());
  return function(*exported);
}

template <typename Signature>
Result<Function<Signature>> Instance::function(const ExportedFunction<Signature>& exported) const {
  auto bound = detail::bind(core_, exported.core());
  if (!bound) return std::unexpected(std::move(bound).error());
  return Function<Signature>(*std::move(bound));
}

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

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

/// What a guest may use. Hitting a limit is an error with a code of its own; the container is then
/// in its error state, and the process goes on.
struct Limits {
  /// Fuel for the container's whole life, about one a WebAssembly instruction; more can be given
  /// with `Container::set_fuel`. Needs `EngineOptions::fuel`. Where it is unset there is no limit.
  std::optional<std::uint64_t> fuel = std::nullopt;
  /// How long one call into the guest (its instantiation included) may take. Needs
  /// `EngineOptions::epochs`, whose tick is the precision. A guest that waits in WASI is cut off too;
  /// a host function of yours is not.
  std::optional<std::chrono::nanoseconds> deadline = std::nullopt;
  /// Bytes of memory: the guest's linear memories and GC heap, and whatever else the host holds for the guest
  /// beyond the first MiB: tables, handles, resources, HTTP bodies and fields, buffers of streams, captured
  /// output. What one call from the guest makes the host allocate is counted when the call returns, so that
  /// the limit may be exceeded by that much for a moment: 24 MiB plus a sixteenth of the limit at most.
  std::optional<std::uint64_t> memory_bytes = std::nullopt;
  /// Elements of all tables together, of 8 bytes each. Default: 10,000,000.
  std::optional<std::uint64_t> table_elements = std::nullopt;
  /// Core instances, and also memories and tables, each. A component made of C has three or four
  /// core instances. Default: 10,000.
  std::optional<std::uint32_t> instances = std::nullopt;
  /// Handles of resources, streams and futures that the guest holds at a time, and also resources that the
  /// host's WASI holds for it. Default: 100,000. Guests in garbage-collected languages may never drop theirs: see
  /// docs/sandbox.md.
  std::optional<std::uint32_t> resource_handles = std::nullopt;
  /// Files, directories and sockets that the guest has open at a time. Default: 256, or a quarter of what the
  /// process may open, whichever is less. An outgoing HTTP request beyond it fails with WASI's
  /// `connection-limit-reached`.
  std::optional<std::uint32_t> descriptors = std::nullopt;
  /// Bytes that one call (of the guest, or of a host function by it) may copy out of the guest.
  std::uint64_t copied_bytes_per_call = std::uint64_t{128} << 20;
};

/// The host state of a container whose builder was given none: its WASI options and nothing else. The
/// WASI context and the resource table belong to the container itself, whatever its host state.
struct HostState {
  WasiOptions wasi;
};

enum class ContainerState : std::uint8_t {
  created,  ///< Made by `ContainerBuilder::create`; its guest is not instantiated yet.
  running,  ///< Its guest lives and can be called.
  stopped,  ///< Stopped; its guest is gone.
  error,    ///< A call failed after entering the guest, which cannot be entered again.
};

/// `"created"`, `"running"`, `"stopped"` or `"error"`. Valid for ever.
[[nodiscard]] std::string_view to_string(ContainerState state) noexcept;

/// One guest's memory, tables and resources, before and after it is instantiated. Used in guest
/// initializers; belongs to its container.
class Store {
 public:
  /// For the library's own layers.
  explicit Store(std::shared_ptr<detail::ContainerCore> core) : core_(std::move(core)) {}
  [[nodiscard]] const std::shared_ptr<detail::ContainerCore>& core() const noexcept { return core_; }

 private:
  std::shared_ptr<detail::ContainerCore> core_;
};

/// An instantiated component in a store.
class Instance {
 public:
  /// As `Container::function`.
  template <typename Signature>
  [[nodiscard]] Result<Function<Signature>> function(std::string_view name) const;
  /// As `Container::function`.
  template <typename Signature>
  [[nodiscard]] Result<Function<Signature>> function(const ExportedFunction<Signature>& exported) const;
  /// As `Container::dynamic_function`.
  [[nodiscard]] Result<DynamicFunction> dynamic_function(std::string_view name) const;

  /// For the library's own layers.
  explicit Instance(std::shared_ptr<detail::ContainerCore> core) : core_(std::move(core)) {}
  [[nodiscard]] const std::shared_ptr<detail::ContainerCore>& core() const noexcept { return core_; }

 private:
  std::shared_ptr<detail::ContainerCore> core_;
};

/// What a guest initializer gives back: any movable value, usually typed bindings of the guest.
class GuestInstance {
 public:
  GuestInstance() = default;
  /// Not of a `Result`: a `Result<Bindings>` becomes a `Result<GuestInstance>`, its error included.
  template <typename T>
    requires(!std::same_as<std::remove_cvref_t<T>, GuestInstance> &&
             !detail::is_result<std::remove_cvref_t<T>>)
  GuestInstance(T&& bindings)
      : holder_(std::make_unique<Holder<std::remove_cvref_t<T>>>(std::forward<T>(bindings))) {}

  /// The bindings, or null where they are of another type. Valid as long as the container.
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

/// What a guest initializer works with.
struct GuestContext {
  Linker& linker;
  Store& store;
  const Component& component;
};

using GuestInitializer = std::function<Result<GuestInstance>(GuestContext&)>;

/// Cuts off a container's calls. A shared handle, usable from any thread; it may outlive the container.
class InterruptHandle {
 public:
  /// The call that runs now fails with `interrupted`; without one, nothing happens. A guest that
  /// computes notices within an epoch tick, one that waits in WASI at once.
  void interrupt() const noexcept;

  /// For the library's own layers.
  explicit InterruptHandle(std::shared_ptr<const detail::InterruptCore> core) : core_(std::move(core)) {}

 private:
  std::shared_ptr<const detail::InterruptCore> core_;
};

class ContainerBuilder;

/// What generated bindings tell of a world's class, here `T`; specialised beside it.
template <typename T>
struct Bindings;

/// A running guest. Move-only. One call at a time: a second one, from another thread or from a host
/// function of the container's own, fails with `reentrant_call`. `state`, `stop` and
/// `interrupt_handle` may be used from any thread at any time.
class Container {
 public:
  /// Begins the making of a container.
  [[nodiscard]] static ContainerBuilder builder(const Image& image);

  Container(Container&&) noexcept;
  Container& operator=(Container&&) noexcept;
  /// Ends the guest. No guest code runs; no call may be running.
  ~Container();

  /// Instantiates the guest of a container in state `created`.
  [[nodiscard]] Result<void> start();

  /// Finds an exported function and checks its C++ signature against the component's type:
  ///
  ///     auto greet = container.function<std::string(std::string_view)>("greet");
  ///
  /// Names: `ns:pkg/iface@1.2.3#function` (a higher patch version fits), plain `function` at the
  /// world's root; or, where only one function fits, `iface.function` and `function`. Fails with
  /// `not_found` (offering the nearest names), `ambiguous_name`, `type_mismatch` (both signatures in
  /// WIT words) or `unsupported_type`.
  template <typename Signature>
  [[nodiscard]] Result<Function<Signature>> function(std::string_view name) const {
    return instance().template function<Signature>(name);
  }
  /// The same for a function that was looked up in the component before: nothing is checked again.
  template <typename Signature>
  [[nodiscard]] Result<Function<Signature>> function(const ExportedFunction<Signature>& exported) const {
    return instance().template function<Signature>(exported);
  }

  /// Finds an exported function whose type the component tells, for calls with values, text or JSON. Fails as
  /// `function` does.
  [[nodiscard]] Result<DynamicFunction> dynamic_function(std::string_view name) const {
    return instance().dynamic_function(name);
  }
  /// Looks a function up and calls it: `container.call("greet", {"world"})`. See `DynamicFunction`.
  [[nodiscard]] Result<Value> call(std::string_view name, std::span<const Value> arguments) const;
  [[nodiscard]] Result<Value> call(std::string_view name, std::initializer_list<Value> arguments = {}) const {
    return call(name, std::span<const Value>(arguments.begin(), arguments.size()));
  }
  /// The same with the whole call as text, the arguments as WAVE: `container.evaluate("greet(\"world\")")`. Errors
  /// have the line and the column in that text.
  [[nodiscard]] Result<Value> evaluate(std::string_view call) const;
  /// The same, and the result as WAVE too; `()` where there is none.
  [[nodiscard]] Result<std::string> call_text(std::string_view call) const;
  /// The same with arguments and result as JSON: `container.call_json("greet", R"(["world"])")`.
  [[nodiscard]] Result<std::string> call_json(std::string_view name, std::string_view arguments,
                                              const JsonOptions& options = {}) const;

  /// What the guest initializer gave.
  [[nodiscard]] const GuestInstance& guest() const noexcept { return guest_; }
  /// The same as bindings of that type, or null where they are of another: `container.guest<Greeter>()`. Not
  /// null where the builder was given `with_bindings<Greeter>`.
  template <typename T>
  [[nodiscard]] T* guest() const noexcept {
    return guest_.downcast<T>();
  }
  /// The host state, between calls. Null where it is of another type, or while a call runs.
  template <typename State = HostState>
  [[nodiscard]] State* host_state() const noexcept {
    return static_cast<State*>(find_host_state(typeid(State)));
  }

  /// The host's objects that the guest holds handles of, between calls. Null while a call runs.
  [[nodiscard]] ResourceTable* resources() const noexcept;

  [[nodiscard]] ContainerState state() const noexcept;
  /// Ends the guest: a running call is cut off (it needs `EngineOptions::epochs` for that, else it is
  /// waited out by the thread that makes it), and later calls fail with `container_stopped`.
  void stop() noexcept;
  /// Fails with `invalid_argument` where the engine has no epochs.
  [[nodiscard]] Result<InterruptHandle> interrupt_handle() const;

  /// The fuel that is left. Fails where the engine counts none, and while a call runs.
  [[nodiscard]] Result<std::uint64_t> fuel() const;
  [[nodiscard]] Result<void> set_fuel(std::uint64_t fuel);
  /// Bytes of linear memory that the guest has now; 0 once it is gone.
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept;
  /// What the guest has written to captured streams so far.
  [[nodiscard]] std::string standard_output() const;
  [[nodiscard]] std::string standard_error() const;
  /// Whether the guest tried to write more to a captured stream than `WasiOptions::capture_capacity`: the beginning
  /// is kept, the rest is lost.
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
  std::function<Result<GuestInstance>(GuestContext&)> pending_;  // What `start` does, while `created`.
};

namespace detail {

/// A user's host state, whatever its type.
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

/// What generated bindings do for a container, step by step.
struct BindingsSteps {
  std::function<Result<void>(Linker&)> define;
  std::function<Result<std::shared_ptr<const void>>(const Component&)> look_up;
  std::function<Result<GuestInstance>(const Instance&, const std::shared_ptr<const void>&)> bind;
  bool for_templates = false;  // Whether several containers may use what `define` gives.
};

}  // namespace detail

/// A component with its imports resolved, for making many containers: each takes about ten
/// microseconds. A shared handle: cheap to copy, usable from any thread.
class ContainerTemplate {
 public:
  /// Makes a container with a host state of its own from the state factory. Its guest is running.
  [[nodiscard]] Result<Container> instantiate() const;
  [[nodiscard]] const Image& image() const noexcept;

  /// For the library's own layers.
  [[nodiscard]] const std::shared_ptr<const detail::TemplateCore>& core() const noexcept { return core_; }

 private:
  friend class ContainerBuilder;
  explicit ContainerTemplate(std::shared_ptr<const detail::TemplateCore> core) : core_(std::move(core)) {}
  std::shared_ptr<const detail::TemplateCore> core_;
};

/// Makes a container, step by step. Each step may be left out.
class ContainerBuilder {
 public:
  explicit ContainerBuilder(const Image& image);

  /// The host state: any movable type of yours.
  template <typename State>
  ContainerBuilder&& with_host_state(State state) && {
    host_state_ = detail::HostStateHolder(std::make_unique<State>(std::move(state)));
    return std::move(*this);
  }
  /// For templates: makes each container's host state. Called from any thread that instantiates.
  template <std::invocable Factory>
  ContainerBuilder&& with_state_factory(Factory factory) && {
    state_factory_ = [factory = std::move(factory)] {
      using Made = std::remove_cvref_t<decltype(factory())>;
      return detail::HostStateHolder(std::make_unique<Made>(factory()));
    };
    return std::move(*this);
  }
  /// Fills the linker: `[](Linker& linker) { return linker.define("log", …); }`. May be given more than once.
  ContainerBuilder&& with_imports(std::function<Result<void>(Linker&)> define) &&;
  /// The same with what fills a linker by itself, such as a `HostImportRegistry`.
  template <typename Imports>
    requires requires(const Imports& imports, Linker& linker) {
      { imports.add_to_linker(linker) } -> std::same_as<Result<void>>;
    }
  ContainerBuilder&& with_imports(Imports imports) && {
    return std::move(*this).with_imports(std::function<Result<void>(Linker&)>(
        [imports = std::move(imports)](Linker& linker) { return imports.add_to_linker(linker); }));
  }
  /// Generated bindings: gives the linker the world's imports, finds all exports and checks their types, and
  /// makes `Container::guest()` the world's class. A host is any object that has the imports' functions: one
  /// for all of them, or one for each imported interface in the order that the class's `add_to_linker` names.
  /// One that is passed as an lvalue is used where it is and outlives the container, any other moves in.
  ///
  ///     Container::builder(image).with_bindings<Greeter>(host).build()
  template <typename Bindings, typename... Hosts>
    requires(sizeof...(Hosts) > 0)
  ContainerBuilder&& with_bindings(Hosts&&... hosts) &&;
  /// The same for a host that is found in the host state: `with_bindings<Greeter, State>([](State& s) ->
  /// Host& { return s.host; })`; one for all imports, or one for each interface. For templates too.
  template <typename Bindings, typename State, typename... Get>
    requires(sizeof...(Get) > 0 && (std::invocable<const Get&, State&> && ...))
  ContainerBuilder&& with_bindings(Get... get) &&;
  /// The same for a world that imports nothing, or whose imports `with_imports` gives.
  template <typename Bindings>
  ContainerBuilder&& with_bindings() &&;
  /// Takes over instantiation: it gets the linker, the store and the component, and gives back what
  /// `Container::guest()` shows.
  ContainerBuilder&& with_guest_initializer(GuestInitializer initializer) &&;
  ContainerBuilder&& with_limits(const Limits& limits) &&;
  ContainerBuilder&& with_fuel(std::uint64_t fuel) &&;
  ContainerBuilder&& with_deadline(std::chrono::nanoseconds deadline) &&;
  ContainerBuilder&& with_wasi(const WasiOptions& options) &&;
  /// Lets other threads cut calls off through `Container::interrupt_handle` even where a guest waits
  /// in WASI. A deadline implies it. Calls into guests that import WASI then take about twice as long, and
  /// host functions run on the guest's fiber, which has 1.5 MiB of stack for them.
  ContainerBuilder&& interruptible() &&;

  /// Makes the container and instantiates its guest: state `running`. Fails as `Linker::instantiate`
  /// does, and with `invalid_argument` where a limit needs an engine option that is off.
  [[nodiscard]] Result<Container> build() &&;
  /// Makes the container and leaves its guest for `Container::start`: state `created`.
  [[nodiscard]] Result<Container> create() &&;
  /// Resolves the imports and checks everything once, for `ContainerTemplate::instantiate`. Takes a
  /// state factory, not a state, and no guest initializer.
  [[nodiscard]] Result<ContainerTemplate> build_template() &&;

 private:
  template <typename T, typename State, typename... Get>
  ContainerBuilder&& add_bindings(bool for_templates, Get... get) &&;
  ContainerBuilder&& with_bindings_steps(detail::BindingsSteps steps) &&;
  [[nodiscard]] Result<void> check() const;

  Image image_;
  detail::HostStateHolder host_state_;
  std::function<detail::HostStateHolder()> state_factory_;
  std::vector<std::function<Result<void>(Linker&)>> imports_;
  GuestInitializer initializer_;
  std::optional<detail::BindingsSteps> bindings_;
  Limits limits_;
  std::optional<WasiOptions> wasi_;
  bool interruptible_ = false;
};

namespace detail {
[[nodiscard]] Result<std::shared_ptr<BoundFunction>> bind(
    const std::shared_ptr<ContainerCore>& core, std::shared_ptr<const ExportedFunctionCore> exported);
[[nodiscard]] const Component& component_of(const ContainerCore& core) noexcept;
/// `GuestScope::attach`.
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

/// Commands: typed requests by name, between the parts of a host.
///
///     struct Add { using Response = int; int a{}; int b{}; };
///
///     tairitsu::WitCommandDispatcher dispatcher;
///     TAIRITSU_CHECK(dispatcher.register_handler(
///         "add", tairitsu::simple_handler<Add>([](const Add& add) { return add.a + add.b; })));
///     TAIRITSU_TRY(const int sum, dispatcher.dispatch("add", Add{.a = 1, .b = 2}));
///
/// Commands are types of yours, and are passed as they are: nothing is fixed, nothing is serialised. A
/// guest does not see them; a host function may dispatch one, and a handler may call a guest.
///
/// Everything here may be used from many threads at once, but for filling a `CompositeWitInterface`.
/// Nothing is locked while a handler runs but the state of a `stateful_handler`, so that handlers may
/// dispatch, register and remove.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <atomic>
#include <concepts>
#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include <tairitsu/error.h>

namespace tairitsu {

class Image;
class WitInterface;

/// A command: any class that names the type of its answer, `using Response = …;`, which may be `void`.
template <typename C>
concept WitCommand = std::same_as<C, std::remove_cvref_t<C>> && requires { typename C::Response; } &&
                     (std::is_void_v<typename C::Response> || std::movable<typename C::Response>);

/// Executes commands of one type. Derive from it, or make one with `simple_handler` or `stateful_handler`.
template <WitCommand C>
class WitCommandHandler {
 public:
  virtual ~WitCommandHandler() = default;
  /// The answer, or an error, which reaches whoever dispatched the command, with its code and with the
  /// command's name before its message. An exception becomes a `host_function` error. Called by every
  /// thread that dispatches, several at once.
  [[nodiscard]] virtual Result<typename C::Response> execute(const C& command) = 0;
};

/// Handlers by the names of their commands. Handlers may keep a reference to their dispatcher; it must
/// live until the last `dispatch` has returned.
class WitCommandDispatcher {
 public:
  WitCommandDispatcher() = default;
  WitCommandDispatcher(const WitCommandDispatcher&) = delete;
  WitCommandDispatcher& operator=(const WitCommandDispatcher&) = delete;

  /// Registers a handler under any non-empty name. For a handler class of yours the command is spelt out:
  /// `register_handler<Add>("add", std::make_shared<AddHandler>())`. Fails with `already_exists` where the
  /// name is taken and with `invalid_argument` where it is empty or the handler is null.
  template <WitCommand C>
  [[nodiscard]] Result<void> register_handler(std::string name,
                                              std::shared_ptr<WitCommandHandler<C>> handler) {
    return add(std::move(name), std::move(handler), typeid(C));
  }

  /// Registers all handlers of an interface, or none: where it fails or throws, what it has registered
  /// is taken back. Until all are there only the calling thread has them, while their names are taken
  /// for the others. What the interface removes is not put back.
  [[nodiscard]] Result<void> register_interface(const WitInterface& interface);

  /// Executes a command. Fails with `not_found`, offering the nearest names, with `type_mismatch` where
  /// the handler of that name takes another type than `C` itself, with `host_function` where the handler
  /// throws, or as the handler does. A handler that is removed meanwhile lives until it has returned.
  template <WitCommand C>
  [[nodiscard]] Result<typename C::Response> dispatch(std::string_view name, const C& command) const {
    auto handler = find(name, typeid(C));
    if (!handler) return std::unexpected(std::move(handler).error());
    try {
      auto response = static_cast<WitCommandHandler<C>*>(handler->get())->execute(command);
      if (!response) return std::unexpected(failed(name, response.error()));
      return response;
    } catch (...) {
      return std::unexpected(threw(name));
    }
  }

  [[nodiscard]] bool contains(std::string_view name) const;
  /// In alphabetical order.
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] std::size_t size() const;
  /// Frees a name; calls that run already are not cut off. Fails with `not_found` as `dispatch` does.
  [[nodiscard]] Result<void> remove(std::string_view name);

 private:
  friend class CompositeWitInterface;
  /// What one thread registers together.
  struct Transaction {
    std::thread::id thread;
  };
  struct Entry {
    std::shared_ptr<void> handler;  // A WitCommandHandler of the command.
    const std::type_info* command;
    const Transaction* pending;  // Null once it is there for all.
  };

  [[nodiscard]] Result<void> add(std::string name, std::shared_ptr<void> handler,
                                 const std::type_info& command);
  [[nodiscard]] Result<std::shared_ptr<void>> find(std::string_view name,
                                                   const std::type_info& command) const;
  [[nodiscard]] static Error failed(std::string_view name, const Error& error);
  /// For the exception that is being handled.
  [[nodiscard]] static Error threw(std::string_view name);
  [[nodiscard]] Error not_found(std::string_view name) const;
  /// Whether the calling thread has the entry.
  [[nodiscard]] static bool is_visible(const Entry& entry);
  /// The innermost that the calling thread runs, or null.
  [[nodiscard]] const Transaction* transaction() const;
  /// Calls `body` and keeps what it registers on this thread if it succeeds. They nest.
  [[nodiscard]] Result<void> all_or_nothing(const std::function<Result<void>()>& body);
  void end(const Transaction& transaction, bool keep);

  mutable std::mutex mutex_;  // Not a shared one: those who dispatch would keep others from registering.
  std::map<std::string, Entry, std::less<>> handlers_;
  std::vector<const Transaction*> transactions_;  // Those that run, inner ones last.
};

/// Commands that belong together, and what it takes to handle them. Nothing in it changes when it is
/// registered, so that it may be with several dispatchers and from several threads.
class WitInterface {
 public:
  virtual ~WitInterface() = default;
  /// For messages and listings. Valid as long as the interface.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Registers its handlers, on the calling thread, and fails as that does. Handlers outlive the
  /// interface: they share what they need of it. `WitCommandDispatcher::register_interface` calls this, and
  /// takes back what was registered where it fails.
  [[nodiscard]] virtual Result<void> register_handlers(WitCommandDispatcher& dispatcher) const = 0;
};

/// Several interfaces as one, which may be composites in turn. Filled by one thread.
class CompositeWitInterface : public WitInterface {
 public:
  explicit CompositeWitInterface(std::string name);

  /// Fails with `invalid_argument` where it is null and with `already_exists` where one of its name is in.
  [[nodiscard]] Result<void> add(std::unique_ptr<const WitInterface> interface);
  /// The names of its interfaces, in the order in which they were added and are registered.
  [[nodiscard]] std::vector<std::string> names() const;

  [[nodiscard]] std::string_view name() const override;
  /// Registers the handlers of all, or none, as `WitCommandDispatcher::register_interface` does.
  [[nodiscard]] Result<void> register_handlers(WitCommandDispatcher& dispatcher) const override;

 private:
  std::string name_;
  std::vector<std::unique_ptr<const WitInterface>> interfaces_;
};

namespace detail {

/// A mutex that knows who has it, so that no thread waits for itself.
class StateMutex {
 public:
  /// Waits for the mutex. False where the calling thread has it already.
  [[nodiscard]] bool lock();
  void unlock();

 private:
  std::mutex mutex_;
  std::atomic<std::thread::id> holder_;
};

[[nodiscard]] Error state_in_use();

template <typename T>
struct ResultOf {
  using type = Result<T>;
};
template <typename T>
struct ResultOf<std::expected<T, Error>> {
  using type = Result<T>;
};

/// A function of `Args` that returns the response, or a `Result` of it, or nothing where it is void.
template <typename F, typename Response, typename... Args>
concept Answers = std::invocable<F, Args...> &&
                  ((std::is_void_v<Response> && std::is_void_v<std::invoke_result_t<F, Args...>>) ||
                   std::convertible_to<std::invoke_result_t<F, Args...>, Result<Response>>);

template <typename Response, typename F, typename... Args>
[[nodiscard]] Result<Response> answer(F& f, Args&... args) {
  if constexpr (std::is_void_v<std::invoke_result_t<F&, Args&...>>) {
    std::invoke(f, args...);
    return {};
  } else {
    return std::invoke(f, args...);
  }
}

}  // namespace detail

/// A value that several handlers share, and that one thread at a time has to itself. Copies are handles
/// of the one value, which lives as long as any of them.
template <typename State>
class SharedState {
 public:
  explicit SharedState(State state) : SharedState(std::in_place, std::move(state)) {}
  /// Makes the value where it stays, for types that cannot be moved.
  template <typename... Args>
    requires std::constructible_from<State, Args...>
  explicit SharedState(std::in_place_t, Args&&... args)
      : guarded_(std::make_shared<Guarded>(std::forward<Args>(args)...)) {}
  // A move copies: there is no handle without a value.
  SharedState(const SharedState&) = default;
  SharedState& operator=(const SharedState&) = default;
  ~SharedState() = default;

  /// Waits for the value, calls `f(state)` and returns its result, as a `Result` if it is none. Fails with
  /// `reentrant_call` where the calling thread has the value already. Two threads that each have one
  /// value and wait for the other's wait for ever: take several always in the same order. An exception of
  /// `f` passes through, and leaves the value as it is then.
  template <std::invocable<State&> F>
  typename detail::ResultOf<std::invoke_result_t<F, State&>>::type with(F&& f) const {
    const auto guarded = guarded_;  // Though `f` may end this handle.
    if (!guarded->mutex.lock()) return std::unexpected(detail::state_in_use());
    const std::lock_guard lock(guarded->mutex, std::adopt_lock);
    if constexpr (std::is_void_v<std::invoke_result_t<F, State&>>) {
      std::invoke(std::forward<F>(f), guarded->state);
      return {};
    } else {
      return std::invoke(std::forward<F>(f), guarded->state);
    }
  }

 private:
  struct Guarded {
    template <typename... Args>
    explicit Guarded(Args&&... args) : state(std::forward<Args>(args)...) {}
    detail::StateMutex mutex;
    State state;
  };
  std::shared_ptr<Guarded> guarded_;
};

namespace detail {

template <WitCommand C, typename F>
class SimpleHandler final : public WitCommandHandler<C> {
 public:
  explicit SimpleHandler(F f) : f_(std::move(f)) {}
  [[nodiscard]] Result<typename C::Response> execute(const C& command) override {
    return answer<typename C::Response>(std::as_const(f_), command);
  }

 private:
  F f_;
};

template <WitCommand C, typename State, typename F>
class StatefulHandler final : public WitCommandHandler<C> {
 public:
  StatefulHandler(SharedState<State> state, F f) : state_(std::move(state)), f_(std::move(f)) {}
  [[nodiscard]] Result<typename C::Response> execute(const C& command) override {
    return state_.with([&](State& state) { return answer<typename C::Response>(f_, state, command); });
  }

 private:
  SharedState<State> state_;
  F f_;
};

}  // namespace detail

/// A handler of `f(const C&)`, which returns the response, or a `Result` of it. Several threads call `f`
/// at once, as a constant: a lambda that is `mutable` needs `stateful_handler`.
template <WitCommand C, typename F>
  requires detail::Answers<const F&, typename C::Response, const C&>
[[nodiscard]] std::shared_ptr<WitCommandHandler<C>> simple_handler(F f) {
  return std::make_shared<detail::SimpleHandler<C, F>>(std::move(f));
}

/// A handler of `f(State&, const C&)`, called by one thread at a time among all handlers that share the
/// state. `f` has the state until it returns: a command that it dispatches to a handler of the same state
/// fails with `reentrant_call`; see `SharedState::with`.
template <WitCommand C, typename State, typename F>
  requires detail::Answers<F&, typename C::Response, State&, const C&>
[[nodiscard]] std::shared_ptr<WitCommandHandler<C>> stateful_handler(SharedState<State> state, F f) {
  return std::make_shared<detail::StatefulHandler<C, State, F>>(std::move(state), std::move(f));
}
/// The same with a state of its own.
template <WitCommand C, typename State, typename F>
  requires detail::Answers<F&, typename C::Response, State&, const C&>
[[nodiscard]] std::shared_ptr<WitCommandHandler<C>> stateful_handler(State state, F f) {
  return stateful_handler<C>(SharedState<State>(std::move(state)), std::move(f));
}

/// Who a guest is, for logs and listings, and for choosing among guests. A plain value.
struct GuestInfo {
  std::string name;                   ///< As the host or the guest has it; Tairitsu does not read it.
  std::string version;                ///< The same.
  std::vector<std::string> features;  ///< The same: what the guest is good for, in words of yours.
  std::string digest;                 ///< Of its image.
  /// What its component imports and exports: interfaces (`example:shop/catalogue@1.2.0`), then functions
  /// at the world's root, in the component's order.
  std::vector<std::string> imports;
  std::vector<std::string> exports;

  /// A component has no name or version of its own, so they are given.
  [[nodiscard]] static GuestInfo of(const Image& image, std::string name = {}, std::string version = {});

  /// Whether it exports the interface, in a compatible version (in any where `wanted` has none), or the
  /// function at the world's root.
  [[nodiscard]] bool provides(std::string_view wanted) const;
  /// Whether it imports that.
  [[nodiscard]] bool needs(std::string_view wanted) const;

  friend bool operator==(const GuestInfo&, const GuestInfo&) = default;
};

}  // namespace tairitsu

/// The two functions of a class that derives from `WitInterface`; the body of the second follows, and
/// what comes after it in the class is public:
///
///     class Counters : public tairitsu::WitInterface {
///       TAIRITSU_IMPL_WIT_INTERFACE("counters", dispatcher) {
///         return dispatcher.register_handler("add", tairitsu::simple_handler<Add>(add));
///       }
///     };
#define TAIRITSU_IMPL_WIT_INTERFACE(interface_name, dispatcher)                   \
 public:                                                                          \
  [[nodiscard]] std::string_view name() const override { return interface_name; } \
  [[nodiscard]] ::tairitsu::Result<void> register_handlers(                       \
      [[maybe_unused]] ::tairitsu::WitCommandDispatcher& dispatcher) const override

#endif  // TAIRITSU_NO_CXX23

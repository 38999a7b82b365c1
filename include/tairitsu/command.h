/// Commands: typed requests, dispatched by name between the parts of a host.
///
///     struct Add { using Response = int; int a{}; int b{}; };
///
///     tairitsu::WitCommandDispatcher dispatcher;
///     TAIRITSU_RETURN_IF_ERROR(dispatcher.register_handler(
///         "add", tairitsu::simple_handler<Add>([](const Add& add) { return add.a + add.b; })));
///     TAIRITSU_TRY(const int sum, dispatcher.dispatch("add", Add{.a = 1, .b = 2}));
///
/// Commands are your own types, and are passed by reference without serialization. Guests do not see them, but a host
/// function may dispatch a command, and a handler may call a guest.
///
/// Everything here may be used from several threads at once, except filling a `CompositeWitInterface`. While a handler
/// runs, nothing is locked except the state of a `stateful_handler`, so handlers may dispatch, register and remove.
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

/// A command: any class that declares the type of its response, `using Response = …;`, which may be `void`.
template <typename C>
concept WitCommand = std::same_as<C, std::remove_cvref_t<C>> && requires { typename C::Response; } &&
                     (std::is_void_v<typename C::Response> || std::movable<typename C::Response>);

/// Executes commands of one type. Derive from it, or create one with `simple_handler` or `stateful_handler`.
template <WitCommand C>
class WitCommandHandler {
 public:
  virtual ~WitCommandHandler() = default;
  /// Returns the response. `dispatch` returns an error with the command's name before its message; an exception becomes
  /// a `host_function` error. Runs on the threads that dispatch, possibly on several at once.
  [[nodiscard]] virtual Result<typename C::Response> execute(const C& command) = 0;
};

/// Handlers by the names of their commands. Handlers may keep a reference to their dispatcher, which must exist until
/// the last `dispatch` has returned.
class WitCommandDispatcher {
 public:
  WitCommandDispatcher() = default;
  WitCommandDispatcher(const WitCommandDispatcher&) = delete;
  WitCommandDispatcher& operator=(const WitCommandDispatcher&) = delete;

  /// Registers a handler under any non-empty name. For a handler class of your own, name the command explicitly:
  /// `register_handler<Add>("add", std::make_shared<AddHandler>())`. Fails with `already_exists` if the name is taken,
  /// and with `invalid_argument` if it is empty or the handler is null.
  template <WitCommand C>
  [[nodiscard]] Result<void> register_handler(std::string name,
                                              std::shared_ptr<WitCommandHandler<C>> handler) {
    return add(std::move(name), std::move(handler), typeid(C));
  }

  /// Registers either all handlers of an interface or none: if the interface fails or throws, the handlers that it has
  /// registered are removed again. Until all are registered, only the calling thread can use them, but their names are
  /// taken. Handlers that the interface removes are not restored. Fails like the interface.
  [[nodiscard]] Result<void> register_interface(const WitInterface& interface);

  /// Executes a command. Fails with `not_found` (the message suggests similar names), with `type_mismatch` if the
  /// handler of that name is not one for `C`, with `host_function` if the handler throws, or with the handler's error.
  /// If a handler is removed while it runs, it exists until it returns.
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
  /// Returns the names in alphabetical order.
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] std::size_t size() const;
  /// Removes a handler; running calls continue. Fails with `not_found`.
  [[nodiscard]] Result<void> remove(std::string_view name);

 private:
  friend class CompositeWitInterface;
  /// Handlers that one thread registers together.
  struct Transaction {
    std::thread::id thread;
  };
  struct Entry {
    std::shared_ptr<void> handler;  // A WitCommandHandler of the command.
    const std::type_info* command;
    const Transaction* pending;  // Null once all threads can use it.
  };

  [[nodiscard]] Result<void> add(std::string name, std::shared_ptr<void> handler,
                                 const std::type_info& command);
  [[nodiscard]] Result<std::shared_ptr<void>> find(std::string_view name,
                                                   const std::type_info& command) const;
  [[nodiscard]] static Error failed(std::string_view name, const Error& error);
  /// Returns the error for the exception that is being handled.
  [[nodiscard]] static Error threw(std::string_view name);
  [[nodiscard]] Error not_found(std::string_view name) const;
  /// Returns whether the calling thread can use the entry.
  [[nodiscard]] static bool is_visible(const Entry& entry);
  /// Returns the calling thread's innermost transaction, or null.
  [[nodiscard]] const Transaction* transaction() const;
  /// Runs `body` in a transaction, which may be nested, and keeps what `body` registers if it succeeds.
  [[nodiscard]] Result<void> all_or_nothing(const std::function<Result<void>()>& body);
  void end(const Transaction& transaction, bool keep);

  mutable std::mutex mutex_;  // Not a shared mutex: dispatching threads would starve those that register.
  std::map<std::string, Entry, std::less<>> handlers_;
  std::vector<const Transaction*> transactions_;  // Running transactions, inner ones last.
};

/// A group of commands with their handlers. Registering does not modify it, so you may register it with several
/// dispatchers and from several threads.
class WitInterface {
 public:
  virtual ~WitInterface() = default;
  /// Returns the name for messages and listings. Valid while the interface exists.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Registers the handlers, on the calling thread. Fails like `register_handler`. Handlers may outlive the interface,
  /// so they must share what they need of it. `WitCommandDispatcher::register_interface` calls this, and removes the
  /// handlers again if it fails.
  [[nodiscard]] virtual Result<void> register_handlers(WitCommandDispatcher& dispatcher) const = 0;
};

/// Several interfaces as one; they may be composites too. Fill it from one thread.
class CompositeWitInterface : public WitInterface {
 public:
  explicit CompositeWitInterface(std::string name);

  /// Adds an interface. Fails with `invalid_argument` if it is null, and with `already_exists` if its name is taken.
  [[nodiscard]] Result<void> add(std::unique_ptr<const WitInterface> interface);
  /// Returns the names of the interfaces in the order in which they were added, which is the order of registration.
  [[nodiscard]] std::vector<std::string> names() const;

  [[nodiscard]] std::string_view name() const override;
  /// Registers the handlers of all interfaces or none, like `WitCommandDispatcher::register_interface`.
  [[nodiscard]] Result<void> register_handlers(WitCommandDispatcher& dispatcher) const override;

 private:
  std::string name_;
  std::vector<std::unique_ptr<const WitInterface>> interfaces_;
};

namespace detail {

/// A mutex that knows its owner, so that no thread waits for itself.
class StateMutex {
 public:
  /// Waits for the mutex. Returns false if the calling thread already holds it.
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

/// A function of `Args` that returns the response or a `Result` of it; nothing if the response is `void`.
template <typename F, typename Response, typename... Args>
concept Returns = std::invocable<F, Args...> &&
                  ((std::is_void_v<Response> && std::is_void_v<std::invoke_result_t<F, Args...>>) ||
                   std::convertible_to<std::invoke_result_t<F, Args...>, Result<Response>>);

template <typename Response, typename F, typename... Args>
[[nodiscard]] Result<Response> respond(F& f, Args&... args) {
  if constexpr (std::is_void_v<std::invoke_result_t<F&, Args&...>>) {
    std::invoke(f, args...);
    return {};
  } else {
    return std::invoke(f, args...);
  }
}

}  // namespace detail

/// A value that handlers share and one thread at a time uses. Copies are handles of the same value, which exists while
/// any of them does.
template <typename State>
class SharedState {
 public:
  explicit SharedState(State state) : SharedState(std::in_place, std::move(state)) {}
  /// Constructs the value in place, for types that cannot be moved.
  template <typename... Args>
    requires std::constructible_from<State, Args...>
  explicit SharedState(std::in_place_t, Args&&... args)
      : guarded_(std::make_shared<Guarded>(std::forward<Args>(args)...)) {}
  // Moving copies, so that no handle is without a value.
  SharedState(const SharedState&) = default;
  SharedState& operator=(const SharedState&) = default;
  ~SharedState() = default;

  /// Waits for the value, calls `f(state)`, and returns its result as a `Result`. Fails with `reentrant_call` if the
  /// calling thread already has the value. Two threads that use several values in different order can deadlock: always
  /// use them in the same order. An exception of `f` propagates, and the value keeps its changes.
  template <std::invocable<State&> F>
  typename detail::ResultOf<std::invoke_result_t<F, State&>>::type with(F&& f) const {
    const auto guarded = guarded_;  // Because `f` may destroy this handle.
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
    return respond<typename C::Response>(std::as_const(f_), command);
  }

 private:
  F f_;
};

template <WitCommand C, typename State, typename F>
class StatefulHandler final : public WitCommandHandler<C> {
 public:
  StatefulHandler(SharedState<State> state, F f) : state_(std::move(state)), f_(std::move(f)) {}
  [[nodiscard]] Result<typename C::Response> execute(const C& command) override {
    return state_.with([&](State& state) { return respond<typename C::Response>(f_, state, command); });
  }

 private:
  SharedState<State> state_;
  F f_;
};

}  // namespace detail

/// Returns a handler that calls `f(const C&)`, which returns the response or a `Result` of it. Several threads may call
/// `f` at once, and it is const: a `mutable` lambda needs `stateful_handler`.
template <WitCommand C, typename F>
  requires detail::Returns<const F&, typename C::Response, const C&>
[[nodiscard]] std::shared_ptr<WitCommandHandler<C>> simple_handler(F f) {
  return std::make_shared<detail::SimpleHandler<C, F>>(std::move(f));
}

/// Returns a handler that calls `f(State&, const C&)`. Of all handlers that share the state, one runs at a time. If `f`
/// dispatches a command to a handler with the same state, that fails with `reentrant_call`; see `SharedState::with`.
template <WitCommand C, typename State, typename F>
  requires detail::Returns<F&, typename C::Response, State&, const C&>
[[nodiscard]] std::shared_ptr<WitCommandHandler<C>> stateful_handler(SharedState<State> state, F f) {
  return std::make_shared<detail::StatefulHandler<C, State, F>>(std::move(state), std::move(f));
}
/// Returns a handler like the one above, with a state of its own.
template <WitCommand C, typename State, typename F>
  requires detail::Returns<F&, typename C::Response, State&, const C&>
[[nodiscard]] std::shared_ptr<WitCommandHandler<C>> stateful_handler(State state, F f) {
  return stateful_handler<C>(SharedState<State>(std::move(state)), std::move(f));
}

/// A description of a guest, for logs and listings and to choose among guests. A plain value.
struct GuestInfo {
  std::string name;                   ///< Chosen by the host; Tairitsu does not interpret it.
  std::string version;                ///< Chosen by the host; Tairitsu does not interpret it.
  std::vector<std::string> features;  ///< Labels chosen by the host; Tairitsu does not interpret them.
  std::string digest;                 ///< The digest of its image.
  /// What its component imports and exports: interfaces (`example:shop/catalogue@1.2.0`), then functions
  /// at the world's root, in the component's order.
  std::vector<std::string> imports;
  std::vector<std::string> exports;

  /// Describes the guest of an image. The component itself has no name or version, so you pass them.
  [[nodiscard]] static GuestInfo of(const Image& image, std::string name = {}, std::string version = {});

  /// Returns whether the guest exports the interface in a compatible version (in any version if `wanted` has none), or
  /// the function at the world's root.
  [[nodiscard]] bool provides(std::string_view wanted) const;
  /// Returns whether the guest imports the interface or function, like `provides`.
  [[nodiscard]] bool needs(std::string_view wanted) const;

  friend bool operator==(const GuestInfo&, const GuestInfo&) = default;
};

}  // namespace tairitsu

/// Defines `name()` and the head of `register_handlers()` in a class that derives from `WitInterface`. The body follows
/// the macro; members after it are public:
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

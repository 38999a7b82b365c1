/// Typed functions of a container.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include <tairitsu/detail/signature.h>
#include <tairitsu/error.h>

namespace tairitsu {

namespace detail {

struct BoundFunction;

/// The frame of one call, which the bridge uses; `error` receives the error.
struct CallFrameBase : abi::Frame {
  GuestScope* guest = nullptr;
  std::uint64_t copy_limit = 0;
  std::optional<Error> error;
};

/// Returns the container's guest, for checks before the call.
[[nodiscard]] const GuestScope& guest_of(const BoundFunction& function) noexcept;
/// Adds the function and the parameter's number, from 1, to the error of a failed check.
[[nodiscard]] Error argument_error(const BoundFunction& function, std::size_t parameter, const Error& error);
/// Returns the error for a call of an empty `Function`.
[[nodiscard]] Error empty_function_error();
/// Calls the guest. On failure returns false and sets `frame.error`.
bool invoke(BoundFunction& function, CallFrameBase& frame) noexcept;

/// The frame of a typed call. `Consume` receives the lifted result inside the call, while views into the guest are
/// valid.
template <typename R, typename Consume, typename... Ps>
struct CallFrame : CallFrameBase {
  using ShapeType = Shape<R, Ps...>;

  CallFrame(Consume& consume_result, const Ps&... values) : consume(consume_result), parameters(values...) {
    this->lower = &lower_parameters;
    this->lift = &lift_result;
    this->flags = ShapeType::flags;
  }

  Consume& consume;
  std::tuple<const Ps&...> parameters;

  static bool lower_parameters(abi::Frame* frame, abi::Lowering* lowering, abi::Slot* slots) {
    auto& self = *static_cast<CallFrame*>(frame);
    LowerContext cx(*lowering, *self.guest);
    bool lowered = false;
    try {
      lowered = lower_all(cx, self.parameters, slots, std::index_sequence_for<Ps...>{});
    } catch (...) {
      cx.fail(ErrorCode::invalid_argument, "lowering a parameter threw: " + current_exception_message());
    }
    if (!lowered) self.error = std::move(cx.error);
    return lowered;
  }

  static bool lift_result(abi::Frame* frame, const abi::Lifting* lifting, const abi::Slot* slots) {
    auto& self = *static_cast<CallFrame*>(frame);
    if constexpr (std::is_void_v<R>) {
      return true;
    } else {
      LiftContext cx(*lifting, *self.guest, self.copy_limit);
      bool lifted = false;
      try {
        R value{};
        lifted = lift_one(cx, slots, value);
        if (lifted) self.consume(std::move(value));
      } catch (...) {
        lifted = false;
        cx.fail(ErrorCode::invalid_value, "lifting the result threw: " + current_exception_message());
      }
      if (!lifted) self.error = std::move(cx.error);
      return lifted;
    }
  }

 private:
  template <std::size_t... I>
  static bool lower_all(LowerContext& cx, const std::tuple<const Ps&...>& values, abi::Slot* slots,
                        std::index_sequence<I...>) {
    if constexpr (ShapeType::parameters_flat) {
      return (true && ... && Codec<Ps>::lower(cx, std::get<I>(values), slots));
    } else {
      using Parameters = typename ShapeType::Parameters;
      std::size_t address = 0;
      if (!cx.reallocate(Parameters::size, Parameters::align, address)) return false;
      slots->u64 = address;
      return (true && ... && Codec<Ps>::store(cx, std::get<I>(values), address + Parameters::offsets[I]));
    }
  }

  template <typename T>
  static bool lift_one(LiftContext& cx, const abi::Slot* slots, T& value) {
    if constexpr (ShapeType::result_flat) {
      return Codec<T>::lift(cx, slots, value);
    } else {
      const std::uint32_t address = slots->u32;
      return cx.range(address, 1, Codec<T>::size, Codec<T>::align) != nullptr &&
             Codec<T>::load(cx, address, value);
    }
  }
};

}  // namespace detail

/// A function that a container's guest exports, e.g. `Function<std::string(std::string_view)>`.
///
/// `Container::function` creates it and checks the signature once; calls do not check types. Copies share the function.
/// It may outlive its container; calls then fail with `container_stopped`. Use it from one thread at a time, like the
/// container.
template <typename Signature>
class Function;

template <typename R, typename... Args>
class Function<R(Args...)> {
 public:
  /// Creates an empty function; calls fail with `invalid_argument`.
  Function() = default;

  /// Calls the guest and returns its result. The error case of a WIT `result<T, E>` is a value, not a failure: the call
  /// returns `Result<std::expected<T, E>>`.
  ///
  /// Fails with `invalid_argument` if an argument is invalid (text that is not UTF-8, a `char32_t` that is not a
  /// Unicode scalar value, a moved-from resource), and with `reentrant_call`, `container_stopped` or `container_failed`
  /// if the guest cannot be entered; these leave the container as it was. Any failure inside the guest (a trap, a
  /// limit, an invalid value, an error of a host function) puts the container into its error state.
  [[nodiscard]] Result<R> operator()(Args... args) {
    static_assert(!detail::IsView<R>::value,
                  "a call cannot return a view, because the guest frees the memory that it points to: use an "
                  "owning type, "
                  "or read()");
    if constexpr (std::is_void_v<R>) {
      auto ignore = [] {};
      return call(ignore, std::forward<Args>(args)...);
    } else {
      std::optional<R> result;
      auto keep = [&result](R&& value) { result.emplace(std::move(value)); };
      if (auto called = call(keep, std::forward<Args>(args)...); !called) {
        return std::unexpected(std::move(called).error());
      }
      return *std::move(result);
    }
  }

  /// Calls the guest and passes its result to `visitor` while it is still in the guest's memory, so that `R` may be or
  /// contain views: `names.read([](std::vector<std::string_view> v) { … }, points);` The views are valid until the
  /// visitor returns; it must not call the container. Fails like `operator()`.
  template <typename Visitor>
    requires std::invocable<Visitor&, R&&>
  [[nodiscard]] Result<void> read(Visitor&& visitor, Args... args) {
    return call(visitor, std::forward<Args>(args)...);
  }

  /// For internal use.
  explicit Function(std::shared_ptr<detail::BoundFunction> bound) : bound_(std::move(bound)) {}

 private:
  template <typename Consume>
  [[nodiscard]] Result<void> call(Consume& consume, const detail::Parameter<Args>&... args) {
    if (bound_ == nullptr) [[unlikely]]
      return std::unexpected(detail::empty_function_error());
    if constexpr (detail::SignatureTraits<R(Args...)>::Parameters::needs_check) {
      detail::CheckContext cx(detail::guest_of(*bound_));
      std::size_t position = 0;
      if (!(true && ... && (++position, check_one<detail::Parameter<Args>>(cx, args)))) {
        return std::unexpected(detail::argument_error(*bound_, position, *cx.error));
      }
    }
    detail::CallFrame<R, Consume, detail::Parameter<Args>...> frame(consume, args...);
    if (!detail::invoke(*bound_, frame)) [[unlikely]]
      return std::unexpected(*std::move(frame.error));
    return {};
  }
  template <typename P>
  static bool check_one(detail::CheckContext& cx, const P& value) {
    if constexpr (detail::Codec<P>::needs_check) return detail::Codec<P>::check(cx, value);
    return true;
  }

  std::shared_ptr<detail::BoundFunction> bound_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

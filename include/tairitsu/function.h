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

/// One call: what the bridge needs of it, and where its error goes.
struct CallFrameBase : abi::Frame {
  GuestScope* guest = nullptr;
  std::uint64_t copy_limit = 0;
  std::optional<Error> error;
};

/// The container's guest, for checks before the call.
[[nodiscard]] const GuestScope& guest_of(const BoundFunction& function) noexcept;
/// The error of such a check, with the function and the parameter (from 1) that it is about.
[[nodiscard]] Error refused(const BoundFunction& function, std::size_t parameter, const Error& error);
/// The error of calling a function that is none.
[[nodiscard]] Error unbound();
/// Calls the guest; false with `frame.error` set.
bool invoke(BoundFunction& function, CallFrameBase& frame) noexcept;

/// `Consume` gets the lifted result inside the call, while views into the guest are valid.
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
/// Made by `Container::function`, which has checked the signature: calls check no types any more.
/// Copies share the function. It may outlive its container; calls then fail with
/// `container_stopped`. One thread at a time, like the container.
template <typename Signature>
class Function;

template <typename R, typename... Args>
class Function<R(Args...)> {
 public:
  /// No function yet: calls fail with `invalid_argument`.
  Function() = default;

  /// Calls the guest. A WIT `result<T, E>` is a value: `Result<std::expected<T, E>>`.
  ///
  /// Fails with `invalid_argument` before the guest is entered where an argument is not valid (text
  /// that is not UTF-8, a char that is none, a moved-from resource); the container stays as it was.
  /// Any other failure (a trap, a limit, a bad value, an error of a host function) puts it into its
  /// error state.
  [[nodiscard]] Result<R> operator()(Args... args) {
    static_assert(
        !detail::IsView<R>::value,
        "a view cannot be a call's result, for the guest frees what it points at: use an owning type, "
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

  /// Calls the guest and hands its result to `visitor` while it is still in the guest's memory, so
  /// that `R` may hold views: `names.read([](std::vector<std::string_view> v) { … }, points);`
  /// The views end with the visitor, which must not call the container.
  template <typename Visitor>
    requires std::invocable<Visitor&, R&&>
  [[nodiscard]] Result<void> read(Visitor&& visitor, Args... args) {
    return call(visitor, std::forward<Args>(args)...);
  }

  /// For the library's own layers.
  explicit Function(std::shared_ptr<detail::BoundFunction> bound) : bound_(std::move(bound)) {}

 private:
  template <typename Consume>
  [[nodiscard]] Result<void> call(Consume& consume, const detail::Parameter<Args>&... args) {
    if (bound_ == nullptr) [[unlikely]]
      return std::unexpected(detail::unbound());
    if constexpr (detail::SignatureTraits<R(Args...)>::Parameters::needs_check) {
      detail::CheckContext cx(detail::guest_of(*bound_));
      std::size_t position = 0;
      if (!(true && ... && (++position, check_one<detail::Parameter<Args>>(cx, args)))) {
        return std::unexpected(detail::refused(*bound_, position, *cx.error));
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

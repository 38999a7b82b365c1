#include "tairitsu/dynamic_function.h"

#include <algorithm>

#include <fmt/format.h>

#include "runtime/core.h"
#include "tairitsu/container.h"
#include "tairitsu/wave.h"
#include "value/codec.h"
#include "value/plan.h"
#include "value/wave_text.h"

namespace tairitsu {

namespace detail {

struct BoundDynamicFunction {
  std::shared_ptr<BoundFunction> bound;
  FunctionPlan plan;
};

namespace {

struct DynamicFrame : CallFrameBase {
  DynamicFrame(const FunctionPlan& function, const Value* values) : plan(function), arguments(values) {
    this->lower = &lower_parameters;
    this->lift = &lift_result;
    this->flags = function.flags();
  }
  const FunctionPlan& plan;
  const Value* arguments;
  Value result;

  static bool lower_parameters(abi::Frame* frame, abi::Lowering* lowering, abi::Slot* slots) {
    auto& self = *static_cast<DynamicFrame*>(frame);
    LowerContext cx(*lowering, *self.guest);
    bool lowered = false;
    try {
      lowered = self.plan.lower_parameters(cx, self.arguments, slots);
    } catch (...) {
      cx.fail(ErrorCode::invalid_argument, "lowering a parameter threw: " + current_exception_message());
    }
    if (!lowered) self.error = std::move(cx.error);
    return lowered;
  }

  static bool lift_result(abi::Frame* frame, const abi::Lifting* lifting, const abi::Slot* slots) {
    auto& self = *static_cast<DynamicFrame*>(frame);
    if (self.plan.result() == nullptr) return true;
    LiftContext cx(*lifting, *self.guest, self.copy_limit);
    bool lifted = false;
    try {
      lifted = self.plan.lift_result(cx, slots, self.result);
    } catch (...) {
      cx.fail(ErrorCode::invalid_value, "lifting the result threw: " + current_exception_message());
    }
    if (!lifted) self.error = std::move(cx.error);
    return lifted;
  }
};

std::string describe_parameter(const FunctionPlan& plan, std::size_t index) {
  const std::string& name = plan.type().parameters[index].name;
  return name.empty() ? fmt::format("parameter {}", index + 1)
                      : fmt::format("parameter {} ('{}')", index + 1, name);
}

Error in_call(const BoundDynamicFunction& function, const Error& error) {
  return error.with_context(fmt::format("call '{}'", function.bound->exported->name));
}

}  // namespace
}  // namespace detail

const std::string& DynamicFunction::name() const noexcept {
  static const std::string none;
  return bound_ == nullptr ? none : bound_->bound->exported->name;
}

const FunctionType& DynamicFunction::type() const noexcept {
  static const FunctionType none;
  return bound_ == nullptr ? none : bound_->plan.type();
}

const void* DynamicFunction::container() const noexcept {
  return bound_ == nullptr ? nullptr : bound_->bound->core.get();
}

Result<Value> DynamicFunction::operator()(std::span<const Value> arguments) const {
  if (bound_ == nullptr) return std::unexpected(detail::empty_function_error());
  const detail::FunctionPlan& plan = bound_->plan;
  if (arguments.size() != plan.parameter_count()) {
    return std::unexpected(detail::in_call(
        *bound_, Error(ErrorCode::type_mismatch,
                       fmt::format("expected {} argument{}, got {}: {}", plan.parameter_count(),
                                   plan.parameter_count() == 1 ? "" : "s", arguments.size(),
                                   plan.type().to_string()))));
  }
  std::vector<Value> converted;
  const Value* values = arguments.data();
  for (std::size_t index = 0; index < arguments.size(); ++index) {
    if (detail::is_exactly(values[index], plan.parameter(index))) continue;
    auto value = detail::convert(values[index], plan.parameter(index));
    if (!value) {
      return std::unexpected(
          detail::in_call(*bound_, value.error().with_context(detail::describe_parameter(plan, index))));
    }
    if (converted.empty()) {
      converted.assign(arguments.begin(), arguments.end());
      values = converted.data();
    }
    converted[index] = *std::move(value);
  }
  if (plan.parameters_need_check()) {
    detail::CheckContext cx(detail::guest_of(*bound_->bound));
    detail::ValueChecker checker(cx);
    for (std::size_t index = 0; index < arguments.size(); ++index) {
      if (checker.check(values[index], plan.parameter(index))) continue;
      return std::unexpected(
          detail::in_call(*bound_, cx.error->with_context(detail::describe_parameter(plan, index))));
    }
  }
  detail::DynamicFrame frame(plan, values);
  if (!detail::invoke(*bound_->bound, frame)) [[unlikely]]
    return std::unexpected(*std::move(frame.error));
  return std::move(frame.result);
}

Result<Value> DynamicFunction::call_wave_value(std::string_view arguments) const {
  return call_wave_value(arguments, 0);
}

Result<Value> DynamicFunction::call_wave_value(std::string_view text, std::size_t begin) const {
  if (bound_ == nullptr) return std::unexpected(detail::empty_function_error());
  const auto values = detail::wave::parse_arguments(text, begin, type());
  if (!values) return std::unexpected(detail::in_call(*bound_, values.error()));
  return (*this)(*values);
}

Result<std::string> DynamicFunction::call_wave(std::string_view arguments) const {
  TAIRITSU_TRY(const Value result, call_wave_value(arguments));
  return to_wave(result);
}

Result<std::string> DynamicFunction::call_json(std::string_view arguments, const JsonOptions& options) const {
  if (bound_ == nullptr) return std::unexpected(detail::empty_function_error());
  const auto values = parse_json_arguments(arguments, type(), options);
  if (!values) return std::unexpected(detail::in_call(*bound_, values.error()));
  TAIRITSU_TRY(const Value result, (*this)(*values));
  return to_json(result, options);
}

Result<DynamicFunction> Instance::dynamic_function(std::string_view name) const {
  TAIRITSU_TRY(auto exported, detail::component_of(*core_).find_function(name, nullptr));
  const FunctionType& type = *exported->type;
  TAIRITSU_TRY(auto bound, detail::bind(core_, std::move(exported)));
  return DynamicFunction(
      std::make_shared<const detail::BoundDynamicFunction>(std::move(bound), detail::FunctionPlan(type)));
}

Result<Value> Container::call(std::string_view name, std::span<const Value> arguments) const {
  TAIRITSU_TRY(const auto function, dynamic_function(name));
  return function(arguments);
}

Result<Value> Container::call_wave_value(std::string_view call) const {
  const auto trimmed = [](std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const auto begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return std::string_view();
    return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
  };
  const auto parenthesis = call.find('(');
  const std::string_view name = trimmed(call.substr(0, parenthesis));
  if (parenthesis == std::string_view::npos || name.empty()) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("invalid call '{}': expected a function name and arguments, such as greet(\"world\")",
                    trimmed(call)));
  }
  TAIRITSU_TRY(const auto function, dynamic_function(name));
  return function.call_wave_value(call, parenthesis);
}

Result<std::string> Container::call_wave(std::string_view call) const {
  TAIRITSU_TRY(const Value result, call_wave_value(call));
  return to_wave(result);
}

Result<std::string> Container::call_json(std::string_view name, std::string_view arguments,
                                         const JsonOptions& options) const {
  TAIRITSU_TRY(const auto function, dynamic_function(name));
  return function.call_json(arguments, options);
}

}  // namespace tairitsu

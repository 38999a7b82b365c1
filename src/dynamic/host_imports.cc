#include "tairitsu/host_imports.h"

#include <fmt/format.h>

#include "base/nearest.h"
#include "runtime/core.h"
#include "tairitsu/container.h"
#include "value/codec.h"
#include "value/plan.h"

namespace tairitsu {

namespace detail {
namespace {

/// Keeps a result until the bridge lowers it, after the host function has returned.
struct HeldValue : abi::HostResult {
  HeldValue(Value result, const TypeNode& result_type, GuestScope& container, std::string_view name)
      : value(std::move(result)), type(result_type), guest(container), function(name) {
    this->lower = &lower_value;
    this->destroy = [](abi::HostResult* self) { delete static_cast<HeldValue*>(self); };
  }
  Value value;
  const TypeNode& type;
  GuestScope& guest;
  std::string_view function;

  static bool lower_value(abi::HostResult* held, abi::Lowering* lowering, abi::Slot* slot,
                          std::size_t address) {
    auto& self = *static_cast<HeldValue*>(held);
    LowerContext cx(*lowering, self.guest);
    ValueLowerer lowerer(cx);
    bool lowered = false;
    try {
      lowered = slot != nullptr ? lowerer.lower(self.value, self.type, slot)
                                : lowerer.store(self.value, self.type, address);
    } catch (...) {
      set_host_exception(self.guest, self.function);
    }
    if (!lowered && cx.error) set_host_error(self.guest, self.function, *cx.error);
    return lowered;
  }
};

/// A function over dynamic values that is linked to an import.
struct LinkedDynamicFunction : HostFunction {
  LinkedDynamicFunction(std::string full_name, DynamicHostFunctionWithCaller f, const FunctionType& import)
      : function(std::move(f)), plan(import) {
    name = std::move(full_name);
    type = import;
    flags = plan.flags();
    callback = &on_call;
  }
  DynamicHostFunctionWithCaller function;
  FunctionPlan plan;

  static bool on_call(void* data, abi::HostCall* call) {
    auto& guest = *static_cast<GuestScope*>(call->context);
    const auto& self = *static_cast<LinkedDynamicFunction*>(static_cast<HostFunction*>(data));
    try {
      return self.run(guest, *call) && !stopped_meanwhile(guest);
    } catch (...) {
      set_host_exception(guest, self.name);
      return false;
    }
  }

 private:
  [[nodiscard]] bool run(GuestScope& guest, abi::HostCall& call) const {
    const auto failed = [&](const Error& error) {
      set_host_error(guest, name, error);
      return false;
    };
    LiftContext lift_cx(call.lifting, guest, copy_limit(guest));
    std::vector<Value> arguments(plan.parameter_count());
    Result<Value> result;
    {
      ValueLifter lifter(lift_cx);
      if (!plan.lift_parameters(lifter, call, arguments.data())) return failed(*lift_cx.error);
      Caller caller(guest);
      result = function(caller, arguments);
    }
    if (!result) return failed(result.error());
    if (plan.result() == nullptr) {
      if (result->is_empty()) return true;
      return failed(Error(ErrorCode::type_mismatch,
                          fmt::format("returned {}, but the import has no result", result->to_string())));
    }
    auto value = convert(*result, *plan.result());
    if (!value) return failed(value.error().with_context("result"));
    if (needs_check(*plan.result())) {
      CheckContext cx(guest);
      if (!ValueChecker(cx).check(*value, *plan.result())) return failed(cx.error->with_context("result"));
    }
    if (!plan.has_scalar_result()) {
      call.host_result = new HeldValue(*std::move(value), *plan.result(), guest, name);
      return true;
    }
    abi::Lowering none{};
    LowerContext cx(none, guest);
    abi::Slot* slot = &call.result;
    return ValueLowerer(cx).lower(*value, *plan.result(), slot);
  }
};

/// A function over dynamic values before it is linked.
struct DynamicDefinition : HostFunction {
  explicit DynamicDefinition(DynamicHostFunctionWithCaller f) : function(std::move(f)) {}
  DynamicHostFunctionWithCaller function;

  [[nodiscard]] std::shared_ptr<HostFunction> typed_as(const FunctionType& import) const override {
    return std::make_shared<LinkedDynamicFunction>(name, function, import);
  }
};

}  // namespace
}  // namespace detail

namespace {

std::unexpected<Error> empty_function(std::string_view name) {
  return fail(ErrorCode::invalid_argument, fmt::format("'{}': the function is empty", name));
}

}  // namespace

Result<void> HostImports::define(std::string_view name, DynamicHostFunction function) {
  if (!function) return empty_function(name);
  auto definition = std::make_shared<detail::DynamicDefinition>(
      [function](Caller&, std::span<const Value> arguments) { return function(arguments); });
  return add(name, {.function = std::move(function), .definition = std::move(definition)});
}

Result<void> HostImports::define(std::string_view name, DynamicHostFunctionWithCaller function) {
  if (!function) return empty_function(name);
  return add(name, {.function = nullptr,
                    .definition = std::make_shared<detail::DynamicDefinition>(std::move(function))});
}

Result<void> HostImports::add(std::string_view name, const Entry& entry) {
  // The linker validates the name.
  TAIRITSU_RETURN_IF_ERROR(Linker().add(name, entry.definition));
  if (!functions_.try_emplace(std::string(name), entry).second) {
    return fail(ErrorCode::already_exists, fmt::format("'{}' is already defined", name));
  }
  return {};
}

Result<void> HostImports::add_resource(std::string_view name, std::uint32_t type) {
  TAIRITSU_RETURN_IF_ERROR(Linker().add_resource(name, type));
  if (!resources_.try_emplace(std::string(name), type).second) {
    return fail(ErrorCode::already_exists, fmt::format("resource '{}' is already defined", name));
  }
  return {};
}

std::vector<std::string> HostImports::names() const {
  std::vector<std::string> names;
  names.reserve(functions_.size());
  for (const auto& [name, entry] : functions_) names.push_back(name);
  return names;
}

Result<Value> HostImports::call(std::string_view name, std::span<const Value> arguments) const {
  const auto found = functions_.find(name);
  if (found == functions_.end()) {
    return fail(ErrorCode::not_found, fmt::format("no host function '{}'{}", name,
                                                  detail::suggestions("host functions", name, names())));
  }
  const DynamicHostFunction& function = found->second.function;
  if (!function) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("host function '{}' needs a calling container: it takes a Caller", name));
  }
  try {
    auto result = function(arguments);
    if (!result) return std::unexpected(result.error().with_context(fmt::format("host function '{}'", name)));
    return result;
  } catch (...) {
    return fail(ErrorCode::host_function,
                fmt::format("host function '{}' threw: {}", name, detail::current_exception_message()));
  }
}

Result<void> HostImports::add_to_linker(Linker& linker) const {
  for (const auto& [name, entry] : functions_) TAIRITSU_RETURN_IF_ERROR(linker.add(name, entry.definition));
  for (const auto& [name, type] : resources_) TAIRITSU_RETURN_IF_ERROR(linker.add_resource(name, type));
  if (stubs_) linker.stub_missing_imports();
  return {};
}

}  // namespace tairitsu

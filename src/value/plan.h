/// The layout of a function's parameters and result, computed once when a dynamic function is bound.
#pragma once

#include <cstdint>
#include <vector>

#include "tairitsu/abi.h"
#include "tairitsu/error.h"
#include "tairitsu/type.h"
#include "value/codec.h"

namespace tairitsu::detail {

/// The counterpart of `Shape`, which does this for C++ types.
class FunctionPlan {
 public:
  explicit FunctionPlan(FunctionType type);

  [[nodiscard]] const FunctionType& type() const noexcept { return type_; }
  [[nodiscard]] std::size_t parameter_count() const noexcept { return parameters_.size(); }
  [[nodiscard]] const TypeNode& parameter(std::size_t index) const noexcept { return *parameters_[index]; }
  /// Null if the function has no result.
  [[nodiscard]] const TypeNode* result() const noexcept { return result_; }
  /// The value of `Frame::flags` and `HostFunction::flags`.
  [[nodiscard]] std::uint32_t flags() const noexcept { return flags_; }
  /// Returns whether the result is lowered without the guest's memory or handles.
  [[nodiscard]] bool has_scalar_result() const noexcept {
    return result_ != nullptr && (flags_ & (abi::kResultUsesMemory | abi::kResultHasHandles)) == 0;
  }
  [[nodiscard]] bool parameters_need_check() const noexcept { return parameters_need_check_; }

  /// Writes the parameters into the slots or into memory. The values must have exactly the parameters' types.
  [[nodiscard]] bool lower_parameters(LowerContext& cx, const Value* values, abi::Slot* slots) const;
  [[nodiscard]] bool lift_result(LiftContext& cx, const abi::Slot* slots, Value& out) const;
  /// Reads the parameters of a host function.
  [[nodiscard]] bool lift_parameters(ValueLifter& lifter, const abi::HostCall& call, Value* values) const;

 private:
  FunctionType type_;
  std::vector<const TypeNode*> parameters_;
  std::vector<std::uint32_t> offsets_;
  std::uint32_t size_ = 0;
  std::uint32_t align_ = 1;
  const TypeNode* result_ = nullptr;
  bool flat_ = true;
  bool parameters_need_check_ = false;
  std::uint32_t flags_ = 0;
};

}  // namespace tairitsu::detail

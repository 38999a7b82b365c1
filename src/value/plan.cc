#include "value/plan.h"

#include <algorithm>

namespace tairitsu::detail {

FunctionPlan::FunctionPlan(FunctionType type) : type_(std::move(type)) {
  std::uint64_t flat = 0;
  bool in_memory = false;
  for (const TypeField& parameter : type_.parameters) {
    const TypeNode& node = parameter.type->node();
    parameters_.push_back(&node);
    size_ = align_up(size_, node.align);
    offsets_.push_back(size_);
    size_ += node.size;
    align_ = std::max(align_, node.align);
    flat += node.flat_count;
    in_memory = in_memory || node.in_memory;
    parameters_need_check_ = parameters_need_check_ || needs_check(node);
    if (node.handle_count != 0) flags_ |= abi::kParametersHaveHandles;
  }
  size_ = align_up(size_, align_);
  flat_ = flat <= kMaxFlatSlots;
  if (!flat_ || in_memory) flags_ |= abi::kParametersUseMemory;
  if (type_.result) {
    result_ = &type_.result->node();
    if (result_->flat_count > 1) flags_ |= abi::kResultUsesMemory;
    if (result_->handle_count != 0) flags_ |= abi::kResultHasHandles;
  }
}

bool FunctionPlan::lower_parameters(LowerContext& cx, const Value* values, abi::Slot* slots) const {
  ValueLowerer lowerer(cx);
  if (flat_) {
    for (std::size_t index = 0; index < parameters_.size(); ++index) {
      const TypeNode& type = *parameters_[index];
      if (is_number(type.kind)) {
        (slots++)->u64 = flat_bits(type.kind, ValueAccess::bits(values[index]));
      } else if (!lowerer.lower(values[index], type, slots)) {
        return false;
      }
    }
    return true;
  }
  std::size_t address = 0;
  if (!cx.reallocate(size_, align_, address)) return false;
  slots->u64 = address;
  for (std::size_t index = 0; index < parameters_.size(); ++index) {
    if (!lowerer.store(values[index], *parameters_[index], address + offsets_[index])) return false;
  }
  return true;
}

bool FunctionPlan::lift_result(LiftContext& cx, const abi::Slot* slots, Value& out) const {
  if (is_number(result_->kind)) {
    out = ValueAccess::immediate(result_->kind, slot_bits(*result_, *slots));
    return true;
  }
  ValueLifter lifter(cx);
  if (result_->flat_count <= 1) return lifter.lift(slots, *result_, out);
  const std::uint32_t address = slots->u32;
  return cx.range(address, 1, result_->size, result_->align) != nullptr &&
         lifter.load(address, *result_, out);
}

bool FunctionPlan::lift_parameters(ValueLifter& lifter, const abi::HostCall& call, Value* values) const {
  const abi::Slot* slot = call.parameters;
  for (std::size_t index = 0; index < parameters_.size(); ++index) {
    const bool lifted = flat_
                            ? lifter.lift(slot, *parameters_[index], values[index])
                            : lifter.load(call.address + offsets_[index], *parameters_[index], values[index]);
    if (!lifted) return false;
  }
  return true;
}

}  // namespace tairitsu::detail

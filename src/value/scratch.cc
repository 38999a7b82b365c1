#include "tairitsu/detail/scratch.h"

#include <limits>

#include "value/codec.h"

namespace tairitsu {

namespace detail {

Scratch::Scratch() : bytes_(kStart) {}

Scratch::ScratchLowering::ScratchLowering(Scratch& scratch) : abi::Lowering{}, owner(scratch) {
  memory = scratch.bytes_.data();
  encoding = abi::StringEncoding::utf8;
  reallocate = [](abi::Lowering* self, std::size_t size, std::uint32_t align) {
    auto& bytes = static_cast<ScratchLowering*>(self)->owner.bytes_;
    const std::size_t address = (bytes.size() + align - 1) / align * align;
    if (address + size > std::numeric_limits<std::uint32_t>::max())
      return std::numeric_limits<std::size_t>::max();
    bytes.resize(address + size);
    self->memory = bytes.data();
    return address;
  };
}

abi::Lifting Scratch::lifting() const {
  return {.memory = bytes_.data(),
          .memory_size = bytes_.size(),
          .handles = nullptr,
          .handle_count = 0,
          .encoding = abi::StringEncoding::utf8};
}

Error Scratch::take_error(LowerContext& cx) {
  if (cx.error) return *std::move(cx.error);
  return Error(ErrorCode::invalid_argument, "a value is larger than 4 GiB");
}

}  // namespace detail

Result<detail::Scratch> Value::store(const Type& type) const {
  TAIRITSU_TRY(const Value value, to(type));
  detail::CheckContext check;
  if (!detail::ValueChecker(check).check(value, type.node())) return std::unexpected(*std::move(check.error));
  detail::Scratch scratch;
  TAIRITSU_RETURN_IF_ERROR(scratch.write(type.size(), [&](detail::LowerContext& cx) {
    return detail::ValueLowerer(cx).store(value, type.node(), detail::Scratch::kStart);
  }));
  return scratch;
}

Value Value::load(const detail::Scratch& scratch, const Type& type) {
  const abi::Lifting memory = scratch.lifting();
  detail::LiftContext cx(memory, UINT64_MAX);
  Value value;
  // Cannot fail, because the value was stored with the same type.
  if (!detail::ValueLifter(cx).load(detail::Scratch::kStart, type.node(), value)) return {};
  return value;
}

}  // namespace tairitsu

// The structs of the hot path are declared in both tairitsu/abi.h and bridge/src/abi.rs.
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

#include "tairitsu/abi.h"
#include "tairitsu_bridge.h"

namespace tairitsu::abi {
namespace {

TEST(AbiLayout, IsTheSameInCppAndRust) {
  // In the order of `tairitsu_bridge_abi_layout`.
  const std::vector<std::size_t> expected = {
      sizeof(Slot),
      sizeof(Handle),
      offsetof(Handle, rep),
      offsetof(Handle, resource_type),
      offsetof(Handle, guest),
      sizeof(Lowering),
      offsetof(Lowering, reallocate),
      offsetof(Lowering, lower_handle),
      offsetof(Lowering, memory),
      offsetof(Lowering, encoding),
      sizeof(Lifting),
      offsetof(Lifting, memory_size),
      offsetof(Lifting, handles),
      offsetof(Lifting, handle_count),
      offsetof(Lifting, encoding),
      sizeof(Frame),
      offsetof(Frame, lift),
      offsetof(Frame, flags),
      sizeof(HostResult),
      offsetof(HostResult, destroy),
      sizeof(HostCall),
      offsetof(HostCall, parameters),
      offsetof(HostCall, address),
      offsetof(HostCall, lifting),
      offsetof(HostCall, result),
      offsetof(HostCall, host_result),
  };
  std::vector<std::size_t> actual(expected.size() + 8);
  actual.resize(bridge::tairitsu_bridge_abi_layout(actual.data(), actual.size()));
  EXPECT_EQ(actual, expected);
}

TEST(AbiLayout, RespectsTheCapacity) {
  std::vector<std::size_t> layout(4, 12345);
  EXPECT_GT(bridge::tairitsu_bridge_abi_layout(layout.data(), 3), 3U);
  EXPECT_EQ(layout[0], sizeof(Slot));
  EXPECT_EQ(layout[3], 12345U);
}

}  // namespace
}  // namespace tairitsu::abi

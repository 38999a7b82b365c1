// A guest in C++ and its resource, with minimal hosts.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "shop.h"
#include "support/support.h"

namespace tairitsu::test {
namespace {

using example::shop::Shop;
using example::shop::catalogue::Basket;
using example::shop::catalogue::Item;
using example::shop::catalogue::Query;
using example::shop::journal::Level;

/// A host without a base class and Result, and with a generic parameter.
struct Lines {
  void log(Level level, const auto& message) {
    lines.push_back((level == Level::warning ? "warning: " : "") + std::string(message));
  }
  std::vector<std::string> lines;
};

class ShopBindings : public testing::Test {
 protected:
  example::shop::catalogue::Guest& shop() { return container_.guest<Shop>()->catalogue(); }
  Basket basket(std::string_view owner) { return unwrap(shop().basket(owner)); }

  Lines host_;
  Container container_ =
      unwrap(Container::builder(load("bindgen_shop.wasm")).with_bindings<Shop>(host_).build());
};

TEST_F(ShopBindings, CallMethodsOfAGuestResource) {
  Basket basket = this->basket("Ada");
  const auto added = basket.add({.id = 1, .price = 1.5, .weight = 0}, 4);
  ASSERT_OK(added);
  EXPECT_TRUE(added->has_value());
  EXPECT_EQ(unwrap(basket.total()), 6);
  const auto refused = basket.add({.id = 1, .price = 1.5, .weight = 0}, 0);
  ASSERT_OK(refused);
  ASSERT_FALSE(refused->has_value());
  EXPECT_EQ(refused->error(), "add at least one");
  EXPECT_EQ(unwrap(basket.total()), 6);
  EXPECT_EQ(host_.lines, (std::vector<std::string>{"Ada adds 4", "warning: Ada adds nothing"}));
}

TEST_F(ShopBindings, MoveResourcesIntoAStaticFunction) {
  Basket a = basket("Ada");
  Basket b = basket("Bob");
  ASSERT_OK(a.add({.id = 1, .price = 1, .weight = 0}, 1));
  ASSERT_OK(b.add({.id = 1, .price = 2, .weight = 0}, 1));
  Basket both = unwrap(shop().basket_merge(std::move(a), std::move(b)));
  EXPECT_FALSE(a);  // NOLINT: tests a moved-from handle.
  EXPECT_FALSE(b);  // NOLINT
  EXPECT_EQ(unwrap(both.total()), 3);
  EXPECT_ERROR(a.total(), invalid_argument);
}

TEST_F(ShopBindings, FindByVariant) {
  EXPECT_EQ(unwrap(shop().find(Query::all())).size(), 3U);
  EXPECT_EQ(unwrap(shop().find(Query::cheaper_than(2.5))).size(), 2U);
  EXPECT_EQ(unwrap(shop().find(Query::named("2"))),
            (std::vector<Item>{{.id = 2, .price = 1.25, .weight = 1}}));
}

TEST_F(ShopBindings, RejectADefaultConstructedResource) {
  Basket empty;
  EXPECT_FALSE(empty);
  EXPECT_ERROR(empty.total(), invalid_argument);
  Basket valid = basket("Ada");
  EXPECT_ERROR(shop().basket_merge(Basket(), std::move(valid)), invalid_argument);
}

TEST_F(ShopBindings, RejectAResourceOfAnotherContainer) {
  Lines host;
  auto other = unwrap(Container::builder(load("bindgen_shop.wasm")).with_bindings<Shop>(host).build());
  Basket theirs = unwrap(other.guest<Shop>()->catalogue().basket("Eve"));
  EXPECT_ERROR(shop().basket_merge(basket("Ada"), std::move(theirs)), invalid_argument);
  EXPECT_EQ(container_.state(), ContainerState::running);
}

TEST_F(ShopBindings, WorkAfterTheContainerIsMoved) {
  Container moved = std::move(container_);
  Basket basket = unwrap(moved.guest<Shop>()->catalogue().basket("Ada"));
  ASSERT_OK(basket.add({.id = 1, .price = 1, .weight = 0}, 1));
  EXPECT_EQ(unwrap(basket.total()), 1);
}

}  // namespace
}  // namespace tairitsu::test

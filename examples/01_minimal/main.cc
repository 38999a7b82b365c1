// Loads a guest, gives it a host function, calls it, and shows what a failure looks like.
#include <fmt/core.h>
#include <tairitsu/tairitsu.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The record `item` of greeter.wit, and how the two stand for each other.
struct Item {
  std::uint32_t id{};
  double price{};
  double weight{};
};
template <>
struct tairitsu::Describe<Item>
    : tairitsu::Record<Item, "item", tairitsu::Field<"id", &Item::id>, tairitsu::Field<"price", &Item::price>,
                       tairitsu::Field<"weight", &Item::weight>> {};

tairitsu::Result<void> run(const char* file) {
  TAIRITSU_TRY(auto engine, tairitsu::Engine::create());
  TAIRITSU_TRY(auto image, tairitsu::Image::from_file(engine, file));
  TAIRITSU_TRY(auto container, tairitsu::Container::builder(image)
                                   .with_imports([](tairitsu::Linker& linker) {
                                     return linker.define("example:greeter/host@1.0.0#log",
                                                          [](std::string_view message) {
                                                            fmt::print("guest: {}\n", message);
                                                          });
                                   })
                                   .build());

  TAIRITSU_TRY(auto greet, container.function<std::string(std::string_view)>("greet"));
  TAIRITSU_TRY(auto greeting, greet("world"));
  fmt::print("host:  {}\n", greeting);

  TAIRITSU_TRY(auto cheapest, container.function<std::vector<Item>(const std::vector<Item>&, std::uint32_t)>(
                                  "shop.cheapest"));
  TAIRITSU_TRY(auto items, cheapest({{1, 4.5, 0.2}, {2, 1.25, 1.0}, {3, 2.0, 0.5}}, 2));
  for (const Item& item : items) fmt::print("host:  item {} costs {:.2f}\n", item.id, item.price);

  TAIRITSU_TRY(auto fail, container.function<void()>("fail"));
  if (auto failed = fail(); !failed) {
    fmt::print("host:  {}\n{}\n", failed.error().message(), failed.error().backtrace());
  }
  fmt::print("host:  the container's state is '{}'\n", to_string(container.state()));
  return {};
}

int main(int argc, char** argv) {
  if (auto result = run(argc > 1 ? argv[1] : GREETER_COMPONENT); !result) {
    fmt::print(stderr, "01_minimal: {}\n", result.error().message());
    return 1;
  }
}

// Records, variants, enums, flags, options, results and tuples, in both directions.
#include <fmt/core.h>
#include <tairitsu/tairitsu.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "parcels.h"

using example::parcels::Parcels;
using namespace example::parcels::types;

// `option`, `tuple` and `result` are types of the standard library. The `tairitsu::Result` around them is the result of
// the call: its error ends the call, and the guest never sees it.
class Tariff : public example::parcels::tariff::Host {
 public:
  tairitsu::Result<std::optional<std::uint32_t>> per_kilogram(Service service) override {
    if (service == Service::standard) return 90;
    return std::nullopt;
  }

  tairitsu::Result<std::tuple<std::uint32_t, std::string>> surcharge(Handling handling) override {
    std::uint32_t cents = 0;
    if (contains(handling, Handling::fragile | Handling::upright)) cents += 150;
    if (contains(handling, Handling::cooled)) cents += 400;
    return std::tuple(cents, std::string(cents == 0 ? "none" : "special handling"));
  }

  tairitsu::Result<std::expected<std::uint32_t, std::string>> distance(std::string_view city) override {
    if (city == "Porto") return 310;
    return tairitsu::guest_error(fmt::format("unknown city: {}", city));
  }
};

// Reads a variant by testing for each case.
std::string describe(const Destination& destination) {
  if (const std::uint32_t* number = destination.if_locker()) return fmt::format("locker {}", *number);
  if (const Address* address = destination.if_door()) return address->street + ", " + address->city;
  return "the counter";
}

// Reads a variant with handlers. The compiler checks that all payload types are handled.
std::string describe(const Refusal& refusal) {
  return refusal.visit([](std::uint32_t grams) { return fmt::format("{} g too heavy", grams); },
                       [](const Size& size) { return fmt::format("{} cm is too long", size.length); },
                       [](const std::string& city) { return city; });
}

// Reads the case of a variant, for a switch.
bool may_be_repacked(const Refusal& refusal) {
  switch (refusal.which()) {
    case Refusal::Case::too_heavy:
    case Refusal::Case::too_large:
      return true;
    case Refusal::Case::no_such_city:
      return false;
  }
  return false;
}

tairitsu::Result<void> run(const char* file) {
  Tariff tariff;
  TAIRITSU_TRY(auto engine, tairitsu::Engine::create());
  TAIRITSU_TRY(auto image, tairitsu::Image::from_file(engine, file));
  TAIRITSU_TRY(auto container, tairitsu::Container::builder(image).with_bindings<Parcels>(tariff).build());
  auto& shipping = container.guest<Parcels>()->shipping();

  const std::vector<Parcel> parcels = {
      {.size = {30, 20, 10}, .grams = 1'200, .destination = Destination::counter()},
      {.size = {60, 40, 40},
       .grams = 8'000,
       .service = Service::express,
       .handling = Handling::fragile | Handling::upright,
       .destination = Destination::door({.street = "Rua das Flores 7", .city = "Porto"}),
       .insured = 500.0},
      {.size = {20, 20, 20}, .grams = 31'500, .destination = Destination::locker(12)},
      {.size = {220, 10, 10}, .grams = 900, .destination = Destination::locker(13)},
      {.size = {25, 15, 5}, .grams = 300, .destination = Destination::door({.city = "Atlantis"})},
  };
  for (const Parcel& parcel : parcels) {
    TAIRITSU_TRY(auto quote, shipping.quote(parcel));
    fmt::print("{:5} g to {}: ", parcel.grams, describe(parcel.destination));
    if (quote) {
      fmt::print("{}.{:02} euros\n", *quote / 100, *quote % 100);
    } else {
      fmt::print("refused, {}{}\n", describe(quote.error()),
                 may_be_repacked(quote.error()) ? " (may be repacked)" : "");
    }
  }

  TAIRITSU_TRY(auto summary, shipping.summary(parcels));
  const auto& [count, grams, largest] = summary;
  fmt::print("{} parcels of {} g", count, grams);
  if (largest) fmt::print(", the largest {} x {} x {} cm", largest->length, largest->width, largest->height);
  fmt::print("\n");

  TAIRITSU_TRY(auto nothing, shipping.summary({}));
  fmt::print("{} parcels, {}\n", std::get<0>(nothing),
             std::get<2>(nothing) ? "a largest one" : "no largest one");
  return {};
}

int main(int argc, char** argv) {
  if (auto result = run(argc > 1 ? argv[1] : GUEST_COMPONENT); !result) {
    fmt::print(stderr, "02_records_and_variants: {}\n", result.error().message());
    return 1;
  }
}

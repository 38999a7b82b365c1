#include "parcels_cpp.h"

#include <algorithm>
#include <cstdint>
#include <expected>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

namespace exports::example::parcels::shipping {

namespace tariff = ::example::parcels::tariff;
namespace types = ::example::parcels::types;

namespace {

constexpr uint32_t kMaxGrams = 30'000;
constexpr uint32_t kMaxLength = 200;

std::unexpected<Refusal> refuse(auto reason) { return std::unexpected(Refusal{std::move(reason)}); }

uint64_t volume(const Size& size) { return uint64_t{size.length} * size.width * size.height; }

}  // namespace

std::expected<uint32_t, Refusal> Quote(Parcel parcel) {
  if (parcel.grams > kMaxGrams) return refuse(Refusal::TooHeavy{parcel.grams - kMaxGrams});
  if (parcel.size.length > kMaxLength) return refuse(Refusal::TooLarge{parcel.size});

  // The standard service is always available, the others may not be.
  const auto per_kilogram = tariff::PerKilogram(parcel.service);
  uint32_t price = per_kilogram.value_or(*tariff::PerKilogram(types::Service::kStandard) * 2);
  price *= (parcel.grams + 999) / 1000;
  price += std::get<0>(tariff::Surcharge(parcel.handling));

  if (const auto* door = std::get_if<types::Destination::Door>(&parcel.destination.variants)) {
    auto distance = tariff::Distance(door->value.city.get_view());
    if (!distance) return refuse(Refusal::NoSuchCity{std::move(distance.error())});
    price += *distance;
  } else if (std::holds_alternative<types::Destination::Counter>(parcel.destination.variants)) {
    price /= 2;
  }
  if (parcel.insured) price += static_cast<uint32_t>(*parcel.insured);
  return price;
}

std::tuple<uint32_t, uint32_t, std::optional<Size>> Summary(wit::vector<Parcel> parcels) {
  uint32_t grams = 0;
  std::optional<Size> largest;
  for (const Parcel& parcel : parcels.get_const_view()) {
    grams += parcel.grams;
    if (!largest || volume(parcel.size) > volume(*largest)) largest = parcel.size;
  }
  return {static_cast<uint32_t>(parcels.size()), grams, largest};
}

}  // namespace exports::example::parcels::shipping

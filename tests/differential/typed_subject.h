/// A subject that uses the library's public templates, as a user does.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <tairitsu/container.h>

#include "subject.h"

namespace differential {

/// `View` is `T` with views instead of strings and lists, except inside records and variants.
template <typename T, typename View>
class TypedSubject final : public Subject {
 public:
  static std::unique_ptr<Subject> make() { return std::make_unique<TypedSubject>(); }

  [[nodiscard]] tairitsu::Type type() const override { return tairitsu::detail::Codec<T>::type(); }

  void fill(Random& random) override {
    value_ = T{};
    Value<T>::fill(random, value_);
    Value<std::vector<T>>::fill(random, list_);
    other_ = T{};
    Value<T>::fill(random, other_);
    byte_ = static_cast<std::uint8_t>(random.next());
    value_text = text_of(value_);
    list_text = text_of(list_);
    const std::string other = text_of(other_);
    const std::string byte = text_of(byte_);
    swap_arguments = value_text + '\n' + byte + '\n' + other;
    swapped_text = '(' + other + ',' + byte + ',' + value_text + ')';
  }

  // Host functions record their arguments and return the values of this side, not the arguments.
  tairitsu::Result<void> define(tairitsu::Linker& linker) override {
    if (auto defined = linker.define("host",
                                     [this](const View& value) {
                                       seen = text_of(value);
                                       return value_;
                                     });
        !defined) {
      return defined;
    }
    if (auto defined = linker.define("host-list",
                                     [this](const ListView& values) {
                                       seen = text_of(values);
                                       return list_;
                                     });
        !defined) {
      return defined;
    }
    return linker.define("host-swap", [this](const T& value, std::uint8_t byte, const T& other) {
      seen = text_of(value) + '\n' + text_of(byte) + '\n' + text_of(other);
      return Swapped{other_, byte_, value_};
    });
  }

  tairitsu::Result<void> bind(const tairitsu::Component&,
                              const std::shared_ptr<tairitsu::detail::ContainerCore>& core) override {
    const tairitsu::Instance instance(core);
    const auto find = [&instance]<typename Signature>(
                          std::string_view name,
                          std::optional<tairitsu::Function<Signature>>& function) -> tairitsu::Result<void> {
      auto found = instance.function<Signature>(name);
      if (!found) return std::unexpected(std::move(found).error());
      function = *std::move(found);
      return {};
    };
    tairitsu::Result<void> bound = find("reset", reset_);
    if (bound) bound = find("put", put_);
    if (bound) bound = find("get", get_);
    if constexpr (kHasView) {
      if (bound) bound = find("get", view_);
    }
    if (bound) bound = find("relay", relay_);
    if (bound) bound = find("relay-list", relay_list_);
    if (bound) bound = find("swap", swap_);
    return bound;
  }

  tairitsu::Result<void> reset() override { return (*reset_)(); }
  tairitsu::Result<void> put() override { return (*put_)(list_); }
  tairitsu::Result<std::string> get() override { return text_of_result((*get_)()); }
  tairitsu::Result<std::string> view() override {
    if constexpr (kHasView) {
      std::string text;
      auto read = view_->read([&text](const std::vector<View>& values) { text = text_of(values); });
      if (!read) return std::unexpected(std::move(read).error());
      return text;
    } else {
      return list_text;
    }
  }
  tairitsu::Result<std::string> relay() override { return text_of_result((*relay_)(value_)); }
  tairitsu::Result<std::string> relay_list() override { return text_of_result((*relay_list_)(list_)); }
  tairitsu::Result<std::string> swap() override { return text_of_result((*swap_)(value_, byte_, other_)); }

 private:
  static constexpr bool kHasView = !std::is_same_v<T, View>;
  // std::vector<bool> is not a contiguous range of bools.
  using List = std::conditional_t<std::is_same_v<T, bool>, const std::vector<T>&, std::span<const T>>;
  using ListView =
      std::conditional_t<tairitsu::detail::Codec<T>::bulk, std::span<const T>, std::vector<View>>;
  using Swapped = std::tuple<T, std::uint8_t, T>;

  template <typename R>
  static tairitsu::Result<std::string> text_of_result(const tairitsu::Result<R>& result) {
    if (!result) return std::unexpected(result.error());
    return text_of(*result);
  }

  T value_{};
  std::vector<T> list_;
  T other_{};
  std::uint8_t byte_ = 0;

  std::optional<tairitsu::Function<void()>> reset_;
  std::optional<tairitsu::Function<void(List)>> put_;
  std::optional<tairitsu::Function<std::vector<T>()>> get_;
  std::optional<tairitsu::Function<std::vector<View>()>> view_;
  std::optional<tairitsu::Function<T(const T&)>> relay_;
  std::optional<tairitsu::Function<std::vector<T>(const std::vector<T>&)>> relay_list_;
  std::optional<tairitsu::Function<Swapped(const T&, std::uint8_t, const T&)>> swap_;
};

/// Registers a type. Used by generated files.
template <typename T, typename View>
struct RegisterTyped {
  explicit RegisterTyped(const char* name) { subjects().push_back({name, &TypedSubject<T, View>::make}); }
};

}  // namespace differential

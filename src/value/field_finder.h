/// Finding the fields, cases and labels of types by name.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "wit/type_node.h"

namespace tairitsu::detail {

/// Finds fields, cases and labels by name. Keeps an index for each type that has many.
class FieldFinder {
 public:
  /// Returns the index of the field with that name. `guess` is tried first.
  [[nodiscard]] std::optional<std::uint32_t> find(const TypeNode& type, std::string_view name,
                                                  std::size_t guess = 0) {
    const auto& fields = type.fields;
    if (guess < fields.size() && fields[guess].name == name) return static_cast<std::uint32_t>(guess);
    if (fields.size() <= kFew) {
      const auto found = std::ranges::find(fields, name, &TypeField::name);
      if (found == fields.end()) return std::nullopt;
      return static_cast<std::uint32_t>(found - fields.begin());
    }
    auto& index = indices_[&type];
    if (index.empty()) {
      for (std::uint32_t i = 0; i < fields.size(); ++i) index.try_emplace(fields[i].name, i);
    }
    const auto found = index.find(name);
    if (found == index.end()) return std::nullopt;
    return found->second;
  }

 private:
  static constexpr std::size_t kFew = 16;
  std::unordered_map<const TypeNode*, std::unordered_map<std::string_view, std::uint32_t>> indices_;
};

}  // namespace tairitsu::detail

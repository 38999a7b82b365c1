#include "wit/world.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wit/type_node.h"

namespace tairitsu::detail {
namespace {

constexpr std::string_view kMagic = "TWLD";
constexpr std::uint32_t kVersion = 2;
constexpr auto kLastKind = static_cast<std::uint8_t>(TypeKind::fixed_length_list);

/// Reads from the front of the bytes. After the first failure everything reads as empty and `failed()` returns true,
/// so callers need to check only at the end of each step that loops or builds.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }
  void fail() {
    failed_ = true;
    bytes_ = {};
  }
  void require(bool condition) {
    if (!condition) fail();
  }

  std::span<const std::byte> take(std::size_t size) {
    if (size > bytes_.size()) {
      fail();
      return {};
    }
    const auto front = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return front;
  }

  std::uint8_t u8() {
    const auto bytes = take(1);
    return bytes.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(bytes[0]);
  }

  std::uint32_t u32() {
    std::uint32_t value = 0;
    const auto bytes = take(4);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      value |= std::to_integer<std::uint32_t>(bytes[i]) << (8 * i);
    }
    return value;
  }

  std::string string() {
    const auto bytes = take(u32());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  /// Reads a count and that many items. Reserves nothing, because the count may be corrupt.
  template <typename Read>
  auto list(Read read) {
    std::vector<decltype(read())> items;
    const std::uint32_t count = u32();
    for (std::uint32_t i = 0; i < count && !failed_; ++i) items.push_back(read());
    return items;
  }

 private:
  std::span<const std::byte> bytes_;
  bool failed_ = false;
};

class Decoder {
 public:
  explicit Decoder(std::span<const std::byte> bytes) : in_(bytes) {}

  std::optional<World> world() {
    for (const char letter : kMagic) in_.require(in_.u8() == static_cast<std::uint8_t>(letter));
    in_.require(in_.u32() == kVersion);
    resources_ = in_.list([&] { return names(); });
    const std::uint32_t count = in_.u32();
    for (std::uint32_t i = 0; i < count && !in_.failed(); ++i) type();
    World world;
    world.imports = items();
    world.exports = items();
    in_.require(in_.at_end());
    if (in_.failed()) return std::nullopt;
    return world;
  }

 private:
  SharedResourceNames names() {
    auto list = in_.list([&] {
      ResourceName place;
      place.interface_name = in_.string();
      place.name = in_.string();
      return place;
    });
    in_.require(!list.empty());
    return std::make_shared<const std::vector<ResourceName>>(std::move(list));
  }

  void type() {
    const std::uint8_t kind_number = in_.u8();
    if (kind_number > kLastKind) return in_.fail();
    const auto kind = static_cast<TypeKind>(kind_number);
    std::string name = in_.string();
    const std::uint32_t resource = in_.u32();
    in_.require(resource <= resources_.size());
    in_.require(resource == 0 || (is_handle(kind) && name.empty()));
    const std::uint32_t length = in_.u32();
    std::uint32_t depth = 1;
    auto fields = in_.list([&] {
      TypeField field;
      field.name = in_.string();
      if (const std::uint32_t reference = in_.u32(); reference != 0) {
        in_.require(reference <= types_.size());
        if (in_.failed()) return field;
        depth = std::max(depth, depths_[reference - 1] + 1);
        field.type = types_[reference - 1];
      }
      return field;
    });
    in_.require(depth <= kMaxTypeDepth);
    in_.require(length == 0 || kind == TypeKind::fixed_length_list);
    in_.require(fields_fit(kind, fields));
    if (in_.failed()) return;
    types_.push_back(resource == 0 ? Type::make(kind, std::move(name), std::move(fields), {}, length)
                                   : make_handle(kind, resources_[resource - 1]));
    depths_.push_back(depth);
  }

  static bool fields_fit(TypeKind kind, const std::vector<TypeField>& fields) {
    const auto typed = std::ranges::count_if(fields, [](const auto& f) { return f.type.has_value(); });
    const auto types = static_cast<std::size_t>(typed);
    switch (kind) {
      case TypeKind::record:
        return !fields.empty() && types == fields.size();
      case TypeKind::tuple:
        return types == fields.size();
      case TypeKind::variant:
        return !fields.empty();
      case TypeKind::enumeration:
      case TypeKind::flags:
        return !fields.empty() && types == 0;
      case TypeKind::list:
      case TypeKind::option:
      case TypeKind::fixed_length_list:
        return fields.size() == 1 && types == 1;
      case TypeKind::future:
      case TypeKind::stream:
        return fields.size() == 1;
      case TypeKind::map:
        return fields.size() == 2 && types == 2;
      case TypeKind::result:
        return fields.size() == 2;
      default:
        return fields.empty();
    }
  }

  std::optional<Type> reference() {
    const std::uint32_t reference = in_.u32();
    in_.require(reference <= types_.size());
    if (reference == 0 || in_.failed()) return std::nullopt;
    return types_[reference - 1];
  }

  FunctionItem function() {
    FunctionItem item;
    item.name = in_.string();
    const std::uint8_t async = in_.u8();
    in_.require(async <= 1);
    item.type.async = async == 1;
    item.type.parameters = in_.list([&] {
      TypeField parameter;
      parameter.name = in_.string();
      parameter.type = reference();
      in_.require(parameter.type.has_value());
      return parameter;
    });
    item.type.result = reference();
    return item;
  }

  std::vector<TypeItem> type_items() {
    std::vector<TypeItem> items;
    const std::uint32_t count = in_.u32();
    for (std::uint32_t i = 0; i < count && !in_.failed(); ++i) {
      std::string name = in_.string();
      auto type = reference();
      in_.require(type.has_value());
      if (type) items.push_back({std::move(name), *std::move(type)});
    }
    return items;
  }

  /// `interface` is the name of the interface that the resources belong to.
  void resources(const std::string& interface, std::vector<std::string>& resources,
                 std::vector<ResourceAlias>& aliases) {
    const std::uint32_t count = in_.u32();
    for (std::uint32_t i = 0; i < count && !in_.failed(); ++i) {
      std::string name = in_.string();
      const std::uint32_t resource = in_.u32();
      in_.require(resource != 0 && resource <= resources_.size());
      if (in_.failed()) return;
      const ResourceName& owner = resources_[resource - 1]->front();
      if (owner.interface_name != interface || owner.name != name) {
        aliases.push_back({.name = name, .interface_name = owner.interface_name, .resource = owner.name});
      }
      resources.push_back(std::move(name));
    }
  }

  Interface interface() {
    Interface interface;
    interface.name = in_.string();
    interface.functions = in_.list([&] { return function(); });
    interface.types = type_items();
    resources(interface.name, interface.resources, interface.aliases);
    interface.instances = in_.list([&] { return in_.string(); });
    return interface;
  }

  WorldItems items() {
    WorldItems items;
    items.interfaces = in_.list([&] { return interface(); });
    items.functions = in_.list([&] { return function(); });
    items.types = type_items();
    resources({}, items.resources, items.aliases);
    items.unsupported = in_.list([&] { return in_.string(); });
    return items;
  }

  Reader in_;
  std::vector<SharedResourceNames> resources_;
  std::vector<Type> types_;
  std::vector<std::uint32_t> depths_;
};

}  // namespace

Result<World> decode_world(std::span<const std::byte> bytes) {
  auto world = Decoder(bytes).world();
  if (!world) return fail(ErrorCode::internal, "the description of the component's world is corrupt");
  return *std::move(world);
}

}  // namespace tairitsu::detail

#include "value/codec.h"

#include <algorithm>

#include <fmt/format.h>

#include "tairitsu/resource.h"

namespace tairitsu::detail {

namespace {

std::uint64_t flags_mask(const TypeNode& type) noexcept {
  return type.fields.size() >= 64 ? UINT64_MAX : (std::uint64_t{1} << type.fields.size()) - 1;
}

/// Clears the padding, which may contain anything in a guest's memory.
void clear_padding(const TypeNode& type, std::byte* bytes) noexcept {
  if (!type.padded) return;
  std::uint32_t end = 0;
  for (std::size_t index = 0; index < type.offsets.size(); ++index) {
    const TypeNode& part = *type.field(index);
    const std::uint32_t begin = type.offsets[index];
    std::fill(bytes + end, bytes + begin, std::byte{0});
    clear_padding(part, bytes + begin);
    end = begin + part.size;
  }
  std::fill(bytes + end, bytes + type.size, std::byte{0});
}

/// Returns whether all chars of a plain value are valid.
bool has_valid_chars(const TypeNode& type, const std::byte* bytes) noexcept {
  if (!type.has_chars) return true;
  if (type.kind == TypeKind::character) {
    return is_unicode_scalar(static_cast<char32_t>(read_bits(bytes, 4)));
  }
  for (std::size_t index = 0; index < type.offsets.size(); ++index) {
    if (!has_valid_chars(*type.field(index), bytes + type.offsets[index])) return false;
  }
  return true;
}

}  // namespace

// ---- Checking

bool ValueChecker::check(const Value& value, const TypeNode& type) {
  if (!needs_check(type)) return true;
  const auto bad_char = [&] {
    return cx_.fail(ErrorCode::invalid_argument, "a char is not a Unicode scalar value");
  };
  const ValueNode* node = ValueAccess::node(value);
  switch (type.kind) {
    case TypeKind::character:
      return is_unicode_scalar(static_cast<char32_t>(ValueAccess::bits(value))) || bad_char();
    case TypeKind::string: {
      const std::string_view text = value.text();
      if (text.size() > kMaxBytes)
        return cx_.fail(ErrorCode::invalid_argument, "a string is too large for a guest's memory");
      if (node == nullptr || static_cast<const TextNode*>(node)->checked) return true;
      return is_utf8(text) || cx_.fail(ErrorCode::invalid_argument, "a string is not valid UTF-8");
    }
    case TypeKind::own:
    case TypeKind::borrow:
      return check_handle(value, type);
    default:
      break;
  }
  if (node == nullptr) return true;  // A case without a payload.
  if (type.kind == TypeKind::list && value.size() > kMaxBytes / type.element().size) {
    return cx_.fail(ErrorCode::invalid_argument, "a list is too large for a guest's memory");
  }
  switch (node->tag) {
    case ValueNode::Tag::bytes: {
      if (!type.has_chars) return true;
      if (type.kind != TypeKind::list)
        return has_valid_chars(type, ValueAccess::plain_bytes(value)) || bad_char();
      const auto& bytes = ValueAccess::node_as<BytesNode>(value);
      for (std::size_t at = 0; at < bytes.size; at += type.element().size) {
        if (!has_valid_chars(type.element(), bytes.data() + at)) return bad_char();
      }
      return true;
    }
    case ValueNode::Tag::items: {
      const auto& items = static_cast<const ItemsNode*>(node)->items;
      for (std::size_t index = 0; index < items.size(); ++index) {
        const TypeField& field = type.fields[type.kind == TypeKind::list ? 0 : index];
        if (!check(items[index], field.type->node())) return false;
      }
      return true;
    }
    case ValueNode::Tag::payload: {
      const TypeNode* payload = type.payload(ValueAccess::index(value));
      return payload == nullptr || check(static_cast<const PayloadNode*>(node)->payload, *payload);
    }
    default:
      return true;
  }
}

bool ValueChecker::check_handle(const Value& value, const TypeNode& type) {
  const ValueNode* node = ValueAccess::node(value);
  const bool own = type.kind == TypeKind::own;
  const void* identity = node;
  if (node->tag == ValueNode::Tag::guest) {
    if (!check_guest_resource(cx_, &static_cast<const GuestNode*>(node)->resource)) return false;
    // A handle that a call returned knows its resource.
    const TypeNode& is = node->type.node();
    if (!is.name.empty() && !type.name.empty() &&
        (is.name != type.name || is.interface_name != type.interface_name)) {
      return cx_.fail(
          ErrorCode::type_mismatch,
          fmt::format("expected a handle of resource '{}', found one of '{}'", type.name, is.name));
    }
  } else {
    const HostObject& object = static_cast<const HostNode*>(node)->object;
    if (own ? !object.is_owned() : !object) {
      return cx_.fail(ErrorCode::invalid_argument,
                      "a resource was passed as own before, or is only borrowed");
    }
    if (!type.name.empty() && cx_.guest().linked_resource(type.interface_name, type.name) != object.type()) {
      return cx_.fail(ErrorCode::type_mismatch,
                      fmt::format("the object's class is not the class of host resource '{}'", type.name));
    }
    identity = object.identity();
  }
  const auto [seen, first] = handles_.try_emplace(identity, own);
  if (first || (!own && !seen->second)) return true;
  return cx_.fail(ErrorCode::invalid_argument, "a resource is passed as own and used again in the same call");
}

// ---- Lowering

template <typename Body>
bool ValueLowerer::with_case(const TypeNode& type, std::uint32_t index, Body&& body) {
  if (type.handle_count == 0) return body();
  const std::uint32_t ordinal = cx_.handle_ordinal;
  std::uint32_t before = 0;
  for (std::uint32_t other = 0; other < index; ++other) {
    if (const TypeNode* part = type.payload(other)) before += part->handle_count;
  }
  cx_.handle_ordinal = ordinal + before;
  const bool lowered = body();
  cx_.handle_ordinal = ordinal + type.handle_count;
  return lowered;
}

bool ValueLowerer::lower(const Value& value, const TypeNode& type, abi::Slot*& slot) {
  switch (type.kind) {
    case TypeKind::string:
    case TypeKind::list: {
      std::size_t address = 0;
      std::uint32_t length = 0;
      if (type.kind == TypeKind::string ? !cx_.lower_string(value.text(), address, length)
                                        : !lower_list(value, type, address, length)) {
        return false;
      }
      (slot++)->u64 = address;
      (slot++)->u64 = length;
      return true;
    }
    case TypeKind::record:
    case TypeKind::tuple: {
      if (type.plain) return lower_plain(ValueAccess::plain_bytes(value), type, slot);
      const auto& items = ValueAccess::node_as<ItemsNode>(value).items;
      for (std::size_t index = 0; index < items.size(); ++index) {
        if (!lower(items[index], *type.field(index), slot)) return false;
      }
      return true;
    }
    case TypeKind::variant:
    case TypeKind::option:
    case TypeKind::result: {
      const std::uint32_t index = ValueAccess::index(value);
      (slot++)->u64 = index;
      abi::Slot* payload = slot;
      for (std::uint32_t at = 1; at < type.flat_count; ++at) (slot++)->u64 = 0;
      return with_case(type, index, [&] {
        const TypeNode* part = type.payload(index);
        return part == nullptr || lower(ValueAccess::node_as<PayloadNode>(value).payload, *part, payload);
      });
    }
    case TypeKind::enumeration:
      (slot++)->u64 = ValueAccess::index(value);
      return true;
    case TypeKind::own:
    case TypeKind::borrow: {
      std::uint32_t index = 0;
      if (!lower_handle(value, type, index)) return false;
      (slot++)->u64 = index;
      return true;
    }
    default:
      (slot++)->u64 = flat_bits(type.kind, ValueAccess::bits(value));
      return true;
  }
}

bool ValueLowerer::lower_plain(const std::byte* bytes, const TypeNode& type, abi::Slot*& slot) {
  if (type.offsets.empty()) {
    (slot++)->u64 = flat_bits(type.kind, read_bits(bytes, type.size));
    return true;
  }
  for (std::size_t index = 0; index < type.offsets.size(); ++index) {
    lower_plain(bytes + type.offsets[index], *type.field(index), slot);
  }
  return true;
}

bool ValueLowerer::store(const Value& value, const TypeNode& type, std::size_t address) {
  if (type.plain) {
    write_plain(value, type, reinterpret_cast<std::byte*>(cx_.at(address)));
    return true;
  }
  switch (type.kind) {
    case TypeKind::string:
    case TypeKind::list: {
      std::size_t data = 0;
      std::uint32_t length = 0;
      if (type.kind == TypeKind::string ? !cx_.lower_string(value.text(), data, length)
                                        : !lower_list(value, type, data, length)) {
        return false;
      }
      cx_.write(address, static_cast<std::uint32_t>(data));
      cx_.write(address + 4, length);
      return true;
    }
    case TypeKind::record:
    case TypeKind::tuple: {
      const auto& items = ValueAccess::node_as<ItemsNode>(value).items;
      for (std::size_t index = 0; index < items.size(); ++index) {
        if (!store(items[index], *type.field(index), address + type.offsets[index])) return false;
      }
      return true;
    }
    case TypeKind::variant:
    case TypeKind::option:
    case TypeKind::result: {
      const std::uint32_t index = ValueAccess::index(value);
      std::memcpy(cx_.at(address), &index, type.discriminant_size);
      return with_case(type, index, [&] {
        const TypeNode* part = type.payload(index);
        return part == nullptr ||
               store(ValueAccess::node_as<PayloadNode>(value).payload, *part, address + type.payload_offset);
      });
    }
    case TypeKind::own:
    case TypeKind::borrow: {
      std::uint32_t index = 0;
      if (!lower_handle(value, type, index)) return false;
      cx_.write(address, index);
      return true;
    }
    default:
      return cx_.fail(ErrorCode::internal, "a value has an unknown kind");
  }
}

bool ValueLowerer::lower_list(const Value& value, const TypeNode& type, std::size_t& address,
                              std::uint32_t& length) {
  const TypeNode& element = type.element();
  const std::size_t count = value.size();
  // Cannot overflow: both factors are below 2^32.
  if (!cx_.reallocate(count * element.size, element.align, address)) return false;
  length = static_cast<std::uint32_t>(count);
  if (element.plain) {
    const auto& bytes = ValueAccess::node_as<BytesNode>(value);
    if (bytes.size != 0) std::memcpy(cx_.at(address), bytes.data(), bytes.size);
    return true;
  }
  const std::uint32_t ordinal = cx_.handle_ordinal;
  std::size_t at = address;
  for (const Value& item : ValueAccess::node_as<ItemsNode>(value).items) {
    cx_.handle_ordinal = ordinal;
    if (!store(item, element, at)) return false;
    at += element.size;
  }
  cx_.handle_ordinal = ordinal + element.handle_count;
  return true;
}

bool ValueLowerer::lower_handle(const Value& value, const TypeNode& type, std::uint32_t& index) {
  const ValueNode* node = ValueAccess::node(value);
  const bool own = type.kind == TypeKind::own;
  abi::Handle handle{};
  if (node->tag == ValueNode::Tag::guest) {
    GuestResource& resource = static_cast<const GuestNode*>(node)->resource;
    if (!resource) return cx_.fail(ErrorCode::invalid_argument, "a resource was passed as own before");
    handle = resource.handle();
    if (own) resource.release();
  } else {
    const HostObject& object = static_cast<const HostNode*>(node)->object;
    if (!object) return cx_.fail(ErrorCode::invalid_argument, "a resource was passed as own before");
    ResourceTable& table = cx_.guest().resources();
    handle.kind = own ? abi::HandleKind::host_own : abi::HandleKind::host_borrow;
    handle.resource_type = object.type();
    handle.rep = own ? object.give(table) : object.lend(table);
    if (!own) {
      cx_.guest().release_after_call(handle.rep);
      cx_.guest().keep_for_call(object);
    }
  }
  const bool lowered = cx_.lower_handle(handle, index);
  ++cx_.handle_ordinal;
  return lowered;
}

// ---- Lifting

ValueLifter::~ValueLifter() {
  for (HostObject& object : lent_) object.expire();
}

/// Counts the host's memory for a record or a tuple, which may be larger than the guest's.
bool ValueLifter::consume_node(const TypeNode& type) {
  return cx_.consume(type.plain ? sizeof(BytesNode) + type.size
                                : sizeof(ItemsNode) + type.fields.size() * sizeof(Value));
}

bool ValueLifter::lift_text(std::uint32_t address, std::uint32_t length, Value& out) {
  std::string_view view;
  if (!cx_.consume(sizeof(TextNode)) || !cx_.lift_string(address, length, true, view)) return false;
  out = ValueAccess::text(view, true);
  return true;
}

/// Checks and normalizes the chars, discriminants and so on of a plain value that was copied from a guest.
bool ValueLifter::check_plain(const TypeNode& type, std::byte* bytes) {
  if (!type.plain_checked) return true;
  switch (type.kind) {
    case TypeKind::boolean:
      *bytes = std::byte{*bytes != std::byte{0}};
      return true;
    case TypeKind::character: {
      const auto value = static_cast<std::uint32_t>(read_bits(bytes, 4));
      return is_unicode_scalar(value) || cx_.fail_character(value);
    }
    case TypeKind::enumeration: {
      const auto value = static_cast<std::uint32_t>(read_bits(bytes, type.size));
      return value < type.fields.size() || cx_.fail_discriminant(value, type.fields.size());
    }
    case TypeKind::flags: {
      const std::uint64_t bits = read_bits(bytes, type.size) & flags_mask(type);
      std::memcpy(bytes, &bits, type.size);
      return true;
    }
    default:
      for (std::size_t index = 0; index < type.offsets.size(); ++index) {
        if (!check_plain(*type.field(index), bytes + type.offsets[index])) return false;
      }
      return true;
  }
}

bool ValueLifter::lift_plain(const abi::Slot*& slot, const TypeNode& type, std::byte* to) {
  if (type.offsets.empty()) {
    const std::uint64_t bits = (slot++)->u64;
    // All 32 bits of the slot of a discriminant or a bool count.
    if (type.kind == TypeKind::boolean) {
      *to = std::byte{static_cast<std::uint32_t>(bits) != 0};
      return true;
    }
    if (type.kind == TypeKind::enumeration && static_cast<std::uint32_t>(bits) >= type.fields.size()) {
      return cx_.fail_discriminant(static_cast<std::uint32_t>(bits), type.fields.size());
    }
    std::memcpy(to, &bits, type.size);
    return check_plain(type, to);
  }
  for (std::size_t index = 0; index < type.offsets.size(); ++index) {
    if (!lift_plain(slot, *type.field(index), to + type.offsets[index])) return false;
  }
  return true;
}

template <typename Part>
bool ValueLifter::make_case(std::uint32_t index, const TypeNode& type, Value& out, Part&& part) {
  if (index >= type.case_count()) return cx_.fail_discriminant(index, type.case_count());
  const TypeNode* payload = type.payload(index);
  if (payload == nullptr) {
    out = ValueAccess::make_case(type, index);
    return true;
  }
  Value value;
  if (!cx_.consume(sizeof(PayloadNode)) || !part(*payload, value)) return false;
  out = ValueAccess::make_case(type, index, std::move(value));
  return true;
}

bool ValueLifter::lift(const abi::Slot*& slot, const TypeNode& type, Value& out) {
  switch (type.kind) {
    case TypeKind::string:
    case TypeKind::list: {
      const std::uint32_t address = (slot++)->u32;
      const std::uint32_t length = (slot++)->u32;
      return type.kind == TypeKind::string ? lift_text(address, length, out)
                                           : load_list(address, length, type, out);
    }
    case TypeKind::record:
    case TypeKind::tuple: {
      if (!consume_node(type)) return false;
      if (type.plain) {
        BytesNode* bytes = BytesNode::make(type_of(type), type.size, true);
        out = ValueAccess::own(bytes);
        return lift_plain(slot, type, bytes->data());
      }
      std::vector<Value> items(type.fields.size());
      for (std::size_t index = 0; index < items.size(); ++index) {
        if (!lift(slot, *type.field(index), items[index])) return false;
      }
      out = ValueAccess::items(type, std::move(items));
      return true;
    }
    case TypeKind::variant:
    case TypeKind::option:
    case TypeKind::result: {
      const std::uint32_t index = slot->u32;
      const abi::Slot* payload = slot + 1;
      slot += type.flat_count;
      return make_case(index, type, out,
                       [&](const TypeNode& part, Value& value) { return lift(payload, part, value); });
    }
    case TypeKind::enumeration: {
      const std::uint32_t index = (slot++)->u32;
      if (index >= type.fields.size()) return cx_.fail_discriminant(index, type.fields.size());
      out = ValueAccess::make_case(type, index);
      return true;
    }
    case TypeKind::flags:
      out = ValueAccess::immediate(TypeKind::flags, slot_bits(type, *slot++) & flags_mask(type), &type);
      return true;
    case TypeKind::own:
    case TypeKind::borrow:
      ++slot;
      return lift_handle(type, out);
    case TypeKind::boolean:
      out = Value((slot++)->u32 != 0);
      return true;
    case TypeKind::character: {
      const std::uint32_t value = (slot++)->u32;
      out = Value(static_cast<char32_t>(value));
      return is_unicode_scalar(value) || cx_.fail_character(value);
    }
    default:
      out = ValueAccess::immediate(type.kind, slot_bits(type, *slot++));
      return true;
  }
}

bool ValueLifter::load(std::size_t address, const TypeNode& type, Value& out) {
  if (type.plain) {
    if (type.offsets.empty()) {
      std::byte bytes[8]{};
      std::memcpy(bytes, cx_.at(address), type.size);
      if (!check_plain(type, bytes)) return false;
      const std::uint64_t bits = read_bits(bytes, 8);
      out = type.kind == TypeKind::enumeration
                ? ValueAccess::make_case(type, static_cast<std::uint32_t>(bits))
                : ValueAccess::immediate(type.kind, bits, type.kind == TypeKind::flags ? &type : nullptr);
      return true;
    }
    if (!consume_node(type)) return false;
    BytesNode* bytes = BytesNode::make(type_of(type), type.size, false);
    out = ValueAccess::own(bytes);
    std::memcpy(bytes->data(), cx_.at(address), type.size);
    clear_padding(type, bytes->data());
    return check_plain(type, bytes->data());
  }
  switch (type.kind) {
    case TypeKind::string:
      return lift_text(cx_.read<std::uint32_t>(address), cx_.read<std::uint32_t>(address + 4), out);
    case TypeKind::list:
      return load_list(cx_.read<std::uint32_t>(address), cx_.read<std::uint32_t>(address + 4), type, out);
    case TypeKind::record:
    case TypeKind::tuple: {
      if (!consume_node(type)) return false;
      std::vector<Value> items(type.fields.size());
      for (std::size_t index = 0; index < items.size(); ++index) {
        if (!load(address + type.offsets[index], *type.field(index), items[index])) return false;
      }
      out = ValueAccess::items(type, std::move(items));
      return true;
    }
    case TypeKind::variant:
    case TypeKind::option:
    case TypeKind::result: {
      std::uint32_t index = 0;
      std::memcpy(&index, cx_.at(address), type.discriminant_size);
      return make_case(index, type, out, [&](const TypeNode& part, Value& value) {
        return load(address + type.payload_offset, part, value);
      });
    }
    case TypeKind::own:
    case TypeKind::borrow:
      return lift_handle(type, out);
    default:
      return cx_.fail(ErrorCode::internal, "a value has an unknown kind");
  }
}

bool ValueLifter::load_list(std::uint32_t address, std::uint32_t length, const TypeNode& type, Value& out) {
  const TypeNode& element = type.element();
  const std::uint8_t* bytes = cx_.range(address, length, element.size, element.align);
  if (bytes == nullptr) return false;
  const std::uint64_t size = std::uint64_t{length} * element.size;
  if (element.plain) {
    if (!cx_.consume(size)) return false;
    BytesNode* node = BytesNode::make(type_of(type), size, false);
    out = ValueAccess::own(node);
    if (size != 0) std::memcpy(node->data(), bytes, size);
    if (!element.plain_checked && !element.padded) return true;
    for (std::uint64_t at = 0; at < size; at += element.size) {
      clear_padding(element, node->data() + at);
      if (!check_plain(element, node->data() + at)) return false;
    }
    return true;
  }
  // An element may be larger in the host than in the guest.
  if (!cx_.consume(std::uint64_t{length} * std::max<std::uint64_t>(element.size, sizeof(Value))))
    return false;
  std::vector<Value> items(length);
  std::size_t at = address;
  for (Value& item : items) {
    if (!load(at, element, item)) return false;
    at += element.size;
  }
  out = ValueAccess::items(type, std::move(items));
  return true;
}

bool ValueLifter::lift_handle(const TypeNode& type, Value& out) {
  const abi::Handle* handle = cx_.next_handle();
  if (handle == nullptr || !cx_.consume(sizeof(GuestNode))) return false;
  switch (handle->kind) {
    case abi::HandleKind::guest_own:
      out = ValueAccess::own(new GuestNode(type_of(type), GuestResource(cx_.guest().share(), *handle)));
      return true;
    case abi::HandleKind::host_own:
    case abi::HandleKind::host_borrow: {
      ResourceTable& table = cx_.guest().resources();
      const bool own = handle->kind == abi::HandleKind::host_own;
      HostObject object = own ? HostObject::take(table, handle->resource_type, handle->rep)
                              : HostObject::borrow(table, handle->resource_type, handle->rep);
      if (!object) return fail_resource(cx_, type.name);
      if (!own) lent_.push_back(object);
      out = ValueAccess::own(new HostNode(type_of(type), std::move(object)));
      return true;
    }
    case abi::HandleKind::guest_borrow:
      break;
  }
  return fail_resource(cx_, type.name);  // A guest cannot lend its own resource to the host.
}

}  // namespace tairitsu::detail

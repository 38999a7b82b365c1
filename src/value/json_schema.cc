#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "tairitsu/json.h"
#include "value/json_reader.h"
#include "value/json_text.h"
#include "value/number.h"

namespace tairitsu {
namespace detail {
namespace {

/// One entry for all types with the same schema.
struct SchemaEntry {
  const TypeNode* node;
  std::vector<std::size_t> parts;  ///< Entries of the fields' types; `kNoEntry` for a field without a type.
  std::size_t uses = 0;            ///< How many entries have it as a part.
  std::size_t size = 0;            ///< The number of schemas in it, except those behind a `$ref`.
  std::string definition;          ///< Its name in `$defs`, or empty if it has none.
};
constexpr std::size_t kNoEntry = std::numeric_limits<std::size_t>::max();

/// Returns whether the type itself has a name; the name of a handle is its resource's.
bool has_name(const TypeNode& type) noexcept {
  return !type.name.empty() && type.kind != TypeKind::own && type.kind != TypeKind::borrow;
}

/// The types that a type consists of, smaller ones first.
class Entries {
 public:
  std::size_t add(const TypeNode& type);
  /// Decides which entries except the root go to `$defs`: named types, and long ones that would be repeated.
  void name_definitions(std::size_t root);
  [[nodiscard]] const SchemaEntry& operator[](std::size_t index) const { return entries_[index]; }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  std::string unused_name(const TypeNode& type);

  std::vector<SchemaEntry> entries_;
  std::unordered_map<const TypeNode*, std::size_t> by_node_;
  std::map<std::string, std::size_t, std::less<>> by_key_;
  std::set<std::string, std::less<>> names_;
};

std::size_t Entries::add(const TypeNode& type) {
  if (const auto found = by_node_.find(&type); found != by_node_.end()) return found->second;
  SchemaEntry entry{.node = &type, .parts = {}, .definition = {}};
  std::string key = fmt::format("{} {} {}:{} {}:{}", static_cast<int>(type.kind), type.length,
                                type.name.size(), type.name, type.interface_name.size(), type.interface_name);
  for (std::size_t index = 0; index < type.fields.size(); ++index) {
    const TypeNode* part = type.field(index);
    entry.parts.push_back(part == nullptr ? kNoEntry : add(*part));
    const std::string& name = type.fields[index].name;
    fmt::format_to(std::back_inserter(key), " {} {}:{}", entry.parts.back(), name.size(), name);
  }
  const auto [found, added] = by_key_.try_emplace(std::move(key), entries_.size());
  if (added) {
    for (const std::size_t part : entry.parts) {
      if (part != kNoEntry) ++entries_[part].uses;
    }
    entries_.push_back(std::move(entry));
  }
  return by_node_.try_emplace(&type, found->second).first->second;
}

void Entries::name_definitions(std::size_t root) {
  constexpr std::size_t kLong = 100;
  for (std::size_t index = 0; index < entries_.size(); ++index) {
    SchemaEntry& entry = entries_[index];
    entry.size = 1;
    for (const std::size_t part : entry.parts) {
      if (part == kNoEntry) {
        ++entry.size;
      } else {
        entry.size += entries_[part].definition.empty() ? entries_[part].size : 1;
      }
    }
    if (index == root) continue;
    if (has_name(*entry.node) || (entry.uses > 1 && entry.size > kLong))
      entry.definition = unused_name(*entry.node);
  }
}

std::string Entries::unused_name(const TypeNode& type) {
  std::string name = type.name.empty() ? "unnamed" : type.name;
  // Only characters that need no escape in JSON pointers and URIs.
  for (char& letter : name) {
    const bool plain = is_alphanumeric(letter) || letter == '-' || letter == '_';
    if (!plain) letter = '-';
  }
  std::string unused = name;
  for (int number = 2; !names_.insert(unused).second; ++number) unused = fmt::format("{}-{}", name, number);
  return unused;
}

class SchemaWriter {
 public:
  SchemaWriter(const TypeNode& root, const JsonOptions& options)
      : text_(options.indent), base64_(options.bytes_as_base64), root_(entries_.add(root)) {
    entries_.name_definitions(root_);
  }

  std::string write() {
    text_.begin_object();
    text_.key("$schema");
    text_.string("https://json-schema.org/draft/2020-12/schema");
    const SchemaEntry& root = entries_[root_];
    if (has_name(*root.node)) member("title", root.node->name);
    keywords(root);
    bool any = false;
    for (std::size_t index = 0; index < entries_.size(); ++index) {
      const SchemaEntry& entry = entries_[index];
      if (entry.definition.empty()) continue;
      if (!std::exchange(any, true)) {
        text_.key("$defs");
        text_.begin_object();
      }
      text_.key(entry.definition);
      text_.begin_object();
      keywords(entry);
      text_.end_object();
    }
    if (any) text_.end_object();
    text_.end_object();
    return text_.take();
  }

 private:
  void member(std::string_view key, std::string_view value) {
    text_.key(key);
    text_.string(value);
  }
  void raw_member(std::string_view key, std::string_view value) {
    text_.key(key);
    text_.raw(value);
  }
  /// Writes the schema of a part, or of null if there is none.
  void schema(std::size_t index) {
    text_.begin_object();
    if (index == kNoEntry) {
      member("type", "null");
    } else if (const SchemaEntry& entry = entries_[index]; !entry.definition.empty()) {
      member("$ref", "#/$defs/" + entry.definition);
    } else {
      keywords(entry);
    }
    text_.end_object();
  }
  void schema(std::string_view key, std::size_t index) {
    text_.key(key);
    schema(index);
  }
  void keywords(const SchemaEntry& entry);
  void integer(TypeKind kind);
  void real();
  void list(const SchemaEntry& entry);
  void record(const SchemaEntry& entry);
  void tuple(const SchemaEntry& entry);
  void cases(const SchemaEntry& entry);
  void option(const SchemaEntry& entry);
  void flags(const SchemaEntry& entry);
  void handle(const TypeNode& type);
  void only_member(std::string_view key, std::size_t part);
  void labels(const TypeNode& type);
  void unreadable(const TypeNode& type);

  JsonText text_;
  Entries entries_;
  bool base64_;
  std::size_t root_;
};

/// Writes the members of the schema object for the type.
void SchemaWriter::keywords(const SchemaEntry& entry) {
  const TypeNode& type = *entry.node;
  switch (type.kind) {
    case TypeKind::boolean:
      return member("type", "boolean");
    case TypeKind::f32:
    case TypeKind::f64:
      return real();
    case TypeKind::character:
      member("type", "string");
      raw_member("minLength", "1");
      return raw_member("maxLength", "1");
    case TypeKind::string:
      return member("type", "string");
    case TypeKind::list:
      return list(entry);
    case TypeKind::record:
      return record(entry);
    case TypeKind::tuple:
      return tuple(entry);
    case TypeKind::variant:
    case TypeKind::result:
      return cases(entry);
    case TypeKind::enumeration:
      member("type", "string");
      return labels(type);
    case TypeKind::option:
      return option(entry);
    case TypeKind::flags:
      return flags(entry);
    case TypeKind::own:
    case TypeKind::borrow:
      return handle(type);
    case TypeKind::future:
    case TypeKind::stream:
    case TypeKind::error_context:
    case TypeKind::map:
    case TypeKind::fixed_length_list:
      return unreadable(type);
    default:
      return integer(type.kind);
  }
}

void SchemaWriter::integer(TypeKind kind) {
  const IntegerRange range = integer_range(kind);
  member("type", "integer");
  raw_member("minimum", range.least());
  raw_member("maximum", std::to_string(range.most));
}

void SchemaWriter::real() { raw_member("anyOf", R"([{"type":"number"},{"enum":["nan","inf","-inf"]}])"); }

void SchemaWriter::list(const SchemaEntry& entry) {
  if (const TypeNode* element = entry.node->field(0);
      base64_ && element != nullptr && element->kind == TypeKind::u8) {
    member("type", "string");
    return member("contentEncoding", "base64");
  }
  member("type", "array");
  if (entry.parts[0] != kNoEntry) schema("items", entry.parts[0]);
}

void SchemaWriter::record(const SchemaEntry& entry) {
  const auto& fields = entry.node->fields;
  member("type", "object");
  text_.key("properties");
  text_.begin_object();
  for (std::size_t index = 0; index < fields.size(); ++index) schema(fields[index].name, entry.parts[index]);
  text_.end_object();
  text_.key("required");
  text_.begin_array();
  for (std::size_t index = 0; index < fields.size(); ++index) {
    const TypeNode* type = entry.node->field(index);
    if (type == nullptr || type->kind != TypeKind::option) text_.string(fields[index].name);
  }
  text_.end_array();
  raw_member("additionalProperties", "false");
}

void SchemaWriter::tuple(const SchemaEntry& entry) {
  member("type", "array");
  if (!entry.parts.empty()) {
    text_.key("prefixItems");
    text_.begin_array();
    for (const std::size_t part : entry.parts) schema(part);
    text_.end_array();
  }
  raw_member("items", "false");
  text_.key("minItems");
  text_.integer(entry.parts.size());
}

/// Writes the schema of an object with exactly one member.
void SchemaWriter::only_member(std::string_view key, std::size_t part) {
  text_.begin_object();
  member("type", "object");
  text_.key("properties");
  text_.begin_object();
  schema(key, part);
  text_.end_object();
  text_.key("required");
  text_.begin_array();
  text_.string(key);
  text_.end_array();
  raw_member("additionalProperties", "false");
  text_.end_object();
}

void SchemaWriter::cases(const SchemaEntry& entry) {
  text_.key("oneOf");
  text_.begin_array();
  for (std::size_t index = 0; index < entry.parts.size(); ++index) {
    only_member(entry.node->fields[index].name, entry.parts[index]);
  }
  text_.end_array();
}

void SchemaWriter::option(const SchemaEntry& entry) {
  text_.key("anyOf");
  text_.begin_array();
  if (is_wrapped_option(*entry.node)) {
    only_member("some", entry.parts[0]);
  } else if (entry.parts[0] != kNoEntry) {
    schema(entry.parts[0]);
  }
  text_.raw(R"({"type":"null"})");
  text_.end_array();
}

void SchemaWriter::labels(const TypeNode& type) {
  text_.key("enum");
  text_.begin_array();
  for (const TypeField& field : type.fields) text_.string(field.name);
  text_.end_array();
}

void SchemaWriter::flags(const SchemaEntry& entry) {
  member("type", "array");
  text_.key("items");
  text_.begin_object();
  labels(*entry.node);
  text_.end_object();
  raw_member("uniqueItems", "true");
}

void SchemaWriter::handle(const TypeNode& type) {
  member("type", "object");
  member("description",
         fmt::format("A resource handle, which can be written but not read: {}", type_of(type).to_string()));
  raw_member("required", R"(["resource"])");
}

/// Writes the schema of a type that has no JSON form.
void SchemaWriter::unreadable(const TypeNode& type) {
  member("description", fmt::format("Values of this type are not supported: {}", type_of(type).to_string()));
  raw_member("not", "{}");
}

}  // namespace
}  // namespace detail

std::string json_schema(const Type& type, const JsonOptions& options) {
  return detail::SchemaWriter(type.node(), options).write();
}

std::string json_schema(const FunctionType& function, const JsonOptions& options) {
  const Type parameters = Type::make(TypeKind::record, {}, function.parameters);
  return detail::SchemaWriter(parameters.node(), options).write();
}

}  // namespace tairitsu

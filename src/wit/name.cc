#include "wit/name.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "base/nearest.h"
#include "base/text.h"

namespace tairitsu::detail {
namespace {

// ---- versions ---------------------------------------------------------------------------------------

/// The parts of a version that decide compatibility. `1` and `0.2` are tracks: versions without a patch.
struct Version {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::uint64_t patch = 0;
  bool has_patch = false;
  std::string_view build;

  /// Orders the versions of one track.
  [[nodiscard]] auto rank() const { return std::tuple(has_patch, major, minor, patch, build); }
  /// Returns what all compatible versions have in common.
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> track() const {
    return {major, major != 0 ? 0 : minor};
  }
};

/// Removes a number without leading zeros from the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto size = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || (text[0] == '0' && size > 1)) return std::nullopt;
  text.remove_prefix(size);
  return number;
}

bool take(std::string_view& text, char letter) {
  if (!text.starts_with(letter)) return false;
  text.remove_prefix(1);
  return true;
}

/// Parses a version that others can be compatible with: not a pre-release, not 0.0.x.
std::optional<Version> parse_compatible_version(std::string_view text) {
  Version version;
  const auto major = take_number(text);
  if (!major) return std::nullopt;
  version.major = *major;
  if (text.empty()) return version.major != 0 ? std::optional(version) : std::nullopt;

  if (!take(text, '.')) return std::nullopt;
  const auto minor = take_number(text);
  if (!minor || (version.major == 0 && *minor == 0)) return std::nullopt;
  version.minor = *minor;
  if (text.empty()) return version.major == 0 ? std::optional(version) : std::nullopt;

  if (!take(text, '.')) return std::nullopt;
  const auto patch = take_number(text);
  if (!patch) return std::nullopt;
  version.patch = *patch;
  version.has_patch = true;
  if (take(text, '+')) {
    version.build = text;
    return text.empty() ? std::nullopt : std::optional(version);
  }
  return text.empty() ? std::optional(version) : std::nullopt;
}

/// Returns the version of `available` if it is on the track of `wanted`.
std::optional<Version> on_track(const InterfaceName& wanted, const InterfaceName& available) {
  if (wanted.package != available.package || wanted.label != available.label) return std::nullopt;
  const auto a = parse_compatible_version(wanted.version);
  const auto b = parse_compatible_version(available.version);
  return a && b && a->track() == b->track() ? b : std::nullopt;
}

// ---- lookup -----------------------------------------------------------------------------------------

/// Returns whether a user's name for an interface may mean this one, regardless of the version.
bool may_mean(const InterfaceName& wanted, const InterfaceName& available) {
  return wanted.label == available.label && (wanted.package.empty() || wanted.package == available.package);
}

const FunctionItem* find_item(const std::vector<FunctionItem>& functions, std::string_view name) {
  const auto found = std::ranges::find(functions, name, &FunctionItem::name);
  return found == functions.end() ? nullptr : &*found;
}

/// Returns whether `name` is the item's name without the bracket: `basket`, `basket.add`.
bool is_bare_name(const FunctionItem& item, std::string_view name) {
  return item.name.starts_with('[') && std::string_view(item.name).substr(item.name.find(']') + 1) == name;
}

const FunctionItem* find_bare(const std::vector<FunctionItem>& functions, std::string_view name) {
  const auto found =
      std::ranges::find_if(functions, [&](const FunctionItem& item) { return is_bare_name(item, name); });
  return found == functions.end() ? nullptr : &*found;
}

/// Returns the interfaces that `wanted` may mean: one per package if it has a version, else all that match.
std::vector<const Interface*> find_interfaces(const WorldItems& items, std::string_view wanted) {
  const InterfaceName parsed = parse_interface_name(wanted);
  std::vector<const Interface*> found;
  for (const auto& interface : items.interfaces) {
    if (interface.name == wanted) return {&interface};
    if (may_mean(parsed, parse_interface_name(interface.name))) found.push_back(&interface);
  }
  if (parsed.version.empty()) return found;

  // Resolve the version within each package, because several packages may have the label.
  std::vector<const Interface*> resolved;
  std::vector<std::string> names(found.size());
  std::ranges::transform(found, names.begin(), &Interface::name);
  for (const auto* interface : found) {
    std::string full(parse_interface_name(interface->name).package);
    if (!full.empty()) full += '/';
    full.append(parsed.label).append("@").append(parsed.version);
    const auto index = resolve_interface(full, names);
    if (!index || std::ranges::count(resolved, found[*index]) != 0) continue;
    resolved.push_back(found[*index]);
  }
  return resolved;
}

std::vector<FunctionReference> all_functions(const WorldItems& items) {
  std::vector<FunctionReference> all;
  all.reserve(items.functions.size());
  for (const auto& function : items.functions) all.push_back({.interface_name = {}, .item = &function});
  for (const auto& interface : items.interfaces) {
    for (const auto& function : interface.functions)
      all.push_back({.interface_name = interface.name, .item = &function});
  }
  return all;
}

std::vector<std::string> full_names(const std::vector<FunctionReference>& functions) {
  std::vector<std::string> names(functions.size());
  std::ranges::transform(functions, names.begin(), &FunctionReference::full_name);
  return names;
}

// ---- not found --------------------------------------------------------------------------------------

/// Returns the smallest distance of `asked` from the function's full name, its short form, its plain name and, for a
/// resource's function, its name without the bracket.
std::size_t distance(std::string_view asked, const FunctionReference& function) {
  const std::string name = folded(function.item->name);
  const std::string label = folded(parse_interface_name(function.interface_name).label);
  const std::string_view bare = std::string_view(name).substr(name.find(']') + 1);
  std::size_t nearest = edit_distance(asked, name);
  nearest = std::min(nearest, edit_distance(asked, bare));
  if (!label.empty()) {
    nearest = std::min(nearest, edit_distance(asked, folded(function.full_name())));
    // `label#name` is as close as `label.name`.
    nearest = std::min(nearest, edit_distance(asked, std::string(label).append(".").append(name)));
  }
  return nearest;
}

Error not_found(const WorldItems& items, std::string_view name, const FunctionName& parts) {
  std::string message = "no function " + in_quotes(name);
  if (!parts.interface.empty() && find_interfaces(items, parts.interface).empty()) {
    message += ": no interface " + in_quotes(parts.interface);
    const InterfaceName wanted = parse_interface_name(parts.interface);
    std::vector<std::string> others;
    for (const auto& interface : items.interfaces) {
      if (may_mean(wanted, parse_interface_name(interface.name))) others.push_back(interface.name);
    }
    if (!others.empty()) message += " (only " + joined(others) + ")";
  }
  const std::string asked = folded(name);
  const std::string asked_function = folded(parts.function);
  std::vector<Candidate> candidates;
  for (const auto& function : all_functions(items)) {
    candidates.push_back(
        {.name = function.full_name(),
         .distance = std::min(distance(asked, function), distance(asked_function, function))});
  }
  message += suggestions("functions", asked_function, candidates);
  return Error(ErrorCode::not_found, std::move(message));
}

}  // namespace

Result<FunctionName> split_name(std::string_view name) {
  const auto invalid = [&](std::string_view why) {
    return fail(ErrorCode::invalid_argument,
                "invalid function name " + in_quotes(name) + ": " + std::string(why) +
                    "; expected 'function', 'interface.function' or 'ns:pkg/interface@1.2.3#function'");
  };
  FunctionName parts{.interface = {}, .function = name};
  auto separator = name.find('#');
  if (separator == name.npos) {
    const auto dot = name.find('.');
    if (dot < name.find('[')) separator = dot;
    // In `ns:pkg/iface@1.2.3.find`, the last '.' may be part of the version.
    if (separator != name.npos && name.find_first_of(":/@") != name.npos) {
      return invalid("use '#' after an interface with a package or a version");
    }
  } else if (name.find('#', separator + 1) != name.npos) {
    return invalid("more than one '#'");
  }
  if (separator != name.npos) {
    parts = {.interface = name.substr(0, separator), .function = name.substr(separator + 1)};
    if (parts.interface.empty()) return invalid("missing interface");
  }
  if (parts.function.empty()) return invalid("missing function");
  if (parts.function.find_first_of(":/@") != name.npos) {
    return invalid("names an interface, not a function");
  }
  return parts;
}

InterfaceName parse_interface_name(std::string_view name) noexcept {
  InterfaceName parts;
  if (const auto at = name.find('@'); at != name.npos) {
    parts.version = name.substr(at + 1);
    name = name.substr(0, at);
  }
  const auto slash = name.rfind('/');
  if (slash != name.npos) parts.package = name.substr(0, slash);
  parts.label = slash == name.npos ? name : name.substr(slash + 1);
  return parts;
}

std::optional<std::size_t> resolve_interface(std::string_view wanted,
                                             std::span<const std::string> available) {
  const auto same = std::ranges::find(available, wanted);
  if (same != available.end()) return static_cast<std::size_t>(same - available.begin());

  const InterfaceName name = parse_interface_name(wanted);
  std::optional<std::size_t> found;
  std::optional<Version> highest;
  for (std::size_t i = 0; i < available.size(); ++i) {
    const InterfaceName candidate = parse_interface_name(available[i]);
    if (name.version.empty()) {
      if (name.package != candidate.package || name.label != candidate.label) continue;
      if (found) return std::nullopt;
      found = i;
    } else if (const auto version = on_track(name, candidate)) {
      if (highest && version->rank() < highest->rank()) continue;
      highest = version;
      found = i;
    }
  }
  return found;
}

bool interface_fits(std::string_view wanted, std::string_view available) {
  const std::string name(available);
  return resolve_interface(wanted, std::span(&name, 1)).has_value();
}

const Interface* find_first_interface(const WorldItems& items,
                                      std::initializer_list<std::string_view> names) {
  std::vector<std::string> available(items.interfaces.size());
  std::ranges::transform(items.interfaces, available.begin(), &Interface::name);
  for (const std::string_view name : names) {
    if (const auto found = resolve_interface(name, available)) return &items.interfaces[*found];
  }
  return nullptr;
}

std::string FunctionReference::full_name() const {
  std::string name(interface_name);
  if (!name.empty()) name += '#';
  return name + item->name;
}

Result<FunctionReference> find_function(const WorldItems& items, std::string_view name) {
  // Before parsing: a function at the root may have a name that looks like an interface's.
  if (const auto* item = find_item(items.functions, name))
    return FunctionReference{.interface_name = {}, .item = item};
  TAIRITSU_TRY(const FunctionName parts, split_name(name));
  std::vector<FunctionReference> found;
  const auto add = [&](const Interface& interface, const FunctionItem* item) {
    if (item != nullptr) found.push_back({.interface_name = interface.name, .item = item});
  };
  std::vector<const Interface*> interfaces;
  if (parts.interface.empty()) {
    for (const auto& interface : items.interfaces) interfaces.push_back(&interface);
  } else {
    interfaces = find_interfaces(items, parts.interface);
  }
  for (const auto* interface : interfaces) add(*interface, find_item(interface->functions, parts.function));
  if (found.empty()) {
    for (const auto* interface : interfaces) add(*interface, find_bare(interface->functions, parts.function));
    if (!name.contains('#')) {
      if (const auto* item = find_bare(items.functions, name))
        return FunctionReference{.interface_name = {}, .item = item};
      // `basket.add`: the part before the '.' is a resource, not an interface.
      if (!parts.interface.empty()) {
        for (const auto& interface : items.interfaces) add(interface, find_bare(interface.functions, name));
      }
    }
  }
  if (found.size() == 1) return found[0];
  if (found.empty()) return std::unexpected(not_found(items, name, parts));
  return fail(ErrorCode::ambiguous_name,
              "ambiguous name " + in_quotes(name) + ": " + joined(full_names(found)) + "; use the full name");
}

}  // namespace tairitsu::detail

#include "runtime/linker.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "tairitsu/abi.h"
#include "wit/match.h"
#include "wit/name.h"

namespace tairitsu {

namespace detail {

namespace {

/// Destroys a host resource when the guest drops its last handle.
bool destroy_host_resource(void* context, std::uint32_t /*resource_type*/, std::uint32_t key) {
  auto& guest = *static_cast<GuestScope*>(context);
  try {
    guest.resources().remove(key);
    return true;
  } catch (...) {
    set_host_exception(guest, "a resource's destructor");
    return false;
  }
}

ComponentLinker::Need parameters_need(std::uint32_t flags) {
  if ((flags & abi::kParametersHaveHandles) != 0) return ComponentLinker::Need::handles;
  if ((flags & abi::kParametersUseMemory) != 0) return ComponentLinker::Need::memory;
  return ComponentLinker::Need::nothing;
}

/// Takes the place of an undefined import; calls to it fail.
struct StubFunction : HostFunction {
  StubFunction(std::string full_name, const FunctionType& import) {
    name = std::move(full_name);
    type = import;
    for (const TypeField& parameter : import.parameters) {
      if (parameter.type && has_handles(*parameter.type)) flags = abi::kParametersHaveHandles;
    }
    callback = &on_call;
  }
  static bool on_call(void* data, abi::HostCall* call) {
    const auto& self = *static_cast<StubFunction*>(static_cast<HostFunction*>(data));
    set_host_error(*static_cast<GuestScope*>(call->context), self.name,
                   Error(ErrorCode::missing_import, "the import is not defined; its stub was called"));
    return false;
  }
};

class Resolver {
 public:
  Resolver(const Linker::Data& definitions, const ComponentCore& component)
      : definitions_(definitions), component_(component) {
    for (const auto& [name, interface] : definitions_.interfaces) names_.push_back(name);
  }

  /// Defines all imports of the component in `linker`. `functions` receives the functions to keep alive.
  Result<void> run(ComponentLinker& linker, std::vector<std::shared_ptr<HostFunction>>& functions,
                   std::vector<LinkedResource>& resources) {
    linked_resources_ = &resources;
    const WorldItems& imports = component_.world.imports;
    for (const Interface& interface : imports.interfaces) {
      TAIRITSU_RETURN_IF_ERROR(find_resources(interface.name, interface.resources, interface.aliases));
    }
    TAIRITSU_RETURN_IF_ERROR(find_resources("", imports.resources, imports.aliases));
    const auto& root = definitions_of("");
    for (const Interface& interface : imports.interfaces) {
      TAIRITSU_RETURN_IF_ERROR(check_instance(root, "", interface.name));
      const auto& defined = definitions_of(interface.name);
      for (const std::string& inner : interface.instances) {
        TAIRITSU_RETURN_IF_ERROR(check_instance(defined, interface.name, inner));
      }
      TAIRITSU_RETURN_IF_ERROR(
          define(linker, functions, interface.name, interface.functions, interface.resources, defined));
    }
    TAIRITSU_RETURN_IF_ERROR(define(linker, functions, "", imports.functions, imports.resources, root));
    for (const std::string& item : imports.unsupported)
      missing_.push_back(item + " (unsupported kind of import)");
    if (missing_.empty()) return {};
    std::string message =
        missing_.size() == 1 ? "missing import:" : fmt::format("{} missing imports:", missing_.size());
    for (const std::string& item : missing_) message += "\n  " + item;
    return fail(ErrorCode::missing_import, std::move(message));
  }

 private:
  using Place = std::pair<std::string, std::string>;  // An interface and a name in it.

  /// Returns the linker's definitions for an imported interface; empty if there are none.
  [[nodiscard]] const Linker::Data::Interface& definitions_of(const std::string& wanted) const {
    static const Linker::Data::Interface nothing;
    if (wanted.empty()) {
      const auto root = definitions_.interfaces.find("");
      return root == definitions_.interfaces.end() ? nothing : root->second;
    }
    const auto found = resolve_interface(wanted, names_);
    return found ? definitions_.interfaces.find(names_[*found])->second : nothing;
  }

  /// Finds the definitions of the resources that an interface, or the root, names. One resource may have several
  /// names and be defined under any of them.
  Result<void> find_resources(const std::string& interface, const std::vector<std::string>& names,
                              const std::vector<ResourceAlias>& aliases) {
    for (const ResourceAlias& alias : aliases) {
      owners_.try_emplace({interface, alias.name}, alias.interface_name, alias.resource);
    }
    const auto& defined = definitions_of(interface).resources;
    for (const std::string& name : names) {
      const auto found = defined.find(name);
      if (found == defined.end()) continue;
      const Place owner = owner_of({interface, name});
      const std::string full = full_name(interface, name);
      const auto [known, is_new] = resources_.try_emplace(owner, found->second, full);
      if (is_new && owner.first != interface && wasi_defines(owner.first)) {
        return fail(
            ErrorCode::type_mismatch,
            fmt::format("import '{}': C++ defines a resource, but the component uses '{}', which the runtime "
                        "defines",
                        full, full_name(owner.first, owner.second)));
      }
      if (known->second.type != found->second) {
        return fail(
            ErrorCode::type_mismatch,
            fmt::format(
                "import '{}': C++ defines it and '{}' as different resources, in the component they are one",
                full, known->second.name));
      }
    }
    return {};
  }

  [[nodiscard]] Place owner_of(const Place& place) const {
    const auto alias = owners_.find(place);
    return alias == owners_.end() ? place : alias->second;
  }

  Result<void> define(ComponentLinker& linker, std::vector<std::shared_ptr<HostFunction>>& kept,
                      const std::string& interface, const std::vector<FunctionItem>& functions,
                      const std::vector<std::string>& resources, const Linker::Data::Interface& defined) {
    const bool wasi = wasi_defines(interface);
    for (const std::string& name : resources) {
      if (defined.functions.contains(name) && !defined.resources.contains(name)) {
        return another_kind(interface, name, "function", "resource");
      }
      const Place place(interface, name);
      const Place owner = owner_of(place);
      auto found = resources_.find(owner);
      if (found == resources_.end()) {
        if (wasi_defines(owner.first)) continue;
        if (!definitions_.stub_missing) {
          if (owner == place) missing_.push_back(full_name(interface, name) + ": resource");
          continue;
        }
        found = resources_.try_emplace(owner, next_resource_type_id(), full_name(interface, name)).first;
      }
      TAIRITSU_RETURN_IF_ERROR(
          linker.define_resource(interface, name, found->second.type, &destroy_host_resource));
      if (owner == place) linked_resources_->push_back({interface, name, found->second.type});
    }
    for (const FunctionItem& item : functions) {
      const auto found = defined.functions.find(item.name);
      if (found == defined.functions.end() && defined.resources.contains(item.name)) {
        return another_kind(interface, item.name, "resource", "function");
      }
      if (found == defined.functions.end() && wasi) continue;
      if (found == defined.functions.end() && !definitions_.stub_missing) {
        missing_.push_back(describe(interface, item));
        continue;
      }
      if (auto unsupported = find_unsupported(item.type)) {
        return fail(ErrorCode::unsupported_type, fmt::format("import '{}' cannot be linked yet: {}",
                                                             full_name(interface, item.name), *unsupported));
      }
      std::shared_ptr<HostFunction> function;
      if (found == defined.functions.end()) {
        function = std::make_shared<StubFunction>(full_name(interface, item.name), item.type);
      } else if (function = found->second->typed_as(item.type); function == nullptr) {
        function = found->second;
        if (auto mismatch = find_mismatch(function->type, item.type)) {
          return fail(ErrorCode::type_mismatch,
                      fmt::format("import '{}': {}", full_name(interface, item.name), *mismatch));
        }
      }
      const auto parameters = flat_parameter_count(item.type);
      const auto result = flat_result_count(item.type);
      TAIRITSU_RETURN_IF_ERROR(linker.define_function(
          interface, item.name,
          {.callback = function->callback,
           .data = function.get(),
           .parameter_count = static_cast<std::uint32_t>(parameters.value_or(kMaxFlatParameters + 1)),
           .result_count = static_cast<std::uint32_t>(result.value_or(1)),
           .parameters_need = parameters_need(function->flags)}));
      kept.push_back(std::move(function));
    }
    return {};
  }

  /// Fails if the host defines another kind of item under the name of an imported instance.
  static Result<void> check_instance(const Linker::Data::Interface& defined, const std::string& interface,
                                     const std::string& name) {
    if (defined.functions.contains(name)) return another_kind(interface, name, "function", "instance");
    if (defined.resources.contains(name)) return another_kind(interface, name, "resource", "instance");
    return {};
  }

  static std::unexpected<Error> another_kind(const std::string& interface, const std::string& name,
                                             std::string_view wanted, std::string_view actual) {
    return fail(ErrorCode::type_mismatch,
                fmt::format("import '{}': C++ has a {}, the component has {} {}", full_name(interface, name),
                            wanted, actual == "instance" ? "an" : "a", actual));
  }

  static std::string full_name(const std::string& interface, const std::string& name) {
    return interface.empty() ? name : interface + "#" + name;
  }
  static std::string describe(const std::string& interface, const FunctionItem& item) {
    return fmt::format("{}: {}", full_name(interface, item.name), item.type.definition());
  }

  const Linker::Data& definitions_;
  const ComponentCore& component_;
  std::vector<std::string> names_;
  std::map<Place, Place> owners_;  ///< From each alias of a resource to its first name.
  struct Defined {
    Defined(std::uint32_t id, std::string full_name) : type(id), name(std::move(full_name)) {}
    std::uint32_t type;
    std::string name;  ///< The full name under which it was defined.
  };
  std::map<Place, Defined> resources_;  ///< Keyed by the resource's first name.
  std::vector<std::string> missing_;
  std::vector<LinkedResource>* linked_resources_ = nullptr;
};

}  // namespace

Result<std::shared_ptr<const Linked>> link(const Linker::Data& definitions,
                                           const std::shared_ptr<const ComponentCore>& component,
                                           bool want_interruptible) {
  const WasiParts wasi = component->wasi;
  // WASI waits, and so may a component one part of which calls another part's async function. A guest with
  // neither only computes, and the epoch is enough to interrupt it.
  const bool interruptible = (wasi != 0 && want_interruptible) || component->compiled.uses_async_abi();
  TAIRITSU_TRY(auto linker, ComponentLinker::create(*component->engine.core(), wasi, interruptible));
  std::vector<std::shared_ptr<HostFunction>> functions;
  std::vector<LinkedResource> resources;
  TAIRITSU_RETURN_IF_ERROR(Resolver(definitions, *component).run(linker, functions, resources));
  TAIRITSU_TRY(auto linked, linker.link(component->compiled));
  return std::make_shared<const Linked>(component, std::move(linked), std::move(functions),
                                        std::move(resources), interruptible);
}

}  // namespace detail

Linker::Linker() : data_(std::make_unique<Data>()) {}
Linker::Linker(const Linker& other) : data_(std::make_unique<Data>(*other.data_)) {}
Linker& Linker::operator=(const Linker& other) {
  if (this != &other) data_ = std::make_unique<Data>(*other.data_);
  return *this;
}
Linker::Linker(Linker&&) noexcept = default;
Linker& Linker::operator=(Linker&&) noexcept = default;
Linker::~Linker() = default;

void Linker::stub_missing_imports(bool stub) noexcept { data_->stub_missing = stub; }

namespace {

Result<detail::FunctionName> split_import_name(std::string_view name) {
  TAIRITSU_TRY(auto parts, detail::split_name(name));
  const detail::InterfaceName interface = detail::parse_interface_name(parts.interface);
  // An interface written inside a world has neither package nor version, as in `inline#twice`.
  const bool inside_a_world = name.find('#') != std::string_view::npos && interface.version.empty();
  if (!parts.interface.empty() && interface.package.empty() && !inside_a_world) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}': a definition needs the full name, such as 'example:shop/host@1.0.0#{}'",
                            name, parts.function));
  }
  return parts;
}

}  // namespace

Result<void> Linker::add(std::string_view name, const std::shared_ptr<detail::HostFunction>& function) {
  TAIRITSU_TRY(auto parts, split_import_name(name));
  // The functions of `HostImports` already have names, and linkers on several threads share them.
  if (function->name != name) function->name = name;
  auto& functions = data_->interfaces[std::string(parts.interface)].functions;
  if (!functions.try_emplace(std::string(parts.function), function).second) {
    return fail(ErrorCode::already_exists, fmt::format("'{}' is already defined", name));
  }
  return {};
}

Result<void> Linker::add_resource(std::string_view name, std::uint32_t resource_type) {
  TAIRITSU_TRY(auto parts, split_import_name(name));
  auto& resources = data_->interfaces[std::string(parts.interface)].resources;
  if (!resources.try_emplace(std::string(parts.function), resource_type).second) {
    return fail(ErrorCode::already_exists, fmt::format("resource '{}' is already defined", name));
  }
  return {};
}

}  // namespace tairitsu

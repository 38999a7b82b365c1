#include "component/linker.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "component/match.h"
#include "component/name.h"
#include "tairitsu/abi.h"

namespace tairitsu {

namespace detail {

/// Drops a host resource whose last handle the guest gave up. In src/container.
bool destroy_host_resource(void* context, std::uint32_t resource_type, std::uint32_t key);

namespace {

ComponentLinker::Need parameters_need(std::uint32_t flags) {
  if ((flags & abi::kParametersHaveHandles) != 0) return ComponentLinker::Need::handles;
  if ((flags & abi::kParametersUseMemory) != 0) return ComponentLinker::Need::memory;
  return ComponentLinker::Need::nothing;
}

/// Whether `test` holds for the type or for any that it is made of.
template <typename Test>
bool any_part(const Type& type, const Test& test) {
  return test(type) || std::ranges::any_of(type.fields(), [&](const TypeField& field) {
           return field.type && any_part(*field.type, test);
         });
}

/// Stands in for an import that nothing defines.
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
    set_host_error(*static_cast<ContainerCore*>(call->context), self.name,
                   Error(ErrorCode::missing_import, "nothing defines it, and its stub was called"));
    return false;
  }
};

class Resolver {
 public:
  Resolver(const Linker::Data& definitions, const ComponentCore& component)
      : definitions_(definitions), component_(component) {
    for (const auto& [name, interface] : definitions_.interfaces) names_.push_back(name);
  }

  /// Defines in `linker` all that the component imports; what is kept alive goes to `functions`.
  Result<void> run(ComponentLinker& linker, std::vector<std::shared_ptr<HostFunction>>& functions,
                   std::vector<LinkedResource>& resources) {
    linked_resources_ = &resources;
    static const Linker::Data::Interface nothing;
    const WorldItems& imports = component_.world.imports;
    for (const Interface& interface : imports.interfaces) {
      const auto* defined = find_interface(interface.name);
      if (defined == nullptr && wasi_defines(interface.name)) continue;
      TAIRITSU_CHECK(define(linker, functions, interface.name, interface.functions, interface.resources,
                            defined == nullptr ? nothing : *defined));
    }
    const auto root = definitions_.interfaces.find("");
    TAIRITSU_CHECK(define(linker, functions, "", imports.functions, imports.resources,
                          root == definitions_.interfaces.end() ? nothing : root->second));
    for (const std::string& item : imports.unsupported)
      missing_.push_back(item + " (imports of this kind cannot be linked)");
    if (missing_.empty()) return {};
    std::string message = missing_.size() == 1
                              ? "an import of the component is missing:"
                              : fmt::format("{} imports of the component are missing:", missing_.size());
    for (const std::string& item : missing_) message += "\n  " + item;
    message += "\nDefine them with Linker::define before the component is instantiated.";
    return fail(ErrorCode::missing_import, std::move(message));
  }

 private:
  [[nodiscard]] const Linker::Data::Interface* find_interface(const std::string& wanted) const {
    if (const auto found = resolve_interface(wanted, names_)) {
      return &definitions_.interfaces.find(names_[*found])->second;
    }
    return nullptr;
  }

  Result<void> define(ComponentLinker& linker, std::vector<std::shared_ptr<HostFunction>>& kept,
                      const std::string& interface, const std::vector<FunctionItem>& functions,
                      const std::vector<std::string>& resources, const Linker::Data::Interface& defined) {
    const bool wasi = wasi_defines(interface);
    for (const std::string& name : resources) {
      if (const auto found = defined.resources.find(name); found != defined.resources.end()) {
        TAIRITSU_CHECK(define_resource(linker, interface, name, found->second));
      } else if (wasi || is_used_from_elsewhere(interface, name)) {
        continue;
      } else if (definitions_.stub_missing) {
        TAIRITSU_CHECK(define_resource(linker, interface, name, next_resource_type_id()));
      } else {
        missing_.push_back(full_name(interface, name) + ": resource");
      }
    }
    for (const FunctionItem& item : functions) {
      const auto found = defined.functions.find(item.name);
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
      TAIRITSU_CHECK(linker.define_function(
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

  Result<void> define_resource(ComponentLinker& linker, const std::string& interface, const std::string& name,
                               std::uint32_t type) {
    TAIRITSU_CHECK(linker.define_resource(interface, name, type, &destroy_host_resource));
    linked_resources_->push_back({interface, name, type});
    return {};
  }

  /// An interface that re-exports another's resource by `use` needs no definition of its own. Whose it is, the
  /// handles in functions say; where no function has any, the first interface of that name.
  [[nodiscard]] bool is_used_from_elsewhere(const std::string& interface, const std::string& resource) const {
    const WorldItems& imports = component_.world.imports;
    const auto is_handle = [&](const Type& type) {
      return (type.kind() == TypeKind::own || type.kind() == TypeKind::borrow) && type.name() == resource &&
             type.interface_name() == interface;
    };
    const auto has_handle = [&](const FunctionItem& item) {
      return std::ranges::any_of(
                 item.type.parameters,
                 [&](const TypeField& field) { return field.type && any_part(*field.type, is_handle); }) ||
             (item.type.result && any_part(*item.type.result, is_handle));
    };
    if (std::ranges::any_of(imports.functions, has_handle)) return false;
    for (const Interface& other : imports.interfaces) {
      if (std::ranges::any_of(other.functions, has_handle)) return false;
    }
    for (const Interface& other : imports.interfaces) {
      if (other.name == interface) return false;
      if (std::ranges::find(other.resources, resource) != other.resources.end()) return true;
    }
    return false;
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
  std::vector<std::string> missing_;
  std::vector<LinkedResource>* linked_resources_ = nullptr;
};

}  // namespace

Result<std::shared_ptr<const Linked>> link(const Linker::Data& definitions,
                                           const std::shared_ptr<const ComponentCore>& component,
                                           bool want_interruptible) {
  const WasiParts wasi = component->wasi;
  // WASI waits, and so does a component one part of which can call another's async function. A guest without
  // either only computes, and the epoch is enough to cut it off.
  const bool interruptible = (wasi != 0 && want_interruptible) || component->compiled.uses_async_abi();
  TAIRITSU_TRY(auto linker, ComponentLinker::create(*component->engine.core(), wasi, interruptible));
  std::vector<std::shared_ptr<HostFunction>> functions;
  std::vector<LinkedResource> resources;
  TAIRITSU_CHECK(Resolver(definitions, *component).run(linker, functions, resources));
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
  // `inline#twice`: an interface that is written inside a world has neither package nor version.
  const bool inside_a_world = name.find('#') != std::string_view::npos && interface.version.empty();
  if (!parts.interface.empty() && interface.package.empty() && !inside_a_world) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}': a definition needs its full name, such as 'example:shop/host@1.0.0#{}'",
                            name, parts.function));
  }
  return parts;
}

}  // namespace

Result<void> Linker::add(std::string_view name, const std::shared_ptr<detail::HostFunction>& function) {
  TAIRITSU_TRY(auto parts, split_import_name(name));
  // A registry's functions are shared by linkers on several threads, and have their names already.
  if (function->name != name) function->name = name;
  auto& functions = data_->interfaces[std::string(parts.interface)].functions;
  if (!functions.try_emplace(std::string(parts.function), function).second) {
    return fail(ErrorCode::already_exists, fmt::format("'{}' is defined already", name));
  }
  return {};
}

Result<void> Linker::add_resource(std::string_view name, std::uint32_t resource_type) {
  TAIRITSU_TRY(auto parts, split_import_name(name));
  auto& resources = data_->interfaces[std::string(parts.interface)].resources;
  if (!resources.try_emplace(std::string(parts.function), resource_type).second) {
    return fail(ErrorCode::already_exists, fmt::format("the resource '{}' is defined already", name));
  }
  return {};
}

}  // namespace tairitsu

#include "erased_subject.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include <tairitsu/container.h>

namespace differential {

namespace {

/// The types of a function's parameters, or of the parts of its result.
using Types = std::vector<const Operations*>;

/// The layout of values that are passed together.
struct Layout {
  std::vector<std::uint32_t> offsets;
  std::uint32_t size = 0;
  std::uint32_t align = 1;
  std::uint32_t flat_count = 0;
  bool in_memory = false;
  bool needs_check = false;

  explicit Layout(const Types& types) {
    for (const Operations* type : types) {
      size = tairitsu::detail::align_to(size, type->align);
      offsets.push_back(size);
      size += type->size;
      align = std::max(align, type->align);
      flat_count += type->flat_count;
      in_memory = in_memory || type->in_memory;
      needs_check = needs_check || type->needs_check;
    }
    size = tairitsu::detail::align_to(size, align);
  }
};

/// The flags that `Shape` computes for a function.
std::uint32_t flags_of(const Layout& parameters, const Layout& result) {
  std::uint32_t flags = 0;
  if (parameters.flat_count > 16 || parameters.in_memory) flags |= tairitsu::abi::kParametersUseMemory;
  if (result.flat_count > 1) flags |= tairitsu::abi::kResultUsesMemory;
  return flags;
}

/// Several results form a tuple.
struct Signature {
  Types parameters;
  Types results;

  [[nodiscard]] tairitsu::FunctionType type() const {
    tairitsu::FunctionType type;
    for (const Operations* parameter : parameters) type.parameters.push_back({{}, parameter->type()});
    if (results.size() == 1) type.result = results[0]->type();
    if (results.size() > 1) {
      std::vector<tairitsu::TypeField> parts;
      for (const Operations* part : results) parts.push_back({{}, part->type()});
      type.result = tairitsu::Type::make(tairitsu::TypeKind::tuple, {}, std::move(parts));
    }
    return type;
  }
};

using Boxes = std::vector<const Box*>;

Types types_of(const Boxes& boxes) {
  Types types;
  for (const Box* box : boxes) types.push_back(&box->operations());
  return types;
}

bool check_all(tairitsu::detail::CheckContext& cx, const Boxes& values) {
  return std::ranges::all_of(values, [&](const Box* value) {
    return !value->operations().needs_check || value->operations().check(cx, value->get());
  });
}

bool store_all(tairitsu::detail::LowerContext& cx, const Layout& layout, const Boxes& values,
               std::size_t address) {
  for (std::size_t index = 0; index < values.size(); ++index) {
    if (!values[index]->operations().store(cx, values[index]->get(), address + layout.offsets[index]))
      return false;
  }
  return true;
}

bool load_all(tairitsu::detail::LiftContext& cx, const Layout& layout, const std::vector<Box>& values,
              std::size_t address) {
  for (std::size_t index = 0; index < values.size(); ++index) {
    if (!values[index].operations().load(cx, address + layout.offsets[index], values[index].get()))
      return false;
  }
  return true;
}

bool lift_all(tairitsu::detail::LiftContext& cx, const std::vector<Box>& values,
              const tairitsu::abi::Slot* slot) {
  return std::ranges::all_of(
      values, [&](const Box& value) { return value.operations().lift(cx, slot, value.get()); });
}

std::vector<Box> boxes_of(const Types& types) {
  std::vector<Box> boxes;
  for (const Operations* type : types) boxes.emplace_back(*type);
  return boxes;
}

std::string texts(const std::vector<Box>& values, char between) {
  std::string out;
  for (const Box& value : values) {
    if (!out.empty()) out += between;
    out += value.text();
  }
  return out;
}

/// A type-erased `CallFrame`.
struct Call : tairitsu::detail::CallFrameBase {
  Call(const Boxes& values, const Types& result_types)
      : parameters(values),
        parameter_layout(types_of(values)),
        results(boxes_of(result_types)),
        result_layout(result_types) {
    lower = [](tairitsu::abi::Frame* frame, tairitsu::abi::Lowering* lowering, tairitsu::abi::Slot* slots) {
      return static_cast<Call*>(frame)->lower_parameters(*lowering, slots);
    };
    lift = [](tairitsu::abi::Frame* frame, const tairitsu::abi::Lifting* lifting,
              const tairitsu::abi::Slot* slots) {
      return static_cast<Call*>(frame)->lift_result(*lifting, slots);
    };
    flags = flags_of(parameter_layout, result_layout);
  }

  const Boxes& parameters;
  Layout parameter_layout;
  std::vector<Box> results;
  Layout result_layout;
  /// The text of the result, written while its views are valid.
  std::string text;

  [[nodiscard]] bool parameters_flat() const { return parameter_layout.flat_count <= 16; }
  [[nodiscard]] bool result_flat() const { return result_layout.flat_count <= 1; }

  bool lower_parameters(tairitsu::abi::Lowering& lowering, tairitsu::abi::Slot* slots) {
    tairitsu::detail::LowerContext cx(lowering, *guest);
    bool lowered;
    if (parameters_flat()) {
      lowered = std::ranges::all_of(
          parameters, [&](const Box* value) { return value->operations().lower(cx, value->get(), slots); });
    } else {
      std::size_t address = 0;
      lowered = cx.reallocate(parameter_layout.size, parameter_layout.align, address);
      if (lowered) {
        slots->u64 = address;
        lowered = store_all(cx, parameter_layout, parameters, address);
      }
    }
    if (!lowered) error = std::move(cx.error);
    return lowered;
  }

  bool lift_result(const tairitsu::abi::Lifting& lifting, const tairitsu::abi::Slot* slots) {
    if (results.empty()) return true;
    tairitsu::detail::LiftContext cx(lifting, *guest, copy_limit);
    bool lifted;
    if (result_flat()) {
      lifted = lift_all(cx, results, slots);
    } else {
      const std::uint32_t address = slots->u32;
      lifted = cx.range(address, 1, result_layout.size, result_layout.align) != nullptr &&
               load_all(cx, result_layout, results, address);
    }
    if (lifted) {
      text = texts(results, ',');
      if (results.size() > 1) text = '(' + text + ')';
    } else {
      error = std::move(cx.error);
    }
    return lifted;
  }
};

/// A type-erased `TypedHostFunction`: records its arguments in `seen` and returns `results`.
struct Host : tairitsu::detail::HostFunction {
  Host(const Signature& signature, Boxes returned, std::string& text)
      : parameter_types(signature.parameters),
        parameter_layout(signature.parameters),
        results(std::move(returned)),
        result_layout(signature.results),
        seen(text) {
    type = signature.type();
    flags = flags_of(parameter_layout, result_layout);
    callback = [](void* data, tairitsu::abi::HostCall* call) {
      auto& self = *static_cast<Host*>(static_cast<HostFunction*>(data));
      return self.run(*static_cast<tairitsu::detail::GuestScope*>(call->context), *call);
    };
  }

  Types parameter_types;
  Layout parameter_layout;
  Boxes results;
  Layout result_layout;
  std::string& seen;

  struct PendingResult : tairitsu::abi::HostResult {
    PendingResult(const Host& host_function, tairitsu::detail::GuestScope& container)
        : host(host_function), core(container) {
      lower = [](tairitsu::abi::HostResult* result, tairitsu::abi::Lowering* lowering, tairitsu::abi::Slot*,
                 std::size_t address) {
        auto& self = *static_cast<PendingResult*>(result);
        tairitsu::detail::LowerContext cx(*lowering, self.core);
        const bool stored = store_all(cx, self.host.result_layout, self.host.results, address);
        if (!stored && cx.error) tairitsu::detail::set_host_error(self.core, self.host.name, *cx.error);
        return stored;
      };
      destroy = [](tairitsu::abi::HostResult* result) { delete static_cast<PendingResult*>(result); };
    }
    const Host& host;
    tairitsu::detail::GuestScope& core;
  };

  bool run(tairitsu::detail::GuestScope& core, tairitsu::abi::HostCall& call) {
    tairitsu::detail::LiftContext cx(call.lifting, core, tairitsu::detail::copy_limit(core));
    const std::vector<Box> arguments = boxes_of(parameter_types);
    const bool lifted = parameter_layout.flat_count <= 16
                            ? lift_all(cx, arguments, call.parameters)
                            : load_all(cx, parameter_layout, arguments, call.address);
    if (!lifted) {
      tairitsu::detail::set_host_error(core, name, *cx.error);
      return false;
    }
    seen = texts(arguments, '\n');
    tairitsu::detail::CheckContext check(core);
    if (!check_all(check, results)) {
      tairitsu::detail::set_host_error(core, name, *check.error);
      return false;
    }
    if (result_layout.flat_count > 1) {
      call.host_result = new PendingResult(*this, core);
      return true;
    }
    tairitsu::abi::Lowering none{};
    tairitsu::detail::LowerContext lowering(none, core);
    tairitsu::abi::Slot* slot = &call.result;
    return results[0]->operations().lower(lowering, results[0]->get(), slot);
  }
};

/// An argument for `Linker::define`, whose `CallableTraits` return the function.
struct ErasedCallable {
  std::shared_ptr<tairitsu::detail::HostFunction> function;
};

/// A signature for `Component::function`, whose `SignatureTraits` return the type.
struct ErasedSignature {
  static thread_local tairitsu::FunctionType type;
};
thread_local tairitsu::FunctionType ErasedSignature::type;

}  // namespace

}  // namespace differential

template <>
struct tairitsu::detail::CallableTraits<differential::ErasedCallable> {
  static std::shared_ptr<HostFunction> make(differential::ErasedCallable callable) {
    return std::move(callable.function);
  }
};

template <>
struct tairitsu::detail::SignatureTraits<differential::ErasedSignature> {
  static FunctionType type() { return differential::ErasedSignature::type; }
};

namespace differential {

namespace {

class ErasedSubject final : public BoxedSubject {
 public:
  using BoxedSubject::BoxedSubject;

  tairitsu::Result<void> define(tairitsu::Linker& linker) override {
    const auto add = [&](std::string_view name, const Types& parameters, const Boxes& results) {
      return linker.define(name, ErasedCallable{std::make_shared<Host>(
                                     Signature{parameters, types_of(results)}, results, seen)});
    };
    auto defined = add("host", {operations_.value}, {&value_});
    if (defined) defined = add("host-list", {operations_.list_of_views}, {&list_});
    if (defined) {
      defined = add("host-swap", types_of({&value_, &byte_, &other_}), {&other_, &byte_, &value_});
    }
    return defined;
  }

  tairitsu::Result<void> bind(const tairitsu::Component& component,
                              const std::shared_ptr<tairitsu::detail::ContainerCore>& core) override {
    const Operations* value = operations_.value;
    const Operations* byte = &byte_.operations();
    const std::pair<Bound&, Signature> functions[] = {
        {reset_, {}},
        {put_, {{operations_.list}, {}}},
        {get_, {{}, {operations_.list}}},
        {relay_, {{value}, {value}}},
        {relay_list_, {{operations_.list}, {operations_.list}}},
        {swap_, {{value, byte, value}, {value, byte, value}}},
    };
    for (const auto& [bound, signature] : functions) {
      ErasedSignature::type = signature.type();
      auto exported = component.function<ErasedSignature>(bound.name);
      if (!exported) return std::unexpected(std::move(exported).error());
      auto made = tairitsu::detail::bind(core, exported->core());
      if (!made) return std::unexpected(std::move(made).error());
      bound.function = *std::move(made);
    }
    return {};
  }

  tairitsu::Result<void> reset() override { return without_text(call(reset_, {}, {})); }
  tairitsu::Result<void> put() override { return without_text(call(put_, {&list_}, {})); }
  tairitsu::Result<std::string> get() override { return call(get_, {}, {operations_.list}); }
  tairitsu::Result<std::string> view() override { return call(get_, {}, {operations_.list_of_views}); }
  tairitsu::Result<std::string> relay() override { return call(relay_, {&value_}, {operations_.value}); }
  tairitsu::Result<std::string> relay_list() override {
    return call(relay_list_, {&list_}, {operations_.list});
  }
  tairitsu::Result<std::string> swap() override {
    const Boxes arguments = {&value_, &byte_, &other_};
    return call(swap_, arguments, types_of(arguments));
  }

 private:
  struct Bound {
    std::string_view name;
    std::shared_ptr<tairitsu::detail::BoundFunction> function;
  };

  static tairitsu::Result<std::string> call(const Bound& bound, const Boxes& arguments,
                                            const Types& results) {
    tairitsu::detail::CheckContext check(tairitsu::detail::guest_of(*bound.function));
    if (!check_all(check, arguments)) return std::unexpected(*std::move(check.error));
    Call frame(arguments, results);
    if (!tairitsu::detail::invoke(*bound.function, frame)) return std::unexpected(*std::move(frame.error));
    return std::move(frame.text);
  }
  static tairitsu::Result<void> without_text(const tairitsu::Result<std::string>& result) {
    if (!result) return std::unexpected(result.error());
    return {};
  }

  Bound reset_{"reset", {}};
  Bound put_{"put", {}};
  Bound get_{"get", {}};
  Bound relay_{"relay", {}};
  Bound relay_list_{"relay-list", {}};
  Bound swap_{"swap", {}};
};

}  // namespace

std::unique_ptr<Subject> make_erased_subject(const OperationsOfSubject& operations) {
  return std::make_unique<ErasedSubject>(operations);
}

}  // namespace differential

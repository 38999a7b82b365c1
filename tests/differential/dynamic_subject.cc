/// A subject that uses dynamic values: it calls through `DynamicFunction`, and `HostImports` defines its host
/// functions. C++ values are converted to dynamic ones and back through host memory.

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tairitsu/container.h>
#include <tairitsu/detail/scratch.h>
#include <tairitsu/host_imports.h>
#include <tairitsu/json.h>
#include <tairitsu/value.h>
#include <tairitsu/wave.h>

#include "erased_subject.h"
#include "value/codec.h"

namespace differential {

namespace {

using tairitsu::Result;
using tairitsu::detail::Scratch;

Result<tairitsu::Value> to_dynamic(const Box& box) {
  const Operations& operations = box.operations();
  Scratch scratch;
  const auto stored = scratch.write(operations.size, [&](tairitsu::detail::LowerContext& cx) {
    return operations.store(cx, box.get(), Scratch::kStart);
  });
  if (!stored) return std::unexpected(stored.error());
  const tairitsu::abi::Lifting memory = scratch.lifting();
  tairitsu::detail::LiftContext lift(memory, UINT64_MAX);
  tairitsu::Value value;
  if (!tairitsu::detail::ValueLifter(lift).load(Scratch::kStart, operations.type().node(), value)) {
    return std::unexpected(*std::move(lift.error));
  }
  return value;
}

/// Returns the text of the equal C++ value.
Result<std::string> text_of(const tairitsu::Value& value, const Operations& operations) {
  const tairitsu::Type type = operations.type();
  auto converted = value.to(type);
  if (!converted) return std::unexpected(std::move(converted).error());
  // WAVE and JSON preserve the value.
  for (const auto& read : {tairitsu::parse_wave(tairitsu::to_wave(value), type),
                           tairitsu::parse_json(tairitsu::to_json(value), type)}) {
    if (!read) return std::unexpected(read.error());
    if (*read != value)
      return tairitsu::fail(tairitsu::ErrorCode::internal, "WAVE or JSON changed the value");
  }
  if (*converted != value)
    return tairitsu::fail(tairitsu::ErrorCode::internal, "converting changed the value");
  Scratch scratch;
  const auto stored = scratch.write(operations.size, [&](tairitsu::detail::LowerContext& cx) {
    return tairitsu::detail::ValueLowerer(cx).store(*converted, type.node(), Scratch::kStart);
  });
  if (!stored) return std::unexpected(stored.error());
  const tairitsu::abi::Lifting memory = scratch.lifting();
  tairitsu::detail::LiftContext lift(memory, UINT64_MAX);
  const Box box(operations);
  if (!operations.load(lift, Scratch::kStart, box.get())) return std::unexpected(*std::move(lift.error));
  return box.text();
}

class DynamicSubject final : public BoxedSubject {
 public:
  using BoxedSubject::BoxedSubject;

  Result<void> define(tairitsu::Linker& linker) override {
    tairitsu::HostImports imports;
    auto defined = imports.define("host", [this](std::span<const tairitsu::Value> arguments) {
      return record(arguments, {&value_}, {&value_});
    });
    if (defined) {
      defined = imports.define("host-list", [this](std::span<const tairitsu::Value> arguments) {
        return record(arguments, {&list_}, {&list_});
      });
    }
    if (defined) {
      defined = imports.define("host-swap", [this](std::span<const tairitsu::Value> arguments) {
        return record(arguments, {&value_, &byte_, &other_}, {&other_, &byte_, &value_});
      });
    }
    if (!defined) return defined;
    return imports.add_to_linker(linker);
  }

  Result<void> bind(const tairitsu::Component&,
                    const std::shared_ptr<tairitsu::detail::ContainerCore>& core) override {
    const tairitsu::Instance instance(core);
    const std::pair<std::string_view, tairitsu::DynamicFunction&> functions[] = {
        {"reset", reset_},           {"put", put_},  {"get", get_}, {"relay", relay_},
        {"relay-list", relay_list_}, {"swap", swap_}};
    for (const auto& [name, function] : functions) {
      auto found = instance.dynamic_function(name);
      if (!found) return std::unexpected(std::move(found).error());
      function = *std::move(found);
    }
    return {};
  }

  Result<void> reset() override { return without_result(reset_({})); }
  Result<void> put() override {
    const auto list = to_dynamic(list_);
    if (!list) return std::unexpected(list.error());
    return without_result(put_({*list}));
  }
  Result<std::string> get() override { return text(get_({}), *operations_.list); }
  Result<std::string> view() override { return get(); }
  Result<std::string> relay() override { return call(relay_, value_); }
  Result<std::string> relay_list() override { return call(relay_list_, list_); }
  Result<std::string> swap() override {
    std::vector<tairitsu::Value> arguments;
    for (const Box* box : {&value_, &byte_, &other_}) {
      auto argument = to_dynamic(*box);
      if (!argument) return std::unexpected(argument.error());
      arguments.push_back(*std::move(argument));
    }
    const auto swapped = swap_(arguments);
    if (!swapped) return std::unexpected(swapped.error());
    return texts({(*swapped)[0], (*swapped)[1], (*swapped)[2]}, {&value_, &byte_, &other_}, "(", ",", ")");
  }

 private:
  using Boxes = std::vector<const Box*>;

  static Result<std::string> texts(const std::vector<tairitsu::Value>& values, const Boxes& like,
                                   std::string_view before, std::string_view between,
                                   std::string_view after) {
    std::string out(before);
    for (std::size_t index = 0; index < values.size(); ++index) {
      auto one = text_of(values[index], like[index]->operations());
      if (!one) return one;
      if (index != 0) out += between;
      out += *one;
    }
    out += after;
    return out;
  }

  /// The body of a host function: records the arguments and returns `results`.
  Result<tairitsu::Value> record(std::span<const tairitsu::Value> arguments, const Boxes& like,
                                 const Boxes& results) {
    auto text = texts({arguments.begin(), arguments.end()}, like, "", "\n", "");
    if (!text) return std::unexpected(text.error());
    seen = *std::move(text);
    std::vector<tairitsu::Value> parts;
    for (const Box* result : results) {
      auto part = to_dynamic(*result);
      if (!part) return part;
      parts.push_back(*std::move(part));
    }
    if (parts.size() == 1) return parts[0];
    return tairitsu::Value::tuple(std::move(parts));
  }

  static Result<std::string> text(const Result<tairitsu::Value>& value, const Operations& operations) {
    if (!value) return std::unexpected(value.error());
    return text_of(*value, operations);
  }
  static Result<std::string> call(const tairitsu::DynamicFunction& function, const Box& box) {
    const auto argument = to_dynamic(box);
    if (!argument) return std::unexpected(argument.error());
    return text(function({*argument}), box.operations());
  }
  static Result<void> without_result(const Result<tairitsu::Value>& result) {
    if (!result) return std::unexpected(result.error());
    if (!result->is_empty()) return tairitsu::fail(tairitsu::ErrorCode::internal, "unexpected result");
    return {};
  }

  tairitsu::DynamicFunction reset_;
  tairitsu::DynamicFunction put_;
  tairitsu::DynamicFunction get_;
  tairitsu::DynamicFunction relay_;
  tairitsu::DynamicFunction relay_list_;
  tairitsu::DynamicFunction swap_;
};

}  // namespace

std::unique_ptr<Subject> make_dynamic_subject(const OperationsOfSubject& operations) {
  return std::make_unique<DynamicSubject>(operations);
}

}  // namespace differential

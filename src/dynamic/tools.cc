#include "tairitsu/tools.h"

#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "base/nearest.h"
#include "runtime/core.h"

namespace tairitsu {

/// Serializes calls into a container.
struct ToolSet::Turn {
  std::mutex mutex;
  std::atomic<std::thread::id> owner{};
};

Result<void> ToolSet::wrong_parameters(std::string_view tool, std::size_t given, std::size_t wanted) {
  return fail(ErrorCode::invalid_argument,
              fmt::format("tool '{}': {} parameter names for {} parameters", tool, given, wanted));
}

Result<void> ToolSet::insert(std::string name, std::string description, FunctionType type, Run run) {
  if (name.empty()) return fail(ErrorCode::invalid_argument, "empty tool name");
  for (std::size_t index = 0; index < type.parameters.size(); ++index) {
    const std::string& parameter = type.parameters[index].name;
    for (std::size_t other = 0; other < index; ++other) {
      if (type.parameters[other].name == parameter) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("tool '{}': duplicate parameter name '{}'", name, parameter));
      }
    }
  }
  auto tool = std::make_shared<const Tool>(std::move(description), std::move(type), std::move(run));
  const std::scoped_lock lock(mutex_);
  const auto [place, added] = tools_.try_emplace(std::move(name), std::move(tool));
  if (!added) return fail(ErrorCode::already_exists, fmt::format("tool '{}' already exists", place->first));
  return {};
}

Result<void> ToolSet::add(std::string name, std::string description, const DynamicFunction& function) {
  if (function.name().empty()) {
    return fail(ErrorCode::invalid_argument, fmt::format("tool '{}': the DynamicFunction is empty", name));
  }
  std::shared_ptr<Turn> turn;
  {
    const std::scoped_lock lock(mutex_);
    std::erase_if(containers_, [](const auto& entry) { return entry.second.expired(); });
    std::weak_ptr<Turn>& known = containers_[function.container()];
    turn = known.lock();
    if (turn == nullptr) known = turn = std::make_shared<Turn>();
  }
  return insert(std::move(name), std::move(description), function.type(),
                [function, turn](std::span<const Value> arguments) {
                  // If the guest's host function calls the tool again, the container reports the reentrant call.
                  const auto self = std::this_thread::get_id();
                  if (turn->owner.load() == self) return function(arguments);
                  const std::scoped_lock lock(turn->mutex);
                  turn->owner.store(self);
                  struct End {
                    Turn& turn;
                    ~End() { turn.owner.store({}); }
                  } end{*turn};
                  return function(arguments);
                });
}

Result<void> ToolSet::add(std::string name, std::string description, const ContainerTemplate& containers,
                          std::string_view function) {
  TAIRITSU_TRY(const auto exported, containers.image().component().find_function(function, nullptr));
  return insert(std::move(name), std::move(description), *exported->type,
                [containers, full_name = exported->name](std::span<const Value> arguments) -> Result<Value> {
                  TAIRITSU_TRY(const auto container, containers.instantiate());
                  return container.call(full_name, arguments);
                });
}

bool ToolSet::remove(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  const auto found = tools_.find(name);
  if (found == tools_.end()) return false;
  tools_.erase(found);
  return true;
}

Result<std::string> ToolSet::call(std::string_view name, std::string_view arguments,
                                  const JsonOptions& options) const {
  std::shared_ptr<const Tool> tool;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = tools_.find(name); found != tools_.end()) tool = found->second;
    if (tool == nullptr) {
      std::vector<std::string> names;
      names.reserve(tools_.size());
      for (const auto& [other, unused] : tools_) names.push_back(other);
      return fail(ErrorCode::not_found,
                  fmt::format("no tool '{}'{}", name, detail::suggestions("tools", name, names)));
    }
  }
  const auto in_tool = [&](const Error& error) {
    return std::unexpected(error.with_context(fmt::format("tool '{}'", name)));
  };
  const auto values = parse_json_arguments(arguments, tool->type, options);
  if (!values) return in_tool(values.error());
  try {
    const auto result = tool->run(*values);
    if (!result) return in_tool(result.error());
    return to_json(*result, options);
  } catch (...) {
    return fail(ErrorCode::host_function,
                fmt::format("tool '{}' threw: {}", name, detail::current_exception_message()));
  }
}

std::vector<ToolInfo> ToolSet::list(const JsonOptions& options) const {
  std::vector<ToolInfo> infos;
  const std::scoped_lock lock(mutex_);
  infos.reserve(tools_.size());
  for (const auto& [name, tool] : tools_) {
    infos.push_back({.name = name,
                     .description = tool->description,
                     .type = tool->type,
                     .input_schema = json_schema(tool->type, options),
                     .output_schema = tool->type.result ? json_schema(*tool->type.result, options)
                                                        : std::string(R"({"type":"null"})")});
  }
  return infos;
}

}  // namespace tairitsu

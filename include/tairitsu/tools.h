/// Named tools with JSON arguments and results: typed C++ functions, and functions that components export.
///
/// For programs that receive calls as a name and text: agents, shells, gateways.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <tairitsu/container.h>
#include <tairitsu/detail/host_function.h>
#include <tairitsu/dynamic_function.h>
#include <tairitsu/error.h>
#include <tairitsu/json.h>
#include <tairitsu/type.h>
#include <tairitsu/value.h>

namespace tairitsu {

/// The description of a tool, for example for a language model that chooses one.
struct ToolInfo {
  std::string name;
  std::string description;
  FunctionType type;
  /// JSON Schemas (draft 2020-12) of the object of arguments and of the result; the latter is `{"type":"null"}` if the
  /// tool has no result.
  std::string input_schema;
  std::string output_schema;
};

namespace detail {

/// The type that holds a tool's argument while the tool runs.
template <typename T>
struct ToolArgument {
  using type = std::remove_cvref_t<T>;
};
template <>
struct ToolArgument<std::string_view> {
  using type = std::string;
};
template <typename T>
struct ToolArgument<std::span<const T>> {
  using type = std::vector<T>;
};

template <typename T>
struct ToolTraits : ToolTraits<decltype(&T::operator())> {};
template <typename R, typename C, typename... Args>
struct ToolTraits<R (C::*)(Args...) const> : ToolTraits<R (*)(Args...)> {};
template <typename R, typename C, typename... Args>
struct ToolTraits<R (C::*)(Args...) const noexcept> : ToolTraits<R (*)(Args...)> {};
template <typename R, typename... Args>
struct ToolTraits<R (*)(Args...) noexcept> : ToolTraits<R (*)(Args...)> {};
template <typename R, typename... Args>
struct ToolTraits<R (*)(Args...)> {
  using Returned = typename HostReturn<R>::Value;
  using Arguments = std::tuple<typename ToolArgument<std::remove_cvref_t<Args>>::type...>;
  static constexpr std::size_t kCount = sizeof...(Args);

  static FunctionType type(std::vector<std::string> names) {
    FunctionType type;
    std::size_t index = 0;
    (type.parameters.push_back(
         {std::move(names[index++]), Codec<typename ToolArgument<std::remove_cvref_t<Args>>::type>::type()}),
     ...);
    if constexpr (!std::is_void_v<Returned>) type.result = Codec<Returned>::type();
    return type;
  }

  template <typename F>
  [[nodiscard]] static Result<Value> call(const F& function, std::span<const Value> values) {
    return call(function, values, std::index_sequence_for<Args...>{});
  }

 private:
  template <typename F, std::size_t... I>
  [[nodiscard]] static Result<Value> call(const F& function, [[maybe_unused]] std::span<const Value> values,
                                          std::index_sequence<I...>) {
    Arguments arguments;
    Result<void> status;
    [[maybe_unused]] const auto convert = [&]<typename T>(T& argument, const Value& value) {
      auto converted = value.as<T>();
      if (!converted) {
        status = std::unexpected(converted.error());
      } else {
        argument = *std::move(converted);
      }
      return status.has_value();
    };
    if (!(true && ... && convert(std::get<I>(arguments), values[I]))) return std::unexpected(status.error());
    if constexpr (HostReturn<R>::fails) {
      auto result = function(std::get<I>(arguments)...);
      if (!result) return std::unexpected(std::move(result).error());
      if constexpr (std::is_void_v<Returned>) {
        return Value();
      } else {
        return Value::of(*result);
      }
    } else if constexpr (std::is_void_v<R>) {
      function(std::get<I>(arguments)...);
      return Value();
    } else {
      return Value::of(function(std::get<I>(arguments)...));
    }
  }
};

}  // namespace detail

/// Tools by name. Usable from any thread: the set is not locked while a tool runs, and tools of one container run one
/// after another. If the host functions of two containers call each other's tools on two threads, they deadlock.
class ToolSet {
 public:
  /// Adds a C++ function with the names of its parameters:
  ///
  ///     tools.add("add", "Adds two numbers.", {"a", "b"}, [](std::int32_t a, std::int32_t b) { return a + b; });
  ///
  /// The table in describe.h lists the types of parameters and results. The function may return a `Result`, whose error
  /// becomes the call's. It must be safe to call from several threads at once. Fails with `already_exists` if the name
  /// is taken, and with `invalid_argument` if the name is empty or the parameter names do not match the function.
  template <typename F>
    requires(!std::convertible_to<F, DynamicFunction>)
  [[nodiscard]] Result<void> add(std::string name, std::string description,
                                 std::vector<std::string> parameters, F function) {
    using Traits = detail::ToolTraits<F>;
    if (parameters.size() != Traits::kCount) return wrong_parameters(name, parameters.size(), Traits::kCount);
    return insert(std::move(name), std::move(description), Traits::type(std::move(parameters)),
                  [function = std::move(function)](std::span<const Value> arguments) {
                    return Traits::call(function, arguments);
                  });
  }
  /// Adds a function of a running container. Calls fail once the container has ended. Fails with `already_exists` or
  /// `invalid_argument`.
  [[nodiscard]] Result<void> add(std::string name, std::string description, const DynamicFunction& function);
  /// Adds a function of a component. Each call creates a container, so calls share nothing and do not wait for each
  /// other. Fails with `already_exists` or `invalid_argument`, or like `Container::dynamic_function`.
  [[nodiscard]] Result<void> add(std::string name, std::string description,
                                 const ContainerTemplate& containers, std::string_view function);
  /// Removes a tool and returns whether it existed. A running call continues.
  bool remove(std::string_view name);

  /// Calls a tool with its arguments as a JSON object with their names, or as an array, and returns the result as JSON;
  /// `null` if the tool has no result. Fails with `not_found` (the message suggests similar names), with
  /// `invalid_argument` if the arguments do not match (the message says where), or with the tool's error; if the tool
  /// throws, with `host_function`.
  [[nodiscard]] Result<std::string> call(std::string_view name, std::string_view arguments,
                                         const JsonOptions& options = {}) const;

  /// Returns all tools, ordered by name, with schemas for the JSON of these options.
  [[nodiscard]] std::vector<ToolInfo> list(const JsonOptions& options = {}) const;

 private:
  struct Turn;
  using Run = std::function<Result<Value>(std::span<const Value>)>;
  struct Tool {
    std::string description;
    FunctionType type;
    Run run;
  };
  [[nodiscard]] static Result<void> wrong_parameters(std::string_view tool, std::size_t given,
                                                     std::size_t wanted);
  [[nodiscard]] Result<void> insert(std::string name, std::string description, FunctionType type, Run run);

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Tool>, std::less<>> tools_;
  std::map<const void*, std::weak_ptr<Turn>> containers_;  // Serialize the calls of each container.
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

/// Named tools that take and give JSON: typed C++ functions, and functions that components export.
///
/// For programs that are asked for a function by its name with arguments as text: agents, shells, gateways.
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
#include <tairitsu/dynamic_function.h>
#include <tairitsu/error.h>
#include <tairitsu/json.h>
#include <tairitsu/linker.h>
#include <tairitsu/type.h>
#include <tairitsu/value.h>

namespace tairitsu {

/// What a tool is, for those who choose one.
struct ToolInfo {
  std::string name;
  std::string description;
  FunctionType type;
  /// JSON Schemas (draft 2020-12): of the object of arguments, and of the result; the latter is `{"type":"null"}`
  /// where there is none.
  std::string input_schema;
  std::string output_schema;
};

namespace detail {

/// The type that a tool's argument is kept as while the tool runs.
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
    Result<void> read;
    [[maybe_unused]] const auto take = [&]<typename T>(T& argument, const Value& value) {
      auto converted = value.as<T>();
      if (!converted) {
        read = std::unexpected(converted.error());
      } else {
        argument = *std::move(converted);
      }
      return read.has_value();
    };
    if (!(true && ... && take(std::get<I>(arguments), values[I]))) return std::unexpected(read.error());
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

/// Tools by name. Usable from any thread: tools run without a lock of the registry's, and those of one container
/// one after another. Two containers whose hosts call each other's tools, on two threads, wait for ever.
class ToolRegistry {
 public:
  /// Adds a C++ function: its parameters and result are those of describe.h's table, its parameters' names are
  /// given in their order. It may return a `Result`, whose error is the call's, and is called by several threads
  /// at once.
  ///
  ///     tools.add("add", "Adds two numbers.", {"a", "b"}, [](std::int32_t a, std::int32_t b) { return a + b; });
  ///
  /// Fails with `already_exists` where the name is taken, and with `invalid_argument` for an empty name or where
  /// the names of parameters do not go with the function.
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
  /// Adds a function of a running container, which calls fail without once it has ended.
  [[nodiscard]] Result<void> add(std::string name, std::string description, const DynamicFunction& function);
  /// Adds a function of a component: each call makes a container of its own, so that calls share nothing and
  /// do not wait for each other.
  [[nodiscard]] Result<void> add(std::string name, std::string description,
                                 const ContainerTemplate& containers, std::string_view function);
  /// False where there is no such tool. A call that runs goes on.
  bool remove(std::string_view name);

  /// Calls a tool with its arguments as JSON, an object by their names or an array; gives the result as JSON, `null`
  /// where there is none. Fails with `not_found` (offering the nearest names), with `invalid_argument` (saying
  /// where) for arguments that do not fit, or with the tool's error; an exception of it is `host_function`.
  [[nodiscard]] Result<std::string> call(std::string_view name, std::string_view arguments,
                                         const JsonOptions& options = {}) const;

  /// All tools, by name. Schemas are those of the options' JSON.
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
  std::map<const void*, std::weak_ptr<Turn>> containers_;  // Whose calls wait for each other.
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

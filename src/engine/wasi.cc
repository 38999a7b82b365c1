#include "engine/wasi.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "engine/bridge.h"

namespace tairitsu::detail {

namespace {

nlohmann::json to_json(Output output, const std::filesystem::path& file) {
  switch (output) {
    case Output::discard:
      return "discard";
    case Output::inherit:
      return "inherit";
    case Output::capture:
      return "capture";
    case Output::lines:
      return "lines";
    case Output::file:
      return {{"file", file.string()}};
  }
  return {};
}

nlohmann::json input_to_json(const WasiOptions& options) {
  switch (options.standard_input) {
    case Input::empty:
      return "empty";
    case Input::inherit:
      return "inherit";
    case Input::text:
      return {{"text", options.input_text}};
    case Input::file:
      return {{"file", options.input_file.string()}};
  }
  return {};
}

nlohmann::json directories_to_json(const std::vector<WasiDirectory>& directories) {
  nlohmann::json list = nlohmann::json::array();
  for (const WasiDirectory& directory : directories) {
    list.push_back(
        {{"host", directory.host.string()}, {"guest", directory.guest}, {"read_only", directory.read_only}});
  }
  return list;
}

nlohmann::json http_to_json(const WasiOptions& options) {
  return {
      {"allow", options.http},
      {"ca_file", options.ca_file.empty() ? nlohmann::json() : nlohmann::json(options.ca_file.string())},
      {"connect_nanoseconds", options.http_connect_timeout.count()},
      {"total_nanoseconds", options.http_total_timeout ? options.http_total_timeout->count() : 0},
  };
}

nlohmann::json clock_to_json(const WasiOptions& options) {
  if (options.frozen_clock) return {{"frozen", options.frozen_clock->time_since_epoch().count()}};
  if (options.clock_offset.count() != 0) return {{"offset", options.clock_offset.count()}};
  return "real";
}

/// The callbacks of the options; lives as long as a guest may call them.
struct Listeners {
  std::function<void(std::string_view)> on_line[2];
  std::function<void(const WasiDenial&)> on_denied;
};

/// Calls the user's callback. Its exceptions are dropped: the guest is the caller, so there is nowhere to report them.
template <typename Function, typename... Arguments>
void notify(const Function& function, const Arguments&... arguments) noexcept {
  try {
    if (function) function(arguments...);
  } catch (...) {  // NOLINT(bugprone-empty-catch): see above.
  }
}

void on_line(void* data, std::uint32_t stream, bridge::Bytes text) {
  notify(static_cast<Listeners*>(data)->on_line[stream], bridge::as_text(text));
}

void on_denied(void* data, std::uint8_t kind, bridge::Bytes rule) {
  notify(static_cast<Listeners*>(data)->on_denied,
         WasiDenial{.kind = static_cast<WasiDenial::Kind>(kind), .rule = bridge::as_text(rule)});
}

void release_listeners(void* data) { delete static_cast<Listeners*>(data); }

/// Checks that timeouts are positive and the frozen clock is not before 1970, as the bridge requires.
Result<void> check_times(const WasiOptions& options) {
  const auto invalid = [](std::string_view what) {
    return fail(ErrorCode::invalid_argument, "WasiOptions::" + std::string(what));
  };
  if (options.http_connect_timeout.count() <= 0) return invalid("http_connect_timeout must be positive");
  if (options.http_total_timeout && options.http_total_timeout->count() <= 0) {
    return invalid("http_total_timeout must be positive");
  }
  if (options.frozen_clock && options.frozen_clock->time_since_epoch().count() < 0) {
    return invalid("frozen_clock must not be before 1970");
  }
  return {};
}

}  // namespace

void WasiPolicyDeleter::operator()(const bridge::WasiPolicy* policy) const noexcept {
  bridge::tairitsu_bridge_wasi_policy_free(const_cast<bridge::WasiPolicy*>(policy));
}

Result<WasiPolicyPtr> make_wasi_policy(const WasiOptions& options) {
  TAIRITSU_RETURN_IF_ERROR(check_times(options));
  nlohmann::json environment = nlohmann::json::array();
  for (const auto& [name, value] : options.environment)
    environment.push_back(nlohmann::json::array({name, value}));
  const nlohmann::json json = {
      {"arguments", options.arguments},
      {"environment", std::move(environment)},
      {"working_directory",
       options.working_directory.empty() ? nlohmann::json() : nlohmann::json(options.working_directory)},
      {"directories", directories_to_json(options.directories)},
      {"standard_input", input_to_json(options)},
      {"standard_output", to_json(options.standard_output, options.output_file)},
      {"standard_error", to_json(options.standard_error, options.error_file)},
      {"capture_capacity", options.capture_capacity},
      {"connect", options.connect},
      {"bind", options.bind},
      {"name_lookup", options.name_lookup},
      {"http", http_to_json(options)},
      {"clock", clock_to_json(options)},
      {"random_seed", options.random_seed ? nlohmann::json(*options.random_seed) : nlohmann::json()},
  };
  std::string text;
  try {
    text = json.dump();
  } catch (const nlohmann::json::type_error&) {
    return fail(ErrorCode::invalid_argument, "a WASI option is not valid UTF-8");
  }
  bridge::WasiCallbacks callbacks{.data = nullptr,
                                  .line = on_line,
                                  .denied = options.on_denied ? on_denied : nullptr,
                                  .release = release_listeners};
  const bool listens = options.on_output_line || options.on_error_line || options.on_denied;
  if (listens) {
    callbacks.data =
        std::make_unique<Listeners>(Listeners{.on_line = {options.on_output_line, options.on_error_line},
                                              .on_denied = options.on_denied})
            .release();
  }
  bridge::WasiPolicy* policy = nullptr;
  TAIRITSU_RETURN_IF_ERROR(bridge::check(bridge::tairitsu_bridge_wasi_policy_new(
      bridge::borrow(text), listens ? &callbacks : nullptr, &policy)));
  return WasiPolicyPtr(policy, WasiPolicyDeleter());
}

}  // namespace tairitsu::detail

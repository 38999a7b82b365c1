#include "engine/wasi.h"

#include <nlohmann/json.hpp>

#include "engine/bridge.h"

namespace tairitsu::detail {

namespace {

using Json = nlohmann::json;

Json to_json(Output output) {
  switch (output) {
    case Output::discard:
      return "discard";
    case Output::inherit:
      return "inherit";
    case Output::capture:
      return "capture";
  }
  return {};
}

Json input_to_json(const WasiOptions& options) {
  switch (options.standard_input) {
    case Input::empty:
      return "empty";
    case Input::inherit:
      return "inherit";
    case Input::text:
      return {{"text", options.input_text}};
  }
  return {};
}

Json folders_to_json(const std::vector<WasiFolder>& folders) {
  Json list = Json::array();
  for (const WasiFolder& folder : folders) {
    list.push_back(
        {{"host", folder.host.string()}, {"guest", folder.guest}, {"read_only", folder.read_only}});
  }
  return list;
}

}  // namespace

void WasiPolicyDeleter::operator()(const bridge::WasiPolicy* policy) const noexcept {
  bridge::tairitsu_bridge_wasi_policy_free(const_cast<bridge::WasiPolicy*>(policy));
}

Result<WasiPolicyPtr> make_wasi_policy(const WasiOptions& options) {
  Json environment = Json::array();
  for (const auto& [name, value] : options.environment) environment.push_back(Json::array({name, value}));
  const Json json = {
      {"arguments", options.arguments},
      {"environment", std::move(environment)},
      {"working_directory", options.working_directory.empty() ? Json() : Json(options.working_directory)},
      {"folders", folders_to_json(options.folders)},
      {"standard_input", input_to_json(options)},
      {"standard_output", to_json(options.standard_output)},
      {"standard_error", to_json(options.standard_error)},
      {"capture_capacity", options.capture_capacity},
      {"connect", options.connect},
      {"bind", options.bind},
      {"name_lookup", options.name_lookup},
  };
  std::string text;
  try {
    text = json.dump();
  } catch (const Json::type_error&) {
    return fail(ErrorCode::invalid_argument, "a WASI option is not valid UTF-8");
  }
  bridge::WasiPolicy* policy = nullptr;
  TAIRITSU_CHECK(bridge::check(bridge::tairitsu_bridge_wasi_policy_new(bridge::borrow(text), &policy)));
  return WasiPolicyPtr(policy, WasiPolicyDeleter());
}

}  // namespace tairitsu::detail

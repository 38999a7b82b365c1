#include "engine/wit.h"

#include "engine/bridge.h"

namespace tairitsu::detail {
namespace {

using BridgeFunction = bridge::Error*(bridge::Bytes input, bridge::Bytes features, bridge::Buffer** out);

Result<std::string> read(BridgeFunction* function, std::string_view input, std::string_view features) {
  TAIRITSU_TRY(const auto json,
               bridge::create<bridge::BufferPtr>(function, bridge::borrow(input), bridge::borrow(features)));
  return bridge::to_string(json);
}

}  // namespace

Result<std::string> load_wit(std::string_view path, std::string_view features) {
  return read(bridge::tairitsu_bridge_wit_load, path, features);
}

Result<std::string> parse_wit(std::string_view text, std::string_view features) {
  return read(bridge::tairitsu_bridge_wit_parse, text, features);
}

}  // namespace tairitsu::detail

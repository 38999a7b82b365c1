#include <filesystem>
#include <string_view>

#include "engine/wit.h"
#include "tairitsu/wit.h"

namespace tairitsu {

// These are defined here because the parser belongs to the engine.
Result<WitLoader> WitLoader::load(const std::filesystem::path& path, std::string_view features) {
  TAIRITSU_TRY(const auto json, detail::load_wit(path.string(), features));
  return read(json);
}

Result<WitLoader> WitLoader::parse(std::string_view text, std::string_view features) {
  TAIRITSU_TRY(const auto json, detail::parse_wit(text, features));
  return read(json);
}

}  // namespace tairitsu

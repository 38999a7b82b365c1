/// Parses WIT and generates host bindings for it. Invalid and too large text is rejected; parsed worlds can be printed,
/// and their bindings are generated or rejected. libFuzzer's limits catch excessive time and memory.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "bindgen/host.h"
#include "check.h"
#include "tairitsu/detail/context.h"
#include "tairitsu/wit.h"

namespace {

using namespace tairitsu;
using test::check;

/// A file for this process, removed at its end.
class WitFile {
 public:
  WitFile() {
    path_ = std::filesystem::temp_directory_path() / ("tairitsu-fuzz-" + std::to_string(getpid()) + ".wit");
  }
  WitFile(const WitFile&) = delete;
  WitFile& operator=(const WitFile&) = delete;
  ~WitFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  const std::filesystem::path& write(std::string_view text) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << text;
    return path_;
  }

 private:
  std::filesystem::path path_;
};

void check_error(const Error& error) {
  check(error.code() == ErrorCode::invalid_argument || error.code() == ErrorCode::not_found,
        "unexpected error code", error.message());
  check(detail::is_utf8(error.message()), "the message is not UTF-8", error.message());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const WitFile file;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto loader = WitLoader::parse(text);
  if (!loader) {
    check_error(loader.error());
    return 0;
  }
  for (const WitWorld& world : loader->worlds()) {
    check(detail::is_utf8(world.world.to_string()), "the world is not UTF-8", world.name);
    const auto bindings =
        bindgen::generate_host_bindings({.wit = {.path = file.write(text), .world = world.name}});
    if (!bindings) check_error(bindings.error());
  }
  return 0;
}

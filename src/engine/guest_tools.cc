#include "tairitsu/guest_tools.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/bridge.h"
#include "engine/instance.h"

namespace tairitsu {
namespace {

std::uint8_t to_bridge(ModuleKind kind) {
  switch (kind) {
    case ModuleKind::detect:
      return 0;
    case ModuleKind::reactor:
      return 1;
    case ModuleKind::command:
      return 2;
  }
  return 0;
}

}  // namespace

Result<std::vector<std::byte>> componentize(std::span<const std::byte> module,
                                            const ComponentizeOptions& options) {
  const std::string path = options.wit.path.string();
  std::vector<bridge::Adapter> adapters;
  adapters.reserve(options.adapters.size());
  for (const ModuleAdapter& adapter : options.adapters) {
    adapters.push_back({.name = bridge::borrow(adapter.name), .module = bridge::borrow(adapter.module)});
  }
  TAIRITSU_TRY(const auto component,
               bridge::create<bridge::BufferPtr>(
                   bridge::tairitsu_bridge_componentize, bridge::borrow(module), to_bridge(options.kind),
                   bridge::borrow(path), bridge::borrow(options.wit.world),
                   bridge::borrow(options.wit.features), adapters.data(), adapters.size()));
  return bridge::to_vector(component);
}

Result<std::string> resolve_wit(const WitSource& source) {
  const std::string path = source.path.string();
  TAIRITSU_TRY(const auto json, bridge::create<bridge::BufferPtr>(
                                    bridge::tairitsu_bridge_wit_resolve, bridge::borrow(path),
                                    bridge::borrow(source.world), bridge::borrow(source.features)));
  return bridge::to_string(json);
}

bool runtime_provides(std::string_view interface) noexcept { return detail::wasi_defines(interface); }

Result<std::vector<GeneratedFile>> generate_guest_bindings(const GuestBindingsOptions& options) {
  const std::string path = options.wit.path.string();
  const std::uint8_t language = options.language == GuestLanguage::c ? 0 : 1;
  TAIRITSU_TRY(const auto generated,
               bridge::create<bridge::GeneratedFilesPtr>(
                   bridge::tairitsu_bridge_bindgen_guest, language, bridge::borrow(path),
                   bridge::borrow(options.wit.world), bridge::borrow(options.wit.features)));
  std::vector<GeneratedFile> files;
  const std::size_t count = bridge::tairitsu_bridge_generated_files_count(generated.get());
  files.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    files.push_back(
        {.name =
             std::string(bridge::as_text(bridge::tairitsu_bridge_generated_files_name(generated.get(), i))),
         .contents = bridge::to_vector(bridge::tairitsu_bridge_generated_files_bytes(generated.get(), i))});
  }
  return files;
}

}  // namespace tairitsu

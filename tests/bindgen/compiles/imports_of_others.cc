// Compiles: `with_imports` defines the world's imports, so `with_bindings` needs no host.
#include "golden/shop/shop.h"

void with_bindings(tairitsu::ContainerBuilder& builder) {
  builder
      .with_imports([](tairitsu::Linker& linker) {
        return linker.define("example:shop/journal@1.2.0#log",
                             [](example::shop::journal::Level, std::string_view) {});
      })
      .with_bindings<example::shop::Shop>();
}

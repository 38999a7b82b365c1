// Compiles: the world has imports, and the builder is told that `with_imports` gives them.
#include "golden/shop/shop.h"

tairitsu::ContainerBuilder&& with_bindings(tairitsu::ContainerBuilder&& builder) {
  return std::move(builder)
      .with_imports([](tairitsu::Linker& linker) {
        return linker.define("example:shop/journal@1.2.0#log",
                             [](example::shop::journal::Level, std::string_view) {});
      })
      .with_bindings<example::shop::Shop>();
}

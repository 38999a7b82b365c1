// The compiler must warn about every line that ends with `// ignored`; see ignored_results_test.py. They ignore a
// Result of the library or of generated bindings. GCC ignores the attribute in virtual calls.
#include <tairitsu/tairitsu.h>

#include "golden/resources/resources.h"
#include "golden/shop/shop.h"

namespace {

using namespace tairitsu;

void ignore_the_library(Container& container, const Image& image, Linker& linker, ImageStore& store,
                        HostImports& imports, ToolSet& tools, Registry& registry, GuestResource& resource,
                        Function<int(int)>& function, DynamicFunction& dynamic,
                        ExportedFunction<int(int)>& exported, const World& world) {
  container.start();                                                                     // ignored
  container.set_fuel(1);                                                                 // ignored
  container.fuel();                                                                      // ignored
  container.call("f", {});                                                               // ignored
  container.call_wave_value("f()");                                                      // ignored
  container.function<int(int)>("f");                                                     // ignored
  container.function(exported);                                                          // ignored
  Container::builder(image).build();                                                     // ignored
  Container::builder(image).build_template();                                            // ignored
  function(1);                                                                           // ignored
  function.read([](int) {}, 1);                                                          // ignored
  dynamic({});                                                                           // ignored
  dynamic.call_wave("()");                                                               // ignored
  linker.define("f", [] {});                                                             // ignored
  imports.define("f", [](std::span<const Value>) -> Result<Value> { return Value(); });  // ignored
  imports.add_to_linker(linker);                                                         // ignored
  tools.add("f", "", {}, [] {});                                                         // ignored
  store.tag("a", "b");                                                                   // ignored
  store.remove("a");                                                                     // ignored
  store.prune();                                                                         // ignored
  registry.run("a");                                                                     // ignored
  registry.stop_container("a");                                                          // ignored
  registry.remove_image("a");                                                            // ignored
  resource.drop();                                                                       // ignored
  Engine::create();                                                                      // ignored
  Image::from_text(container.image().engine(), "");                                      // ignored
  WitLoader::parse(world.to_string());                                                   // ignored
  Value::of(1);                                                                          // ignored
  Value(1).as<int>();                                                                    // ignored
}

void ignore_bindings(example::shop::Shop& shop, example::shop::journal::imports::Host& journal,
                     Container& container, Linker& linker, test::resources::things::imports::Thing& thing,
                     test::resources::things::imports::Host& host) {
  auto& catalogue = shop.catalogue();
  auto basket = catalogue.basket("a");
  basket->total();                                    // ignored
  basket->add({}, 1);                                 // ignored
  catalogue.find(example::shop::catalogue::Query());  // ignored
  catalogue.basket("a");                              // ignored
  thing.name();                                       // ignored, virtual
  host.take(nullptr);                                 // ignored, virtual
  const auto get = [&journal]() -> auto& { return journal; };
  example::shop::Shop::add_to_linker<void>(linker, get);  // ignored
  std::ignore = container.start();
}

}  // namespace

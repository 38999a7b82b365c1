// Does not compile: the host's `log` takes other parameters.
#include "golden/shop/shop.h"

struct Host {
  void log(int level) { last = level; }
  int last = 0;
};

tairitsu::ContainerBuilder&& with_bindings(tairitsu::ContainerBuilder&& builder, Host& host) {
  return std::move(builder).with_bindings<example::shop::Shop>(host);
}

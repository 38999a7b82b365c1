// Does not compile: the host's `log` has different parameters.
#include "golden/shop/shop.h"

struct Host {
  void log(int level) { last = level; }
  int last = 0;
};

void with_bindings(tairitsu::ContainerBuilder& builder, Host& host) {
  builder.with_bindings<example::shop::Shop>(host);
}

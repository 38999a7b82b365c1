#include <stdlib.h>
#include <string.h>

#include "exporter_too.h"

struct exports_test_share_things_thing_t {
  uint32_t a;
  exporter_too_string_t b;
};

void exports_exporter_too_name(exporter_too_string_t* ret) { exporter_too_string_dup(ret, "exporter-too"); }

// Negates the number and keeps the text.
void exports_test_share_plain_flip(exports_test_share_plain_pair_t* p, exports_test_share_plain_pair_t* ret) {
  ret->a = -p->a;
  ret->b = p->b;
}

exports_test_share_things_own_thing_t exports_test_share_things_constructor_thing(
    exports_test_share_things_pair_t* p) {
  exports_test_share_things_thing_t* thing = malloc(sizeof(*thing));
  thing->a = p->a;
  thing->b = p->b;
  return exports_test_share_things_thing_new(thing);
}
void exports_test_share_things_thing_destructor(exports_test_share_things_thing_t* rep) {
  exporter_too_string_free(&rep->b);
  free(rep);
}
void exports_test_share_things_method_thing_get(exports_test_share_things_borrow_thing_t self,
                                                exports_test_share_things_pair_t* ret) {
  ret->a = self->a;
  exporter_too_string_dup_n(&ret->b, (const char*)self->b.ptr, self->b.len);
}

// Returns the last thing.
exports_test_share_things_own_thing_t exports_test_share_things_pick(
    exports_test_share_things_list_own_thing_t* things) {
  for (size_t i = 0; i + 1 < things->len; ++i) exports_test_share_things_thing_drop_own(things->ptr[i]);
  const exports_test_share_things_own_thing_t last = things->ptr[things->len - 1];
  free(things->ptr);
  return last;
}

// Each thing of the guest wraps one of the host and forwards calls to it.
#include <stdlib.h>

#include "resources.h"

#define IMPORT(name) test_resources_things_##name
#define EXPORT(name) exports_test_resources_things_##name

typedef IMPORT(own_thing_t) HostThing;
typedef EXPORT(own_thing_t) GuestThing;

struct EXPORT(thing_t) {
  HostThing inside;
};

static IMPORT(borrow_thing_t) lend(HostThing thing) { return IMPORT(borrow_thing)(thing); }

static GuestThing wrap(HostThing inside) {
  EXPORT(thing_t)* thing = malloc(sizeof(*thing));
  thing->inside = inside;
  return EXPORT(thing_new)(thing);
}

// Returns the wrapped thing and drops the wrapper.
static HostThing unwrap(GuestThing thing) {
  EXPORT(thing_t)* rep = EXPORT(thing_rep)(thing);
  const HostThing inside = rep->inside;
  rep->inside.__handle = 0;
  EXPORT(thing_drop_own)(thing);
  return inside;
}

void EXPORT(thing_destructor)(EXPORT(thing_t) * rep) {
  if (rep->inside.__handle != 0) IMPORT(thing_drop_own)(rep->inside);
  free(rep);
}

// Both kinds of handles consist of one int.
static void unwrap_list(EXPORT(list_own_thing_t) * list) {
  for (size_t i = 0; i < list->len; ++i) list->ptr[i].__handle = unwrap(list->ptr[i]).__handle;
}
static void wrap_list(EXPORT(list_own_thing_t) * list) {
  for (size_t i = 0; i < list->len; ++i) {
    const HostThing inside = {list->ptr[i].__handle};
    list->ptr[i] = wrap(inside);
  }
}

bool EXPORT(constructor_thing)(resources_string_t* name, GuestThing* ret, resources_string_t* err) {
  HostThing inside;
  const bool ok = IMPORT(constructor_thing)(name, &inside, err);
  resources_string_free(name);
  if (ok) *ret = wrap(inside);
  return ok;
}

void EXPORT(method_thing_name)(EXPORT(borrow_thing_t) self, resources_string_t* ret) {
  IMPORT(method_thing_name)(lend(self->inside), ret);
}

void EXPORT(method_thing_rename)(EXPORT(borrow_thing_t) self, resources_string_t* name) {
  IMPORT(method_thing_rename)(lend(self->inside), name);
  resources_string_free(name);
}

void EXPORT(method_thing_longer)(EXPORT(borrow_thing_t) self, EXPORT(borrow_thing_t) other,
                                 resources_string_t* ret) {
  IMPORT(method_thing_longer)(lend(self->inside), lend(other->inside), ret);
}

GuestThing EXPORT(static_thing_join)(GuestThing a, EXPORT(borrow_thing_t) b) {
  return wrap(IMPORT(static_thing_join)(unwrap(a), lend(b->inside)));
}

void EXPORT(take)(GuestThing thing, resources_string_t* ret) { IMPORT(take)(unwrap(thing), ret); }

void EXPORT(look)(EXPORT(borrow_thing_t) thing, resources_string_t* ret) {
  IMPORT(look)(lend(thing->inside), ret);
}

void EXPORT(take_all)(EXPORT(list_own_thing_t) * things, resources_list_string_t* ret) {
  unwrap_list(things);
  IMPORT(take_all)((IMPORT(list_own_thing_t)*)things, ret);
  free(things->ptr);
}

void EXPORT(look_all)(EXPORT(list_borrow_thing_t) * things, resources_list_string_t* ret) {
  IMPORT(borrow_thing_t)* inside = malloc((things->len + 1) * sizeof(*inside));
  for (size_t i = 0; i < things->len; ++i) inside[i] = lend(things->ptr[i]->inside);
  IMPORT(list_borrow_thing_t) list = {inside, things->len};
  IMPORT(look_all)(&list, ret);
  free(inside);
  free(things->ptr);
}

void EXPORT(give_all)(resources_list_string_t* names, EXPORT(list_own_thing_t) * ret) {
  IMPORT(give_all)(names, (IMPORT(list_own_thing_t)*)ret);
  resources_list_string_free(names);
  wrap_list(ret);
}

void EXPORT(hold)(EXPORT(holder_t) * holder, EXPORT(holder_t) * ret) {
  holder->thing.__handle = unwrap(holder->thing).__handle;
  unwrap_list(&holder->more);
  IMPORT(hold)((IMPORT(holder_t)*)holder, (IMPORT(holder_t)*)ret);
  resources_string_free(&holder->label);
  free(holder->more.ptr);
  const HostThing inside = {ret->thing.__handle};
  ret->thing = wrap(inside);
  wrap_list(&ret->more);
}

bool EXPORT(maybe)(GuestThing* maybe_thing, GuestThing* ret) {
  HostThing given, taken;
  if (maybe_thing) given = unwrap(*maybe_thing);
  const bool some = IMPORT(maybe)(maybe_thing ? &given : NULL, &taken);
  if (some) *ret = wrap(taken);
  return some;
}

void EXPORT(choose)(EXPORT(choice_t) * choice, EXPORT(choice_t) * ret) {
  if (choice->tag == EXPORTS_TEST_RESOURCES_THINGS_CHOICE_ONE) {
    choice->val.one.__handle = unwrap(choice->val.one).__handle;
  } else if (choice->tag == EXPORTS_TEST_RESOURCES_THINGS_CHOICE_MANY) {
    unwrap_list(&choice->val.many);
  }
  IMPORT(choose)((IMPORT(choice_t)*)choice, (IMPORT(choice_t)*)ret);
  if (choice->tag == EXPORTS_TEST_RESOURCES_THINGS_CHOICE_MANY) free(choice->val.many.ptr);
  if (ret->tag == EXPORTS_TEST_RESOURCES_THINGS_CHOICE_ONE) {
    const HostThing inside = {ret->val.one.__handle};
    ret->val.one = wrap(inside);
  } else if (ret->tag == EXPORTS_TEST_RESOURCES_THINGS_CHOICE_MANY) {
    wrap_list(&ret->val.many);
  }
}

static HostThing make_host_thing(void) {
  resources_string_t name, err;
  resources_string_set(&name, "of the guest");
  HostThing thing;
  if (!IMPORT(constructor_thing)(&name, &thing, &err)) __builtin_trap();
  return thing;
}

void exports_resources_churn(uint32_t rounds) {
  for (uint32_t i = 0; i < rounds; ++i) IMPORT(thing_drop_own)(make_host_thing());
}

static HostThing* kept;
static uint32_t kept_count;

void exports_resources_keep(uint32_t count) {
  for (uint32_t i = 0; i < kept_count; ++i) IMPORT(thing_drop_own)(kept[i]);
  kept = realloc(kept, (count + 1) * sizeof(*kept));
  kept_count = count;
  for (uint32_t i = 0; i < count; ++i) kept[i] = make_host_thing();
}

void exports_resources_fail(void) { __builtin_trap(); }

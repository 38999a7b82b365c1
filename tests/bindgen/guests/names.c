// Each exported function calls the imported one. Resources add their own value to the result.
#include <stdlib.h>

#include "imports.h"

#define IMPORT(name) std_tairitsu_interface_##name
#define EXPORT(name) exports_std_tairitsu_interface_##name

struct EXPORT(world_t) {
  uint32_t get;
  IMPORT(own_world_t) inside;
};

static IMPORT(borrow_world_t) inside(EXPORT(borrow_world_t) world) {
  return IMPORT(borrow_world)(world->inside);
}

EXPORT(own_world_t) EXPORT(constructor_world)(imports_string_t* linker, uint32_t get) {
  EXPORT(world_t)* world = malloc(sizeof(*world));
  world->get = get;
  world->inside = IMPORT(constructor_world)(linker, get);
  imports_string_free(linker);
  return EXPORT(world_new)(world);
}
void EXPORT(world_destructor)(EXPORT(world_t) * rep) {
  IMPORT(world_drop_own)(rep->inside);
  free(rep);
}
uint32_t EXPORT(method_world_drop)(EXPORT(borrow_world_t) self) {
  return self->get + IMPORT(method_world_drop)(inside(self));
}
uint32_t EXPORT(method_world_handle)(EXPORT(borrow_world_t) self) {
  return self->get + IMPORT(method_world_handle)(inside(self));
}
void EXPORT(method_world_release)(EXPORT(borrow_world_t) self) { IMPORT(method_world_release)(inside(self)); }
void EXPORT(method_world_core)(EXPORT(borrow_world_t) self, imports_string_t* ret) {
  IMPORT(method_world_core)(inside(self), ret);
}
void EXPORT(method_world_functions)(EXPORT(borrow_world_t) self) {
  IMPORT(method_world_functions)(inside(self));
}
void EXPORT(method_world_bind)(EXPORT(borrow_world_t) self, uint32_t other) {
  IMPORT(method_world_bind)(inside(self), other);
}
uint32_t EXPORT(static_world_look_up)(EXPORT(borrow_world_t) x) {
  return IMPORT(static_world_look_up)(inside(x));
}

void EXPORT(world_look_up)(void) { IMPORT(world_look_up)(); }
void EXPORT(add_to_linker)(uint32_t linker, imports_string_t* caller, EXPORT(host_t) * host, uint8_t self,
                           EXPORT(get_t) * get, imports_list_u8_t* functions) {
  IMPORT(add_to_linker)(linker, caller, (IMPORT(host_t)*)host, self, (IMPORT(get_t)*)get, functions);
  imports_string_free(caller);
  imports_list_u8_free(functions);
}
void EXPORT(instantiate)(imports_string_t* component, uint32_t instance, uint32_t found, uint8_t exports,
                         EXPORT(guest_t) * ret) {
  IMPORT(instantiate)(component, instance, found, exports, (IMPORT(guest_t)*)ret);
  imports_string_free(component);
}
void EXPORT(register)(uint32_t register_, EXPORT(union_t) * union_, EXPORT(holds_t) * holds,
                      EXPORT(class_t) * ret) {
  IMPORT(register)(register_, (IMPORT(union_t)*)union_, (IMPORT(holds_t)*)holds, (IMPORT(class_t)*)ret);
  EXPORT(union_free)(union_);
}
void EXPORT(get_state)(EXPORT(state_t) * s, EXPORT(implementation_t) * i,
                       EXPORT(list_host_functions_t) * ret) {
  IMPORT(get_state)((IMPORT(state_t)*)s, (IMPORT(implementation_t)*)i, (IMPORT(list_host_functions_t)*)ret);
}
void EXPORT(use_template)(EXPORT(template_t) t, EXPORT(namespace_t) n,
                          EXPORT(tuple2_guest_functions_handlers_t) * ret) {
  IMPORT(use_template)(t, n, (IMPORT(tuple2_guest_functions_handlers_t)*)ret);
}

void exports_std_tairitsu_names_std(imports_string_t* std, uint32_t tairitsu,
                                    exports_std_tairitsu_names_names_t* ret) {
  std_tairitsu_names_std(std, tairitsu, (std_tairitsu_names_names_t*)ret);
  imports_string_free(std);
}
exports_std_tairitsu_names_own_world_t exports_std_tairitsu_names_give(
    exports_std_tairitsu_names_own_world_t w) {
  EXPORT(world_t)* rep = EXPORT(world_rep)(w);
  rep->inside = std_tairitsu_names_give(rep->inside);
  return w;
}
void exports_std_tairitsu_names_look(exports_std_tairitsu_names_borrow_world_t w,
                                     exports_std_tairitsu_names_list_borrow_world_t* ws) {
  std_tairitsu_names_borrow_world_t* worlds = malloc((ws->len + 1) * sizeof(*worlds));
  for (size_t i = 0; i < ws->len; ++i) worlds[i] = inside(ws->ptr[i]);
  std_tairitsu_names_list_borrow_world_t list = {worlds, ws->len};
  std_tairitsu_names_look(inside(w), &list);
  free(worlds);
  free(ws->ptr);
}

uint32_t exports_imports_instantiate(uint32_t instantiate) { return instantiate + 1; }
void exports_imports_add_to_linker(void) {}

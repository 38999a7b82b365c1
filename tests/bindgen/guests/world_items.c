#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "greeter.h"

void exports_greeter_greet(greeter_greeter_t* who, greeter_string_t* ret) {
  char text[128];
  snprintf(text, sizeof(text), "Hello, %.*s at %d,%d!", (int)who->name.len, (const char*)who->name.ptr,
           who->at.x, who->at.y);
  greeter_string_t message;
  greeter_string_set(&message, text);
  greeter_log(&message, GREETER_MOOD_GOOD);
  greeter_greeter_free(who);
  greeter_string_dup(ret, text);
}

// Returns a new clock if a mood is bad and the given clock is past the resolution.
bool exports_greeter_feelings(greeter_moods_t* moods, greeter_borrow_clock_t clock,
                              greeter_own_clock_t* ret) {
  bool bad = false;
  for (size_t i = 0; i < moods->len; ++i) bad |= moods->ptr[i] == GREETER_MOOD_BAD;
  greeter_moods_free(moods);
  const bool late = greeter_method_clock_now(clock) > greeter_static_clock_resolution();
  greeter_clock_drop_borrow(clock);
  if (!bad || !late) return false;
  *ret = greeter_constructor_clock();
  return true;
}

void outline_thrice(outline_local_t* l, outline_local_t* ret) {
  inline_local_t one = {l->n}, two;
  inline_twice(&one, &two);
  ret->n = one.n + two.n;
}

// Opens and returns the file whose name is the contents of `from`.
tools_own_file_t tools_copy(tools_own_file_t from) {
  greeter_list_u8_t contents;
  test_world_items_shared_method_file_read(test_world_items_shared_borrow_file(from), &contents);
  greeter_string_t name = {contents.ptr, contents.len};
  const greeter_own_file_t opened = greeter_open(&name);
  greeter_list_u8_free(&contents);
  test_world_items_shared_file_drop_own(from);
  return opened;
}

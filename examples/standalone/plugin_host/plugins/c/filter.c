#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

// Short names for the types that wit-bindgen-c generates.
typedef exports_example_editor_filters_filter_t filter_t;
typedef exports_example_editor_filters_own_filter_t own_filter_t;
typedef exports_example_editor_filters_borrow_filter_t borrow_filter_t;

// The resource. The host uses it through a handle.
struct exports_example_editor_filters_filter_t {
  plugin_string_t word;
  uint32_t hidden;
};

own_filter_t exports_example_editor_filters_constructor_filter(plugin_string_t* word) {
  plugin_string_t message;
  plugin_string_set(&message, "hiding a word");  // Not copied, because literals are static.
  example_editor_host_log(&message);

  filter_t* filter = malloc(sizeof(filter_t));
  filter->word = *word;  // The callee owns its arguments, and keeps or frees them.
  filter->hidden = 0;
  return exports_example_editor_filters_filter_new(filter);
}

void exports_example_editor_filters_filter_destructor(filter_t* filter) {
  plugin_string_free(&filter->word);
  free(filter);
}

// Returns true and sets `ret`, or returns false and sets `err`.
bool exports_example_editor_filters_method_filter_apply(borrow_filter_t self, plugin_string_t* text,
                                                        plugin_string_t* ret, plugin_string_t* err) {
  if (text->len == 0) {
    plugin_string_free(text);
    plugin_string_dup(err, "the text is empty");  // Copied, because the caller frees it.
    return false;
  }
  const plugin_string_t word = self->word;
  for (size_t at = 0; word.len != 0 && at + word.len <= text->len;) {
    if (memcmp(text->ptr + at, word.ptr, word.len) != 0) {
      ++at;
      continue;
    }
    memset(text->ptr + at, '*', word.len);
    at += word.len;
    ++self->hidden;
  }
  *ret = *text;
  return true;
}

uint32_t exports_example_editor_filters_method_filter_hidden(borrow_filter_t self) { return self->hidden; }

void exports_example_editor_filters_language(plugin_string_t* ret) { plugin_string_dup(ret, "C"); }

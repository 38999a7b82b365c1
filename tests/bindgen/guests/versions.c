#include <stdlib.h>

#include "versions.h"

// Returns the sum of the ids.
uint32_t exports_test_dep_1_0_0_types_count(exports_test_dep_1_0_0_types_list_item_t* items) {
  uint32_t sum = 0;
  for (size_t i = 0; i < items->len; ++i) sum += items->ptr[i].id;
  exports_test_dep_1_0_0_types_list_item_free(items);
  return sum;
}

// Converts an old item for each new one, and counts the letters of the names.
uint32_t exports_test_dep_2_0_0_rc_1_types_count(exports_test_dep_2_0_0_rc_1_types_list_item_t* items) {
  uint32_t letters = 0;
  for (size_t i = 0; i < items->len; ++i) {
    test_versions_local_item_t old = {items->ptr[i].id};
    test_versions_local_new_item_t converted;
    test_versions_local_convert(&old, &converted);
    letters += (uint32_t)converted.name.len;
    versions_string_free(&converted.name);
  }
  exports_test_dep_2_0_0_rc_1_types_list_item_free(items);
  return letters;
}

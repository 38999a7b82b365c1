#include "renamed.h"

uint32_t exports_renamed_run(uint32_t number) {
  const test_renamed_things_own_thing_t first = test_renamed_things_constructor_thing(number);
  const uint32_t twice = test_renamed_users_twice(test_renamed_things_borrow_thing(first));
  const renamed_own_item_t second = renamed_next(first);
  const test_renamed_things_own_thing_t third = test_renamed_things_constructor_thing(twice);
  test_renamed_things_borrow_same_t both[] = {test_renamed_things_borrow_thing(second),
                                              test_renamed_things_borrow_thing(third)};
  test_renamed_things_list_borrow_same_t list = {both, 2};
  const uint32_t sum = test_renamed_things_sum(&list);
  test_renamed_things_thing_drop_own(second);
  test_renamed_things_thing_drop_own(third);
  return sum;
}

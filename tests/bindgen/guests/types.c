// Each exported function of the world `types` calls the imported one, so a value passes through the guest twice.
#include "types.h"

#define IMPORT(name) test_types_all_types_##name
#define EXPORT(name) exports_test_types_all_types_##name

// The types of both sides differ only in their names. The functions free their arguments with the import's free
// functions: the export's ones, which wit-bindgen generates second, do not free some parts.
#define ECHO_NAMED(name, type)                                      \
  void EXPORT(name)(EXPORT(type##_t) * n, EXPORT(type##_t) * ret) { \
    IMPORT(name)((IMPORT(type##_t)*)n, (IMPORT(type##_t)*)ret);     \
    IMPORT(type##_free)((IMPORT(type##_t)*)n);                      \
  }
#define ECHO_FLAT(name, type)                                       \
  void EXPORT(name)(EXPORT(type##_t) * n, EXPORT(type##_t) * ret) { \
    IMPORT(name)((IMPORT(type##_t)*)n, (IMPORT(type##_t)*)ret);     \
  }
#define ECHO_SHARED(name, type)                                     \
  void EXPORT(name)(types_##type##_t * n, types_##type##_t * ret) { \
    IMPORT(name)(n, ret);                                           \
    types_##type##_free(n);                                         \
  }
#define ECHO_SMALL(name, type) \
  EXPORT(type##_t) EXPORT(name)(EXPORT(type##_t) n) { return IMPORT(name)(n); }

uint64_t EXPORT(scalars)(bool a, uint8_t b, int8_t c, uint16_t d, int16_t e, uint32_t f, int32_t g,
                         uint64_t h, int64_t i, float j, double k, uint32_t l) {
  return IMPORT(scalars)(a, b, c, d, e, f, g, h, i, j, k, l);
}

uint64_t EXPORT(seventeen)(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f, uint32_t g,
                           uint32_t h, uint32_t i, uint32_t j, uint32_t k, uint32_t l, uint32_t m, uint32_t n,
                           uint32_t o, uint32_t p, uint32_t q) {
  return IMPORT(seventeen)(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q);
}

ECHO_NAMED(echo_name, name)
ECHO_NAMED(echo_names, names)
ECHO_NAMED(echo_blob, blob)
ECHO_NAMED(echo_pair, pair)
ECHO_FLAT(echo_numbers, numbers)
ECHO_NAMED(echo_numbers_list, list_numbers)
ECHO_NAMED(echo_segments, list_segment)
ECHO_NAMED(echo_padded, list_padded)
ECHO_NAMED(echo_mixed, mixed)
ECHO_NAMED(echo_mixed_list, list_mixed)
ECHO_SMALL(echo_error, error)
ECHO_NAMED(echo_errors, list_error)
ECHO_SMALL(echo_permissions, permissions)
ECHO_SMALL(echo_many, many)
ECHO_NAMED(echo_shape, shape)
ECHO_NAMED(echo_shapes, list_shape)
ECHO_SHARED(echo_bools, list_bool)
ECHO_SHARED(echo_chars, list_char32)
ECHO_SHARED(echo_nested, list_list_string)
ECHO_SHARED(echo_tuples, list_tuple2_string_u32)

bool EXPORT(echo_maybe)(EXPORT(name_t) * maybe_n, EXPORT(name_t) * ret) {
  const bool some = IMPORT(echo_maybe)(maybe_n, ret);
  if (maybe_n) types_string_free(maybe_n);
  return some;
}

bool EXPORT(echo_outcome)(EXPORT(outcome_t) * n, uint32_t* ret, types_string_t* err) {
  const bool ok = IMPORT(echo_outcome)((IMPORT(outcome_t)*)n, ret, err);
  IMPORT(outcome_free)((IMPORT(outcome_t)*)n);
  return ok;
}

bool EXPORT(echo_option_point)(EXPORT(point_t) * maybe_n, EXPORT(point_t) * ret) {
  return IMPORT(echo_option_point)((IMPORT(point_t)*)maybe_n, (IMPORT(point_t)*)ret);
}

bool EXPORT(echo_optional_names)(types_list_string_t* maybe_n, types_list_string_t* ret) {
  const bool some = IMPORT(echo_optional_names)(maybe_n, ret);
  if (maybe_n) types_list_string_free(maybe_n);
  return some;
}

bool EXPORT(fallible)(EXPORT(result_string_shape_t) * n, types_string_t* ret, EXPORT(shape_t) * err) {
  const bool ok = IMPORT(fallible)((IMPORT(result_string_shape_t)*)n, ret, (IMPORT(shape_t)*)err);
  IMPORT(result_string_shape_free)((IMPORT(result_string_shape_t)*)n);
  return ok;
}

void EXPORT(nothing)(void) { IMPORT(nothing)(); }

// Responds to each request with the status that the host returns.
#include "asking.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

void exports_wasi_http_incoming_handler_handle(wasi_http_types_own_incoming_request_t request,
                                               wasi_http_types_own_response_outparam_t out) {
  asking_string_t path;
  if (!wasi_http_types_method_incoming_request_path_with_query(
          wasi_http_types_borrow_incoming_request(request), &path)) {
    abort();
  }
  const uint16_t status = asking_status_of(&path);
  wasi_http_types_incoming_request_drop_own(request);
  wasi_http_types_own_outgoing_response_t response =
      wasi_http_types_constructor_outgoing_response(wasi_http_types_constructor_fields());
  wasi_http_types_method_outgoing_response_set_status_code(wasi_http_types_borrow_outgoing_response(response),
                                                           status);
  wasi_http_types_result_own_outgoing_response_error_code_t result = {.is_err = false,
                                                                      .val = {.ok = response}};
  wasi_http_types_static_response_outparam_set(out, &result);
}

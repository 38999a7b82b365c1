// A WASI 0.3 service that returns a response, then writes its body. The request's path selects the response.

#include "service.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef wasi_http_types_future_result_option_own_trailers_error_code_t trailers_t;
typedef wasi_http_types_future_result_option_own_trailers_error_code_writer_t trailers_writer_t;
typedef wasi_http_types_future_result_void_error_code_t result_t;

static uint32_t wait_for(uint32_t waitable, uint32_t status) {
  if (status != SERVICE_WAITABLE_STATUS_BLOCKED) return status;
  service_waitable_set_t set = service_waitable_set_new();
  service_waitable_join(waitable, set);
  service_event_t event;
  service_waitable_set_wait(set, &event);
  service_waitable_join(waitable, 0);
  service_waitable_set_drop(set);
  return event.code;
}

static void sleep_for(uint64_t milliseconds) {
  service_subtask_status_t status = wasi_clocks_monotonic_clock_wait_for(milliseconds * 1000000);
  if (SERVICE_SUBTASK_STATE(status) == SERVICE_SUBTASK_RETURNED) return;
  wait_for(SERVICE_SUBTASK_HANDLE(status), SERVICE_WAITABLE_STATUS_BLOCKED);
  service_subtask_drop(SERVICE_SUBTASK_HANDLE(status));
}

// A response whose body and trailers have not been written yet.
struct response {
  wasi_http_types_stream_u8_writer_t body;
  trailers_writer_t trailers;
  result_t sent;
};

static struct response respond(uint16_t status) {
  struct response response;
  wasi_http_types_own_fields_t headers = wasi_http_types_constructor_fields();
  wasi_http_types_field_name_t name = {(uint8_t*)"content-type", 12};
  wasi_http_types_field_value_t value = {(uint8_t*)"text/plain", 10};
  wasi_http_types_header_error_t error;
  if (!wasi_http_types_method_fields_append(wasi_http_types_borrow_fields(headers), &name, &value, &error))
    abort();
  wasi_http_types_stream_u8_t body = wasi_http_types_stream_u8_new(&response.body);
  trailers_t trailers = wasi_http_types_future_result_option_own_trailers_error_code_new(&response.trailers);
  wasi_http_types_tuple2_own_response_future_result_void_error_code_t made;
  wasi_http_types_static_response_new(headers, &body, trailers, &made);
  response.sent = made.f1;
  if (!wasi_http_types_method_response_set_status_code(wasi_http_types_borrow_response(made.f0), status))
    abort();
  exports_wasi_http_handler_handle_return(
      (exports_wasi_http_handler_result_own_response_error_code_t){.is_err = false, .val = {.ok = made.f0}});
  return response;
}

// Returns false if the reader is gone.
static bool say(struct response* response, const uint8_t* bytes, size_t size) {
  while (size > 0) {
    uint32_t status = wait_for(response->body, wasi_http_types_stream_u8_write(response->body, bytes, size));
    bytes += SERVICE_WAITABLE_COUNT(status);
    size -= SERVICE_WAITABLE_COUNT(status);
    if (SERVICE_WAITABLE_STATE(status) != SERVICE_WAITABLE_COMPLETED) return size == 0;
  }
  return true;
}

static void finish(struct response* response) {
  wasi_http_types_stream_u8_drop_writable(response->body);
  wasi_http_types_result_option_own_trailers_error_code_t none = {.is_err = false};
  wait_for(response->trailers,
           wasi_http_types_future_result_option_own_trailers_error_code_write(response->trailers, &none));
  wasi_http_types_future_result_option_own_trailers_error_code_drop_writable(response->trailers);
  wasi_http_types_result_void_error_code_t result;
  wait_for(response->sent, wasi_http_types_future_result_void_error_code_read(response->sent, &result));
  wasi_http_types_future_result_void_error_code_drop_readable(response->sent);
}

static void reply(uint16_t status, const char* text) {
  struct response response = respond(status);
  say(&response, (const uint8_t*)text, strlen(text));
  finish(&response);
}

static void echo(wasi_http_types_own_request_t request) {
  wasi_http_types_future_result_void_error_code_writer_t taken;
  result_t result = wasi_http_types_future_result_void_error_code_new(&taken);
  wasi_http_types_tuple2_stream_u8_future_result_option_own_trailers_error_code_t body;
  wasi_http_types_static_request_consume_body(request, result, &body);
  struct response response = respond(200);
  static uint8_t buffer[65536];
  for (;;) {
    uint32_t status = wait_for(body.f0, wasi_http_types_stream_u8_read(body.f0, buffer, sizeof buffer));
    if (!say(&response, buffer, SERVICE_WAITABLE_COUNT(status))) break;
    if (SERVICE_WAITABLE_STATE(status) != SERVICE_WAITABLE_COMPLETED) break;
  }
  wasi_http_types_stream_u8_drop_readable(body.f0);
  wasi_http_types_future_result_option_own_trailers_error_code_drop_readable(body.f1);
  wasi_http_types_result_void_error_code_t good = {.is_err = false};
  wait_for(taken, wasi_http_types_future_result_void_error_code_write(taken, &good));
  wasi_http_types_future_result_void_error_code_drop_writable(taken);
  finish(&response);
}

// Fetches AUTHORITY/PATH and responds with the status or the error.
static void fetch(char* target) {
  char* path = strchr(target, '/');
  if (path == NULL) {
    reply(400, "fetch/AUTHORITY/PATH\n");
    return;
  }
  trailers_writer_t writer;
  trailers_t trailers = wasi_http_types_future_result_option_own_trailers_error_code_new(&writer);
  wasi_http_types_tuple2_own_request_future_result_void_error_code_t made;
  wasi_http_types_static_request_new(wasi_http_types_constructor_fields(), NULL, trailers, NULL, &made);
  wasi_http_types_borrow_request_t request = wasi_http_types_borrow_request(made.f0);
  wasi_http_types_scheme_t scheme = {.tag = WASI_HTTP_TYPES_SCHEME_HTTP};
  service_string_t authority = {(uint8_t*)target, (size_t)(path - target)};
  service_string_t rest = {(uint8_t*)path, strlen(path)};
  if (!wasi_http_types_method_request_set_scheme(request, &scheme) ||
      !wasi_http_types_method_request_set_authority(request, &authority) ||
      !wasi_http_types_method_request_set_path_with_query(request, &rest)) {
    reply(400, "no URL\n");
    return;
  }
  wasi_http_client_result_own_response_error_code_t result;
  service_subtask_status_t status = wasi_http_client_send(made.f0, &result);
  wasi_http_types_result_option_own_trailers_error_code_t none = {.is_err = false};
  uint32_t written = wasi_http_types_future_result_option_own_trailers_error_code_write(writer, &none);
  if (SERVICE_SUBTASK_STATE(status) != SERVICE_SUBTASK_RETURNED) {
    wait_for(SERVICE_SUBTASK_HANDLE(status), SERVICE_WAITABLE_STATUS_BLOCKED);
    service_subtask_drop(SERVICE_SUBTASK_HANDLE(status));
  }
  wait_for(writer, written);
  wasi_http_types_future_result_option_own_trailers_error_code_drop_writable(writer);
  wasi_http_types_future_result_void_error_code_drop_readable(made.f1);
  char text[64];
  if (!result.is_err) {
    wasi_http_types_borrow_response_t response = wasi_http_types_borrow_response(result.val.ok);
    snprintf(text, sizeof text, "status %d\n", wasi_http_types_method_response_get_status_code(response));
    wasi_http_types_response_drop_own(result.val.ok);
  } else {
    bool denied = result.val.err.tag == WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_DENIED;
    snprintf(text, sizeof text, "%s\n", denied ? "denied" : "failed");
  }
  reply(200, text);
}

service_callback_code_t exports_wasi_http_handler_handle(exports_wasi_http_handler_own_request_t request) {
  char target[256] = "/";
  service_string_t path;
  if (wasi_http_types_method_request_get_path_with_query(wasi_http_types_borrow_request(request), &path)) {
    snprintf(target, sizeof target, "%.*s", (int)path.len, (char*)path.ptr);
    service_string_free(&path);
  }
  if (strcmp(target, "/echo") == 0) {
    echo(request);
    return SERVICE_CALLBACK_CODE_EXIT;
  }
  if (strcmp(target, "/origin") == 0) {
    wasi_http_types_borrow_request_t borrowed = wasi_http_types_borrow_request(request);
    wasi_http_types_scheme_t scheme;
    service_string_t authority;
    bool has_scheme = wasi_http_types_method_request_get_scheme(borrowed, &scheme);
    bool has_authority = wasi_http_types_method_request_get_authority(borrowed, &authority);
    char text[128];
    snprintf(text, sizeof text, "%s %.*s\n",
             has_scheme && scheme.tag == WASI_HTTP_TYPES_SCHEME_HTTP ? "http" : "none",
             has_authority ? (int)authority.len : 0, has_authority ? (char*)authority.ptr : "");
    reply(200, text);
  }
  wasi_http_types_request_drop_own(request);
  if (strcmp(target, "/origin") == 0) return SERVICE_CALLBACK_CODE_EXIT;
  if (strcmp(target, "/") == 0) {
    reply(200, "Hello, world!\n");
  } else if (strncmp(target, "/pieces/", 8) == 0) {
    struct response response = respond(200);
    for (int i = 0; i < atoi(target + 8); ++i) {
      char text[32];
      snprintf(text, sizeof text, "piece %d\n", i);
      if (!say(&response, (const uint8_t*)text, strlen(text))) break;
      sleep_for(10);
    }
    finish(&response);
  } else if (strncmp(target, "/fetch/", 7) == 0) {
    fetch(target + 7);
  } else if (strncmp(target, "/sleep/", 7) == 0) {
    sleep_for((uint64_t)atoll(target + 7));
    reply(200, "slept\n");
  } else if (strcmp(target, "/forever") == 0) {
    struct response response = respond(200);
    static uint8_t block[65536];
    while (say(&response, block, sizeof block)) {
    }
    finish(&response);
  } else if (strcmp(target, "/late-trap") == 0) {
    struct response response = respond(200);
    say(&response, (const uint8_t*)"so far so good\n", 15);
    __builtin_trap();
  } else if (strcmp(target, "/error") == 0) {
    exports_wasi_http_handler_handle_return((exports_wasi_http_handler_result_own_response_error_code_t){
        .is_err = true, .val = {.err = {.tag = WASI_HTTP_TYPES_ERROR_CODE_LOOP_DETECTED}}});
  } else if (strcmp(target, "/trap") == 0) {
    __builtin_trap();
  } else if (strcmp(target, "/loop") == 0) {
    for (volatile int spins = 0;; ++spins) {
    }
  } else {
    reply(404, "not found\n");
  }
  return SERVICE_CALLBACK_CODE_EXIT;
}

// No function above requests a callback.
service_callback_code_t exports_wasi_http_handler_handle_callback(service_event_t* event) {
  (void)event;
  abort();
}

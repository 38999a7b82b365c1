// A server. The request's path selects the response: well-behaved ones, and every kind of misbehaviour.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

typedef wasi_io_streams_own_output_stream_t output_t;

static server_string_t text_of(const char* text) { return (server_string_t){(uint8_t*)text, strlen(text)}; }

// A response that has been started, and its body.
struct response {
  wasi_http_types_own_outgoing_body_t body;
  output_t stream;
};

static struct response respond(wasi_http_types_own_response_outparam_t out, uint16_t status) {
  wasi_http_types_own_outgoing_response_t made =
      wasi_http_types_constructor_outgoing_response(wasi_http_types_constructor_fields());
  wasi_http_types_method_outgoing_response_set_status_code(wasi_http_types_borrow_outgoing_response(made),
                                                           status);
  struct response response;
  wasi_http_types_method_outgoing_response_body(wasi_http_types_borrow_outgoing_response(made),
                                                &response.body);
  wasi_http_types_result_own_outgoing_response_error_code_t result = {.is_err = false, .val = {.ok = made}};
  wasi_http_types_static_response_outparam_set(out, &result);
  wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(response.body),
                                             &response.stream);
  return response;
}

// Returns false if the reader is gone.
static bool say(output_t stream, const uint8_t* bytes, size_t size) {
  while (size > 0) {
    size_t part = size < 4096 ? size : 4096;  // The maximum of a blocking write.
    server_list_u8_t list = {(uint8_t*)bytes, part};
    wasi_io_streams_stream_error_t error;
    if (!wasi_io_streams_method_output_stream_blocking_write_and_flush(
            wasi_io_streams_borrow_output_stream(stream), &list, &error)) {
      wasi_io_streams_stream_error_free(&error);
      return false;
    }
    bytes += part;
    size -= part;
  }
  return true;
}

static void finish(struct response response) {
  wasi_io_streams_output_stream_drop_own(response.stream);
  wasi_http_types_error_code_t error;
  if (!wasi_http_types_static_outgoing_body_finish(response.body, NULL, &error))
    wasi_http_types_error_code_free(&error);
}

static void reply(wasi_http_types_own_response_outparam_t out, uint16_t status, const char* text) {
  struct response response = respond(out, status);
  say(response.stream, (const uint8_t*)text, strlen(text));
  finish(response);
}

static void sleep_for(uint64_t nanoseconds) {
  wasi_io_poll_own_pollable_t pollable = wasi_clocks_monotonic_clock_subscribe_duration(nanoseconds);
  wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(pollable));
  wasi_io_poll_pollable_drop_own(pollable);
}

static void echo(wasi_http_types_own_incoming_request_t request,
                 wasi_http_types_own_response_outparam_t out) {
  struct response response = respond(out, 200);
  wasi_http_types_own_incoming_body_t body;
  wasi_http_types_own_input_stream_t stream;
  if (!wasi_http_types_method_incoming_request_consume(wasi_http_types_borrow_incoming_request(request),
                                                       &body) ||
      !wasi_http_types_method_incoming_body_stream(wasi_http_types_borrow_incoming_body(body), &stream)) {
    abort();
  }
  for (;;) {
    server_list_u8_t chunk;
    wasi_io_streams_stream_error_t error;
    if (!wasi_io_streams_method_input_stream_blocking_read(wasi_io_streams_borrow_input_stream(stream), 65536,
                                                           &chunk, &error)) {
      wasi_io_streams_stream_error_free(&error);
      break;
    }
    bool read = say(response.stream, chunk.ptr, chunk.len);
    free(chunk.ptr);
    if (!read) break;
  }
  wasi_io_streams_input_stream_drop_own(stream);
  wasi_http_types_incoming_body_drop_own(body);
  finish(response);
}

// Reads the whole body before it responds.
static void swallow(wasi_http_types_own_incoming_request_t request,
                    wasi_http_types_own_response_outparam_t out) {
  wasi_http_types_own_incoming_body_t body;
  wasi_http_types_own_input_stream_t stream;
  if (!wasi_http_types_method_incoming_request_consume(wasi_http_types_borrow_incoming_request(request),
                                                       &body) ||
      !wasi_http_types_method_incoming_body_stream(wasi_http_types_borrow_incoming_body(body), &stream)) {
    abort();
  }
  size_t size = 0;
  for (;;) {
    server_list_u8_t chunk;
    wasi_io_streams_stream_error_t error;
    if (!wasi_io_streams_method_input_stream_blocking_read(wasi_io_streams_borrow_input_stream(stream), 65536,
                                                           &chunk, &error)) {
      wasi_io_streams_stream_error_free(&error);
      break;
    }
    size += chunk.len;
    free(chunk.ptr);
  }
  wasi_io_streams_input_stream_drop_own(stream);
  wasi_http_types_incoming_body_drop_own(body);
  char text[32];
  snprintf(text, sizeof text, "%zu bytes\n", size);
  reply(out, 200, text);
}

static const char* error_name(uint8_t tag) {
  switch (tag) {
    case WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_DENIED:
      return "denied";
    case WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_TIMEOUT:
      return "connection-timeout";
    case WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_READ_TIMEOUT:
      return "read-timeout";
    case WASI_HTTP_TYPES_ERROR_CODE_CONNECTION_REFUSED:
      return "refused";
    case WASI_HTTP_TYPES_ERROR_CODE_TLS_PROTOCOL_ERROR:
    case WASI_HTTP_TYPES_ERROR_CODE_TLS_CERTIFICATE_ERROR:
      return "tls";
    case WASI_HTTP_TYPES_ERROR_CODE_DNS_ERROR:
      return "dns";
    default:
      return "other";
  }
}

// Fetches SCHEME/AUTHORITY/PATH and responds with the status or the error.
static void fetch(char* target, wasi_http_types_own_response_outparam_t out) {
  char* authority = strchr(target, '/');
  char* path = authority != NULL ? strchr(authority + 1, '/') : NULL;
  if (path == NULL) {
    reply(out, 400, "fetch/SCHEME/AUTHORITY/PATH\n");
    return;
  }
  bool secure = strncmp(target, "https", 5) == 0;
  wasi_http_types_own_outgoing_request_t request =
      wasi_http_types_constructor_outgoing_request(wasi_http_types_constructor_fields());
  wasi_http_types_borrow_outgoing_request_t borrowed = wasi_http_types_borrow_outgoing_request(request);
  wasi_http_types_scheme_t scheme = {.tag =
                                         secure ? WASI_HTTP_TYPES_SCHEME_HTTPS : WASI_HTTP_TYPES_SCHEME_HTTP};
  wasi_http_types_method_outgoing_request_set_scheme(borrowed, &scheme);
  server_string_t host = {(uint8_t*)authority + 1, (size_t)(path - authority - 1)};
  wasi_http_types_method_outgoing_request_set_authority(borrowed, &host);
  server_string_t where = text_of(path);
  wasi_http_types_method_outgoing_request_set_path_with_query(borrowed, &where);
  wasi_http_outgoing_handler_own_future_incoming_response_t future;
  wasi_http_outgoing_handler_error_code_t error;
  char text[64];
  if (!wasi_http_outgoing_handler_handle(request, NULL, &future, &error)) {
    snprintf(text, sizeof text, "error %s\n", error_name(error.tag));
    reply(out, 200, text);
    return;
  }
  wasi_io_poll_own_pollable_t pollable = wasi_http_types_method_future_incoming_response_subscribe(
      wasi_http_types_borrow_future_incoming_response(future));
  wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(pollable));
  wasi_io_poll_pollable_drop_own(pollable);
  wasi_http_types_result_result_own_incoming_response_error_code_void_t result;
  wasi_http_types_method_future_incoming_response_get(wasi_http_types_borrow_future_incoming_response(future),
                                                      &result);
  if (result.is_err || result.val.ok.is_err) {
    snprintf(text, sizeof text, "error %s\n", error_name(result.val.ok.val.err.tag));
  } else {
    wasi_http_types_own_incoming_response_t response = result.val.ok.val.ok;
    snprintf(
        text, sizeof text, "status %d\n",
        wasi_http_types_method_incoming_response_status(wasi_http_types_borrow_incoming_response(response)));
    wasi_http_types_incoming_response_drop_own(response);
  }
  wasi_http_types_future_incoming_response_drop_own(future);
  reply(out, 200, text);
}

static int requests = 0;

void exports_wasi_http_incoming_handler_handle(wasi_http_types_own_incoming_request_t request,
                                               wasi_http_types_own_response_outparam_t out) {
  server_string_t path;
  char target[512] = "/";
  if (wasi_http_types_method_incoming_request_path_with_query(
          wasi_http_types_borrow_incoming_request(request), &path)) {
    snprintf(target, sizeof target, "%.*s", (int)path.len, (char*)path.ptr);
    server_string_free(&path);
  }
  char text[128];
  ++requests;
  if (strcmp(target, "/") == 0) {
    reply(out, 200, "Hello, world!\n");
  } else if (strcmp(target, "/count") == 0) {
    snprintf(text, sizeof text, "request %d of this instance\n", requests);
    reply(out, 200, text);
  } else if (strcmp(target, "/echo") == 0) {
    echo(request, out);
    return;
  } else if (strcmp(target, "/swallow") == 0) {
    swallow(request, out);
    return;
  } else if (strncmp(target, "/fetch/", 7) == 0) {
    fetch(target + 7, out);
  } else if (strncmp(target, "/big/", 5) == 0) {
    struct response response = respond(out, 200);
    static uint8_t block[65536];
    memset(block, 'x', sizeof block);
    for (long left = atol(target + 5); left > 0; left -= (long)sizeof block) {
      if (!say(response.stream, block, left < (long)sizeof block ? (size_t)left : sizeof block)) break;
    }
    finish(response);
  } else if (strncmp(target, "/sleep/", 7) == 0) {
    sleep_for((uint64_t)atol(target + 7) * 1000000);
    reply(out, 200, "slept\n");
  } else if (strncmp(target, "/linger/", 8) == 0) {
    reply(out, 200, "answered\n");
    sleep_for((uint64_t)atol(target + 8) * 1000000);
    printf("lingered\n");
    fflush(stdout);
  } else if (strcmp(target, "/print") == 0) {
    printf("on standard output\n");
    fflush(stdout);
    fprintf(stderr, "on standard error\n");
    reply(out, 200, "printed\n");
  } else if (strcmp(target, "/trap") == 0) {
    __builtin_trap();
  } else if (strcmp(target, "/explained-trap") == 0) {
    fprintf(stderr, "the disk is on fire\n");
    abort();
  } else if (strcmp(target, "/late-trap") == 0) {
    struct response response = respond(out, 200);
    say(response.stream, (const uint8_t*)"so far so good\n", 15);
    __builtin_trap();
  } else if (strcmp(target, "/unfinished") == 0) {
    // Drops neither the body nor its stream.
    struct response response = respond(out, 200);
    say(response.stream, (const uint8_t*)"the first half\n", 15);
  } else if (strcmp(target, "/forever") == 0) {
    struct response response = respond(out, 200);
    static uint8_t block[65536];
    while (say(response.stream, block, sizeof block)) {
    }
    finish(response);
  } else if (strcmp(target, "/origin") == 0) {
    wasi_http_types_scheme_t scheme;
    server_string_t authority;
    bool has_scheme = wasi_http_types_method_incoming_request_scheme(
        wasi_http_types_borrow_incoming_request(request), &scheme);
    bool has_authority = wasi_http_types_method_incoming_request_authority(
        wasi_http_types_borrow_incoming_request(request), &authority);
    snprintf(text, sizeof text, "%s %.*s\n",
             has_scheme && scheme.tag == WASI_HTTP_TYPES_SCHEME_HTTP ? "http" : "none",
             has_authority ? (int)authority.len : 0, has_authority ? (char*)authority.ptr : "");
    reply(out, 200, text);
  } else if (strcmp(target, "/shout") == 0) {
    for (int i = 0; i < 20000; ++i) printf("%0200d\n", i);
    fflush(stdout);
    reply(out, 200, "shouted\n");
  } else if (strcmp(target, "/loop") == 0) {
    for (volatile int spins = 0;; ++spins) {
    }
  } else if (strcmp(target, "/leak") == 0) {
    for (;;) {
      volatile char* block = malloc(1 << 20);
      if (block == NULL) abort();
      for (int i = 0; i < 1 << 20; i += 4096) block[i] = 1;
    }
  } else if (strcmp(target, "/silent") != 0) {
    reply(out, 404, "not found\n");
  }
  wasi_http_types_incoming_request_drop_own(request);
}

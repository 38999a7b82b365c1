// A component that takes as many resources as it can get. As an HTTP server, the path selects which, such as /bodies.
#include "greedy.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef wasi_filesystem_types_own_descriptor_t descriptor_t;

static greedy_string_t text_of(const char* text) { return (greedy_string_t){(uint8_t*)text, strlen(text)}; }

static uint8_t* megabyte(void) {
  static uint8_t* bytes = NULL;
  if (bytes == NULL) {
    bytes = malloc(1 << 20);
    memset(bytes, 'x', 1 << 20);
  }
  return bytes;
}

static bool take_body(bool keep) {
  wasi_http_types_own_outgoing_response_t response =
      wasi_http_types_constructor_outgoing_response(wasi_http_types_constructor_fields());
  wasi_http_types_own_outgoing_body_t body;
  if (!wasi_http_types_method_outgoing_response_body(wasi_http_types_borrow_outgoing_response(response),
                                                     &body)) {
    return false;
  }
  wasi_http_types_own_output_stream_t stream;
  if (!wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(body), &stream))
    return false;
  for (;;) {
    uint64_t room = 0;
    wasi_io_streams_stream_error_t error;
    if (!wasi_io_streams_method_output_stream_check_write(wasi_io_streams_borrow_output_stream(stream), &room,
                                                          &error)) {
      return false;
    }
    if (room == 0) break;
    greedy_list_u8_t bytes = {megabyte(), room < 1 << 20 ? room : 1 << 20};
    if (!wasi_io_streams_method_output_stream_write(wasi_io_streams_borrow_output_stream(stream), &bytes,
                                                    &error)) {
      return false;
    }
  }
  if (!keep) {
    wasi_io_streams_output_stream_drop_own(stream);
    wasi_http_types_outgoing_body_drop_own(body);
    wasi_http_types_outgoing_response_drop_own(response);
  }
  return true;
}

uint32_t exports_greedy_bodies(uint32_t count) {
  uint32_t got = 0;
  while (got < count && take_body(true)) ++got;
  return got;
}

uint32_t exports_greedy_temporary_bodies(uint32_t count) {
  uint32_t got = 0;
  while (got < count && take_body(false)) ++got;
  return got;
}

uint32_t exports_greedy_fields(uint32_t count) {
  greedy_string_t name = text_of("x-long");
  for (uint32_t got = 0; got < count; ++got) {
    wasi_http_types_own_fields_t fields = wasi_http_types_constructor_fields();
    wasi_http_types_field_value_t value = {megabyte(), 100 << 10};
    wasi_http_types_header_error_t error;
    if (!wasi_http_types_method_fields_append(wasi_http_types_borrow_fields(fields), &name, &value, &error)) {
      return got;
    }
  }
  return count;
}

uint32_t exports_greedy_methods(uint32_t count) {
  for (uint32_t got = 0; got < count; ++got) {
    wasi_http_types_own_outgoing_request_t request =
        wasi_http_types_constructor_outgoing_request(wasi_http_types_constructor_fields());
    wasi_http_types_method_t method = {.tag = WASI_HTTP_TYPES_METHOD_OTHER,
                                       .val = {.other = {megabyte(), 64 << 10}}};
    if (!wasi_http_types_method_outgoing_request_set_method(wasi_http_types_borrow_outgoing_request(request),
                                                            &method)) {
      return got;
    }
  }
  return count;
}

uint32_t exports_greedy_pollables(uint32_t count) {
  for (uint32_t got = 0; got < count; ++got) wasi_clocks_monotonic_clock_subscribe_duration(1);
  return count;
}

static bool first_directory(descriptor_t* directory) {
  wasi_filesystem_preopens_list_tuple2_own_descriptor_string_t found;
  wasi_filesystem_preopens_get_directories(&found);
  if (found.len == 0) return false;
  *directory = found.ptr[0].f0;
  return true;
}

static bool open_file(descriptor_t directory, descriptor_t* file) {
  greedy_string_t path = text_of("file");
  wasi_filesystem_types_error_code_t error;
  return wasi_filesystem_types_method_descriptor_open_at(
      wasi_filesystem_types_borrow_descriptor(directory), 0, &path, 0,
      WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_READ, file, &error);
}

uint32_t exports_greedy_files(uint32_t count) {
  descriptor_t directory, file;
  if (!first_directory(&directory)) return 0;
  uint32_t got = 0;
  while (got < count && open_file(directory, &file)) ++got;
  return got;
}

uint32_t exports_greedy_temporary_files(uint32_t count) {
  descriptor_t directory, file;
  if (!first_directory(&directory)) return 0;
  uint32_t got = 0;
  for (; got < count && open_file(directory, &file); ++got) wasi_filesystem_types_descriptor_drop_own(file);
  return got;
}

uint32_t exports_greedy_streams(uint32_t count) {
  descriptor_t directory, file;
  if (!first_directory(&directory) || !open_file(directory, &file)) return 0;
  for (uint32_t got = 0; got < count; ++got) {
    wasi_filesystem_types_own_input_stream_t stream;
    wasi_filesystem_types_error_code_t error;
    if (!wasi_filesystem_types_method_descriptor_read_via_stream(
            wasi_filesystem_types_borrow_descriptor(file), 0, &stream, &error)) {
      return got;
    }
    greedy_list_u8_t bytes;
    wasi_io_streams_stream_error_t ended;
    wasi_io_streams_method_input_stream_read(wasi_io_streams_borrow_input_stream(stream), 64 << 10, &bytes,
                                             &ended);
  }
  return count;
}

static bool list(descriptor_t directory, wasi_filesystem_types_own_directory_entry_stream_t* entries) {
  wasi_filesystem_types_error_code_t error;
  return wasi_filesystem_types_method_descriptor_read_directory(
      wasi_filesystem_types_borrow_descriptor(directory), entries, &error);
}

uint32_t exports_greedy_listings(uint32_t count) {
  descriptor_t directory;
  wasi_filesystem_types_own_directory_entry_stream_t entries;
  if (!first_directory(&directory)) return 0;
  uint32_t got = 0;
  while (got < count && list(directory, &entries)) ++got;
  return got;
}

uint32_t exports_greedy_temporary_listings(uint32_t count) {
  descriptor_t directory;
  wasi_filesystem_types_own_directory_entry_stream_t entries;
  if (!first_directory(&directory)) return 0;
  uint32_t got = 0;
  for (; got < count && list(directory, &entries); ++got) {
    wasi_filesystem_types_directory_entry_stream_drop_own(entries);
  }
  return got;
}

uint32_t exports_greedy_tcp_sockets(uint32_t count) {
  for (uint32_t got = 0; got < count; ++got) {
    wasi_sockets_tcp_create_socket_own_tcp_socket_t socket;
    wasi_sockets_tcp_create_socket_error_code_t error;
    if (!wasi_sockets_tcp_create_socket_create_tcp_socket(WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4,
                                                          &socket, &error)) {
      return got;
    }
  }
  return count;
}

uint32_t exports_greedy_udp_sockets(uint32_t count) {
  for (uint32_t got = 0; got < count; ++got) {
    wasi_sockets_udp_create_socket_own_udp_socket_t socket;
    wasi_sockets_udp_create_socket_error_code_t error;
    if (!wasi_sockets_udp_create_socket_create_udp_socket(WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4,
                                                          &socket, &error)) {
      return got;
    }
  }
  return count;
}

static bool make_socket(wasi_sockets_tcp_own_tcp_socket_t* socket) {
  wasi_sockets_tcp_create_socket_error_code_t error;
  return wasi_sockets_tcp_create_socket_create_tcp_socket(WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4, socket,
                                                          &error);
}

static void wait_for(wasi_io_poll_own_pollable_t pollable) {
  wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(pollable));
  wasi_io_poll_pollable_drop_own(pollable);
}

uint32_t exports_greedy_connections(uint32_t count, uint16_t port) {
  wasi_sockets_network_own_network_t network = wasi_sockets_instance_network_instance_network();
  wasi_sockets_network_borrow_network_t net = wasi_sockets_network_borrow_network(network);
  wasi_sockets_tcp_error_code_t error;
  wasi_sockets_tcp_own_tcp_socket_t listener;
  wasi_sockets_tcp_ip_socket_address_t address = {
      .tag = WASI_SOCKETS_NETWORK_IP_SOCKET_ADDRESS_IPV4,
      .val = {.ipv4 = {.port = port, .address = {.f0 = 127, .f1 = 0, .f2 = 0, .f3 = 1}}}};
  if (!make_socket(&listener)) return 0;
  wasi_sockets_tcp_borrow_tcp_socket_t at = wasi_sockets_tcp_borrow_tcp_socket(listener);
  if (!wasi_sockets_tcp_method_tcp_socket_start_bind(at, net, &address, &error) ||
      !wasi_sockets_tcp_method_tcp_socket_finish_bind(at, &error) ||
      !wasi_sockets_tcp_method_tcp_socket_start_listen(at, &error) ||
      !wasi_sockets_tcp_method_tcp_socket_finish_listen(at, &error)) {
    return 0;
  }
  for (uint32_t got = 0; got < count; ++got) {
    wasi_sockets_tcp_own_tcp_socket_t client;
    if (!make_socket(&client)) return got;
    wasi_sockets_tcp_borrow_tcp_socket_t own = wasi_sockets_tcp_borrow_tcp_socket(client);
    if (!wasi_sockets_tcp_method_tcp_socket_start_connect(own, net, &address, &error)) return got;
    wait_for(wasi_sockets_tcp_method_tcp_socket_subscribe(own));
    wasi_sockets_tcp_tuple2_own_input_stream_own_output_stream_t streams;
    if (!wasi_sockets_tcp_method_tcp_socket_finish_connect(own, &streams, &error)) return got;
    wait_for(wasi_sockets_tcp_method_tcp_socket_subscribe(at));
    wasi_sockets_tcp_tuple3_own_tcp_socket_own_input_stream_own_output_stream_t accepted;
    if (!wasi_sockets_tcp_method_tcp_socket_accept(at, &accepted, &error)) return got;
    wasi_io_streams_input_stream_drop_own(streams.f0);
    wasi_io_streams_output_stream_drop_own(streams.f1);
    wasi_sockets_tcp_tcp_socket_drop_own(client);
  }
  return count;
}

void exports_wasi_http_incoming_handler_handle(wasi_http_types_own_incoming_request_t request,
                                               wasi_http_types_own_response_outparam_t out) {
  greedy_string_t path = {0};
  wasi_http_types_method_incoming_request_path_with_query(wasi_http_types_borrow_incoming_request(request),
                                                          &path);
  const uint32_t all = 1u << 30;
  if (path.len == 7 && memcmp(path.ptr, "/bodies", 7) == 0) exports_greedy_bodies(all);
  if (path.len == 7 && memcmp(path.ptr, "/fields", 7) == 0) exports_greedy_fields(all);
  if (path.len == 8 && memcmp(path.ptr, "/sockets", 8) == 0) exports_greedy_tcp_sockets(all);
  if (path.len == 6 && memcmp(path.ptr, "/files", 6) == 0) exports_greedy_files(all);
  wasi_http_types_own_outgoing_response_t response =
      wasi_http_types_constructor_outgoing_response(wasi_http_types_constructor_fields());
  wasi_http_types_own_outgoing_body_t body;
  wasi_http_types_method_outgoing_response_body(wasi_http_types_borrow_outgoing_response(response), &body);
  wasi_http_types_result_own_outgoing_response_error_code_t result = {.is_err = false,
                                                                      .val = {.ok = response}};
  wasi_http_types_static_response_outparam_set(out, &result);
  wasi_http_types_error_code_t code;
  wasi_http_types_static_outgoing_body_finish(body, NULL, &code);
}

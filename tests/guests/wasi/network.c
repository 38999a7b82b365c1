// A command whose verbs use the network, the clocks and random numbers. Each prints its result on a line, or
// `error NAME` and exits with 1.

#include "network.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef wasi_sockets_network_error_code_t socket_error_t;
typedef wasi_sockets_network_ip_socket_address_t address_t;
typedef wasi_io_streams_own_input_stream_t input_t;
typedef wasi_io_streams_own_output_stream_t output_t;
typedef wasi_sockets_tcp_own_tcp_socket_t tcp_t;
typedef wasi_sockets_udp_own_udp_socket_t udp_t;

static const char* const kSocketErrors[] = {
    "unknown",
    "access-denied",
    "not-supported",
    "invalid-argument",
    "out-of-memory",
    "timeout",
    "concurrency-conflict",
    "not-in-progress",
    "would-block",
    "invalid-state",
    "new-socket-limit",
    "address-not-bindable",
    "address-in-use",
    "remote-unreachable",
    "connection-refused",
    "connection-reset",
    "connection-aborted",
    "datagram-too-large",
    "name-unresolvable",
    "temporary-resolver-failure",
    "permanent-resolver-failure",
};

static const char* const kHttpErrors[] = {
    "DNS-timeout",
    "DNS-error",
    "destination-not-found",
    "destination-unavailable",
    "destination-IP-prohibited",
    "destination-IP-unroutable",
    "connection-refused",
    "connection-terminated",
    "connection-timeout",
    "connection-read-timeout",
    "connection-write-timeout",
    "connection-limit-reached",
    "TLS-protocol-error",
    "TLS-certificate-error",
    "TLS-alert-received",
    "HTTP-request-denied",
    "HTTP-request-length-required",
    "HTTP-request-body-size",
    "HTTP-request-method-invalid",
    "HTTP-request-URI-invalid",
    "HTTP-request-URI-too-long",
    "HTTP-request-header-section-size",
    "HTTP-request-header-size",
    "HTTP-request-trailer-section-size",
    "HTTP-request-trailer-size",
    "HTTP-response-incomplete",
    "HTTP-response-header-section-size",
    "HTTP-response-header-size",
    "HTTP-response-body-size",
    "HTTP-response-trailer-section-size",
    "HTTP-response-trailer-size",
    "HTTP-response-transfer-coding",
    "HTTP-response-content-coding",
    "HTTP-response-timeout",
    "HTTP-upgrade-failed",
    "HTTP-protocol-error",
    "loop-detected",
    "configuration-error",
    "internal-error",
};

_Static_assert(sizeof kSocketErrors / sizeof *kSocketErrors ==
                   WASI_SOCKETS_NETWORK_ERROR_CODE_PERMANENT_RESOLVER_FAILURE + 1,
               "every error needs a name");
_Static_assert(sizeof kHttpErrors / sizeof *kHttpErrors == WASI_HTTP_TYPES_ERROR_CODE_INTERNAL_ERROR + 1,
               "every error needs a name");

static _Noreturn void fail(const char* name) {
  printf("error %s\n", name);
  exit(1);
}

static void check(bool worked, socket_error_t error) {
  if (!worked) fail(kSocketErrors[error]);
}

static void wait_for(wasi_io_poll_own_pollable_t pollable) {
  wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(pollable));
  wasi_io_poll_pollable_drop_own(pollable);
}

static network_string_t text_of(const char* text) { return (network_string_t){(uint8_t*)text, strlen(text)}; }

static network_list_u8_t bytes_of(const char* text) {
  return (network_list_u8_t){(uint8_t*)text, strlen(text)};
}

static wasi_sockets_network_borrow_network_t network(void) {
  static wasi_sockets_network_own_network_t own;
  static bool made = false;
  if (!made) own = wasi_sockets_instance_network_instance_network();
  made = true;
  return wasi_sockets_network_borrow_network(own);
}

// Parses ADDRESS:PORT or [ADDRESS]:PORT.
static address_t read_address(const char* text) {
  char host[64];
  const char* colon = strrchr(text, ':');
  bool bracketed = text[0] == '[';
  if (colon == NULL || colon - text < 2 * bracketed || colon - text >= (long)sizeof host) fail("no-address");
  snprintf(host, sizeof host, "%.*s", (int)(colon - text - 2 * bracketed), text + bracketed);
  uint8_t bytes[16];
  address_t address = {0};
  uint16_t port = (uint16_t)atoi(colon + 1);
  if (bracketed) {
    if (inet_pton(AF_INET6, host, bytes) != 1) fail("no-address");
    address.tag = WASI_SOCKETS_NETWORK_IP_SOCKET_ADDRESS_IPV6;
    address.val.ipv6.port = port;
    uint16_t words[8];
    for (int i = 0; i < 8; ++i) words[i] = (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    memcpy(&address.val.ipv6.address, words, sizeof words);
  } else {
    if (inet_pton(AF_INET, host, bytes) != 1) fail("no-address");
    address.tag = WASI_SOCKETS_NETWORK_IP_SOCKET_ADDRESS_IPV4;
    address.val.ipv4.port = port;
    memcpy(&address.val.ipv4.address, bytes, 4);
  }
  return address;
}

static uint16_t port_of(const address_t* address) {
  return address->tag == WASI_SOCKETS_NETWORK_IP_SOCKET_ADDRESS_IPV6 ? address->val.ipv6.port
                                                                     : address->val.ipv4.port;
}

static void print_ip(const wasi_sockets_network_ip_address_t* address) {
  char text[INET6_ADDRSTRLEN] = "";
  uint8_t bytes[16];
  bool six = address->tag == WASI_SOCKETS_NETWORK_IP_ADDRESS_IPV6;
  if (six) {
    uint16_t words[8];
    memcpy(words, &address->val.ipv6, sizeof words);
    for (int i = 0; i < 8; ++i) {
      bytes[2 * i] = (uint8_t)(words[i] >> 8);
      bytes[2 * i + 1] = (uint8_t)words[i];
    }
  } else {
    memcpy(bytes, &address->val.ipv4, 4);
  }
  inet_ntop(six ? AF_INET6 : AF_INET, bytes, text, sizeof text);
  printf("%s", text);
}

// Flushes the line, because the next operation blocks.
static void say_port(const address_t* address) {
  printf("port %d\n", port_of(address));
  fflush(stdout);
}

static void send_all(output_t stream, const char* text) {
  network_list_u8_t bytes = bytes_of(text);
  wasi_io_streams_stream_error_t error;
  if (!wasi_io_streams_method_output_stream_blocking_write_and_flush(
          wasi_io_streams_borrow_output_stream(stream), &bytes, &error)) {
    fail("write");
  }
}

// Prints the stream to its end.
static void print_all(input_t stream) {
  for (;;) {
    network_list_u8_t bytes;
    wasi_io_streams_stream_error_t error;
    if (!wasi_io_streams_method_input_stream_blocking_read(wasi_io_streams_borrow_input_stream(stream), 4096,
                                                           &bytes, &error)) {
      if (error.tag != WASI_IO_STREAMS_STREAM_ERROR_CLOSED) fail("read");
      break;
    }
    fwrite(bytes.ptr, 1, bytes.len, stdout);
    network_list_u8_free(&bytes);
  }
  putchar('\n');
}

static tcp_t make_tcp(const address_t* address) {
  tcp_t socket;
  socket_error_t error;
  check(wasi_sockets_tcp_create_socket_create_tcp_socket(address->tag, &socket, &error), error);
  return socket;
}

static void wait_for_tcp(tcp_t socket) {
  wait_for(wasi_sockets_tcp_method_tcp_socket_subscribe(wasi_sockets_tcp_borrow_tcp_socket(socket)));
}

static void bind_tcp(tcp_t socket, address_t* address) {
  wasi_sockets_tcp_borrow_tcp_socket_t borrowed = wasi_sockets_tcp_borrow_tcp_socket(socket);
  socket_error_t error;
  check(wasi_sockets_tcp_method_tcp_socket_start_bind(borrowed, network(), address, &error), error);
  wait_for_tcp(socket);
  check(wasi_sockets_tcp_method_tcp_socket_finish_bind(borrowed, &error), error);
}

static void tcp(const char* where, const char* text) {
  address_t address = read_address(where);
  tcp_t socket = make_tcp(&address);
  wasi_sockets_tcp_borrow_tcp_socket_t borrowed = wasi_sockets_tcp_borrow_tcp_socket(socket);
  socket_error_t error;
  check(wasi_sockets_tcp_method_tcp_socket_start_connect(borrowed, network(), &address, &error), error);
  wasi_sockets_tcp_tuple2_own_input_stream_own_output_stream_t streams;
  for (;;) {
    wait_for_tcp(socket);
    if (wasi_sockets_tcp_method_tcp_socket_finish_connect(borrowed, &streams, &error)) break;
    if (error != WASI_SOCKETS_NETWORK_ERROR_CODE_WOULD_BLOCK) check(false, error);
  }
  send_all(streams.f1, text);
  check(wasi_sockets_tcp_method_tcp_socket_shutdown(borrowed, WASI_SOCKETS_TCP_SHUTDOWN_TYPE_SEND, &error),
        error);
  print_all(streams.f0);
}

// Accepts one connection, sends the text, and prints what it receives.
static void listen_tcp(const char* where, const char* text) {
  address_t address = read_address(where);
  tcp_t socket = make_tcp(&address);
  bind_tcp(socket, &address);
  wasi_sockets_tcp_borrow_tcp_socket_t borrowed = wasi_sockets_tcp_borrow_tcp_socket(socket);
  socket_error_t error;
  check(wasi_sockets_tcp_method_tcp_socket_start_listen(borrowed, &error), error);
  wait_for_tcp(socket);
  check(wasi_sockets_tcp_method_tcp_socket_finish_listen(borrowed, &error), error);
  check(wasi_sockets_tcp_method_tcp_socket_local_address(borrowed, &address, &error), error);
  say_port(&address);
  wasi_sockets_tcp_tuple3_own_tcp_socket_own_input_stream_own_output_stream_t accepted;
  for (;;) {
    wait_for_tcp(socket);
    if (wasi_sockets_tcp_method_tcp_socket_accept(borrowed, &accepted, &error)) break;
    if (error != WASI_SOCKETS_NETWORK_ERROR_CODE_WOULD_BLOCK) check(false, error);
  }
  send_all(accepted.f2, text);
  check(wasi_sockets_tcp_method_tcp_socket_shutdown(wasi_sockets_tcp_borrow_tcp_socket(accepted.f0),
                                                    WASI_SOCKETS_TCP_SHUTDOWN_TYPE_SEND, &error),
        error);
  print_all(accepted.f1);
}

// A UDP socket and its streams.
struct udp {
  udp_t socket;
  wasi_sockets_udp_tuple2_own_incoming_datagram_stream_own_outgoing_datagram_stream_t streams;
};

static struct udp open_udp(address_t* local, address_t* remote) {
  struct udp udp;
  socket_error_t error;
  check(wasi_sockets_udp_create_socket_create_udp_socket(local->tag, &udp.socket, &error), error);
  wasi_sockets_udp_borrow_udp_socket_t borrowed = wasi_sockets_udp_borrow_udp_socket(udp.socket);
  check(wasi_sockets_udp_method_udp_socket_start_bind(borrowed, network(), local, &error), error);
  wait_for(wasi_sockets_udp_method_udp_socket_subscribe(borrowed));
  check(wasi_sockets_udp_method_udp_socket_finish_bind(borrowed, &error), error);
  check(wasi_sockets_udp_method_udp_socket_stream(borrowed, remote, &udp.streams, &error), error);
  return udp;
}

static void send_datagram(struct udp* udp, const char* text, const address_t* to) {
  wasi_sockets_udp_borrow_outgoing_datagram_stream_t stream =
      wasi_sockets_udp_borrow_outgoing_datagram_stream(udp->streams.f1);
  socket_error_t error;
  uint64_t count = 0;
  for (;;) {
    check(wasi_sockets_udp_method_outgoing_datagram_stream_check_send(stream, &count, &error), error);
    if (count > 0) break;
    wait_for(wasi_sockets_udp_method_outgoing_datagram_stream_subscribe(stream));
  }
  wasi_sockets_udp_outgoing_datagram_t datagram = {.data = bytes_of(text)};
  datagram.remote_address.is_some = to != NULL;
  if (to != NULL) datagram.remote_address.val = *to;
  wasi_sockets_udp_list_outgoing_datagram_t list = {&datagram, 1};
  check(wasi_sockets_udp_method_outgoing_datagram_stream_send(stream, &list, &count, &error), error);
  if (count != 1) fail("not-sent");
}

static address_t print_datagram(struct udp* udp) {
  wasi_sockets_udp_borrow_incoming_datagram_stream_t stream =
      wasi_sockets_udp_borrow_incoming_datagram_stream(udp->streams.f0);
  for (;;) {
    wait_for(wasi_sockets_udp_method_incoming_datagram_stream_subscribe(stream));
    wasi_sockets_udp_list_incoming_datagram_t list;
    socket_error_t error;
    check(wasi_sockets_udp_method_incoming_datagram_stream_receive(stream, 1, &list, &error), error);
    if (list.len == 0) continue;
    printf("%.*s\n", (int)list.ptr[0].data.len, (char*)list.ptr[0].data.ptr);
    return list.ptr[0].remote_address;
  }
}

// Sends a datagram, on a connected socket or with an address on the datagram, and prints the reply.
static void udp(const char* where, const char* text, bool connected) {
  address_t remote = read_address(where);
  address_t any = {.tag = remote.tag};
  struct udp udp = open_udp(&any, connected ? &remote : NULL);
  send_datagram(&udp, text, connected ? NULL : &remote);
  print_datagram(&udp);
}

static void make_sockets(void) {
  tcp_t tcp;
  udp_t udp;
  socket_error_t error;
  check(wasi_sockets_tcp_create_socket_create_tcp_socket(0, &tcp, &error), error);
  check(wasi_sockets_udp_create_socket_create_udp_socket(0, &udp, &error), error);
  printf("made\n");
}

// Prints one datagram and replies to it.
static void listen_udp(const char* where, const char* text) {
  address_t address = read_address(where);
  struct udp udp = open_udp(&address, NULL);
  socket_error_t error;
  check(wasi_sockets_udp_method_udp_socket_local_address(wasi_sockets_udp_borrow_udp_socket(udp.socket),
                                                         &address, &error),
        error);
  say_port(&address);
  address_t from = print_datagram(&udp);
  send_datagram(&udp, text, &from);
}

static void lookup(const char* name) {
  network_string_t text = text_of(name);
  wasi_sockets_ip_name_lookup_own_resolve_address_stream_t stream;
  socket_error_t error;
  check(wasi_sockets_ip_name_lookup_resolve_addresses(network(), &text, &stream, &error), error);
  wasi_sockets_ip_name_lookup_borrow_resolve_address_stream_t borrowed =
      wasi_sockets_ip_name_lookup_borrow_resolve_address_stream(stream);
  for (int count = 0;;) {
    wait_for(wasi_sockets_ip_name_lookup_method_resolve_address_stream_subscribe(borrowed));
    wasi_sockets_ip_name_lookup_option_ip_address_t found;
    if (!wasi_sockets_ip_name_lookup_method_resolve_address_stream_resolve_next_address(borrowed, &found,
                                                                                        &error)) {
      if (error == WASI_SOCKETS_NETWORK_ERROR_CODE_WOULD_BLOCK) continue;
      check(false, error);
    }
    if (!found.is_some) break;
    if (count++ > 0) putchar(' ');
    print_ip(&found.val);
  }
  putchar('\n');
}

static void check_http(bool worked, const wasi_http_types_error_code_t* error) {
  if (!worked) fail(kHttpErrors[error->tag]);
}

static wasi_http_types_method_t read_method(const char* name) {
  static const char* const names[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                      "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  wasi_http_types_method_t method = {.tag = 0};
  for (; method.tag < WASI_HTTP_TYPES_METHOD_OTHER; ++method.tag) {
    if (strcmp(name, names[method.tag]) == 0) return method;
  }
  method.val.other = text_of(name);
  return method;
}

static void http(const char* method_name, const char* url) {
  const char* authority = strstr(url, "://");
  if (authority == NULL) fail("no-URL");
  authority += 3;
  size_t length = strcspn(authority, "/");
  wasi_http_types_own_outgoing_request_t request =
      wasi_http_types_constructor_outgoing_request(wasi_http_types_constructor_fields());
  wasi_http_types_borrow_outgoing_request_t borrowed = wasi_http_types_borrow_outgoing_request(request);
  wasi_http_types_method_t method = read_method(method_name);
  wasi_http_types_scheme_t scheme = {.tag = strncmp(url, "https:", 6) == 0 ? WASI_HTTP_TYPES_SCHEME_HTTPS
                                                                           : WASI_HTTP_TYPES_SCHEME_HTTP};
  network_string_t host = {(uint8_t*)authority, length};
  network_string_t path = text_of(authority[length] == '\0' ? "/" : authority + length);
  if (!wasi_http_types_method_outgoing_request_set_method(borrowed, &method) ||
      !wasi_http_types_method_outgoing_request_set_scheme(borrowed, &scheme) ||
      !wasi_http_types_method_outgoing_request_set_authority(borrowed, &host) ||
      !wasi_http_types_method_outgoing_request_set_path_with_query(borrowed, &path)) {
    fail("no-URL");
  }
  wasi_http_outgoing_handler_own_future_incoming_response_t future;
  wasi_http_types_error_code_t error;
  check_http(wasi_http_outgoing_handler_handle(request, NULL, &future, &error), &error);
  wasi_http_types_borrow_future_incoming_response_t waiting =
      wasi_http_types_borrow_future_incoming_response(future);
  wait_for(wasi_http_types_method_future_incoming_response_subscribe(waiting));
  wasi_http_types_result_result_own_incoming_response_error_code_void_t result;
  if (!wasi_http_types_method_future_incoming_response_get(waiting, &result) || result.is_err)
    fail("no-response");
  check_http(!result.val.ok.is_err, &result.val.ok.val.err);
  wasi_http_types_borrow_incoming_response_t response =
      wasi_http_types_borrow_incoming_response(result.val.ok.val.ok);
  printf("status %d\n", wasi_http_types_method_incoming_response_status(response));
}

static void print_hex(const network_list_u8_t* bytes) {
  for (size_t i = 0; i < bytes->len; ++i) printf("%02x", bytes->ptr[i]);
  putchar('\n');
}

int main(int argc, char** argv) {
  const char* verb = argc > 1 ? argv[1] : "";
  const char* first = argc > 2 ? argv[2] : "";
  const char* second = argc > 3 ? argv[3] : "";
  network_list_u8_t bytes;
  if (strcmp(verb, "tcp") == 0) {
    tcp(first, second);
  } else if (strcmp(verb, "listen-tcp") == 0) {
    listen_tcp(first, second);
  } else if (strcmp(verb, "udp") == 0) {
    udp(first, second, false);
  } else if (strcmp(verb, "connected-udp") == 0) {
    udp(first, second, true);
  } else if (strcmp(verb, "listen-udp") == 0) {
    listen_udp(first, second);
  } else if (strcmp(verb, "make-sockets") == 0) {
    make_sockets();
  } else if (strcmp(verb, "lookup") == 0) {
    lookup(first);
  } else if (strcmp(verb, "http") == 0) {
    http(first, second);
  } else if (strcmp(verb, "wall") == 0) {
    wasi_clocks_wall_clock_datetime_t now;
    wasi_clocks_wall_clock_now(&now);
    printf("%llu.%09u\n", (unsigned long long)now.seconds, now.nanoseconds);
  } else if (strcmp(verb, "monotonic") == 0) {
    printf("%llu\n", (unsigned long long)wasi_clocks_monotonic_clock_now());
  } else if (strcmp(verb, "random") == 0) {
    wasi_random_random_get_random_bytes(16, &bytes);
    print_hex(&bytes);
  } else if (strcmp(verb, "insecure-random") == 0) {
    wasi_random_insecure_get_insecure_random_bytes(16, &bytes);
    print_hex(&bytes);
  } else if (strcmp(verb, "insecure-seed") == 0) {
    network_tuple2_u64_u64_t seed;
    wasi_random_insecure_seed_insecure_seed(&seed);
    printf("%016llx%016llx\n", (unsigned long long)seed.f0, (unsigned long long)seed.f1);
  } else {
    fprintf(stderr, "network: unknown verb '%s'\n", verb);
    return 1;
  }
  return 0;
}

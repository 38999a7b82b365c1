// Exports one function for each use of WASI; see guest.wit.
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wasi/libc-environ.h>

#include "wasi_guest.h"

// Returns a C string with a copy of `text`, and frees `text`.
static char* take(wasi_guest_string_t* text) {
  char* copy = malloc(text->len + 1);
  memcpy(copy, text->ptr, text->len);
  copy[text->len] = '\0';
  wasi_guest_string_free(text);
  return copy;
}

static void print_to(FILE* stream, wasi_guest_string_t* text) {
  fwrite(text->ptr, 1, text->len, stream);
  fflush(stream);
  wasi_guest_string_free(text);
}

void exports_wasi_guest_print(wasi_guest_string_t* text) { print_to(stdout, text); }

void exports_wasi_guest_print_error(wasi_guest_string_t* text) { print_to(stderr, text); }

uint32_t exports_wasi_guest_flood(uint32_t chunks) {
  static char chunk[4096];
  memset(chunk, '.', sizeof chunk);
  uint32_t taken = 0;
  for (uint32_t i = 0; i < chunks; ++i) {
    const ssize_t count = write(STDOUT_FILENO, chunk, sizeof chunk);
    if (count <= 0) break;
    taken += (uint32_t)count;
  }
  return taken;
}

uint32_t exports_wasi_guest_read_input(void) {
  char buffer[64];
  uint32_t total = 0;
  for (;;) {
    const ssize_t count = read(STDIN_FILENO, buffer, sizeof buffer);
    if (count <= 0) return total;
    total += (uint32_t)count;
  }
}

static void wait_for(uint32_t milliseconds) {
  const struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L};
  nanosleep(&time, NULL);
}

void exports_wasi_guest_sleep(uint32_t milliseconds) { wait_for(milliseconds); }

void exports_wasi_guest_poll(uint32_t milliseconds) {
  struct pollfd nothing = {.fd = STDIN_FILENO, .events = 0};
  poll(&nothing, 0, (int)milliseconds);
}

uint32_t exports_wasi_guest_sleep_around_note(uint32_t milliseconds, uint32_t number) {
  wait_for(milliseconds);
  const uint32_t result = test_wasi_host_note(number);
  wait_for(milliseconds);
  return result;
}

bool exports_wasi_guest_environment(wasi_guest_string_t* name, wasi_guest_string_t* ret) {
  char* variable = take(name);
  const char* value = getenv(variable);
  free(variable);
  if (value == NULL) return false;
  wasi_guest_string_dup(ret, value);
  return true;
}

uint32_t exports_wasi_guest_environment_size(void) {
  uint32_t count = 0;
  for (char** variable = __wasilibc_get_environ(); *variable != NULL; ++variable) ++count;
  return count;
}

int32_t exports_wasi_guest_open(wasi_guest_string_t* path, wasi_guest_string_t* mode) {
  char* file_path = take(path);
  char* file_mode = take(mode);
  FILE* file = fopen(file_path, file_mode);
  const int error = file == NULL ? errno : 0;
  if (file != NULL) fclose(file);
  free(file_path);
  free(file_mode);
  return error;
}

int32_t exports_wasi_guest_make_directory(wasi_guest_string_t* path) {
  char* directory = take(path);
  const int error = mkdir(directory, 0700) == 0 ? 0 : errno;
  free(directory);
  return error;
}

bool exports_wasi_guest_resolve(wasi_guest_string_t* name, uint8_t* ret) {
  const wasi_sockets_network_own_network_t network = wasi_sockets_instance_network_instance_network();
  wasi_sockets_ip_name_lookup_own_resolve_address_stream_t stream;
  wasi_sockets_ip_name_lookup_option_ip_address_t address;
  bool found = wasi_sockets_ip_name_lookup_resolve_addresses(wasi_sockets_network_borrow_network(network),
                                                             name, &stream, ret);
  // The result arrives with the first address, which may not be ready at once.
  while (found) {
    found = wasi_sockets_ip_name_lookup_method_resolve_address_stream_resolve_next_address(
        wasi_sockets_ip_name_lookup_borrow_resolve_address_stream(stream), &address, ret);
    if (found || *ret != WASI_SOCKETS_NETWORK_ERROR_CODE_WOULD_BLOCK) break;
    wait_for(1);
    found = true;
  }
  wasi_guest_string_free(name);
  return !found;
}

bool exports_wasi_guest_make_socket(uint8_t* ret) {
  wasi_sockets_tcp_create_socket_own_tcp_socket_t socket;
  return !wasi_sockets_tcp_create_socket_create_tcp_socket(WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4,
                                                           &socket, ret);
}

void exports_wasi_guest_exit(int32_t status) { exit(status); }

void exports_wasi_guest_fail(wasi_guest_string_t* reason) {
  print_to(stderr, reason);
  abort();
}

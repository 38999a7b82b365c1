// A WASI 0.3 command, with asynchronous waits and stream output. Its arguments select what it does.

#include "command.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef wasi_cli_stdin_stream_u8_t stream_t;
typedef wasi_cli_stdin_stream_u8_writer_t writer_t;
typedef wasi_cli_stdout_future_result_void_error_code_t future_t;

// Returns `status`, or, if the operation is blocked, its status after waiting for it.
static uint32_t wait_for(uint32_t waitable, uint32_t status) {
  if (status != COMMAND_WAITABLE_STATUS_BLOCKED) return status;
  command_waitable_set_t set = command_waitable_set_new();
  command_waitable_join(waitable, set);
  command_event_t event;
  command_waitable_set_wait(set, &event);
  command_waitable_join(waitable, 0);
  command_waitable_set_drop(set);
  return event.code;
}

// Returns false if the reader is gone.
static bool write_all(writer_t writer, const uint8_t* bytes, size_t size) {
  while (size > 0) {
    uint32_t status = wait_for(writer, wasi_cli_stdin_stream_u8_write(writer, bytes, size));
    bytes += COMMAND_WAITABLE_COUNT(status);
    size -= COMMAND_WAITABLE_COUNT(status);
    if (COMMAND_WAITABLE_STATE(status) != COMMAND_WAITABLE_COMPLETED) return size == 0;
  }
  return true;
}

// An output stream and the future of its result.
struct output {
  writer_t writer;
  future_t ended;
};

static struct output open_output(void) {
  struct output output;
  output.ended = wasi_cli_stdout_write_via_stream(wasi_cli_stdin_stream_u8_new(&output.writer));
  return output;
}

static bool close_output(struct output output) {
  wasi_cli_stdin_stream_u8_drop_writable(output.writer);
  wasi_cli_stdout_result_void_error_code_t result;
  wait_for(output.ended, wasi_cli_stdout_future_result_void_error_code_read(output.ended, &result));
  wasi_cli_stdout_future_result_void_error_code_drop_readable(output.ended);
  return !result.is_err;
}

static bool print(const char* text) {
  struct output output = open_output();
  bool written = write_all(output.writer, (const uint8_t*)text, strlen(text));
  return close_output(output) && written;
}

static bool print_error(const char* text) {
  writer_t writer;
  wasi_cli_stderr_future_result_void_error_code_t ended =
      wasi_cli_stderr_write_via_stream(wasi_cli_stdin_stream_u8_new(&writer));
  bool written = write_all(writer, (const uint8_t*)text, strlen(text));
  wasi_cli_stdin_stream_u8_drop_writable(writer);
  wasi_cli_stderr_result_void_error_code_t result;
  wait_for(ended, wasi_cli_stderr_future_result_void_error_code_read(ended, &result));
  wasi_cli_stderr_future_result_void_error_code_drop_readable(ended);
  return !result.is_err && written;
}

// Copies the input to the output as it arrives.
static bool copy_input(void) {
  wasi_cli_stdin_tuple2_stream_u8_future_result_void_error_code_t input;
  wasi_cli_stdin_read_via_stream(&input);
  struct output output = open_output();
  static uint8_t buffer[4096];
  for (;;) {
    uint32_t status = wait_for(input.f0, wasi_cli_stdin_stream_u8_read(input.f0, buffer, sizeof buffer));
    if (!write_all(output.writer, buffer, COMMAND_WAITABLE_COUNT(status))) break;
    if (COMMAND_WAITABLE_STATE(status) != COMMAND_WAITABLE_COMPLETED) break;
  }
  wasi_cli_stdin_stream_u8_drop_readable(input.f0);
  wasi_cli_stdin_result_void_error_code_t result;
  wait_for(input.f1, wasi_cli_stdin_future_result_void_error_code_read(input.f1, &result));
  wasi_cli_stdin_future_result_void_error_code_drop_readable(input.f1);
  return close_output(output) && !result.is_err;
}

static bool print_environment(void) {
  command_list_tuple2_string_string_t variables;
  wasi_cli_environment_get_environment(&variables);
  bool written = true;
  for (size_t i = 0; i < variables.len; ++i) {
    char line[256];
    snprintf(line, sizeof line, "%.*s=%.*s\n", (int)variables.ptr[i].f0.len, (char*)variables.ptr[i].f0.ptr,
             (int)variables.ptr[i].f1.len, (char*)variables.ptr[i].f1.ptr);
    written = print(line) && written;
  }
  return written;
}

// Waits until an imported function returns.
static void wait_until_returned(command_subtask_status_t status) {
  if (COMMAND_SUBTASK_STATE(status) == COMMAND_SUBTASK_RETURNED) return;
  wait_for(COMMAND_SUBTASK_HANDLE(status), COMMAND_WAITABLE_STATUS_BLOCKED);
  command_subtask_drop(COMMAND_SUBTASK_HANDLE(status));
}

// Opens or creates a path in the guest's first directory.
static bool open_path(const char* path, bool create) {
  wasi_filesystem_preopens_list_tuple2_own_descriptor_string_t directories;
  wasi_filesystem_preopens_get_directories(&directories);
  if (directories.len == 0) return print("no directory\n") && false;
  wasi_filesystem_types_method_descriptor_open_at_args_t open = {
      .self = wasi_filesystem_types_borrow_descriptor(directories.ptr[0].f0),
      .path = {.ptr = (uint8_t*)path, .len = strlen(path)},
      .open_flags = create ? WASI_FILESYSTEM_TYPES_OPEN_FLAGS_CREATE : 0,
      .flags = create ? WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_WRITE
                      : WASI_FILESYSTEM_TYPES_DESCRIPTOR_FLAGS_READ};
  wasi_filesystem_types_result_own_descriptor_error_code_t result;
  wait_until_returned(wasi_filesystem_types_method_descriptor_open_at(&open, &result));
  if (!result.is_err) return print("opened\n");
  print(result.val.err.tag == WASI_FILESYSTEM_TYPES_ERROR_CODE_NOT_PERMITTED ? "denied\n" : "failed\n");
  return false;
}

// Connects to A.B.C.D:PORT.
static bool connect_to(const char* where) {
  unsigned parts[4] = {0}, port = 0;
  if (sscanf(where, "%u.%u.%u.%u:%u", &parts[0], &parts[1], &parts[2], &parts[3], &port) != 5) return false;
  wasi_sockets_types_own_tcp_socket_t socket;
  wasi_sockets_types_error_code_t error;
  if (!wasi_sockets_types_static_tcp_socket_create(WASI_SOCKETS_TYPES_IP_ADDRESS_FAMILY_IPV4, &socket,
                                                   &error)) {
    print("no socket\n");
    return false;
  }
  wasi_sockets_types_method_tcp_socket_connect_args_t to = {
      .self = wasi_sockets_types_borrow_tcp_socket(socket),
      .remote_address = {.tag = WASI_SOCKETS_TYPES_IP_SOCKET_ADDRESS_IPV4}};
  to.remote_address.val.ipv4.port = (uint16_t)port;
  uint8_t bytes[4] = {(uint8_t)parts[0], (uint8_t)parts[1], (uint8_t)parts[2], (uint8_t)parts[3]};
  memcpy(&to.remote_address.val.ipv4.address, bytes, sizeof bytes);
  wasi_sockets_types_result_void_error_code_t result;
  wait_until_returned(wasi_sockets_types_method_tcp_socket_connect(&to, &result));
  wasi_sockets_types_tcp_socket_drop_own(socket);
  if (!result.is_err) return print("connected\n");
  print(result.val.err.tag == WASI_SOCKETS_TYPES_ERROR_CODE_ACCESS_DENIED ? "denied\n" : "failed\n");
  return false;
}

static command_callback_code_t finish(bool worked) {
  exports_wasi_cli_run_run_return((exports_wasi_cli_run_result_void_void_t){.is_err = !worked});
  return COMMAND_CALLBACK_CODE_EXIT;
}

static bool print_time(void) {
  wasi_clocks_system_clock_instant_t now;
  wasi_clocks_system_clock_now(&now);
  char line[64];
  snprintf(line, sizeof line, "%lld %llu\n", (long long)now.seconds,
           (unsigned long long)wasi_clocks_monotonic_clock_now());
  return print(line);
}

static bool print_random(void) {
  command_tuple2_u64_u64_t seed;
  wasi_random_insecure_seed_get_insecure_seed(&seed);
  char line[128];
  snprintf(line, sizeof line, "%016llx %016llx %016llx%016llx\n",
           (unsigned long long)wasi_random_random_get_random_u64(),
           (unsigned long long)wasi_random_insecure_get_insecure_random_u64(), (unsigned long long)seed.f0,
           (unsigned long long)seed.f1);
  return print(line);
}

// Sleeps: the host waits and calls back.
static command_callback_code_t sleep_for(uint64_t milliseconds) {
  command_subtask_status_t status = wasi_clocks_monotonic_clock_wait_for(milliseconds * 1000000);
  if (COMMAND_SUBTASK_STATE(status) == COMMAND_SUBTASK_RETURNED) return finish(print("slept\n"));
  command_waitable_set_t set = command_waitable_set_new();
  command_waitable_join(COMMAND_SUBTASK_HANDLE(status), set);
  return COMMAND_CALLBACK_CODE_WAIT(set);
}

command_callback_code_t exports_wasi_cli_run_run_callback(command_event_t* event) {
  if (event->event != COMMAND_EVENT_SUBTASK || event->code != COMMAND_SUBTASK_RETURNED) abort();
  command_subtask_drop(event->waitable);
  return finish(print("slept\n"));
}

command_callback_code_t exports_wasi_cli_run_run(void) {
  command_list_string_t arguments;
  wasi_cli_environment_get_arguments(&arguments);
  char words[2][256] = {"", ""};
  for (size_t i = 0; i < 2 && i + 1 < arguments.len; ++i) {
    snprintf(words[i], sizeof words[i], "%.*s", (int)arguments.ptr[i + 1].len,
             (char*)arguments.ptr[i + 1].ptr);
  }
  const char *verb = words[0], *what = words[1];
  if (strcmp(verb, "print") == 0) return finish(print(what) && print("\n"));
  if (strcmp(verb, "print-error") == 0) return finish(print_error(what));
  if (strcmp(verb, "input") == 0) return finish(copy_input());
  if (strcmp(verb, "environment") == 0) return finish(print_environment());
  if (strcmp(verb, "time") == 0) return finish(print_time());
  if (strcmp(verb, "random") == 0) return finish(print_random());
  if (strcmp(verb, "connect") == 0) return finish(connect_to(what));
  if (strcmp(verb, "open") == 0) return finish(open_path(what, false));
  if (strcmp(verb, "create") == 0) return finish(open_path(what, true));
  if (strcmp(verb, "sleep") == 0) return sleep_for((uint64_t)atoll(what));
  if (strcmp(verb, "exit") == 0) wasi_cli_exit_exit_with_code((uint8_t)atoi(what));
  if (strcmp(verb, "trap") == 0) __builtin_trap();
  if (strcmp(verb, "spin") == 0) {
    for (volatile unsigned turn = 0;; ++turn) {
    }
  }
  // Reads a stream that is never written and never closed.
  if (strcmp(verb, "wait") == 0) {
    writer_t writer;
    stream_t stream = wasi_cli_stdin_stream_u8_new(&writer);
    command_waitable_set_t set = command_waitable_set_new();
    uint8_t byte;
    wasi_cli_stdin_stream_u8_read(stream, &byte, 1);
    command_waitable_join(stream, set);
    return COMMAND_CALLBACK_CODE_WAIT(set);
  }
  return finish(false);
}

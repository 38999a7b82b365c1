/// What a guest may access through WASI: 0.2 and 0.3, and preview 1 for core modules. Everything that is not allowed
/// here is denied. See docs/sandbox.md.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tairitsu {

/// Where a guest's output stream goes.
enum class Output : std::uint8_t {
  discard,  ///< Nowhere.
  inherit,  ///< To the process's own stream.
  capture,  ///< Into memory: see `Container::standard_output` and `standard_error`.
  lines,    ///< To `WasiOptions::on_output_line` and `on_error_line`.
  file,     ///< Appended to `WasiOptions::output_file` and `error_file`, which are created if missing.
};

/// Where a guest's standard input comes from.
enum class Input : std::uint8_t {
  empty,    ///< Nowhere: the guest reads the end of the stream.
  inherit,  ///< From the process's own; only one guest at a time should read it.
  text,     ///< From `WasiOptions::input_text`.
  file,     ///< From `WasiOptions::input_file`.
};

/// A host directory that is mounted in a guest, with everything below it. Neither `..` nor a symbolic link leads out of
/// it.
struct WasiDirectory {
  std::filesystem::path host = {};
  std::string guest = {};  ///< The path in the guest, e.g. `/data`.
  bool read_only = false;
};

/// An access that a guest was denied.
struct WasiDenial {
  enum class Kind : std::uint8_t {
    connect,  ///< Connecting a socket, or sending with it: see `WasiOptions::connect`.
    bind,     ///< Listening on a socket: see `WasiOptions::bind`.
    request,  ///< Sending an HTTP request: see `WasiOptions::http`.
    lookup,   ///< Looking up a name: see `WasiOptions::name_lookup`.
    path,     ///< Using a path outside the directories, or changing something in a read-only one.
  };
  Kind kind;
  /// The narrowest rule that would have allowed the access; for a lookup the name, for a path the guest's name for it.
  /// It may contain the guest's text: quote it before it reaches a terminal or a shell. Valid during the call.
  std::string_view rule;
};

/// The WASI environment of a container whose component imports WASI. By default the guest has no arguments, environment
/// variables, directories or network, and its standard input is empty. Text is UTF-8. The functions are called on the
/// threads that run guests, concurrently if several guests share the options.
struct WasiOptions {
  /// The command line; the first argument is the program's name.
  std::vector<std::string> arguments = {};
  /// Environment variables: names and values.
  std::vector<std::pair<std::string, std::string>> environment = {};
  /// The initial working directory, as a path in the guest; empty for none.
  std::string working_directory = {};
  /// The host directories that the guest sees.
  std::vector<WasiDirectory> directories = {};

  Input standard_input = Input::empty;
  std::string input_text = {};
  std::filesystem::path input_file = {};
  Output standard_output = Output::discard;
  /// If it is discarded, the last 4 KiB are kept for the error message in case the guest traps.
  Output standard_error = Output::discard;
  /// How many bytes of each captured stream are kept. Once a guest has written more, the stream is closed, and a guest
  /// that writes without checking traps; `Container::standard_output_truncated` returns true.
  std::size_t capture_capacity = std::size_t{1} << 20;
  std::filesystem::path output_file = {};
  std::filesystem::path error_file = {};
  /// Called with each line, without its line end. A line longer than 64 KiB is split; an unfinished line is delivered
  /// when the guest ends.
  std::function<void(std::string_view line)> on_output_line = {};
  std::function<void(std::string_view line)> on_error_line = {};

  /// Rules for the addresses that TCP and UDP sockets may connect or send to, and for those that they may listen on:
  /// `[tcp://|udp://]HOST[:PORT[-PORT]]`. HOST is an address, a range (`10.0.0.0/8`, `[fd00::]/8`), a name (looked up
  /// when the guest uses an address), `loopback`, `public` (excludes private, local and reserved addresses), or `*`.
  std::vector<std::string> connect = {};
  std::vector<std::string> bind = {};
  /// Whether the guest may look up names.
  bool name_lookup = false;

  /// Rules for HTTP requests: `[METHOD[,METHOD] ][http://|https://]HOST[:PORT[-PORT]]`. HOST is as above, or `*.NAME`
  /// for all names below NAME, which allows public addresses only. The guest follows redirects itself; the rules apply
  /// to each request.
  std::vector<std::string> http = {};
  /// A PEM file of certificates that HTTPS trusts in addition to the machine's.
  std::filesystem::path ca_file = {};
  /// How long establishing a connection may take. The guest can request less.
  std::chrono::nanoseconds http_connect_timeout = std::chrono::seconds(30);
  /// How long a request may take, from its start to the end of its response. Unset for no limit.
  std::optional<std::chrono::nanoseconds> http_total_timeout = std::nullopt;

  /// If set, the guest's wall clock always shows this time, and its monotonic clock shows 0. Sleeping still takes real
  /// time.
  std::optional<std::chrono::sys_time<std::chrono::nanoseconds>> frozen_clock = std::nullopt;
  /// How far the guest's wall clock is ahead of the real one, if it is not frozen.
  std::chrono::nanoseconds clock_offset{0};
  /// Makes random numbers reproducible: with one version of the library, the same seed gives the same numbers. Do not
  /// use it for secrets.
  std::optional<std::uint64_t> random_seed = std::nullopt;

  /// Called when a network or HTTP rule denies an access, when a lookup is denied, and, if the guest is a component,
  /// when a path is denied. Paths outside every directory are not reported: the guest's own C library rejects them.
  std::function<void(const WasiDenial& denial)> on_denied = {};
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

/// What a guest may see of its host through WASI, 0.2 and 0.3, and preview 1 for core modules. Everything is
/// denied that is not named here. See docs/sandbox.md.
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
  discard,
  inherit,  ///< The process's own.
  capture,  ///< `Container::standard_output` and `standard_error` have it.
  lines,    ///< `WasiOptions::on_output_line` and `on_error_line`.
  file,     ///< Appended to `WasiOptions::output_file` and `error_file`, which are made if missing.
};

/// Where a guest's standard input comes from.
enum class Input : std::uint8_t {
  empty,
  inherit,  ///< The process's own; one guest at a time should read it.
  text,     ///< `WasiOptions::input_text`.
  file,     ///< `WasiOptions::input_file`.
};

/// A folder of the host that a guest sees, with all that is in it. Nothing leads out of it: neither `..` nor a
/// symbolic link.
struct WasiFolder {
  std::filesystem::path host = {};
  std::string guest = {};  ///< Its path in the guest, e.g. `/data`.
  bool read_only = false;
};

/// Something that a guest asked for and was denied.
struct WasiDenial {
  enum class Kind : std::uint8_t {
    connect,  ///< A socket was to connect or send: see `WasiOptions::connect`.
    bind,     ///< A socket was to listen: see `WasiOptions::bind`.
    request,  ///< An HTTP request: see `WasiOptions::http`.
    lookup,   ///< A name was to be looked up: see `WasiOptions::name_lookup`.
    path,     ///< A path leads out of the folders, or something was to change in one that is read-only.
  };
  Kind kind;
  /// The narrowest rule that would have allowed it; of a look-up the name, and of a path what the guest calls
  /// it. All may have text of the guest's: quote it before a terminal or a shell gets it. Valid during the call.
  std::string_view rule;
};

/// WASI of a container whose component imports it. By default the guest sees no environment, arguments,
/// folders or network, and its standard input is empty. Text is UTF-8. Functions in it are called on the
/// threads that run guests, several at a time where several guests share the options.
struct WasiOptions {
  /// The first is the program's own name.
  std::vector<std::string> arguments = {};
  std::vector<std::pair<std::string, std::string>> environment = {};
  /// Where the guest begins; empty for none.
  std::string working_directory = {};
  std::vector<WasiFolder> folders = {};

  Input standard_input = Input::empty;
  std::string input_text = {};
  std::filesystem::path input_file = {};
  Output standard_output = Output::discard;
  /// If it is discarded, the last 4 KiB are kept for the error's message should the guest trap.
  Output standard_error = Output::discard;
  /// Bytes kept of each captured stream. A guest that writes more finds the stream closed, and traps
  /// if it does not ask how much it may write; `Container::standard_output_truncated` tells that it did.
  std::size_t capture_capacity = std::size_t{1} << 20;
  std::filesystem::path output_file = {};
  std::filesystem::path error_file = {};
  /// A line without its end. One that is longer than 64 KiB comes in pieces; one that the guest never ended
  /// comes when the guest is gone.
  std::function<void(std::string_view line)> on_output_line = {};
  std::function<void(std::string_view line)> on_error_line = {};

  /// The addresses that TCP and UDP sockets may connect or send to, and those that they may listen on:
  /// `[tcp://|udp://]HOST[:PORT[-PORT]]`, where HOST is an address, a range (`10.0.0.0/8`, `[fd00::]/8`), a name
  /// (looked up when it is asked for), `loopback`, `public` (no private, local or reserved address), or `*`.
  std::vector<std::string> connect = {};
  std::vector<std::string> bind = {};
  /// Whether the guest may look names up.
  bool name_lookup = false;

  /// Where the guest may send HTTP requests: `[METHOD[,METHOD] ][http://|https://]HOST[:PORT[-PORT]]`, with HOST
  /// as above or `*.NAME` for all names below one, which reaches public addresses alone. Redirects are the
  /// guest's affair: where one leads, the rules are asked again.
  std::vector<std::string> http = {};
  /// PEM certificates that HTTPS trusts; empty for the machine's.
  std::filesystem::path http_roots = {};
  /// How long a connection may take to be made, at most; the guest may ask for less.
  std::chrono::nanoseconds http_connect_timeout = std::chrono::seconds(30);
  /// How long a request may take from its beginning to the end of its response. Unset for no limit.
  std::optional<std::chrono::nanoseconds> http_total_timeout = std::nullopt;

  /// The time that stands still for the guest, whose monotonic clock stays at 0. Sleeping takes its time
  /// nevertheless.
  std::optional<std::chrono::sys_time<std::chrono::nanoseconds>> frozen_clock = std::nullopt;
  /// How far the guest's wall clock is ahead of the real one, where it is not frozen.
  std::chrono::nanoseconds clock_offset{0};
  /// The same seed gives the same random numbers, with the same version of the library. Not for secrets.
  std::optional<std::uint64_t> random_seed = std::nullopt;

  /// Told of what the rules of the network and of HTTP deny, of look-ups, and of paths where the guest is a
  /// component. Names of files in no folder at all do not reach the host: a guest's own C library refuses them.
  std::function<void(const WasiDenial& denial)> on_denied = {};
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

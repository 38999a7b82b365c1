/// What a guest may see of its host through WASI. Everything is denied that is not named here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace tairitsu {

/// Where a guest's output stream goes.
enum class Output : std::uint8_t { discard, inherit, capture };

/// Where a guest's standard input comes from.
enum class Input : std::uint8_t {
  empty,
  inherit,  ///< The process's own; one guest at a time should read it.
  text,     ///< `WasiOptions::input_text`.
};

/// A folder of the host that a guest sees, with all that is in it. Nothing leads out of it: neither `..` nor a
/// symbolic link.
struct WasiFolder {
  std::filesystem::path host = {};
  std::string guest = {};  ///< Its path in the guest, e.g. `/data`.
  bool read_only = false;
};

/// WASI 0.2 of a container whose component imports it. By default the guest sees no environment, arguments,
/// folders or network, and its standard input is empty. Text is UTF-8.
struct WasiOptions {
  /// The first is the program's own name.
  std::vector<std::string> arguments = {};
  std::vector<std::pair<std::string, std::string>> environment = {};
  /// Where the guest begins; empty for none.
  std::string working_directory = {};
  std::vector<WasiFolder> folders = {};

  Input standard_input = Input::empty;
  std::string input_text = {};
  Output standard_output = Output::discard;
  Output standard_error = Output::discard;
  /// Bytes kept of each captured stream. A guest that writes more finds the stream closed, and traps
  /// where it does not ask how much it may write.
  std::size_t capture_capacity = std::size_t{1} << 20;

  /// The addresses that TCP and UDP sockets may connect or send to, and those that they may listen on:
  /// `[tcp://|udp://]HOST[:PORT[-PORT]]`, where HOST is an address, a range (`10.0.0.0/8`, `[fd00::]/8`), a name
  /// (looked up when it is asked for), `loopback`, `public` (no private, local or reserved address), or `*`.
  std::vector<std::string> connect = {};
  std::vector<std::string> bind = {};
  /// Whether the guest may look names up.
  bool name_lookup = false;
};

}  // namespace tairitsu

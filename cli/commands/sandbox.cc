#include "commands/sandbox.h"

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "commands/command.h"
#include "commands/text.h"

namespace tairitsu::cli {
namespace {

/// Parses a number, and returns it with the text that follows it. `kind` and `examples` are for the error.
Result<std::pair<std::uint64_t, std::string_view>> read_number(std::string_view text, std::string_view kind,
                                                               std::string_view examples) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{}) {
    return fail(ErrorCode::invalid_argument, "invalid " + std::string(kind) + " '" + std::string(text) +
                                                 "': expected a value such as " + std::string(examples));
  }
  return std::pair(number, text.substr(static_cast<std::size_t>(end - text.data())));
}

std::unexpected<Error> bad_volume(const std::string& text) {
  return fail(ErrorCode::invalid_argument,
              "invalid volume '" + text + "': expected HOST-DIRECTORY:GUEST-DIRECTORY[:ro]");
}

Result<WasiDirectory> read_volume(const std::string& text) {
  std::string_view rest = text;
  WasiDirectory directory;
  if (rest.ends_with(":ro") || rest.ends_with(":rw")) {
    directory.read_only = rest.ends_with(":ro");
    rest.remove_suffix(3);
  }
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == rest.size()) return bad_volume(text);
  directory.host = rest.substr(0, colon);
  directory.guest = rest.substr(colon + 1);
  std::error_code failed;
  if (!std::filesystem::is_directory(directory.host, failed)) {
    return fail(ErrorCode::invalid_argument,
                "cannot mount '" + directory.host.string() + "': no such directory");
  }
  return directory;
}

/// Adds `NAME=VALUE`, or `NAME` with its value in this process, if it has one.
void add_variable(const std::string& text, WasiOptions& wasi) {
  const auto equals = text.find('=');
  if (equals != std::string::npos) {
    wasi.environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  } else if (const char* value = std::getenv(text.c_str())) {
    wasi.environment.emplace_back(text, value);
  }
}

void print_denial(const WasiDenial& denial) {
  std::string text = "tairitsu: denied: ";
  switch (denial.kind) {
    case WasiDenial::Kind::connect:
      text += "connect (allow it with --allow-connect ";
      break;
    case WasiDenial::Kind::bind:
      text += "listen (allow it with --allow-bind ";
      break;
    case WasiDenial::Kind::request:
      text += "HTTP request (allow it with --allow-host ";
      break;
    case WasiDenial::Kind::lookup:
      text += "lookup of " + shell_quoted(printable(denial.rule)) + " (allow it with --allow-lookup)\n";
      print_note(text);
      return;
    case WasiDenial::Kind::path:
      text += "access to " + shell_quoted(printable(denial.rule)) +
              ": it is outside every --volume, or in one that is read-only\n";
      print_note(text);
      return;
  }
  // Quoted because users paste it into a shell, and the guest chose a part of it.
  text += shell_quoted(printable(denial.rule)) + ")\n";
  print_note(text);
}

}  // namespace

void add_sandbox_options(CLI::App& command, SandboxOptions& options) {
  // Only commands with a guest use the certificates for more than registries.
  command.get_option("--ca-file")
      ->description(
          "Also trust the CA certificates in this PEM file, for registries and for the guest's HTTPS");
  const auto group = "Sandbox (a guest can access only what these options allow)";
  command
      .add_option("-e,--env", options.environment,
                  "Set an environment variable; without =VALUE, pass on its current value")
      ->type_name("NAME[=VALUE]")
      ->allow_extra_args(false)
      ->group(group);
  command.add_flag("--env-all", options.whole_environment, "Pass on all environment variables")->group(group);
  command
      .add_option("-v,--volume", options.volumes,
                  "Mount the host directory HOST into the guest as GUEST; read-only with :ro")
      ->type_name("HOST:GUEST[:ro]")
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("-w,--workdir", options.working_directory, "Set the guest's working directory")
      ->type_name("DIRECTORY")
      ->group(group);
  command
      .add_option("--network", options.network,
                  "Allow sockets and HTTP requests to none, loopback, public (without private and local "
                  "addresses) or all; public and all also allow name lookup")
      ->type_name("NETWORK")
      ->check(CLI::IsMember({"none", "loopback", "public", "all"}).description(""))
      ->capture_default_str()
      ->group(group);
  command
      .add_option(
          "--allow-connect", options.connect,
          "Allow connections to [tcp://|udp://]HOST[:PORT[-PORT]], where HOST is an address, a range such as "
          "10.0.0.0/8, a name, loopback, public or *")
      ->type_name("RULE")
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--allow-bind", options.bind, "Allow listening on an address, in the same notation")
      ->type_name("RULE")
      ->allow_extra_args(false)
      ->group(group);
  command.add_flag("--allow-lookup", options.name_lookup, "Allow name lookup")->group(group);
  command
      .add_option(
          "--allow-host", options.http,
          "Allow HTTP requests to [METHOD[,METHOD] ][http://|https://]HOST[:PORT[-PORT]], where HOST is as "
          "above, or *.NAME for all names below NAME")
      ->type_name("RULE")
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_flag("--log-denied", options.log_denied,
                "Report denied accesses on standard error, with the option that allows each")
      ->group(group);
  command
      .add_option("--clock", options.clock,
                  "Freeze the guest's clocks at this time, in seconds since 1970 (UTC)")
      ->type_name("SECONDS")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{9'000'000'000}).description(""))
      ->group(group);
  command
      .add_option("--seed", options.random_seed,
                  "Seed the guest's random numbers, so that they are the same in each run")
      ->type_name("NUMBER")
      ->group(group);

  const auto limits = "Limits";
  command
      .add_option("-m,--memory", options.memory,
                  "Limit the guest's memory, including what the host allocates for it, e.g. 64m")
      ->type_name("SIZE")
      ->capture_default_str()
      ->group(limits);
  const auto add_count = [&](const char* name, auto& count, const char* help) {
    command.add_option(name, count, help)->type_name("NUMBER")->group(limits);
  };
  add_count("--max-table-elements", options.table_elements,
            "Limit the elements of all tables (default: 10000000)");
  add_count("--max-instances", options.instances,
            "Limit core instances, memories and tables, each (default: 10000)");
  add_count("--max-handles", options.handles, "Limit handles and resources (default: 100000)");
  add_count("--max-descriptors", options.descriptors, "Limit open files and sockets (default: 256)");
  command.add_option("--fuel", options.fuel, "Limit the number of instructions, approximately")
      ->type_name("NUMBER")
      ->group(limits);
  command.add_option("--timeout", options.timeout, "Limit the run time, e.g. 500ms, 5s or 2m")
      ->type_name("TIME")
      ->capture_default_str()
      ->group(limits);
}

Result<WasiOptions> to_wasi_options(const SandboxOptions& options, const LoadOptions& load) {
  WasiOptions wasi;
  wasi.standard_output = Output::inherit;
  wasi.standard_error = Output::inherit;
  wasi.working_directory = options.working_directory;
  if (options.whole_environment) {
    for (char** variable = environ; *variable != nullptr; ++variable) add_variable(*variable, wasi);
  }
  for (const std::string& text : options.environment) add_variable(text, wasi);
  for (const std::string& text : options.volumes) {
    TAIRITSU_TRY(auto directory, read_volume(text));
    wasi.directories.push_back(std::move(directory));
  }
  wasi.connect = options.connect;
  wasi.bind = options.bind;
  wasi.http = options.http;
  wasi.ca_file = load.source.registry.ca_file;
  if (options.clock) {
    wasi.frozen_clock = std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::seconds(*options.clock));
  }
  wasi.random_seed = options.random_seed;
  if (options.log_denied) wasi.on_denied = print_denial;
  wasi.name_lookup = options.name_lookup || options.network == "public" || options.network == "all";
  if (options.network != "none") {
    const std::string rule = options.network == "all" ? "*" : options.network;
    wasi.connect.push_back(rule);
    wasi.http.push_back(rule);
    if (options.network != "public") wasi.bind.push_back(rule);
  }
  return wasi;
}

Result<std::uint64_t> read_size(const std::string& text) {
  TAIRITSU_TRY(const auto number, read_number(text, "size", "512k, 64m or 1g"));
  const auto& [count, unit] = number;
  unsigned shift = 0;
  if (unit == "k" || unit == "K") {
    shift = 10;
  } else if (unit == "m" || unit == "M") {
    shift = 20;
  } else if (unit == "g" || unit == "G") {
    shift = 30;
  } else if (!unit.empty() && unit != "b") {
    return fail(ErrorCode::invalid_argument, "invalid size '" + text + "': the unit must be b, k, m or g");
  }
  if (count > (UINT64_MAX >> shift))
    return fail(ErrorCode::invalid_argument, "size '" + text + "' out of range");
  return count << shift;
}

Result<std::chrono::nanoseconds> read_duration(const std::string& text) {
  TAIRITSU_TRY(const auto number, read_number(text, "time", "500ms, 5s or 2m"));
  const auto& [count, unit] = number;
  std::uint64_t milliseconds = 1000;
  if (unit == "ms") {
    milliseconds = 1;
  } else if (unit == "m") {
    milliseconds = 60'000;
  } else if (unit == "h") {
    milliseconds = 3'600'000;
  } else if (!unit.empty() && unit != "s") {
    return fail(ErrorCode::invalid_argument, "invalid time '" + text + "': the unit must be ms, s, m or h");
  }
  constexpr std::uint64_t kMax = 100ULL * 365 * 24 * 3'600'000;
  if (count == 0 || count > kMax / milliseconds) {
    return fail(ErrorCode::invalid_argument, "time '" + text + "' out of range");
  }
  return std::chrono::milliseconds(count * milliseconds);
}

EngineOptions engine_options(const Limits& limits) {
  return {.fuel = limits.fuel.has_value(), .epochs = limits.deadline.has_value()};
}

Error with_flag(const Error& error) {
  const auto advise = [&](std::string_view flag) {
    return error.with_advice("Raise the limit with " + std::string(flag) + ".");
  };
  switch (error.code()) {
    case ErrorCode::fuel_exhausted:
      return advise("--fuel");
    case ErrorCode::deadline_exceeded:
      return advise("--timeout");
    case ErrorCode::memory_limit:
      return advise("--memory");
    case ErrorCode::table_limit:
      return advise("--max-table-elements");
    case ErrorCode::instance_limit:
      return advise("--max-instances");
    case ErrorCode::handle_limit:
      return advise("--max-handles");
    case ErrorCode::descriptor_limit:
      return advise("--max-descriptors");
    default:
      // The library's advice is for C++ programs.
      return error.with_advice("");
  }
}

Result<Limits> to_limits(const SandboxOptions& options) {
  Limits limits;
  limits.fuel = options.fuel;
  if (!options.memory.empty()) {
    TAIRITSU_TRY(limits.memory_bytes, read_size(options.memory));
  }
  limits.table_elements = options.table_elements;
  limits.instances = options.instances;
  limits.resource_handles = options.handles;
  limits.descriptors = options.descriptors;
  if (!options.timeout.empty()) {
    TAIRITSU_TRY(limits.deadline, read_duration(options.timeout));
  }
  return limits;
}

}  // namespace tairitsu::cli

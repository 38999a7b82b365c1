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

/// A number, and what stands behind it.
Result<std::pair<std::uint64_t, std::string_view>> read_number(std::string_view text, std::string_view what) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{}) {
    return fail(ErrorCode::invalid_argument, "'" + std::string(text) + "' is no " + std::string(what));
  }
  return std::pair(number, text.substr(static_cast<std::size_t>(end - text.data())));
}

std::unexpected<Error> bad_volume(const std::string& text) {
  return fail(ErrorCode::invalid_argument,
              "'" + text + "' is no volume: write HOST-FOLDER:GUEST-FOLDER or HOST-FOLDER:GUEST-FOLDER:ro");
}

Result<WasiFolder> read_volume(const std::string& text) {
  std::string_view rest = text;
  WasiFolder folder;
  if (rest.ends_with(":ro") || rest.ends_with(":rw")) {
    folder.read_only = rest.ends_with(":ro");
    rest.remove_suffix(3);
  }
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == rest.size()) return bad_volume(text);
  folder.host = rest.substr(0, colon);
  folder.guest = rest.substr(colon + 1);
  std::error_code failed;
  if (!std::filesystem::is_directory(folder.host, failed)) {
    return fail(ErrorCode::invalid_argument, folder.host.string() + ": there is no such folder to share");
  }
  return folder;
}

/// `NAME=VALUE`, or `NAME` for the value that it has here.
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
      text += "to connect; --allow-connect ";
      break;
    case WasiDenial::Kind::bind:
      text += "to listen; --allow-bind ";
      break;
    case WasiDenial::Kind::request:
      text += "an HTTP request; --allow-host ";
      break;
    case WasiDenial::Kind::lookup:
      text += "to look up " + shell_quoted(printable(denial.rule)) + "; --allow-lookup allows it\n";
      print_note(text);
      return;
    case WasiDenial::Kind::path:
      text += "to use " + shell_quoted(printable(denial.rule)) +
              ", which is in no folder of a --volume, or would change one that is read-only\n";
      print_note(text);
      return;
  }
  // The guest chose a part of it, and it is there to be pasted into a shell.
  text += shell_quoted(printable(denial.rule)) + " allows it\n";
  print_note(text);
}

}  // namespace

void add_sandbox_options(CLI::App& command, SandboxOptions& options) {
  const auto group = "Sandbox: nothing is allowed but what these say";
  command
      .add_option("-e,--env", options.environment,
                  "A variable of the guest's environment: NAME=VALUE, or NAME for its value here")
      ->type_name("NAME[=VALUE]")
      ->allow_extra_args(false)
      ->group(group);
  command.add_flag("--env-all", options.whole_environment, "All of this process's environment")->group(group);
  command.add_option("-v,--volume", options.volumes, "A folder of the host and where the guest sees it")
      ->type_name("HOST:GUEST[:ro]")
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("-w,--workdir", options.working_directory, "The guest's working directory")
      ->type_name("FOLDER")
      ->group(group);
  command
      .add_option("--network", options.network,
                  "none, loopback, public (no private or local addresses) or all, for sockets and HTTP "
                  "requests; public and "
                  "all look names up")
      ->type_name("NETWORK")
      ->check(CLI::IsMember({"none", "loopback", "public", "all"}))
      ->group(group);
  command
      .add_option(
          "--allow-connect", options.connect,
          "Addresses to connect to: [tcp://|udp://]HOST[:PORT[-PORT]], where HOST is an address, a range "
          "such as 10.0.0.0/8, a name, loopback, public or *")
      ->type_name("RULE")
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--allow-bind", options.bind, "Addresses to listen on, written in the same way")
      ->type_name("RULE")
      ->allow_extra_args(false)
      ->group(group);
  command.add_flag("--allow-lookup", options.name_lookup, "Let the guest look names up")->group(group);
  command
      .add_option(
          "--allow-host", options.http,
          "Where HTTP requests may go: [METHOD[,METHOD] ][http://|https://]HOST[:PORT[-PORT]], where HOST "
          "is as above, or *.NAME for the names below one")
      ->type_name("RULE")
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_option("--tls-roots", options.http_roots,
                  "Certificates that HTTPS trusts, instead of the machine's")
      ->type_name("FILE")
      ->check(CLI::ExistingFile)
      ->group(group);
  command.add_flag("--log-denied", options.log_denied, "Say on standard error what is denied")->group(group);
  command
      .add_option("--clock", options.clock,
                  "The time at which the guest's clocks stand still, in seconds since 1970")
      ->type_name("SECONDS")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{9'000'000'000}))
      ->group(group);
  command
      .add_option("--seed", options.random_seed,
                  "A seed that gives the guest the same random numbers each time")
      ->type_name("NUMBER")
      ->group(group);
  command
      .add_option("-m,--memory", options.memory,
                  "Limit the guest's memory, with all that is held for it, e.g. 64m")
      ->type_name("SIZE")
      ->capture_default_str()
      ->group(group);
  const auto add_count = [&](const char* name, auto& count, const char* help) {
    command.add_option(name, count, help)->type_name("NUMBER")->group(group);
  };
  add_count("--max-table-elements", options.table_elements,
            "Limit the elements of all its tables (10000000)");
  add_count("--max-instances", options.instances,
            "Limit its core instances, memories and tables, each (10000)");
  add_count("--max-handles", options.handles, "Limit the handles and resources that it holds (100000)");
  add_count("--max-descriptors", options.descriptors, "Limit the files and sockets that it has open (256)");
  command.add_option("--fuel", options.fuel, "About how many instructions it may run")
      ->type_name("NUMBER")
      ->group(group);
  command.add_option("--timeout", options.timeout, "The longest that it may take, e.g. 500ms, 5s, 2m")
      ->type_name("TIME")
      ->group(group);
}

Result<WasiOptions> to_wasi_options(const SandboxOptions& options) {
  WasiOptions wasi;
  wasi.standard_output = Output::inherit;
  wasi.standard_error = Output::inherit;
  wasi.working_directory = options.working_directory;
  if (options.whole_environment) {
    for (char** variable = environ; *variable != nullptr; ++variable) add_variable(*variable, wasi);
  }
  for (const std::string& text : options.environment) add_variable(text, wasi);
  for (const std::string& text : options.volumes) {
    TAIRITSU_TRY(auto folder, read_volume(text));
    wasi.folders.push_back(std::move(folder));
  }
  wasi.connect = options.connect;
  wasi.bind = options.bind;
  wasi.http = options.http;
  wasi.http_roots = options.http_roots;
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
  TAIRITSU_TRY(const auto number, read_number(text, "size such as 512k, 64m or 1g"));
  const auto& [count, unit] = number;
  unsigned shift = 0;
  if (unit == "k" || unit == "K") {
    shift = 10;
  } else if (unit == "m" || unit == "M") {
    shift = 20;
  } else if (unit == "g" || unit == "G") {
    shift = 30;
  } else if (!unit.empty() && unit != "b") {
    return fail(ErrorCode::invalid_argument, "'" + text + "' is no size: its unit is b, k, m or g");
  }
  if (count > (UINT64_MAX >> shift)) return fail(ErrorCode::invalid_argument, "'" + text + "' is too large");
  return count << shift;
}

Result<std::chrono::nanoseconds> read_duration(const std::string& text) {
  TAIRITSU_TRY(const auto number, read_number(text, "time such as 500ms, 5s or 2m"));
  const auto& [count, unit] = number;
  std::uint64_t milliseconds = 1000;
  if (unit == "ms") {
    milliseconds = 1;
  } else if (unit == "m") {
    milliseconds = 60'000;
  } else if (unit == "h") {
    milliseconds = 3'600'000;
  } else if (!unit.empty() && unit != "s") {
    return fail(ErrorCode::invalid_argument, "'" + text + "' is no time: its unit is ms, s, m or h");
  }
  constexpr std::uint64_t kMost = 100ULL * 365 * 24 * 3'600'000;
  if (count == 0 || count > kMost / milliseconds) {
    return fail(ErrorCode::invalid_argument, "'" + text + "' is no time that can be waited");
  }
  return std::chrono::milliseconds(count * milliseconds);
}

EngineOptions engine_options(const Limits& limits) {
  return {.fuel = limits.fuel.has_value(), .epochs = limits.deadline.has_value()};
}

Error with_flag(const Error& error) {
  const auto advise = [&](std::string_view flag) {
    return error.with_advice("Give it more with " + std::string(flag) + ".");
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

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "commands/line_queue.h"
#include "commands/load.h"
#include "commands/sandbox.h"
#include "commands/signals.h"
#include "commands/text.h"
#include "tairitsu/http_server.h"

namespace tairitsu::cli {
namespace {

using namespace std::chrono_literals;

struct ServeCommandOptions {
  LoadOptions load;
  SandboxOptions sandbox;
  HttpServerOptions server;
  std::string log = "errors";
  std::string grace = "10s";
  std::string max_head = "16k";
  std::string header_timeout = "10s";
  std::string body_timeout = "20s";
  std::string write_timeout = "20s";
  std::string total_memory;
  bool no_pool = false;
};

std::string now() {
  const auto time = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

/// Escapes everything in a request target, which the client chose, that could confuse a reader of the log.
std::string escape_target(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    escaped += byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\' ? fmt::format("\\x{:02x}", byte)
                                                                    : std::string(1, c);
  }
  return escaped;
}

std::string as_text(const HttpAccess& access) {
  std::string line = fmt::format("{} {} \"{} {}\" {} {} {:.1f}ms", now(), access.peer, access.method,
                                 escape_target(access.target), access.status, access.body_bytes,
                                 std::chrono::duration<double, std::milli>(access.took).count());
  if (access.error != nullptr) {
    std::string details = access.error->message();
    if (!access.error->backtrace().empty()) details += "\n" + backtrace_of(*access.error);
    // The guest influences this text: indent it, so that no part of it looks like a log entry.
    for (std::size_t at = 0; (at = details.find('\n', at)) != std::string::npos; at += 3) {
      details.replace(at, 1, "\n  ");
    }
    line += fmt::format(" request={:016x} error={}: {}", access.id, to_string(access.error->code()), details);
  }
  return line + "\n";
}

std::string as_json(const HttpAccess& access) {
  nlohmann::ordered_json json = {
      {"time", now()},
      {"peer", access.peer},
      {"method", access.method},
      {"target", access.target},
      {"status", access.status},
      {"bytes", access.body_bytes},
      {"milliseconds", std::chrono::duration<double, std::milli>(access.took).count()},
      {"request", fmt::format("{:016x}", access.id)},
  };
  if (access.error != nullptr) {
    json["error"] = {{"code", to_string(access.error->code())}, {"message", access.error->message()}};
    if (!access.error->backtrace().empty()) json["error"]["backtrace"] = backtrace_of(*access.error);
  }
  return to_text(json);
}

/// Returns the queue for standard output: the server's threads must not wait for its reader.
LineQueue& output() {
  static auto* const queue = new LineQueue(STDOUT_FILENO, [](std::uint64_t dropped) {
    print_warning("dropped " + std::to_string(dropped) + " log lines: standard output was not read in time");
  });
  return *queue;
}

std::function<void(const HttpAccess&)> access_log(const std::string& kind) {
  if (kind == "text") return [](const HttpAccess& access) { output().push(terminal_text(as_text(access))); };
  if (kind == "json")
    return [](const HttpAccess& access) { output().push(terminal_text(as_json(access), Escapes::json)); };
  if (kind == "errors") {
    return [](const HttpAccess& access) {
      // A client that went away is not an error of the guest.
      if (access.error == nullptr || access.error->code() == ErrorCode::interrupted) return;
      print_note(as_text(access));
    };
  }
  return {};
}

/// Maps `PORT` and `:PORT` to loopback, so that other machines have access only if an address is given.
std::string listening_address(const std::string& typed) {
  const std::string port = typed.starts_with(':') ? typed.substr(1) : typed;
  const bool is_port = !port.empty() && port.find_first_not_of("0123456789") == std::string::npos;
  return is_port ? "127.0.0.1:" + port : typed;
}

/// Returns a pool for as many instances as requests may run at a time, and for those that are just ending.
PoolOptions pool_for(const HttpServerOptions& server) {
  const auto count = static_cast<std::uint32_t>(server.max_concurrent_requests * 2 + 16);
  PoolOptions pool;
  pool.max_components = count;
  pool.max_memories = count * 2;
  pool.max_core_instances = count * 8;
  pool.max_tables = count * 8;
  pool.max_stacks = count;
  return pool;
}

/// Raises the soft limit of open files to the hard limit.
void raise_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Returns the value of `--total-memory`, by default half of the machine's memory.
Result<std::uint64_t> total_memory(const ServeCommandOptions& options) {
  if (!options.total_memory.empty()) return read_size(options.total_memory);
  const auto pages = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 0L));
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 2;
}

Result<void> serve(ServeCommandOptions& options) {
  TAIRITSU_TRY(auto wasi, to_wasi_options(options.sandbox, options.load));
  TAIRITSU_TRY(auto limits, to_limits(options.sandbox));
  TAIRITSU_TRY(const auto grace, read_duration(options.grace));
  TAIRITSU_TRY(options.server.max_head_bytes, read_size(options.max_head));
  TAIRITSU_TRY(options.server.header_timeout, read_duration(options.header_timeout));
  TAIRITSU_TRY(options.server.body_timeout, read_duration(options.body_timeout));
  TAIRITSU_TRY(options.server.write_timeout, read_duration(options.write_timeout));
  options.server.address = listening_address(options.server.address);
  options.server.admin_address = listening_address(options.server.admin_address);
  // Output is written by the line, so that the lines of several guests do not mix.
  const auto to_stderr = [](std::string_view line) { print_note(std::string(line) + "\n"); };
  wasi.standard_output = wasi.standard_error = Output::lines;
  wasi.on_output_line = wasi.on_error_line = to_stderr;
  EngineOptions engine = engine_options(limits);
  engine.epochs = true;
  TAIRITSU_TRY(engine.total_memory_bytes, total_memory(options));
  raise_open_files();
  if (!options.no_pool) engine.pool = pool_for(options.server);

  // Must come before any other thread starts, because threads inherit the blocked signals.
  const auto end = std::make_shared<std::promise<void>>();
  const std::shared_future<void> ended = end->get_future().share();
  catch_signals(0, [end](int) { end->set_value(); });
  // Guests, requests and signals must not wait for the reader of standard error.
  queue_notes();
  options.server.on_access = access_log(options.log);
  options.load.is_cancelled = [ended] { return ended.wait_for(0s) == std::future_status::ready; };
  const auto image = load_image(engine, options.load);
  if (!image) {
    // A signal arrived during the compilation.
    if (image.error().code() == ErrorCode::interrupted) return {};
    return std::unexpected(image.error());
  }
  // Checked first, because without a handler no other problem matters.
  if (const auto serves = HttpServer::check(*image); !serves) {
    return std::unexpected(serves.error().with_context(options.load.name()));
  }
  TAIRITSU_TRY(
      const auto container,
      Container::builder(*image).with_wasi(wasi).with_limits(limits).interruptible().build_template());
  auto server = HttpServer::start(container, options.server);
  if (!server) return std::unexpected(server.error().with_context(options.load.name()));
  print_note("listening on http://" + server->address() + "\n");
  if (!server->admin_address().empty()) {
    print_note("health and metrics on http://" + server->admin_address() + "\n");
  }
  ended.wait();
  print_note("draining: waiting for running requests\n");
  if (!server->drain(grace)) print_note("cancelling the requests that are still running\n");
  // Destroys the server, so that its last output comes before the flush.
  server = fail(ErrorCode::interrupted, "the server has ended");
  constexpr std::chrono::seconds kFlushLimit{1};
  output().flush(kFlushLimit);
  flush_notes(kFlushLimit);
  return {};
}

}  // namespace

void add_serve(CLI::App& app) {
  auto* command = app.add_subcommand("serve", "Serve HTTP with a wasi:http component");
  command->footer(
      "The first line on standard error is the server's URL. The output of guests also goes to standard\n"
      "error.\n\n"
      "If the guest traps or exceeds a limit, the response is 500, or 504 if --timeout expires. It contains "
      "a\n"
      "request ID that is also in the log.\n\n"
      "On SIGTERM or Ctrl-C the server finishes running requests, see --grace; a second signal ends it at "
      "once.\n\n"
      "Examples:\n  tairitsu serve hello.wasm\n"
      "  tairitsu serve --addr 0.0.0.0:80 --timeout 10s --memory 64m --log json -v ./site:/site:ro "
      "site.wasm");
  auto options = std::make_shared<ServeCommandOptions>();
  options->server.address = "127.0.0.1:8080";
  options->sandbox.timeout = "30s";
  options->sandbox.memory = "256m";
  add_load_options(*command, options->load);
  HttpServerOptions& server = options->server;
  command
      ->add_option("--addr", server.address,
                   "Listen on this address; ADDRESS is 127.0.0.1 if omitted, and port 0 picks a free port")
      ->type_name("[ADDRESS:]PORT")
      ->capture_default_str();
  command->add_option("--admin-addr", server.admin_address, "Serve /healthz and /metrics on this address")
      ->type_name("[ADDRESS:]PORT");
  command
      ->add_option("--requests-per-instance", server.requests_per_instance,
                   "Use an instance for this many requests, one after another; more than 1 is faster, but a "
                   "request can see what earlier ones left in memory")
      ->type_name("NUMBER")
      ->check(CLI::PositiveNumber.description(""))
      ->capture_default_str();
  command
      ->add_option("--max-requests", server.max_concurrent_requests,
                   "Limit the requests that guests handle at a time")
      ->type_name("NUMBER")
      ->check(CLI::Range(1, 10'000).description(""))
      ->capture_default_str();
  command
      ->add_option("--max-queue", server.max_queued_requests,
                   "Limit the requests that wait for a guest; others get 503")
      ->type_name("NUMBER")
      ->capture_default_str();
  command->add_option("--max-connections", server.max_connections, "Limit the open connections")
      ->type_name("NUMBER")
      ->check(CLI::PositiveNumber.description(""))
      ->capture_default_str();
  command
      ->add_option("--max-connections-per-address", server.max_connections_per_address,
                   "Limit the open connections from one address (default: three quarters of "
                   "--max-connections)")
      ->type_name("NUMBER")
      ->check(CLI::PositiveNumber.description(""));
  command
      ->add_option("--max-requests-per-address", server.max_requests_per_address,
                   "Limit the requests from one address that guests handle at a time; others wait (default: "
                   "three quarters of --max-requests)")
      ->type_name("NUMBER")
      ->check(CLI::PositiveNumber.description(""));
  command
      ->add_option("--max-head", options->max_head,
                   "Limit the size of a request's line and headers; beyond it the response is 431")
      ->type_name("SIZE")
      ->capture_default_str();
  command
      ->add_option("--header-timeout", options->header_timeout,
                   "Limit the time to receive a request's head, and the time a connection is idle")
      ->type_name("TIME")
      ->capture_default_str();
  command
      ->add_option("--body-timeout", options->body_timeout,
                   "Limit the time that a guest waits for more of a request's body")
      ->type_name("TIME")
      ->capture_default_str();
  command
      ->add_option("--write-timeout", options->write_timeout,
                   "Limit the time that a client reads nothing of its response")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_option("--threads", server.threads, "Run guests on this many threads; 0 means one per core")
      ->type_name("NUMBER")
      ->check(CLI::Range(0, 1024).description(""))
      ->capture_default_str();
  command
      ->add_option(
          "--log", options->log,
          "Log each request to standard output as text or json, only errors of guests to standard error, or "
          "none")
      ->type_name("KIND")
      ->check(CLI::IsMember({"text", "json", "errors", "none"}).description(""))
      ->capture_default_str();
  command->add_option("--grace", options->grace, "Limit the time to finish running requests at the end")
      ->type_name("TIME")
      ->capture_default_str();
  command
      ->add_option("--total-memory", options->total_memory,
                   "Limit the memory of all guests together (default: half of the machine's)")
      ->type_name("SIZE");
  command->add_flag(
      "--no-pool", options->no_pool,
      "Allocate instances individually instead of from a pool: slower, but keeps less memory and does not "
      "limit their size");
  add_sandbox_options(*command, options->sandbox);
  command->get_option("--timeout")->description("Limit the time of each request, e.g. 500ms, 5s or 2m");
  command->callback([options] {
    const auto served = serve(*options);
    if (!served) print_error(served.error());
    flush_notes(std::chrono::seconds(1));
    if (!served) throw CLI::RuntimeError(exit_code(served.error().code()));
  });
}

}  // namespace tairitsu::cli

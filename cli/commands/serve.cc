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

/// What a guest was asked for may hold anything that a client likes: a log shows no control characters.
std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\' ? fmt::format("\\x{:02x}", byte)
                                                                  : std::string(1, c);
  }
  return shown;
}

std::string as_text(const HttpAccess& access) {
  std::string line = fmt::format("{} {} \"{} {}\" {} {} {:.1f}ms", now(), access.peer, access.method,
                                 printable(access.target), access.status, access.body_bytes,
                                 std::chrono::duration<double, std::milli>(access.took).count());
  if (access.error != nullptr) {
    std::string details = access.error->message();
    if (!access.error->backtrace().empty()) details += "\n" + backtrace_of(*access.error);
    // A guest has a say in it: it does not get to begin a line of the log.
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

/// Standard output, of which the server's threads must not have to wait for the reader.
LineQueue& output() {
  static auto* const queue = new LineQueue(STDOUT_FILENO, [](std::uint64_t dropped) {
    print_warning(std::to_string(dropped) + " lines of the log were dropped: standard output was not read");
  });
  return *queue;
}

std::function<void(const HttpAccess&)> access_log(const std::string& kind) {
  if (kind == "text") return [](const HttpAccess& access) { output().push(terminal_text(as_text(access))); };
  if (kind == "json")
    return [](const HttpAccess& access) { output().push(terminal_text(as_json(access), Escapes::json)); };
  if (kind == "errors") {
    return [](const HttpAccess& access) {
      // That a client went away is not the guest's fault.
      if (access.error == nullptr || access.error->code() == ErrorCode::interrupted) return;
      print_note(as_text(access));
    };
  }
  return {};
}

/// `PORT` and `:PORT` are ports of this machine alone, so that nothing is open to others unless it says so.
std::string listening_address(const std::string& typed) {
  const std::string port = typed.starts_with(':') ? typed.substr(1) : typed;
  const bool is_port = !port.empty() && port.find_first_not_of("0123456789") == std::string::npos;
  return is_port ? "127.0.0.1:" + port : typed;
}

/// Room for as many instances as there are requests at a time, and for those that are just ending.
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

/// As many descriptors as the system lets this process have.
void raise_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// What was asked for, or half of the machine's memory.
Result<std::uint64_t> total_memory(const ServeCommandOptions& options) {
  if (!options.total_memory.empty()) return read_size(options.total_memory);
  const auto pages = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 0L));
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 2;
}

Result<void> serve(ServeCommandOptions& options) {
  TAIRITSU_TRY(auto wasi, to_wasi_options(options.sandbox));
  TAIRITSU_TRY(auto limits, to_limits(options.sandbox));
  TAIRITSU_TRY(const auto grace, read_duration(options.grace));
  TAIRITSU_TRY(options.server.max_head_bytes, read_size(options.max_head));
  TAIRITSU_TRY(options.server.header_timeout, read_duration(options.header_timeout));
  TAIRITSU_TRY(options.server.body_timeout, read_duration(options.body_timeout));
  TAIRITSU_TRY(options.server.write_timeout, read_duration(options.write_timeout));
  options.server.address = listening_address(options.server.address);
  options.server.admin_address = listening_address(options.server.admin_address);
  // Whole lines, so that those of several guests do not mix.
  const auto to_stderr = [](std::string_view line) { print_note(std::string(line) + "\n"); };
  wasi.standard_output = wasi.standard_error = Output::lines;
  wasi.on_output_line = wasi.on_error_line = to_stderr;
  EngineOptions engine = engine_options(limits);
  engine.epochs = true;
  TAIRITSU_TRY(engine.total_memory_bytes, total_memory(options));
  raise_open_files();
  if (!options.no_pool) engine.pool = pool_for(options.server);

  // Before there is any other thread: each of them inherits what is blocked.
  const auto end = std::make_shared<std::promise<void>>();
  const std::shared_future<void> ended = end->get_future().share();
  catch_signals(0, [end](int) { end->set_value(); });
  // Guests, requests and signals do not wait for whoever reads what is printed.
  queue_notes();
  options.server.on_access = access_log(options.log);
  options.load.is_cancelled = [ended] { return ended.wait_for(0s) == std::future_status::ready; };
  const auto image = load_image(engine, options.load);
  if (!image) {
    // It was asked to end before it began.
    if (image.error().code() == ErrorCode::interrupted) return {};
    return std::unexpected(image.error());
  }
  // First of all: what else it lacks does not matter.
  if (const auto serves = HttpServer::check(*image); !serves) {
    return std::unexpected(serves.error().with_context(options.load.what()));
  }
  TAIRITSU_TRY(
      const auto container,
      Container::builder(*image).with_wasi(wasi).with_limits(limits).interruptible().build_template());
  auto server = HttpServer::start(container, options.server);
  if (!server) return std::unexpected(server.error().with_context(options.load.what()));
  print_note("listening on http://" + server->address() + "\n");
  if (!server->admin_address().empty()) {
    print_note("health and metrics on http://" + server->admin_address() + "\n");
  }
  ended.wait();
  print_note("draining: waiting for running requests\n");
  if (!server->drain(grace)) print_note("cutting off the requests that still run\n");
  server = fail(ErrorCode::interrupted, "the server has ended");  // What it still says comes before the end.
  constexpr std::chrono::seconds kLastWords{1};
  output().flush(kLastWords);
  flush_notes(kLastWords);
  return {};
}

}  // namespace

void add_serve(CLI::App& app) {
  auto* command = app.add_subcommand("serve", "Serve HTTP with a component of wasi:http");
  command->footer(
      "The first line on standard error says where it listens. What guests print goes to standard error. A\n"
      "guest that traps or runs out of something is answered for with 500, at the timeout with 504, and its\n"
      "request's id is in the log. SIGTERM and Ctrl-C let running requests end; a second one does not "
      "wait.\n"
      "Without --timeout a request may take 30 seconds.\n\n"
      "Example:\n  tairitsu serve hello.wasm\n"
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
                   "Address to listen on; a port alone is one of 127.0.0.1, and port 0 takes a free one")
      ->type_name("[ADDRESS:]PORT")
      ->capture_default_str();
  command->add_option("--admin-addr", server.admin_address, "Address of /healthz and /metrics")
      ->type_name("[ADDRESS:]PORT");
  command
      ->add_option("--requests-per-instance", server.requests_per_instance,
                   "How many requests an instance answers, one after the other. More than 1 is faster, and a "
                   "request can see what those before it left in memory")
      ->type_name("NUMBER")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--max-requests", server.max_concurrent_requests, "Requests in guests at a time")
      ->type_name("NUMBER")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--max-queue", server.max_queued_requests, "Requests that wait for room, before 503")
      ->type_name("NUMBER")
      ->capture_default_str();
  command->add_option("--max-connections", server.max_connections, "Connections at a time")
      ->type_name("NUMBER")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--max-connections-per-address", server.max_connections_per_address,
                   "Connections from one address (default: three quarters of --max-connections)")
      ->type_name("NUMBER")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--max-requests-per-address", server.max_requests_per_address,
                   "Requests of one address in guests at a time; more wait (default: three quarters of "
                   "--max-requests)")
      ->type_name("NUMBER")
      ->check(CLI::PositiveNumber);
  command->add_option("--max-head", options->max_head, "Size of a request's line and headers")
      ->type_name("SIZE")
      ->capture_default_str();
  command
      ->add_option("--header-timeout", options->header_timeout,
                   "How long a client may take to send a request's head, or keep an idle connection")
      ->type_name("TIME")
      ->capture_default_str();
  command
      ->add_option("--body-timeout", options->body_timeout,
                   "How long a guest waits for a client that sends no more of its body")
      ->type_name("TIME")
      ->capture_default_str();
  command
      ->add_option("--write-timeout", options->write_timeout,
                   "How long a client may not read any of its response")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_option("--threads", server.threads, "Threads that run guests; 0 for one a core")
      ->type_name("NUMBER")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command
      ->add_option(
          "--log", options->log,
          "text or json: each request, on standard output; errors: those whose guest failed, on standard "
          "error; none")
      ->type_name("KIND")
      ->check(CLI::IsMember({"text", "json", "errors", "none"}))
      ->capture_default_str();
  command->add_option("--grace", options->grace, "How long running requests may take at the end")
      ->type_name("TIME")
      ->capture_default_str();
  command
      ->add_option("--total-memory", options->total_memory,
                   "Limit the memory of all guests together (half of the machine's)")
      ->type_name("SIZE");
  command->add_flag(
      "--no-pool", options->no_pool,
      "Allocate instances one by one: slower, with less memory kept and no bounds on their shape");
  add_sandbox_options(*command, options->sandbox);
  command->callback([options] {
    const auto served = serve(*options);
    if (!served) print_error(served.error());
    flush_notes(std::chrono::seconds(1));
    if (!served) throw CLI::RuntimeError(exit_code(served.error().code()));
  });
}

}  // namespace tairitsu::cli

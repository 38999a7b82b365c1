#include "engine/http_server.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "engine/bridge.h"

namespace tairitsu::detail {

namespace {

/// State of the server's callbacks; lives as long as the server may call them.
struct Listener {
  std::shared_ptr<ServerHost> host;
  std::function<void(const HttpAccess&)> on_access;
};

void on_served(void* data, const bridge::ServedRequest* request) {
  std::optional<Error> error;
  if (request->error.size != 0) {
    error.emplace(static_cast<ErrorCode>(request->error_code), std::string(bridge::as_text(request->error)),
                  std::string(bridge::as_text(request->backtrace)), 0,
                  std::string(bridge::as_text(request->full_backtrace)));
  }
  const HttpAccess access{
      .id = request->id,
      .method = bridge::as_text(request->method),
      .target = bridge::as_text(request->target),
      .peer = bridge::as_text(request->peer),
      .status = request->status,
      .body_bytes = request->body_bytes,
      .took = std::chrono::nanoseconds(request->nanoseconds),
      .error = error ? &*error : nullptr,
  };
  try {
    static_cast<Listener*>(data)->on_access(access);
  } catch (...) {  // NOLINT(bugprone-empty-catch): the request has ended, so there is nowhere to report it.
  }
}

void* make_context(void* data) { return static_cast<Listener*>(data)->host->make_context(); }

void free_context(void* data, void* context) { static_cast<Listener*>(data)->host->free_context(context); }

bridge::Bytes explain(void* data, void* context) {
  return bridge::borrow(static_cast<Listener*>(data)->host->explain(context));
}

void release(void* data) { delete static_cast<Listener*>(data); }

}  // namespace

void EngineServer::Deleter::operator()(bridge::Server* server) const noexcept {
  bridge::tairitsu_bridge_server_free(server);
}

Result<EngineServer> EngineServer::start(const EngineCore& engine, const LinkedComponent& component,
                                         const StoreOptions& store, const HttpServerOptions& options,
                                         std::shared_ptr<ServerHost> host) {
  const nlohmann::json json = {
      {"address", options.address},
      {"admin_address",
       options.admin_address.empty() ? nlohmann::json() : nlohmann::json(options.admin_address)},
      {"threads", options.threads},
      {"max_connections", options.max_connections},
      {"max_concurrent_requests", options.max_concurrent_requests},
      {"max_queued_requests", options.max_queued_requests},
      {"requests_per_instance", options.requests_per_instance},
      {"max_connections_per_address", options.max_connections_per_address},
      {"max_requests_per_address", options.max_requests_per_address},
      {"max_head_bytes", options.max_head_bytes},
      {"header_timeout_nanoseconds", options.header_timeout.count()},
      {"body_timeout_nanoseconds", options.body_timeout.count()},
      {"write_timeout_nanoseconds", options.write_timeout.count()},
  };
  std::string text;
  try {
    text = json.dump();
  } catch (const nlohmann::json::type_error&) {
    return fail(ErrorCode::invalid_argument, "the server's address is not valid UTF-8");
  }
  auto listener =
      std::make_unique<Listener>(Listener{.host = std::move(host), .on_access = options.on_access});
  const bool has_imports = listener->host->has_imports();
  const bridge::StoreConfig config = to_config(store);
  const bridge::ServerCallbacks callbacks{
      .data = listener.get(),
      .served = options.on_access ? on_served : nullptr,
      .make_context = has_imports ? make_context : nullptr,
      .free_context = has_imports ? free_context : nullptr,
      .explain = has_imports ? explain : nullptr,
      .release = release,
  };
  std::ignore = listener.release();  // The bridge calls `release`.
  bridge::Server* server = nullptr;
  TAIRITSU_RETURN_IF_ERROR(bridge::check(bridge::tairitsu_bridge_server_start(
      engine.bridge(), component.bridge(), &config, bridge::borrow(text), &callbacks, &server)));
  return EngineServer(server);
}

std::string EngineServer::address(bool admin) const {
  return std::string(bridge::as_text(bridge::tairitsu_bridge_server_address(server_.get(), admin)));
}

bool EngineServer::drain(std::chrono::nanoseconds grace) const noexcept {
  const auto nanoseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(0, grace.count()));
  return bridge::tairitsu_bridge_server_drain(server_.get(), nanoseconds);
}

HttpServerStatistics EngineServer::statistics() const noexcept {
  const auto numbers = bridge::tairitsu_bridge_server_statistics(server_.get());
  return {
      .connections = numbers.connections,
      .running = numbers.requests,
      .queued = numbers.queued,
      .served = numbers.served,
      .rejected = numbers.rejected,
      .failed = numbers.failed,
      .refused = numbers.refused,
      .timed_out = numbers.timed_out,
      .instances = numbers.instances,
  };
}

}  // namespace tairitsu::detail

#include "tairitsu/http_server.h"

#include <string_view>
#include <utility>

#include "engine/http_server.h"
#include "runtime/core.h"
#include "runtime/template.h"
#include "wit/name.h"

namespace tairitsu {

namespace detail {

namespace {

/// Creates a container core for each guest that the server runs; it holds the state of the host functions.
class TemplateHost final : public ServerHost {
 public:
  explicit TemplateHost(std::shared_ptr<const TemplateCore> container) : container_(std::move(container)) {}

  [[nodiscard]] bool has_imports() const noexcept override {
    return !container_->linked->functions.empty() || !container_->linked->resources.empty();
  }

  void* make_context() noexcept override {
    try {
      auto core = ContainerCore::create(container_->image, container_->options, container_->make_state());
      return core ? as_context(ContainerCore::lend(*std::move(core), container_->linked)) : nullptr;
    } catch (...) {
      return nullptr;  // The state factory threw: the server responds with 500.
    }
  }

  void free_context(void* context) noexcept override {
    ContainerCore::take_back(&core_of(guest_of(context)));
  }

  [[nodiscard]] std::string_view explain(void* context) const noexcept override {
    return core_of(guest_of(context)).host_error();
  }

 private:
  std::shared_ptr<const TemplateCore> container_;
};

}  // namespace

class HttpServerCore {
 public:
  HttpServerCore(Engine engine, EngineServer server)
      : ticking_(std::move(engine)),
        server_(std::move(server)),
        address_(server_.address(false)),
        admin_address_(server_.address(true)) {}

  [[nodiscard]] const EngineServer& server() const noexcept { return server_; }
  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  [[nodiscard]] const std::string& admin_address() const noexcept { return admin_address_; }

 private:
  /// Computing guests yield to others at each tick, and stop at a tick when the server ends.
  class Ticking {
   public:
    explicit Ticking(Engine engine) : engine_(std::move(engine)) {
      if (engine_.options().epochs) engine_.core()->begin_ticking();
    }
    Ticking(const Ticking&) = delete;
    Ticking& operator=(const Ticking&) = delete;
    ~Ticking() {
      if (engine_.options().epochs) engine_.core()->end_ticking();
    }

   private:
    Engine engine_;
  };

  Ticking ticking_;
  EngineServer server_;  // Destroyed before the ticks stop.
  std::string address_;
  std::string admin_address_;
};

}  // namespace detail

namespace {

bool exports_http_handler(const World& world) {
  return detail::find_first_interface(world.exports,
                                      {"wasi:http/handler@0.3", "wasi:http/incoming-handler@0.2"}) != nullptr;
}

}  // namespace

Result<void> HttpServer::check(const Image& image) {
  if (!exports_http_handler(image.world())) {
    return fail(ErrorCode::unsupported_type,
                "not an HTTP component: it exports neither wasi:http/incoming-handler@0.2 nor "
                "wasi:http/handler@0.3");
  }
  return {};
}

Result<HttpServer> HttpServer::start(const ContainerTemplate& container, const HttpServerOptions& options) {
  const auto& core = container.core();
  TAIRITSU_RETURN_IF_ERROR(check(core->image));
  if (!core->linked->interruptible) {
    return fail(
        ErrorCode::invalid_argument,
        "an HTTP server needs an interruptible template: build it with interruptible() or a deadline");
  }
  if (options.requests_per_instance == 0 || options.max_connections == 0 ||
      options.max_concurrent_requests == 0) {
    return fail(
        ErrorCode::invalid_argument,
        "HttpServerOptions::requests_per_instance, max_connections and max_concurrent_requests must be "
        "at least 1");
  }
  if (options.max_head_bytes < 1024) {
    return fail(ErrorCode::invalid_argument, "HttpServerOptions::max_head_bytes must be at least 1024");
  }
  for (const auto limit : {options.header_timeout, options.body_timeout, options.write_timeout}) {
    if (limit.count() < 0)
      return fail(ErrorCode::invalid_argument, "the timeouts in HttpServerOptions must not be negative");
  }
  detail::StoreOptions store = detail::store_options(core->options.limits);
  store.wasi = core->options.wasi.get();
  const Engine& engine = core->image.engine();
  TAIRITSU_TRY(auto server, detail::EngineServer::start(*engine.core(), core->linked->linked, store, options,
                                                        std::make_shared<detail::TemplateHost>(core)));
  return HttpServer(std::make_unique<detail::HttpServerCore>(engine, std::move(server)));
}

HttpServer::HttpServer(std::unique_ptr<detail::HttpServerCore> core) : core_(std::move(core)) {}
HttpServer::HttpServer(HttpServer&&) noexcept = default;
HttpServer& HttpServer::operator=(HttpServer&&) noexcept = default;
HttpServer::~HttpServer() = default;

const std::string& HttpServer::address() const noexcept { return core_->address(); }

const std::string& HttpServer::admin_address() const noexcept { return core_->admin_address(); }

HttpServerStatistics HttpServer::statistics() const noexcept { return core_->server().statistics(); }

bool HttpServer::drain(std::chrono::nanoseconds grace) { return core_->server().drain(grace); }

}  // namespace tairitsu

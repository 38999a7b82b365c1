#include "tairitsu/http_server.h"

#include <string_view>
#include <utility>

#include "component/name.h"
#include "container/core.h"
#include "container/template.h"
#include "engine/http_server.h"

namespace tairitsu {

namespace detail {

namespace {

/// Makes containers whose guests the server runs: their host functions find their state there.
class TemplateHost final : public ServerHost {
 public:
  explicit TemplateHost(std::shared_ptr<const TemplateCore> container) : container_(std::move(container)) {}

  [[nodiscard]] bool has_imports() const noexcept override {
    return !container_->linked->functions.empty() || !container_->linked->resources.empty();
  }

  void* make_context() noexcept override {
    try {
      auto core = ContainerCore::create(container_->image, container_->options, container_->make_state());
      return core ? ContainerCore::lend(*std::move(core), container_->linked) : nullptr;
    } catch (...) {
      return nullptr;  // The state factory's exception: the request is answered 500.
    }
  }

  void free_context(void* context) noexcept override {
    ContainerCore::take_back(static_cast<ContainerCore*>(context));
  }

  [[nodiscard]] std::string_view explain(void* context) const noexcept override {
    return static_cast<const ContainerCore*>(context)->host_error();
  }

 private:
  std::shared_ptr<const TemplateCore> container_;
};

}  // namespace

class HttpServerCore {
 public:
  HttpServerCore(Engine engine, EngineServer server)
      : engine_(std::move(engine)),
        server_(std::move(server)),
        address_(server_.address(false)),
        admin_address_(server_.address(true)) {
    // Guests that compute give way to others at each tick.
    if (engine_.options().epochs) engine_.core()->begin_ticking();
  }
  HttpServerCore(const HttpServerCore&) = delete;
  HttpServerCore& operator=(const HttpServerCore&) = delete;
  ~HttpServerCore() {
    if (engine_.options().epochs) engine_.core()->end_ticking();
  }

  [[nodiscard]] const EngineServer& server() const noexcept { return server_; }
  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  [[nodiscard]] const std::string& admin_address() const noexcept { return admin_address_; }

 private:
  Engine engine_;
  EngineServer server_;
  std::string address_;
  std::string admin_address_;
};

}  // namespace detail

namespace {

bool serves_http(const World& world) {
  return detail::find_first_interface(world.exports,
                                      {"wasi:http/handler@0.3", "wasi:http/incoming-handler@0.2"}) != nullptr;
}

}  // namespace

Result<HttpServer> HttpServer::start(const ContainerTemplate& container, const HttpServerOptions& options) {
  const auto& core = container.core();
  if (!serves_http(core->image.world())) {
    return fail(ErrorCode::unsupported_type,
                "the component serves no HTTP, for it exports neither wasi:http/incoming-handler of 0.2 nor "
                "wasi:http/handler of 0.3");
  }
  if (!core->linked->interruptible) {
    return fail(
        ErrorCode::invalid_argument,
        "a server's guests wait for their clients: build its template interruptible() or with a deadline");
  }
  if (options.requests_per_instance == 0 || options.max_connections == 0 ||
      options.max_concurrent_requests == 0) {
    return fail(ErrorCode::invalid_argument, "a server needs room for at least one request");
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

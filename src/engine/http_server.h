/// The engine's HTTP server.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "engine/instance.h"
#include "tairitsu/error.h"
#include "tairitsu/http_server_options.h"

namespace tairitsu::bridge {
struct Server;
}

namespace tairitsu::detail {

/// What the server's instances need from the host in addition to WASI.
class ServerHost {
 public:
  virtual ~ServerHost() = default;
  /// Returns whether the component imports host functions. If not, the server creates no contexts.
  [[nodiscard]] virtual bool has_imports() const noexcept = 0;
  /// Creates the context that a store passes to host functions. Returns null on failure. Any thread.
  virtual void* make_context() noexcept = 0;
  virtual void free_context(void* context) noexcept = 0;
  /// Returns the message of the host function that failed, or an empty text. Valid until the context's next use.
  [[nodiscard]] virtual std::string_view explain(void* context) const noexcept = 0;
};

class EngineServer {
 public:
  /// Ignores `store.context`: `host` creates the contexts. `host` lives until the server has ended its last request.
  [[nodiscard]] static Result<EngineServer> start(const EngineCore& engine, const LinkedComponent& component,
                                                  const StoreOptions& store, const HttpServerOptions& options,
                                                  std::shared_ptr<ServerHost> host);

  [[nodiscard]] std::string address(bool admin) const;
  [[nodiscard]] bool drain(std::chrono::nanoseconds grace) const noexcept;
  [[nodiscard]] HttpServerStatistics statistics() const noexcept;

 private:
  struct Deleter {
    void operator()(bridge::Server* server) const noexcept;
  };
  explicit EngineServer(bridge::Server* server) : server_(server) {}
  std::unique_ptr<bridge::Server, Deleter> server_;
};

}  // namespace tairitsu::detail

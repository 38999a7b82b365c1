/// The engine's server of HTTP.
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

/// What the server's instances need of the host beside WASI.
class ServerHost {
 public:
  virtual ~ServerHost() = default;
  /// Whether the component imports functions of the host's. Where not, no context is asked for.
  [[nodiscard]] virtual bool has_imports() const noexcept = 0;
  /// Makes what host functions find in a store; null where that fails. Any thread.
  virtual void* make_context() noexcept = 0;
  virtual void free_context(void* context) noexcept = 0;
  /// What a host function said that failed; empty where none did. Valid until the context is used again.
  [[nodiscard]] virtual std::string_view explain(void* context) const noexcept = 0;
};

class EngineServer {
 public:
  /// `store.context` is left to `host`, which lives as long as the server runs anything.
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

/// A server of HTTP/1.1 whose requests guests answer: components that export `wasi:http/incoming-handler` of
/// WASI 0.2 or `wasi:http/handler` of 0.3; of 0.3 if they export both.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include <tairitsu/container.h>
#include <tairitsu/error.h>
#include <tairitsu/http_server_options.h>

namespace tairitsu {

namespace detail {
class HttpServerCore;
}

/// A running server. Move-only. A guest that fails is answered for with 500, or 504 at its deadline, and harms no
/// other request. Usable from any thread but those that run its guests.
class HttpServer {
 public:
  /// Listens when this returns. The template's limits hold for each request, its deadline from the request's head
  /// to its end; its WASI options and host functions are those of every instance. Host functions run on the
  /// server's threads. Fails with `unsupported_type` where the component serves no HTTP, with
  /// `invalid_argument` where the template was not built `interruptible()` or with a deadline, and with `io`.
  [[nodiscard]] static Result<HttpServer> start(const ContainerTemplate& container,
                                                const HttpServerOptions& options = {});
  /// Whether `start` could serve it: fails with `unsupported_type` if the component exports no HTTP handler.
  [[nodiscard]] static Result<void> check(const Image& image);
  HttpServer(HttpServer&&) noexcept;
  HttpServer& operator=(HttpServer&&) noexcept;
  /// Cuts off what runs.
  ~HttpServer();

  /// Where it listens, as `ADDRESS:PORT`.
  [[nodiscard]] const std::string& address() const noexcept;
  /// Where it answers for its operator; empty for nowhere.
  [[nodiscard]] const std::string& admin_address() const noexcept;
  [[nodiscard]] HttpServerStatistics statistics() const noexcept;

  /// Takes no more connections, ends those that are idle, and waits for the requests that run: whether they were
  /// over within `grace`.
  bool drain(std::chrono::nanoseconds grace);

 private:
  explicit HttpServer(std::unique_ptr<detail::HttpServerCore> core);
  std::unique_ptr<detail::HttpServerCore> core_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

/// An HTTP/1.1 server whose requests are handled by guests: components that export `wasi:http/incoming-handler` of
/// WASI 0.2 or `wasi:http/handler` of 0.3 (0.3 is preferred).
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

/// A running server. Move-only. If a guest fails, its client gets a 500 response, or 504 at the deadline; other
/// requests are not affected. Usable from any thread except those that run its guests.
class HttpServer {
 public:
  /// Starts a server, which is listening when this returns. Each request gets the template's limits, and its deadline
  /// covers the time from the request's head to its end; every instance has the template's WASI options and host
  /// functions. Host functions run on the server's threads. Fails with `unsupported_type` if the component does not
  /// export an HTTP handler, with `invalid_argument` if an option is invalid or the template was built neither
  /// `interruptible()` nor with a deadline, and with `io` if it cannot listen.
  [[nodiscard]] static Result<HttpServer> start(const ContainerTemplate& container,
                                                const HttpServerOptions& options = {});
  /// Checks that the image's component can handle HTTP requests. Fails with `unsupported_type` if it does not export an
  /// HTTP handler.
  [[nodiscard]] static Result<void> check(const Image& image);
  HttpServer(HttpServer&&) noexcept;
  HttpServer& operator=(HttpServer&&) noexcept;
  /// Stops the server and interrupts running requests.
  ~HttpServer();

  /// Returns the address that it listens on, `ADDRESS:PORT`.
  [[nodiscard]] const std::string& address() const noexcept;
  /// Returns the address of `/healthz` and `/metrics`; empty if there is none.
  [[nodiscard]] const std::string& admin_address() const noexcept;
  /// Returns the server's current statistics.
  [[nodiscard]] HttpServerStatistics statistics() const noexcept;

  /// Stops accepting connections, closes idle ones, and waits for running requests. Returns whether all of them
  /// finished within `grace`.
  bool drain(std::chrono::nanoseconds grace);

 private:
  explicit HttpServer(std::unique_ptr<detail::HttpServerCore> core);
  std::unique_ptr<detail::HttpServerCore> core_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

/// Requests with retries, redirects and time limits: the layer between a transport's single exchange and the
/// registry protocol. It knows no credentials except the header that it is given.
///
/// Our own: retries, redirects and credentials follow the rules of registries, not those of an HTTP library.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "oci/blob.h"
#include "oci/text.h"
#include "oci/transport.h"
#include "oci/url.h"
#include "tairitsu/error.h"

namespace tairitsu::oci {

/// A clock that tests can replace, so that they need not wait. Usable from any thread.
class Clock {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  [[nodiscard]] virtual TimePoint now() = 0;
  virtual void sleep(std::chrono::milliseconds duration) = 0;
};

/// Returns the system's clock, which is never destroyed.
[[nodiscard]] Clock& real_clock();

struct SessionOptions {
  /// The maximum number of times a request is sent if the connection fails or the server is busy (429, 502,
  /// 503, 504).
  int attempts = 5;
  /// The delay before the second attempt, doubled before each further one. Half of it is random, so that clients
  /// that failed together do not retry together.
  std::chrono::milliseconds first_delay = std::chrono::milliseconds(250);
  std::chrono::milliseconds longest_delay = std::chrono::seconds(10);
  /// If the server asks for a longer delay (`Retry-After`), the request is not retried.
  std::chrono::milliseconds longest_retry_after = std::chrono::seconds(60);
  int redirects = 10;
  std::chrono::milliseconds idle_limit = std::chrono::seconds(60);
  /// Registries, `host[:port]`, that are used without TLS. Loopback hosts are always allowed to be.
  std::vector<std::string> plain_http = {};
  std::string user_agent = "tairitsu";
};

/// One request with all of its attempts.
struct Exchange {
  HttpMethod method = HttpMethod::get;
  Url url = {};
  HttpHeaders headers = {};
  std::string body = {};
  /// Sent instead of `body`: `size` bytes, starting at `offset`.
  BlobSource* source = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  /// The `Authorization` header, sent only to the URL's own origin; empty for none.
  std::string authorization = {};
  /// Never sends the body to another origin either.
  bool secret_body = false;
  /// Leaves the body of a success unread, in `Response::body`.
  bool stream = false;
  /// The maximum size of a success's body unless it is streamed; more fails with `size_limit`.
  std::size_t body_limit = std::size_t{4} << 20U;
  /// All attempts and waits end by then.
  Clock::TimePoint deadline = Clock::TimePoint::max();
  bool retry = true;
};

struct Response {
  int status = 0;
  HttpHeaders headers = {};
  Url url = {};              ///< The URL that was reached after redirects.
  bool left_origin = false;  ///< A redirect led to another origin.
  int attempts = 1;
  std::string text = {};  ///< The body; of an error only the first 64 KiB.
  /// The credentials that were sent: messages never repeat them, even if the server does.
  std::vector<std::string> secrets = {};
  std::unique_ptr<HttpBody> body = nullptr;

  [[nodiscard]] bool is_success() const noexcept { return status >= 200 && status < 300; }
};

/// Use from one thread at a time. The transport and the clock must outlive it.
class Session {
 public:
  Session(HttpTransport& transport, Clock& clock, SessionOptions options);

  /// Returns a response of any status except a redirect. Fails with `network` if no attempt got a response, at the
  /// deadline, and for plain HTTP to a host that requires TLS; with `registry_refused` for a redirect that is not
  /// followed: too many, to plain HTTP, or one that would change the method.
  [[nodiscard]] Result<Response> send(const Exchange& exchange);

  /// Resolves a `Location`, `Link` or realm in a response of `from`. Fails with `registry_refused` for an invalid
  /// URL, and for one that leads from TLS to plain HTTP.
  [[nodiscard]] Result<Url> follow(const Url& from, std::string_view reference) const;
  /// Returns whether a registry may be used without TLS.
  [[nodiscard]] bool allows_plain_http(std::string_view authority) const;

  /// Returns whether the host of an `https` URL speaks only plain HTTP; false if another failure leaves it open.
  [[nodiscard]] bool speaks_plain_http(const Url& url, Clock::TimePoint deadline);

  /// Waits before attempt number `failures + 1`. Returns false at once if that is one too many, if the wait would
  /// end after the deadline, or if the server asks for a longer delay than allowed.
  [[nodiscard]] bool pause(int failures, std::optional<std::chrono::seconds> retry_after,
                           Clock::TimePoint deadline);

  /// Returns a transport's error with the host in its message.
  [[nodiscard]] static Error to_error(const TransportError& error, const Url& url);
  /// Returns whether another attempt may succeed.
  [[nodiscard]] static bool is_transient(TransportFault fault) noexcept;

  /// Hides a password or a token from all later messages.
  void keep_secret(std::string_view secret);
  /// Returns the text without secrets, for messages.
  [[nodiscard]] std::string redact(std::string_view text) const {
    return redacted(std::string(text), secrets_);
  }

  [[nodiscard]] Clock& clock() const noexcept { return *clock_; }
  [[nodiscard]] const SessionOptions& options() const noexcept { return options_; }

 private:
  struct Failure;
  template <typename T>
  using Tried = std::expected<T, Failure>;

  [[nodiscard]] Tried<Response> attempt(const Exchange& exchange);
  [[nodiscard]] Tried<void> read_body(const Exchange& exchange, HttpBody& body, Response& response) const;
  /// Returns the next URL if the response is a redirect.
  [[nodiscard]] Result<std::optional<Url>> redirect(const Exchange& exchange, const Url& url,
                                                    const HttpResponse& response) const;

  HttpTransport* transport_;
  Clock* clock_;
  SessionOptions options_;
  std::minstd_rand random_;
  /// The longest first, because one may be a part of another.
  std::vector<std::string> secrets_;
};

/// Returns the delay in `Retry-After`: seconds, or a date relative to the response's own `Date`.
[[nodiscard]] std::optional<std::chrono::seconds> retry_after(const HttpHeaders& headers);

/// Returns the status with the errors in the body, `404: MANIFEST_UNKNOWN manifest unknown`, by the distribution
/// specification; else with the body's first line if it is plain text.
[[nodiscard]] std::string describe_status(const Response& response);

}  // namespace tairitsu::oci

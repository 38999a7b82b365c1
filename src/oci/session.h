/// Requests that are tried again, redirected and bounded in time: what lies between one exchange of a
/// transport and the protocol of registries. It knows no credentials but the header that it is given.
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

/// Time, so that tests need not wait. Any thread may use it.
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

/// The machine's. Lives for ever.
[[nodiscard]] Clock& real_clock();

struct SessionOptions {
  /// How often a request is sent at most where the connection fails or the server is busy (429, 502, 503,
  /// 504).
  int attempts = 5;
  /// Before the second try; doubled before each further one. A half of it is left to chance, so that many
  /// clients that failed together do not come back together.
  std::chrono::milliseconds first_delay = std::chrono::milliseconds(250);
  std::chrono::milliseconds longest_delay = std::chrono::seconds(10);
  /// A server that wants to be left alone for longer (`Retry-After`) is not asked again.
  std::chrono::milliseconds longest_retry_after = std::chrono::seconds(60);
  int redirects = 10;
  std::chrono::milliseconds idle_limit = std::chrono::seconds(60);
  /// Registries, `host[:port]`, that are spoken to without TLS. Loopback hosts may be.
  std::vector<std::string> plain_http = {};
  std::string user_agent = "tairitsu";
};

/// One request, as often as it takes.
struct Exchange {
  HttpMethod method = HttpMethod::get;
  Url url = {};
  HttpHeaders headers = {};
  std::string body = {};
  /// Sent instead of `body`: `size` bytes of it, from `offset` on.
  BlobSource* source = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  /// The `Authorization` header, sent to the URL's own origin alone; empty for none.
  std::string authorization = {};
  /// The body is not to be sent to another origin either.
  bool secret_body = false;
  /// Leaves the body of a success unread, in `Answer::body`.
  bool stream = false;
  /// What a success may have in its body else; more fails with `size_limit`.
  std::size_t body_limit = std::size_t{4} << 20U;
  /// All tries and waits end by then.
  Clock::TimePoint deadline = Clock::TimePoint::max();
  bool retry = true;
};

struct Answer {
  int status = 0;
  HttpHeaders headers = {};
  Url url = {};              ///< Where it came from, after redirects.
  bool left_origin = false;  ///< Another host has answered.
  int attempts = 1;
  std::string text = {};  ///< Of an error, its first 64 KiB.
  /// What was sent to prove who asks: a message does not repeat it, whatever the server says.
  std::vector<std::string> secrets = {};
  std::unique_ptr<HttpBody> body = nullptr;

  [[nodiscard]] bool is_success() const noexcept { return status >= 200 && status < 300; }
};

/// One thread at a time. The transport and the clock outlive it.
class Session {
 public:
  Session(HttpTransport& transport, Clock& clock, SessionOptions options);

  /// Any status is an answer, but for redirects. Fails with `network` where none came in all tries, where
  /// time ran out and for plain HTTP to a host that is not to be spoken to so; with `registry_refused` for a
  /// redirect that is not followed: too many, to plain HTTP, or with a body where the method would change.
  [[nodiscard]] Result<Answer> send(const Exchange& exchange);

  /// What a `Location` or its like in an answer of `from` leads to. Fails with `registry_refused` for what is
  /// no URL, and never leads from TLS to plain HTTP.
  [[nodiscard]] Result<Url> follow(const Url& from, std::string_view reference) const;
  /// Whether a registry may be spoken to without TLS.
  [[nodiscard]] bool is_plain(std::string_view authority) const;

  /// Whether a host, of an `https` URL, answers without TLS and not with it. A failure of another kind is no.
  [[nodiscard]] bool answers_plainly(const Url& url, Clock::TimePoint deadline);

  /// Waits before try number `failures + 1`. False where that is one too many, or ends past the deadline, or
  /// is later than a server may ask for.
  [[nodiscard]] bool pause(int failures, std::optional<std::chrono::seconds> retry_after,
                           Clock::TimePoint deadline);

  /// What a failed exchange means; `source_error` is what its source failed with.
  [[nodiscard]] static Error to_error(const TransportError& error, const Url& url);
  /// Whether another try may help.
  [[nodiscard]] static bool is_passing(TransportFault fault) noexcept;

  /// Has messages not show this, a password or a token, from now on.
  void keep_secret(std::string_view secret);
  /// The text as messages may show it.
  [[nodiscard]] std::string shown(std::string_view text) const {
    return redacted(std::string(text), secrets_);
  }

  [[nodiscard]] Clock& clock() const noexcept { return *clock_; }
  [[nodiscard]] const SessionOptions& options() const noexcept { return options_; }

 private:
  struct Failure;
  template <typename T>
  using Tried = std::expected<T, Failure>;

  [[nodiscard]] Tried<Answer> attempt(const Exchange& exchange);
  [[nodiscard]] Tried<void> read_body(const Exchange& exchange, HttpBody& body, Answer& answer) const;
  /// The next URL, where an answer is a redirect.
  [[nodiscard]] Result<std::optional<Url>> redirect(const Exchange& exchange, const Url& url,
                                                    const HttpResponse& response) const;

  HttpTransport* transport_;
  Clock* clock_;
  SessionOptions options_;
  std::minstd_rand random_;
  /// The longest first: one may be a part of another.
  std::vector<std::string> secrets_;
};

/// How long a server wants to be left alone: seconds, or a date relative to the answer's own `Date`.
[[nodiscard]] std::optional<std::chrono::seconds> retry_after(const HttpHeaders& headers);

/// `404: MANIFEST_UNKNOWN manifest unknown`: a status, with the errors that the body has by the distribution
/// specification, or else what it says where it is short text.
[[nodiscard]] std::string describe_status(const Answer& answer);

}  // namespace tairitsu::oci

/// How an `HttpServer` serves, and what it reports.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <tairitsu/error.h>

namespace tairitsu {

/// A request that is over. The texts are valid during the call that shows it.
struct HttpAccess {
  std::uint64_t id;  ///< In the `x-request-id` of answers that the server makes itself, in hexadecimal.
  std::string_view method;  ///< e.g. `GET`
  std::string_view target;  ///< The path and its query.
  std::string_view peer;    ///< `ADDRESS:PORT` of the client.
  unsigned status;
  std::uint64_t body_bytes;       ///< Of the response, as far as it was sent.
  std::chrono::nanoseconds took;  ///< From the request's head to the end of the response.
  const Error* error = nullptr;   ///< Why it failed; null where it did not.
};

struct HttpServerOptions {
  /// `ADDRESS:PORT`; port 0 takes one that is free.
  std::string address = "127.0.0.1:0";
  /// Where `/healthz` (200, or 503 while draining) and `/metrics` (Prometheus's text format) are; empty for
  /// nowhere. Not an address for clients.
  std::string admin_address = {};
  /// Threads that run guests; 0 for one a core.
  std::size_t threads = 0;
  /// When there are as many, the one that has waited longest for its client, but for a second at least, is closed for
  /// a new one: first those whose first request is not complete, then those whose client does not read, then idle ones.
  /// While all of them are at work, clients wait to be accepted.
  std::size_t max_connections = 4096;
  /// From one address, of IPv6 from one /64 network. More close the oldest one of that address that waits, or are
  /// closed at once if all of them are at work. 0 for three quarters of `max_connections`.
  std::size_t max_connections_per_address = 0;
  /// Requests in guests at a time. Each has an instance: a pool has to have room for them.
  std::size_t max_concurrent_requests = 256;
  /// From one address; its other requests wait, and do not hold up those of other addresses. 0 for three quarters of
  /// `max_concurrent_requests`.
  std::size_t max_requests_per_address = 0;
  /// Past that they wait, so many at most; more are answered 503. One address has three quarters of it.
  std::size_t max_queued_requests = 1024;
  /// How many requests an instance answers, one after the other. More than 1 is faster, and lets one request see
  /// what another left in the guest's memory. Idle instances stay, up to `max_concurrent_requests`.
  std::uint32_t requests_per_instance = 1;
  /// Bounds a request's line and headers; a longer head is answered 431. At least 1 KiB.
  std::size_t max_head_bytes = std::size_t{16} << 10U;
  /// How long a client may take to send a request's head; also how long a connection may be idle. 0 for no limit.
  std::chrono::nanoseconds header_timeout = std::chrono::seconds(10);
  /// How long a guest waits for a client that sends no more of its body; each KiB that arrives earns another second, up
  /// to this limit. A client that takes longer is answered 408. 0 for no limit.
  std::chrono::nanoseconds body_timeout = std::chrono::seconds(20);
  /// How long a client may not read any of its response before its connection is closed. 0 for no limit. While other
  /// requests wait for room, this and `body_timeout` are a second, and bodies have to come at 8 KiB/s.
  std::chrono::nanoseconds write_timeout = std::chrono::seconds(20);
  /// Told of each request when it is over, on the server's threads, several at a time. It must not block: a thread that
  /// waits in it serves nobody.
  std::function<void(const HttpAccess& access)> on_access = {};
};

/// Numbers since the server's start, or of now.
struct HttpServerStatistics {
  std::uint64_t connections;  ///< Now.
  std::uint64_t running;      ///< Requests in guests now.
  std::uint64_t queued;       ///< Requests that wait for room now.
  std::uint64_t served;       ///< Requests answered, in whatever way.
  std::uint64_t rejected;     ///< Of these, for want of room.
  std::uint64_t failed;       ///< Of these, by a guest that trapped, ran out of something or gave no answer.
  std::uint64_t refused;      ///< Connections closed for want of room.
  std::uint64_t timed_out;    ///< Clients that were too slow to send a body or to read a response.
  std::uint64_t instances;    ///< Guests made.
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

/// Options and reports of an `HttpServer`.
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

/// A finished request. The texts are valid during the call of `on_access`.
struct HttpAccess {
  std::uint64_t id;  ///< The `x-request-id`, in hexadecimal, of responses that the server itself generates.
  std::string_view method;  ///< e.g. `GET`
  std::string_view target;  ///< The path and its query.
  std::string_view peer;    ///< `ADDRESS:PORT` of the client.
  unsigned status;
  std::uint64_t body_bytes;       ///< How much of the response's body was sent.
  std::chrono::nanoseconds took;  ///< The time from the request's head to the end of the response.
  const Error* error = nullptr;   ///< Why the request failed; null if it succeeded.
};

struct HttpServerOptions {
  /// The address to listen on, `ADDRESS:PORT`; port 0 selects a free port.
  std::string address = "127.0.0.1:0";
  /// The address of `/healthz` (200, or 503 while draining) and `/metrics` (Prometheus text format); empty for none. Do
  /// not expose it to clients.
  std::string admin_address = {};
  /// Threads that run guests; 0 for one per core.
  std::size_t threads = 0;
  /// Open connections. At the limit, a new connection closes the one that has waited longest for its client, if that is
  /// at least a second: first connections whose first request is incomplete, then those whose client does not read,
  /// then idle ones. If none can be closed, the new connection waits to be accepted.
  std::size_t max_connections = 4096;
  /// Open connections from one address, or from one /64 network for IPv6. At the limit, a new connection closes the
  /// address's oldest waiting one, or is itself closed if none is waiting. 0 for three quarters of `max_connections`.
  std::size_t max_connections_per_address = 0;
  /// Requests that run in guests at a time. Each needs an instance, so a pool must have room for them.
  std::size_t max_concurrent_requests = 256;
  /// Running requests from one address. Further ones wait without delaying those of other addresses. 0 for three
  /// quarters of `max_concurrent_requests`.
  std::size_t max_requests_per_address = 0;
  /// Requests that wait to run; further ones are answered with 503. One address may use three quarters of the queue.
  std::size_t max_queued_requests = 1024;
  /// How many requests an instance handles, one after another. More than 1 is faster, but lets a request see what
  /// earlier ones left in the guest's memory. Up to `max_concurrent_requests` idle instances are kept.
  std::uint32_t requests_per_instance = 1;
  /// Size of a request's line and headers; a longer head gets a 431 response. At least 1 KiB.
  std::size_t max_head_bytes = std::size_t{16} << 10U;
  /// How long a client may take to send a request's head, and how long a connection may be idle. 0 for no limit.
  std::chrono::nanoseconds header_timeout = std::chrono::seconds(10);
  /// How long a guest waits for more of a request's body. Each KiB that arrives extends the wait by a second, up to
  /// this limit. A client that takes longer gets a 408 response. 0 for no limit.
  std::chrono::nanoseconds body_timeout = std::chrono::seconds(20);
  /// How long a client may read nothing of its response before its connection is closed. 0 for no limit. While other
  /// requests are queued, this and `body_timeout` are reduced to a second, and bodies must arrive at 8 KiB/s.
  std::chrono::nanoseconds write_timeout = std::chrono::seconds(20);
  /// Called with each finished request, on the server's threads and concurrently. It must not block, because a blocked
  /// thread serves no requests.
  std::function<void(const HttpAccess& access)> on_access = {};
};

/// Statistics of a server. The first three are current values, the others are totals since its start.
struct HttpServerStatistics {
  std::uint64_t connections;  ///< Open connections.
  std::uint64_t running;      ///< Requests that are running in guests.
  std::uint64_t queued;       ///< Requests that are waiting to run.
  std::uint64_t served;       ///< Requests that were answered, with any status.
  std::uint64_t rejected;     ///< Answered requests that were rejected because the queue was full.
  std::uint64_t failed;       ///< Answered requests whose guest trapped, reached a limit or sent no response.
  std::uint64_t refused;      ///< Connections that were closed because a limit was reached.
  std::uint64_t timed_out;    ///< Clients that were too slow to send a body or to read a response.
  std::uint64_t instances;    ///< Guests that were instantiated.
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

/// HTTP, one request and one response. The registry client uses this interface; the engine implements it.
///
/// A transport does not follow redirects, retry, decompress or add credentials. The layers above do that, in the same
/// way for every transport.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tairitsu/error.h"

namespace tairitsu::detail {

enum class HttpMethod : std::uint8_t { get, head, post, put, patch, delete_ };

/// Returns `"GET"`, `"DELETE"` and so on; a static string.
[[nodiscard]] std::string_view to_string(HttpMethod method) noexcept;

struct HttpHeader {
  std::string name;
  std::string value;
};

/// Headers in order; a name may occur more than once.
class HttpHeaders {
 public:
  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<HttpHeader> headers) : all_(headers) {}

  void add(std::string name, std::string value) { all_.push_back({std::move(name), std::move(value)}); }
  /// Returns the value of the first header with that name, ignoring case.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  [[nodiscard]] std::vector<std::string_view> find_all(std::string_view name) const;
  [[nodiscard]] const std::vector<HttpHeader>& all() const noexcept { return all_; }

 private:
  std::vector<HttpHeader> all_;
};

/// Bytes to send.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  /// Fills the front of `into`. Returns the number of bytes, 0 at the end.
  [[nodiscard]] virtual Result<std::size_t> read(std::span<std::byte> into) = 0;
};

struct HttpRequest {
  HttpMethod method = HttpMethod::get;
  std::string url = {};      ///< Absolute, `http` or `https`, ASCII, without user information or fragment.
  HttpHeaders headers = {};  ///< Without `Host` and `Content-Length`.
  std::string body = {};
  /// If not null, exactly `source_size` bytes of it are sent instead of `body`. Borrowed for the call; a thread of the
  /// transport may read it.
  ByteSource* source = nullptr;
  std::uint64_t source_size = 0;
  /// How long the connection may be idle in both directions.
  std::chrono::milliseconds idle_limit = std::chrono::seconds(60);
  /// How long the whole exchange may take, including the response's body.
  std::chrono::milliseconds total_limit = std::chrono::hours(1);
};

/// What made a request fail.
enum class TransportFault : std::uint8_t {
  request,  ///< The request has an invalid URL or header and was not sent.
  source,   ///< The request's source failed.
  connect,  ///< The host was not found, or refused the connection.
  tls,      ///< The server is not trusted, or does not speak TLS.
  timeout,  ///< A limit of the request, or of connecting, ran out.
  cut_off,  ///< The connection broke, or the response is not HTTP.
};

struct TransportError {
  TransportFault fault;
  std::string message;
};

template <typename T>
using TransportResult = std::expected<T, TransportError>;

/// A response's body. Destroying it before its end discards the rest.
class HttpBody {
 public:
  HttpBody() = default;
  HttpBody(const HttpBody&) = delete;
  HttpBody& operator=(const HttpBody&) = delete;
  virtual ~HttpBody() = default;

  /// Fills the front of `into`. Returns the number of bytes, 0 at the end. Fails with `cut_off` if the body ends before
  /// its `Content-Length` or its last chunk.
  [[nodiscard]] virtual TransportResult<std::size_t> read(std::span<std::byte> into) = 0;
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers = {};
  std::unique_ptr<HttpBody> body =
      nullptr;  ///< Not null when returned by `send`. The transport must outlive it.
};

/// Sends HTTP requests. Any number of threads may use it at once.
class HttpTransport {
 public:
  HttpTransport() = default;
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;
  virtual ~HttpTransport() = default;

  /// Sends a request. Returns when the response's head has arrived.
  [[nodiscard]] virtual TransportResult<HttpResponse> send(const HttpRequest& request) = 0;
};

}  // namespace tairitsu::detail

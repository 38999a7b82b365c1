/// HTTP, one request and one response: the interface that the client of registries uses, and that the engine
/// implements.
///
/// A transport follows no redirects, retries nothing, decompresses nothing and adds no credentials of its
/// own: all that is above it, and alike for every transport.
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

/// `"GET"`, `"DELETE"`. Valid for ever.
[[nodiscard]] std::string_view to_string(HttpMethod method) noexcept;

struct HttpHeader {
  std::string name;
  std::string value;
};

/// In their order; a name may stand there more than once.
class HttpHeaders {
 public:
  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<HttpHeader> headers) : all_(headers) {}

  void add(std::string name, std::string value) { all_.push_back({std::move(name), std::move(value)}); }
  /// The first one of that name, in any case of its letters.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  [[nodiscard]] std::vector<std::string_view> find_all(std::string_view name) const;
  [[nodiscard]] const std::vector<HttpHeader>& all() const noexcept { return all_; }

 private:
  std::vector<HttpHeader> all_;
};

/// Bytes to be sent.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  /// Fills the front of `into`; how many bytes, 0 at the end.
  [[nodiscard]] virtual Result<std::size_t> read(std::span<std::byte> into) = 0;
};

struct HttpRequest {
  HttpMethod method = HttpMethod::get;
  std::string url = {};      ///< Absolute, `http` or `https`, ASCII, without user information and fragment.
  HttpHeaders headers = {};  ///< Without `Host` and `Content-Length`.
  std::string body = {};
  /// Sent instead of `body` where it is there, exactly `source_size` bytes of it; borrowed for the call.
  /// Another thread of the transport may read it.
  ByteSource* source = nullptr;
  std::uint64_t source_size = 0;
  /// How long nothing may move in either direction.
  std::chrono::milliseconds idle_limit = std::chrono::seconds(60);
  /// How long everything may take, the answer's body too.
  std::chrono::milliseconds total_limit = std::chrono::hours(1);
};

/// Where a request failed.
enum class TransportFault : std::uint8_t {
  request,  ///< The request cannot be sent: a URL or a header that is none.
  source,   ///< The request's source failed.
  connect,  ///< There is no such host, or nobody listens.
  tls,      ///< The server is not trusted, or speaks no TLS.
  timeout,  ///< A limit of the request, or of connecting, ran out.
  cut_off,  ///< The connection broke, or what came is no HTTP.
};

struct TransportError {
  TransportFault fault;
  std::string message;
};

template <typename T>
using TransportResult = std::expected<T, TransportError>;

/// An answer's body. Dropping it before its end gives up the rest.
class HttpBody {
 public:
  HttpBody() = default;
  HttpBody(const HttpBody&) = delete;
  HttpBody& operator=(const HttpBody&) = delete;
  virtual ~HttpBody() = default;

  /// Fills the front of `into`; how many bytes, 0 at the end. A body that ends before its `Content-Length`,
  /// or before its last chunk, is `cut_off`.
  [[nodiscard]] virtual TransportResult<std::size_t> read(std::span<std::byte> into) = 0;
};

struct HttpResponse {
  int status = 0;
  HttpHeaders headers = {};
  std::unique_ptr<HttpBody> body = nullptr;  ///< Never null in an answer; outlived by its transport.
};

/// Any thread may use it, and several at once.
class HttpTransport {
 public:
  HttpTransport() = default;
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;
  virtual ~HttpTransport() = default;

  /// Sends a request, and returns when the answer's head is there.
  [[nodiscard]] virtual TransportResult<HttpResponse> send(const HttpRequest& request) = 0;
};

}  // namespace tairitsu::detail

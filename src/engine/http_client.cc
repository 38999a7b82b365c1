#include "engine/http_client.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "engine/bridge.h"

namespace tairitsu::detail {

namespace {

using bridge::Deleter;

using HttpClientPtr = std::unique_ptr<bridge::HttpClient, Deleter<bridge::tairitsu_bridge_http_client_free>>;
using HttpResponsePtr =
    std::unique_ptr<bridge::HttpResponse, Deleter<bridge::tairitsu_bridge_http_response_free>>;
using Sha256StreamPtr = std::unique_ptr<bridge::Sha256Stream, Deleter<bridge::tairitsu_bridge_sha256_free>>;

constexpr bool agree(TransportFault ours, bridge::HttpFault theirs) {
  return static_cast<std::uint8_t>(ours) == static_cast<std::uint8_t>(theirs);
}
static_assert(agree(TransportFault::request, bridge::HttpFault::Request));
static_assert(agree(TransportFault::source, bridge::HttpFault::Source));
static_assert(agree(TransportFault::connect, bridge::HttpFault::Connect));
static_assert(agree(TransportFault::tls, bridge::HttpFault::Tls));
static_assert(agree(TransportFault::timeout, bridge::HttpFault::Timeout));
static_assert(agree(TransportFault::cut_off, bridge::HttpFault::CutOff));

/// Frees `error`, which must not be null.
std::unexpected<TransportError> failure(bridge::Error* error, bridge::HttpFault fault) {
  return std::unexpected(TransportError{.fault = static_cast<TransportFault>(fault),
                                        .message = bridge::take_error(error).message()});
}

/// The fault if the bridge does not set one: the request cannot be sent.
constexpr auto kDefaultFault = bridge::HttpFault::Request;

std::unexpected<TransportError> invalid_request(std::string_view what) {
  return std::unexpected(TransportError{.fault = TransportFault::request, .message = std::string(what)});
}

class ResponseBody final : public HttpBody {
 public:
  explicit ResponseBody(HttpResponsePtr response) : response_(std::move(response)) {}

  TransportResult<std::size_t> read(std::span<std::byte> into) override {
    std::size_t count = 0;
    bridge::HttpFault fault = kDefaultFault;
    if (bridge::Error* error = bridge::tairitsu_bridge_http_response_read(
            response_.get(), reinterpret_cast<std::uint8_t*>(into.data()), into.size(), &fault, &count)) {
      return failure(error, fault);
    }
    return count;
  }

 private:
  HttpResponsePtr response_;
};

/// Callback of the bridge. Returns the number of bytes read, or -1.
std::ptrdiff_t read_source(void* context, std::uint8_t* to, std::size_t size) noexcept {
  try {
    const auto count =
        static_cast<ByteSource*>(context)->read(std::span(reinterpret_cast<std::byte*>(to), size));
    return count ? static_cast<std::ptrdiff_t>(*count) : -1;
  } catch (const std::exception&) {
    return -1;
  }
}

std::uint64_t milliseconds(std::chrono::milliseconds duration) {
  return static_cast<std::uint64_t>(std::max<std::chrono::milliseconds::rep>(duration.count(), 0));
}

class Transport final : public HttpTransport {
 public:
  explicit Transport(HttpClientPtr client) : client_(std::move(client)) {}

  TransportResult<HttpResponse> send(const HttpRequest& request) override {
    std::string headers;
    for (const HttpHeader& header : request.headers.all()) {
      // The bridge rejects all other invalid characters.
      if (header.name.find('\0') != std::string::npos || header.value.find('\0') != std::string::npos) {
        return invalid_request("a header contains a zero byte");
      }
      headers.append(header.name).append(1, '\0').append(header.value).append(1, '\0');
    }
    const bridge::HttpCall call = {.method = bridge::borrow(to_string(request.method)),
                                   .url = bridge::borrow(std::string_view(request.url)),
                                   .headers = bridge::borrow(std::string_view(headers)),
                                   .body = bridge::borrow(std::string_view(request.body)),
                                   .source = request.source == nullptr ? nullptr : read_source,
                                   .source_context = request.source,
                                   .source_size = request.source_size,
                                   .idle_ms = milliseconds(request.idle_limit),
                                   .total_ms = milliseconds(request.total_limit)};
    bridge::HttpFault fault = kDefaultFault;
    bridge::HttpResponse* sent = nullptr;
    if (bridge::Error* error = bridge::tairitsu_bridge_http_send(client_.get(), &call, &fault, &sent)) {
      return failure(error, fault);
    }
    HttpResponsePtr received(sent);
    HttpResponse response = {.status = bridge::tairitsu_bridge_http_response_status(received.get())};
    std::string_view rest = bridge::as_text(bridge::tairitsu_bridge_http_response_headers(received.get()));
    const auto next = [&rest] {
      const std::size_t end = std::min(rest.find('\0'), rest.size());
      std::string text(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      return text;
    };
    while (!rest.empty()) {
      std::string name = next();
      response.headers.add(std::move(name), next());
    }
    response.body = std::make_unique<ResponseBody>(std::move(received));
    return response;
  }

 private:
  HttpClientPtr client_;
};

class BridgeSha256 final : public Sha256 {
 public:
  BridgeSha256() : stream_(bridge::tairitsu_bridge_sha256_new()) {
    if (stream_ == nullptr) throw std::bad_alloc();
  }

  void update(std::span<const std::byte> bytes) override {
    bridge::tairitsu_bridge_sha256_update(stream_.get(), bridge::borrow(bytes));
  }

  std::array<std::byte, 32> finish() override {
    std::array<std::byte, 32> hash{};
    bridge::tairitsu_bridge_sha256_finish(stream_.get(), reinterpret_cast<std::uint8_t*>(hash.data()));
    return hash;
  }

 private:
  Sha256StreamPtr stream_;
};

}  // namespace

Result<std::unique_ptr<HttpTransport>> make_http_client(const HttpClientOptions& options) {
  std::string json;
  try {
    json = nlohmann::json{{"ca_file", options.ca_file.empty() ? nlohmann::json()
                                                              : nlohmann::json(options.ca_file.string())},
                          {"public_roots", options.public_roots},
                          {"connect_ms", milliseconds(options.connect_limit)},
                          {"proxy", options.proxy}}
               .dump();
  } catch (const nlohmann::json::type_error&) {
    return fail(ErrorCode::invalid_argument, "the path of the CA file is not valid UTF-8");
  }
  TAIRITSU_TRY(HttpClientPtr client, bridge::create<HttpClientPtr>(bridge::tairitsu_bridge_http_client_new,
                                                                   bridge::borrow(std::string_view(json))));
  return std::make_unique<Transport>(std::move(client));
}

std::unique_ptr<Sha256> make_sha256() { return std::make_unique<BridgeSha256>(); }

}  // namespace tairitsu::detail

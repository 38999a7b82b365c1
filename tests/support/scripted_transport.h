/// HTTP without a network: a function of the test replies, and time is virtual.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/session.h"
#include "oci/transport.h"

namespace tairitsu::test {

/// A clock that only advances by `sleep` and `pass`.
class VirtualClock final : public oci::Clock {
 public:
  TimePoint now() override { return now_; }
  void sleep(std::chrono::milliseconds duration) override {
    sleeps.push_back(duration);
    now_ += duration;
  }
  void pass(std::chrono::milliseconds duration) { now_ += duration; }

  std::vector<std::chrono::milliseconds> sleeps;

 private:
  TimePoint now_ = TimePoint() + std::chrono::hours(1000);
};

struct SeenRequest {
  oci::HttpMethod method;
  std::string url;
  oci::HttpHeaders headers;
  std::string body;

  /// Returns `GET https://…`.
  [[nodiscard]] std::string line() const { return std::string(detail::to_string(method)) + " " + url; }
  /// Returns the header's value, or an empty string if it is missing.
  [[nodiscard]] std::string header(std::string_view name) const {
    return std::string(headers.find(name).value_or(""));
  }
};

struct Reply {
  int status = 200;
  oci::HttpHeaders headers = {};
  std::string body = {};
  /// The connection breaks after this many bytes of the body.
  std::optional<std::size_t> cut_after = std::nullopt;
  /// The request fails instead.
  std::optional<oci::TransportFault> fault = std::nullopt;
  std::chrono::milliseconds head_delay = {};
  /// The delay of each read of the body.
  std::chrono::milliseconds read_delay = {};
  /// The most bytes that one read of the body returns.
  std::size_t chunk = 1000;
};

class ScriptedTransport final : public oci::HttpTransport {
 public:
  using Handler = std::function<Reply(const SeenRequest&)>;

  ScriptedTransport(VirtualClock& clock, Handler handler) : clock_(&clock), handler_(std::move(handler)) {}

  oci::TransportResult<oci::HttpResponse> send(const oci::HttpRequest& request) override {
    SeenRequest seen = {
        .method = request.method, .url = request.url, .headers = request.headers, .body = request.body};
    bool cut = false;
    if (request.source != nullptr) {
      const std::size_t most = upload_limit ? upload_limit(seen) : std::string::npos;
      std::array<std::byte, 777> buffer{};
      while (true) {
        const auto count = request.source->read(buffer);
        if (!count)
          return std::unexpected(oci::TransportError{oci::TransportFault::source, count.error().message()});
        if (*count == 0) break;
        seen.body.append(reinterpret_cast<const char*>(buffer.data()), *count);
        if (seen.body.size() >= most) {
          seen.body.resize(most);
          cut = true;
          break;
        }
      }
      if (!cut && seen.body.size() != request.source_size) {
        return std::unexpected(oci::TransportError{oci::TransportFault::source, "wrong size"});
      }
    }
    requests.push_back(seen);
    if (cut) return std::unexpected(oci::TransportError{oci::TransportFault::cut_off, "scripted"});
    Reply reply = handler_(seen);
    if (!wait(reply.head_delay, request.idle_limit, request.total_limit)) return timeout();
    if (reply.fault) return std::unexpected(oci::TransportError{*reply.fault, "scripted"});
    oci::HttpResponse response = {.status = reply.status, .headers = reply.headers};
    if (request.method == oci::HttpMethod::head) {
      reply.body.clear();
      reply.cut_after.reset();
    }
    response.body = std::make_unique<Body>(*this, std::move(reply), request);
    return response;
  }

  /// Returns after how many bytes of a request's source the connection breaks.
  std::function<std::size_t(const SeenRequest&)> upload_limit;
  std::vector<SeenRequest> requests;

  /// Returns the requests so far, one per line.
  [[nodiscard]] std::string lines() const {
    std::string text;
    for (const SeenRequest& request : requests) text += request.line() + "\n";
    return text;
  }

 private:
  class Body final : public oci::HttpBody {
   public:
    Body(ScriptedTransport& transport, Reply reply, const oci::HttpRequest& request)
        : transport_(&transport),
          reply_(std::move(reply)),
          idle_(request.idle_limit),
          end_(transport.clock_->now() + request.total_limit) {}

    oci::TransportResult<std::size_t> read(std::span<std::byte> into) override {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(end_ - transport_->clock_->now());
      if (!transport_->wait(reply_.read_delay, idle_, left)) return timeout();
      const std::size_t end = std::min(reply_.cut_after.value_or(reply_.body.size()), reply_.body.size());
      const std::size_t count = std::min({into.size(), end - at_, reply_.chunk});
      if (count == 0 && reply_.cut_after) {
        return std::unexpected(oci::TransportError{oci::TransportFault::cut_off, "scripted"});
      }
      std::memcpy(into.data(), reply_.body.data() + at_, count);
      at_ += count;
      return count;
    }

   private:
    ScriptedTransport* transport_;
    Reply reply_;
    std::chrono::milliseconds idle_;
    oci::Clock::TimePoint end_;
    std::size_t at_ = 0;
  };

  static std::unexpected<oci::TransportError> timeout() {
    return std::unexpected(oci::TransportError{oci::TransportFault::timeout, "scripted"});
  }

  /// Lets time pass; returns whether the delay is shorter than the limits.
  bool wait(std::chrono::milliseconds delay, std::chrono::milliseconds idle,
            std::chrono::milliseconds total) {
    const auto limit = std::min(idle, total);
    clock_->pass(std::min(delay, limit));
    return delay < limit;
  }

  VirtualClock* clock_;
  Handler handler_;
};

}  // namespace tairitsu::test

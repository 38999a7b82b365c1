#include "oci/session.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <thread>
#include <utility>

#include "oci/response_json.h"
#include "oci/text.h"

namespace tairitsu::oci {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Only the local machine is probed.
constexpr milliseconds kProbeLimit = seconds(5);
constexpr std::size_t kMaxErrorBody = std::size_t{64} << 10U;

class RealClock final : public Clock {
 public:
  TimePoint now() override { return std::chrono::steady_clock::now(); }
  void sleep(milliseconds duration) override { std::this_thread::sleep_for(duration); }
};

/// A part of a blob for one attempt. Keeps the blob's error, which a transport reports only as text.
class PartSource final : public ByteSource {
 public:
  PartSource(BlobSource& blob, std::uint64_t size) : blob_(&blob), left_(size) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    if (left_ == 0) return 0;
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_));
    auto count = blob_->read(into.subspan(0, size));
    if (count && (*count == 0 || *count > size)) {
      count = fail(ErrorCode::io, "the content to send is shorter than its size");
    }
    if (!count) {
      error_ = count.error();
    } else {
      left_ -= *count;
    }
    return count;
  }

  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  BlobSource* blob_;
  std::uint64_t left_;
  std::optional<Error> error_;
};

bool is_busy(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string tried(int attempts) {
  return attempts < 2 ? std::string() : " (tried " + std::to_string(attempts) + " times)";
}

/// Parses an HTTP date, `Sun, 06 Nov 1994 08:49:37 GMT`, to seconds since 1970. Obsolete formats are not supported.
std::optional<std::int64_t> http_date_seconds(std::string_view date) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // Each part has a fixed position.
  if (date.size() != 29 || !date.ends_with(" GMT") || date.substr(3, 2) != ", ") return std::nullopt;
  const auto month = std::ranges::find(kMonths, date.substr(8, 3));
  const auto day = to_number(date.substr(5, 2));
  const auto year = to_number(date.substr(12, 4));
  const auto hour = to_number(date.substr(17, 2));
  const auto minute = to_number(date.substr(20, 2));
  const auto second = to_number(date.substr(23, 2));
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day calendar(
      std::chrono::year(static_cast<int>(*year)),
      std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
      std::chrono::day(static_cast<unsigned>(*day)));
  if (!calendar.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days(calendar).time_since_epoch().count();
  return std::int64_t{days} * 86400 + static_cast<std::int64_t>(*hour * 3600 + *minute * 60 + *second);
}

}  // namespace

Clock& real_clock() {
  static RealClock clock;
  return clock;
}

struct Session::Failure {
  Error error;
  bool transient = false;  ///< Another attempt may succeed.
};

Session::Session(HttpTransport& transport, Clock& clock, SessionOptions options)
    : transport_(&transport), clock_(&clock), options_(std::move(options)), random_(std::random_device()()) {}

void Session::keep_secret(std::string_view secret) {
  // A shorter secret would match by accident in most texts.
  constexpr std::size_t kShortest = 4;
  const auto add = [&](std::string text) {
    if (text.size() >= kShortest && std::ranges::find(secrets_, text) == secrets_.end()) {
      secrets_.push_back(std::move(text));
    }
  };
  add(std::string(secret));
  add(percent_encoded(secret));
  std::ranges::stable_sort(secrets_, std::ranges::greater(), &std::string::size);
}

bool Session::is_transient(TransportFault fault) noexcept {
  return fault == TransportFault::connect || fault == TransportFault::timeout ||
         fault == TransportFault::cut_off;
}

Error Session::to_error(const TransportError& error, const Url& url) {
  const std::string host = url.authority();
  const std::string why = printable(error.message, 500);
  switch (error.fault) {
    case TransportFault::request:
      return Error(ErrorCode::invalid_argument, "cannot send the request to " + host + ": " + why);
    case TransportFault::source:
      return Error(ErrorCode::io, "cannot read the content to send: " + why);
    case TransportFault::connect:
      return Error(ErrorCode::network, "cannot connect to " + host + ": " + why);
    case TransportFault::tls:
      return Error(ErrorCode::network, "cannot make a TLS connection to " + host + ": " + why);
    case TransportFault::timeout:
      return Error(ErrorCode::network, "the request to " + host + " timed out: " + why);
    case TransportFault::cut_off:
      return Error(ErrorCode::network, "the connection to " + host + " was interrupted: " + why);
  }
  return Error(ErrorCode::network, host + ": " + why);
}

bool Session::allows_plain_http(std::string_view authority) const {
  const std::size_t bracket = authority.find(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return is_loopback(authority.substr(0, colon)) ||
         std::ranges::find(options_.plain_http, authority) != options_.plain_http.end();
}

Result<Url> Session::follow(const Url& from, std::string_view reference) const {
  auto to = from.resolve(reference);
  if (!to) {
    return fail(ErrorCode::registry_refused,
                redact("response from " + from.authority() + ": " + to.error().message()));
  }
  if (to->secure) return to;
  // The user allowed the hosts in the options. A loopback host is not safe for a URL that came over TLS.
  const bool is_named = std::ranges::find(options_.plain_http, to->authority()) != options_.plain_http.end();
  if (is_named || (!from.secure && allows_plain_http(to->authority()))) return to;
  return fail(ErrorCode::registry_refused, "response from " + from.authority() +
                                               ": refusing plain HTTP to '" +
                                               printable(redact(to->to_string()), 200) + "'");
}

bool Session::speaks_plain_http(const Url& url, Clock::TimePoint deadline) {
  const auto probe = [&](bool secure) {
    Url target = url;
    target.secure = secure;
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - clock_->now());
    const milliseconds limit = std::clamp(left, milliseconds(1), kProbeLimit);
    return transport_->send({.url = target.to_string(), .idle_limit = limit, .total_limit = limit});
  };
  const auto secure = probe(true);
  const auto may_lack_tls = [](TransportFault fault) {
    return fault == TransportFault::tls || fault == TransportFault::cut_off;
  };
  if (secure || !may_lack_tls(secure.error().fault)) return false;
  // A server that requires TLS returns 400 for plain requests.
  const auto plain = probe(false);
  return plain && plain->status != 400;
}

bool Session::pause(int failures, std::optional<seconds> retry_after, Clock::TimePoint deadline) {
  if (failures >= options_.attempts) return false;
  milliseconds delay = options_.first_delay;
  for (int i = 1; i < failures && delay < options_.longest_delay; ++i) delay *= 2;
  delay = std::min(delay, options_.longest_delay);
  std::uniform_int_distribution<milliseconds::rep> chance(delay.count() / 2, delay.count());
  delay = milliseconds(chance(random_));
  if (retry_after) {
    if (*retry_after > options_.longest_retry_after) return false;
    delay = std::max<milliseconds>(delay, *retry_after);
  }
  if (deadline - clock_->now() <= delay) return false;
  clock_->sleep(delay);
  return true;
}

Result<std::optional<Url>> Session::redirect(const Exchange& exchange, const Url& url,
                                             const HttpResponse& response) const {
  if (!is_redirect(response.status)) return std::nullopt;
  const std::string status = std::to_string(response.status);
  const auto location = response.headers.find("Location");
  if (!location) {
    return fail(ErrorCode::registry_refused,
                url.authority() + " returned " + status + " without a Location header");
  }
  TAIRITSU_TRY(Url next, follow(url, *location));
  const bool reads = exchange.method == HttpMethod::get || exchange.method == HttpMethod::head;
  if (!reads && response.status != 307 && response.status != 308) {
    return fail(ErrorCode::registry_refused, url.authority() + " returned " + status + " to a " +
                                                 std::string(to_string(exchange.method)) +
                                                 ": redirect not followed");
  }
  if (exchange.secret_body && next.origin() != exchange.url.origin()) {
    return fail(ErrorCode::registry_refused,
                url.authority() + " redirects to another host: refusing to send credentials to '" +
                    next.authority() + "'");
  }
  return next;
}

auto Session::read_body(const Exchange& exchange, HttpBody& body, Response& response) const -> Tried<void> {
  const bool success = response.is_success();
  const std::size_t limit = success ? exchange.body_limit : kMaxErrorBody;
  std::array<std::byte, 16384> buffer{};
  while (true) {
    const auto count = body.read(buffer);
    if (!count) {
      // The body of an error is only for the message.
      if (!success) return {};
      return std::unexpected(Failure{.error = to_error(count.error(), response.url),
                                     .transient = is_transient(count.error().fault)});
    }
    if (*count == 0) return {};
    const std::size_t room = limit - response.text.size();
    if (success && *count > room) {
      return std::unexpected(
          Failure{.error = Error(ErrorCode::size_limit, response.url.authority() + " returned more than " +
                                                            std::to_string(limit) + " bytes")});
    }
    response.text.append(reinterpret_cast<const char*>(buffer.data()), std::min(room, *count));
    if (!success && response.text.size() == limit) return {};
  }
}

auto Session::attempt(const Exchange& exchange) -> Tried<Response> {
  Url url = exchange.url;
  bool left_origin = false;
  for (int hops = 0;; ++hops) {
    const auto left = std::chrono::duration_cast<milliseconds>(exchange.deadline - clock_->now());
    if (left <= milliseconds(0)) {
      return std::unexpected(
          Failure{.error = Error(ErrorCode::network, "the request to " + url.authority() + " timed out")});
    }
    HttpRequest request = {.method = exchange.method,
                           .url = url.to_string(),
                           .headers = exchange.headers,
                           .body = exchange.body,
                           .idle_limit = std::min(options_.idle_limit, left),
                           .total_limit = left};
    request.headers.add("User-Agent", options_.user_agent);
    // Another origin may have redirected back on purpose, to get at the credentials.
    if (!left_origin && !exchange.authorization.empty())
      request.headers.add("Authorization", exchange.authorization);
    std::optional<PartSource> part;
    if (exchange.source != nullptr) {
      if (auto sought = exchange.source->seek(exchange.offset); !sought)
        return std::unexpected(Failure{.error = sought.error()});
      part.emplace(*exchange.source, exchange.size);
      request.source = &*part;
      request.source_size = exchange.size;
    }
    auto http_response = transport_->send(request);
    if (part && part->error()) return std::unexpected(Failure{.error = *part->error()});
    if (!http_response) {
      return std::unexpected(Failure{.error = to_error(http_response.error(), url),
                                     .transient = is_transient(http_response.error().fault)});
    }
    auto next = redirect(exchange, url, *http_response);
    if (!next) return std::unexpected(Failure{.error = next.error()});
    if (*next) {
      if (hops == options_.redirects) {
        return std::unexpected(Failure{
            .error = Error(ErrorCode::registry_refused, exchange.url.authority() + " redirects more than " +
                                                            std::to_string(options_.redirects) + " times")});
      }
      url = **std::move(next);
      left_origin = left_origin || url.origin() != exchange.url.origin();
      continue;
    }
    Response response = {.status = http_response->status,
                         .headers = std::move(http_response->headers),
                         .url = std::move(url),
                         .left_origin = left_origin,
                         .secrets = secrets_};
    if (exchange.stream && response.is_success()) {
      response.body = std::move(http_response->body);
    } else if (exchange.method != HttpMethod::head) {
      if (auto read = read_body(exchange, *http_response->body, response); !read)
        return std::unexpected(std::move(read).error());
    }
    return response;
  }
}

Result<Response> Session::send(const Exchange& exchange) {
  if (!exchange.url.secure && !allows_plain_http(exchange.url.authority())) {
    return fail(ErrorCode::network, "refusing plain HTTP to " + exchange.url.authority());
  }
  for (int attempts = 1;; ++attempts) {
    auto response = attempt(exchange);
    if (response) {
      response->attempts = attempts;
      if (!exchange.retry || !is_busy(response->status) ||
          !pause(attempts, retry_after(response->headers), exchange.deadline)) {
        return *std::move(response);
      }
    } else {
      const Failure& failure = response.error();
      if (!exchange.retry || !failure.transient || !pause(attempts, {}, exchange.deadline)) {
        return fail(failure.error.code(), failure.error.message() + tried(attempts));
      }
    }
  }
}

std::optional<seconds> retry_after(const HttpHeaders& headers) {
  const auto value = headers.find("Retry-After");
  if (!value) return std::nullopt;
  // More than a day is as good as never; the bound also prevents overflow.
  constexpr std::int64_t kMaxSeconds = 86400;
  if (const auto number = to_number(trimmed(*value))) {
    return seconds(static_cast<std::int64_t>(std::min<std::uint64_t>(*number, kMaxSeconds)));
  }
  const auto date = headers.find("Date");
  const auto now = date ? http_date_seconds(trimmed(*date)) : std::nullopt;
  const auto then = http_date_seconds(trimmed(*value));
  if (!now || !then) return std::nullopt;
  return seconds(std::clamp<std::int64_t>(*then - *now, 0, kMaxSeconds));
}

std::string describe_status(const Response& response) {
  std::string text = std::to_string(response.status);
  const auto json = parse_object(response.text);
  const auto text_of = [&](const detail::Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string()
               ? printable(redacted(found->get<std::string>(), response.secrets), 300)
               : std::string();
  };
  std::string details;
  const detail::Json* errors = json ? detail::member(*json, "errors") : nullptr;
  if (errors != nullptr && errors->is_array()) {
    constexpr int kMaxErrors = 3;
    int count = 0;
    for (const auto& error : *errors) {
      if (!error.is_object() || ++count > kMaxErrors) continue;
      const std::string code = text_of(error, "code");
      const std::string message = text_of(error, "message");
      if (!details.empty()) details += "; ";
      details += code;
      if (!code.empty() && !message.empty()) details += ' ';
      details += message;
    }
  } else if (json) {
    // Token servers and gateways use other formats.
    for (const char* key : {"error_description", "details", "message", "error"}) {
      if (details = text_of(*json, key); !details.empty()) break;
    }
  } else if (response.text.find('<') == std::string::npos) {
    const std::string safe = redacted(response.text, response.secrets);
    const std::string_view line = trimmed(safe);
    details = printable(line.substr(0, line.find('\n')), 200);
  }
  if (!details.empty()) text += ": " + details;
  return text + tried(response.attempts);
}

}  // namespace tairitsu::oci

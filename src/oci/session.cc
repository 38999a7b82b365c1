#include "oci/session.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "oci/text.h"

namespace tairitsu::oci {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// It is this machine that is asked.
constexpr milliseconds kProbeLimit = seconds(5);
constexpr std::size_t kMaxErrorBody = std::size_t{64} << 10U;

class RealClock final : public Clock {
 public:
  TimePoint now() override { return std::chrono::steady_clock::now(); }
  void sleep(milliseconds duration) override { std::this_thread::sleep_for(duration); }
};

/// A part of a blob for one try, and what the blob failed with.
class PartSource final : public ByteSource {
 public:
  PartSource(BlobSource& blob, std::uint64_t size) : blob_(&blob), left_(size) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    if (left_ == 0) return 0;
    const std::size_t most = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_));
    auto count = blob_->read(into.subspan(0, most));
    if (count && (*count == 0 || *count > most)) {
      count = fail(ErrorCode::io, "the content to be sent ends before its size");
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

/// Seconds since 1970 of a date in the one form that is written today: `Sun, 06 Nov 1994 08:49:37 GMT`.
std::optional<std::int64_t> to_seconds(std::string_view date) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  // Each part stands at its place.
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
  bool passing = false;  ///< Another try may help.
};

Session::Session(HttpTransport& transport, Clock& clock, SessionOptions options)
    : transport_(&transport), clock_(&clock), options_(std::move(options)), random_(std::random_device()()) {}

void Session::keep_secret(std::string_view secret) {
  // What is so short is in every other text.
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

bool Session::is_passing(TransportFault fault) noexcept {
  return fault == TransportFault::connect || fault == TransportFault::timeout ||
         fault == TransportFault::cut_off;
}

Error Session::to_error(const TransportError& error, const Url& url) {
  const std::string host = url.authority();
  const std::string why = printable(error.message, 500);
  switch (error.fault) {
    case TransportFault::request:
      return Error(ErrorCode::invalid_argument, "the request to " + host + " cannot be sent: " + why);
    case TransportFault::source:
      return Error(ErrorCode::io, "the content to be sent cannot be read: " + why);
    case TransportFault::connect:
      return Error(ErrorCode::network, "cannot connect to " + host + ": " + why);
    case TransportFault::tls:
      return Error(ErrorCode::network, "no secure connection to " + host + ": " + why);
    case TransportFault::timeout:
      return Error(ErrorCode::network, host + " does not answer in time: " + why);
    case TransportFault::cut_off:
      return Error(ErrorCode::network, "the connection to " + host + " was cut off: " + why);
  }
  return Error(ErrorCode::network, host + ": " + why);
}

bool Session::is_plain(std::string_view authority) const {
  const std::size_t bracket = authority.find(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return is_loopback(authority.substr(0, colon)) ||
         std::ranges::find(options_.plain_http, authority) != options_.plain_http.end();
}

Result<Url> Session::follow(const Url& from, std::string_view reference) const {
  auto to = from.resolve(reference);
  if (!to) {
    return fail(ErrorCode::registry_refused,
                shown(from.authority() + " leads on to no URL: " + to.error().message()));
  }
  if (to->secure) return to;
  // A name in the options is there on purpose. A loopback host is not safe for what came over TLS from elsewhere.
  const bool is_named = std::ranges::find(options_.plain_http, to->authority()) != options_.plain_http.end();
  if (is_named || (!from.secure && is_plain(to->authority()))) return to;
  return fail(ErrorCode::registry_refused, from.authority() + " leads to " +
                                               printable(shown(to->to_string()), 200) +
                                               ", which is plain HTTP: refused");
}

bool Session::answers_plainly(const Url& url, Clock::TimePoint deadline) {
  const auto ask = [&](bool secure) {
    Url asked = url;
    asked.secure = secure;
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - clock_->now());
    const milliseconds limit = std::clamp(left, milliseconds(1), kProbeLimit);
    return transport_->send({.url = asked.to_string(), .idle_limit = limit, .total_limit = limit});
  };
  const auto secure = ask(true);
  const auto is_no_tls = [](TransportFault fault) {
    return fault == TransportFault::tls || fault == TransportFault::cut_off;
  };
  if (secure || !is_no_tls(secure.error().fault)) return false;
  // A server that wants TLS answers plain requests with 400.
  const auto plain = ask(false);
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
                url.authority() + " answered " + status + " and not where to go");
  }
  TAIRITSU_TRY(Url next, follow(url, *location));
  const bool reads = exchange.method == HttpMethod::get || exchange.method == HttpMethod::head;
  if (!reads && response.status != 307 && response.status != 308) {
    return fail(ErrorCode::registry_refused, url.authority() + " answered " + status + " to a " +
                                                 std::string(to_string(exchange.method)) + ": not followed");
  }
  if (exchange.secret_body && next.origin() != exchange.url.origin()) {
    return fail(ErrorCode::registry_refused, url.authority() + " leads to " + next.authority() +
                                                 ", which is another host: credentials are not sent there");
  }
  return next;
}

auto Session::read_body(const Exchange& exchange, HttpBody& body, Answer& answer) const -> Tried<void> {
  const bool success = answer.is_success();
  const std::size_t limit = success ? exchange.body_limit : kMaxErrorBody;
  std::array<std::byte, 16384> buffer{};
  while (true) {
    const auto count = body.read(buffer);
    if (!count) {
      // What an error has to say is welcome, not needed.
      if (!success) return {};
      return std::unexpected(
          Failure{.error = to_error(count.error(), answer.url), .passing = is_passing(count.error().fault)});
    }
    if (*count == 0) return {};
    const std::size_t room = limit - answer.text.size();
    if (success && *count > room) {
      return std::unexpected(
          Failure{.error = Error(ErrorCode::size_limit, answer.url.authority() + " answered more than " +
                                                            std::to_string(limit) + " bytes")});
    }
    answer.text.append(reinterpret_cast<const char*>(buffer.data()), std::min(room, *count));
    if (!success && answer.text.size() == limit) return {};
  }
}

auto Session::attempt(const Exchange& exchange) -> Tried<Answer> {
  Url url = exchange.url;
  bool left_origin = false;
  for (int hops = 0;; ++hops) {
    const auto left = std::chrono::duration_cast<milliseconds>(exchange.deadline - clock_->now());
    if (left <= milliseconds(0)) {
      return std::unexpected(
          Failure{.error = Error(ErrorCode::network, url.authority() + " took too long: time ran out")});
    }
    HttpRequest request = {.method = exchange.method,
                           .url = url.to_string(),
                           .headers = exchange.headers,
                           .body = exchange.body,
                           .idle_limit = std::min(options_.idle_limit, left),
                           .total_limit = left};
    request.headers.add("User-Agent", options_.user_agent);
    // Once elsewhere, a way back may be somebody else's doing.
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
    auto response = transport_->send(request);
    if (part && part->error()) return std::unexpected(Failure{.error = *part->error()});
    if (!response) {
      return std::unexpected(
          Failure{.error = to_error(response.error(), url), .passing = is_passing(response.error().fault)});
    }
    auto next = redirect(exchange, url, *response);
    if (!next) return std::unexpected(Failure{.error = next.error()});
    if (*next) {
      if (hops == options_.redirects) {
        return std::unexpected(Failure{
            .error = Error(ErrorCode::registry_refused, exchange.url.authority() + " leads on more than " +
                                                            std::to_string(options_.redirects) + " times")});
      }
      url = **std::move(next);
      left_origin = left_origin || url.origin() != exchange.url.origin();
      continue;
    }
    Answer answer = {.status = response->status,
                     .headers = std::move(response->headers),
                     .url = std::move(url),
                     .left_origin = left_origin,
                     .secrets = secrets_};
    if (exchange.stream && answer.is_success()) {
      answer.body = std::move(response->body);
    } else if (exchange.method != HttpMethod::head) {
      if (auto read = read_body(exchange, *response->body, answer); !read)
        return std::unexpected(std::move(read).error());
    }
    return answer;
  }
}

Result<Answer> Session::send(const Exchange& exchange) {
  if (!exchange.url.secure && !is_plain(exchange.url.authority())) {
    return fail(ErrorCode::network, exchange.url.authority() + " is not spoken to without TLS");
  }
  for (int attempts = 1;; ++attempts) {
    auto answer = attempt(exchange);
    if (answer) {
      answer->attempts = attempts;
      if (!exchange.retry || !is_busy(answer->status) ||
          !pause(attempts, retry_after(answer->headers), exchange.deadline)) {
        return *std::move(answer);
      }
    } else {
      const Failure& failure = answer.error();
      if (!exchange.retry || !failure.passing || !pause(attempts, {}, exchange.deadline)) {
        return fail(failure.error.code(), failure.error.message() + tried(attempts));
      }
    }
  }
}

std::optional<seconds> retry_after(const HttpHeaders& headers) {
  const auto value = headers.find("Retry-After");
  if (!value) return std::nullopt;
  // More than a day is as good as never, and does not overflow.
  constexpr std::int64_t kMost = 86400;
  if (const auto number = to_number(trimmed(*value))) {
    return seconds(static_cast<std::int64_t>(std::min<std::uint64_t>(*number, kMost)));
  }
  const auto date = headers.find("Date");
  const auto now = date ? to_seconds(trimmed(*date)) : std::nullopt;
  const auto then = to_seconds(trimmed(*value));
  if (!now || !then) return std::nullopt;
  return seconds(std::clamp<std::int64_t>(*then - *now, 0, kMost));
}

std::string describe_status(const Answer& answer) {
  std::string text = std::to_string(answer.status);
  const auto json = nlohmann::json::parse(answer.text, nullptr, false);
  const auto text_of = [&](const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string()
               ? printable(redacted(found->get<std::string>(), answer.secrets), 300)
               : std::string();
  };
  std::string said;
  const auto errors = json.is_object() ? json.find("errors") : json.end();
  if (json.is_object() && errors != json.end() && errors->is_array()) {
    constexpr int kMostErrors = 3;
    int count = 0;
    for (const auto& error : *errors) {
      if (!error.is_object() || ++count > kMostErrors) continue;
      const std::string code = text_of(error, "code");
      const std::string message = text_of(error, "message");
      if (!said.empty()) said += "; ";
      said += code;
      if (!code.empty() && !message.empty()) said += ' ';
      said += message;
    }
  } else if (json.is_object()) {
    // Token servers and gateways have shapes of their own.
    for (const char* key : {"error_description", "details", "message", "error"}) {
      if (said = text_of(json, key); !said.empty()) break;
    }
  } else if (answer.text.find('<') == std::string::npos) {
    const std::string safe = redacted(answer.text, answer.secrets);
    const std::string_view line = trimmed(safe);
    said = printable(line.substr(0, line.find('\n')), 200);
  }
  if (!said.empty()) text += ": " + said;
  return text + tried(answer.attempts);
}

}  // namespace tairitsu::oci

#include "oci/auth.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>

#include "base/base64.h"
#include "oci/response_json.h"
#include "oci/text.h"

namespace tairitsu::oci {

namespace {

using std::chrono::seconds;

constexpr std::size_t kMaxHeader = 8192;
constexpr std::size_t kMaxTokenResponse = std::size_t{1} << 20U;
/// A token expires this much earlier, so that it is still valid when it arrives.
constexpr seconds kMargin = seconds(5);
constexpr seconds kMinLifetime = seconds(60);
constexpr seconds kMaxLifetime = seconds(86400);

bool is_token_character(char character) {
  return is_alphanumeric(character) ||
         std::string_view("!#$%&'*+-.^_`|~").find(character) != std::string_view::npos;
}

/// RFC 9110, section 11.6.1: commas separate both challenges and their parameters.
class ChallengeReader {
 public:
  explicit ChallengeReader(std::string_view text) : rest_(text.substr(0, kMaxHeader)) {}

  std::vector<Challenge> read() {
    std::vector<Challenge> challenges;
    while (true) {
      skip(" \t,");
      const std::string_view word = token();
      if (word.empty()) return challenges;
      const std::string_view after = rest_;
      skip(" \t");
      if (!challenges.empty() && rest_.starts_with('=')) {
        rest_.remove_prefix(1);
        skip(" \t");
        auto value = parameter_value();
        if (!value) return challenges;
        challenges.back().parameters.emplace_back(lower_case(word), *std::move(value));
      } else {
        if (!after.empty() && after.front() != ' ' && after.front() != '\t' && after.front() != ',')
          return challenges;
        challenges.push_back({.scheme = lower_case(word)});
        skip_token68();
      }
    }
  }

 private:
  void skip(std::string_view characters) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(characters), rest_.size()));
  }

  std::string_view token() {
    const auto size =
        static_cast<std::size_t>(std::ranges::find_if_not(rest_, is_token_character) - rest_.begin());
    const std::string_view word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return word;
  }

  /// Skips a token68, which is not a parameter: `Negotiate abc==`.
  void skip_token68() {
    const std::size_t end = std::min(rest_.find_first_of(" \t,"), rest_.size());
    const std::string_view word = rest_.substr(0, end);
    const std::size_t equals = word.find('=');
    const bool is_parameter =
        equals != std::string_view::npos && equals + 1 < word.size() && word[equals + 1] != '=';
    const std::string_view next = trimmed(rest_.substr(end));
    if (!is_parameter && (next.empty() || next.starts_with(','))) rest_.remove_prefix(end);
  }

  std::optional<std::string> parameter_value() {
    if (!rest_.starts_with('"')) {
      const std::string_view word = token();
      if (word.empty()) return std::nullopt;
      return std::string(word);
    }
    std::string value;
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] == '"') {
        rest_.remove_prefix(at + 1);
        return value;
      }
      if (rest_[at] == '\\') ++at;
      if (at < rest_.size()) value += rest_[at];
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

/// Returns the scopes sorted and without duplicates, as a part of a token's cache key.
Scopes normal_scopes(Scopes scopes, std::string_view extra) {
  while (!extra.empty()) {
    const std::size_t end = std::min(extra.find(' '), extra.size());
    if (end != 0) scopes.emplace_back(extra.substr(0, end));
    extra.remove_prefix(std::min(end + 1, extra.size()));
  }
  std::ranges::sort(scopes);
  const auto repeated = std::ranges::unique(scopes);
  scopes.erase(repeated.begin(), repeated.end());
  return scopes;
}

std::string joined(const Scopes& scopes) {
  std::string text;
  for (const std::string& scope : scopes) {
    if (!text.empty()) text += ' ';
    text += scope;
  }
  return text;
}

/// Whether the scopes include another: `repository:a:pull,push` covers `repository:a:pull`.
bool covers(const Scopes& scopes, std::string_view wanted) {
  if (std::ranges::find(scopes, wanted) != scopes.end()) return true;
  const std::size_t colon = wanted.rfind(':');
  if (colon == std::string_view::npos) return false;
  return std::ranges::any_of(scopes, [&](const std::string& scope) {
    if (scope.size() <= colon || scope.substr(0, colon + 1) != wanted.substr(0, colon + 1)) return false;
    const std::string actions = "," + scope.substr(colon + 1) + ",";
    std::string_view rest = wanted.substr(colon + 1);
    while (true) {
      const std::size_t end = rest.find(',');
      if (actions.find("," + std::string(rest.substr(0, end)) + ",") == std::string::npos) return false;
      if (end == std::string_view::npos) return true;
      rest.remove_prefix(end + 1);
    }
  });
}

std::string cache_key(const std::string& registry, const Challenge& challenge, const Scopes& scopes) {
  std::string key = registry;
  for (const std::string_view part : {challenge.parameter("realm"), challenge.parameter("service")}) {
    key.append("\n").append(part);
  }
  return key.append("\n").append(joined(scopes));
}

constexpr std::string_view kBasic = "Basic ";

std::string basic(const Credentials& credentials) {
  const std::string both = credentials.username + ":" + credentials.password;
  return std::string(kBasic) + detail::to_base64(std::as_bytes(std::span(both)));
}

}  // namespace

std::string_view Challenge::parameter(std::string_view name) const noexcept {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return {};
}

std::vector<Challenge> parse_challenges(std::string_view header) { return ChallengeReader(header).read(); }

Authenticator::Authenticator(Session& session, CredentialLookup credentials)
    : session_(&session), credentials_(std::move(credentials)) {}

Result<Authenticator::Registry*> Authenticator::look_up(const std::string& registry) {
  Registry& known = registries_[registry];
  if (!known.looked_up) {
    // Only once, because a keychain may prompt the user.
    if (credentials_) {
      auto found = credentials_(registry);
      if (!found) return std::unexpected(found.error().with_context("credentials for " + registry));
      known.credentials = *std::move(found);
      if (known.credentials) {
        session_->keep_secret(known.credentials->password);
        session_->keep_secret(known.credentials->identity_token);
        session_->keep_secret(known.credentials->registry_token);
        session_->keep_secret(basic(*known.credentials).substr(kBasic.size()));
      }
    }
    known.looked_up = true;
  }
  return &known;
}

bool Authenticator::has_credentials(const std::string& registry) {
  const auto known = look_up(registry);
  return known && (*known)->credentials;
}

Result<std::string> Authenticator::authorization(const std::string& registry, const Scopes& scopes,
                                                 Clock::TimePoint deadline) {
  const auto found = registries_.find(registry);
  // Send no credentials until the registry asks for them.
  if (found == registries_.end() || !found->second.challenge) return std::string();
  TAIRITSU_TRY(Registry * known, look_up(registry));
  const Challenge& challenge = *known->challenge;
  if (challenge.scheme == "basic") return known->credentials ? basic(*known->credentials) : std::string();
  if (known->credentials && !known->credentials->registry_token.empty()) {
    return "Bearer " + known->credentials->registry_token;
  }
  const Scopes all = normal_scopes(scopes, known->extra_scope);
  const std::string key = cache_key(registry, challenge, all);
  const auto cached = tokens_.find(key);
  if (cached != tokens_.end() && session_->clock().now() < cached->second.expires) {
    return "Bearer " + cached->second.value;
  }
  auto token = request_token(registry, *known, all, deadline);
  if (!token) return std::unexpected(token.error());
  session_->keep_secret(token->value);
  std::string header = "Bearer " + token->value;
  tokens_.insert_or_assign(key, *std::move(token));
  return header;
}

Result<bool> Authenticator::challenged(const std::string& registry, const Response& response,
                                       const std::string& sent, const Scopes& scopes,
                                       Clock::TimePoint deadline) {
  std::optional<Challenge> bearer;
  std::optional<Challenge> plain;
  std::string other;
  for (const std::string_view header : response.headers.find_all("WWW-Authenticate")) {
    for (Challenge& challenge : parse_challenges(header)) {
      if (challenge.scheme == "bearer") {
        // The realm is the token server's URL.
        if (!bearer && !challenge.parameter("realm").empty()) bearer = std::move(challenge);
      } else if (challenge.scheme == "basic") {
        if (!plain) plain = std::move(challenge);
      } else {
        other = challenge.scheme;
      }
    }
  }
  if (!bearer && !plain) {
    if (other.empty()) return false;
    return fail(ErrorCode::unauthorized, registry + " requires unsupported authentication scheme '" +
                                             printable(session_->redact(other), 40) + "'");
  }
  TAIRITSU_TRY(Registry * known, look_up(registry));
  // A bearer challenge can be met without credentials: token servers issue anonymous tokens.
  if (!bearer && !known->credentials) {
    return fail(ErrorCode::unauthorized, registry + " requires a user name and password: log in first");
  }
  const bool is_basic = !bearer;
  if (is_basic && (known->credentials->password.empty() && known->credentials->username.empty())) {
    return fail(ErrorCode::unauthorized,
                registry + " requires a user name and password, but only a token is stored");
  }
  known->challenge = is_basic ? std::move(plain) : std::move(bearer);
  known->base = response.url;
  if (is_basic) return sent != basic(*known->credentials);

  // A registry may require more scopes than the request has, such as that of a proxied repository.
  for (const std::string& scope : normal_scopes({}, known->challenge->parameter("scope"))) {
    if (!covers(scopes, scope) && !covers(normal_scopes({}, known->extra_scope), scope)) {
      if (!known->extra_scope.empty()) known->extra_scope += ' ';
      known->extra_scope += scope;
    }
  }
  // Give up on a registry that keeps asking for more scopes.
  if (known->extra_scope.size() > kMaxHeader) return false;
  const Scopes all = normal_scopes(scopes, known->extra_scope);
  const auto cached = tokens_.find(cache_key(registry, *known->challenge, all));
  if (cached != tokens_.end() && sent == "Bearer " + cached->second.value) tokens_.erase(cached);
  TAIRITSU_TRY(const std::string next, authorization(registry, scopes, deadline));
  return next != sent;
}

Result<Authenticator::Token> Authenticator::request_token(const std::string& registry, const Registry& known,
                                                          const Scopes& scopes, Clock::TimePoint deadline) {
  const std::string context = "token for " + registry;
  const auto in_context = [&](const Error& error) { return std::unexpected(error.with_context(context)); };
  auto realm = session_->follow(known.base, known.challenge->parameter("realm"));
  if (!realm) return in_context(realm.error());
  const std::string service(known.challenge->parameter("service"));

  Exchange exchange = {.body_limit = kMaxTokenResponse, .deadline = deadline};
  if (known.credentials && !known.credentials->identity_token.empty()) {
    exchange.method = HttpMethod::post;
    exchange.url = *realm;
    exchange.headers.add("Content-Type", "application/x-www-form-urlencoded");
    exchange.body = "grant_type=refresh_token&client_id=tairitsu&service=" + percent_encoded(service) +
                    "&scope=" + percent_encoded(joined(scopes)) +
                    "&refresh_token=" + percent_encoded(known.credentials->identity_token);
    exchange.secret_body = true;
  } else {
    exchange.url = *realm;
    if (!service.empty()) exchange.url = exchange.url.with_query("service", service);
    for (const std::string& scope : scopes) exchange.url = exchange.url.with_query("scope", scope);
    if (known.credentials) {
      if (!known.credentials->username.empty()) {
        exchange.url = exchange.url.with_query("account", known.credentials->username);
      }
      exchange.authorization = basic(*known.credentials);
    }
  }
  auto response = session_->send(exchange);
  if (!response) return in_context(response.error());
  if (!response->is_success()) {
    const bool denied = response->status == 400 || response->status == 401 || response->status == 403;
    std::string message = context + ": " + realm->authority() + " returned " + describe_status(*response);
    if (denied) message += known.credentials ? "; check the credentials" : "; no credentials: log in first";
    return fail(denied ? ErrorCode::unauthorized : ErrorCode::registry_refused, std::move(message));
  }
  const detail::Json json = parse_object(response->text).value_or(detail::Json::object());
  std::string value = text_at(json, "token");
  if (value.empty()) value = text_at(json, "access_token");
  if (value.empty() || !is_visible_ascii(value)) {
    return fail(ErrorCode::registry_refused,
                context + ": " + realm->authority() + " returned no valid token");
  }
  seconds lifetime = kMinLifetime;
  if (const auto at = json.find("expires_in"); at != json.end() && at->is_number_integer()) {
    // The specification promises at least a minute; less would mean a new token for each request.
    lifetime = std::clamp(seconds(std::clamp<std::int64_t>(at->get<std::int64_t>(), 0, kMaxLifetime.count())),
                          kMinLifetime, kMaxLifetime);
  }
  return Token{.value = std::move(value), .expires = session_->clock().now() + lifetime - kMargin};
}

}  // namespace tairitsu::oci

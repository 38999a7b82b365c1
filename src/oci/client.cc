#include "oci/client.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "oci/protocol.h"
#include "oci/response_json.h"
#include "oci/text.h"

namespace tairitsu::oci {

namespace {

using std::chrono::milliseconds;

constexpr std::string_view kDockerHubHost = "registry-1.docker.io";

constexpr std::size_t kMaxTagPage = std::size_t{8} << 20U;
constexpr std::size_t kMaxPages = 1000;

/// Returns the target of `Link: <…>; rel="next"`.
std::optional<std::string> next_link(const HttpHeaders& headers) {
  for (std::string_view link : headers.find_all("Link")) {
    while (true) {
      const std::size_t begin = link.find('<');
      const std::size_t end = link.find('>', begin);
      if (begin == std::string_view::npos || end == std::string_view::npos) break;
      const std::string_view target = link.substr(begin + 1, end - begin - 1);
      link.remove_prefix(end + 1);
      const std::string parameters = lower_case(link.substr(0, link.find(',')));
      if (parameters.find("rel=\"next\"") != std::string::npos ||
          parameters.find("rel=next") != std::string::npos) {
        return std::string(target);
      }
    }
  }
  return std::nullopt;
}

}  // namespace

Client::Client(HttpTransport& transport, Sha256Factory sha256, CredentialLookup credentials,
               ClientOptions options, Clock& clock)
    : options_(std::move(options)),
      sha256_(std::move(sha256)),
      session_(transport, clock, options_.session),
      authenticator_(session_, std::move(credentials)) {}

Clock::TimePoint Client::deadline(milliseconds limit) const { return session_.clock().now() + limit; }

Result<Url> Client::base_url(const std::string& registry, Clock::TimePoint deadline) {
  if (const auto found = bases_.find(registry); found != bases_.end()) return found->second;
  const std::string_view host = registry == kDockerHub ? kDockerHubHost : std::string_view(registry);
  TAIRITSU_TRY(Url url, Url::parse("https://" + std::string(host) + "/v2/"));
  const auto& plain = options_.session.plain_http;
  if (std::ranges::find(plain, registry) != plain.end()) {
    TAIRITSU_TRY(url, Url::parse("http://" + std::string(host) + "/v2/"));
  } else if (is_loopback(url.host) && session_.speaks_plain_http(url, deadline)) {
    TAIRITSU_TRY(url, Url::parse("http://" + std::string(host) + "/v2/"));
  }
  bases_.emplace(registry, url);
  return url;
}

Result<Url> Client::url_of(const Reference& repository, std::string_view path, Clock::TimePoint deadline) {
  TAIRITSU_RETURN_IF_ERROR(require_registry(repository, "look up"));
  TAIRITSU_TRY(Url url, base_url(repository.registry, deadline));
  url.target.append(repository.repository).append("/").append(path);
  return url;
}

Result<Response> Client::call(const std::string& registry, const Scopes& scopes, Exchange exchange) {
  TAIRITSU_TRY(const Url base, base_url(registry, exchange.deadline));
  // An upload may go to another host, which must not get the credentials.
  const bool is_own = exchange.url.origin() == base.origin();
  constexpr int kMaxChallenges = 2;
  for (int challenges = 0;; ++challenges) {
    if (is_own) {
      TAIRITSU_TRY(exchange.authorization, authenticator_.authorization(registry, scopes, exchange.deadline));
    }
    TAIRITSU_TRY(Response response, session_.send(exchange));
    if (response.status != 401 || response.left_origin || !is_own || challenges == kMaxChallenges)
      return response;
    TAIRITSU_TRY(const bool again, authenticator_.challenged(registry, response, exchange.authorization,
                                                             scopes, exchange.deadline));
    if (!again) return response;
  }
}

Error Client::to_error(const std::string& registry, const Response& response) {
  ErrorCode code = ErrorCode::registry_refused;
  if (response.status == 404) code = ErrorCode::not_found;
  if (response.status == 401 || response.status == 403) code = ErrorCode::unauthorized;
  std::string message = response.left_origin
                            ? response.url.authority() + ", to which the registry redirects, returned "
                            : "the registry returned ";
  message += describe_status(response);
  if (const auto wait = retry_after(response.headers);
      wait && (response.status == 429 || response.status == 503)) {
    message += "; retry after " + std::to_string(wait->count()) + " s";
  }
  if (code == ErrorCode::unauthorized && !response.left_origin && !authenticator_.has_credentials(registry)) {
    message += "; no credentials for " + registry + ": log in first";
  }
  return Error(code, std::move(message));
}

Result<bool> Client::find_blob(const Reference& repository, const Digest& digest, const Scopes& scopes,
                               Clock::TimePoint deadline) {
  Exchange exchange = {.method = HttpMethod::head, .deadline = deadline};
  TAIRITSU_TRY(exchange.url, url_of(repository, "blobs/" + digest.to_string(), deadline));
  TAIRITSU_TRY(const Response response, call(repository.registry, scopes, std::move(exchange)));
  if (response.is_success()) return true;
  if (response.status == 404) return false;
  return std::unexpected(to_error(repository.registry, response));
}

Result<bool> Client::has_blob(const Reference& repository, const Digest& digest) {
  return in_context(session_,
                    find_blob(repository, digest, pull_scope(repository), deadline(options_.request_limit)),
                    blob_name(repository, digest));
}

Result<std::vector<std::string>> Client::list_tags(const Reference& repository) {
  const Clock::TimePoint end = deadline(options_.request_limit);
  const auto invalid_list = [] {
    return fail(ErrorCode::registry_refused, "the registry returned an invalid list of tags");
  };
  const auto list = [&]() -> Result<std::vector<std::string>> {
    std::vector<std::string> tags;
    TAIRITSU_TRY(Url url, url_of(repository, "tags/list?n=1000", end));
    for (std::size_t pages = 0; pages < kMaxPages; ++pages) {
      Exchange exchange = {.url = url, .body_limit = kMaxTagPage, .deadline = end};
      TAIRITSU_TRY(const Response response,
                   call(repository.registry, pull_scope(repository), std::move(exchange)));
      if (!response.is_success()) return std::unexpected(to_error(repository.registry, response));
      const auto page = parse_object(response.text);
      if (!page || !page->contains("tags")) return invalid_list();
      const detail::Json& listed = page->at("tags");
      if (!listed.is_array() && !listed.is_null()) return invalid_list();
      for (const detail::Json& tag : listed) {
        if (!tag.is_string() || !is_tag(tag.get_ref<const std::string&>())) {
          return fail(ErrorCode::registry_refused, "the registry lists an invalid tag");
        }
        if (tags.size() == options_.max_tags) {
          return fail(ErrorCode::size_limit, "more than " + std::to_string(options_.max_tags) + " tags");
        }
        tags.push_back(tag.get<std::string>());
      }
      const auto next = next_link(response.headers);
      if (!next) return tags;
      TAIRITSU_TRY(Url next_url, session_.follow(response.url, *next));
      if (next_url.origin() != url.origin()) {
        return fail(ErrorCode::registry_refused,
                    "the list of tags continues at another host: '" + next_url.authority() + "'");
      }
      // A page that links to itself would never end.
      if (next_url == url) return tags;
      url = std::move(next_url);
    }
    return fail(ErrorCode::size_limit,
                "the list of tags has more than " + std::to_string(kMaxPages) + " pages");
  };
  return in_context(session_, list(), repository.name());
}

Result<void> Client::delete_manifest(const Reference& reference) {
  const Clock::TimePoint end = deadline(options_.request_limit);
  const auto remove = [&]() -> Result<void> {
    Exchange exchange = {.method = HttpMethod::delete_, .deadline = end};
    TAIRITSU_TRY(exchange.url, url_of(reference, "manifests/" + reference.target(), end));
    const Scopes scopes = {"repository:" + reference.repository + ":delete,pull,push"};
    TAIRITSU_TRY(const Response response, call(reference.registry, scopes, std::move(exchange)));
    if (!response.is_success()) return std::unexpected(to_error(reference.registry, response));
    return {};
  };
  return in_context(session_, remove(), reference.to_string());
}

Result<void> Client::check_access(const std::string& registry) {
  const Clock::TimePoint end = deadline(options_.request_limit);
  const auto check = [&]() -> Result<void> {
    Exchange exchange = {.deadline = end};
    TAIRITSU_TRY(exchange.url, base_url(registry, end));
    TAIRITSU_TRY(const Response response, call(registry, {}, std::move(exchange)));
    if (!response.is_success()) return std::unexpected(to_error(registry, response));
    return {};
  };
  return in_context(session_, check(), registry);
}

}  // namespace tairitsu::oci

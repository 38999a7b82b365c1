#include "oci/client.h"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include "image/descriptor.h"
#include "image/manifest.h"
#include "oci/text.h"

namespace tairitsu::oci {

namespace {

using std::chrono::milliseconds;

constexpr std::string_view kDockerHubHost = "registry-1.docker.io";

constexpr std::string_view kOctets = "application/octet-stream";

/// So much between two failures counts as getting on.
constexpr std::uint64_t kGettingOn = std::uint64_t{256} << 10U;
constexpr std::size_t kMaxTagPage = std::size_t{8} << 20U;
constexpr std::size_t kMaxPages = 1000;

constexpr std::array kManifestTypes = {detail::kManifestMediaType, detail::kIndexMediaType,
                                       detail::kDockerManifestMediaType, detail::kDockerIndexMediaType};

bool is_manifest_type(std::string_view type) {
  return std::ranges::find(kManifestTypes, type) != kManifestTypes.end();
}

std::string accepted() {
  std::string types;
  for (const std::string_view type : kManifestTypes) {
    if (!types.empty()) types += ", ";
    types += type;
  }
  return types;
}

Scopes pull_scope(const Reference& repository) { return {"repository:" + repository.repository + ":pull"}; }
Scopes push_scope(const Reference& repository) {
  return {"repository:" + repository.repository + ":pull,push"};
}

/// Without parameters.
std::string media_type_of(const HttpHeaders& headers) {
  const std::string_view value = headers.find("Content-Type").value_or("");
  return lower_case(trimmed(value.substr(0, value.find(';'))));
}

struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::optional<std::uint64_t> total;
};

/// `bytes 5-9/10`, or `*` for what is not known.
std::optional<ContentRange> content_range(const HttpHeaders& headers) {
  std::string_view text = headers.find("Content-Range").value_or("");
  if (!is_same_word(text.substr(0, 6), "bytes ")) return std::nullopt;
  text = trimmed(text.substr(6));
  const std::size_t dash = text.find('-');
  const std::size_t slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto first = to_number(text.substr(0, dash));
  const auto last = to_number(text.substr(dash + 1, slash - dash - 1));
  const auto total = to_number(text.substr(slash + 1));
  if (!first || !last || *last < *first || (!total && text.substr(slash + 1) != "*")) return std::nullopt;
  if (total && *last >= *total) return std::nullopt;
  return ContentRange{.first = *first, .last = *last, .total = total};
}

/// How many bytes of an upload a registry has, of `0-1023` or `bytes=0-1023`. `0-0` is also what some say of
/// none.
std::optional<std::uint64_t> uploaded_size(const HttpHeaders& headers) {
  std::string_view text = headers.find("Range").value_or("");
  if (text.starts_with("bytes=")) text.remove_prefix(6);
  if (!text.starts_with("0-")) return std::nullopt;
  const auto last = to_number(text.substr(2));
  if (!last || *last == UINT64_MAX) return std::nullopt;
  return *last + 1;
}

/// The target of `Link: <…>; rel="next"`.
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

/// The outcome of an operation: where it failed, and without what was sent to prove who asks, which the registry may
/// have repeated in whatever became a part of the message.
template <typename T>
Result<T> in_context(const Session& session, Result<T> result, std::string_view context) {
  if (result) return result;
  const Error& error = result.error();
  return std::unexpected(Error(error.code(), session.shown(error.message())).with_context(context));
}

std::string blob_name(const Reference& repository, const Digest& digest) {
  return repository.name() + "@" + digest.to_string();
}

/// A blob's source that tells how far it is read.
class CountingSource final : public BlobSource {
 public:
  CountingSource(BlobSource& source, std::uint64_t total, const Progress& progress)
      : source_(&source), total_(total), progress_(&progress) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    TAIRITSU_TRY(const std::size_t count, source_->read(into));
    at_ += count;
    tell();
    return count;
  }
  Result<void> seek(std::uint64_t offset) override {
    TAIRITSU_CHECK(source_->seek(offset));
    at_ = offset;
    tell();
    return {};
  }

 private:
  void tell() const {
    if (*progress_) (*progress_)(at_, total_);
  }

  BlobSource* source_;
  std::uint64_t total_;
  const Progress* progress_;
  std::uint64_t at_ = 0;
};

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
  } else if (is_loopback(url.host) && session_.answers_plainly(url, deadline)) {
    TAIRITSU_TRY(url, Url::parse("http://" + std::string(host) + "/v2/"));
  }
  bases_.emplace(registry, url);
  return url;
}

Result<Url> Client::url_of(const Reference& repository, std::string_view path, Clock::TimePoint deadline) {
  TAIRITSU_CHECK(require_registry(repository, "look up"));
  TAIRITSU_TRY(Url url, base_url(repository.registry, deadline));
  url.target.append(repository.repository).append("/").append(path);
  return url;
}

Result<Answer> Client::call(const std::string& registry, const Scopes& scopes, Exchange exchange) {
  TAIRITSU_TRY(const Url base, base_url(registry, exchange.deadline));
  // An upload may be led to another host, which is not the one that the credentials are for.
  const bool is_own = exchange.url.origin() == base.origin();
  constexpr int kMostChallenges = 2;
  for (int challenges = 0;; ++challenges) {
    if (is_own) {
      TAIRITSU_TRY(exchange.authorization, authenticator_.authorization(registry, scopes, exchange.deadline));
    }
    TAIRITSU_TRY(Answer answer, session_.send(exchange));
    if (answer.status != 401 || answer.left_origin || !is_own || challenges == kMostChallenges) return answer;
    TAIRITSU_TRY(const bool again, authenticator_.challenged(registry, answer, exchange.authorization, scopes,
                                                             exchange.deadline));
    if (!again) return answer;
  }
}

Error Client::refusal(const std::string& registry, const Answer& answer) {
  ErrorCode code = ErrorCode::registry_refused;
  if (answer.status == 404) code = ErrorCode::not_found;
  if (answer.status == 401 || answer.status == 403) code = ErrorCode::unauthorized;
  std::string message = answer.left_origin
                            ? answer.url.authority() + ", where the registry leads to, answered "
                            : "the registry answered ";
  message += describe_status(answer);
  if (const auto wait = retry_after(answer.headers); wait && (answer.status == 429 || answer.status == 503)) {
    message += "; it wants to be left alone for " + std::to_string(wait->count()) + " s";
  }
  if (code == ErrorCode::unauthorized && !answer.left_origin && !authenticator_.has_credentials(registry)) {
    message += "; there are no credentials for " + registry + ": log in first";
  }
  return Error(code, std::move(message));
}

Result<Manifest> Client::get_manifest(const Reference& reference, Clock::TimePoint deadline) {
  Exchange exchange = {.body_limit = options_.max_manifest, .deadline = deadline};
  TAIRITSU_TRY(exchange.url, url_of(reference, "manifests/" + reference.target(), deadline));
  exchange.headers.add("Accept", accepted());
  TAIRITSU_TRY(Answer answer, call(reference.registry, pull_scope(reference), std::move(exchange)));
  if (!answer.is_success()) return std::unexpected(refusal(reference.registry, answer));
  const Digest digest = Digest::of(std::as_bytes(std::span(answer.text)), sha256_);
  if (reference.digest && digest != *reference.digest) {
    return fail(ErrorCode::digest_mismatch, "the manifest that came is " + digest.to_string());
  }
  // Of another algorithm it is not for us to check.
  if (const auto said = Digest::parse(answer.headers.find("Docker-Content-Digest").value_or(""));
      said && *said != digest) {
    return fail(ErrorCode::digest_mismatch, "the registry says that the manifest is " + said->to_string() +
                                                ", but it is " + digest.to_string());
  }
  const nlohmann::json content = nlohmann::json::parse(answer.text, nullptr, false);
  if (!content.is_object()) return fail(ErrorCode::registry_refused, "the manifest is no JSON object");
  std::string media_type = media_type_of(answer.headers);
  const std::string own = text_at(content, "mediaType");
  const bool says_nothing = media_type.empty() || media_type == "application/json" ||
                            media_type == "text/plain" || media_type == kOctets;
  if (says_nothing && !own.empty()) media_type = own;
  // What is taken for one thing here and for another elsewhere would have two meanings under one digest.
  if (!own.empty() && own != media_type) {
    return fail(ErrorCode::registry_refused, "the manifest is '" + printable(session_.shown(own), 100) +
                                                 "', but the registry says '" +
                                                 printable(session_.shown(media_type), 100) + "'");
  }
  const bool lists_manifests = content.contains("manifests");
  if (lists_manifests && (content.contains("layers") || content.contains("config"))) {
    return fail(ErrorCode::registry_refused, "the manifest is of an image and of an index at once");
  }
  if (says_nothing && own.empty()) {
    media_type = lists_manifests ? detail::kIndexMediaType : detail::kManifestMediaType;
  }
  if (!is_manifest_type(media_type)) {
    return fail(ErrorCode::registry_refused,
                "unknown media type of a manifest: '" + printable(session_.shown(media_type), 100) + "'");
  }
  if (lists_manifests != detail::is_index(media_type)) {
    return fail(ErrorCode::registry_refused,
                lists_manifests
                    ? "the manifest is that of an image index, but the registry says that of an image"
                    : "the image index lists no manifests");
  }
  return Manifest{.media_type = std::move(media_type), .digest = digest, .bytes = std::move(answer.text)};
}

Result<Manifest> Client::pull_manifest(const Reference& reference, IndexChoice choice) {
  const Clock::TimePoint end = deadline(options_.request_limit);
  const std::string context = reference.to_string();
  auto manifest = get_manifest(reference, end);
  if (!manifest || !detail::is_index(manifest->media_type) || choice == IndexChoice::keep) {
    return in_context(session_, std::move(manifest), context);
  }
  if (choice == IndexChoice::refuse) {
    return fail(ErrorCode::registry_refused, context + ": it is an image index, of several platforms");
  }
  TAIRITSU_TRY(const auto chosen,
               detail::choose_from_index(std::as_bytes(std::span(manifest->bytes)), context));
  Reference inner = reference;
  TAIRITSU_TRY(inner.digest, in_context(session_, Digest::parse(chosen.digest), context));
  auto found = get_manifest(inner, end);
  if (found && detail::is_index(found->media_type)) {
    return fail(ErrorCode::registry_refused, context + ": an image index within an image index");
  }
  if (found) found->index = manifest->digest;
  return in_context(session_, std::move(found), context);
}

Result<Descriptor> Client::resolve(const Reference& reference) {
  const Clock::TimePoint end = deadline(options_.request_limit);
  const auto ask = [&]() -> Result<Descriptor> {
    Exchange exchange = {.method = HttpMethod::head, .deadline = end};
    TAIRITSU_TRY(exchange.url, url_of(reference, "manifests/" + reference.target(), end));
    exchange.headers.add("Accept", accepted());
    TAIRITSU_TRY(const Answer answer, call(reference.registry, pull_scope(reference), std::move(exchange)));
    if (!answer.is_success()) return std::unexpected(refusal(reference.registry, answer));
    auto digest = Digest::parse(answer.headers.find("Docker-Content-Digest").value_or(""));
    const auto size = to_number(answer.headers.find("Content-Length").value_or(""));
    std::string media_type = media_type_of(answer.headers);
    if (digest && size && is_manifest_type(media_type)) {
      if (reference.digest && *digest != *reference.digest) {
        return fail(ErrorCode::digest_mismatch, "the registry has " + digest->to_string() + " there");
      }
      return Descriptor{.media_type = std::move(media_type), .digest = *std::move(digest), .size = *size};
    }
    // Older registries leave it to us.
    TAIRITSU_TRY(Manifest manifest, get_manifest(reference, end));
    return Descriptor{.media_type = std::move(manifest.media_type),
                      .digest = manifest.digest,
                      .size = manifest.bytes.size()};
  };
  return in_context(session_, ask(), reference.to_string());
}

Result<void> Client::pull(const Reference& repository, const Digest& digest, BlobSink& sink,
                          const PullOptions& options) {
  const Clock::TimePoint end = deadline(options_.transfer_limit);
  if (options.size && *options.size > options_.max_blob) {
    return fail(ErrorCode::size_limit, "it has " + std::to_string(*options.size) + " bytes, and may have " +
                                           std::to_string(options_.max_blob));
  }
  const std::uint64_t most = options.size.value_or(options_.max_blob);
  const auto too_much = [&](std::string_view how_much) {
    const std::string came = "the registry sends " + std::string(how_much) + " bytes";
    if (options.size) return Error(ErrorCode::digest_mismatch, came + " instead of " + std::to_string(most));
    return Error(ErrorCode::size_limit, came + ", and it may be " + std::to_string(most));
  };

  Exchange exchange = {.stream = true, .deadline = end};
  TAIRITSU_TRY(exchange.url, url_of(repository, "blobs/" + digest.to_string(), end));
  const std::unique_ptr<Sha256> hash = sha256_();
  std::vector<std::byte> buffer(std::size_t{64} << 10U);
  std::uint64_t done = 0;
  std::uint64_t got_on_at = 0;
  for (int failures = 0;;) {
    Exchange part = exchange;
    if (done != 0) part.headers.add("Range", "bytes=" + std::to_string(done) + "-");
    TAIRITSU_TRY(const Answer answer, call(repository.registry, pull_scope(repository), std::move(part)));
    if (!answer.is_success()) return std::unexpected(refusal(repository.registry, answer));

    std::uint64_t skip = 0;  // What comes for a second time.
    const auto length = to_number(answer.headers.find("Content-Length").value_or(""));
    std::optional<std::uint64_t> total = length;
    if (answer.status == 206) {
      const auto range = content_range(answer.headers);
      if (done == 0 || !range || range->first != done) {
        return fail(ErrorCode::registry_refused, "the registry sends another part than it was asked for");
      }
      total = range->total;
    } else {
      skip = done;
    }
    if (total && (*total > most || (options.size && *total != *options.size))) {
      return std::unexpected(too_much(std::to_string(*total)));
    }
    if (options.progress) options.progress(done, total.value_or(options.size.value_or(0)));

    std::optional<TransportError> cut;
    while (true) {
      const auto count = answer.body->read(buffer);
      if (!count) {
        cut = count.error();
        break;
      }
      if (*count == 0) break;
      std::span<const std::byte> bytes(buffer.data(), *count);
      const auto again = static_cast<std::size_t>(std::min<std::uint64_t>(skip, bytes.size()));
      skip -= again;
      bytes = bytes.subspan(again);
      if (bytes.empty()) continue;
      if (bytes.size() > most - done) return std::unexpected(too_much("more"));
      hash->update(bytes);
      TAIRITSU_CHECK(sink.write(bytes));
      done += bytes.size();
      if (options.progress) options.progress(done, total.value_or(options.size.value_or(0)));
      // A server that never stops sending a little must not keep us for ever.
      if (session_.clock().now() >= end) return fail(ErrorCode::network, "it took too long: time ran out");
    }
    // All of it is there: what broke was the end of the connection.
    if (!cut || done == total || done == options.size) break;
    const Error error = Session::to_error(*cut, answer.url);
    if (!Session::is_passing(cut->fault)) return std::unexpected(error);
    if (done - got_on_at >= kGettingOn) {
      failures = 0;
      got_on_at = done;
    }
    ++failures;
    if (!session_.pause(failures, {}, end)) {
      return fail(error.code(), error.message() + " (after " + std::to_string(done) + " bytes, tried " +
                                    std::to_string(failures) + " times)");
    }
  }
  if (options.size && done != *options.size) {
    return fail(ErrorCode::digest_mismatch, "the registry sent " + std::to_string(done) +
                                                " bytes instead of " + std::to_string(*options.size));
  }
  const Digest came = Digest::of(hash->finish());
  if (came != digest)
    return fail(ErrorCode::digest_mismatch, "what the registry sent is " + came.to_string());
  return {};
}

Result<void> Client::pull_blob(const Reference& repository, const Digest& digest, BlobSink& sink,
                               const PullOptions& options) {
  return in_context(session_, pull(repository, digest, sink, options), blob_name(repository, digest));
}

Result<bool> Client::find_blob(const Reference& repository, const Digest& digest, const Scopes& scopes,
                               Clock::TimePoint deadline) {
  Exchange exchange = {.method = HttpMethod::head, .deadline = deadline};
  TAIRITSU_TRY(exchange.url, url_of(repository, "blobs/" + digest.to_string(), deadline));
  TAIRITSU_TRY(const Answer answer, call(repository.registry, scopes, std::move(exchange)));
  if (answer.is_success()) return true;
  if (answer.status == 404) return false;
  return std::unexpected(refusal(repository.registry, answer));
}

Result<bool> Client::has_blob(const Reference& repository, const Digest& digest) {
  return in_context(session_,
                    find_blob(repository, digest, pull_scope(repository), deadline(options_.request_limit)),
                    blob_name(repository, digest));
}

/// One blob on its way.
struct Client::Upload {
  const Reference* repository;
  const Digest* digest;
  std::uint64_t size;
  BlobSource* source;
  const PushOptions* options;
  Scopes scopes;
  Clock::TimePoint deadline;
  Url location = {};         ///< Where the registry wants it.
  std::uint64_t offset = 0;  ///< How much of it the registry has.
  std::uint64_t chunk = 0;   ///< At least what the registry wants.
  bool in_chunks = false;    ///< It has refused it whole.
  bool mounted = false;
  int failures = 0;
  std::optional<Error> error = std::nullopt;  ///< Why the last try failed.
  std::optional<std::chrono::seconds> retry_after = std::nullopt;
};

namespace {

bool is_worth_another_try(int status) {
  // 404 and 416: the upload's session is gone, or is elsewhere than we think.
  return status == 429 || status == 502 || status == 503 || status == 504 || status == 404 || status == 416;
}

/// Where gateways bound a request's size, or a registry does not take blobs whole.
bool wants_chunks(int status) { return status == 405 || status == 411 || status == 413 || status == 501; }

}  // namespace

Result<BlobPush> Client::push_blob(const Reference& repository, const Digest& digest, std::uint64_t size,
                                   BlobSource& source, const PushOptions& options) {
  CountingSource counting(source, size, options.progress);
  Upload upload = {.repository = &repository,
                   .digest = &digest,
                   .size = size,
                   .source = &counting,
                   .options = &options,
                   .scopes = push_scope(repository),
                   .deadline = deadline(options_.transfer_limit)};
  if (!options.mount_from.empty()) {
    if (!is_repository(options.mount_from)) {
      return fail(ErrorCode::invalid_argument,
                  "'" + printable(options.mount_from, 100) + "' is no repository");
    }
    upload.scopes.push_back("repository:" + options.mount_from + ":pull");
  }
  auto pushed = push(upload);
  if (!pushed) cancel(upload);
  return in_context(session_, std::move(pushed), blob_name(repository, digest));
}

/// Each step answers false where another try from the front may help: `error` says why.
Result<BlobPush> Client::push(Upload& upload) {
  while (true) {
    // Also before another try: it may have failed after the registry had it all.
    TAIRITSU_TRY(const bool exists,
                 find_blob(*upload.repository, *upload.digest, upload.scopes, upload.deadline));
    if (exists) return upload.failures == 0 ? BlobPush::existed : BlobPush::uploaded;
    upload.error.reset();
    upload.retry_after.reset();
    upload.offset = 0;
    TAIRITSU_TRY(bool done, start(upload));
    if (upload.mounted) return BlobPush::mounted;
    if (done && !upload.in_chunks) {
      TAIRITSU_TRY(done, put_whole(upload));
      if (!done && upload.in_chunks) continue;
    } else if (done) {
      TAIRITSU_TRY(done, put_chunks(upload));
    }
    if (done) return BlobPush::uploaded;
    ++upload.failures;
    if (!session_.pause(upload.failures, upload.retry_after, upload.deadline)) {
      return fail(upload.error->code(),
                  upload.error->message() + " (tried " + std::to_string(upload.failures) + " times)");
    }
  }
}

/// Asks for a place to upload to.
Result<bool> Client::start(Upload& upload) {
  Exchange exchange = {.method = HttpMethod::post, .deadline = upload.deadline};
  TAIRITSU_TRY(exchange.url, url_of(*upload.repository, "blobs/uploads/", upload.deadline));
  if (!upload.options->mount_from.empty() && upload.failures == 0 && !upload.in_chunks) {
    exchange.url = exchange.url.with_query("mount", upload.digest->to_string())
                       .with_query("from", upload.options->mount_from);
  }
  TAIRITSU_TRY(const Answer answer, call(upload.repository->registry, upload.scopes, std::move(exchange)));
  if (answer.status == 201) {
    upload.mounted = true;
    return true;
  }
  if (!answer.is_success()) return std::unexpected(refusal(upload.repository->registry, answer));
  const auto location = answer.headers.find("Location");
  if (!location) return fail(ErrorCode::registry_refused, "the registry does not say where to upload to");
  TAIRITSU_TRY(upload.location, session_.follow(answer.url, *location));
  const auto least = to_number(answer.headers.find("OCI-Chunk-Min-Length").value_or(""));
  upload.chunk = std::max({options_.chunk, least.value_or(0), std::uint64_t{1}});
  return true;
}

Result<bool> Client::put_whole(Upload& upload) {
  Exchange exchange = {.method = HttpMethod::put,
                       .url = upload.location.with_query("digest", upload.digest->to_string()),
                       .source = upload.size == 0 ? nullptr : upload.source,
                       .size = upload.size,
                       .deadline = upload.deadline,
                       .retry = false};
  exchange.headers.add("Content-Type", std::string(kOctets));
  auto answer = call(upload.repository->registry, upload.scopes, std::move(exchange));
  if (!answer) {
    if (answer.error().code() != ErrorCode::network) return std::unexpected(answer.error());
    upload.error = answer.error();
    // Some gateways hang up on what is too large for them, and parts need not begin at the front again.
    upload.in_chunks = upload.failures > 0 && upload.size > upload.chunk;
    return false;
  }
  if (answer->is_success()) return true;
  upload.in_chunks = wants_chunks(answer->status) && upload.size != 0;
  upload.error = refusal(upload.repository->registry, *answer);
  upload.retry_after = retry_after(answer->headers);
  if (!upload.in_chunks && !is_worth_another_try(answer->status)) return std::unexpected(*upload.error);
  return false;
}

Result<bool> Client::put_chunks(Upload& upload) {
  const std::string& registry = upload.repository->registry;
  // The upload's place moves with each chunk.
  const auto follow = [&](const Answer& answer) -> Result<void> {
    const auto location = answer.headers.find("Location");
    if (!location) return {};
    TAIRITSU_TRY(Url next, session_.follow(answer.url, *location));
    upload.location = std::move(next);
    return {};
  };
  int failures = 0;
  while (upload.offset < upload.size) {
    const std::uint64_t count = std::min(upload.chunk, upload.size - upload.offset);
    Exchange exchange = {.method = HttpMethod::patch,
                         .url = upload.location,
                         .source = upload.source,
                         .offset = upload.offset,
                         .size = count,
                         .deadline = upload.deadline,
                         .retry = false};
    exchange.headers.add("Content-Type", std::string(kOctets));
    exchange.headers.add("Content-Range",
                         std::to_string(upload.offset) + "-" + std::to_string(upload.offset + count - 1));
    auto answer = call(registry, upload.scopes, std::move(exchange));
    if (answer && answer->is_success()) {
      TAIRITSU_CHECK(follow(*answer));
      const std::uint64_t has = uploaded_size(answer->headers).value_or(upload.offset + count);
      // A chunk may be taken in part, but not more than there was, and not nothing for ever.
      if (has > upload.offset + count || has <= upload.offset) {
        return fail(ErrorCode::registry_refused, "the registry lost count of the upload");
      }
      upload.offset = has;
      failures = 0;
      continue;
    }
    if (!answer && answer.error().code() != ErrorCode::network) return std::unexpected(answer.error());
    upload.error = answer ? refusal(registry, *answer) : answer.error();
    upload.retry_after = answer ? retry_after(answer->headers) : std::nullopt;
    if (answer && !is_worth_another_try(answer->status)) return std::unexpected(*upload.error);
    if (!session_.pause(++failures, upload.retry_after, upload.deadline)) return false;
    TAIRITSU_TRY(const bool found, find_offset(upload));
    if (!found) return false;
  }
  Exchange exchange = {.method = HttpMethod::put,
                       .url = upload.location.with_query("digest", upload.digest->to_string()),
                       .deadline = upload.deadline,
                       .retry = false};
  auto answer = call(registry, upload.scopes, std::move(exchange));
  if (answer && answer->is_success()) return true;
  if (!answer && answer.error().code() != ErrorCode::network) return std::unexpected(answer.error());
  upload.error = answer ? refusal(registry, *answer) : answer.error();
  upload.retry_after = answer ? retry_after(answer->headers) : std::nullopt;
  if (answer && !is_worth_another_try(answer->status)) return std::unexpected(*upload.error);
  return false;
}

/// Asks how much of an upload in chunks is there after a chunk has failed.
Result<bool> Client::find_offset(Upload& upload) {
  const auto answer = call(upload.repository->registry, upload.scopes,
                           {.url = upload.location, .deadline = upload.deadline, .retry = false});
  if (!answer || !answer->is_success()) return false;
  if (const auto location = answer->headers.find("Location")) {
    TAIRITSU_TRY(Url next, session_.follow(answer->url, *location));
    upload.location = std::move(next);
  }
  const auto has = uploaded_size(answer->headers);
  // Of none and of one byte some say the same, `0-0`: to begin anew is right for both.
  if (!has || *has <= 1 || *has > upload.size) return false;
  upload.offset = *has;
  return true;
}

/// Spares the registry the rest of an upload.
void Client::cancel(const Upload& upload) {
  if (upload.location == Url() || session_.clock().now() >= upload.deadline) return;
  const Clock::TimePoint soon = std::min(upload.deadline, deadline(std::chrono::seconds(5)));
  // Whether that worked is nobody's concern: the registry forgets by itself in the end.
  const auto ignored =
      call(upload.repository->registry, upload.scopes,
           {.method = HttpMethod::delete_, .url = upload.location, .deadline = soon, .retry = false});
  static_cast<void>(ignored);
}

Result<Digest> Client::push_manifest(const Reference& reference, std::string_view media_type,
                                     std::string_view bytes) {
  const Clock::TimePoint end = deadline(options_.request_limit);
  const Digest digest = Digest::of(std::as_bytes(std::span(bytes)), sha256_);
  const auto put = [&]() -> Result<Digest> {
    if (reference.digest && digest != *reference.digest) {
      return fail(ErrorCode::digest_mismatch, "the manifest is " + digest.to_string());
    }
    Exchange exchange = {.method = HttpMethod::put, .body = std::string(bytes), .deadline = end};
    TAIRITSU_TRY(exchange.url, url_of(reference, "manifests/" + reference.target(), end));
    exchange.headers.add("Content-Type", std::string(media_type));
    TAIRITSU_TRY(const Answer answer, call(reference.registry, push_scope(reference), std::move(exchange)));
    if (!answer.is_success()) return std::unexpected(refusal(reference.registry, answer));
    const auto said = Digest::parse(answer.headers.find("Docker-Content-Digest").value_or(""));
    if (said && *said != digest) {
      return fail(ErrorCode::digest_mismatch,
                  "the registry has kept " + said->to_string() + " instead of " + digest.to_string());
    }
    return digest;
  };
  return in_context(session_, put(), reference.to_string());
}

Result<std::vector<std::string>> Client::list_tags(const Reference& repository) {
  const Clock::TimePoint end = deadline(options_.request_limit);
  const auto list = [&]() -> Result<std::vector<std::string>> {
    std::vector<std::string> tags;
    TAIRITSU_TRY(Url url, url_of(repository, "tags/list?n=1000", end));
    for (std::size_t pages = 0; pages < kMaxPages; ++pages) {
      Exchange exchange = {.url = url, .body_limit = kMaxTagPage, .deadline = end};
      TAIRITSU_TRY(const Answer answer,
                   call(repository.registry, pull_scope(repository), std::move(exchange)));
      if (!answer.is_success()) return std::unexpected(refusal(repository.registry, answer));
      const nlohmann::json page = nlohmann::json::parse(answer.text, nullptr, false);
      const auto listed = page.is_object() ? page.find("tags") : page.end();
      if (!page.is_object() || listed == page.end() || !(listed->is_array() || listed->is_null())) {
        return fail(ErrorCode::registry_refused, "the registry's answer is no list of tags");
      }
      for (const nlohmann::json& tag : *listed) {
        if (!tag.is_string() || !is_tag(tag.get_ref<const std::string&>())) {
          return fail(ErrorCode::registry_refused, "the registry lists a tag that is none");
        }
        if (tags.size() == options_.max_tags) {
          return fail(ErrorCode::size_limit,
                      "it has more than " + std::to_string(options_.max_tags) + " tags");
        }
        tags.push_back(tag.get<std::string>());
      }
      const auto next = next_link(answer.headers);
      if (!next) return tags;
      TAIRITSU_TRY(Url further, session_.follow(answer.url, *next));
      if (further.origin() != url.origin()) {
        return fail(ErrorCode::registry_refused,
                    "the registry's list goes on at another host: " + further.authority());
      }
      // The same page again would never end.
      if (further == url) return tags;
      url = std::move(further);
    }
    return fail(ErrorCode::size_limit,
                "its list of tags has more than " + std::to_string(kMaxPages) + " pages");
  };
  return in_context(session_, list(), repository.name());
}

Result<void> Client::delete_manifest(const Reference& reference) {
  const Clock::TimePoint end = deadline(options_.request_limit);
  const auto remove = [&]() -> Result<void> {
    Exchange exchange = {.method = HttpMethod::delete_, .deadline = end};
    TAIRITSU_TRY(exchange.url, url_of(reference, "manifests/" + reference.target(), end));
    const Scopes scopes = {"repository:" + reference.repository + ":delete,pull,push"};
    TAIRITSU_TRY(const Answer answer, call(reference.registry, scopes, std::move(exchange)));
    if (!answer.is_success()) return std::unexpected(refusal(reference.registry, answer));
    return {};
  };
  return in_context(session_, remove(), reference.to_string());
}

Result<void> Client::check_access(const std::string& registry) {
  const Clock::TimePoint end = deadline(options_.request_limit);
  const auto check = [&]() -> Result<void> {
    Exchange exchange = {.deadline = end};
    TAIRITSU_TRY(exchange.url, base_url(registry, end));
    TAIRITSU_TRY(const Answer answer, call(registry, {}, std::move(exchange)));
    if (!answer.is_success()) return std::unexpected(refusal(registry, answer));
    return {};
  };
  return in_context(session_, check(), registry);
}

}  // namespace tairitsu::oci

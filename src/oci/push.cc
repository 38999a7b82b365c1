#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "oci/client.h"
#include "oci/protocol.h"
#include "oci/text.h"

namespace tairitsu::oci {

namespace {

/// Parses how many bytes of an upload the registry has from `0-1023` or `bytes=0-1023`. Some registries also
/// send `0-0` for no bytes.
std::optional<std::uint64_t> uploaded_size(const HttpHeaders& headers) {
  std::string_view text = headers.find("Range").value_or("");
  if (text.starts_with("bytes=")) text.remove_prefix(6);
  if (!text.starts_with("0-")) return std::nullopt;
  const auto last = to_number(text.substr(2));
  if (!last || *last == UINT64_MAX) return std::nullopt;
  return *last + 1;
}

/// Reports the progress of reading a blob.
class ReportingSource final : public BlobSource {
 public:
  ReportingSource(BlobSource& source, std::uint64_t total, const Progress& progress)
      : source_(&source), total_(total), progress_(&progress) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    TAIRITSU_TRY(const std::size_t count, source_->read(into));
    at_ += count;
    report();
    return count;
  }
  Result<void> seek(std::uint64_t offset) override {
    TAIRITSU_RETURN_IF_ERROR(source_->seek(offset));
    at_ = offset;
    report();
    return {};
  }

 private:
  void report() const {
    if (*progress_) (*progress_)(at_, total_);
  }

  BlobSource* source_;
  std::uint64_t total_;
  const Progress* progress_;
  std::uint64_t at_ = 0;
};

bool may_retry(int status) {
  // 404 and 416: the upload's session is gone, or at another offset than we think.
  return status == 429 || status == 502 || status == 503 || status == 504 || status == 404 || status == 416;
}

/// Whether a gateway limits the size of requests, or the registry does not accept whole blobs.
bool requires_chunks(int status) { return status == 405 || status == 411 || status == 413 || status == 501; }

}  // namespace

/// The state of one blob's upload, over all attempts.
struct Client::Upload {
  const Reference* repository;
  const Digest* digest;
  std::uint64_t size;
  BlobSource* source;
  const PushOptions* options;
  Scopes scopes;
  Clock::TimePoint deadline;
  Url location = {};         ///< Where the next request goes.
  std::uint64_t offset = 0;  ///< How many bytes the registry has.
  std::uint64_t chunk = 0;   ///< The size of a chunk, at least the registry's minimum.
  bool in_chunks = false;    ///< The registry refused the whole blob.
  bool mounted = false;
  int failures = 0;
  std::optional<Error> error = std::nullopt;  ///< Why the last attempt failed.
  std::optional<std::chrono::seconds> retry_after = std::nullopt;
};

Result<BlobPush> Client::push_blob(const Reference& repository, const Digest& digest, std::uint64_t size,
                                   BlobSource& source, const PushOptions& options) {
  ReportingSource reporting(source, size, options.progress);
  Upload upload = {.repository = &repository,
                   .digest = &digest,
                   .size = size,
                   .source = &reporting,
                   .options = &options,
                   .scopes = push_scope(repository),
                   .deadline = deadline(options_.transfer_limit)};
  if (!options.mount_from.empty()) {
    if (!is_repository(options.mount_from)) {
      return fail(ErrorCode::invalid_argument,
                  "invalid repository '" + printable(options.mount_from, 100) + "'");
    }
    upload.scopes.push_back("repository:" + options.mount_from + ":pull");
  }
  auto pushed = push(upload);
  if (!pushed) cancel(upload);
  return in_context(session_, std::move(pushed), blob_name(repository, digest));
}

/// Each step returns false if starting over may help: `error` says why it failed.
Result<BlobPush> Client::push(Upload& upload) {
  while (true) {
    // Also before a retry: the last attempt may have failed after the registry received everything.
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

/// Requests a location to upload to, or a mount.
Result<bool> Client::start(Upload& upload) {
  Exchange exchange = {.method = HttpMethod::post, .deadline = upload.deadline};
  TAIRITSU_TRY(exchange.url, url_of(*upload.repository, "blobs/uploads/", upload.deadline));
  if (!upload.options->mount_from.empty() && upload.failures == 0 && !upload.in_chunks) {
    exchange.url = exchange.url.with_query("mount", upload.digest->to_string())
                       .with_query("from", upload.options->mount_from);
  }
  TAIRITSU_TRY(const Response response,
               call(upload.repository->registry, upload.scopes, std::move(exchange)));
  if (response.status == 201) {
    upload.mounted = true;
    return true;
  }
  if (!response.is_success()) return std::unexpected(to_error(upload.repository->registry, response));
  const auto location = response.headers.find("Location");
  if (!location) return fail(ErrorCode::registry_refused, "the registry returned no upload location");
  TAIRITSU_TRY(upload.location, session_.follow(response.url, *location));
  const auto minimum = to_number(response.headers.find("OCI-Chunk-Min-Length").value_or(""));
  upload.chunk = std::max({options_.chunk, minimum.value_or(0), std::uint64_t{1}});
  return true;
}

Result<bool> Client::put_whole(Upload& upload) {
  Exchange exchange = {.method = HttpMethod::put,
                       .url = upload.location.with_query("digest", upload.digest->to_string()),
                       .source = upload.size == 0 ? nullptr : upload.source,
                       .size = upload.size,
                       .deadline = upload.deadline,
                       .retry = false};
  exchange.headers.add("Content-Type", std::string(kOctetStream));
  auto response = call(upload.repository->registry, upload.scopes, std::move(exchange));
  if (!response) {
    if (response.error().code() != ErrorCode::network) return std::unexpected(response.error());
    upload.error = response.error();
    // Some gateways hang up on requests that are too large, and a chunk need not restart the whole blob.
    upload.in_chunks = upload.failures > 0 && upload.size > upload.chunk;
    return false;
  }
  if (response->is_success()) return true;
  upload.in_chunks = requires_chunks(response->status) && upload.size != 0;
  upload.error = to_error(upload.repository->registry, *response);
  upload.retry_after = retry_after(response->headers);
  if (!upload.in_chunks && !may_retry(response->status)) return std::unexpected(*upload.error);
  return false;
}

Result<bool> Client::put_chunks(Upload& upload) {
  const std::string& registry = upload.repository->registry;
  // The upload's location changes with each chunk.
  const auto follow = [&](const Response& response) -> Result<void> {
    const auto location = response.headers.find("Location");
    if (!location) return {};
    TAIRITSU_TRY(Url next, session_.follow(response.url, *location));
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
    exchange.headers.add("Content-Type", std::string(kOctetStream));
    exchange.headers.add("Content-Range",
                         std::to_string(upload.offset) + "-" + std::to_string(upload.offset + count - 1));
    auto response = call(registry, upload.scopes, std::move(exchange));
    if (response && response->is_success()) {
      TAIRITSU_RETURN_IF_ERROR(follow(*response));
      const std::uint64_t has = uploaded_size(response->headers).value_or(upload.offset + count);
      // The registry may accept a part of a chunk, but not more than it, and not nothing.
      if (has > upload.offset + count || has <= upload.offset) {
        return fail(ErrorCode::registry_refused, "the registry reports an invalid upload offset");
      }
      upload.offset = has;
      failures = 0;
      continue;
    }
    if (!response && response.error().code() != ErrorCode::network) return std::unexpected(response.error());
    upload.error = response ? to_error(registry, *response) : response.error();
    upload.retry_after = response ? retry_after(response->headers) : std::nullopt;
    if (response && !may_retry(response->status)) return std::unexpected(*upload.error);
    if (!session_.pause(++failures, upload.retry_after, upload.deadline)) return false;
    TAIRITSU_TRY(const bool found, find_offset(upload));
    if (!found) return false;
  }
  Exchange exchange = {.method = HttpMethod::put,
                       .url = upload.location.with_query("digest", upload.digest->to_string()),
                       .deadline = upload.deadline,
                       .retry = false};
  auto response = call(registry, upload.scopes, std::move(exchange));
  if (response && response->is_success()) return true;
  if (!response && response.error().code() != ErrorCode::network) return std::unexpected(response.error());
  upload.error = response ? to_error(registry, *response) : response.error();
  upload.retry_after = response ? retry_after(response->headers) : std::nullopt;
  if (response && !may_retry(response->status)) return std::unexpected(*upload.error);
  return false;
}

/// Asks the registry for the offset of an upload after a chunk has failed.
Result<bool> Client::find_offset(Upload& upload) {
  const auto response = call(upload.repository->registry, upload.scopes,
                             {.url = upload.location, .deadline = upload.deadline, .retry = false});
  if (!response || !response->is_success()) return false;
  if (const auto location = response->headers.find("Location")) {
    TAIRITSU_TRY(Url next, session_.follow(response->url, *location));
    upload.location = std::move(next);
  }
  const auto has = uploaded_size(response->headers);
  // `0-0` may mean one byte or none: starting over is right for both.
  if (!has || *has <= 1 || *has > upload.size) return false;
  upload.offset = *has;
  return true;
}

/// Tells the registry that the upload is abandoned.
void Client::cancel(const Upload& upload) {
  if (upload.location == Url() || session_.clock().now() >= upload.deadline) return;
  const Clock::TimePoint soon = std::min(upload.deadline, deadline(std::chrono::seconds(5)));
  // A failure does not matter: the registry discards abandoned uploads in time.
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
      return fail(ErrorCode::digest_mismatch, "the manifest has digest " + digest.to_string());
    }
    Exchange exchange = {.method = HttpMethod::put, .body = std::string(bytes), .deadline = end};
    TAIRITSU_TRY(exchange.url, url_of(reference, "manifests/" + reference.target(), end));
    exchange.headers.add("Content-Type", std::string(media_type));
    TAIRITSU_TRY(const Response response,
                 call(reference.registry, push_scope(reference), std::move(exchange)));
    if (!response.is_success()) return std::unexpected(to_error(reference.registry, response));
    const auto stored = Digest::parse(response.headers.find("Docker-Content-Digest").value_or(""));
    if (stored && *stored != digest) {
      return fail(ErrorCode::digest_mismatch,
                  "the registry stored " + stored->to_string() + " instead of " + digest.to_string());
    }
    return digest;
  };
  return in_context(session_, put(), reference.to_string());
}

}  // namespace tairitsu::oci

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "image/descriptor.h"
#include "image/manifest.h"
#include "oci/client.h"
#include "oci/protocol.h"
#include "oci/response_json.h"
#include "oci/text.h"

namespace tairitsu::oci {

namespace {

/// This many bytes since the last failure count as progress, which resets the count of failures.
constexpr std::uint64_t kMinProgress = std::uint64_t{256} << 10U;

constexpr std::array kManifestTypes = {detail::kManifestMediaType, detail::kIndexMediaType,
                                       detail::kDockerManifestMediaType, detail::kDockerIndexMediaType};

bool is_manifest_type(std::string_view type) {
  return std::ranges::find(kManifestTypes, type) != kManifestTypes.end();
}

/// The `Accept` header.
std::string accepted_types() {
  std::string types;
  for (const std::string_view type : kManifestTypes) {
    if (!types.empty()) types += ", ";
    types += type;
  }
  return types;
}

/// Returns the `Content-Type` in lower case, without parameters.
std::string media_type_of(const HttpHeaders& headers) {
  const std::string_view value = headers.find("Content-Type").value_or("");
  return lower_case(trimmed(value.substr(0, value.find(';'))));
}

struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::optional<std::uint64_t> total;
};

/// Parses `bytes 5-9/10`, or `bytes 5-9/*` if the total is unknown.
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

}  // namespace

Result<Manifest> Client::get_manifest(const Reference& reference, Clock::TimePoint deadline) {
  Exchange exchange = {.body_limit = options_.max_manifest, .deadline = deadline};
  TAIRITSU_TRY(exchange.url, url_of(reference, "manifests/" + reference.target(), deadline));
  exchange.headers.add("Accept", accepted_types());
  TAIRITSU_TRY(Response response, call(reference.registry, pull_scope(reference), std::move(exchange)));
  if (!response.is_success()) return std::unexpected(to_error(reference.registry, response));
  const Digest digest = Digest::of(std::as_bytes(std::span(response.text)), sha256_);
  if (reference.digest && digest != *reference.digest) {
    return fail(ErrorCode::digest_mismatch, "the manifest has digest " + digest.to_string());
  }
  // A digest of another algorithm cannot be checked.
  if (const auto reported = Digest::parse(response.headers.find("Docker-Content-Digest").value_or(""));
      reported && *reported != digest) {
    return fail(ErrorCode::digest_mismatch, "the registry reports manifest digest " + reported->to_string() +
                                                ", but the manifest has digest " + digest.to_string());
  }
  const auto content = parse_object(response.text);
  if (!content) return fail(ErrorCode::registry_refused, "the manifest is not a JSON object");
  std::string media_type = media_type_of(response.headers);
  const std::string own = text_at(*content, "mediaType");
  const bool is_generic = media_type.empty() || media_type == "application/json" ||
                          media_type == "text/plain" || media_type == kOctetStream;
  if (is_generic && !own.empty()) media_type = own;
  // Clients that trust the header and clients that trust the content must agree on what a digest means.
  if (!own.empty() && own != media_type) {
    return fail(ErrorCode::registry_refused,
                "the manifest says media type '" + printable(session_.redact(own), 100) +
                    "', but the registry says '" + printable(session_.redact(media_type), 100) + "'");
  }
  const bool lists_manifests = content->contains("manifests");
  if (lists_manifests && (content->contains("layers") || content->contains("config"))) {
    return fail(ErrorCode::registry_refused, "the manifest is both an image and an image index");
  }
  if (is_generic && own.empty()) {
    media_type = lists_manifests ? detail::kIndexMediaType : detail::kManifestMediaType;
  }
  if (!is_manifest_type(media_type)) {
    return fail(ErrorCode::registry_refused,
                "unknown manifest media type '" + printable(session_.redact(media_type), 100) + "'");
  }
  if (lists_manifests != detail::is_index(media_type)) {
    return fail(ErrorCode::registry_refused,
                lists_manifests ? "the media type is that of an image, but the manifest is an image index"
                                : "the image index has no 'manifests'");
  }
  return Manifest{.media_type = std::move(media_type), .digest = digest, .bytes = std::move(response.text)};
}

Result<Manifest> Client::pull_manifest(const Reference& reference, IndexChoice choice) {
  const Clock::TimePoint end = deadline(options_.request_limit);
  const std::string context = reference.to_string();
  auto manifest = get_manifest(reference, end);
  if (!manifest || !detail::is_index(manifest->media_type) || choice == IndexChoice::keep) {
    return in_context(session_, std::move(manifest), context);
  }
  if (choice == IndexChoice::refuse) {
    return fail(ErrorCode::registry_refused, context + ": it is an image index for several platforms");
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
    exchange.headers.add("Accept", accepted_types());
    TAIRITSU_TRY(const Response response,
                 call(reference.registry, pull_scope(reference), std::move(exchange)));
    if (!response.is_success()) return std::unexpected(to_error(reference.registry, response));
    auto digest = Digest::parse(response.headers.find("Docker-Content-Digest").value_or(""));
    const auto size = to_number(response.headers.find("Content-Length").value_or(""));
    std::string media_type = media_type_of(response.headers);
    if (digest && size && is_manifest_type(media_type)) {
      if (reference.digest && *digest != *reference.digest) {
        return fail(ErrorCode::digest_mismatch, "the registry reports digest " + digest->to_string());
      }
      return Descriptor{.media_type = std::move(media_type), .digest = *std::move(digest), .size = *size};
    }
    // Older registries do not send these headers.
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
    return fail(ErrorCode::size_limit, "too large: " + std::to_string(*options.size) +
                                           " bytes; the limit is " + std::to_string(options_.max_blob));
  }
  const std::uint64_t limit = options.size.value_or(options_.max_blob);
  const auto wrong_size = [&](std::optional<std::uint64_t> size) {
    const std::string expected = std::to_string(limit);
    const ErrorCode code = options.size ? ErrorCode::digest_mismatch : ErrorCode::size_limit;
    if (!size) return Error(code, "the registry sends more than " + expected + " bytes");
    return Error(code, "the registry sends " + std::to_string(*size) +
                           (options.size ? " bytes instead of " : " bytes; the limit is ") + expected);
  };

  Exchange exchange = {.stream = true, .deadline = end};
  TAIRITSU_TRY(exchange.url, url_of(repository, "blobs/" + digest.to_string(), end));
  const std::unique_ptr<Sha256> hash = sha256_();
  std::vector<std::byte> buffer(std::size_t{64} << 10U);
  std::uint64_t done = 0;
  std::uint64_t done_at_failure = 0;
  for (int failures = 0;;) {
    Exchange part = exchange;
    if (done != 0) part.headers.add("Range", "bytes=" + std::to_string(done) + "-");
    TAIRITSU_TRY(const Response response, call(repository.registry, pull_scope(repository), std::move(part)));
    if (!response.is_success()) return std::unexpected(to_error(repository.registry, response));

    std::uint64_t skip = 0;  // Bytes that were already received.
    const auto length = to_number(response.headers.find("Content-Length").value_or(""));
    std::optional<std::uint64_t> total = length;
    if (response.status == 206) {
      const auto range = content_range(response.headers);
      if (done == 0 || !range || range->first != done) {
        return fail(ErrorCode::registry_refused, "the registry returned another range than requested");
      }
      total = range->total;
    } else {
      skip = done;
    }
    if (total && (*total > limit || (options.size && *total != *options.size))) {
      return std::unexpected(wrong_size(total));
    }
    if (options.progress) options.progress(done, total.value_or(options.size.value_or(0)));

    std::optional<TransportError> interruption;
    while (true) {
      const auto count = response.body->read(buffer);
      if (!count) {
        interruption = count.error();
        break;
      }
      if (*count == 0) break;
      std::span<const std::byte> bytes(buffer.data(), *count);
      const auto repeated = static_cast<std::size_t>(std::min<std::uint64_t>(skip, bytes.size()));
      skip -= repeated;
      bytes = bytes.subspan(repeated);
      if (bytes.empty()) continue;
      if (bytes.size() > limit - done) return std::unexpected(wrong_size(std::nullopt));
      hash->update(bytes);
      TAIRITSU_RETURN_IF_ERROR(sink.write(bytes));
      done += bytes.size();
      if (options.progress) options.progress(done, total.value_or(options.size.value_or(0)));
      // A server that keeps sending a few bytes must not hold the transfer open for ever.
      if (session_.clock().now() >= end) return fail(ErrorCode::network, "the transfer timed out");
    }
    // An error after the last byte does no harm.
    if (!interruption || done == total || done == options.size) break;
    const Error error = Session::to_error(*interruption, response.url);
    if (!Session::is_transient(interruption->fault)) return std::unexpected(error);
    if (done - done_at_failure >= kMinProgress) {
      failures = 0;
      done_at_failure = done;
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
  const Digest actual = Digest::of(hash->finish());
  if (actual != digest) {
    return fail(ErrorCode::digest_mismatch, "the registry sent content with digest " + actual.to_string());
  }
  return {};
}

Result<void> Client::pull_blob(const Reference& repository, const Digest& digest, BlobSink& sink,
                               const PullOptions& options) {
  return in_context(session_, pull(repository, digest, sink, options), blob_name(repository, digest));
}

}  // namespace tairitsu::oci

/// A client for registries that implement the OCI distribution specification (1.1): pull, push, tags, delete.
///
/// Pulled content is bounded and verified: it has the requested size and digest, or the pull fails. Errors name
/// the image and what the registry said: `ghcr.io/foo/bar:1: the registry returned 404: MANIFEST_UNKNOWN
/// manifest unknown`. Their codes: `not_found` (404), `unauthorized` (401, 403), `registry_refused` (other
/// responses), `network`, `digest_mismatch`, `size_limit`, and whatever a source or a sink fails with.
///
/// Our own: limits, resumption and the scope of credentials need control over every request.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/auth.h"
#include "oci/blob.h"
#include "oci/credentials.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "oci/session.h"
#include "oci/transport.h"
#include "tairitsu/error.h"

namespace tairitsu::oci {

struct ClientOptions {
  SessionOptions session = {};
  /// For all attempts of one small request together: a manifest, a page of tags, the start of an upload.
  std::chrono::milliseconds request_limit = std::chrono::minutes(2);
  /// For all attempts to transfer one blob together.
  std::chrono::milliseconds transfer_limit = std::chrono::hours(1);
  /// The specification requires registries to accept manifests of 4 MiB.
  std::size_t max_manifest = std::size_t{4} << 20U;
  std::uint64_t max_blob = std::uint64_t{4} << 30U;
  /// The chunk size of an upload in chunks, which is used only if the registry refuses whole blobs.
  std::uint64_t chunk = std::uint64_t{8} << 20U;
  std::size_t max_tags = 100'000;
};

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
};

struct Manifest {
  std::string media_type;
  Digest digest;                               ///< Of `bytes`, verified.
  std::string bytes;                           ///< As the registry sent them.
  std::optional<Digest> index = std::nullopt;  ///< The image index that it was chosen from.
};

/// What to do if a name refers to an image index, which lists manifests by platform.
enum class IndexChoice : std::uint8_t {
  pick_wasm,  ///< Choose the manifest for WebAssembly, see `wasm_rank`. Fails with `not_found` if there is none.
  refuse,     ///< Fail with `registry_refused`.
  keep,       ///< Return the index itself.
};

struct PullOptions {
  /// The size in the descriptor; any other size fails with `digest_mismatch`.
  std::optional<std::uint64_t> size = std::nullopt;
  Progress progress = {};
};

struct PushOptions {
  /// A repository of the same registry that may already have the blob: `me/other`.
  std::string mount_from = {};
  Progress progress = {};
};

enum class BlobPush : std::uint8_t { existed, mounted, uploaded };

/// Use from one thread at a time. It keeps tokens and connections, so use one client for all parts of an image.
class Client {
 public:
  /// The transport and the clock must outlive the client.
  Client(HttpTransport& transport, Sha256Factory sha256, CredentialLookup credentials,
         ClientOptions options = {}, Clock& clock = real_clock());
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() = default;

  /// Returns the manifest of the reference's digest if it has one, else of its tag.
  [[nodiscard]] Result<Manifest> pull_manifest(const Reference& reference,
                                               IndexChoice choice = IndexChoice::pick_wasm);

  /// Returns what a reference points to, without its manifest.
  [[nodiscard]] Result<Descriptor> resolve(const Reference& reference);

  /// Streams a blob of the reference's repository to a sink. An interrupted transfer resumes where it stopped,
  /// or restarts if the registry cannot resume; the sink does not notice.
  [[nodiscard]] Result<void> pull_blob(const Reference& repository, const Digest& digest, BlobSink& sink,
                                       const PullOptions& options = {});

  /// Returns whether the reference's repository has a blob.
  [[nodiscard]] Result<bool> has_blob(const Reference& repository, const Digest& digest);

  /// Ensures that the repository has a blob; the registry checks its digest.
  [[nodiscard]] Result<BlobPush> push_blob(const Reference& repository, const Digest& digest,
                                           std::uint64_t size, BlobSource& source,
                                           const PushOptions& options = {});

  /// Stores a manifest under the reference's digest, which must be that of `bytes`, or else under its tag. Push
  /// its blobs first. Returns its digest.
  [[nodiscard]] Result<Digest> push_manifest(const Reference& reference, std::string_view media_type,
                                             std::string_view bytes);

  /// Returns all tags of a repository, in the registry's order. Fails with `size_limit` above `max_tags`.
  [[nodiscard]] Result<std::vector<std::string>> list_tags(const Reference& repository);

  /// Deletes a manifest with all of its tags if the reference has a digest, else only the tag. Many registries
  /// support neither, or only the former.
  [[nodiscard]] Result<void> delete_manifest(const Reference& reference);

  /// Checks that a registry, `host[:port]`, accepts the stored credentials, as `login` does.
  [[nodiscard]] Result<void> check_access(const std::string& registry);

 private:
  struct Upload;

  [[nodiscard]] Clock::TimePoint deadline(std::chrono::milliseconds limit) const;
  [[nodiscard]] Result<Url> base_url(const std::string& registry, Clock::TimePoint deadline);
  /// Returns `/v2/REPOSITORY/…` at the repository's registry. Fails with `invalid_argument` for a local name.
  [[nodiscard]] Result<Url> url_of(const Reference& repository, std::string_view path,
                                   Clock::TimePoint deadline);
  /// Sends a request with the authentication that the registry requires.
  [[nodiscard]] Result<Response> call(const std::string& registry, const Scopes& scopes, Exchange exchange);
  /// Returns an unsuccessful response as an error.
  [[nodiscard]] Error to_error(const std::string& registry, const Response& response);

  [[nodiscard]] Result<Manifest> get_manifest(const Reference& reference, Clock::TimePoint deadline);
  [[nodiscard]] Result<void> pull(const Reference& repository, const Digest& digest, BlobSink& sink,
                                  const PullOptions& options);
  [[nodiscard]] Result<bool> find_blob(const Reference& repository, const Digest& digest,
                                       const Scopes& scopes, Clock::TimePoint deadline);
  [[nodiscard]] Result<BlobPush> push(Upload& upload);
  [[nodiscard]] Result<bool> start(Upload& upload);
  [[nodiscard]] Result<bool> put_whole(Upload& upload);
  [[nodiscard]] Result<bool> put_chunks(Upload& upload);
  [[nodiscard]] Result<bool> find_offset(Upload& upload);
  void cancel(const Upload& upload);

  ClientOptions options_;
  Sha256Factory sha256_;
  Session session_;
  Authenticator authenticator_;
  std::map<std::string, Url, std::less<>> bases_;
};

}  // namespace tairitsu::oci

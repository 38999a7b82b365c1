/// A client of registries by the OCI distribution specification (1.1): pull, push, tags, delete.
///
/// What it pulls is bounded and verified: it has the size and the digest that were asked for, or the pull
/// fails. Its errors name what was asked for and what the registry said: `ghcr.io/foo/bar:1: the registry
/// answered 404: MANIFEST_UNKNOWN manifest unknown`. Their codes: `not_found` (404), `unauthorized` (401,
/// 403), `registry_refused` (other answers), `network`, `digest_mismatch`, `size_limit`, and whatever a
/// source or a sink fails with.
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
  /// For all tries of anything small together: a manifest, a page of tags, the start of an upload.
  std::chrono::milliseconds request_limit = std::chrono::minutes(2);
  /// For all tries of a blob together.
  std::chrono::milliseconds transfer_limit = std::chrono::hours(1);
  /// The specification wants registries to take manifests of 4 MiB.
  std::size_t max_manifest = std::size_t{4} << 20U;
  std::uint64_t max_blob = std::uint64_t{4} << 30U;
  /// Of an upload in chunks, which only a registry sees that refuses whole blobs.
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
  std::string bytes;                           ///< As the registry has them.
  std::optional<Digest> index = std::nullopt;  ///< Of the image index that it was picked from.
};

/// What to do where a name stands for an image index, which lists manifests by platform.
enum class IndexChoice : std::uint8_t {
  pick_wasm,  ///< Takes the one for WebAssembly: WASI 0.2 before others. Fails with `not_found` for none.
  refuse,     ///< Fails with `registry_refused`.
  keep,       ///< The index itself is the manifest.
};

struct PullOptions {
  /// What the descriptor says; another size fails with `digest_mismatch`.
  std::optional<std::uint64_t> size = std::nullopt;
  Progress progress = {};
};

struct PushOptions {
  /// A repository of the same registry that may have the blob already: `me/other`.
  std::string mount_from = {};
  Progress progress = {};
};

enum class BlobPush : std::uint8_t { existed, mounted, uploaded };

/// One thread at a time. It keeps tokens and connections, so use one for an image's manifest and its blobs.
class Client {
 public:
  /// The transport and the clock outlive it.
  Client(HttpTransport& transport, Sha256Factory sha256, CredentialLookup credentials,
         ClientOptions options = {}, Clock& clock = real_clock());
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() = default;

  /// The manifest of a tag, or of a digest where the reference has one.
  [[nodiscard]] Result<Manifest> pull_manifest(const Reference& reference,
                                               IndexChoice choice = IndexChoice::pick_wasm);

  /// What a tag stands for, without its manifest.
  [[nodiscard]] Result<Descriptor> resolve(const Reference& reference);

  /// Streams a blob of the reference's repository to a sink. A connection that is cut off goes on where it
  /// was, or from the front where the registry cannot: the sink does not notice.
  [[nodiscard]] Result<void> pull_blob(const Reference& repository, const Digest& digest, BlobSink& sink,
                                       const PullOptions& options = {});

  [[nodiscard]] Result<bool> has_blob(const Reference& repository, const Digest& digest);

  /// Sees to it that the repository has a blob; the registry checks its digest.
  [[nodiscard]] Result<BlobPush> push_blob(const Reference& repository, const Digest& digest,
                                           std::uint64_t size, BlobSource& source,
                                           const PushOptions& options = {});

  /// Puts a manifest under the reference's digest, which has to be that of `bytes`, or else its tag. Its
  /// blobs are to be there.
  [[nodiscard]] Result<Digest> push_manifest(const Reference& reference, std::string_view media_type,
                                             std::string_view bytes);

  /// All tags of a repository, in the registry's order. More than `max_tags` fail with `size_limit`.
  [[nodiscard]] Result<std::vector<std::string>> list_tags(const Reference& repository);

  /// Deletes what the reference names: a manifest with all of its tags, or a tag alone. Many registries do
  /// neither, or only the former.
  [[nodiscard]] Result<void> delete_manifest(const Reference& reference);

  /// Whether a registry, `host[:port]`, lets us in with the credentials that there are: a login's check.
  [[nodiscard]] Result<void> check_access(const std::string& registry);

 private:
  struct Upload;

  [[nodiscard]] Clock::TimePoint deadline(std::chrono::milliseconds limit) const;
  [[nodiscard]] Result<Url> base_url(const std::string& registry, Clock::TimePoint deadline);
  /// `/v2/REPOSITORY/…` at its registry. Fails for a local name.
  [[nodiscard]] Result<Url> url_of(const Reference& repository, std::string_view path,
                                   Clock::TimePoint deadline);
  /// Sends with the authentication that the registry asks for.
  [[nodiscard]] Result<Answer> call(const std::string& registry, const Scopes& scopes, Exchange exchange);
  [[nodiscard]] Error refusal(const std::string& registry, const Answer& answer);

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

/// Pulling and pushing images, listing tags, and logging in: a client of registries that implement the OCI distribution
/// specification. docs/registries.md describes names, verification and retries.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tairitsu/error.h>
#include <tairitsu/image_store.h>

namespace tairitsu {

namespace detail {
class OciClientCore;
}

/// Returns the full name of an image: `hello` becomes `hello:latest`, and `docker.io/hello` becomes
/// `docker.io/library/hello:latest`. A name without a registry stays local. Fails with `invalid_argument`.
[[nodiscard]] Result<std::string> normalize_image_name(std::string_view name);

/// Returns the registry in a name, `host[:port]`; empty for a local name. Fails with `invalid_argument`.
[[nodiscard]] Result<std::string> registry_of(std::string_view name);

/// Returns the image that a user's text refers to: a name, with or without `:latest`, or any other reference that
/// `ImageStore::find` accepts. Fails like `ImageStore::find`.
[[nodiscard]] Result<StoredImage> find_image(const ImageStore& store, std::string_view reference);

struct OciClientOptions {
  /// Registries, `host[:port]`, to connect to without TLS. Loopback hosts may always be contacted without it.
  std::vector<std::string> plain_http = {};
  /// A PEM file of certificates to trust in addition to the public ones and the machine's.
  std::filesystem::path ca_file = {};
  /// The directory of Docker's `config.json`, which has the credentials; empty for `$DOCKER_CONFIG`, else `~/.docker`.
  std::filesystem::path credentials_directory = {};
  /// The largest component to pull; a larger one fails with `size_limit`.
  std::uint64_t max_component_bytes = std::uint64_t{1} << 30U;
};

enum class TransferState : std::uint8_t {
  moving,   ///< `done` of `size` bytes are transferred. `done` decreases when a transfer is retried.
  existed,  ///< The destination already had the blob.
  finished,
};

/// The progress of one blob of an image. Valid during the call.
struct Transfer {
  std::string_view digest;  ///< `sha256:…` of the blob: a config, or a component.
  TransferState state = TransferState::moving;
  std::uint64_t done = 0;
  std::uint64_t size = 0;
};

/// Called often, on the thread that pulls or pushes, so it should return quickly.
using OnTransfer = std::function<void(const Transfer&)>;

struct PulledImage {
  StoredImage image;
  bool changed = false;  ///< Whether the name referred to another image before, or did not exist.
};

/// A client of OCI registries. A shared handle, usable from any thread.
///
/// Calls that contact a registry fail with `network`, `unauthorized`, `not_found`, `registry_refused`,
/// `digest_mismatch`, `size_limit`, or with `invalid_argument` if the name is invalid or has no registry. The message
/// says what was requested and what the registry replied.
class OciClient {
 public:
  using Options = OciClientOptions;

  /// Creates a client, without contacting a registry. Fails with `io` if `ca_file` cannot be used.
  [[nodiscard]] static Result<OciClient> create(const Options& options = {});

  /// Pulls an image: fetches the blobs that the store lacks, and gives the image its full name; an image that is pulled
  /// by digest only has its digest. Of an image for several platforms the one for WebAssembly is pulled. If it fails,
  /// the store stays as it was. Fails with `invalid_manifest` if it is not a WebAssembly image, and like `ImageWriter`.
  [[nodiscard]] Result<PulledImage> pull(ImageStore& store, std::string_view name,
                                         const OnTransfer& on_transfer = {}) const;

  /// Pushes an image: sends the blobs that the registry lacks, and returns the image's digest. Fails like `find_image`
  /// and `ImageStore::read_component`.
  [[nodiscard]] Result<std::string> push(const ImageStore& store, std::string_view name,
                                         const OnTransfer& on_transfer = {}) const;

  /// Returns the digest of the manifest or index that a name refers to in its registry.
  [[nodiscard]] Result<std::string> resolve(std::string_view name) const;
  /// Returns the tags of a repository, in the registry's order.
  [[nodiscard]] Result<std::vector<std::string>> tags(std::string_view repository) const;
  /// Deletes a tag in the registry, or, if the name has a digest, a manifest with all of its tags. Many registries
  /// support only the latter.
  [[nodiscard]] Result<void> remove(std::string_view name) const;

  /// Checks credentials with a registry (`host[:port]`, `docker.io`) and stores them as Docker does. Returns the path
  /// of the file that has them in plain text; it is empty if a credential helper stores them. On failure nothing is
  /// stored.
  [[nodiscard]] Result<std::filesystem::path> login(std::string_view registry, std::string_view user,
                                                    std::string_view password) const;
  /// Removes the stored credentials of a registry and returns whether there were any. Fails with `io`.
  [[nodiscard]] Result<bool> logout(std::string_view registry) const;

 private:
  explicit OciClient(std::shared_ptr<const detail::OciClientCore> core) : core_(std::move(core)) {}
  std::shared_ptr<const detail::OciClientCore> core_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

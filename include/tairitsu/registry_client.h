/// Images in registries: pull, push, tags, logging in. Any registry of the OCI distribution specification will do;
/// `docs/registries.md` says how images are named, what is verified and when it is tried again.
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
class RegistryClientCore;
}

/// A name in full: `hello` becomes `hello:latest`, and `docker.io/hello` becomes `docker.io/library/hello:latest`.
/// A name without a registry stays one: it is local. Fails with `invalid_argument`, saying what is wrong with it.
[[nodiscard]] Result<std::string> normalize_image_name(std::string_view name);

/// The registry in a name, `host[:port]`; empty for a local one. Fails with `invalid_argument`.
[[nodiscard]] Result<std::string> registry_of(std::string_view name);

/// Finds an image by what a person types: its name, of which `:latest` may be missing, else as `ImageStore::find`
/// does. Fails as that does.
[[nodiscard]] Result<StoredImage> find_image(const ImageStore& store, std::string_view reference);

struct RegistryClientOptions {
  /// Registries, `host[:port]`, that are spoken to without TLS. Loopback hosts may be anyway.
  std::vector<std::string> plain_http = {};
  /// A PEM file of certificates to trust beside the public ones and the machine's.
  std::filesystem::path ca_file = {};
  /// The folder of Docker's `config.json`, which has the credentials; empty for `$DOCKER_CONFIG`, else `~/.docker`.
  std::filesystem::path credentials_folder = {};
  /// A larger component is not pulled: `size_limit`.
  std::uint64_t max_component_bytes = std::uint64_t{1} << 30U;
};

enum class TransferState : std::uint8_t {
  moving,   ///< `done` of `size` bytes are there. It goes back where a try begins anew.
  existed,  ///< It was there already.
  finished,
};

/// How far a piece of an image is. Valid during the call.
struct Transfer {
  std::string_view digest;  ///< `sha256:…` of the piece: a config, or a component.
  TransferState state = TransferState::moving;
  std::uint64_t done = 0;
  std::uint64_t size = 0;
};

/// Called on the thread that pulls or pushes, often: it should be quick.
using OnTransfer = std::function<void(const Transfer&)>;

struct PulledImage {
  StoredImage image;
  bool changed = false;  ///< Whether the name stood for another image before, or for none.
};

/// A shared handle, usable from any thread. Its errors name what was asked for and what the registry said; their
/// codes are `not_found`, `unauthorized`, `registry_refused`, `network`, `digest_mismatch`, `size_limit`, and
/// `invalid_argument` for a name that is none or has no registry.
class RegistryClient {
 public:
  using Options = RegistryClientOptions;

  /// Asks nobody yet. Fails with `io` for a file of certificates that cannot be used.
  [[nodiscard]] static Result<RegistryClient> create(const Options& options = {});

  /// Fetches an image, what of it is not in the store yet, and gives it its full name; with a digest in the name it
  /// is known by its own alone. An image for several platforms is the one for WebAssembly. The store has all of it
  /// afterwards, or what it had before. Fails with `invalid_manifest` for an image that is not WebAssembly's, and as
  /// `ImageWriter` does.
  [[nodiscard]] Result<PulledImage> pull(ImageStore& store, std::string_view name,
                                         const OnTransfer& on_transfer = {}) const;

  /// Sends the image of that name, what of it the registry does not have yet. Answers its digest. Fails as
  /// `find_image` and `ImageStore::read_component` do.
  [[nodiscard]] Result<std::string> push(const ImageStore& store, std::string_view name,
                                         const OnTransfer& on_transfer = {}) const;

  /// What a name stands for in its registry: the digest of a manifest, or of an index.
  [[nodiscard]] Result<std::string> resolve(std::string_view name) const;
  /// The tags of a repository, in the registry's order.
  [[nodiscard]] Result<std::vector<std::string>> tags(std::string_view repository) const;
  /// Deletes a tag, or by digest a manifest with all of its tags, in the registry. Many do only the latter.
  [[nodiscard]] Result<void> remove(std::string_view name) const;

  /// Tries credentials with a registry (`host[:port]`, `docker.io`) and keeps them where Docker does: with its
  /// helper, or in plain text in the file that is answered. A failure keeps nothing.
  [[nodiscard]] Result<std::filesystem::path> login(std::string_view registry, std::string_view user,
                                                    std::string_view password) const;
  /// Forgets them; whether there were any. Fails with `io`.
  [[nodiscard]] Result<bool> logout(std::string_view registry) const;

 private:
  explicit RegistryClient(std::shared_ptr<const detail::RegistryClientCore> core) : core_(std::move(core)) {}
  std::shared_ptr<const detail::RegistryClientCore> core_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23

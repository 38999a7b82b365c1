/// Registry credentials in Docker's `config.json` and its credential helpers.
///
/// Sharing the file with Docker means sharing its logins. Registries are named as in a `Reference` (`ghcr.io`,
/// `localhost:5000`, `docker.io`); Docker Hub's key in the file is `https://index.docker.io/v1/`.
///
/// Our own: a JSON file and a pipe to a helper are less code than a bridge to a library in another language.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "tairitsu/error.h"

namespace tairitsu::oci {

/// A user name with a password, or one of two kinds of token.
struct Credentials {
  std::string username = {};
  std::string password = {};
  std::string identity_token = {};  ///< An OAuth 2 refresh token, for the registry's token server.
  std::string registry_token = {};  ///< A bearer token, sent to the registry as it is.

  bool operator==(const Credentials&) const = default;
};

/// Looks up credentials. Having none is not an error: access is anonymous then.
using CredentialLookup = std::function<Result<std::optional<Credentials>>(std::string_view registry)>;

struct CredentialOptions {
  /// The directory of `config.json`; if empty, `$DOCKER_CONFIG`, else `$HOME/.docker`.
  std::filesystem::path directory = {};
  /// The time limit of a helper. Some prompt the user for a password.
  std::chrono::milliseconds helper_limit = std::chrono::seconds(60);
};

/// Docker's configuration file. Each call reads it again, so that logins by other programs are seen. Several threads
/// and processes never see a partial file, but one of two concurrent writes may be lost.
class CredentialFile {
 public:
  explicit CredentialFile(CredentialOptions options = {});

  /// Looks up credentials with the registry's helper in `credHelpers`, else with the one in `credsStore`, then in
  /// `auths`. Returns nothing if the file does not exist. Fails with `io` if the file cannot be read or is not JSON,
  /// and if a helper is missing, fails or times out.
  [[nodiscard]] Result<std::optional<Credentials>> find(std::string_view registry) const;

  /// Stores credentials with the helper if one is configured, else in the file. Replaces the registry's earlier
  /// credentials and keeps the rest of the file. The file is replaced atomically and readable only by its owner; a
  /// symbolic link is followed. Fails with `io`.
  [[nodiscard]] Result<void> store(std::string_view registry, const Credentials& credentials) const;

  /// Removes a registry's credentials. Returns whether there were any. Fails with `io`.
  [[nodiscard]] Result<bool> erase(std::string_view registry) const;

  /// Returns the file that `store` writes, in plain text, if there is no helper. Empty if HOME is not set.
  [[nodiscard]] std::filesystem::path path() const;
  /// Returns the NAME of the helper `docker-credential-NAME` that stores a registry's credentials; empty if the file
  /// does.
  [[nodiscard]] Result<std::string> helper(std::string_view registry) const;

 private:
  CredentialOptions options_;
};

}  // namespace tairitsu::oci

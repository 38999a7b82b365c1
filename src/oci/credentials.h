/// Credentials of registries, where Docker keeps them: `config.json`, with its credential helpers.
///
/// A program that shares the file with Docker shares the logins. What is asked for is a registry as in a
/// `Reference` (`ghcr.io`, `localhost:5000`, `docker.io`); Docker Hub's key in the file is
/// `https://index.docker.io/v1/`.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "tairitsu/error.h"

namespace tairitsu::oci {

/// A user name with a password, or one of two tokens.
struct Credentials {
  std::string username = {};
  std::string password = {};
  std::string identity_token = {};  ///< An OAuth 2 refresh token, for the registry's token server.
  std::string registry_token = {};  ///< A bearer token that is sent to the registry as it is.

  bool operator==(const Credentials&) const = default;
};

/// Looks credentials up: none is no error, but an anonymous user.
using CredentialLookup = std::function<Result<std::optional<Credentials>>(std::string_view registry)>;

struct CredentialOptions {
  /// The folder of `config.json`; empty for `$DOCKER_CONFIG`, else `$HOME/.docker`.
  std::filesystem::path folder = {};
  /// How long a helper may take. Some ask a person for a password.
  std::chrono::milliseconds helper_limit = std::chrono::seconds(60);
};

/// Docker's configuration. It holds nothing: each call reads the file, so that a login elsewhere is seen.
/// Calls from several threads or processes never see half a file; of two that write at once one may be lost.
class CredentialFile {
 public:
  explicit CredentialFile(CredentialOptions options = {});

  /// The helper in `credHelpers` for the registry, else the one in `credsStore`, else `auths`. What a helper
  /// does not have is looked for in `auths` too. A file that is not there has nothing. Fails with `io` for
  /// one that cannot be read or is not JSON, and where a helper is missing, fails or takes too long.
  [[nodiscard]] Result<std::optional<Credentials>> find(std::string_view registry) const;

  /// Keeps credentials: with the helper where one is configured, else in the file. A registry's older
  /// credentials are replaced; all else in the file stays. The file is replaced as a whole, readable for its
  /// owner alone; a symbolic link to it stays one. Fails with `io`.
  [[nodiscard]] Result<void> store(std::string_view registry, const Credentials& credentials) const;

  /// Forgets a registry's credentials; whether there were any. Fails with `io`.
  [[nodiscard]] Result<bool> erase(std::string_view registry) const;

  /// Where `store` writes without a helper, which is in plain text. Empty where there is no home.
  [[nodiscard]] std::filesystem::path path() const;
  /// The helper that a registry's credentials go to: the NAME of `docker-credential-NAME`; empty for the
  /// file.
  [[nodiscard]] Result<std::string> helper(std::string_view registry) const;

 private:
  CredentialOptions options_;
};

}  // namespace tairitsu::oci

/// Authentication at registries: challenges, bearer tokens from a token server, basic authentication.
///
/// Sources: the distribution project's token specification (spec/auth: token, oauth, scope), RFC 9110 section
/// 11. Our own: it is part of the registry protocol, see `client.h`.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/credentials.h"
#include "oci/session.h"
#include "oci/url.h"
#include "tairitsu/error.h"

namespace tairitsu::oci {

/// One challenge of a `WWW-Authenticate` header.
struct Challenge {
  std::string scheme = {};  ///< In lower case: `bearer`, `basic`.
  /// Their names are in lower case.
  std::vector<std::pair<std::string, std::string>> parameters = {};

  /// Returns a parameter's value; empty if it is missing.
  [[nodiscard]] std::string_view parameter(std::string_view name) const noexcept;
};

/// Returns the challenges of one header, in order. Text that violates the grammar ends the list.
[[nodiscard]] std::vector<Challenge> parse_challenges(std::string_view header);

/// The permissions that a request needs, such as `repository:me/hello:pull,push`; none for `/v2/` itself.
using Scopes = std::vector<std::string>;

/// Responds to the challenges of registries, and caches tokens while they are valid. Credentials go only to their
/// registry's own origin and to the token server that it names. Use from one thread at a time; the session must
/// outlive it.
class Authenticator {
 public:
  /// Without `credentials` all access is anonymous.
  Authenticator(Session& session, CredentialLookup credentials);

  /// Returns the `Authorization` header for a request to `registry`; empty until the registry has asked for one.
  /// May request a token. Fails if the token server or the credential lookup fails.
  [[nodiscard]] Result<std::string> authorization(const std::string& registry, const Scopes& scopes,
                                                  Clock::TimePoint deadline);

  /// Handles a 401 response to a request that had the header `sent`. Returns whether another attempt may succeed.
  /// Fails with `unauthorized` if the registry requires credentials and there are none, or an unknown scheme.
  [[nodiscard]] Result<bool> challenged(const std::string& registry, const Response& response,
                                        const std::string& sent, const Scopes& scopes,
                                        Clock::TimePoint deadline);

  /// Returns whether there are credentials for a registry, for messages.
  [[nodiscard]] bool has_credentials(const std::string& registry);

 private:
  struct Registry {
    bool looked_up = false;
    std::optional<Credentials> credentials;
    std::optional<Challenge> challenge;  ///< The one that we respond to.
    Url base;                            ///< The URL that sent it.
    std::string extra_scope;             ///< What the registry requires in addition to a request's scopes.
  };
  struct Token {
    std::string value;
    Clock::TimePoint expires;
  };

  [[nodiscard]] Result<Registry*> look_up(const std::string& registry);
  [[nodiscard]] Result<Token> request_token(const std::string& registry, const Registry& known,
                                            const Scopes& scopes, Clock::TimePoint deadline);

  Session* session_;
  CredentialLookup credentials_;
  std::map<std::string, Registry, std::less<>> registries_;
  std::map<std::string, Token, std::less<>> tokens_;  ///< By realm, service and scopes.
};

}  // namespace tairitsu::oci

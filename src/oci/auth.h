/// Authentication at registries: challenges, bearer tokens from a token server, basic authentication.
///
/// Sources: the distribution project's token specification (spec/auth: token, oauth, scope), RFC 9110 section
/// 11.
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
  /// Names in lower case.
  std::vector<std::pair<std::string, std::string>> parameters = {};

  /// Empty where it is not there.
  [[nodiscard]] std::string_view parameter(std::string_view name) const noexcept;
};

/// All challenges of one header, in their order. What does not keep to the grammar ends the list.
[[nodiscard]] std::vector<Challenge> parse_challenges(std::string_view header);

/// What a request needs of a registry: `repository:me/hello:pull,push`, several of them, or none for `/v2/`
/// itself.
using Scopes = std::vector<std::string>;

/// Answers the challenges of registries, with tokens that are kept as long as they are valid, at most as long
/// as this lives. Credentials go to their registry's own origin, and to the token server that it names; never
/// elsewhere. One thread at a time; the session outlives it.
class Authenticator {
 public:
  /// Without `credentials` everybody is anonymous.
  Authenticator(Session& session, CredentialLookup credentials);

  /// The `Authorization` header for a request to `registry`, empty where none is known to be needed yet. May
  /// ask the token server. Fails as it fails, and as the look-up of credentials does.
  [[nodiscard]] Result<std::string> authorization(const std::string& registry, const Scopes& scopes,
                                                  Clock::TimePoint deadline);

  /// Learns from an answer 401 to a request that had the header `sent`: whether another try may go better.
  /// Fails with `unauthorized` where the registry wants credentials and there are none, or a scheme that is
  /// not known here.
  [[nodiscard]] Result<bool> challenged(const std::string& registry, const Answer& answer,
                                        const std::string& sent, const Scopes& scopes,
                                        Clock::TimePoint deadline);

  /// Whether there are credentials for a registry, for a message.
  [[nodiscard]] bool has_credentials(const std::string& registry);

 private:
  struct Registry {
    bool looked_up = false;
    std::optional<Credentials> credentials;
    std::optional<Challenge> challenge;  ///< The one that is answered here.
    Url base;                            ///< Where it came from.
    std::string extra_scope;             ///< Wanted by the registry beside what the request knew.
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

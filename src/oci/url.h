/// The URLs that registries need (RFC 3986): `http` and `https`, without user information.
///
/// Our own: a general parser accepts much more, which would have to be rejected afterwards.
#pragma once

#include <string>
#include <string_view>

#include "tairitsu/error.h"

namespace tairitsu::oci {

struct Url {
  bool secure = true;  ///< `https`.
  std::string host;    ///< In lower case; an IPv6 address in brackets.
  int port = 443;
  std::string target;  ///< The path and the query; starts with `/`.

  /// Parses a URL and drops its fragment. Fails with `invalid_argument`.
  [[nodiscard]] static Result<Url> parse(std::string_view text);

  /// Resolves an absolute or relative `Location` or `Link` in the response from this URL.
  [[nodiscard]] Result<Url> resolve(std::string_view reference) const;

  /// Returns `https://host[:port]`, with the port if it is not the scheme's default.
  [[nodiscard]] std::string origin() const;
  [[nodiscard]] std::string to_string() const { return origin() + target; }
  /// Returns `host[:port]`, for messages and to compare with a registry's name.
  [[nodiscard]] std::string authority() const;

  /// Returns the URL with `name=value` appended to its query. Encodes the value.
  [[nodiscard]] Url with_query(std::string_view name, std::string_view value) const;

  bool operator==(const Url&) const = default;
};

/// Whether a `Url::host` names the local machine, without a lookup: `localhost`, `127.…`, `[::1]`.
[[nodiscard]] bool is_loopback(std::string_view host) noexcept;

}  // namespace tairitsu::oci

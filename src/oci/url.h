/// URLs, as far as registries need them (RFC 3986): `http` and `https`, without user information.
#pragma once

#include <string>
#include <string_view>

#include "tairitsu/error.h"

namespace tairitsu::oci {

struct Url {
  bool secure = true;  ///< `https`.
  std::string host;    ///< In lower case; an IPv6 address in brackets.
  int port = 443;
  std::string target;  ///< The path with its query; begins with `/`.

  /// Fails with `invalid_argument` for what is no such URL. A fragment is dropped.
  [[nodiscard]] static Result<Url> parse(std::string_view text);

  /// What a `Location` or a `Link` means, found in the answer to this URL: absolute or relative.
  [[nodiscard]] Result<Url> resolve(std::string_view reference) const;

  /// `https://host[:port]`, the port where it is not the scheme's.
  [[nodiscard]] std::string origin() const;
  [[nodiscard]] std::string to_string() const { return origin() + target; }
  /// `host[:port]`, for people and to compare with a registry's name.
  [[nodiscard]] std::string authority() const;

  /// With `name=value` after its query; the value is encoded here.
  [[nodiscard]] Url with_query(std::string_view name, std::string_view value) const;

  bool operator==(const Url&) const = default;
};

/// Whether a host, as in `Url`, is this machine by its looks alone: `localhost`, `127.…`, `[::1]`.
[[nodiscard]] bool is_loopback(std::string_view host) noexcept;

}  // namespace tairitsu::oci

#include "oci/url.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "oci/text.h"

namespace tairitsu::oci {

namespace {

constexpr std::size_t kMaxUrl = 16384;

std::unexpected<Error> invalid_url(std::string_view text, std::string_view why) {
  std::string message = "invalid URL '" + printable(text, 200) + "': ";
  return fail(ErrorCode::invalid_argument, message.append(why));
}

bool is_host_character(char character) {
  return is_lower(character) || is_digit(character) || character == '-' || character == '.' ||
         character == '_';
}

bool is_url_host(std::string_view host) {
  if (host.starts_with('[')) {
    return host.size() > 2 && host.ends_with(']') &&
           host.find_first_not_of("0123456789abcdef:.", 1) == host.size() - 1;
  }
  return !host.empty() && host.size() <= 255 && std::ranges::all_of(host, is_host_character);
}

/// Whether the text is safe in a request line, which a space or a control character would end.
bool is_target_text(std::string_view text) {
  return std::ranges::all_of(text, [](char character) {
    return character > 0x20 && character < 0x7F && character != '"' && character != '<' && character != '>' &&
           character != '\\';
  });
}

/// Removes dot segments (RFC 3986, section 5.2.4) from a path that starts with `/`.
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> parts;
  std::string_view rest = path.substr(1);
  bool directory = false;
  while (true) {
    const std::size_t end = rest.find('/');
    const std::string_view part = rest.substr(0, end);
    directory = part == "." || part == "..";
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (part != ".") {
      parts.push_back(part);
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  std::string clean;
  for (const std::string_view part : parts) clean.append("/").append(part);
  if (directory || clean.empty()) clean += '/';
  return clean;
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (text.size() > kMaxUrl) return invalid_url(text, "too long");
  Url url;
  const std::size_t colon = text.find("://");
  const std::string_view scheme = text.substr(0, colon);
  if (colon == std::string_view::npos || !(is_same_word(scheme, "https") || is_same_word(scheme, "http"))) {
    return invalid_url(text, "not http:// or https://");
  }
  url.secure = scheme.size() == 5;
  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, end);
  url.target = rest.substr(end);
  if (!url.target.starts_with('/')) url.target.insert(0, 1, '/');
  if (!is_target_text(url.target)) return invalid_url(text, "it has characters that must be percent-encoded");

  if (authority.find('@') != std::string_view::npos) return invalid_url(text, "it has a user name");
  url.port = url.secure ? 443 : 80;
  const std::size_t port = authority.rfind(':');
  if (port != std::string_view::npos && !authority.ends_with(']')) {
    const auto number = to_number(authority.substr(port + 1));
    if (!number || *number == 0 || *number > 65535)
      return invalid_url(text, "the port is not a number from 1 to 65535");
    url.port = static_cast<int>(*number);
    authority = authority.substr(0, port);
  }
  url.host = lower_case(authority);
  if (!is_url_host(url.host)) return invalid_url(text, "the host is not a name or an address");
  return url;
}

Result<Url> Url::resolve(std::string_view reference) const {
  reference = trimmed(reference);
  const std::size_t scheme = reference.find("://");
  if (scheme != std::string_view::npos && reference.find_first_of("/?#") > scheme) return parse(reference);
  if (reference.starts_with("//")) return parse((secure ? "https:" : "http:") + std::string(reference));
  reference = reference.substr(0, reference.find('#'));
  if (!is_target_text(reference))
    return invalid_url(reference, "it has characters that must be percent-encoded");
  if (reference.size() > kMaxUrl) return invalid_url(reference, "too long");
  Url url = *this;
  if (reference.empty()) return url;
  const std::string_view base = path_of(target);
  const std::size_t query = std::min(reference.find('?'), reference.size());
  const std::string_view path = reference.substr(0, query);
  // A colon in the first segment belongs to another scheme: `mailto:x`.
  if (path.find(':') < path.find('/')) return invalid_url(reference, "not http:// or https://");
  std::string joined(base);
  if (path.starts_with('/')) {
    joined = path;
  } else if (!path.empty()) {
    joined = std::string(base.substr(0, base.rfind('/') + 1)).append(path);
  }
  url.target = without_dots(joined).append(reference.substr(query));
  return url;
}

std::string Url::origin() const { return (secure ? "https://" : "http://") + authority(); }

std::string Url::authority() const {
  return port == (secure ? 443 : 80) ? host : host + ":" + std::to_string(port);
}

Url Url::with_query(std::string_view name, std::string_view value) const {
  Url url = *this;
  const std::size_t query = target.find('?');
  if (query == std::string::npos) {
    url.target += '?';
  } else if (query + 1 != target.size() && !target.ends_with('&')) {
    url.target += '&';
  }
  url.target.append(name).append("=").append(percent_encoded(value));
  return url;
}

bool is_loopback(std::string_view host) noexcept {
  if (host == "localhost" || host.ends_with(".localhost") || host == "[::1]") return true;
  // An address has only digits and dots: 127.evil.org is a name.
  return host.starts_with("127.") && std::ranges::count(host, '.') == 3 &&
         std::ranges::all_of(host, [](char character) { return is_digit(character) || character == '.'; });
}

}  // namespace tairitsu::oci

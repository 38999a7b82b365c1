#include "oci/reference.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "oci/text.h"

namespace tairitsu::oci {

namespace {

/// Docker's bound on `registry/repository`.
constexpr std::size_t kMaxReferenceName = 255;

bool is_lower_or_digit(char character) { return is_lower(character) || is_digit(character); }

bool is_hexadecimal(char character) { return is_digit(character) || (character >= 'a' && character <= 'f'); }

/// Letters and digits with single `.`, `_`, double `__` or any number of `-` between them.
bool is_path_component(std::string_view text) {
  std::size_t at = 0;
  while (true) {
    const std::size_t begin = at;
    while (at < text.size() && is_lower_or_digit(text[at])) ++at;
    if (at == begin) return false;
    if (at == text.size()) return true;
    const std::size_t end = std::min(text.find_first_not_of(text[at], at), text.size());
    const std::size_t count = end - at;
    const bool separates =
        text[at] == '-' || (text[at] == '_' && count <= 2) || (text[at] == '.' && count == 1);
    if (!separates) return false;
    at = end;
  }
}

/// Calls `body` with each part of `text` between separators; false as soon as it answers false.
template <typename Body>
bool all_parts(std::string_view text, char separator, Body body) {
  while (true) {
    const std::size_t end = text.find(separator);
    if (!body(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool is_domain_component(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text,
                             [](char character) { return is_alphanumeric(character) || character == '-'; });
}

bool is_host(std::string_view text) {
  if (text.starts_with('[')) {
    if (!text.ends_with(']')) return false;
    const std::string_view address = text.substr(1, text.size() - 2);
    return std::ranges::count(address, ':') >= 2 && address.size() <= 39 &&
           std::ranges::all_of(lower_case(address),
                               [](char character) { return is_hexadecimal(character) || character == ':'; });
  }
  return text.size() <= kMaxReferenceName && all_parts(text, '.', is_domain_component);
}

/// `host[:port]` in its normal form; an empty one where it is none.
std::string normal_registry(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && !text.ends_with(']')) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    const auto number = to_number(port);
    if (!number || *number == 0 || *number > 65535 || port.size() > 5 || port.starts_with('0')) return {};
  }
  if (!is_host(host)) return {};
  std::string registry = lower_case(host);
  if (!port.empty()) registry.append(":").append(port);
  if (registry == "index.docker.io") registry = kDockerHub;
  return registry;
}

std::unexpected<Error> no_reference(std::string_view text, std::string_view why) {
  std::string message = "'" + printable(text, 100) + "' is no image name: ";
  return fail(ErrorCode::invalid_argument, message.append(why));
}

}  // namespace

bool is_tag(std::string_view text) noexcept {
  const auto is_word = [](char character) { return is_alphanumeric(character) || character == '_'; };
  return !text.empty() && text.size() <= 128 && is_word(text.front()) &&
         std::ranges::all_of(text, [&](char character) {
           return is_word(character) || character == '.' || character == '-';
         });
}

bool is_repository(std::string_view text) noexcept { return all_parts(text, '/', is_path_component); }

std::string Reference::name() const { return is_local() ? repository : registry + "/" + repository; }

const std::string& Reference::target() const noexcept { return digest ? digest->to_string() : tag; }

std::string Reference::to_string() const {
  std::string text = name();
  if (!tag.empty()) text.append(":").append(tag);
  if (digest) text.append("@").append(digest->to_string());
  return text;
}

Result<Reference> parse_reference(std::string_view text, const ReferenceOptions& options) {
  if (text.empty()) return no_reference(text, "it is empty");
  Reference reference;
  std::string_view rest = text;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    auto digest = Digest::parse(rest.substr(at + 1));
    if (!digest) return std::unexpected(digest.error().with_context("'" + printable(text, 100) + "'"));
    reference.digest = *std::move(digest);
    rest = rest.substr(0, at);
  }
  if (rest.find("://") != std::string_view::npos)
    return no_reference(text, "it is a URL; leave out what ends in ://");

  // What follows the last `/` may end in a tag; a `:` before it is a port's.
  const std::size_t last = rest.rfind('/');
  const std::size_t colon = rest.find(':', last == std::string_view::npos ? 0 : last);
  if (colon != std::string_view::npos) {
    reference.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_tag(reference.tag)) {
      return no_reference(
          text, "a tag has at most 128 letters, digits, '_', '.' and '-', and begins with no '.' or '-'");
    }
  }
  if (!reference.digest && reference.tag.empty()) reference.tag = "latest";

  const std::size_t slash = rest.find('/');
  const std::string_view first = rest.substr(0, slash);
  if (slash != std::string_view::npos &&
      (first == "localhost" || first.find_first_of(".:[") != std::string_view::npos)) {
    reference.registry = normal_registry(first);
    if (reference.registry.empty()) {
      return no_reference(text, "'" + printable(first, 100) + "' is neither a host nor a host with a port");
    }
    rest.remove_prefix(slash + 1);
  } else if (!options.default_registry.empty()) {
    TAIRITSU_TRY(reference.registry, parse_registry(options.default_registry));
  }

  if (!is_repository(rest)) {
    if (rest.empty()) return no_reference(text, "it has no repository");
    if (is_repository(lower_case(rest))) return no_reference(text, "its repository has upper-case letters");
    return no_reference(
        text,
        "a repository's parts are lower-case letters and digits, with '.', '_', '__' or '-' between them");
  }
  if (reference.registry.empty() && rest.size() == 64 && std::ranges::all_of(rest, is_hexadecimal)) {
    return no_reference(text, "64 hexadecimal digits are an image's id");
  }
  reference.repository = rest;
  if (reference.registry == kDockerHub && rest.find('/') == std::string_view::npos) {
    reference.repository = "library/" + reference.repository;
  }
  if (reference.name().size() > kMaxReferenceName)
    return no_reference(text, "its name has more than 255 characters");
  return reference;
}

Result<void> require_registry(const Reference& reference, std::string_view action) {
  if (!reference.is_local()) return {};
  const std::string name = reference.to_string();
  return fail(ErrorCode::invalid_argument,
              "cannot " + std::string(action) + " '" + name +
                  "': it is a local name, without a registry; write the registry's host "
                  "before it, such as ghcr.io/you/" +
                  name);
}

Result<std::string> parse_registry(std::string_view text) {
  std::string_view rest = text;
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (rest.starts_with(scheme)) {
      rest.remove_prefix(scheme.size());
      break;
    }
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  std::string registry = normal_registry(rest);
  if (registry.empty()) {
    return fail(ErrorCode::invalid_argument,
                "'" + printable(text, 100) + "' is no registry: it is HOST or HOST:PORT");
  }
  return registry;
}

}  // namespace tairitsu::oci

#include "oci/reference.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "oci/text.h"

namespace tairitsu::oci {

namespace {

/// Docker's limit for `registry/repository`.
constexpr std::size_t kMaxReferenceName = 255;

bool is_lower_or_digit(char character) { return is_lower(character) || is_digit(character); }

bool is_hexadecimal(char character) { return is_digit(character) || (character >= 'a' && character <= 'f'); }

/// Lower-case letters and digits, separated by `.`, `_`, `__` or any number of `-`.
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

/// Calls `body` with each part of `text` between separators. Returns false as soon as `body` does.
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

/// Returns `host[:port]` in its normal form; empty if it is invalid.
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

std::unexpected<Error> invalid_name(std::string_view text, std::string_view why) {
  std::string message = "invalid image name '" + printable(text, 100) + "': ";
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
  if (text.empty()) return invalid_name(text, "empty");
  Reference reference;
  std::string_view rest = text;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    auto digest = Digest::parse(rest.substr(at + 1));
    if (!digest) return invalid_name(text, digest.error().message());
    reference.digest = *std::move(digest);
    rest = rest.substr(0, at);
  }
  if (rest.find("://") != std::string_view::npos) return invalid_name(text, "a URL; remove the scheme");

  // A `:` after the last `/` separates a tag; one before it separates a port.
  const std::size_t last = rest.rfind('/');
  const std::size_t colon = rest.find(':', last == std::string_view::npos ? 0 : last);
  if (colon != std::string_view::npos) {
    reference.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_tag(reference.tag)) {
      return invalid_name(
          text, "a tag has up to 128 letters, digits, '_', '.' and '-', and does not start with '.' or '-'");
    }
  }
  if (!reference.digest && reference.tag.empty()) reference.tag = "latest";

  const std::size_t slash = rest.find('/');
  const std::string_view first = rest.substr(0, slash);
  if (slash != std::string_view::npos &&
      (first == "localhost" || first.find_first_of(".:[") != std::string_view::npos)) {
    reference.registry = normal_registry(first);
    if (reference.registry.empty()) {
      return invalid_name(text, "'" + printable(first, 100) + "' is not HOST or HOST:PORT");
    }
    rest.remove_prefix(slash + 1);
  } else if (!options.default_registry.empty()) {
    TAIRITSU_TRY(reference.registry, parse_registry(options.default_registry));
  }

  if (!is_repository(rest)) {
    if (rest.empty()) return invalid_name(text, "missing repository");
    if (is_repository(lower_case(rest))) return invalid_name(text, "the repository has upper-case letters");
    return invalid_name(
        text, "a repository has lower-case letters and digits, separated by '/', '.', '_', '__' or '-'");
  }
  if (reference.registry.empty() && rest.size() == 64 && std::ranges::all_of(rest, is_hexadecimal)) {
    return invalid_name(text, "64 hexadecimal digits are an image ID");
  }
  reference.repository = rest;
  if (reference.registry == kDockerHub && rest.find('/') == std::string_view::npos) {
    reference.repository = "library/" + reference.repository;
  }
  if (reference.name().size() > kMaxReferenceName) return invalid_name(text, "longer than 255 characters");
  return reference;
}

Result<void> require_registry(const Reference& reference, std::string_view action) {
  if (!reference.is_local()) return {};
  const std::string name = reference.to_string();
  return fail(ErrorCode::invalid_argument,
              "cannot " + std::string(action) + " '" + name +
                  "': the name has no registry; add the registry's host, as in ghcr.io/you/" + name);
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
                "invalid registry '" + printable(text, 100) + "': expected HOST or HOST:PORT");
  }
  return registry;
}

}  // namespace tairitsu::oci

/// Parses URLs, image references and registry names. The first line of an input is parsed as each of them; the second
/// is a reference relative to the URL. Whatever is parsed round-trips and has no characters that could end a request
/// line; anything else is rejected with a one-line message.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"
#include "check.h"
#include "oci/reference.h"
#include "oci/url.h"

namespace {

using namespace tairitsu;
using oci::Url;
using test::check;

void check_error(const Error& error) {
  const std::string& message = error.message();
  check(error.code() == ErrorCode::invalid_argument, "unexpected error code", message);
  check(detail::printable(message, 8000) == message, "the message is not one line of text", message);
}

/// Returns whether the text is safe in the head of a request.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

void check_url(const Url& url) {
  const std::string text = url.to_string();
  check(is_plain(text), "not plain text", text);
  check(url.target.starts_with('/') && url.target.find('#') == std::string::npos, "invalid target",
        url.target);
  check(!url.host.empty() && url.host.find_first_of("/@?#\\") == std::string::npos, "invalid host", url.host);
  check(url.port > 0 && url.port < 65536, "invalid port", text);
  const auto again = Url::parse(text);
  check(again.has_value() && *again == url, "it does not round-trip", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\n');
  const std::string_view text = input.substr(0, end);
  const std::string_view relative = end == std::string_view::npos ? "" : input.substr(end + 1);

  if (const auto url = Url::parse(text)) {
    check_url(*url);
    if (const auto resolved = url->resolve(relative)) {
      check_url(*resolved);
    } else {
      check_error(resolved.error());
    }
    const Url queried = url->with_query("name", relative);
    check(is_plain(queried.to_string()), "the query is not plain text", queried.to_string());
  } else {
    check_error(url.error());
  }

  if (const auto reference = oci::parse_reference(text)) {
    const std::string written = reference->to_string();
    check(is_plain(written), "not plain text", written);
    const auto again = oci::parse_reference(written);
    check(again.has_value() && *again == *reference, "it does not round-trip", written);
  } else {
    check_error(reference.error());
  }
  if (const auto registry = oci::parse_registry(text)) {
    check(is_plain(*registry), "not plain text", *registry);
    const auto again = oci::parse_registry(*registry);
    check(again.has_value() && *again == *registry, "it does not round-trip", *registry);
  } else {
    check_error(registry.error());
  }
  return 0;
}

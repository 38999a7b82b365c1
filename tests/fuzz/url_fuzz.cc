/// URLs and references of registries: the first line of an input is a URL, an image's name and a registry's; the
/// second is what a response refers to relative to the URL. What is read is written and read again the same, and has
/// nothing in it that would end a line of a request; what is not is refused with a message in one line.
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
  check(error.code() == ErrorCode::invalid_argument, "the error's code is another", message);
  check(detail::printable(message, 8000) == message, "the message is not one line of text", message);
}

/// Can stand in the head of a request.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

void check_url(const Url& url) {
  const std::string text = url.to_string();
  check(is_plain(text), "not plain text", text);
  check(url.target.starts_with('/') && url.target.find('#') == std::string::npos, "no target", url.target);
  check(!url.host.empty() && url.host.find_first_of("/@?#\\") == std::string::npos, "no host", url.host);
  check(url.port > 0 && url.port < 65536, "no port", text);
  const auto again = Url::parse(text);
  check(again.has_value() && *again == url, "written and read again it is another", text);
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
    check(again.has_value() && *again == *reference, "written and read again it is another", written);
  } else {
    check_error(reference.error());
  }
  if (const auto registry = oci::parse_registry(text)) {
    check(is_plain(*registry), "not plain text", *registry);
    const auto again = oci::parse_registry(*registry);
    check(again.has_value() && *again == *registry, "written and read again it is another", *registry);
  } else {
    check_error(registry.error());
  }
  return 0;
}

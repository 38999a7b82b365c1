/// Reads untrusted manifests, configs and indexes of images. Whatever is read satisfies the documented guarantees and
/// round-trips; anything else is rejected with a one-line message.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "check.h"
#include "image/descriptor_json.h"
#include "image/manifest.h"

namespace {

using namespace tairitsu;
using test::check;

void check_error(const Error& error, ErrorCode code = ErrorCode::invalid_manifest) {
  const std::string& message = error.message();
  check(error.code() == code, "unexpected error code", message);
  check(detail::printable(message, 2000) == message, "the message is not one short line of text", message);
}

void check_digest(const std::string& digest) {
  check(digest.find('/') == std::string::npos && digest.find('.') == std::string::npos,
        "the digest could leave a directory", digest);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto manifest = detail::parse_manifest(bytes, "manifest")) {
    check(detail::is_digest(manifest->config.digest) && detail::is_digest(manifest->layer.digest),
          "invalid digest");
    check(detail::is_wasm_layer(manifest->layer.media_type), "the layer is not WebAssembly");
    check(manifest->layer.size != 0 && manifest->config.size <= detail::kMaxManifestSize,
          "a size out of bounds");
    const auto text = detail::manifest_text(*manifest);
    check(text.has_value(), "cannot be written again");
    const auto again = detail::parse_manifest(std::as_bytes(std::span(*text)), "manifest");
    check(
        again && again->layer.digest == manifest->layer.digest && again->annotations == manifest->annotations,
        "it does not round-trip");
  } else {
    check_error(manifest.error());
  }
  if (const auto config = detail::parse_config(detail::kWasmConfigMediaType, bytes, "config")) {
    const auto text = detail::config_text(*config);
    check(text.has_value(), "cannot be written again");
    check(detail::parse_config(detail::kWasmConfigMediaType, std::as_bytes(std::span(*text)), "config")
              .has_value(),
          "cannot be read again");
  } else {
    check_error(config.error());
  }
  check(detail::parse_config("application/octet-stream", bytes, "config").has_value(),
        "a config of another type is rejected");
  if (const auto chosen = detail::choose_from_index(bytes, "index")) {
    check_digest(chosen->digest);
  } else {
    // The index may have no WebAssembly image.
    const bool none = chosen.error().code() == ErrorCode::not_found;
    check_error(chosen.error(), none ? ErrorCode::not_found : ErrorCode::invalid_manifest);
  }
  if (const auto json = detail::parse_json_object(bytes, "json")) {
    if (const auto children = detail::children_of(*json, "json")) {
      for (const detail::Descriptor& child : *children) check_digest(child.digest);
    } else {
      check_error(children.error());
    }
  }
  return 0;
}

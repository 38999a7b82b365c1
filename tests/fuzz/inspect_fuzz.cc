/// Inspects components, modules and precompiled artifacts, including the trailer. Anything else is rejected; the output
/// is UTF-8.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "check.h"
#include "tairitsu/detail/context.h"
#include "tairitsu/inspect.h"

namespace {

using namespace tairitsu;
using test::check;

void check_error(const Error& error) {
  switch (error.code()) {
    case ErrorCode::not_wasm:
    case ErrorCode::invalid_component:
    case ErrorCode::is_core_module:
    case ErrorCode::artifact_damaged:
    case ErrorCode::artifact_mismatch:
      break;
    default:
      check(false, "unexpected error code", error.message());
  }
  check(detail::is_utf8(error.message()), "the message is not UTF-8", error.message());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto info = inspect_component(bytes);
  if (info) {
    const bool artifact = info->root.kind == WasmKind::artifact;
    check(info->digest.starts_with("sha256:"), "no digest", info->digest);
    check(artifact || info->source_size == 0, "only an artifact has a source");
  } else {
    check_error(info.error());
  }
  if (const auto wit = component_wit(bytes)) {
    check(info.has_value(), "has WIT, but cannot be inspected", *wit);
    check(detail::is_utf8(*wit), "the WIT is not UTF-8", *wit);
  } else {
    check_error(wit.error());
  }
  return 0;
}

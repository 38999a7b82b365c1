/// HTTP and SHA-256 over the bridge.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>

#include "base/http.h"
#include "base/sha256.h"
#include "tairitsu/error.h"

namespace tairitsu::detail {

struct HttpClientOptions {
  /// A PEM file of certificates to trust beside the public ones, such as a company's own authority.
  std::filesystem::path ca_file = {};
  /// Trusts Mozilla's roots, which are built in, and those of the machine.
  bool public_roots = true;
  std::chrono::milliseconds connect_limit = std::chrono::seconds(30);
  /// Heeds `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`; for loopback hosts it never does.
  bool proxy = true;
};

/// A transport that keeps its connections for further requests. HTTP/1.1, TLS 1.2 and 1.3. It starts no
/// thread but for name look-ups. Fails with `io` for a `ca_file` that cannot be used.
[[nodiscard]] Result<std::unique_ptr<HttpTransport>> make_http_client(const HttpClientOptions& options = {});

/// A new stream's SHA-256, with the processor's instructions for it where there are such. Any thread may call
/// it.
[[nodiscard]] std::unique_ptr<Sha256> make_sha256();

}  // namespace tairitsu::detail

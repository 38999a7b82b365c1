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
  /// PEM file of certificates to trust in addition to the public ones, such as a company's own authority.
  std::filesystem::path ca_file = {};
  /// Trusts Mozilla's built-in roots and the machine's roots.
  bool public_roots = true;
  std::chrono::milliseconds connect_limit = std::chrono::seconds(30);
  /// Uses `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, except for loopback hosts.
  bool proxy = true;
};

/// Creates a transport that reuses connections. HTTP/1.1, TLS 1.2 and 1.3. It starts threads only for name
/// lookups. Fails with `io` if `ca_file` cannot be used.
[[nodiscard]] Result<std::unique_ptr<HttpTransport>> make_http_client(const HttpClientOptions& options = {});

/// Creates a SHA-256 stream, which uses the processor's SHA instructions if it has them. Any thread.
[[nodiscard]] std::unique_ptr<Sha256> make_sha256();

}  // namespace tairitsu::detail

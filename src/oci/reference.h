/// Names of images: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`, by Docker's grammar.
///
/// A name without a registry, `hello:1` or `me/hello`, is *local*: there is no standard registry for WebAssembly
/// components, so such a name is never sent anywhere unless a default registry is given. The part before the first
/// `/` is a registry if it contains a `.` or a `:` or is `localhost`.
///
/// Our own: Docker's parser is a Go package, and local names are not part of its grammar.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/digest.h"
#include "tairitsu/error.h"

namespace tairitsu::oci {

/// The registry that Docker uses for names without one.
inline constexpr std::string_view kDockerHub = "docker.io";

/// A name in its normal form. The fields from `parse_reference` match the grammar, so a URL's path can use them
/// without encoding.
struct Reference {
  std::string registry;    ///< `host[:port]`, the host in lower case; empty for a local name.
  std::string repository;  ///< Never empty: `library/hello`.
  std::string tag;  ///< `latest` if the text has neither a tag nor a digest; may be empty if it has a digest.
  std::optional<Digest> digest;  ///< Takes precedence over the tag.

  [[nodiscard]] bool is_local() const noexcept { return registry.empty(); }
  /// Returns `registry/repository`, or only the repository of a local name.
  [[nodiscard]] std::string name() const;
  /// Returns what to request from the registry: the digest if there is one, else the tag.
  [[nodiscard]] const std::string& target() const noexcept;
  /// Returns the full name, which parses to the same reference.
  [[nodiscard]] std::string to_string() const;

  bool operator==(const Reference&) const = default;
};

struct ReferenceOptions {
  /// `host[:port]` for names without a registry; if empty, they stay local. Use `docker.io` for Docker Hub.
  std::string default_registry;
};

/// Parses a name. Fails with `invalid_argument` and the reason; also for 64 hexadecimal digits alone, which look like
/// an image ID.
///
/// As in Docker, `docker.io/hello` becomes `docker.io/library/hello` and `index.docker.io` becomes `docker.io`.
/// Unlike in Docker, upper-case letters do not make the first part a host.
[[nodiscard]] Result<Reference> parse_reference(std::string_view text, const ReferenceOptions& options = {});

/// Fails with `invalid_argument` for a local name; the message says how to add a registry. `action` is a verb:
/// `push`.
[[nodiscard]] Result<void> require_registry(const Reference& reference, std::string_view action);

/// Parses and normalizes a registry as `login` takes it: `host[:port]`. A leading `https://` or `http://` and a
/// trailing `/` are ignored. Fails with `invalid_argument`.
[[nodiscard]] Result<std::string> parse_registry(std::string_view text);

/// Whether the text is a valid tag: up to 128 letters, digits, `_`, `.` and `-`, not starting with `.` or `-`.
[[nodiscard]] bool is_tag(std::string_view text) noexcept;
/// Whether the text is a valid path of a repository within its registry.
[[nodiscard]] bool is_repository(std::string_view text) noexcept;

}  // namespace tairitsu::oci

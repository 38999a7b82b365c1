/// Names of images: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`, by Docker's grammar.
///
/// A name without a registry, `hello:1` or `me/hello`, is *local*: there is no registry of WebAssembly
/// components that would be everybody's, so such a name is sent nowhere unless a default registry is given.
/// The part before the first `/` is a registry where it has a `.` or a `:` or is `localhost`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/digest.h"
#include "tairitsu/error.h"

namespace tairitsu::oci {

/// The registry that Docker means where a name has none.
inline constexpr std::string_view kDockerHub = "docker.io";

/// A name in its normal form. The fields of one that `parse_reference` made keep to the grammar, so they can
/// stand in a URL's path as they are.
struct Reference {
  std::string registry;    ///< `host[:port]`, the host in lower case; empty for a local name.
  std::string repository;  ///< Never empty: `library/hello`.
  std::string tag;         ///< `latest` where the text has neither a tag nor a digest; else it may be empty.
  std::optional<Digest> digest;  ///< Where both are there, the digest says what is meant.

  [[nodiscard]] bool is_local() const noexcept { return registry.empty(); }
  /// `registry/repository`, or the repository of a local name.
  [[nodiscard]] std::string name() const;
  /// What a registry is asked for: the digest where there is one, else the tag.
  [[nodiscard]] const std::string& target() const noexcept;
  /// All of it; parses to the same.
  [[nodiscard]] std::string to_string() const;

  bool operator==(const Reference&) const = default;
};

struct ReferenceOptions {
  /// `host[:port]` for names without a registry; empty leaves them local. With `docker.io` they are Docker
  /// Hub's.
  std::string default_registry;
};

/// Fails with `invalid_argument` for text that is no reference, saying what is wrong; also for 64 hexadecimal
/// digits alone, which would be taken for an image's id.
///
/// `docker.io/hello` becomes `docker.io/library/hello`, and `index.docker.io` becomes `docker.io`, as Docker
/// does. Other than Docker, a first part with upper-case letters is not taken for a host.
[[nodiscard]] Result<Reference> parse_reference(std::string_view text, const ReferenceOptions& options = {});

/// Fails with `invalid_argument` for a local name, and says how to name a registry. `action` is a verb:
/// `push`.
[[nodiscard]] Result<void> require_registry(const Reference& reference, std::string_view action);

/// A registry by itself, as `login` takes it: `host[:port]`, normalised. A `https://` before it and a `/`
/// after it are ignored. Fails with `invalid_argument`.
[[nodiscard]] Result<std::string> parse_registry(std::string_view text);

/// Whether the text keeps to the grammar of a tag: at most 128 letters, digits, `_`, `.` and `-`, and no `.`
/// or `-` first.
[[nodiscard]] bool is_tag(std::string_view text) noexcept;
/// Of a repository's path within its registry.
[[nodiscard]] bool is_repository(std::string_view text) noexcept;

}  // namespace tairitsu::oci

/// What the client's pulls, pushes and other requests share.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "oci/auth.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "oci/session.h"
#include "tairitsu/error.h"

namespace tairitsu::oci {

inline constexpr std::string_view kOctetStream = "application/octet-stream";

inline Scopes pull_scope(const Reference& repository) {
  return {"repository:" + repository.repository + ":pull"};
}
inline Scopes push_scope(const Reference& repository) {
  return {"repository:" + repository.repository + ":pull,push"};
}

/// `registry/repository@digest`, for messages.
inline std::string blob_name(const Reference& repository, const Digest& digest) {
  return repository.name() + "@" + digest.to_string();
}

/// Returns the result; an error gets the context, and loses the credentials that the registry may have echoed.
template <typename T>
[[nodiscard]] Result<T> in_context(const Session& session, Result<T> result, std::string_view context) {
  if (result) return result;
  const Error& error = result.error();
  return std::unexpected(Error(error.code(), session.redact(error.message())).with_context(context));
}

}  // namespace tairitsu::oci

/// The HTTP interface, under the names that this directory uses.
#pragma once

#include "base/http.h"

namespace tairitsu::oci {

using detail::ByteSource;
using detail::HttpBody;
using detail::HttpHeader;
using detail::HttpHeaders;
using detail::HttpMethod;
using detail::HttpRequest;
using detail::HttpResponse;
using detail::HttpTransport;
using detail::TransportError;
using detail::TransportFault;
using detail::TransportResult;

}  // namespace tairitsu::oci

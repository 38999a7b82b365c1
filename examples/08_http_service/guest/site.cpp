#include <span>
#include <string>

#include "site_cpp.h"

using namespace wasi::http::types;

namespace {

void respond(ResponseOutparam&& out, uint16_t status, const std::string& text) {
  OutgoingResponse response{Fields()};
  (void)response.SetStatusCode(status);
  OutgoingBody body = *response.Body();
  ResponseOutparam::Set(std::move(out), std::move(response));
  {
    const auto stream = *body.Write();
    (void)stream.BlockingWriteAndFlush(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  }  // The stream must be dropped before the body is finished.
  (void)OutgoingBody::Finish(std::move(body), std::nullopt);
}

}  // namespace

void exports::wasi::http::incoming_handler::Handle(IncomingRequest&& request, ResponseOutparam&& out) {
  std::string path = "/";
  if (const auto given = request.PathWithQuery()) path = std::string(given->get_view());
  if (path == "/") {
    respond(std::move(out), 200, "Hello, visitor " + std::to_string(site::CountVisitor()) + "!\n");
  } else if (path == "/trap") {
    __builtin_trap();
  } else {
    respond(std::move(out), 404, "not found: " + path + "\n");
  }
}

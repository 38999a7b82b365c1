#include "base/http.h"

#include "base/text.h"

namespace tairitsu::detail {

std::string_view to_string(HttpMethod method) noexcept {
  switch (method) {
    case HttpMethod::get:
      return "GET";
    case HttpMethod::head:
      return "HEAD";
    case HttpMethod::post:
      return "POST";
    case HttpMethod::put:
      return "PUT";
    case HttpMethod::patch:
      return "PATCH";
    case HttpMethod::delete_:
      return "DELETE";
  }
  return "GET";
}

std::optional<std::string_view> HttpHeaders::find(std::string_view name) const noexcept {
  for (const HttpHeader& header : all_) {
    if (is_same_word(header.name, name)) return header.value;
  }
  return std::nullopt;
}

std::vector<std::string_view> HttpHeaders::find_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const HttpHeader& header : all_) {
    if (is_same_word(header.name, name)) values.emplace_back(header.value);
  }
  return values;
}

}  // namespace tairitsu::detail

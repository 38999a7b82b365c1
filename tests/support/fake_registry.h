/// An in-memory registry that follows the distribution specification and misbehaves on demand.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "oci/text.h"
#include "oci/url.h"
#include "oci_digest.h"
#include "scripted_transport.h"

namespace tairitsu::test {

class FakeRegistry {
 public:
  explicit FakeRegistry(std::string origin) : origin_(std::move(origin)) {}

  /// Called first; its reply, if it returns one, replaces the registry's.
  std::function<std::optional<Reply>(const SeenRequest&)> intercept;
  /// Changes the registry's replies.
  std::function<void(const SeenRequest&, Reply&)> adjust;
  std::map<std::string, std::string> blobs;  ///< By digest.
  struct Kept {
    std::string media_type;
    std::string bytes;
  };
  std::map<std::string, Kept> manifests;  ///< By `tag` and by digest.
  std::map<std::string, std::string> uploads;
  bool ranges = true;
  bool takes_whole = true;
  /// The required `Authorization` header; empty for none.
  std::string wanted_authorization;
  std::string challenge;

  std::string add_blob(std::string content) {
    const std::string digest = oci_digest_of(content).to_string();
    blobs[digest] = std::move(content);
    return digest;
  }
  std::string add_manifest(const std::string& tag, const std::string& media_type, const std::string& bytes) {
    const std::string digest = oci_digest_of(bytes).to_string();
    manifests[digest] = {media_type, bytes};
    if (!tag.empty()) manifests[tag] = {media_type, bytes};
    return digest;
  }

  Reply operator()(const SeenRequest& request) {
    if (intercept) {
      if (auto reply = intercept(request)) return *std::move(reply);
    }
    Reply reply = reply_to(request);
    if (adjust) adjust(request, reply);
    return reply;
  }

  static Reply error(int status, const std::string& code, const std::string& message) {
    return {.status = status,
            .headers = {{"Content-Type", "application/json"}},
            .body = R"({"errors":[{"code":")" + code + R"(","message":")" + message + R"("}]})"};
  }

 private:
  using Method = oci::HttpMethod;

  Reply reply_to(const SeenRequest& request) {
    if (!request.url.starts_with(origin_ + "/v2/")) return {.status = 404, .body = "not here"};
    if (!wanted_authorization.empty() && request.header("Authorization") != wanted_authorization) {
      Reply reply = error(401, "UNAUTHORIZED", "authentication required");
      reply.headers.add("WWW-Authenticate", challenge);
      return reply;
    }
    const std::string target = request.url.substr(origin_.size() + 4);
    const std::size_t query = std::min(target.find('?'), target.size());
    const std::string path = target.substr(0, query);
    const std::string parameters = target.substr(query);
    if (path.empty()) return {};
    if (const auto at = path.find("/manifests/"); at != std::string::npos) {
      return manifest(request, path.substr(at + 11));
    }
    if (path.find("/blobs/uploads/") != std::string::npos) return upload(request, path, parameters);
    if (const auto at = path.find("/blobs/"); at != std::string::npos)
      return blob(request, path.substr(at + 7));
    if (path.ends_with("/tags/list")) return tags();
    return {.status = 404};
  }

  Reply manifest(const SeenRequest& request, const std::string& name) {
    if (request.method == Method::put) {
      const std::string digest = oci_digest_of(request.body).to_string();
      manifests[name] = manifests[digest] = {request.header("Content-Type"), request.body};
      return {.status = 201, .headers = {{"Docker-Content-Digest", digest}}};
    }
    const auto found = manifests.find(name);
    if (found == manifests.end()) return error(404, "MANIFEST_UNKNOWN", "manifest unknown");
    if (request.method == Method::delete_) {
      manifests.erase(found);
      return {.status = 202};
    }
    const Kept& kept = found->second;
    return {.headers = {{"Content-Type", kept.media_type},
                        {"Docker-Content-Digest", oci_digest_of(kept.bytes).to_string()},
                        {"Content-Length", std::to_string(kept.bytes.size())}},
            .body = kept.bytes};
  }

  Reply blob(const SeenRequest& request, const std::string& digest) {
    const auto found = blobs.find(digest);
    if (found == blobs.end()) return error(404, "BLOB_UNKNOWN", "blob unknown to registry");
    const std::string& content = found->second;
    Reply reply = {.body = content};
    const std::string range = request.header("Range");
    if (ranges && range.starts_with("bytes=")) {
      const auto first = oci::to_number(std::string_view(range).substr(6, range.size() - 7)).value_or(0);
      if (first >= content.size()) return {.status = 416};
      reply.status = 206;
      reply.headers.add("Content-Range", "bytes " + std::to_string(first) + "-" +
                                             std::to_string(content.size() - 1) + "/" +
                                             std::to_string(content.size()));
      reply.body = content.substr(first);
    }
    reply.headers.add("Content-Length", std::to_string(reply.body.size()));
    return reply;
  }

  Reply upload(const SeenRequest& request, const std::string& path, const std::string& parameters) {
    const auto value = [&](const std::string& name) {
      const std::size_t at = parameters.find(name + "=");
      if (at == std::string::npos) return std::string();
      std::string text = parameters.substr(at + name.size() + 1);
      text = text.substr(0, text.find('&'));
      for (std::size_t colon; (colon = text.find("%3A")) != std::string::npos;) text.replace(colon, 3, ":");
      return text;
    };
    if (request.method == Method::post) {
      if (const std::string mount = value("mount"); !mount.empty() && mountable.contains(mount)) {
        blobs[mount] = mountable[mount];
        return {.status = 201};
      }
      const std::string id = "id" + std::to_string(++sessions_);
      uploads[id] = "";
      return {.status = 202, .headers = {{"Location", "/v2/" + path + id + "?state=a%2Fb"}}};
    }
    const std::string id = path.substr(path.rfind('/') + 1);
    const auto found = uploads.find(id);
    if (found == uploads.end() || value("state") != "a%2Fb")
      return error(404, "BLOB_UPLOAD_UNKNOWN", "no such upload");
    std::string& content = found->second;
    const auto progress = [&](int status) {
      Reply reply = {.status = status, .headers = {{"Location", request.url}}};
      if (!content.empty()) reply.headers.add("Range", "0-" + std::to_string(content.size() - 1));
      return reply;
    };
    if (request.method == Method::get) return progress(204);
    if (request.method == Method::delete_) {
      uploads.erase(found);
      return {.status = 204};
    }
    if (request.method == Method::patch) {
      const std::string range = request.header("Content-Range");
      const std::string wanted =
          std::to_string(content.size()) + "-" + std::to_string(content.size() + request.body.size() - 1);
      if (range != wanted) return error(416, "BLOB_UPLOAD_INVALID", "out of order");
      content += request.body;
      return progress(202);
    }
    if (!takes_whole && !request.body.empty()) return {.status = 413, .body = "<html>too large</html>"};
    content += request.body;
    const std::string digest = oci_digest_of(content).to_string();
    if (digest != value("digest")) return error(400, "DIGEST_INVALID", "provided digest did not match");
    blobs[digest] = content;
    uploads.erase(found);
    return {.status = 201};
  }

  Reply tags() const {
    std::string list;
    for (const auto& [name, kept] : manifests) {
      if (name.starts_with("sha256:")) continue;
      list += (list.empty() ? "\"" : ",\"") + name + "\"";
    }
    return {.body = R"({"name":"x","tags":[)" + list + "]}"};
  }

 public:
  /// Blobs of other repositories, by digest.
  std::map<std::string, std::string> mountable;

 private:
  std::string origin_;
  int sessions_ = 0;
};

}  // namespace tairitsu::test

// The registry client against Debian's docker-registry: with and without a password, with and without TLS.
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "docker_registry.h"
#include "engine/http_client.h"
#include "oci/client.h"
#include "support.h"

namespace tairitsu::test {
namespace {

using namespace std::chrono_literals;
using oci::BlobPush;
using oci::Client;
using oci::Credentials;
using oci::Digest;
using oci::Manifest;
using oci::MemorySink;
using oci::MemorySource;
using oci::Reference;
using testing::HasSubstr;

constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";

Digest digest_of(std::string_view content) {
  return Digest::of(std::as_bytes(std::span(content)), detail::make_sha256);
}

std::string descriptor(std::string_view media_type, std::string_view content) {
  return R"({"mediaType":")" + std::string(media_type) + R"(","digest":")" + digest_of(content).to_string() +
         R"(","size":)" + std::to_string(content.size()) + "}";
}

class DockerRegistry : public DockerRegistryTest {
 protected:
  Client client(const oci::ClientOptions& options = {}) {
    transport_ = unwrap(detail::make_http_client({.ca_file = ca_file_}));
    return Client(
        *transport_, detail::make_sha256,
        [this](std::string_view) -> Result<std::optional<Credentials>> { return credentials_; }, options);
  }

  [[nodiscard]] Reference name(const std::string& rest) const {
    return unwrap(oci::parse_reference(host() + "/" + rest));
  }

  /// Pushes an artifact and pulls it again.
  void push_and_pull(Client& client) {
    const Reference hello = name("me/hello:1");
    std::string layer(2'500'000, '\0');
    for (std::size_t i = 0; i < layer.size(); ++i) layer[i] = static_cast<char>(i * i >> 7U);
    const std::string config = R"({"os":"wasip2","architecture":"wasm"})";
    const std::string manifest = R"({"schemaVersion":2,"mediaType":")" + std::string(kManifestType) +
                                 R"(","config":)" +
                                 descriptor("application/vnd.wasm.config.v0+json", config) +
                                 R"(,"layers":[)" + descriptor("application/wasm", layer) + "]}";

    EXPECT_ERROR(client.pull_manifest(hello), not_found);
    MemorySource layer_source(layer);
    MemorySource config_source(config);
    EXPECT_EQ(unwrap(client.push_blob(hello, digest_of(layer), layer.size(), layer_source)),
              BlobPush::uploaded);
    EXPECT_EQ(unwrap(client.push_blob(hello, digest_of(layer), layer.size(), layer_source)),
              BlobPush::existed);
    EXPECT_EQ(unwrap(client.push_blob(hello, digest_of(config), config.size(), config_source)),
              BlobPush::uploaded);
    const Digest digest = unwrap(client.push_manifest(hello, kManifestType, manifest));

    const Manifest pulled = unwrap(client.pull_manifest(hello));
    EXPECT_EQ(pulled.bytes, manifest);
    EXPECT_EQ(pulled.digest, digest);
    const oci::Descriptor resolved = unwrap(client.resolve(hello));
    EXPECT_EQ(resolved.digest, digest);
    EXPECT_EQ(resolved.size, manifest.size());
    MemorySink sink;
    std::uint64_t last = 0;
    EXPECT_OK(client.pull_blob(
        hello, digest_of(layer), sink,
        {.size = layer.size(), .progress = [&](std::uint64_t done, std::uint64_t) { last = done; }}));
    EXPECT_EQ(sink.text(), layer);
    EXPECT_EQ(last, layer.size());

    // Another repository can mount the blob without another upload.
    MemorySource again(layer);
    EXPECT_EQ(unwrap(client.push_blob(name("me/other"), digest_of(layer), layer.size(), again,
                                      {.mount_from = "me/hello"})),
              BlobPush::mounted);

    EXPECT_OK(client.push_manifest(name("me/hello:2"), kManifestType, manifest));
    // The registry does not use the order that the specification requires.
    EXPECT_THAT(unwrap(client.list_tags(hello)), testing::UnorderedElementsAre("1", "2"));
    Reference pinned = hello;
    pinned.digest = digest;
    EXPECT_OK(client.pull_manifest(pinned));
    EXPECT_OK(client.delete_manifest(pinned));
    EXPECT_ERROR(client.pull_manifest(pinned), not_found);
  }

  std::filesystem::path ca_file_;
  std::optional<Credentials> credentials_;
  std::unique_ptr<oci::HttpTransport> transport_;
};

TEST_F(DockerRegistry, StoresAnArtifact) {
  start(false, false);
  Client connected = client();
  push_and_pull(connected);
}

TEST_F(DockerRegistry, AcceptsAnUploadInChunks) {
  start(false, false);
  // Like a gateway that refuses whole blobs.
  struct Gateway final : oci::HttpTransport {
    oci::HttpTransport* inner = nullptr;
    oci::TransportResult<oci::HttpResponse> send(const oci::HttpRequest& request) override {
      if (request.method == oci::HttpMethod::put && request.source != nullptr) {
        struct Empty final : oci::HttpBody {
          oci::TransportResult<std::size_t> read(std::span<std::byte>) override { return 0; }
        };
        oci::HttpResponse response = {.status = 413};
        response.body = std::make_unique<Empty>();
        return response;
      }
      return inner->send(request);
    }
  } gateway;
  const auto transport = unwrap(detail::make_http_client());
  gateway.inner = transport.get();
  Client connected(gateway, detail::make_sha256, {}, {.chunk = 100'000});
  push_and_pull(connected);
}

TEST_F(DockerRegistry, ResumesAnInterruptedBlob) {
  start(false, false);
  const auto transport = unwrap(detail::make_http_client());
  // Interrupts the first connections.
  struct Cutting final : oci::HttpTransport {
    oci::HttpTransport* inner = nullptr;
    int cuts = 3;
    int partial = 0;
    oci::TransportResult<oci::HttpResponse> send(const oci::HttpRequest& request) override {
      struct Cut final : oci::HttpBody {
        std::unique_ptr<oci::HttpBody> inner;
        int reads = 0;
        oci::TransportResult<std::size_t> read(std::span<std::byte> into) override {
          if (++reads > 3) return std::unexpected(oci::TransportError{oci::TransportFault::cut_off, "cut"});
          return inner->read(into.subspan(0, 10'000));
        }
      };
      auto response = inner->send(request);
      if (response && response->status == 206) ++partial;
      if (response && request.url.find("/blobs/sha256") != std::string::npos &&
          request.method == oci::HttpMethod::get && cuts-- > 0) {
        auto cut = std::make_unique<Cut>();
        cut->inner = std::move(response->body);
        response->body = std::move(cut);
      }
      return response;
    }
  } cutting;
  cutting.inner = transport.get();
  Client connected(cutting, detail::make_sha256, {}, {.session = {.first_delay = 1ms}});
  push_and_pull(connected);
  EXPECT_EQ(cutting.partial, 3);
}

TEST_F(DockerRegistry, RequiresAPassword) {
  start(true, false);
  {
    Client anonymous = client();
    const auto refused = anonymous.pull_manifest(name("me/hello:1"));
    EXPECT_ERROR(refused, unauthorized);
    EXPECT_THAT(message_of(refused), HasSubstr("requires a user name and password: log in first"));
  }
  credentials_ = {.username = "user", .password = "wrong"};
  {
    Client wrong = client();
    const auto refused = wrong.check_access(host());
    EXPECT_ERROR(refused, unauthorized);
    EXPECT_THAT(message_of(refused), HasSubstr("the registry returned 401: UNAUTHORIZED"));
  }
  credentials_ = {.username = "user", .password = "p:ass"};
  Client right = client();
  EXPECT_OK(right.check_access(host()));
  push_and_pull(right);
}

TEST_F(DockerRegistry, UsesTlsWithAPrivateAuthority) {
  start(true, true);
  credentials_ = {.username = "user", .password = "p:ass"};
  {
    Client distrustful = client();
    const auto refused = distrustful.check_access(host());
    EXPECT_ERROR(refused, network);
    EXPECT_THAT(message_of(refused), HasSubstr("cannot make a TLS connection to " + host()));
    EXPECT_THAT(message_of(refused), HasSubstr("certificate"));
  }
  ca_file_ = directory_.path() / "ca.pem";
  Client trusting = client();
  EXPECT_OK(trusting.check_access(host()));
  EXPECT_OK(trusting.check_access("localhost:" + std::to_string(port_)));
  push_and_pull(trusting);
}

TEST_F(DockerRegistry, ReportsARegistryThatIsGone) {
  start(false, false);
  Client connected = client({.session = {.attempts = 2, .first_delay = 1ms}});
  EXPECT_OK(connected.check_access(host()));
  stop();
  const auto gone = connected.check_access(host());
  EXPECT_ERROR(gone, network);
  EXPECT_THAT(message_of(gone), HasSubstr("cannot connect to " + host()));
  EXPECT_THAT(message_of(gone), HasSubstr("(tried 2 times)"));
}

}  // namespace
}  // namespace tairitsu::test

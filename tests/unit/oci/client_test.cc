#include "oci/client.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fake_registry.h"
#include "oci_digest.h"
#include "scripted_transport.h"
#include "support.h"

namespace tairitsu::oci {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::FakeRegistry;
using test::Reply;
using test::SeenRequest;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";
constexpr const char* kManifest =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"})";

/// Bytes that differ at every position.
std::string content_of(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& byte : text) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24U);
  }
  return text;
}

class ClientTest : public testing::Test {
 protected:
  ClientOptions options_;
  std::optional<Credentials> credentials_;
  FakeRegistry registry_{"https://reg.io"};
  test::VirtualClock clock_;
  test::ScriptedTransport transport_{clock_,
                                     [this](const SeenRequest& request) { return registry_(request); }};
  std::optional<Client> client_;
  Reference name_ = test::unwrap(parse_reference("reg.io/foo/bar:1"));

  Client& client() {
    if (!client_) {
      client_.emplace(
          transport_, test::plain_sha256,
          [this](std::string_view) -> Result<std::optional<Credentials>> { return credentials_; }, options_,
          clock_);
    }
    return *client_;
  }

  /// The result of a pull, and the content that the sink received.
  struct Pulled {
    Result<void> result;
    std::string content;
  };
  Pulled pull(const std::string& digest, const PullOptions& options = {}) {
    MemorySink sink;
    auto result = client().pull_blob(name_, test::unwrap(Digest::parse(digest)), sink, options);
    return {.result = std::move(result), .content = sink.text()};
  }

  Result<BlobPush> push(std::string_view content, const PushOptions& options = {}) {
    MemorySource source(content);
    return client().push_blob(name_, test::oci_digest_of(content), content.size(), source, options);
  }

  [[nodiscard]] std::size_t count(std::string_view line_front) const {
    std::size_t found = 0;
    for (const SeenRequest& request : transport_.requests)
      found += request.line().starts_with(line_front) ? 1 : 0;
    return found;
  }

  /// Changes the first `times` responses with a blob.
  void adjust_blobs(int times, std::function<void(Reply&)> change) {
    registry_.adjust = [times, change = std::move(change)](const SeenRequest& request, Reply& reply) mutable {
      if (request.method == HttpMethod::get && request.url.find("/blobs/sha256") != std::string::npos &&
          times-- > 0) {
        change(reply);
      }
    };
  }
};

// Manifests.

TEST_F(ClientTest, PullsAManifestByTagAndByDigest) {
  const std::string digest = registry_.add_manifest("1", kManifestType, kManifest);
  for (const std::string& text : {std::string("reg.io/foo/bar:1"), "reg.io/foo/bar@" + digest}) {
    const Manifest manifest = test::unwrap(client().pull_manifest(*parse_reference(text)));
    EXPECT_EQ(manifest.bytes, kManifest);
    EXPECT_EQ(manifest.media_type, kManifestType);
    EXPECT_EQ(manifest.digest.to_string(), digest);
    EXPECT_EQ(manifest.index, std::nullopt);
  }
  EXPECT_EQ(
      transport_.lines(),
      "GET https://reg.io/v2/foo/bar/manifests/1\nGET https://reg.io/v2/foo/bar/manifests/" + digest + "\n");
  EXPECT_THAT(transport_.requests[0].header("Accept"), HasSubstr(kManifestType));
  EXPECT_THAT(transport_.requests[0].header("Accept"), HasSubstr(kIndexType));
  EXPECT_EQ(transport_.requests[0].header("User-Agent"), "tairitsu");
}

TEST_F(ClientTest, ReportsTheErrorsOfTheRegistry) {
  const auto missing = client().pull_manifest(name_);
  EXPECT_ERROR(missing, not_found);
  EXPECT_EQ(test::message_of(missing),
            "reg.io/foo/bar:1: the registry returned 404: MANIFEST_UNKNOWN manifest unknown");
  registry_.intercept = [](const SeenRequest&) { return FakeRegistry::error(500, "UNKNOWN", "oh"); };
  EXPECT_ERROR(client().pull_manifest(name_), registry_refused);
  registry_.intercept = [](const SeenRequest&) { return FakeRegistry::error(403, "DENIED", "not yours"); };
  const auto denied = client().pull_manifest(name_);
  EXPECT_ERROR(denied, unauthorized);
  EXPECT_EQ(
      test::message_of(denied),
      "reg.io/foo/bar:1: the registry returned 403: DENIED not yours; no credentials for reg.io: log in "
      "first");
  registry_.intercept = [](const SeenRequest&) {
    return Reply{.status = 429, .headers = {{"Retry-After", "3000"}}, .body = "slow down"};
  };
  EXPECT_EQ(test::message_of(client().pull_manifest(name_)),
            "reg.io/foo/bar:1: the registry returned 429: slow down; retry after 3000 s");
}

TEST_F(ClientTest, SendsNothingForALocalName) {
  const Reference local = *parse_reference("hello:1");
  MemorySink sink;
  MemorySource source("x");
  EXPECT_ERROR(client().pull_manifest(local), invalid_argument);
  EXPECT_ERROR(client().resolve(local), invalid_argument);
  EXPECT_ERROR(client().pull_blob(local, test::oci_digest_of("x"), sink), invalid_argument);
  EXPECT_ERROR(client().push_blob(local, test::oci_digest_of("x"), 1, source), invalid_argument);
  EXPECT_ERROR(client().push_manifest(local, kManifestType, kManifest), invalid_argument);
  EXPECT_ERROR(client().list_tags(local), invalid_argument);
  EXPECT_ERROR(client().delete_manifest(local), invalid_argument);
  EXPECT_TRUE(transport_.requests.empty());
}

TEST_F(ClientTest, RejectsAManifestWithAnotherDigest) {
  registry_.add_manifest("1", kManifestType, kManifest);
  Reference pinned = name_;
  pinned.digest = test::oci_digest_of("other");
  registry_.manifests[pinned.digest->to_string()] = {kManifestType, kManifest};
  registry_.adjust = [&](const SeenRequest&, Reply& reply) {
    reply.headers = {{"Content-Type", kManifestType}};
  };
  const auto lie = client().pull_manifest(pinned);
  EXPECT_ERROR(lie, digest_mismatch);
  EXPECT_THAT(test::message_of(lie),
              HasSubstr("the manifest has digest " + test::oci_digest_of(kManifest).to_string()));

  registry_.adjust = [&](const SeenRequest&, Reply& reply) {
    reply.headers = {{"Content-Type", kManifestType},
                     {"Docker-Content-Digest", test::oci_digest_of("x").to_string()}};
  };
  EXPECT_ERROR(client().pull_manifest(name_), digest_mismatch);
}

TEST_F(ClientTest, RejectsAManifestWithConflictingMediaTypes) {
  registry_.add_manifest("1", "application/vnd.docker.distribution.manifest.v2+json", kManifest);
  EXPECT_ERROR(client().pull_manifest(name_), registry_refused);
  registry_.add_manifest("1", "application/json; charset=utf-8", kManifest);
  EXPECT_EQ(test::unwrap(client().pull_manifest(name_)).media_type, kManifestType);
  registry_.add_manifest("1", "Application/vnd.oci.image.manifest.v1+json; charset=utf-8", kManifest);
  EXPECT_EQ(test::unwrap(client().pull_manifest(name_)).media_type, kManifestType);
  for (const char* bytes : {"", "[]", "null", "{", "<html>"}) {
    registry_.add_manifest("1", kManifestType, bytes);
    EXPECT_ERROR(client().pull_manifest(name_), registry_refused) << bytes;
  }
}

TEST_F(ClientTest, RejectsAManifestOfAnUnknownMediaType) {
  const std::string bare = R"({"schemaVersion":2,"config":{},"layers":[]})";
  const std::string list = R"({"schemaVersion":2,"manifests":[]})";
  for (const char* type :
       {"text/html", "application/vnd.oci.image.config.v1+json", "application/wasm", "image/png"}) {
    for (const std::string& bytes : {bare, list}) {
      registry_.add_manifest("1", type, bytes);
      const auto pulled = client().pull_manifest(name_, IndexChoice::keep);
      ASSERT_ERROR(pulled, registry_refused) << type;
      EXPECT_THAT(test::message_of(pulled), HasSubstr(type));
      ASSERT_ERROR(client().resolve(name_), registry_refused) << type;
    }
  }
  // The manifest itself has an unknown type.
  registry_.add_manifest("1", "application/json", R"({"schemaVersion":2,"mediaType":"a/b"})");
  EXPECT_ERROR(client().pull_manifest(name_), registry_refused);
  // The type of an image for an index, the reverse, and a manifest that is both.
  registry_.add_manifest("1", kManifestType, list);
  EXPECT_ERROR(client().pull_manifest(name_), registry_refused);
  registry_.add_manifest("1", kIndexType, bare);
  EXPECT_ERROR(client().pull_manifest(name_, IndexChoice::keep), registry_refused);
  registry_.add_manifest("1", kIndexType, R"({"schemaVersion":2,"manifests":[],"layers":[]})");
  EXPECT_ERROR(client().pull_manifest(name_, IndexChoice::keep), registry_refused);
  // Without a type, the content decides.
  registry_.add_manifest("1", "application/json", bare);
  EXPECT_EQ(test::unwrap(client().pull_manifest(name_)).media_type, kManifestType);
  registry_.add_manifest("1", "application/octet-stream", list);
  EXPECT_EQ(test::unwrap(client().pull_manifest(name_, IndexChoice::keep)).media_type, kIndexType);
}

TEST_F(ClientTest, MessagesContainNoCredentials) {
  credentials_ = {.username = "user", .password = "hunter2-hunter2"};
  const std::string basic = "dXNlcjpodW50ZXIyLWh1bnRlcjI=";
  registry_.challenge = R"(Bearer realm="https://auth.io/token")";
  registry_.wanted_authorization = "Bearer nothing";
  // Each server echoes the credentials in every form that may reach a message.
  std::string echo;
  const auto echo_credentials = [&](const SeenRequest& request) -> Reply {
    const std::string sent = request.header("Authorization");
    const std::string padding(290, 'x');
    if (echo == "errors") return FakeRegistry::error(403, sent, padding + sent);
    if (echo == "text") return Reply{.status = 403, .body = "you sent " + sent + " hunter2-hunter2"};
    if (echo == "escaped") {
      std::string escaped;
      for (const char letter : sent) {
        escaped += "\\u00";
        escaped += "0123456789abcdef"[static_cast<unsigned char>(letter) >> 4U];
        escaped += "0123456789abcdef"[static_cast<unsigned char>(letter) & 15U];
      }
      return FakeRegistry::error(403, "DENIED", escaped);
    }
    if (echo == "redirect") return Reply{.status = 307, .headers = {{"Location", "http://evil.io/" + sent}}};
    if (echo == "type") return Reply{.headers = {{"Content-Type", sent}}, .body = kManifest};
    return Reply{.body = R"({"mediaType":")" + sent + "\"}"};
  };
  for (const bool by_the_token_server : {false, true}) {
    for (const char* how : {"errors", "text", "escaped", "redirect", "type", "own-type"}) {
      if (by_the_token_server && std::string_view(how).ends_with("type")) continue;
      echo = how;
      client_.reset();
      registry_.intercept = [&](const SeenRequest& request) -> std::optional<Reply> {
        if (request.header("Authorization").empty()) return std::nullopt;
        if (!request.url.starts_with("https://auth.io/")) return echo_credentials(request);
        if (by_the_token_server) return echo_credentials(request);
        return Reply{.body = R"({"token":"tok-8ef3a1"})"};
      };
      const auto refused = client().pull_manifest(name_);
      ASSERT_FALSE(refused) << how;
      const std::string message = test::message_of(refused);
      EXPECT_THAT(message, HasSubstr("[redacted]")) << how;
      for (const std::string& secret :
           {basic, basic.substr(0, 8), std::string("hunter2"), std::string("tok-8e")}) {
        EXPECT_THAT(message, Not(HasSubstr(secret))) << how;
      }
    }
  }
}

TEST_F(ClientTest, RejectsResponsesThatAreNestedTooDeeply) {
  const std::string deep = R"({"tags":[],"a":)" + test::repeat("[", 100) + test::repeat("]", 100) + "}";
  registry_.add_manifest("1", kManifestType, deep);
  EXPECT_ERROR(client().pull_manifest(name_), registry_refused);
  registry_.intercept = [&](const SeenRequest&) { return Reply{.body = deep}; };
  EXPECT_ERROR(client().list_tags(name_), registry_refused);
}

TEST_F(ClientTest, RejectsAManifestThatIsTooLarge) {
  options_.max_manifest = 1000;
  registry_.add_manifest("1", kManifestType, "{}" + std::string(1000, ' '));
  EXPECT_ERROR(client().pull_manifest(name_), size_limit);
}

/// A descriptor of an index.
std::string descriptor(const std::string& media_type, const std::string& digest,
                       const std::string& platform) {
  return R"({"mediaType":")" + media_type + R"(","size":1,"digest":")" + digest + R"(","platform":)" +
         platform + "}";
}

TEST_F(ClientTest, PicksTheWebAssemblyManifestOfAnIndex) {
  const auto entry = [&](const std::string& bytes, const std::string& system,
                         const std::string& architecture) {
    const std::string digest = registry_.add_manifest("", kManifestType, bytes);
    return descriptor(kManifestType, digest,
                      R"({"os":")" + system + R"(","architecture":")" + architecture + R"("})");
  };
  const std::string linux = entry(R"({"a":1})", "linux", "amd64");
  const std::string first = entry(R"({"a":2})", "wasip1", "wasm");
  const std::string second = entry(R"({"a":3})", "wasip2", "wasm");
  const auto index = [&](const std::string& entries) {
    return registry_.add_manifest("1", kIndexType,
                                  R"({"schemaVersion":2,"mediaType":")" + std::string(kIndexType) +
                                      R"(","manifests":[)" + entries + "]}");
  };
  const std::string digest = index(linux + "," + first + "," + second);
  const Manifest picked = test::unwrap(client().pull_manifest(name_));
  EXPECT_EQ(picked.bytes, R"({"a":3})");
  EXPECT_EQ(picked.index->to_string(), digest);
  EXPECT_EQ(test::unwrap(client().pull_manifest(name_, IndexChoice::keep)).digest.to_string(), digest);
  EXPECT_ERROR(client().pull_manifest(name_, IndexChoice::refuse), registry_refused);

  index(linux);
  const auto none = client().pull_manifest(name_);
  EXPECT_ERROR(none, not_found);
  EXPECT_EQ(test::message_of(none),
            "reg.io/foo/bar:1: no WebAssembly manifest, only other platforms: linux/amd64");
  index("");
  EXPECT_ERROR(client().pull_manifest(name_), not_found);
  index(descriptor(kManifestType, "sha256:x", R"({"architecture":"wasm"})"));
  EXPECT_ERROR(client().pull_manifest(name_), invalid_manifest);
  index("1,null,[]");
  EXPECT_ERROR(client().pull_manifest(name_), invalid_manifest);
}

TEST_F(ClientTest, RejectsAnIndexWithinAnIndex) {
  const std::string inner = registry_.add_manifest("", kIndexType, R"({"manifests":[]})");
  registry_.add_manifest("1", kIndexType,
                         R"({"schemaVersion":2,"manifests":[)" + descriptor(kIndexType, inner, "{}") + "]}");
  EXPECT_ERROR(client().pull_manifest(name_), registry_refused);
}

TEST_F(ClientTest, ResolvesATag) {
  const std::string digest = registry_.add_manifest("1", kManifestType, kManifest);
  const Descriptor descriptor = test::unwrap(client().resolve(name_));
  EXPECT_EQ(descriptor.digest.to_string(), digest);
  EXPECT_EQ(descriptor.size, std::string_view(kManifest).size());
  EXPECT_EQ(descriptor.media_type, kManifestType);
  EXPECT_EQ(transport_.lines(), "HEAD https://reg.io/v2/foo/bar/manifests/1\n");
  // Older registries do not send the digest.
  registry_.adjust = [](const SeenRequest&, Reply& reply) {
    reply.headers = {{"Content-Type", kManifestType}};
  };
  EXPECT_EQ(test::unwrap(client().resolve(name_)).digest.to_string(), digest);
  registry_.manifests.clear();
  EXPECT_ERROR(client().resolve(name_), not_found);
}

// Pulls.

TEST_F(ClientTest, PullsABlob) {
  const std::string content = content_of(300'000);
  const std::string digest = registry_.add_blob(content);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> reported;
  const Pulled pulled =
      pull(digest, {.size = content.size(), .progress = [&](std::uint64_t done, std::uint64_t total) {
                      reported.emplace_back(done, total);
                    }});
  EXPECT_OK(pulled.result);
  EXPECT_EQ(pulled.content, content);
  EXPECT_EQ(reported.front(), std::pair(std::uint64_t{0}, std::uint64_t{content.size()}));
  EXPECT_EQ(reported.back(), std::pair(std::uint64_t{content.size()}, std::uint64_t{content.size()}));
  EXPECT_OK(pull(registry_.add_blob("")).result);
}

TEST_F(ClientTest, ReportsAMissingBlob) {
  const std::string digest = test::oci_digest_of("x").to_string();
  const Pulled pulled = pull(digest);
  EXPECT_ERROR(pulled.result, not_found);
  EXPECT_EQ(
      test::message_of(pulled.result),
      "reg.io/foo/bar@" + digest + ": the registry returned 404: BLOB_UNKNOWN blob unknown to registry");
}

TEST_F(ClientTest, ResumesAnInterruptedPull) {
  const std::string content = content_of(10'000);
  const std::string digest = registry_.add_blob(content);
  adjust_blobs(3, [](Reply& reply) { reply.cut_after = 1234; });
  const Pulled pulled = pull(digest, {.size = content.size()});
  EXPECT_OK(pulled.result);
  EXPECT_EQ(pulled.content, content);
  EXPECT_EQ(transport_.requests.size(), 4U);
  EXPECT_EQ(transport_.requests[3].header("Range"), "bytes=3702-");
  EXPECT_EQ(clock_.sleeps.size(), 3U);
}

TEST_F(ClientTest, RestartsAPullIfTheServerCannotResume) {
  const std::string content = content_of(10'000);
  const std::string digest = registry_.add_blob(content);
  registry_.ranges = false;
  adjust_blobs(2, [](Reply& reply) { reply.cut_after = 5000; });
  const Pulled pulled = pull(digest, {.size = content.size()});
  EXPECT_OK(pulled.result);
  EXPECT_EQ(pulled.content, content);
}

TEST_F(ClientTest, IgnoresAnInterruptionAfterTheLastByte) {
  const std::string digest = registry_.add_blob(content_of(10'000));
  adjust_blobs(1, [](Reply& reply) { reply.cut_after = 10'000; });
  EXPECT_OK(pull(digest).result);
  adjust_blobs(1, [](Reply& reply) {
    reply.cut_after = 10'000;
    reply.headers = {};
  });
  EXPECT_OK(pull(digest, {.size = 10'000}).result);
  EXPECT_EQ(transport_.requests.size(), 2U);
}

TEST_F(ClientTest, GivesUpOnAServerThatAlwaysInterrupts) {
  const std::string digest = registry_.add_blob(content_of(10'000));
  adjust_blobs(1000, [](Reply& reply) { reply.cut_after = 1; });
  const Pulled pulled = pull(digest);
  EXPECT_ERROR(pulled.result, network);
  EXPECT_EQ(transport_.requests.size(), 5U);
  EXPECT_THAT(test::message_of(pulled.result),
              HasSubstr("the connection to reg.io was interrupted: scripted (after 5 bytes, tried 5 times)"));
}

TEST_F(ClientTest, KeepsRetryingWhileAPullMakesProgress) {
  const std::string content = content_of(2 << 20);
  const std::string digest = registry_.add_blob(content);
  adjust_blobs(1000, [](Reply& reply) {
    reply.cut_after = 300 << 10;
    reply.chunk = 65536;
  });
  EXPECT_OK(pull(digest).result);
}

TEST_F(ClientTest, RejectsContentWithAnotherDigest) {
  const std::string digest = test::oci_digest_of("the truth").to_string();
  registry_.blobs[digest] = "the trutH";
  for (const auto& size : {std::optional<std::uint64_t>(9), std::optional<std::uint64_t>()}) {
    const Pulled pulled = pull(digest, {.size = size});
    EXPECT_ERROR(pulled.result, digest_mismatch);
    EXPECT_EQ(test::message_of(pulled.result), "reg.io/foo/bar@" + digest +
                                                   ": the registry sent content with digest " +
                                                   test::oci_digest_of("the trutH").to_string());
  }
  // A retry would not help.
  EXPECT_EQ(transport_.requests.size(), 2U);
}

TEST_F(ClientTest, RejectsAResumedPullWithAnotherDigest) {
  const std::string content = content_of(10'000);
  const std::string digest = registry_.add_blob(content);
  int times = 0;
  registry_.adjust = [&](const SeenRequest&, Reply& reply) {
    if (++times == 1) reply.cut_after = 4000;
    if (times == 2) reply.body[10] ^= 1;
  };
  EXPECT_ERROR(pull(digest).result, digest_mismatch);
}

TEST_F(ClientTest, RejectsARangeThatWasNotRequested) {
  const std::string content = content_of(10'000);
  const std::string digest = registry_.add_blob(content);
  for (const char* range : {"bytes 0-9999/10000", "bytes 4001-9999/10000", "bytes 4000-9999",
                            "bytes 4000-3000/10000", "bytes 4000-9999/20", "lines 4000-9999/10000", ""}) {
    int times = 0;
    registry_.adjust = [&](const SeenRequest&, Reply& reply) {
      if (++times == 1) {
        reply.cut_after = 4000;
      } else {
        reply.headers = {{"Content-Range", range}};
      }
    };
    EXPECT_ERROR(pull(digest).result, registry_refused) << range;
  }
  registry_.adjust = [&](const SeenRequest&, Reply& reply) { reply.status = 206; };
  EXPECT_ERROR(pull(digest).result, registry_refused);
}

TEST_F(ClientTest, RejectsABlobOfAnotherSize) {
  const std::string content = content_of(10'000);
  const std::string digest = registry_.add_blob(content);
  const Pulled reported = pull(digest, {.size = 5000});
  EXPECT_ERROR(reported.result, digest_mismatch);
  EXPECT_EQ(reported.content, "");
  EXPECT_THAT(test::message_of(reported.result), HasSubstr("the registry sends 10000 bytes instead of 5000"));
  // Without a Content-Length.
  registry_.adjust = [](const SeenRequest&, Reply& reply) { reply.headers = {}; };
  const Pulled unreported = pull(digest, {.size = 5000});
  EXPECT_ERROR(unreported.result, digest_mismatch);
  EXPECT_LE(unreported.content.size(), 5000U);
  EXPECT_ERROR(pull(digest, {.size = 20000}).result, digest_mismatch);
}

TEST_F(ClientTest, RejectsABlobThatIsTooLarge) {
  options_.max_blob = 5000;
  const std::string digest = registry_.add_blob(content_of(10'000));
  const Pulled reported = pull(digest);
  EXPECT_ERROR(reported.result, size_limit);
  EXPECT_EQ(reported.content, "");
  registry_.adjust = [](const SeenRequest&, Reply& reply) { reply.headers = {}; };
  const Pulled unreported = pull(digest);
  EXPECT_ERROR(unreported.result, size_limit);
  EXPECT_LE(unreported.content.size(), 5000U);
  transport_.requests.clear();
  EXPECT_ERROR(pull(digest, {.size = 10'000}).result, size_limit);
  EXPECT_TRUE(transport_.requests.empty());
}

TEST_F(ClientTest, WaitsForASlowServerButNotForAnIdleOne) {
  const std::string content = content_of(10'000);
  const std::string digest = registry_.add_blob(content);
  adjust_blobs(1, [](Reply& reply) { reply.read_delay = seconds(50); });
  EXPECT_OK(pull(digest).result);
  adjust_blobs(1, [](Reply& reply) { reply.read_delay = seconds(61); });
  EXPECT_OK(pull(digest).result);
  EXPECT_EQ(transport_.requests.size(), 3U);
}

TEST_F(ClientTest, StopsATransferAtItsDeadline) {
  options_.transfer_limit = std::chrono::minutes(5);
  const std::string digest = registry_.add_blob(content_of(10'000));
  adjust_blobs(1000, [](Reply& reply) {
    reply.read_delay = seconds(50);
    reply.chunk = 1;
  });
  const auto start = clock_.now();
  EXPECT_ERROR(pull(digest).result, network);
  EXPECT_LE(clock_.now() - start, std::chrono::minutes(5));
}

TEST_F(ClientTest, AnErrorOfTheSinkEndsAPull) {
  struct Full final : BlobSink {
    Result<void> write(std::span<const std::byte>) override { return fail(ErrorCode::io, "no space left"); }
  } sink;
  const std::string digest = registry_.add_blob(content_of(10'000));
  const auto result = client().pull_blob(name_, *Digest::parse(digest), sink);
  EXPECT_ERROR(result, io);
  EXPECT_EQ(test::message_of(result), "reg.io/foo/bar@" + digest + ": no space left");
  EXPECT_EQ(transport_.requests.size(), 1U);
}

TEST_F(ClientTest, FollowsARedirectOfABlobWithoutCredentials) {
  const std::string content = content_of(10'000);
  const std::string digest = registry_.add_blob(content);
  registry_.wanted_authorization = "Basic dTpw";
  registry_.challenge = "Basic realm=x";
  credentials_ = {.username = "u", .password = "p"};
  int cuts = 1;
  registry_.intercept = [&](const SeenRequest& request) -> std::optional<Reply> {
    if (request.url.starts_with("https://storage.io/")) {
      EXPECT_EQ(request.header("Authorization"), "");
      if (cuts-- > 0) return Reply{.body = content, .cut_after = 3000};
      EXPECT_EQ(request.header("Range"), "bytes=3000-");
      return Reply{.status = 206,
                   .headers = {{"Content-Range", "bytes 3000-9999/10000"}},
                   .body = content.substr(3000)};
    }
    if (request.header("Authorization").empty()) return std::nullopt;
    return Reply{.status = 307, .headers = {{"Location", "https://storage.io/x?signature=y"}}};
  };
  const Pulled pulled = pull(digest);
  EXPECT_OK(pulled.result);
  EXPECT_EQ(pulled.content, content);
}

TEST_F(ClientTest, SendsNoCredentialsToAHostThatABlobRedirectsTo) {
  const std::string digest = registry_.add_blob("x");
  registry_.intercept = [&](const SeenRequest& request) -> std::optional<Reply> {
    if (request.url.starts_with("https://storage.io/")) {
      return Reply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=x"}}, .body = "expired"};
    }
    return Reply{.status = 307, .headers = {{"Location", "https://storage.io/x"}}};
  };
  credentials_ = {.username = "u", .password = "p"};
  const Pulled pulled = pull(digest);
  EXPECT_ERROR(pulled.result, unauthorized);
  EXPECT_THAT(test::message_of(pulled.result),
              HasSubstr("storage.io, to which the registry redirects, returned 401: expired"));
  EXPECT_EQ(transport_.requests.size(), 2U);
}

// Authentication.

TEST_F(ClientTest, RenewsAnExpiredToken) {
  registry_.challenge =
      R"(Bearer realm="https://auth.io/token",service="reg.io",scope="repository:foo/bar:pull")";
  registry_.wanted_authorization = "Bearer t1";
  int tokens = 0;
  registry_.intercept = [&](const SeenRequest& request) -> std::optional<Reply> {
    if (!request.url.starts_with("https://auth.io/")) return std::nullopt;
    ++tokens;
    return Reply{.body = R"({"token":"t)" + std::to_string(tokens) + R"(","expires_in":300})"};
  };
  registry_.add_manifest("1", kManifestType, kManifest);
  EXPECT_OK(client().pull_manifest(name_));
  EXPECT_OK(client().pull_manifest(name_));
  EXPECT_EQ(tokens, 1);
  // 401, token, manifest; then the manifest at once.
  EXPECT_EQ(transport_.requests.size(), 4U);
  // The registry invalidates the token early.
  registry_.wanted_authorization = "Bearer t2";
  EXPECT_OK(client().pull_manifest(name_));
  EXPECT_EQ(tokens, 2);
  // It expires by the clock.
  clock_.pass(seconds(300));
  registry_.wanted_authorization = "Bearer t3";
  transport_.requests.clear();
  EXPECT_OK(client().pull_manifest(name_));
  EXPECT_EQ(transport_.requests.size(), 2U);
}

TEST_F(ClientTest, GivesUpIfEveryTokenIsRefused) {
  registry_.challenge = R"(Bearer realm="https://auth.io/token")";
  registry_.wanted_authorization = "Bearer never";
  int tokens = 0;
  registry_.intercept = [&](const SeenRequest& request) -> std::optional<Reply> {
    if (!request.url.starts_with("https://auth.io/")) return std::nullopt;
    return Reply{.body = R"({"token":"t)" + std::to_string(++tokens) + R"("})"};
  };
  const auto refused = client().pull_manifest(name_);
  EXPECT_ERROR(refused, unauthorized);
  EXPECT_THAT(test::message_of(refused),
              HasSubstr("the registry returned 401: UNAUTHORIZED authentication required"));
  EXPECT_LE(tokens, 2);
}

TEST_F(ClientTest, RenewsATokenDuringAnUpload) {
  registry_.challenge = R"(Bearer realm="https://auth.io/token",scope="repository:foo/bar:pull,push")";
  registry_.wanted_authorization = "Bearer t1";
  int tokens = 0;
  registry_.intercept = [&](const SeenRequest& request) -> std::optional<Reply> {
    if (request.url.starts_with("https://auth.io/")) {
      return Reply{.body = R"({"token":"t)" + std::to_string(++tokens) + R"("})"};
    }
    if (request.method == HttpMethod::put && tokens == 1) registry_.wanted_authorization = "Bearer t2";
    return std::nullopt;
  };
  const std::string content = content_of(5000);
  EXPECT_EQ(test::unwrap(push(content)), BlobPush::uploaded);
  EXPECT_EQ(registry_.blobs.at(test::oci_digest_of(content).to_string()), content);
}

TEST_F(ClientTest, ChecksALogin) {
  registry_.challenge = "Basic realm=x";
  registry_.wanted_authorization = "Basic dTpw";
  EXPECT_ERROR(client().check_access("reg.io"), unauthorized);
  client_.reset();
  credentials_ = {.username = "u", .password = "wrong"};
  const auto refused = client().check_access("reg.io");
  EXPECT_ERROR(refused, unauthorized);
  EXPECT_EQ(test::message_of(refused),
            "reg.io: the registry returned 401: UNAUTHORIZED authentication required");
  client_.reset();
  credentials_ = {.username = "u", .password = "p"};
  EXPECT_OK(client().check_access("reg.io"));
}

TEST_F(ClientTest, UsesTheHostOfDockerHub) {
  registry_ = FakeRegistry("https://registry-1.docker.io");
  registry_.add_manifest("latest", kManifestType, kManifest);
  EXPECT_OK(client().pull_manifest(*parse_reference("docker.io/hello")));
  EXPECT_EQ(transport_.lines(), "GET https://registry-1.docker.io/v2/library/hello/manifests/latest\n");
}

// Plain HTTP.

TEST_F(ClientTest, UsesPlainHttpForLoopbackWithoutTls) {
  registry_ = FakeRegistry("http://localhost:5000");
  registry_.add_manifest("1", kManifestType, kManifest);
  registry_.intercept = [](const SeenRequest& request) -> std::optional<Reply> {
    if (request.url.starts_with("https:")) return Reply{.fault = TransportFault::tls};
    return std::nullopt;
  };
  const Reference name = *parse_reference("localhost:5000/a:1");
  EXPECT_OK(client().pull_manifest(name));
  EXPECT_OK(client().pull_manifest(name));
  EXPECT_EQ(transport_.lines(),
            "GET https://localhost:5000/v2/\nGET http://localhost:5000/v2/\n"
            "GET http://localhost:5000/v2/a/manifests/1\nGET http://localhost:5000/v2/a/manifests/1\n");
}

TEST_F(ClientTest, UsesPlainHttpForOtherHostsOnlyIfAllowed) {
  registry_ = FakeRegistry("http://box:5000");
  registry_.add_manifest("1", kManifestType, kManifest);
  registry_.intercept = [](const SeenRequest& request) -> std::optional<Reply> {
    if (request.url.starts_with("https:")) return Reply{.fault = TransportFault::tls};
    return std::nullopt;
  };
  const Reference name = *parse_reference("box:5000/a:1");
  const auto refused = client().pull_manifest(name);
  EXPECT_ERROR(refused, network);
  EXPECT_EQ(test::message_of(refused), "box:5000/a:1: cannot make a TLS connection to box:5000: scripted");
  EXPECT_EQ(count("GET http:"), 0U);
  client_.reset();
  options_.session.plain_http = {"box:5000"};
  EXPECT_OK(client().pull_manifest(name));
}

// Pushes.

TEST_F(ClientTest, PushesABlobWhole) {
  const std::string content = content_of(5000);
  std::vector<std::uint64_t> reported;
  EXPECT_EQ(test::unwrap(push(
                content, {.progress = [&](std::uint64_t done, std::uint64_t) { reported.push_back(done); }})),
            BlobPush::uploaded);
  const std::string digest = test::oci_digest_of(content).to_string();
  EXPECT_EQ(registry_.blobs.at(digest), content);
  std::string encoded = digest;
  encoded.replace(6, 1, "%3A");
  EXPECT_EQ(transport_.lines(), "HEAD https://reg.io/v2/foo/bar/blobs/" + digest +
                                    "\nPOST https://reg.io/v2/foo/bar/blobs/uploads/\n"
                                    "PUT https://reg.io/v2/foo/bar/blobs/uploads/id1?state=a%2Fb&digest=" +
                                    encoded + "\n");
  EXPECT_EQ(transport_.requests[2].header("Content-Type"), "application/octet-stream");
  EXPECT_EQ(reported.front(), 0U);
  EXPECT_EQ(reported.back(), content.size());
}

TEST_F(ClientTest, DoesNotPushAnExistingBlob) {
  registry_.add_blob("hello");
  EXPECT_EQ(test::unwrap(push("hello")), BlobPush::existed);
  EXPECT_EQ(transport_.requests.size(), 1U);
  EXPECT_TRUE(test::unwrap(client().has_blob(name_, test::oci_digest_of("hello"))));
  EXPECT_FALSE(test::unwrap(client().has_blob(name_, test::oci_digest_of("other"))));
}

TEST_F(ClientTest, PushesAnEmptyBlob) {
  EXPECT_EQ(test::unwrap(push("")), BlobPush::uploaded);
  EXPECT_TRUE(registry_.blobs.contains(test::oci_digest_of("").to_string()));
}

TEST_F(ClientTest, MountsFromAnotherRepository) {
  registry_.mountable[test::oci_digest_of("hello").to_string()] = "hello";
  EXPECT_EQ(test::unwrap(push("hello", {.mount_from = "foo/other"})), BlobPush::mounted);
  EXPECT_THAT(transport_.requests[1].url, HasSubstr("/uploads/?mount=sha256%3A"));
  EXPECT_THAT(transport_.requests[1].url, HasSubstr("&from=foo%2Fother"));
  // A blob that cannot be mounted is uploaded.
  EXPECT_EQ(test::unwrap(push("world", {.mount_from = "foo/other"})), BlobPush::uploaded);
  EXPECT_ERROR(push("x", {.mount_from = "../x"}), invalid_argument);
}

TEST_F(ClientTest, RestartsAnInterruptedUpload) {
  const std::string content = content_of(5000);
  int cuts = 2;
  transport_.upload_limit = [&](const SeenRequest&) -> std::size_t {
    return cuts-- > 0 ? 1000 : std::string::npos;
  };
  EXPECT_EQ(test::unwrap(push(content)), BlobPush::uploaded);
  EXPECT_EQ(count("POST"), 3U);
  EXPECT_EQ(registry_.blobs.at(test::oci_digest_of(content).to_string()), content);
}

TEST_F(ClientTest, DetectsAnUploadWhoseResponseWasLost) {
  registry_.adjust = [times = 0](const SeenRequest& request, Reply& reply) mutable {
    if (request.method == HttpMethod::put && ++times == 1) reply.fault = TransportFault::cut_off;
  };
  EXPECT_EQ(test::unwrap(push("hello")), BlobPush::uploaded);
  EXPECT_EQ(count("PUT"), 1U);
}

TEST_F(ClientTest, CancelsAnUploadWhenItGivesUp) {
  transport_.upload_limit = [](const SeenRequest&) -> std::size_t { return 100; };
  const auto pushed = push(content_of(5000));
  EXPECT_ERROR(pushed, network);
  EXPECT_THAT(test::message_of(pushed), HasSubstr("was interrupted: scripted (tried 5 times)"));
  EXPECT_EQ(count("PUT"), 5U);
  EXPECT_EQ(count("DELETE https://reg.io/v2/foo/bar/blobs/uploads/id5"), 1U);
}

TEST_F(ClientTest, DoesNotRetryARefusedUpload) {
  MemorySource source("hello");
  const auto pushed = client().push_blob(name_, test::oci_digest_of("other"), 5, source);
  EXPECT_ERROR(pushed, registry_refused);
  EXPECT_THAT(test::message_of(pushed), HasSubstr("the registry returned 400: DIGEST_INVALID"));
  EXPECT_EQ(count("PUT"), 1U);
}

TEST_F(ClientTest, RetriesABusyRegistry) {
  registry_.intercept = [times = 0](const SeenRequest& request) mutable -> std::optional<Reply> {
    if (request.method == HttpMethod::put && ++times <= 2) {
      return Reply{.status = 503, .headers = {{"Retry-After", "9"}}};
    }
    return std::nullopt;
  };
  EXPECT_EQ(test::unwrap(push("hello")), BlobPush::uploaded);
  EXPECT_EQ(clock_.sleeps, (std::vector<milliseconds>{seconds(9), seconds(9)}));
}

TEST_F(ClientTest, PushesInChunksIfTheWholeBlobIsRefused) {
  options_.chunk = 1000;
  registry_.takes_whole = false;
  const std::string content = content_of(4500);
  EXPECT_EQ(test::unwrap(push(content)), BlobPush::uploaded);
  EXPECT_EQ(registry_.blobs.at(test::oci_digest_of(content).to_string()), content);
  EXPECT_EQ(count("PATCH"), 5U);
  std::vector<std::string> ranges;
  for (const SeenRequest& request : transport_.requests) {
    if (request.method == HttpMethod::patch) ranges.push_back(request.header("Content-Range"));
  }
  EXPECT_EQ(ranges, (std::vector<std::string>{"0-999", "1000-1999", "2000-2999", "3000-3999", "4000-4499"}));
}

TEST_F(ClientTest, PushesInChunksIfTheWholeBlobIsInterruptedTwice) {
  options_.chunk = 1000;
  const std::string content = content_of(4500);
  transport_.upload_limit = [](const SeenRequest& request) -> std::size_t {
    return request.method == HttpMethod::put ? 2000 : std::string::npos;
  };
  EXPECT_EQ(test::unwrap(push(content)), BlobPush::uploaded);
  EXPECT_EQ(registry_.blobs.at(test::oci_digest_of(content).to_string()), content);
  EXPECT_EQ(count("PUT"), 3U);
  EXPECT_EQ(count("PATCH"), 5U);
}

TEST_F(ClientTest, UsesTheMinimumChunkSizeOfTheRegistry) {
  options_.chunk = 1000;
  registry_.takes_whole = false;
  registry_.adjust = [](const SeenRequest& request, Reply& reply) {
    if (request.method == HttpMethod::post) reply.headers.add("OCI-Chunk-Min-Length", "2000");
  };
  EXPECT_EQ(test::unwrap(push(content_of(4500))), BlobPush::uploaded);
  EXPECT_EQ(count("PATCH"), 3U);
}

TEST_F(ClientTest, ResumesAnInterruptedChunk) {
  options_.chunk = 1000;
  registry_.takes_whole = false;
  const std::string content = content_of(4500);
  transport_.upload_limit = [times = 0](const SeenRequest& request) mutable -> std::size_t {
    return request.method == HttpMethod::patch && ++times == 3 ? 500 : std::string::npos;
  };
  EXPECT_EQ(test::unwrap(push(content)), BlobPush::uploaded);
  EXPECT_EQ(registry_.blobs.at(test::oci_digest_of(content).to_string()), content);
  EXPECT_EQ(count("PATCH"), 6U);
  EXPECT_EQ(count("GET https://reg.io/v2/foo/bar/blobs/uploads/"), 1U);
  EXPECT_EQ(count("POST"), 2U);
}

TEST_F(ClientTest, RestartsAnUploadThatTheRegistryForgot) {
  options_.chunk = 1000;
  registry_.takes_whole = false;
  const std::string content = content_of(4500);
  registry_.intercept = [this, times = 0](const SeenRequest& request) mutable -> std::optional<Reply> {
    if (request.method == HttpMethod::patch && ++times == 3) registry_.uploads.clear();
    return std::nullopt;
  };
  EXPECT_EQ(test::unwrap(push(content)), BlobPush::uploaded);
  EXPECT_EQ(registry_.blobs.at(test::oci_digest_of(content).to_string()), content);
}

TEST_F(ClientTest, RejectsAnInvalidUploadOffset) {
  options_.chunk = 1000;
  registry_.takes_whole = false;
  registry_.adjust = [](const SeenRequest& request, Reply& reply) {
    if (request.method == HttpMethod::patch)
      reply.headers = {{"Location", request.url}, {"Range", "0-99999"}};
  };
  const auto pushed = push(content_of(4500));
  EXPECT_ERROR(pushed, registry_refused);
  EXPECT_THAT(test::message_of(pushed), HasSubstr("the registry reports an invalid upload offset"));
}

TEST_F(ClientTest, SendsNoCredentialsToAnUploadAtAnotherHost) {
  registry_.wanted_authorization = "Basic dTpw";
  registry_.challenge = "Basic realm=x";
  credentials_ = {.username = "u", .password = "p"};
  bool uploaded = false;
  registry_.intercept = [&](const SeenRequest& request) -> std::optional<Reply> {
    if (request.url.starts_with("https://storage.io/")) {
      EXPECT_EQ(request.header("Authorization"), "");
      EXPECT_EQ(request.body, "hello");
      uploaded = true;
      return Reply{.status = 201};
    }
    if (request.method == HttpMethod::post && !request.header("Authorization").empty()) {
      return Reply{.status = 202, .headers = {{"Location", "https://storage.io/upload?sig=1"}}};
    }
    return std::nullopt;
  };
  EXPECT_EQ(test::unwrap(push("hello")), BlobPush::uploaded);
  EXPECT_TRUE(uploaded);
}

TEST_F(ClientTest, DoesNotUploadOverPlainHttpIfTheRegistryUsesTls) {
  for (const char* place : {"http://reg.io/upload", "http://127.0.0.1/upload", "ftp://x/", ""}) {
    registry_.adjust = [&](const SeenRequest& request, Reply& reply) {
      if (request.method != HttpMethod::post) return;
      reply.headers = {};
      if (*place != '\0') reply.headers.add("Location", place);
    };
    EXPECT_ERROR(push("hello"), registry_refused) << place;
  }
  EXPECT_EQ(count("PUT"), 0U);
}

TEST_F(ClientTest, AnErrorOfTheSourceEndsAPush) {
  struct Broken final : BlobSource {
    Result<std::size_t> read(std::span<std::byte>) override {
      return fail(ErrorCode::io, "the disk is gone");
    }
    Result<void> seek(std::uint64_t) override { return {}; }
  } source;
  const auto pushed = client().push_blob(name_, test::oci_digest_of("hello"), 5, source);
  EXPECT_ERROR(pushed, io);
  EXPECT_THAT(test::message_of(pushed), HasSubstr(": the disk is gone"));
  EXPECT_EQ(count("PUT"), 0U);
  EXPECT_EQ(count("DELETE"), 1U);
}

TEST_F(ClientTest, PushesAManifest) {
  const Digest digest = test::unwrap(client().push_manifest(name_, kManifestType, kManifest));
  EXPECT_EQ(digest, test::oci_digest_of(kManifest));
  EXPECT_EQ(transport_.lines(), "PUT https://reg.io/v2/foo/bar/manifests/1\n");
  EXPECT_EQ(transport_.requests[0].header("Content-Type"), kManifestType);
  EXPECT_EQ(registry_.manifests.at("1").bytes, kManifest);
  Reference pinned = name_;
  pinned.digest = digest;
  EXPECT_OK(client().push_manifest(pinned, kManifestType, kManifest));
  EXPECT_ERROR(client().push_manifest(pinned, kManifestType, "{}"), digest_mismatch);
  registry_.adjust = [](const SeenRequest&, Reply& reply) {
    reply.headers = {{"Docker-Content-Digest", test::oci_digest_of("x").to_string()}};
  };
  EXPECT_ERROR(client().push_manifest(name_, kManifestType, kManifest), digest_mismatch);
  registry_.intercept = [](const SeenRequest&) {
    return FakeRegistry::error(404, "MANIFEST_BLOB_UNKNOWN", "blob unknown");
  };
  EXPECT_THAT(test::message_of(client().push_manifest(name_, kManifestType, kManifest)),
              HasSubstr("404: MANIFEST_BLOB_UNKNOWN"));
}

// Tags and deletion.

TEST_F(ClientTest, ListsTags) {
  EXPECT_EQ(test::unwrap(client().list_tags(name_)), std::vector<std::string>());
  registry_.add_manifest("1", kManifestType, kManifest);
  registry_.add_manifest("latest", kManifestType, kManifest);
  EXPECT_EQ(test::unwrap(client().list_tags(name_)), (std::vector<std::string>{"1", "latest"}));
  registry_.intercept = [](const SeenRequest&) { return Reply{.body = R"({"name":"x","tags":null})"}; };
  EXPECT_EQ(test::unwrap(client().list_tags(name_)), std::vector<std::string>());
}

TEST_F(ClientTest, ListsTagsPageByPage) {
  registry_.intercept = [](const SeenRequest& request) -> std::optional<Reply> {
    if (request.url.ends_with("?n=1000")) {
      return Reply{.headers = {{"Link", R"(</v2/foo/bar/tags/list?n=1&last=a>; rel="next")"}},
                   .body = R"({"tags":["a"]})"};
    }
    if (request.url.ends_with("last=a")) {
      return Reply{.headers = {{"link", R"(<https://reg.io/x>; rel=prev, <list?n=1&last=b>; REL=next)"}},
                   .body = R"({"tags":["b"]})"};
    }
    return Reply{.body = R"({"tags":["c"]})"};
  };
  EXPECT_EQ(test::unwrap(client().list_tags(name_)), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(transport_.requests[2].url, "https://reg.io/v2/foo/bar/tags/list?n=1&last=b");
}

TEST_F(ClientTest, RejectsTooManyTagsAndPages) {
  options_.max_tags = 50;
  int page = 0;
  registry_.intercept = [&](const SeenRequest&) {
    const std::string text = std::to_string(++page);
    return Reply{.headers = {{"Link", "<?p=" + text + ">; rel=\"next\""}},
                 .body = R"({"tags":["t)" + text + R"("]})"};
  };
  EXPECT_ERROR(client().list_tags(name_), size_limit);
  EXPECT_EQ(page, 51);
  registry_.intercept = [&](const SeenRequest&) {
    const std::string text = std::to_string(++page);
    return Reply{.headers = {{"Link", "<?p=" + text + ">; rel=\"next\""}}, .body = R"({"tags":[]})"};
  };
  EXPECT_ERROR(client().list_tags(name_), size_limit);
  registry_.intercept = [&](const SeenRequest& request) {
    return Reply{.headers = {{"Link", "<" + request.url + ">; rel=\"next\""}}, .body = R"({"tags":["a"]})"};
  };
  EXPECT_EQ(test::unwrap(client().list_tags(name_)), std::vector<std::string>{"a"});
}

TEST_F(ClientTest, RejectsInvalidListsOfTags) {
  for (const char* body : {"", "[]", "{}", R"({"tags":{}})", R"({"tags":[1]})", R"({"tags":["a b"]})",
                           R"({"tags":["\u001b[2J"]})", R"({"tags":["../x"]})"}) {
    registry_.intercept = [&](const SeenRequest&) { return Reply{.body = body}; };
    EXPECT_ERROR(client().list_tags(name_), registry_refused) << body;
  }
  registry_.intercept = [&](const SeenRequest&) {
    return Reply{.headers = {{"Link", "<https://evil.org/>; rel=\"next\""}}, .body = R"({"tags":["a"]})"};
  };
  EXPECT_ERROR(client().list_tags(name_), registry_refused);
}

TEST_F(ClientTest, DeletesAManifest) {
  registry_.add_manifest("1", kManifestType, kManifest);
  EXPECT_OK(client().delete_manifest(name_));
  EXPECT_FALSE(registry_.manifests.contains("1"));
  EXPECT_ERROR(client().delete_manifest(name_), not_found);
  registry_.intercept = [](const SeenRequest&) {
    return FakeRegistry::error(405, "UNSUPPORTED", "The operation is unsupported.");
  };
  EXPECT_EQ(test::message_of(client().delete_manifest(name_)),
            "reg.io/foo/bar:1: the registry returned 405: UNSUPPORTED The operation is unsupported.");
}

}  // namespace
}  // namespace tairitsu::oci

#include "image/manifest.h"

#include <string>
#include <vector>

#include "support.h"

namespace tairitsu::detail {
namespace {

using test::bytes_of;
using test::message_of;
using test::unwrap;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');

/// The manifest from the artifact's specification, with `from` replaced by `to`.
std::string manifest_with(const std::string& from = "", const std::string& to = "") {
  std::string text = R"({
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "annotations": {"org.opencontainers.image.title": "web"},
    "config": {"mediaType": "application/vnd.wasm.config.v0+json", "size": 78, "digest": "CONFIG"},
    "layers": [{"mediaType": "application/wasm", "size": 146992, "digest": "LAYER"}]
  })";
  text.replace(text.find("CONFIG"), 6, kA);
  text.replace(text.find("LAYER"), 5, kB);
  if (!from.empty()) text.replace(text.find(from), from.size(), to);
  return text;
}

Result<WasmManifest> parse(const std::string& text) { return parse_manifest(bytes_of(text), "image 'web'"); }

TEST(Manifest, ParsesTheExampleOfTheSpecification) {
  const WasmManifest manifest = unwrap(parse(manifest_with()));
  EXPECT_EQ(manifest.config.media_type, kWasmConfigMediaType);
  EXPECT_EQ(manifest.config.digest, kA);
  EXPECT_EQ(manifest.config.size, 78U);
  EXPECT_EQ(manifest.layer.media_type, kWasmLayerMediaType);
  EXPECT_EQ(manifest.layer.digest, kB);
  EXPECT_EQ(manifest.layer.size, 146'992U);
  EXPECT_THAT(manifest.annotations, ElementsAre(Pair("org.opencontainers.image.title", "web")));
}

TEST(Manifest, AcceptsOlderLayerTypesAndAnyConfigType) {
  for (const std::string type :
       {"application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
        "application/vnd.wasm.content.layer.v1+wasm", "application/vnd.module.wasm.content.layer.v1+wasm"}) {
    EXPECT_TRUE(is_wasm_layer(type));
    EXPECT_OK(parse(manifest_with("application/wasm", type))) << type;
  }
  for (const std::string type :
       {"application/vnd.wasm.config.v1+json", "application/vnd.oci.image.config.v1+json",
        "application/vnd.oci.empty.v1+json", "application/vnd.unknown.config.v1+json"}) {
    EXPECT_OK(parse(manifest_with("application/vnd.wasm.config.v0+json", type))) << type;
  }
  EXPECT_OK(parse(manifest_with(R"("mediaType": "application/vnd.oci.image.manifest.v1+json",)", "")));
  EXPECT_OK(parse(manifest_with(R"("annotations": {"org.opencontainers.image.title": "web"},)",
                                R"("annotations": null, "artifactType": "x", "subject": null,)")));
}

TEST(Manifest, RejectsHostileManifests) {
  const std::string layer = R"({"mediaType": "application/wasm", "size": 146992, "digest": ")" + kB + "\"}";
  const struct {
    std::string from, to, message;
  } cases[] = {
      {layer, layer + "," + layer, "2 layers: a WebAssembly image has exactly one"},
      {layer, "", "0 layers"},
      {"[" + layer + "]", "{}", "'layers' is not a list"},
      {"[" + layer + "]", "null", "'layers' is not a list"},
      {layer, "7", "layers[0]: not a descriptor"},
      {"146992", "0", "the layer is empty"},
      {"146992", "-1", "'size' is not a number of bytes: -1"},
      {"146992", "1e3", "'size' is not a number of bytes"},
      {"146992", "\"146992\"", "'size' is not a number of bytes"},
      {"146992", "18446744073709551615", "'size' is not a number of bytes"},
      {"146992", "340282366920938463463374607431768211456", "'size' is not a number of bytes"},
      {"78", "4194305", "the config is too large: 4194305 bytes"},
      {"application/wasm", "application/vnd.oci.image.layer.v1.tar+gzip", "not WebAssembly"},
      {R"("mediaType": "application/wasm", )", "", "'mediaType' is missing"},
      {kB, "sha256:abc", "'sha256:abc' is not a digest"},
      {kB, "sha256:" + std::string(64, 'B'), "is not a digest"},
      {kB, "sha256:../../../../../../etc/passwd", "is not a digest"},
      {kB, "a/b:c", "is not a digest"},
      {kB, "sha512:abc", "unsupported digest 'sha512:abc'"},
      {kA, "sha512:abc", "unsupported digest 'sha512:abc'"},
      {"\"" + kB + "\"", "[1]", "'digest' is not a string"},
      {"\"schemaVersion\": 2", "\"schemaVersion\": 1", "'schemaVersion' is 1"},
      {"\"schemaVersion\": 2", "\"schemaVersion\": \"2\"", "'schemaVersion' is \"2\""},
      {"\"schemaVersion\": 2,", "", "'schemaVersion' is missing"},
      {"image.manifest.v1", "image.index.v1", "an image index"},
      {"vnd.oci.image.manifest.v1+json", "vnd.docker.distribution.manifest.v2+json",
       "a container image in Docker's own format"},
      {"vnd.oci.image.manifest.v1+json", "vnd.example", "is not an OCI image manifest"},
      {"\"config\"", "\"konfig\"", "'config' is missing"},
      {"\"web\"", "7", "'annotations.org.opencontainers.image.title' is not a string"},
      {R"({"org.opencontainers.image.title": "web"})", "[]", "'annotations' is not an object"},
  };
  for (const auto& [from, to, message] : cases) {
    const auto parsed = parse(manifest_with(from, to));
    EXPECT_ERROR(parsed, invalid_manifest) << from << " -> " << to;
    EXPECT_THAT(message_of(parsed), testing::AllOf(testing::StartsWith("image 'web': "), HasSubstr(message)));
  }
  for (const std::string text : {"", "null", "[]", "{", "\"\xff\"", "{}", "{\"a\": \"\\ud800\"}"}) {
    EXPECT_ERROR(parse(text), invalid_manifest) << text;
  }
  EXPECT_ERROR(parse(std::string(1'000'000, '[')), invalid_manifest);
  EXPECT_ERROR(parse("{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}"),
               invalid_manifest);
}

TEST(Manifest, MessagesContainNoControlCharacters) {
  const std::string escape = R"(application/\u001b[2J\u0000\u0085\n)" + std::string(1000, 'x');
  const std::string message = message_of(parse(manifest_with("application/wasm", escape)));
  EXPECT_THAT(message, HasSubstr("application/\uFFFD[2J\uFFFD\uFFFD\uFFFDxxx"));
  EXPECT_LT(message.size(), 400U);
}

TEST(Manifest, ParsesItsOwnOutput) {
  WasmManifest manifest;
  manifest.config = {std::string(kWasmConfigMediaType), kA, 12, {}, {}};
  manifest.layer = {
      std::string(kWasmLayerMediaType), kB, 8, {{"org.opencontainers.image.title", "web.wasm"}}, {}};
  const std::string plain = unwrap(manifest_text(manifest));
  EXPECT_EQ(plain,
            R"({"config":{"digest":")" + kA +
                R"(","mediaType":"application/vnd.wasm.config.v0+json","size":12},"layers":[{"annotations":)"
                R"({"org.opencontainers.image.title":"web.wasm"},"digest":")" +
                kB +
                R"(","mediaType":"application/wasm","size":8}],)"
                R"("mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2})");
  manifest.annotations = {{"org.opencontainers.image.version", "1.0 \"é\""}};
  const WasmManifest read = unwrap(parse(unwrap(manifest_text(manifest))));
  EXPECT_EQ(read.annotations, manifest.annotations);
  EXPECT_EQ(read.layer.annotations, manifest.layer.annotations);
  manifest.annotations["x"] = "\xff";
  EXPECT_ERROR(manifest_text(manifest), invalid_argument);
}

TEST(Config, ParsesTheExampleOfTheSpecification) {
  const std::string text = R"({
    "created": "2015-10-31T22:22:56.015925234Z", "author": "A <a@example.com>", "architecture": "wasm",
    "os": "wasip2", "layerDigests": ["sha256:123456"],
    "component": {"exports": ["wasi:http/incoming-handler@0.2.0", "function-name"],
                  "imports": ["wasi:filesystem/types@0.2.0"], "target": "wasi:http/proxy@0.2.0"}})";
  const WasmConfig config = unwrap(parse_config(kWasmConfigMediaType, bytes_of(text), "config"));
  EXPECT_EQ(config.created, "2015-10-31T22:22:56.015925234Z");
  EXPECT_EQ(config.author, "A <a@example.com>");
  EXPECT_EQ(config.os, "wasip2");
  EXPECT_THAT(config.layer_digests, ElementsAre("sha256:123456"));
  ASSERT_TRUE(config.component);
  EXPECT_THAT(config.component->exports, ElementsAre("wasi:http/incoming-handler@0.2.0", "function-name"));
  EXPECT_THAT(config.component->imports, ElementsAre("wasi:filesystem/types@0.2.0"));
  EXPECT_EQ(config.component->target, "wasi:http/proxy@0.2.0");

  const WasmConfig again =
      unwrap(parse_config(kWasmConfigMediaType, bytes_of(unwrap(config_text(config))), "config"));
  EXPECT_EQ(again.created, config.created);
  EXPECT_EQ(again.component->imports, config.component->imports);
  EXPECT_EQ(again.layer_digests, config.layer_digests);
}

TEST(Config, OfACoreModuleHasNoComponent) {
  const std::string text =
      R"({"created":"2024-06-25T15:58:49Z","author":null,"architecture":"wasm","os":"wasip1",)"
      R"("layerDigests":["sha256:1"],"component":null})";
  const WasmConfig config = unwrap(parse_config(kWasmConfigMediaType, bytes_of(text), "config"));
  EXPECT_EQ(config.author, "");
  EXPECT_FALSE(config.component);
  EXPECT_EQ(unwrap(config_text(config)), R"({"architecture":"wasm","created":"2024-06-25T15:58:49Z",)"
                                         R"("layerDigests":["sha256:1"],"os":"wasip1"})");
  EXPECT_OK(parse_config(kWasmConfigMediaType, bytes_of("{}"), "config"));
}

TEST(Config, RejectsMembersOfTheWrongType) {
  for (const std::string text :
       {"", "[]", R"({"created":7})", R"({"os":["wasip2"]})", R"({"architecture":"amd64"})",
        R"({"layerDigests":"x"})", R"({"layerDigests":[1]})", R"({"component":[]})",
        R"({"component":{"exports":{}}})", R"({"component":{"imports":[null]}})",
        R"({"component":{"target":1}})"}) {
    EXPECT_ERROR(parse_config(kWasmConfigMediaType, bytes_of(text), "config"), invalid_manifest) << text;
  }
}

TEST(Config, UsesKnownMembersOfOtherTypes) {
  const std::string image_config = "application/vnd.oci.image.config.v1+json";
  const WasmConfig config = unwrap(parse_config(
      image_config,
      bytes_of(R"({"created":"2024-01-01T00:00:00Z","architecture":"wasm","os":"wasi","config":{"Env":[]}})"),
      "c"));
  EXPECT_EQ(config.created, "2024-01-01T00:00:00Z");
  EXPECT_EQ(config.os, "wasi");
  for (const std::string text : {"", "{}", "[]", "not json", R"({"os":7})"}) {
    EXPECT_EQ(unwrap(parse_config(image_config, bytes_of(text), "c")).os, "") << text;
  }
}

std::string index_of(const std::vector<std::string>& platforms) {
  std::string text = R"({"schemaVersion":2,"manifests":[)";
  for (std::size_t i = 0; i < platforms.size(); ++i) {
    text += std::string(i == 0 ? "" : ",") +
            R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"sha256:)" +
            std::string(63, '0') + std::to_string(i) + "\"" + platforms[i] + "}";
  }
  return text + "]}";
}

TEST(Index, ChoosesTheWebAssemblyManifest) {
  const auto chosen = [](const std::vector<std::string>& platforms) -> std::string {
    const auto descriptor = choose_from_index(bytes_of(index_of(platforms)), "index");
    return descriptor ? descriptor->digest.substr(70) : std::string(to_string(descriptor.error().code()));
  };
  const std::string linux = R"(,"platform":{"architecture":"amd64","os":"linux"})";
  const std::string wasip1 = R"(,"platform":{"architecture":"wasm","os":"wasip1"})";
  const std::string wasip2 = R"(,"platform":{"architecture":"wasm","os":"wasip2"})";
  EXPECT_EQ(chosen({linux, wasip1}), "1");
  EXPECT_EQ(chosen({wasip1, linux, wasip2, wasip2}), "2");
  EXPECT_EQ(chosen({""}), "0");
  EXPECT_EQ(chosen({linux}), "not_found");
  EXPECT_EQ(chosen({"", ""}), "not_found");
  EXPECT_EQ(chosen({}), "not_found");
  EXPECT_EQ(chosen({R"(,"platform":7)"}), "invalid_manifest");
  EXPECT_ERROR(choose_from_index(bytes_of(R"({"schemaVersion":2,"manifests":{}})"), "index"),
               invalid_manifest);
}

}  // namespace
}  // namespace tairitsu::detail

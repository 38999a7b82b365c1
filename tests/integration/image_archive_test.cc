#include "image/archive.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "binaries.h"
#include "image/store.h"
#include "oci/subprocess.h"
#include "processes.h"
#include "sha256.h"
#include "skopeo.h"
#include "support.h"

namespace tairitsu {
namespace {

using namespace std::chrono_literals;
using test::bytes_of;
using test::component;
using test::digest_of_text;
using test::have_skopeo;
using test::message_of;
using test::read_file;
using test::skopeo_copy;
using test::TemporaryDirectory;
using test::text_of;
using test::unwrap;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kLayout = R"({"imageLayoutVersion":"1.0.0"})";
constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";

/// Runs a shell command. Returns whether it succeeded.
bool runs(const std::string& command) {
  const auto done = oci::run_program({"sh", "-c", command}, "", 60s);
  return done && done->status == 0;
}

// ---- Hand-made archives, so that they can be invalid

std::string padded(std::string text) {
  text.resize((text.size() + 511) / 512 * 512);
  return text;
}

std::string header(std::string_view path, std::uint64_t size, char type = '0', std::string_view link = {}) {
  std::array<char, 512> block{};
  const auto put = [&](std::size_t at, std::string_view text) {
    std::ranges::copy(text, block.begin() + static_cast<std::ptrdiff_t>(at));
  };
  const auto octal = [](std::uint64_t value, int digits) {
    std::string text(static_cast<std::size_t>(digits), '0');
    for (auto digit = text.rbegin(); digit != text.rend(); ++digit, value /= 8) {
      *digit = static_cast<char>('0' + value % 8);
    }
    return text;
  };
  put(0, path);
  put(100, "0000644");
  put(108, "0001750");
  put(116, "0001750");
  put(124, octal(size, 11));
  put(136, octal(1'700'000'000, 11));
  put(148, "        ");
  block[156] = type;
  put(157, link);
  put(257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put(148, octal(sum, 6) + '\0');
  return {block.data(), block.size()};
}

std::string file(std::string_view path, const std::string& content) {
  return header(path, content.size()) + padded(content);
}

std::string directory_entry(std::string_view path) { return header(path, 0, '5'); }

/// A pax record for the next entry.
std::string pax(std::string_view key, std::string_view value) {
  const std::string rest = " " + std::string(key) + "=" + std::string(value) + "\n";
  std::size_t size = rest.size() + 1;
  while (std::to_string(size).size() + rest.size() != size) ++size;
  const std::string record = std::to_string(size) + rest;
  return header("PaxHeaders.0/entry", record.size(), 'x') + padded(record);
}

const std::string kEnd(1024, '\0');

std::string blob(const std::string& content) {
  return file("blobs/sha256/" + digest_of_text(content).substr(7), content);
}

std::string descriptor(std::string_view type, const std::string& content, const std::string& more = {}) {
  return R"({"mediaType":")" + std::string(type) + R"(","digest":")" + digest_of_text(content) +
         R"(","size":)" + std::to_string(content.size()) + more + "}";
}

/// An index entry with a name.
std::string named(const std::string& manifest, const std::string& name,
                  const std::string& type = kManifestType) {
  return descriptor(type, manifest,
                    R"(,"annotations":{"org.opencontainers.image.ref.name":")" + name + R"("})");
}

std::string index_of(const std::string& entries) {
  return R"({"schemaVersion":2,"manifests":[)" + entries + "]}";
}

/// The blobs of an image.
struct Parts {
  explicit Parts(const std::string& text, const std::string& layer_type = "application/wasm")
      : layer(component(text)),
        manifest(R"({"schemaVersion":2,"mediaType":")" + std::string(kManifestType) + R"(","config":)" +
                 descriptor("application/vnd.wasm.config.v0+json", config) + R"(,"layers":[)" +
                 descriptor(layer_type, layer) + "]}") {}

  [[nodiscard]] std::string blobs() const { return blob(config) + blob(layer) + blob(manifest); }

  std::string config = R"({"architecture":"wasm","os":"wasip2","layerDigests":[]})";
  std::string layer;
  std::string manifest;
};

/// An archive of named images, followed by `more` entries.
std::string archive_of(const std::vector<std::pair<Parts, std::string>>& images,
                       const std::string& more = {}) {
  std::string entries;
  std::map<std::string, std::string> blobs;
  for (const auto& [parts, name] : images) {
    entries += (entries.empty() ? "" : ",") + named(parts.manifest, name);
    for (const std::string& content : {parts.config, parts.layer, parts.manifest}) {
      blobs.emplace(digest_of_text(content), blob(content));
    }
  }
  std::string archive = file("oci-layout", kLayout) + file("index.json", index_of(entries));
  for (const auto& [digest, text] : blobs) archive += text;
  return archive + more + kEnd;
}

// ---- The tests

class ArchiveTest : public testing::Test {
 protected:
  [[nodiscard]] ImageStore open(std::string_view name = "data", ImageStoreOptions options = {}) const {
    return unwrap(ImageStore::open(above / name, options));
  }
  StoredImage add(std::string_view name, const std::string& text) {
    return unwrap(open().add_image(name, bytes_of(component(text)), {.created = "2024-06-25T15:58:49Z"}));
  }

  [[nodiscard]] Result<std::string> save(const std::vector<std::string>& references) const {
    std::string archive;
    TAIRITSU_RETURN_IF_ERROR(open().save(references, [&](std::span<const std::byte> bytes) -> Result<void> {
      archive.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return {};
    }));
    return archive;
  }

  /// Loads from a stream that returns up to `chunk` bytes at a time.
  static Result<std::vector<StoredImage>> load_into(ImageStore store, std::string_view archive,
                                                    std::size_t chunk = 100'000) {
    return store.load([&](std::span<std::byte> into) -> Result<std::size_t> {
      const std::size_t count = std::min({into.size(), chunk, archive.size()});
      std::memcpy(into.data(), archive.data(), count);
      archive.remove_prefix(count);
      return count;
    });
  }
  [[nodiscard]] Result<std::vector<StoredImage>> load(std::string_view archive) const {
    return load_into(open("other"), archive);
  }

  [[nodiscard]] std::string compressed(const std::string& text, const std::string& program = "gzip") const {
    above.write("plain", text);
    EXPECT_TRUE(runs("cd " + above.path().string() + " && " + program + " -c plain > compressed"));
    return above.read("compressed");
  }

  /// Returns all files of a store with their content.
  [[nodiscard]] std::map<std::string, std::string> files(std::string_view name) const {
    std::map<std::string, std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(above / name)) {
      if (entry.is_regular_file()) found.emplace(entry.path().string(), read_file(entry.path()));
    }
    return found;
  }

  /// Checks that the load fails and does not change the store.
  void expect_refused(const std::string& archive, ErrorCode code, const std::string& message,
                      ImageStoreOptions options = {}) const {
    ImageStore store = open("refusing", options);
    EXPECT_OK(store.add_image("old", bytes_of(component("old")), {.created = "2024-06-25T15:58:49Z"}));
    const auto before = files("refusing");
    const auto loaded = load_into(store, archive);
    EXPECT_TRUE(test::is_error(loaded, code));
    EXPECT_THAT(message_of(loaded), HasSubstr(message));
    EXPECT_EQ(files("refusing"), before);
    EXPECT_EQ(unwrap(store.usage()).writing_bytes, 0U);
  }
  void expect_malformed(const std::string& archive, const std::string& message) const {
    expect_refused(archive, ErrorCode::invalid_manifest, message);
  }

  TemporaryDirectory above;
};

TEST_F(ArchiveTest, CopiesAnImageToAnotherStore) {
  const StoredImage image =
      unwrap(open().add_image("ghcr.io/foo/web:1", bytes_of(component("web")),
                              {.author = "me", .exports = {"wasi:http/incoming-handler@0.2.0"}}));
  const std::string archive = unwrap(save({"ghcr.io/foo/web:1"}));
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{511}, std::size_t{100'000}}) {
    const std::string name = "other" + std::to_string(chunk);
    const auto loaded = unwrap(load_into(open(name), archive, chunk));
    ASSERT_THAT(loaded, SizeIs(1));
    const StoredImage found = unwrap(open(name).find("ghcr.io/foo/web:1"));
    for (const StoredImage& same : {loaded.at(0), found}) {
      EXPECT_EQ(same.digest, image.digest);
      EXPECT_THAT(same.names, ElementsAre("ghcr.io/foo/web:1"));
      EXPECT_EQ(same.component_digest, image.component_digest);
      EXPECT_EQ(same.author, "me");
      EXPECT_EQ(same.exports, image.exports);
      EXPECT_EQ(same.size, image.size);
    }
    EXPECT_EQ(text_of(unwrap(open(name).read_component(found))), component("web"));
    EXPECT_EQ(unwrap(open(name).usage()).blobs, 3U);
    EXPECT_EQ(read_file(above / name / "images/index.json"), read_file(above / "data/images/index.json"));
  }
}

TEST_F(ArchiveTest, IsReproducible) {
  add("web", "1");
  add("other", "2");
  add("not-saved", "3");
  const std::string archive = unwrap(save({"web", "other"}));
  EXPECT_EQ(unwrap(save({"other", "web", "other"})), archive);
  unwrap(load(archive));
  const std::vector<std::string> names = {"web", "other"};
  std::string again;
  EXPECT_OK(open("other").save(names, [&](std::span<const std::byte> bytes) -> Result<void> {
    again.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }));
  EXPECT_EQ(again, archive);
  EXPECT_EQ(archive.size() % 512, 0U);
  EXPECT_TRUE(archive.ends_with(kEnd));
  EXPECT_EQ(archive.find("not-saved"), std::string::npos);

  // According to another program as well.
  above.write("archive.tar", archive);
  const auto listed =
      unwrap(oci::run_program({"tar", "--numeric-owner", "-tvf", (above / "archive.tar").string()}, "", 10s));
  ASSERT_EQ(listed.status, 0) << listed.errors;
  EXPECT_THAT(listed.output, HasSubstr("-rw-r--r-- 0/0"));
  EXPECT_THAT(listed.output, HasSubstr("1970-01-01"));
  EXPECT_EQ(std::ranges::count(listed.output, '\n'), 2 + 6);
}

TEST_F(ArchiveTest, SavesTheRequestedNames) {
  const StoredImage image = add("web", "1");
  EXPECT_OK(open().tag("web", "ghcr.io/foo/web:1"));
  const auto names_in = [&](const std::vector<std::string>& references, const std::string& into) {
    return unwrap(load_into(open(into), unwrap(save(references)))).at(0).names;
  };
  EXPECT_THAT(names_in({"web"}, "one"), ElementsAre("web"));
  EXPECT_THAT(names_in({image.digest}, "all"), ElementsAre("ghcr.io/foo/web:1", "web"));
  EXPECT_THAT(names_in({image.digest.substr(7, 12)}, "short"), ElementsAre("ghcr.io/foo/web:1", "web"));
  // Annotated as in the store's index.
  EXPECT_THAT(unwrap(save({"ghcr.io/foo/web:1"})),
              HasSubstr(R"("io.containerd.image.name":"ghcr.io/foo/web:1")"));

  // An unnamed image is known by its digest.
  ImageWriter writer = unwrap(open("unnamed").write_image());
  const Parts parts("unnamed");
  for (const std::string& content : {parts.config, parts.layer}) {
    BlobWriter to = unwrap(writer.blob(content.size()));
    EXPECT_OK(to.write(bytes_of(content)));
    EXPECT_OK(to.commit(digest_of_text(content), content.size()));
  }
  const StoredImage unnamed = unwrap(writer.commit(bytes_of(parts.manifest), ""));
  std::string archive;
  const std::vector<std::string> reference = {unnamed.digest};
  EXPECT_OK(open("unnamed").save(reference, [&](std::span<const std::byte> bytes) -> Result<void> {
    archive.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }));
  EXPECT_THAT(unwrap(load(archive)).at(0).names, IsEmpty());
  EXPECT_EQ(unwrap(open("other").find(unnamed.digest)).digest, unnamed.digest);
}

TEST_F(ArchiveTest, ContainsASharedBlobOnce) {
  const auto annotated = [&](std::string_view name, std::string_view title) {
    return unwrap(
        open().add_image(name, bytes_of(component("shared")),
                         {.created = "2024-06-25T15:58:49Z",
                          .annotations = {{"org.opencontainers.image.title", std::string(title)}}}));
  };
  const StoredImage one = annotated("one", "One");
  const StoredImage two = annotated("two", "Two");
  ASSERT_NE(one.digest, two.digest);
  ASSERT_EQ(one.component_digest, two.component_digest);
  const std::string archive = unwrap(save({"one", "two"}));
  const std::string path = "blobs/sha256/" + one.component_digest.substr(7);
  EXPECT_EQ(archive.find(path), archive.rfind(path));
  const auto loaded = unwrap(load(archive));
  EXPECT_THAT(loaded, SizeIs(2));
  EXPECT_EQ(unwrap(open("other").find("one")).digest, one.digest);
  EXPECT_EQ(unwrap(open("other").find("two")).digest, two.digest);
  EXPECT_EQ(unwrap(open("other").usage()).blobs, 4U);
}

TEST_F(ArchiveTest, FailsBeforeWritingIfAnImageIsMissing) {
  add("web", "1");
  bool called = false;
  const auto sink = [&](std::span<const std::byte>) -> Result<void> {
    called = true;
    return {};
  };
  EXPECT_ERROR(open().save(std::vector<std::string>{"web", "none"}, sink), not_found);
  EXPECT_ERROR(open().save(std::vector<std::string>{}, sink), invalid_argument);
  EXPECT_FALSE(called);
}

TEST_F(ArchiveTest, VerifiesTheBlobsThatItSaves) {
  const StoredImage image = add("web", "1");
  std::ofstream(above / "data/images/blobs/sha256" / detail::hex_of(image.component_digest)) << "damaged";
  EXPECT_ERROR(save({"web"}), digest_mismatch);
  EXPECT_ERROR(save({"web"}), not_found);
  add("web", "1");
  EXPECT_OK(save({"web"}));
}

TEST_F(ArchiveTest, ReturnsTheErrorsOfSinkAndSource) {
  add("web", "1");
  const std::vector<std::string> web = {"web"};
  const auto full = open().save(
      web, [](std::span<const std::byte>) -> Result<void> { return fail(ErrorCode::in_use, "a full pipe"); });
  EXPECT_ERROR(full, in_use);
  EXPECT_THAT(message_of(full), HasSubstr("a full pipe"));
  const auto thrown = open().save(
      web, [](std::span<const std::byte>) -> Result<void> { throw std::runtime_error("no pipe"); });
  EXPECT_ERROR(thrown, io);
  EXPECT_THAT(message_of(thrown), HasSubstr("no pipe"));

  // In each part of an archive: its magic, its headers, its content, its end.
  const std::string archive = unwrap(save({"web"}));
  for (const std::size_t most : {std::size_t{0}, std::size_t{100}, std::size_t{600}, archive.size() - 1024}) {
    std::size_t given = 0;
    const auto failed = open("other").load([&](std::span<std::byte> into) -> Result<std::size_t> {
      const std::size_t count = std::min(into.size(), most - given);
      if (count == 0) return fail(ErrorCode::unauthorized, "connection lost");
      std::memcpy(into.data(), archive.data() + given, count);
      given += count;
      return count;
    });
    EXPECT_ERROR(failed, unauthorized);
    EXPECT_THAT(message_of(failed), HasSubstr("connection lost"));
  }
  EXPECT_ERROR(
      open("other").load([](std::span<std::byte>) -> Result<std::size_t> { throw std::runtime_error("x"); }),
      io);
  EXPECT_ERROR(
      open("other").load([](std::span<std::byte> into) -> Result<std::size_t> { return into.size() + 1; }),
      invalid_argument);
  EXPECT_THAT(unwrap(open("other").images()), IsEmpty());
}

TEST_F(ArchiveTest, FailsInAStoreWithoutArchives) {
  ImageStore plain = unwrap(detail::StoreAccess::open(above / "plain", test::plain_sha256));
  EXPECT_ERROR(load_into(plain, archive_of({{Parts("1"), "web"}})), internal);
}

// ---- Archives of other tools

TEST_F(ArchiveTest, LoadsGzip) {
  const StoredImage image = add("web", std::string(300'000, 'x'));
  const std::string archive = compressed(unwrap(save({"web"})));
  ASSERT_LT(archive.size(), 10'000U);
  EXPECT_EQ(unwrap(load(archive)).at(0).digest, image.digest);
  // Two members, as parallel compressors write.
  const std::string plain = unwrap(save({"web"}));
  EXPECT_OK(load(compressed(plain.substr(0, 5000)) + compressed(plain.substr(5000))));
}

TEST_F(ArchiveTest, LoadsAnIndexAfterOrBeforeTheBlobs) {
  const Parts parts("1");
  const std::string index = file("index.json", index_of(named(parts.manifest, "web")));
  const std::string layout = file("oci-layout", kLayout);
  EXPECT_OK(load_into(open("a"), parts.blobs() + layout + index + kEnd));
  EXPECT_OK(load_into(open("b"), index + parts.blobs() + layout + kEnd));
  EXPECT_OK(load_into(open("c"),
                      blob(parts.manifest) + index + layout + blob(parts.layer) + blob(parts.config) + kEnd));
}

TEST_F(ArchiveTest, LoadsArchivesOfDockerAndTar) {
  const Parts parts("docker");
  const std::string entry = descriptor(
      kManifestType, parts.manifest,
      R"(,"annotations":{"io.containerd.image.name":"docker.io/library/web:1","org.opencontainers.image.ref.name":"1"})");
  const std::string archive =
      header("pax_global_header", 21, 'g') + padded("21 comment=something\n") + directory_entry("blobs/") +
      directory_entry("blobs/sha256/") + pax("mtime", "1700000000.5") + blob(parts.layer) +
      pax("path", "blobs/sha256/" + digest_of_text(parts.config).substr(7)) + file("short", parts.config) +
      pax("size", std::to_string(parts.manifest.size())) + blob(parts.manifest) +
      file("index.json", index_of(entry)) + file("manifest.json", "[]") + file("oci-layout", kLayout) +
      file("repositories", "{}") + kEnd;
  const auto loaded = unwrap(load(archive));
  ASSERT_THAT(loaded, SizeIs(1));
  EXPECT_THAT(loaded.at(0).names, ElementsAre("docker.io/library/web:1"));
  EXPECT_EQ(loaded.at(0).digest, digest_of_text(parts.manifest));

  // `tar -C DIRECTORY -c .`, with GNU's format of long names.
  const Parts again("tar");
  const std::string path = "./blobs/sha256//" + digest_of_text(again.manifest).substr(7);
  EXPECT_OK(load(directory_entry("./") + file("./oci-layout", kLayout) +
                 file("./index.json", index_of(named(again.manifest, "tar"))) + blob(again.layer) +
                 blob(again.config) + header("././@LongLink", path.size() + 1, 'L') + padded(path + '\0') +
                 file("cut", again.manifest) + kEnd));
  EXPECT_OK(open("other").find("tar"));
}

TEST_F(ArchiveTest, FollowsIndexesAndSkipsOtherImages) {
  const Parts wasm("wasm");
  const Parts linux_image("linux", "application/vnd.oci.image.layer.v1.tar+gzip");
  constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";
  const std::string index = index_of(
      descriptor(kManifestType, linux_image.manifest,
                 R"(,"platform":{"architecture":"amd64","os":"linux"})") +
      "," + descriptor(kManifestType, wasm.manifest, R"(,"platform":{"architecture":"wasm","os":"wasip2"})") +
      "," + descriptor(kManifestType, "a missing attestation"));
  const std::string linux_index = index_of(descriptor(
      kManifestType, linux_image.manifest, R"(,"platform":{"architecture":"amd64","os":"linux"})"));
  const std::string entries = named(linux_image.manifest, "linux") + "," + named(index, "both", kIndexType) +
                              "," + named(linux_index, "linux-index", kIndexType) + "," +
                              descriptor("application/octet-stream", "something else") + "," +
                              R"({"mediaType":"a/b","digest":"sha512:abc","size":3})";
  const std::string others = blob(linux_image.manifest) + blob(linux_image.layer) + blob(linux_index);
  const auto loaded = unwrap(load(file("oci-layout", kLayout) + file("index.json", index_of(entries)) +
                                  others + blob(index) + wasm.blobs() + kEnd));
  ASSERT_THAT(loaded, SizeIs(1));
  EXPECT_THAT(loaded.at(0).names, ElementsAre("both"));
  EXPECT_EQ(loaded.at(0).digest, digest_of_text(wasm.manifest));
  ASSERT_THAT(unwrap(open("other").images()), SizeIs(1));
  // The other images' blobs are not stored.
  EXPECT_EQ(unwrap(open("other").usage()).blobs, 3U);

  // An archive without a WebAssembly image is an error.
  expect_malformed(file("oci-layout", kLayout) +
                       file("index.json", index_of(named(linux_image.manifest, "linux"))) + others +
                       blob(linux_image.config) + kEnd,
                   "it contains no WebAssembly image");
  expect_malformed(file("oci-layout", kLayout) + file("index.json", index_of("")) + kEnd,
                   "it contains no images");
}

TEST_F(ArchiveTest, SavesTheWebAssemblyImageOfAnIndex) {
  const Parts wasm("wasm");
  constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";
  const std::string index = index_of(
      descriptor(kManifestType, wasm.manifest, R"(,"platform":{"architecture":"wasm","os":"wasip2"})") + "," +
      descriptor(kManifestType, "not here", R"(,"platform":{"architecture":"amd64","os":"linux"})"));
  const auto write = [&](const std::string& content) {
    const std::filesystem::path directory = above / "data/images/blobs/sha256";
    std::filesystem::create_directories(directory);
    std::ofstream(directory / digest_of_text(content).substr(7)) << content;
  };
  for (const std::string& content : {wasm.config, wasm.layer, wasm.manifest, index}) write(content);
  above.write("data/images/oci-layout", kLayout);
  above.write("data/images/index.json", index_of(named(index, "both", kIndexType)));
  const auto loaded = unwrap(load(unwrap(save({"both"}))));
  ASSERT_THAT(loaded, SizeIs(1));
  EXPECT_THAT(loaded.at(0).names, ElementsAre("both"));
  EXPECT_EQ(loaded.at(0).digest, digest_of_text(wasm.manifest));
}

TEST_F(ArchiveTest, GivesADuplicateNameToTheLastImage) {
  const Parts one("1");
  const Parts two("2");
  const auto loaded = unwrap(load(archive_of({{one, "web"}, {two, "web"}, {one, "one"}, {one, "one"}})));
  ASSERT_THAT(loaded, SizeIs(2));
  EXPECT_THAT(loaded.at(0).names, ElementsAre("one"));
  EXPECT_THAT(loaded.at(1).names, ElementsAre("web"));
  EXPECT_EQ(unwrap(open("other").find("web")).digest, digest_of_text(two.manifest));
  // An image that lost all of its names is still listed.
  const Parts three("3");
  EXPECT_OK(load_into(open("third"), archive_of({{three, "web"}, {two, "web"}})));
  EXPECT_THAT(unwrap(open("third").find(digest_of_text(three.manifest))).names, IsEmpty());
}

TEST_F(ArchiveTest, IgnoresNamesThatLookLikeDigests) {
  const Parts one("1");
  const std::string two = digest_of_text(Parts("2").manifest);
  for (const std::string& name : {"web@" + two, two, two.substr(7)}) {
    const auto loaded = unwrap(load(archive_of({{one, name}})));
    ASSERT_THAT(loaded, SizeIs(1));
    EXPECT_THAT(loaded.at(0).names, IsEmpty());
    EXPECT_ERROR(open("other").find(name), not_found);
  }
}

TEST_F(ArchiveTest, MovesNamesAndKeepsOtherImages) {
  const StoredImage old = add("web", "old");
  const StoredImage kept = add("kept", "kept");
  const Parts parts("new");
  EXPECT_OK(load_into(open(), archive_of({{parts, "web"}})));
  EXPECT_EQ(unwrap(open().find("web")).digest, digest_of_text(parts.manifest));
  EXPECT_EQ(unwrap(open().find("kept")).digest, kept.digest);
  EXPECT_ERROR(open().find(old.digest), not_found);
  // Loading it again changes nothing; under another name the image has both.
  const std::string before = read_file(above / "data/images/index.json");
  EXPECT_OK(load_into(open(), archive_of({{parts, "web"}})));
  EXPECT_EQ(read_file(above / "data/images/index.json"), before);
  EXPECT_THAT(unwrap(load_into(open(), archive_of({{parts, "another"}}))).at(0).names,
              ElementsAre("another"));
  EXPECT_THAT(unwrap(open().find("another")).names, ElementsAre("another", "web"));
}

TEST_F(ArchiveTest, RepairsADamagedBlob) {
  const StoredImage image = add("web", "1");
  const std::string archive = unwrap(save({"web"}));
  std::ofstream(above / "data/images/blobs/sha256" / detail::hex_of(image.component_digest)) << "damaged";
  EXPECT_OK(load_into(open(), archive));
  EXPECT_OK(open().read_component(unwrap(open().find("web"))));
}

TEST_F(ArchiveTest, MayLackBlobsThatTheStoreHas) {
  const Parts parts("1");
  const std::string without = file("oci-layout", kLayout) +
                              file("index.json", index_of(named(parts.manifest, "web"))) +
                              blob(parts.manifest) + blob(parts.config) + kEnd;
  expect_refused(without, ErrorCode::not_found, "blob " + digest_of_text(parts.layer));
  EXPECT_OK(load(archive_of({{parts, "first"}})));
  EXPECT_OK(load(without));
}

// ---- Hostile archives

TEST_F(ArchiveTest, RejectsOtherFiles) {
  expect_malformed("", "not a tar archive");
  expect_malformed("text", "the archive");
  expect_malformed(std::string(4096, 'x'), "the archive");
  expect_malformed(kEnd, "not an OCI image layout: 'index.json' is missing");
  expect_malformed(file("hello", "world") + kEnd, "'index.json' is missing");
  expect_malformed(file("index.json", index_of("")) + kEnd, "'oci-layout' is missing");
  expect_malformed(file("manifest.json", "[]") + kEnd, "Docker before version 25");
  expect_malformed("\x28\xb5\x2f\xfd and so on", "unsupported compression: zstd");
  expect_malformed("\x1f\x8b and so on, but no gzip", "the archive");
  std::string wrong = archive_of({{Parts("1"), "web"}});
  wrong[0] = 'O';
  expect_malformed(wrong, "not a tar archive");
}

TEST_F(ArchiveTest, RejectsInvalidMetadata) {
  const Parts parts("1");
  const std::string layout = file("oci-layout", kLayout);
  const std::string index = file("index.json", index_of(named(parts.manifest, "web")));
  expect_malformed(file("oci-layout", R"({"imageLayoutVersion":"2.0.0"})") + index + parts.blobs() + kEnd,
                   "unsupported image layout version '2.0.0'");
  expect_malformed(file("oci-layout", "[") + index + parts.blobs() + kEnd, "oci-layout: not JSON");
  expect_malformed(layout + file("index.json", "[]") + kEnd, "index.json: not a JSON object");
  expect_malformed(layout + file("index.json", R"({"manifests":{}})") + kEnd, "'manifests' is not a list");
  expect_malformed(
      layout + file("index.json", index_of(R"({"digest":"../../etc","mediaType":"a","size":1})")) + kEnd,
      "manifests[0]: '../../etc' is not a digest");
  expect_malformed(
      layout + file("index.json", index_of(named(parts.manifest, "../name"))) + parts.blobs() + kEnd,
      "invalid image name '../name'");
  const std::string broken =
      R"({"schemaVersion":2,"layers":[)" + descriptor("application/wasm", parts.layer) + "]}";
  expect_malformed(
      layout + file("index.json", index_of(named(parts.manifest, "web") + "," + named(broken, "broken"))) +
          parts.blobs() + blob(broken) + kEnd,
      "image 'broken': manifest");
  expect_refused(layout + file("index.json", index_of(named("not there", "web"))) + kEnd,
                 ErrorCode::not_found, "is missing");
}

TEST_F(ArchiveTest, RejectsPathsThatLeaveTheArchive) {
  const std::vector<std::pair<Parts, std::string>> good = {{Parts("1"), "web"}};
  for (const char* path : {"/etc/passwd", "../escape", "blobs/sha256/../../../escape", "blobs/.."}) {
    expect_malformed(archive_of(good, file(path, "evil")), path);
    expect_malformed(archive_of(good, directory_entry(path)), path);
    expect_malformed(archive_of(good, pax("path", path) + file("good", "evil")), path);
  }
  // Invalid digests are ignored.
  const std::string tricky = "blobs/sha256/" + std::string(62, 'a') + "..";
  EXPECT_OK(
      load(archive_of(good, file(tricky, "x") + file("blobs/sha256/AB", "x") + file("blobs/md5/ab", "x"))));
  EXPECT_EQ(unwrap(open("other").usage()).blobs, 3U);
  // No control characters in messages.
  const auto loaded = load(archive_of(good, file("../\x1b[2J", "evil")));
  EXPECT_ERROR(loaded, invalid_manifest);
  EXPECT_EQ(message_of(loaded).find('\x1b'), std::string::npos);
}

TEST_F(ArchiveTest, RejectsLinksDevicesAndSparseFiles) {
  const std::vector<std::pair<Parts, std::string>> good = {{Parts("1"), "web"}};
  const std::string path = "blobs/sha256/" + std::string(64, 'a');
  for (const char type : {'1', '2'}) {
    expect_malformed(archive_of(good, header(path, 0, type, "/etc/passwd")), "a link");
    expect_malformed(archive_of(good, header("harmless", 0, type, "oci-layout")), "a link");
  }
  for (const char type : {'3', '4', '6'})
    expect_malformed(archive_of(good, header(path, 0, type)), "a device");
  expect_malformed(archive_of(good, header("whatever", 0, 'Z')), "of an unknown kind");
  expect_malformed(archive_of(good, header("whatever", 0, '7')), "of an unknown kind");
  expect_malformed(archive_of(good, pax("GNU.sparse.major", "1") + file("GNUSparseFile.0/x", "1\n0\n")),
                   "a sparse file");
  expect_malformed(archive_of(good, header("sparse", 0, 'S')), "the archive");
}

TEST_F(ArchiveTest, RejectsASparseFileOfGnuTar) {
  if (!runs("tar --version | grep -q GNU")) GTEST_SKIP() << "no GNU tar here";
  for (const char* form : {"--format=gnu", "--format=pax --sparse-version=0.0",
                           "--format=pax --sparse-version=0.1", "--format=pax --sparse-version=1.0"}) {
    ASSERT_TRUE(runs("cd " + above.path().string() + " && truncate -s 10M hole && echo x >> hole && tar -S " +
                     std::string(form) + " -cf sparse.tar hole"));
    expect_malformed(above.read("sparse.tar"), "a sparse file");
  }
}

TEST_F(ArchiveTest, RejectsDuplicateEntries) {
  const Parts parts("1");
  const std::vector<std::pair<Parts, std::string>> good = {{parts, "web"}};
  expect_malformed(archive_of(good, blob(parts.layer)), "duplicate entry");
  expect_malformed(archive_of(good, file("./index.json", index_of(""))), "duplicate entry");
  expect_malformed(archive_of(good, file("index.json", index_of(named(parts.manifest, "evil")))),
                   "duplicate entry");
  expect_malformed(archive_of(good, file("oci-layout", kLayout)), "duplicate entry");
}

TEST_F(ArchiveTest, RejectsBlobsWithAnotherDigest) {
  const Parts parts("1");
  const std::string index =
      file("oci-layout", kLayout) + file("index.json", index_of(named(parts.manifest, "web")));
  const std::string path = "blobs/sha256/" + digest_of_text(parts.layer).substr(7);
  const std::string rest = blob(parts.config) + blob(parts.manifest);
  std::string forged = parts.layer;
  forged.back() = 'X';
  expect_refused(index + rest + file(path, forged) + kEnd, ErrorCode::digest_mismatch, path);
  expect_refused(index + rest + file(path, "") + kEnd, ErrorCode::digest_mismatch, path);
  // An unreferenced blob is verified as well.
  expect_refused(index + rest + blob(parts.layer) + file("blobs/sha256/" + std::string(64, 'a'), "x") + kEnd,
                 ErrorCode::digest_mismatch, std::string(64, 'a'));
}

TEST_F(ArchiveTest, RejectsWrongSizes) {
  const Parts parts("1");
  const std::string index =
      file("oci-layout", kLayout) + file("index.json", index_of(named(parts.manifest, "web")));
  const std::string path = "blobs/sha256/" + digest_of_text(parts.layer).substr(7);
  const std::string rest = blob(parts.config) + blob(parts.manifest);
  // In headers: too small, larger than what follows, absurd, and not a number.
  expect_refused(index + rest + header(path, parts.layer.size() - 1) + padded(parts.layer) + kEnd,
                 ErrorCode::digest_mismatch, path);
  expect_refused(index + rest + header(path, parts.layer.size() + 1) + padded(parts.layer) + kEnd,
                 ErrorCode::digest_mismatch, path);
  expect_malformed(index + rest + header(path, 100'000) + padded(parts.layer) + kEnd, "truncated");
  expect_malformed(index + rest + header(path, 077777777777) + padded(parts.layer) + kEnd, "too large");
  expect_malformed(index + rest + pax("size", "18446744073709551615") + blob(parts.layer) + kEnd,
                   "the archive");
  expect_malformed(index + rest + header("other", 077777777777) + kEnd, "truncated");
  expect_malformed(header("index.json", 33 << 20) + std::string(33 << 20, ' ') + kEnd, "too large");

  // In a descriptor: of the manifest, and of the layer.
  std::string entry = named(parts.manifest, "web");
  const std::string size = R"("size":)" + std::to_string(parts.manifest.size());
  entry.replace(entry.find(size), size.size(), R"("size":7)");
  expect_refused(file("oci-layout", kLayout) + file("index.json", index_of(entry)) + parts.blobs() + kEnd,
                 ErrorCode::digest_mismatch, "its descriptor says 7");
  Parts lying("1");
  const std::string layer_size = R"("size":)" + std::to_string(lying.layer.size()) + "}]";
  lying.manifest.replace(lying.manifest.find(layer_size), layer_size.size(), R"("size":12345}])");
  expect_refused(archive_of({{lying, "web"}}), ErrorCode::digest_mismatch, "its descriptor says 12345");
}

TEST_F(ArchiveTest, RejectsATruncatedArchive) {
  const std::string archive = archive_of({{Parts("1"), "web"}});
  ASSERT_OK(load(archive));
  // Within blocks and between them. The first zero block ends the archive.
  for (std::size_t size = 0; size <= archive.size() - 1024; size += 256) {
    expect_malformed(archive.substr(0, size), "the archive: ");
  }
  EXPECT_OK(load(archive.substr(0, archive.size() - 512)));
  const std::string gzip = compressed(archive);
  for (std::size_t size = 2; size < gzip.size(); size += 37) {
    expect_malformed(gzip.substr(0, size), "the archive: ");
  }
  // The checksum is at the end.
  expect_malformed(gzip.substr(0, gzip.size() - 1), "the archive: ");
  std::string wrong = gzip;
  wrong[wrong.size() - 6] ^= 1;
  expect_malformed(wrong, "the archive: ");
}

TEST_F(ArchiveTest, LimitsTheUnpackedSize) {
  const ImageStoreOptions small = {.max_component_bytes = 1};
  // 200 MB of zeros in 200 KB.
  const std::string size = std::to_string(200'000'000);
  ASSERT_TRUE(runs("cd " + above.path().string() + " && head -c " + size + " /dev/zero > zeros"));
  above.write("head", file("oci-layout", kLayout) + header("harmless", 200'000'000));
  ASSERT_TRUE(runs("cd " + above.path().string() + " && cat head zeros | gzip -1 > bomb"));
  std::filesystem::remove(above / "zeros");
  expect_refused(above.read("bomb"), ErrorCode::invalid_manifest, "when unpacked", small);
  // Also after the end of the archive.
  above.write("head", archive_of({{Parts("1"), "web"}}));
  ASSERT_TRUE(runs("cd " + above.path().string() + " && (cat head; head -c " + size +
                   " /dev/zero) | gzip -1 > bomb"));
  expect_refused(above.read("bomb"), ErrorCode::invalid_manifest, "when unpacked", small);

  // A blob, whose size is known in advance.
  const std::string path = "blobs/sha256/" + std::string(64, 'a');
  expect_refused(header(path, 5 << 20), ErrorCode::invalid_manifest, "too large: 5242880 bytes", small);
  expect_malformed(header(path, std::uint64_t{1} << 32U), "too large");
  // Long names and pax records are read into memory.
  expect_malformed(header("long", 3 << 20, 'L') + std::string(3 << 20, 'x') + file("x", "") + kEnd,
                   "1048576 bytes of headers");
  expect_malformed(header("global", 3 << 20, 'g') + std::string(3 << 20, 'x') + file("x", "") + kEnd,
                   "1048576 bytes of headers");
  // The number of entries.
  std::string many;
  for (int i = 0; i < 65'537; ++i) many += header("empty", 0);
  expect_malformed(many + kEnd, "more than 65536 entries");
}

TEST_F(ArchiveTest, IgnoresContentAfterItsEnd) {
  // Blocks of zeros, of which `tar` writes up to 20, and leftovers on a tape.
  EXPECT_OK(load(archive_of({{Parts("1"), "web"}}) + std::string(9000, '\0') + "anything"));
}

// ---- skopeo

TEST_F(ArchiveTest, IsReadBySkopeo) {
  if (!have_skopeo()) GTEST_SKIP() << "no skopeo here";
  const StoredImage image = add("ghcr.io/foo/web:1", "web");
  add("short", "2");
  above.write("one.tar", unwrap(save({"ghcr.io/foo/web:1"})));
  above.write("two.tar", unwrap(save({"short", "ghcr.io/foo/web:1"})));
  const std::string directory = above.path();
  ASSERT_TRUE(skopeo_copy("oci-archive:" + directory + "/one.tar", "dir:" + directory + "/one"));
  ASSERT_TRUE(
      skopeo_copy("oci-archive:" + directory + "/two.tar:ghcr.io/foo/web:1", "dir:" + directory + "/two"));
  ASSERT_TRUE(skopeo_copy("oci-archive:" + directory + "/two.tar:short", "dir:" + directory + "/short"));
  for (const char* copy : {"one", "two"}) {
    EXPECT_EQ(digest_of_text(above.read(std::string(copy) + "/manifest.json")), image.digest);
    EXPECT_EQ(above.read(std::string(copy) + "/" + image.component_digest.substr(7)), component("web"));
  }
}

TEST_F(ArchiveTest, LoadsArchivesOfSkopeo) {
  if (!have_skopeo()) GTEST_SKIP() << "no skopeo here";
  const StoredImage image = add("web", "web");
  const std::string from = "oci:" + open().layout_directory().string() + ":web";
  const std::string to = (above / "theirs.tar").string();
  ASSERT_TRUE(skopeo_copy(from, "oci-archive:" + to + ":from-skopeo"));
  const auto loaded = unwrap(load(above.read("theirs.tar")));
  ASSERT_THAT(loaded, SizeIs(1));
  EXPECT_EQ(loaded.at(0).digest, image.digest);
  EXPECT_THAT(loaded.at(0).names, ElementsAre("from-skopeo"));
  EXPECT_OK(open("other").read_component(loaded.at(0)));
  ASSERT_TRUE(skopeo_copy(from, "oci-archive:" + (above / "unnamed.tar").string()));
  EXPECT_THAT(unwrap(load_into(open("third"), above.read("unnamed.tar"))).at(0).names, IsEmpty());
}

}  // namespace
}  // namespace tairitsu

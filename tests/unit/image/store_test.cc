#include "image/store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/digest.h"
#include "binaries.h"
#include "environment.h"
#include "processes.h"
#include "sha256.h"
#include "skopeo.h"
#include "support.h"

namespace tairitsu {
namespace {

using test::bytes_of;
using test::ChildProcess;
using test::component;
using test::core_module;
using test::digest_of_text;
using test::EnvironmentVariable;
using test::have_skopeo;
using test::in_processes;
using test::message_of;
using test::TemporaryDirectory;
using test::text_of;
using test::unwrap;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::MatchesRegex;

TEST(DataDirectory, ComesFromTheEnvironment) {
  const EnvironmentVariable home("HOME", "/home/me");
  const EnvironmentVariable data("XDG_DATA_HOME", "/data");
  {
    const EnvironmentVariable own("TAIRITSU_HOME", "/own");
    EXPECT_EQ(unwrap(default_data_directory()), "/own");
  }
  const EnvironmentVariable own("TAIRITSU_HOME", std::nullopt);
  EXPECT_EQ(unwrap(default_data_directory()), "/data/tairitsu");
  const EnvironmentVariable relative("XDG_DATA_HOME", "relative");
  EXPECT_EQ(unwrap(default_data_directory()), "/home/me/.local/share/tairitsu");
  const EnvironmentVariable none("HOME", "");
  EXPECT_ERROR(default_data_directory(), not_found);
}

class ImageStoreTest : public testing::Test {
 protected:
  [[nodiscard]] ImageStore open(ImageStoreOptions options = {}) const {
    return unwrap(detail::StoreAccess::open(directory, test::plain_sha256, options));
  }
  StoredImage add(std::string_view name, const std::string& text) const {
    return unwrap(open().add_image(name, bytes_of(component(text)), {.created = "2024-06-25T15:58:49Z"}));
  }
  [[nodiscard]] std::filesystem::path blob(std::string_view digest) const {
    return directory / "images/blobs/sha256" / detail::hex_of(digest);
  }
  void damage(std::string_view digest) const { std::ofstream(blob(digest)) << "damaged"; }
  /// Checks that all listed images are undamaged.
  void expect_consistent() const {
    const ImageStore store = open();
    for (const StoredImage& image : unwrap(store.images())) {
      ASSERT_EQ(image.problem, "");
      EXPECT_OK(store.read_component(image));
    }
  }

  TemporaryDirectory above;
  std::filesystem::path directory = above / "data";
};

TEST_F(ImageStoreTest, StoresAComponentWithItsDescription) {
  const std::string bytes = component("web");
  ImageStore store = open();
  const StoredImage added =
      unwrap(store.add_image("ghcr.io/foo/web:1", bytes_of(bytes),
                             {.created = {},
                              .author = "me",
                              .exports = {"wasi:http/incoming-handler@0.2.0"},
                              .imports = {"wasi:cli/stdout@0.2.0", "log"},
                              .target = "wasi:http/proxy@0.2.0",
                              .annotations = {{"org.opencontainers.image.title", "Web"}}}));
  const StoredImage image = unwrap(open().find("ghcr.io/foo/web:1"));
  for (const StoredImage& same : {added, image, unwrap(store.images()).at(0)}) {
    EXPECT_EQ(same.digest, image.digest);
    EXPECT_THAT(same.names, ElementsAre("ghcr.io/foo/web:1"));
    EXPECT_EQ(same.component_digest, digest_of_text(bytes));
    EXPECT_EQ(same.component_size, bytes.size());
    EXPECT_EQ(same.media_type, "application/wasm");
    EXPECT_EQ(same.author, "me");
    EXPECT_EQ(same.os, "wasip2");
    EXPECT_THAT(same.created, MatchesRegex("20[0-9-]{8}T[0-9:]{8}Z"));
    EXPECT_THAT(same.exports, ElementsAre("wasi:http/incoming-handler@0.2.0"));
    EXPECT_THAT(same.imports, ElementsAre("wasi:cli/stdout@0.2.0", "log"));
    EXPECT_EQ(same.target, "wasi:http/proxy@0.2.0");
    EXPECT_THAT(same.annotations, AllOf(Contains(Key("org.opencontainers.image.title")),
                                        Contains(Key("org.opencontainers.image.created"))));
    EXPECT_EQ(same.problem, "");
  }
  EXPECT_EQ(text_of(unwrap(store.read_component(image))), bytes);
  const std::string manifest = text_of(unwrap(store.read_manifest(image)));
  EXPECT_EQ(digest_of_text(manifest), image.digest);
  EXPECT_EQ(text_of(unwrap(store.read_blob(image.digest, manifest.size()))), manifest);
  EXPECT_EQ(image.size, unwrap(store.usage()).bytes);
}

TEST_F(ImageStoreTest, IsEmptyBeforeTheFirstImage) {
  ImageStore store = open();
  EXPECT_THAT(unwrap(store.images()), IsEmpty());
  EXPECT_ERROR(store.find("web"), not_found);
  EXPECT_ERROR(store.find(""), not_found);
  EXPECT_ERROR(store.remove("web"), not_found);
  EXPECT_EQ(unwrap(store.prune()).bytes, 0U);
  EXPECT_EQ(unwrap(store.usage()).images, 0U);
  EXPECT_FALSE(std::filesystem::exists(directory));
}

TEST_F(ImageStoreTest, StoresACoreModule) {
  const StoredImage image = unwrap(open().add_image("module", bytes_of(core_module(""))));
  EXPECT_EQ(image.os, "wasip1");
  EXPECT_THAT(image.exports, IsEmpty());
}

TEST_F(ImageStoreTest, RejectsInvalidBytesNamesAndDescriptions) {
  ImageStore store = open();
  for (const std::string bytes : {"", "text",
                                  "\x7f"
                                  "ELF1234",
                                  "(component)"}) {
    EXPECT_ERROR(store.add_image("web", bytes_of(bytes)), not_wasm) << bytes;
  }
  const std::string bytes = component("");
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("-a"), std::string("a\n"), std::string("\xc3\xa9"),
        "sha256:" + std::string(64, '0'), std::string(513, 'a')}) {
    EXPECT_ERROR(store.add_image(name, bytes_of(bytes)), invalid_argument) << name;
  }
  EXPECT_ERROR(store.add_image("web", bytes_of(bytes), {.author = "\xff"}), invalid_argument);
  EXPECT_FALSE(std::filesystem::exists(directory / "images/index.json") && !unwrap(store.images()).empty());
  EXPECT_EQ(unwrap(store.usage()).writing_bytes, 0U);
}

TEST_F(ImageStoreTest, FindsByNameDigestAndPrefix) {
  const StoredImage one = add("one", "1");
  const StoredImage two = add("two", "2");
  const ImageStore store = open();
  const auto found = [&](const std::string& reference) -> std::string {
    const auto image = store.find(reference);
    return image ? image->names.at(0) : std::string(to_string(image.error().code()));
  };
  EXPECT_EQ(found("one"), "one");
  EXPECT_EQ(found(one.digest), "one");
  EXPECT_EQ(found(one.digest.substr(7)), "one");
  EXPECT_EQ(found(two.digest.substr(7, 12)), "two");
  EXPECT_EQ(found(two.digest.substr(0, 19)), "two");
  EXPECT_EQ(found("ghcr.io/whatever@" + two.digest), "two");
  EXPECT_EQ(found("ghcr.io/whatever@" + two.digest.substr(0, 20)), "not_found");
  EXPECT_EQ(found(two.digest.substr(7, 3)), "not_found") << "too short for a digest";
  EXPECT_EQ(found("0000"), "not_found");
  EXPECT_EQ(found("On"), "not_found");
}

TEST_F(ImageStoreTest, ReportsAnAmbiguousShortDigest) {
  // Two digests with the same first four digits are found soon.
  std::map<std::string, std::string> seen;
  for (int i = 0; i < 2000; ++i) {
    const std::string digest = add("i" + std::to_string(i), std::to_string(i)).digest;
    if (const auto [first, fresh] = seen.emplace(digest.substr(7, 4), digest); !fresh) {
      const auto found = open().find(first->first);
      EXPECT_ERROR(found, ambiguous_name);
      EXPECT_THAT(message_of(found), AllOf(HasSubstr(digest), HasSubstr(first->second)));
      EXPECT_OK(open().find(digest.substr(7, 16)));
      // A name takes precedence over a digest.
      EXPECT_OK(open().tag("i0", first->first));
      EXPECT_THAT(unwrap(open().find(first->first)).names, Contains("i0"));
      return;
    }
  }
  FAIL() << "no two digests start with the same digits";
}

TEST_F(ImageStoreTest, TagsAndRemovesNames) {
  const StoredImage image = add("web:1", "1");
  ImageStore store = open();
  EXPECT_OK(store.tag("web:1", "web:latest"));
  EXPECT_OK(store.tag(image.digest, "other"));
  EXPECT_OK(store.tag("other", "other"));
  EXPECT_ERROR(store.tag("none", "x"), not_found);
  EXPECT_ERROR(store.tag("web:1", "not a name"), invalid_argument);
  EXPECT_THAT(unwrap(store.find("web:1")).names, ElementsAre("other", "web:1", "web:latest"));

  const auto removed = unwrap(store.remove("other"));
  EXPECT_EQ(removed.digest, image.digest);
  EXPECT_THAT(removed.names, ElementsAre("other"));
  EXPECT_FALSE(removed.last);
  const auto refused = store.remove(image.digest.substr(7, 12));
  EXPECT_ERROR(refused, in_use);
  EXPECT_THAT(message_of(refused), HasSubstr("web:1, web:latest"));
  const auto forced = unwrap(store.remove(image.digest, true));
  EXPECT_THAT(forced.names, ElementsAre("web:1", "web:latest"));
  EXPECT_TRUE(forced.last);
  EXPECT_ERROR(store.find(image.digest), not_found);
  EXPECT_ERROR(store.remove("web:1"), not_found);
  EXPECT_OK(store.read_component(image)) << "until it is pruned";
  EXPECT_EQ(unwrap(store.prune()).blobs, 3U);
  EXPECT_ERROR(store.read_component(image), not_found);
}

TEST_F(ImageStoreTest, MovesANameToTheNewerImage) {
  const StoredImage old = add("web", "1");
  const StoredImage newer = add("web", "2");
  EXPECT_EQ(unwrap(open().find("web")).digest, newer.digest);
  EXPECT_ERROR(open().find(old.digest), not_found);
  EXPECT_EQ(unwrap(open().prune()).blobs, 3U);
  expect_consistent();
}

TEST_F(ImageStoreTest, PruneRemovesPrecompiledArtifacts) {
  const StoredImage image = add("web", "1");
  add("other", "2");
  ImageStore store = open();
  const auto cache = unwrap(detail::ArtifactCache::open(store.artifact_directory()));
  EXPECT_EQ(store.artifact_directory(), directory / "artifacts");
  unwrap(cache.put(image.component_digest, "engine", bytes_of("code")));
  unwrap(cache.put(unwrap(store.find("other")).component_digest, "engine", bytes_of("code")));
  EXPECT_EQ(unwrap(store.usage()).artifact_bytes, 8U);
  unwrap(store.remove("web"));
  const auto usage = unwrap(store.usage());
  EXPECT_EQ(usage.unused_bytes, image.size);
  const auto pruned = unwrap(store.prune());
  EXPECT_EQ(pruned.bytes, image.size);
  EXPECT_EQ(unwrap(store.usage()).artifacts, 1U);
  EXPECT_EQ(unwrap(cache.find(image.component_digest, "engine")), std::nullopt);
}

/// Copies an image's blobs as a pull does, and returns the result of the commit.
Result<StoredImage> pull(const ImageStore& from, const StoredImage& image, ImageStore to,
                         std::string_view name) {
  const std::string manifest = text_of(unwrap(from.read_manifest(image)));
  TAIRITSU_TRY(ImageWriter writer, to.write_image());
  const auto copy = [&](const std::string& digest, std::uint64_t size) -> Result<void> {
    TAIRITSU_TRY(const bool there, writer.reuse(digest, size));
    if (there) return {};
    TAIRITSU_TRY(BlobWriter blob, writer.blob(size));
    TAIRITSU_TRY(const auto bytes, from.read_blob(digest, size));
    for (std::size_t at = 0; at < bytes.size(); at += 1000) {
      TAIRITSU_RETURN_IF_ERROR(
          blob.write(std::span(bytes).subspan(at, std::min<std::size_t>(1000, bytes.size() - at))));
    }
    return blob.commit(digest, size);
  };
  TAIRITSU_RETURN_IF_ERROR(copy(image.component_digest, image.component_size));
  const std::size_t at = manifest.find("sha256:");  // The config comes first.
  TAIRITSU_RETURN_IF_ERROR(
      copy(manifest.substr(at, 71), image.size - manifest.size() - image.component_size));
  return writer.commit(bytes_of(manifest), name);
}

TEST_F(ImageStoreTest, StreamsTheBlobsOfAPulledImage) {
  const StoredImage image = add("web", std::string(10'000, 'x'));
  ImageStore to = unwrap(detail::StoreAccess::open(above / "other", test::plain_sha256));
  const StoredImage pulled = unwrap(pull(open(), image, to, ""));
  EXPECT_EQ(pulled.digest, image.digest);
  EXPECT_THAT(pulled.names, IsEmpty());
  EXPECT_OK(pull(open(), image, to, "ghcr.io/foo/web:1"));
  EXPECT_EQ(unwrap(to.find("ghcr.io/foo/web:1")).component_size, image.component_size);
  EXPECT_EQ(text_of(unwrap(to.read_component(pulled))), component(std::string(10'000, 'x')));
  EXPECT_EQ(unwrap(to.images()).size(), 1U);
  EXPECT_EQ(unwrap(to.usage()).blobs, 3U);
}

TEST_F(ImageStoreTest, ChecksAPulledImageBeforeItIsListed) {
  ImageStore store = open();
  ImageWriter writer = unwrap(store.write_image());
  EXPECT_ERROR(writer.commit(bytes_of("{}"), "web"), invalid_manifest);
  EXPECT_ERROR(writer.commit(bytes_of(std::string((4 << 20) + 1, ' ')), "web"), invalid_manifest);
  const std::string config = R"({"created": 7})";
  const auto manifest = [&](std::size_t size) {
    return R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.wasm.config.v0+json","digest":")" +
           digest_of_text(config) + R"(","size":)" + std::to_string(size) +
           R"(},"layers":[{"mediaType":"application/wasm","digest":")" + digest_of_text("x") +
           R"(","size":1}]})";
  };
  EXPECT_ERROR(writer.commit(bytes_of(manifest(config.size())), "web"), not_found);
  {
    BlobWriter blob = unwrap(writer.blob(config.size()));
    unwrap(blob.write(bytes_of(config)));
    EXPECT_EQ(blob.written(), config.size());
    unwrap(blob.commit(digest_of_text(config), config.size()));
  }
  EXPECT_ERROR(writer.commit(bytes_of(manifest(config.size())), "web"), invalid_manifest);
  EXPECT_ERROR(writer.commit(bytes_of(manifest(5)), "web"), digest_mismatch);
  EXPECT_ERROR(writer.commit(bytes_of(manifest(5)), "not a name"), invalid_argument);
  EXPECT_THAT(unwrap(store.images()), IsEmpty());
}

TEST_F(ImageStoreTest, PrunesUnnamedImagesOnlyIfRequested) {
  const StoredImage image = add("web", "1");
  ImageStore to = unwrap(detail::StoreAccess::open(above / "other", test::plain_sha256));
  unwrap(pull(open(), image, to, ""));
  EXPECT_EQ(unwrap(to.prune()).bytes, 0U);
  EXPECT_EQ(unwrap(to.images()).size(), 1U);
  const auto pruned = unwrap(to.prune({.unnamed = true}));
  EXPECT_THAT(pruned.images, ElementsAre(image.digest));
  EXPECT_EQ(pruned.blobs, 3U);
  EXPECT_THAT(unwrap(to.images()), IsEmpty());
}

TEST_F(ImageStoreTest, ReportsDamageUntilTheImageIsAddedAgain) {
  const StoredImage image = add("web", "1");
  damage(image.component_digest);
  EXPECT_OK(open().find("web"));
  const auto read = open().read_component(image);
  EXPECT_ERROR(read, digest_mismatch);
  EXPECT_THAT(message_of(read), AllOf(HasSubstr("image 'web'"), HasSubstr("damaged"), HasSubstr("again")));
  EXPECT_ERROR(open().read_component(image), not_found);
  add("web", "1");
  EXPECT_OK(open().read_component(image));

  damage(image.digest);
  const auto listed = unwrap(open().images());
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_THAT(listed[0].names, ElementsAre("web"));
  EXPECT_EQ(listed[0].digest, image.digest);
  EXPECT_THAT(listed[0].problem, HasSubstr("damaged"));
  EXPECT_ERROR(open().find("web"), not_found);
  EXPECT_THAT(message_of(open().find("web")), AllOf(HasSubstr("image 'web'"), HasSubstr("missing")));
  add("web", "1");
  EXPECT_OK(open().find("web"));
  damage(image.digest);
  EXPECT_ERROR(open().find("web"), digest_mismatch);
  EXPECT_OK(open().remove("web"));
  EXPECT_OK(open().prune());
  EXPECT_EQ(unwrap(open().usage()).blobs, 0U);
}

TEST_F(ImageStoreTest, RejectsAComponentThatIsTooLarge) {
  const StoredImage image = add("web", "12345");
  EXPECT_ERROR(open({.max_component_bytes = 12}).read_component(image), invalid_manifest);
  EXPECT_OK(open({.max_component_bytes = 13}).read_component(image));
}

TEST_F(ImageStoreTest, TwentyProcessesAddPullTagAndPruneConcurrently) {
  ImageStore from = unwrap(detail::StoreAccess::open(above / "from", test::plain_sha256));
  std::vector<StoredImage> originals;
  for (int i = 0; i < 4; ++i) {
    originals.push_back(unwrap(from.add_image(
        "o" + std::to_string(i), bytes_of(component(std::string(2000, static_cast<char>('a' + i)))))));
  }
  const auto statuses = in_processes(20, [&](int process) {
    ImageStore store = open();
    for (int round = 0; round < 5; ++round) {
      const StoredImage& image = originals.at(static_cast<std::size_t>(process + round) % 4);
      const std::string name = "p" + std::to_string(process) + ":" + std::to_string(round % 2);
      unwrap(pull(from, image, store, name));
      unwrap(store.tag(name, name + "-tag"));
      unwrap(store.prune());
      if (unwrap(store.find(name)).digest != image.digest) return 1;
      if (unwrap(store.read_component(image)).size() != image.component_size) return 2;
      if (round % 2 == 1) unwrap(store.remove(name));
      unwrap(store.remove(name + "-tag"));
    }
    return 0;
  });
  EXPECT_THAT(statuses, testing::Each(0));
  expect_consistent();
  unwrap(open().prune());
  expect_consistent();
  const auto usage = unwrap(open().usage());
  EXPECT_EQ(usage.images, 4U);
  EXPECT_EQ(usage.blobs, 12U);
  EXPECT_EQ(usage.writing_bytes, 0U);
}

TEST_F(ImageStoreTest, StaysConsistentIfKilledAtEveryStepOfAPull) {
  if (!test::can_trace()) GTEST_SKIP() << "this process may not trace its children";
  ImageStore from = unwrap(detail::StoreAccess::open(above / "from", test::plain_sha256));
  const StoredImage image = unwrap(from.add_image("o", bytes_of(component(std::string(3000, 'x')))));
  add("existing", "1");
  bool gone = false;
  int kills = 0;
  for (int step = 0; !gone; step += 2, ++kills) {
    gone = !test::killed_at_step(step, [&] { unwrap(pull(from, image, open(), "pulled")); });
    expect_consistent();
    ASSERT_OK(open().find("existing"));
    if (gone) {
      EXPECT_OK(open().find("pulled"));
    }
    if (open().find("pulled")) unwrap(open().remove("pulled"));
    if (step % 8 == 0) unwrap(open().prune());
  }
  EXPECT_GE(kills, 50);
  unwrap(open().prune());
  EXPECT_EQ(unwrap(open().usage()).blobs, 3U);
  EXPECT_EQ(unwrap(open().usage()).writing_bytes, 0U);
}

TEST_F(ImageStoreTest, AFullDiskIsAnErrorAndLosesNoImages) {
  const test::SmallDisk disk(directory, "256k");
  if (!disk) GTEST_SKIP() << "no disk to fill";
  add("existing", "1");
  const auto added = open().add_image("large", bytes_of(component(std::string(300'000, 'x'))));
  EXPECT_ERROR(added, io);
  EXPECT_THAT(message_of(added), AllOf(HasSubstr("image 'large'"), HasSubstr("No space left on device")));
  expect_consistent();
  EXPECT_EQ(unwrap(open().images()).size(), 1U);
  EXPECT_EQ(unwrap(open().usage()).writing_bytes, 0U);
  EXPECT_OK(open().add_image("small", bytes_of(component("2"))));
}

// ---- skopeo

/// Copies from one layout to another.
bool copy_by_skopeo(const std::string& from, const std::string& to) {
  return test::skopeo_copy("oci:" + from, "oci:" + to);
}

TEST_F(ImageStoreTest, SkopeoCopiesImagesOutAndIn) {
  if (!have_skopeo()) GTEST_SKIP() << "no skopeo here";
  const StoredImage image = unwrap(open().add_image("ghcr.io/foo/web:1", bytes_of(component("web")),
                                                    {.exports = {"wasi:http/incoming-handler@0.2.0"}}));
  EXPECT_OK(open().tag("ghcr.io/foo/web:1", "web"));
  const std::string layout = open().layout_directory();
  const std::string other = above / "other";
  ASSERT_TRUE(copy_by_skopeo(layout + ":ghcr.io/foo/web:1", other + ":ghcr.io/foo/web:1"));
  ASSERT_TRUE(copy_by_skopeo(layout + ":web", other + ":short"));

  // The layout that skopeo wrote can be used directly.
  std::filesystem::create_directory(above / "theirs");
  std::filesystem::rename(other, above / "theirs/images");
  ImageStore theirs = unwrap(detail::StoreAccess::open(above / "theirs", test::plain_sha256));
  const StoredImage copied = unwrap(theirs.find("short"));
  EXPECT_EQ(copied.digest, image.digest);
  EXPECT_THAT(copied.names, ElementsAre("ghcr.io/foo/web:1", "short"));
  EXPECT_EQ(copied.exports, image.exports);
  EXPECT_EQ(text_of(unwrap(theirs.read_component(copied))), component("web"));
  EXPECT_OK(theirs.add_image("ours", bytes_of(component("2"))));
  EXPECT_EQ(unwrap(theirs.images()).size(), 2U);

  // Skopeo can add an image to our store without changing the others.
  ASSERT_TRUE(copy_by_skopeo((above / "theirs/images").string() + ":ours", layout + ":from-skopeo"));
  EXPECT_THAT(unwrap(open().find("from-skopeo")).names, ElementsAre("from-skopeo"));
  EXPECT_THAT(unwrap(open().find("web")).names, ElementsAre("ghcr.io/foo/web:1", "web"));
  EXPECT_EQ(unwrap(open().prune()).bytes, 0U);
  unwrap(open().remove("web"));
  unwrap(open().remove("ghcr.io/foo/web:1"));
  EXPECT_EQ(unwrap(open().prune()).blobs, 3U);
  expect_consistent();
  EXPECT_TRUE(copy_by_skopeo(layout + ":from-skopeo", (above / "again").string() + ":x"));
}

TEST_F(ImageStoreTest, SkopeoMovesAName) {
  if (!have_skopeo()) GTEST_SKIP() << "no skopeo here";
  add("web", "1");
  const StoredImage newer = add("newer", "2");
  const std::string layout = open().layout_directory();
  ASSERT_TRUE(copy_by_skopeo(layout + ":newer", layout + ":web"));
  EXPECT_EQ(unwrap(open().find("web")).digest, newer.digest);
  EXPECT_OK(open().remove("web"));
  EXPECT_ERROR(open().find("web"), not_found);
  unwrap(open().prune());
  expect_consistent();
}

}  // namespace
}  // namespace tairitsu

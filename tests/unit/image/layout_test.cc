#include "image/layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/digest.h"
#include "processes.h"
#include "sha256.h"
#include "support.h"

namespace tairitsu::detail {
namespace {

using test::bytes_of;
using test::ChildProcess;
using test::digest_of_text;
using test::in_processes;
using test::message_of;
using test::read_file;
using test::TemporaryDirectory;
using test::text_of;
using test::unwrap;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

void write_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// Sets the modification time to more than an hour ago.
void make_old(const std::filesystem::path& path) {
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                             {.tv_sec = ::time(nullptr) - 4000, .tv_nsec = 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

Descriptor described(std::string_view media_type, std::string_view text) {
  return {std::string(media_type), digest_of_text(text), text.size(), {}, {}};
}

std::string json_of(const Descriptor& descriptor) {
  return R"({"mediaType":")" + descriptor.media_type + R"(","digest":")" + descriptor.digest +
         R"(","size":)" + std::to_string(descriptor.size) + "}";
}

/// The parts of an image.
struct Parts {
  explicit Parts(const std::string& text)
      : layer(text), config("{\"for\":\"" + digest_of_text(text) + "\"}") {
    manifest = R"({"schemaVersion":2,"config":)" + json_of(described(kWasmConfigMediaType, config)) +
               R"(,"layers":[)" + json_of(described(kWasmLayerMediaType, layer)) + "]}";
  }
  [[nodiscard]] Descriptor descriptor() const { return described(kManifestMediaType, manifest); }
  std::string layer;
  std::string config;
  std::string manifest;
};

/// Text of the given size that is unique for each seed.
std::string filler(int seed, std::size_t size = 20'000) {
  std::string text = "image " + std::to_string(seed) + " ";
  text.resize(size, static_cast<char>('a' + seed % 26));
  return text;
}

class LayoutTest : public testing::Test {
 protected:
  [[nodiscard]] ImageLayout open() const { return unwrap(ImageLayout::open(directory, test::plain_sha256)); }

  static Result<void> try_add(const ImageLayout& layout, const Parts& parts,
                              const std::vector<std::string>& names) {
    TAIRITSU_TRY(LayoutTransaction transaction, layout.begin());
    for (const std::string& text : {parts.layer, parts.config, parts.manifest}) {
      TAIRITSU_RETURN_IF_ERROR(transaction.add(bytes_of(text)));
    }
    return transaction.commit(parts.descriptor(), names);
  }
  void add(const std::string& text, const std::vector<std::string>& names) const {
    unwrap(try_add(open(), Parts(text), names));
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const IndexEntry& entry : unwrap(open().entries())) found.push_back(entry.name);
    return found;
  }
  [[nodiscard]] std::filesystem::path blob(std::string_view digest) const {
    return directory / "blobs/sha256" / hex_of(digest);
  }
  [[nodiscard]] std::set<std::string> blobs() const {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory / "blobs/sha256")) {
      found.insert("sha256:" + entry.path().filename().string());
    }
    return found;
  }

  /// Checks that the content of each entry exists and is undamaged.
  void expect_consistent() const {
    const ImageLayout layout = open();
    for (const IndexEntry& entry : unwrap(layout.entries())) {
      const auto manifest = layout.read(entry.descriptor, kMaxManifestSize);
      ASSERT_OK(manifest) << entry.name;
      const std::string text = text_of(*manifest);
      for (std::size_t at = text.find("sha256:"); at != std::string::npos;
           at = text.find("sha256:", at + 1)) {
        const std::string digest = text.substr(at, 71);
        EXPECT_EQ(digest_of_text(read_file(blob(digest))), digest) << entry.name;
      }
    }
  }

  TemporaryDirectory above;
  std::filesystem::path directory = above / "data/images";
};

TEST(PlainSha256, IsSha256) {
  EXPECT_EQ(digest_of_text(""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest_of_text("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_of_text(std::string(1000, 'a')),
            "sha256:41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3");
}

TEST_F(LayoutTest, CreatesNothingBeforeTheFirstTransaction) {
  const ImageLayout layout = open();
  EXPECT_THAT(unwrap(layout.entries()), IsEmpty());
  EXPECT_EQ(unwrap(layout.usage()).blobs, 0U);
  EXPECT_OK(layout.collect_garbage());
  EXPECT_FALSE(layout.contains(digest_of_text("x")));
  EXPECT_ERROR(layout.read(described("x", "x"), 10), not_found);
  EXPECT_FALSE(std::filesystem::exists(above / "data"));
}

TEST_F(LayoutTest, ReadsACommittedImage) {
  const Parts parts("component");
  add(parts.layer, {"web:1", "ghcr.io/foo/web:1"});
  const ImageLayout layout = open();
  EXPECT_THAT(names(), ElementsAre("ghcr.io/foo/web:1", "web:1"));
  EXPECT_EQ(unwrap(layout.entries())[0].descriptor.digest, parts.descriptor().digest);
  EXPECT_EQ(text_of(unwrap(layout.read(described("x", parts.layer), 100))), "component");
  EXPECT_EQ(read_file(directory / "oci-layout"), R"({"imageLayoutVersion":"1.0.0"})");
  EXPECT_THAT(read_file(directory / "index.json"),
              HasSubstr(R"({"io.containerd.image.name":"ghcr.io/foo/web:1",)"
                        R"("org.opencontainers.image.ref.name":"ghcr.io/foo/web:1"})"));
  EXPECT_THAT(read_file(directory / "index.json"), Not(HasSubstr(R"("io.containerd.image.name":"web:1")")));
  expect_consistent();
}

TEST_F(LayoutTest, HidesABlobUntilItIsCommitted) {
  const ImageLayout layout = open();
  const Parts parts("component");
  {
    LayoutTransaction transaction = unwrap(layout.begin());
    unwrap(transaction.add(bytes_of(parts.layer)));
    EXPECT_FALSE(layout.contains(digest_of_text(parts.layer)));
    EXPECT_ERROR(transaction.commit(parts.descriptor(), {}), not_found);
    unwrap(transaction.add(bytes_of(parts.manifest)));
    const auto committed = transaction.commit(parts.descriptor(), {});
    EXPECT_ERROR(committed, not_found);
    EXPECT_THAT(message_of(committed), HasSubstr("blob " + digest_of_text(parts.config) + " is missing"));
    EXPECT_FALSE(layout.contains(digest_of_text(parts.layer)));
    EXPECT_GT(unwrap(layout.usage()).writing_bytes, 0U);
  }
  EXPECT_THAT(blobs(), IsEmpty());
  EXPECT_EQ(unwrap(layout.usage()).writing_bytes, 0U);
  EXPECT_TRUE(std::filesystem::is_empty(directory / ".tairitsu/tmp"));
}

TEST_F(LayoutTest, RejectsABlobWithAnotherDigestOrSize) {
  const ImageLayout layout = open();
  LayoutTransaction transaction = unwrap(layout.begin());
  {
    LayoutBlobWriter blob = unwrap(transaction.writer(10));
    EXPECT_OK(blob.write(bytes_of("12345")));
    EXPECT_ERROR(blob.write(bytes_of("123456")), digest_mismatch);
  }
  {
    LayoutBlobWriter blob = unwrap(transaction.writer(5));
    EXPECT_OK(blob.write(bytes_of("1234")));
    EXPECT_ERROR(blob.commit(digest_of_text("1234"), 5), digest_mismatch);
    EXPECT_ERROR(blob.commit(digest_of_text("1234"), 4), invalid_argument);
    EXPECT_ERROR(blob.write(bytes_of("1")), invalid_argument);
  }
  LayoutBlobWriter blob = unwrap(transaction.writer(4));
  EXPECT_OK(blob.write(bytes_of("1234")));
  const auto committed = blob.commit(digest_of_text("4321"), 4);
  EXPECT_ERROR(committed, digest_mismatch);
  EXPECT_THAT(message_of(committed), HasSubstr(digest_of_text("4321")));
  const Parts parts("1234");
  unwrap(transaction.add(bytes_of(parts.config)));
  unwrap(transaction.add(bytes_of(parts.manifest)));
  EXPECT_ERROR(transaction.commit(parts.descriptor(), {}), not_found);
  EXPECT_THAT(unwrap(layout.entries()), IsEmpty());
}

TEST_F(LayoutTest, MovesANameToTheNewerImage) {
  add("one", {"web:1", "web:latest"});
  add("two", {"web:latest"});
  const auto entries = unwrap(open().entries());
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].descriptor.digest, Parts("one").descriptor().digest);
  EXPECT_EQ(entries[1].name, "web:latest");
  EXPECT_EQ(entries[1].descriptor.digest, Parts("two").descriptor().digest);
  add("two", {"web:latest"});
  EXPECT_EQ(unwrap(open().entries()).size(), 2U);
}

TEST_F(LayoutTest, ListsAnImageWithoutAName) {
  add("one", {});
  add("one", {});
  EXPECT_THAT(names(), ElementsAre(""));
  EXPECT_OK(open().add_name(Parts("one").descriptor().digest, "web:1"));
  EXPECT_THAT(names(), ElementsAre("", "web:1"));
  EXPECT_ERROR(open().add_name(digest_of_text("x"), "web:2"), not_found);
}

TEST_F(LayoutTest, CollectsUnreachableBlobs) {
  add("one", {"one"});
  add("two", {"two"});
  add("three", {"three"});
  EXPECT_EQ(unwrap(open().remove_entries([](const IndexEntry& entry) { return entry.name == "two"; })), 1U);
  const Parts two("two");
  EXPECT_TRUE(open().contains(digest_of_text("two")));
  const auto usage = unwrap(open().usage());
  EXPECT_EQ(usage.blobs, 9U);
  EXPECT_EQ(usage.unused_blobs, 3U);
  const Garbage garbage = unwrap(open().collect_garbage());
  EXPECT_THAT(garbage.digests,
              testing::UnorderedElementsAre(digest_of_text(two.layer), digest_of_text(two.config),
                                            two.descriptor().digest));
  EXPECT_EQ(garbage.bytes, two.layer.size() + two.config.size() + two.manifest.size());
  EXPECT_EQ(garbage.bytes, usage.unused_bytes);
  EXPECT_EQ(unwrap(open().usage()).unused_blobs, 0U);
  EXPECT_THAT(names(), ElementsAre("one", "three"));
  expect_consistent();
}

TEST_F(LayoutTest, DoesNotCollectBlobsOfATransaction) {
  const Parts parts("component");
  add(parts.layer, {"old"});
  LayoutTransaction transaction = unwrap(open().begin());
  unwrap(transaction.add(bytes_of(parts.manifest)));
  EXPECT_TRUE(unwrap(transaction.reuse(digest_of_text(parts.layer), parts.layer.size())));
  LayoutBlobWriter config = unwrap(transaction.writer(1000));
  EXPECT_OK(config.write(bytes_of(parts.config)));
  unwrap(open().remove_entries([](const IndexEntry&) { return true; }));
  EXPECT_EQ(unwrap(open().collect_garbage()).digests.size(), 3U);
  EXPECT_THAT(blobs(), IsEmpty());
  EXPECT_OK(config.commit(digest_of_text(parts.config), parts.config.size()));
  const std::string name = "new";
  EXPECT_OK(transaction.commit(parts.descriptor(), std::span(&name, 1)));
  EXPECT_THAT(names(), ElementsAre("new"));
  expect_consistent();
}

TEST_F(LayoutTest, AnOpenBlobStaysReadable) {
  add("one", {"one"});
  std::ifstream file(blob(digest_of_text("one")));
  unwrap(open().remove_entries([](const IndexEntry&) { return true; }));
  unwrap(open().collect_garbage());
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "one");
}

TEST_F(LayoutTest, ReusesOnlyUndamagedBlobs) {
  const Parts parts("component");
  add(parts.layer, {"web"});
  LayoutTransaction transaction = unwrap(open().begin());
  EXPECT_FALSE(unwrap(transaction.reuse(digest_of_text("other"), 5)));
  EXPECT_FALSE(unwrap(transaction.reuse(digest_of_text(parts.layer), 5)));
  EXPECT_ERROR(transaction.reuse("sha256:../../x", 5), invalid_argument);
  const auto path = blob(digest_of_text(parts.layer));
  write_file(path, "Component");
  EXPECT_FALSE(unwrap(transaction.reuse(digest_of_text(parts.layer), parts.layer.size())));
  // Adding it again replaces the damaged blob.
  unwrap(transaction.add(bytes_of(parts.layer)));
  const std::string name = "web";
  EXPECT_OK(transaction.commit(parts.descriptor(), std::span(&name, 1)));
  expect_consistent();
}

TEST_F(LayoutTest, MovesADamagedBlobAwaySoThatItCanBePulledAgain) {
  const Parts parts("component");
  for (const std::string damage : {"Component", "comp", "", "component and more"}) {
    add(parts.layer, {"web"});
    const auto path = blob(digest_of_text(parts.layer));
    write_file(path, damage);
    const auto read = open().read(described("x", parts.layer), 100);
    EXPECT_ERROR(read, digest_mismatch);
    EXPECT_THAT(message_of(read),
                testing::AllOf(HasSubstr("damaged"), HasSubstr("moved away"), HasSubstr("again")));
    EXPECT_ERROR(open().read(described("x", parts.layer), 100), not_found);
    EXPECT_TRUE(
        std::filesystem::exists(directory / ".tairitsu/damaged" / hex_of(digest_of_text(parts.layer))));
    LayoutTransaction transaction = unwrap(open().begin());
    EXPECT_FALSE(unwrap(transaction.reuse(digest_of_text(parts.layer), parts.layer.size())));
  }
  add(parts.layer, {"web"});
  EXPECT_OK(open().collect_garbage());
  EXPECT_TRUE(std::filesystem::is_empty(directory / ".tairitsu/damaged"));
  expect_consistent();
}

TEST_F(LayoutTest, AFailedWriterCannotCommit) {
  const test::SmallDisk disk(above / "disk", "256k");
  if (!disk) GTEST_SKIP() << "no disk to fill";
  directory = above / "disk/images";
  LayoutTransaction transaction = unwrap(open().begin());
  const std::string large(300'000, 'x');
  LayoutBlobWriter blob = unwrap(transaction.writer(large.size()));
  EXPECT_ERROR(blob.write(bytes_of(large)), io);
  // A partial write would make the content differ from the hash.
  EXPECT_ERROR(blob.write(bytes_of("y")), invalid_argument);
  EXPECT_ERROR(blob.commit(digest_of_text("y"), 1), invalid_argument);
  EXPECT_OK(transaction.add(bytes_of(filler(1))));
}

TEST_F(LayoutTest, AcceptsOnlyRegularFilesAsBlobs) {
  const Parts parts("component");
  add(parts.layer, {"web"});
  const auto path = blob(digest_of_text(parts.layer));
  LayoutTransaction transaction = unwrap(open().begin());
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_ERROR(open().read(described("x", parts.layer), 100), io);
  EXPECT_FALSE(unwrap(transaction.reuse(digest_of_text(parts.layer), parts.layer.size())));
  std::filesystem::remove(path);
  write_file(above / "elsewhere", parts.layer);
  std::filesystem::create_symlink(above / "elsewhere", path);
  EXPECT_FALSE(unwrap(transaction.reuse(digest_of_text(parts.layer), parts.layer.size())));
  std::filesystem::remove(directory / "index.json");
  ASSERT_EQ(::mkfifo((directory / "index.json").c_str(), 0600), 0);
  EXPECT_ERROR(open().entries(), io);
}

TEST_F(LayoutTest, DoesNotMoveAGoodBlobForAWrongDescriptor) {
  add("component", {"web"});
  Descriptor descriptor = described("x", "component");
  descriptor.size = 8;
  EXPECT_ERROR(open().read(descriptor, 100), digest_mismatch);
  descriptor.size = 100'000'000'000'000;
  EXPECT_ERROR(open().read(descriptor, 100), invalid_manifest);
  EXPECT_ERROR(open().read(descriptor, ~std::uint64_t{0}), digest_mismatch);
  descriptor.digest = "sha256:../../../etc/passwd";
  EXPECT_ERROR(open().read(descriptor, ~std::uint64_t{0}), invalid_manifest);
  expect_consistent();
}

TEST_F(LayoutTest, KeepsEntriesOfOtherTools) {
  add("one", {"one"});
  const std::string manifest = Parts("foreign").manifest;
  const std::string inner = R"({"manifests":[)" + json_of(described(kManifestMediaType, manifest)) + "]}";
  const std::string outer = R"({"manifests":[)" + json_of(described(kIndexMediaType, inner)) + "]}";
  for (const std::string& text :
       {std::string("foreign"), Parts("foreign").config, manifest, inner, outer, std::string("xml")}) {
    write_file(blob(digest_of_text(text)), text);
  }
  std::string index = read_file(directory / "index.json");
  const std::string foreign = json_of(described(kIndexMediaType, outer)) + "," +
                              json_of(described("application/xml", "xml")) +
                              R"(,{"annotations":{"org.opencontainers.image.ref.name":"theirs","x":"y"},)"
                              R"("artifactType":"z","digest":"sha512:abc","mediaType":"m","size":3})";
  index.replace(index.find("}]") + 1, 0, "," + foreign);
  index.insert(index.size() - 1, R"(,"annotations":{"mine":"kept"})");
  write_file(directory / "index.json", index);

  add("two", {"two"});
  unwrap(open().remove_entries([](const IndexEntry& entry) { return entry.name == "one"; }));
  EXPECT_OK(open().add_name("sha512:abc", "theirs-too"));
  for (const auto& entry : std::filesystem::directory_iterator(directory / "blobs/sha256")) {
    make_old(entry.path());
  }
  EXPECT_EQ(unwrap(open().collect_garbage()).digests.size(), 3U);
  EXPECT_EQ(blobs().size(), 9U);
  EXPECT_THAT(names(), ElementsAre("", "", "theirs", "two", "theirs-too"));
  const std::string after = read_file(directory / "index.json");
  EXPECT_THAT(after, HasSubstr(R"({"annotations":{"org.opencontainers.image.ref.name":"theirs","x":"y"},)"
                               R"("artifactType":"z","digest":"sha512:abc","mediaType":"m","size":3})"));
  EXPECT_THAT(after, HasSubstr(R"({"annotations":{"org.opencontainers.image.ref.name":"theirs-too","x":"y"},)"
                               R"("artifactType":"z",)"));
  EXPECT_THAT(after, HasSubstr(R"("annotations":{"mine":"kept"})"));
}

TEST_F(LayoutTest, DoesNotCollectRecentBlobsOfOtherTools) {
  add("one", {"one"});
  write_file(blob(digest_of_text("fresh")), "fresh");
  write_file(blob(digest_of_text("old")), "old");
  make_old(blob(digest_of_text("old")));
  write_file(directory / "blobs/sha256/README", "not a blob");
  EXPECT_THAT(unwrap(open().collect_garbage()).digests, ElementsAre(digest_of_text("old")));
  EXPECT_TRUE(std::filesystem::exists(directory / "blobs/sha256/README"));
}

TEST_F(LayoutTest, CollectsNothingIfTheIndexIsDamaged) {
  add("a", {"a:1"});
  add("b", {"b:1"});
  const std::string index = read_file(directory / "index.json");
  const auto blobs = [&] {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory / "blobs/sha256"))
      names.insert(entry.path().filename());
    return names;
  };
  const auto all = blobs();
  ASSERT_EQ(all.size(), 6U);

  std::filesystem::remove(directory / "index.json");
  const auto collected = open().collect_garbage();
  ASSERT_ERROR(collected, invalid_manifest);
  EXPECT_THAT(message_of(collected), HasSubstr("index.json"));
  // No other operation creates an empty index either.
  EXPECT_ERROR(try_add(open(), Parts("c"), {"c:1"}), invalid_manifest);
  EXPECT_ERROR(open().remove_entries([](const IndexEntry&) { return true; }), invalid_manifest);
  EXPECT_FALSE(std::filesystem::exists(directory / "index.json"));
  EXPECT_EQ(blobs(), all);

  const std::string no_list = R"({"schemaVersion":2,"manifest":[]})";
  for (const std::string& damaged :
       {std::string(), std::string("{}"), no_list, index.substr(0, index.size() / 2), std::string("null"),
        std::string(index.size(), '\0'), std::string(R"({"manifests":{}})"),
        std::string(R"({"manifests":[{}]})")}) {
    write_file(directory / "index.json", damaged);
    EXPECT_ERROR(open().collect_garbage(), invalid_manifest) << damaged;
    EXPECT_EQ(blobs(), all) << damaged;
  }
  write_file(directory / "index.json", index);
  EXPECT_THAT(unwrap(open().collect_garbage()).digests, IsEmpty());
  EXPECT_EQ(blobs(), all);
}

TEST_F(LayoutTest, FollowsNoSymbolicLinkInItsOwnDirectories) {
  TemporaryDirectory elsewhere;
  const auto trap = [&](const std::filesystem::path& place, const std::filesystem::path& target) {
    std::filesystem::remove_all(directory);
    add("a", {"a:1"});
    std::filesystem::remove_all(directory / place);
    std::filesystem::create_symlink(target, directory / place);
  };
  for (const char* place : {".tairitsu", ".tairitsu/tmp", ".tairitsu/damaged", "blobs", "blobs/sha256"}) {
    std::filesystem::create_directory(elsewhere / "target");
    write_file(elsewhere / "target/mine", "mine");
    trap(place, elsewhere / "target");
    EXPECT_ERROR(try_add(open(), Parts("b"), {"b:1"}), untrusted_file) << place;
    EXPECT_ERROR(open().collect_garbage(), untrusted_file) << place;
    EXPECT_EQ(read_file(elsewhere / "target/mine"), "mine");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(elsewhere / "target"), {}), 1) << place;
    std::filesystem::remove_all(elsewhere / "target");
  }
  trap(".tairitsu/lock", elsewhere / "made");
  EXPECT_ERROR(try_add(open(), Parts("b"), {"b:1"}), untrusted_file);
  EXPECT_FALSE(std::filesystem::exists(elsewhere / "made"));

  // Leftover transactions are removed, but not the targets of their links.
  std::filesystem::remove_all(directory);
  add("a", {"a:1"});
  write_file(elsewhere / "lock", "mine");
  std::filesystem::create_directory(directory / ".tairitsu/tmp/transaction-1");
  std::filesystem::create_symlink(elsewhere / "lock", directory / ".tairitsu/tmp/transaction-1/lock");
  std::filesystem::create_symlink(elsewhere.path(), directory / ".tairitsu/tmp/transaction-2");
  EXPECT_OK(open().collect_garbage());
  EXPECT_EQ(read_file(elsewhere / "lock"), "mine");
  EXPECT_TRUE(std::filesystem::is_empty(directory / ".tairitsu/tmp"));
}

TEST_F(LayoutTest, RefusesToWriteWhereAnotherUserControlsTheDirectory) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory to another user";
  constexpr uid_t kOther = 12345;
  add("a", {"a:1"});
  // Another user owns the store.
  ASSERT_EQ(::chown(directory.c_str(), kOther, kOther), 0);
  EXPECT_ERROR(try_add(open(), Parts("b"), {"b:1"}), untrusted_file);
  EXPECT_ERROR(open().collect_garbage(), untrusted_file);
  EXPECT_EQ(names().size(), 1U) << "reading is allowed";
  ASSERT_EQ(::chown(directory.c_str(), 0, 0), 0);
  // A symbolic link leads to it.
  const std::filesystem::path link = directory.parent_path() / "link";
  std::filesystem::create_directory_symlink(directory, link);
  const auto linked = [&] { return unwrap(ImageLayout::open(link, test::plain_sha256)); };
  EXPECT_OK(try_add(linked(), Parts("b"), {"b:1"})) << "our own link is trusted";
  ASSERT_EQ(::lchown(link.c_str(), kOther, kOther), 0);
  EXPECT_ERROR(try_add(linked(), Parts("c"), {"c:1"}), untrusted_file);
  // Nothing is created behind such a link.
  const std::filesystem::path target = directory.parent_path() / "target";
  std::filesystem::create_directory(target);
  std::filesystem::create_directory_symlink(target, directory.parent_path() / "home");
  ASSERT_EQ(::lchown((directory.parent_path() / "home").c_str(), kOther, kOther), 0);
  const auto inside =
      unwrap(ImageLayout::open(directory.parent_path() / "home/data/images", test::plain_sha256));
  EXPECT_ERROR(try_add(inside, Parts("d"), {"d:1"}), untrusted_file);
  EXPECT_TRUE(std::filesystem::is_empty(target));
}

TEST_F(LayoutTest, CollectsNothingIfAManifestCannotBeRead) {
  add("one", {"one"});
  add("two", {"two"});
  unwrap(open().remove_entries([](const IndexEntry& entry) { return entry.name == "two"; }));
  const auto path = blob(Parts("one").descriptor().digest);
  write_file(path, "{");
  const auto collected = open().collect_garbage();
  EXPECT_ERROR(collected, invalid_manifest);
  EXPECT_THAT(message_of(collected), HasSubstr("image 'one'"));
  EXPECT_EQ(blobs().size(), 6U);
}

TEST_F(LayoutTest, RejectsOtherDirectories) {
  std::filesystem::create_directories(directory);
  write_file(directory / "index.json", "{}");
  EXPECT_ERROR(ImageLayout::open(directory, test::plain_sha256), invalid_manifest);
  write_file(directory / "oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
  EXPECT_ERROR(ImageLayout::open(directory, test::plain_sha256), invalid_manifest);
  write_file(directory / "oci-layout", R"({"imageLayoutVersion":2})");
  EXPECT_ERROR(ImageLayout::open(directory, test::plain_sha256), invalid_manifest);
  EXPECT_ERROR(ImageLayout::open("", test::plain_sha256), invalid_argument);
  write_file(directory / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  write_file(directory / "index.json", R"({"manifests":[]})");
  EXPECT_THAT(names(), IsEmpty());
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  const std::string bad[] = {
      "",
      "[]",
      "{",
      "{}",
      R"({"manifests":{}})",
      R"({"manifests":[7]})",
      R"({"manifests":[{"mediaType":"x","digest":"sha256:12","size":1}]})",
      R"({"manifests":[{"mediaType":"x","digest":"../:../..","size":1}]})",
      R"({"manifests":[{"mediaType":"x","digest":"a:b","size":-1}]})",
      R"({"manifests":[{"mediaType":"x","digest":"a:b","size":1.5}]})",
      R"({"manifests":[{"mediaType":"x","digest":"a:b","size":99999999999999999999999}]})",
      R"({"manifests":[{"mediaType":"x","digest":"a:b","size":9223372036854775808}]})",
      R"({"manifests":[{"mediaType":["x"],"digest":"a:b","size":1}]})",
      R"({"manifests":[{"mediaType":"x","digest":"a:b","size":1,"annotations":{"a":1}}]})",
      R"({"manifests":)" + deep + "}"};
  for (const std::string& text : bad) {
    write_file(directory / "index.json", text);
    EXPECT_ERROR(open().entries(), invalid_manifest) << text.substr(0, 100);
    EXPECT_ERROR(open().collect_garbage(), invalid_manifest) << text.substr(0, 100);
    EXPECT_ERROR(try_add(open(), Parts("x"), {"x"}), invalid_manifest) << text.substr(0, 100);
    EXPECT_EQ(read_file(directory / "index.json"), text) << "it is unchanged";
  }
}

TEST_F(LayoutTest, ThreadsShareATransaction) {
  const ImageLayout layout = open();
  LayoutTransaction transaction = unwrap(layout.begin());
  const Parts parts(filler(1));
  std::vector<std::thread> threads;
  for (const std::string& text : {parts.layer, parts.config, parts.manifest}) {
    threads.emplace_back([&transaction, text] { unwrap(transaction.add(bytes_of(text))); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_OK(transaction.commit(parts.descriptor(), {}));
  expect_consistent();
}

TEST_F(LayoutTest, StaysConsistentIfKilledAtEveryStep) {
  if (!test::can_trace()) GTEST_SKIP() << "this process may not trace its children";
  add("existing", {"existing", "web"});
  bool gone = false;
  int steps = 0;
  // Every second step is enough: nothing happens between the end of a system call and the next one.
  for (int step = 0; !gone; step += 2) {
    if (step % 5 == 0) std::filesystem::remove_all(directory);  // To cover the creation as well.
    gone = !test::killed_at_step(step, [&] {
      add(filler(step % 4, 3000), {"web", "other"});
      unwrap(open().remove_entries([](const IndexEntry& entry) { return entry.name == "web"; }));
      unwrap(open().collect_garbage());
    });
    ++steps;
    expect_consistent();
    // The next process finds no held lock, and removes all leftovers.
    if (step % 6 == 0) {
      add("existing", {"existing", "web"});
      unwrap(open().collect_garbage());
      EXPECT_TRUE(std::filesystem::is_empty(directory / ".tairitsu/tmp"));
      EXPECT_EQ(unwrap(open().usage()).unused_blobs, 0U);
      expect_consistent();
    }
  }
  EXPECT_GE(steps, 100);
}

TEST_F(LayoutTest, StaysConsistentIfKilledAtAnyTime) {
  std::minstd_rand random(11);
  for (int round = 0; round < 60; ++round) {
    std::vector<ChildProcess> writers;
    for (int writer = 0; writer < 2; ++writer) {
      writers.emplace_back([&, writer] {
        for (int i = 0;; ++i) {
          add(filler(i % 4, 3000), {"web:" + std::to_string(writer)});
          unwrap(open().collect_garbage());
        }
        return 0;
      });
    }
    ::usleep(static_cast<useconds_t>(random() % 8000));
    for (ChildProcess& writer : writers) EXPECT_EQ(writer.kill(), -SIGKILL);
    expect_consistent();
  }
  unwrap(open().collect_garbage());
  EXPECT_TRUE(std::filesystem::is_empty(directory / ".tairitsu/tmp"));
}

TEST_F(LayoutTest, TwentyProcessesAddAndPruneConcurrently) {
  const auto statuses = in_processes(20, [&](int process) {
    const ImageLayout layout = open();
    for (int round = 0; round < 6; ++round) {
      // Five images, so that processes often write the same blobs; each process has its own name.
      const Parts parts(filler((process + round) % 5, 2000));
      const std::string name = "web:" + std::to_string(process);
      unwrap(try_add(layout, parts, {name}));
      const auto entries = unwrap(layout.entries());
      const bool listed = std::ranges::any_of(entries, [&](const IndexEntry& entry) {
        return entry.name == name && entry.descriptor.digest == parts.descriptor().digest;
      });
      if (!listed) return 1;
      unwrap(layout.collect_garbage());
      if (text_of(unwrap(layout.read(described("x", parts.layer), 10'000))) != parts.layer) return 2;
      unwrap(layout.remove_entries([&](const IndexEntry& entry) { return entry.name == name; }));
    }
    unwrap(try_add(layout, Parts(filler(process % 5, 2000)), {"last:" + std::to_string(process)}));
    return 0;
  });
  EXPECT_THAT(statuses, testing::Each(0));
  EXPECT_EQ(names().size(), 20U);
  expect_consistent();
  unwrap(open().collect_garbage());
  EXPECT_EQ(blobs().size(), 15U);
  EXPECT_TRUE(std::filesystem::is_empty(directory / ".tairitsu/tmp"));
  expect_consistent();
}

TEST_F(LayoutTest, AFullDiskLosesNoImages) {
  const test::SmallDisk disk(above / "disk", "256k");
  if (!disk) GTEST_SKIP() << "no disk to fill";
  directory = above / "disk/images";
  int added = 0;
  Result<void> outcome;
  while (outcome && added < 100) {
    outcome = try_add(open(), Parts(filler(added)), {"image:" + std::to_string(added)});
    if (outcome) ++added;
  }
  EXPECT_ERROR(outcome, io);
  EXPECT_THAT(message_of(outcome), HasSubstr("No space left on device"));
  EXPECT_GT(added, 2);
  EXPECT_EQ(names().size(), static_cast<std::size_t>(added));
  expect_consistent();
  // Removing an image makes room again.
  EXPECT_TRUE(std::filesystem::is_empty(directory / ".tairitsu/tmp"));
  EXPECT_OK(open().remove_entries([](const IndexEntry& entry) { return entry.name == "image:0"; }));
  EXPECT_GT(unwrap(open().collect_garbage()).bytes, 10'000U);
  EXPECT_OK(try_add(open(), Parts(filler(200, 5000)), {"small"}));
  expect_consistent();
}

}  // namespace
}  // namespace tairitsu::detail

// OciClient between an image store and Debian's docker-registry.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "docker_registry.h"
#include "support.h"
#include "tairitsu/inspect.h"

namespace tairitsu::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class OciClientTest : public DockerRegistryTest {
 protected:
  [[nodiscard]] OciClient client(std::filesystem::path ca_file = {}) const {
    return unwrap(OciClient::create(
        {.ca_file = std::move(ca_file), .credentials_directory = directory_.path() / "docker"}));
  }
  [[nodiscard]] ImageStore store(const std::string& name) const {
    return unwrap(ImageStore::open(directory_.path() / name));
  }
  /// A component of at least `size` bytes that is different for each number.
  static std::string component(int number, std::size_t size = 300'000) {
    const std::string text =
        "(component (@custom \"" + std::to_string(number) + "\" \"" + std::string(size, 'x') + "\"))";
    const auto binary = unwrap(to_wasm_binary(std::as_bytes(std::span(text))));
    return {reinterpret_cast<const char*>(binary.data()), binary.size()};
  }
  static StoredImage add(ImageStore& store, const std::string& name, const std::string& bytes) {
    return unwrap(
        store.add_image(name, std::as_bytes(std::span(bytes)), {.annotations = {{"made", "here"}}}));
  }
};

TEST(ImageNames, AreNormalized) {
  EXPECT_EQ(unwrap(normalize_image_name("hello")), "hello:latest");
  EXPECT_EQ(unwrap(normalize_image_name("docker.io/hello")), "docker.io/library/hello:latest");
  EXPECT_EQ(unwrap(registry_of(unwrap(normalize_image_name("GHCR.IO/me/hello:1")))), "ghcr.io");
  EXPECT_EQ(unwrap(registry_of("me/hello")), "");
  EXPECT_ERROR(normalize_image_name("me/Hello:"), invalid_argument);
}

TEST(ImageNames, TakePrecedenceOverDigests) {
  const TemporaryDirectory directory;
  auto store = unwrap(ImageStore::open(directory.path()));
  const std::string one = "(component)";
  const auto bytes = unwrap(to_wasm_binary(std::as_bytes(std::span(one))));
  const auto image = unwrap(store.add_image("a:latest", bytes));
  const std::string prefix = image.digest.substr(7, 6);
  EXPECT_EQ(unwrap(find_image(store, prefix)).digest, image.digest);
  EXPECT_EQ(unwrap(find_image(store, "a")).digest, image.digest);
  const auto other = unwrap(store.add_image(prefix + ":latest", bytes, {.author = "another"}));
  EXPECT_EQ(unwrap(find_image(store, prefix)).digest, other.digest);
  EXPECT_ERROR(find_image(store, "b"), not_found);
}

TEST_F(OciClientTest, PushesAndPulls) {
  start(false, false);
  auto here = store("here");
  auto there = store("there");
  const auto registry = client();
  const std::string name = host() + "/me/hello:1";
  const std::string bytes = component(1);
  const auto image = add(here, name, bytes);
  EXPECT_ERROR(registry.pull(there, name), not_found);
  EXPECT_EQ(unwrap(registry.push(here, name)), image.digest);
  EXPECT_EQ(unwrap(registry.resolve(name)), image.digest);
  EXPECT_THAT(unwrap(registry.tags(host() + "/me/hello")), ElementsAre("1"));

  std::map<std::string, TransferState> states;
  std::uint64_t most = 0;
  const auto watch = [&](const Transfer& transfer) {
    states[std::string(transfer.digest)] = transfer.state;
    most = std::max(most, transfer.done);
  };
  const auto pulled = unwrap(registry.pull(there, name, watch));
  EXPECT_TRUE(pulled.changed);
  EXPECT_EQ(pulled.image.digest, image.digest);
  EXPECT_THAT(pulled.image.names, ElementsAre(name));
  EXPECT_EQ(pulled.image.annotations.at("made"), "here");
  EXPECT_EQ(states.size(), 2U);
  EXPECT_EQ(states.at(image.component_digest), TransferState::finished);
  EXPECT_EQ(most, bytes.size());
  const auto read = unwrap(there.read_component(pulled.image));
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(read.data()), read.size()), bytes);

  EXPECT_FALSE(unwrap(registry.pull(there, name, watch)).changed);
  EXPECT_EQ(states.at(image.component_digest), TransferState::existed);
  // The tag moves to a newer image; the digest still refers to the old one.
  const auto newer = add(here, name, component(2));
  EXPECT_OK(registry.push(here, name));
  EXPECT_TRUE(unwrap(registry.pull(there, name)).changed);
  EXPECT_EQ(unwrap(there.find(name)).digest, newer.digest);
  auto third = store("third");
  const auto pinned = unwrap(registry.pull(third, host() + "/me/hello@" + image.digest));
  EXPECT_THAT(pinned.image.names, ElementsAre());
  EXPECT_EQ(unwrap(find_image(third, host() + "/me/hello@" + image.digest)).digest, image.digest);

  EXPECT_OK(registry.remove(host() + "/me/hello@" + newer.digest));
  EXPECT_ERROR(registry.pull(third, name), not_found);
}

TEST_F(OciClientTest, RejectsLocalNamesAndLargeComponents) {
  start(false, false);
  auto here = store("here");
  const auto registry = client();
  add(here, "hello:latest", component(1));
  const auto local = registry.push(here, "hello");
  EXPECT_ERROR(local, invalid_argument);
  EXPECT_THAT(local.error().message(), HasSubstr("has no registry"));
  EXPECT_ERROR(registry.push(here, host() + "/me/none"), not_found);
  EXPECT_ERROR(registry.pull(here, "hello"), invalid_argument);
  EXPECT_ERROR(OciClient::create({.ca_file = directory_.path() / "none.pem"}), io);
  const auto careful = unwrap(OciClient::create({.max_component_bytes = 1000}));
  const std::string name = host() + "/me/hello:1";
  EXPECT_OK(here.tag("hello:latest", name));
  EXPECT_OK(registry.push(here, name));
  auto there = store("there");
  EXPECT_ERROR(careful.pull(there, name), size_limit);
  EXPECT_TRUE(unwrap(there.images()).empty());
}

TEST_F(OciClientTest, LogsIn) {
  start(true, true);
  auto here = store("here");
  const std::string name = host() + "/me/hello:1";
  const auto image = add(here, name, component(1));
  EXPECT_ERROR(client().push(here, name), network);  // The certificate is not trusted.
  const auto registry = client(directory_.path() / "ca.pem");
  const auto anonymous = registry.push(here, name);
  EXPECT_ERROR(anonymous, unauthorized);
  EXPECT_THAT(anonymous.error().message(), HasSubstr("log in first"));
  EXPECT_ERROR(registry.login(host(), "user", "wrong"), unauthorized);
  EXPECT_ERROR(registry.push(here, name), unauthorized);
  EXPECT_EQ(unwrap(registry.login(host(), "user", "p:ass")), directory_.path() / "docker" / "config.json");
  EXPECT_EQ(unwrap(registry.push(here, name)), image.digest);
  EXPECT_TRUE(unwrap(registry.logout(host())));
  EXPECT_FALSE(unwrap(registry.logout(host())));
  auto there = store("there");
  EXPECT_ERROR(registry.pull(there, name), unauthorized);
}

}  // namespace
}  // namespace tairitsu::test

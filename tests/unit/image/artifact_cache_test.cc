#include "image/artifact_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "processes.h"
#include "support.h"

namespace tairitsu::detail {
namespace {

using test::bytes_of;
using test::ChildProcess;
using test::in_processes;
using test::message_of;
using test::read_file;
using test::TemporaryDirectory;
using test::unwrap;
using testing::HasSubstr;

std::string digest(int number) {
  std::string digits = std::to_string(number);
  return "sha256:" + std::string(64 - digits.size(), '0') + digits;
}

void set_used(const std::filesystem::path& path, std::chrono::seconds ago) {
  timespec times[2] = {{0, UTIME_OMIT}, {0, 0}};
  ::clock_gettime(CLOCK_REALTIME, &times[1]);
  times[1].tv_sec -= ago.count();
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

std::int64_t seconds_unused(const std::filesystem::path& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return ::time(nullptr) - status.st_mtim.tv_sec;
}

std::vector<std::string> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.push_back(entry.path().filename());
  return names;
}

class ArtifactCacheTest : public testing::Test {
 protected:
  ArtifactCache open(std::uint64_t max_bytes = 1 << 20) {
    return unwrap(ArtifactCache::open(directory, {.max_bytes = max_bytes}));
  }
  TemporaryDirectory above;
  std::filesystem::path directory = above / "data/cache";
};

TEST_F(ArtifactCacheTest, FindsAStoredArtifact) {
  const ArtifactCache cache = open();
  const auto path = unwrap(cache.put(digest(1), "48.0.8-x86_64", bytes_of("machine code")));
  EXPECT_EQ(read_file(path), "machine code");
  EXPECT_EQ(unwrap(cache.find(digest(1), "48.0.8-x86_64")), path);
  EXPECT_EQ(unwrap(cache.find(digest(1), "48.0.9-x86_64")), std::nullopt);
  EXPECT_EQ(unwrap(cache.find(digest(2), "48.0.8-x86_64")), std::nullopt);
  EXPECT_EQ(unwrap(open().find(digest(1), "48.0.8-x86_64")), path) << "another process finds it too";
}

TEST_F(ArtifactCacheTest, CreatesNothingBeforeTheFirstPut) {
  const ArtifactCache cache = open();
  EXPECT_EQ(unwrap(cache.find(digest(1), "f")), std::nullopt);
  EXPECT_OK(cache.remove(digest(1)));
  EXPECT_OK(cache.clear());
  EXPECT_EQ(unwrap(cache.usage()).artifacts, 0U);
  EXPECT_FALSE(std::filesystem::exists(above / "data"));
  EXPECT_OK(cache.put(digest(1), "f", bytes_of("x")));
  struct stat status{};
  ASSERT_EQ(::stat(directory.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0700U);
}

TEST_F(ArtifactCacheTest, KeepsAKeyThatOnlyItsOwnerCanRead) {
  const ArtifactCache cache = open();
  const std::filesystem::path path = directory.string() + ".key";
  EXPECT_EQ(unwrap(cache.key()), std::nullopt);
  EXPECT_FALSE(std::filesystem::exists(path)) << "a lookup does not create it";
  const auto key = unwrap(cache.obtain_key());
  EXPECT_EQ(unwrap(cache.key()), key);
  EXPECT_EQ(unwrap(open().obtain_key()), key);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(status.st_size, 32);
  EXPECT_EQ(names_in(directory.parent_path()).size(), 2U) << "no temporary file is left";

  // Another cache has another key.
  const auto other = unwrap(ArtifactCache::open(above / "data/other"));
  EXPECT_NE(unwrap(other.obtain_key()), key);

  // A key that is damaged, or that others can read, is ignored and replaced.
  const auto spoil = [&](const char* how, const auto& change) {
    const auto before = unwrap(cache.obtain_key());
    change();
    EXPECT_EQ(unwrap(cache.key()), std::nullopt) << how;
    EXPECT_NE(unwrap(cache.obtain_key()), before) << how;
  };
  spoil("missing", [&] { std::filesystem::remove(path); });
  spoil("short", [&] { std::filesystem::resize_file(path, 31); });
  spoil("long", [&] { std::filesystem::resize_file(path, 33); });
  spoil("readable", [&] { ASSERT_EQ(::chmod(path.c_str(), 0640), 0); });
  spoil("writable", [&] { ASSERT_EQ(::chmod(path.c_str(), 0602), 0); });
  std::ofstream(above / "planted", std::ios::binary) << std::string(32, 'k');
  ASSERT_EQ(::chmod((above / "planted").c_str(), 0600), 0);
  spoil("a link", [&] {
    std::filesystem::remove(path);
    std::filesystem::create_symlink(above / "planted", path);
  });
  EXPECT_EQ(read_file(above / "planted"), std::string(32, 'k'));
  if (::geteuid() != 0) return;
  ASSERT_EQ(::chown(path.c_str(), 12345, 12345), 0);
  EXPECT_EQ(unwrap(cache.key()), std::nullopt);
  EXPECT_ERROR(cache.obtain_key(), untrusted_file);
}

TEST_F(ArtifactCacheTest, ConcurrentProcessesAgreeOnAKey) {
  std::filesystem::create_directories(directory.parent_path());
  const auto disagreed = in_processes(16, [&](int) {
    const auto own = open().obtain_key();
    const auto again = open().obtain_key();
    return own && again && *own == *again ? 0 : 1;
  });
  EXPECT_THAT(disagreed, testing::Each(0));
  const auto key = unwrap(open().obtain_key());
  EXPECT_EQ(unwrap(open().key()), key);
}

TEST_F(ArtifactCacheTest, OnlyPutFailsIfTheDirectoryCannotBeCreated) {
  std::ofstream(above / "data") << "not a directory";
  const auto cache = ArtifactCache::open(directory);
  // `open` may fail or not: a run continues in both cases.
  if (cache) {
    EXPECT_ERROR(cache->put(digest(1), "f", bytes_of("x")), io);
  }
}

TEST_F(ArtifactCacheTest, ReplacesAnExistingArtifact) {
  const ArtifactCache cache = open();
  EXPECT_OK(cache.put(digest(1), "f", bytes_of("old")));
  EXPECT_EQ(read_file(unwrap(cache.put(digest(1), "f", bytes_of("new")))), "new");
  EXPECT_EQ(unwrap(cache.usage()).artifacts, 1U);
  EXPECT_EQ(unwrap(cache.usage()).bytes, 3U);
}

TEST_F(ArtifactCacheTest, RejectsInvalidDigestsAndFingerprints) {
  const ArtifactCache cache = open();
  for (const std::string bad : {"", "sha256:", "sha256:12", "sha512:00", "../../../etc/passwd"}) {
    EXPECT_ERROR(cache.find(bad, "f"), invalid_argument);
    EXPECT_ERROR(cache.put(bad, "f", {}), invalid_argument);
    EXPECT_ERROR(cache.remove(bad), invalid_argument);
  }
  EXPECT_ERROR(cache.find("sha256:" + std::string(64, 'A'), "f"), invalid_argument);
  EXPECT_ERROR(cache.find("sha256:" + std::string(63, 'a') + "/", "f"), invalid_argument);
  const std::string bad_fingerprints[] = {"", "a/b", "a b", std::string("a\0b", 3), std::string(129, 'a')};
  for (const std::string& bad : bad_fingerprints) {
    EXPECT_ERROR(cache.find(digest(1), bad), invalid_argument);
    EXPECT_ERROR(cache.put(digest(1), bad, {}), invalid_argument);
  }
  EXPECT_OK(cache.put(digest(1), std::string(128, '.'), bytes_of("x")));
  EXPECT_ERROR(ArtifactCache::open(""), invalid_argument);
}

TEST_F(ArtifactCacheTest, RemovesTheArtifactsOfADigestForAllEngines) {
  const ArtifactCache cache = open();
  EXPECT_OK(cache.put(digest(1), "a", bytes_of("1a")));
  EXPECT_OK(cache.put(digest(1), "b", bytes_of("1b")));
  EXPECT_OK(cache.put(digest(2), "a", bytes_of("2a")));
  EXPECT_OK(cache.remove(digest(1)));
  EXPECT_EQ(unwrap(cache.find(digest(1), "a")), std::nullopt);
  EXPECT_EQ(unwrap(cache.find(digest(1), "b")), std::nullopt);
  EXPECT_NE(unwrap(cache.find(digest(2), "a")), std::nullopt);
  EXPECT_OK(cache.clear());
  EXPECT_EQ(unwrap(cache.usage()).artifacts, 0U);
}

TEST_F(ArtifactCacheTest, ClearKeepsOtherFiles) {
  const ArtifactCache cache = open();
  EXPECT_OK(cache.put(digest(1), "a", bytes_of("x")));
  std::ofstream(directory / "README") << "unrelated";
  std::filesystem::create_directory(directory / (std::string(64, '0') + "-directory"));
  EXPECT_OK(cache.clear());
  EXPECT_TRUE(std::filesystem::exists(directory / "README"));
  EXPECT_EQ(unwrap(cache.usage()).artifacts, 0U);
}

TEST_F(ArtifactCacheTest, EvictsTheLeastRecentlyUsedArtifacts) {
  const ArtifactCache cache = open(30);
  const std::string ten(10, 'x');
  for (int i = 1; i <= 3; ++i) {
    set_used(unwrap(cache.put(digest(i), "f", bytes_of(ten))), std::chrono::hours(10 - i));
  }
  EXPECT_NE(unwrap(cache.find(digest(1), "f")), std::nullopt);  // Used now: the second is the oldest.
  EXPECT_OK(cache.put(digest(4), "f", bytes_of(ten)));
  EXPECT_NE(unwrap(cache.find(digest(1), "f")), std::nullopt);
  EXPECT_EQ(unwrap(cache.find(digest(2), "f")), std::nullopt);
  EXPECT_NE(unwrap(cache.find(digest(3), "f")), std::nullopt);
  EXPECT_EQ(unwrap(cache.usage()).bytes, 30U);
}

TEST_F(ArtifactCacheTest, NeverEvictsTheNewArtifact) {
  const ArtifactCache cache = open(5);
  EXPECT_OK(cache.put(digest(1), "f", bytes_of("1234")));
  EXPECT_OK(cache.put(digest(2), "f", bytes_of("larger than the limit of the cache")));
  EXPECT_EQ(unwrap(cache.find(digest(1), "f")), std::nullopt);
  EXPECT_NE(unwrap(cache.find(digest(2), "f")), std::nullopt);
}

TEST_F(ArtifactCacheTest, RecordsUseAtACoarseResolution) {
  const ArtifactCache cache = open();
  const auto path = unwrap(cache.put(digest(1), "f", bytes_of("x")));
  set_used(path, std::chrono::minutes(2));
  EXPECT_NE(unwrap(cache.find(digest(1), "f")), std::nullopt);
  EXPECT_GE(seconds_unused(path), 100);
  set_used(path, std::chrono::minutes(20));
  EXPECT_NE(unwrap(cache.find(digest(1), "f")), std::nullopt);
  EXPECT_LE(seconds_unused(path), 60);
}

TEST_F(ArtifactCacheTest, RemovesOldFilesOfKilledWriters) {
  const ArtifactCache cache = open();
  EXPECT_OK(cache.put(digest(1), "f", bytes_of("x")));
  std::ofstream(directory / ".writing-1-1-old") << "half";
  set_used(directory / ".writing-1-1-old", std::chrono::minutes(61));
  std::ofstream(directory / ".writing-1-2-new") << "half";
  EXPECT_OK(cache.put(digest(2), "f", bytes_of("x")));
  EXPECT_FALSE(std::filesystem::exists(directory / ".writing-1-1-old"));
  EXPECT_TRUE(std::filesystem::exists(directory / ".writing-1-2-new"));
  EXPECT_EQ(unwrap(cache.usage()).artifacts, 2U);
}

TEST_F(ArtifactCacheTest, RefusesADirectoryThatOthersCanWrite) {
  const ArtifactCache cache = open();
  EXPECT_OK(cache.put(digest(1), "f", bytes_of("x")));
  for (const mode_t mode : {0770U, 0702U, 01777U}) {
    ASSERT_EQ(::chmod(directory.c_str(), mode), 0);
    EXPECT_ERROR(ArtifactCache::open(directory), untrusted_file);
    EXPECT_ERROR(cache.find(digest(1), "f"), untrusted_file);
    EXPECT_ERROR(cache.put(digest(1), "f", bytes_of("x")), untrusted_file);
    EXPECT_ERROR(cache.usage(), untrusted_file);
    EXPECT_ERROR(cache.clear(), untrusted_file);
  }
  EXPECT_THAT(message_of(ArtifactCache::open(directory)),
              testing::AllOf(HasSubstr(directory.string()), HasSubstr("mode 1777"), HasSubstr("remove it")));
  ASSERT_EQ(::chmod(directory.c_str(), 0755), 0);
  EXPECT_OK(ArtifactCache::open(directory));
}

TEST_F(ArtifactCacheTest, RefusesAFileThatOthersCanWrite) {
  const ArtifactCache cache = open();
  const auto path = unwrap(cache.put(digest(1), "f", bytes_of("x")));
  ASSERT_EQ(::chmod(path.c_str(), 0620), 0);
  EXPECT_ERROR(cache.find(digest(1), "f"), untrusted_file);
  EXPECT_THAT(message_of(cache.find(digest(1), "f")), HasSubstr(path.string()));
  EXPECT_OK(cache.put(digest(1), "f", bytes_of("y")));
  EXPECT_NE(unwrap(cache.find(digest(1), "f")), std::nullopt) << "a new artifact replaces it";
}

TEST_F(ArtifactCacheTest, RefusesSymbolicLinksAndDirectories) {
  const ArtifactCache cache = open();
  const auto path = unwrap(cache.put(digest(1), "f", bytes_of("x")));
  std::filesystem::rename(path, above / "elsewhere");
  std::filesystem::create_symlink(above / "elsewhere", path);
  EXPECT_ERROR(cache.find(digest(1), "f"), untrusted_file);
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  EXPECT_ERROR(cache.find(digest(1), "f"), untrusted_file);

  std::filesystem::create_directory_symlink(directory, above / "link");
  EXPECT_ERROR(ArtifactCache::open(above / "link"), untrusted_file);
  EXPECT_ERROR(ArtifactCache::open(above / "link/"), untrusted_file);
  std::filesystem::create_directory_symlink(above / "nowhere", above / "dangling");
  EXPECT_ERROR(ArtifactCache::open(above / "dangling"), untrusted_file);
}

TEST_F(ArtifactCacheTest, RefusesFilesAndDirectoriesOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const ArtifactCache cache = open();
  const auto path = unwrap(cache.put(digest(1), "f", bytes_of("x")));
  ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
  EXPECT_ERROR(cache.find(digest(1), "f"), untrusted_file);
  ASSERT_EQ(::chown(directory.c_str(), 65534, 65534), 0);
  EXPECT_ERROR(ArtifactCache::open(directory), untrusted_file);
  EXPECT_ERROR(cache.put(digest(1), "f", bytes_of("x")), untrusted_file);
}

TEST_F(ArtifactCacheTest, ReadsFromADirectoryThatIsNotWritable) {
  const auto path = unwrap(open().put(digest(1), "f", bytes_of("x")));
  set_used(path, std::chrono::hours(1));
  // Root can write anywhere, so the child drops its privileges; user 65534 must be able to reach the directory.
  const int status =
      ChildProcess([&] {
        if (::geteuid() == 0) {
          if (::chmod(above.path().c_str(), 0755) != 0 || ::chmod((above / "data").c_str(), 0755) != 0 ||
              ::chown(directory.c_str(), 65534, 65534) != 0 || ::chown(path.c_str(), 65534, 65534) != 0 ||
              ::setuid(65534) != 0) {
            return 2;
          }
        }
        if (::chmod(directory.c_str(), 0500) != 0) return 3;
        const ArtifactCache cache = open();
        if (unwrap(cache.find(digest(1), "f")) != path) return 4;
        const auto put = cache.put(digest(2), "f", bytes_of("x"));
        return !put && put.error().code() == ErrorCode::io ? 0 : 5;
      }).wait();
  EXPECT_EQ(status, 0);
  EXPECT_EQ(::chmod(directory.c_str(), 0700), 0);  // So that it can be removed.
}

TEST_F(ArtifactCacheTest, AnEvictedArtifactStaysMapped) {
  const ArtifactCache cache = open(5);
  const auto path = unwrap(cache.put(digest(1), "f", bytes_of("code")));
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  void* mapped = ::mmap(nullptr, 4, PROT_READ, MAP_PRIVATE, file, 0);
  ::close(file);
  ASSERT_NE(mapped, MAP_FAILED);
  EXPECT_OK(cache.put(digest(1), "f", bytes_of("over")));
  EXPECT_OK(cache.put(digest(2), "f", bytes_of("four")));
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(std::memcmp(mapped, "code", 4), 0);
  ::munmap(mapped, 4);
}

/// An artifact whose completeness can be checked: one character, repeated.
std::string artifact(int seed) {
  std::string text(40'000, static_cast<char>('a' + seed % 26));
  text += "END";
  return text;
}

bool is_whole(const std::string& text) {
  return text.size() == 40'003 && text.ends_with("END") &&
         text.find_first_not_of(text.front()) == text.size() - 3;
}

TEST_F(ArtifactCacheTest, ManyProcessesPutAndFindConcurrently) {
  const auto statuses = in_processes(12, [&](int process) {
    const ArtifactCache cache = open(300'000);  // Room for seven of ten artifacts.
    std::minstd_rand random(static_cast<unsigned>(process));
    for (int round = 0; round < 40; ++round) {
      const int number = static_cast<int>(random() % 10);
      const auto found = unwrap(cache.find(digest(number), "f"));
      if (!found) {
        unwrap(cache.put(digest(number), "f", bytes_of(artifact(process + round))));
      } else if (const std::string text = read_file(*found); !is_whole(text)) {
        // It may have been evicted by now, but it is never partial.
        if (!text.empty()) return 1;
      }
    }
    return 0;
  });
  EXPECT_THAT(statuses, testing::Each(0));
  const auto usage = unwrap(open().usage());
  EXPECT_LE(usage.bytes, 300'000U);
  EXPECT_GT(usage.artifacts, 0U);
  EXPECT_EQ(names_in(directory).size(), usage.artifacts) << "no temporary file is left";
}

TEST_F(ArtifactCacheTest, AKilledWriterLeavesNoPartialArtifact) {
  std::minstd_rand random(7);
  for (int round = 0; round < 100; ++round) {
    ChildProcess writer([&] {
      const ArtifactCache cache = open();
      for (int i = 0;; ++i) unwrap(cache.put(digest(i % 3), "f", bytes_of(artifact(i))));
      return 0;
    });
    EXPECT_EQ(writer.kill_after(std::chrono::microseconds(random() % 4000)), -SIGKILL);
    for (int i = 0; i < 3; ++i) {
      if (const auto found = unwrap(open().find(digest(i), "f"))) {
        EXPECT_TRUE(is_whole(read_file(*found)));
      }
    }
  }
  for (const std::string& name : names_in(directory)) {
    if (name.starts_with(".")) set_used(directory / name, std::chrono::hours(2));
  }
  EXPECT_OK(open().put(digest(1), "f", bytes_of("x")));
  EXPECT_EQ(names_in(directory).size(), unwrap(open().usage()).artifacts);
}

}  // namespace
}  // namespace tairitsu::detail

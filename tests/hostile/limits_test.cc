// The limits that SECURITY.md lists, each with a guest that hits it.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "support.h"

namespace tairitsu::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::uint32_t kAll = 1U << 30;

/// A temporary directory with `files` files.
class Directory {
 public:
  explicit Directory(unsigned files = 1) {
    std::string name = (std::filesystem::temp_directory_path() / "tairitsu-hostile-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create a temporary directory");
    path_ = name;
    std::ofstream(path_ / "file") << std::string(100'000, 'x');
    for (unsigned i = 1; i < files; ++i) std::ofstream(path_ / (std::string(100, 'n') + std::to_string(i)));
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  [[nodiscard]] WasiOptions wasi() const {
    WasiOptions options;
    options.directories = {{.host = path_, .guest = "/", .read_only = true}};
    options.connect = {"loopback"};
    options.bind = {"loopback"};
    return options;
  }

 private:
  std::filesystem::path path_;
};

Container greedy(const Directory& directory, const Limits& limits, const Image& image = load("greedy.wasm")) {
  return unwrap(Container::builder(image).with_wasi(directory.wasi()).with_limits(limits).build());
}

Result<std::uint32_t> take(const Container& container, std::string_view what, std::uint32_t count = kAll) {
  return function_of<std::uint32_t(std::uint32_t)>(container, what)(count);
}

/// Drops the value of a result.
Result<void> discard(const auto& result) {
  if (!result) return std::unexpected(result.error());
  return {};
}

Result<void> compile(const CompileLimits& limits, std::string_view text) {
  const Engine engine = unwrap(Engine::create({.compile_limits = limits}));
  return discard(Image::from_text(engine, text));
}

/// The default limits.
const CompileLimits kDefaults;

/// The attacks, keyed by the limit's C++ name in the table.
const std::map<std::string, std::function<Result<void>()>>& attacks() {
  static const std::map<std::string, std::function<Result<void>()>> all{
      {"Limits::fuel",
       [] {
         const Engine engine = unwrap(Engine::create({.fuel = true}));
         const auto guest = start(load(engine, "hostile.wat"), {}, {.fuel = 100'000});
         return function_of<void()>(guest, "loop-forever")();
       }},
      {"Limits::deadline",
       [] {
         const Engine engine = unwrap(Engine::create({.epochs = true}));
         const auto guest = start(load(engine, "hostile.wat"), {}, {.deadline = 50ms});
         return function_of<void()>(guest, "loop-forever")();
       }},
      {"Limits::memory_bytes",
       [] {
         const Directory directory;
         return discard(take(greedy(directory, {.memory_bytes = 64 * kMiB}), "bodies"));
       }},
      {"Limits::table_elements",
       [] {
         return discard(Container::builder(from_text("(component (core module $m (table 500000000 funcref)) "
                                                     "(core instance (instantiate $m)))"))
                            .build());
       }},
      {"Limits::instances",
       [] { return discard(Container::builder(load("growing.wat")).with_limits({.instances = 1}).build()); }},
      {"Limits::resource_handles",
       [] {
         const Directory directory;
         return discard(take(greedy(directory, {}), "pollables"));
       }},
      {"Limits::descriptors",
       [] {
         const Directory directory;
         return discard(take(greedy(directory, {}), "files"));
       }},
      {"Limits::copied_bytes_per_call",
       [] {
         const auto guest = start("hostile.wat");
         return discard(function_of<std::vector<std::string>(std::uint32_t)>(guest, "alloc-strings")(3000));
       }},
      {"EngineOptions::total_memory_bytes",
       []() -> Result<void> {
         const Engine engine = unwrap(Engine::create({.total_memory_bytes = 64 * kMiB}));
         const Image image = load(engine, "greedy.wasm");
         const Directory directory;
         const Container first = greedy(directory, {}, image);
         const Container second = greedy(directory, {}, image);
         TAIRITSU_RETURN_IF_ERROR(take(first, "bodies", 40));
         return discard(take(second, "bodies", 40));
       }},
      {"EngineOptions::total_descriptors",
       []() -> Result<void> {
         const Engine engine = unwrap(Engine::create({.total_descriptors = 30}));
         const Image image = load(engine, "greedy.wasm");
         const Directory directory;
         const Container first = greedy(directory, {}, image);
         const Container second = greedy(directory, {}, image);
         TAIRITSU_RETURN_IF_ERROR(take(first, "files", 20));
         return discard(take(second, "files", 20));
       }},
      {"EngineOptions::max_wasm_stack",
       [] {
         const auto guest = start(from_text(R"((component
           (core module $m (func $f (export "f") (call $f)))
           (core instance $i (instantiate $m))
           (func (export "f") (canon lift (core func $i "f")))))"));
         return function_of<void()>(guest, "f")();
       }},
      {"PoolOptions::max_components",
       []() -> Result<void> {
         const Engine engine = unwrap(Engine::create({.pool = PoolOptions{.max_components = 1}}));
         const Image image = load(engine, "hostile.wat");
         const Container first = unwrap(Container::builder(image).build());
         return discard(Container::builder(image).build());
       }},
      {"CompileLimits::nesting",
       [] {
         const unsigned depth = kDefaults.nesting + 1;
         return compile(
             {}, "(component (core module (func " + repeat("block ", depth) + repeat("end ", depth) + ")))");
       }},
      {"CompileLimits::function_bytes",
       [] {
         const auto nops = static_cast<unsigned>(kDefaults.function_bytes + 1);
         return compile({}, "(component (core module (func " + repeat("nop ", nops) + ")))");
       }},
      {"CompileLimits::functions",
       [] { return compile({.functions = 2}, "(component (core module (func) (func) (func)))"); }},
      {"CompileLimits::modules",
       [] { return compile({}, "(component" + repeat("(component (core module))", 501) + ")"); }},
      {"CompileLimits::module_depth",
       [] { return compile({}, repeat("(component ", 52) + repeat(")", 52)); }},
      {"CompileLimits::items",
       [] { return compile({.items = 2}, "(component (type u8) (type u8) (type u8))"); }},
      {"CompileLimits::source_bytes",
       [] {
         return compile({.source_bytes = 1000}, "(component (@custom \"x\" \"" + repeat("y", 1000) + "\"))");
       }},
  };
  return all;
}

struct Row {
  std::string name;
  std::string code;
};

/// Returns the rows of the table in SECURITY.md that name a C++ option.
std::vector<Row> rows() {
  std::ifstream file(TAIRITSU_SECURITY_MD);
  std::vector<Row> found;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| `")) continue;
    const auto name_end = line.find('`', 3);
    const auto code_end = line.rfind('`');
    const auto code_begin = line.rfind('`', code_end - 1);
    found.push_back({.name = line.substr(3, name_end - 3),
                     .code = line.substr(code_begin + 1, code_end - code_begin - 1)});
  }
  return found;
}

TEST(HostileLimits, IncludeEveryRowOfSecurityMd) {
  std::size_t tried = 0;
  for (const Row& row : rows()) {
    const auto attack = attacks().find(row.name);
    ASSERT_NE(attack, attacks().end()) << row.name << " is in SECURITY.md, but has no attack";
    const auto hit = attack->second();
    ASSERT_FALSE(hit) << row.name;
    EXPECT_EQ(to_string(hit.error().code()), row.code) << row.name << ": " << describe(hit.error());
    ++tried;
  }
  EXPECT_EQ(tried, attacks().size()) << "SECURITY.md lacks a limit";
}

/// Returns the process's resident memory in bytes.
std::uint64_t resident() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t here = 0;
  file >> all >> here;
  return here * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// Resident memory may exceed the limit by a tenth plus 64 MiB.
TEST(HostileLimits, CountHostAllocationsAsGuestMemory) {
  const Directory directory(2000);
  constexpr std::uint64_t kLimit = 100 * kMiB;
  load("greedy.wasm");
  for (const std::string_view what : {"bodies", "fields", "methods", "streams", "listings", "pollables"}) {
    [[maybe_unused]] const std::uint64_t before = resident();
    const Container guest = greedy(
        directory, {.memory_bytes = kLimit, .resource_handles = 100'000'000, .descriptors = 1'000'000});
    const auto taken = take(guest, what);
    EXPECT_ERROR(taken, memory_limit) << what;
#if !defined(TAIRITSU_SANITIZED)
    EXPECT_LE(resident(), before + kLimit + kLimit / 10 + 64 * kMiB) << what;
#endif
    EXPECT_EQ(guest.state(), ContainerState::error);
  }
}

TEST(HostileLimits, CountTablesAndTheGcHeapAsMemory) {
  const Limits limits{.memory_bytes = 32 * kMiB, .table_elements = UINT64_MAX};
  const auto table = [](std::string_view size) {
    return from_text("(component (core module $m (table " + std::string(size) +
                     " funcref)) (core instance (instantiate $m)))");
  };
  EXPECT_OK(Container::builder(table("1000000")).with_limits(limits).build());
  EXPECT_ERROR(Container::builder(table("5000000")).with_limits(limits).build(), memory_limit);
  const auto growing = start(from_text(R"((component
    (core module $m
      (table $t 1 funcref)
      (func (export "grow") (loop $again
        (drop (table.grow $t (ref.null func) (i32.const 100000))) (br $again))))
    (core instance $i (instantiate $m))
    (func (export "grow") (canon lift (core func $i "grow")))))"),
                             {}, limits);
  EXPECT_ERROR(function_of<void()>(growing, "grow")(), memory_limit);
  const auto gc = start(from_text(R"((component
    (core module $m
      (type $node (struct (field (ref null $node)) (field i64)))
      (global $list (mut (ref null $node)) (ref.null $node))
      (func (export "fill") (loop $again
        (global.set $list (struct.new $node (global.get $list) (i64.const 1))) (br $again))))
    (core instance $i (instantiate $m))
    (func (export "fill") (canon lift (core func $i "fill")))))"),
                        {}, limits);
  EXPECT_ERROR(function_of<void()>(gc, "fill")(), memory_limit);
}

TEST(HostileLimits, DoNotCountFreedResources) {
  const Directory directory(200);
  const Container guest = greedy(directory, {.memory_bytes = 32 * kMiB, .descriptors = 8});
  EXPECT_EQ(unwrap(take(guest, "temporary-bodies", 200)), 200U);
  EXPECT_EQ(unwrap(take(guest, "temporary-files", 200)), 200U);
  EXPECT_EQ(unwrap(take(guest, "temporary-listings", 200)), 200U);
}

TEST(HostileLimits, CountFilesAndSocketsAsDescriptors) {
  const Directory directory;
  for (const std::string_view what : {"files", "tcp-sockets", "udp-sockets"}) {
    const Container guest = greedy(directory, {.descriptors = 20});
    EXPECT_EQ(unwrap(take(guest, what, 19)), 19U) << what;
    EXPECT_ERROR(take(guest, what, 2), descriptor_limit) << what;
  }
  const Container guest = greedy(directory, {.descriptors = 20});
  auto connect = function_of<std::uint32_t(std::uint32_t, std::uint16_t)>(guest, "connections");
  EXPECT_ERROR(connect(100, 47'911), descriptor_limit);
}

TEST(HostileLimits, ReduceTheTotalWhenAContainerEnds) {
  const Engine engine = unwrap(Engine::create({.total_memory_bytes = 64 * kMiB, .total_descriptors = 30}));
  const Image image = load(engine, "greedy.wasm");
  const Directory directory;
  for (int i = 0; i < 5; ++i) {
    const Container guest = greedy(directory, {}, image);
    EXPECT_EQ(unwrap(take(guest, "bodies", 20)), 20U);
    EXPECT_EQ(unwrap(take(guest, "files", 20)), 20U);
  }
}

}  // namespace
}  // namespace tairitsu::test

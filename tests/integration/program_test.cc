// Programs: WASI 0.2 components and preview 1 core modules.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "processes.h"
#include "sha256.h"
#include "support.h"

namespace tairitsu::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

const Engine& engine() {
  static const Engine shared = unwrap(Engine::create({.fuel = true, .epochs = true}));
  return shared;
}

/// One program as a component and as a core module.
class ProgramForm : public ::testing::TestWithParam<const char*> {
 protected:
  static const Program& program() {
    static const Program component = unwrap(Program::from_file(engine(), guest_path("wasi_tool.wasm")));
    static const Program module = unwrap(Program::from_file(engine(), guest_path("wasi_tool.dir/core.wasm")));
    return std::string_view(GetParam()) == "Component" ? component : module;
  }
  static WasiOptions with(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "tool");
    return {.arguments = std::move(arguments),
            .standard_output = Output::capture,
            .standard_error = Output::capture};
  }
  static Result<int> run(std::vector<std::string> arguments, const Limits& limits = {}) {
    auto process = program().create(with(std::move(arguments)), limits);
    return process ? process->run() : std::unexpected(process.error());
  }
};
INSTANTIATE_TEST_SUITE_P(Of, ProgramForm, ::testing::Values("Component", "Module"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(ProgramForm, ReturnsItsExitStatusAndOutput) {
  auto process = unwrap(program().create(with({"arguments", "a"})));
  EXPECT_EQ(unwrap(process.run()), 0);
  EXPECT_EQ(process.standard_output(), "tool\narguments\na\n");
  EXPECT_EQ(process.standard_error(), "");
  EXPECT_GT(process.memory_bytes(), 0U);
  EXPECT_NE(unwrap(run({"nonsense"})), 0);
}

TEST_P(ProgramForm, RunsOnce) {
  auto process = unwrap(program().create(with({"arguments"})));
  EXPECT_EQ(unwrap(process.run()), 0);
  EXPECT_FALSE(process.run().has_value());
}

TEST_P(ProgramForm, RunsInSeveralThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int n = 0; n < 20; ++n) EXPECT_EQ(unwrap(run({"arguments"})), 0);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_P(ProgramForm, IsLimited) {
  EXPECT_ERROR(run({"spin"}, {.fuel = 100'000}), fuel_exhausted);
  EXPECT_ERROR(run({"grow"}, {.memory_bytes = 4U << 20U}), memory_limit);
  EXPECT_ERROR(run({"spin"}, {.deadline = 100ms}), deadline_exceeded);
  EXPECT_ERROR(run({"sleep", "20000"}, {.deadline = 100ms}), deadline_exceeded);
  const auto trapped = run({"trap"});
  ASSERT_ERROR(trapped, trap);
  EXPECT_THAT(trapped.error().backtrace(), HasSubstr("main"));
}

TEST_P(ProgramForm, CanBeInterrupted) {
  for (const char* verb : {"spin", "sleep"}) {
    auto process = unwrap(program().create(with({verb, "20000"})));
    std::atomic<bool> done = false;
    std::thread other([&, handle = process.interrupt_handle()] {
      // Gives the process time to reach the verb; an interrupt has no effect before the process runs.
      while (!done) {
        std::this_thread::sleep_for(20ms);
        handle.interrupt();
      }
    });
    const auto interrupted = process.run();
    done = true;
    EXPECT_ERROR(interrupted, interrupted);
    other.join();
  }
}

TEST_P(ProgramForm, PassesLinesToTheHost) {
  std::vector<std::string> lines;
  std::vector<std::string> errors;
  {
    WasiOptions wasi = with({"input"});
    wasi.standard_input = Input::text;
    wasi.input_text = "one\ntwo\n\nthree";
    wasi.standard_output = Output::lines;
    wasi.on_output_line = [&](std::string_view line) { lines.emplace_back(line); };
    EXPECT_EQ(unwrap(unwrap(program().create(wasi)).run()), 0);
    wasi.arguments = {"tool", "nonsense"};
    wasi.standard_error = Output::lines;
    wasi.on_error_line = [&](std::string_view line) { errors.emplace_back(line); };
    EXPECT_NE(unwrap(unwrap(program().create(wasi)).run()), 0);
  }
  EXPECT_THAT(lines, ElementsAre("one", "two", "", "three"));
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_THAT(errors[0], HasSubstr("nonsense"));
}

TEST_P(ProgramForm, SplitsLongLines) {
  std::vector<std::size_t> sizes;
  WasiOptions wasi = with({"input"});
  wasi.standard_input = Input::text;
  wasi.input_text = std::string(150'000, 'x');
  wasi.standard_output = Output::lines;
  wasi.on_output_line = [&](std::string_view line) { sizes.push_back(line.size()); };
  EXPECT_EQ(unwrap(unwrap(program().create(wasi)).run()), 0);
  EXPECT_THAT(sizes, ElementsAre(65536, 65536, 150'000 - 2 * 65536));
}

TEST_P(ProgramForm, IgnoresExceptionsOfTheListener) {
  WasiOptions wasi = with({"arguments"});
  wasi.standard_output = Output::lines;
  wasi.on_output_line = [](std::string_view) { throw std::runtime_error("no"); };
  EXPECT_EQ(unwrap(unwrap(program().create(wasi)).run()), 0);
}

TEST_P(ProgramForm, ReadsAndAppendsToFiles) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() / "in.txt") << "from a file\n";
  WasiOptions wasi = with({"input"});
  wasi.standard_input = Input::file;
  wasi.input_file = directory.path() / "in.txt";
  wasi.standard_output = Output::file;
  wasi.output_file = directory.path() / "out.txt";
  EXPECT_EQ(unwrap(unwrap(program().create(wasi)).run()), 0);
  EXPECT_EQ(unwrap(unwrap(program().create(wasi)).run()), 0);
  std::ifstream out(directory.path() / "out.txt");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(out), {}), "from a file\nfrom a file\n");
  wasi.input_file = directory.path() / "none.txt";
  const auto missing = program().create(wasi);
  ASSERT_ERROR(missing, io);
  EXPECT_THAT(missing.error().message(), HasSubstr("none.txt"));
}

TEST_P(ProgramForm, LoadsFromAnArtifact) {
  const TemporaryDirectory directory;
  const auto artifact = unwrap(program().precompile());
  const auto path = directory.path() / "tool.cwasm";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(artifact.data()), static_cast<std::streamsize>(artifact.size()));
  const auto loaded = unwrap(Program::from_trusted_artifact_file(engine(), path));
  EXPECT_EQ(unwrap(unwrap(loaded.create(with({"arguments"}))).run()), 0);
  const auto other = unwrap(Engine::create());
  EXPECT_ERROR(Program::from_trusted_artifact_file(other, path), artifact_mismatch);
}

TEST(Program, KeepsTheExitStatusOfACoreModule) {
  const auto program = unwrap(Program::from_file(engine(), guest_path("wasi_tool.dir/core.wasm")));
  for (const int status : {0, 1, 42, 126, 255}) {
    auto process = unwrap(program.create({.arguments = {"tool", "exit", std::to_string(status)}}));
    EXPECT_EQ(unwrap(process.run()), status);
  }
}

TEST(Program, RejectsWhatIsNotAProgram) {
  EXPECT_ERROR(Program::from_bytes(engine(), std::as_bytes(std::span("(component)"))), not_wasm);
  const std::string_view component = "(component)";
  EXPECT_ERROR(Program::from_bytes(engine(), std::as_bytes(std::span(component))), unsupported_type);
  const std::string_view module = "(module)";
  EXPECT_ERROR(Program::from_bytes(engine(), std::as_bytes(std::span(module))), unsupported_type);
  const std::string_view imports = R"((module (import "env" "f" (func)) (func (export "_start"))))";
  EXPECT_ERROR(Program::from_bytes(engine(), std::as_bytes(std::span(imports))), missing_import);
  const auto missing = Program::from_file(engine(), guest_path("none.wasm"));
  ASSERT_ERROR(missing, io);
  EXPECT_THAT(missing.error().message(), HasSubstr("none.wasm"));
}

TEST(Program, CanBeCreatedFromACommandImage) {
  const auto image = load(engine(), "wasi_tool.wasm");
  EXPECT_EQ(
      unwrap(unwrap(unwrap(Program::from_image(image)).create({.arguments = {"tool", "arguments"}})).run()),
      0);
  EXPECT_ERROR(Program::from_image(load(engine(), "echo.wat")), unsupported_type);
}

TEST(CompilationCache, CompilesOnceForEachKindOfEngine) {
  const TemporaryDirectory directory;
  const auto cache = unwrap(CompilationCache::open(directory.path() / "compiled"));
  const auto count = [&] {
    std::error_code none;
    const std::filesystem::directory_iterator entries(directory.path() / "compiled", none);
    return std::distance(begin(entries), end(entries));
  };
  EXPECT_EQ(count(), 0);
  const std::string_view source = "(component)";
  const auto bytes = std::as_bytes(std::span(source));
  const auto first = unwrap(cache.image(engine(), bytes));
  EXPECT_EQ(count(), 1);
  EXPECT_EQ(unwrap(cache.image(engine(), bytes)).digest(), first.digest());
  EXPECT_EQ(count(), 1);
  EXPECT_EQ(unwrap(cache.image(unwrap(Engine::create({.fuel = true})), bytes)).digest(), first.digest());
  EXPECT_EQ(count(), 2);
  EXPECT_ERROR(cache.program(engine(), bytes), unsupported_type);
  EXPECT_ERROR(cache.image(engine(), std::as_bytes(std::span("nonsense"))), not_wasm);
  EXPECT_EQ(count(), 2);
}

/// A cache with the artifacts of two programs, which exit with status 7 and 8.
class SealedCache : public ::testing::Test {
 protected:
  static std::string text(int status) {
    return R"((module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const )" +
           std::to_string(status) + "))))";
  }
  /// Returns the program's exit status, and whether it was compiled.
  std::pair<int, bool> run(int status) const {
    auto cache = unwrap(CompilationCache::open(directory_));
    bool compiled = false;
    cache.on_compile([&](std::size_t) { compiled = true; });
    const std::string source = text(status);
    const auto program = unwrap(cache.program(engine(), std::as_bytes(std::span(source))));
    auto process = unwrap(program.create({}));
    return {unwrap(process.run()), compiled};
  }
  [[nodiscard]] std::filesystem::path artifact_of(int status) const {
    const std::string source = text(status);
    const std::string digest = test::digest_of_text(source).substr(7);
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      if (entry.path().filename().string().starts_with(digest)) return entry.path();
    }
    ADD_FAILURE() << "no artifact of program " << status;
    return {};
  }
  static std::string content(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void write_file(const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }
  void SetUp() override {
    for (const int status : {7, 8}) {
      ASSERT_EQ(run(status), std::pair(status, true));
      ASSERT_EQ(run(status), std::pair(status, false));
    }
  }
  void expect_recompiled(const std::string& what) const {
    EXPECT_EQ(run(7), std::pair(7, true)) << what;
    EXPECT_EQ(run(7), std::pair(7, false)) << what;
  }

  TemporaryDirectory above_;
  std::filesystem::path directory_ = above_ / "artifacts";
};

TEST_F(SealedCache, RejectsAnArtifactCopiedOverAnother) {
  std::filesystem::copy_file(artifact_of(8), artifact_of(7),
                             std::filesystem::copy_options::overwrite_existing);
  expect_recompiled("another program's artifact");
  // Nor an artifact of an engine with other options, whose code does not check epochs.
  const Engine other = unwrap(Engine::create({.fuel = true}));
  const auto cache = unwrap(CompilationCache::open(directory_));
  const std::string source = text(7);
  unwrap(cache.program(other, std::as_bytes(std::span(source))));
  std::vector<std::filesystem::path> both;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    if (entry.path().filename().string().starts_with(digest_of_text(source).substr(7)))
      both.push_back(entry.path());
  }
  ASSERT_EQ(both.size(), 2U);
  const std::string first = content(both[0]);
  write_file(both[0], content(both[1]));
  write_file(both[1], first);
  EXPECT_EQ(run(7), std::pair(7, true));
}

TEST_F(SealedCache, RejectsAModifiedArtifact) {
  const auto path = artifact_of(7);
  const std::string whole = content(path);
  // Covers every part: headers, code, data of the code, and the trailer.
  for (std::size_t at = 0; at < whole.size(); at += whole.size() / 40 + 1) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
    write_file(path, changed);
    expect_recompiled("byte " + std::to_string(at));
  }
  for (std::size_t at = whole.size() - 192; at < whole.size(); at += 8) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write_file(path, changed);
    expect_recompiled("byte " + std::to_string(at));
  }
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{191}, whole.size() / 2, whole.size() - 1}) {
    write_file(path, whole.substr(0, size));
    expect_recompiled(std::to_string(size) + " bytes");
  }
  write_file(path, whole + "x");
  expect_recompiled("longer");
  // An artifact without a seal, which would load as a trusted file.
  const std::string source = text(8);
  const auto program = unwrap(Program::from_bytes(engine(), std::as_bytes(std::span(source))));
  const auto artifact = unwrap(program.precompile());
  write_file(path, std::string(reinterpret_cast<const char*>(artifact.data()), artifact.size()));
  expect_recompiled("not sealed");
}

TEST_F(SealedCache, RecompilesWithoutItsKey) {
  const std::filesystem::path key = directory_.string() + ".key";
  ASSERT_EQ(std::filesystem::file_size(key), 32U);
  std::filesystem::remove(key);
  expect_recompiled("no key");
  write_file(key, std::string(32, 'x'));
  expect_recompiled("another key");
  std::filesystem::resize_file(key, 31);
  expect_recompiled("a damaged key");
  // An artifact sealed with another cache's key.
  const auto other = unwrap(CompilationCache::open(above_ / "other"));
  const std::string source = text(7);
  unwrap(other.program(engine(), std::as_bytes(std::span(source))));
  for (const auto& entry : std::filesystem::directory_iterator(above_ / "other")) {
    std::filesystem::copy_file(entry.path(), artifact_of(7),
                               std::filesystem::copy_options::overwrite_existing);
  }
  expect_recompiled("another cache's artifact");
}

/// Returns the instance that a command exports; its function succeeds or traps.
std::string run_instance(std::string_view name, bool succeeds, bool is_async) {
  const std::string id(name);
  return "(core module $m" + id + " (func (export \"run\") (result i32) " +
         (succeeds ? "(i32.const 0)" : "unreachable") + ")) (core instance $i" + id + " (instantiate $m" +
         id + ")) (func $f" + id + (is_async ? " async" : "") +
         " (result (result)) (canon lift (core func $i" + id + " \"run\"))) (instance $" + id +
         " (export \"run\" (func $f" + id + ")))";
}

// Rust programs for WASI 0.3 also export a run function for 0.2, which only panics.
TEST(Program, RunsTheNewestOfSeveralCommands) {
  const Engine with_async_abi = unwrap(Engine::create({.async_abi = true}));
  const std::string definitions = run_instance("old", false, false) + run_instance("new", true, true);
  const std::string old_export = R"((export "wasi:cli/run@0.2.6" (instance $old)))";
  const std::string new_export = R"((export "wasi:cli/run@0.3.0" (instance $new)))";
  for (const auto& exports : {old_export + new_export, new_export + old_export, new_export}) {
    const std::string text = "(component " + definitions + exports + ")";
    const auto program = unwrap(Program::from_bytes(with_async_abi, std::as_bytes(std::span(text))));
    EXPECT_EQ(unwrap(unwrap(program.create({})).run()), 0) << text;
  }
  const std::string only_old = "(component " + definitions + old_export + ")";
  const auto program = unwrap(Program::from_bytes(with_async_abi, std::as_bytes(std::span(only_old))));
  EXPECT_ERROR(unwrap(program.create({})).run(), trap);
}

TEST(CompilationCache, EnablesTheAsyncAbiIfNeeded) {
  const TemporaryDirectory directory;
  const auto cache = unwrap(CompilationCache::open(directory.path() / "compiled"));
  const std::string_view source = "(component (type (stream u8)))";
  const auto bytes = std::as_bytes(std::span(source));
  EXPECT_ERROR(Image::from_bytes(engine(), bytes), async_abi_off);
  for (int i = 0; i < 2; ++i) {
    const auto image = unwrap(cache.image(engine(), bytes));
    EXPECT_TRUE(image.engine().options().async_abi);
  }
}

TEST(CompilationCache, ReadsAnImageFromTheStoreOnlyToCompileIt) {
  const TemporaryDirectory directory;
  auto store = unwrap(ImageStore::open(directory.path()));
  const auto cache = unwrap(CompilationCache::open(store.artifact_directory()));
  const std::string tool = read_guest("wasi_tool.wasm");
  const auto bytes = std::as_bytes(std::span(tool));
  const auto stored = unwrap(store.add_image("tool:1", bytes));
  const auto run = [&]() -> Result<int> {
    TAIRITSU_TRY(const auto program, cache.program(engine(), store, stored));
    TAIRITSU_TRY(auto process, program.create({.arguments = {"tool", "exit", "0"}}));
    return process.run();
  };
  EXPECT_EQ(unwrap(cache.image(engine(), store, stored)).digest(), stored.component_digest);
  EXPECT_EQ(unwrap(run()), 0);
  unwrap(store.remove("tool:1"));
  unwrap(store.prune());  // Also removes the artifacts.
  EXPECT_ERROR(cache.image(engine(), store, stored), not_found);

  unwrap(store.add_image("tool:1", bytes));
  EXPECT_EQ(unwrap(run()), 0);
  std::filesystem::remove_all(store.layout_directory());
  EXPECT_EQ(unwrap(run()), 0);
}

TEST(EngineFingerprint, DependsOnlyOnOptionsThatChangeCode) {
  const auto of = [](const EngineOptions& options) {
    return unwrap(unwrap(Engine::create(options)).fingerprint());
  };
  EXPECT_EQ(of({}).size(), 32U);
  EXPECT_EQ(of({}), of({.parallel_compilation = false}));
  EXPECT_EQ(of({}), of({.pool = PoolOptions{.max_components = 2}}));
  EXPECT_NE(of({}), of({.fuel = true}));
  EXPECT_NE(of({}), of({.epochs = true}));
  EXPECT_NE(of({}), of({.async_abi = true}));
}

}  // namespace
}  // namespace tairitsu::test

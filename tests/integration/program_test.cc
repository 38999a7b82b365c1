// Programs: components of WASI 0.2 and core modules of preview 1, run to their end.
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
  static const Engine made = unwrap(Engine::create({.fuel = true, .epochs = true}));
  return made;
}

/// Both forms of one program.
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

TEST_P(ProgramForm, AnswersItsExitStatusAndWhatItPrinted) {
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

TEST_P(ProgramForm, RunsManyAtATime) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int n = 0; n < 20; ++n) EXPECT_EQ(unwrap(run({"arguments"})), 0);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_P(ProgramForm, IsHeldToItsLimits) {
  EXPECT_ERROR(run({"spin"}, {.fuel = 100'000}), fuel_exhausted);
  EXPECT_ERROR(run({"grow"}, {.memory_bytes = 4U << 20U}), memory_limit);
  EXPECT_ERROR(run({"spin"}, {.deadline = 100ms}), deadline_exceeded);
  EXPECT_ERROR(run({"sleep", "20000"}, {.deadline = 100ms}), deadline_exceeded);
  const auto trapped = run({"trap"});
  ASSERT_ERROR(trapped, trap);
  EXPECT_THAT(trapped.error().backtrace(), HasSubstr("main"));
}

TEST_P(ProgramForm, IsInterruptedWhereverItIs) {
  for (const char* verb : {"spin", "sleep"}) {
    auto process = unwrap(program().create(with({verb, "20000"})));
    std::thread other([handle = process.interrupt_handle()] {
      // Until it is running, and then once more: nothing happens to a process that has not begun.
      for (int i = 0; i < 50; ++i) {
        std::this_thread::sleep_for(20ms);
        handle.interrupt();
      }
    });
    EXPECT_ERROR(process.run(), interrupted);
    other.join();
  }
}

TEST_P(ProgramForm, GivesItsLinesToTheHost) {
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

TEST_P(ProgramForm, CutsLinesThatDoNotEnd) {
  std::vector<std::size_t> sizes;
  WasiOptions wasi = with({"input"});
  wasi.standard_input = Input::text;
  wasi.input_text = std::string(150'000, 'x');
  wasi.standard_output = Output::lines;
  wasi.on_output_line = [&](std::string_view line) { sizes.push_back(line.size()); };
  EXPECT_EQ(unwrap(unwrap(program().create(wasi)).run()), 0);
  EXPECT_THAT(sizes, ElementsAre(65536, 65536, 150'000 - 2 * 65536));
}

TEST_P(ProgramForm, SurvivesAListenerThatThrows) {
  WasiOptions wasi = with({"arguments"});
  wasi.standard_output = Output::lines;
  wasi.on_output_line = [](std::string_view) { throw std::runtime_error("no"); };
  EXPECT_EQ(unwrap(unwrap(program().create(wasi)).run()), 0);
}

TEST_P(ProgramForm, ReadsAndAppendsToFiles) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "in.txt") << "from a file\n";
  WasiOptions wasi = with({"input"});
  wasi.standard_input = Input::file;
  wasi.input_file = folder.path() / "in.txt";
  wasi.standard_output = Output::file;
  wasi.output_file = folder.path() / "out.txt";
  EXPECT_EQ(unwrap(unwrap(program().create(wasi)).run()), 0);
  EXPECT_EQ(unwrap(unwrap(program().create(wasi)).run()), 0);
  std::ifstream out(folder.path() / "out.txt");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(out), {}), "from a file\nfrom a file\n");
  wasi.input_file = folder.path() / "none.txt";
  const auto missing = program().create(wasi);
  ASSERT_ERROR(missing, io);
  EXPECT_THAT(missing.error().message(), HasSubstr("none.txt"));
}

TEST_P(ProgramForm, LoadsFromItsArtifact) {
  const TemporaryFolder folder;
  const auto artifact = unwrap(program().precompile());
  const auto path = folder.path() / "tool.cwasm";
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

TEST(Program, IsNoneWithoutABeginning) {
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

TEST(Program, IsMadeOfAnImageThatIsOne) {
  const auto image = load(engine(), "wasi_tool.wasm");
  EXPECT_EQ(
      unwrap(unwrap(unwrap(Program::from_image(image)).create({.arguments = {"tool", "arguments"}})).run()),
      0);
  EXPECT_ERROR(Program::from_image(load(engine(), "echo.wat")), unsupported_type);
}

TEST(CompilationCache, CompilesOnceForEachKindOfEngine) {
  const TemporaryFolder folder;
  const auto cache = unwrap(CompilationCache::open(folder.path() / "compiled"));
  const auto count = [&] {
    std::error_code none;
    const std::filesystem::directory_iterator entries(folder.path() / "compiled", none);
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

/// A cache with the artifacts of two programs that exit with 7 and with 8.
class SealedCache : public ::testing::Test {
 protected:
  static std::string text(int status) {
    return R"((module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
                (memory (export "memory") 1) (func (export "_start") (call $exit (i32.const )" +
           std::to_string(status) + "))))";
  }
  /// How it ends, and whether it was compiled.
  std::pair<int, bool> run(int status) const {
    auto cache = unwrap(CompilationCache::open(folder_));
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
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      if (entry.path().filename().string().starts_with(digest)) return entry.path();
    }
    ADD_FAILURE() << "there is none of " << status;
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
  void expect_anew(const std::string& what) const {
    EXPECT_EQ(run(7), std::pair(7, true)) << what;
    EXPECT_EQ(run(7), std::pair(7, false)) << what;
  }

  TemporaryFolder above_;
  std::filesystem::path folder_ = above_ / "artifacts";
};

TEST_F(SealedCache, DoesNotLoadAnArtifactThatWasCopiedOverAnother) {
  std::filesystem::copy_file(artifact_of(8), artifact_of(7),
                             std::filesystem::copy_options::overwrite_existing);
  expect_anew("another's");
  // Nor one of another kind of engine, whose code does not count fuel or look at the clock.
  const Engine other = unwrap(Engine::create({.fuel = true}));
  const auto cache = unwrap(CompilationCache::open(folder_));
  const std::string source = text(7);
  unwrap(cache.program(other, std::as_bytes(std::span(source))));
  std::vector<std::filesystem::path> both;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    if (entry.path().filename().string().starts_with(digest_of_text(source).substr(7)))
      both.push_back(entry.path());
  }
  ASSERT_EQ(both.size(), 2U);
  const std::string first = content(both[0]);
  write_file(both[0], content(both[1]));
  write_file(both[1], first);
  EXPECT_EQ(run(7), std::pair(7, true));
}

TEST_F(SealedCache, DoesNotLoadAnArtifactThatWasChanged) {
  const auto path = artifact_of(7);
  const std::string whole = content(path);
  // Every part of it: headers, code, what comes with the code, and the trailer.
  for (std::size_t at = 0; at < whole.size(); at += whole.size() / 40 + 1) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
    write_file(path, changed);
    expect_anew("byte " + std::to_string(at));
  }
  for (std::size_t at = whole.size() - 192; at < whole.size(); at += 8) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write_file(path, changed);
    expect_anew("byte " + std::to_string(at));
  }
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, std::size_t{191}, whole.size() / 2, whole.size() - 1}) {
    write_file(path, whole.substr(0, size));
    expect_anew(std::to_string(size) + " bytes");
  }
  write_file(path, whole + "x");
  expect_anew("longer");
  // One that nobody sealed: it would load by itself.
  const std::string source = text(8);
  const auto program = unwrap(Program::from_bytes(engine(), std::as_bytes(std::span(source))));
  const auto artifact = unwrap(program.precompile());
  write_file(path, std::string(reinterpret_cast<const char*>(artifact.data()), artifact.size()));
  expect_anew("not sealed");
}

TEST_F(SealedCache, CompilesAgainWithoutItsKey) {
  const std::filesystem::path key = folder_.string() + ".key";
  ASSERT_EQ(std::filesystem::file_size(key), 32U);
  std::filesystem::remove(key);
  expect_anew("no key");
  write_file(key, std::string(32, 'x'));
  expect_anew("another key");
  std::filesystem::resize_file(key, 31);
  expect_anew("a damaged key");
  // What another cache's key sealed is another's.
  const auto other = unwrap(CompilationCache::open(above_ / "other"));
  const std::string source = text(7);
  unwrap(other.program(engine(), std::as_bytes(std::span(source))));
  for (const auto& entry : std::filesystem::directory_iterator(above_ / "other")) {
    std::filesystem::copy_file(entry.path(), artifact_of(7),
                               std::filesystem::copy_options::overwrite_existing);
  }
  expect_anew("another cache's");
}

/// The instance that a command exports; its function traps, or succeeds.
std::string run_instance(std::string_view name, bool succeeds, bool is_async) {
  const std::string id(name);
  return "(core module $m" + id + " (func (export \"run\") (result i32) " +
         (succeeds ? "(i32.const 0)" : "unreachable") + ")) (core instance $i" + id + " (instantiate $m" +
         id + ")) (func $f" + id + (is_async ? " async" : "") +
         " (result (result)) (canon lift (core func $i" + id + " \"run\"))) (instance $" + id +
         " (export \"run\" (func $f" + id + ")))";
}

// As Rust's programs for WASI 0.3 do: what they export for 0.2 only panics.
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

TEST(CompilationCache, TurnsTheAsyncAbiOnWhereItIsNeeded) {
  const TemporaryFolder folder;
  const auto cache = unwrap(CompilationCache::open(folder.path() / "compiled"));
  const std::string_view source = "(component (type (stream u8)))";
  const auto bytes = std::as_bytes(std::span(source));
  EXPECT_ERROR(Image::from_bytes(engine(), bytes), async_abi_off);
  for (int i = 0; i < 2; ++i) {
    const auto image = unwrap(cache.image(engine(), bytes));
    EXPECT_TRUE(image.engine().options().async_abi);
  }
}

TEST(CompilationCache, ReadsAStoresImageOnlyWhereItCompilesIt) {
  const TemporaryFolder folder;
  auto store = unwrap(ImageStore::open(folder.path()));
  const auto cache = unwrap(CompilationCache::open(store.artifact_folder()));
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
  unwrap(store.prune());  // The artifacts go with it.
  EXPECT_ERROR(cache.image(engine(), store, stored), not_found);

  unwrap(store.add_image("tool:1", bytes));
  EXPECT_EQ(unwrap(run()), 0);
  std::filesystem::remove_all(store.layout_folder());
  EXPECT_EQ(unwrap(run()), 0);
}

TEST(EngineFingerprint, IsThatOfTheCodeItTakes) {
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

// WASI guests in C, direct and interruptible: what they may do, and that everything else is denied.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "callback.h"
#include "processes.h"
#include "support.h"
#include "wait_until.h"

namespace tairitsu::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

using Seconds = std::chrono::duration<double>;

// wasi:sockets/network error-code
constexpr std::uint8_t kPermanentResolverFailure = 20;

const Engine& wasi_engine() {
  static const Engine engine = unwrap(Engine::create({.epochs = true}));
  return engine;
}

const Image& wasi_image() {
  static const Image image = load(wasi_engine(), "wasi_guest.wasm");
  return image;
}

ContainerBuilder wasi_builder(CallFunction note = same) {
  ContainerBuilder builder = Container::builder(wasi_image());
  builder.with_imports(
      [note = std::move(note)](Linker& linker) { return linker.define("test:wasi/host@1.0.0#note", note); });
  return builder;
}

/// The parameter is whether the container is interruptible.
class Wasi : public ::testing::TestWithParam<bool> {
 protected:
  static ContainerBuilder& linked(ContainerBuilder& builder) {
    return GetParam() ? builder.interruptible() : builder;
  }
  static ContainerBuilder& linked(ContainerBuilder&& builder) { return linked(builder); }
  static Container make(const WasiOptions& options = {}, CallFunction note = same) {
    return unwrap(linked(wasi_builder(std::move(note)).with_wasi(options)).build());
  }
};
INSTANTIATE_TEST_SUITE_P(Linked, Wasi, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Interruptible" : "Direct"; });

// ---- Output

TEST_P(Wasi, CapturesBothStreamsSeparately) {
  auto container = make({.standard_output = Output::capture, .standard_error = Output::capture});
  auto print = function_of<void(std::string_view)>(container, "print");
  ASSERT_OK(print("Hello, "));
  EXPECT_EQ(container.standard_output(), "Hello, ");
  ASSERT_OK(print("wörld\n"));
  ASSERT_OK(function_of<void(std::string_view)>(container, "print-error")("oh\n"));
  EXPECT_EQ(container.standard_output(), "Hello, wörld\n");
  EXPECT_EQ(container.standard_error(), "oh\n");
}

TEST_P(Wasi, SeparatesTheOutputOfContainers) {
  const auto made =
      unwrap(linked(wasi_builder().with_wasi({.standard_output = Output::capture})).build_template());
  std::vector<Container> containers;
  for (int i = 0; i < 5; ++i) {
    containers.push_back(unwrap(made.instantiate()));
    ASSERT_OK(function_of<void(std::string_view)>(containers.back(), "print")(std::to_string(i)));
  }
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(containers[static_cast<std::size_t>(i)].standard_output(), std::to_string(i));
}

TEST_P(Wasi, DiscardsOutputByDefault) {
  auto container = make();
  ASSERT_OK(function_of<void(std::string_view)>(container, "print")("this is discarded\n"));
  EXPECT_EQ(unwrap(function_of<std::uint32_t(std::uint32_t)>(container, "flood")(1000)), 4'096'000U);
  EXPECT_EQ(container.standard_output(), "");
  EXPECT_EQ(container.standard_error(), "");
}

TEST_P(Wasi, InheritsOutputOnRequest) {
  auto container = make({.standard_output = Output::inherit, .standard_error = Output::inherit});
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const auto printed = function_of<void(std::string_view)>(container, "print")("aloud\n");
  const auto failed = function_of<void(std::string_view)>(container, "print-error")("alas\n");
  const std::string output = ::testing::internal::GetCapturedStdout();
  const std::string error = ::testing::internal::GetCapturedStderr();
  ASSERT_OK(printed);
  ASSERT_OK(failed);
  EXPECT_EQ(output, "aloud\n");
  EXPECT_EQ(error, "alas\n");
  EXPECT_EQ(container.standard_output(), "");
}

TEST_P(Wasi, ClosesAStreamThatIsFull) {
  auto container = make({.standard_output = Output::capture, .capture_capacity = 100'000});
  auto flood = function_of<std::uint32_t(std::uint32_t)>(container, "flood");
  EXPECT_EQ(unwrap(flood(20)), 20U * 4096U);
  EXPECT_FALSE(container.standard_output_truncated());
  EXPECT_LE(unwrap(flood(20)), 100'000U - 20U * 4096U);
  EXPECT_EQ(unwrap(flood(20)), 0U);
  EXPECT_THAT(container.standard_output(), SizeIs(AllOf(Ge(20 * 4096), Le(100'000))));
  EXPECT_TRUE(container.standard_output_truncated());
  EXPECT_FALSE(container.standard_error_truncated());
  EXPECT_EQ(container.state(), ContainerState::running) << "the guest can handle the error";
}

TEST_P(Wasi, KeepsOutputOfAFailedGuest) {
  auto container = make({.standard_error = Output::capture});
  ASSERT_OK(function_of<void(std::string_view)>(container, "print-error")("about to fail\n"));
  EXPECT_FALSE(function_of<void(std::int32_t)>(container, "exit")(3).has_value());
  EXPECT_EQ(container.state(), ContainerState::error);
  EXPECT_EQ(container.standard_error(), "about to fail\n");
}

TEST_P(Wasi, ReportsTheEndOfStandardErrorWithATrap) {
  const auto fail_with = [&](const WasiOptions& options, const std::string& reason) {
    auto container = make(options);
    const auto failed = function_of<void(std::string_view)>(container, "fail")(reason);
    EXPECT_ERROR(failed, trap);
    return failed ? Error(ErrorCode::internal, "the call succeeded") : failed.error();
  };
  const Error error = fail_with({}, "thread 'main' panicked:\nindex out of bounds\n");
  EXPECT_THAT(error.message(), HasSubstr("unreachable"));
  EXPECT_THAT(error.message(), ::testing::EndsWith("\nthe guest's standard error ends with:\n"
                                                   "  thread 'main' panicked:\n  index out of bounds"));
  // Only the last few kilobytes, from the beginning of a line.
  std::string lines;
  for (int i = 0; i < 10'000; ++i) lines += "line " + std::to_string(i) + "\n";
  const std::string longest = fail_with({}, lines).message();
  EXPECT_LE(longest.size(), 8192U);
  EXPECT_THAT(longest, HasSubstr(":\n  …\n  line 9"));
  EXPECT_THAT(longest, ::testing::EndsWith("\n  line 9999"));
  // The message does not repeat output that the host captures or receives as lines.
  for (const Output output : {Output::capture, Output::lines}) {
    const WasiOptions options{.standard_error = output, .on_error_line = [](std::string_view) {}};
    EXPECT_THAT(fail_with(options, "secret").message(), ::testing::Not(HasSubstr("secret")));
  }
  EXPECT_THAT(fail_with({}, "").message(), ::testing::Not(HasSubstr("standard error")));
}

TEST_P(Wasi, StartsABacktraceWhereTheGuestFailed) {
  auto container = make();
  const auto failed = function_of<void(std::string_view)>(container, "fail")("");
  ASSERT_ERROR(failed, trap);
  EXPECT_THAT(failed.error().full_backtrace(), HasSubstr("abort"));
  EXPECT_THAT(failed.error().backtrace(), HasSubstr("fail"));
}

// ---- Denied by default

TEST_P(Wasi, HasAnEmptyInput) {
  auto container = make();
  EXPECT_EQ(unwrap(function_of<std::uint32_t()>(container, "read-input")()), 0U);
}

TEST_P(Wasi, HidesTheEnvironment) {
  ASSERT_NE(getenv("PATH"), nullptr) << "the test needs a variable to hide";
  auto container = make();
  auto environment = function_of<std::optional<std::string>(std::string_view)>(container, "environment");
  EXPECT_EQ(unwrap(environment("PATH")), std::nullopt);
  EXPECT_EQ(unwrap(environment("HOME")), std::nullopt);
  EXPECT_EQ(unwrap(function_of<std::uint32_t()>(container, "environment-size")()), 0U);
}

TEST_P(Wasi, HidesDirectories) {
  auto container = make();
  auto open = function_of<std::int32_t(std::string_view, std::string_view)>(container, "open");
  const std::string own_file = guest_path("wasi_guest.wasm").string();
  for (const std::string_view path :
       {std::string_view("/etc/passwd"), std::string_view("/"), std::string_view("."),
        std::string_view("../x"), std::string_view(own_file)}) {
    EXPECT_NE(unwrap(open(path, "r")), 0) << path;
    EXPECT_NE(unwrap(open(path, "w")), 0) << path;
  }
  auto make_directory = function_of<std::int32_t(std::string_view)>(container, "make-directory");
  EXPECT_NE(unwrap(make_directory("/tmp/tairitsu-escape")), 0);
  EXPECT_FALSE(std::filesystem::exists("/tmp/tairitsu-escape"));
  EXPECT_EQ(container.state(), ContainerState::running) << "a denial is an error for the guest, not a trap";
}

TEST_P(Wasi, ReportsDeniedPaths) {
  const TemporaryDirectory temporary;
  const auto& directory = temporary.path();
  std::filesystem::create_directories(directory / "writable");
  std::filesystem::create_directories(directory / "constant");
  std::ofstream(directory / "secret.txt") << "secret";
  std::ofstream(directory / "constant" / "a.txt") << "text";
  std::filesystem::create_symlink(directory / "secret.txt", directory / "constant" / "link");
  std::vector<std::string> denied;
  auto container =
      make({.directories = {{.host = directory / "writable", .guest = "/writable", .read_only = false},
                            {.host = directory / "constant", .guest = "/", .read_only = true}},
            .on_denied = [&](const WasiDenial& denial) {
              EXPECT_EQ(denial.kind, WasiDenial::Kind::path);
              denied.emplace_back(denial.rule);
            }});
  auto open = function_of<std::int32_t(std::string_view, std::string_view)>(container, "open");
  auto make_directory = function_of<std::int32_t(std::string_view)>(container, "make-directory");
  EXPECT_EQ(unwrap(open("/a.txt", "r")), 0);
  EXPECT_EQ(unwrap(open("/writable/b.txt", "w")), 0);
  EXPECT_EQ(unwrap(make_directory("/writable/inner")), 0);
  EXPECT_NE(unwrap(open("/none.txt", "r")), 0);
  EXPECT_THAT(denied, IsEmpty());

  EXPECT_NE(unwrap(open("/a.txt", "w")), 0);
  EXPECT_NE(unwrap(open("/link", "r")), 0);
  EXPECT_NE(unwrap(open("/writable/inner/../../secret.txt", "r")), 0);
  EXPECT_NE(unwrap(make_directory("/inner")), 0);
  EXPECT_THAT(denied, ElementsAre("/a.txt", "/link", "/writable/inner/../../secret.txt", "/inner"));
}

TEST_P(Wasi, DeniesTheNetwork) {
  auto container = make();
  auto resolve = function_of<std::optional<std::uint8_t>(std::string_view)>(container, "resolve");
  EXPECT_EQ(unwrap(resolve("localhost")), kPermanentResolverFailure);
  EXPECT_EQ(unwrap(resolve("127.0.0.1")), kPermanentResolverFailure);
  // Creating a socket is allowed; using it is denied.
  EXPECT_EQ(unwrap(function_of<std::optional<std::uint8_t>()>(container, "make-socket")()), std::nullopt);
  EXPECT_EQ(container.state(), ContainerState::running);
}

TEST_P(Wasi, EndsAGuestThatExits) {
  auto container = make();
  const auto exited = function_of<void(std::int32_t)>(container, "exit")(3);
  ASSERT_FALSE(exited.has_value());
  EXPECT_THAT(message_of(exited), HasSubstr("exit"));
  EXPECT_EQ(container.state(), ContainerState::error);
}

// ---- Programs

TEST_P(Wasi, RunsAProgram) {
  const Image program = load(wasi_engine(), "wasi_command.wasm");
  auto container = unwrap(linked(Container::builder(program).with_wasi(
                                     {.standard_output = Output::capture, .standard_error = Output::capture}))
                              .build());
  const auto ran = function_of<std::expected<void, std::monostate>()>(container, "wasi:cli/run@0.2.0#run")();
  ASSERT_OK(ran);
  EXPECT_TRUE(ran->has_value());
  EXPECT_EQ(container.standard_output(), "0 arguments, 0 variables\n");
  EXPECT_EQ(container.standard_error(), "bye\n");
}

/// Runs the tool with `options`. Returns its result and its output.
std::pair<Result<std::expected<void, std::monostate>>, std::string> run_tool(WasiOptions options) {
  static const Image tool = load(wasi_engine(), "wasi_tool.wasm");
  options.standard_output = Output::capture;
  auto container = Container::builder(tool).with_wasi(options).build();
  if (!container) return {std::unexpected(container.error()), ""};
  auto ran = function_of<std::expected<void, std::monostate>()>(*container, "wasi:cli/run@0.2#run")();
  return {std::move(ran), container->standard_output()};
}

TEST(WasiPrograms, ReceiveTheirArgumentsEnvironmentAndInput) {
  EXPECT_EQ(run_tool({.arguments = {"tool", "arguments", "a b"}}).second, "tool\narguments\na b\n");
  EXPECT_EQ(run_tool({.arguments = {"tool", "environment"}, .environment = {{"SHOP", "open"}, {"TILL", "2"}}})
                .second,
            "SHOP=open\nTILL=2\n");
  EXPECT_EQ(run_tool({.arguments = {"tool", "input"}, .standard_input = Input::text, .input_text = "typed\n"})
                .second,
            "typed\n");
}

TEST(WasiPrograms, SeeSharedDirectories) {
  const TemporaryDirectory temporary;
  const auto& directory = temporary.path();
  std::filesystem::create_directories(directory / "inner");
  std::ofstream(directory / "inner" / "a.txt") << "text";
  const std::vector<WasiDirectory> shared = {
      {.host = directory / "inner", .guest = "/data", .read_only = true}};
  EXPECT_EQ(run_tool({.arguments = {"tool", "read", "/data/a.txt"}, .directories = shared}).second, "text");
  EXPECT_EQ(run_tool({.arguments = {"tool", "list", "/data"}, .directories = shared}).second, "a.txt\n");
  const auto written = run_tool({.arguments = {"tool", "write", "/data/b.txt", "x"}, .directories = shared});
  EXPECT_FALSE(written.first && written.first->has_value());
  EXPECT_FALSE(std::filesystem::exists(directory / "inner" / "b.txt"));
  const auto missing = run_tool({.directories = {{.host = directory / "none", .guest = "/data"}}});
  ASSERT_ERROR(missing.first, io);
  EXPECT_THAT(message_of(missing.first), HasSubstr((directory / "none").string()));
}

TEST(WasiPrograms, ExitWithAStatus) {
  const auto ended = run_tool({.arguments = {"tool", "exit", "3"}});
  ASSERT_ERROR(ended.first, guest_exited);
  EXPECT_EQ(ended.first.error().exit_status(), 1);  // WASI 0.2 knows only success and failure.
  EXPECT_EQ(ended.first.error().with_context("x").exit_status(), 1);
}

TEST(WasiPrograms, RejectInvalidOptions) {
  EXPECT_ERROR(run_tool({.arguments = {"\xFF"}}).first, invalid_argument);
  const auto rule = run_tool({.connect = {"1.2.3.4:99999"}});
  ASSERT_ERROR(rule.first, invalid_argument);
  EXPECT_THAT(message_of(rule.first), HasSubstr("invalid network rule '1.2.3.4:99999'"));
}

// The host's definition replaces WASI's; WASI still defines the rest of the interface.
TEST_P(Wasi, PrefersTheHostsDefinitions) {
  const Image program = load(wasi_engine(), "wasi_command.wasm");
  using Variables = std::vector<std::tuple<std::string, std::string>>;
  auto container = linked(Container::builder(program)
                              .with_imports([](Linker& linker) {
                                return linker.define("wasi:cli/environment@0.2.0#get-environment", [] {
                                  return Variables{{"SHOP", "open"}, {"TILL", "2"}};
                                });
                              })
                              .with_wasi({.standard_output = Output::capture}))
                       .build();
  ASSERT_OK(container);
  ASSERT_OK(function_of<std::expected<void, std::monostate>()>(*container, "run.run")());
  EXPECT_EQ(container->standard_output(), "0 arguments, 2 variables\n");
}

TEST_P(Wasi, PrefersTheHostsDefinitionsInAnOlderVersion) {
  const Image image = unwrap(Image::from_text(wasi_engine(), R"((component
    (import "wasi:cli/environment@0.2.0" (instance
      (export "get-environment" (func (result (list (tuple string string)))))
      (export "get-arguments" (func (result (list string))))))))"));
  EXPECT_OK(linked(Container::builder(image)).build());
  EXPECT_OK(linked(Container::builder(image).with_imports([](Linker& linker) {
              return linker.define("wasi:cli/environment@0.2.0#get-arguments",
                                   [] { return std::vector<std::string>(); });
            })).build());
}

// ---- Waiting

TEST_P(Wasi, WaitsForTheRequestedTime) {
  auto container = make();
  for (const std::string_view name : {"sleep", "poll"}) {
    auto wait = function_of<void(std::uint32_t)>(container, name);
    const auto begin = Clock::now();
    ASSERT_OK(wait(30));
    EXPECT_GE(Clock::now() - begin, 30ms) << name;
    EXPECT_LT(Clock::now() - begin, 5s) << name;
  }
}

TEST_P(Wasi, RefusesReentryWhileTheGuestWaits) {
  std::optional<Function<std::uint32_t(std::uint32_t, std::uint32_t)>> call;
  auto container = make({}, [&](std::uint32_t n) -> Result<std::uint32_t> {
    EXPECT_ERROR((*call)(0, 1), reentrant_call);
    return n;
  });
  call = function_of<std::uint32_t(std::uint32_t, std::uint32_t)>(container, "sleep-around-note");
  EXPECT_EQ(unwrap((*call)(5, 7)), 7U);
  // `host_state` is null while a call runs.
  std::thread other([&] {
    EXPECT_TRUE(wait_until([&] { return container.host_state() == nullptr; }));
    EXPECT_ERROR((*call)(0, 1), reentrant_call);
  });
  EXPECT_EQ(unwrap((*call)(100, 8)), 8U);
  other.join();
}

/// Each guest sleeps before and after it calls the next one, so every call waits inside another.
TEST_P(Wasi, WaitsInCallsWithinCalls) {
  std::vector<std::unique_ptr<Container>> containers;
  CallFunction next = same;
  for (int depth = 0; depth < 4; ++depth) {
    containers.push_back(std::make_unique<Container>(make({}, next)));
    next = [call = function_of<std::uint32_t(std::uint32_t, std::uint32_t)>(
                *containers.back(), "sleep-around-note")](std::uint32_t n) mutable { return call(2, n + 1); };
  }
  EXPECT_EQ(unwrap(next(0)), 4U);
}

// A direct guest inside an interruptible one, and the reverse: neither may block the other's runtime.
TEST_P(Wasi, WaitsInCallsOfTheOtherKind) {
  auto inner = GetParam() ? unwrap(wasi_builder().build()) : unwrap(wasi_builder().interruptible().build());
  auto sleep = function_of<void(std::uint32_t)>(inner, "sleep");
  auto outer = make({}, [&](std::uint32_t n) -> Result<std::uint32_t> {
    TAIRITSU_RETURN_IF_ERROR(sleep(10));
    return n;
  });
  EXPECT_EQ(
      unwrap(function_of<std::uint32_t(std::uint32_t, std::uint32_t)>(outer, "sleep-around-note")(5, 9)), 9U);
}

TEST_P(Wasi, ReturnsAHostErrorAfterAWait) {
  auto container = make(
      {}, [](std::uint32_t) -> Result<std::uint32_t> { return fail(ErrorCode::not_found, "no such note"); });
  const auto called =
      function_of<std::uint32_t(std::uint32_t, std::uint32_t)>(container, "sleep-around-note")(5, 1);
  ASSERT_ERROR(called, not_found);
  EXPECT_THAT(message_of(called), HasSubstr("host function 'test:wasi/host@1.0.0#note': no such note"));
  EXPECT_EQ(container.state(), ContainerState::error);
}

// ---- Interrupting

TEST(WasiInterruptible, StopsASleepingGuest) {
  auto container = unwrap(wasi_builder().interruptible().build());
  auto sleep = function_of<void(std::uint32_t)>(container, "sleep");
  std::thread other([&] {
    EXPECT_TRUE(wait_until([&] { return container.host_state() == nullptr; })) << "no call runs";
    std::this_thread::sleep_for(30ms);  // Until the guest sleeps.
    container.stop();
  });
  const auto begin = Clock::now();
  EXPECT_ERROR(sleep(60'000), interrupted);
  EXPECT_LT(Clock::now() - begin, 10s);
  other.join();
  EXPECT_EQ(container.state(), ContainerState::stopped);
  EXPECT_ERROR(sleep(1), container_stopped);
}

TEST(WasiInterruptible, StopsAnInnerGuestAtItsOwnDeadline) {
  auto inner = unwrap(wasi_builder().with_limits({.deadline = 50ms}).build());
  auto sleep = function_of<void(std::uint32_t)>(inner, "sleep");
  auto outer = unwrap(wasi_builder([&](std::uint32_t n) -> Result<std::uint32_t> {
                        EXPECT_ERROR(sleep(60'000), deadline_exceeded);
                        return n;
                      })
                          .interruptible()
                          .build());
  auto call = function_of<std::uint32_t(std::uint32_t, std::uint32_t)>(outer, "sleep-around-note");
  EXPECT_EQ(unwrap(call(5, 3)), 3U) << "the outer guest has no deadline";
  EXPECT_EQ(inner.state(), ContainerState::error);
  EXPECT_EQ(outer.state(), ContainerState::running);
}

// The outer guest's deadline passes while the inner guest waits, and takes effect when the outer guest continues.
TEST(WasiInterruptible, StopsAnOuterGuestAfterItsInnerCall) {
  auto inner = unwrap(wasi_builder().interruptible().build());
  auto sleep = function_of<void(std::uint32_t)>(inner, "sleep");
  auto outer = unwrap(wasi_builder([&](std::uint32_t n) -> Result<std::uint32_t> {
                        EXPECT_OK(sleep(100));
                        return n;
                      })
                          .with_limits({.deadline = 60ms})
                          .build());
  EXPECT_ERROR(function_of<std::uint32_t(std::uint32_t, std::uint32_t)>(outer, "sleep-around-note")(1, 3),
               deadline_exceeded);
  EXPECT_EQ(inner.state(), ContainerState::running);
  EXPECT_OK(sleep(1));
}

TEST(WasiInterruptible, WaitsInManyContainersAtOnce) {
  const auto made = unwrap(wasi_builder().interruptible().build_template());
  const auto begin = Clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      auto container = unwrap(made.instantiate());
      auto sleep = function_of<void(std::uint32_t)>(container, "sleep");
      for (int round = 0; round < 5; ++round) EXPECT_OK(sleep(20));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(Clock::now() - begin, 5s) << "they sleep concurrently";
}

}  // namespace
}  // namespace tairitsu::test

// Runs a command in a sandbox: it sees one folder of the host, which it may only read, and nothing else.

#include <chrono>

#include <fmt/core.h>
#include <tairitsu/tairitsu.h>

namespace {

using tairitsu::Result;

Result<void> run() {
  // A deadline needs an engine whose guests look at the clock.
  TAIRITSU_TRY(const auto engine, tairitsu::Engine::create({.epochs = true}));
  TAIRITSU_TRY(const auto program, tairitsu::Program::from_file(engine, GUEST_COMPONENT));

  tairitsu::WasiOptions wasi;
  wasi.folders = {{.host = DATA_FOLDER, .guest = "/data", .read_only = true}};
  wasi.standard_output = tairitsu::Output::lines;
  wasi.on_output_line = [](std::string_view line) { fmt::print("  guest: {}\n", line); };

  fmt::print("a folder that it was given, and one that it was not:\n");
  wasi.arguments = {"report", "/data", "/etc"};
  TAIRITSU_TRY(auto process, program.create(wasi));
  TAIRITSU_TRY(const int status, process.run());
  fmt::print("its exit status is {}\n", status);

  fmt::print("a program that does not end:\n");
  wasi.arguments = {"report", "--forever"};
  TAIRITSU_TRY(auto endless, program.create(wasi, {.deadline = std::chrono::milliseconds(100)}));
  const auto ended = endless.run();
  fmt::print("  {}: {}\n", to_string(ended.error().code()), ended.error().message());
  return {};
}

}  // namespace

int main() {
  if (const auto done = run(); !done) {
    fmt::print(stderr, "{}\n", done.error().message());
    return 1;
  }
  return 0;
}

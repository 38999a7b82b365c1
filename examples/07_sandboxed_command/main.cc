// Runs a command in a sandbox with read-only access to a single directory of the host.

#include <chrono>

#include <fmt/core.h>
#include <tairitsu/tairitsu.h>

namespace {

using tairitsu::Result;

Result<void> run() {
  // Deadlines need an engine with epochs.
  TAIRITSU_TRY(const auto engine, tairitsu::Engine::create({.epochs = true}));
  TAIRITSU_TRY(const auto program, tairitsu::Program::from_file(engine, GUEST_COMPONENT));

  tairitsu::WasiOptions wasi;
  wasi.directories = {{.host = DATA_DIRECTORY, .guest = "/data", .read_only = true}};
  wasi.standard_output = tairitsu::Output::lines;
  wasi.on_output_line = [](std::string_view line) { fmt::print("  guest: {}\n", line); };

  fmt::print("a mounted directory, and one that is not mounted:\n");
  wasi.arguments = {"report", "/data", "/etc"};
  TAIRITSU_TRY(auto process, program.create(wasi));
  TAIRITSU_TRY(const int status, process.run());
  fmt::print("exit status: {}\n", status);

  fmt::print("a program that does not exit:\n");
  wasi.arguments = {"report", "--forever"};
  TAIRITSU_TRY(auto endless, program.create(wasi, {.deadline = std::chrono::milliseconds(100)}));
  const auto result = endless.run();
  fmt::print("  {}: {}\n", to_string(result.error().code()), result.error().message());
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

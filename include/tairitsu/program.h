/// Programs: guests that run once and return an exit status. A program is a component that exports `wasi:cli/run` of
/// WASI 0.2 or 0.3 (0.3 is preferred), or a core module for WASI preview 1 that exports `_start`.
#pragma once

#include <tairitsu/detail/language.h>

#ifndef TAIRITSU_NO_CXX23

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <tairitsu/container.h>
#include <tairitsu/engine.h>
#include <tairitsu/error.h>
#include <tairitsu/image.h>
#include <tairitsu/wasi.h>

namespace tairitsu {

namespace detail {
class ProgramCore;
class ProcessCore;
}  // namespace detail

/// One run of a program. Move-only; use it from one thread at a time.
class Process {
 public:
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();

  /// Runs the program to its end, once, and returns its exit status: 0 for success. The status of a WASI 0.2 component
  /// that returns an error is 1. Fails like a call: with `trap`, at a limit, or with `interrupted`; and with
  /// `container_stopped` if it has run before.
  [[nodiscard]] Result<int> run();
  /// Returns a handle that interrupts the run from any thread. A program that waits stops at once; one that computes
  /// stops within an epoch tick, but only if the engine has epochs.
  [[nodiscard]] InterruptHandle interrupt_handle() const;

  /// Returns what the program has written to a captured stream. Call it before or after the run, not during it.
  [[nodiscard]] std::string standard_output() const;
  [[nodiscard]] std::string standard_error() const;
  /// Returns whether the program tried to write more to a captured stream than `WasiOptions::capture_capacity`. The
  /// beginning is kept, the rest is lost.
  [[nodiscard]] bool standard_output_truncated() const noexcept;
  [[nodiscard]] bool standard_error_truncated() const noexcept;
  /// Returns the size of the program's linear memory in bytes.
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept;

 private:
  friend class Program;
  explicit Process(std::unique_ptr<detail::ProcessCore> core);
  [[nodiscard]] std::string captured(unsigned stream) const;
  std::unique_ptr<detail::ProcessCore> core_;
};

/// A compiled program. A shared handle: cheap to copy, usable from any thread.
class Program {
 public:
  /// Compiles a component or a core module, binary or text. A core module runs natively, without an adapter. Fails with
  /// `not_wasm`, `invalid_component`, `missing_import` if it imports anything but WASI, `unsupported_type` if it is not
  /// a program, and also like `Image::from_bytes`.
  [[nodiscard]] static Result<Program> from_bytes(const Engine& engine, std::span<const std::byte> bytes);
  /// Reads a file and compiles it like `from_bytes`; also fails with `io`. Messages name the path.
  [[nodiscard]] static Result<Program> from_file(const Engine& engine, const std::filesystem::path& path);
  /// Creates a program from a compiled component. Fails with `unsupported_type` if the component is not a program, and
  /// with `missing_import` if it imports anything but WASI.
  [[nodiscard]] static Result<Program> from_image(const Image& image);
  /// Loads what `precompile` returned for a component or a core module. **Load only artifacts that you trust**: see
  /// `Image::from_trusted_artifact_file`, which fails in the same way.
  [[nodiscard]] static Result<Program> from_trusted_artifact_file(const Engine& engine,
                                                                  const std::filesystem::path& path);

  /// Returns the compiled code, for `from_trusted_artifact_file` on an engine of the same version and options.
  [[nodiscard]] Result<std::vector<std::byte>> precompile() const;

  /// Creates a process, which `Process::run` starts. Fails with `invalid_argument` if a limit requires an engine option
  /// that is off or the WASI options are invalid, or like `ContainerBuilder::build`.
  [[nodiscard]] Result<Process> create(const WasiOptions& wasi, const Limits& limits = {}) const;

 private:
  friend class CompilationCache;
  [[nodiscard]] static Result<Program> from_sealed_artifact_file(const Engine& engine,
                                                                 const std::filesystem::path& path,
                                                                 const detail::ArtifactSeal& seal);
  explicit Program(std::shared_ptr<const detail::ProgramCore> core) : core_(std::move(core)) {}
  std::shared_ptr<const detail::ProgramCore> core_;
};

}  // namespace tairitsu

#endif  // TAIRITSU_NO_CXX23
